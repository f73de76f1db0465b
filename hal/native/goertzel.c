/* The C side of goertzel.ts: Goertzel's filter for XS. The arithmetic is in goertzel.h. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "goertzel.h"

/*
 * Returns the samples that the first three values name: buffer, its octet, count. It throws an error if the buffer ends
 * before.
 */
static const int16_t *samples(xsMachine *the, uint32_t *count)
{
	void *buffer;
	xsUnsignedValue size;
	xsIntegerValue from = xsmcToInteger(xsArg(1)), wanted = xsmcToInteger(xsArg(2));
	xsmcGetBufferReadable(xsArg(0), &buffer, &size);
	if (from < 0 || wanted < 0 || (xsUnsignedValue)from > size
		|| (xsUnsignedValue)wanted > (size - (xsUnsignedValue)from) / sizeof(int16_t))
		xsRangeError("beyond the buffer");
	*count = (uint32_t)wanted;
	return (const int16_t *)((const uint8_t *)buffer + from);
}

/* (buffer, octet, count) */
void xs_goertzel_peak(xsMachine *the)
{
	uint32_t count;
	const int16_t *pcm = samples(the, &count);
	xsmcSetInteger(xsResult, goertzel_peak(pcm, count));
}

/* (buffer, octet, count, shift) */
void xs_goertzel_energy(xsMachine *the)
{
	uint32_t count;
	xsIntegerValue shift = xsmcToInteger(xsArg(3)) & 15;
	const int16_t *pcm = samples(the, &count);
	xsmcSetNumber(xsResult, goertzel_energy(pcm, count, shift));
}

/* (buffer, octet, count, shift, coefficient) */
void xs_goertzel_power(xsMachine *the)
{
	uint32_t count;
	xsIntegerValue shift = xsmcToInteger(xsArg(3)) & 15, coefficient = xsmcToInteger(xsArg(4));
	const int16_t *pcm = samples(the, &count);
	xsmcSetNumber(xsResult, goertzel_power(pcm, count, shift, coefficient));
}
