/*
 * Numbers of a wide range for powers, without a floating point unit: a mantissa of 16 bits and an exponent in one
 * integer, never negative, so that larger numbers are larger integers. The twin is src/media/smallfloat.ts, bit for
 * bit. It uses no engine and no operating system.
 */
#ifndef PORTERO_SMALLFLOAT_H
#define PORTERO_SMALLFLOAT_H

#include <stdint.h>

/* m * 2^(e - 64): e in the upper half, 1 to 127; m in the lower, 0x8000 to 0xffff. All zero is 0. */
typedef uint32_t small_t;

#define SMALL_ONE ((64u - 15u) << 16 | 0x8000u)
#define SMALL_MOST (127u << 16 | 0xffffu)

static inline small_t small_pack(int32_t exponent, uint32_t mantissa)
{
	return exponent < 1 ? 0 : exponent > 127 ? SMALL_MOST : (uint32_t)exponent << 16 | mantissa;
}

/* value * 2^power */
static inline small_t small_of(uint32_t value, int32_t power)
{
	int32_t shift;
	if (value == 0)
		return 0;
	shift = 16 - __builtin_clz(value);
	return small_pack(64 + power + shift, shift >= 0 ? value >> shift : value << -shift);
}

static inline small_t small_mul(small_t a, small_t b)
{
	uint32_t product;
	if (a == 0 || b == 0)
		return 0;
	product = (a & 0xffff) * (b & 0xffff);
	if (product & 0x80000000u)
		return small_pack((int32_t)(a >> 16) + (int32_t)(b >> 16) - 48, product >> 16);
	return small_pack((int32_t)(a >> 16) + (int32_t)(b >> 16) - 49, product >> 15);
}

/* a * 2^power */
static inline small_t small_shift(small_t a, int32_t power)
{
	return a == 0 ? 0 : small_pack((int32_t)(a >> 16) + power, a & 0xffff);
}

/* a * share / 32768; share 0 to 65535 */
static inline small_t small_scale(small_t a, uint32_t share)
{
	uint32_t product = (a & 0xffff) * share;
	if (product == 0)
		return 0;
	if (__builtin_constant_p(share)) {
		/* A chip that cannot count zeros takes long to: the compiler counts those of the share. */
		int32_t most = 31 - __builtin_clz(share | 1), shift = most + (int32_t)(product >> (most + 16));
		return small_pack((int32_t)(a >> 16) - 15 + shift, product >> shift);
	}
	return small_of(product, (int32_t)(a >> 16) - 64 - 15);
}

static inline small_t small_add(small_t a, small_t b)
{
	small_t high = a > b ? a : b, low = a > b ? b : a;
	uint32_t apart = (high >> 16) - (low >> 16), sum;
	if (low == 0 || apart > 15)
		return high;
	sum = (high & 0xffff) + ((low & 0xffff) >> apart);
	return sum > 0xffff ? small_pack((int32_t)(high >> 16) + 1, sum >> 1) : (high & 0xffff0000u) | sum;
}

/* a - b, 0 if b is larger */
static inline small_t small_sub(small_t a, small_t b)
{
	uint32_t apart, left;
	if (b == 0)
		return a;
	if (b >= a)
		return 0;
	apart = (a >> 16) - (b >> 16);
	if (apart > 15)
		return a;
	left = (a & 0xffff) - ((b & 0xffff) >> apart);
	return small_of(left, (int32_t)(a >> 16) - 64);
}

/* a / b, the largest number if b is 0 */
static inline small_t small_div(small_t a, small_t b)
{
	uint32_t quotient;
	if (a == 0)
		return 0;
	if (b == 0)
		return SMALL_MOST;
	quotient = ((a & 0xffff) << 15) / (b & 0xffff);
	if (quotient >= 0x8000)
		return small_pack((int32_t)(a >> 16) - (int32_t)(b >> 16) + 49, quotient);
	return small_pack((int32_t)(a >> 16) - (int32_t)(b >> 16) + 48, quotient << 1);
}

/* a / b in 1/32768, 32768 at most */
static inline uint32_t small_share(small_t a, small_t b)
{
	uint32_t apart;
	if (a >= b)
		return b == 0 && a == 0 ? 0 : 32768;
	apart = (b >> 16) - (a >> 16);
	return apart > 16 ? 0 : (((a & 0xffff) << 15) / (b & 0xffff)) >> apart;
}

/* a * 2^power as an integer, limit at most */
static inline int32_t small_int(small_t a, int32_t power, int32_t limit)
{
	int32_t shift = (int32_t)(a >> 16) - 64 + power;
	uint32_t value;
	if (shift >= 15)
		return a == 0 ? 0 : limit;
	value = shift >= 0 ? (a & 0xffff) << shift : shift < -16 ? 0 : (a & 0xffff) >> -shift;
	return value > (uint32_t)limit ? limit : (int32_t)value;
}

/* The square root, 3 % too small at the most. */
static inline small_t small_root(small_t a)
{
	int32_t exponent = (int32_t)(a >> 16) - 64 + 15;
	uint32_t rest, root;
	if (a == 0)
		return 0;
	/* sqrt(1 + x) is about 1 + x / 2 - x^2 / 10 */
	rest = (a & 0xffff) - 0x8000;
	root = 0x8000 + (rest >> 1) - ((rest * rest) >> 15) / 11;
	if (exponent & 1)
		root = (root * 46341) >> 15;
	exponent = (exponent - (exponent & 1)) / 2;
	return small_of(root, exponent - 15);
}

#endif
