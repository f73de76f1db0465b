/*
 * Sound between an I2S port, whose interrupts come every few ms, and a caller that is called for each 20 ms that wait
 * and then reads as much as it writes: two rings of mono samples of 8 kHz, each with one writer and one reader that may
 * be on different cores. Both run by the port's clock, so what waits in the two together stays the same: DUPLEX_LEAD.
 * Frames of the port have two slots of 16 or 32 bits, at 8 or 16 kHz. The twin is duplex.ts, sample for sample. Pure:
 * no engine, no operating system.
 */
#ifndef PORTERO_DUPLEX_H
#define PORTERO_DUPLEX_H

#include <stdint.h>
#include <string.h>

#include "halfband.h"

/* Samples in a ring, a power of two: 128 ms. */
#define DUPLEX_CAPACITY 1024
/* A caller reads and writes so many samples at a time: 20 ms. */
#define DUPLEX_FRAME 160
/* So many samples wait for the speaker if a caller comes in time; being 24 ms late is not heard. */
#define DUPLEX_LEAD 192
/* The sum of the two rings may differ from that by so much: an interrupt of one may come between those of the other. */
#define DUPLEX_LOOSE 80
/* So many samples wait for a caller that is late, and are given to the speaker at once; older ones are left out. */
#define DUPLEX_MOST 640
/* A sample that is put into a DMA buffer is played after those before it: 8 ms later, less what is left for the air. */
#define DUPLEX_AHEAD 32
/* If the two directions differ by so much more than before, an interrupt was missed. */
#define DUPLEX_APART 120
/* Frames that are converted at a time, on the stack of an interrupt. */
#define DUPLEX_PIECE 16

typedef struct {
	int16_t samples[DUPLEX_CAPACITY];
	/* Both count on for ever; their difference is the number of samples that wait. */
	uint32_t written;
	uint32_t taken;
} duplex_ring_t;

typedef struct {
	duplex_ring_t microphone;
	duplex_ring_t speaker;
	/* The samples that were played, kept for the echo canceller; none is taken out. */
	duplex_ring_t played;
	halfband_down_t down;
	halfband_up_t up;
	/* Bits in a slot: 16 or 32; kHz: 8 or 16; slot of the microphone: 0 for the left, 1 for the right. */
	uint8_t bits;
	uint8_t khz;
	uint8_t slot;
	/* Doublings, 0 to 8, for a microphone that never comes near full scale; only in slots of 32 bits. */
	uint8_t shift;
	/* Whether the caller writes, and whether the speaker has run dry since the last write. */
	uint8_t isPlaying;
	uint8_t isDry;
	/* Whether the played samples come back in the slot beside the microphone's. */
	uint8_t isLooped;
	/*
	 * How far the played samples are ahead of the microphone's, in samples since the beginning; and how many the last read
	 * gave.
	 */
	int32_t ahead;
	uint32_t gave;
	/* How often the speaker ran dry. */
	uint32_t gaps;
	/* Samples of silence that were put in because the caller came late, and samples left out because of that. */
	uint32_t missing;
	uint32_t dropped;
} duplex_t;

/* @returns 0 if an option is not one of those above */
static inline int duplex_begin(duplex_t *d, uint32_t bits, uint32_t khz, uint32_t slot, uint32_t shift)
{
	if ((bits != 16 && bits != 32) || (khz != 8 && khz != 16) || slot > 1 || shift > 8)
		return 0;
	memset(d, 0, sizeof *d);
	d->bits = (uint8_t)bits;
	d->khz = (uint8_t)khz;
	d->slot = (uint8_t)slot;
	d->shift = (uint8_t)shift;
	return 1;
}

/* Octets of a frame on the wire. */
static inline uint32_t duplex_frame_bytes(const duplex_t *d)
{
	return d->bits == 32 ? 8 : 4;
}

static inline uint32_t duplex_waiting(const duplex_ring_t *ring)
{
	return __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE) - __atomic_load_n(&ring->taken, __ATOMIC_ACQUIRE);
}

/* Writes to a ring; samples that find no room take the place of the oldest. */
static inline void duplex_put(duplex_ring_t *ring, const int16_t *from, uint32_t count)
{
	uint32_t at = ring->written;
	uint32_t i;
	for (i = 0; i < count; i++)
		ring->samples[(at + i) & (DUPLEX_CAPACITY - 1)] = from[i];
	__atomic_store_n(&ring->written, at + count, __ATOMIC_RELEASE);
}

/* Reads from a ring; the caller knows that the samples wait. */
static inline void duplex_take(duplex_ring_t *ring, int16_t *into, uint32_t count)
{
	uint32_t at = ring->taken;
	uint32_t i;
	for (i = 0; i < count; i++)
		into[i] = ring->samples[(at + i) & (DUPLEX_CAPACITY - 1)];
	__atomic_store_n(&ring->taken, at + count, __ATOMIC_RELEASE);
}

/* The caller begins: what the microphone heard before is dropped. */
static inline void duplex_start(duplex_t *d)
{
	__atomic_store_n(&d->microphone.taken, __atomic_load_n(&d->microphone.written, __ATOMIC_ACQUIRE), __ATOMIC_RELEASE);
}

/* The caller stops: from here on an empty ring of the speaker is no gap. */
static inline void duplex_stop(duplex_t *d)
{
	d->isPlaying = 0;
}

/* Leaves out samples older than DUPLEX_MOST in whole frames, for a caller that is late. @returns samples left out */
static inline uint32_t duplex_leave_out(duplex_t *d)
{
	uint32_t waiting = duplex_waiting(&d->microphone);
	uint32_t over;
	if (waiting < DUPLEX_MOST + DUPLEX_FRAME)
		return 0;
	over = (waiting - DUPLEX_MOST) / DUPLEX_FRAME * DUPLEX_FRAME;
	d->dropped += over;
	__atomic_store_n(&d->microphone.taken, d->microphone.taken + over, __ATOMIC_RELEASE);
	return over;
}

/* @returns whole frames that wait to be read */
static inline uint32_t duplex_frames(const duplex_t *d)
{
	return duplex_waiting(&d->microphone) / DUPLEX_FRAME;
}

/*
 * Reads the microphone's samples, from the oldest that was not left out; silence if there are no more. @returns samples
 * of sound
 */
static inline uint32_t duplex_read(duplex_t *d, int16_t *into, uint32_t count)
{
	uint32_t waiting = duplex_waiting(&d->microphone);
	uint32_t done = waiting < count ? waiting : count;
	if (done > DUPLEX_CAPACITY)
		done = DUPLEX_CAPACITY;
	duplex_take(&d->microphone, into, done);
	d->gave = done;
	memset(into + done, 0, (count - done) * sizeof *into);
	return done;
}

/*
 * Reads the samples that were played while those of the last read were at the microphone, in step with them; silence
 * where they are not known.
 */
static inline void duplex_reference(duplex_t *d, int16_t *into, uint32_t count)
{
	uint32_t written = __atomic_load_n(&d->played.written, __ATOMIC_ACQUIRE);
	int32_t apart = (int32_t)(written - __atomic_load_n(&d->microphone.written, __ATOMIC_ACQUIRE)) - d->ahead;
	uint32_t at, i;
	if (apart > DUPLEX_APART || apart < -DUPLEX_APART)
		d->ahead += apart;
	at = d->microphone.taken - d->gave + (uint32_t)d->ahead - (d->isLooped ? 0 : DUPLEX_AHEAD);
	for (i = 0; i < count; i++, at++)
		into[i] = i < d->gave && written - at - 1 < DUPLEX_CAPACITY ? d->played.samples[at & (DUPLEX_CAPACITY - 1)] : 0;
}

/*
 * Writes sound for the speaker, as many samples as were read before. After a gap, and at first, the time that passed
 * without sound stays silent: if too much waits it is left out here, if too little waits silence comes first.
 */
static inline void duplex_write(duplex_t *d, const int16_t *from, uint32_t count)
{
	static const int16_t silence[DUPLEX_LEAD];
	uint32_t left = count < DUPLEX_MOST ? count : DUPLEX_MOST;
	int32_t over = (int32_t)(duplex_waiting(&d->speaker) + duplex_waiting(&d->microphone)) - DUPLEX_LEAD;
	if (over > DUPLEX_LOOSE)
		left = left > (uint32_t)over ? left - (uint32_t)over : 0;
	if (over < -DUPLEX_LOOSE)
		duplex_put(&d->speaker, silence, (uint32_t)-over);
	d->dropped += count - left;
	duplex_put(&d->speaker, from + count - left, left);
	if (left == 0)
		return;
	d->isDry = 0;
	d->isPlaying = 1;
}

/* Reads one sample of a slot. Octets are in the order of the machine, as DMA leaves them. */
static inline int16_t duplex_slot(const duplex_t *d, const uint8_t *frame, uint32_t slot)
{
	int32_t wide;
	int16_t narrow;
	if (d->bits == 16) {
		memcpy(&narrow, frame + 2 * slot, sizeof narrow);
		return narrow;
	}
	memcpy(&wide, frame + 4 * slot, sizeof wide);
	return halfband_limited(wide >> (16 - d->shift));
}

/* Takes `bytes` octets of whole frames that the port has received. */
static inline void duplex_received(duplex_t *d, const uint8_t *frames, uint32_t bytes)
{
	uint32_t size = duplex_frame_bytes(d);
	uint32_t ratio = d->khz == 16 ? 2 : 1;
	uint32_t left = bytes / (size * ratio);
	int16_t in[2 * DUPLEX_PIECE];
	int16_t out[DUPLEX_PIECE];
	while (left > 0) {
		uint32_t piece = left < DUPLEX_PIECE ? left : DUPLEX_PIECE;
		uint32_t i;
		for (i = 0; i < piece * ratio; i++)
			in[i] = duplex_slot(d, frames + i * size, d->slot);
		if (ratio == 2)
			halfband_down(&d->down, in, out, piece);
		duplex_put(&d->microphone, ratio == 2 ? out : in, piece);
		if (d->isLooped) {
			for (i = 0; i < piece; i++)
				out[i] = duplex_slot(d, frames + i * ratio * size, 1 - d->slot);
			duplex_put(&d->played, out, piece);
		}
		frames += piece * ratio * size;
		left -= piece;
	}
}

/* Gives the next samples for the speaker, with silence for the missing ones. */
static inline void duplex_next(duplex_t *d, int16_t *out, uint32_t count)
{
	uint32_t waiting = duplex_waiting(&d->speaker);
	uint32_t done = waiting < count ? waiting : count;
	duplex_take(&d->speaker, out, done);
	memset(out + done, 0, (count - done) * sizeof *out);
	if (!d->isLooped)
		duplex_put(&d->played, out, count);
	if (!d->isPlaying || done == count)
		return;
	d->missing += count - done;
	if (!d->isDry)
		d->gaps += 1;
	d->isDry = 1;
}

/* Fills `bytes` octets of whole frames that the port is going to send: both slots alike. */
static inline void duplex_fill(duplex_t *d, uint8_t *frames, uint32_t bytes)
{
	uint32_t size = duplex_frame_bytes(d);
	uint32_t ratio = d->khz == 16 ? 2 : 1;
	uint32_t left = bytes / (size * ratio);
	int16_t in[DUPLEX_PIECE];
	int16_t out[2 * DUPLEX_PIECE];
	while (left > 0) {
		uint32_t piece = left < DUPLEX_PIECE ? left : DUPLEX_PIECE;
		uint32_t i;
		duplex_next(d, in, piece);
		if (ratio == 2)
			halfband_up(&d->up, in, out, piece);
		for (i = 0; i < piece * ratio; i++) {
			int16_t sample = ratio == 2 ? out[i] : in[i];
			int32_t wide = (int32_t)((uint32_t)(int32_t)sample << 16);
			memcpy(frames, size == 8 ? (const void *)&wide : (const void *)&sample, size / 2);
			memcpy(frames + size / 2, frames, size / 2);
			frames += size;
		}
		left -= piece;
	}
}

#endif
