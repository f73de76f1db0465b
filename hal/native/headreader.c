/* The C side of headreader.ts: the head of a message for XS. The rules are in headreader.h. */
#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "headreader.h"

/* Returns the values (octets, at, end, table, found); throws an error if the message is not in the octets. */
static headreader_t *values(xsMachine *the, const uint8_t **octets, int32_t *at, int32_t *end, int32_t **table,
	int32_t *rows)
{
	void *data;
	xsUnsignedValue size;
	*at = xsmcToInteger(xsArg(1));
	*end = xsmcToInteger(xsArg(2));
	xsmcGetBufferWritable(xsArg(3), &data, &size);
	*table = data;
	*rows = (int32_t)(size / (4 * sizeof(int32_t)));
	xsmcGetBufferReadable(xsArg(0), &data, &size);
	*octets = data;
	if (*at < 0 || *end < 0 || (xsUnsignedValue)*end > size)
		xsRangeError("beyond the buffer");
	xsmcGetBufferWritable(xsArg(4), &data, &size);
	if (size < sizeof(headreader_t))
		xsRangeError("beyond the buffer");
	return data;
}

void xs_headreader_begin(xsMachine *the)
{
	const uint8_t *octets;
	int32_t at, end, *table, rows;
	headreader_t *head = values(the, &octets, &at, &end, &table, &rows);
	xsmcSetInteger(xsResult, headreader_begin(head, octets, at, end, table, rows));
}

void xs_headreader_go_on(xsMachine *the)
{
	const uint8_t *octets;
	int32_t at, end, *table, rows;
	headreader_t *head = values(the, &octets, &at, &end, &table, &rows);
	head->at = at;
	xsmcSetInteger(xsResult, headreader_go_on(head, octets, end, table, rows));
}
