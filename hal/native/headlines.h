/*
 * The lines that a response copies from its request: the same as src/transaction/headlines.ts, whose comments say why.
 * It uses no engine and no operating system. The caller makes sure that no place is beyond the request's octets.
 */
#ifndef HEADLINES_H
#define HEADLINES_H

#include <stdint.h>
#include <string.h>

#include "lex.h"
#include "octets.h"

/* PLACE of headlines.ts: the places of the topmost Via, and those of the parties. */
enum {
	LINES_VIA_START, LINES_VIA_END, LINES_VIA_STOP, LINES_SENT_BY_START, LINES_SENT_BY_END,
	LINES_BRANCH_START, LINES_BRANCH_END,
	LINES_SOURCE_IP, LINES_SOURCE_PORT, LINES_RPORT = LINES_SOURCE_IP, LINES_SENT_BY_PORT = LINES_SOURCE_PORT
};
enum {
	LINES_FROM_START, LINES_FROM_END, LINES_FROM_TAG_START, LINES_FROM_TAG_END,
	LINES_TO_START, LINES_TO_END, LINES_TO_TAG_START, LINES_TO_TAG_END,
	LINES_CALL_ID_START, LINES_CALL_ID_END, LINES_CSEQ_START, LINES_METHOD_START, LINES_CSEQ_END,
	LINES_TAG_HIGH, LINES_TAG_LOW, LINES_PLACES
};

/* The line that is being written; `at` stays -1 once something did not fit or may not be sent. */
typedef struct {
	uint8_t *out;
	int32_t at, limit;
	const uint8_t *octets;
	int32_t *places;
} headlines_t;

static inline void lines_octet(headlines_t *lines, uint8_t octet)
{
	if (lines->at < 0 || lines->at >= lines->limit)
		lines->at = -1;
	else
		lines->out[lines->at++] = octet;
}

static inline void lines_put(headlines_t *lines, const char *constant)
{
	int32_t length = (int32_t)strlen(constant);
	if (lines->at < 0 || length > lines->limit - lines->at)
		lines->at = -1;
	else {
		memcpy(lines->out + lines->at, constant, (size_t)length);
		lines->at += length;
	}
}

static inline void lines_copy(headlines_t *lines, int32_t start, int32_t end)
{
	int32_t count = end > start ? end - start : 0, written;
	if (lines->at < 0 || count > lines->limit - lines->at) {
		lines->at = -1;
		return;
	}
	written = octets_unfolded(lines->out + lines->at, lines->octets + start, (uint32_t)count);
	lines->at = written < 0 ? -1 : lines->at + written;
}

static inline void lines_uint(headlines_t *lines, uint32_t value)
{
	uint32_t most = 1;
	while (most * 10 <= value)
		most *= 10;
	for (; most >= 1; most /= 10)
		lines_octet(lines, (uint8_t)('0' + value / most % 10));
}

static inline void lines_address(headlines_t *lines, uint32_t ip)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		lines_uint(lines, ip >> shift & 255);
		if (shift > 0)
			lines_octet(lines, '.');
	}
}

static inline void lines_hex(headlines_t *lines, uint32_t value)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		lines_octet(lines, (uint8_t)"0123456789abcdef"[value >> shift & 15]);
}

/* Returns the end of the parameter whose semicolon is at `start`: the next semicolon outside of quotes, or `end`. */
static inline int32_t lines_piece_end(const uint8_t *octets, int32_t start, int32_t end)
{
	int32_t next = start + 1;
	int is_quoted = 0;
	while (next < end && (is_quoted || octets[next] != ';')) {
		if (octets[next] == '"')
			is_quoted = !is_quoted;
		else if (octets[next] == '\\' && is_quoted)
			next++;
		next++;
	}
	return next > end ? end : next;
}

static inline int lines_is_param(const uint8_t *octets, int32_t start, int32_t end, const char *name)
{
	int32_t from = start + 1, to;
	while (from < end && octets[from] <= ' ')
		from++;
	to = from + (int32_t)strlen(name);
	return to <= end && lex_is_name(octets, from, to, name) && (to == end || octets[to] <= ' ' || octets[to] == '=');
}

static inline void lines_params(headlines_t *lines, int32_t start, int32_t end)
{
	int32_t *places = lines->places, branch = places[LINES_BRANCH_START], branch_end = places[LINES_BRANCH_END];
	places[LINES_BRANCH_START] = places[LINES_BRANCH_END] = lines->at;
	while (start < end) {
		int32_t next = lines_piece_end(lines->octets, start, end);
		if (lines_is_param(lines->octets, start, next, "rport"))
			places[LINES_RPORT] = 1;
		else if (!lines_is_param(lines->octets, start, next, "received")) {
			if (branch_end > branch && branch >= start && branch_end <= next) {
				lines_copy(lines, start, branch);
				places[LINES_BRANCH_START] = lines->at;
				lines_copy(lines, branch, branch_end);
				places[LINES_BRANCH_END] = lines->at;
				lines_copy(lines, branch_end, next);
			} else
				lines_copy(lines, start, next);
		}
		start = next;
	}
}

/* Returns whether octets[start, end) is an IPv4 address, and sets it. */
static inline int lines_ip(const uint8_t *octets, int32_t start, int32_t end, uint32_t *ip)
{
	int32_t i = start;
	*ip = 0;
	for (int part = 0; part < 4; part++) {
		int32_t digits = i, value;
		if (part > 0 && (i >= end || octets[i++] != '.'))
			return 0;
		for (digits = i; i < end && lex_is_digit(octets[i]) && i - digits < 4;)
			i++;
		value = lex_number(octets, digits, i, 255);
		if (value < 0 || i - digits > 3)
			return 0;
		*ip = *ip << 8 | (uint32_t)value;
	}
	return i == end;
}

/* Sets the port of sent-by. Returns whether its host is the address `ip`. */
static inline int lines_is_sent_by(headlines_t *lines, int32_t start, int32_t end, uint32_t ip)
{
	const uint8_t *octets = lines->octets;
	int32_t i = start, host_end;
	uint32_t host;
	if (i < end && octets[i] == '[') {
		while (i < end && octets[i] != ']')
			i++;
		host_end = start;
		i++;
	} else
		host_end = i = lex_scan(octets, i, end, LEX_TOKEN);
	i = lex_skip_space(octets, i, end);
	if (i < end && octets[i] == ':') {
		int32_t port = 0;
		i = lex_skip_space(octets, i + 1, end);
		while (i < end && port <= 65535)
			port = port * 10 + octets[i++] - '0';
		lines->places[LINES_SENT_BY_PORT] = port;
	}
	return lines_ip(octets, start, host_end, &host) && host == ip;
}

/* Returns the offset at which the line ends, or -1. */
static inline int32_t headlines_via(uint8_t *out, int32_t at, int32_t limit, const uint8_t *octets, int32_t *places)
{
	headlines_t lines = { out, at, limit, octets, places };
	int32_t start = places[LINES_VIA_START], end = places[LINES_VIA_END], stop = places[LINES_VIA_STOP];
	int32_t sent_by = places[LINES_SENT_BY_START], sent_by_end = places[LINES_SENT_BY_END];
	uint32_t ip = (uint32_t)places[LINES_SOURCE_IP], port = (uint32_t)places[LINES_SOURCE_PORT];
	places[LINES_RPORT] = places[LINES_SENT_BY_PORT] = 0;
	lines_put(&lines, "Via: ");
	if (sent_by_end == sent_by) {
		places[LINES_SENT_BY_START] = places[LINES_SENT_BY_END] = lines.at;
		places[LINES_BRANCH_START] = places[LINES_BRANCH_END] = lines.at;
		lines_copy(&lines, start, end);
	} else {
		int is_elsewhere, wants_port;
		lines_copy(&lines, start, sent_by);
		places[LINES_SENT_BY_START] = lines.at;
		lines_copy(&lines, sent_by, sent_by_end);
		places[LINES_SENT_BY_END] = lines.at;
		lines_params(&lines, sent_by_end, end);
		is_elsewhere = !lines_is_sent_by(&lines, sent_by, sent_by_end, ip);
		wants_port = places[LINES_RPORT] != 0;
		if (wants_port || is_elsewhere) {
			lines_put(&lines, ";received=");
			lines_address(&lines, ip);
		}
		if (wants_port) {
			lines_put(&lines, ";rport=");
			lines_uint(&lines, port);
		}
	}
	lines_copy(&lines, end, stop);
	lines_put(&lines, "\r\n");
	return lines.at;
}

/* Writes an address whose tag is at the two places behind its own two. */
static inline void lines_tagged(headlines_t *lines, int32_t place, int32_t start, int32_t end)
{
	int32_t *tag = lines->places + place + 2, tag_start = tag[0], tag_end = tag[1];
	lines_copy(lines, start, tag_start);
	tag[0] = lines->at;
	lines_copy(lines, tag_start, tag_end);
	tag[1] = lines->at;
	lines_copy(lines, tag_end, end);
}

/* Returns the offset at which the lines end, or -1. */
static inline int32_t headlines_parties(uint8_t *out, int32_t at, int32_t limit, const uint8_t *octets, int32_t *places)
{
	headlines_t lines = { out, at, limit, octets, places };
	int32_t start = places[LINES_TO_START], end = places[LINES_TO_END];
	int32_t cseq = places[LINES_CSEQ_START], method = places[LINES_METHOD_START], cseq_end = places[LINES_CSEQ_END];
	if (places[LINES_FROM_END] > places[LINES_FROM_START]) {
		lines_put(&lines, "From: ");
		lines_tagged(&lines, LINES_FROM_START, places[LINES_FROM_START], places[LINES_FROM_END]);
		lines_put(&lines, "\r\n");
	} else
		places[LINES_FROM_TAG_START] = places[LINES_FROM_TAG_END] = lines.at;
	places[LINES_TO_START] = lines.at;
	if (end > start) {
		lines_put(&lines, "To: ");
		if (places[LINES_TO_TAG_END] > places[LINES_TO_TAG_START])
			lines_tagged(&lines, LINES_TO_START, start, end);
		else {
			lines_copy(&lines, start, end);
			lines_put(&lines, ";tag=");
			places[LINES_TO_TAG_START] = lines.at;
			lines_hex(&lines, (uint32_t)places[LINES_TAG_HIGH]);
			lines_hex(&lines, (uint32_t)places[LINES_TAG_LOW]);
			places[LINES_TO_TAG_END] = lines.at;
		}
		lines_put(&lines, "\r\n");
	} else
		places[LINES_TO_TAG_START] = places[LINES_TO_TAG_END] = lines.at;
	places[LINES_TO_END] = lines.at;
	start = places[LINES_CALL_ID_START];
	end = places[LINES_CALL_ID_END];
	places[LINES_CALL_ID_START] = places[LINES_CALL_ID_END] = lines.at;
	if (end != start) {
		lines_put(&lines, "Call-ID: ");
		places[LINES_CALL_ID_START] = lines.at;
		lines_copy(&lines, start, end);
		places[LINES_CALL_ID_END] = lines.at;
		lines_put(&lines, "\r\n");
	}
	places[LINES_METHOD_START] = places[LINES_CSEQ_END] = lines.at;
	if (cseq_end == cseq)
		return lines.at;
	lines_put(&lines, "CSeq: ");
	lines_copy(&lines, cseq, method);
	places[LINES_METHOD_START] = lines.at;
	lines_copy(&lines, method, cseq_end);
	places[LINES_CSEQ_END] = lines.at;
	lines_put(&lines, "\r\n");
	return lines.at;
}

#endif
