/*
 * HalfSipHash-2-4 with 64 bits of result: the same as src/core/keyedhash.ts, whose comments say why. It uses no engine
 * and no operating system.
 */
#ifndef KEYEDHASH_H
#define KEYEDHASH_H

#include <stdint.h>

/*
 * The state in the layout of keyedhash.ts: key, v0 to v3, the octets of the word that is not full yet, the number of
 * octets of the whole message.
 */
typedef struct {
	uint32_t key[2];
	uint32_t v[4];
	uint32_t rest;
	uint32_t count;
} keyedhash_t;

static inline uint32_t keyedhash_turn(uint32_t x, int n) { return x << n | x >> (32 - n); }

static inline void keyedhash_mix(uint32_t *v, int rounds)
{
	for (int round = 0; round < rounds; round++) {
		v[0] += v[1];
		v[1] = keyedhash_turn(v[1], 5) ^ v[0];
		v[0] = keyedhash_turn(v[0], 16);
		v[2] += v[3];
		v[3] = keyedhash_turn(v[3], 8) ^ v[2];
		v[0] += v[3];
		v[3] = keyedhash_turn(v[3], 7) ^ v[0];
		v[2] += v[1];
		v[1] = keyedhash_turn(v[1], 13) ^ v[2];
		v[2] = keyedhash_turn(v[2], 16);
	}
}

static inline void keyedhash_begin(keyedhash_t *hash)
{
	hash->v[0] = hash->key[0];
	hash->v[1] = hash->key[1] ^ 0xee;
	hash->v[2] = 0x6c796765 ^ hash->key[0];
	hash->v[3] = 0x74656462 ^ hash->key[1];
	hash->rest = hash->count = 0;
}

static inline void keyedhash_take(keyedhash_t *hash, uint32_t word)
{
	hash->v[3] ^= word;
	keyedhash_mix(hash->v, 2);
	hash->v[0] ^= word;
}

static inline void keyedhash_update(keyedhash_t *hash, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		hash->rest |= (uint32_t)bytes[i] << ((hash->count & 3) * 8);
		if ((++hash->count & 3) != 0)
			continue;
		keyedhash_take(hash, hash->rest);
		hash->rest = 0;
	}
}

/* The result is in v[1] (high) and v[0] (low). */
static inline void keyedhash_finish(keyedhash_t *hash)
{
	uint32_t low;
	keyedhash_take(hash, hash->rest | hash->count << 24);
	hash->v[2] ^= 0xee;
	keyedhash_mix(hash->v, 4);
	low = hash->v[1] ^ hash->v[3];
	hash->v[1] ^= 0xdd;
	keyedhash_mix(hash->v, 4);
	hash->v[1] ^= hash->v[3];
	hash->v[0] = low;
}

#endif
