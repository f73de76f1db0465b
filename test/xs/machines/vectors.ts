/**
 * The parser's and the digest's vectors on XS. Prints the fingerprint of each message, and with `SPOILT` that of so
 * many others that were made of it; then `digest` and the number of right responses.
 */
import { Message } from "../../../src/wire/message.js";
import { hostOf, inhabit } from "./host.js";
import { fingerprint, spoilt, verified } from "./reading.js";

/** The bundler puts the values in. */
declare const VECTORS: { messages: readonly (readonly number[])[]; digests: readonly [string, number, string][] };
declare const SPOILT: number;

inhabit({
  start() {
    const host = hostOf();
    const { messages, digests } = VECTORS;
    const narrow = new Message(8);
    for (let i = 0; i < messages.length; i++) {
      const bytes = new Uint8Array(messages[i]);
      host.print(String(fingerprint(bytes)));
      for (let j = 0; j < SPOILT; j++) {
        const other = spoilt(bytes, i * SPOILT + j);
        host.print(fingerprint(other) + " " + fingerprint(other, narrow));
      }
    }
    let right = 0;
    for (let i = 0; i < digests.length; i++) {
      const [value, algorithm, password] = digests[i];
      if (verified(value, algorithm, password, "GET") && !verified(value, algorithm, password, "PUT")) right += 1;
    }
    host.print("digest " + right);
    host.quit(0);
  },
});
