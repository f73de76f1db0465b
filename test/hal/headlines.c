/*
 * Runs the pure C that writes the head of a response (hal/native/headlines.h) on cases from standard input, for
 * headlines.test.ts: words of 32 bits (0 for the Via, 1 for the parties; the room; how many octets the request has; the
 * places), and the request's octets, which lie in memory as long as they are, as the room does. Prints a line for each:
 * what it returned, the places and what was written. Built with the host's sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../hal/native/headlines.h"

int main(void)
{
	int32_t words[3], places[LINES_PLACES];
	while (fread(words, sizeof words, 1, stdin) == 1) {
		int32_t limit = words[1], length = words[2], end;
		uint8_t *out = malloc((size_t)limit + 1), *octets = malloc((size_t)length + 1);
		if (fread(places, sizeof places, 1, stdin) != 1 || (length > 0 && fread(octets, (size_t)length, 1, stdin) != 1))
			return 1;
		/* Buffers are exactly as long as their content, so that the sanitizer sees a step beyond. */
		out = realloc(out, limit ? (size_t)limit : 1);
		octets = realloc(octets, length ? (size_t)length : 1);
		end = (words[0] ? headlines_parties : headlines_via)(out, 0, limit, octets, places);
		printf("%d", end);
		for (int i = 0; i < LINES_PLACES; i++)
			printf(" %d", places[i]);
		printf(" ");
		for (int32_t i = 0; i < end; i++)
			printf("%02x", out[i]);
		printf("\n");
		free(out);
		free(octets);
	}
	return 0;
}
