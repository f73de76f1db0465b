/* The C side of tls.ts: the client of tlsclient.h for XS. */
#include <stdlib.h>
#include <string.h>

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "tlsclient.h"

static int client_of(xsMachine *the) { return (int)xsmcToInteger(xsArg(0)); }

/* Copies a text, because the second one may move the first. */
static char *copy(xsMachine *the, xsIntegerValue argument)
{
	const char *text = xsmcToString(xsArg(argument));
	char *copied = malloc(strlen(text) + 1);
	if (copied == NULL)
		xsUnknownError("no memory");
	strcpy(copied, text);
	return copied;
}

/* Returns the octets of the second value from the third to the fourth. */
static const uint8_t *part(xsMachine *the, size_t *count)
{
	void *octets;
	xsUnsignedValue size;
	xsIntegerValue start = xsmcToInteger(xsArg(2)), end = xsmcToInteger(xsArg(3));
	xsmcGetBufferReadable(xsArg(1), &octets, &size);
	if (start < 0 || end < start || (xsUnsignedValue)end > size)
		xsRangeError("beyond the buffer");
	*count = (size_t)(end - start);
	return (const uint8_t *)octets + start;
}

static uint8_t *room(xsMachine *the, size_t *size)
{
	void *octets;
	xsUnsignedValue count;
	xsmcGetBufferWritable(xsArg(1), &octets, &count);
	*size = count;
	return octets;
}

/* (name, ca) */
void xs_tls_begin(xsMachine *the)
{
	char *name = copy(the, 0), *ca = copy(the, 1);
	int client = tls_client_begin(name, ca);
	free(name);
	free(ca);
	xsmcSetInteger(xsResult, client);
}

/* (client) */
void xs_tls_state(xsMachine *the) { xsmcSetInteger(xsResult, tls_client_state(client_of(the))); }

/* (client) */
void xs_tls_error(xsMachine *the) { xsmcSetInteger(xsResult, tls_client_error(client_of(the))); }

/* (client) */
void xs_tls_flags(xsMachine *the) { xsmcSetInteger(xsResult, tls_client_flags(client_of(the))); }

/* (client, into) */
void xs_tls_certificate(xsMachine *the)
{
	const uint8_t *der = NULL;
	size_t size, count = tls_client_certificate(client_of(the), &der);
	uint8_t *into = room(the, &size);
	if (count > size)
		count = 0;
	if (count > 0)
		memcpy(into, der, count);
	xsmcSetInteger(xsResult, (xsIntegerValue)count);
}

/* (client, octets, start, end) */
void xs_tls_put(xsMachine *the)
{
	size_t count;
	const uint8_t *octets = part(the, &count);
	xsmcSetBoolean(xsResult, tls_client_put(client_of(the), octets, count) != 0);
}

/* (client, into) */
void xs_tls_take(xsMachine *the)
{
	size_t size;
	uint8_t *into = room(the, &size);
	xsmcSetInteger(xsResult, (xsIntegerValue)tls_client_take(client_of(the), into, size));
}

/* (client, into) */
void xs_tls_read(xsMachine *the)
{
	size_t size;
	uint8_t *into = room(the, &size);
	xsmcSetInteger(xsResult, tls_client_read(client_of(the), into, size));
}

/* (client, octets, start, end) */
void xs_tls_write(xsMachine *the)
{
	size_t count;
	const uint8_t *octets = part(the, &count);
	xsmcSetInteger(xsResult, tls_client_write(client_of(the), octets, count));
}

/* (client) */
void xs_tls_close(xsMachine *the) { tls_client_close(client_of(the)); }

/* (client) */
void xs_tls_end(xsMachine *the) { tls_client_end(client_of(the)); }
