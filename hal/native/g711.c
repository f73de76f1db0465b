/* The C side of g711.ts: G.711 by the block for XS. The arithmetic is in g711.h. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "g711.h"

/*
 * `count` elements of `each` octets from octet `from` on, or an error when the buffer ends before. XS gives C an
 * ArrayBuffer, but no Int16Array.
 */
static void *part(xsMachine *the, void *buffer, xsUnsignedValue size, xsIntegerValue from, xsIntegerValue count,
	xsUnsignedValue each)
{
	if (from < 0 || count < 0 || (xsUnsignedValue)from > size
		|| (xsUnsignedValue)count > (size - (xsUnsignedValue)from) / each)
		xsRangeError("beyond the buffer");
	return (uint8_t *)buffer + from;
}

/* (payloadType, buffer of the samples, its octet, count, buffer of the octets, its octet) */
void xs_g711_encode(xsMachine *the)
{
	void *pcm, *out;
	xsUnsignedValue pcmSize, outSize;
	xsIntegerValue law = xsmcToInteger(xsArg(0)), from = xsmcToInteger(xsArg(2));
	xsIntegerValue count = xsmcToInteger(xsArg(3)), to = xsmcToInteger(xsArg(5));
	xsmcGetBufferReadable(xsArg(1), &pcm, &pcmSize);
	xsmcGetBufferWritable(xsArg(4), &out, &outSize);
	out = part(the, out, outSize, to, count, 1);
	pcm = part(the, pcm, pcmSize, from, count, sizeof(int16_t));
	g711_encode(law, pcm, out, (uint32_t)count);
}

/* (payloadType, buffer of the octets, its octet, count, buffer of the samples, its octet) */
void xs_g711_decode(xsMachine *the)
{
	void *bytes, *out;
	xsUnsignedValue bytesSize, outSize;
	xsIntegerValue law = xsmcToInteger(xsArg(0)), from = xsmcToInteger(xsArg(2));
	xsIntegerValue count = xsmcToInteger(xsArg(3)), to = xsmcToInteger(xsArg(5));
	xsmcGetBufferReadable(xsArg(1), &bytes, &bytesSize);
	xsmcGetBufferWritable(xsArg(4), &out, &outSize);
	bytes = part(the, bytes, bytesSize, from, count, 1);
	out = part(the, out, outSize, to, count, sizeof(int16_t));
	g711_decode(law, bytes, out, (uint32_t)count);
}

/* (payloadType, octet) */
void xs_g711_sample(xsMachine *the)
{
	uint8_t octet = (uint8_t)xsmcToInteger(xsArg(1));
	xsmcSetInteger(xsResult, xsmcToInteger(xsArg(0)) == G711_PCMA ? g711_of_alaw(octet) : g711_of_ulaw(octet));
}
