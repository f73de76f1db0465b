/**
 * Views over buffers, made once: a view that is made anew for each use is garbage. The buffers are few and stay, so the
 * views of the last four are kept.
 */
const KEPT = 4;

/** Int32Arrays over the octets of other arrays, in the machine's order of octets. */
export class WordViews {
  private readonly arrays: (Uint8Array | Int16Array | null)[] = [null, null, null, null];
  private readonly views: (Int32Array | null)[] = [null, null, null, null];
  private newest = 0;

  /**
   * @returns the array's whole words, over the same octets; null if it does not begin at a multiple of four of its
   * buffer. It allocates the first time.
   */
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
