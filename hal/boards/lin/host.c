/*
 * The C side of host.ts: what the devices of the Linux board need of Linux, which is options, terminal, signals, files
 * and random numbers.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <glib-unix.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

#define INPUT_BYTES 256
/* The longest text that is kept. */
#define KEPT_BYTES 16384

static xsSlot inputCallback, buttonCallback;
static xsMachine *machine;
static uint8_t input[INPUT_BYTES];
static ssize_t inputLength, inputTaken;

/* (name): the text, or undefined */
void xs_host_option(xsMachine *the)
{
	const char *value = host_option(xsmcToString(xsArg(0)));
	if (value)
		xsmcSetString(xsResult, (char *)value);
}

static gboolean typed(gint fd, GIOCondition condition, gpointer data)
{
	xsMachine *the = machine;
	(void)condition;
	(void)data;
	inputLength = read(fd, input, sizeof input);
	inputTaken = 0;
	if (inputLength <= 0)
		return G_SOURCE_REMOVE;
	xsBeginHost(the);
		xsCallFunction1(xsAccess(inputCallback), xsGlobal, xsInteger((xsIntegerValue)inputLength));
	xsEndHost(the);
	return G_SOURCE_CONTINUE;
}

/* (callback). It is told how many octets can be read. */
void xs_host_onInput(xsMachine *the)
{
	machine = the;
	inputCallback = xsArg(0);
	xsRemember(inputCallback);
	g_unix_fd_add(0, G_IO_IN | G_IO_HUP, typed, NULL);
}

void xs_host_getc(xsMachine *the)
{
	xsmcSetInteger(xsResult, inputTaken < inputLength ? input[inputTaken++] : 0);
}

/* (octet) */
void xs_host_putc(xsMachine *the)
{
	int octet = xsmcToInteger(xsArg(0));
	putchar(octet);
	if (octet == '\n')
		fflush(stdout);
}

/* (text). A line of the hardware, beside the console. */
void xs_host_note(xsMachine *the)
{
	fprintf(stderr, "%s\n", xsmcToString(xsArg(0)));
}

static gboolean pressed(gpointer data)
{
	xsMachine *the = machine;
	(void)data;
	xsBeginHost(the);
		xsCallFunction0(xsAccess(buttonCallback), xsGlobal);
	xsEndHost(the);
	return G_SOURCE_CONTINUE;
}

/* (callback). SIGUSR1 presses the button. */
void xs_host_onButton(xsMachine *the)
{
	machine = the;
	buttonCallback = xsArg(0);
	xsRemember(buttonCallback);
	g_unix_signal_add(SIGUSR1, pressed, NULL);
}

void xs_host_random(xsMachine *the)
{
	uint32_t value;
	if (getrandom(&value, sizeof value, 0) != sizeof value)
		xsUnknownError("no random numbers");
	xsmcSetUnsigned(xsResult, value);
}

/* The file of a key, within the folder of `--store`. */
static int path_of(char *path, size_t size, const char *key, const char *end)
{
	const char *folder = host_option("store");
	return folder && !strchr(key, '/') && snprintf(path, size, "%s/%s%s", folder, key, end) < (int)size;
}

/* (key): the text, or undefined */
void xs_host_load(xsMachine *the)
{
	char path[PATH_MAX];
	static char text[KEPT_BYTES];
	size_t length;
	FILE *file;
	if (!path_of(path, sizeof path, xsmcToString(xsArg(0)), "") || !(file = fopen(path, "rb")))
		return;
	length = fread(text, 1, sizeof text, file);
	fclose(file);
	xsmcSetStringBuffer(xsResult, text, (xsIntegerValue)length);
}

/* (key, text). The text is there as a whole or not at all. */
void xs_host_keep(xsMachine *the)
{
	char path[PATH_MAX], next[PATH_MAX];
	const char *text = xsmcToString(xsArg(1));
	size_t length = strlen(text);
	FILE *file;
	int isWhole;
	if (!host_option("store"))
		return;
	if (length > KEPT_BYTES)
		xsRangeError("too long");
	if (!path_of(path, sizeof path, xsmcToString(xsArg(0)), "")
		|| !path_of(next, sizeof next, xsmcToString(xsArg(0)), ".new"))
		xsUnknownError("no such place");
	mkdir(host_option("store"), 0700);
	file = fopen(next, "wb");
	if (!file)
		xsUnknownError("%s cannot be written", next);
	isWhole = fwrite(text, 1, length, file) == length && fflush(file) == 0 && fsync(fileno(file)) == 0;
	isWhole = fclose(file) == 0 && isWhole;
	if (!isWhole || rename(next, path) != 0)
		xsUnknownError("%s cannot be written", path);
}

void xs_sound_destructor(void *data)
{
	if (data)
		fclose(data);
}

/* (path, mode): a file of samples, signed 16 bits */
void xs_sound_constructor(xsMachine *the)
{
	char path[PATH_MAX];
	FILE *file;
	xsmcToStringBuffer(xsArg(0), path, sizeof path);
	file = fopen(path, xsmcToString(xsArg(1)));
	if (!file)
		xsUnknownError("%s cannot be opened", path);
	xsmcSetHostData(xsThis, file);
}

/* (buffer, octets). The file is read over and over. */
void xs_sound_read(xsMachine *the)
{
	FILE *file = xsmcGetHostData(xsThis);
	void *into;
	xsUnsignedValue room, wanted = xsmcToUnsigned(xsArg(1)), done = 0;
	xsmcGetBufferWritable(xsArg(0), &into, &room);
	if (wanted > room)
		xsRangeError("beyond the buffer");
	while (done < wanted) {
		size_t more = fread((uint8_t *)into + done, 1, wanted - done, file);
		if (more == 0 && ftell(file) == 0)
			break;
		if (more == 0)
			rewind(file);
		done += (xsUnsignedValue)more;
	}
	memset((uint8_t *)into + done, 0, wanted - done);
}

/* (buffer, octets) */
void xs_sound_write(xsMachine *the)
{
	FILE *file = xsmcGetHostData(xsThis);
	void *from;
	xsUnsignedValue size, wanted = xsmcToUnsigned(xsArg(1));
	xsmcGetBufferReadable(xsArg(0), &from, &size);
	if (wanted > size)
		xsRangeError("beyond the buffer");
	fwrite(from, 1, wanted, file);
	fflush(file);
}
