/*
 * Converts between 16 kHz and 8 kHz: a half-band low-pass of 47 taps, of which every other is 0. It is flat within 0.02
 * dB up to 3.4 kHz and down by 57 dB from 4.6 kHz on. The twin is halfband.ts, sample for sample. It uses no engine and
 * no operating system.
 */
#ifndef PORTERO_HALFBAND_H
#define PORTERO_HALFBAND_H

#include <stdint.h>

/* Taps on one side that are not 0, in 1/32768; the one in the middle is 16384. */
#define HALFBAND_SIDE 12
#define HALFBAND_DOWN 47
#define HALFBAND_UP 24

static const int16_t halfband_taps[HALFBAND_SIDE] = {
	10391, -3342, 1865, -1194, 799, -539, 358, -230, 140, -80, 40, -16};

/* The last samples, each twice, so that a window over them never wraps. All zero is silence, and a valid start. */
typedef struct {
	int16_t line[2 * HALFBAND_DOWN];
	uint32_t at;
} halfband_down_t;

typedef struct {
	int16_t line[2 * HALFBAND_UP];
	uint32_t at;
} halfband_up_t;

static inline int16_t halfband_limited(int32_t value)
{
	return (int16_t)(value > 32767 ? 32767 : value < -32768 ? -32768 : value);
}

static inline uint32_t halfband_push(int16_t *line, uint32_t length, uint32_t at, int16_t sample)
{
	line[at] = sample;
	line[at + length] = sample;
	return at + 1 == length ? 0 : at + 1;
}

/* Converts 2 * `count` samples of 16 kHz to `count` of 8 kHz. */
static inline void halfband_down(halfband_down_t *state, const int16_t *in, int16_t *out, uint32_t count)
{
	uint32_t i;
	int k;
	for (i = 0; i < count; i++) {
		const int16_t *middle;
		int32_t sum;
		state->at = halfband_push(state->line, HALFBAND_DOWN, state->at, in[2 * i]);
		state->at = halfband_push(state->line, HALFBAND_DOWN, state->at, in[2 * i + 1]);
		middle = state->line + state->at + HALFBAND_DOWN / 2;
		/* No sum leaves 32 bits: the taps' magnitudes add up to 1.66. */
		sum = 16384 * middle[0] + 16384;
		for (k = 0; k < HALFBAND_SIDE; k++)
			sum += halfband_taps[k] * (middle[2 * k + 1] + middle[-2 * k - 1]);
		out[i] = halfband_limited(sum >> 15);
	}
}

/* Converts `count` samples of 8 kHz to 2 * `count` of 16 kHz: each as it was, then the one between it and the next. */
static inline void halfband_up(halfband_up_t *state, const int16_t *in, int16_t *out, uint32_t count)
{
	uint32_t i;
	int k;
	for (i = 0; i < count; i++) {
		const int16_t *left;
		int32_t sum = 8192;
		state->at = halfband_push(state->line, HALFBAND_UP, state->at, in[i]);
		left = state->line + state->at + HALFBAND_UP / 2 - 1;
		for (k = 0; k < HALFBAND_SIDE; k++)
			sum += halfband_taps[k] * (left[-k] + left[k + 1]);
		out[2 * i] = left[0];
		out[2 * i + 1] = halfband_limited(sum >> 14);
	}
}

#endif
