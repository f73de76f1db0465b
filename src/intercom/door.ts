/**
 * The door station: a button that calls, a code that opens, and a user agent in between. It turns settings into an account and
 * what happens into events that a person or a program can read.
 * Not here: devices (the station drives them), and the console's words.
 */

import type { Store } from "../../hal/device.js";
import { ipv4 } from "../core/address.js";
import { text } from "../core/bytes.js";
import type { Limits } from "../core/limits.js";
import { printable } from "../core/printable.js";
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import {
  CAUSE_CANCELLED,
  CAUSE_DECLINED,
  CAUSE_EXPIRED,
  CAUSE_LOCAL,
  CAUSE_NETWORK,
  CAUSE_NO_ACK,
  CAUSE_NO_CODEC,
  CAUSE_NO_ROOM,
  CAUSE_REMOTE,
  CAUSE_TIMEOUT,
  CAUSE_UNKNOWN_NAME,
} from "../dialog/session.js";
import type { Flow } from "../transaction/flow.js";
import type { Network } from "../transaction/transport.js";
import {
  CALL_CALLING,
  CALL_CONFIRMED,
  CALL_EARLY,
  CALL_ENDED,
  CALL_HELD,
  CALL_INCOMING,
  CALL_RINGING,
  type Call,
  type SoundNetwork,
} from "../ua/call.js";
import { REGISTRATION_DONE, REGISTRATION_FAILED, REGISTRATION_OFF, REGISTRATION_TRYING } from "../ua/registration.js";
import { readTarget } from "../ua/target.js";
import {
  CAUSE_NO_ANSWER,
  CAUSE_NO_SOUND,
  DIGIT_INFO,
  UserAgent,
  type UserAgentSettings,
  type UserAgentUser,
} from "../ua/useragent.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import { CodeLock } from "./lock.js";
import type { Settings } from "./settings.js";

// How the light is to shine.
export const LED_OFF = 0;
/** Registered, or no server to register with. */
export const LED_READY = 1;
export const LED_UNREGISTERED = 2;
export const LED_RINGING = 3;
export const LED_IN_CALL = 4;
export const LED_OPEN = 5;
export const LED_NAMES: readonly string[] = ["off", "ready", "unregistered", "ringing", "in-call", "open"];

/** What a person or a program is told. `value` and `extra` are text without control characters. */
export interface DoorEvents {
  /** @param extra further fields as name, value, name, value, … */
  event(name: string, value: string, extra: readonly (string | number)[]): void;
}

/** What the door moves. */
export interface DoorOutputs {
  /** @param on the door is released */
  relay(on: boolean): void;
  /** @param pattern LED_* */
  led(pattern: number): void;
}

const TIMER_RELAY = 1;
const TIMER_CODE = 2;
const TIMER_AUDIO = 3;

/** A code is given up when no digit follows for so long. */
const CODE_PAUSE_MS = 5000;
/** How many wrong codes end a call. */
const CODE_TRIES = 3;
const AUDIO_REPORT_MS = 5000;

const uri = new Uri();

export class Door implements UserAgentUser, TimerUser {
  readonly ua: UserAgent;
  readonly settings: Settings;
  /** The door is released. */
  isOpen = false;
  /** REGISTRATION_* as it was last told. */
  registration = REGISTRATION_OFF;
  private readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly outputs: DoorOutputs;
  private readonly relayTimer: number;
  private readonly codeTimer: number;
  private readonly audioTimer: number;
  private entered = "";
  private wrongCodes = 0;
  private readonly lock: CodeLock;
  private light = LED_OFF;

  constructor(
    settings: Settings,
    limits: Limits,
    timers: Timers,
    random: RandomSource,
    network: Network,
    sound: SoundNetwork,
    outputs: DoorOutputs,
    events: DoorEvents,
    store: Store | null,
  ) {
    this.lock = new CodeLock(store, timers.nowMs);
    this.settings = settings;
    this.timers = timers;
    this.events = events;
    this.outputs = outputs;
    this.relayTimer = timers.make(this, TIMER_RELAY);
    this.codeTimer = timers.make(this, TIMER_CODE);
    this.audioTimer = timers.make(this, TIMER_AUDIO);
    this.ua = new UserAgent(this.agentSettings(), limits, timers, random, network, sound, this);
  }

  /** Begins, or begins anew after settings changed. @param ip our address */
  start(ip: number): void {
    const port = this.settings.number("sip.port");
    // Whatever the pin was before: nobody was let in yet.
    if (!this.isOpen) this.outputs.relay(false);
    this.ua.configure(this.agentSettings(), ip, port, port);
    this.showLight();
  }

  // ---- the button ----

  /** A press calls; while it rings it cancels (or answers a call that came); in a call it hangs up. */
  press(): void {
    const call = this.ua.activeCall();
    if (call === null) this.call(this.settings.get("call.target"));
    else if (call.state === CALL_INCOMING) this.ua.answer(call);
    else this.ua.hangUp(call);
  }

  /** @returns "" or why it cannot be called */
  call(target: string): string {
    const error =
      target === ""
        ? "call.target is not set: set call.target sip:user@host"
        : this.ua.call(target) === null
          ? this.ua.error
          : "";
    if (error !== "") this.events.event("error", error, NOTHING);
    return error;
  }

  // ---- the relay ----

  open(reason: string): void {
    this.isOpen = true;
    this.outputs.relay(true);
    this.timers.start(this.relayTimer, Math.round(this.settings.number("relay1.pulse") * 1000));
    this.events.event("relay", "on", ["relay", 1, "reason", reason]);
    this.showLight();
  }

  close(): void {
    this.timers.stop(this.relayTimer);
    this.outputs.relay(false);
    if (!this.isOpen) return;
    this.isOpen = false;
    this.events.event("relay", "off", ["relay", 1]);
    this.showLight();
  }

  onTimer(kind: number): void {
    if (kind === TIMER_RELAY) this.close();
    else if (kind === TIMER_CODE) this.tryCode();
    else {
      const call = this.ua.activeCall();
      if (call === null || !call.hasSound) return;
      this.reportAudio(call);
      this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
    }
  }

  // ---- what the user agent tells ----

  onRegistration(state: number, status: number, m: Message | null): void {
    this.registration = state;
    const reason = m === null ? (state === REGISTRATION_FAILED ? "no answer from the server" : "") : reasonOf(m);
    if (state === REGISTRATION_TRYING)
      this.events.event("register", "registering", ["server", this.settings.get("sip.domain")]);
    else if (state === REGISTRATION_DONE)
      this.events.event("register", "registered", ["expires", this.ua.registration.grantedS]);
    else if (state === REGISTRATION_OFF) this.events.event("register", "unregistered", NOTHING);
    else {
      const nextS = Math.round(this.ua.registration.nextMs() / 1000);
      this.events.event("register", "failed", ["reason", reason, "code", status, "retry", nextS]);
    }
    this.showLight();
  }

  onBinding(m: Message, start: number, end: number): void {
    this.events.event("register", "binding", ["contact", printable(text(m.bytes, start, end))]);
  }

  onCall(call: Call, cause: number, status: number, m: Message | null): void {
    const session = call.session;
    const direction = session.isCaller ? "out" : "in";
    switch (call.state) {
      case CALL_CALLING: {
        const target = session.draft === null ? "" : printable(session.draft.target.toString());
        this.events.event("call", "calling", ["direction", direction, "peer", target]);
        break;
      }
      case CALL_RINGING:
        this.events.event("call", "ringing", ["direction", direction]);
        break;
      case CALL_EARLY:
        this.events.event("call", "early", ["direction", direction]);
        this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
        break;
      case CALL_INCOMING:
        this.entered = "";
        this.wrongCodes = 0;
        this.events.event("call", "ringing", [
          "direction",
          direction,
          "peer",
          m === null ? "" : printable(text(m.bytes, m.fromStart, m.fromEnd)),
        ]);
        if (this.settings.isOn("call.autoAnswer")) this.ua.answer(call);
        break;
      case CALL_CONFIRMED:
        this.events.event("call", "confirmed", ["direction", direction, "codec", codecOf(call)]);
        this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
        break;
      case CALL_HELD:
        this.events.event("call", "held", ["direction", direction]);
        break;
      case CALL_ENDED: {
        this.timers.stop(this.audioTimer);
        this.timers.stop(this.codeTimer);
        this.entered = "";
        this.wrongCodes = 0;
        if (call.hadSound()) this.reportAudio(call);
        const durationS = call.answeredMs < 0 ? 0 : Math.round((this.timers.nowMs - call.answeredMs) / 1000);
        this.events.event("call", "ended", [
          "direction",
          direction,
          "reason",
          endReason(cause, status, m),
          "code",
          status,
          "duration",
          durationS,
        ]);
        break;
      }
      default:
        break;
    }
    this.showLight();
  }

  onDigit(call: Call, code: number, durationMs: number, way: number): void {
    const digit = String.fromCharCode(code);
    this.events.event("dtmf", digit, ["duration", durationMs, "by", way === DIGIT_INFO ? "info" : "rtp"]);
    const wanted = this.settings.get("relay1.code");
    // In a call that nobody answered yet the one at the other end is nobody's guest.
    if (wanted === "" || call.state === CALL_INCOMING) return;
    if (digit === "*") this.entered = "";
    else if (digit === "#") this.tryCode();
    else {
      this.entered += digit;
      this.timers.start(this.codeTimer, CODE_PAUSE_MS);
      if (this.entered.length >= wanted.length) this.tryCode();
    }
  }

  onText(_call: Call | null, m: Message): void {
    this.events.event("text", printable(text(m.bytes, m.bodyStart, Math.min(m.bodyEnd, m.bodyStart + 200))), [
      "peer",
      printable(text(m.bytes, m.fromStart, m.fromEnd)),
    ]);
  }

  /** By default only the server and the one whom the button calls may call; the Request-URI has to name us. */
  mayCall(m: Message, source: Flow): number {
    if (this.settings.get("call.allow") === "any") return 0;
    if (!this.ua.isServer(source.ip) && !this.isTarget(source.ip)) return 403;
    if (!uri.parse(m.bytes, m.uriStart, m.uriEnd)) return 400;
    return uri.userEnd === uri.userStart ||
      text(uri.bytes, uri.userStart, uri.userEnd) === this.settings.get("sip.user")
      ? 0
      : 404;
  }

  // ---- helpers ----

  private tryCode(): void {
    this.timers.stop(this.codeTimer);
    const entered = this.entered;
    this.entered = "";
    if (entered === "") return;
    const lockedMs = this.lock.remainingMs(this.timers.nowMs);
    if (lockedMs > 0) {
      // The right one too: else a guesser could go on and see which opens.
      this.events.event("error", "door codes are locked", ["seconds", Math.ceil(lockedMs / 1000)]);
      return;
    }
    if (entered === this.settings.get("relay1.code")) {
      this.wrongCodes = 0;
      this.lock.onRight();
      this.open("code");
      return;
    }
    this.wrongCodes += 1;
    const lockS = this.lock.onWrong(this.timers.nowMs);
    if (lockS > 0) this.events.event("error", "door codes are locked", ["seconds", lockS]);
    // The digits themselves are told to nobody: a wrong code is often the right one with a slip.
    this.events.event("error", "wrong door code", ["tries", this.wrongCodes]);
    const call = this.ua.activeCall();
    if (this.wrongCodes >= CODE_TRIES && call !== null) this.ua.hangUp(call);
  }

  private isTarget(ip: number): boolean {
    const target = readTarget(this.settings.get("call.target"), "");
    if (target.error !== "") return false;
    const at = target.uri.indexOf("@");
    let host = target.uri.slice(at < 0 ? 4 : at + 1);
    for (let i = 0; i < host.length; i++) {
      const c = host.charAt(i);
      if (c === ":" || c === ";" || c === "?") host = host.slice(0, i);
    }
    return ipv4(host) === ip;
  }

  private reportAudio(call: Call): void {
    const media = call.media;
    this.events.event("audio", media.verdict(), [
      "sent",
      media.sentPackets(),
      "packets",
      media.receivedPackets(),
      "lost",
      media.lostPackets(),
      "late",
      media.latePackets(),
      "jitter",
      media.jitterMs(),
    ]);
  }

  private showLight(): void {
    const call = this.ua.activeCall();
    let light = LED_READY;
    if (this.isOpen) light = LED_OPEN;
    else if (call !== null)
      light = call.state === CALL_CONFIRMED || call.state === CALL_HELD ? LED_IN_CALL : LED_RINGING;
    else if (
      this.registration !== REGISTRATION_DONE &&
      this.settings.get("sip.domain") !== "" &&
      this.settings.isOn("sip.register")
    ) {
      light = LED_UNREGISTERED;
    }
    if (light === this.light) return;
    this.light = light;
    this.outputs.led(light);
    this.events.event("led", LED_NAMES[light], NOTHING);
  }

  private agentSettings(): UserAgentSettings {
    const s = this.settings;
    const codecs: number[] = [];
    const names = s.get("audio.codecs").split(",");
    for (let i = 0; i < names.length; i++) codecs.push(names[i] === "PCMA" ? 8 : 0);
    return {
      user: s.get("sip.user"),
      authUser: s.get("sip.authUser"),
      password: s.get("sip.password"),
      realm: s.get("sip.realm"),
      displayName: s.get("sip.name"),
      domain: s.get("sip.domain"),
      proxy: s.get("sip.proxy"),
      register: s.isOn("sip.register") && s.get("sip.domain") !== "",
      expiresS: s.number("sip.expires"),
      transport: s.get("sip.transport") === "tcp" ? TRANSPORT_TCP : TRANSPORT_UDP,
      codecs,
      ringTimeMs: s.number("call.ringTime") * 1000,
      silenceTimeMs: s.number("rtp.timeout") * 1000,
      sessionExpiresS: s.number("sip.sessionExpires"),
      rtpPort: s.number("rtp.port"),
    };
  }
}

const NOTHING: readonly (string | number)[] = [];

function codecOf(call: Call): string {
  return call.session.negotiation.result.payloadType === 8 ? "PCMA" : "PCMU";
}

function reasonOf(m: Message): string {
  return m.isRequest ? "" : m.status + " " + printable(text(m.bytes, m.reasonStart, m.reasonEnd));
}

/** Why a call ended, for a person. */
function endReason(cause: number, status: number, m: Message | null): string {
  if (m !== null && !m.isRequest && status >= 300) return reasonOf(m);
  switch (cause) {
    case CAUSE_LOCAL:
      return "hung up here";
    case CAUSE_REMOTE:
      return "hung up there";
    case CAUSE_CANCELLED:
      return "given up by the caller";
    case CAUSE_DECLINED:
      return "refused here";
    case CAUSE_TIMEOUT:
      return "no response";
    case CAUSE_NETWORK:
      return "could not be sent";
    case CAUSE_UNKNOWN_NAME:
      return "name unknown";
    case CAUSE_NO_CODEC:
      return "no codec in common";
    case CAUSE_NO_ACK:
      return "answer was not acknowledged";
    case CAUSE_EXPIRED:
      return "session not refreshed";
    case CAUSE_NO_ROOM:
      return "no room";
    case CAUSE_NO_ANSWER:
      return "no answer";
    case CAUSE_NO_SOUND:
      return "no sound came";
    default:
      return "";
  }
}
