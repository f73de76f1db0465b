/*
 * The C side of headlines.ts: the lines that a response copies from its request, for XS. The rules are in headlines.h.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "headlines.h"

/* Calls `lines` with the values (out, at, limit, octets, places); the first `count` places are the request's. */
static void write_lines(xsMachine *the, int32_t count,
	int32_t (*lines)(uint8_t *, int32_t, int32_t, const uint8_t *, int32_t *))
{
	void *out, *octets, *places;
	xsUnsignedValue outSize, size, placesSize;
	int32_t at = xsmcToInteger(xsArg(1)), limit = xsmcToInteger(xsArg(2));
	xsmcGetBufferWritable(xsArg(0), &out, &outSize);
	xsmcGetBufferReadable(xsArg(3), &octets, &size);
	xsmcGetBufferWritable(xsArg(4), &places, &placesSize);
	if (at < 0 || limit < 0 || (xsUnsignedValue)limit > outSize || placesSize < LINES_PLACES * sizeof(int32_t))
		xsRangeError("beyond the buffer");
	for (int32_t i = 0; i < count; i++)
		if ((xsUnsignedValue)((int32_t *)places)[i] > size)
			xsRangeError("beyond the buffer");
	xsmcSetInteger(xsResult, lines(out, at, limit, octets, places));
}

void xs_headlines_via(xsMachine *the) { write_lines(the, LINES_SOURCE_IP, headlines_via); }

void xs_headlines_parties(xsMachine *the) { write_lines(the, LINES_TAG_HIGH, headlines_parties); }
