/*
 * The discrete Fourier transform of 128 real samples and back, in integers of 32 bits. Forward divides by 128, so that
 * nothing grows; back is its inverse without that. The twin is src/media/transform.ts, bit for bit. It uses no engine
 * and no operating system.
 */
#ifndef PORTERO_TRANSFORM_H
#define PORTERO_TRANSFORM_H

#include <stdint.h>

#define TRANSFORM_SIZE 128
#define TRANSFORM_BINS 64

/* cos(2 pi k / 128) in 1/32768; the sine is that of k + 96. */
static const int16_t transform_cosine[160] = {
	32767, 32729, 32610, 32413, 32138, 31786, 31357, 30853,
	30274, 29622, 28899, 28106, 27246, 26320, 25330, 24279,
	23170, 22006, 20788, 19520, 18205, 16846, 15447, 14010,
	12540, 11039, 9512, 7962, 6393, 4808, 3212, 1608,
	0, -1608, -3212, -4808, -6393, -7962, -9512, -11039,
	-12540, -14010, -15447, -16846, -18205, -19520, -20788, -22006,
	-23170, -24279, -25330, -26320, -27246, -28106, -28899, -29622,
	-30274, -30853, -31357, -31786, -32138, -32413, -32610, -32729,
	-32767, -32729, -32610, -32413, -32138, -31786, -31357, -30853,
	-30274, -29622, -28899, -28106, -27246, -26320, -25330, -24279,
	-23170, -22006, -20788, -19520, -18205, -16846, -15447, -14010,
	-12540, -11039, -9512, -7962, -6393, -4808, -3212, -1608,
	0, 1608, 3212, 4808, 6393, 7962, 9512, 11039,
	12540, 14010, 15447, 16846, 18205, 19520, 20788, 22006,
	23170, 24279, 25330, 26320, 27246, 28106, 28899, 29622,
	30274, 30853, 31357, 31786, 32138, 32413, 32610, 32729,
	32767, 32729, 32610, 32413, 32138, 31786, 31357, 30853,
	30274, 29622, 28899, 28106, 27246, 26320, 25330, 24279,
	23170, 22006, 20788, 19520, 18205, 16846, 15447, 14010,
	12540, 11039, 9512, 7962, 6393, 4808, 3212, 1608,
};

/* a * b / 65536, b of 16 bits: one instruction where a product's upper half is one. */
static inline int32_t transform_mul(int32_t a, int32_t b)
{
	return (int32_t)(((int64_t)a * (b * 65536)) >> 32);
}

/* Sums wrap around: a sound that is too loud comes out wrong, without an error. */
static inline int32_t transform_add(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t transform_sub(int32_t a, int32_t b)
{
	return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* The place of one of the 64 pairs: its digits of base 4 in reverse. */
static inline uint32_t transform_place(uint32_t i)
{
	return (i & 3) << 4 | (i & 12) | i >> 4;
}

/*
 * Transforms 64 complex numbers, real and imaginary part in turn, from `in` to `out` in radix 4, divided by 64. `turn`
 * is 1 forward, -1 back. Input and output are two arrays, both in order.
 */
static inline void transform_complex(const int32_t *in, int32_t *out, int32_t turn)
{
	uint32_t i, j, k, step;
	for (i = 0; i < 64; i += 4) {
		uint32_t from = 2 * transform_place(i);
		/* The digits of i + 1, i + 2, i + 3 in reverse lie 16 apart. */
		int32_t ar = in[from] >> 2, ai = in[from + 1] >> 2, br = in[from + 32] >> 2, bi = in[from + 33] >> 2;
		int32_t cr = in[from + 64] >> 2, ci = in[from + 65] >> 2, dr = in[from + 96] >> 2, di = in[from + 97] >> 2;
		int32_t sr = transform_add(ar, cr), si = transform_add(ai, ci);
		int32_t tr = transform_sub(ar, cr), ti = transform_sub(ai, ci);
		int32_t ur = transform_add(br, dr), ui = transform_add(bi, di);
		int32_t vr = transform_sub(br, dr), vi = transform_sub(bi, di);
		int32_t *to = out + 2 * i;
		if (turn < 0) {
			vr = transform_sub(0, vr);
			vi = transform_sub(0, vi);
		}
		to[0] = transform_add(sr, ur);
		to[1] = transform_add(si, ui);
		to[2] = transform_add(tr, vi);
		to[3] = transform_sub(ti, vr);
		to[4] = transform_sub(sr, ur);
		to[5] = transform_sub(si, ui);
		to[6] = transform_sub(tr, vi);
		to[7] = transform_add(ti, vr);
	}
	for (step = 4; step < 64; step *= 4) {
		/* The angle of a step, in parts of 128 of a circle. */
		uint32_t part = 32 / step;
		for (j = 0; j < step; j++) {
			uint32_t one = j * part, two = 2 * one, three = 3 * one;
			int32_t c1 = transform_cosine[one], s1 = transform_cosine[one + 96 & 127] * turn;
			int32_t c2 = transform_cosine[two], s2 = transform_cosine[two + 96 & 127] * turn;
			int32_t c3 = transform_cosine[three], s3 = transform_cosine[three + 96 & 127] * turn;
			for (k = j; k < 64; k += 4 * step) {
				int32_t *a = out + 2 * k, *b = a + 2 * step, *c = b + 2 * step, *d = c + 2 * step;
				/* Multiplies by cos - i sin; a product is half of its true value. */
				int32_t ar = a[0] >> 1, ai = a[1] >> 1;
				int32_t br = transform_add(transform_mul(b[0], c1), transform_mul(b[1], s1));
				int32_t bi = transform_sub(transform_mul(b[1], c1), transform_mul(b[0], s1));
				int32_t cr = transform_add(transform_mul(c[0], c2), transform_mul(c[1], s2));
				int32_t ci = transform_sub(transform_mul(c[1], c2), transform_mul(c[0], s2));
				int32_t dr = transform_add(transform_mul(d[0], c3), transform_mul(d[1], s3));
				int32_t di = transform_sub(transform_mul(d[1], c3), transform_mul(d[0], s3));
				int32_t sr = transform_add(ar, cr), si = transform_add(ai, ci);
				int32_t tr = transform_sub(ar, cr), ti = transform_sub(ai, ci);
				int32_t ur = transform_add(br, dr), ui = transform_add(bi, di);
				int32_t vr = transform_sub(br, dr), vi = transform_sub(bi, di);
				if (turn < 0) {
					vr = transform_sub(0, vr);
					vi = transform_sub(0, vi);
				}
				a[0] = transform_add(sr, ur) >> 1;
				a[1] = transform_add(si, ui) >> 1;
				b[0] = transform_add(tr, vi) >> 1;
				b[1] = transform_sub(ti, vr) >> 1;
				c[0] = transform_sub(sr, ur) >> 1;
				c[1] = transform_sub(si, ui) >> 1;
				d[0] = transform_sub(tr, vi) >> 1;
				d[1] = transform_add(ti, vr) >> 1;
			}
		}
	}
}

/*
 * 128 samples of `sound` become the bins 0 to 63 of `bins`, real and imaginary part in turn. The first and the one at
 * half the sample rate are left out: they are 0. `sound` is kept.
 */
static inline void transform_forward(const int32_t *sound, int32_t *bins)
{
	uint32_t k;
	transform_complex(sound, bins, 1);
	bins[0] = 0;
	bins[1] = 0;
	for (k = 1; k <= 32; k++) {
		int32_t *a = bins + 2 * k, *b = bins + 2 * (64 - k);
		/* The even samples, and the odd ones turned by -i w^k. */
		int32_t er = transform_add(a[0] >> 2, b[0] >> 2), ei = transform_sub(a[1] >> 2, b[1] >> 2);
		int32_t or = transform_add(a[1] >> 1, b[1] >> 1), oi = transform_sub(b[0] >> 1, a[0] >> 1);
		int32_t c = transform_cosine[k], s = transform_cosine[k + 96 & 127];
		int32_t tr = transform_add(transform_mul(or, c), transform_mul(oi, s));
		int32_t ti = transform_sub(transform_mul(oi, c), transform_mul(or, s));
		a[0] = transform_add(er, tr);
		a[1] = transform_add(ei, ti);
		b[0] = transform_sub(er, tr);
		b[1] = transform_sub(ti, ei);
	}
}

/* The bins 0 to 63 become 128 samples. `bins` is lost. */
static inline void transform_back(int32_t *bins, int32_t *sound)
{
	uint32_t k;
	bins[0] = 0;
	bins[1] = 0;
	for (k = 1; k <= 32; k++) {
		int32_t *a = bins + 2 * k, *b = bins + 2 * (64 - k);
		int32_t er = transform_add(a[0] >> 1, b[0] >> 1), ei = transform_sub(a[1] >> 1, b[1] >> 1);
		int32_t dr = transform_sub(a[0], b[0]), di = transform_add(a[1], b[1]);
		int32_t c = transform_cosine[k], s = transform_cosine[k + 96 & 127];
		/* Multiplies by i w^-k. */
		int32_t or = transform_sub(0, transform_add(transform_mul(di, c), transform_mul(dr, s)));
		int32_t oi = transform_sub(transform_mul(dr, c), transform_mul(di, s));
		a[0] = transform_add(er, or);
		a[1] = transform_add(ei, oi);
		b[0] = transform_sub(er, or);
		b[1] = transform_sub(oi, ei);
	}
	transform_complex(bins, sound, -1);
}

#endif
