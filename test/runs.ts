/**
 * How many random cases a property is tried with. In `npm test` a fifth of what finds new faults: the seed is fixed, so that the same
 * cases come each time. SWEEP=all takes all of them, and `npm run fuzz` makes others.
 */
export function runs(all: number): number {
  return process.env.SWEEP === undefined ? Math.ceil(all / 5) : all;
}
