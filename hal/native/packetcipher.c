/*
 * The ciphers of SRTP for XS: what packetcipher.ts calls. The arithmetic stands in packetcipher.h.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "packetcipher.h"

/* The state, in the ArrayBuffer that is the first value. */
static cipher_t *stateOf(xsMachine *the)
{
	void *state;
	xsUnsignedValue size;
	xsmcGetBufferWritable(xsArg(0), &state, &size);
	if (size < sizeof(cipher_t))
		xsRangeError("beyond the buffer");
	return state;
}

/* (state, master, octet, keyBytes, saltBytes, tagBytes, label) */
void xs_packetcipher_derive(xsMachine *the)
{
	void *master;
	xsUnsignedValue size;
	xsIntegerValue at = xsmcToInteger(xsArg(2)), keyBytes = xsmcToInteger(xsArg(3)), saltBytes = xsmcToInteger(xsArg(4));
	xsIntegerValue tagBytes = xsmcToInteger(xsArg(5)), label = xsmcToInteger(xsArg(6));
	xsmcGetBufferReadable(xsArg(1), &master, &size);
	if ((keyBytes != 16 && keyBytes != 32) || (saltBytes != 12 && saltBytes != 14) || tagBytes < 0 ||
	    tagBytes > CIPHER_TAG_MOST || at < 0 || (xsUnsignedValue)at > size ||
	    (xsUnsignedValue)(keyBytes + saltBytes) > size - (xsUnsignedValue)at)
		xsRangeError("beyond the buffer");
	cipher_derive(stateOf(the), (const uint8_t *)master + at, (uint32_t)keyBytes, (uint32_t)saltBytes,
		      (uint32_t)tagBytes, (uint32_t)label);
}

/*
 * The packet that the values from the second on name (octets, clearEnd, end), with what sealing appends.
 * An error when the octets end before.
 */
static uint8_t *packetOf(xsMachine *the, const cipher_t *state, uint32_t *clearEnd, uint32_t *end)
{
	void *octets;
	xsUnsignedValue size;
	xsIntegerValue clear = xsmcToInteger(xsArg(2)), last = xsmcToInteger(xsArg(3));
	xsmcGetBufferWritable(xsArg(1), &octets, &size);
	if (clear < (state->isRtcp ? 8 : 12) || last < clear || (xsUnsignedValue)last > size ||
	    cipher_more(state) > size - (xsUnsignedValue)last)
		xsRangeError("beyond the buffer");
	*clearEnd = (uint32_t)clear;
	*end = (uint32_t)last;
	return octets;
}

/* (state, octets, clearEnd, end, index) */
void xs_packetcipher_seal(xsMachine *the)
{
	uint32_t clearEnd, end, index = (uint32_t)xsmcToInteger(xsArg(4));
	const cipher_t *state = stateOf(the);
	uint8_t *octets = packetOf(the, state, &clearEnd, &end);
	xsmcSetInteger(xsResult, (xsIntegerValue)cipher_seal(state, octets, clearEnd, end, index));
}

/* (state, octets, clearEnd, end, index) */
void xs_packetcipher_open(xsMachine *the)
{
	uint32_t clearEnd, end, index = (uint32_t)xsmcToInteger(xsArg(4));
	const cipher_t *state = stateOf(the);
	uint8_t *octets = packetOf(the, state, &clearEnd, &end);
	xsmcSetBoolean(xsResult, cipher_open(state, octets, clearEnd, end, index));
}
