/**
 * The common part of the tests of the media stream: seeded randomness, agreements, a stream with its surroundings, and
 * ears for a tone.
 */
import { ipv4 } from "../../src/core/address.js";
import { Timers } from "../../src/core/timers.js";
import { PCMA, PCMU } from "../../src/media/g711.js";
import { RTP_HEADER, RTP_OK, RtpView, writeRtpHeader } from "../../src/media/rtp.js";
import { type MediaAgreement, MediaStream, STREAM_TIMERS, type StreamLimits } from "../../src/media/stream.js";
import { SeededRandom } from "../random.js";

export const THEM = ipv4("192.168.1.20");
export const STRANGER = ipv4("203.0.113.9");
export const RTP_PORT = 40000;
export const EVENT = 101;

export function agreement(change: Partial<MediaAgreement> = {}): MediaAgreement {
  return {
    remoteIp: THEM,
    remotePort: RTP_PORT,
    rtcpIp: THEM,
    rtcpPort: RTP_PORT + 1,
    payloadType: PCMU,
    codec: change.payloadType === PCMA ? PCMA : PCMU,
    pcmuType: PCMU,
    pcmaType: PCMA,
    eventSendType: EVENT,
    eventReceiveType: EVENT,
    ptimeMs: 20,
    sends: true,
    receives: true,
    protection: null,
    ...change,
  };
}

export interface SentPacket {
  atMs: number;
  ip: number;
  port: number;
  bytes: Uint8Array;
  view: RtpView;
}

const FRAME_MS = 20;
const SILENCE = new Int16Array(FRAME_MS * 8);

/** One stream with its sink and its user. From `begin` on it has a port whose microphone hears nothing. */
export class Endpoint {
  /** The time of the port's next frame; Infinity if a test moves the sound itself. */
  frameMs = Infinity;
  readonly timers: Timers;
  readonly stream: MediaStream;
  readonly sent: SentPacket[] = [];
  readonly reports: { atMs: number; ip: number; port: number; bytes: Uint8Array }[] = [];
  digits = "";
  durationsMs: number[] = [];
  timeouts = 0;
  /** The times when the user was told that no sound comes, or that it comes again. */
  readonly quiet: [atMs: number, isQuiet: boolean][] = [];
  readonly moves: [ip: number, port: number][] = [];
  /** Called for each RTP packet, which also goes into `sent`. */
  onSent: (packet: SentPacket) => void = () => {};
  private readonly datagram = new Uint8Array(1500);

  constructor(seed = 1, limits?: StreamLimits, timers = new Timers(STREAM_TIMERS)) {
    this.timers = timers;
    this.stream = new MediaStream({ timers, random: new SeededRandom(seed) }, this, this, limits);
  }

  rtp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    const copy = bytes.slice(start, end);
    const view = new RtpView();
    if (view.read(copy, copy.length) !== RTP_OK) throw new Error("sent what is no RTP");
    const packet = { atMs: this.timers.nowMs, ip, port, bytes: copy, view };
    this.sent.push(packet);
    this.onSent(packet);
  }

  rtcp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.reports.push({ atMs: this.timers.nowMs, ip, port, bytes: bytes.slice(start, end) });
  }

  onDigit(code: number, durationMs: number): void {
    this.digits += String.fromCharCode(code);
    this.durationsMs.push(durationMs);
  }

  onInbandDigit(code: number, durationMs: number): void {
    this.digits += String.fromCharCode(code);
    this.durationsMs.push(durationMs);
  }

  onMediaTimeout(): void {
    this.timeouts += 1;
  }

  begin(change: Partial<MediaAgreement> = {}, silenceTimeMs = 0): void {
    this.stream.start();
    this.stream.configure(agreement(change), silenceTimeMs);
    this.frameMs = this.timers.nowMs;
  }

  /** Begins as `begin` does, but without the port. */
  beginAlone(change: Partial<MediaAgreement> = {}): void {
    this.begin(change);
    this.frameMs = Infinity;
  }

  onMediaQuiet(isQuiet: boolean): void {
    this.quiet.push([this.timers.nowMs, isQuiet]);
  }

  onMediaMoved(ip: number, port: number): void {
    this.moves.push([ip, port]);
  }

  /** Runs virtual time, stopping at every deadline and at every frame of the port. */
  run(durationMs: number): void {
    const endMs = this.timers.nowMs + durationMs;
    for (;;) {
      const nextMs = Math.min(this.timers.next(), this.frameMs);
      if (nextMs > endMs) break;
      this.timers.poll(Math.max(this.timers.nowMs, nextMs));
      if (this.frameMs > this.timers.nowMs) continue;
      this.frameMs += FRAME_MS;
      this.stream.microphone(SILENCE, 0, SILENCE.length);
    }
    this.timers.poll(endMs);
  }

  /** Delivers a packet to the stream. */
  receive(
    sequence: number,
    timestamp: number,
    payload: Uint8Array,
    options: { type?: number; ssrc?: number; marker?: boolean; ip?: number; port?: number } = {},
  ): void {
    writeRtpHeader(
      this.datagram,
      0,
      options.marker ?? false,
      options.type ?? PCMU,
      sequence,
      timestamp,
      options.ssrc ?? 0x5eed,
    );
    this.datagram.set(payload, RTP_HEADER);
    const length = RTP_HEADER + payload.length;
    this.stream.onRtp(options.ip ?? THEM, options.port ?? RTP_PORT, this.datagram, length);
  }

  play(count: number): Int16Array {
    const out = new Int16Array(count);
    this.stream.speaker(out, 0, count);
    return out;
  }
}

/** A tone of `hz` at 8,000 samples a second. */
export class Tone {
  private phase = 0;
  private readonly step: number;
  private readonly amplitude: number;

  constructor(hz: number, amplitude: number, samplesPerSecond = 8000) {
    this.step = (2 * Math.PI * hz) / samplesPerSecond;
    this.amplitude = amplitude;
  }

  next(count: number): Int16Array {
    const out = new Int16Array(count);
    for (let i = 0; i < count; i++) {
      out[i] = Math.round(this.amplitude * Math.sin(this.phase));
      this.phase += this.step;
    }
    return out;
  }
}

/** Runs a Goertzel filter over one stretch. @returns the amplitude of `hz` in it */
export function amplitudeOf(hz: number, pcm: Int16Array, start: number, count: number): number {
  let re = 0;
  let im = 0;
  for (let i = 0; i < count; i++) {
    const angle = (2 * Math.PI * hz * i) / 8000;
    re += pcm[start + i] * Math.cos(angle);
    im += pcm[start + i] * Math.sin(angle);
  }
  return (2 * Math.hypot(re, im)) / count;
}

/** @returns the share of the 10 ms stretches with the tone, and the longest time in a row without it */
export function listen(
  hz: number,
  amplitude: number,
  pcm: Int16Array,
): { share: number; gapMs: number; level: number } {
  const stretch = 80;
  let heard = 0;
  let stretches = 0;
  let gap = 0;
  let longest = 0;
  let level = 0;
  for (let at = 0; at + stretch <= pcm.length; at += stretch) {
    const found = amplitudeOf(hz, pcm, at, stretch);
    stretches += 1;
    if (found > amplitude * 0.4) {
      heard += 1;
      level += found;
      gap = 0;
    } else gap += 1;
    longest = Math.max(longest, gap);
  }
  return { share: heard / stretches, gapMs: longest * 10, level: heard === 0 ? 0 : level / heard };
}
