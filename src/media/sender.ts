/**
 * The sending half of a stream: a packet each packet time while it may send, with the microphone's sound, silence when there is none,
 * or an event of the digits that wait. Source, sequence number and timestamp go on through a hold and over a change of codec or address.
 * Not here: RTCP (reporter.ts), the microphone's buffer (microphone.ts).
 */
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { MediaAgreement, MediaSink, StreamLimits } from "./agreement.js";
import { EventSender } from "./dtmf.js";
import { PCMU, SAMPLES_PER_MS, silenceOf } from "./g711.js";
import { LONGEST_PACKET } from "./jitter.js";
import { Microphone } from "./microphone.js";
import type { Remote } from "./remote.js";
import { RTP_HEADER, writeRtpHeader } from "./rtp.js";

/** Sending that is later than this leaves packets out instead of sending them all at once. */
const LATEST_MS = 100;

export class Sender implements TimerUser {
  /** Silence goes out instead of the microphone's sound. */
  muted = false;
  /** Of payload, modulo 2^32 as reports have them: a signed integer. */
  octets = 0;
  packets = 0;
  /** 32 bits, as a signed integer. */
  ssrc = 0;
  private readonly timers: Timers;
  private readonly random: RandomSource;
  private readonly sink: MediaSink;
  private readonly remote: Remote;
  private readonly mic: Microphone;
  private readonly events: EventSender;
  private readonly timer: number;
  private sends = false;
  private payloadType = PCMU;
  private codec = PCMU;
  private eventType = -1;
  private ptimeMs = 20;
  /** When the next packet goes (low 32 bits of the clock in ms, signed), and the timestamp that belongs to that time. */
  private dueMs = 0;
  private timestamp = 0;
  private sequence = 0;
  private marker = false;
  private eventTimestamp = 0;

  constructor(timers: Timers, random: RandomSource, sink: MediaSink, remote: Remote, limits: StreamLimits) {
    this.timers = timers;
    this.random = random;
    this.sink = sink;
    this.remote = remote;
    this.mic = new Microphone(RTP_HEADER + LONGEST_PACKET, limits.microphoneSamples);
    this.events = new EventSender(limits.digits);
    this.timer = timers.make(this, 0);
  }

  /** A new call. Source, sequence number and timestamp are random. RFC 3550 §5.1 */
  start(): void {
    this.ssrc = this.random.uint32() | 0;
    this.sequence = this.random.uint32() & 0xffff;
    this.timestamp = this.random.uint32() | 0;
    this.dueMs = this.timers.nowMs | 0;
    this.muted = false;
    this.packets = 0;
    this.octets = 0;
    this.stop();
  }

  stop(): void {
    this.sends = false;
    this.timers.stop(this.timer);
    this.events.reset();
    this.mic.clear();
  }

  configure(agreed: MediaAgreement): void {
    if (agreed.codec !== this.codec) this.mic.clear();
    this.payloadType = agreed.payloadType;
    this.codec = agreed.codec;
    this.ptimeMs = Math.max(10, Math.min(agreed.ptimeMs, LONGEST_PACKET / SAMPLES_PER_MS));
    this.eventType = agreed.eventSendType;
    if (!agreed.sends) this.stop();
    else if (!this.sends) this.resume();
    if (this.eventType < 0) this.events.reset();
  }

  push(pcm: Int16Array, start: number, count: number): void {
    if (this.sends) this.mic.push(this.codec, pcm, start, count);
  }

  /** @returns false when events were not agreed, when we are not to send, when one is no digit, or when too many wait */
  queueDigits(bytes: Uint8Array, start: number, end: number, durationMs: number): boolean {
    if (!this.sends || this.eventType < 0) return false;
    return this.events.queue(bytes, start, end, durationMs);
  }

  digitsPending(): number {
    return this.events.pending();
  }

  /** @returns the timestamp that belongs to now, 32 bits signed */
  timestampNow(): number {
    const sinceMs = ((this.timers.nowMs | 0) - this.dueMs) | 0;
    return (this.timestamp + sinceMs * SAMPLES_PER_MS) | 0;
  }

  /** One packet time: sound, silence or an event. */
  onTimer(): void {
    const nowMs = this.timers.nowMs | 0;
    const ticks = this.ptimeMs * SAMPLES_PER_MS;
    const lateMs = (nowMs - this.dueMs) | 0;
    if (lateMs > LATEST_MS) {
      const skipped = Math.floor(lateMs / this.ptimeMs);
      this.dueMs = (this.dueMs + skipped * this.ptimeMs) | 0;
      this.timestamp = (this.timestamp + skipped * ticks) | 0;
      this.marker = true;
    }
    const timestamp = this.timestamp;
    this.timestamp = (timestamp + ticks) | 0;
    this.dueMs = (this.dueMs + this.ptimeMs) | 0;
    this.timers.start(this.timer, Math.max(0, (this.dueMs - nowMs) | 0));
    const bytes = this.mic.bytes;
    const silence = silenceOf(this.codec);
    // The microphone runs on under an event, so that what comes after it is not old.
    const start = this.mic.take(ticks, silence);
    const event = this.eventType < 0 ? 0 : this.events.step(ticks, bytes, RTP_HEADER);
    if (event > 0) {
      if (this.events.first) this.eventTimestamp = timestamp;
      this.send(this.events.first, this.eventType, this.eventTimestamp, RTP_HEADER, event);
      return;
    }
    if (this.muted) bytes.fill(silence, start, start + ticks);
    const marker = this.marker;
    this.marker = false;
    this.send(marker, this.payloadType, timestamp, start, ticks);
  }

  /** Sending begins, at first or after a hold. The timestamp has run on meanwhile. */
  private resume(): void {
    this.timestamp = this.timestampNow();
    this.dueMs = this.timers.nowMs | 0;
    this.sends = true;
    this.marker = true;
    this.timers.start(this.timer, 0);
  }

  /** The payload `bytes[start, start + count)`, behind a header. */
  private send(marker: boolean, type: number, timestamp: number, start: number, count: number): void {
    if (!this.remote.known()) return;
    const bytes = this.mic.bytes;
    const packet = start - RTP_HEADER;
    writeRtpHeader(bytes, packet, marker, type, this.sequence, timestamp, this.ssrc);
    this.sequence = (this.sequence + 1) & 0xffff;
    this.packets += 1;
    this.octets = (this.octets + count) | 0;
    this.sink.rtp(this.remote.ip, this.remote.port, bytes, packet, start + count);
  }
}
