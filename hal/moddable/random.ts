/**
 * The chip's random numbers, by the SDK: its Math.random draws 31 bits from the generator of the hardware each time.
 */

const HALF_WORD = 65536;

/** @returns 32 random bits */
export function random(): number {
  return Math.floor(Math.random() * HALF_WORD) * HALF_WORD + Math.floor(Math.random() * HALF_WORD);
}
