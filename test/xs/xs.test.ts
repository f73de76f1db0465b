/**
 * Runs the core on the engine of the device. If XS cannot be built (no C compiler, or npm left its sources out) the
 * tests are skipped with one line that tells it; with CI set that is a failure.
 */
import { describe, expect, it } from "vitest";
import { ALGORITHM_MD5, ALGORITHM_SHA256 } from "../../src/wire/digest.js";
import { Message } from "../../src/wire/message.js";
import { MESSAGES } from "../bench/messages.js";
import { spellings } from "../bench/spellings.js";
import { flowMessages, tortureMessages } from "../wire/corpus.js";
import { buildXs } from "./build.js";
import { fingerprint, spoilt } from "./machines/reading.js";
import { natives } from "./natives.js";
import { runWorld } from "./run.js";

const WORLD_MS = 300_000;
const xs = await buildXs();
if (xs.program === "") console.warn(`the part of the tests that runs on XS was not run: ${xs.reason}`);

const credentials = (algorithm: string, response: string) =>
  'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ' +
  `algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
  `cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="${response}"`;

/** RFC 7616 §3.9.1 */
const DIGESTS = [
  [credentials("MD5", "8ca523f5e9506fed4657c9700eebdbec"), ALGORITHM_MD5, "Circle of Life"],
  [
    credentials("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ALGORITHM_SHA256,
    "Circle of Life",
  ],
];

/** So many messages are made of each one. */
const SPOILT = 100;

function vectors(messages: readonly Uint8Array[], count: number): Record<string, unknown> {
  return { VECTORS: { messages: messages.map((bytes) => [...bytes]), digests: DIGESTS }, SPOILT: count };
}

it("XS is built, as it must be in CI", () => {
  if (process.env.CI !== undefined) expect(xs.reason).toBe("");
});

describe.skipIf(xs.program === "")("on XS", () => {
  it("each message is read as on Node, and the digests of RFC 7616 are right", { timeout: WORLD_MS }, async () => {
    const messages = [...MESSAGES, ...flowMessages(), ...tortureMessages()].map(({ bytes }) => bytes);
    const lines = await runWorld(xs, ["vectors"], vectors(messages, 0));
    expect(lines.pop()).toBe(`digest ${DIGESTS.length}`);
    expect(lines).toEqual(messages.map((bytes) => String(fingerprint(bytes))));
  });

  it("C reads each message as TypeScript does, in every spelling and however it is spoilt", {
    timeout: WORLD_MS,
  }, async () => {
    const usual = [...MESSAGES, ...MESSAGES.flatMap(({ bytes }) => spellings(bytes))];
    const messages = [...usual, ...tortureMessages()].map(({ bytes }) => bytes);
    const lines = await runWorld(xs, ["vectors"], vectors(messages, SPOILT), [natives]);
    expect(lines.pop()).toBe(`digest ${DIGESTS.length}`);
    // New readers for each message: traces of an earlier message are part of the comparison.
    const [roomy, narrow] = [new Message(64), new Message(8)];
    const own = messages.flatMap((bytes, i) => [
      String(fingerprint(bytes, roomy)),
      ...Array.from({ length: SPOILT }, (_, j) => spoilt(bytes, i * SPOILT + j)).map(
        (other) => `${fingerprint(other, roomy)} ${fingerprint(other, narrow)}`,
      ),
    ]);
    expect(lines).toEqual(own);
  });

  it("the door registers with a password, calls, hears a code, is held, hangs up, and takes 10,000 packets of sound", {
    timeout: WORLD_MS,
  }, async () => {
    const lines = await runWorld(xs, ["door", "calls"]);
    expect(lines).toEqual(["registration", "call", "dtmf", "hold", "hang-up", "packets"]);
  });
});
