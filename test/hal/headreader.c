/*
 * Runs the pure C that reads the head of a message (hal/native/headreader.h) on messages of standard input, for
 * headreader.test.ts. Each is two words of 32 bits, its length and the rows of the table, and its octets, which lie in
 * memory as long as they are. Prints a line for each: how many values were left to others, the words of what was read,
 * and the table. Built with the host's compiler and its sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../hal/native/headreader.h"

/* Returns the offset of the next line, without a look at its content. */
static int32_t behind_line(const uint8_t *octets, int32_t at, int32_t end)
{
	while (at < end && octets[at] != '\n')
		at++;
	return at < end ? at + 1 : end;
}

int main(void)
{
	uint32_t words[2];
	while (fread(words, sizeof words, 1, stdin) == 1) {
		int32_t length = (int32_t)words[0], rows = (int32_t)words[1], left = 0, result;
		uint8_t *octets = malloc(words[0] ? words[0] : 1);
		int32_t *table = malloc(16 * (words[1] ? words[1] : 1));
		headreader_t *head = malloc(sizeof *head);
		if (words[0] && fread(octets, words[0], 1, stdin) != 1)
			return 1;
		result = headreader_begin(head, octets, 0, length, table, rows);
		while (result != HEAD_DONE) {
			left++;
			if (result == HEAD_START_LINE_LEFT)
				head->at = behind_line(octets, 0, length);
			result = headreader_go_on(head, octets, length, table, rows);
		}
		printf("%d", left);
		for (size_t i = 0; i < sizeof *head / sizeof(int32_t); i++)
			printf(" %d", ((int32_t *)head)[i]);
		for (int32_t i = 0; i < 4 * head->rows; i++)
			printf(" %d", table[i]);
		printf("\n");
		free(octets);
		free(table);
		free(head);
	}
	return 0;
}
