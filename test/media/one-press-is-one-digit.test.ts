/**
 * Tests that as many digits are heard as keys were pressed, whatever phones make of RFC 4733 §2.5.1 and networks do to
 * their packets.
 */
import { describe, expect, it } from "vitest";
import { EVENT_SIZE, EventReceiver } from "../../src/media/dtmf.js";
import { RtpView } from "../../src/media/rtp.js";
import { SeededRandom } from "../random.js";

interface Packet {
  event: number;
  isEnd: boolean;
  duration: number;
  sequence: number;
  timestamp: number;
  marker: boolean;
}

/** The way in which a phone sends. */
interface Phone {
  marker: "first" | "never" | "all";
  /** The change of the timestamp within a press. */
  timestamp: "stands" | "moves" | "moves, duration stands" | "moves with the end" | "counts the end packets";
  ends: number;
  stepMs: number;
  pauseMs: number;
  pressMs: number;
  /** Sound is sent between two presses, and takes sequence numbers. */
  sound: boolean;
  /** Another segment begins after this many ticks. */
  segment: number;
}

const PHONE: Phone = {
  marker: "first",
  timestamp: "stands",
  ends: 3,
  stepMs: 20,
  pauseMs: 60,
  pressMs: 100,
  sound: false,
  segment: 0xffff,
};

/** @returns the packets of each press */
function dial(digits: string, phone: Phone, first = { sequence: 65_500, timestamp: 0x7fff_0000 }): Packet[][] {
  let { sequence, timestamp } = first;
  return Array.from(digits, (digit) => {
    const packets: Packet[] = [];
    const step = phone.stepMs * 8;
    const whole = phone.pressMs * 8;
    let began = timestamp;
    const send = (at: number, isEnd: boolean, endsBefore: number) => {
      const told = at - (began - timestamp);
      let moved = began;
      if (phone.timestamp.startsWith("moves,") || phone.timestamp === "moves")
        moved = timestamp + at - step + endsBefore * step;
      if (phone.timestamp === "moves with the end" && isEnd) moved = began + step;
      if (phone.timestamp === "counts the end packets" && isEnd) moved = began + step * (endsBefore + 1);
      const duration = phone.timestamp === "moves, duration stands" ? step : Math.min(told, 0xffff);
      const marker = phone.marker === "all" || (phone.marker === "first" && packets.length === 0);
      packets.push({ event: Number(digit), isEnd, duration, sequence, timestamp: moved | 0, marker });
      sequence = (sequence + 1) & 0xffff;
    };
    for (let at = step; at < whole; at += step) {
      if (at - (began - timestamp) > phone.segment) began += phone.segment;
      send(at, false, 0);
    }
    for (let i = 0; i < phone.ends; i++) send(whole, true, i);
    timestamp += whole + Math.max(phone.pauseMs * 8, phone.ends * step);
    if (phone.sound) sequence = (sequence + Math.ceil(phone.pauseMs / 20)) & 0xffff;
    return packets;
  });
}

/**
 * These phones set the marker on every packet and move the timestamp too: if a packet is missing, each packet looks
 * like another press.
 */
function isHopeless(how: Partial<Phone>): boolean {
  return how.marker === "all" && how.timestamp !== "stands";
}

function hear(packets: readonly Packet[]): string {
  let digits = "";
  const receiver = new EventReceiver({
    onDigit(code) {
      digits += String.fromCharCode(code);
    },
  });
  const view = new RtpView();
  view.ssrc = 7;
  view.end = EVENT_SIZE;
  for (const p of packets) {
    Object.assign(view, { sequence: p.sequence, timestamp: p.timestamp, marker: p.marker });
    receiver.packet(Uint8Array.of(p.event, p.isEnd ? 0x8a : 0x0a, p.duration >> 8, p.duration & 255), view);
  }
  receiver.finish();
  return digits;
}

const PHONES: readonly Partial<Phone>[] = (["first", "never", "all"] as const).flatMap((marker) =>
  (["stands", "moves", "moves, duration stands", "moves with the end", "counts the end packets"] as const).flatMap(
    (timestamp) =>
      [1, 3].flatMap((ends) =>
        [20, 50].flatMap((stepMs) => [false, true].map((sound) => ({ marker, timestamp, ends, stepMs, sound }))),
      ),
  ),
);

describe("as many digits are heard as keys were pressed", () => {
  const digits = "2580115501";

  it.each(PHONES)("marker $marker, timestamp $timestamp, $ends ends, each $stepMs ms, sound between: $sound", (how) => {
    for (const pressMs of [40, 60, 100, 250, 1000])
      for (const pauseMs of [50, 60, 100, 400]) {
        const all = dial(digits, { ...PHONE, ...how, pressMs: Math.max(pressMs, how.stepMs ?? 20), pauseMs }).flat();
        expect([pressMs, pauseMs, hear(all)]).toEqual([pressMs, pauseMs, digits]);
      }
  });

  it("when packets come twice and in another order", () => {
    for (const how of PHONES) {
      if (isHopeless(how)) continue;
      const random = new SeededRandom(5);
      for (let round = 0; round < 20; round++) {
        const all = dial(digits, { ...PHONE, ...how, pauseMs: 80 + random.below(400) }).flat();
        for (let i = 0; i + 1 < all.length; i++) {
          const isSamePress = all[i].event === all[i + 1].event;
          if (isSamePress && random.chance(0.2)) [all[i], all[i + 1]] = [all[i + 1], all[i]];
          else if (random.chance(0.1)) all.splice(i++, 0, all[i]);
        }
        expect([how, round, hear(all)]).toEqual([how, round, digits]);
      }
    }
  });

  it("when of a press the begin is lost, or the end, or any two packets in a row", () => {
    for (const how of PHONES) {
      if (how.ends === 1 || isHopeless(how)) continue;
      const random = new SeededRandom(8);
      for (let round = 0; round < 50; round++) {
        const presses = dial(digits, { ...PHONE, ...how, pressMs: 200, pauseMs: 80 + random.below(400) });
        for (const press of presses) {
          const lost = 1 + random.below(2);
          press.splice(random.below(press.length - lost + 1), lost);
        }
        expect([how, round, hear(presses.flat())]).toEqual([how, round, digits]);
      }
    }
  });

  it("when all ends of a press are lost", () => {
    for (const how of PHONES) {
      if (isHopeless(how) || how.ends === 1) continue;
      const presses = dial(digits, { ...PHONE, ...how, pressMs: 200, pauseMs: 100 });
      for (let i = 0; i < presses.length; i += 2) presses[i] = presses[i].filter((packet) => !packet.isEnd);
      expect([how, hear(presses.flat())]).toEqual([how, digits]);
    }
  });

  it("of a key held for long, in segments, where two of the packets about each segment's end are lost", () => {
    for (const marker of ["first", "never"] as const)
      for (const segment of [0xffff, 64_000, 8_000])
        for (const stepMs of [20, 50]) {
          const random = new SeededRandom(11);
          for (let round = 0; round < 20; round++) {
            const [press] = dial("9", { ...PHONE, marker, segment, stepMs, pressMs: 20_000 });
            const kept = press.filter((_packet, i) => {
              const isEdge = [-2, -1, 0, 1].some(
                (by) => press[i + by + 1] && press[i + by]?.timestamp !== press[i + by + 1].timestamp,
              );
              return !isEdge || random.chance(0.6);
            });
            if (kept.length > 2 && longestHole(kept) <= 2)
              expect([marker, segment, stepMs, round, hear(kept)]).toEqual([marker, segment, stepMs, round, "9"]);
          }
        }
  });
});

function longestHole(packets: readonly Packet[]): number {
  let longest = 0;
  for (let i = 1; i < packets.length; i++)
    longest = Math.max(longest, ((packets[i].sequence - packets[i - 1].sequence) & 0xffff) - 1);
  return longest;
}
