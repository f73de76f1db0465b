/**
 * How much of what is tried case by case `npm test` tries: the same part each time, chosen so that each kind of case is in it. SWEEP=all
 * takes all cases, SWEEP=whole the long ones too, which take hours; `npm run fuzz` makes others.
 */
const IS_ALL = process.env.SWEEP !== undefined;

/** @returns how many random cases a property is tried with: in `npm test` a tenth of what finds new faults. The seed is fixed. */
export function runs(all: number): number {
  return IS_ALL ? all : Math.ceil(all / 10);
}

/** @returns the number that is enough in `npm test`, or all */
export function part(some: number, all: number): number {
  return IS_ALL ? all : some;
}

/** In `npm test` one case in so many is taken, and of each row of cases others. @param row which row it is, in any numbers */
export function isLeftOut(index: number, row: number, oneIn: number): boolean {
  return !IS_ALL && (index + row) % oneIn > 0;
}
