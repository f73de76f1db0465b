/** Text from outside made fit for a terminal and a log: what could steer one becomes a question mark. For people: allocates. */

/** @param most characters to show, the rest is cut off with an ellipsis; 0: all */
export function printable(value: string, most = 0): string {
  let out = "";
  const length = most > 0 && value.length > most ? most : value.length;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    out += code < 0x20 || (code >= 0x7f && code < 0xa0) ? "?" : value.charAt(i);
  }
  return length < value.length ? out + "\u2026" : out;
}
