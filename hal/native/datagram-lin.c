/*
 * The C side of datagram.ts on Linux, with GLib's main loop: a UDP socket that reads into the caller's buffer.
 * Datagrams wait in the kernel; the loop says when there is one. IPv4 only.
 */
#include "datagram.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	int fd;
	guint source;
	uint16_t port;
	uint32_t cut;
	/* The sender of the datagram that was read last. */
	uint32_t address;
	uint16_t remotePort;
} socket_t;

static void mark(xsMachine *the, void *it, xsMarkRoot markRoot);

static const xsHostHooks hooks = {xs_datagram_destructor, mark, NULL};

static gboolean readable(gint fd, GIOCondition condition, gpointer data)
{
	socket_t *s = data;
	/* The call may close the socket, so nothing of it is touched afterwards. */
	xsMachine *the = s->the;
	(void)fd;
	(void)condition;
	xsBeginHost(the);
		xsCallFunction1(xsReference(s->onReadable), s->object, s->object);
	xsEndHost(the);
	return G_SOURCE_CONTINUE;
}

/* Joins a group in the network of the local address, and sends to groups there. @returns 0 if that cannot be done */
static int join(int fd, uint32_t group, struct in_addr local)
{
	struct ip_mreq membership = {.imr_multiaddr.s_addr = htonl(group), .imr_interface = local};
	unsigned char ttl = MULTICAST_TTL;
	int all = 0;
	return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) == 0
		&& setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local) == 0
		&& setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl) == 0
		/* Otherwise a group that another program joined in another network counts too. */
		&& setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &all, sizeof all) == 0;
}

void xs_datagram_constructor(xsMachine *the)
{
	socket_t *s;
	struct sockaddr_in local = {0};
	struct in_addr own;
	socklen_t size = sizeof local;
	uint32_t group;
	int tos, one = 1;
	xsSlot *onReadable = builtinGetCallback(the, xsID_onReadable);

	if (!onReadable)
		xsRangeError("onReadable is missing");
	xsmcVars(1);
	local.sin_family = AF_INET;
	local.sin_port = htons(datagram_port(the));
	xsmcGet(xsVar(0), xsArg(0), xsID_address);
	own.s_addr = htonl(xsmcToUnsigned(xsVar(0)));
	tos = datagram_tos(the);
	group = datagram_group(the);
	/* Bound to its group, a socket is not told what is sent to the port at our own address. */
	local.sin_addr.s_addr = group ? htonl(group) : own.s_addr;

	s = c_calloc(1, sizeof *s);
	if (!s)
		xsUnknownError("no memory");
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || (group && setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0)
		|| bind(s->fd, (struct sockaddr *)&local, size) != 0 || (group && !join(s->fd, group, own))
		|| getsockname(s->fd, (struct sockaddr *)&local, &size) != 0) {
		if (s->fd >= 0)
			close(s->fd);
		c_free(s);
		xsUnknownError("in use");
	}
	/* Where the system does not let it, the datagrams go as others do. */
	setsockopt(s->fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
	s->the = the;
	s->object = xsThis;
	s->onReadable = onReadable;
	s->port = ntohs(local.sin_port);
	xsmcSetHostData(xsThis, s);
	xsSetHostHooks(xsThis, (xsHostHooks *)&hooks);
	xsRemember(s->object);
	s->source = g_unix_fd_add(s->fd, G_IO_IN, readable, s);
}

void xs_datagram_destructor(void *data)
{
	socket_t *s = data;
	if (!s)
		return;
	g_source_remove(s->source);
	close(s->fd);
	c_free(s);
}

static void mark(xsMachine *the, void *it, xsMarkRoot markRoot)
{
	socket_t *s = it;
	(*markRoot)(the, s->onReadable);
}

void xs_datagram_close(xsMachine *the)
{
	socket_t *s = xsmcGetHostData(xsThis);
	if (!s || !xsmcGetHostDataValidate(xsThis, (void *)&hooks))
		return;
	xsForget(s->object);
	xsmcSetHostData(xsThis, NULL);
	xsmcSetHostDestructor(xsThis, NULL);
	xs_datagram_destructor(s);
}

/* (into) */
void xs_datagram_read(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsUnsignedValue room;
	void *into;
	ssize_t length;
	struct sockaddr_in from = {0};
	socklen_t size = sizeof from;
	xsmcGetBufferWritable(xsArg(0), &into, &room);
	/* An empty datagram tells nothing, and the error of a datagram that was sent earlier is not an error of reading. */
	do
		length = recvfrom(s->fd, into, room, MSG_TRUNC, (struct sockaddr *)&from, &size);
	while (length == 0 || (length < 0 && (errno == ECONNREFUSED || errno == EINTR)));
	if (length < 0) {
		xsmcSetInteger(xsResult, 0);
		return;
	}
	if ((size_t)length > room) {
		s->cut += 1;
		length = (ssize_t)room;
	}
	s->address = ntohl(from.sin_addr.s_addr);
	s->remotePort = ntohs(from.sin_port);
	xsmcSetInteger(xsResult, (xsIntegerValue)length);
}

/* (bytes, start, end, address, port) */
void xs_datagram_write(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	datagram_t datagram;
	struct sockaddr_in to = {0};
	int isSent = 0;
	if (datagram_of_arguments(the, &datagram)) {
		to.sin_family = AF_INET;
		to.sin_addr.s_addr = htonl(datagram.address);
		to.sin_port = htons(datagram.port);
		isSent = sendto(s->fd, datagram.bytes, datagram.length, 0, (struct sockaddr *)&to, sizeof to)
			== (ssize_t)datagram.length;
	}
	xsmcSetBoolean(xsResult, isSent);
}

void xs_datagram_get_port(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetInteger(xsResult, s->port);
}

void xs_datagram_get_address(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetUnsigned(xsResult, s->address);
}

void xs_datagram_get_remotePort(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetInteger(xsResult, s->remotePort);
}

void xs_datagram_get_cut(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetUnsigned(xsResult, s->cut);
}
