/*
 * The common part of the C contenders: it reads messages, then obeys its standard input. Arguments: the names of files,
 * with "--" before each set of them. For a line "SET TIMES" it parses all messages of that set so often, and prints the
 * processor time in seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SETS 16
#define FILES 16

static char *texts[SETS][FILES];
static size_t lengths[SETS][FILES];
static int counts[SETS];

/* Parses one message completely and frees it; returns 0 if it could not be read. */
static int parse_one(const char *text, size_t length);

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* Returns whether all messages could be read. */
static int parse_set(int set, long times) {
  for (long n = 0; n < times; n++)
    for (int i = 0; i < counts[set]; i++)
      if (!parse_one(texts[set][i], lengths[set][i])) return 0;
  return 1;
}

static int rounds(int argc, char **argv) {
  int sets = 0, set;
  long times;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--") == 0) {
      if (++sets > SETS) return 2;
      continue;
    }
    int at = sets - 1;
    FILE *file = at < 0 || counts[at] == FILES ? NULL : fopen(argv[i], "rb");
    if (file == NULL) return 2;
    char *text = calloc(1, 65536);
    lengths[at][counts[at]] = fread(text, 1, 65535, file);
    texts[at][counts[at]++] = text;
    fclose(file);
  }
  while (scanf("%d %ld", &set, &times) == 2) {
    if (set < 0 || set >= sets) return 2;
    double begin = now_s();
    if (parse_set(set, times))
      printf("%.9f\n", now_s() - begin);
    else
      printf("refused\n");
    fflush(stdout);
  }
  return 0;
}
