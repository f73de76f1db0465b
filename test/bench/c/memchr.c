/* The upper bound: it only finds the end of each line of the head, and its first colon, by the C library's memchr. */
#include "rounds.h"

static volatile size_t sink;

static int parse_one(const char *text, size_t length) {
  const char *end = text + length;
  size_t sum = 0;
  for (const char *line = text; line < end;) {
    const char *stop = memchr(line, '\n', end - line);
    if (stop == NULL) return 0;
    if (stop - line < 2) break;
    const char *colon = memchr(line, ':', stop - line);
    sum += (stop - line) + (colon == NULL ? 0 : colon - line);
    line = stop + 1;
  }
  sink = sum;
  return sum > 0;
}

int main(int argc, char **argv) {
  return rounds(argc, argv);
}
