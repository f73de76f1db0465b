/*
 * The two hash functions of the SDK's module `crypt`, which boards have in C: MD5 (RFC 1321) and SHA-256 (RFC 6234),
 * for crypt.js. One state for each hash that a machine makes. Not here: the module's shape.
 */
#include "xsmc.h"
#include "xsHost.h"

#include <stdint.h>
#include <string.h>

#define HASHES 32
#define BLOCK 64
#define LENGTH_AT 56

typedef struct {
	int isSha;
	uint32_t words[8];
	uint64_t total;
	uint8_t rest[BLOCK];
} Hash;

static Hash hashes[HASHES];
static int made = 0;

static const uint32_t sines[64] = {
	0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
	0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
	0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
	0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
	0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
	0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
	0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
	0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};
static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
static const uint32_t roots[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t left(uint32_t x, int n) { return x << n | x >> (32 - n); }
static uint32_t right(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void md5(uint32_t *h, const uint8_t *block)
{
	uint32_t m[16], a = h[0], b = h[1], c = h[2], d = h[3];
	for (int i = 0; i < 16; i++)
		m[i] = block[4 * i] | block[4 * i + 1] << 8 | block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
	for (int i = 0; i < 64; i++) {
		uint32_t f = i < 16 ? (b & c) | (~b & d) : i < 32 ? (d & b) | (~d & c) : i < 48 ? b ^ c ^ d : c ^ (b | ~d);
		int g = i < 16 ? i : i < 32 ? 5 * i + 1 : i < 48 ? 3 * i + 5 : 7 * i;
		uint32_t next = b + left(a + f + sines[i] + m[g & 15], turns[i >> 4][i & 3]);
		a = d, d = c, c = b, b = next;
	}
	h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

static void sha256(uint32_t *h, const uint8_t *block)
{
	uint32_t w[64], s[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, h, sizeof s);
	for (int i = 0; i < 64; i++) {
		uint32_t one = s[7] + (right(s[4], 6) ^ right(s[4], 11) ^ right(s[4], 25))
			+ ((s[4] & s[5]) ^ (~s[4] & s[6])) + roots[i] + w[i];
		uint32_t two = (right(s[0], 2) ^ right(s[0], 13) ^ right(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += one, s[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
}

static Hash *hashOf(xsMachine *the) { return &hashes[xsmcToInteger(xsArg(0)) & (HASHES - 1)]; }

static void reset(Hash *hash)
{
	static const uint32_t begin[8] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	static const uint32_t beginSha[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
	memcpy(hash->words, hash->isSha ? beginSha : begin, sizeof begin);
	hash->total = 0;
}

static void add(Hash *hash, const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		hash->rest[hash->total++ % BLOCK] = bytes[i];
		if (hash->total % BLOCK == 0)
			(hash->isSha ? sha256 : md5)(hash->words, hash->rest);
	}
}

/* (isSha) Returns the hash's number. */
void xs_crypt_make(xsMachine *the)
{
	if (made == HASHES)
		xsRangeError("too many hashes");
	hashes[made].isSha = xsmcToInteger(xsArg(0));
	reset(&hashes[made]);
	xsmcSetInteger(xsResult, made++);
}

/* (number) */
void xs_crypt_reset(xsMachine *the) { reset(hashOf(the)); }

/* (number, buffer) */
void xs_crypt_write(xsMachine *the)
{
	void *bytes;
	xsUnsignedValue size;
	xsmcGetBufferReadable(xsArg(1), &bytes, &size);
	add(hashOf(the), bytes, size);
}

/* (number) Returns an ArrayBuffer. */
void xs_crypt_close(xsMachine *the)
{
	Hash *hash = hashOf(the);
	uint64_t bits = hash->total * 8;
	uint8_t one = 0x80, zero = 0, tail[8], out[32];
	add(hash, &one, 1);
	while (hash->total % BLOCK != LENGTH_AT)
		add(hash, &zero, 1);
	for (int i = 0; i < 8; i++)
		tail[i] = (uint8_t)(bits >> 8 * (hash->isSha ? 7 - i : i));
	add(hash, tail, 8);
	for (int i = 0; i < 32; i++)
		out[i] = (uint8_t)(hash->words[i / 4] >> 8 * (hash->isSha ? 3 - i % 4 : i % 4));
	xsmcSetArrayBuffer(xsResult, out, hash->isSha ? 32 : 16);
}
