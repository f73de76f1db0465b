/**
 * One call's sound: RTP and RTCP of one audio stream with one other end, sans-IO. Octets, time (Timers) and randomness
 * come in; octets to send go to a MediaSink, digits and silence to a MediaUser. Sound goes in by `microphone` and out
 * by `speaker`, 8,000 samples a second, and the caller that moves it drives the stream: a packet goes out when the
 * microphone has filled it. So silence has to be moved too. Not here: negotiation, sockets, echo cancellation,
 * mixing, SRTP itself (srtp.ts), and the loop and collision detection of RFC 3550 §8.2.
 */
import { octetArray } from "../core/arrays.js";
import type { RandomSource } from "../core/random.js";
import { type Protection, SUITE_NONE } from "../core/suites.js";
import type { Timers, TimerUser } from "../core/timers.js";
import {
  INBAND_AUTO,
  INBAND_ON,
  type MediaAgreement,
  type MediaSink,
  type MediaUser,
  SOUND_NOT_OWED,
  STREAM_LIMITS,
  type StreamLimits,
} from "./agreement.js";
import { EventReceiver } from "./dtmf.js";
import { PCMA, PCMU, SAMPLES_PER_MS } from "./g711.js";
import { InbandReceiver } from "./inband.js";
import { FRAME, JitterBuffer } from "./jitter.js";
import { PACKET_DUPLICATE, PACKET_FIRST, PACKET_OLDER, PACKET_REFUSED, Reception } from "./reception.js";
import { Remote } from "./remote.js";
import { Reporter } from "./reporter.js";
import { RTP_OK, RtpView } from "./rtp.js";
import { Sender } from "./sender.js";
import { SRTP_MALFORMED, Srtp } from "./srtp.js";

export type { MediaAgreement, MediaSink, MediaUser, StreamLimits } from "./agreement.js";

/** The results of `verdict`: in which directions there is sound. */
export const SOUND_NONE = "none";
export const SOUND_IN = "in";
export const SOUND_OUT = "out";
export const SOUND_BOTH = "both";

const TIMER_REPORT = 0;
const TIMER_SILENCE = 1;
const TIMER_EVENT = 2;
export const STREAM_TIMERS = 3;

/** An event is over if nothing of it comes for so long. */
const EVENT_END_MS = 300;
const DIGIT_MS = 160;
/** The user is told after so long without sound from an other end that was heard before. */
const QUIET_MS = 5000;
/** The sender of a report is taken to be there for so long: reports come every 7.5 s at the latest (RFC 3550 §6.2). */
const REPORT_LIFE_MS = 8000;
/** Payload type of comfort noise. RFC 3389 */
const COMFORT_NOISE = 13;

export class MediaStream implements TimerUser {
  /** One of INBAND_…; the next agreement takes it. */
  inband = INBAND_AUTO;
  private received = 0;
  private receivedOctets = 0;
  private foreign = 0;
  private malformed = 0;
  private unexpected = 0;
  private readonly timers: Timers;
  private readonly sink: MediaSink;
  private readonly user: MediaUser;
  private readonly view = new RtpView();
  private readonly remote = new Remote();
  private readonly reception = new Reception();
  private readonly jitter: JitterBuffer;
  private readonly sender: Sender;
  /** Null until encryption is wanted: it takes 2 KB. */
  private srtp: Srtp | null = null;
  private readonly eventsIn: EventReceiver;
  /** Null until digits are listened for in the sound: most phones send them as events. */
  private inbandIn: InbandReceiver | null = null;
  private readonly reporter: Reporter;
  private readonly reportTimer: number;
  private readonly silenceTimer: number;
  private readonly eventTimer: number;
  private readonly digit = octetArray(1);
  private ran = false;
  private running = false;
  private receives = false;
  /** Whether digits are listened for in the sound. */
  private listens = false;
  private pcmuType = -1;
  private pcmaType = -1;
  private eventReceiveType = -1;
  private eventSendType = -1;
  private silenceTimeMs = 0;
  /** Whether sound is to go both ways. */
  private isTalk = false;
  /** Whether the user was told that no sound comes. */
  private isQuiet = false;
  /** Whether a report came from the negotiated address. */
  private hasReports = false;
  /**
   * The times when anything of the other end came last, when sound did, and when a report from the negotiated address
   * did: the low 32 bits of the clock in ms, signed, so that differences are right.
   */
  private lifeMs = 0;
  private soundMs = 0;
  private reportMs = 0;
  /**
   * The time when sound was played last, likewise; and whether it was a frame, so that the next one is played a frame's
   * time later.
   */
  private playedMs = 0;
  private playsFrames = false;

  constructor(
    context: { timers: Timers; random: RandomSource },
    sink: MediaSink,
    user: MediaUser,
    limits: StreamLimits = STREAM_LIMITS,
  ) {
    const { timers, random } = context;
    this.timers = timers;
    this.sink = sink;
    this.user = user;
    this.jitter = new JitterBuffer(limits.jitter);
    this.sender = new Sender(context, sink, this.remote, limits);
    this.eventsIn = new EventReceiver(user);
    this.reporter = new Reporter(random, this.reception);
    this.reportTimer = timers.make(this, TIMER_REPORT);
    this.silenceTimer = timers.make(this, TIMER_SILENCE);
    this.eventTimer = timers.make(this, TIMER_EVENT);
  }

  /** Sets whether sound is taken from the negotiated address only. */
  set isStrict(on: boolean) {
    this.remote.isStrict = on;
    this.reporter.remote.isStrict = on;
  }

  /**
   * Starts a new call and forgets everything of the one before. Source, sequence number and timestamp are random. RFC
   * 3550 §5.1
   */
  start(): void {
    // The same line goes on for the same visitor: another phone has the call, or another of the phones that ring is
    // heard.
    const isNext = this.ran;
    this.running = true;
    this.ran = true;
    this.receives = false;
    this.isTalk = false;
    this.isQuiet = false;
    this.hasReports = false;
    this.playsFrames = false;
    this.received = 0;
    this.receivedOctets = 0;
    this.foreign = 0;
    this.malformed = 0;
    this.unexpected = 0;
    this.remote.reset(isNext);
    this.reception.reset();
    this.jitter.reset();
    this.eventsIn.reset();
    this.inbandIn?.reset();
    this.srtp?.reset();
    this.sender.start();
    this.reporter.start(this.timers.nowMs, this.sender.ssrc, isNext);
  }

  /**
   * Takes the agreement, at first or anew (hold, resume, another address or codec). Source, sequence number and
   * timestamp go on.
   * @param silenceTimeMs after so long without anything from the other end the user is told, as long as both are to
   * send; 0: never, SOUND_NOT_OWED: not yet, and nothing is told of silence
   */
  configure(agreed: MediaAgreement, silenceTimeMs: number): void {
    if (!this.running) return;
    const nowMs = this.timers.nowMs | 0;
    const moved = this.remote.agree(agreed.remoteIp, agreed.remotePort, nowMs);
    this.reporter.remote.agree(agreed.rtcpIp, agreed.rtcpPort, nowMs);
    this.pcmuType = agreed.pcmuType;
    this.pcmaType = agreed.pcmaType;
    this.protect(agreed.protection);
    this.sender.configure(agreed);
    if (agreed.eventReceiveType < 0 || !agreed.receives) this.eventsIn.reset();
    this.eventReceiveType = agreed.eventReceiveType;
    this.eventSendType = agreed.eventSendType;
    const isTalk = agreed.sends && agreed.receives;
    if (moved || !this.isTalk || this.silenceTimeMs <= 0) {
      this.lifeMs = nowMs;
      this.soundMs = nowMs;
    }
    if (!this.receives) this.jitter.restart();
    this.receives = agreed.receives;
    this.isTalk = isTalk;
    // We offered events, so they may come; but an other end that lists none sends none.
    this.listens = this.inband === INBAND_ON || (this.inband === INBAND_AUTO && agreed.eventSendType < 0);
    if (this.listens) this.inbandIn ??= new InbandReceiver();
    this.silenceTimeMs = silenceTimeMs;
    // An other end that holds us, or is held, need not send anything.
    if (!isTalk || silenceTimeMs === SOUND_NOT_OWED) {
      this.timers.stop(this.silenceTimer);
      this.tellQuiet(false);
    } else this.watchSilence();
    if (!this.timers.running(this.reportTimer)) this.timers.start(this.reportTimer, this.reporter.intervalMs());
  }

  /** Sees to the memory that encryption takes, before a call needs it. */
  prepareEncryption(): void {
    this.srtp ??= new Srtp();
    this.sender.srtp = this.srtp;
  }

  /** Ends the call: says goodbye by RTCP, and stops. The statistics stay until the next start. */
  stop(): void {
    if (!this.running) return;
    this.report(true);
    this.running = false;
    this.receives = false;
    this.sender.stop();
    this.timers.stop(this.reportTimer);
    this.timers.stop(this.silenceTimer);
    this.timers.stop(this.eventTimer);
  }

  /**
   * Takes a datagram `bytes[0, length)` on our RTP port; nothing of it is kept by reference. No datagram makes it
   * throw.
   */
  onRtp(ip: number, port: number, bytes: Uint8Array, length: number): void {
    if (!this.running) return;
    const { remote, view } = this;
    const { nowMs } = this.timers;
    const isForeign = !remote.allows(ip, port);
    if (isForeign && !(remote.isQuiet(nowMs) && this.mayMove())) {
      this.foreign += 1;
      return;
    }
    const size = this.srtp?.isOn ? this.opened(this.srtp.openRtp(bytes, length)) : length;
    if (size < 0) return;
    if (view.read(bytes, size) !== RTP_OK) {
      this.malformed += 1;
      return;
    }
    const type = view.payloadType;
    // Some phones send events with the payload type that they named themselves.
    const codec = this.codecOf(type);
    const event = codec < 0 && (type === this.eventReceiveType || type === this.eventSendType);
    const isWanted = this.receives && (event || codec >= 0);
    if (isForeign) {
      if (!isWanted || !remote.follow(ip, port, view.ssrc, view.sequence, nowMs)) {
        this.foreign += 1;
        return;
      }
      this.user.onMediaMoved(ip, port);
      if (!this.running) return;
    }
    const reception = this.reception;
    if (!isWanted) {
      if (remote.isPeer(ip, port)) {
        this.lifeMs = nowMs | 0;
        // Comfort noise (RFC 3389) tells that there is no sound to send.
        if (type === COMFORT_NOISE) this.soundMs = this.lifeMs;
      }
      this.unexpected += 1;
      // A packet of the source that is heard counts as received, but is not played.
      if (reception.known && view.ssrc === reception.ssrc) reception.packet(view.ssrc, view.sequence, view.timestamp);
      return;
    }
    const hasMoved = !isForeign && (ip !== remote.ip || port !== remote.port) && remote.known();
    remote.heard(ip, port, nowMs);
    if (hasMoved) this.user.onMediaMoved(ip, port);
    // Some gateways send their events as a source of their own.
    const apart = event && reception.known && view.ssrc !== reception.ssrc;
    const order = apart ? PACKET_OLDER : reception.packet(view.ssrc, view.sequence, view.timestamp);
    if (order === PACKET_REFUSED) return;
    this.lifeMs = nowMs | 0;
    this.soundMs = this.lifeMs;
    if (this.isQuiet) this.tellQuiet(false);
    this.received += 1;
    this.receivedOctets = (this.receivedOctets + view.end - view.start) | 0;
    if (order === PACKET_DUPLICATE) return;
    if (order === PACKET_FIRST) this.jitter.restart();
    if (event) {
      if (!this.hearsDigits(nowMs)) this.unexpected += 1;
      else if (!this.eventsIn.packet(bytes, view)) this.malformed += 1;
      if (this.eventsIn.active) this.timers.start(this.eventTimer, EVENT_END_MS);
      return;
    }
    reception.timing((nowMs * SAMPLES_PER_MS) | 0, view.timestamp);
    const newest = order !== PACKET_OLDER;
    this.jitter.idle = this.playsFrames ? (((nowMs | 0) - this.playedMs) | 0) * SAMPLES_PER_MS : FRAME;
    this.jitter.put(bytes, view.start, view.end, view.timestamp, codec, newest, reception.jitter());
  }

  /** Takes a datagram `bytes[0, length)` on our RTCP port. No datagram makes it throw. */
  onRtcp(ip: number, port: number, bytes: Uint8Array, length: number): void {
    if (!this.running) return;
    const reporter = this.reporter;
    const { nowMs } = this.timers;
    // If the sound was latched at another IP address, its reports come from there too.
    const any = ip === this.remote.ip && ip !== 0;
    if (!reporter.remote.allows(ip, port, any)) {
      this.foreign += 1;
      return;
    }
    const size = this.srtp?.isOn ? this.opened(this.srtp.openRtcp(bytes, length)) : length;
    if (size < 0) return;
    if (!reporter.read(nowMs, bytes, size)) {
      this.malformed += 1;
      return;
    }
    reporter.remote.heard(ip, port, nowMs);
    this.lifeMs = nowMs | 0;
    if (reporter.remote.isAgreed(ip, port)) {
      this.hasReports = true;
      this.reportMs = nowMs | 0;
    }
  }

  /** Muted: silence is sent instead of the microphone's sound. It ends with the call. */
  mute(on: boolean): void {
    this.sender.muted = on;
  }

  /** Takes any number of samples of the microphone; each packet that they fill is sent at once. */
  microphone(pcm: Int16Array, start: number, count: number): void {
    this.sender.push(pcm, start, count);
  }

  /** So many samples were neither taken from the microphone nor played, because the codec's port was read too late. */
  skip(count: number): void {
    this.sender.skip(count);
    if (this.receives) this.jitter.skip(count);
  }

  /** Writes any number of samples to play; silence if there is nothing to hear. */
  speaker(pcm: Int16Array, start: number, count: number): void {
    this.playedMs = this.timers.nowMs | 0;
    this.playsFrames = count === FRAME;
    if (!this.receives) {
      pcm.fill(0, start, start + count);
      return;
    }
    const { jitter, inbandIn } = this;
    if (!this.listens || inbandIn === null) {
      jitter.read(pcm, start, count);
      return;
    }
    const end = start + count;
    let at = start;
    while (at < end) {
      const read = jitter.readFrame(pcm, at, end - at);
      const code = jitter.isInvented ? inbandIn.skip(read) : inbandIn.feed(pcm, at, read);
      if (code > 0 && this.hearsDigits(this.playedMs)) this.user.onInbandDigit(code, inbandIn.durationMs);
      at += read;
    }
  }

  /**
   * Sends digits (ASCII 0-9 * # A-D) as telephone-events, one after another, all of them or none.
   * @returns false if events were not agreed, if sending was not agreed, if one is no digit, or if too many wait
   */
  sendDigits(bytes: Uint8Array, start: number, end: number, durationMs = DIGIT_MS): boolean {
    return this.sender.queueDigits(bytes, start, end, durationMs);
  }

  /** Sends one digit (ASCII) as `sendDigits` does. */
  sendDigit(code: number): boolean {
    this.digit[0] = code;
    return this.sendDigits(this.digit, 0, 1);
  }

  /** @returns the number of digits that are not wholly sent yet */
  digitsPending(): number {
    return this.sender.digitsPending();
  }

  /**
   * @returns whether the stream was started since it was made or told to forget; the statistics that follow are of the
   * last call
   */
  hasRun(): boolean {
    return this.ran;
  }

  /** Forgets the last call for `hasRun`, which is false until the next start. */
  forget(): void {
    this.ran = false;
  }

  sentPackets(): number {
    return this.sender.packets;
  }

  /** @returns packets taken from the other end, duplicates too */
  receivedPackets(): number {
    return this.received;
  }

  /** @returns octets of payload; as in RTCP, modulo 2^32 */
  sentOctetCount(): number {
    return this.sender.octets >>> 0;
  }

  receivedOctetCount(): number {
    return this.receivedOctets >>> 0;
  }

  /** @returns packets that never came */
  lostPackets(): number {
    return this.reception.lost();
  }

  /** @returns packets that came too late to be played when it was their turn */
  latePackets(): number {
    return this.jitter.late;
  }

  duplicatePackets(): number {
    return this.reception.duplicates + (this.srtp?.replayed ?? 0);
  }

  /** @returns packets dropped because their tag did not fit the key that was agreed */
  forgedPackets(): number {
    return this.srtp?.forged ?? 0;
  }

  /** @returns SUITE_* by which the sound is sealed, NONE when it goes in clear */
  suite(): number {
    return this.srtp?.suite ?? SUITE_NONE;
  }

  /** @returns packets dropped because they came from strangers */
  foreignPackets(): number {
    return this.foreign;
  }

  /** @returns packets dropped because they are no RTP, no RTCP or no event */
  malformedPackets(): number {
    return this.malformed;
  }

  /** @returns packets dropped because their payload type or direction was not agreed */
  unexpectedPackets(): number {
    return this.unexpected;
  }

  /** @returns interarrival jitter. RFC 3550 A.8 */
  jitterMs(): number {
    return Math.floor(this.reception.jitter() / SAMPLES_PER_MS);
  }

  /** @returns how much sound waits in the jitter buffer */
  delayMs(): number {
    return this.jitter.delayMs();
  }

  /** @returns the last round trip that RTCP told, -1 if it told none */
  roundTripMs(): number {
    return this.reporter.roundTripMs;
  }

  /** @returns SOUND_…: whether we hear the other end, and whether it hears us unless its reports deny that */
  verdict(): string {
    const out = this.sender.packets > 0 && !this.reporter.unheard();
    if (this.received > 0) return out ? SOUND_BOTH : SOUND_IN;
    return out ? SOUND_OUT : SOUND_NONE;
  }

  onTimer(kind: number): void {
    switch (kind) {
      case TIMER_REPORT:
        this.report(false);
        this.sender.keepAlive();
        if (this.running) this.timers.start(this.reportTimer, this.reporter.intervalMs());
        return;
      case TIMER_EVENT:
        this.eventsIn.finish();
        return;
      case TIMER_SILENCE:
        this.onSilenceTimer();
        return;
    }
  }

  /** Packets are sealed from now on, or go in clear. */
  private protect(protection: Protection | null): void {
    if (protection === null) {
      this.srtp?.reset();
      return;
    }
    this.prepareEncryption();
    this.srtp?.configure(protection);
  }

  /** @param length of a packet that was opened, or SRTP_* @returns the same; a packet that is none is counted */
  private opened(length: number): number {
    if (length === SRTP_MALFORMED) this.malformed += 1;
    return length;
  }

  private onSilenceTimer(): void {
    const nowMs = this.timers.nowMs | 0;
    if (this.silenceTimeMs > 0 && ((nowMs - this.lifeMs) | 0) >= this.silenceTimeMs) {
      this.user.onMediaTimeout();
      return;
    }
    if (this.received > 0 && ((nowMs - this.soundMs) | 0) >= QUIET_MS) this.tellQuiet(true);
    if (this.running && this.isTalk) this.watchSilence();
  }

  /** Waits for the next time at which silence would mean something. */
  private watchSilence(): void {
    const nowMs = this.timers.nowMs | 0;
    let waitMs = QUIET_MS;
    if (!this.isQuiet) waitMs = QUIET_MS - ((nowMs - this.soundMs) | 0);
    if (waitMs <= 0) waitMs = QUIET_MS;
    if (this.silenceTimeMs > 0) waitMs = Math.min(waitMs, this.silenceTimeMs - ((nowMs - this.lifeMs) | 0));
    this.timers.start(this.silenceTimer, Math.max(waitMs, 0));
  }

  private tellQuiet(isQuiet: boolean): void {
    if (this.isQuiet === isQuiet) return;
    this.isQuiet = isQuiet;
    this.user.onMediaQuiet(isQuiet);
  }

  /** The tag of an encrypted packet proves its sender; the address alone does not. */
  private hearsDigits(nowMs: number): boolean {
    return this.srtp?.isOn === true || this.remote.isProved(nowMs);
  }

  /**
   * @returns whether the sound may be taken from another address: during a talk, and as long as no report comes from
   * the negotiated one
   */
  private mayMove(): boolean {
    return this.isTalk && !(this.hasReports && (((this.timers.nowMs | 0) - this.reportMs) | 0) < REPORT_LIFE_MS);
  }

  /** @returns the codec of a payload type, PCMU or PCMA; -1 if it is neither, or was not agreed */
  private codecOf(type: number): number {
    if (type === this.pcmuType || (type === PCMU && this.pcmuType >= 0)) return PCMU;
    return type === this.pcmaType || (type === PCMA && this.pcmaType >= 0) ? PCMA : -1;
  }

  private report(bye: boolean): void {
    const reporter = this.reporter;
    if (!reporter.remote.known() || (bye && this.sender.packets === 0 && reporter.sent === 0)) return;
    const sender = this.sender;
    const length = reporter.write(this.timers.nowMs, sender.timestampNow(), sender.packets, sender.octets, bye);
    const end = this.srtp?.isOn ? this.srtp.sealRtcp(reporter.bytes, length) : length;
    this.sink.rtcp(reporter.remote.ip, reporter.remote.port, reporter.bytes, 0, end);
  }
}
