/* The XS side that the datagram sockets of all platforms share: the arguments of write, and the results of read. */
#ifndef PORTERO_DATAGRAM_H
#define PORTERO_DATAGRAM_H

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"
#include "builtinCommon.h"

#include "waiting.h"

/* A receiver may take it as a sign that no router passed the datagram on. RFC 6762 §11 */
#define MULTICAST_TTL 255

typedef struct {
	const uint8_t *bytes;
	uint32_t length;
	uint32_t address;
	uint16_t port;
} datagram_t;

/* (bytes, start, end, address, port). @returns 0 if they make no datagram */
static inline int datagram_of_arguments(xsMachine *the, datagram_t *datagram)
{
	void *data;
	xsUnsignedValue size;
	xsIntegerValue start = xsmcToInteger(xsArg(1)), end = xsmcToInteger(xsArg(2)), port = xsmcToInteger(xsArg(4));
	datagram->address = xsmcToUnsigned(xsArg(3));
	/* This comes last: nothing may move the buffer between here and its use. */
	xsmcGetBufferReadable(xsArg(0), &data, &size);
	if (start < 0 || end <= start || (xsUnsignedValue)end > size || end - start > 0xffff || port < 1 || port > 0xffff)
		return 0;
	datagram->bytes = (const uint8_t *)data + start;
	datagram->length = (uint32_t)(end - start);
	datagram->port = (uint16_t)port;
	return 1;
}

/* Returns the option's number, or throws an error if it is not in 0 to 65535. */
static inline uint16_t datagram_port(xsMachine *the)
{
	xsIntegerValue port;
	xsmcGet(xsVar(0), xsArg(0), xsID_port);
	port = xsmcToInteger(xsVar(0));
	if (port < 0 || port > 0xffff)
		xsRangeError("invalid port");
	return (uint16_t)port;
}

/* Returns the octet of the IP header that asks for the option's class of service; 0 if there is none. RFC 2474 */
static inline uint8_t datagram_tos(xsMachine *the)
{
	xsIntegerValue dscp;
	xsmcGet(xsVar(0), xsArg(0), xsID_dscp);
	dscp = xsmcToInteger(xsVar(0));
	if (dscp < 0 || dscp > 63)
		xsRangeError("invalid dscp");
	return (uint8_t)(dscp << 2);
}

/* Returns the option's multicast group; 0 if there is none. */
static inline uint32_t datagram_group(xsMachine *the)
{
	uint32_t group;
	xsmcGet(xsVar(0), xsArg(0), xsID_group);
	group = xsmcTest(xsVar(0)) ? xsmcToUnsigned(xsVar(0)) : 0;
	if (group != 0 && group >> 28 != 14)
		xsRangeError("invalid group");
	return group;
}

#endif
