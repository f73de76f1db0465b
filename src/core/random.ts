/**
 * Randomness that is handed to the core: on a device from the hardware, in a run that is to be repeated from a seed.
 */
export interface RandomSource {
  /** @returns 32 random bits, 0 to 4,294,967,295 */
  uint32(): number;
}

/** @returns a number from 0 (inclusive) to 1 (exclusive) */
export function fraction(random: RandomSource): number {
  return random.uint32() / 4294967296;
}
