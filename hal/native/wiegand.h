/*
 * Gathers the bits of a Wiegand line into frames: a pulse on one wire is a 0, on the other a 1, and 25 ms without a
 * pulse end a frame. What is pure of wiegand-esp32.c, with a TypeScript twin in wiegand.ts. Integers only. Not here:
 * what a frame says (src/driver/wiegand.ts).
 */
#ifndef PORTERO_WIEGAND_H
#define PORTERO_WIEGAND_H

#include <stdint.h>

/* A frame ends when no pulse came for so long. Readers leave 1 to 3 ms between two. */
#define WIEGAND_GAP_US 25000u
/* A second edge within so long belongs to the same pulse: pulses take 20 to 100 us. */
#define WIEGAND_BOUNCE_US 200u
/* Frames that wait to be taken; with more the newest is lost. A power of two. */
#define WIEGAND_FRAMES 8u
/* A longer frame is noise, and counts no further. */
#define WIEGAND_BITS_MOST 255u

typedef struct {
	uint32_t bits, high, low;
} wiegand_frame_t;

typedef struct {
	wiegand_frame_t frame;
	wiegand_frame_t done[WIEGAND_FRAMES];
	uint32_t put, taken;
	uint32_t last_us;
} wiegand_t;

static inline void wiegand_end(wiegand_t *it)
{
	if (it->frame.bits != 0 && it->put - it->taken < WIEGAND_FRAMES) {
		it->done[it->put % WIEGAND_FRAMES] = it->frame;
		it->put++;
	}
	it->frame.bits = it->frame.high = it->frame.low = 0;
}

/* A pulse came. now_us may wrap around. */
static inline void wiegand_bit(wiegand_t *it, uint32_t bit, uint32_t now_us)
{
	uint32_t since_us = now_us - it->last_us;
	if (it->frame.bits != 0) {
		if (since_us < WIEGAND_BOUNCE_US)
			return;
		if (since_us >= WIEGAND_GAP_US)
			wiegand_end(it);
	}
	it->last_us = now_us;
	it->frame.high = (it->frame.high << 1) | (it->frame.low >> 31);
	it->frame.low = (it->frame.low << 1) | (bit & 1);
	if (it->frame.bits < WIEGAND_BITS_MOST)
		it->frame.bits++;
}

/* Takes the oldest frame that is over. Returns its bits, 0 when there is none. */
static inline uint32_t wiegand_take(wiegand_t *it, uint32_t now_us, wiegand_frame_t *out)
{
	if (it->frame.bits != 0 && now_us - it->last_us >= WIEGAND_GAP_US)
		wiegand_end(it);
	if (it->put == it->taken)
		return 0;
	*out = it->done[it->taken % WIEGAND_FRAMES];
	it->taken++;
	return out->bits;
}

#endif
