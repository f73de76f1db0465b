/*
 * Copying and comparing runs of octets: the same as src/core/octets.ts, whose comments say why.
 * Pure: no engine, no operating system. Lengths and places are the caller's to check.
 */
#ifndef OCTETS_H
#define OCTETS_H

#include <stdint.h>

/* `count` octets of `from` to `to`, which has room for as many. Returns how many were written, or -1 for a CR, LF or NUL that may not be there. */
static inline int32_t octets_unfolded(uint8_t *to, const uint8_t *from, uint32_t count)
{
	uint8_t *out = to;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t octet = from[i];
		if (octet == '\r' || octet == '\n') {
			uint32_t next = i + 1;
			if (octet == '\r' && next < count && from[next] == '\n')
				next++;
			if (next >= count || (from[next] != ' ' && from[next] != '\t'))
				return -1;
			while (next < count && (from[next] == ' ' || from[next] == '\t'))
				next++;
			*out++ = ' ';
			i = next - 1;
		} else if (octet == 0) {
			if (i == 0 || from[i - 1] != '\\')
				return -1;
			*out++ = ' ';
		} else
			*out++ = octet;
	}
	return (int32_t)(out - to);
}

static inline uint8_t octets_lower(uint8_t octet) { return octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet; }

/* Whether `count` octets are the same, ASCII letters compared without case. */
static inline int octets_alike(const uint8_t *a, const uint8_t *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (a[i] != b[i] && octets_lower(a[i]) != octets_lower(b[i]))
			return 0;
	return 1;
}

#endif
