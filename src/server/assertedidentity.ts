/**
 * P-Asserted-Identity (RFC 3325) tells the phones of the house who sent a request, if this server authenticated the
 * sender in that very request. Such a field from anybody else does not go on (`isIdentity`, src/transaction/relay.ts).
 * Servers on one store believe one another: the Route to the other server has a keyed hash over the field
 * (routetoken.ts), and that server lets the field through as it came.
 * Not here: authenticating (admission.ts), and what a phone does with the identity.
 */

import { equalNoCase, octets, type Span } from "../core/bytes.js";
import { URI_CLOSE } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_P_ASSERTED_IDENTITY, HEADER_PRIVACY } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";

const ASSERTED = octets("P-Asserted-Identity: <sip:");
const ID = octets("id");
/** Octets besides letters and digits that need no escape in the user part of a URI. RFC 3261 §25.1 */
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
  w.put(URI_CLOSE);
}

/** @returns the row of the one such field, -1 when there is none or more than one */
export function identityRow(m: Message): number {
  const row = m.first(HEADER_P_ASSERTED_IDENTITY);
  return row >= 0 && m.next(row) < 0 ? row : -1;
}

/** Whether the sender asks that its identity is not told. RFC 3323 §4.2, RFC 3325 §9.3 */
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

/** Whether an octet is a semicolon, a comma or white space. */
function isBetween(octet: number): boolean {
  return octet === 0x3b || octet === 0x2c || octet <= 0x20;
}
