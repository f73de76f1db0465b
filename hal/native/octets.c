/* The C side of octets.ts: copying and comparing octets, and texts, for XS. The rules are in octets.h. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include <string.h>

#include "octets.h"

/*
 * Returns the place of `count` octets from `from` on in the Uint8Array that is value `index`; throws an error if it
 * ends before.
 */
static uint8_t *part(xsMachine *the, int index, xsIntegerValue from, xsIntegerValue count, int isWritten)
{
	void *octets;
	xsUnsignedValue size;
	if (isWritten)
		xsmcGetBufferWritable(xsArg(index), &octets, &size);
	else
		xsmcGetBufferReadable(xsArg(index), &octets, &size);
	if (from < 0 || (xsUnsignedValue)from > size || (xsUnsignedValue)count > size - (xsUnsignedValue)from)
		xsRangeError("beyond the buffer");
	return (uint8_t *)octets + from;
}

/*
 * Reads the values (to, at, from, start, end). @returns the number of octets, and sets the place they come from and the
 * one they go to
 */
static uint32_t places(xsMachine *the, uint8_t **to, const uint8_t **from)
{
	xsIntegerValue start = xsmcToInteger(xsArg(3)), count = xsmcToInteger(xsArg(4)) - start;
	if (count <= 0)
		return 0;
	*to = part(the, 0, xsmcToInteger(xsArg(1)), count, 1);
	*from = part(the, 2, start, count, 0);
	return (uint32_t)count;
}

void xs_octets_copy(xsMachine *the)
{
	uint8_t *to = NULL;
	const uint8_t *from = NULL;
	uint32_t count = places(the, &to, &from);
	if (count > 0)
		memmove(to, from, count);
}

void xs_octets_unfolded(xsMachine *the)
{
	uint8_t *to = NULL;
	const uint8_t *from = NULL;
	uint32_t count = places(the, &to, &from);
	int32_t written = octets_unfolded(to, from, count);
	xsmcSetInteger(xsResult, written < 0 ? -1 : xsmcToInteger(xsArg(1)) + written);
}

/* (a, its start, b, its start, count) */
void xs_octets_same(xsMachine *the)
{
	xsIntegerValue count = xsmcToInteger(xsArg(4));
	int isSame = count <= 0;
	if (!isSame) {
		const uint8_t *a = part(the, 0, xsmcToInteger(xsArg(1)), count, 0);
		const uint8_t *b = part(the, 2, xsmcToInteger(xsArg(3)), count, 0);
		isSame = memcmp(a, b, (size_t)count) == 0;
	}
	xsmcSetBoolean(xsResult, isSame);
}

/* (a, its start, b, its start, count) */
void xs_octets_alike(xsMachine *the)
{
	xsIntegerValue count = xsmcToInteger(xsArg(4));
	int isAlike = count <= 0;
	if (!isAlike) {
		const uint8_t *a = part(the, 0, xsmcToInteger(xsArg(1)), count, 0);
		const uint8_t *b = part(the, 2, xsmcToInteger(xsArg(3)), count, 0);
		isAlike = octets_alike(a, b, (uint32_t)count);
	}
	xsmcSetBoolean(xsResult, isAlike);
}

/* (text) */
void xs_octets_size(xsMachine *the)
{
	xsmcSetInteger(xsResult, (xsIntegerValue)octets_of_text(NULL, xsmcToString(xsArg(0))));
}

/* (to, at, text) Returns the offset behind it. */
void xs_octets_put(xsMachine *the)
{
	xsIntegerValue at = xsmcToInteger(xsArg(1));
	const char *text = xsmcToString(xsArg(2));
	uint32_t size = octets_of_text(NULL, text);
	octets_of_text(part(the, 0, at, (xsIntegerValue)size, 1), text);
	xsmcSetInteger(xsResult, at + (xsIntegerValue)size);
}

/* (text) */
void xs_octets_plain(xsMachine *the) { xsmcSetBoolean(xsResult, octets_plain(xsmcToString(xsArg(0)))); }

/* (octets, start, end) Returns a text, or null. */
void xs_octets_text(xsMachine *the)
{
	xsIntegerValue start = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(2)) - start;
	if (count <= 0) {
		xsmcSetString(xsResult, "");
		return;
	}
	if (!octets_ascii(part(the, 0, start, count, 0), (uint32_t)count)) {
		xsmcSetNull(xsResult);
		return;
	}
	/* Making the text may move the octets. */
	xsmcSetStringBuffer(xsResult, NULL, count);
	memcpy(xsmcToString(xsResult), part(the, 0, start, count, 0), (size_t)count);
}

/* (octets, start, end) Returns a text. */
void xs_octets_base64(xsMachine *the)
{
	xsIntegerValue start = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(2)) - start;
	if (count <= 0) {
		xsmcSetString(xsResult, "");
		return;
	}
	part(the, 0, start, count, 0);
	/* Making the text may move the octets. */
	xsmcSetStringBuffer(xsResult, NULL, (count + 2) / 3 * 4);
	octets_base64(xsmcToString(xsResult), part(the, 0, start, count, 0), (uint32_t)count);
}

/* (octets, start, end, crc) */
void xs_octets_crc(xsMachine *the)
{
	xsIntegerValue start = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(2)) - start;
	uint32_t crc = (uint32_t)xsmcToInteger(xsArg(3));
	if (count > 0)
		crc = octets_crc(part(the, 0, start, count, 0), (uint32_t)count, crc);
	xsmcSetInteger(xsResult, (xsIntegerValue)crc);
}
