/*
 * The echo canceller for XS: what echo.ts calls. The arithmetic stands in echo.h.
 */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "echo.h"

/* The state that the first value is. An error when it is too short. */
static echo_t *stateOf(xsMachine *the)
{
	void *state;
	xsUnsignedValue size;
	xsmcGetBufferWritable(xsArg(0), &state, &size);
	if (size < sizeof(echo_t))
		xsRangeError("beyond the buffer");
	return state;
}

/* `count` samples from octet `at` of a buffer. An error when it ends before. */
static int16_t *samplesOf(xsMachine *the, int buffer, int at, xsIntegerValue count, int isWritten)
{
	void *data;
	xsUnsignedValue size;
	xsIntegerValue from = xsmcToInteger(xsArg(at));
	if (isWritten)
		xsmcGetBufferWritable(xsArg(buffer), &data, &size);
	else
		xsmcGetBufferReadable(xsArg(buffer), &data, &size);
	if (from < 0 || count < 0 || (xsUnsignedValue)from > size
		|| (xsUnsignedValue)count > (size - (xsUnsignedValue)from) / sizeof(int16_t))
		xsRangeError("beyond the buffer");
	return (int16_t *)((uint8_t *)data + from);
}

/* (state) */
void xs_echo_begin(xsMachine *the)
{
	echo_begin(stateOf(the));
}

/* (state, microphone, octet, reference, octet, count, options) */
void xs_echo_run(xsMachine *the)
{
	xsIntegerValue count = xsmcToInteger(xsArg(5)), options = xsmcToInteger(xsArg(6));
	int16_t *microphone = samplesOf(the, 1, 2, count, 1);
	const int16_t *reference = samplesOf(the, 3, 4, count, 0);
	echo_run(stateOf(the), microphone, reference, (uint32_t)count, options);
}
