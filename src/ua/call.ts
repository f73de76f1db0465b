/** One call of the user agent: its session, its sound, and what a person sees of it. The user agent moves it from state to state. */
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { Negotiation, type NegotiationSettings } from "../dialog/negotiation.js";
import { Session, type SessionContext } from "../dialog/session.js";
import { type MediaSink, MediaStream, type MediaUser } from "../media/stream.js";
import { Redirects } from "./redirects.js";

export const CALL_FREE = 0;
/** We call; nothing but 100 has come. */
export const CALL_CALLING = 1;
/** It rings there. */
export const CALL_RINGING = 2;
/** Sound comes before the answer. */
export const CALL_EARLY = 3;
/** They call, and it rings here. */
export const CALL_INCOMING = 4;
export const CALL_CONFIRMED = 5;
/** The other side holds us. */
export const CALL_HELD = 6;
export const CALL_ENDED = 7;

// What changed in the sound that comes.
/** None has come for 5 s, though some came before. */
export const SOUND_QUIET = 0;
export const SOUND_BACK = 1;
/** It comes from another address, and is sent to there. */
export const SOUND_MOVED = 2;

/** No call rings for longer, whatever the settings say: the other side may be gone without a word. */
const RING_MOST_MS = 3_600_000;

/** Where the sound of line number `line` is sent from: each line has a port of its own. Octets are lent for the time of the call. */
export interface SoundNetwork {
  rtp(line: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
  rtcp(line: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
}

/** What a call and its line tell the user agent. */
export interface CallUser {
  onCallTimer(call: Call): void;
  onCallDigit(call: Call, code: number, durationMs: number, isInband: boolean): void;
  onSoundLost(call: Call): void;
  /** @param change SOUND_* @param ip @param port where it comes from now */
  onSoundChange(call: Call, change: number, ip: number, port: number): void;
}

/** One port for sound, and the stream on it. Calls that ring together share one, for only one of them will be answered. */
export class Line implements MediaSink, MediaUser {
  /** Its number, from 0: its RTP port is that of the settings and twice this. */
  readonly index: number;
  readonly media: MediaStream;
  /** Whose sound runs, or ran last. */
  call: Call | null = null;
  private readonly network: SoundNetwork;
  private readonly user: CallUser;

  constructor(index: number, timers: Timers, network: SoundNetwork, user: CallUser, random: RandomSource) {
    this.index = index;
    this.network = network;
    this.user = user;
    this.media = new MediaStream(timers, random, this, this);
  }

  rtp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.network.rtp(this.index, ip, port, bytes, start, end);
  }

  rtcp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.network.rtcp(this.index, ip, port, bytes, start, end);
  }

  onDigit(code: number, durationMs: number): void {
    if (this.call !== null) this.user.onCallDigit(this.call, code, durationMs, false);
  }

  onInbandDigit(code: number, durationMs: number): void {
    if (this.call !== null) this.user.onCallDigit(this.call, code, durationMs, true);
  }

  onMediaTimeout(): void {
    if (this.call !== null) this.user.onSoundLost(this.call);
  }

  onMediaQuiet(isQuiet: boolean): void {
    if (this.call !== null) this.user.onSoundChange(this.call, isQuiet ? SOUND_QUIET : SOUND_BACK, 0, 0);
  }

  onMediaMoved(ip: number, port: number): void {
    if (this.call !== null) this.user.onSoundChange(this.call, SOUND_MOVED, ip, port);
  }
}

export class Call implements TimerUser {
  state = CALL_FREE;
  /** Whether it is known who is at the other end: whoever owns the user agent says. */
  isKnown = false;
  readonly session: Session;
  /** Whose port its sound goes by. */
  line: Line;
  readonly redirects = new Redirects();
  /** The sound runs. */
  hasSound = false;
  /** When it was made or came, on the core's clock. */
  startedMs = 0;
  /** When it was answered, -1 before. */
  answeredMs = -1;
  /** Another call has its place: its sound is not heard any more, and it is about to end. */
  isMoved = false;
  /** The status that ends it when the time is over in which it may ring. */
  lateStatus = 480;
  private readonly timers: Timers;
  private readonly user: CallUser;
  private readonly timer: number;

  constructor(
    context: SessionContext,
    settings: NegotiationSettings,
    line: Line,
    user: CallUser,
    random: RandomSource,
  ) {
    this.timers = context.timers;
    this.user = user;
    this.session = new Session(context, new Negotiation(settings, random));
    this.line = line;
    this.timer = context.timers.make(this, 0);
  }

  get media(): MediaStream {
    return this.line.media;
  }

  /** @returns whether it had sound, so that the statistics of `media` are its own */
  hadSound(): boolean {
    return this.line.call === this && this.line.media.hasRun();
  }

  /** Limits the time until it is answered. @param timeMs 0 for as long as anybody may ring */
  limit(timeMs: number): void {
    this.timers.start(this.timer, timeMs > 0 ? timeMs : RING_MOST_MS);
  }

  /** It is answered, or over. */
  unlimit(): void {
    this.timers.stop(this.timer);
  }

  onTimer(): void {
    this.user.onCallTimer(this);
  }
}
