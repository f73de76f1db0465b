/**
 * What costs by the octet: copying and comparing runs of them. On a board the same in C (hal/native/octets.c) takes its place, for here
 * each octet costs an interpreter some fifteen bytecodes, and a message has hundreds. Places are the caller's to check.
 */

const CR = 13;
const LF = 10;
const TAB = 9;
const SPACE = 0x20;
const BACKSLASH = 0x5c;

/** `from[start, end)` to `to` from `at` on. The two do not overlap. */
export function copyOctets(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): void {
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i];
}

/**
 * As `copyOctets`, for a part of a message that came from outside: a line that is folded goes on behind one space (RFC 3261 §7.3.1), and
 * so does an escaped NUL, which is legal in a quoted string (RFC 4475 §3.1.1.2), but some end a text there.
 * @returns the offset in `to` behind it, or -1 for any other CR, LF or NUL: it may have written until there
 */
export function copyUnfolded(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  let j = at;
  for (let i = start; i < end; i++) {
    const octet = from[i];
    if (octet === CR || octet === LF) {
      let next = i + 1;
      if (octet === CR && next < end && from[next] === LF) next += 1;
      if (next >= end || (from[next] !== SPACE && from[next] !== TAB)) return -1;
      while (next < end && (from[next] === SPACE || from[next] === TAB)) next += 1;
      to[j++] = SPACE;
      i = next - 1;
    } else if (octet === 0) {
      if (i === start || from[i - 1] !== BACKSLASH) return -1;
      to[j++] = SPACE;
    } else to[j++] = octet;
  }
  return j;
}

/** @returns whether `count` octets of `a` from `aStart` and of `b` from `bStart` are the same */
export function areSame(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}

/** As `areSame`, ASCII letters compared without case. */
export function areAlike(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const x = a[aStart + i];
    const y = b[bStart + i];
    if (x !== y && lower(x) !== lower(y)) return false;
  }
  return true;
}

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}
