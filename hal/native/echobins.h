/*
 * The state of the echo canceller, and what its two halves share: numbers within limits, powers of bins packed into 16
 * bits. The twins are src/media/echostate.ts, word for word, and src/media/echobins.ts. Pure: no engine, no operating
 * system. Not here: the filter (echofilter.h), the suppression (echosuppress.h).
 */
#ifndef PORTERO_ECHOBINS_H
#define PORTERO_ECHOBINS_H

#include <stdint.h>
#include <string.h>

#include "smallfloat.h"
#include "transform.h"

#define ECHO_BLOCK 64
#define ECHO_PARTS 8
#define ECHO_GROUPS 32
#define ECHO_BINS 64
#define ECHO_BANDS 16
#define ECHO_SLOTS 16
/* Blocks of the reference that are kept: the path may begin up to six blocks late. */
#define ECHO_LINE 8

/* Options of echo_run. */
#define ECHO_FROZEN 1 /* The filter stays as it is. */
#define ECHO_LINEAR 2 /* Nothing is suppressed. */
#define ECHO_QUIET 4  /* No noise takes the place of what is suppressed. */
#define ECHO_SWITCH 8 /* In place of the filter: who speaks is heard, and the other side is not. */
#define ECHO_LESS_NOISE 16 /* The noise of the place is lowered. */

typedef struct {
	/* Of the filter in time: 1 is 1 << 27. */
	int32_t weights[ECHO_PARTS][ECHO_BLOCK];
	/* How far each partition may be from the truth, by pairs of bins. */
	small_t variance[ECHO_PARTS][ECHO_GROUPS];
	/* The power of what is not echo, by pairs of bins; and of the echo that the filter is expected to leave. */
	small_t other[ECHO_GROUPS];
	small_t missed[ECHO_GROUPS];
	/* Of the reference, the newest partition at `newest`: real and imaginary parts times 2^-exponent. */
	int16_t spectra[ECHO_PARTS][2 * ECHO_BINS];
	int32_t exponents[ECHO_PARTS];
	int32_t newest;
	/* The reference, block by block, the newest at `lineAt`; so many blocks late it is used. */
	int16_t line[ECHO_LINE][ECHO_BLOCK];
	int32_t lineAt;
	int32_t late;
	/* The block that is filled, and the one that is given out meanwhile. */
	int16_t heard[ECHO_BLOCK];
	int16_t ready[ECHO_BLOCK];
	int32_t at;
	/*
	 * The last block behind the filter and the last echo that it expected, for the windows; and what a window left for
	 * the next.
	 */
	int16_t lastLeft[ECHO_BLOCK];
	int16_t lastEcho[ECHO_BLOCK];
	int32_t overlap[ECHO_BLOCK];
	/*
	 * By bins, packed: the floor of the noise, the power of the voice in the block before, and the echo that still
	 * sounds.
	 */
	uint16_t floors[ECHO_BINS];
	uint16_t voice[ECHO_BINS];
	uint16_t tail[ECHO_BINS];
	/* By bands: the share of the echo that the filter leaves. */
	small_t share[ECHO_BANDS];
	/*
	 * Energies of the blocks before and behind the filter, sliding; of the echo; and the product of that with what was
	 * heard.
	 */
	int32_t energyHeard;
	int32_t energyLeft;
	int32_t powerHeard;
	int32_t powerEcho;
	int32_t product;
	/* Blocks until the filter may be doubted again; how often it was; blocks since the beginning. */
	int32_t hold;
	int32_t resets;
	int32_t age;
	/* How sure it is that somebody speaks at the door, of 32768. */
	int32_t presence;
	uint32_t seed;
	/* Against wind: the last input and output of the filter. */
	int32_t wind[2];
	/*
	 * How long a sound has been loud without a pause, and the gain that it is answered with, of 32768; what that may
	 * rise to, and for how many blocks it howls, 0 for not at all; the crest and the average of the power.
	 */
	int32_t ringing;
	int32_t guard;
	int32_t ceiling;
	int32_t howls;
	small_t crest;
	small_t average;
	/* How often the filter failed lately: from ECHO_TROUBLE on, voices are switched. */
	int32_t trouble;
	/*
	 * Of switching: the level of the reference, that of its echo to it (of 4096), blocks that the microphone stays
	 * open, the gain.
	 */
	int32_t farLevel;
	int32_t coupling;
	int32_t open;
	int32_t gate;
	/* Blocks in which something was played and no echo of it was found, one after another. */
	int32_t hunt;
	/* How often it was looked for elsewhere since it was found last. */
	int32_t tries;
	/* What is heard of a block while something is played and while nothing is, on average of a second. */
	int32_t heardPlaying;
	int32_t heardIdle;
	/* Blocks in which an echo was found, less those in which it was not, since the way changed last. */
	int32_t found;
	/* The partition in which the filter is strongest: its steps on average, and the power of a step on average. */
	int32_t strongest;
	int32_t drift[ECHO_BLOCK];
	small_t steps;
	/*
	 * Samples of the microphone at full scale, until the caller sets it to 0; blocks in a row in which it gave nothing;
	 * the power of the visitor's voice on average, and the gain that it is raised by, of 4096.
	 */
	int32_t clipped;
	int32_t dead;
	small_t loudness;
	int32_t gain;
	/* The lowest crest of what stays loud though it is turned down. */
	small_t lowest;
	/* By bands: the gain against the noise of the place, of 32768. */
	int16_t quieted[ECHO_BANDS];
	/*
	 * How much comes back of what is given out, around the bin that was loudest when the gain was lowered last. By slots
	 * of four blocks: the most that was given out; by how many slots it is late, the least share of it that was heard.
	 * What was given out and heard in this slot, and heard in the one before; its number, in blocks.
	 */
	uint16_t given[ECHO_SLOTS];
	uint16_t returned[ECHO_SLOTS];
	small_t giving;
	small_t hearing;
	small_t heardBefore;
	int32_t slot;
	int32_t loudBin;
	/* What happened since the gain was lowered, ECHO_CALM and ECHO_CHANGED: after both what rings next rings again. */
	int32_t calm;
} echo_t;

static inline int32_t echo_limited(int32_t value)
{
	return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

static inline int32_t echo_within(int32_t value, int32_t limit)
{
	return value > limit ? limit : value < -limit ? -limit : value;
}

/* value * 2^power, within 2^30 */
static inline int32_t echo_shift(int32_t value, int32_t power)
{
	if (power <= 0)
		return power < -31 ? value >> 31 : value >> -power;
	if (power > 30)
		power = 30;
	return echo_within(value, (1 << 30) >> power) * (1 << power);
}

/* Powers of bins, packed into 16 bits: exponents from 48 on, nine bits of the mantissa. */
static inline uint16_t echo_packed(small_t value)
{
	return value < 48u << 16 ? 0 : value >= 112u << 16 ? 65535 : (uint16_t)((value >> 6) - (48u << 10));
}

static inline small_t echo_unpacked(uint16_t value)
{
	return value == 0 ? 0 : ((uint32_t)value + (48u << 10)) << 6;
}

/* The power of a bin. */
static inline small_t echo_power(int32_t re, int32_t im)
{
	uint32_t a = (uint32_t)(re < 0 ? -(re + 1) : re), b = (uint32_t)(im < 0 ? -(im + 1) : im);
	int32_t shift = 17 - __builtin_clz(a | b | 1);
	if (shift < 0)
		shift = 0;
	a >>= shift;
	b >>= shift;
	return small_of(a * a + b * b, 2 * shift);
}

#endif
