/**
 * One call of the user agent: it is the user of its session, runs its sound on the line that it has, and says what a
 * person sees of it.
 *
 *     FREE --we call--> CALLING --180--> RINGING --sound agreed--> EARLY --2xx--> CONFIRMED
 *     FREE --they call--> INCOMING --ACK--> CONFIRMED
 *     CONFIRMED <--held, taken back by the other side--> HELD
 *     any --the session ends--> ENDED
 *
 * Not here: which call and which line are free (useragent.ts), requests in the call that are none of the session
 * (incall.ts), and a call that goes over to another phone (transfer.ts).
 */

import { Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { CAUSE_DECLINED, CAUSE_LOCAL, CAUSE_TOO_LONG } from "../dialog/cause.js";
import { Negotiation, type NegotiationSettings } from "../dialog/negotiation.js";
import { Session } from "../dialog/session.js";
import { SESSION_ANSWERED, type SessionContext, type SessionUser } from "../dialog/sessionstate.js";
import { SOUND_NOT_OWED } from "../media/agreement.js";
import { type MediaSink, MediaStream, type MediaUser } from "../media/stream.js";
import type { ClientTransaction } from "../transaction/client.js";
import type { ServerTransaction } from "../transaction/server.js";
import { ANSWERED_ELSEWHERE } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_TLS } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { type Account, keyOf } from "./account.js";
import type { Credentials } from "./credentials.js";
import { explainChallenge } from "./explain.js";
import { Redirects } from "./redirects.js";

/** The call was not answered in the time that it may ring. These two stand beside the CAUSE_* of the session. */
export const CAUSE_NO_ANSWER = 20;
/** No RTP came for the configured time. */
export const CAUSE_NO_SOUND = 21;

export const CALL_FREE = 0;
/** We call; nothing but 100 has come. */
export const CALL_CALLING = 1;
/** The other side rings. */
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
export const RING_MOST_MS = 3_600_000;
/** The challenges to one request are answered so often. */
const CHALLENGES_MOST = 2;
const NOT_THE_SERVER = "whoever asked is not the server of the settings, and gets no password";

// For the time of one call only.
const span = new Span();

/** Sends the sound of line number `line`: each line has a port of its own. Octets are lent for the time of the call. */
export interface SoundNetwork {
  rtp(line: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
  rtcp(line: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
}

/** What all calls of a user agent share. */
export interface CallContext extends SessionContext {
  readonly account: Account;
  readonly credentials: Credentials;
  /** A call is hung up when no RTP came for so long, in ms; 0 never. */
  silenceTimeMs: number;
}

/** What a call and its line tell the user agent. */
export interface CallUser {
  /**
   * `call.state` changed.
   * @param cause CAUSE_* when it ended, else 0 @param status that ended it, or 0 @param m the message behind it, or
   * null
   */
  onCallState(call: Call, cause: number, status: number, m: Message | null): void;
  /** As `SessionUser.onUnchanged`. */
  onCallUnchanged(call: Call, wasHold: boolean, m: Message | null): void;
  /** As `SessionUser.onOther`. */
  onCallRequest(call: Call, t: ServerTransaction, m: Message): void;
  /** As `SessionUser.onDigitAnswered`. */
  onCallDigitAnswered(call: Call, status: number): void;
  onCallDigit(call: Call, code: number, durationMs: number, isInband: boolean): void;
  /** @param change SOUND_* @param ip @param port where it comes from now */
  onSoundChange(call: Call, change: number, ip: number, port: number): void;
  /** The sound of that call has stopped: another one may be heard on its line. */
  onSoundStopped(call: Call): void;
  /** A challenge of the call was not answered. @param problem why, one line for a person */
  onUnanswerable(problem: string): void;
  /** Something is wrong that nothing else tells the cause of, one line for a person. */
  onTrouble(line: string): void;
}

/**
 * One port for sound, and the stream on it. Calls that ring together share one, for only one of them will be answered.
 */
export interface LineContext {
  timers: Timers;
  random: RandomSource;
}

export class Line implements MediaSink, MediaUser {
  /** Its number, from 0: its RTP port is that of the settings and twice this. */
  readonly index: number;
  readonly media: MediaStream;
  /** Whose sound runs, or ran last. */
  call: Call | null = null;
  private readonly network: SoundNetwork;
  private readonly user: CallUser;

  constructor(index: number, context: LineContext, network: SoundNetwork, user: CallUser) {
    this.index = index;
    this.network = network;
    this.user = user;
    this.media = new MediaStream(context, this, this);
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
    this.call?.onSoundLost();
  }

  onMediaQuiet(isQuiet: boolean): void {
    if (this.call !== null) this.user.onSoundChange(this.call, isQuiet ? SOUND_QUIET : SOUND_BACK, 0, 0);
  }

  onMediaMoved(ip: number, port: number): void {
    if (this.call !== null) this.user.onSoundChange(this.call, SOUND_MOVED, ip, port);
  }

  /**
   * Gives the line's sound to a call. Before the answer the first call with sound has it; the call that is answered
   * takes it over.
   * @returns whether that call is heard now
   */
  giveSoundTo(call: Call, isConfirmed: boolean): boolean {
    const other = this.call;
    if (other !== null && other !== call && other.hasSound) {
      if (!isConfirmed) return false;
      other.hasSound = false;
      this.media.stop();
    }
    this.call = call;
    return true;
  }
}

/** The timers of a call, without those of its session. */
export const CALL_TIMERS = 1;

export class Call implements SessionUser, TimerUser {
  state = CALL_FREE;
  /** It is known who is at the other end: the owner of the user agent says so. */
  isKnown = false;
  /** The address of the one who calls, `user@host`, where that is proved; "" otherwise. The owner says so too. */
  caller = "";
  readonly session: Session;
  /** Its sound goes by the port of that line. */
  line: Line;
  /** Where the call is redirected to; made at the first redirection. */
  redirects: Redirects | null = null;
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
  /** Number of REFERs that came in it. */
  refers = 0;
  /** What its account has, and what all calls share. */
  context: CallContext;
  private readonly user: CallUser;
  private readonly timer: number;
  /** CAUSE_* of the end that we are about to make, 0 for that of the session. */
  private ownCause = 0;

  constructor(context: CallContext, settings: NegotiationSettings, line: Line, user: CallUser) {
    this.context = context;
    this.user = user;
    this.session = new Session(context, new Negotiation(settings, context.random), this);
    this.line = line;
    this.timer = context.timers.make(this, 0);
  }

  get media(): MediaStream {
    return this.line.media;
  }

  /** The next call goes by that account. It is called while there is no call. */
  use(context: CallContext): void {
    this.context = context;
    this.session.use(context);
  }

  /** Whether it goes on: it is neither unused nor over. */
  isActive(): boolean {
    return this.state !== CALL_FREE && this.state !== CALL_ENDED;
  }

  /** Whether it is answered, and not over. */
  isTalking(): boolean {
    return this.state === CALL_CONFIRMED || this.state === CALL_HELD;
  }

  /** Whether it had sound, so that the statistics of `media` are its own. */
  hadSound(): boolean {
    return this.line.call === this && this.line.media.hasRun();
  }

  /** Ends it, whatever its state. @param status that an incoming call is refused with */
  hangUp(status = 486): void {
    if (this.isActive()) this.session.hangUp(status);
  }

  /** Ends it because another call has its place: its phone shows no missed call. RFC 3326 */
  giveWay(): void {
    if (this.isActive()) this.session.hangUp(486, ANSWERED_ELSEWHERE);
  }

  /** The call is made, or comes. @param state CALL_CALLING or CALL_INCOMING */
  startRinging(state: number): void {
    this.state = state;
    this.startedMs = this.context.timers.nowMs;
    this.answeredMs = -1;
    this.refers = 0;
  }

  /** Limits the time until it is answered. @param timeMs 0 for as long as anybody may ring */
  limit(timeMs: number): void {
    this.context.timers.start(this.timer, timeMs > 0 ? timeMs : RING_MOST_MS);
  }

  /** Ends that limit: the call is answered, or over. */
  unlimit(): void {
    this.context.timers.stop(this.timer);
  }

  // ---- its time and its sound ----

  /** The call rang for too long. Once it was answered, only the ACK is still to come. */
  onTimer(): void {
    if (this.session.state !== SESSION_ANSWERED) this.giveUp(CAUSE_NO_ANSWER, this.lateStatus);
  }

  onSoundLost(): void {
    this.giveUp(CAUSE_NO_SOUND, 486);
  }

  /**
   * Its sound runs from now on, unless another call on the line is heard.
   * @param isConfirmed it was answered, and takes the place of the other
   */
  startSound(isConfirmed: boolean): void {
    if (this.isMoved || !this.line.giveSoundTo(this, isConfirmed)) return;
    this.hasSound = true;
    this.media.start();
  }

  /** The sound goes as the session agreed. Before the answer the other side owes us none. */
  configureSound(): void {
    const { session, context } = this;
    this.media.configure(session.negotiation.result, session.isConfirmed() ? context.silenceTimeMs : SOUND_NOT_OWED);
  }

  private giveUp(cause: number, status: number): void {
    if (!this.isActive()) return;
    this.ownCause = cause;
    this.session.hangUp(status);
    this.ownCause = 0;
  }

  // ---- what its session asks ----

  onChallenge(t: ClientTransaction, m: Message): boolean {
    const { credentials, account } = this.context;
    const { session } = this;
    const isTrusted = this.isTrusted(t);
    if (isTrusted && session.challenges < CHALLENGES_MOST && credentials.takeChallenge(t, m, session.challenges > 0)) {
      session.challenges += 1;
      return true;
    }
    // The credentials that went along in advance were of no use.
    if (isTrusted) credentials.forgetProxies();
    if (isTrusted && credentials.problem !== "") this.user.onTrouble(credentials.problem);
    this.user.onUnanswerable(isTrusted ? explainChallenge(m, account.settings) : NOT_THE_SERVER);
    return false;
  }

  /** A stranger who is called is not told what the server would accept. */
  writeCredentials(t: ClientTransaction, w: Writer, method: number, requestUri: Span): void {
    if (this.isTrusted(t)) this.context.credentials.writeAnswer(w, t, method, requestUri, this.session.challenges > 0);
  }

  onRefused(m: Message | null): boolean {
    const { session } = this;
    const { draft } = session;
    if (m !== null && m.status >= 600) return false;
    // The reason may be credentials that went along in advance: they are not sent again.
    if (m !== null && (m.status === 400 || m.status === 403)) this.context.credentials.forgetProxies();
    if (draft === null) return false;
    if (m !== null && m.status < 400) {
      this.redirects ??= new Redirects();
      this.redirects.addContacts(m, draft.target, this.context.layer.transport.hasTls, draft.isSecure);
    }
    while (this.redirects?.takeNext(span)) {
      if (!draft.setTarget(span.bytes, span.start, span.end)) continue;
      // By a proxy that is not reached by TLS nothing goes to sips. RFC 3261 §26.2.2
      if (draft.isSecure && draft.hopTransport(this.context.transport) !== TRANSPORT_TLS) continue;
      session.challenges = 0;
      return true;
    }
    return false;
  }

  private isTrusted(t: ClientTransaction): boolean {
    const { credentials, account } = this.context;
    return credentials.trusts(t, this.session.draft, account.routes.length > 0);
  }

  // ---- what its session tells ----

  onProgress(status: number): void {
    if (status === 180 && this.state === CALL_CALLING) this.changeState(CALL_RINGING);
  }

  onAgreed(): void {
    const { session } = this;
    const { heldByRemote } = session.negotiation.result;
    if (!this.hasSound) this.startSound(session.isConfirmed());
    if (this.hasSound) this.configureSound();
    switch (this.state) {
      case CALL_CALLING:
      case CALL_RINGING:
        if (!session.isConfirmed()) this.changeState(CALL_EARLY);
        break;
      case CALL_CONFIRMED:
        if (heldByRemote) this.changeState(CALL_HELD);
        break;
      case CALL_HELD:
        if (!heldByRemote) this.changeState(CALL_CONFIRMED);
        break;
      default:
        break;
    }
  }

  onConfirmed(): void {
    this.answeredMs = this.context.timers.nowMs;
    this.unlimit();
    // It takes the place of another call, whose sound ran until now.
    if (!this.hasSound) this.startSound(true);
    this.configureSound();
    this.changeState(CALL_CONFIRMED);
    if (this.state === CALL_CONFIRMED && this.session.negotiation.result.heldByRemote) this.changeState(CALL_HELD);
  }

  onEnded(cause: number, status: number, m: Message | null): void {
    this.unlimit();
    if (this.hasSound) {
      this.hasSound = false;
      this.media.stop();
      this.user.onSoundStopped(this);
    }
    const own = this.ownCause;
    this.ownCause = 0;
    if (cause === CAUSE_TOO_LONG) this.user.onTrouble(lengthProblem(this.context));
    this.state = CALL_ENDED;
    const isOurs = cause === CAUSE_LOCAL || cause === CAUSE_DECLINED;
    this.user.onCallState(this, isOurs && own !== 0 ? own : cause, status, m);
  }

  onUnchanged(wasHold: boolean, m: Message | null): void {
    if (this.isActive()) this.user.onCallUnchanged(this, wasHold, m);
  }

  onOther(t: ServerTransaction, m: Message): void {
    this.user.onCallRequest(this, t, m);
  }

  onDigitAnswered(status: number): void {
    this.user.onCallDigitAnswered(this, status);
  }

  private changeState(state: number): void {
    this.state = state;
    this.user.onCallState(this, 0, 0, null);
  }
}

/** Says that the INVITE does not fit its buffer, one line for a person. */
export function lengthProblem({ layer, account }: CallContext): string {
  const most = layer.limits.transactionBytes;
  const keys = keyOf(account.settings, "user") + ", " + keyOf(account.settings, "authUser");
  const proxy = keyOf(account.settings, "proxy");
  return "the INVITE is too long, " + most + " octets at most: a shorter target, " + keys + ", " + proxy;
}
