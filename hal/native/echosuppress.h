/*
 * What happens behind the filter of the echo canceller: the suppression of the echo that is left, with noise in place
 * of what it takes, the guard against howling and the gain for a visitor who is far away. The twin is
 * src/media/echosuppress.ts, bit for bit. Shares are of 32768. Not here: the filter (echofilter.h).
 */
#ifndef PORTERO_ECHOSUPPRESS_H
#define PORTERO_ECHOSUPPRESS_H

#include "echofilter.h"

static const uint8_t echo_edges[ECHO_BANDS + 1] = {1, 3, 5, 7, 9, 12, 15, 18, 22, 26, 30, 35, 40, 46, 52, 58, 64};
static const int16_t echo_window[ECHO_BLOCK] = {
	402, 1206, 2009, 2811, 3612, 4410, 5205, 5998, 6786, 7571, 8351, 9126, 9896, 10659, 11417, 12167,
	12910, 13645, 14372, 15090, 15800, 16499, 17189, 17869, 18537, 19195, 19841, 20475, 21096, 21705, 22301, 22884,
	23452, 24007, 24547, 25072, 25582, 26077, 26556, 27019, 27466, 27896, 28310, 28706, 29085, 29447, 29791, 30117,
	30424, 30714, 30985, 31237, 31470, 31685, 31880, 32057, 32213, 32351, 32469, 32567, 32646, 32705, 32745, 32765};

/*
 * What is loud for so many blocks without a pause is howling: 720 ms, or a third of it for a tone, or where it is near
 * full scale. A block of a pause counts for so many.
 */
#define ECHO_RINGING 90
#define ECHO_PAUSE 12
/* What comes back of the sound is looked for so many bins above and below one, and as many slots later at least. */
#define ECHO_AROUND 2
#define ECHO_SLOTS_LATE 3
/* Since the gain was lowered nothing rang for a moment; the sound ebbed, or grew again. */
#define ECHO_CALM 1
#define ECHO_CHANGED 2
/* What is known of the share that comes back, in units of 2^-10: nothing. */
#define ECHO_UNKNOWN 65535
/* What stays loud for so many blocks after it is turned down is no loop: 1.6 s. */
#define ECHO_NO_LOOP 200
/* The least gain against howling: -30 dB. */
#define ECHO_GUARD_LEAST 1000
/* The least gain against noise: -10 dB. */
#define ECHO_NOISE_LEAST 10362
/*
 * From a likeness on that is so near to 1, there is nothing but echo; where so much is unlike it, there may be a
 * voice.
 */
#define ECHO_SURE 32200
#define ECHO_UNLIKE 350
/* The likely echo is taken as often as chosen, of 2^15, times 2^STRENGTH: a comparison with others makes it more. */
#ifndef ECHO_STRENGTH
#define ECHO_STRENGTH 2
#endif
/* Gain 1, and the most: 12 dB. */
#define ECHO_GAIN 4096
#define ECHO_GAIN_MOST 16384

/* The fourth root of a share of 32768. */
static inline uint32_t echo_fourth(uint32_t share)
{
	return (uint32_t)small_int(small_root(small_root(small_of(share, -15))), 15, 32768);
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
		noise = small_scale(noise, 13107);
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
 * In a loop all that is given out comes back 64 to 480 ms later, always by the same time and with the same gain. So
 * the gain is no more than the least share that was heard by that time after something was given out: a bang or a word
 * that ends, and leaves silence, shows how little comes back. The ceiling may rise to 15 dB below the gain at which
 * the largest share that is possible still would howl. While the house speaks nothing is learnt, as many phones are
 * silent then. `heard`, `out`: the powers around the bin that rang.
 */
static inline void echo_returned(echo_t *s, small_t heard, small_t out)
{
	small_t most = 0, lately;
	int32_t late, now, allowed;
	if (s->farLevel > 12 * ECHO_BLOCK)
		heard = SMALL_MOST;
	if (out > s->giving)
		s->giving = out;
	if (heard > s->hearing)
		s->hearing = heard;
	s->slot = (s->slot + 1) & (4 * ECHO_SLOTS - 1);
	if (s->slot & 3)
		return;
	now = s->slot >> 2;
	/* What was given out in one slot comes back in two. */
	lately = s->hearing > s->heardBefore ? s->hearing : s->heardBefore;
	s->given[now] = s->hearing == SMALL_MOST ? 0 : echo_packed(s->giving);
	s->heardBefore = s->hearing;
	s->giving = s->hearing = 0;
	if (s->ceiling == 32768)
		return;
	for (late = ECHO_SLOTS_LATE; late < ECHO_SLOTS; late++) {
		small_t given = echo_unpacked(s->given[(now - late) & (ECHO_SLOTS - 1)]), share;
		/* A level of 20, below which noise and the codec hide what comes back. */
		if (given > small_of(400, 22)) {
			uint16_t back = echo_packed(small_shift(small_div(lately, given), 10));
			if (back < s->returned[late])
				s->returned[late] = back;
		}
		if (s->returned[late] == ECHO_UNKNOWN)
			return;
		share = echo_unpacked(s->returned[late]);
		if (share > most)
			most = share;
	}
	allowed = small_int(small_root(small_div(small_shift(SMALL_ONE, 10 - 5), most)), 15, 32768);
	if (allowed > s->ceiling)
		s->ceiling = allowed;
}

/* Marks a gain at which something rang: it may rise to 14.5 dB less. `loudest`: the bin that was loudest. */
static inline void echo_mark(echo_t *s, int32_t loudest)
{
	s->ceiling = (echo_within(s->ceiling, s->guard) * 3) >> 4;
	if (s->ceiling < ECHO_GUARD_LEAST)
		s->ceiling = ECHO_GUARD_LEAST;
	if (s->howls == 0)
		s->howls = 1;
	s->calm = 0;
	s->loudBin = loudest <= ECHO_AROUND ? ECHO_AROUND + 1
			  : loudest > ECHO_BINS - 1 - ECHO_AROUND ? ECHO_BINS - 1 - ECHO_AROUND
													  : loudest;
	memset(s->given, 0, sizeof s->given);
	memset(s->returned, 255, sizeof s->returned);
}

/*
 * Howling is loud and has no pauses: a voice has some between its sounds. It is turned down within a moment, and the
 * gain returns to a fifth of what it was, from where it rises by a quarter of a dB a second, and at once as far as
 * little comes back. What rings again is marked again. A loud voice that is taken for howling is turned down to the
 * level of other voices. `peak`: the most in three bins, `loudest`: the one in their middle; `around`: the power around
 * the bin that was loudest at the last mark.
 */
static inline void echo_guard(echo_t *s, small_t whole, small_t peak, int32_t loudest, small_t around)
{
	uint32_t gain = (uint32_t)s->guard >> 4;
	small_t square = small_of(gain * gain, -22), out = small_mul(whole, square);
	/* Levels of 3,000 and, after howling, of 1,200; of 8,000 and, after it, of 3,000 for half a second; of 8,000. */
	int32_t isAgain = s->ceiling < 32768;
	small_t loud = isAgain ? small_of(1440000, 22) : small_of(9000000, 22);
	small_t lasting = isAgain ? small_of(9000000, 22) : small_of(64000000, 22);
	s->crest = small_scale(s->crest, 30720);
	if (s->crest < whole)
		s->crest = whole;
	s->average = small_add(small_scale(s->average, 32256), small_scale(whole, 512));
	/* 12 dB below the crest is a pause. */
	if (out <= loud || whole <= small_scale(s->crest, 2048))
		s->ringing -= s->ringing > ECHO_PAUSE ? ECHO_PAUSE : s->ringing;
	else if (s->ringing < ECHO_RINGING)
		s->ringing += whole > small_of(64000000, 22) || small_share(peak, whole) > 24576 ? 3 : 1;
	/* What grows again by 6 dB is a loop. */
	if (s->howls > 0 && s->howls < ECHO_NO_LOOP) {
		if (s->howls == 1 || s->crest < s->lowest)
			s->lowest = s->crest;
		if (whole > small_of(2250000, 22) && s->crest < small_shift(s->lowest, 2))
			s->howls += 1;
		else {
			s->howls = 1;
			s->calm |= ECHO_CHANGED;
		}
	}
	echo_returned(s, around, small_mul(around, square));
	if (s->ringing >= ECHO_RINGING || (out > small_of(1440000, 22) && small_mul(s->average, square) > lasting)) {
		if (s->howls == 0 || s->calm == (ECHO_CALM | ECHO_CHANGED))
			echo_mark(s, loudest);
		s->guard -= s->guard >> 4;
		return;
	}
	if (s->ringing == 0)
		s->calm |= ECHO_CALM;
	if (s->howls > 0 && s->ringing == 0 && s->guard >= s->ceiling) {
		if (s->howls == ECHO_NO_LOOP)
			s->ceiling = 32768;
		s->howls = 0;
	}
	s->ceiling = echo_within(s->ceiling + (s->ceiling >> 12) + 1, 32768);
	if (s->guard < s->ceiling)
		s->guard = echo_within(s->guard + (s->guard >> 6) + 1, s->ceiling);
}

/*
 * A visitor who is far away is raised slowly, by 1 dB a second, and lowered four times as fast: by what is heard while
 * nothing is played, and not so far that the noise of the place is loud. `whole`: the power of the block; `peak`: the
 * loudest sample that was given out.
 */
static inline void echo_level(echo_t *s, small_t whole, small_t noise, int32_t peak)
{
	uint32_t gain = (uint32_t)s->gain >> 4;
	/* Levels of 800 for a voice, 1,600 for one that is loud, 40 for none, and 156 for the noise. */
	small_t enough = small_of(640000, 22), much = small_of(2560000, 22), most = small_of(24500, 22);
	small_t quiet = small_of(1600, 22);
	if (peak > 28000 || s->guard < 32768 || s->ringing > ECHO_RINGING / 2)
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

/*
 * The floor of the noise in a bin: it falls faster than it rises. Beside an echo it does both a third as fast, so that
 * it lies as far below the noise as without one; `isNew`: it is not known yet.
 */
static inline small_t echo_floor(small_t floor, small_t power, int32_t isBeside, int32_t isNew)
{
	small_t least = small_of(10, 10);
	if (power < floor)
		floor = isBeside ? small_add(small_scale(floor, 32440), small_scale(power, 328))
						 : small_add(small_scale(floor, 31785), small_scale(power, 983));
	else if (isNew)
		floor = small_scale(floor, 34734);
	else
		floor = isBeside ? small_scale(floor, 32899) : small_scale(floor, 33161);
	return floor < least ? least : floor;
}

/*
 * Lowers the noise of the place by bands: where a band has little more than noise its gain falls within a tenth of a
 * second, by 10 dB at most; where a voice is in it the gain is back within two blocks. A gain for each bin would leave
 * single ones of them open, which sounds like music.
 */
static inline void echo_less_noise(echo_t *s, int32_t *bins, const small_t *power)
{
	int b, k;
	for (b = 0; b < ECHO_BANDS; b++) {
		small_t sound = 0, noise = 0;
		int32_t target, gain = s->quieted[b];
		for (k = echo_edges[b]; k < echo_edges[b + 1]; k++) {
			sound = small_add(sound, power[k]);
			noise = small_add(noise, echo_unpacked(s->floors[k]));
		}
		noise = small_shift(small_scale(noise, 40960), 2);
		target = small_int(small_root(small_of(small_share(small_sub(sound, noise), sound), -15)), 15, 32767);
		if (target < ECHO_NOISE_LEAST)
			target = ECHO_NOISE_LEAST;
		gain += (target - gain) >> (target > gain ? 1 : 4);
		s->quieted[b] = (int16_t)gain;
		for (k = echo_edges[b]; k < echo_edges[b + 1]; k++) {
			bins[2 * k] = transform_mul(bins[2 * k] * 2, gain);
			bins[2 * k + 1] = transform_mul(bins[2 * k + 1] * 2, gain);
		}
	}
}

/* Suppresses in `left` what is echo still; `echo` is what the filter took. Both are a block of samples. */
static inline void echo_suppress(echo_t *s, const int32_t *left, const int32_t *echo, int32_t options)
{
	int32_t bins[TRANSFORM_SIZE], other[TRANSFORM_SIZE];
	small_t power[ECHO_BINS], rest[ECHO_BINS];
	small_t whole = 0, noise = 0, residue = 0, excess = 0;
	uint32_t presence, over, likeness;
	small_t around = 0;
	int32_t gain, heard, loudest = 0;
	int b, k, i, middle = 2;
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
		noise = small_add(noise, echo_unpacked(s->floors[k]));
	}
	echo_share(s, power, rest);
	{
		/* What the filter may have missed counts less and less while no echo is found. */
		uint32_t missing = 8192u >> (s->hunt > 80 ? 5 : s->hunt >> 4) >> (s->tries > 0 ? 2 : 0);
		for (b = 0; b < ECHO_BANDS; b++)
			for (k = echo_edges[b]; k < echo_edges[b + 1]; k++) {
				small_t floor = echo_unpacked(s->floors[k]);
				rest[k] = small_add(small_mul(s->share[b], rest[k]), small_scale(s->missed[k >> 1], missing));
				floor = echo_floor(floor, power[k], rest[k] > floor, s->age < 250);
				s->floors[k] = echo_packed(floor);
				residue = small_add(residue, small_add(rest[k], small_scale(floor, 9830)));
				excess = small_add(excess, small_sub(power[k], small_scale(floor, 49152)));
			}
	}
	/* Somebody speaks at the door: there is more than noise and what is left of the echo. */
	presence = small_share(small_sub(excess, residue), residue);
	if ((int32_t)presence > s->presence)
		s->presence = (int32_t)presence;
	else
		s->presence += ((int32_t)presence - s->presence) >> 4;
	/* Where nearly all is like the echo that the filter expects, nobody speaks who could be heard beside it. */
	likeness = echo_likeness(s);
	heard = (32768 - (int32_t)likeness - ECHO_UNLIKE) * 30;
	if (s->presence > heard)
		s->presence = heard < 0 ? 0 : heard;
	presence = (uint32_t)s->presence;
	whole = 0;
	excess = 0;
	/* Of 8192: beside a voice a quarter of the likely echo is taken, and four times as much where nobody speaks. */
	over = 2048 + ((32768 - presence) * 15 >> 4);
	if (likeness > ECHO_SURE)
		over += (likeness - ECHO_SURE) * 120;
	if (over > 65535)
		over = 65535;
	for (k = 1; k < ECHO_BINS; k++) {
		small_t before = small_scale(echo_unpacked(s->voice[k]), 22938);
		small_t echoes = small_scale(rest[k], over), voice;
		echoes = small_shift(echoes, ECHO_STRENGTH);
		voice = small_add(before, small_scale(small_sub(power[k], echoes), 9830));
		uint32_t gain = small_share(voice, small_add(voice, echoes));
		/* The noise of the place: on average it is nearly twice its floor. */
		small_t kept = small_scale(echo_unpacked(s->floors[k]), 58982);
		int32_t hiss = 0, g;
		/* Beside a voice the fourth root is enough: it hides what is left. */
		if (presence > 0)
			gain = (gain * (32768 - presence) + echo_fourth(gain) * presence) >> 15;
		if (gain < 655)
			gain = 655;
		else if (gain > 32767)
			gain = 32767;
		/* What is no louder than the noise of the place is kept. */
		if (!(options & ECHO_QUIET)) {
			if (power[k] <= kept)
				gain = 32767;
			else if (small_scale(power[k], (gain * gain) >> 15) < kept)
				gain = (uint32_t)small_int(small_root(small_div(kept, power[k])), 15, 32767);
		}
		g = (int32_t)gain;
		power[k] = small_scale(power[k], (uint32_t)(g * g) >> 15);
		s->voice[k] = echo_packed(power[k]);
		whole = small_add(whole, power[k]);
		if (k > 2) {
			small_t three = small_add(power[k - 2], small_add(power[k - 1], power[k]));
			if (three > excess) {
				excess = three;
				middle = k - 1;
			}
		}
		if (options & ECHO_LINEAR)
			g = 32767;
		else if (!(options & ECHO_QUIET))
			hiss = small_int(small_root(small_scale(kept, 32768u - ((uint32_t)(g * g) >> 15))), 0, 1 << 24);
		bins[2 * k] = transform_add(transform_mul(bins[2 * k], g), transform_mul(hiss, echo_random(s)));
		bins[2 * k + 1] = transform_add(transform_mul(bins[2 * k + 1], g), transform_mul(hiss, echo_random(s)));
	}
	if (options & ECHO_LESS_NOISE)
		echo_less_noise(s, bins, power);
	for (k = s->loudBin - ECHO_AROUND; k <= s->loudBin + ECHO_AROUND; k++)
		around = small_add(around, power[k]);
	echo_guard(s, whole, excess, middle, around);
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

#endif
