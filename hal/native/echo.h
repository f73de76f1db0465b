/*
 * Takes the loudspeaker's sound out of the microphone's: an adaptive filter of 64 ms in 8 partitions of 64 samples,
 * whose steps follow the certainty of each partition and frequency (a Kalman filter by frequencies, so that a voice at
 * the door does not spoil it), then a suppression of what is left, with noise in place of what it takes. 8 kHz. The
 * twin is src/media/echo.ts, bit for bit: both work on one state of 32-bit words. Pure: no engine, no operating system.
 * Not here: when it is used (src/driver/echocontrol.ts).
 */
#ifndef PORTERO_ECHO_H
#define PORTERO_ECHO_H

#include <stdint.h>
#include <string.h>

#include "smallfloat.h"
#include "transform.h"

#define ECHO_BLOCK 64
#define ECHO_PARTS 8
#define ECHO_GROUPS 32
#define ECHO_BINS 64
#define ECHO_BANDS 16
/* Blocks of the reference that are kept: the path may begin up to six blocks late. */
#define ECHO_LINE 8

/* Options of echo_run. */
#define ECHO_FROZEN 1 /* The filter stays as it is. */
#define ECHO_LINEAR 2 /* Nothing is suppressed. */
#define ECHO_QUIET 4  /* No noise takes the place of what is suppressed. */
#define ECHO_SWITCH 8 /* In place of the filter: who speaks is heard, and the other side is not. */

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
	/* Blocks that a tone has been loud for, and the gain that it is answered with, of 32768. */
	int32_t ringing;
	int32_t guard;
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
} echo_t;

/* Constants: shares are of 32768. */
static const uint8_t echo_edges[ECHO_BANDS + 1] = {1, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 35, 40, 46, 52, 58, 64};
static const uint16_t echo_first[ECHO_PARTS] = {16384, 5500, 1850, 625, 210, 70, 25, 10};
static const int16_t echo_window[ECHO_BLOCK] = {
	402, 1206, 2009, 2811, 3612, 4410, 5205, 5998, 6786, 7571, 8351, 9126, 9896, 10659, 11417, 12167,
	12910, 13645, 14372, 15090, 15800, 16499, 17189, 17869, 18537, 19195, 19841, 20475, 21096, 21705, 22301, 22884,
	23452, 24007, 24547, 25072, 25582, 26077, 26556, 27019, 27466, 27896, 28310, 28706, 29085, 29447, 29791, 30117,
	30424, 30714, 30985, 31237, 31470, 31685, 31880, 32057, 32213, 32351, 32469, 32567, 32646, 32705, 32745, 32765};

/* A doubt of the filter counts for so much, and for so much voices are switched; it falls by one each block. */
#define ECHO_DOUBT 60
#define ECHO_TROUBLE 400
/* Blocks that a tone rings before it is taken for howling: 240 ms. */
#define ECHO_RINGING 30
/* A second of sound without an echo; and by how many blocks the reference is late at most. */
#define ECHO_HUNT 125
#define ECHO_LATEST 6
/* After so many searches there is likely no echo: the filter learns with caution then. */
#define ECHO_TRIES 4
/* So many blocks without an echo, and a filter that makes it louder has not found one. */
#define ECHO_LOST 16
/* After so many blocks with an echo it is known where it is. */
#define ECHO_FOUND 40
/* A sample of the microphone that is larger is cut off. */
#define ECHO_CLIPPED 32700
/* Gain 1, and the most: 12 dB. */
#define ECHO_GAIN 4096
#define ECHO_GAIN_MOST 16384
/* The way has changed when steps go one way by more than this share, of 32768. Beside a voice it is half at most. */
#define ECHO_DRIFT 2621

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

static inline void echo_uncertain(echo_t *s)
{
	int p, g;
	for (p = 0; p < ECHO_PARTS; p++) {
		small_t first = small_scale(SMALL_ONE, echo_first[p]);
		for (g = 0; g < ECHO_GROUPS; g++)
			if (s->variance[p][g] < first)
				s->variance[p][g] = first;
	}
}

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
	s->gate = 32768;
	s->coupling = 8192;
	s->gain = ECHO_GAIN;
}

/* Real and imaginary parts of 15 bits and the exponent that they lost. */
static inline int32_t echo_narrow(const int32_t *bins, int16_t *out)
{
	uint32_t most = 0;
	int32_t shift;
	int i;
	for (i = 0; i < 2 * ECHO_BINS; i++)
		most |= (uint32_t)(bins[i] < 0 ? -(bins[i] + 1) : bins[i]);
	shift = 18 - __builtin_clz(most | 1);
	if (shift < 0)
		shift = 0;
	for (i = 0; i < 2 * ECHO_BINS; i++)
		out[i] = (int16_t)(bins[i] >> shift);
	return shift;
}

/* The reference of the block enters the filter. */
static inline void echo_reference(echo_t *s)
{
	int32_t sound[TRANSFORM_SIZE], bins[TRANSFORM_SIZE];
	const int16_t *now = s->line[(s->lineAt - s->late) & (ECHO_LINE - 1)];
	const int16_t *before = s->line[(s->lineAt - s->late - 1) & (ECHO_LINE - 1)];
	int i;
	for (i = 0; i < ECHO_BLOCK; i++) {
		sound[i] = before[i] * 4096;
		sound[ECHO_BLOCK + i] = now[i] * 4096;
	}
	transform_forward(sound, bins);
	s->newest = (s->newest - 1) & (ECHO_PARTS - 1);
	s->exponents[s->newest] = echo_narrow(bins, s->spectra[s->newest]);
}

/* What the filter expects of the block, in 1/32 of a sample. Uncertainty grows by a share of what is known. */
static inline void echo_expect(echo_t *s, int32_t *echo)
{
	int32_t sound[TRANSFORM_SIZE], bins[TRANSFORM_SIZE], sum[TRANSFORM_SIZE];
	int p, k;
	memset(sum, 0, sizeof sum);
	memset(sound + ECHO_BLOCK, 0, sizeof sound / 2);
	for (p = 0; p < ECHO_PARTS; p++) {
		int slot = (s->newest + p) & (ECHO_PARTS - 1);
		const int16_t *x = s->spectra[slot];
		int32_t power = s->exponents[slot] - 4;
		memcpy(sound, s->weights[p], sizeof sound / 2);
		transform_forward(sound, bins);
		for (k = 2; k < 2 * ECHO_BINS; k += 2) {
			int32_t re = transform_sub(transform_mul(bins[k], x[k]), transform_mul(bins[k + 1], x[k + 1]));
			int32_t im = transform_add(transform_mul(bins[k], x[k + 1]), transform_mul(bins[k + 1], x[k]));
			sum[k] = transform_add(sum[k], echo_shift(re, power));
			sum[k + 1] = transform_add(sum[k + 1], echo_shift(im, power));
		}
		for (k = 0; k < ECHO_GROUPS; k++) {
			small_t size = echo_power(bins[4 * k], bins[4 * k + 1]);
			size = small_add(size, echo_power(bins[4 * k + 2], bins[4 * k + 3]));
			/* 2^-41: of two bins, each 2^20; 4 of 32768: what changes in 8 ms. */
			size = size == 0 ? 0 : small_pack((int32_t)(size >> 16) - 41, size & 0xffff);
			s->variance[p][k] = small_add(s->variance[p][k], small_scale(size, 4));
		}
	}
	transform_back(sum, sound);
	memcpy(echo, sound + ECHO_BLOCK, ECHO_BLOCK * sizeof *echo);
}

/* The power that a pair of bins of a partition has, in the reference and as uncertain as it is. */
static inline small_t echo_doubt(const echo_t *s, int p, int k)
{
	int slot = (s->newest + p) & (ECHO_PARTS - 1);
	const int16_t *x = s->spectra[slot] + 4 * k;
	uint32_t square = (uint32_t)(x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3]);
	return small_mul(s->variance[p][k], small_of(square, 2 * s->exponents[slot]));
}

/* The power of a block of samples. */
static inline small_t echo_size(const int32_t *values)
{
	uint32_t most = 0, sum = 0;
	int32_t shift;
	int i;
	for (i = 0; i < ECHO_BLOCK; i++)
		most |= (uint32_t)(values[i] < 0 ? -(values[i] + 1) : values[i]);
	shift = 20 - __builtin_clz(most | 1);
	if (shift < 0)
		shift = 0;
	for (i = 0; i < ECHO_BLOCK; i++) {
		int32_t value = values[i] >> shift;
		sum += (uint32_t)(value * value);
	}
	return small_of(sum, 2 * shift);
}

/*
 * A filter that is right steps to and fro, beside a voice too; one whose way has changed steps one way. @returns 1 when
 * the way has changed
 */
static inline int echo_drifts(echo_t *s, const int32_t *step)
{
	int i;
	for (i = 0; i < ECHO_BLOCK; i++)
		s->drift[i] += (step[i] - s->drift[i]) >> 4;
	s->steps = small_add(small_scale(s->steps, 30720), small_scale(echo_size(step), 2048));
	return s->found >= ECHO_FOUND && small_share(echo_size(s->drift), s->steps) >= ECHO_DRIFT;
}

/*
 * The step of one partition. `whole`: power by pairs of bins, of what is left and what is doubted. @returns 1 when the
 * way has changed
 */
static inline int echo_step(echo_t *s, int p, const int16_t *error, int32_t power, const small_t *doubt,
	const small_t *whole)
{
	int32_t sound[TRANSFORM_SIZE], bins[TRANSFORM_SIZE];
	int slot = (s->newest + p) & (ECHO_PARTS - 1);
	const int16_t *x = s->spectra[slot], *e = error;
	int32_t *weights = s->weights[p];
	int k, i;
	for (k = 0; k < ECHO_GROUPS; k++) {
		small_t step = small_div(s->variance[p][k], whole[k]);
		int32_t mantissa = (int32_t)(step & 0xffff) >> 1;
		/* 2^27 in the weights, 2^17 in the product; `whole` is that of two bins. */
		int32_t shift = (int32_t)(step >> 16) - 64 + s->exponents[slot] + power + 27 + 18;
		uint32_t gain = small_share(doubt[k], whole[k]);
		s->variance[p][k] = small_scale(s->variance[p][k], 32761 - ((8000 * gain) >> 15));
		for (i = 0; i < 4; i += 2) {
			int32_t re = x[4 * k + i] * e[4 * k + i] + x[4 * k + i + 1] * e[4 * k + i + 1];
			int32_t im = x[4 * k + i] * e[4 * k + i + 1] - x[4 * k + i + 1] * e[4 * k + i];
			bins[4 * k + i] = echo_shift(transform_mul(re, mantissa), shift);
			bins[4 * k + i + 1] = echo_shift(transform_mul(im, mantissa), shift);
		}
	}
	transform_back(bins, sound);
	for (i = 0; i < ECHO_BLOCK; i++) {
		sound[i] = echo_within(sound[i], 1 << 29);
		weights[i] = echo_within(transform_add(weights[i], sound[i]), 1 << 30);
	}
	return p == s->strongest && echo_drifts(s, sound);
}

/* What is left of the block, in 1/32 of a sample, teaches the filter. */
static inline void echo_learn(echo_t *s, const int32_t *left)
{
	int32_t sound[TRANSFORM_SIZE], bins[TRANSFORM_SIZE];
	int16_t error[2 * ECHO_BINS];
	small_t whole[ECHO_GROUPS], doubt[ECHO_PARTS][ECHO_GROUPS];
	int32_t power;
	int p, k, i, isMoved = 0;
	memset(sound, 0, sizeof sound / 2);
	for (i = 0; i < ECHO_BLOCK; i++)
		sound[ECHO_BLOCK + i] = left[i] * 128;
	transform_forward(sound, bins);
	power = echo_narrow(bins, error);
	for (k = 0; k < ECHO_GROUPS; k++) {
		const int16_t *e = error + 4 * k;
		small_t now = small_of((uint32_t)(e[0] * e[0] + e[1] * e[1] + e[2] * e[2] + e[3] * e[3]), 2 * power);
		small_t sum = 0;
		s->other[k] = small_add(small_scale(s->other[k], 19661), small_scale(now, 13107));
		for (p = 0; p < ECHO_PARTS; p++)
			sum = small_add(sum, doubt[p][k] = echo_doubt(s, p, k));
		s->missed[k] = sum;
		whole[k] = small_add(small_add(sum, s->other[k]), small_of(128, 10));
	}
	for (p = 0; p < ECHO_PARTS; p++)
		isMoved |= echo_step(s, p, error, power, doubt[p], whole);
	if (isMoved) {
		s->found = 0;
		s->resets += 1;
		echo_uncertain(s);
	}
}

/* The filter begins anew, with the same doubt of 32768 everywhere. */
static inline void echo_restart(echo_t *s, uint32_t doubt)
{
	int p, g;
	memset(s->weights, 0, sizeof s->weights);
	for (p = 0; p < ECHO_PARTS; p++)
		for (g = 0; g < ECHO_GROUPS; g++)
			s->variance[p][g] = small_scale(SMALL_ONE, doubt);
}

/* The echo is not where it was looked for: the filter begins anew elsewhere, and has a second to find it. */
static inline void echo_hunt(echo_t *s)
{
	s->hunt = 0;
	s->hold = ECHO_HUNT;
	/* At first where it was, without what was learnt. */
	if (s->tries > 0)
		s->late = s->late >= ECHO_LATEST ? 0 : s->late + ECHO_LATEST / 2;
	s->tries += s->tries < 20;
	echo_restart(s, s->tries > 1 ? 2048 : 8192);
}

/*
 * A filter that makes it louder is wrong: it begins anew, or doubts itself. @returns 1 when the block is to go around
 * it
 */
static inline int echo_judge(echo_t *s, const int16_t *heard, const int32_t *left, const int32_t *echo)
{
	int32_t before = 0, after = 0, power = 0, product = 0;
	int i;
	for (i = 0; i < ECHO_BLOCK; i++) {
		int32_t d = heard[i], e = echo_limited(left[i] >> 5), y = echo_limited(echo[i] >> 5);
		before += (d * d) >> 9;
		after += (e * e) >> 9;
		power += (y * y) >> 9;
		product += (d * y) >> 9;
	}
	s->energyHeard += before - (s->energyHeard >> 3);
	s->energyLeft += after - (s->energyLeft >> 3);
	s->powerHeard += before - (s->powerHeard >> 2);
	s->powerEcho += power - (s->powerEcho >> 2);
	s->product += product - (s->product >> 2);
	if (s->hold > 0)
		s->hold -= 1;
	if (s->trouble > 0)
		s->trouble -= 1;
	if (s->energyLeft <= s->energyHeard)
		return 0;
	/* Two voices may take some from each other by chance. */
	if (s->hold == 0 && s->energyLeft - (s->energyHeard >> 2) > s->energyHeard) {
		s->hold = 12;
		s->resets += 1;
		s->trouble += ECHO_DOUBT;
		if (s->trouble > ECHO_TROUBLE) {
			s->trouble = ECHO_TROUBLE + ECHO_HUNT;
			if (s->tries < ECHO_TRIES)
				echo_hunt(s);
			else
				echo_restart(s, 512);
			return 1;
		}
		/* One that has found nothing yet has nothing to gain from more doubt. */
		if (s->energyLeft >> 1 > s->energyHeard || s->hunt > ECHO_LOST) {
			memset(s->weights, 0, sizeof s->weights);
			s->energyLeft = s->energyHeard;
		}
		if (s->hunt <= ECHO_LOST || s->found >= ECHO_FOUND)
			echo_uncertain(s);
		s->found = 0;
	}
	return 1;
}

/* The share of what is heard that is like the echo that the filter expects, of 32768. */
static inline uint32_t echo_likeness(const echo_t *s)
{
	small_t product, powers;
	if (s->product <= 0)
		return 0;
	product = small_of((uint32_t)s->product, 0);
	powers = small_mul(small_of((uint32_t)s->powerHeard, 0), small_of((uint32_t)s->powerEcho, 0));
	return small_share(small_mul(product, product), powers);
}

/* The filter moves by a block: the way is longer than it was taken for, or shorter. What is known of it moves along. */
static inline void echo_move(echo_t *s, int32_t by)
{
	int p;
	for (p = by > 0 ? 0 : ECHO_PARTS - 1; p >= 0 && p < ECHO_PARTS; p += by) {
		int from = p + by;
		if (from >= 0 && from < ECHO_PARTS) {
			memcpy(s->weights[p], s->weights[from], sizeof s->weights[p]);
			memcpy(s->variance[p], s->variance[from], sizeof s->variance[p]);
		} else
			memset(s->weights[p], 0, sizeof s->weights[p]);
	}
	s->late += by;
	s->newest = (s->newest + by) & (ECHO_PARTS - 1);
	if (by < 0)
		memset(s->spectra[s->newest], 0, sizeof s->spectra[s->newest]);
}

/* Keeps the way inside the filter: once in half a second it is seen where the filter is strong. */
static inline void echo_track(echo_t *s)
{
	const int16_t *far = s->line[(s->lineAt - s->late) & (ECHO_LINE - 1)];
	int32_t level = 0, heard = 0, i, p, strongest = 0;
	small_t energy[ECHO_PARTS], whole = 0;
	for (i = 0; i < ECHO_BLOCK; i++) {
		level += far[i] < 0 ? -far[i] : far[i];
		heard += s->heard[i] < 0 ? -s->heard[i] : s->heard[i];
	}
	s->farLevel = level > s->farLevel ? level : s->farLevel - (s->farLevel >> 3);
	s->dead = heard == 0 ? echo_within(s->dead + 1, 1 << 30) : 0;
	if (level > 60 * ECHO_BLOCK)
		s->heardPlaying += (heard - s->heardPlaying) >> 7;
	else
		s->heardIdle += (heard - s->heardIdle) >> 7;
	if (echo_likeness(s) > 10923) {
		s->hunt -= s->hunt > 8 ? 8 : s->hunt;
		s->found += s->found < ECHO_HUNT;
		/* Two voices may be alike for a moment. */
		if (s->hunt == 0)
			s->tries = 0;
	} else if (level > 60 * ECHO_BLOCK && heard > 16 * ECHO_BLOCK) {
		s->hunt += 1;
		s->found -= s->found > 0;
	}
	if (s->hunt >= ECHO_HUNT * (1 + (s->tries & 3))) {
		echo_hunt(s);
		return;
	}
	if ((s->age & 63) != 63 || s->energyLeft > s->energyHeard >> 2)
		return;
	for (p = 0; p < ECHO_PARTS; p++) {
		energy[p] = 0;
		for (i = 0; i < ECHO_BLOCK; i++) {
			int32_t weight = s->weights[p][i] >> 12;
			weight = weight < 0 ? -weight : weight;
			energy[p] = small_add(energy[p], small_mul(small_of((uint32_t)weight, 0), small_of((uint32_t)weight, 0)));
		}
		whole = small_add(whole, energy[p]);
		if (energy[p] > energy[strongest])
			strongest = p;
	}
	s->strongest = strongest;
	if (strongest >= 3 && s->late < ECHO_LATEST && small_add(energy[0], energy[1]) < small_scale(whole, 512))
		echo_move(s, 1);
	else if (strongest == 0 && s->late > 0 && energy[0] > small_scale(whole, 16384))
		echo_move(s, -1);
}

/* The square root of a share of 32768. */
static inline uint32_t echo_root(uint32_t share)
{
	return (uint32_t)small_int(small_root(small_of(share, -15)), 15, 32768);
}

static inline void echo_windowed(const int16_t *before, const int32_t *now, int32_t *bins)
{
	int32_t sound[TRANSFORM_SIZE];
	int i;
	for (i = 0; i < ECHO_BLOCK; i++) {
		sound[i] = (before[i] * echo_window[i]) >> 3;
		sound[ECHO_BLOCK + i] = (now[i] * echo_window[ECHO_BLOCK - 1 - i]) >> 3;
	}
	transform_forward(sound, bins);
}

/* Learns by bands what share of the expected echo is left, from blocks in which there is nothing else. */
static inline void echo_share(echo_t *s, const small_t *left, const small_t *sounding)
{
	/* How sure it is that there is nothing but echo. */
	int32_t likeness = echo_within(((int32_t)echo_likeness(s) - 24576) * 5, 32768);
	uint32_t up, down;
	int b, k;
	if (likeness < 0)
		likeness = 0;
	up = 32768 + (uint32_t)((1400 * likeness) >> 15);
	down = 32768 - (300 + (uint32_t)((700 * likeness) >> 15));
	for (b = 0; b < ECHO_BANDS; b++) {
		small_t sum = 0, noise = 0, echo = 0, more, least;
		for (k = echo_edges[b]; k < echo_edges[b + 1]; k++) {
			sum = small_add(sum, left[k]);
			noise = small_add(noise, echo_unpacked(s->floors[k]));
			echo = small_add(echo, sounding[k]);
		}
		least = small_of(300u * (uint32_t)(echo_edges[b + 1] - echo_edges[b]), 10);
		if (echo < small_add(small_scale(noise, 9830), least))
			continue;
		least = small_scale(SMALL_ONE, 3);
		more = small_scale(s->share[b], small_sub(sum, noise) > small_mul(s->share[b], echo) ? up : down);
		s->share[b] = more > SMALL_ONE ? SMALL_ONE : more < least ? least : more;
	}
}

static inline int32_t echo_random(echo_t *s)
{
	s->seed = s->seed * 1664525u + 1013904223u;
	return (int32_t)s->seed >> 16;
}

/*
 * Howling is one loud tone that stays, or sound near full scale that stays: it is turned down within a moment, and
 * slowly up again; the latter by 18 dB at most, as it may be a voice. `peak`: the most in three bins.
 */
static inline void echo_guard(echo_t *s, small_t whole, small_t peak)
{
	int isRinging = whole > small_of(2250000, 22) && small_share(peak, whole) > 24576;
	int isTone = isRinging || whole > small_of(64000000, 22);
	if (isTone)
		s->ringing += s->ringing < ECHO_RINGING;
	else
		s->ringing -= s->ringing > 0;
	if (isTone && s->ringing == ECHO_RINGING)
		s->guard -= s->guard > (isRinging ? 400 : 4096) ? s->guard >> 3 : 0;
	else if (s->guard < 32768)
		s->guard = echo_within(s->guard + (s->guard >> 8) + 1, 32768);
}

/*
 * A visitor who is far away is raised slowly, by 1 dB a second, and lowered four times as fast: by what is heard while
 * nothing is played, and not so far that the noise of the place is loud. `whole`: the power of the block; `peak`: the
 * loudest sample that was given out.
 */
static inline void echo_level(echo_t *s, small_t whole, small_t noise, int32_t peak)
{
	uint32_t gain = (uint32_t)s->gain >> 4;
	/* Levels of 800 for a voice, 1,600 for one that is loud, 40 for none, and 120 for the noise. */
	small_t enough = small_of(640000, 22), much = small_of(2560000, 22), most = small_of(14400, 22);
	small_t quiet = small_of(1600, 22);
	if (peak > 28000 || s->ringing > ECHO_RINGING / 2)
		s->gain -= s->gain >> 4;
	else if (s->farLevel <= 12 * ECHO_BLOCK && whole > quiet && s->presence > 24576) {
		small_t square = small_of(gain * gain, -16);
		s->loudness = small_add(small_scale(s->loudness, 30720), small_scale(whole, 2048));
		if (small_mul(s->loudness, square) < enough && small_mul(noise, square) < most)
			s->gain += (s->gain >> 10) + 1;
		else if (small_mul(s->loudness, square) > much)
			s->gain -= s->gain >> 8;
	}
	if (s->gain < ECHO_GAIN)
		s->gain = ECHO_GAIN;
	else if (s->gain > ECHO_GAIN_MOST)
		s->gain = ECHO_GAIN_MOST;
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

/* Suppresses in `left` what is echo still; `echo` is what the filter took. Both are a block of samples. */
static inline void echo_suppress(echo_t *s, const int32_t *left, const int32_t *echo, int32_t options)
{
	int32_t bins[TRANSFORM_SIZE], other[TRANSFORM_SIZE];
	small_t power[ECHO_BINS], rest[ECHO_BINS];
	small_t whole = 0, noise = 0, sounding = 0, residue = 0, excess = 0;
	uint32_t presence, over;
	int32_t gain, loudest = 0;
	int b, k, i;
	echo_windowed(s->lastEcho, echo, other);
	for (k = 1; k < ECHO_BINS; k++) {
		rest[k] = echo_power(other[2 * k], other[2 * k + 1]);
		whole = small_add(whole, rest[k]);
	}
	echo_windowed(s->lastLeft, left, bins);
	/* A loudspeaker that distorts has some of the whole in each bin. */
	whole = small_scale(whole, 82);
	for (k = 1; k < ECHO_BINS; k++) {
		small_t now = small_add(rest[k], whole), still = small_scale(echo_unpacked(s->tail[k]), 19661);
		power[k] = echo_power(bins[2 * k], bins[2 * k + 1]);
		rest[k] = now > still ? now : still;
		s->tail[k] = echo_packed(rest[k]);
		sounding = small_add(sounding, rest[k]);
		noise = small_add(noise, echo_unpacked(s->floors[k]));
	}
	echo_share(s, power, rest);
	{
		/* The floor of the noise falls fast and rises slowly, more slowly beside an echo. */
		/* What the filter may have missed counts less and less while no echo is found. */
		uint32_t missing = 8192u >> (s->hunt > 80 ? 5 : s->hunt >> 4) >> (s->tries > 0 ? 2 : 0);
		uint32_t rise = s->age < 250 ? 34734 : sounding > small_scale(noise, 16384) ? 32899 : 33161;
		for (b = 0; b < ECHO_BANDS; b++)
			for (k = echo_edges[b]; k < echo_edges[b + 1]; k++) {
				small_t floor = echo_unpacked(s->floors[k]), least = small_of(10, 10), masked;
				if (power[k] < floor)
					floor = small_add(small_scale(floor, 30147), small_scale(power[k], 2621));
				else
					floor = small_scale(floor, rise);
				if (floor < least)
					floor = least;
				s->floors[k] = echo_packed(floor);
				rest[k] = small_add(small_mul(s->share[b], rest[k]), small_scale(s->missed[k >> 1], missing));
				masked = small_scale(floor, 52429);
				residue = small_add(residue, small_add(rest[k], small_scale(masked, 9830)));
				excess = small_add(excess, small_sub(power[k], small_scale(masked, 49152)));
			}
	}
	/* Somebody speaks at the door: there is more than noise and what is left of the echo. */
	presence = small_share(small_sub(excess, residue), small_add(small_add(residue, residue), residue));
	s->presence = (int32_t)presence > s->presence ? (int32_t)presence : (s->presence * 7 + (int32_t)presence * 3) / 10;
	presence = (uint32_t)s->presence;
	whole = 0;
	excess = 0;
	/* Of 8192: where nobody speaks twice as much is taken as there is likely to be. */
	over = 8192 + ((32768 - presence) >> 2);
	for (k = 1; k < ECHO_BINS; k++) {
		small_t before = small_scale(echo_unpacked(s->voice[k]), 22938);
		small_t echoes = small_scale(rest[k], over), voice;
		echoes = echoes == 0 ? 0 : small_pack((int32_t)(echoes >> 16) + 2, echoes & 0xffff);
		voice = small_add(before, small_scale(small_sub(power[k], echoes), 9830));
		uint32_t gain = small_share(voice, small_add(voice, echoes)), root = echo_root(gain);
		int32_t hiss = 0, g;
		gain = (gain * (32768 - presence) + root * presence) >> 15;
		if (gain < 655)
			gain = 655;
		g = gain > 32767 ? 32767 : (int32_t)gain;
		power[k] = small_scale(power[k], (uint32_t)(g * g) >> 15);
		s->voice[k] = echo_packed(power[k]);
		whole = small_add(whole, power[k]);
		if (k > 2) {
			small_t three = small_add(power[k - 2], small_add(power[k - 1], power[k]));
			excess = three > excess ? three : excess;
		}
		if (options & ECHO_LINEAR)
			g = 32767;
		else if (!(options & ECHO_QUIET))
			hiss = small_int(
				small_root(small_scale(echo_unpacked(s->floors[k]), 2 * (32768u - ((uint32_t)(g * g) >> 15)))), 0, 1 << 24);
		bins[2 * k] = transform_add(transform_mul(bins[2 * k], g), transform_mul(hiss, echo_random(s)));
		bins[2 * k + 1] = transform_add(transform_mul(bins[2 * k + 1], g), transform_mul(hiss, echo_random(s)));
	}
	echo_guard(s, whole, excess);
	transform_back(bins, other);
	gain = ((s->guard >> 3) * s->gain) >> 12;
	for (i = 0; i < ECHO_BLOCK; i++) {
		int32_t sample = transform_add(s->overlap[i], transform_mul(other[i], echo_window[i]));
		int32_t out = echo_limited((transform_mul(echo_within(sample, 1 << 28) * 4, gain) + 1) >> 1);
		s->ready[i] = (int16_t)out;
		if (out < 0)
			out = -out;
		loudest = out > loudest ? out : loudest;
		s->overlap[i] = transform_mul(other[ECHO_BLOCK + i], echo_window[ECHO_BLOCK - 1 - i]);
		s->lastLeft[i] = (int16_t)left[i];
		s->lastEcho[i] = (int16_t)echo[i];
	}
	if (!(options & ECHO_LINEAR))
		echo_level(s, whole, noise, loudest);
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
