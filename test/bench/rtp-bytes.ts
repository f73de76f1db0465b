/**
 * The octets that a call's sound leaves on the heap: 100,000 RTP packets received and played, and as many sent, at an
 * address above 128.0.0.0 and with the clock past 2^31 ms, where V8 would put a careless number on the heap. Run: node
 * --expose-gc --import tsx test/bench/rtp-bytes.ts
 */

import { Timers } from "../../src/core/timers.js";
import { PCMU } from "../../src/media/g711.js";
import { RTP_HEADER, writeRtpHeader } from "../../src/media/rtp.js";
import { type MediaSink, MediaStream, type MediaUser, STREAM_TIMERS } from "../../src/media/stream.js";

const FRAME = 160;
const BATCH = 5000;
const BATCHES = 20;

class Sink implements MediaSink {
  packets = 0;
  reports = 0;

  rtp(_ip: number, _port: number, _bytes: Uint8Array, _start: number, _end: number): void {
    this.packets += 1;
  }

  rtcp(_ip: number, _port: number, _bytes: Uint8Array, _start: number, _end: number): void {
    this.reports += 1;
  }
}

const user: MediaUser = { onDigit() {}, onInbandDigit() {}, onMediaTimeout() {}, onMediaQuiet() {}, onMediaMoved() {} };

/** A call that runs in steps of one packet each way. */
export class SoundLoop {
  readonly sink = new Sink();
  readonly stream: MediaStream;
  private readonly timers = new Timers(STREAM_TIMERS);
  private readonly packet = new Uint8Array(RTP_HEADER + FRAME);
  private readonly pcm = new Int16Array(FRAME);
  private readonly ip: number;
  private sequence = 65000;
  private timestamp = -1000;

  /** @param ip the other end's @param nowMs start of the clock @param rtcpPort 0 for no reports */
  constructor(ip: number, nowMs: number, rtcpPort: number) {
    let seed = 1;
    const random = {
      uint32(): number {
        seed = (Math.imul(seed, 1103515245) + 12345) | 0;
        return seed >>> 0;
      },
    };
    this.ip = ip;
    this.timers.nowMs = nowMs;
    this.stream = new MediaStream({ timers: this.timers, random }, this.sink, user);
    this.stream.start();
    const agreed = {
      remoteIp: ip,
      remotePort: 4000,
      rtcpIp: ip,
      rtcpPort,
      payloadType: PCMU,
      codec: 0,
      pcmuType: 0,
    };
    const rest = {
      pcmaType: 8,
      eventSendType: 101,
      eventReceiveType: 101,
      ptimeMs: 20,
      sends: true,
      receives: true,
      protection: null,
    };
    writeRtpHeader(this.packet, 0, false, PCMU, 0, 0, 0x7eadbeef);
    this.stream.configure({ ...agreed, ...rest }, 60_000);
    for (let i = 0; i < FRAME; i++) this.pcm[i] = Math.round(8000 * Math.sin((i * Math.PI) / 4));
  }

  run(packets: number): void {
    for (let i = 0; i < packets; i++) {
      // Only the fields that change in a header are written, because making packets is not measured.
      const packet = this.packet;
      packet[2] = this.sequence >> 8;
      packet[3] = this.sequence;
      packet[4] = this.timestamp >> 24;
      packet[5] = this.timestamp >> 16;
      packet[6] = this.timestamp >> 8;
      packet[7] = this.timestamp;
      this.sequence = (this.sequence + 1) & 0xffff;
      this.timestamp = (this.timestamp + FRAME) | 0;
      this.stream.onRtp(this.ip, 4000, this.packet, this.packet.length);
      this.stream.microphone(this.pcm, 0, FRAME);
      this.stream.speaker(this.pcm, 0, FRAME);
      this.timers.nowMs += 20;
      this.timers.poll(0);
    }
  }
}

export interface Measured {
  /** Octets for one packet received and one sent. */
  packet: number;
  /** Octets for one RTCP report, about every 5 s: V8 boxes the numbers of code that it has not compiled. */
  report: number;
  packets: number;
}

/**
 * Runs two calls, one without reports, which leaves the octets of the packets alone. The median of the batches counts.
 */
export function rtpBytes(collect: () => void, ip: number, nowMs: number): Measured {
  const packet = batches(collect, new SoundLoop(ip, nowMs, 0));
  const reporting = new SoundLoop(ip, nowMs, 4001);
  const both = batches(collect, reporting);
  const total = (BATCHES + 4) * BATCH;
  const report = ((both - packet) * total) / reporting.sink.reports;
  return { packet, report, packets: BATCHES * BATCH };
}

function batches(collect: () => void, loop: SoundLoop): number {
  loop.run(4 * BATCH);
  const empty = grown(collect, loop, 0);
  const more: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) more.push((grown(collect, loop, BATCH) - empty) / BATCH);
  if (loop.sink.packets < 23 * BATCH || loop.stream.latePackets() > 0)
    throw new Error("the call did not run as it should");
  return more.sort((a, b) => a - b)[BATCHES >> 1];
}

/** @returns the growth of the heap, the octets of the measuring included */
function grown(collect: () => void, loop: SoundLoop, packets: number): number {
  collect();
  const before = process.memoryUsage().heapUsed;
  loop.run(packets);
  return process.memoryUsage().heapUsed - before;
}

const main = process.argv[1] ?? "";
if (main.endsWith("rtp-bytes.ts")) {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error("run node with --expose-gc");
  for (const [name, ip, nowMs] of [
    ["small numbers", 0x0a000002, 0],
    ["large numbers", 0xc0a80002, 2 ** 31 - 500_000],
  ] as const) {
    const { packet, report, packets } = rtpBytes(collect, ip, nowMs);
    console.log(
      `${name}: ${packet.toFixed(2)} octets a packet (${packets} received, as many sent), ${report.toFixed(0)} a report`,
    );
  }
}
