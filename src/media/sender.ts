/**
 * The sending half of a stream: the microphone's samples are encoded into one packet, which goes out as soon as it is
 * full, or in its place an event of the digits that wait. So the microphone drives it, and the microphone's clock is
 * that of the timestamps. Source, sequence number and timestamp go on through a hold and over a change of codec or
 * address. Not here: RTCP (reporter.ts).
 */
import type { RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import type { MediaAgreement, MediaSink, StreamLimits } from "./agreement.js";
import { EventSender } from "./dtmf.js";
import { encode, PCMU, SAMPLES_PER_MS, silenceOf } from "./g711.js";
import { LONGEST_PACKET } from "./jitter.js";
import { SEALED_MORE } from "./packetcipher.js";
import type { Remote } from "./remote.js";
import { RTP_HEADER, turnRtpHeader, writeRtpHeader } from "./rtp.js";
import type { Srtp } from "./srtp.js";

/**
 * While nothing is sent, a router between us and the other end forgets our port: it is reminded so often. RFC 6263 §4.6
 */
const KEEP_ALIVE_MS = 15_000;
/** Payload types of which one at least is not agreed. */
const UNUSED_TYPE = 127;
const UNUSED_TYPE_TOO = 126;

export class Sender {
  /** Silence goes out instead of the microphone's sound. */
  muted = false;
  /** Octets of payload that were sent, modulo 2^32 as reports have them: a signed integer. */
  octets = 0;
  packets = 0;
  /** 32 bits, as a signed integer. */
  ssrc = 0;
  /** What seals our packets; null: there is no encryption on this stream. */
  srtp: Srtp | null = null;
  private readonly timers: Timers;
  private readonly random: RandomSource;
  private readonly sink: MediaSink;
  private readonly remote: Remote;
  private readonly events: EventSender;
  private readonly packet = new Uint8Array(RTP_HEADER + LONGEST_PACKET + SEALED_MORE);
  private sends = false;
  private payloadType = PCMU;
  private codec = PCMU;
  private eventType = -1;
  /** Samples of a packet, and the number that the packet being filled has. */
  private length = 20 * SAMPLES_PER_MS;
  private filled = 0;
  /** The timestamp of the packet that is being filled. */
  private timestamp = 0;
  /** The time when the last samples came: the low 32 bits of the clock in ms, signed. */
  private atMs = 0;
  /** The time of the last packet, likewise. */
  private sentMs = 0;
  /** Nothing came from the microphone since sending began. */
  private isFirst = false;
  private sequence = 0;
  private marker = false;
  private eventTimestamp = 0;

  constructor(
    context: { timers: Timers; random: RandomSource },
    sink: MediaSink,
    remote: Remote,
    limits: StreamLimits,
  ) {
    this.timers = context.timers;
    this.random = context.random;
    this.sink = sink;
    this.remote = remote;
    this.events = new EventSender(limits.digits);
  }

  /** Starts a new call. Source, sequence number and timestamp are random. RFC 3550 §5.1 */
  start(): void {
    this.ssrc = this.random.uint32() | 0;
    writeRtpHeader(this.packet, 0, false, PCMU, 0, 0, this.ssrc);
    // The first packets may be lost, and their numbers must not have turned before. RFC 3711 §3.3.1
    this.sequence = this.random.uint32() & 0x7fff;
    this.timestamp = this.random.uint32() | 0;
    this.filled = 0;
    this.atMs = this.sentMs = this.timers.nowMs | 0;
    this.muted = false;
    this.packets = 0;
    this.octets = 0;
    this.stop();
  }

  stop(): void {
    this.sends = false;
    this.events.reset();
  }

  configure(agreed: MediaAgreement): void {
    const ms = Math.max(10, Math.min(agreed.ptimeMs, LONGEST_PACKET / SAMPLES_PER_MS));
    if (agreed.codec !== this.codec || ms * SAMPLES_PER_MS !== this.length) this.breakOff();
    this.length = ms * SAMPLES_PER_MS;
    this.payloadType = agreed.payloadType;
    this.codec = agreed.codec;
    this.eventType = agreed.eventSendType;
    if (!agreed.sends) this.stop();
    else if (!this.sends) this.resume();
    if (this.eventType < 0) this.events.reset();
  }

  /** Takes any number of samples of the microphone; each packet that they fill is sent. */
  push(pcm: Int16Array, start: number, count: number): void {
    if (!this.sends) return;
    if (this.isFirst) this.begin(count);
    this.atMs = this.timers.nowMs | 0;
    let from = start;
    const end = start + count;
    while (from < end) {
      const room = this.length - this.filled;
      const run = end - from < room ? end - from : room;
      const to = RTP_HEADER + this.filled;
      if (this.muted) this.packet.fill(silenceOf(this.codec), to, to + run);
      else encode(this.codec, pcm, from, run, this.packet, to);
      from += run;
      this.filled += run;
      if (run === room) this.flush();
    }
  }

  /** So many samples of the microphone are lost; the timestamps count their time all the same. */
  skip(count: number): void {
    if (!this.sends) return;
    this.breakOff();
    this.timestamp = (this.timestamp + count) | 0;
    this.marker = true;
  }

  /** @returns false if events were not agreed, if sending was not agreed, if one is no digit, or if too many wait */
  queueDigits(bytes: Uint8Array, start: number, end: number, durationMs: number): boolean {
    if (!this.sends || this.eventType < 0) return false;
    return this.events.queue(bytes, start, end, durationMs);
  }

  digitsPending(): number {
    return this.events.pending();
  }

  /**
   * Sends a packet without sound if none went for a while: its payload type is not agreed, so that nobody plays it. RFC
   * 6263 §4.6, RFC 3550 §5.1. To be called every few seconds
   */
  keepAlive(): void {
    const { nowMs } = this.timers;
    if (this.sends || (((nowMs | 0) - this.sentMs) | 0) < KEEP_ALIVE_MS) return;
    const isUsed = this.payloadType === UNUSED_TYPE || this.eventType === UNUSED_TYPE;
    this.send(false, isUsed ? UNUSED_TYPE_TOO : UNUSED_TYPE, this.timestampNow(), 0);
  }

  /** @returns the timestamp of now, 32 bits signed */
  timestampNow(): number {
    const sinceMs = ((this.timers.nowMs | 0) - this.atMs) | 0;
    return (this.timestamp + this.filled + sinceMs * SAMPLES_PER_MS) | 0;
  }

  /** Begins to send, at first or after a hold. */
  private resume(): void {
    this.breakOff();
    this.sends = true;
    this.isFirst = true;
    this.marker = true;
  }

  /** The first samples since sending began end now. The timestamp has run on meanwhile. */
  private begin(count: number): void {
    const before = (this.timestampNow() - count - this.timestamp) | 0;
    if (before > 0) this.timestamp = (this.timestamp + before) | 0;
    this.isFirst = false;
  }

  /** The packet that is being filled is not sent; its time passes. */
  private breakOff(): void {
    this.timestamp = (this.timestamp + this.filled) | 0;
    this.filled = 0;
  }

  /** Sends the packet, which is full. An event takes the place of its sound. */
  private flush(): void {
    const { length, packet, timestamp } = this;
    this.filled = 0;
    this.timestamp = (timestamp + length) | 0;
    const event = this.eventType < 0 ? 0 : this.events.step(length, packet, RTP_HEADER);
    if (event > 0) {
      if (this.events.first) this.eventTimestamp = timestamp;
      this.send(this.events.first, this.eventType, this.eventTimestamp, event);
      return;
    }
    const marker = this.marker;
    this.marker = false;
    this.send(marker, this.payloadType, timestamp, length);
  }

  /** Sends the first `count` octets of the payload behind a header. */
  private send(marker: boolean, type: number, timestamp: number, count: number): void {
    if (!this.remote.known()) return;
    const packet = this.packet;
    turnRtpHeader(packet, 0, marker, type, this.sequence, timestamp);
    this.sequence = (this.sequence + 1) & 0xffff;
    this.sentMs = this.timers.nowMs | 0;
    this.packets += 1;
    this.octets = (this.octets + count) | 0;
    let end = RTP_HEADER + count;
    if (this.srtp?.isOn) end = this.srtp.sealRtp(packet, end);
    this.sink.rtp(this.remote.ip, this.remote.port, packet, 0, end);
  }
}
