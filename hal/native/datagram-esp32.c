/*
 * The C side of datagram.ts on the ESP32: UDP sockets on lwIP that read into the caller's buffer. Datagrams wait as
 * lwIP's own buffers, a few at most; nothing is allocated for one that comes, and a chain of buffers is read as a
 * whole. IPv4 only.
 *
 * Two tasks meet here. The machine's task waits for lwIP's in tcpip_api_call(), so lwIP's may never wait for the
 * machine: it posts to the machine's queue with MODDEF_TASK_QUEUEWAIT 0 (manifest.json). All sockets share one message,
 * so they take one place in that queue. When it has none, the next datagram or a timer of lwIP's posts again: what came
 * is told in any case.
 */
#include "esp_netif.h"

#include "datagram.h"

#include "lwip/igmp.h"
#include "lwip/priv/tcpip_priv.h"
#include "lwip/timeouts.h"
#include "lwip/udp.h"

/* If the machine's queue is full, a message is posted again after so long. */
#define POST_AGAIN_MS 20

typedef struct socket socket_t;
struct socket {
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	struct udp_pcb *pcb;
	/* The group that is joined in the network of the local address; 0 for none. */
	uint32_t group;
	uint32_t local;
	/* The next open socket, and the last delivery that passed here; only the machine's task uses them. */
	socket_t *next;
	uint32_t round;
	/* Shared with lwIP's task, under the critical section. */
	waiting_t waiting;
	/* The sender of the datagram that was read last. */
	uint32_t address;
	uint16_t remotePort;
};

/* Arguments of calls into lwIP's task; their first field is lwIP's. */
typedef struct {
	struct tcpip_api_call_data call;
	socket_t *socket;
	uint16_t port;
	uint8_t tos;
} opening_t;

typedef struct {
	struct tcpip_api_call_data call;
	socket_t *socket;
	const datagram_t *datagram;
} sending_t;

/* The open sockets; only the machine's task uses them. */
static socket_t *sockets;
static uint32_t rounds;
/* Whether a message is posted that no delivery has answered yet; under the critical section. */
static uint8_t isPosted;
/* Whether lwIP's timer runs; only lwIP's task uses it. */
static uint8_t isTimed;

static void mark(xsMachine *the, void *it, xsMarkRoot markRoot);
static void post_again(void *arg);

static const xsHostHooks hooks = {xs_datagram_destructor, mark, NULL};

static void set_address(ip_addr_t *ip, uint32_t address)
{
	uint8_t octets[4];
	waiting_octets(address, octets);
	IP_ADDR4(ip, octets[0], octets[1], octets[2], octets[3]);
}

/*
 * Runs in the machine's task. A datagram that comes meanwhile is posted anew, so each socket is called once and none
 * keeps the machine busy.
 */
static void deliver(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	socket_t *s;
	uint32_t round = ++rounds;
	(void)refcon;
	(void)message;
	(void)length;
	builtinCriticalSectionBegin();
	isPosted = 0;
	builtinCriticalSectionEnd();
	for (s = sockets; s; ) {
		uint32_t count;
		if (s->round == round) {
			s = s->next;
			continue;
		}
		s->round = round;
		builtinCriticalSectionBegin();
		count = s->waiting.count;
		builtinCriticalSectionEnd();
		if (count > 0) {
			xsBeginHost(the);
				xsCallFunction1(xsReference(s->onReadable), s->object, s->object);
			xsEndHost(the);
		}
		/* The call may have closed any of the sockets. */
		s = sockets;
	}
}

/* Runs in lwIP's task. */
static void post(void *arg)
{
	xsMachine *the = arg;
	int mustPost, isFailed;
	builtinCriticalSectionBegin();
	mustPost = !isPosted;
	isPosted = 1;
	builtinCriticalSectionEnd();
	if (!mustPost)
		return;
	isFailed = modMessagePostToMachine(the, NULL, 0, deliver, NULL) != 0;
	if (!isFailed)
		return;
	builtinCriticalSectionBegin();
	isPosted = 0;
	builtinCriticalSectionEnd();
	if (!isTimed) {
		isTimed = 1;
		sys_timeout(POST_AGAIN_MS, post_again, the);
	}
}

/* Runs in lwIP's task. */
static void post_again(void *arg)
{
	isTimed = 0;
	post(arg);
}

/* Runs in lwIP's task. */
static void received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
	socket_t *s = arg;
	uint32_t address = waiting_number((const uint8_t *)&ip_2_ip4(from)->addr);
	int isKept;
	(void)pcb;
	builtinCriticalSectionBegin();
	isKept = IP_IS_V4(from) && waiting_put(&s->waiting, p, p->tot_len, address, port);
	builtinCriticalSectionEnd();
	if (isKept)
		post(s->the);
	else
		pbuf_free(p);
}

/* Runs in lwIP's task: a datagram may come as soon as the port is bound. */
static err_t open_socket(struct tcpip_api_call_data *call)
{
	opening_t *opening = (opening_t *)call;
	socket_t *s = opening->socket;
	ip_addr_t local, bound;
	struct udp_pcb *pcb = udp_new();
	if (!pcb)
		return ERR_MEM;
	set_address(&local, s->local);
	/* Bound to its group, a socket is not told what is sent to the port at our own address. */
	set_address(&bound, s->group ? s->group : s->local);
	if (s->group)
		ip_set_option(pcb, SOF_REUSEADDR);
	if (udp_bind(pcb, &bound, opening->port) != ERR_OK
		|| (s->group && igmp_joingroup(ip_2_ip4(&local), ip_2_ip4(&bound)) != ERR_OK)) {
		udp_remove(pcb);
		return ERR_USE;
	}
	if (s->group) {
		udp_set_multicast_netif_addr(pcb, ip_2_ip4(&local));
		udp_set_multicast_ttl(pcb, MULTICAST_TTL);
	}
	pcb->tos = opening->tos;
	s->pcb = pcb;
	udp_recv(pcb, received, s);
	return ERR_OK;
}

/* Runs in lwIP's task. After this no datagram comes, and nothing of lwIP's knows the socket. */
static err_t close_socket(struct tcpip_api_call_data *call)
{
	socket_t *s = ((opening_t *)call)->socket;
	ip_addr_t local, group;
	udp_remove(s->pcb);
	if (s->group) {
		set_address(&local, s->local);
		set_address(&group, s->group);
		/* Fails when the network is down, and then there is nothing to leave. */
		igmp_leavegroup(ip_2_ip4(&local), ip_2_ip4(&group));
	}
	return ERR_OK;
}

void xs_datagram_constructor(xsMachine *the)
{
	socket_t *s;
	opening_t opening = {0};
	uint32_t local, group;
	err_t error;
	xsSlot *onReadable = builtinGetCallback(the, xsID_onReadable);

	CHECK_NETWORK_SAFE();
	if (!onReadable)
		xsRangeError("onReadable is missing");
	xsmcVars(1);
	opening.port = datagram_port(the);
	xsmcGet(xsVar(0), xsArg(0), xsID_address);
	local = xsmcToUnsigned(xsVar(0));
	opening.tos = datagram_tos(the);
	group = datagram_group(the);

	s = c_calloc(1, sizeof *s);
	if (!s)
		xsUnknownError("no memory");
	s->the = the;
	s->object = xsThis;
	s->onReadable = onReadable;
	s->round = rounds;
	s->local = local;
	s->group = group;
	opening.socket = s;
	error = tcpip_api_call(open_socket, &opening.call);
	if (error != ERR_OK) {
		c_free(s);
		if (error == ERR_MEM)
			xsUnknownError("no socket");
		xsUnknownError("in use");
	}
	s->next = sockets;
	sockets = s;
	xsmcSetHostData(xsThis, s);
	xsSetHostHooks(xsThis, (xsHostHooks *)&hooks);
	xsRemember(s->object);
}

void xs_datagram_destructor(void *data)
{
	socket_t *s = data, **link = &sockets;
	opening_t closing = {0};
	waiting_place_t place;
	if (!s)
		return;
	closing.socket = s;
	tcpip_api_call(close_socket, &closing.call);
	while (*link && *link != s)
		link = &(*link)->next;
	if (*link)
		*link = s->next;
	while (waiting_take(&s->waiting, &place))
		pbuf_free(place.datagram);
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
	waiting_place_t place;
	xsUnsignedValue room;
	void *into;
	uint32_t length;
	int isThere;
	xsmcGetBufferWritable(xsArg(0), &into, &room);
	builtinCriticalSectionBegin();
	isThere = waiting_take(&s->waiting, &place);
	builtinCriticalSectionEnd();
	if (!isThere) {
		xsmcSetInteger(xsResult, 0);
		return;
	}
	length = waiting_fit(&s->waiting, &place, room);
	pbuf_copy_partial(place.datagram, into, (u16_t)length, 0);
	/* lwIP's own sockets free a buffer in their caller's task too. */
	pbuf_free(place.datagram);
	s->address = place.address;
	s->remotePort = place.port;
	xsmcSetInteger(xsResult, (xsIntegerValue)length);
}

/* Runs in lwIP's task. */
static err_t send_datagram(struct tcpip_api_call_data *call)
{
	sending_t *sending = (sending_t *)call;
	const datagram_t *d = sending->datagram;
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)d->length, PBUF_RAM);
	ip_addr_t to;
	err_t error;
	if (!p)
		return ERR_MEM;
	error = pbuf_take(p, d->bytes, (u16_t)d->length);
	set_address(&to, d->address);
	if (error == ERR_OK)
		error = udp_sendto(sending->socket->pcb, p, &to, d->port);
	pbuf_free(p);
	return error;
}

/* (bytes, start, end, address, port) */
void xs_datagram_write(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	datagram_t datagram;
	sending_t sending = {.socket = s, .datagram = &datagram};
	int isSent = datagram_of_arguments(the, &datagram) && tcpip_api_call(send_datagram, &sending.call) == ERR_OK;
	xsmcSetBoolean(xsResult, isSent);
}

void xs_datagram_get_port(xsMachine *the)
{
	socket_t *s = xsmcGetHostDataValidate(xsThis, (void *)&hooks);
	xsmcSetInteger(xsResult, s->pcb->local_port);
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
	xsmcSetUnsigned(xsResult, s->waiting.cut);
}
