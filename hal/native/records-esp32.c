/*
 * Texts by key in the partition "people": what records.ts calls on the ESP32. NVS writes a text before it erases the
 * one before, so that a power cut leaves one of the two. Results are those of ESP-IDF, 0 when it was done.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "nvs_flash/include/nvs_flash.h"

#define PEOPLE "people"
/* NVS has keys of 15 characters and a zero. */
#define KEY_BYTES 16

static nvs_handle_t records;

void xs_records_open(xsMachine *the)
{
	esp_err_t error = nvs_flash_init_partition(PEOPLE);
	if (ESP_OK == error)
		error = nvs_open_from_partition(PEOPLE, PEOPLE, NVS_READWRITE, &records);
	xsmcSetInteger(xsResult, error);
}

/* (key) -> text, undefined when there is none or it cannot be read */
void xs_records_read(xsMachine *the)
{
	char key[KEY_BYTES];
	size_t length = 0;

	xsmcToStringBuffer(xsArg(0), key, sizeof(key));
	if (ESP_OK != nvs_get_str(records, key, NULL, &length))
		return;
	xsmcSetStringBuffer(xsResult, NULL, length);
	if (ESP_OK != nvs_get_str(records, key, xsmcToString(xsResult), &length))
		xsmcSetUndefined(xsResult);
}

/* (key, text) -> error; an empty text erases the key */
void xs_records_write(xsMachine *the)
{
	char key[KEY_BYTES];
	const char *text;
	esp_err_t error;

	xsmcToStringBuffer(xsArg(0), key, sizeof(key));
	text = xsmcToString(xsArg(1));
	if (0 == text[0]) {
		error = nvs_erase_key(records, key);
		if (ESP_ERR_NVS_NOT_FOUND == error)
			error = ESP_OK;
	}
	else
		error = nvs_set_str(records, key, text);
	if (ESP_OK == error)
		error = nvs_commit(records);
	xsmcSetInteger(xsResult, error);
}
