/** Makes one number of everything a parser has read from a message: the same on every engine that reads it alike. */
import { octets, Span } from "../../../src/core/bytes.js";
import { AuthValue } from "../../../src/wire/auth.js";
import { Digest, HEX_MAX_BYTES } from "../../../src/wire/digest.js";
import { Message } from "../../../src/wire/message.js";

const roomy = new Message(64);

/** @param message the reader; also one with a small table, which many messages do not fit in */
export function fingerprint(bytes: Uint8Array, message: Message = roomy): number {
  const result = message.parse(bytes, 0, bytes.length, false);
  let sum = result | 0;
  const note = (value: number) => {
    sum = Math.imul(sum ^ value, 0x01000193);
  };
  const fields = message as unknown as Record<string, unknown>;
  // The keys are sorted, because engines make properties in different orders.
  const keys = Object.keys(fields).sort();
  for (let i = 0; i < keys.length; i++) {
    const value = fields[keys[i]];
    if (typeof value === "number") note(value);
    if (typeof value === "boolean") note(value ? 1 : 2);
  }
  for (let row = 0; row < message.rows; row++) {
    note(message.id(row));
    note(message.nameStart(row));
    note(message.nameEnd(row));
    note(message.valueStart(row));
    note(message.valueEnd(row));
  }
  return sum;
}

/** Octets that mean something to a parser. */
const TELLING = octets('\r\n\t :;,="<>@?\\*/[]()%;tag=branch0123456789SIP\0\x7f\x80');

/** @returns `bytes` with a few octets changed, removed or added: the same for the same seed on every engine */
export function spoilt(bytes: Uint8Array, seed: number): Uint8Array {
  let state = seed | 0;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    return ((state >>> 8) & 0xffff) % limit;
  };
  let out = bytes;
  for (let times = 1 + below(4); times > 0 && out.length > 2; times--) {
    const at = below(out.length);
    const most = Math.min(12, out.length - at);
    const octet = TELLING[below(TELLING.length)];
    switch (below(6)) {
      case 0:
        out = joined(out, at, octets(""), at + 1 + below(most));
        break;
      case 1:
        out = joined(out, at, new Uint8Array([octet, octet]), at);
        break;
      case 2:
        // A piece of the message is repeated at another place.
        out = joined(out, below(out.length), out.slice(at, at + 60), at);
        break;
      case 3:
        if (below(4) === 0) out = out.slice(0, at);
        break;
      default:
        out = joined(out, at, new Uint8Array([octet]), at + 1);
    }
  }
  return out;
}

/** @returns the octets before `start`, then `between`, then the octets from `end` on */
function joined(bytes: Uint8Array, start: number, between: Uint8Array, end: number): Uint8Array {
  const rest = bytes.slice(end);
  const out = new Uint8Array(start + between.length + rest.length);
  out.set(bytes.slice(0, start));
  out.set(between, start);
  out.set(rest, start + between.length);
  return out;
}

const digest = new Digest();

/** @returns whether the response in an Authorization value is right */
export function verified(value: string, algorithm: number, password: string, method: string): boolean {
  const view = new AuthValue();
  const bytes = octets(value);
  view.parse(bytes, 0, bytes.length);
  const secret = new Uint8Array(HEX_MAX_BYTES);
  digest.writeSecret(algorithm, view.username, view.realm, octets(password), secret);
  const span = new Span();
  const name = octets(method);
  span.set(name, 0, name.length);
  return digest.verify(view, algorithm, secret, span);
}
