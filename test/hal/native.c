/*
 * Runs the pure parts of hal/native on lines of standard input, one operation each, and prints a line of result for
 * each. The operations are described in vectors.ts, which does the same with the TypeScript twins. Built with the
 * host's compiler and its sanitizers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../hal/native/duplex.h"
#include "../../hal/native/g711.h"
#include "../../hal/native/waiting.h"

#define MOST 70000
#define FEW 8

static duplex_t duplex;
static waiting_t queue;

static void print_values(const int32_t *values, uint32_t count)
{
	uint32_t hash = 2166136261u;
	uint32_t i;
	if (count <= FEW) {
		for (i = 0; i < count; i++)
			printf("%s%d", i ? " " : "", values[i]);
		printf("\n");
		return;
	}
	for (i = 0; i < count; i++)
		hash = (hash ^ (uint32_t)values[i]) * 16777619u;
	printf("%u #%08x\n", count, hash);
}

static void print_samples(const int16_t *samples, uint32_t count)
{
	int32_t *values = malloc((count + 1) * sizeof *values);
	uint32_t i;
	for (i = 0; i < count; i++)
		values[i] = samples[i];
	print_values(values, count);
	free(values);
}

/* The buffer is exactly as long as it must be, so that the sanitizer sees a step beyond it. */
static int16_t *noise(uint32_t seed, uint32_t count, uint32_t peak)
{
	int16_t *out = malloc(count ? count * sizeof *out : 1);
	uint32_t i;
	for (i = 0; i < count; i++) {
		seed = seed * 1103515245u + 12345u;
		out[i] = (int16_t)((int32_t)((seed >> 8) % (2 * peak + 1)) - (int32_t)peak);
	}
	return out;
}

static void encode(uint32_t law, int32_t first, uint32_t count)
{
	int16_t *in = malloc(count * sizeof *in);
	uint8_t *out = malloc(count);
	int16_t *values = malloc(count * sizeof *values);
	uint32_t i;
	for (i = 0; i < count; i++)
		in[i] = (int16_t)(first + (int32_t)i);
	g711_encode((int)law, in, out, count);
	for (i = 0; i < count; i++)
		values[i] = out[i];
	print_samples(values, count);
	free(in);
	free(out);
	free(values);
}

static void decode(uint32_t law, uint32_t first, uint32_t count)
{
	uint8_t *in = malloc(count);
	int16_t *out = malloc(count * sizeof *out);
	uint32_t i;
	for (i = 0; i < count; i++)
		in[i] = (uint8_t)(first + i);
	g711_decode((int)law, in, out, count);
	print_samples(out, count);
	free(in);
	free(out);
}

static void filter(int isDown, uint32_t seed, uint32_t count, uint32_t peak)
{
	int16_t *in = noise(seed, isDown ? 2 * count : count, peak);
	int16_t *out = malloc(2 * count * sizeof *out);
	halfband_down_t down = {{0}, 0};
	halfband_up_t up = {{0}, 0};
	uint32_t half = count / 2;
	/* This is done in two pieces: the second goes on at the end of the first. */
	if (isDown) {
		halfband_down(&down, in, out, half);
		halfband_down(&down, in + 2 * half, out + half, count - half);
	} else {
		halfband_up(&up, in, out, half);
		halfband_up(&up, in + half, out + 2 * half, count - half);
	}
	print_samples(out, isDown ? count : 2 * count);
	free(in);
	free(out);
}

static void received(uint32_t seed, uint32_t frames, uint32_t peak)
{
	uint32_t size = duplex_frame_bytes(&duplex);
	int16_t *in = noise(seed, 2 * frames, peak);
	uint8_t *bytes = malloc(frames * size);
	uint32_t i;
	for (i = 0; i < 2 * frames; i++) {
		int32_t wide = (int32_t)((uint32_t)(int32_t)in[i] << 16 | (uint16_t)in[i]);
		if (size == 8)
			memcpy(bytes + 4 * i, &wide, 4);
		else
			memcpy(bytes + 2 * i, &in[i], 2);
	}
	duplex_received(&duplex, bytes, frames * size);
	printf("%u\n", duplex_waiting(&duplex.microphone));
	free(in);
	free(bytes);
}

static void fill(uint32_t frames)
{
	uint32_t size = duplex_frame_bytes(&duplex);
	uint8_t *bytes = malloc(frames * size);
	int32_t *values = malloc(2 * frames * sizeof *values);
	uint32_t i;
	duplex_fill(&duplex, bytes, frames * size);
	for (i = 0; i < 2 * frames; i++) {
		int16_t narrow;
		if (size == 8)
			memcpy(&values[i], bytes + 4 * i, 4);
		else {
			memcpy(&narrow, bytes + 2 * i, 2);
			values[i] = narrow;
		}
	}
	print_values(values, 2 * frames);
	free(bytes);
	free(values);
}

static void read_sound(uint32_t count)
{
	int16_t *out = malloc(count ? count * sizeof *out : 1);
	uint32_t done = duplex_read(&duplex, out, count);
	printf("%u: ", done);
	print_samples(out, count);
	free(out);
}

static void reference(uint32_t count)
{
	int16_t *out = malloc(count ? count * sizeof *out : 1);
	duplex_reference(&duplex, out, count);
	print_samples(out, count);
	free(out);
}

static void write_sound(uint32_t seed, uint32_t count, uint32_t peak)
{
	int16_t *in = noise(seed, count, peak);
	duplex_write(&duplex, in, count);
	printf("%u\n", duplex_waiting(&duplex.speaker));
	free(in);
}

static void leave(void)
{
	uint32_t over = duplex_leave_out(&duplex);
	printf("%u, %u\n", over, duplex_frames(&duplex));
}

static void take(uint32_t room)
{
	waiting_place_t place;
	uint8_t octets[4];
	if (!waiting_take(&queue, &place)) {
		printf("none\n");
		return;
	}
	waiting_octets(place.address, octets);
	printf("%u from %u.%u.%u.%u:%u\n", waiting_fit(&queue, &place, room), octets[0], octets[1], octets[2], octets[3],
		place.port);
	if (waiting_number(octets) != place.address)
		exit(2);
}

int main(void)
{
	char line[256];
	while (fgets(line, sizeof line, stdin)) {
		char op[16] = "";
		long long a = 0, b = 0, c = 0, d = 0;
		sscanf(line, "%15s %lld %lld %lld %lld", op, &a, &b, &c, &d);
		if ((a | b | c | d) > MOST && strcmp(op, "put"))
			return 3;
		if (!strcmp(op, "encode")) encode((uint32_t)a, (int32_t)b, (uint32_t)c);
		else if (!strcmp(op, "decode")) decode((uint32_t)a, (uint32_t)b, (uint32_t)c);
		else if (!strcmp(op, "down")) filter(1, (uint32_t)a, (uint32_t)b, (uint32_t)c);
		else if (!strcmp(op, "up")) filter(0, (uint32_t)a, (uint32_t)b, (uint32_t)c);
		else if (!strcmp(op, "open"))
			printf("%d\n", duplex_begin(&duplex, (uint32_t)a, (uint32_t)b, (uint32_t)c, (uint32_t)d));
		else if (!strcmp(op, "received")) received((uint32_t)a, (uint32_t)b, (uint32_t)c);
		else if (!strcmp(op, "fill")) fill((uint32_t)a);
		else if (!strcmp(op, "read")) read_sound((uint32_t)a);
		else if (!strcmp(op, "loop")) duplex.isLooped = 1, printf("\n");
		else if (!strcmp(op, "reference")) reference((uint32_t)a);
		else if (!strcmp(op, "write")) write_sound((uint32_t)a, (uint32_t)b, (uint32_t)c);
		else if (!strcmp(op, "sound")) printf("gaps %u missing %u dropped %u\n", duplex.gaps, duplex.missing, duplex.dropped);
		else if (!strcmp(op, "start")) duplex_start(&duplex), printf("\n");
		else if (!strcmp(op, "stop")) duplex_stop(&duplex), printf("\n");
		else if (!strcmp(op, "leave")) leave();
		else if (!strcmp(op, "empty")) memset(&queue, 0, sizeof queue), printf("\n");
		else if (!strcmp(op, "put")) printf("%d\n", waiting_put(&queue, &queue, (uint32_t)a, (uint32_t)b, (uint16_t)c));
		else if (!strcmp(op, "take")) take((uint32_t)a);
		else if (!strcmp(op, "queue")) printf("cut %u lost %u\n", queue.cut, queue.lost);
		else return 4;
	}
	return 0;
}
