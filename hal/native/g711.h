/*
 * G.711 by the block, without tables: the same octets and samples as src/media/g711.ts, whose comments say why. It uses
 * no engine and no operating system. The caller checks lengths and places.
 */
#ifndef PORTERO_G711_H
#define PORTERO_G711_H

#include <stdint.h>

#define G711_PCMU 0
#define G711_PCMA 8

/* The number of significant bits of a value that is not 0, without those below `from`; at least 0. */
static inline int g711_segment(int value, int from)
{
	int bits = 32 - __builtin_clz((unsigned)value | 1u) - from;
	return bits < 0 ? 0 : bits;
}

static inline uint8_t g711_ulaw_of(int16_t sample)
{
	int magnitude = ((sample < 0 ? ~sample : sample) >> 2) + 33;
	int segment;
	if (magnitude > 0x1fff)
		magnitude = 0x1fff;
	segment = g711_segment(magnitude, 5);
	return (uint8_t)((sample < 0 ? 0 : 0x80) | ((8 - segment) << 4) | (15 - ((magnitude >> segment) & 15)));
}

static inline uint8_t g711_alaw_of(int16_t sample)
{
	int magnitude = (sample < 0 ? ~sample : sample) >> 4;
	int segment = g711_segment(magnitude, 4);
	int mantissa = segment > 1 ? magnitude >> (segment - 1) : magnitude;
	return (uint8_t)(((sample < 0 ? 0 : 0x80) | (segment << 4) | (mantissa & 15)) ^ 0x55);
}

static inline int16_t g711_of_ulaw(uint8_t code)
{
	int bits = ~code & 0x7f;
	int magnitude = ((((bits & 15) << 1) + 33) << (bits >> 4)) - 33;
	return (int16_t)((code & 0x80 ? magnitude : -magnitude) * 4);
}

static inline int16_t g711_of_alaw(uint8_t code)
{
	int bits = (code ^ 0x55) & 0x7f;
	int segment = bits >> 4;
	int step = ((bits & 15) << 1) + 1;
	int magnitude = segment == 0 ? step : (step + 32) << (segment - 1);
	return (int16_t)((code & 0x80 ? magnitude : -magnitude) * 8);
}

/* Encodes `count` samples into as many octets. `law`: G711_PCMU or G711_PCMA. */
static inline void g711_encode(int law, const int16_t *pcm, uint8_t *out, uint32_t count)
{
	uint32_t i;
	if (law == G711_PCMA)
		for (i = 0; i < count; i++)
			out[i] = g711_alaw_of(pcm[i]);
	else
		for (i = 0; i < count; i++)
			out[i] = g711_ulaw_of(pcm[i]);
}

/* Decodes `count` octets into as many samples. */
static inline void g711_decode(int law, const uint8_t *bytes, int16_t *out, uint32_t count)
{
	uint32_t i;
	if (law == G711_PCMA)
		for (i = 0; i < count; i++)
			out[i] = g711_of_alaw(bytes[i]);
	else
		for (i = 0; i < count; i++)
			out[i] = g711_of_ulaw(bytes[i]);
}

#endif
