/**
 * Views over buffers, made once: a view that is made anew for each use is garbage. The buffers are few and stay, so the
 * views of the last four are kept.
 */
const KEPT = 4;

/** Keeps the views of the last buffers. @typeParam V the kind of view, of which each subclass makes one */
abstract class Views<V> {
  private readonly buffers: (ArrayBufferView | null)[] = [null, null, null, null];
  private readonly views: V[];
  private newest = 0;

  /** @param none stands in the places that no buffer has yet */
  constructor(none: V) {
    this.views = [none, none, none, none];
  }

  /** @returns the view over the octets of `buffer`; it allocates the first time */
  of(buffer: ArrayBufferView): V {
    if (this.buffers[0] === buffer) return this.views[0];
    for (let i = 1; i < KEPT; i++) if (this.buffers[i] === buffer) return this.views[i];
    this.newest = (this.newest + 1) % KEPT;
    this.buffers[this.newest] = buffer;
    this.views[this.newest] = this.makeView(buffer);
    return this.views[this.newest];
  }

  protected abstract makeView(buffer: ArrayBufferView): V;
}

/**
 * Int32Arrays over whole words, in the machine's order of octets; null if a buffer does not begin at a multiple of four
 * of its memory.
 */
export class WordViews extends Views<Int32Array | null> {
  constructor() {
    super(null);
  }

  protected makeView(buffer: ArrayBufferView): Int32Array | null {
    const isAligned = (buffer.byteOffset & 3) === 0;
    return isAligned ? new Int32Array(buffer.buffer, buffer.byteOffset, buffer.byteLength >> 2) : null;
  }
}

/** DataViews over all octets, for reads in a given order of octets. */
export class DataViews extends Views<DataView> {
  /** @param none the view over no octets */
  constructor(none: DataView) {
    super(none);
  }

  protected makeView(buffer: ArrayBufferView): DataView {
    return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
}
