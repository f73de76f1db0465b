/**
 * Texts to UTF-8 (RFC 3629) without C: for constants of modules, which a board's tools compute when they link. Code
 * that runs on the board uses octets.ts.
 */

/** @returns how many octets `value` has in UTF-8; a lone surrogate counts as U+FFFD */
export function utf8Size(value: string): number {
  let size = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < 0x80) size += 1;
    else if (code < 0x800) size += 2;
    else if (code >= 0xd800 && code < 0xdc00 && isLowSurrogate(value, i + 1)) {
      size += 4;
      i += 1;
    } else size += 3;
  }
  return size;
}

/** Writes `value` as UTF-8 at `at`, a lone surrogate as U+FFFD. @returns the offset behind it */
export function putUtf8(out: Uint8Array, at: number, value: string): number {
  let to = at;
  for (let i = 0; i < value.length; i++) {
    let code = value.charCodeAt(i);
    if (code < 0x80) {
      out[to++] = code;
      continue;
    }
    if (code < 0x800) {
      out[to++] = 0xc0 | (code >> 6);
      out[to++] = 0x80 | (code & 0x3f);
      continue;
    }
    if (code >= 0xd800 && code < 0xdc00 && isLowSurrogate(value, i + 1)) {
      code = 0x10000 + ((code - 0xd800) << 10) + (value.charCodeAt(++i) - 0xdc00);
      out[to++] = 0xf0 | (code >> 18);
      out[to++] = 0x80 | ((code >> 12) & 0x3f);
    } else {
      if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
      out[to++] = 0xe0 | (code >> 12);
    }
    out[to++] = 0x80 | ((code >> 6) & 0x3f);
    out[to++] = 0x80 | (code & 0x3f);
  }
  return to;
}

function isLowSurrogate(value: string, index: number): boolean {
  if (index >= value.length) return false;
  const code = value.charCodeAt(index);
  return code >= 0xdc00 && code < 0xe000;
}
