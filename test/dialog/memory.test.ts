import { expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, Span } from "../../src/core/bytes.js";
import { DESCRIPTION_BYTES, NEGOTIATION_OK, Negotiation, NegotiationSettings } from "../../src/dialog/negotiation.js";
import { Md5 } from "../../src/wire/md5.js";
import { findPart } from "../../src/wire/multipart.js";
import { SDP_OK, Sdp } from "../../src/wire/sdp.js";
import { Sha256 } from "../../src/wire/sha256.js";
import { Writer } from "../../src/wire/writer.js";
import { perStep, stepsMade } from "../heap.js";

// Addresses below 64.0.0.0 fit V8's small integers (XS has no such border); V8 may keep others on the heap.
const LINES = [
  "v=0",
  "o=- 5 5 IN IP4 10.0.0.2",
  "s=-",
  "c=IN IP4 10.0.0.2",
  "t=0 0",
  "m=video 6000 RTP/AVP 31 34",
  "m=audio 5000 RTP/AVP 8 0 97",
  "a=rtpmap:97 telephone-event/8000",
  "a=rtcp:5001 IN IP4 10.0.0.2",
  "a=ptime:30",
  "",
];
const theirs = octets(LINES.join("\r\n"));

it("nothing is made to read a session description", () => {
  const sdp = new Sdp();
  let read = 0;
  const step = () => {
    if (sdp.parse(theirs, 0, theirs.length) === SDP_OK) read += 1;
  };
  expect(perStep(step)).toBeLessThan(1);
  expect(read).toBe(stepsMade());
});

it("nothing is made to find a part of a body", () => {
  const body = octets(
    "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--",
  );
  const boundary = new Span();
  boundary.set(octets("b"), 0, 1);
  const type = octets("application/sdp");
  const out = new Span();
  let found = 0;
  const step = () => {
    if (findPart(body, 0, body.length, boundary, type, out)) found += 1;
  };
  expect(perStep(step)).toBeLessThan(1);
  expect(found).toBe(stepsMade());
});

it("nothing is made to offer, to take an answer, to answer and to go back", () => {
  const settings = new NegotiationSettings(new Uint8Array(DESCRIPTION_BYTES), new Writer());
  settings.configure(ipv4("10.0.0.1"), [0, 8]);
  const n = new Negotiation(settings, { uint32: () => 77 });
  n.port = 4000;
  n.reset();
  n.answerOffer(theirs, 0, theirs.length);
  let agreed = 0;
  const step = (i: number) => {
    n.hold((i & 1) === 1);
    n.writeOffer();
    if ((i & 2) !== 0) n.rollback();
    else if (n.readAnswer(theirs, 0, theirs.length) === NEGOTIATION_OK) agreed += 1;
    if (n.answerOffer(theirs, 0, theirs.length) === NEGOTIATION_OK) agreed += 1;
    // V8 may keep versions of more than 30 bits on the heap; that is not our concern.
    if ((i & 1023) === 1023) {
      n.reset();
      n.answerOffer(theirs, 0, theirs.length);
    }
  };
  expect(perStep(step)).toBeLessThan(1);
  expect(agreed).toBe(1.5 * stepsMade());
});

it("nothing is made to hash", () => {
  const out = new Uint8Array(32);
  for (const hash of [new Md5(), new Sha256()]) {
    const step = () => {
      hash.beginHash();
      hash.update(theirs, 0, 100);
      hash.finish(out, 0);
    };
    expect(perStep(step)).toBeLessThan(1);
  }
});
