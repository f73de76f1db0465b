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

/* (octets, at, end, octet) Returns the offset of that octet, or -1. */
void xs_octets_find(xsMachine *the)
{
	xsIntegerValue at = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(2)) - at, found = -1;
	if (count > 0) {
		const uint8_t *octets = part(the, 0, at, count, 0);
		const uint8_t *place = memchr(octets, (uint8_t)xsmcToInteger(xsArg(3)), (size_t)count);
		if (place)
			found = at + (xsIntegerValue)(place - octets);
	}
	xsmcSetInteger(xsResult, found);
}

/* (octets, at, end, most, marks) Returns the offset of that octet, or the end. */
void xs_octets_mark(xsMachine *the)
{
	xsIntegerValue at = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(2)) - at;
	if (count > 0) {
		void *marks;
		xsUnsignedValue markCount;
		const uint8_t *octets = part(the, 0, at, count, 0);
		xsmcGetBufferReadable(xsArg(4), &marks, &markCount);
		at += (xsIntegerValue)octets_mark(octets, (uint32_t)count, xsmcToInteger(xsArg(3)), marks, (uint32_t)markCount);
	}
	xsmcSetInteger(xsResult, at);
}

/* (octets, at, end, token) Returns whether it is one of the list. */
void xs_octets_token(xsMachine *the)
{
	xsIntegerValue at = xsmcToInteger(xsArg(1)), count = xsmcToInteger(xsArg(2)) - at;
	int hasIt = 0;
	if (count > 0) {
		void *token;
		xsUnsignedValue length;
		const uint8_t *octets = part(the, 0, at, count, 0);
		xsmcGetBufferReadable(xsArg(3), &token, &length);
		hasIt = octets_token(octets, (uint32_t)count, token, (uint32_t)length);
	}
	xsmcSetBoolean(xsResult, hasIt);
}

/* (to, at, count, value) */
void xs_octets_digits(xsMachine *the)
{
	xsIntegerValue count = xsmcToInteger(xsArg(2));
	if (count > 0)
		octets_digits(part(the, 0, xsmcToInteger(xsArg(1)), count, 1), (uint32_t)count,
			(uint32_t)xsmcToInteger(xsArg(3)));
}

/* (octets, at, end, letters) Returns the offset of the line. */
void xs_octets_line(xsMachine *the)
{
	xsIntegerValue at = xsmcToInteger(xsArg(1)), end = xsmcToInteger(xsArg(2));
	if (end > at) {
		void *letters;
		xsUnsignedValue count;
		const uint8_t *octets = part(the, 0, at, end - at, 0);
		xsmcGetBufferReadable(xsArg(3), &letters, &count);
		end = at + (xsIntegerValue)octets_line(octets, 0, (uint32_t)(end - at), letters, (uint32_t)count);
	}
	xsmcSetInteger(xsResult, end);
}

/* (to, at, from, start, end) */
void xs_octets_hex(xsMachine *the)
{
	xsIntegerValue start = xsmcToInteger(xsArg(3)), count = xsmcToInteger(xsArg(4)) - start;
	if (count > 0) {
		uint8_t *to = part(the, 0, xsmcToInteger(xsArg(1)), 2 * count, 1);
		octets_hex(to, part(the, 2, start, count, 0), (uint32_t)count);
	}
}

/* Writes the number that is value 3 to value 0 from value 1 up to value 2. */
static void put(xsMachine *the, int32_t (*write)(uint8_t *, int32_t, uint32_t))
{
	xsIntegerValue at = xsmcToInteger(xsArg(1)), room = xsmcToInteger(xsArg(2)) - at, written = -1;
	if (room > 0)
		written = write(part(the, 0, at, room, 1), room, (uint32_t)xsmcToInteger(xsArg(3)));
	xsmcSetInteger(xsResult, written < 0 ? -1 : at + written);
}

/* (to, at, limit, value) Returns the offset behind it, or -1. */
void xs_octets_decimal(xsMachine *the) { put(the, octets_decimal); }

/* (to, at, limit, address) Returns the offset behind it, or -1. */
void xs_octets_dotted(xsMachine *the) { put(the, octets_dotted); }

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
