/*
 * The machine's task, lwIP's and the others that post, each a thread, around the machine's queue of the real length and
 * wait (MODDEF_TASK_QUEUELENGTH, MODDEF_TASK_QUEUEWAIT). Usage: model SEED EVENTS UDP-SOCKETS TCP-CONNECTIONS. Ends
 * with 0 when all that came was told, 2 at a deadlock, 4 when something came that nobody was told of. Time is virtual:
 * a timer of lwIP's fires when its task has nothing else to do. With ONE_CORE the threads change only where they call
 * the kernel; with NO_TIMERS no timer fires.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "standin.h"

/* The class of service that the datagram sockets ask for. */
#define DSCP 46

enum { SOCKETS_MOST = 16, INPUTS = 6, RADIO_MOST = 8, MAILBOX = 32, TIMERS_MOST = 4, BURST_MOST = 40, CROWD_MOST = 3 };
enum { MACHINE, LWIP, OTHERS, TASKS };
enum { RUNS, WANTS_MESSAGE, WANTS_ROOM, WANTS_ANSWER, WANTS_MAILBOX_ROOM, WANTS_MAIL, WANTS_BURST };
static const char *const WAITS[] = {"runs", "waits for a message", "waits for room in the machine's queue",
	"waits for lwIP's answer", "waits for room in lwIP's mailbox", "waits for mail", "waits for its turn"};

typedef struct {
	modMessageDeliver deliver;
	void *refcon;
} message_t;
typedef struct {
	void (*function)(void *arg);
	void *arg;
	tcpip_api_call_fn call;
	struct tcpip_api_call_data *data;
	int *isDone;
} mail_t;

static pthread_mutex_t kernel = PTHREAD_MUTEX_INITIALIZER, critical = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Thread_local int task;
/* Under `kernel`. */
static int waits[TASKS];
static message_t queue[MODDEF_TASK_QUEUELENGTH];
static uint32_t queueFirst, queueCount, queueMost, postsFailed;
static mail_t mailbox[MAILBOX];
static uint32_t mailFirst, mailCount, bursts;
static int isStarted, isLwipOver, isOthersOver;
static uint8_t isInputPosted[INPUTS], isInputTriggered[INPUTS];
static uint32_t radioPosted, radioDelivered;
static uint32_t udpMost, tcpMost;
static int32_t eventsLeft;
/* Only lwIP's task uses it. */
static struct udp_pcb *udps;
static struct tcp_pcb *tcps;
static struct { void (*handler)(void *arg); void *arg; } timers[TIMERS_MOST];
static uint32_t timerCount;
/* Only the machine's task uses it. */
static xsMachine machine;
static object_t udpObjects[SOCKETS_MOST], udpOptions[SOCKETS_MOST], tcpObjects[SOCKETS_MOST], tcpOptions[SOCKETS_MOST];
static object_t buffer, functions[3];
static uint32_t told;
static int isJobPosted;

int64_t the_argument;
uint8_t the_buffer[0x10000];
ip_addr_t any_address;

static _Thread_local uint32_t noise;
static uint32_t random_below(uint32_t most)
{
	noise = noise * 1664525u + 1013904223u;
	return (noise >> 8) % most;
}

void standin_fail(const char *text, ...)
{
	va_list list;
	va_start(list, text);
	vfprintf(stderr, text, list);
	va_end(list);
	fputc('\n', stderr);
	_Exit(3);
}

static void lock(void)
{
#ifndef ONE_CORE
	pthread_mutex_lock(&kernel);
#endif
}

static void unlock(void)
{
#ifdef ONE_CORE
	pthread_mutex_unlock(&kernel);
	if (random_below(2))
		sched_yield();
	pthread_mutex_lock(&kernel);
#else
	pthread_mutex_unlock(&kernel);
#endif
}

static void deadlock(void)
{
	printf("deadlock: the machine %s, lwIP's task %s\n", WAITS[waits[MACHINE]], WAITS[waits[LWIP]]);
	fflush(stdout);
	_Exit(2);
}

/*
 * Under `kernel`; `waits` is RUNS again when the caller's loop ends. Only the machine makes room in its queue, only
 * lwIP's task answers and empties its mailbox.
 */
static void wait_for(int what)
{
	int isNew = waits[task] != what;
	int m, l;
	waits[task] = what;
	m = waits[MACHINE];
	l = waits[LWIP];
	if (queueCount == MODDEF_TASK_QUEUELENGTH 
		&& (m == WANTS_ROOM || (l == WANTS_ROOM && (m == WANTS_ANSWER || m == WANTS_MAILBOX_ROOM))))
		deadlock();
	if (isNew)
		pthread_cond_broadcast(&changed);
	pthread_cond_wait(&changed, &kernel);
}

void builtinCriticalSectionBegin(void)
{
#ifndef ONE_CORE
	pthread_mutex_lock(&critical);
#endif
}

void builtinCriticalSectionEnd(void)
{
#ifndef ONE_CORE
	pthread_mutex_unlock(&critical);
#endif
}

/* Works as xQueueSendToBack() with that many ticks: here a wait has no end, or there is none. */
static int send_to_back(modMessageDeliver deliver, void *refcon, uint32_t ticks)
{
	lock();
	while (queueCount == MODDEF_TASK_QUEUELENGTH && ticks > 0)
		wait_for(WANTS_ROOM);
	waits[task] = RUNS;
	if (queueCount == MODDEF_TASK_QUEUELENGTH) {
		postsFailed += 1;
		unlock();
		return -2;
	}
	queue[(queueFirst + queueCount) % MODDEF_TASK_QUEUELENGTH] = (message_t){deliver, refcon};
	queueCount += 1;
	if (queueCount > queueMost)
		queueMost = queueCount;
	pthread_cond_broadcast(&changed);
	unlock();
	return 0;
}

int modMessagePostToMachine(xsMachine *the, uint8_t *message, uint16_t length, modMessageDeliver callback, void *refcon)
{
	(void)the;
	(void)message;
	(void)length;
	return send_to_back(callback, refcon, MODDEF_TASK_QUEUEWAIT);
}

static void mail(mail_t it)
{
	int isDone = 0;
	lock();
	while (mailCount == MAILBOX)
		wait_for(WANTS_MAILBOX_ROOM);
	if (it.call)
		it.isDone = &isDone;
	mailbox[(mailFirst + mailCount) % MAILBOX] = it;
	mailCount += 1;
	pthread_cond_broadcast(&changed);
	while (it.call && !isDone)
		wait_for(WANTS_ANSWER);
	waits[task] = RUNS;
	unlock();
}

err_t tcpip_api_call(tcpip_api_call_fn function, struct tcpip_api_call_data *data)
{
	if (task == LWIP)
		standin_fail("lwIP's task called itself");
	mail((mail_t){.call = function, .data = data});
	return data->error;
}

void sys_timeout(uint32_t ms, void (*handler)(void *arg), void *arg)
{
	(void)ms;
	if (task != LWIP || timerCount == TIMERS_MOST)
		standin_fail("a timer of lwIP's outside its task, or too many");
#ifdef NO_TIMERS
	return;
#endif
	timers[timerCount].handler = handler;
	timers[timerCount++].arg = arg;
}

/* pbufs */
struct pbuf *pbuf_alloc(int layer, u16_t length, int type)
{
	struct pbuf *p = calloc(1, sizeof *p);
	(void)layer;
	(void)type;
	p->payload = p->octets;
	p->len = p->tot_len = length;
	return p;
}
err_t pbuf_take(struct pbuf *p, const void *from, u16_t length) { memcpy(p->payload, from, length); return ERR_OK; }
u16_t pbuf_copy_partial(const struct pbuf *p, void *into, u16_t length, u16_t offset)
{
	memcpy(into, (const uint8_t *)p->payload + offset, length);
	return length;
}
u8_t pbuf_free(struct pbuf *p) { free(p); return 1; }
static void free_mailed(void *p) { free(p); }
u8_t pbuf_free_safe(struct pbuf *p) { mail((mail_t){.function = free_mailed, .arg = p}); return 1; }

/* UDP, in lwIP's task */
static void in_lwip(void)
{
	if (task != LWIP)
		standin_fail("not in lwIP's task");
}
struct udp_pcb *udp_new(void) { in_lwip(); return calloc(1, sizeof(struct udp_pcb)); }
err_t udp_bind(struct udp_pcb *pcb, const ip_addr_t *ip, u16_t port)
{
	in_lwip();
	(void)ip;
	pcb->local_port = port;
	pcb->next = udps;
	udps = pcb;
	return ERR_OK;
}
void udp_recv(struct udp_pcb *pcb, udp_recv_fn recv, void *arg) { in_lwip(); pcb->recv = recv; pcb->arg = arg; }
void udp_remove(struct udp_pcb *pcb)
{
	struct udp_pcb **link = &udps;
	in_lwip();
	while (*link != pcb)
		link = &(*link)->next;
	*link = pcb->next;
	free(pcb);
}
err_t udp_sendto(struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *to, u16_t port)
{
	in_lwip();
	(void)p;
	(void)to;
	(void)port;
	/* The class of service is the upper six bits. RFC 2474 */
	if (pcb->tos != DSCP << 2)
		standin_fail("a datagram asks for class %d", pcb->tos);
	return ERR_OK;
}

/* TCP: calls from the machine's task, as modLwipSafe.c makes them */
typedef struct { struct tcpip_api_call_data data; struct tcp_pcb *pcb; } tcp_call_t;
static err_t add_tcp(struct tcpip_api_call_data *data)
{
	tcp_call_t *call = (tcp_call_t *)data;
	call->pcb = calloc(1, sizeof *call->pcb);
	return ERR_OK;
}
static err_t remove_tcp(struct tcpip_api_call_data *data)
{
	struct tcp_pcb **link = &tcps, *pcb = ((tcp_call_t *)data)->pcb;
	while (*link && *link != pcb)
		link = &(*link)->next;
	if (*link)
		*link = pcb->next;
	/* A socket that still connects is not freed: its mail may be on its way. */
	return ERR_OK;
}
static err_t nothing(struct tcpip_api_call_data *data) { (void)data; return ERR_OK; }
static void connected(void *arg)
{
	struct tcp_pcb *pcb = arg;
	pcb->next = tcps;
	tcps = pcb;
	if (pcb->recv)
		pcb->connected(pcb->arg, pcb, ERR_OK);
}
struct tcp_pcb *tcp_new_safe(void)
{
	tcp_call_t call = {0};
	tcpip_api_call(add_tcp, &call.data);
	return call.pcb;
}
err_t tcp_bind_safe(struct tcp_pcb *pcb, const ip_addr_t *ip, u16_t port)
{
	(void)pcb; (void)ip; (void)port; return ERR_OK;
}
struct tcp_pcb *tcp_listen_safe(struct tcp_pcb *pcb) { return pcb; }
err_t tcp_connect_safe(struct tcp_pcb *pcb, const ip_addr_t *ip, u16_t port, tcp_connected_fn function)
{
	(void)ip;
	(void)port;
	pcb->connected = function;
	mail((mail_t){.function = connected, .arg = pcb});
	return ERR_OK;
}
void tcp_close_safe(struct tcp_pcb *pcb) { tcp_call_t call = {.pcb = pcb}; tcpip_api_call(remove_tcp, &call.data); }
void tcp_output_safe(struct tcp_pcb *pcb) { tcp_call_t call = {.pcb = pcb}; tcpip_api_call(nothing, &call.data); }
err_t tcp_write_safe(struct tcp_pcb *pcb, const void *data, u16_t length, u8_t flags)
{
	tcp_call_t call = {.pcb = pcb};
	(void)data;
	(void)length;
	(void)flags;
	return tcpip_api_call(nothing, &call.data);
}
static void received_window(void *arg) { (void)arg; }
void tcp_recved_safe(struct tcp_pcb *pcb, u16_t length)
{
	(void)length; mail((mail_t){.function = received_window, .arg = pcb});
}

/* lwIP's task: datagrams and octets that come in bursts, and calls of the machine. */
static void receive_one(void)
{
	uint32_t skip = random_below(udpMost + tcpMost);
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, 8, PBUF_RAM);
	ip_addr_t from = {0x0100007f};
	struct udp_pcb *udp = udps;
	struct tcp_pcb *tcp = tcps;
	if (skip < udpMost) {
		for (; udp && skip > 0; skip--)
			udp = udp->next;
		if (udp && udp->recv) {
			udp->recv(udp->arg, udp, p, &from, 5060);
			return;
		}
	} else {
		for (skip -= udpMost; tcp && skip > 0; skip--)
			tcp = tcp->next;
		if (tcp && tcp->recv) {
			tcp->recv(tcp->arg, tcp, p, ERR_OK);
			return;
		}
	}
	pbuf_free(p);
}

static void *run_lwip(void *seed)
{
	uint32_t burst = 0, crowd = 0;
	task = LWIP;
	noise = (uint32_t)(uintptr_t)seed * 77u + 1;
#ifdef ONE_CORE
	pthread_mutex_lock(&kernel);
#endif
	for (;;) {
		mail_t it;
		lock();
		/* Between two bursts the machine gets on, but not always to the end. */
		while (burst == 0 && mailCount == 0) {
			int isIdle = waits[MACHINE] == WANTS_MESSAGE && queueCount == 0;
			int isPaced = isStarted && eventsLeft > 0 && (isIdle || (crowd < CROWD_MOST && random_below(8) == 0));
			if (isPaced) {
				crowd = isIdle ? 0 : crowd + 1;
				burst = 1 + random_below(BURST_MOST);
				bursts += 1;
				pthread_cond_broadcast(&changed);
				break;
			}
			if (timerCount > 0 && (isIdle || random_below(8) == 0))
				break;
			if (eventsLeft <= 0 && timerCount == 0 && !isLwipOver) {
				isLwipOver = 1;
				pthread_cond_broadcast(&changed);
			}
			if (waits[MACHINE] == RUNS && ((eventsLeft > 0 && crowd < CROWD_MOST) || timerCount > 0)) {
				pthread_mutex_unlock(&kernel);
				sched_yield();
				pthread_mutex_lock(&kernel);
				continue;
			}
			wait_for(WANTS_MAIL);
		}
		waits[LWIP] = RUNS;
		if (mailCount > 0 && (burst == 0 || random_below(4) == 0)) {
			it = mailbox[mailFirst];
			mailFirst = (mailFirst + 1) % MAILBOX;
			mailCount -= 1;
			if (waits[MACHINE] == WANTS_MAILBOX_ROOM)
				waits[MACHINE] = RUNS;
			pthread_cond_broadcast(&changed);
			unlock();
			if (it.function)
				it.function(it.arg);
			else {
				it.data->error = it.call(it.data);
				lock();
				*it.isDone = 1;
				waits[MACHINE] = RUNS;
				pthread_cond_broadcast(&changed);
				unlock();
			}
			continue;
		}
		if (burst > 0) {
			burst -= 1;
			eventsLeft -= 1;
			unlock();
			receive_one();
			continue;
		}
		unlock();
		if (timerCount > 0) {
			timerCount -= 1;
			timers[timerCount].handler(timers[timerCount].arg);
		}
	}
	return NULL;
}

/* Interrupts of pins, which never wait, and the radio's task. */
static void input_delivered(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	(void)the;
	(void)message;
	(void)length;
	lock();
	isInputPosted[(uintptr_t)refcon] = isInputTriggered[(uintptr_t)refcon] = 0;
	pthread_cond_broadcast(&changed);
	unlock();
}
static void radio_delivered(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	(void)the;
	(void)refcon;
	(void)message;
	(void)length;
	lock();
	radioDelivered += 1;
	pthread_cond_broadcast(&changed);
	unlock();
}

static void *run_others(void *seed)
{
	uint32_t seen = 0;
	task = OTHERS;
	noise = (uint32_t)(uintptr_t)seed * 99u + 7;
#ifdef ONE_CORE
	pthread_mutex_lock(&kernel);
#endif
	for (;;) {
		uint32_t i, radio;
		lock();
		while (seen == bursts && !isLwipOver)
			wait_for(WANTS_BURST);
		waits[OTHERS] = RUNS;
		if (seen == bursts)
			break;
		seen = bursts;
		unlock();
		for (i = 0; i < INPUTS; i++) {
			int mustPost;
			lock();
			mustPost = !isInputTriggered[i];
			isInputTriggered[i] = 1;
			unlock();
			if (mustPost && send_to_back(input_delivered, (void *)(uintptr_t)i, 0) == 0) {
				lock();
				isInputPosted[i] = 1;
				unlock();
			}
		}
		lock();
		radio = RADIO_MOST - (radioPosted - radioDelivered);
		radioPosted += radio;
		unlock();
		for (i = 0; i < radio; i++)
			if (modMessagePostToMachine(&machine, NULL, 0, radio_delivered, NULL) != 0)
				radio_delivered(NULL, NULL, NULL, 0);
	}
	isOthersOver = 1;
	pthread_cond_broadcast(&changed);
	unlock();
#ifdef ONE_CORE
	pthread_mutex_unlock(&kernel);
#endif
	return NULL;
}

/* The machine's task. */
xsSlot *builtinGetCallback(xsMachine *the, xsIdentifier id)
{
	object_t *options = the->arguments[0].object;
	return options->has[id] ? &options->properties[id] : NULL;
}

void standin_call(void *it, xsSlot function, xsSlot self)
{
	xsMachine *the = it;
	xsSlot before = the->self;
	told += 1;
	the->self = self;
	function.object->function(the, self.object);
	the->self = before;
}

static void make(object_t *object, object_t *options, int port, void (*constructor)(xsMachine *the))
{
	xsMachine *the = &machine;
	xsSlot before = the->self;
	uint32_t is_udp = constructor == xs_datagram_constructor;
	options->has[xsID_address] = options->has[xsID_port] = options->has[xsID_onReadable] = 1;
	options->properties[xsID_port].number = port;
	options->properties[xsID_onReadable].object = &functions[is_udp ? 0 : 1];
	options->has[xsID_dscp] = is_udp;
	options->properties[xsID_dscp].number = DSCP;
	if (!is_udp) {
		options->has[xsID_onWritable] = options->has[xsID_onError] = 1;
		options->properties[xsID_onWritable].object = options->properties[xsID_onError].object = &functions[2];
	}
	the->self.object = object;
	the->arguments[0].object = options;
	the->count = 1;
	constructor(the);
	the->self = before;
}

static void call_on(object_t *object, void (*method)(xsMachine *the), object_t *argument)
{
	xsMachine *the = &machine;
	xsSlot before = the->self;
	the->self.object = object;
	the->arguments[0].object = argument;
	the->count = argument ? 1 : 0;
	the->result.number = 0;
	the->result.object = NULL;
	method(the);
	the->self = before;
}

static void job_done(void *the, void *refcon, uint8_t *message, uint16_t length)
{
	(void)the;
	(void)refcon;
	(void)message;
	(void)length;
	isJobPosted = 0;
}

static void send_udp(object_t *object)
{
	machine.arguments[1].number = 0;
	machine.arguments[2].number = 8;
	machine.arguments[3].number = 0x7f000001;
	machine.arguments[4].number = 5060;
	call_on(object, xs_datagram_write, &buffer);
}

/* Reads all there is, answers, and now and then opens this socket or another one anew; it may settle a promise too. */
static void on_udp(xsMachine *the, object_t *self)
{
	uint32_t other = random_below(udpMost);
	do
		call_on(self, xs_datagram_read, &buffer);
	while (the->result.number > 0);
	send_udp(self);
	if (random_below(20) == 0) {
		call_on(&udpObjects[other], xs_datagram_close, NULL);
		make(&udpObjects[other], &udpOptions[other], 5000 + (int)other, xs_datagram_constructor);
	}
	if (!isJobPosted) {
		isJobPosted = 1;
		if (modMessagePostToMachine(the, NULL, 0, job_done, NULL) != 0)
			isJobPosted = 2;
	}
}

static void on_tcp(xsMachine *the, object_t *self)
{
	uint32_t i = (uint32_t)(self - tcpObjects);
	(void)the;
	call_on(self, xs_tcp_read, NULL);
	if (random_below(30) == 0) {
		call_on(self, xs_tcp_close, NULL);
		make(self, &tcpOptions[i], 5060, xs_tcp_constructor);
	}
}

static void on_writable(xsMachine *the, object_t *self)
{
	(void)the;
	call_on(self, xs_tcp_write, &buffer);
}

static int run_machine(void)
{
	uint32_t i, deafUdp = 0, deafTcp = 0, deafInputs = 0;
	functions[0].function = on_udp;
	functions[1].function = on_tcp;
	functions[2].function = on_writable;
	buffer.bytes = the_buffer;
	buffer.size = 16;
	for (i = 0; i < udpMost; i++)
		make(&udpObjects[i], &udpOptions[i], 5000 + (int)i, xs_datagram_constructor);
	for (i = 0; i < tcpMost; i++)
		make(&tcpObjects[i], &tcpOptions[i], 5060, xs_tcp_constructor);
	lock();
	isStarted = 1;
	unlock();
	for (;;) {
		message_t message;
		lock();
		while (queueCount == 0 && !(isLwipOver && isOthersOver && mailCount == 0 && waits[LWIP] == WANTS_MAIL))
			wait_for(WANTS_MESSAGE);
		waits[MACHINE] = RUNS;
		if (queueCount == 0)
			break;
		message = queue[queueFirst];
		queueFirst = (queueFirst + 1) % MODDEF_TASK_QUEUELENGTH;
		queueCount -= 1;
		pthread_cond_broadcast(&changed);
		unlock();
		message.deliver(&machine, message.refcon, NULL, 0);
	}
	unlock();
	for (i = 0; i < udpMost; i++) {
		call_on(&udpObjects[i], xs_datagram_read, &buffer);
		deafUdp += machine.result.number > 0;
	}
	for (i = 0; i < tcpMost; i++) {
		the_buffer[0] = 0;
		memset(the_buffer, 0xaa, 16);
		call_on(&tcpObjects[i], xs_tcp_read, NULL);
		deafTcp += the_buffer[1] != 0xaa;
	}
	for (i = 0; i < INPUTS; i++)
		deafInputs += isInputTriggered[i];
	printf("%s: udp %u, tcp %u, inputs %u, jobs %u; told %u, posts failed %u, queue at most %u of %u\n",
		deafUdp + deafTcp + deafInputs + (isJobPosted == 2) ? "deaf" : "all told", deafUdp, deafTcp, deafInputs,
		isJobPosted == 2, told, postsFailed, queueMost, MODDEF_TASK_QUEUELENGTH);
	fflush(stdout);
	return deafUdp + deafTcp + deafInputs + (isJobPosted == 2) ? 4 : 0;
}

int main(int count, char **words)
{
	pthread_t lwip, others;
	uint32_t seed;
	int code;
	if (count != 5)
		return 1;
	seed = (uint32_t)atoi(words[1]);
	eventsLeft = atoi(words[2]);
	udpMost = (uint32_t)atoi(words[3]);
	tcpMost = (uint32_t)atoi(words[4]);
	task = MACHINE;
	noise = seed * 55u + 3;
#ifdef ONE_CORE
	pthread_mutex_lock(&kernel);
#endif
	pthread_create(&lwip, NULL, run_lwip, (void *)(uintptr_t)seed);
	pthread_create(&others, NULL, run_others, (void *)(uintptr_t)seed);
	code = run_machine();
	_Exit(code);
}
