/*
 * A UDP socket on lwIP that reads into the caller's buffer: what datagram.ts calls on the ESP32. Datagrams wait as lwIP's own
 * buffers, a few at most; nothing is allocated for one that comes, and a chain of buffers is read as a whole. IPv4 only.
 */
#include "esp_netif.h"

#include "datagram.h"

#include "lwip/priv/tcpip_priv.h"
#include "lwip/udp.h"
#include "modLwipSafe.h"

typedef struct {
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	struct udp_pcb *pcb;
	/* Shared with lwIP's task, under the critical section. */
	waiting_t waiting;
	uint8_t isPosted;
	uint8_t isClosed;
	/* Of the datagram read last. */
	uint32_t address;
	uint16_t remotePort;
} socket_t;

/* A call into lwIP's task; its first field is lwIP's. */
typedef struct {
	struct tcpip_api_call_data call;
	socket_t *socket;
	const datagram_t *datagram;
} sending_t;

static void mark(xsMachine *the, void *it, xsMarkRoot markRoot);

static const xsHostHooks hooks = {xs_datagram_destructor, mark, NULL};

static void set_address(ip_addr_t *ip, uint32_t address)
{
	uint8_t octets[4];
	waiting_octets(address, octets);
	IP_ADDR4(ip, octets[0], octets[1], octets[2], octets[3]);
}

/* In the machine's task. */
static void deliver(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	socket_t *s = refcon;
	uint32_t count;
	(void)message;
	(void)length;
	builtinCriticalSectionBegin();
	s->isPosted = 0;
	count = s->waiting.count;
	builtinCriticalSectionEnd();
	if (s->isClosed) {
		c_free(s);
		return;
	}
	if (count == 0)
		return;
	xsBeginHost(the);
		xsCallFunction0(xsReference(s->onReadable), s->object);
	xsEndHost(the);
}

/* In lwIP's task. */
static void received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
	socket_t *s = arg;
	uint32_t address = waiting_number((const uint8_t *)&ip_2_ip4(from)->addr);
	int isKept, mustPost;
	(void)pcb;
	builtinCriticalSectionBegin();
	isKept = IP_IS_V4(from) && waiting_put(&s->waiting, p, p->tot_len, address, port);
	mustPost = isKept && !s->isPosted;
	if (mustPost)
		s->isPosted = 1;
	builtinCriticalSectionEnd();
	if (!isKept)
		pbuf_free(p);
	/* When the machine has no room for a message, the next datagram tries again. */
	if (mustPost && modMessagePostToMachine(s->the, NULL, 0, deliver, s) != 0)
		s->isPosted = 0;
}

void xs_datagram_constructor(xsMachine *the)
{
	socket_t *s;
	ip_addr_t local;
	uint16_t port;
	uint32_t address;
	xsSlot *onReadable = builtinGetCallback(the, xsID_onReadable);

	CHECK_NETWORK_SAFE();
	if (!onReadable)
		xsRangeError("onReadable is missing");
	xsmcVars(1);
	port = datagram_port(the);
	xsmcGet(xsVar(0), xsArg(0), xsID_address);
	address = xsmcToUnsigned(xsVar(0));
	set_address(&local, address);

	s = c_calloc(1, sizeof *s);
	if (!s)
		xsUnknownError("no memory");
	s->pcb = udp_new_safe();
	if (!s->pcb) {
		c_free(s);
		xsUnknownError("no socket");
	}
	if (udp_bind_safe(s->pcb, &local, port) != ERR_OK) {
		udp_remove_safe(s->pcb);
		c_free(s);
		xsUnknownError("in use");
	}
	s->the = the;
	s->object = xsThis;
	s->onReadable = onReadable;
	xsmcSetHostData(xsThis, s);
	xsSetHostHooks(xsThis, (xsHostHooks *)&hooks);
	xsRemember(s->object);
	udp_recv(s->pcb, received, s);
}

void xs_datagram_destructor(void *data)
{
	socket_t *s = data;
	waiting_place_t place;
	if (!s)
		return;
	/* After this no datagram comes, and nothing else touches the queue. */
	udp_remove_safe(s->pcb);
	while (waiting_take(&s->waiting, &place))
		pbuf_free_safe(place.datagram);
	/* A message under way frees it; when the whole machine ends, none is delivered. */
	if (!s->isClosed || !s->isPosted)
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
	s->isClosed = 1;
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
	pbuf_free_safe(place.datagram);
	s->address = place.address;
	s->remotePort = place.port;
	xsmcSetInteger(xsResult, (xsIntegerValue)length);
}

/* In lwIP's task. */
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
