/**
 * Views over buffers, made once: a typed array over another's octets is garbage when it is made for each use. The buffers are few and
 * stay, so the last four keep theirs.
 */
const KEPT = 4;

/** Int32Arrays over the octets of other arrays, in the machine's order of octets. */
export class WordViews {
  private readonly arrays: (Uint8Array | Int16Array | null)[] = [null, null, null, null];
  private readonly views: (Int32Array | null)[] = [null, null, null, null];
  private newest = 0;

  /** @returns the array's whole words, over the same octets; null when it does not begin at a multiple of four of its buffer. Allocates the first time. */
  of(array: Uint8Array | Int16Array): Int32Array | null {
    if (this.arrays[0] === array) return this.views[0];
    for (let i = 1; i < KEPT; i++) if (this.arrays[i] === array) return this.views[i];
    const isAligned = (array.byteOffset & 3) === 0;
    this.newest = (this.newest + 1) % KEPT;
    this.arrays[this.newest] = array;
    this.views[this.newest] = isAligned ? new Int32Array(array.buffer, array.byteOffset, array.byteLength >> 2) : null;
    return this.views[this.newest];
  }
}
