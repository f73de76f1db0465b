/*
 * The part of the SDK's modules/io/socket/lwip/tcp.c that matters here, for machines without the SDK: a trigger posts
 * only if none was set before, and a post that fails is not made good. Unlike there, what both tasks use is guarded.
 */
#include "standin.h"

enum { WRITABLE = 1, READABLE = 2, OUTPUT = 8 };
typedef struct {
	struct tcp_pcb *pcb;
	xsMachine *the;
	xsSlot object;
	xsSlot *onReadable;
	uint8_t triggered, uses, isClosed;
	struct pbuf *first;
} tcp_t;
static const xsHostHooks hooks;

static void release(tcp_t *tcp)
{
	int isUnused;
	builtinCriticalSectionBegin();
	tcp->uses -= 1;
	isUnused = tcp->uses == 0;
	builtinCriticalSectionEnd();
	if (isUnused)
		xs_tcp_destructor(tcp);
}

static void deliver(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	tcp_t *tcp = refcon;
	int triggered, isThere;
	(void)message;
	(void)length;
	builtinCriticalSectionBegin();
	triggered = tcp->triggered;
	tcp->triggered = 0;
	isThere = tcp->first != NULL;
	builtinCriticalSectionEnd();
	if (!tcp->isClosed && (triggered & OUTPUT))
		tcp_output_safe(tcp->pcb);
	if (!tcp->isClosed && (triggered & READABLE) && isThere)
		xsCallFunction0(xsReference(tcp->onReadable), tcp->object);
	release(tcp);
}

static void trigger(tcp_t *tcp, uint8_t what)
{
	int mustPost;
	builtinCriticalSectionBegin();
	mustPost = !tcp->triggered && !tcp->isClosed;
	if (!tcp->isClosed)
		tcp->triggered |= what;
	if (mustPost)
		tcp->uses += 1;
	builtinCriticalSectionEnd();
	if (mustPost)
		modMessagePostToMachine(tcp->the, NULL, 0, deliver, tcp);
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	tcp_t *tcp = arg;
	struct pbuf **last = &tcp->first;
	(void)pcb;
	(void)error;
	builtinCriticalSectionBegin();
	while (*last)
		last = &(*last)->next;
	*last = p;
	builtinCriticalSectionEnd();
	trigger(tcp, READABLE);
	return ERR_OK;
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	(void)pcb;
	(void)error;
	trigger(arg, WRITABLE);
	return ERR_OK;
}

void xs_tcp_constructor(xsMachine *the)
{
	tcp_t *tcp = calloc(1, sizeof *tcp);
	tcp->the = the;
	tcp->object = xsThis;
	tcp->onReadable = builtinGetCallback(the, xsID_onReadable);
	tcp->uses = 1;
	tcp->pcb = tcp_new_safe();
	tcp_arg(tcp->pcb, tcp);
	tcp_recv(tcp->pcb, received);
	xsmcSetHostData(xsThis, tcp);
	xsSetHostHooks(xsThis, &hooks);
	tcp_connect_safe(tcp->pcb, IP_ADDR_ANY, 1, connected);
}

void xs_tcp_destructor(void *data)
{
	tcp_t *tcp = data;
	tcp_close_safe(tcp->pcb);
	while (tcp->first) {
		struct pbuf *p = tcp->first;
		tcp->first = p->next;
		pbuf_free_safe(p);
	}
	free(tcp);
}

void xs_tcp_close(xsMachine *the)
{
	tcp_t *tcp = xsmcGetHostData(xsThis);
	xsmcSetHostData(xsThis, NULL);
	builtinCriticalSectionBegin();
	tcp->isClosed = 1;
	tcp->triggered = 0;
	builtinCriticalSectionEnd();
	release(tcp);
}

void xs_tcp_read(xsMachine *the)
{
	tcp_t *tcp = xsmcGetHostDataValidate(xsThis, &hooks);
	for (;;) {
		struct pbuf *p;
		builtinCriticalSectionBegin();
		p = tcp->first;
		if (p)
			tcp->first = p->next;
		builtinCriticalSectionEnd();
		if (!p)
			return;
		memcpy(the_buffer, p->payload, p->len);
		xsResult.number += p->len;
		tcp_recved_safe(tcp->pcb, p->len);
		pbuf_free_safe(p);
	}
}

void xs_tcp_write(xsMachine *the)
{
	tcp_t *tcp = xsmcGetHostDataValidate(xsThis, &hooks);
	tcp_write_safe(tcp->pcb, xsArg(0).object->bytes, 4, 0);
	trigger(tcp, OUTPUT);
}
