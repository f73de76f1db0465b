/**
 * Reads octets four at a time, through a DataView over the buffer that datagrams land in: where a line ends, and
 * whether a short constant ("From:", ";branch=z9hG4bK") stands at an offset. Offsets are those of the octets; they need
 * not be multiples of four.
 *
 * Constants are compared as a whole, without a branch for each octet: a wrong guess of the processor at the end of a
 * name costs more time than comparing, and an interpreter has a quarter of the instructions.
 */

import { STOPS } from "./lex.js";

// Constants of this file: see lex.ts.
const KINDS = STOPS;
const SPACE = 0x20;

/** @returns the view that the functions here want beside the same octets; allocates */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** @returns the first offset from `at` of an octet below SPACE, or `end` */
export function controlStop(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  let i = at;
  let x = 0;
  let y = 0;
  const last = end - 8;
  // An octet that is no control has bit 5 or 6 set; eight are checked a turn. The few others without these bits (0x80
  // to 0x9f) are passed below.
  while (i <= last) {
    x = view.getInt32(i, true);
    y = view.getInt32(i + 4, true);
    if (((x | (x << 1)) & (y | (y << 1)) & 0x40404040) !== 0x40404040) {
      if (((x | (x << 1)) & 0x40404040) === 0x40404040) i += 4;
      break;
    }
    i += 8;
  }
  while (i < end && bytes[i] >= SPACE) i += 1;
  return i;
}

/**
 * As `scan` of lex.ts, for stops other than STOP_TOKEN and STOP_DIGITS: letters, digits and their neighbours in the
 * table of ASCII ("-./" and ":") are none of those stops, and are passed four at a time.
 */
export function scanWords(bytes: Uint8Array, view: DataView, at: number, end: number, stops: number): number {
  const kinds = KINDS;
  let i = at;
  let x = 0;
  const last = end - 4;
  while (i <= last) {
    x = view.getInt32(i, true);
    // The upper bit of each octet is set by the first sum from 0x2d on, by the second from 0x3b on, by the shift from
    // 0x40 on; not where it was set before.
    x = ((((x + 0x53535353) ^ (x + 0x45454545)) | (x << 1)) & ~x) | 0x7f7f7f7f;
    if (x === -1) i += 4;
    else {
      // Goes to the first octet that may stop, without a branch that would be guessed wrongly.
      x = ~x;
      i += (31 - Math.clz32(x & -x)) >> 3;
      if ((kinds[bytes[i]] & stops) !== 0) return i;
      i += 1;
    }
  }
  while (i < end && (kinds[bytes[i]] & stops) === 0) i += 1;
  return i;
}

/** @returns four characters of ASCII as `getInt32(at, true)` reads them */
export function word(text: string): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = (value << 8) | text.charCodeAt(i);
  return value;
}

/** @returns four octets as `getInt32(at, true)` reads them, without a view */
export function littleEndianAt(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
