/**
 * The door station: buttons that call, codes that open, and a user agent in between. It turns what happens into events that a
 * person or a program can read, and into light.
 * Not here: devices (the station drives them), the console's words, whom a button calls (ringplan.ts, ring.ts), codes (access.ts),
 * relays and the door's contact (doorway.ts), and who may call (callers.ts).
 */

import type { Store } from "../../hal/device.js";
import { ipv4Text } from "../core/address.js";
import { text } from "../core/bytes.js";
import { GUESS_EVERY_MS } from "../core/guesses.js";
import type { Limits } from "../core/limits.js";
import { printable } from "../core/printable.js";
import type { RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { CAUSE_DECLINED, CAUSE_LOCAL } from "../dialog/cause.js";
import { SESSION_INCOMING } from "../dialog/session.js";
import { INBAND_AUTO, INBAND_OFF, INBAND_ON } from "../media/agreement.js";
import { mayPress, planOfButton, planOfHold } from "../settings/buttons.js";
import { HOUSE_GROUP, type Plan, planOf } from "../settings/ringplan.js";
import { PHONE_NAMES, PHONE_PASSWORDS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import { agentSettings } from "../settings/useragent.js";
import type { Flow } from "../transaction/flow.js";
import type { Network } from "../transaction/network.js";
import {
  CALL_CALLING,
  CALL_CONFIRMED,
  CALL_EARLY,
  CALL_ENDED,
  CALL_HELD,
  CALL_INCOMING,
  CALL_RINGING,
  CAUSE_NO_ANSWER,
  type Call,
  SOUND_MOVED,
  SOUND_QUIET,
  type SoundNetwork,
} from "../ua/call.js";
import { REGISTRATION_DONE, REGISTRATION_FAILED, REGISTRATION_OFF, REGISTRATION_TRYING } from "../ua/registration.js";
import { TRANSFER_PICKING } from "../ua/transfer.js";
import { type Destination, UserAgent, type UserAgentUser } from "../ua/useragent.js";
import type { Message } from "../wire/message.js";
import { HEADER_REPLACES, METHOD_INVITE, METHOD_MESSAGE } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { Access, type AccessUser, readOrder } from "./access.js";
import { Callers, DOOR_BUSY, DOOR_IDLE, DOOR_JOINABLE, DOOR_PICKED } from "./callers.js";
import { PROOF_LAST, PROOF_RIGHT, PROOF_WRONG } from "./challenge.js";
import { Doorway, type DoorwayUser } from "./doorway.js";
import {
  type DoorEvents,
  type DoorOutputs,
  LED_FAULT,
  LED_IN_CALL,
  LED_NAMES,
  LED_OFF,
  LED_OPEN,
  LED_READY,
  LED_RINGING,
  LED_UNREGISTERED,
  SIGNAL_ANSWERED,
  SIGNAL_BUSY,
  SIGNAL_ENDING,
  SIGNAL_FAILED,
  SIGNAL_OPENED,
  SIGNAL_QUIET,
  SIGNAL_RINGING,
  SIGNAL_WRONG_CODE,
} from "./events.js";
import { Handover, type HandoverUser } from "./handover.js";
import { HouseServer, type HouseServerUser, PHONES_MOST } from "./houseserver.js";
import { RefusedCalls } from "./refusals.js";
import { RING_BRANCH, RING_NOTHING, Ring, type RingUser } from "./ring.js";
import { TalkTime, type TalkTimeUser } from "./talktime.js";
import { Trace } from "./trace.js";
import { TransferTargets } from "./transfertargets.js";
import { callerOf, codecOf, DIGIT_WAYS, endReason, reasonOf, soundOf, targetOf, textOf } from "./words.js";

const AUDIO_REPORT_MS = 5000;
const FALLBACK_TIME_MS = 30_000;
/** How long a target may say nothing before the fallback rings, and when the server is known not to answer. */
const SILENCE_MS = 5000;
const SILENCE_UNREACHED_MS = 1000;

/** By CALL_*. */
const STATES: readonly string[] = ["", "calling", "ringing", "early", "ringing", "confirmed", "held", "ended"];
/** In the place of a digit that is not to be shown. */
const DIGIT_HIDDEN = "digit";
/** So many digits in a row may be a code. */
const CODE_DIGITS = 4;

export class Door
  implements UserAgentUser, TimerUser, DoorwayUser, AccessUser, RingUser, TalkTimeUser, HouseServerUser, HandoverUser
{
  readonly ua: UserAgent;
  readonly settings: Settings;
  readonly doorway: Doorway;
  /** REGISTRATION_* as it was last told. */
  registration = REGISTRATION_OFF;
  /** Why the registration failed last. */
  unregistered = "";
  readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly outputs: DoorOutputs;
  private readonly access: Access;
  private readonly callers: Callers;
  private readonly refused: RefusedCalls;
  private readonly ring: Ring;
  private readonly handover: Handover;
  private readonly moves: TransferTargets;
  private readonly audioTimer: number;
  private readonly talk: TalkTime;
  /** The door as its phones' server; null when it is none. */
  readonly houseServer: HouseServer | null;
  /** The messages of the last call. */
  readonly trace: Trace;
  private readonly isServer: boolean;
  /** The button that was pressed last. */
  private button = 0;
  /** The button whose press has called; 0 when it did something else. */
  private calling = 0;
  /** The server was asked for a registration and nothing came back. */
  private isUnreached = false;
  /** Everybody is answered by himself: it was told. */
  private isOpenTold = false;
  /** Why the call is ended here, "" for no more than that. */
  private reason = "";
  /** The second phone of a call. */
  private joined: Call | null = null;
  private light = LED_OFF;
  /** The ports that sockets have; 0: not started. */
  private port = 0;
  private rtpPort = 0;

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
    this.settings = settings;
    this.timers = timers;
    this.events = events;
    this.outputs = outputs;
    this.access = new Access(settings, timers, events, store, this);
    this.doorway = new Doorway(settings, timers, outputs, events, this);
    this.audioTimer = timers.make(this, 0);
    this.talk = new TalkTime(settings, timers, this);
    this.ua = new UserAgent(agentSettings(settings), limits, timers, random, network, sound, this);
    this.ua.isWary = true;
    this.refused = new RefusedCalls(timers, events);
    this.callers = new Callers(this.ua, settings, timers, random);
    this.trace = new Trace(timers, limits.traceBytes, limits.traceMessageBytes);
    this.ua.layer.transport.tap = this.trace;
    this.ring = new Ring(this.ua, timers, this);
    this.handover = new Handover(events, outputs, timers, this.ring, this);
    this.isServer = settings.get("server.enabled");
    this.houseServer =
      this.isServer && limits.phones > 0
        ? new HouseServer(this.ua, timers, random, limits, this, settings.get("server.mode") === "redirect")
        : null;
    this.moves = new TransferTargets(this.ua, settings, this.houseServer);
  }

  /** Begins, or begins anew after settings changed. @param ip our address */
  start(ip: number): void {
    // Sockets are opened once: other ports hold from the next start on.
    if (this.port === 0) {
      this.port = this.settings.get("sip.port");
      this.rtpPort = this.settings.get("rtp.port");
    }
    this.doorway.configure();
    this.access.configure();
    this.callers.configure();
    this.tellOpen();
    if (this.houseServer !== null) {
      this.houseServer.configure(this.settings, ip);
      this.tellPhonesWithout();
    } else if (this.isServer) this.fail("server.enabled: this board has no memory for it");
    const inband = this.settings.get("dtmf.inband");
    const mode = inband === "on" ? INBAND_ON : inband === "off" ? INBAND_OFF : INBAND_AUTO;
    const isStrict = this.settings.get("rtp.source") === "strict";
    for (let i = 0; i < this.ua.lines.length; i++) {
      const { media } = this.ua.lines[i];
      media.inband = mode;
      media.isStrict = isStrict;
    }
    this.ua.joins = this.settings.get("call.join");
    const settings = agentSettings(this.settings);
    settings.rtpPort = this.rtpPort;
    this.ua.configure(settings, ip, this.port, this.port);
    this.showLight();
  }

  /** The one setting by which strangers hear the door is never there without a word. */
  private tellOpen(): void {
    const isOpen = this.callers.isOpenToAll();
    if (isOpen && !this.isOpenTold)
      this.events.event("config", "open microphone", [
        "keys",
        "call.autoAnswer,call.allow",
        "means",
        "everybody who can reach the door is answered at once and hears it",
      ]);
    this.isOpenTold = isOpen;
  }

  /** A phone that has a name and no password cannot register: its owner is told why. */
  private tellPhonesWithout(): void {
    for (let i = 0; i < PHONES_MOST; i++) {
      const name = this.settings.get(PHONE_NAMES[i]);
      if (name !== "" && this.settings.get(PHONE_PASSWORDS[i]) === "")
        this.fail(PHONE_PASSWORDS[i] + " is not set: " + name + " cannot register");
    }
  }

  // ---- the buttons ----

  /**
   * A press calls; while it rings it cancels (or answers a call that came); in a call it hangs up. Another button than the one
   * that rings calls its own targets instead. @param button from 1
   */
  press(button = 1): void {
    this.calling = 0;
    const call = this.ua.activeCall();
    if (call !== null && !this.ring.isOn) {
      if (call.state === CALL_INCOMING) {
        if (mayPress(this.settings, "answer")) this.ua.answer(call);
      } else if (mayPress(this.settings, "hangup")) this.hangUp("");
      return;
    }
    if (this.ring.isOn) {
      if (!mayPress(this.settings, "cancel")) return;
      this.hangUp("");
      if (button === this.button) return;
    }
    if (!mayPress(this.settings, "call")) return;
    this.button = this.calling = button;
    const plan = planOfButton(this.settings, button, this.outputs.epochS());
    if (plan !== null) this.begin(plan, this.settings.get("call.fallback"));
    else if (planOfHold(this.settings, button) === null)
      this.fail("call.target is not set: set call.target sip:user@host");
  }

  /** The button whose press has called is held: as long as nobody has answered, the call goes over to other targets. @param button from 1 */
  hold(button: number): void {
    const plan = button === this.calling ? planOfHold(this.settings, button) : null;
    this.calling = 0;
    if (plan === null) return;
    if (this.ring.isOn) this.hangUp("");
    else if (this.ua.activeCall() !== null) return;
    this.begin(plan, this.settings.get("call.fallback"));
  }

  /** A button's targets ring, or will: between two of them, or for want of room, there may be no call just now. */
  get isRinging(): boolean {
    return this.ring.isOn;
  }

  /** Calls one target. @returns "" or why it cannot be called */
  call(target: string): string {
    this.button = 0;
    return target === ""
      ? this.fail("call.target is not set: set call.target sip:user@host")
      : this.begin(planOf(target, this.settings.get("call.ringTime") * 1000), "");
  }

  /** Moves the visitor to another phone: a word of the console, as a REFER of the phone in the call. @returns "" or why not */
  move(target: string): string {
    if (this.joined !== null) return "two phones are in the call: one of them has to hang up first";
    if (this.houseServer === null) return this.ua.move(target);
    const { targets, direct, error } = this.houseServer.expand(planOf(target, 0));
    return targets.length === 0 ? error : this.ua.move(targets[0], direct[0]);
  }

  /** Ends whatever rings or talks. @param reason for the log, "" for no more than that we did */
  hangUp(reason: string): void {
    this.reason = reason;
    this.ring.stop();
    this.ua.transfer.giveUp();
    for (let i = 0; i < this.ua.calls.length; i++) this.ua.hangUp(this.ua.calls[i]);
  }

  private begin(asked: Plan, spare: string): string {
    const fallback = this.houseServer === null ? spare : this.houseServer.contactFor(spare);
    if (this.houseServer === null && asked.targets.indexOf(HOUSE_GROUP) >= 0)
      return this.fail(HOUSE_GROUP + " needs the door to be a server: set server.enabled on, and start again");
    let plan = this.houseServer === null ? asked : this.houseServer.expand(asked);
    // No phone of the house is there: the fallback rings at once.
    const isEmpty = asked.error === "" && plan.error !== "" && fallback !== "";
    if (isEmpty) plan = planOf(fallback, FALLBACK_TIME_MS, true);
    const silenceMs = this.isUnreached ? SILENCE_UNREACHED_MS : SILENCE_MS;
    const error = plan.error !== "" ? plan.error : this.ring.begin(plan, isEmpty ? "" : fallback, silenceMs);
    // It may wait for room: then nothing else shows that it rings.
    this.showLight();
    return error === "" ? "" : this.fail(error);
  }

  private fail(error: string): string {
    this.events.event("error", error, NOTHING);
    return error;
  }

  // ---- the door ----

  /** A relay is on. */
  get isOpen(): boolean {
    return this.doorway.isOpen;
  }

  /** @param reason for the log @param relay from 1 @returns "" or one line why not */
  open(reason: string, relay = 1): string {
    return this.doorway.open(relay, reason);
  }

  close(relay = 1): void {
    this.doorway.close(relay);
  }

  /** The button inside was pressed: it needs no code, and no lock on codes holds it. */
  exit(): void {
    const relay = this.settings.get("door.exit");
    if (relay === 0) return;
    const error = this.doorway.toggle(relay, "exit button");
    if (error !== "") this.fail("door.exit: " + error);
  }

  onDoorway(): void {
    this.showLight();
  }

  onCode(relay: number, call: Call | null): void {
    const error = this.doorway.toggle(relay, call === null ? "message" : "code");
    if (error !== "") this.fail(error);
    else this.opened();
  }

  onWrongCode(call: Call | null, isLast: boolean): void {
    this.outputs.signal(SIGNAL_WRONG_CODE);
    if (call !== null && isLast) this.hangUp("wrong door codes");
  }

  private opened(): void {
    this.outputs.signal(SIGNAL_OPENED);
    if (this.ua.activeCall() !== null) this.talk.leave();
  }

  // ---- timers ----

  onTimer(): void {
    const call = this.ua.activeCall();
    if (call === null || !call.hasSound) return;
    this.reportAudio(call);
    this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
  }

  onAnswerTime(): void {
    const call = this.ua.activeCall();
    if (call !== null && call.session.state === SESSION_INCOMING) this.answerAlone(call);
  }

  onTalkEnding(): void {
    this.outputs.signal(SIGNAL_ENDING);
  }

  onTalkOver(reason: string): void {
    this.hangUp(reason);
  }

  private answerAlone(call: Call): void {
    this.ua.answer(call);
    this.outputs.signal(SIGNAL_ANSWERED);
  }

  // ---- what the user agent tells ----

  onRegistration(state: number, status: number, m: Message | null): void {
    this.registration = state;
    if (state !== REGISTRATION_TRYING) this.isUnreached = state === REGISTRATION_FAILED && m === null;
    const { registration } = this.ua;
    if (state === REGISTRATION_TRYING)
      this.events.event("register", "registering", ["server", this.settings.get("sip.domain")]);
    else if (state === REGISTRATION_DONE) {
      const { place } = registration;
      const extra: (string | number)[] = ["expires", registration.grantedS];
      if (place !== "") extra.push("at", printable(place));
      this.events.event("register", "registered", extra);
    } else if (state === REGISTRATION_OFF) this.events.event("register", "unregistered", NOTHING);
    else {
      this.unregistered = failureOf(m, registration.problem);
      const nextS = Math.round(registration.nextMs() / 1000);
      this.events.event("register", "failed", ["reason", this.unregistered, "code", status, "retry", nextS]);
    }
    this.showLight();
  }

  onBinding(m: Message, start: number, end: number): void {
    this.events.event("register", "binding", ["contact", printable(text(m.bytes, start, end))]);
  }

  onCall(call: Call, cause: number, status: number, m: Message | null): void {
    const part = this.ring.note(call, cause);
    if (this.isJoin(call, cause, status, m)) return;
    const isOver = call.state === CALL_HELD || (call.state === CALL_ENDED && call.answeredMs >= 0);
    if (part !== RING_NOTHING && this.ring.isPlural && !isOver) this.tellBranch(call, cause, status, m);
    if (part !== RING_BRANCH) this.tellCall(call, cause, status, m);
    if (call.state === CALL_CONFIRMED) this.ring.dismiss();
    this.showLight();
  }

  /** A second phone comes to a call that runs, or one of the two leaves it. @returns whether that is all there is to tell */
  private isJoin(call: Call, cause: number, status: number, m: Message | null): boolean {
    if (call.state === CALL_INCOMING) {
      if (this.ua.activeCall() === call) return false;
      this.joined = call;
      call.isKnown = this.callers.isKnown;
      this.events.event("join", "ringing", ["peer", callerOf(m)]);
      this.answerAlone(call);
      return true;
    }
    const joined = this.joined;
    if (joined === null) return false;
    if (call.state === CALL_ENDED) {
      // Whoever of them goes, the other one has the call from now on.
      this.joined = null;
      this.events.event("join", "ended", ["reason", this.endWords(cause, status, m)]);
      if (call.hadSound()) this.reportAudio(call);
      return true;
    }
    if (call === joined) this.events.event("join", STATES[call.state], NOTHING);
    return call === joined;
  }

  onTransfer(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void {
    if (change === TRANSFER_PICKING) call.isKnown = this.callers.isKnown;
    this.handover.onTransfer(change, call, other, cause, status, m);
    this.showLight();
  }

  onMakeRoom(call: Call): void {
    this.ring.drop(call);
  }

  onHandedOver(): void {
    this.access.reset();
    this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
  }

  onRingStopped(wasTold: boolean): void {
    if (wasTold) {
      const reason = this.reason === "" ? "hung up here" : this.reason;
      this.events.event("call", "ended", ["direction", "out", "reason", reason, "code", 0, "duration", 0]);
    }
    this.outputs.signal(SIGNAL_QUIET);
    this.showLight();
  }

  onRingEnded(error: string): void {
    this.events.event("call", "ended", ["direction", "out", "reason", error, "code", 0, "duration", 0]);
    this.outputs.signal(SIGNAL_FAILED);
    this.showLight();
  }

  /** One of several targets. */
  tellBranch(call: Call, cause: number, status: number, m: Message | null): void {
    const extra: (string | number)[] = ["peer", targetOf(call)];
    if (call.state === CALL_ENDED) {
      const isLoser = cause === CAUSE_LOCAL && this.ring.isAnswered();
      extra.push("reason", isLoser ? "answered elsewhere" : this.endWords(cause, status, m), "code", status);
    }
    this.events.event("branch", STATES[call.state], extra);
  }

  /** The call as the visitor has it. */
  tellCall(call: Call, cause: number, status: number, m: Message | null): void {
    const direction = call.session.isCaller ? "out" : "in";
    const extra: (string | number)[] = ["direction", direction];
    switch (call.state) {
      case CALL_CALLING:
        this.reason = "";
        this.access.reset();
        extra.push("peer", targetOf(call));
        break;
      case CALL_INCOMING:
        this.reason = "";
        call.isKnown = this.callers.isKnown;
        this.access.reset();
        extra.push("peer", callerOf(m));
        break;
      case CALL_EARLY:
        this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
        break;
      case CALL_CONFIRMED:
        extra.push("codec", codecOf(call));
        if (this.ring.isPlural && call.session.isCaller) extra.push("peer", targetOf(call));
        this.timers.start(this.audioTimer, AUDIO_REPORT_MS);
        // Not anew when it was held.
        if (call.answeredMs === this.timers.nowMs) this.talk.begin();
        break;
      case CALL_ENDED: {
        this.timers.stop(this.audioTimer);
        this.talk.stop();
        this.handover.rest();
        this.access.reset();
        if (call.hadSound()) this.reportAudio(call);
        const durationS = call.answeredMs < 0 ? 0 : Math.round((this.timers.nowMs - call.answeredMs) / 1000);
        extra.push("reason", this.endWords(cause, status, m), "code", status, "duration", durationS);
        break;
      }
      default:
        break;
    }
    this.events.event("call", STATES[call.state], extra);
    if (call.session.isCaller) this.outputs.signal(signalOf(call, cause, status));
    if (call.state !== CALL_INCOMING) return;
    const afterS = this.callers.answerAfterS(m);
    // Behind a 180 the answer has a wake of its own, even at once: the sound that plays would have to wait for both.
    if (afterS === 0 && !call.session.hasRung()) this.answerAlone(call);
    else if (afterS >= 0) this.talk.answerIn(afterS);
  }

  onDigit(call: Call, code: number, durationMs: number, way: number): void {
    const shown = this.settings.get("call.showDigits") ? String.fromCharCode(code) : DIGIT_HIDDEN;
    this.events.event("dtmf", shown, ["duration", durationMs, "by", DIGIT_WAYS[way]]);
    // In a call that nobody answered yet the one at the other end is nobody's guest.
    if (call.state !== CALL_INCOMING) this.access.digit(call, code, way);
  }

  /** `open`, `open 2`, `open 1234`, `open 2 1234` and `close` from whom we know move the relays; all texts are told. */
  onText(_call: Call | null, m: Message): void {
    const said = textOf(m);
    const order = readOrder(said);
    // What may be a code is told to nobody.
    const isOrder = said.trim().slice(0, 4).toLowerCase() === "open";
    const shown = this.settings.get("call.showDigits") ? printable(said) : withoutCodes(printable(said));
    this.events.event("text", isOrder ? "open" : shown, ["peer", callerOf(m)]);
    if (order === null || !this.callers.isKnown) return;
    if (order.word === "close") this.doorway.close(order.relay);
    else if (order.code !== "") this.access.text(order.relay, order.code);
    else if (this.settings.get("door.message") !== "on")
      this.fail("door.message is code: a MESSAGE opens with `open [RELAY] CODE`");
    else {
      const error = this.doorway.open(order.relay, "message");
      if (error !== "") this.fail(error);
      else this.opened();
    }
  }

  onUnchanged(_call: Call, wasHold: boolean, m: Message | null): void {
    const what = wasHold ? "hold" : "resume";
    const why = m === null ? "it does not fit, or could not be sent" : reasonOf(m);
    this.fail(what + " was not taken: " + why + "; the call is as it was");
  }

  onTrouble(line: string): void {
    this.fail(line);
  }

  onPhone(name: string, isThere: boolean): void {
    this.events.event("phone", isThere ? "registered" : "gone", ["name", name]);
  }

  onWrongPassword(name: string, ip: number, waitS: number): void {
    const address = ipv4Text(ip);
    const what = waitS > 0 ? "wrong phone password: no more tries for now" : "wrong phone password";
    this.events.event("error", what, ["address", address, "name", name, "wait", waitS]);
  }

  onSound(_call: Call, change: number, ip: number, port: number): void {
    if (change === SOUND_MOVED) this.events.event("sound", "moved", ["address", ipv4Text(ip) + ":" + port]);
    else this.events.event("sound", change === SOUND_QUIET ? "quiet" : "back", NOTHING);
  }

  onCallRefused(m: Message, source: Flow, status: number): void {
    this.refused.tell(m, source.ip, status, this.callers.isExpected(source.ip));
  }

  /** @param isPhone a phone of the house sent it, by its password */
  mayCall(m: Message, source: Flow, call: Call | null, isPhone: boolean): number {
    const { callers, ua } = this;
    const active = ua.activeCall();
    const isJoinable = ua.joins && ua.lines.length > 1 && active !== null && active.answeredMs >= 0;
    const isPickUp = m.method === METHOD_INVITE && m.has(HEADER_REPLACES);
    const isFree = active === null && !this.ring.isOn;
    const mayJoin = isJoinable && this.joined === null && !ua.transfer.isOn && !ua.transfer.isPicking;
    const door =
      isPickUp && this.joined === null ? DOOR_PICKED : isFree ? DOOR_IDLE : mayJoin ? DOOR_JOINABLE : DOOR_BUSY;
    const isKnown = call !== null && (call.isKnown || call.session.isCaller);
    const status = call === null ? callers.judge(m, source, isPhone, door) : callers.judgeInCall(m, source, isKnown);
    // Its nonce was given to that address alone.
    if (callers.proof === PROOF_RIGHT) ua.layer.prove(source.ip);
    if (callers.proof === PROOF_WRONG || callers.proof === PROOF_LAST) this.tellWrongPassword(m, source);
    // A stranger's order is refused without a word, or strangers would fill the log.
    if (status === 403 && callers.isKnown && m.method === METHOD_MESSAGE)
      this.fail("door.message is off: the door takes no orders by MESSAGE");
    return status;
  }

  mayRefer(m: Message, source: Flow, call: Call, out: Destination): number {
    const { callers } = this;
    const status = callers.judgeRefer(m, source, call.isKnown || call.session.isCaller);
    if (callers.proof === PROOF_WRONG || callers.proof === PROOF_LAST) this.tellWrongPassword(m, source);
    if (status !== 0) return status;
    // Of two phones in the call neither moves the other one.
    return this.joined !== null ? 491 : this.moves.judge(out);
  }

  writeChallenge(w: Writer, ip: number): void {
    this.callers.writeChallenge(w, ip);
  }

  private tellWrongPassword(m: Message, source: Flow): void {
    const isLast = this.callers.proof === PROOF_LAST;
    this.events.event("error", isLast ? "wrong call.password: no more tries for now" : "wrong call.password", [
      "address",
      ipv4Text(source.ip),
      "peer",
      callerOf(m),
      "wait",
      isLast ? GUESS_EVERY_MS / 1000 : 0,
    ]);
  }

  // ---- helpers ----

  endWords(cause: number, status: number, m: Message | null): string {
    const isOurs = cause === CAUSE_LOCAL || cause === CAUSE_DECLINED;
    if (isOurs && this.reason !== "") return this.reason;
    const { challengeProblem } = this.ua;
    const isChallenge = m !== null && !m.isRequest && (status === 401 || status === 407) && challengeProblem !== "";
    return endReason(cause, status, m) + (isChallenge ? ": " + printable(challengeProblem) : "");
  }

  private reportAudio(call: Call): void {
    this.events.event("audio", call.media.verdict(), soundOf(call.media));
  }

  private showLight(): void {
    const call = this.ua.activeCall();
    let light = LED_READY;
    if (this.doorway.isOpen) light = LED_OPEN;
    else if (call === null && this.ring.isOn) light = LED_RINGING;
    else if (call !== null)
      light = call.state === CALL_CONFIRMED || call.state === CALL_HELD ? LED_IN_CALL : LED_RINGING;
    else if (this.doorway.isAlarm) light = LED_FAULT;
    else if (
      this.registration !== REGISTRATION_DONE &&
      this.settings.get("sip.domain") !== "" &&
      this.settings.get("sip.register")
    ) {
      light = LED_UNREGISTERED;
    }
    if (light === this.light) return;
    this.light = light;
    this.outputs.led(light);
    this.events.event("led", LED_NAMES[light], NOTHING);
  }
}

/** The text with stars for digits that may be a code. */
function withoutCodes(said: string): string {
  let out = "";
  for (let i = 0; i < said.length; ) {
    let end = i;
    while (end < said.length && said.charAt(end) >= "0" && said.charAt(end) <= "9") end += 1;
    if (end - i >= CODE_DIGITS) out += "****";
    else if (end > i) out += said.slice(i, end);
    else out += said.charAt(end++);
    i = end;
  }
  return out;
}

/** What the visitor hears of a call of the button. */
function signalOf(call: Call, cause: number, status: number): number {
  if (call.state === CALL_RINGING) return SIGNAL_RINGING;
  if (call.state !== CALL_ENDED || call.answeredMs >= 0 || cause === CAUSE_LOCAL) return SIGNAL_QUIET;
  return status === 486 || status === 600 || status === 603 || cause === CAUSE_NO_ANSWER ? SIGNAL_BUSY : SIGNAL_FAILED;
}

/** @param problem what the response does not say */
function failureOf(m: Message | null, problem: string): string {
  if (m === null) return problem === "" ? "no answer from the server" : problem;
  return reasonOf(m) + (problem === "" ? "" : ": " + printable(problem));
}

const NOTHING: readonly (string | number)[] = [];
