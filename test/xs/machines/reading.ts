/** Everything a parser has read from a message, as one number: the same on every engine that reads it alike. */
import { octets, Span } from "../../../src/core/bytes.js";
import { AuthValue } from "../../../src/wire/auth.js";
import { Digest, HEX_MAX_BYTES } from "../../../src/wire/digest.js";
import { Message } from "../../../src/wire/message.js";

const message = new Message(64);

export function fingerprint(bytes: Uint8Array): number {
  const result = message.parse(bytes, 0, bytes.length, false);
  let sum = result | 0;
  const fields = message as unknown as Record<string, unknown>;
  const keys = Object.keys(fields);
  for (let i = 0; i < keys.length; i++) {
    const value = fields[keys[i]];
    if (typeof value === "number") sum = Math.imul(sum ^ value, 0x01000193);
    if (typeof value === "boolean") sum = Math.imul(sum ^ (value ? 1 : 2), 0x01000193);
  }
  return sum;
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
