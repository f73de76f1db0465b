import { beforeEach, describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { EVENT_SIZE, EventReceiver, EventSender, eventOf } from "../../src/media/dtmf.js";
import { RtpView } from "../../src/media/rtp.js";

let digits = "";
let durations: number[] = [];
let receiver: EventReceiver;
let sequence = 0;

beforeEach(() => {
  digits = "";
  durations = [];
  receiver = new EventReceiver({
    onDigit(code, durationMs) {
      digits += String.fromCharCode(code);
      durations.push(durationMs);
    },
  });
});

/** A packet of an event, with the next sequence number, or another one. */
function hear(event: number, timestamp: number, duration: number, end = false, how: Partial<RtpView> = {}): boolean {
  sequence = (sequence + 1) & 0xffff;
  const view = new RtpView();
  view.end = EVENT_SIZE;
  view.ssrc = 1;
  view.sequence = sequence;
  view.timestamp = timestamp;
  Object.assign(view, how);
  return receiver.packet(Uint8Array.of(event, end ? 0x8a : 0x0a, duration >> 8, duration & 255), view);
}

/** A whole event as phones send it: updates every 20 ms, the end three times. */
function press(event: number, timestamp: number, duration = 800): void {
  for (let d = 160; d < duration; d += 160) hear(event, timestamp, d);
  for (let i = 0; i < 3; i++) hear(event, timestamp, duration, true);
}

describe("Receiving telephone-events", () => {
  it("knows the events 0 to 15 and their digits", () => {
    for (let event = 0; event < 16; event++) press(event, event * 2000);
    expect(digits).toBe("0123456789*#ABCD");
    expect(durations.every((duration) => duration === 100)).toBe(true);
    expect("0123456789*#ABCDabcd".split("").map((digit) => eventOf(digit.charCodeAt(0)))).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 12, 13, 14, 15],
    ]);
    expect(eventOf(0x45)).toBe(-1);
  });

  it("makes one digit of three end packets, and of an end packet alone", () => {
    press(5, 1000);
    hear(6, 5000, 800, true);
    expect(digits).toBe("56");
  });

  it("tells the same digit twice when it is pressed twice", () => {
    press(7, 1000);
    press(7, 3000);
    expect(digits).toBe("77");
  });

  it("tells a digit whose end was lost, with the next one or when it is told that it is over", () => {
    hear(1, 1000, 160);
    hear(1, 1000, 320);
    press(2, 4000);
    hear(3, 8000, 480);
    receiver.finish();
    receiver.finish();
    expect(digits).toBe("123");
    expect(durations).toEqual([40, 100, 60]);
  });

  it("is not misled by packets of an event that come after its end, or after the next began", () => {
    hear(1, 1000, 160, false, { sequence: 1 });
    hear(1, 1000, 640, true, { sequence: 4 });
    hear(1, 1000, 320, false, { sequence: 2 });
    hear(2, 4000, 160, false, { sequence: 7 });
    hear(1, 1000, 640, true, { sequence: 5 });
    hear(1, 1000, 480, false, { sequence: 3 });
    hear(2, 4000, 320, true, { sequence: 8 });
    hear(1, 1000, 640, true, { sequence: 9 });
    expect(digits).toBe("12");
  });

  it("takes events of another source for others", () => {
    press(1, 1000);
    hear(1, 1000, 800, true, { ssrc: 2 });
    expect(digits).toBe("11");
  });

  it("makes one digit of one very long event, in segments with timestamps of their own", () => {
    for (let d = 8000; d < 0xffff; d += 8000) hear(9, 0, d);
    hear(9, 0, 0xffff);
    for (let d = 8000; d <= 16000; d += 8000) hear(9, 0xffff, d);
    hear(9, 0xffff, 24000, true);
    expect(digits).toBe("9");
    expect(durations[0]).toBe(Math.floor((0xffff + 24000) / 8));
  });

  it("makes one digit of an event whose duration stands still at its limit", () => {
    for (let i = 0; i < 500; i++) hear(9, 0, 0xffff);
    hear(9, 0, 0xffff, true);
    expect(digits).toBe("9");
  });

  it("goes over the end of the timestamps", () => {
    press(1, -900);
    press(2, 100);
    press(3, 0x7fffff00);
    press(4, -0x7fffff00);
    expect(digits).toBe("1234");
  });

  it("passes over other events and refuses what is shorter than an event", () => {
    press(16, 1000);
    press(255, 3000);
    expect(digits).toBe("");
    expect(hear(1, 9000, 160, true, { end: EVENT_SIZE - 1 })).toBe(false);
  });
});

describe("Sending telephone-events", () => {
  const out = new Uint8Array(EVENT_SIZE);

  function send(sender: EventSender, times: number): string[] {
    return Array.from({ length: times }, () => {
      if (sender.step(160, out, 0) === 0) return "sound";
      return `${out[0]}${sender.first ? " first" : ""}${out[1] & 0x80 ? " end" : ""} ${(out[2] << 8) | out[3]}`;
    });
  }

  it("sends updates, three ends of the same duration, and sound between the digits", () => {
    const sender = new EventSender(8);
    expect(sender.queue(octets("1#"), 0, 2, 60)).toBe(true);
    expect(send(sender, 17)).toEqual([
      ...["1 first 160", "1 320", "1 end 480", "1 end 480", "1 end 480"],
      ...["sound", "sound", "sound", "sound", "sound"],
      ...["11 first 160", "11 320", "11 end 480", "11 end 480", "11 end 480"],
      ...["sound", "sound"],
    ]);
    expect(sender.pending()).toBe(0);
  });

  it("takes all of the digits or none", () => {
    const sender = new EventSender(3);
    expect(sender.queue(octets("12x"), 0, 3, 100)).toBe(false);
    expect(sender.queue(octets("1234"), 0, 4, 100)).toBe(false);
    expect(sender.queue(octets(""), 0, 0, 100)).toBe(false);
    expect(sender.pending()).toBe(0);
    expect(sender.queue(octets("123"), 0, 3, 100)).toBe(true);
    expect(sender.queue(octets("4"), 0, 1, 100)).toBe(false);
  });

  it("keeps the duration within 16 bits and never under 40 ms", () => {
    for (const [asked, ticks] of [
      [1, 320],
      [100_000, 64000],
    ]) {
      const sender = new EventSender(1);
      sender.queue(octets("5"), 0, 1, asked);
      let last = 0;
      while (sender.step(160, out, 0) > 0) last = (out[2] << 8) | out[3];
      expect(last).toBe(ticks);
    }
  });

  it("is understood by the receiver, also when two of three packets are lost", () => {
    const sender = new EventSender(32);
    sender.queue(octets("0123456789*#ABCD"), 0, 16, 160);
    let timestamp = 0;
    let event = 0;
    for (let i = 0; sender.pending() > 0; i++, timestamp += 160) {
      if (sender.step(160, out, 0) === 0) continue;
      if (sender.first) event = timestamp;
      const isEnd = (out[1] & 0x80) !== 0;
      if (i % 3 === 0) hear(out[0], event, (out[2] << 8) | out[3], isEnd, { sequence: i, marker: sender.first });
    }
    receiver.finish();
    expect(digits).toBe("0123456789*#ABCD");
  });
});
