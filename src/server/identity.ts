/**
 * P-Asserted-Identity (RFC 3325): who sent a request, told to the phones of the house by the server that authenticated
 * the sender in that very request. What anybody else says in such a field does not go on (`isIdentity`,
 * src/transaction/relay.ts).
 * Not here: who is authenticated (admission.ts), and what the one who is told makes of it.
 */
import { equalNoCase, octets, type Span } from "../core/bytes.js";
import type { Message } from "../wire/message.js";
import { HEADER_PRIVACY } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";

const ASSERTED = octets("P-Asserted-Identity: <sip:");
const CLOSE = octets(">\r\n");
const ID = octets("id");
/** Octets that stand for themselves in the user part of a URI besides letters and digits. RFC 3261 §25.1 */
const PLAIN = octets("-_.!~*'()&=+$,;?/");

/** Writes the field for a user of that domain. @param name without escapes */
export function writeIdentity(w: Writer, name: Span, domain: Uint8Array): void {
  w.put(ASSERTED);
  for (let i = name.start; i < name.end; i++) {
    const octet = name.bytes[i];
    if (isPlain(octet)) w.octet(octet);
    else {
      w.octet(0x25);
      w.hex(octet, 2);
    }
  }
  w.octet(0x40);
  w.put(domain);
  w.put(CLOSE);
}

/** Whether the sender wants it not told who it is. RFC 3323 §4.2, RFC 3325 §9.3 */
export function isPrivate(m: Message): boolean {
  const { bytes } = m;
  for (let row = m.first(HEADER_PRIVACY); row >= 0; row = m.next(row)) {
    const end = m.valueEnd(row);
    let start = m.valueStart(row);
    for (let i = start; i <= end; i++) {
      if (i < end && !isBetween(bytes[i])) continue;
      if (equalNoCase(bytes, start, i, ID, 0, ID.length)) return true;
      start = i + 1;
    }
  }
  return false;
}

function isPlain(octet: number): boolean {
  const letter = octet | 0x20;
  return (octet >= 0x30 && octet <= 0x39) || (letter >= 0x61 && letter <= 0x7a) || PLAIN.indexOf(octet) >= 0;
}

/** A semicolon, a comma or white space. */
function isBetween(octet: number): boolean {
  return octet === 0x3b || octet === 0x2c || octet <= 0x20;
}
