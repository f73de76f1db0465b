/*
 * Seals and opens packets of SRTP and SRTCP: the same octets as src/media/packetcipher.ts, whose comments say why.
 * Pure: no engine, no operating system. Lengths and places are the caller's to check.
 */
#ifndef PACKETCIPHER_H
#define PACKETCIPHER_H

#include <stdint.h>
#include <string.h>

#define CIPHER_TAG_MOST 16
#define CIPHER_AUTH_KEY 20
#define CIPHER_ENCRYPTED 0x80000000u

typedef struct {
	uint32_t rounds, isGcm, tagBytes, isRtcp;
	uint32_t salt[4];
	/* The SHA-1 states behind the inner and the outer key; with GCM the first four are the key of GHASH. */
	uint32_t inner[5], outer[5];
	uint32_t roundKeys[60];
} cipher_t;

/* What one packet needs. */
typedef struct {
	uint32_t block[4], counter[4];
	uint32_t ssrc, high, low, word;
	uint8_t tag[CIPHER_AUTH_KEY];
} cipher_packet_t;

static const uint8_t CIPHER_SBOX[256] = {
	0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
	0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
	0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
	0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
	0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
	0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
	0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
	0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
	0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
	0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
	0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
	0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
	0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
	0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
	0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
	0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static inline uint32_t cipher_word(const uint8_t *bytes)
{
	return ((uint32_t)bytes[0] << 24) | ((uint32_t)bytes[1] << 16) | ((uint32_t)bytes[2] << 8) | bytes[3];
}

static inline void cipher_put(uint8_t *bytes, uint32_t word)
{
	bytes[0] = (uint8_t)(word >> 24);
	bytes[1] = (uint8_t)(word >> 16);
	bytes[2] = (uint8_t)(word >> 8);
	bytes[3] = (uint8_t)word;
}

static inline uint32_t cipher_turn(uint32_t word, int by) { return (word << by) | (word >> (32 - by)); }

static inline uint32_t cipher_shifted(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	return ((uint32_t)CIPHER_SBOX[a >> 24] << 24) | ((uint32_t)CIPHER_SBOX[(b >> 16) & 255] << 16) |
	       ((uint32_t)CIPHER_SBOX[(c >> 8) & 255] << 8) | CIPHER_SBOX[d & 255];
}

static inline uint32_t cipher_mixed(uint32_t word)
{
	uint32_t next = cipher_turn(word, 8), both = word ^ next;
	uint32_t twice = ((both & 0x7f7f7f7f) << 1) ^ (((both >> 7) & 0x01010101) * 0x1b);
	return twice ^ next ^ cipher_turn(word, 16) ^ cipher_turn(word, 24);
}

static void cipher_encrypt(const cipher_t *state, uint32_t block[4])
{
	const uint32_t *keys = state->roundKeys;
	uint32_t a = block[0] ^ keys[0], b = block[1] ^ keys[1], c = block[2] ^ keys[2], d = block[3] ^ keys[3];
	for (uint32_t round = 1;; round++) {
		uint32_t e = cipher_shifted(a, b, c, d), f = cipher_shifted(b, c, d, a);
		uint32_t g = cipher_shifted(c, d, a, b), h = cipher_shifted(d, a, b, c);
		keys += 4;
		if (round == state->rounds) {
			block[0] = e ^ keys[0];
			block[1] = f ^ keys[1];
			block[2] = g ^ keys[2];
			block[3] = h ^ keys[3];
			return;
		}
		a = cipher_mixed(e) ^ keys[0];
		b = cipher_mixed(f) ^ keys[1];
		c = cipher_mixed(g) ^ keys[2];
		d = cipher_mixed(h) ^ keys[3];
	}
}

static void cipher_expand(cipher_t *state, const uint8_t *key, uint32_t keyBytes)
{
	uint32_t keyWords = keyBytes >> 2, constant = 1, *keys = state->roundKeys;
	state->rounds = keyWords + 6;
	for (uint32_t i = 0; i < keyWords; i++)
		keys[i] = cipher_word(key + 4 * i);
	for (uint32_t i = keyWords; i < 4 * (state->rounds + 1); i++) {
		uint32_t word = keys[i - 1];
		if (i % keyWords == 0) {
			uint32_t turned = cipher_turn(word, 8);
			word = cipher_shifted(turned, turned, turned, turned) ^ (constant << 24);
			constant = (constant << 1) ^ ((constant >> 7) * 0x11b);
		} else if (keyWords == 8 && (i & 7) == 4)
			word = cipher_shifted(word, word, word, word);
		keys[i] = keys[i - keyWords] ^ word;
	}
}

static void cipher_blocks(const cipher_t *state, cipher_packet_t *p, uint8_t *bytes, uint32_t count)
{
	for (uint32_t at = 0; at < count; at += 16) {
		memcpy(p->block, p->counter, sizeof p->block);
		cipher_encrypt(state, p->block);
		p->counter[3] += 1;
		for (uint32_t i = 0; i < 16 && at + i < count; i++)
			bytes[at + i] ^= (uint8_t)(p->block[i >> 2] >> (24 - ((i & 3) << 3)));
	}
}

/* The 32 octets behind a label; the round keys are those of the master key. */
static void cipher_derive_key(const cipher_t *state, const uint8_t *salt, uint32_t saltBytes, uint32_t label,
			      uint8_t derived[32])
{
	cipher_packet_t p;
	uint8_t iv[16] = {0};
	memcpy(iv, salt, saltBytes);
	iv[7] ^= (uint8_t)label;
	for (int i = 0; i < 4; i++)
		p.counter[i] = cipher_word(iv + 4 * i);
	memset(derived, 0, 32);
	cipher_blocks(state, &p, derived, 32);
}

static void cipher_sha_begin(uint32_t sha[5])
{
	static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	memcpy(sha, start, sizeof start);
}

static void cipher_sha_mix(uint32_t sha[5], const uint8_t *bytes)
{
	uint32_t w[16], a = sha[0], b = sha[1], c = sha[2], d = sha[3], e = sha[4];
	for (int i = 0; i < 16; i++)
		w[i] = cipher_word(bytes + 4 * i);
	for (int i = 0; i < 80; i++) {
		int at = i & 15;
		uint32_t f;
		if (i >= 16)
			w[at] = cipher_turn(w[(i + 13) & 15] ^ w[(i + 8) & 15] ^ w[(i + 2) & 15] ^ w[at], 1);
		if (i < 20)
			f = ((b & c) ^ (~b & d)) + 0x5a827999;
		else if (i < 40)
			f = (b ^ c ^ d) + 0x6ed9eba1;
		else if (i < 60)
			f = ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
		else
			f = (b ^ c ^ d) + 0xca62c1d6;
		f += cipher_turn(a, 5) + e + w[at];
		e = d;
		d = c;
		c = cipher_turn(b, 30);
		b = a;
		a = f;
	}
	sha[0] += a;
	sha[1] += b;
	sha[2] += c;
	sha[3] += d;
	sha[4] += e;
}

/* Ends a message whose last octets are block[0, filled). */
static void cipher_sha_end(uint32_t sha[5], uint8_t block[64], uint32_t filled, uint32_t totalBytes)
{
	block[filled] = 0x80;
	memset(block + filled + 1, 0, 63 - filled);
	if (filled >= 56) {
		cipher_sha_mix(sha, block);
		memset(block, 0, 64);
	}
	cipher_put(block + 60, totalBytes << 3);
	cipher_sha_mix(sha, block);
}

static void cipher_pad(uint32_t sha[5], const uint8_t *key, uint8_t pad)
{
	uint8_t block[64];
	for (int i = 0; i < 64; i++)
		block[i] = (uint8_t)((i < CIPHER_AUTH_KEY ? key[i] : 0) ^ pad);
	cipher_sha_begin(sha);
	cipher_sha_mix(sha, block);
}

static void cipher_hmac(const cipher_t *state, cipher_packet_t *p, const uint8_t *bytes, uint32_t end)
{
	uint32_t sha[5], at = 0, filled = 0;
	uint8_t block[64];
	memcpy(sha, state->inner, sizeof sha);
	for (; at + 64 <= end; at += 64)
		cipher_sha_mix(sha, bytes + at);
	while (at < end)
		block[filled++] = bytes[at++];
	for (int shift = 24; shift >= 0; shift -= 8) {
		block[filled++] = (uint8_t)(p->word >> shift);
		if (filled == 64) {
			cipher_sha_mix(sha, block);
			filled = 0;
		}
	}
	cipher_sha_end(sha, block, filled, 64 + end + 4);
	for (int i = 0; i < 5; i++)
		cipher_put(block + 4 * i, sha[i]);
	memcpy(sha, state->outer, sizeof sha);
	cipher_sha_end(sha, block, 20, 64 + 20);
	for (int i = 0; i < 5; i++)
		cipher_put(p->tag + 4 * i, sha[i]);
}

/* Multiplies by the key of GHASH in GF(2^128). */
static void cipher_multiply(const cipher_t *state, uint32_t hash[4])
{
	uint32_t h0 = state->inner[0], h1 = state->inner[1], h2 = state->inner[2], h3 = state->inner[3];
	uint32_t z0 = 0, z1 = 0, z2 = 0, z3 = 0;
	for (int word = 0; word < 4; word++) {
		uint32_t bits = hash[word];
		for (int i = 0; i < 32; i++) {
			uint32_t mask = 0u - (bits >> 31), carry = (0u - (h3 & 1)) & 0xe1000000;
			bits <<= 1;
			z0 ^= h0 & mask;
			z1 ^= h1 & mask;
			z2 ^= h2 & mask;
			z3 ^= h3 & mask;
			h3 = (h3 >> 1) | (h2 << 31);
			h2 = (h2 >> 1) | (h1 << 31);
			h1 = (h1 >> 1) | (h0 << 31);
			h0 = (h0 >> 1) ^ carry;
		}
	}
	hash[0] = z0;
	hash[1] = z1;
	hash[2] = z2;
	hash[3] = z3;
}

static void cipher_hash(const cipher_t *state, uint32_t hash[4], const uint8_t *bytes, uint32_t size,
			uint32_t hasWord, uint32_t word)
{
	uint32_t count = size + (hasWord ? 4 : 0);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t octet = i < size ? bytes[i] : (word >> (24 - ((i - size) << 3))) & 255;
		hash[(i & 15) >> 2] ^= octet << (24 - ((i & 3) << 3));
		if ((i & 15) == 15)
			cipher_multiply(state, hash);
	}
	if ((count & 15) != 0)
		cipher_multiply(state, hash);
}

static void cipher_counter(const cipher_t *state, cipher_packet_t *p)
{
	const uint32_t *salt = state->salt;
	if (state->isGcm) {
		p->counter[0] = salt[0] ^ (p->ssrc >> 16);
		p->counter[1] = salt[1] ^ ((p->ssrc << 16) | (p->high >> 16));
		p->counter[2] = salt[2] ^ ((p->high << 16) | p->low);
		p->counter[3] = 1;
		return;
	}
	p->counter[0] = salt[0];
	p->counter[1] = salt[1] ^ p->ssrc;
	p->counter[2] = salt[2] ^ p->high;
	p->counter[3] = salt[3] ^ (p->low << 16);
}

static void cipher_gcm(const cipher_t *state, cipher_packet_t *p, const uint8_t *bytes, uint32_t clearEnd, uint32_t end)
{
	uint32_t hash[4] = {0};
	cipher_hash(state, hash, bytes, clearEnd, state->isRtcp, p->word);
	cipher_hash(state, hash, bytes + clearEnd, end - clearEnd, 0, 0);
	hash[1] ^= (clearEnd + (state->isRtcp ? 4 : 0)) << 3;
	hash[3] ^= (end - clearEnd) << 3;
	cipher_multiply(state, hash);
	cipher_counter(state, p);
	memcpy(p->block, p->counter, sizeof p->block);
	cipher_encrypt(state, p->block);
	for (int i = 0; i < 4; i++)
		cipher_put(p->tag + 4 * i, hash[i] ^ p->block[i]);
}

static void cipher_crypt(const cipher_t *state, cipher_packet_t *p, uint8_t *bytes, uint32_t clearEnd, uint32_t end)
{
	cipher_counter(state, p);
	/* GCM keeps the first block for its tag. */
	if (state->isGcm)
		p->counter[3] = 2;
	cipher_blocks(state, p, bytes + clearEnd, end - clearEnd);
}

static void cipher_tag(const cipher_t *state, cipher_packet_t *p, const uint8_t *bytes, uint32_t clearEnd, uint32_t end)
{
	if (state->isGcm)
		cipher_gcm(state, p, bytes, clearEnd, end);
	else
		cipher_hmac(state, p, bytes, end);
}

static void cipher_index(const cipher_t *state, cipher_packet_t *p, const uint8_t *bytes, uint32_t index)
{
	if (!state->isRtcp) {
		p->ssrc = cipher_word(bytes + 8);
		p->high = index;
		p->low = ((uint32_t)bytes[2] << 8) | bytes[3];
		p->word = index;
	} else {
		p->ssrc = cipher_word(bytes + 4);
		p->high = index >> 16;
		p->low = index & 0xffff;
		p->word = index | CIPHER_ENCRYPTED;
	}
}

/* Octets from the end of a packet to its tag. */
static inline uint32_t cipher_gap(const cipher_t *state) { return state->isRtcp && !state->isGcm ? 4 : 0; }

/* Octets that sealing appends. */
static inline uint32_t cipher_more(const cipher_t *state) { return state->tagBytes + (state->isRtcp ? 4 : 0); }

/* Sizes as src/core/suites.ts has them: the key is 16 or 32 octets long, the salt 12 or 14. */
static inline void cipher_derive(cipher_t *state, const uint8_t *master, uint32_t keyBytes, uint32_t saltBytes,
				 uint32_t tagBytes, uint32_t label)
{
	const uint8_t *salt = master + keyBytes;
	uint8_t derived[32];
	memset(state, 0, sizeof *state);
	state->isGcm = saltBytes == 12;
	state->tagBytes = tagBytes;
	state->isRtcp = label != 0;
	cipher_expand(state, master, keyBytes);
	cipher_derive_key(state, salt, saltBytes, label + 2, derived);
	for (uint32_t i = 0; i < saltBytes; i++)
		state->salt[i >> 2] |= (uint32_t)derived[i] << (24 - ((i & 3) << 3));
	if (!state->isGcm) {
		cipher_derive_key(state, salt, saltBytes, label + 1, derived);
		cipher_pad(state->inner, derived, 0x36);
		cipher_pad(state->outer, derived, 0x5c);
	}
	cipher_derive_key(state, salt, saltBytes, label, derived);
	cipher_expand(state, derived, keyBytes);
	if (state->isGcm)
		cipher_encrypt(state, state->inner);
}

/* @returns the packet's new end; there is room for cipher_more octets behind `end` */
static inline uint32_t cipher_seal(const cipher_t *state, uint8_t *bytes, uint32_t clearEnd, uint32_t end,
				   uint32_t index)
{
	cipher_packet_t p;
	cipher_index(state, &p, bytes, index);
	cipher_crypt(state, &p, bytes, clearEnd, end);
	cipher_tag(state, &p, bytes, clearEnd, end);
	memcpy(bytes + end + cipher_gap(state), p.tag, state->tagBytes);
	if (state->isRtcp)
		cipher_put(bytes + end + (state->isGcm ? state->tagBytes : 0), p.word);
	return end + cipher_more(state);
}

/* @returns 0 when the tag is not right: then nothing is decrypted */
static inline int cipher_open(const cipher_t *state, uint8_t *bytes, uint32_t clearEnd, uint32_t end, uint32_t index)
{
	cipher_packet_t p;
	uint8_t differs = 0;
	const uint8_t *tag = bytes + end + cipher_gap(state);
	cipher_index(state, &p, bytes, index);
	cipher_tag(state, &p, bytes, clearEnd, end);
	for (uint32_t i = 0; i < state->tagBytes; i++)
		differs |= tag[i] ^ p.tag[i];
	if (differs)
		return 0;
	cipher_crypt(state, &p, bytes, clearEnd, end);
	return 1;
}

#endif
