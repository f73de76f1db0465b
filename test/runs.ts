/**
 * How much of what is tried case by case the tests try: the same part each time, chosen so that each kind of case is in
 * it. SWEEP=all takes all cases, SWEEP=whole the long ones too, which take hours.
 */
const IS_ALL = process.env.SWEEP !== undefined;

/**
 * @returns the number of random cases for a property: in `npm test` a tenth of the number that finds new faults. The
 * seed is fixed.
 */
export function runs(all: number): number {
  return IS_ALL ? all : Math.ceil(all / 10);
}

/** @returns `some` in `npm test`, otherwise `all` */
export function part(some: number, all: number): number {
  return IS_ALL ? all : some;
}

/** In `npm test` one case of so many is taken, and other cases of each row. @param row any number of the row */
export function isLeftOut(index: number, row: number, oneIn: number): boolean {
  return !IS_ALL && (index + row) % oneIn > 0;
}
