import { describe, expect, it } from "vitest";
import {
  masterBytesOf,
  Protection,
  SUITE_AES_128_SHA1_80,
  SUITE_COUNT,
  SUITE_NAMES,
  SUITE_NONE,
} from "../../src/core/suites.js";
import { SEALED_MORE } from "../../src/media/packetcipher.js";
import { SRTP_FORGED, SRTP_MALFORMED, SRTP_REPLAYED, Srtp } from "../../src/media/srtp.js";
import { SeededRandom } from "../random.js";
import { derive, SUITES, sealRtcp, sealRtp } from "./srtpreference.js";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
/** SRTP_* stay as they are. */
const hexOf = (packet: Buffer | number) => (typeof packet === "number" ? packet : packet.toString("hex"));

/** An RTP packet. */
function rtp(sequence: number, payload: Buffer, ssrc = 0xcafebabe): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(sequence * 160, 4);
  packet.writeUInt32BE(ssrc, 8);
  payload.copy(packet, 12);
  return packet;
}

function rtcp(ssrc: number, count = 20): Buffer {
  const packet = Buffer.alloc(8 + count, 0x5a);
  packet.set([0x81, 200]);
  packet.writeUInt32BE(ssrc, 4);
  return packet;
}

/** One end of the call, whose keys count up from two numbers. */
function end(suite: number, ours: number, theirs: number): Srtp {
  const srtp = new Srtp();
  srtp.configure(keys(suite, ours, theirs));
  return srtp;
}

function keys(suite: number, ours: number, theirs: number): Protection {
  const protection = new Protection();
  protection.suite = suite;
  protection.ourKey.set(key(ours, masterBytesOf(suite)));
  protection.theirKey.set(key(theirs, masterBytesOf(suite)));
  return protection;
}

const key = (first: number, size: number) => Uint8Array.from({ length: size }, (_, i) => (first + i) & 255);

function seal(srtp: Srtp, packet: Buffer): Buffer {
  const room = Buffer.concat([packet, Buffer.alloc(SEALED_MORE)]);
  return room.subarray(0, srtp.sealRtp(room, packet.length));
}

function sealReport(srtp: Srtp, packet: Buffer): Buffer {
  const room = Buffer.concat([packet, Buffer.alloc(SEALED_MORE)]);
  return room.subarray(0, srtp.sealRtcp(room, packet.length));
}

/** @returns the opened packet, or SRTP_* */
function open(srtp: Srtp, packet: Buffer): Buffer | number {
  const copy = Buffer.from(packet);
  const length = srtp.openRtp(copy, copy.length);
  return length < 0 ? length : copy.subarray(0, length);
}

function openReport(srtp: Srtp, packet: Buffer): Buffer | number {
  const copy = Buffer.from(packet);
  const length = srtp.openRtcp(copy, copy.length);
  return length < 0 ? length : copy.subarray(0, length);
}

describe("the second implementation that packets are compared with", () => {
  it("derives the keys of RFC 3711 B.3", () => {
    const master = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    const keys = derive(SUITES[0], master, 0);
    expect(keys.cipher).toEqual(hex("C61E7A93744F39EE10734AFE3FF7A087"));
    expect(keys.salt).toEqual(hex("30CBBC08863D8C85D49DB34A9AE1"));
    expect(keys.auth).toEqual(hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
  });

  it("seals the packets of RFC 7714 §16.1.1 and §17.1", () => {
    const keys = {
      cipher: hex("000102030405060708090a0b0c0d0e0f"),
      salt: hex("517569642070726f2071756f"),
      auth: Buffer.alloc(0),
    };
    const text = Buffer.from("Gallia est omnis divisa in partes tres");
    const packet = Buffer.concat([hex("8040f17b8041f8d35501a0b2"), text]);
    const sealed = sealRtp(SUITES[4], keys, packet, 12, 0);
    expect(sealed.subarray(12)).toEqual(
      hex(
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833" +
          "899d7f27beb16a9152cf765ee4390cce",
      ),
    );
  });
});

describe.each(SUITES.map((suite, i) => [suite.name, i + 1] as const))("SRTP by %s", (name, number) => {
  const suite = SUITES[number - 1];
  const master = Buffer.from(key(1, suite.keyBytes + suite.saltBytes));

  it("has the name and the sizes of the suite", () => {
    expect(Buffer.from(SUITE_NAMES[number]).toString()).toBe(name);
    expect(masterBytesOf(number)).toBe(suite.keyBytes + suite.saltBytes);
  });

  it("seals packets of every length as another implementation does, and opens them again", () => {
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const session = derive(suite, master, 0);
    const random = new SeededRandom(number);
    for (let length = 0; length <= 200; length++) {
      const packet = rtp(length, Buffer.from(Uint8Array.from({ length }, () => random.uint32())));
      const sealed = seal(door, packet);
      expect(hexOf(sealed)).toBe(hexOf(sealRtp(suite, session, packet, 12, 0)));
      expect(hexOf(open(phone, sealed))).toBe(hexOf(packet));
    }
  });

  it("opens packets with contributing sources and an extension, which stay in clear", () => {
    const phone = end(number, 2, 1);
    const packet = Buffer.concat([
      hex("92000007 00000001 cafebabe 11111111 22222222 bede0001 01020304"),
      Buffer.from("sound"),
    ]);
    const sealed = sealRtp(suite, derive(suite, master, 0), packet, 28, 0);
    expect(open(phone, sealed)).toEqual(packet);
  });

  it("goes on when sequence numbers turn, with packets lost, late and in another order around it", () => {
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const session = derive(suite, master, 0);
    const packets = Array.from({ length: 60 }, (_, i) => rtp(0xffff - 30 + i, Buffer.from("packet " + i)));
    const sealed = packets.map((packet) => seal(door, packet));
    expect(sealed[59]).toEqual(sealRtp(suite, session, packets[59], 12, 1));
    const order = [0, 1, 28, 33, 31, 29, 30, 32, 59, 40];
    for (const i of order) expect(open(phone, sealed[i])).toEqual(packets[i]);
    for (const i of order) expect(open(phone, sealed[i])).toBe(SRTP_REPLAYED);
    expect(phone.replayed).toBe(order.length);
  });

  it("seals reports as another implementation does, and opens them again, each once", () => {
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const session = derive(suite, master, 3);
    for (let i = 1; i <= 100; i++) {
      const packet = rtcp(0xcafebabe, i);
      const sealed = sealReport(door, packet);
      expect(hexOf(sealed)).toBe(hexOf(sealRtcp(suite, session, packet, i)));
      expect(hexOf(openReport(phone, sealed))).toBe(hexOf(packet));
      expect(openReport(phone, sealed)).toBe(SRTP_REPLAYED);
    }
  });

  it("opens nothing in which one bit is another", () => {
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const sealed = seal(door, rtp(5, Buffer.from("a digit")));
    const report = sealReport(door, rtcp(0xcafebabe));
    const opened: number[] = [];
    // A packet without its announced extension, or with more sources than fit, has no valid header.
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const forged = Buffer.from(sealed);
      forged[bit >> 3] ^= 1 << (bit & 7);
      const result = open(phone, forged);
      if (result !== SRTP_FORGED && result !== SRTP_MALFORMED) opened.push(bit);
    }
    for (let bit = 0; bit < report.length * 8; bit++) {
      const forged = Buffer.from(report);
      forged[bit >> 3] ^= 1 << (bit & 7);
      if (openReport(phone, forged) !== SRTP_FORGED) opened.push(bit);
    }
    expect(opened).toEqual([]);
    expect(open(phone, sealed)).toBeInstanceOf(Buffer);
    expect(openReport(phone, report)).toBeInstanceOf(Buffer);
  });

  it("opens nothing that is cut, and reads nothing behind it", () => {
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const sealed = seal(door, rtp(5, Buffer.from("a digit")));
    const report = sealReport(door, rtcp(0xcafebabe));
    for (let length = 0; length < sealed.length; length++)
      expect([SRTP_FORGED, SRTP_MALFORMED]).toContain(phone.openRtp(Buffer.from(sealed), length));
    for (let length = 0; length < report.length; length++)
      expect([SRTP_FORGED, SRTP_MALFORMED]).toContain(phone.openRtcp(Buffer.from(report), length));
  });

  it("refuses what is older than its window, and takes what came late within it once", () => {
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const sealed = Array.from({ length: 200 }, (_, i) => seal(door, rtp(i + 1, Buffer.from("x"))));
    expect(open(phone, sealed[0])).toBeInstanceOf(Buffer);
    expect(open(phone, sealed[100])).toBeInstanceOf(Buffer);
    for (let i = 1; i < 37; i++) expect(open(phone, sealed[i])).toBe(SRTP_REPLAYED);
    for (let i = 37; i < 100; i++) {
      expect(open(phone, sealed[i])).toBeInstanceOf(Buffer);
      expect(open(phone, sealed[i])).toBe(SRTP_REPLAYED);
    }
  });

  it("agrees with a set of all indexes about what came, over orders of every kind", () => {
    const random = new SeededRandom(100 + number);
    const [door, phone] = [end(number, 1, 2), end(number, 2, 1)];
    const sealed = Array.from({ length: 600 }, (_, i) => seal(door, rtp(0xff00 + i, Buffer.from("x"))));
    const came = new Set<number>([0]);
    let newest = 0;
    expect(open(phone, sealed[0])).toBeInstanceOf(Buffer);
    const wrong: number[][] = [];
    for (let step = 0; step < 1500; step++) {
      const i = Math.max(0, Math.min(599, newest + (random.uint32() % 110) - 80));
      const isNew = !came.has(i) && newest - i < 64;
      if (open(phone, sealed[i]) instanceof Buffer !== isNew) wrong.push([step, i]);
      came.add(i);
      newest = Math.max(newest, i);
    }
    expect(wrong).toEqual([]);
  });
});

describe("the keys of a stream", () => {
  const suite = SUITE_AES_128_SHA1_80;

  it("stay in force when they are agreed once more: replays go on to be known", () => {
    const [door, phone] = [end(suite, 1, 2), end(suite, 2, 1)];
    const first = seal(door, rtp(0xffff, Buffer.from("x")));
    expect(open(phone, first)).toBeInstanceOf(Buffer);
    const turned = seal(door, rtp(0, Buffer.from("y")));
    phone.configure(keys(suite, 2, 1));
    door.configure(keys(suite, 1, 2));
    expect(open(phone, first)).toBe(SRTP_REPLAYED);
    expect(open(phone, turned)).toBeInstanceOf(Buffer);
    expect(open(phone, seal(door, rtp(1, Buffer.from("z"))))).toBeInstanceOf(Buffer);
  });

  it("begin anew in the direction whose key is another", () => {
    const [door, phone] = [end(suite, 1, 2), end(suite, 2, 1)];
    const before = seal(door, rtp(7, Buffer.from("before")));
    expect(open(phone, before)).toBeInstanceOf(Buffer);
    door.configure(keys(suite, 9, 2));
    phone.configure(keys(suite, 2, 9));
    expect(open(phone, before)).toBe(SRTP_FORGED);
    expect(open(phone, seal(door, rtp(8, Buffer.from("after"))))).toBeInstanceOf(Buffer);
  });

  it("are forgotten with the call", () => {
    const [door, phone] = [end(suite, 1, 2), end(suite, 2, 1)];
    const sealed = seal(door, rtp(7, Buffer.from("x")));
    phone.reset();
    expect(phone.suite).toBe(SUITE_NONE);
    phone.configure(keys(suite, 2, 5));
    expect(open(phone, sealed)).toBe(SRTP_FORGED);
  });

  it("hold for several sources, each with its own numbers; the fifth takes the place of the one heard least lately", () => {
    const [door, phone] = [end(suite, 1, 2), end(suite, 2, 1)];
    for (let ssrc = 1; ssrc <= 5; ssrc++) {
      const sealed = seal(door, rtp(ssrc * 10, Buffer.from("x"), ssrc));
      expect(open(phone, sealed)).toBeInstanceOf(Buffer);
      expect(open(phone, sealed)).toBe(SRTP_REPLAYED);
    }
    const again = seal(door, rtp(60, Buffer.from("x"), 3));
    expect(open(phone, again)).toBeInstanceOf(Buffer);
    expect(open(phone, again)).toBe(SRTP_REPLAYED);
  });

  it("let a source be heard whose numbers turned before its first packet came through", () => {
    const phone = end(suite, 2, 1);
    const session = derive(SUITES[0], Buffer.from(key(1, 30)), 0);
    const packet = rtp(3, Buffer.from("late"));
    expect(open(phone, sealRtp(SUITES[0], session, packet, 12, 1))).toEqual(packet);
  });

  it("let no report through that is not encrypted", () => {
    const phone = end(suite, 2, 1);
    const sealed = sealRtcp(SUITES[0], derive(SUITES[0], Buffer.from(key(1, 30)), 3), rtcp(1), 1);
    sealed[sealed.length - 14] &= 0x7f;
    expect(openReport(phone, sealed)).toBe(SRTP_FORGED);
  });

  it("are of as many kinds as have names", () => {
    expect(SUITE_NAMES.length).toBe(SUITE_COUNT);
  });
});
