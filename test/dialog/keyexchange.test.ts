import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { masterBytesOf, SUITE_COUNT, SUITE_NAMES, SUITE_NONE } from "../../src/core/suites.js";
import {
  CONNECTION_NONE,
  CONNECTION_UNKNOWN,
  DESCRIPTION_BYTES,
  ENCRYPTION_OFF,
  ENCRYPTION_OFFER,
  ENCRYPTION_REQUIRE,
  NEGOTIATION_MALFORMED,
  NEGOTIATION_NO_CODEC,
  NEGOTIATION_OK,
  Negotiation,
  NegotiationSettings,
  WARNING_CODES,
} from "../../src/dialog/negotiation.js";
import { Writer } from "../../src/wire/writer.js";
import { SeededRandom } from "../random.js";
import { runs } from "../runs.js";

let seed = 1;

/** Makes one end of a call. @param isPrivate its signalling is encrypted */
function end(encryption: number, isPrivate = true): Negotiation {
  const settings = new NegotiationSettings(new Uint8Array(DESCRIPTION_BYTES), new Writer());
  settings.configure(ipv4("192.0.2.1"), [0, 8]);
  settings.encryption = encryption;
  const made = new Negotiation(settings, new SeededRandom(seed++));
  made.port = 4000;
  made.connection = isPrivate ? CONNECTION_UNKNOWN : CONNECTION_NONE;
  made.reset();
  return made;
}

function offerOf(n: Negotiation): string {
  expect(n.writeOffer()).toBe(NEGOTIATION_OK);
  return n.local.toString();
}

function answer(n: Negotiation, offer: string): number {
  const bytes = octets(offer);
  return n.answerOffer(bytes, 0, bytes.length);
}

function accept(n: Negotiation, answer: string): number {
  const bytes = octets(answer);
  return n.readAnswer(bytes, 0, bytes.length);
}

/** Makes a description of theirs. */
function theirs(...media: string[]): string {
  return ["v=0", "o=- 5 5 IN IP4 x", "s=-", "c=IN IP4 192.0.2.2", "t=0 0", ...media, ""].join("\r\n");
}

const crypto = (text: string) => text.split("\r\n").filter((line) => line.startsWith("a=crypto"));
const medium = (text: string) => text.split("\r\n").filter((line) => line.startsWith("m="));
const suite = (n: Negotiation) => n.result.protection?.suite ?? SUITE_NONE;
const ourKey = (n: Negotiation) => hexOf(n, n.result.protection?.ourKey);
const theirKey = (n: Negotiation) => hexOf(n, n.result.protection?.theirKey);
const hexOf = (n: Negotiation, key: Uint8Array = new Uint8Array()) =>
  Buffer.from(key.subarray(0, masterBytesOf(suite(n)))).toString("hex");

const KEY = Buffer.alloc(30, 7).toString("base64");
const AES_80 = (tag = 1, key = KEY) => `a=crypto:${tag} AES_CM_128_HMAC_SHA1_80 inline:${key}`;

/** Makes one exchange between two ends. @returns whether they agreed */
function exchange(caller: Negotiation, called: Negotiation): boolean {
  if (answer(called, offerOf(caller)) !== NEGOTIATION_OK) return false;
  return accept(caller, called.local.toString()) === NEGOTIATION_OK;
}

describe("two ends", () => {
  const kinds = [ENCRYPTION_OFF, ENCRYPTION_OFFER, ENCRYPTION_REQUIRE];
  for (const ours of kinds)
    for (const others of kinds)
      it(`agree by what both may do: ${ours} calls ${others}`, () => {
        const [caller, called] = [end(ours), end(others)];
        const isPossible = ours + others !== ENCRYPTION_REQUIRE || ours === others;
        expect(exchange(caller, called)).toBe(isPossible);
        const isSealed = isPossible && ours !== ENCRYPTION_OFF && others !== ENCRYPTION_OFF;
        expect(suite(called)).toBe(isSealed ? 1 : SUITE_NONE);
        expect(suite(caller)).toBe(suite(called));
        if (!isSealed) return;
        expect(ourKey(caller)).toBe(theirKey(called));
        expect(theirKey(caller)).toBe(ourKey(called));
        expect(ourKey(caller)).not.toBe(ourKey(called));
      });

  it("keep suite and keys over a hold, and whoever asks for it", () => {
    const [caller, called] = [end(ENCRYPTION_OFFER), end(ENCRYPTION_OFFER)];
    exchange(caller, called);
    const before = [ourKey(caller), theirKey(caller)];
    caller.hold(true);
    expect(exchange(caller, called)).toBe(true);
    called.hold(true);
    expect(exchange(called, caller)).toBe(true);
    expect([ourKey(caller), theirKey(caller)]).toEqual(before);
    expect([theirKey(called), ourKey(called)]).toEqual(before);
    expect(crypto(called.local.toString()).length).toBe(1);
  });

  it("have new keys in each call, and once more when sound went in clear between", () => {
    const [caller, called, plain] = [end(ENCRYPTION_OFFER), end(ENCRYPTION_OFFER), end(ENCRYPTION_OFF)];
    exchange(caller, called);
    const keys = new Set([ourKey(caller)]);
    exchange(caller, plain);
    expect(suite(caller)).toBe(SUITE_NONE);
    exchange(caller, called);
    keys.add(ourKey(caller));
    caller.reset();
    expect(suite(caller)).toBe(SUITE_NONE);
    exchange(caller, called);
    keys.add(ourKey(caller));
    expect(keys.size).toBe(3);
  });

  it("stay with what was agreed when a new offer is refused", () => {
    const [caller, called] = [end(ENCRYPTION_OFFER), end(ENCRYPTION_OFFER)];
    exchange(caller, called);
    const before = [suite(called), ourKey(called), theirKey(called)];
    expect(answer(called, theirs("m=audio 5000 RTP/AVP 0"))).toBe(NEGOTIATION_OK);
    expect(suite(called)).toBe(SUITE_NONE);
    called.rollback();
    expect([suite(called), ourKey(called), theirKey(called)]).toEqual(before);
  });
});

describe("an offer of ours", () => {
  it("has its keys beside plain RTP/AVP, and RTP/SAVP when there is to be no call without", () => {
    expect(medium(offerOf(end(ENCRYPTION_OFFER)))).toEqual(["m=audio 4000 RTP/AVP 0 8 101"]);
    expect(medium(offerOf(end(ENCRYPTION_REQUIRE)))).toEqual(["m=audio 4000 RTP/SAVP 0 8 101"]);
    const lines = crypto(offerOf(end(ENCRYPTION_REQUIRE)));
    expect(lines.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "a=crypto:1 AES_CM_128_HMAC_SHA1_80",
      "a=crypto:2 AEAD_AES_128_GCM",
    ]);
    expect(new Set(lines.map((line) => line.split(" ")[2])).size).toBe(2);
  });

  it("has the same keys when it is sent once more, as after a challenge", () => {
    const n = end(ENCRYPTION_OFFER);
    expect(offerOf(n)).toBe(offerOf(n));
  });

  it("has no keys where anybody can read it, unless that is wanted", () => {
    const n = end(ENCRYPTION_OFFER, false);
    expect(crypto(offerOf(n))).toEqual([]);
    expect(accept(n, theirs("m=audio 5000 RTP/AVP 0", AES_80()))).toBe(NEGOTIATION_OK);
    expect(suite(n)).toBe(SUITE_NONE);
    const settings = new NegotiationSettings(new Uint8Array(DESCRIPTION_BYTES), new Writer());
    settings.configure(ipv4("192.0.2.1"), [0]);
    settings.encryption = ENCRYPTION_OFFER;
    settings.keysInClear = true;
    const open = new Negotiation(settings, new SeededRandom(3));
    open.reset();
    expect(crypto(offerOf(open)).length).toBe(2);
  });

  it.each([
    ["the second line, under its tag", ["m=audio 5000 RTP/AVP 0", gcmLine(2)], 5],
    ["none of the lines", ["m=audio 5000 RTP/AVP 0"], SUITE_NONE],
  ])("may be answered by %s", (_, media, wanted) => {
    const n = end(ENCRYPTION_OFFER);
    offerOf(n);
    expect(accept(n, theirs(...media))).toBe(NEGOTIATION_OK);
    expect(suite(n)).toBe(wanted);
  });

  it.each([
    ["a tag that it does not have", ["m=audio 5000 RTP/AVP 0", AES_80(3)]],
    ["another suite than that of the tag", ["m=audio 5000 RTP/AVP 0", AES_80(2)]],
    ["a key that is too short", ["m=audio 5000 RTP/AVP 0", AES_80(1, "AAAA")]],
    ["a suite that nobody has", ["m=audio 5000 RTP/AVP 0", `a=crypto:1 ROT_13 inline:${KEY}`]],
  ])("may not be answered by %s", (_, media) => {
    const n = end(ENCRYPTION_OFFER);
    offerOf(n);
    expect(accept(n, theirs(...media))).toBe(NEGOTIATION_NO_CODEC);
    expect(n.isAgreed()).toBe(false);
  });

  it("may be answered by each of its forks in another way; the last counts", () => {
    const n = end(ENCRYPTION_OFFER);
    const keys = crypto(offerOf(n)).map((line) => Buffer.from(line.split("inline:")[1], "base64").toString("hex"));
    accept(n, theirs("m=audio 5000 RTP/AVP 0", AES_80(1)));
    expect(ourKey(n).startsWith(keys[0])).toBe(true);
    accept(n, theirs("m=audio 5000 RTP/AVP 0", gcmLine(2)));
    expect(ourKey(n).startsWith(keys[1])).toBe(true);
    accept(n, theirs("m=audio 5000 RTP/AVP 0", AES_80(1)));
    expect([suite(n), ourKey(n).startsWith(keys[0])]).toEqual([1, true]);
  });
});

function gcmLine(tag: number): string {
  return `a=crypto:${tag} AEAD_AES_128_GCM inline:${Buffer.alloc(28, 9).toString("base64")}`;
}

describe("an offer of theirs", () => {
  it.each(
    Array.from({ length: SUITE_COUNT - 1 }, (_, i) => [Buffer.from(SUITE_NAMES[i + 1]).toString(), i + 1] as const),
  )("may have %s alone, under any tag", (name, number) => {
    const n = end(ENCRYPTION_OFFER);
    const key = Buffer.from(Uint8Array.from({ length: masterBytesOf(number) }, (_, i) => i * 5));
    const line = `a=crypto:123456789 ${name} inline:${key.toString("base64")}|2^48`;
    expect(answer(n, theirs("m=audio 5000 RTP/SAVP 0 101", line))).toBe(NEGOTIATION_OK);
    expect(suite(n)).toBe(number);
    expect(theirKey(n).startsWith(key.toString("hex"))).toBe(true);
    expect(medium(n.local.toString())).toEqual(["m=audio 4000 RTP/SAVP 0"]);
    const [ours] = crypto(n.local.toString());
    expect(ours.startsWith(`a=crypto:123456789 ${name} inline:`)).toBe(true);
    const inline = Buffer.from(ours.split("inline:")[1], "base64");
    expect(inline.length).toBe(key.length);
    expect(ourKey(n).startsWith(inline.toString("hex"))).toBe(true);
  });

  it("is answered by its first line that is spoken here", () => {
    const n = end(ENCRYPTION_OFFER);
    const lines = [
      `a=crypto:1 AES_192_CM_HMAC_SHA1_80 inline:${KEY}`,
      `a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:${KEY}|2^20|1:4`,
      `a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:${KEY};inline:${KEY}`,
      `a=crypto:4 AES_CM_128_HMAC_SHA1_80 inline:${KEY} UNENCRYPTED_SRTP`,
      `a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:${KEY} KDR=2`,
      `a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:${KEY}`,
      `a=crypto:6 aes_cm_128_hmac_sha1_32 INLINE:${KEY}|2^20 WSH=128 -NEW=1`,
      AES_80(7),
    ];
    expect(answer(n, theirs("m=audio 5000 RTP/SAVP 0", ...lines))).toBe(NEGOTIATION_OK);
    expect(suite(n)).toBe(2);
    expect(crypto(n.local.toString())[0]).toContain("a=crypto:6 ");
  });

  it("with both kinds is answered by the encrypted one, wherever it stands", () => {
    const [open, sealed] = [["m=audio 5000 RTP/AVP 0"], ["m=audio 5002 RTP/SAVP 0", AES_80()]];
    for (const media of [
      [...open, ...sealed],
      [...sealed, ...open],
    ]) {
      const n = end(ENCRYPTION_OFFER);
      expect(answer(n, theirs(...media))).toBe(NEGOTIATION_OK);
      expect([suite(n), n.result.remotePort]).toEqual([1, 5002]);
      const off = end(ENCRYPTION_OFF);
      expect(answer(off, theirs(...media))).toBe(NEGOTIATION_OK);
      expect([suite(off), off.result.remotePort]).toEqual([SUITE_NONE, 5000]);
    }
  });

  it.each([
    ["encryption without a key", ENCRYPTION_OFFER, ["m=audio 5000 RTP/SAVP 0"]],
    [
      "keys by DTLS",
      ENCRYPTION_OFFER,
      ["m=audio 5000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:sha-256 AA", "a=setup:actpass"],
    ],
    ["keys by DTLS under the old name", ENCRYPTION_OFFER, ["m=audio 5000 RTP/SAVPF 0", "a=fingerprint:sha-256 AA"]],
    ["encryption where it is switched off", ENCRYPTION_OFF, ["m=audio 5000 RTP/SAVP 0", AES_80()]],
    ["none where it is required", ENCRYPTION_REQUIRE, ["m=audio 5000 RTP/AVP 0"]],
  ])("is refused with a word about the transport: %s", (_, encryption, media) => {
    const n = end(encryption);
    expect(answer(n, theirs(...media))).toBe(NEGOTIATION_NO_CODEC);
    expect(WARNING_CODES[n.warning()]).toBe(302);
  });

  it("is refused or taken in clear where anybody can read the keys", () => {
    const sealed = theirs("m=audio 5000 RTP/SAVP 0", AES_80());
    expect(answer(end(ENCRYPTION_OFFER, false), sealed)).toBe(NEGOTIATION_NO_CODEC);
    const n = end(ENCRYPTION_OFFER, false);
    expect(answer(n, theirs("m=audio 5000 RTP/AVP 0", AES_80()))).toBe(NEGOTIATION_OK);
    expect([suite(n), crypto(n.local.toString())]).toEqual([SUITE_NONE, []]);
  });

  it("may have as many refused media as without keys", () => {
    const n = end(ENCRYPTION_OFFER);
    const media = Array.from({ length: 15 }, (_, i) => `m=video ${6000 + i} RTP/AVP ${Array(30).fill(96).join(" ")}`);
    const line = `a=crypto:999999999 AES_256_CM_HMAC_SHA1_80 inline:${Buffer.alloc(46, 1).toString("base64")}`;
    expect(answer(n, theirs(...media, "m=audio 5000 RTP/SAVP 0 8 101", line))).toBe(NEGOTIATION_OK);
    expect(medium(n.local.toString()).length).toBe(16);
    n.hold(true);
    offerOf(n);
  });

  it("with any octets in the place of a line throws nothing, and is never taken by a part of it", () => {
    const valid = AES_80();
    const changed = fc
      .array(fc.tuple(fc.nat(valid.length - 10), fc.integer({ min: 33, max: 122 })), { minLength: 1, maxLength: 3 })
      .map((changes) => {
        const line = Buffer.from(valid);
        for (const [at, octet] of changes) line[9 + at] = octet;
        return line.toString("latin1");
      });
    const blank = fc.constantFrom(" ", "  ", "\t", "");
    const joined = fc
      .tuple(
        fc.constantFrom("1", "0", "999999999", "1000000000", "-1", "x", "", "4294967297"),
        blank,
        fc.constantFrom(
          ...SUITE_NAMES.slice(1).map((name) => Buffer.from(name).toString()),
          "ROT_13",
          "",
          "AES_CM_128",
        ),
        blank,
        fc.constantFrom("inline:", "INLINE:", "inline", "uri:", ""),
        fc.oneof(
          fc.constantFrom(14, 16, 28, 30, 44, 46, 64).map((n) => Buffer.alloc(n, 7).toString("base64")),
          fc.string(),
        ),
        fc.constantFrom("", "|2^20", "|2^20|1:4", "|", ";inline:AAAA", " WSH=64", " KDR=1", " -X", " UNENCRYPTED_SRTP"),
      )
      .map((parts) => "a=crypto:" + parts.join("").replace(/[\r\n]/g, ""));
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(changed, joined), (line) => {
        const n = end(ENCRYPTION_OFFER);
        const code = answer(n, theirs("m=audio 5000 RTP/SAVP 0", line));
        // A NUL makes the whole description one that cannot be read.
        expect([NEGOTIATION_OK, NEGOTIATION_NO_CODEC, NEGOTIATION_MALFORMED]).toContain(code);
        if (code !== NEGOTIATION_OK) return;
        taken++;
        const [, name, inline] = line.split(/[ \t]+/);
        expect(Buffer.from(SUITE_NAMES[suite(n)]).toString()).toBe(name.toUpperCase());
        const key = Buffer.from(inline.slice("inline:".length).split("|")[0], "base64");
        expect([key.length, theirKey(n).startsWith(key.toString("hex"))]).toEqual([masterBytesOf(suite(n)), true]);
      }),
      { seed: 4568, numRuns: runs(10_000) },
    );
    expect(taken).toBeGreaterThan(10);
  });
});
