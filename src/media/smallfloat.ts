/**
 * Numbers of a wide range for powers, without a floating point unit: a mantissa of 16 bits and an exponent in one
 * integer, never negative, so that larger numbers are larger integers. It is the twin of hal/native/smallfloat.h, bit
 * for bit. Not here: signs, exactness.
 */

/** m * 2^(e - 64): e in the upper half, 1 to 127; m in the lower, 0x8000 to 0xffff. All zero is 0. */
export const SMALL_ONE = ((64 - 15) << 16) | 0x8000;
export const SMALL_MOST = (127 << 16) | 0xffff;

function packed(exponent: number, mantissa: number): number {
  return exponent < 1 ? 0 : exponent > 127 ? SMALL_MOST : (exponent << 16) | mantissa;
}

/** @param value an integer below 2^32 @returns value * 2^power */
export function smallOf(value: number, power: number): number {
  if (value === 0) return 0;
  const shift = 16 - Math.clz32(value);
  return packed(64 + power + shift, shift >= 0 ? value >>> shift : value << -shift);
}

/** @returns a * 2^power */
export function smallShift(a: number, power: number): number {
  return a === 0 ? 0 : packed((a >> 16) + power, a & 0xffff);
}

export function smallMul(a: number, b: number): number {
  if (a === 0 || b === 0) return 0;
  const product = Math.imul(a & 0xffff, b & 0xffff);
  const exponent = (a >> 16) + (b >> 16);
  return product < 0 ? packed(exponent - 48, product >>> 16) : packed(exponent - 49, product >>> 15);
}

/** @param share 0 to 65536 @returns a * share / 32768 */
export function smallScale(a: number, share: number): number {
  const product = (a & 0xffff) * share;
  return product === 0 ? 0 : smallOf(product, (a >> 16) - 64 - 15);
}

export function smallAdd(a: number, b: number): number {
  const high = a > b ? a : b;
  const low = a > b ? b : a;
  const apart = (high >> 16) - (low >> 16);
  if (low === 0 || apart > 15) return high;
  const sum = (high & 0xffff) + ((low & 0xffff) >> apart);
  return sum > 0xffff ? packed((high >> 16) + 1, sum >> 1) : (high & ~0xffff) | sum;
}

/** @returns a - b, 0 if b is larger */
export function smallSub(a: number, b: number): number {
  if (b === 0) return a;
  if (b >= a) return 0;
  const apart = (a >> 16) - (b >> 16);
  if (apart > 15) return a;
  return smallOf((a & 0xffff) - ((b & 0xffff) >> apart), (a >> 16) - 64);
}

/** @returns a / b, the largest number if b is 0 */
export function smallDiv(a: number, b: number): number {
  if (a === 0) return 0;
  if (b === 0) return SMALL_MOST;
  const quotient = (((a & 0xffff) << 15) / (b & 0xffff)) | 0;
  const exponent = (a >> 16) - (b >> 16);
  return quotient >= 0x8000 ? packed(exponent + 49, quotient) : packed(exponent + 48, quotient << 1);
}

/** @returns a / b in 1/32768, 32768 at most */
export function smallShare(a: number, b: number): number {
  if (a >= b) return b === 0 && a === 0 ? 0 : 32768;
  const apart = (b >> 16) - (a >> 16);
  return apart > 16 ? 0 : ((((a & 0xffff) << 15) / (b & 0xffff)) | 0) >> apart;
}

/** @returns a * 2^power as an integer, `limit` at most */
export function smallInt(a: number, power: number, limit: number): number {
  const shift = (a >> 16) - 64 + power;
  if (shift >= 15) return a === 0 ? 0 : limit;
  const value = shift >= 0 ? (a & 0xffff) << shift : shift < -16 ? 0 : (a & 0xffff) >> -shift;
  return value > limit ? limit : value;
}

/** @returns the square root, 3 % too small at the most */
export function smallRoot(a: number): number {
  if (a === 0) return 0;
  const exponent = (a >> 16) - 64 + 15;
  const rest = (a & 0xffff) - 0x8000;
  // sqrt(1 + x) is about 1 + x / 2 - x^2 / 11
  let root = 0x8000 + (rest >> 1) - (((Math.imul(rest, rest) >>> 15) / 11) | 0);
  if (exponent & 1) root = Math.imul(root, 46341) >>> 15;
  return smallOf(root, (exponent - (exponent & 1)) / 2 - 15);
}
