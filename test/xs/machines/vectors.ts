/** The parser's and the digest's vectors on XS. Prints what was read of each message, then `digest` and how many responses are right. */
import { hostOf, inhabit } from "./host.js";
import { fingerprint, verified } from "./reading.js";

/** Put in by whoever bundles this. */
declare const VECTORS: { messages: readonly (readonly number[])[]; digests: readonly [string, number, string][] };

inhabit({
  start() {
    const host = hostOf();
    const { messages, digests } = VECTORS;
    for (let i = 0; i < messages.length; i++) host.print(String(fingerprint(new Uint8Array(messages[i]))));
    let right = 0;
    for (let i = 0; i < digests.length; i++) {
      const [value, algorithm, password] = digests[i];
      if (verified(value, algorithm, password, "GET") && !verified(value, algorithm, password, "PUT")) right += 1;
    }
    host.print("digest " + right);
    host.quit(0);
  },
});
