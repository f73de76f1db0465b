/*
 * Copying and comparing runs of octets, and texts: the same as src/core/octets.ts, whose comments say why. It uses no
 * engine and no operating system. The caller checks lengths and places.
 */
#ifndef OCTETS_H
#define OCTETS_H

#include <stdint.h>
#include <string.h>

/*
 * Copies `count` octets of `from` to `to`, which has room for as many. Returns how many were written, or -1 for a CR,
 * LF or NUL that may not be there.
 */
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

/* Returns whether `count` octets are the same, ASCII letters compared without case. */
static inline int octets_alike(const uint8_t *a, const uint8_t *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (a[i] != b[i] && octets_lower(a[i]) != octets_lower(b[i]))
			return 0;
	return 1;
}

/*
 * Returns the offset of the first of `count` octets from `at` on with which a line begins and that is one of `letters`
 * when it has the bit of small letters; `count` if there is none.
 */
static inline uint32_t octets_line(const uint8_t *octets, uint32_t at, uint32_t count, const uint8_t *letters,
	uint32_t letter_count)
{
	while (at < count) {
		const uint8_t *end;
		if (memchr(letters, octets[at] | 0x20, letter_count))
			return at;
		end = memchr(octets + at, '\n', count - at);
		if (!end)
			return count;
		at = (uint32_t)(end - octets) + 1;
	}
	return count;
}

/* Returns the offset of the first octet that is at most `most`, or one of `marks`; or `count`. */
static inline uint32_t octets_mark(const uint8_t *octets, uint32_t count, int32_t most, const uint8_t *marks,
	uint32_t mark_count)
{
	uint32_t at = 0;
	while (at < count && octets[at] > most && !(mark_count && memchr(marks, octets[at], mark_count)))
		at++;
	return at;
}

static inline int octets_is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\n';
}

/* Returns whether `token` is a value of the list in `count` octets. */
static inline int octets_token(const uint8_t *octets, uint32_t count, const uint8_t *token, uint32_t length)
{
	uint32_t at = 0;
	while (at < count) {
		uint32_t start, end;
		while (at < count && octets_is_blank(octets[at]))
			at++;
		start = at;
		while (at < count && octets[at] != ',' && octets[at] != ';')
			at++;
		end = at;
		while (end > start && octets_is_blank(octets[end - 1]))
			end--;
		if (end - start == length && octets_alike(octets + start, token, length))
			return 1;
		while (at < count && octets[at] != ',')
			at++;
		at++;
	}
	return 0;
}

/* Writes the low `count` hexadecimal digits of `value`. */
static inline void octets_digits(uint8_t *to, uint32_t count, uint32_t value)
{
	while (count > 0) {
		to[--count] = (uint8_t)"0123456789abcdef"[value & 15];
		value >>= 4;
	}
}

static inline void octets_hex(uint8_t *to, const uint8_t *from, uint32_t count)
{
	static const char digits[] = "0123456789abcdef";
	for (uint32_t i = 0; i < count; i++) {
		*to++ = (uint8_t)digits[from[i] >> 4];
		*to++ = (uint8_t)digits[from[i] & 15];
	}
}

/* Writes a number in decimal where `room` octets are. Returns how many were written, or -1. */
static inline int32_t octets_decimal(uint8_t *to, int32_t room, uint32_t value)
{
	int32_t size = 1;
	for (uint32_t rest = value; rest >= 10; rest /= 10)
		size++;
	if (size > room)
		return -1;
	for (int32_t i = size - 1; i >= 0; i--, value /= 10)
		to[i] = (uint8_t)('0' + value % 10);
	return size;
}

/* Writes an IPv4 address where `room` octets are. Returns how many were written, or -1. */
static inline int32_t octets_dotted(uint8_t *to, int32_t room, uint32_t address)
{
	int32_t size = 0;
	for (int shift = 24;; shift -= 8) {
		int32_t written = octets_decimal(to + size, room - size, address >> shift & 255);
		if (written < 0)
			return -1;
		size += written;
		if (shift == 0)
			return size;
		if (size >= room)
			return -1;
		to[size++] = '.';
	}
}

/*
 * Converts a text from the engine's form to UTF-8: the engine has NUL as C0 80, a half of a surrogate pair as the three
 * octets of a character, and in some builds both halves so. The result is written to `out`, or only counted if `out` is
 * NULL.
 */
static inline uint32_t octets_of_text(uint8_t *out, const char *text)
{
	const uint8_t *in = (const uint8_t *)text;
	uint32_t size = 0;
	while (*in) {
		uint8_t octets[4];
		uint32_t count = 1;
		octets[0] = in[0];
		if (in[0] == 0xc0 && in[1] == 0x80) {
			octets[0] = 0;
			in += 2;
		} else if (in[0] == 0xed && in[1] >= 0xa0) {
			int isPair = in[1] < 0xb0 && in[3] == 0xed && in[4] >= 0xb0;
			if (isPair) {
				uint32_t high = (in[1] & 15u) << 6 | (in[2] & 63u), low = (in[4] & 15u) << 6 | (in[5] & 63u);
				uint32_t code = 0x10000 + (high << 10) + low;
				octets[0] = (uint8_t)(0xf0 | code >> 18);
				octets[1] = (uint8_t)(0x80 | (code >> 12 & 63));
				octets[2] = (uint8_t)(0x80 | (code >> 6 & 63));
				octets[3] = (uint8_t)(0x80 | (code & 63));
				count = 4;
				in += 6;
			} else {
				octets[0] = 0xef, octets[1] = 0xbf, octets[2] = 0xbd;
				count = 3;
				in += 3;
			}
		} else
			in += 1;
		for (uint32_t i = 0; out && i < count; i++)
			out[size + i] = octets[i];
		size += count;
	}
	return size;
}

static inline int octets_plain(const char *text)
{
	for (const uint8_t *in = (const uint8_t *)text; *in; in++)
		if (*in < 0x20 || *in > 0x7e)
			return 0;
	return 1;
}

/* Returns whether all octets are ASCII and none is NUL. */
static inline int octets_ascii(const uint8_t *octets, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (octets[i] == 0 || octets[i] >= 0x80)
			return 0;
	return 1;
}

/* Writes `count` octets in base64: (count + 2) / 3 * 4 characters. */
static inline void octets_base64(char *out, const uint8_t *octets, uint32_t count)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (uint32_t i = 0; i < count; i += 3) {
		uint32_t left = count - i;
		uint32_t word = (uint32_t)octets[i] << 16 | (left > 1 ? (uint32_t)octets[i + 1] << 8 : 0)
			| (left > 2 ? octets[i + 2] : 0u);
		*out++ = digits[word >> 18];
		*out++ = digits[word >> 12 & 63];
		*out++ = left > 1 ? digits[word >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[word & 63] : '=';
	}
}

/* Continues a CRC-32 of ISO 3309, which begins as all ones. */
static inline uint32_t octets_crc(const uint8_t *octets, uint32_t count, uint32_t crc)
{
	for (uint32_t i = 0; i < count; i++) {
		crc ^= octets[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

#endif
