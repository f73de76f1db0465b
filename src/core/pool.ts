/**
 * A fixed number of objects, made at start and lent out. Nothing is made later: `take` of an empty pool returns null.
 */
export class Pool<T extends object> {
  /** All objects of the pool, lent or not. */
  readonly items: readonly T[];
  private readonly free: T[];
  private freeCount: number;
  /** The largest number that was ever lent at once. */
  highWater = 0;

  /** @param items all objects of the pool; the pool keeps the array */
  constructor(items: T[]) {
    this.items = items;
    this.free = items.slice().reverse();
    this.freeCount = items.length;
  }

  /** @returns a free object, or null */
  take(): T | null {
    if (this.freeCount === 0) return null;
    const item = this.free[--this.freeCount];
    if (this.used() > this.highWater) this.highWater = this.used();
    return item;
  }

  /** Gives an object back; the caller forgets it, and gives it back once only. */
  give(item: T): void {
    if (this.freeCount >= this.items.length) throw new RangeError("pool: given back twice");
    this.free[this.freeCount++] = item;
  }

  used(): number {
    return this.items.length - this.freeCount;
  }
}
