/*
 * Datagrams that wait to be read, oldest first, in a fixed number of places; and addresses between the network's order
 * and numbers. The twin is DatagramQueue in host-sim/io/udp.ts. It uses no engine, no operating system and no locks;
 * the caller locks.
 */
#ifndef PORTERO_WAITING_H
#define PORTERO_WAITING_H

#include <stdint.h>

/* lwIP's own sockets keep as many by default. This is 120 ms of RTP, and few enough of the radio's buffers. */
#define WAITING_PLACES 6

typedef struct {
	/* The object that holds the octets. */
	void *datagram;
	uint32_t address;
	uint16_t port;
	uint16_t length;
} waiting_place_t;

typedef struct {
	waiting_place_t places[WAITING_PLACES];
	uint32_t first;
	uint32_t count;
	/* Counts of datagrams that were longer than the buffer they were read into, and of those that found no place. */
	uint32_t cut;
	uint32_t lost;
} waiting_t;

/* @returns 0 if the datagram was not kept, because the queue is full or it is empty and tells nothing */
static inline int waiting_put(waiting_t *w, void *datagram, uint32_t length, uint32_t address, uint16_t port)
{
	waiting_place_t *place;
	uint32_t at;
	if (length == 0 || length > 0xffff)
		return 0;
	if (w->count == WAITING_PLACES) {
		w->lost += 1;
		return 0;
	}
	at = w->first + w->count;
	place = &w->places[at < WAITING_PLACES ? at : at - WAITING_PLACES];
	place->datagram = datagram;
	place->address = address;
	place->port = port;
	place->length = (uint16_t)length;
	w->count += 1;
	return 1;
}

/* @returns 0 if none waits */
static inline int waiting_take(waiting_t *w, waiting_place_t *taken)
{
	if (w->count == 0)
		return 0;
	*taken = w->places[w->first];
	w->first = w->first + 1 == WAITING_PLACES ? 0 : w->first + 1;
	w->count -= 1;
	return 1;
}

/* @returns how many of its octets `room` has place for; counts the datagrams it cuts */
static inline uint32_t waiting_fit(waiting_t *w, const waiting_place_t *taken, uint32_t room)
{
	if (taken->length <= room)
		return taken->length;
	w->cut += 1;
	return room;
}

/* Converts four octets as they are on the wire to a number, and back. */
static inline uint32_t waiting_number(const uint8_t *octets)
{
	return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 | octets[3];
}

static inline void waiting_octets(uint32_t address, uint8_t *octets)
{
	octets[0] = (uint8_t)(address >> 24);
	octets[1] = (uint8_t)(address >> 16);
	octets[2] = (uint8_t)(address >> 8);
	octets[3] = (uint8_t)address;
}

#endif
