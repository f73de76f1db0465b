/**
 * Views over buffers, made once: a view that is made anew for each use is garbage. The buffers are few and stay, so the
 * views of the last four are kept.
 */
const KEPT = 4;

/** Keeps the views of the last buffers. @typeParam V the kind of view, of which each subclass makes one */
abstract class Views<V> {
  private readonly buffers: ArrayBufferView[] = [];
  private readonly views: V[] = [];
  private newest = -1;

  /** @returns the view over the octets of `buffer`; it allocates the first time */
  of(buffer: ArrayBufferView): V {
    const { buffers, views } = this;
    for (let i = 0; i < buffers.length; i++) if (buffers[i] === buffer) return views[i];
    this.newest = (this.newest + 1) % KEPT;
    buffers[this.newest] = buffer;
    views[this.newest] = this.makeView(buffer);
    return views[this.newest];
  }

  protected abstract makeView(buffer: ArrayBufferView): V;
}

/**
 * Int32Arrays over whole words, in the machine's order of octets; null if a buffer does not begin at a multiple of four
 * of its memory.
 */
export class WordViews extends Views<Int32Array | null> {
  protected makeView(buffer: ArrayBufferView): Int32Array | null {
    const isAligned = (buffer.byteOffset & 3) === 0;
    return isAligned ? new Int32Array(buffer.buffer, buffer.byteOffset, buffer.byteLength >> 2) : null;
  }
}

/** DataViews over all octets, for reads in a given order of octets. */
export class DataViews extends Views<DataView> {
  protected makeView(buffer: ArrayBufferView): DataView {
    return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }
}
