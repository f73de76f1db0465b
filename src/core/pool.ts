/** A fixed number of objects, made at start and lent out. Nothing is made later: an empty pool says so with null. */
export class Pool<T extends object> {
  /** Every object of the pool, lent or not. */
  readonly items: readonly T[];
  private readonly free: T[];
  private freeCount: number;
  /** The most that were ever lent at once. */
  highWater = 0;

  /** @param items as many as the pool is to have; the pool keeps the array */
  constructor(items: T[]) {
    this.items = items;
    this.free = items.slice().reverse();
    this.freeCount = items.length;
  }

  /** @returns one that nobody has, or null */
  take(): T | null {
    if (this.freeCount === 0) return null;
    const item = this.free[--this.freeCount];
    if (this.used() > this.highWater) this.highWater = this.used();
    return item;
  }

  /** Gives one back; the caller forgets it and gives it back once only. */
  give(item: T): void {
    if (this.freeCount >= this.items.length) throw new RangeError("pool: given back twice");
    this.free[this.freeCount++] = item;
  }

  used(): number {
    return this.items.length - this.freeCount;
  }
}
