/** The letters of base64 (RFC 4648 §4), for those who write or read it octet by octet. */

/** @param value 0 to 63 @returns its letter */
export function base64Letter(value: number): number {
  if (value < 26) return 0x41 + value;
  if (value < 52) return 0x61 + value - 26;
  if (value < 62) return 0x30 + value - 52;
  return value === 62 ? 0x2b : 0x2f;
}

/** @returns the value of a letter, -1 when it is none */
export function base64Value(letter: number): number {
  if (letter >= 0x41 && letter <= 0x5a) return letter - 0x41;
  if (letter >= 0x61 && letter <= 0x7a) return letter - 0x61 + 26;
  if (letter >= 0x30 && letter <= 0x39) return letter - 0x30 + 52;
  return letter === 0x2b ? 62 : letter === 0x2f ? 63 : -1;
}
