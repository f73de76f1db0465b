import { beforeEach, describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { SOUND_NOT_OWED } from "../../src/media/agreement.js";
import { encodeUlaw, PCMA, PCMU } from "../../src/media/g711.js";
import {
  RTCP_OK,
  RtcpView,
  writeBye,
  writeReceiverReport,
  writeReportBlock,
  writeSenderReport,
} from "../../src/media/rtcp.js";
import { SOUND_BOTH, SOUND_IN, SOUND_NONE, SOUND_OUT } from "../../src/media/stream.js";
import { agreement, amplitudeOf, Endpoint, EVENT, RTP_PORT, STRANGER, THEM, Tone } from "./harness.js";

const SOUND = new Uint8Array(160).fill(0x90);
/** A receiver report that reports on no source. */
const report = new Uint8Array(8);
writeReceiverReport(report, 0, 0, 0x5eed);
let end: Endpoint;
/** The next sequence number, for tests that number their packets themselves. */
let tick = 0;

beforeEach(() => {
  end = new Endpoint();
  tick = 0;
});

/** Sends `count` packets of sound, one every 20 ms. */
function talk(count: number, from = 0, options: Parameters<Endpoint["receive"]>[3] = {}): void {
  for (let i = from; i < from + count; i++) {
    end.receive(i & 0xffff, i * 160, SOUND, options);
    end.run(20);
  }
}

describe("Sending", () => {
  it("sends silence every 20 ms when nobody says anything", () => {
    end.begin();
    end.run(999);
    expect(end.sent).toHaveLength(50);
    for (const [i, { atMs, ip, port, bytes, view }] of end.sent.entries()) {
      expect([atMs, ip, port, bytes.length]).toEqual([i * 20, THEM, RTP_PORT, 172]);
      expect(view).toMatchObject({ payloadType: PCMU, marker: i === 0 });
      expect(view.sequence).toBe((end.sent[0].view.sequence + i) & 0xffff);
      expect((view.timestamp - end.sent[0].view.timestamp) | 0).toBe(i * 160);
      expect(bytes.subarray(12).every((octet) => octet === 0xff)).toBe(true);
    }
  });

  it("sends a packet without sound, of a type that was not agreed, every 15 to 23 s while it is held", () => {
    end.begin();
    end.run(1000);
    end.stream.configure(agreement({ sends: false }), 0);
    const before = end.sent.length;
    end.run(120_000);
    const kept = end.sent.slice(before);
    expect(kept.length).toBeGreaterThanOrEqual(5);
    expect(kept.length).toBeLessThanOrEqual(8);
    for (const [i, { bytes, view, port, atMs }] of kept.entries()) {
      const last = end.sent[before + i - 1];
      expect([view.payloadType, bytes.length, port]).toEqual([127, 12, RTP_PORT]);
      expect(view.sequence).toBe((last.view.sequence + 1) & 0xffff);
      expect(((view.timestamp - last.view.timestamp) | 0) / 8).toBeGreaterThan(atMs - last.atMs - 40);
      expect(atMs - last.atMs).toBeGreaterThanOrEqual(15_000);
      expect(atMs - last.atMs).toBeLessThanOrEqual(23_000);
    }
    end.stream.configure(agreement({ sends: false, payloadType: 127, pcmuType: 127 }), 0);
    end.run(30_000);
    expect(end.sent.at(-1)?.view.payloadType).toBe(126);
    end.stream.configure(agreement(), 0);
    end.run(1000);
    expect(end.sent.at(-1)?.view.payloadType).toBe(0);
    end.stream.stop();
    const all = end.sent.length;
    end.run(60_000);
    expect(end.sent).toHaveLength(all);
  });

  it.each([10, 20, 30, 40, 60])("sends packets of %i ms when the other end wants them", (ptimeMs) => {
    end.begin({ ptimeMs, payloadType: PCMA });
    end.run(1199);
    expect(end.sent).toHaveLength(1200 / ptimeMs);
    expect(end.sent[3].bytes).toHaveLength(12 + ptimeMs * 8);
    expect(end.sent[3].bytes[12]).toBe(0xd5);
  });

  it("keeps a packet time within 10 to 60 ms, whatever was agreed", () => {
    for (const [ptimeMs, length] of [
      [0, 80],
      [4294967295, 480],
    ]) {
      end = new Endpoint();
      end.begin({ ptimeMs });
      end.run(100);
      expect(end.sent[1].bytes).toHaveLength(12 + length);
    }
  });

  it("sends what the microphone gives, in pieces of any length", () => {
    end.beginAlone();
    const tone = new Tone(1000, 8000);
    const phone = new Endpoint();
    phone.begin();
    end.onSent = (packet) => phone.stream.onRtp(THEM, RTP_PORT, packet.bytes, packet.bytes.length);
    const heard: number[] = [];
    for (let ms = 0; ms < 3000; ms += 10) {
      // The microphone hands over 64 ms at once, as an I2S driver does.
      const due = Math.floor((ms + 10) / 64) - Math.floor(ms / 64);
      if (due > 0) end.stream.microphone(tone.next(512), 0, 512);
      end.run(10);
      phone.run(10);
      heard.push(...phone.play(80));
    }
    const pcm = Int16Array.from(heard);
    for (let at = 8000; at + 800 <= pcm.length; at += 800)
      expect(amplitudeOf(1000, pcm, at, 800)).toBeGreaterThan(7800);
  });

  it("sends a packet at the moment in which the microphone has filled it", () => {
    end.beginAlone({ ptimeMs: 30 });
    for (const [count, packets] of [
      [239, 0],
      [1, 1],
      [480, 3],
      [100, 3],
      [300, 4],
    ]) {
      end.stream.microphone(new Int16Array(count).fill(-5000), 0, count);
      expect(end.sent).toHaveLength(packets);
    }
    expect(end.sent.map(({ view }) => (view.timestamp - end.sent[0].view.timestamp) | 0)).toEqual([0, 240, 480, 720]);
    const [loud] = end.sent[0].bytes.subarray(12);
    expect(loud).toBeLessThan(0x80);
    expect(end.sent.every(({ bytes }) => bytes.subarray(12).every((octet) => octet === loud))).toBe(true);
  });

  it("sends silence while it is muted, and still sends", () => {
    end.beginAlone();
    end.stream.mute(true);
    for (let i = 0; i < 10; i++) {
      end.stream.microphone(new Int16Array(160).fill(9000), 0, 160);
      end.run(20);
    }
    expect(end.sent.length).toBeGreaterThanOrEqual(10);
    expect(end.sent.every(({ bytes }) => bytes.subarray(12).every((octet) => octet === 0xff))).toBe(true);
  });

  it("sends at once what the microphone kept meanwhile, and what it could not keep has its time in the timestamps", () => {
    end.beginAlone();
    const frame = new Int16Array(160);
    end.stream.microphone(frame, 0, 160);
    end.timers.poll(500);
    end.stream.skip(3360);
    for (let i = 0; i < 4; i++) end.stream.microphone(frame, 0, 160);
    end.timers.poll(520);
    end.stream.microphone(frame, 0, 160);
    const first = end.sent[0].view.timestamp;
    expect(end.sent.map(({ view }) => (view.timestamp - first) | 0)).toEqual([0, 3520, 3680, 3840, 4000, 4160]);
    expect(end.sent.map(({ view }) => view.marker)).toEqual([true, true, false, false, false, false]);
    expect(end.sent.map(({ view }) => (view.sequence - end.sent[0].view.sequence) & 0xffff)).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
  });

  it("breaks a packet off when its codec or its length changes, and its time goes by", () => {
    end.beginAlone({ ptimeMs: 60 });
    const loud = new Int16Array(480).fill(-5000);
    end.stream.microphone(loud, 0, 480);
    end.stream.microphone(loud, 0, 300);
    end.stream.configure(agreement({ ptimeMs: 60, payloadType: PCMA }), 0);
    end.stream.microphone(loud, 0, 480);
    end.stream.microphone(loud, 0, 100);
    end.stream.configure(agreement({ ptimeMs: 20, payloadType: PCMA }), 0);
    end.stream.microphone(loud, 0, 160);
    const first = end.sent[0].view.timestamp;
    expect(end.sent.map(({ view, bytes }) => [(view.timestamp - first) | 0, bytes.length])).toEqual([
      [0, 492],
      [780, 492],
      [1360, 172],
    ]);
    for (const { bytes } of end.sent) expect(new Set(bytes.subarray(12)).size).toBe(1);
  });

  it("sends nothing while it is held, and goes on with the same source, numbers and clock", () => {
    end.begin();
    end.run(190);
    end.stream.configure(agreement({ sends: false }), 0);
    end.run(5000);
    expect(end.sent).toHaveLength(10);
    end.stream.configure(agreement({ payloadType: PCMA, remotePort: 50000 }), 0);
    end.run(100);
    const [before, after] = [end.sent[9], end.sent[10]];
    expect(after).toMatchObject({ port: 50000, atMs: 5200 });
    expect(after.view).toMatchObject({ marker: true, payloadType: PCMA, ssrc: before.view.ssrc });
    expect(after.view.sequence).toBe((before.view.sequence + 1) & 0xffff);
    expect((after.view.timestamp - before.view.timestamp) | 0).toBe((5200 - 180) * 8);
  });

  it("sends nowhere when there is no address", () => {
    end.begin({ remoteIp: 0, rtcpIp: 0 });
    end.run(20_000);
    end.stream.stop();
    expect(end.sent).toHaveLength(0);
    expect(end.reports).toHaveLength(0);
  });

  it("stops wholly, and begins anew with another source", () => {
    end.begin();
    end.run(100);
    end.stream.stop();
    const before = end.sent.length;
    expect(end.timers.next()).toBe(Infinity);
    end.run(1000);
    talk(3);
    expect(end.sent).toHaveLength(before);
    expect(end.stream.receivedPackets()).toBe(0);
    end.begin();
    end.run(10);
    expect(end.sent[before].view.ssrc).not.toBe(end.sent[0].view.ssrc);
    expect(end.stream.sentPackets()).toBe(1);
  });
});

describe("Digits", () => {
  it("are sent with one timestamp each, in the numbers of the stream, and without sound meanwhile", () => {
    end.begin();
    end.run(50);
    expect(end.stream.sendDigits(octets("42"), 0, 2)).toBe(true);
    end.run(1000);
    const events = end.sent.filter(({ view }) => view.payloadType === EVENT);
    expect(events.map(({ bytes }) => bytes[12]).join("")).toBe("4444444444" + "2222222222");
    expect(events.filter(({ view }) => view.marker)).toHaveLength(2);
    expect(new Set(events.map(({ view }) => view.timestamp)).size).toBe(2);
    expect(events[9].bytes.subarray(13)).toEqual(Uint8Array.of(0x8a, 5, 0));
    for (let i = 1; i < end.sent.length; i++) {
      expect(end.sent[i].view.sequence).toBe((end.sent[i - 1].view.sequence + 1) & 0xffff);
      expect(end.sent[i].atMs - end.sent[i - 1].atMs).toBe(20);
    }
    const sound = end.sent.filter(({ view }) => view.payloadType === PCMU);
    for (const { atMs, view } of sound) expect((view.timestamp - end.sent[0].view.timestamp) | 0).toBe(atMs * 8);
    expect(end.stream.digitsPending()).toBe(0);
  });

  it("are not sent when they were not agreed, when we are held, or when one is none", () => {
    end.begin({ eventSendType: -1 });
    expect(end.stream.sendDigit(0x31)).toBe(false);
    end.stream.configure(agreement({ sends: false }), 0);
    expect(end.stream.sendDigit(0x31)).toBe(false);
    end.stream.configure(agreement(), 0);
    expect(end.stream.sendDigit(0x65)).toBe(false);
    expect(end.stream.sendDigit(0x31)).toBe(true);
  });

  it("are heard with and without marker, once each, amid the sound", () => {
    end.begin();
    talk(5);
    let sequence = 5;
    for (const [event, timestamp, marker] of [
      [3, 1000, true],
      [11, 4000, false],
    ] as const) {
      for (let i = 1; i <= 6; i++) {
        const ended = i > 3 ? 0x80 : 0;
        const duration = Math.min(i, 4) * 160;
        const payload = Uint8Array.of(event, ended | 10, duration >> 8, duration & 255);
        end.receive(sequence++, timestamp, payload, { type: EVENT, marker: marker && i === 1 });
        end.run(20);
      }
    }
    expect(end.digits).toBe("3#");
    expect(end.durationsMs).toEqual([80, 80]);
    expect(end.stream.lostPackets()).toBe(0);
  });

  it("are heard when their end is lost, after a time without another packet of theirs", () => {
    end.begin();
    end.receive(1, 1000, Uint8Array.of(8, 10, 1, 64), { type: EVENT });
    end.run(290);
    expect(end.digits).toBe("");
    end.run(20);
    expect(end.digits).toBe("8");
    end.receive(2, 1000, Uint8Array.of(8, 0x8a, 1, 64), { type: EVENT });
    expect(end.digits).toBe("8");
  });

  it("are heard from a source of their own, and do not disturb the sound", () => {
    end.begin();
    talk(5);
    for (let i = 0; i < 3; i++) end.receive(900 + i, 77777, Uint8Array.of(1, 0x8a, 3, 32), { type: EVENT, ssrc: 99 });
    talk(5, 5);
    expect(end.digits).toBe("1");
    expect(end.stream.lostPackets()).toBe(0);
    expect(end.stream.latePackets()).toBe(0);
  });

  it("are heard by either number: the one we named and the one that the other end named", () => {
    end.begin({ eventReceiveType: 101, eventSendType: 122 });
    for (const [i, type] of [122, 101, 122].entries())
      end.receive(tick++, 8000 * (i + 1), Uint8Array.of(i, 0x8a, 3, 32), { type, marker: true });
    expect(end.digits).toBe("012");
    // A payload type that stands for sound is still taken for sound.
    end.begin({ eventSendType: PCMU });
    talk(3);
    expect([end.digits, end.stream.receivedPackets(), end.stream.malformedPackets()]).toEqual(["012", 3, 0]);
  });

  it("of strangers are not heard", () => {
    end.begin();
    talk(2);
    end.receive(2, 1000, Uint8Array.of(1, 0x8a, 3, 32), { type: EVENT, ip: STRANGER });
    end.receive(2, 1000, Uint8Array.of(1, 0x8a, 3, 32), { type: EVENT, port: 9 });
    expect(end.digits).toBe("");
    expect(end.stream.foreignPackets()).toBe(2);
  });

  it.each([
    ["another port of its address", { port: 61000 }, 1000],
    ["another address, once that is followed", { ip: STRANGER, port: 7000 }, 3100],
  ])("of %s count after a second in which the negotiated one is silent", (_words, options, fromMs) => {
    end.begin();
    // A press of 1 each 20 ms shows from when on.
    const firstMs = () => {
      for (let atMs = 0; atMs < 5000; atMs += 20) {
        talk(1, tick++, options);
        const press = { ...options, type: EVENT, marker: true };
        end.receive(tick++, tick * 160, Uint8Array.of(1, 0x8a, 3, 32), press);
        if (end.digits !== "") return atMs + 20;
      }
      return -1;
    };
    expect(firstMs()).toBe(fromMs);
    // The negotiated address takes that back at once.
    talk(1, tick++);
    end.digits = "";
    end.receive(tick++, tick * 160, Uint8Array.of(1, 0x8a, 3, 32), { ...options, type: EVENT, marker: true });
    expect(end.digits).toBe("");
  });

  it("as tones in the sound count from a latched address after a second too", () => {
    for (const silentMs of [0, 900]) {
      end = new Endpoint();
      end.begin({ eventSendType: -1, eventReceiveType: -1 });
      const tones = [new Tone(697, 8000), new Tone(1209, 8000)];
      const pcm = new Int16Array(160);
      for (let i = 0; i < 20 + silentMs / 20; i++) {
        const [low, high] = tones.map((tone) => tone.next(160));
        const isTone = i * 20 >= silentMs && i * 20 < silentMs + 200;
        const law = new Uint8Array(160);
        encodeUlaw(
          low.map((sample, j) => (isTone ? sample + high[j] : 0)),
          0,
          160,
          law,
          0,
        );
        end.receive(i, i * 160, law, { port: 61000 });
        end.run(20);
        end.stream.speaker(pcm, 0, 160);
      }
      expect([silentMs, end.digits]).toEqual([silentMs, silentMs === 0 ? "" : "1"]);
    }
  });
});

describe("Whose sound is taken", () => {
  it("is that of the negotiated address", () => {
    end.begin();
    talk(3, 0, { ip: STRANGER });
    expect(end.stream.foreignPackets()).toBe(3);
    expect(end.stream.receivedPackets()).toBe(0);
    talk(3);
    expect(end.stream.receivedPackets()).toBe(3);
  });

  it("may be another port of the same address, once, and is answered there", () => {
    end.begin();
    talk(3, 0, { port: 61000 });
    expect(end.sent.at(-1)?.port).toBe(61000);
    talk(3, 3, { port: 62000 });
    expect(end.stream.foreignPackets()).toBe(3);
    expect(end.sent.at(-1)?.port).toBe(61000);
  });

  it("goes back to the negotiated address when that speaks after all, and stays there", () => {
    end.begin();
    talk(1, 0, { port: 61000 });
    talk(1, 1);
    talk(1, 2, { port: 61000 });
    expect(end.stream.foreignPackets()).toBe(1);
    expect(end.sent.at(-1)?.port).toBe(RTP_PORT);
  });

  it("is not latched by what is no sound of the agreed kind", () => {
    end.begin();
    end.receive(0, 0, SOUND, { port: 61000, type: 96 });
    end.stream.onRtp(THEM, 61001, Uint8Array.of(0x80, 0, 0, 1), 4);
    expect([end.stream.unexpectedPackets(), end.stream.malformedPackets()]).toEqual([1, 1]);
    talk(1, 0, { port: 61002 });
    expect(end.stream.receivedPackets()).toBe(1);
  });

  const AWAY = { ip: STRANGER, port: 7000 };

  it("comes from another address when none comes from the negotiated one for 2 s, and goes to there", () => {
    end.begin();
    talk(150, 0, AWAY);
    expect(end.moves).toEqual([[STRANGER, 7000]]);
    expect(end.stream.receivedPackets()).toBeGreaterThanOrEqual(40);
    expect(end.sent.at(-1)).toMatchObject(AWAY);
    // The negotiated address is preferred to a latched one.
    talk(20, 150);
    expect(end.sent.at(-1)).toMatchObject({ ip: THEM, port: RTP_PORT });
    const foreign = end.stream.foreignPackets();
    talk(20, 170, AWAY);
    expect(end.stream.foreignPackets()).toBe(foreign + 20);
  });

  it("comes from another port of the same address when that changes in the middle of a call", () => {
    end.begin();
    talk(100);
    talk(200, 100, { port: 61000 });
    expect(end.moves).toEqual([[THEM, 61000]]);
    // A latched address is given up later, after 5 s.
    const before = end.stream.receivedPackets();
    talk(240, 300, { port: 62000 });
    expect(end.stream.receivedPackets()).toBe(before);
    talk(60, 540, { port: 62000 });
    expect(end.moves).toHaveLength(2);
    expect(end.sent.at(-1)?.port).toBe(62000);
  });

  it.each([
    ["beside a live stream", () => talk(1, tick++)],
    [
      "while reports come from the negotiated address",
      () => end.stream.onRtcp(THEM, RTP_PORT + 1, report, report.length),
    ],
    ["beside another stranger", () => end.receive(tick++, tick * 160, SOUND, { ip: STRANGER + 1, ssrc: 3 })],
  ])("is never a stranger's %s", (_words, also) => {
    end.begin({}, 0);
    for (let i = 0; i < 10_000; i++) {
      end.receive(i & 0xffff, i * 160, SOUND, { ...AWAY, ssrc: 9 });
      if (i % 5 === 0) also();
      end.run(4);
    }
    expect(end.moves).toEqual([]);
    expect(end.stream.foreignPackets()).toBeGreaterThanOrEqual(10_000);
  });

  it.each([
    ["strict", () => Object.assign(end.stream, { isStrict: true }), 1, SOUND, 0],
    ["when we are held", () => end.stream.configure(agreement({ sends: false }), 0), 1, SOUND, 0],
    ["when we hold", () => end.stream.configure(agreement({ receives: false }), 0), 1, SOUND, 0],
    ["out of order", () => {}, 7, SOUND, 0],
    ["of another kind", () => {}, 1, SOUND, 96],
  ])("is no other address's: %s", (_words, change, step, payload, type) => {
    end.begin();
    talk(1);
    change();
    end.run(3000);
    for (let i = 0; i < 500; i++) {
      end.receive((i * step) & 0xffff, i * 160, payload, { ...AWAY, type });
      end.run(20);
    }
    expect([end.moves, end.stream.receivedPackets()]).toEqual([[], 1]);
    expect(end.sent.every(({ ip }) => ip === THEM)).toBe(true);
  });

  it("is no other address's for a burst of packets at once", () => {
    end.begin();
    end.run(3000);
    for (let i = 0; i < 100; i++) end.receive(i, i * 160, SOUND, AWAY);
    expect(end.moves).toEqual([]);
  });

  it("strict, not even from another port of the negotiated address", () => {
    end.stream.isStrict = true;
    end.begin();
    talk(200, 0, { port: 61000 });
    expect([end.stream.receivedPackets(), end.stream.foreignPackets()]).toEqual([0, 200]);
  });

  it("may be latched anew when another address was negotiated, not when the same was", () => {
    end.begin();
    talk(2, 0, { port: 61000 });
    end.stream.configure(agreement(), 0);
    talk(2, 2, { port: 62000 });
    expect(end.stream.foreignPackets()).toBe(2);
    end.stream.configure(agreement({ remotePort: 41000 }), 0);
    talk(2, 4, { port: 62000 });
    expect(end.stream.foreignPackets()).toBe(2);
    expect(end.sent.at(-1)?.port).toBe(62000);
  });

  it("follows a change of source after two packets, and not after one", () => {
    end.begin();
    talk(10);
    end.receive(7000, 123456, SOUND, { ssrc: 1 });
    expect(end.stream.receivedPackets()).toBe(10);
    talk(5, 10);
    for (let i = 0; i < 5; i++) end.receive(7000 + i, 123456 + i * 160, SOUND, { ssrc: 2 });
    expect(end.stream.receivedPackets()).toBe(19);
    const heard = end.play(1600);
    expect(heard.subarray(480, 800).every((sample) => sample !== 0)).toBe(true);
  });
});

describe("Receiving", () => {
  it("takes the agreed laws only, and counts the rest", () => {
    end.begin({ pcmaType: -1 });
    talk(2, 0, { type: PCMA });
    talk(2, 2, { type: 13 });
    talk(2, 4);
    expect(end.stream.unexpectedPackets()).toBe(4);
    expect(end.stream.receivedPackets()).toBe(2);
  });

  it("does not take a packet of another kind for a lost one", () => {
    end.begin();
    talk(3);
    talk(1, 3, { type: 13 });
    talk(3, 4);
    expect(end.stream.lostPackets()).toBe(0);
  });

  it("is silent while we are not to receive, and begins afresh afterwards", () => {
    end.begin();
    talk(5);
    end.stream.configure(agreement({ receives: false }), 0);
    talk(5, 5);
    expect(end.play(160).every((sample) => sample === 0)).toBe(true);
    end.stream.configure(agreement(), 0);
    talk(5, 1000);
    expect(
      end
        .play(800)
        .subarray(480)
        .every((sample) => sample !== 0),
    ).toBe(true);
  });

  it("tells when no RTP came for the agreed time, once, and not before", () => {
    end.begin({}, 5000);
    end.run(3000);
    talk(50);
    end.run(4900);
    expect(end.timeouts).toBe(0);
    end.run(200);
    end.run(60_000);
    expect(end.timeouts).toBe(1);
  });

  it("does not count a hold as silence, but does count over a refresh of the same agreement", () => {
    end.begin({ receives: false }, 5000);
    end.run(60_000);
    expect(end.timeouts).toBe(0);
    end.stream.configure(agreement(), 5000);
    end.run(4000);
    end.stream.configure(agreement(), 5000);
    end.run(1100);
    expect(end.timeouts).toBe(1);
  });

  it("counts all that the other end sends as life: other types, comfort noise, reports", () => {
    for (const [name, send] of [
      ["comfort noise", () => end.receive(tick++, tick * 160, Uint8Array.of(70), { type: 13 })],
      ["another type", () => end.receive(tick++, tick * 160, SOUND, { type: 96 })],
      ["a report", () => end.stream.onRtcp(THEM, RTP_PORT + 1, report, report.length)],
    ] as const) {
      end = new Endpoint();
      end.begin({}, 30_000);
      talk(50);
      for (let i = 0; i < 20; i++) {
        end.run(6000);
        send();
      }
      expect([name, end.timeouts]).toEqual([name, 0]);
      end.run(30_000);
      expect([name, end.timeouts]).toEqual([name, 1]);
    }
  });

  it("owes nothing while it holds us, and is asked for it again afterwards", () => {
    end.begin({}, 5000);
    talk(50);
    end.stream.configure(agreement({ sends: false }), 5000);
    end.run(600_000);
    expect([end.timeouts, end.quiet]).toEqual([0, []]);
    end.stream.configure(agreement(), 5000);
    end.run(4900);
    expect(end.timeouts).toBe(0);
    end.run(200);
    expect(end.timeouts).toBe(1);
  });

  it("tells after 5 s that who was heard is quiet, once, and when it is heard again", () => {
    end.begin({}, 30_000);
    end.run(10_000);
    expect(end.quiet).toEqual([]);
    talk(50);
    end.run(10_000);
    talk(50, 50);
    const lastMs = end.timers.nowMs - 20;
    end.run(32_000);
    expect(end.quiet.map(([atMs, isQuiet]) => [Math.round(atMs / 1000), isQuiet])).toEqual([
      [16, true],
      [21, false],
      [27, true],
    ]);
    expect(end.timeouts).toBe(1);
    expect(end.timers.nowMs - lastMs).toBeGreaterThan(30_000);
  });

  it("says nothing of the silence before the answer, nor of that of comfort noise", () => {
    end.begin({}, SOUND_NOT_OWED);
    talk(50);
    end.run(60_000);
    expect([end.quiet, end.timeouts]).toEqual([[], 0]);
    end.stream.configure(agreement(), 30_000);
    for (let i = 0; i < 20; i++) {
      end.receive(1000 + i, 9_000_000 + i * 160, Uint8Array.of(70), { type: 13 });
      end.run(4000);
    }
    expect([end.quiet, end.timeouts]).toEqual([[], 0]);
  });

  it("takes strangers' sound for silence", () => {
    end.begin({}, 1000);
    talk(100, 0, { ip: STRANGER });
    expect(end.timeouts).toBe(1);
  });
});

describe("Reports", () => {
  const out = new Uint8Array(200);

  it("go every 2.5 to 7.5 s, the first sooner, and say what was sent, heard and lost", () => {
    end.begin();
    for (let i = 0; i < 1000; i++)
      if (i % 4 !== 3) talk(1, i);
      else end.run(20);
    end.run(20_000);
    const times = end.reports.map(({ atMs }) => atMs);
    expect(times[0]).toBeGreaterThanOrEqual(1250);
    expect(times[0]).toBeLessThan(3750);
    for (let i = 1; i < times.length; i++) {
      expect(times[i] - times[i - 1]).toBeGreaterThanOrEqual(2500);
      expect(times[i] - times[i - 1]).toBeLessThan(7500);
    }
    const view = new RtcpView();
    const { bytes, ip, port } = end.reports[1];
    expect([ip, port]).toEqual([THEM, RTP_PORT + 1]);
    expect(view.read(bytes, bytes.length, 0x5eed)).toBe(RTCP_OK);
    expect(view).toMatchObject({ isSenderReport: true, reported: true, ssrc: end.sent[0].view.ssrc, fractionLost: 64 });
    expect(view.cnameEnd - view.cnameStart).toBe(16);
    const packets = end.sent.filter(({ atMs }) => atMs <= times[1]).length;
    expect(bytes[22] * 256 + bytes[23]).toBe(packets);
    const late = (view.timestamp - end.sent[0].view.timestamp) | 0;
    // The microphone heard the first sample of the packet sent at 0 ms one packet time earlier.
    expect(late).toBe((times[1] + 20) * 8);
  });

  it("are receiver's reports while nothing is sent, and have no block when nothing is heard", () => {
    end.begin({ sends: false });
    end.run(10_000);
    expect(end.reports.length).toBeGreaterThan(0);
    for (const { bytes } of end.reports) expect([bytes[0], bytes[1]]).toEqual([0x80, 201]);
  });

  it("end with BYE", () => {
    end.begin();
    end.run(100);
    end.stream.stop();
    const view = new RtcpView();
    expect(end.reports).toHaveLength(1);
    expect(view.read(end.reports[0].bytes, end.reports[0].bytes.length, 0)).toBe(RTCP_OK);
    expect(view.bye).toBe(true);
  });

  it("give the round trip, and the delay since their last one back", () => {
    end.begin();
    talk(250);
    const { bytes, atMs } = end.reports[0];
    const ours = new RtcpView();
    ours.read(bytes, bytes.length, 0);
    const waitedMs = end.timers.nowMs - atMs - 80;
    let at = writeSenderReport(out, 0, 1, 0x5eed, 70_000, 0, 1, 160);
    at = writeReportBlock(out, at, ours.ssrc, 0, 0, 1, 0, ours.ntpMiddle, Math.round(waitedMs * 65.536));
    end.stream.onRtcp(THEM, RTP_PORT + 1, out, at);
    expect(end.stream.roundTripMs()).toBe(80);
    const before = end.reports.length;
    const cameMs = end.timers.nowMs;
    talk(400, 250);
    const next = end.reports[before];
    const view = new RtcpView();
    view.read(next.bytes, next.bytes.length, 0x5eed);
    expect(view.lastReport).toBe(70_000 * 65.536);
    expect(Math.round(view.delay / 65.536)).toBe(next.atMs - cameMs);
  });

  it("of strangers are not read, nor those that are malformed", () => {
    end.begin();
    talk(10);
    const at = writeBye(out, writeReceiverReport(out, 0, 0, 5), 5);
    end.stream.onRtcp(STRANGER, RTP_PORT + 1, out, at);
    expect(end.stream.foreignPackets()).toBe(1);
    end.stream.onRtcp(THEM, RTP_PORT + 1, out, 7);
    expect(end.stream.malformedPackets()).toBe(1);
  });

  it("go where the other end's come from, when that is another port of its address", () => {
    end.begin();
    end.stream.onRtcp(THEM, 55555, out, writeReceiverReport(out, 0, 0, 5));
    end.run(5000);
    expect(end.reports[0].port).toBe(55555);
  });
});

describe("Statistics", () => {
  it("say which ways the sound goes", () => {
    expect(end.stream.hasRun()).toBe(false);
    end.begin({ sends: false });
    expect(end.stream.verdict()).toBe(SOUND_NONE);
    talk(2);
    expect(end.stream.verdict()).toBe(SOUND_IN);
    end.stream.configure(agreement(), 0);
    end.run(20);
    expect(end.stream.verdict()).toBe(SOUND_BOTH);
    const quiet = new Endpoint();
    quiet.begin();
    quiet.run(20);
    expect(quiet.stream.verdict()).toBe(SOUND_OUT);
    expect(quiet.stream.hasRun()).toBe(true);
    quiet.stream.stop();
    quiet.stream.forget();
    expect(quiet.stream.hasRun()).toBe(false);
  });

  it("believe the other end when it reports and never hears us", () => {
    const out = new Uint8Array(64);
    end.begin();
    talk(5);
    for (let i = 0; i < 3; i++) {
      expect(end.stream.verdict()).toBe(SOUND_BOTH);
      end.stream.onRtcp(THEM, RTP_PORT + 1, out, writeReceiverReport(out, 0, 0, 0x5eed));
    }
    expect(end.stream.verdict()).toBe(SOUND_IN);
    const at = writeReceiverReport(out, 0, 1, 0x5eed);
    end.stream.onRtcp(THEM, RTP_PORT + 1, out, writeReportBlock(out, at, end.sent[0].view.ssrc, 0, 0, 9, 0, 0, 0));
    expect(end.stream.verdict()).toBe(SOUND_BOTH);
  });

  it("do not take a report for it that cannot say yet what it heard, or is a farewell", () => {
    const out = new Uint8Array(64);
    end.begin();
    talk(5);
    // The phone begins anew at each hold: it sends a first report, and a last one with BYE.
    for (let ssrc = 1; ssrc < 6; ssrc++) {
      end.stream.onRtcp(THEM, RTP_PORT + 1, out, writeReceiverReport(out, 0, 0, ssrc));
      end.stream.onRtcp(THEM, RTP_PORT + 1, out, writeBye(out, writeReceiverReport(out, 0, 0, ssrc), ssrc));
    }
    expect(end.stream.verdict()).toBe(SOUND_BOTH);
    for (let i = 0; i < 3; i++) end.stream.onRtcp(THEM, RTP_PORT + 1, out, writeReceiverReport(out, 0, 0, 7));
    expect(end.stream.verdict()).toBe(SOUND_IN);
  });

  it("count packets, octets, losses and duplicates", () => {
    end.begin();
    talk(10);
    end.run(40);
    talk(10, 12);
    end.receive(20, 20 * 160, SOUND);
    expect(end.stream.receivedPackets()).toBe(21);
    expect(end.stream.receivedOctetCount()).toBe(21 * 160);
    expect(end.stream.lostPackets()).toBe(2);
    expect(end.stream.duplicatePackets()).toBe(1);
    expect(end.stream.sentOctetCount()).toBe(end.sent.length * 160);
    expect(end.stream.jitterMs()).toBe(0);
  });
});
