/* The C side of keyedhash.ts: the keyed hash for XS. The arithmetic is in keyedhash.h. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "keyedhash.h"

/* Returns the state, which is in the ArrayBuffer of the first value. */
static keyedhash_t *state(xsMachine *the)
{
	void *octets;
	xsUnsignedValue size;
	xsmcGetBufferWritable(xsArg(0), &octets, &size);
	if (size < sizeof(keyedhash_t))
		xsRangeError("beyond the buffer");
	return octets;
}

/* (state) */
void xs_keyedhash_begin(xsMachine *the) { keyedhash_begin(state(the)); }

/* (state, word) */
void xs_keyedhash_word(xsMachine *the)
{
	uint32_t word = (uint32_t)xsmcToInteger(xsArg(1));
	keyedhash_t *hash = state(the);
	keyedhash_take(hash, word);
	hash->count += 4;
}

/* (state, octets, start, end) */
void xs_keyedhash_update(xsMachine *the)
{
	void *octets;
	xsUnsignedValue size;
	xsIntegerValue start = xsmcToInteger(xsArg(2)), end = xsmcToInteger(xsArg(3));
	xsmcGetBufferReadable(xsArg(1), &octets, &size);
	if (end <= start)
		return;
	if (start < 0 || (xsUnsignedValue)end > size)
		xsRangeError("beyond the buffer");
	keyedhash_update(state(the), (const uint8_t *)octets + start, (uint32_t)(end - start));
}

/* (state) */
void xs_keyedhash_finish(xsMachine *the) { keyedhash_finish(state(the)); }
