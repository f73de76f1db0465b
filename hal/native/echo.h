/*
 * Takes the loudspeaker's sound out of the microphone's, block by block: an adaptive filter (echofilter.h), then a
 * suppression of what is left (echosuppress.h); or voices are switched. 8 kHz. The twin is src/media/echo.ts, bit for
 * bit: both work on one state of 32-bit words. Pure: no engine, no operating system. Not here: when it is used
 * (src/driver/echocontrol.ts).
 */
#ifndef PORTERO_ECHO_H
#define PORTERO_ECHO_H

#include "echosuppress.h"

/* A sample of the microphone that is larger is cut off. */
#define ECHO_CLIPPED 32700

/* A new call. */
static inline void echo_begin(echo_t *s)
{
	int i;
	memset(s, 0, sizeof *s);
	echo_uncertain(s);
	for (i = 0; i < ECHO_BANDS; i++)
		s->share[i] = small_scale(SMALL_ONE, 1638);
	for (i = 0; i < ECHO_BINS; i++)
		s->floors[i] = echo_packed(small_of(1000, 10));
	s->seed = 1;
	s->guard = 32768;
	s->ceiling = 32768;
	s->gate = 32768;
	s->coupling = 8192;
	s->gain = ECHO_GAIN;
	s->loudBin = ECHO_AROUND + 1;
}

/* Voice switching: `left` becomes the block with the gain of its moment. */
static inline void echo_switch(echo_t *s, int32_t *left)
{
	int32_t near = 0, ratio, target, from = s->gate;
	int i;
	for (i = 0; i < ECHO_BLOCK; i++)
		near += s->heard[i] < 0 ? -s->heard[i] : s->heard[i];
	target = 32768;
	if (s->open > 0)
		s->open -= 1;
	if (s->farLevel > 60 * ECHO_BLOCK) {
		small_t whole = small_of((uint32_t)s->farLevel, 0);
		ratio = (int32_t)small_int(small_div(small_of((uint32_t)near, 0), whole), 12, 32767);
		/* What the echo seldom exceeds. */
		s->coupling += ratio > s->coupling ? (s->coupling >> 5) + 1 : -(s->coupling >> 7);
		if (ratio > 2 * s->coupling)
			s->open = 20;
		if (s->open == 0)
			target = 2000;
	}
	s->gate = target < s->gate ? target : s->gate + ((target - s->gate + 7) >> 3);
	for (i = 0; i < ECHO_BLOCK; i++)
		left[i] = transform_mul(s->heard[i] * 2, (from + (((s->gate - from) * i) >> 6)) >> 1) * 2;
}

/* A block is full. */
static inline void echo_block(echo_t *s, int32_t options)
{
	int32_t echo[ECHO_BLOCK], left[ECHO_BLOCK];
	int i, isAround;
	echo_reference(s);
	echo_expect(s, echo);
	for (i = 0; i < ECHO_BLOCK; i++) {
		echo[i] = echo_within(echo[i], 32767 * 32);
		left[i] = s->heard[i] * 32 - echo[i];
	}
	isAround = echo_judge(s, s->heard, left, echo);
	if (!(options & ECHO_FROZEN)) {
		echo_learn(s, left);
		echo_track(s);
	}
	if (options & ECHO_SWITCH || (s->trouble >= ECHO_TROUBLE && s->heardPlaying > s->heardIdle + (s->heardIdle >> 1))) {
		echo_switch(s, left);
		memset(echo, 0, sizeof echo);
		options |= ECHO_LINEAR;
	} else
		for (i = 0; i < ECHO_BLOCK; i++) {
			left[i] = isAround ? s->heard[i] : echo_limited((left[i] + 16) >> 5);
			echo[i] = echo_limited((echo[i] + 16) >> 5);
		}
	echo_suppress(s, left, echo, options);
	if (s->age < 0x7fffffff)
		s->age += 1;
	s->lineAt = (s->lineAt + 1) & (ECHO_LINE - 1);
}

/* Against wind and rumble: a high-pass of first order at 60 Hz. */
static inline int32_t echo_high(int32_t *state, int32_t sample)
{
	int32_t next = (sample - state[0]) * 16 + transform_mul(state[1] * 2, 31260);
	state[0] = sample;
	state[1] = echo_within(next, 32767 * 16);
	return (state[1] + 8) >> 4;
}

/*
 * `count` samples of the microphone and of the reference; what comes out, 128 samples later, takes the place of the
 * microphone's.
 */
static inline void echo_run(echo_t *s, int16_t *microphone, const int16_t *reference, uint32_t count, int32_t options)
{
	uint32_t i;
	for (i = 0; i < count; i++) {
		if (microphone[i] >= ECHO_CLIPPED || microphone[i] <= -ECHO_CLIPPED)
			s->clipped += s->clipped < 1 << 30;
		s->heard[s->at] = (int16_t)echo_limited(echo_high(s->wind, microphone[i]));
		s->line[s->lineAt][s->at] = reference[i];
		microphone[i] = s->ready[s->at];
		s->at += 1;
		if (s->at == ECHO_BLOCK) {
			s->at = 0;
			echo_block(s, options);
		}
	}
}

#endif
