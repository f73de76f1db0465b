/**
 * Typed arrays that live as long as the station, cut out of a few buffers. On XS an array with a buffer of its own
 * costs 120 octets beside its content, and one cut out of a buffer that is there 64: `npm run bench:xs` had 3,500
 * octets less for the small ones. Two of them may lie in one buffer: `set` from one to the other makes a copy first,
 * `copyOctets` does not. Not here: arrays that are made and thrown away, which would keep a whole buffer alive; and
 * single large ones, which would leave room unused.
 */

/** Of the last buffer about a half stays unused, and each buffer costs 56 octets beside its content. */
const BUFFER_BYTES = 512;
/** A longer array has a buffer of its own. */
const LONGEST_BYTES = 256;
/** Every kind of array may begin at a multiple of this. */
const ALIGNMENT = 8;

let buffer: ArrayBuffer | null = null;
let used = 0;

/** The next array begins at this offset in `buffer`. */
let at = 0;

/** Makes sure that `buffer` has so many octets from `at` on. @returns the buffer; those octets are 0 */
function room(bytes: number): ArrayBuffer {
  if (bytes > LONGEST_BYTES) {
    at = 0;
    return new ArrayBuffer(bytes);
  }
  const next = (bytes + ALIGNMENT - 1) & -ALIGNMENT;
  if (buffer === null || used + bytes > BUFFER_BYTES) {
    const other = new ArrayBuffer(BUFFER_BYTES);
    at = 0;
    // The one with more room left takes the next array.
    if (buffer === null || next < used) {
      buffer = other;
      used = next;
    }
    return other;
  }
  at = used;
  used += next;
  return buffer;
}

/**
 * @returns so many arrays in one buffer, without an octet between or behind them: for long ones, of which a pool has
 * several
 */
export function octetArrays(count: number, length: number): Uint8Array[] {
  const all = new ArrayBuffer(count * length);
  const arrays: Uint8Array[] = [];
  for (let i = 0; i < count; i++) arrays.push(new Uint8Array(all, i * length, length));
  return arrays;
}

export function octetArray(length: number): Uint8Array {
  return new Uint8Array(room(length), at, length);
}

export function int16Array(length: number): Int16Array {
  return new Int16Array(room(2 * length), at, length);
}

export function uint16Array(length: number): Uint16Array {
  return new Uint16Array(room(2 * length), at, length);
}

export function int32Array(length: number): Int32Array {
  return new Int32Array(room(4 * length), at, length);
}

export function float64Array(length: number): Float64Array {
  return new Float64Array(room(8 * length), at, length);
}
