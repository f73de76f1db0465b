/*
 * The head of a SIP message: its start line, the table of its header fields and the values that every layer asks for,
 * the same as src/wire/headreader.ts with the readers that it uses (startline, values, via, address), whose comments
 * say why. A value that is not well formed, and an unusual start line, are left to them: `headreader_read` stops there
 * and goes on behind it. It uses no engine and no operating system. Nothing reads at or behind `end`.
 */
#ifndef HEADREADER_H
#define HEADREADER_H

#include <stdint.h>
#include <string.h>

#include "lex.h"

/* Header ids of src/wire/names.ts that are told apart here. */
enum { HEAD_OTHER, HEAD_VIA, HEAD_FROM, HEAD_TO, HEAD_CALL_ID, HEAD_CSEQ, HEAD_MAX_FORWARDS, HEAD_CONTENT_LENGTH };
/* PROBLEM_* of src/wire/problems.ts. */
enum {
	HEAD_RIGHT = 0, HEAD_BAD_LINE = 2, HEAD_CONTROL = 6, HEAD_REPEATED = 8, HEAD_CUT_OFF = 11, HEAD_TABLE_FULL = 12
};
/* The results of `headreader_read` beside the id of a field whose value is left to TypeScript. */
enum { HEAD_DONE = 0, HEAD_START_LINE_LEFT = -1 };
/* MAX_FORWARDS_BAD of src/wire/values.ts. */
#define HEAD_MAX_FORWARDS_BAD (-2)

/* Indexed by id: HEADER_NAMES in lower case. */
static const char *const head_names[] = {
	"", "via", "from", "to", "call-id", "cseq", "max-forwards", "content-length", "contact", "content-type", "route",
	"record-route", "expires", "min-expires", "www-authenticate", "proxy-authenticate", "authorization",
	"proxy-authorization", "require", "proxy-require", "supported", "unsupported", "allow", "accept", "content-encoding",
	"content-disposition", "retry-after", "rseq", "rack", "session-expires", "min-se", "reason", "warning", "user-agent",
	"server", "subject", "timestamp", "date", "event", "subscription-state", "call-info", "alert-info", "path",
	"service-route", "mime-version", "accept-encoding", "accept-language", "refer-to", "replaces", "authentication-info",
	"max-breadth", "p-asserted-identity", "answer-mode", "p-preferred-identity", "remote-party-id", "privacy",
	"referred-by", "refer-sub", "flow-timer",
};
#define HEAD_IDS ((int32_t)(sizeof head_names / sizeof head_names[0]))

/* The letter of each one-letter name, and its id. */
static const uint8_t head_letters[] = "bcefiklmorstvx";
static const uint8_t head_letter_ids[] = { 56, 9, 24, 2, 4, 20, 7, 8, 38, 47, 35, 3, 1, 29 };

/*
 * Returns whether a malformed field is passed over: max-forwards, reason, warning, user-agent, server, subject, date,
 * and unknown ones.
 */
static inline int head_is_needless(int32_t id)
{
	return id == HEAD_OTHER || id == HEAD_MAX_FORWARDS || (id >= 31 && id <= 35) || id == 37;
}

/* Indexed by METHOD_*. */
static const char *const head_methods[] = {
	"", "INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "INFO", "MESSAGE", "UPDATE", "PRACK", "SUBSCRIBE",
	"NOTIFY", "REFER", "PUBLISH",
};
#define HEAD_METHOD_OTHER 15

/* The values that are read, in the layout of headreader.ts. Offsets count from the start of the given octets. */
typedef struct {
	/* Offset of the next line; at the end that of the body. */
	int32_t at;
	int32_t rows, present, problem, problem_field, is_odd;
	/* The values that were read, a bit for each id; and the value that is left to TypeScript. */
	int32_t read, left_start, left_end;
	int32_t is_request, method, method_end, uri_start, uri_end, status, reason_start, reason_end;
	int32_t via_start, via_end, branch_start, branch_end, sent_by_start, sent_by_end, has_cookie;
	int32_t from_start, from_end, from_tag_start, from_tag_end;
	int32_t to_start, to_end, to_tag_start, to_tag_end;
	int32_t call_id_start, call_id_end;
	int32_t cseq, cseq_method, cseq_method_start, cseq_method_end;
	int32_t max_forwards, content_length;
	/* The bits of fields that are there twice. */
	int32_t repeated;
} headreader_t;

static inline int32_t head_bit(int32_t id) { return (int32_t)(1u << (id < 16 ? id : (id & 31) | 16)); }

static inline void head_fail(headreader_t *head, int32_t problem)
{
	if (head->problem == HEAD_RIGHT)
		head->problem = problem;
}

static inline int32_t head_method_of(const uint8_t *octets, int32_t start, int32_t end)
{
	for (int32_t method = 1; method < HEAD_METHOD_OTHER; method++) {
		const char *name = head_methods[method];
		size_t length = strlen(name);
		if ((size_t)(end - start) == length && octets[start] == (uint8_t)name[0] && memcmp(octets + start, name, length) == 0)
			return method;
	}
	return HEAD_METHOD_OTHER;
}

static inline int32_t head_id_of(const uint8_t *octets, int32_t start, int32_t end)
{
	if (end - start == 1) {
		for (int32_t i = 0; head_letters[i]; i++)
			if ((octets[start] | 0x20) == head_letters[i])
				return octets[start] >= 'A' ? head_letter_ids[i] : HEAD_OTHER;
		return HEAD_OTHER;
	}
	for (int32_t id = 1; id < HEAD_IDS; id++)
		if ((octets[start] | 0x20) == (uint8_t)head_names[id][0] && lex_is_name(octets, start, end, head_names[id]))
			return id;
	return HEAD_OTHER;
}

/* Reads "METHOD sip:... SIP/2.0" or "SIP/2.0 NNN ...", spelled as usual. Returns the offset behind it, or -1. */
static inline int32_t head_start_line(headreader_t *head, const uint8_t *octets, int32_t at, int32_t end)
{
	int32_t i = lex_scan(octets, at, end, LEX_TOKEN);
	if (i >= end)
		return -1;
	if (octets[i] == '/') {
		if (end - at < 13 || memcmp(octets + at, "SIP/2.0 ", 8) != 0)
			return -1;
		head->status = lex_number(octets, at + 8, at + 11, 699);
		if (head->status < 100)
			return -1;
		i = lex_control(octets, at + 11, end);
		if (end - i < 2 || octets[i] != '\r' || octets[i + 1] != '\n' || (i > at + 11 && octets[at + 11] != ' '))
			return -1;
		head->reason_start = i > at + 11 ? at + 12 : i;
		head->reason_end = i;
		return i + 2;
	}
	head->method = head_method_of(octets, at, i);
	if (octets[i] != ' ' || head->method == HEAD_METHOD_OTHER)
		return -1;
	head->is_request = 1;
	head->method_end = i;
	head->uri_start = ++i;
	i = lex_scan(octets, i, end, LEX_URI);
	head->uri_end = i;
	if (i - head->uri_start < 5 || !lex_is_name(octets, head->uri_start, head->uri_start + 4, "sip:") ||
		memchr(octets + head->uri_start, '?', (size_t)(i - head->uri_start)) != NULL)
		return -1;
	return end - i >= 10 && memcmp(octets + i, " SIP/2.0\r\n", 10) == 0 ? i + 10 : -1;
}

/* Returns whether "/" stands at `*at`; moves `*at` behind it and the white space around it. */
static inline int head_slash(const uint8_t *octets, int32_t *at, int32_t end)
{
	*at = lex_skip_space(octets, *at, end);
	if (*at >= end || octets[*at] != '/')
		return 0;
	*at = lex_skip_space(octets, *at + 1, end);
	return 1;
}

/* Reads host[:port] at `at` and sets their ends. Returns the offset behind it and white space, or -1. */
static inline int32_t head_sent_by(headreader_t *head, const uint8_t *octets, int32_t at, int32_t end)
{
	int32_t i = at;
	head->sent_by_start = at;
	if (i < end && octets[i] == '[') {
		while (i < end && octets[i] != ']') {
			if (octets[i] <= ' ')
				return -1;
			i++;
		}
		if (i >= end || i - at < 3)
			return -1;
		i++;
	} else {
		i = lex_scan(octets, i, end, LEX_TOKEN);
		if (i == at)
			return -1;
	}
	head->sent_by_end = i;
	i = lex_skip_space(octets, i, end);
	if (i < end && octets[i] == ':') {
		int32_t port = lex_skip_space(octets, i + 1, end);
		for (i = port; i < end && lex_is_digit(octets[i]);)
			i++;
		if (lex_number(octets, port, i, 65535) < 0)
			return -1;
		head->sent_by_end = i;
		i = lex_skip_space(octets, i, end);
	}
	return i;
}

static inline int head_has_cookie(const uint8_t *octets, int32_t start, int32_t end)
{
	return end - start > 7 && lex_is_name(octets, start, start + 7, "z9hg4bk");
}

/* Reads the first element of a Via field. Returns whether it is well formed. */
static inline int head_via(headreader_t *head, const uint8_t *octets, int32_t start, int32_t end)
{
	int32_t i = lex_skip_space(octets, start, end), params_end;
	if (end - i < 8 || !lex_is_name(octets, i, i + 3, "sip"))
		return 0;
	i += 3;
	if (!head_slash(octets, &i, end) || i + 3 >= end || memcmp(octets + i, "2.0", 3) != 0)
		return 0;
	i += 3;
	if (!head_slash(octets, &i, end))
		return 0;
	int32_t transport = i;
	i = lex_scan(octets, i, end, LEX_TOKEN);
	if (i == transport || i >= end || octets[i] > ' ')
		return 0;
	i = head_sent_by(head, octets, lex_skip_space(octets, i, end), end);
	if (i < 0)
		return 0;
	head->branch_start = head->branch_end = i;
	params_end = head->sent_by_end;
	while (i < end && octets[i] == ';') {
		int32_t name = lex_skip_space(octets, i + 1, end), name_end = lex_scan(octets, name, end, LEX_WORD), value = name_end;
		if (name_end == name)
			return 0;
		params_end = name_end;
		i = lex_skip_space(octets, name_end, end);
		if (i < end && octets[i] == '=') {
			value = lex_skip_space(octets, i + 1, end);
			i = value < end && octets[value] == '"'
				? lex_skip_quoted(octets, value, end)
				: lex_scan(octets, value, end, LEX_WORD);
			if (i <= value)
				return 0;
			params_end = i;
			i = lex_skip_space(octets, i, end);
		}
		if (lex_is_name(octets, name, name_end, "branch")) {
			if (head->branch_end > head->branch_start)
				return 0;
			head->branch_start = value;
			head->branch_end = value == name_end ? value : params_end;
		}
	}
	head->via_start = start;
	head->via_end = params_end;
	head->has_cookie = head_has_cookie(octets, head->branch_start, head->branch_end);
	return i >= end || octets[i] == ',';
}

/* The tag of a From or To. */
typedef struct {
	int32_t start, end;
} head_tag_t;

/*
 * Reads header parameters from the ";" at `at` on. Returns the end of them and of the white space behind them, or -1.
 */
static inline int32_t head_params(const uint8_t *octets, int32_t at, int32_t end, head_tag_t *tag)
{
	int32_t i = at;
	while (i < end && octets[i] == ';') {
		int32_t name, name_end, value, value_end;
		while (i < end && octets[i] == ';')
			i = lex_skip_space(octets, i + 1, end);
		name = i;
		name_end = value = value_end = i = lex_scan(octets, i, end, LEX_WORD);
		if (name_end == name)
			return i < end && (octets[i] == '=' || octets[i] == '"') ? -1 : i;
		i = lex_skip_space(octets, i, end);
		if (i < end && octets[i] == '=') {
			value = i = lex_skip_space(octets, i + 1, end);
			if (i < end && octets[i] == '"') {
				i = lex_skip_quoted(octets, i, end);
				if (i < 0)
					return -1;
				value++;
				value_end = i - 1;
			} else
				value_end = i = lex_scan(octets, i, end, LEX_WORD);
			i = lex_skip_space(octets, i, end);
		}
		if (!lex_is_name(octets, name, name_end, "tag"))
			continue;
		/* An empty tag is malformed; a second one is left to TypeScript. */
		if (value_end == value || tag->end > tag->start)
			return -1;
		tag->start = value;
		tag->end = value_end;
	}
	return i;
}

/* Reads an address with its header parameters. Returns whether it is well formed, and has one meaning only. */
static inline int head_address(const uint8_t *octets, int32_t start, int32_t end, head_tag_t *tag)
{
	int32_t i = lex_skip_space(octets, start, end), begin = i, uri;
	tag->start = tag->end = end;
	if (i < end && octets[i] == '"') {
		i = lex_skip_quoted(octets, i, end);
		if (i < 0)
			return 0;
		i = lex_skip_space(octets, i, end);
		if (i >= end || octets[i] != '<')
			return 0;
	} else {
		i = lex_scan(octets, i, end, LEX_DISPLAY);
		while (i < end && octets[i] < ' ') {
			int32_t next = lex_skip_space(octets, i, end);
			if (next == i)
				break;
			i = lex_scan(octets, next, end, LEX_DISPLAY);
		}
	}
	if (i < end && octets[i] == '<') {
		uri = i + 1;
		i = lex_scan(octets, uri, end, LEX_URI);
		if (i == uri || i >= end || octets[i] != '>')
			return 0;
		i = lex_skip_space(octets, i + 1, end);
	} else {
		int32_t uri_end = lex_trim_end(octets, begin, i);
		if (uri_end == begin || lex_scan(octets, begin, uri_end, LEX_URI) < uri_end
			|| (uri_end - begin == 1 && octets[begin] == '*'))
			return 0;
	}
	if (i < end && octets[i] == ';') {
		i = head_params(octets, i, end, tag);
		if (i < 0)
			return 0;
	}
	return i >= end;
}

/*
 * Reads the value of a field that is there for the first time. Returns whether it is well formed; if not, TypeScript
 * has to read it.
 */
static inline int head_value(headreader_t *head, int32_t id, const uint8_t *octets, int32_t start, int32_t end)
{
	head_tag_t tag;
	int32_t i = start;
	switch (id) {
	case HEAD_VIA:
		return head_via(head, octets, start, end);
	case HEAD_FROM:
		if (!head_address(octets, start, end, &tag))
			return 0;
		head->from_start = start;
		head->from_end = end;
		head->from_tag_start = tag.start;
		head->from_tag_end = tag.end;
		return 1;
	case HEAD_TO:
		if (!head_address(octets, start, end, &tag))
			return 0;
		head->to_start = start;
		head->to_end = end;
		head->to_tag_start = tag.start;
		head->to_tag_end = tag.end;
		return 1;
	case HEAD_CALL_ID:
		while (i < end && octets[i] > ' ')
			i++;
		head->call_id_start = start;
		head->call_id_end = end;
		return i == end && end > start;
	case HEAD_CSEQ:
		while (i < end && lex_is_digit(octets[i]))
			i++;
		head->cseq = lex_number(octets, start, i, INT32_MAX);
		head->cseq_method_start = lex_skip_space(octets, i, end);
		head->cseq_method_end = end;
		head->cseq_method = head_method_of(octets, head->cseq_method_start, end);
		return head->cseq >= 0 && head->cseq_method_start > i && head->cseq_method_start < end &&
			lex_scan(octets, head->cseq_method_start, end, LEX_TOKEN) == end;
	case HEAD_MAX_FORWARDS:
		head->max_forwards = lex_number(octets, start, end, 255);
		if (head->max_forwards < 0)
			head->max_forwards = HEAD_MAX_FORWARDS_BAD;
		return 1;
	default:
		head->content_length = lex_number(octets, start, end, INT32_MAX);
		return head->content_length >= 0;
	}
}

/* Returns the end of the field's last line, the CRLF or LF behind it, or `end`; `at` may be anywhere in the field. */
static inline int32_t head_line_stop(headreader_t *head, const uint8_t *octets, int32_t at, int32_t end)
{
	int32_t i = lex_control(octets, at, end);
	while (i < end) {
		int32_t next = lex_skip_space(octets, i, end);
		if (next > i)
			i = next;
		else if (lex_behind_line_end(octets, i, end) >= 0)
			return i;
		else {
			if (i == at || octets[i] == '\r' || octets[i - 1] != '\\')
				head_fail(head, HEAD_CONTROL);
			i++;
		}
		i = lex_control(octets, i, end);
	}
	return end;
}

static inline int32_t head_next_line(const uint8_t *octets, int32_t stop, int32_t end)
{
	return stop + (stop < end && octets[stop] == '\r' ? 2 : 1);
}

/* Takes a line that is no field. */
static inline void head_odd_line(headreader_t *head, const uint8_t *octets, int32_t i, int32_t end)
{
	if (lex_is_blank(octets[head->at]))
		head_fail(head, HEAD_BAD_LINE);
	int32_t before = head->problem;
	i = head_line_stop(head, octets, i, end);
	head->problem = before;
	head->is_odd = 1;
	head->at = head_next_line(octets, i, end);
}

/*
 * Takes a field whose value begins somewhere behind `colon`. Returns its id if its value is left to TypeScript,
 * otherwise HEAD_DONE.
 */
static inline int32_t head_field(headreader_t *head, const uint8_t *octets, int32_t name_end, int32_t colon,
	int32_t end, int32_t *table, int32_t rows)
{
	int32_t name = head->at, before = head->problem, id = head_id_of(octets, name, name_end), bit = head_bit(id);
	int32_t start = lex_skip_space(octets, colon + 1, end), stop = head_line_stop(head, octets, start, end);
	int32_t value_end = lex_trim_end(octets, start, stop), is_first = (head->present & bit) == 0;
	head->at = head_next_line(octets, stop, end);
	if (before == HEAD_RIGHT && head->problem == HEAD_CONTROL && head_is_needless(id)) {
		head->problem = HEAD_RIGHT;
		head->is_odd = 1;
		if (id == HEAD_MAX_FORWARDS)
			head->max_forwards = HEAD_MAX_FORWARDS_BAD;
		return HEAD_DONE;
	}
	head->repeated |= head->present & bit;
	head->present |= bit;
	if (head->rows < rows) {
		int32_t *row = table + 4 * head->rows++;
		row[0] = (int32_t)((uint32_t)(name_end - name) << 8) | id;
		row[1] = name;
		row[2] = start;
		row[3] = value_end;
	} else
		head_fail(head, HEAD_TABLE_FULL);
	if (id == HEAD_OTHER || id > HEAD_CONTENT_LENGTH)
		return HEAD_DONE;
	before = head->problem;
	if (is_first) {
		if (head_value(head, id, octets, start, value_end))
			head->read |= bit;
		else {
			head->left_start = start;
			head->left_end = value_end;
			return id;
		}
	} else if (id == HEAD_MAX_FORWARDS)
		head->max_forwards = HEAD_MAX_FORWARDS_BAD;
	else if (id != HEAD_VIA)
		head_fail(head, HEAD_REPEATED);
	if (before == HEAD_RIGHT && head->problem != HEAD_RIGHT)
		head->problem_field = id;
	return HEAD_DONE;
}

/*
 * Goes on with the fields from head->at on. Returns HEAD_DONE, or the id of a field whose value, octets[left_start,
 * left_end), TypeScript has to read before it calls again. If that value is malformed, its problem counts unless there
 * was one before.
 */
static inline int32_t headreader_go_on(headreader_t *head, const uint8_t *octets, int32_t end, int32_t *table,
	int32_t rows)
{
	for (;;) {
		int32_t at = head->at, name_end, colon, left;
		int32_t body = lex_behind_line_end(octets, at, end);
		if (body >= 0 || at >= end) {
			if (body < 0)
				head_fail(head, HEAD_CUT_OFF);
			head->at = body < 0 ? end : body;
			return HEAD_DONE;
		}
		name_end = colon = lex_scan(octets, at, end, LEX_TOKEN);
		while (colon < end && lex_is_blank(octets[colon]))
			colon++;
		if (colon >= end || octets[colon] != ':' || name_end == at) {
			head_odd_line(head, octets, colon, end);
			continue;
		}
		left = head_field(head, octets, name_end, colon, end, table, rows);
		if (left != HEAD_DONE)
			return left;
	}
}

/*
 * Begins at the start line, at head->at. If it returns HEAD_START_LINE_LEFT, TypeScript has to read that line and to
 * set head->at behind it.
 */
static inline int32_t headreader_begin(headreader_t *head, const uint8_t *octets, int32_t at, int32_t end,
	int32_t *table, int32_t rows)
{
	memset(head, 0, sizeof *head);
	head->max_forwards = head->content_length = -1;
	head->at = head_start_line(head, octets, at, end);
	if (head->at < 0)
		return HEAD_START_LINE_LEFT;
	return headreader_go_on(head, octets, end, table, rows);
}

#endif
