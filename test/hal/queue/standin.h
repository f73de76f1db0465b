/*
 * The functions of XS, FreeRTOS and lwIP that datagram-esp32.c and the SDK's tcp.c call, for two threads on the host:
 * the machine's task and lwIP's. Tasks wait as on the chip, for the queue, the mailbox and the answer; model.c finds
 * when both wait for each other.
 */
#ifndef PORTERO_QUEUE_STANDIN_H
#define PORTERO_QUEUE_STANDIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ESP32 1
#define portMAX_DELAY 0xffffffffu
#define ICACHE_RODATA_ATTR
#define c_calloc calloc
#define c_malloc malloc
#define c_free free
#define c_memmove memmove

/* XS: a slot is a number or an object; an object has the properties that these sources read. */
typedef struct machine xsMachine;
typedef struct object object_t;
typedef struct {
	object_t *object;
	int64_t number;
} xsSlot;
typedef int32_t xsIntegerValue;
typedef uint32_t xsUnsignedValue;
typedef int xsBooleanValue;
typedef int xsIdentifier;
typedef void (*xsMarkRoot)(xsMachine *the, xsSlot *slot);
typedef struct {
	void (*destructor)(void *data);
	void (*mark)(xsMachine *the, void *it, xsMarkRoot markRoot);
	void *after;
} xsHostHooks;
typedef void (*function_t)(xsMachine *the, object_t *self);
enum {
	xsID_address = 1, xsID_port, xsID_from, xsID_nodelay, xsID_onReadable, xsID_onWritable, xsID_onError, xsID_dscp,
	xsID_group,
	PROPERTIES
};
struct object {
	void *host;
	const void *hooks;
	function_t function;
	uint8_t *bytes;
	uint32_t size;
	uint8_t has[PROPERTIES];
	xsSlot properties[PROPERTIES];
};
struct machine {
	xsSlot self, result, arguments[6], variables[2];
	int count;
};
#define xsThis (the->self)
#define xsResult (the->result)
#define xsArg(i) (the->arguments[i])
#define xsVar(i) (the->variables[i])
#define xsmcArgc (the->count)
#define xsmcVars(count) ((void)0)
#define xsmcHas(slot, id) ((slot).object->has[id])
#define xsmcGet(to, slot, id) ((to) = (slot).object->properties[id])
#define xsmcToInteger(slot) ((xsIntegerValue)(slot).number)
#define xsmcToUnsigned(slot) ((xsUnsignedValue)(slot).number)
#define xsmcTest(slot) ((slot).number != 0)
#define xsmcToBoolean(slot) ((slot).number != 0)
#define xsmcToStringBuffer(slot, buffer, size) ((void)(slot), "192.0.2.1")
#define xsmcToString(slot) ((char *)(slot).object->bytes)
#define xsStringBuffer(from, size) (the->result)
#define xsReferenceType 1
#define xsmcTypeOf(slot) ((slot).object ? xsReferenceType : 0)
#define xsmcSetInteger(slot, value) ((slot).number = (value))
#define xsmcSetUnsigned xsmcSetInteger
#define xsmcSetBoolean xsmcSetInteger
#define xsmcSetHostData(slot, data) ((slot).object->host = (data))
#define xsmcGetHostData(slot) ((slot).object->host)
#define xsmcGetHostDataValidate(slot, what) ((slot).object->hooks == (what) ? (slot).object->host : NULL)
#define xsmcSetHostDestructor(slot, destructor) ((void)0)
#define xsSetHostHooks(slot, what) ((slot).object->hooks = (what))
#define xsRemember(slot) ((void)0)
#define xsForget(slot) ((void)0)
#define xsBeginHost(it) { xsMachine *host = (it), *the = host; (void)the;
#define xsEndHost(the) }
#define xsReference(slot) (*(slot))
#define xsCallFunction0(function, self) standin_call(the, function, self)
#define xsCallFunction1(function, self, argument) (the_argument = (argument).number, standin_call(the, function, self))
#define xsTrace(text) standin_fail(text)
#define xsUnknownError(...) standin_fail(__VA_ARGS__)
#define xsRangeError(...) standin_fail(__VA_ARGS__)
#define xsmcGetBufferReadable(slot, data, length) (*(data) = (slot).object->bytes, *(length) = (slot).object->size)
#define xsmcGetBufferWritable xsmcGetBufferReadable
#define xsmcSetArrayBuffer(slot, data, size) (the_buffer)
extern int64_t the_argument;
extern uint8_t the_buffer[0x10000];
void standin_call(void *the, xsSlot function, xsSlot self);
_Noreturn void standin_fail(const char *text, ...);

enum { kIOFormatNumber = 1, kIOFormatBuffer = 2, kIOFormatSocketTCP = 4 };
#define CHECK_NETWORK_SAFE() ((void)0)
#define builtinInitIO() ((void)0)
#define builtinInitializeTarget(the) ((void)0)
#define builtinInitializeFormat(the, format) (format)
#define builtinGetFormat(the, format) ((void)(format))
#define builtinSetFormat(the) (kIOFormatBuffer)
#define builtinGetSignedInteger(the, slot) ((int)(slot)->number)
#define modInstrumentationAdjust(name, by) ((void)0)
xsSlot *builtinGetCallback(xsMachine *the, xsIdentifier id);
void builtinCriticalSectionBegin(void);
void builtinCriticalSectionEnd(void);

typedef void (*modMessageDeliver)(void *the, void *refcon, uint8_t *message, uint16_t length);
int modMessagePostToMachine(xsMachine *the, uint8_t *message, uint16_t length, modMessageDeliver callback,
	void *refcon);

/* lwIP. */
typedef int8_t err_t;
typedef uint8_t u8_t;
typedef uint16_t u16_t;
enum { ERR_OK = 0, ERR_MEM = -1, ERR_USE = -8 };
typedef struct { uint32_t addr; } ip4_addr_t;
typedef ip4_addr_t ip_addr_t;
#define ip_2_ip4(ip) (ip)
#define IP_IS_V4(ip) ((ip) != NULL)
#define IP_ADDR4(ip, a, b, c, d) \
	((ip)->addr = (uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define IP_ADDR_ANY (&any_address)
extern ip_addr_t any_address;
#define ipaddr_aton(text, ip) ((void)(text), (ip)->addr = 1, 1)
#define ipaddr_ntoa_r(ip, text, size) ((void)(ip))
enum { PBUF_TRANSPORT, PBUF_RAM, SOF_REUSEADDR = 4, TCP_WRITE_FLAG_COPY = 1, TCP_WRITE_FLAG_MORE = 2 };
struct pbuf {
	struct pbuf *next;
	void *payload;
	u16_t tot_len;
	u16_t len;
	uint8_t octets[16];
};
struct pbuf *pbuf_alloc(int layer, u16_t length, int type);
err_t pbuf_take(struct pbuf *p, const void *from, u16_t length);
u16_t pbuf_copy_partial(const struct pbuf *p, void *into, u16_t length, u16_t offset);
u8_t pbuf_free(struct pbuf *p);
u8_t pbuf_free_safe(struct pbuf *p);

struct udp_pcb;
typedef void (*udp_recv_fn)(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port);
struct udp_pcb {
	udp_recv_fn recv;
	void *arg;
	u16_t local_port;
	u8_t tos;
	uint8_t so_options;
	struct udp_pcb *next;
};
struct udp_pcb *udp_new(void);
err_t udp_bind(struct udp_pcb *pcb, const ip_addr_t *ip, u16_t port);
void udp_recv(struct udp_pcb *pcb, udp_recv_fn recv, void *arg);
void udp_remove(struct udp_pcb *pcb);
#define ip_set_option(pcb, option) ((pcb)->so_options |= (option))
#define igmp_joingroup(local, group) ((void)(local), (void)(group), ERR_OK)
#define igmp_leavegroup(local, group) ((void)(local), (void)(group))
#define udp_set_multicast_netif_addr(pcb, local) ((void)(pcb), (void)(local))
#define udp_set_multicast_ttl(pcb, ttl) ((void)(pcb), (void)(ttl))
err_t udp_sendto(struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *to, u16_t port);

struct tcp_pcb;
typedef err_t (*tcp_connected_fn)(void *arg, struct tcp_pcb *pcb, err_t error);
typedef err_t (*tcp_accept_fn)(void *arg, struct tcp_pcb *pcb, err_t error);
typedef err_t (*tcp_recv_fn)(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error);
typedef err_t (*tcp_sent_fn)(void *arg, struct tcp_pcb *pcb, u16_t length);
typedef void (*tcp_err_fn)(void *arg, err_t error);
struct tcp_pcb {
	void *arg;
	tcp_connected_fn connected;
	tcp_recv_fn recv;
	tcp_sent_fn sent;
	tcp_err_fn errf;
	uint8_t so_options;
	u16_t remote_port, local_port;
	ip_addr_t remote_ip;
	struct tcp_pcb *next;
};
#define tcp_sndbuf(pcb) ((void)(pcb), 5744)
#define tcp_nagle_disable(pcb) ((void)(pcb))
#define tcp_nagle_enable(pcb) ((void)(pcb))
#define tcp_arg(pcb, it) ((pcb)->arg = (it))
#define tcp_recv(pcb, it) ((pcb)->recv = (it))
#define tcp_sent(pcb, it) ((pcb)->sent = (it))
#define tcp_err(pcb, it) ((pcb)->errf = (it))
#define tcp_accept(pcb, it) ((void)(pcb), (void)(it))
#define tcp_accepted(pcb) ((void)(pcb))
struct tcp_pcb *tcp_new_safe(void);
err_t tcp_bind_safe(struct tcp_pcb *pcb, const ip_addr_t *ip, u16_t port);
struct tcp_pcb *tcp_listen_safe(struct tcp_pcb *pcb);
err_t tcp_connect_safe(struct tcp_pcb *pcb, const ip_addr_t *ip, u16_t port, tcp_connected_fn connected);
void tcp_close_safe(struct tcp_pcb *pcb);
void tcp_output_safe(struct tcp_pcb *pcb);
err_t tcp_write_safe(struct tcp_pcb *pcb, const void *data, u16_t length, u8_t flags);
void tcp_recved_safe(struct tcp_pcb *pcb, u16_t length);

struct tcpip_api_call_data {
	err_t error;
};
typedef err_t (*tcpip_api_call_fn)(struct tcpip_api_call_data *call);
err_t tcpip_api_call(tcpip_api_call_fn function, struct tcpip_api_call_data *call);
void sys_timeout(uint32_t ms, void (*handler)(void *arg), void *arg);

/* Functions of the sources under test. */
void xs_datagram_constructor(xsMachine *the);
void xs_datagram_destructor(void *data);
void xs_datagram_close(xsMachine *the);
void xs_datagram_read(xsMachine *the);
void xs_datagram_write(xsMachine *the);
void xs_tcp_constructor(xsMachine *the);
void xs_tcp_destructor(void *data);
void xs_tcp_close(xsMachine *the);
void xs_tcp_read(xsMachine *the);
void xs_tcp_write(xsMachine *the);
void xs_listener_destructor_(void *data);

#endif
