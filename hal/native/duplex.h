/*
 * Sound between an I2S port, whose interrupts come every 10 ms, and a caller who comes about every 20 ms: two rings of mono
 * samples of 8 kHz, each with one writer and one reader that may be on different cores. Frames of the port have two slots of 16
 * or 32 bits, at 8 or 16 kHz. The twin is duplex.ts, sample for sample. Pure: no engine, no operating system.
 */
#ifndef PORTERO_DUPLEX_H
#define PORTERO_DUPLEX_H

#include <stdint.h>
#include <string.h>

#include "halfband.h"

/* Samples in a ring, a power of two: 128 ms. */
#define DUPLEX_CAPACITY 1024
/* The speaker begins, and begins again after a gap, with so much: a caller late by 20 ms is not heard. */
#define DUPLEX_BEGIN 240
/* Nobody waits longer than this: what is older is left out. */
#define DUPLEX_MOST 640
/* What the microphone's reader leaves for its next call when it leaves something out. */
#define DUPLEX_SPARE 80
/* A sample that is put into a DMA buffer is played when those before it are: 20 ms later, less what is left for the air. */
#define DUPLEX_AHEAD 128
/* When the two directions are further apart than before by so much, an interrupt was missed. */
#define DUPLEX_APART 120
/* Frames that are converted at a time, on the stack of an interrupt. */
#define DUPLEX_PIECE 16

typedef struct {
	int16_t samples[DUPLEX_CAPACITY];
	/* Both count on for ever; their difference is what waits. */
	uint32_t written;
	uint32_t taken;
} duplex_ring_t;

typedef struct {
	duplex_ring_t microphone;
	duplex_ring_t speaker;
	/* What was played, kept for the echo canceller; nobody takes it. */
	duplex_ring_t played;
	halfband_down_t down;
	halfband_up_t up;
	/* 16 or 32 bits in a slot; 8 or 16 kHz; 0: the microphone is in the left slot, 1: in the right. */
	uint8_t bits;
	uint8_t khz;
	uint8_t slot;
	/* For a microphone that never comes near full scale: doublings, 0 to 8, in slots of 32 bits. */
	uint8_t shift;
	uint8_t isPlaying;
	/* What is played comes back in the slot beside the microphone's. */
	uint8_t isLooped;
	/* How far the played samples are ahead of the microphone's, in samples since the beginning; and how many the last read gave. */
	int32_t ahead;
	uint32_t gave;
	/* Samples: silence that was put in because the caller came late, and sound left out because it came early. */
	uint32_t missing;
	uint32_t dropped;
} duplex_t;

/* @returns 0 when an option is not one of those above */
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

/* The writer's side: what finds no room takes the place of the oldest. */
static inline void duplex_put(duplex_ring_t *ring, const int16_t *from, uint32_t count)
{
	uint32_t at = ring->written;
	uint32_t i;
	for (i = 0; i < count; i++)
		ring->samples[(at + i) & (DUPLEX_CAPACITY - 1)] = from[i];
	__atomic_store_n(&ring->written, at + count, __ATOMIC_RELEASE);
}

/* The reader's side; the caller knows that they wait. */
static inline void duplex_take(duplex_ring_t *ring, int16_t *into, uint32_t count)
{
	uint32_t at = ring->taken;
	uint32_t i;
	for (i = 0; i < count; i++)
		into[i] = ring->samples[(at + i) & (DUPLEX_CAPACITY - 1)];
	__atomic_store_n(&ring->taken, at + count, __ATOMIC_RELEASE);
}

/* The reader's side: all but the newest `keep` are left out. */
static inline void duplex_skip(duplex_t *d, duplex_ring_t *ring, uint32_t waiting, uint32_t keep)
{
	d->dropped += waiting - keep;
	__atomic_store_n(&ring->taken, ring->taken + waiting - keep, __ATOMIC_RELEASE);
}

/* The caller takes the microphone's sound; silence when there is no more. @returns samples that are sound */
static inline uint32_t duplex_read(duplex_t *d, int16_t *into, uint32_t count)
{
	uint32_t waiting = duplex_waiting(&d->microphone);
	uint32_t done;
	if (waiting > DUPLEX_MOST) {
		uint32_t keep = count < DUPLEX_MOST - DUPLEX_SPARE ? count + DUPLEX_SPARE : DUPLEX_MOST;
		duplex_skip(d, &d->microphone, waiting, keep);
		waiting = keep;
	}
	done = waiting < count ? waiting : count;
	duplex_take(&d->microphone, into, done);
	d->gave = done;
	memset(into + done, 0, (count - done) * sizeof *into);
	return done;
}

/* What was played while the samples of the last read were at the microphone, in step with them; silence where it is not known. */
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

/* The caller gives sound for the speaker; of more than the ring keeps the oldest is left out. */
static inline void duplex_write(duplex_t *d, const int16_t *from, uint32_t count)
{
	if (count > DUPLEX_MOST) {
		d->dropped += count - DUPLEX_MOST;
		from += count - DUPLEX_MOST;
		count = DUPLEX_MOST;
	}
	duplex_put(&d->speaker, from, count);
}

/* One sample of a slot. Octets are in the order of the machine, as DMA leaves them. */
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

/* The port has received `bytes` octets of whole frames. */
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

/* The next samples of the speaker, silence while there are too few. */
static inline void duplex_next(duplex_t *d, int16_t *out, uint32_t count)
{
	uint32_t waiting = duplex_waiting(&d->speaker);
	uint32_t done;
	if (waiting > DUPLEX_MOST) {
		duplex_skip(d, &d->speaker, waiting, DUPLEX_BEGIN);
		waiting = DUPLEX_BEGIN;
	}
	if (!d->isPlaying && waiting >= DUPLEX_BEGIN)
		d->isPlaying = 1;
	done = !d->isPlaying ? 0 : waiting < count ? waiting : count;
	duplex_take(&d->speaker, out, done);
	memset(out + done, 0, (count - done) * sizeof *out);
	if (d->isPlaying && done < count) {
		d->missing += count - done;
		d->isPlaying = 0;
	}
	if (!d->isLooped)
		duplex_put(&d->played, out, count);
}

/* The port wants `bytes` octets of whole frames to send: both slots alike. */
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
