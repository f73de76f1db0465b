/*
 * The adaptive filter of the echo canceller: 64 ms in 8 partitions of 64 samples, whose steps follow the certainty of
 * each partition and frequency (a Kalman filter by frequencies, so that a voice at the door does not spoil it). It
 * finds where the echo begins, notices that its way has changed, and doubts itself where it makes the sound louder. The
 * twin is src/media/echofilter.ts, bit for bit. Shares are of 32768. Not here: what is left of the echo
 * (echosuppress.h).
 */
#ifndef PORTERO_ECHOFILTER_H
#define PORTERO_ECHOFILTER_H

#include "echobins.h"

static const uint16_t echo_first[ECHO_PARTS] = {16384, 5500, 1850, 625, 210, 70, 25, 10};

/* A doubt of the filter counts for so much, and for so much voices are switched; it falls by one each block. */
#define ECHO_DOUBT 60
#define ECHO_TROUBLE 400
/* A second of sound without an echo; and by how many blocks the reference is late at most. */
#define ECHO_HUNT 125
#define ECHO_LATEST 6
/* After so many searches there is likely no echo: the filter learns with caution then. */
#define ECHO_TRIES 4
/* So many blocks without an echo, and a filter that makes it louder has not found one. */
#define ECHO_LOST 16
/* After so many blocks with an echo it is known where it is. */
#define ECHO_FOUND 40
/* The way has changed when steps go one way by more than this share, of 32768. Beside a voice it is half at most. */
#define ECHO_DRIFT 2621
/* A filter that lowers the sound by 21 dB, a factor of 2^7, is right: its steps agree by chance. */
#define ECHO_RIGHT 7

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
			size = small_shift(size, -41);
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
	if (isMoved && s->energyLeft > s->energyHeard >> ECHO_RIGHT) {
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

/* Keeps the way inside the filter: four times a second it is seen where the filter is strong. */
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
	if ((s->age & 31) != 31 || s->energyLeft > s->energyHeard >> 2)
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
	/* What comes before the strongest part by two and is nearly nothing is left out. */
	for (p = 0; strongest - p >= 3 && s->late < ECHO_LATEST; p++) {
		energy[p + 1] = small_add(energy[p], energy[p + 1]);
		if (energy[p + 1] >= small_scale(whole, 512))
			break;
		echo_move(s, 1);
	}
	if (strongest == 0 && s->late > 0 && energy[0] > small_scale(whole, 16384))
		echo_move(s, -1);
}

#endif
