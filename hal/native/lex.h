/*
 * The lexical rules that SIP's values share: the same as src/wire/lex.ts, whose comments say why. It uses no engine and
 * no operating system. Functions take and return offsets; none reads at or behind `end`.
 */
#ifndef LEX_H
#define LEX_H

#include <stdint.h>

enum { LEX_TOKEN = 1, LEX_WORD = 2, LEX_URI = 4, LEX_DISPLAY = 8 };

/* The bits above that an ASCII octet stops. Octets above ASCII stop tokens only. */
static const uint8_t lex_stops[128] = {
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
	7, 0, 15, 1, 1, 0, 1, 0, 1, 1, 0, 0, 11, 0, 0, 1,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 11, 13, 3, 13, 1,
	1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1,
};

static inline int lex_is_stop(uint8_t octet, int stops)
{
	return ((octet < 128 ? lex_stops[octet] : LEX_TOKEN) & stops) != 0;
}

/* Returns the first offset from `at` on whose octet is one of `stops`, or `end`. */
static inline int32_t lex_scan(const uint8_t *octets, int32_t at, int32_t end, int stops)
{
	while (at < end && !lex_is_stop(octets[at], stops))
		at++;
	return at;
}

/* Returns the first offset from `at` on of an octet below the space, or `end`. */
static inline int32_t lex_control(const uint8_t *octets, int32_t at, int32_t end)
{
	while (at < end && octets[at] >= ' ')
		at++;
	return at;
}

static inline int lex_is_blank(uint8_t octet) { return octet == ' ' || octet == '\t'; }

static inline int lex_is_digit(uint8_t octet) { return octet >= '0' && octet <= '9'; }

/* Returns the offset behind CRLF or a lone LF at `at`, or -1 if neither is there. */
static inline int32_t lex_behind_line_end(const uint8_t *octets, int32_t at, int32_t end)
{
	if (at >= end)
		return -1;
	if (octets[at] == '\n')
		return at + 1;
	return octets[at] == '\r' && at + 1 < end && octets[at + 1] == '\n' ? at + 2 : -1;
}

/* Returns the offset behind white space and line folding; at the end of a line it stays before the line end. */
static inline int32_t lex_skip_space(const uint8_t *octets, int32_t at, int32_t end)
{
	while (at < end && octets[at] <= ' ') {
		if (lex_is_blank(octets[at]))
			at++;
		else {
			int32_t next = lex_behind_line_end(octets, at, end);
			if (next < 0 || next >= end || !lex_is_blank(octets[next]))
				return at;
			at = next + 1;
		}
	}
	return at;
}

/* Returns `end` moved back over white space and folding, at least `start`. */
static inline int32_t lex_trim_end(const uint8_t *octets, int32_t start, int32_t end)
{
	while (end > start && (lex_is_blank(octets[end - 1]) || octets[end - 1] == '\r' || octets[end - 1] == '\n'))
		end--;
	return end;
}

/*
 * Returns the offset behind the closing quote of the string whose opening quote is at `at`; -1 if there is none before
 * the end of the line, or a control octet comes first.
 */
static inline int32_t lex_skip_quoted(const uint8_t *octets, int32_t at, int32_t end)
{
	int32_t i = at + 1;
	while (i < end) {
		uint8_t octet = octets[i];
		if (octet == '"')
			return i + 1;
		if (octet == '\\') {
			if (i + 1 < end && (octets[i + 1] == '\r' || octets[i + 1] == '\n'))
				return -1;
			i += 2;
		} else if (octet >= ' ' || octet == '\t')
			i++;
		else {
			int32_t next = lex_behind_line_end(octets, i, end);
			if (next < 0 || next >= end || !lex_is_blank(octets[next]))
				return -1;
			i = next + 1;
		}
	}
	return -1;
}

/* Returns whether `octets[start, end)` is `name` (in lower case), compared without case. */
static inline int lex_is_name(const uint8_t *octets, int32_t start, int32_t end, const char *name)
{
	int32_t i = start;
	for (; i < end && *name; i++, name++) {
		uint8_t octet = octets[i];
		if ((octet >= 'A' && octet <= 'Z' ? octet | 0x20 : octet) != (uint8_t)*name)
			return 0;
	}
	return i == end && *name == 0;
}

/* Reads a decimal number of digits only. Returns it, or -1 if it is empty, not a number or over `most`. */
static inline int32_t lex_number(const uint8_t *octets, int32_t start, int32_t end, int32_t most)
{
	int64_t value = 0;
	if (start >= end)
		return -1;
	for (int32_t i = start; i < end; i++) {
		if (!lex_is_digit(octets[i]))
			return -1;
		value = value * 10 + (octets[i] - '0');
		if (value > most)
			return -1;
	}
	return (int32_t)value;
}

#endif
