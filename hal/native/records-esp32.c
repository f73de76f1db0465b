/*
 * Texts by key in the partitions "people" and "journal": what records.ts calls on the ESP32. NVS writes a text before
 * it erases the one before, so that a power cut leaves one of the two. Results are those of ESP-IDF, 0 when it was
 * done.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "nvs_flash/include/nvs_flash.h"

#define PARTITIONS 2
/* NVS has keys of 15 characters and a zero. */
#define KEY_BYTES 16

static const char *const names[PARTITIONS] = { "people", "journal" };
static nvs_handle_t records[PARTITIONS];

/* The first argument of each is the partition's number, which records.ts names. */
static int partition(xsMachine *the)
{
	int number = xsmcToInteger(xsArg(0));
	if (number < 0 || number >= PARTITIONS)
		xsRangeError("no such partition");
	return number;
}

/* (partition) -> error */
void xs_records_open(xsMachine *the)
{
	int number = partition(the);
	esp_err_t error = nvs_flash_init_partition(names[number]);
	if (ESP_OK == error)
		error = nvs_open_from_partition(names[number], names[number], NVS_READWRITE, &records[number]);
	xsmcSetInteger(xsResult, error);
}

/* (partition, key) -> text, undefined when there is none or it cannot be read */
void xs_records_read(xsMachine *the)
{
	char key[KEY_BYTES];
	size_t length = 0;
	nvs_handle_t from = records[partition(the)];

	xsmcToStringBuffer(xsArg(1), key, sizeof(key));
	if (ESP_OK != nvs_get_str(from, key, NULL, &length))
		return;
	xsmcSetStringBuffer(xsResult, NULL, length);
	if (ESP_OK != nvs_get_str(from, key, xsmcToString(xsResult), &length))
		xsmcSetUndefined(xsResult);
}

/* (partition, key, text) -> error; an empty text erases the key */
void xs_records_write(xsMachine *the)
{
	char key[KEY_BYTES];
	const char *text;
	esp_err_t error;
	nvs_handle_t to = records[partition(the)];

	xsmcToStringBuffer(xsArg(1), key, sizeof(key));
	text = xsmcToString(xsArg(2));
	if (0 == text[0]) {
		error = nvs_erase_key(to, key);
		if (ESP_ERR_NVS_NOT_FOUND == error)
			error = ESP_OK;
	}
	else
		error = nvs_set_str(to, key, text);
	if (ESP_OK == error)
		error = nvs_commit(to);
	xsmcSetInteger(xsResult, error);
}
