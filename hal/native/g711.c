/*
 * G.711 by the block for XS: what g711.ts calls. The arithmetic stands in g711.h.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "g711.h"

/* The `count` elements of `size` octets from element `from` on, or an error when the buffer ends before. */
static void *elements(xsMachine *the, void *buffer, xsUnsignedValue bytes, xsIntegerValue from, xsIntegerValue count, xsUnsignedValue size)
{
	xsUnsignedValue most = bytes / size;
	if (from < 0 || count < 0 || (xsUnsignedValue)from > most || (xsUnsignedValue)count > most - (xsUnsignedValue)from)
		xsRangeError("beyond the buffer");
	return (uint8_t *)buffer + (xsUnsignedValue)from * size;
}

/* (payloadType, pcm, start, count, out, at) */
void xs_g711_encode(xsMachine *the)
{
	void *pcm, *out;
	xsUnsignedValue pcmBytes, outBytes;
	xsIntegerValue law = xsmcToInteger(xsArg(0)), start = xsmcToInteger(xsArg(2));
	xsIntegerValue count = xsmcToInteger(xsArg(3)), at = xsmcToInteger(xsArg(5));
	xsmcGetBufferReadable(xsArg(1), &pcm, &pcmBytes);
	xsmcGetBufferWritable(xsArg(4), &out, &outBytes);
	pcm = elements(the, pcm, pcmBytes, start, count, sizeof(int16_t));
	out = elements(the, out, outBytes, at, count, 1);
	g711_encode(law, pcm, out, (uint32_t)count);
}

/* (payloadType, bytes, start, count, out, at) */
void xs_g711_decode(xsMachine *the)
{
	void *bytes, *out;
	xsUnsignedValue bytesBytes, outBytes;
	xsIntegerValue law = xsmcToInteger(xsArg(0)), start = xsmcToInteger(xsArg(2));
	xsIntegerValue count = xsmcToInteger(xsArg(3)), at = xsmcToInteger(xsArg(5));
	xsmcGetBufferReadable(xsArg(1), &bytes, &bytesBytes);
	xsmcGetBufferWritable(xsArg(4), &out, &outBytes);
	bytes = elements(the, bytes, bytesBytes, start, count, 1);
	out = elements(the, out, outBytes, at, count, sizeof(int16_t));
	g711_decode(law, bytes, out, (uint32_t)count);
}

/* (payloadType, octet) */
void xs_g711_sample(xsMachine *the)
{
	uint8_t octet = (uint8_t)xsmcToInteger(xsArg(1));
	xsmcSetInteger(xsResult, xsmcToInteger(xsArg(0)) == G711_PCMA ? g711_of_alaw(octet) : g711_of_ulaw(octet));
}
