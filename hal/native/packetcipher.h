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
	/* Of the key of GHASH: multiples by all numbers of four bits. */
	uint32_t multiples[16][4];
} cipher_t;

/* What one packet needs. */
typedef struct {
	uint32_t block[4], counter[4];
	uint32_t ssrc, high, low, word;
	uint8_t tag[CIPHER_AUTH_KEY];
} cipher_packet_t;

/* SubBytes and MixColumns of the first octet of a column; the others are turned by 8, 16 and 24 bits. */
static const uint32_t CIPHER_ROUND[256] = {
	0xc66363a5, 0xf87c7c84, 0xee777799, 0xf67b7b8d, 0xfff2f20d, 0xd66b6bbd, 0xde6f6fb1, 0x91c5c554,
	0x60303050, 0x02010103, 0xce6767a9, 0x562b2b7d, 0xe7fefe19, 0xb5d7d762, 0x4dababe6, 0xec76769a,
	0x8fcaca45, 0x1f82829d, 0x89c9c940, 0xfa7d7d87, 0xeffafa15, 0xb25959eb, 0x8e4747c9, 0xfbf0f00b,
	0x41adadec, 0xb3d4d467, 0x5fa2a2fd, 0x45afafea, 0x239c9cbf, 0x53a4a4f7, 0xe4727296, 0x9bc0c05b,
	0x75b7b7c2, 0xe1fdfd1c, 0x3d9393ae, 0x4c26266a, 0x6c36365a, 0x7e3f3f41, 0xf5f7f702, 0x83cccc4f,
	0x6834345c, 0x51a5a5f4, 0xd1e5e534, 0xf9f1f108, 0xe2717193, 0xabd8d873, 0x62313153, 0x2a15153f,
	0x0804040c, 0x95c7c752, 0x46232365, 0x9dc3c35e, 0x30181828, 0x379696a1, 0x0a05050f, 0x2f9a9ab5,
	0x0e070709, 0x24121236, 0x1b80809b, 0xdfe2e23d, 0xcdebeb26, 0x4e272769, 0x7fb2b2cd, 0xea75759f,
	0x1209091b, 0x1d83839e, 0x582c2c74, 0x341a1a2e, 0x361b1b2d, 0xdc6e6eb2, 0xb45a5aee, 0x5ba0a0fb,
	0xa45252f6, 0x763b3b4d, 0xb7d6d661, 0x7db3b3ce, 0x5229297b, 0xdde3e33e, 0x5e2f2f71, 0x13848497,
	0xa65353f5, 0xb9d1d168, 0x00000000, 0xc1eded2c, 0x40202060, 0xe3fcfc1f, 0x79b1b1c8, 0xb65b5bed,
	0xd46a6abe, 0x8dcbcb46, 0x67bebed9, 0x7239394b, 0x944a4ade, 0x984c4cd4, 0xb05858e8, 0x85cfcf4a,
	0xbbd0d06b, 0xc5efef2a, 0x4faaaae5, 0xedfbfb16, 0x864343c5, 0x9a4d4dd7, 0x66333355, 0x11858594,
	0x8a4545cf, 0xe9f9f910, 0x04020206, 0xfe7f7f81, 0xa05050f0, 0x783c3c44, 0x259f9fba, 0x4ba8a8e3,
	0xa25151f3, 0x5da3a3fe, 0x804040c0, 0x058f8f8a, 0x3f9292ad, 0x219d9dbc, 0x70383848, 0xf1f5f504,
	0x63bcbcdf, 0x77b6b6c1, 0xafdada75, 0x42212163, 0x20101030, 0xe5ffff1a, 0xfdf3f30e, 0xbfd2d26d,
	0x81cdcd4c, 0x180c0c14, 0x26131335, 0xc3ecec2f, 0xbe5f5fe1, 0x359797a2, 0x884444cc, 0x2e171739,
	0x93c4c457, 0x55a7a7f2, 0xfc7e7e82, 0x7a3d3d47, 0xc86464ac, 0xba5d5de7, 0x3219192b, 0xe6737395,
	0xc06060a0, 0x19818198, 0x9e4f4fd1, 0xa3dcdc7f, 0x44222266, 0x542a2a7e, 0x3b9090ab, 0x0b888883,
	0x8c4646ca, 0xc7eeee29, 0x6bb8b8d3, 0x2814143c, 0xa7dede79, 0xbc5e5ee2, 0x160b0b1d, 0xaddbdb76,
	0xdbe0e03b, 0x64323256, 0x743a3a4e, 0x140a0a1e, 0x924949db, 0x0c06060a, 0x4824246c, 0xb85c5ce4,
	0x9fc2c25d, 0xbdd3d36e, 0x43acacef, 0xc46262a6, 0x399191a8, 0x319595a4, 0xd3e4e437, 0xf279798b,
	0xd5e7e732, 0x8bc8c843, 0x6e373759, 0xda6d6db7, 0x018d8d8c, 0xb1d5d564, 0x9c4e4ed2, 0x49a9a9e0,
	0xd86c6cb4, 0xac5656fa, 0xf3f4f407, 0xcfeaea25, 0xca6565af, 0xf47a7a8e, 0x47aeaee9, 0x10080818,
	0x6fbabad5, 0xf0787888, 0x4a25256f, 0x5c2e2e72, 0x381c1c24, 0x57a6a6f1, 0x73b4b4c7, 0x97c6c651,
	0xcbe8e823, 0xa1dddd7c, 0xe874749c, 0x3e1f1f21, 0x964b4bdd, 0x61bdbddc, 0x0d8b8b86, 0x0f8a8a85,
	0xe0707090, 0x7c3e3e42, 0x71b5b5c4, 0xcc6666aa, 0x904848d8, 0x06030305, 0xf7f6f601, 0x1c0e0e12,
	0xc26161a3, 0x6a35355f, 0xae5757f9, 0x69b9b9d0, 0x17868691, 0x99c1c158, 0x3a1d1d27, 0x279e9eb9,
	0xd9e1e138, 0xebf8f813, 0x2b9898b3, 0x22111133, 0xd26969bb, 0xa9d9d970, 0x078e8e89, 0x339494a7,
	0x2d9b9bb6, 0x3c1e1e22, 0x15878792, 0xc9e9e920, 0x87cece49, 0xaa5555ff, 0x50282878, 0xa5dfdf7a,
	0x038c8c8f, 0x59a1a1f8, 0x09898980, 0x1a0d0d17, 0x65bfbfda, 0xd7e6e631, 0x844242c6, 0xd06868b8,
	0x824141c3, 0x299999b0, 0x5a2d2d77, 0x1e0f0f11, 0x7bb0b0cb, 0xa85454fc, 0x6dbbbbd6, 0x2c16163a,
};

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

/* A column after a whole round but its key: the octet of each row is turned one row further. */
static inline uint32_t cipher_mixed(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	uint32_t column = cipher_turn(CIPHER_ROUND[d & 255], 24) ^ CIPHER_ROUND[(c >> 8) & 255];
	column = cipher_turn(column, 24) ^ CIPHER_ROUND[(b >> 16) & 255];
	return cipher_turn(column, 24) ^ CIPHER_ROUND[a >> 24];
}

static void cipher_encrypt(const cipher_t *state, uint32_t block[4])
{
	const uint32_t *keys = state->roundKeys;
	uint32_t a = block[0] ^ keys[0], b = block[1] ^ keys[1], c = block[2] ^ keys[2], d = block[3] ^ keys[3];
	for (uint32_t round = 1; round < state->rounds; round++) {
		uint32_t e, f, g, h;
		keys += 4;
		e = cipher_mixed(a, b, c, d) ^ keys[0];
		f = cipher_mixed(b, c, d, a) ^ keys[1];
		g = cipher_mixed(c, d, a, b) ^ keys[2];
		h = cipher_mixed(d, a, b, c) ^ keys[3];
		a = e;
		b = f;
		c = g;
		d = h;
	}
	keys += 4;
	block[0] = cipher_shifted(a, b, c, d) ^ keys[0];
	block[1] = cipher_shifted(b, c, d, a) ^ keys[1];
	block[2] = cipher_shifted(c, d, a, b) ^ keys[2];
	block[3] = cipher_shifted(d, a, b, c) ^ keys[3];
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
		if (count - at >= 16) {
			for (uint32_t i = 0; i < 4; i++)
				cipher_put(bytes + at + 4 * i, cipher_word(bytes + at + 4 * i) ^ p->block[i]);
			continue;
		}
		for (uint32_t i = 0; at + i < count; i++)
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

/*
 * Multiplies by the key of GHASH in GF(2^128), four bits at a time: multiples of the key are in the state's table, and
 * what four bits are that leave at the end is reckoned here.
 */
static void cipher_multiply(const cipher_t *state, uint32_t hash[4])
{
	static const uint16_t left[16] = {0x0000, 0x1c20, 0x3840, 0x2460, 0x7080, 0x6ca0, 0x48c0, 0x54e0,
					  0xe100, 0xfd20, 0xd940, 0xc560, 0x9180, 0x8da0, 0xa9c0, 0xb5e0};
	uint32_t z0 = 0, z1 = 0, z2 = 0, z3 = 0;
	for (int word = 3; word >= 0; word--) {
		uint32_t bits = hash[word];
		for (int i = 0; i < 8; i++) {
			const uint32_t *row = state->multiples[bits & 15];
			uint32_t carry = (uint32_t)left[z3 & 15] << 16;
			bits >>= 4;
			z3 = ((z3 >> 4) | (z2 << 28)) ^ row[3];
			z2 = ((z2 >> 4) | (z1 << 28)) ^ row[2];
			z1 = ((z1 >> 4) | (z0 << 28)) ^ row[1];
			z0 = ((z0 >> 4) ^ carry) ^ row[0];
		}
	}
	hash[0] = z0;
	hash[1] = z1;
	hash[2] = z2;
	hash[3] = z3;
}

/* The sixteen multiples of the key of GHASH, whose highest bit is that of 8. */
static void cipher_multiples(cipher_t *state)
{
	uint32_t(*m)[4] = state->multiples;
	memset(m, 0, sizeof state->multiples);
	memcpy(m[8], state->inner, sizeof m[8]);
	for (int i = 4; i > 0; i >>= 1) {
		const uint32_t *twice = m[2 * i];
		uint32_t carry = (0u - (twice[3] & 1)) & 0xe1000000;
		m[i][3] = (twice[3] >> 1) | (twice[2] << 31);
		m[i][2] = (twice[2] >> 1) | (twice[1] << 31);
		m[i][1] = (twice[1] >> 1) | (twice[0] << 31);
		m[i][0] = (twice[0] >> 1) ^ carry;
	}
	for (int i = 2; i < 16; i <<= 1)
		for (int j = 1; j < i; j++)
			for (int k = 0; k < 4; k++)
				m[i + j][k] = m[i][k] ^ m[j][k];
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
	if (state->isGcm) {
		cipher_encrypt(state, state->inner);
		cipher_multiples(state);
	}
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
