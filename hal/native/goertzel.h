/*
 * Goertzel's filter: the same numbers as src/media/goertzel.ts, whose comments say why. It uses no engine and no
 * operating system. The caller checks lengths and places.
 */
#ifndef GOERTZEL_H
#define GOERTZEL_H

#include <stdint.h>

#define GOERTZEL_POINT 12

static inline int32_t goertzel_peak(const int16_t *pcm, uint32_t count)
{
	int32_t peak = 0;
	for (uint32_t i = 0; i < count; i++) {
		int32_t size = pcm[i] < 0 ? -(int32_t)pcm[i] : pcm[i];
		if (size > peak)
			peak = size;
	}
	return peak;
}

static inline double goertzel_energy(const int16_t *pcm, uint32_t count, int32_t shift)
{
	int64_t sum = 0;
	for (uint32_t i = 0; i < count; i++) {
		int32_t sample = pcm[i] >> shift;
		sum += sample * sample;
	}
	return (double)sum;
}

static inline double goertzel_power(const int16_t *pcm, uint32_t count, int32_t shift, int32_t coefficient)
{
	int32_t s1 = 0, s2 = 0;
	for (uint32_t i = 0; i < count; i++) {
		int32_t s = (pcm[i] >> shift) + (int32_t)(((int64_t)coefficient * s1) >> GOERTZEL_POINT) - s2;
		s2 = s1;
		s1 = s;
	}
	double a = s1, b = s2;
	double power = a * a + b * b - ((double)coefficient * a * b) / (1 << GOERTZEL_POINT);
	return power > 0 ? power : 0;
}

#endif
