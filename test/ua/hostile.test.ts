/** Tests a user agent under mutated messages and packets, seeded: nothing throws, nothing grows, nothing stays. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { SeededRandom } from "../random.js";
import { runs } from "../runs.js";
import { tortureMessages } from "../wire/corpus.js";
import { Agent, header, Peer, sdpOf, World } from "./harness.js";

const SEED = 20260611;
const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const STRANGER = ipv4("10.0.0.66");
const RUNS = runs(2500);

/**
 * Makes a world with a door and a phone of ours; every SIP datagram that passes is kept as a seed.
 * @param secret the secret from which their tags, branches and Call-IDs are made
 */
function house(secret = 1) {
  const world = new World();
  const random = (number: number) => new SeededRandom(2 * secret + number);
  const settings = { ringTimeMs: 3000, silenceTimeMs: 0, sessionExpiresS: 90 };
  const door = new Agent(world, DOOR, settings, DOOR_LIMITS, random(0));
  const phone = new Agent(world, PHONE, { ringTimeMs: 0, silenceTimeMs: 0 }, DOOR_LIMITS, random(1));
  const seeds: Uint8Array[] = [];
  world.lose = (message) => {
    seeds.push(octets(message));
    if (seeds.length > 60) seeds.shift();
    return false;
  };
  return { world, door, phone, seeds };
}

type House = ReturnType<typeof house>;

/** The states in which the user agent is when the storm begins; `enter` tells whether it got there. */
const STATES: readonly { name: string; enter: (h: House) => boolean; last: string }[] = [
  { name: "idle", enter: () => true, last: "" },
  { name: "ringing", enter: ({ door }) => door.ua.call(`sip:${PHONE}`) !== null, last: "call ringing" },
  {
    name: "in a call",
    enter: ({ world, door, phone }) => {
      phone.autoAnswer = true;
      const call = door.ua.call(`sip:${PHONE}`);
      world.run(50);
      // The phone holds so that its requests in the call are among the seeds.
      const other = phone.ua.activeCall();
      if (other !== null) phone.ua.hold(other, false);
      return call !== null;
    },
    last: "call confirmed",
  },
  {
    name: "just over",
    enter: ({ world, door, phone }) => {
      phone.autoAnswer = true;
      const call = door.ua.call(`sip:${PHONE}`);
      world.run(100);
      if (call !== null) door.ua.hangUp(call);
      return call !== null;
    },
    last: "call ended cause local",
  },
];

const mutation = fc.record({
  seed: fc.nat(),
  changes: fc.array(fc.tuple(fc.nat(), fc.nat(5), fc.nat(255), fc.nat(40)), { minLength: 0, maxLength: 5 }),
  fresh: fc.boolean(),
});

let serial = 0;

/**
 * Makes a seed with octets replaced, put in, cut out or doubled; often with a branch, Call-ID and CSeq of its own, so
 * that it is not just a repetition.
 */
function mutate(seeds: readonly Uint8Array[], how: { seed: number; changes: number[][]; fresh: boolean }): Uint8Array {
  let start = text(seeds[how.seed % seeds.length]);
  if (how.fresh) start = start.replace(/branch=z9hG4bK[0-9a-f]+/, `branch=z9hG4bKm${serial++}`);
  if (how.fresh && how.seed % 5 === 1) start = start.replaceAll("INVITE", "BYE");
  if (how.fresh && how.seed % 2 === 1) start = start.replace(/CSeq: \d+/, `CSeq: ${40_000 + serial}`);
  let bytes = Array.from(octets(start));
  for (const [at, kind, value, length] of how.changes) {
    const i = at % (bytes.length + 1);
    if (kind === 0) bytes[i] = value;
    else if (kind === 1) bytes.splice(i, 0, value);
    else if (kind === 2) bytes.splice(i, length);
    else if (kind === 3) bytes.splice(i, 0, ...bytes.slice(i, i + length));
    else if (kind === 4) bytes.splice(i, 0, ...octets("\r\nRequire: x\r\n"));
    else bytes = bytes.slice(0, bytes.length - length);
  }
  return Uint8Array.from(bytes, (octet) => octet ?? 0);
}

/** Collects the messages of a whole call with hold, digits and refusals, and the torture messages. */
function seedsOfCalls(): Uint8Array[] {
  const { world, door, phone, seeds } = house();
  phone.autoAnswer = true;
  const call = door.call(`sip:${PHONE}`);
  world.run(100);
  door.ua.hold(call, true);
  world.run(46_000);
  door.ua.hangUp(call);
  world.run(40_000);
  phone.autoAnswer = false;
  const second = door.call(`sip:${PHONE}`);
  world.run(100);
  door.ua.hangUp(second);
  world.run(100);
  return [...seeds, ...tortureMessages().map(({ bytes }) => bytes)];
}

describe("10,000 mutated SIP datagrams", () => {
  const common = seedsOfCalls();

  it.each(STATES)(
    `a quarter of them while it is $name`,
    ({ enter, last }) => {
      const h = house();
      const { world, door, phone, seeds } = h;
      enter(h);
      world.run(100);
      expect(door.last()).toBe(last);
      let began = 1;
      let out = 0;
      let isCounting = false;
      const send = door.sendDatagram.bind(door);
      door.sendDatagram = (ip, port, bytes, start, end) => {
        if (isCounting) {
          out += 1;
          return true;
        }
        return send(ip, port, bytes, start, end);
      };
      let received = door.ua.layer.counters.received + door.ua.layer.counters.keepAlives;
      fc.assert(
        fc.property(mutation, (how) => {
          // The messages of the moment, with its tags and branches, take turns with those of earlier calls.
          const bytes = mutate(how.seed % 3 === 0 || seeds.length === 0 ? common : seeds, how);
          out = 0;
          isCounting = true;
          door.timers.nowMs = world.nowMs;
          door.ua.layer.receiveDatagram(STRANGER, 5060, bytes, 0, bytes.length);
          isCounting = false;
          // A stranger who knows the tags of a call may end it or be acknowledged; he is never answered twice.
          expect(out, text(bytes)).toBeLessThanOrEqual(2);
          received += 1;
          expect(door.ua.layer.counters.received + door.ua.layer.counters.keepAlives).toBe(received);
          world.run(20);
          // Calls end by themselves too, or a whole storm would beat on one.
          if (how.seed % 89 === 0) for (const call of phone.ua.calls) phone.ua.hangUp(call);
          if (how.seed % 89 === 1) for (const call of door.ua.calls) door.ua.hangUp(call);
          if (last !== "" && door.ua.activeCall() === null) {
            door.timers.nowMs = world.nowMs;
            // When nothing is free for a call any more, it begins later.
            if (enter(h)) began += 1;
          }
          received = door.ua.layer.counters.received + door.ua.layer.counters.keepAlives;
        }),
        { seed: SEED, numRuns: RUNS },
      );
      if (last !== "") expect(began).toBeGreaterThan(6);
      for (const call of door.ua.calls) door.ua.hangUp(call);
      for (const call of phone.ua.calls) phone.ua.hangUp(call);
      world.run(100_000);
      for (const call of door.ua.calls) expect(door.ua.isActive(call)).toBe(false);
      expect(door.ua.layer.clients.used()).toBe(0);
      expect(door.ua.layer.servers.used()).toBe(0);
      for (const call of door.ua.calls) call.session.release();
      expect(door.ua.dialogs.used()).toBe(0);
      expect(door.timers.next()).toBe(Infinity);
      // The door still works.
      phone.autoAnswer = true;
      door.call(`sip:${PHONE}`);
      world.run(100);
      expect(door.last()).toBe("call confirmed");
    },
    60_000,
  );

  it("from a stranger who knows no tag: one answer at most for each, and the call goes on", () => {
    // The calls here are others than those that the messages are from.
    const h = house(2);
    const { world, door } = h;
    STATES[2].enter(h);
    world.run(100);
    let out = 0;
    let isCounting = false;
    const send = door.sendDatagram.bind(door);
    door.sendDatagram = (ip, port, bytes, start, end) => {
      if (isCounting) out += 1;
      return send(ip, port, bytes, start, end);
    };
    const strangers = common.map((bytes) => octets(text(bytes)));
    fc.assert(
      fc.property(mutation, (how) => {
        const bytes = mutate(strangers, how);
        out = 0;
        isCounting = true;
        door.timers.nowMs = world.nowMs;
        door.ua.layer.receiveDatagram(STRANGER, 5060, bytes, 0, bytes.length);
        isCounting = false;
        expect(out, text(bytes)).toBeLessThanOrEqual(1);
        world.run(20);
      }),
      { seed: SEED + 1, numRuns: RUNS },
    );
    expect(door.last()).toBe("call confirmed");
    expect(door.diary.filter((line) => line.startsWith("call"))).toEqual([
      "call calling",
      "call ringing",
      "call confirmed",
    ]);
  }, 60_000);
});

describe("10,000 mutated RTP packets into a call", () => {
  it("throw nothing, and neither sound nor call end by them", () => {
    const { world, door, phone } = house();
    phone.autoAnswer = true;
    door.call(`sip:${PHONE}`);
    const seeds: Uint8Array[] = [];
    const rtp = phone.rtp.bind(phone);
    phone.rtp = (call, ip, port, bytes, start, end) => {
      if (seeds.length < 50) seeds.push(bytes.slice(start, end));
      rtp(call, ip, port, bytes, start, end);
    };
    world.run(1000);
    const media = door.ua.calls[0].media;
    // The packets are a digit and an RTCP packet.
    seeds.push(Uint8Array.of(0x80, 0xe5, 0, 9, 0, 0, 5, 0, 1, 2, 3, 4, 5, 0x8a, 3, 0x20));
    seeds.push(Uint8Array.of(0x80, 200, 0, 6, ...new Array<number>(24).fill(7)));
    const packet = fc.record({
      seed: fc.nat(),
      changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      cut: fc.option(fc.nat(200)),
      stranger: fc.boolean(),
      rtcp: fc.boolean(),
    });
    fc.assert(
      fc.property(packet, ({ seed, changes, cut, stranger, rtcp }) => {
        const bytes = seeds[seed % seeds.length].slice();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const length = cut === null ? bytes.length : Math.min(cut, bytes.length);
        const ip = stranger ? STRANGER : ipv4(PHONE);
        door.timers.nowMs = world.nowMs;
        if (rtcp) media.onRtcp(ip, 16385, bytes, length);
        else media.onRtp(ip, 16384, bytes, length);
        if (seed % 8 === 0) world.run(20);
      }),
      { seed: SEED, numRuns: runs(10_000) },
    );
    world.run(2000);
    expect(door.last()).toBe("call confirmed");
    const before = media.receivedPackets();
    world.run(1000);
    expect(media.receivedPackets() - before).toBeGreaterThan(40);
  }, 60_000);
});

describe("a flood of calls", () => {
  it("that ring and are given up leaves nothing behind", () => {
    const world = new World();
    const door = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    for (let i = 0; i < 300; i++) {
      const lines = (method: string) => [
        `${method} sip:door@${DOOR} SIP/2.0`,
        `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKf${i}`,
        `From: <sip:x@${PHONE}>;tag=${i}`,
        `To: <sip:door@${DOOR}>`,
        `Call-ID: flood${i}`,
        `CSeq: 1 ${method}`,
        `Contact: <sip:x@${PHONE}>`,
        ...(method === "INVITE" ? ["Content-Type: application/sdp"] : []),
      ];
      peer.send(DOOR, lines("INVITE"), sdpOf(PHONE));
      world.run(5);
      peer.send(DOOR, lines("CANCEL"));
      world.run(5);
    }
    const answered = new Set(peer.inbox.filter((m) => !m.startsWith("SIP/2.0 1")).map((m) => header(m, "Call-ID")));
    expect(answered.size).toBe(300);
    world.run(100_000);
    expect(door.ua.layer.servers.used()).toBe(0);
    expect(door.ua.activeCall()).toBe(null);
    expect(door.timers.next()).toBe(Infinity);
  });
});
