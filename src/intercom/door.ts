/**
 * The door station: buttons that call, codes that open, and a user agent in between. It turns all that happens into
 * events that a person or a program can read, and into light.
 * Not here: devices (the station drives them), the console's words, whom a button calls (ringplan.ts, ring.ts), codes
 * (access.ts), relays and the door's contact (doorway.ts), and who may call (callers.ts).
 */

import type { Store } from "../../hal/device.js";
import { ipv4Text } from "../core/address.js";
import { text } from "../core/bytes.js";
import { GUESS_EVERY_MS } from "../core/guesses.js";
import { PHONES_MOST } from "../core/limits.js";
import { printable } from "../core/printable.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { CAUSE_DECLINED, CAUSE_LOCAL } from "../dialog/cause.js";
import { SESSION_INCOMING } from "../dialog/sessionstate.js";
import { INBAND_AUTO, INBAND_OFF, INBAND_ON } from "../media/agreement.js";
import { People } from "../people/people.js";
import { isQuiet, mayPress, planOfButton, planOfHold } from "../settings/buttons.js";
import { HOUSE_GROUP, type Plan, planOf } from "../settings/ringplan.js";
import { DAY_PLANS, PHONE_NAMES, PHONE_PASSWORDS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import { agentSettings } from "../settings/useragent.js";
import type { Flow } from "../transaction/flow.js";
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
} from "../ua/call.js";
import type { Identity } from "../ua/identity.js";
import type { Destination } from "../ua/incall.js";
import { REGISTRATION_DONE, REGISTRATION_FAILED, REGISTRATION_OFF, REGISTRATION_TRYING } from "../ua/registration.js";
import { TRANSFER_PICKING } from "../ua/transfer.js";
import { UserAgent, type UserAgentParts, type UserAgentUser } from "../ua/useragent.js";
import type { Message } from "../wire/message.js";
import { HEADER_REPLACES, METHOD_INVITE, METHOD_MESSAGE } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { Access, type AccessParts, type AccessUser, type Opening, readOrder } from "./access.js";
import { personOf } from "./addressee.js";
import { Alarm, type AlarmCause } from "./alarm.js";
import { Allowance } from "./allowance.js";
import { Callers, DOOR_BUSY, DOOR_IDLE, DOOR_JOINABLE, DOOR_PICKED } from "./callers.js";
import {
  callerOf,
  codecOf,
  DIGIT_WAYS,
  encryptionOf,
  endReason,
  reasonOf,
  signallingOf,
  soundOf,
  targetOf,
  textOf,
} from "./calltext.js";
import { PROOF_LAST, PROOF_RIGHT, PROOF_WRONG } from "./challenge.js";
import { Doorway, type DoorwayParts, type DoorwayUser } from "./doorway.js";
import {
  type DoorEvents,
  type DoorOutputs,
  type EventFields,
  type EventValues,
  LED_FAULT,
  LED_IN_CALL,
  LED_NAMES,
  LED_OFF,
  LED_OPEN,
  LED_READY,
  LED_RINGING,
  LED_UNREGISTERED,
  NO_FIELDS,
  SIGNAL_ANSWERED,
  SIGNAL_BUSY,
  SIGNAL_CODE_WANTED,
  SIGNAL_ENDING,
  SIGNAL_FAILED,
  SIGNAL_KEY,
  SIGNAL_OPENED,
  SIGNAL_QUIET,
  SIGNAL_RINGING,
  SIGNAL_WRONG_CODE,
} from "./events.js";
import { Handover, type HandoverUser } from "./handover.js";
import { HouseServer, type HouseServerUser } from "./houseserver.js";
import { hasHours, OpenHours } from "./openhours.js";
import { RefusedCalls } from "./refusals.js";
import { FALLBACK_TIME_MS, RING_BRANCH, RING_NOTHING, Ring, type RingUser } from "./ring.js";
import { TalkTime, type TalkTimeUser } from "./talktime.js";
import { Trace } from "./trace.js";
import { TransferTargets } from "./transfertargets.js";

/** How often it is looked at how the sound of a call goes. */
const SOUND_LOOK_MS = 5000;
// How long no target may answer at all before the fallback rings, and how long when the server is known not to answer.
const SILENCE_MS = 5000;
const SILENCE_UNREACHED_MS = 1000;

/** The names of call states, by CALL_*. */
// The first is that of no call, which is never told.
const STATES: readonly EventValues["branch"][] = [
  "ended",
  "calling",
  "ringing",
  "early",
  "ringing",
  "confirmed",
  "held",
  "ended",
];
const QUIET = "it is quiet (call.quiet): the button rings nobody";
/** Stands for a digit that must not be shown. */
const DIGIT_HIDDEN = "digit";
/** Texts of MESSAGEs that are told at once, and how often one is after that. */
const TEXTS_AT_ONCE = 10;
const TEXT_EVERY_MS = 2000;
/** So many digits in a row in a text may be a code. */
const CODE_DIGITS = 4;

/** What a door is made of. */
export interface DoorParts extends UserAgentParts, AccessParts, DoorwayParts {
  /** Keeps the records of people; without it `store` does. */
  peopleStore?: Store | null;
}

/** The timer of the report about a call's sound. */
export const SOUND_REPORT_TIMERS = 1;

export class Door
  implements UserAgentUser, TimerUser, DoorwayUser, AccessUser, RingUser, TalkTimeUser, HouseServerUser, HandoverUser
{
  readonly ua: UserAgent;
  readonly settings: Settings;
  readonly doorway: Doorway;
  /** Null where the board has no output for it and the housing is not watched. */
  alarm: Alarm | null = null;
  /** Null as long as no relay has hours. */
  private openHours: OpenHours | null = null;
  readonly people: People;
  /** The REGISTRATION_* that was told last. */
  registration = REGISTRATION_OFF;
  /** Why the last registration failed. */
  unregistered = "";
  readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly outputs: DoorOutputs;
  readonly access: Access;
  private readonly callers: Callers;
  private readonly refused: RefusedCalls;
  private readonly texts = new Allowance(TEXTS_AT_ONCE, TEXT_EVERY_MS);
  private readonly ring: Ring;
  private readonly handover: Handover;
  private readonly moves: TransferTargets;
  private readonly soundTimer: number;
  private readonly soundToldMs: number;
  /** How the sound goes, as it was told last, and when; "" at the beginning of a call. */
  private verdict = "";
  /** The problem of the call's sound that was told. */
  private problem = "";
  private toldAtMs = 0;
  private readonly talk: TalkTime;
  /** The server of the house's phones; null when the door is no server. */
  readonly houseServer: HouseServer | null;
  /** Its name in the local network; undefined if it has none. */
  declare localName?: string;
  /** The SIP messages of the last call. */
  readonly trace: Trace;
  private readonly isServer: boolean;
  /** The button that was pressed last. */
  private button = 0;
  /** The button whose press started the call; 0: a press that did something else. */
  private calling = 0;
  /** Whether the server did not answer the last REGISTER. */
  private isUnreached = false;
  /** Whether it was told that everybody is answered automatically. */
  private isOpenTold = false;
  /** Why the door ends the call, for the log; "": no special reason. */
  private reason = "";
  /** The call of the second phone that has joined, or null. */
  private joined: Call | null = null;
  private light = LED_OFF;
  /** The contact of the housing: 1 closed, 0 open, -1 not known. */
  private contact = -1;
  /** What of the people cannot be used, until it was told. */
  private peopleProblem = "";
  /** The ports that the sockets have; 0: they are not open yet. */
  private port = 0;
  private rtpPort = 0;

  constructor(parts: DoorParts) {
    const { settings, limits, timers, random, outputs, events, peopleStore = parts.store } = parts;
    this.settings = settings;
    this.timers = timers;
    this.events = events;
    this.outputs = outputs;
    this.people = new People(peopleStore ?? NO_STORE, settings, random, peopleStore === null ? 0 : limits.people);
    this.access = new Access(parts, this.people, this);
    this.doorway = new Doorway(parts, this);
    this.soundTimer = timers.make(this, 0);
    this.soundToldMs = limits.soundToldMs;
    this.talk = new TalkTime(settings, timers, this);
    this.ua = new UserAgent(agentSettings(settings), parts, this);
    this.ua.strangers.isWary = true;
    this.refused = new RefusedCalls(timers, events);
    this.callers = new Callers(this.ua, settings);
    this.trace = new Trace(timers, limits.traceBytes, limits.traceMessageBytes);
    this.ua.layer.transport.tap = this.trace;
    this.ring = new Ring(this.ua, timers, this);
    this.handover = new Handover(parts, this.ring, this);
    this.isServer = settings.get("server.enabled");
    this.houseServer =
      this.isServer && limits.phones > 0
        ? new HouseServer(this.ua, limits, this, settings.get("server.mode") === "redirect")
        : null;
    this.moves = new TransferTargets(this.ua, settings, this.houseServer);
    this.peopleProblem = this.people.load();
    this.access.configure();
    this.setUp();
  }

  /** Starts the door, or starts it anew after settings changed. @param ip our address */
  start(ip: number): void {
    // Sockets are opened once, so other ports hold from the next start on.
    if (this.port === 0) {
      this.port = this.settings.get("sip.port");
      this.rtpPort = this.settings.get("rtp.port");
    }
    this.prepare();
    if (this.peopleProblem !== "") this.fail(this.peopleProblem);
    this.peopleProblem = "";
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
    this.ua.strangers.joins = this.settings.get("call.join");
    const settings = agentSettings(this.settings);
    settings.rtpPort = this.rtpPort;
    this.ua.configure(settings, ip, this.port, this.port);
    this.showLight();
  }

  /** Takes the codes and the relays of the settings: the keypad opens without a network too. */
  prepare(): void {
    this.doorway.configure();
    this.access.configure();
    this.setUp();
  }

  /** Makes what the settings ask for: a plain board has no memory for what is not set up. */
  private setUp(): void {
    if (this.outputs.alarm !== undefined || this.settings.get("door.tamper") !== "off")
      this.alarm ??= new Alarm(this.shared);
    this.alarm?.configure(this.contact);
    if (hasHours(this.settings)) this.openHours ??= new OpenHours(this.shared, this.doorway);
    this.openHours?.configure();
  }

  private get shared(): DoorwayParts {
    const { settings, timers, outputs, events } = this;
    return { settings, timers, outputs, events };
  }

  /** Tells at each start that strangers are answered and hear the door, where the settings say so. */
  private tellOpen(): void {
    const isOpen = this.callers.isOpenToAll();
    if (isOpen && !this.isOpenTold)
      this.events.event("config", "open microphone", {
        keys: "call.autoAnswer,call.allow",
        means: "everybody who can reach the door is answered at once and hears it",
      });
    this.isOpenTold = isOpen;
  }

  /** Tells which phones have a name and no password, since they cannot register. */
  private tellPhonesWithout(): void {
    for (let i = 0; i < PHONES_MOST; i++) {
      const name = this.settings.get(PHONE_NAMES[i]);
      if (name !== "" && this.settings.get(PHONE_PASSWORDS[i]) === "")
        this.fail(PHONE_PASSWORDS[i] + " is not set: " + name + " cannot register");
    }
  }

  // ---- the buttons ----

  /**
   * Presses a button. It calls; while it rings it cancels (or answers a call that came); in a call it hangs up. Another
   * button than the one that rings calls its own targets instead. @param button from 1
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
    this.events.event("button", "pressed", { button });
    if (this.keepsQuiet()) return;
    const plan = planOfButton(this.settings, button, this.outputs.epochS());
    if (plan !== null) this.startCalls(plan, this.settings.get("call.fallback"));
    else if (planOfHold(this.settings, button) === null)
      this.fail("call.target is not set: set call.target sip:user@host");
  }

  /** Returns whether it is quiet, so that a press rings nobody; then that is told. */
  private keepsQuiet(): boolean {
    if (!isQuiet(this.settings, this.outputs.epochS())) return false;
    this.fail(QUIET);
    this.outputs.signal(SIGNAL_BUSY);
    return true;
  }

  /**
   * A button is held. If its press has called and nobody has answered, other targets are called instead.
   * @param button from 1
   */
  hold(button: number): void {
    const plan = button === this.calling ? planOfHold(this.settings, button) : null;
    this.calling = 0;
    if (plan === null) return;
    if (this.ring.isOn) this.hangUp("");
    else if (this.ua.activeCall() !== null) return;
    this.events.event("button", "held", { button });
    this.startCalls(plan, this.settings.get("call.fallback"));
  }

  /**
   * Whether a button's targets ring or will ring. Between two of them, or while there is no room, there may be no call.
   */
  get isRinging(): boolean {
    return this.ring.isOn;
  }

  /** Calls one target. @returns "" or why it cannot be called */
  call(target: string): string {
    this.button = 0;
    return target === ""
      ? this.fail("call.target is not set: set call.target sip:user@host")
      : this.startCalls(planOf(target, this.settings.get("call.ringTime") * 1000), "");
  }

  /** Calls whom a button calls now, without a press. @param button from 1 @returns "" or why not */
  callPlan(button: number): string {
    if (this.ua.activeCall() !== null || this.ring.isOn) return "there is a call";
    const plan = planOfButton(this.settings, button, this.outputs.epochS());
    if (plan === null) return "call.target is not set";
    this.button = button;
    return this.startCalls(plan, this.settings.get("call.fallback"));
  }

  /** Moves the visitor to another phone, as a REFER of the phone in the call would. @returns "" or why not */
  move(target: string): string {
    if (this.joined !== null) return "two phones are in the call: one of them has to hang up first";
    if (this.houseServer === null) return this.ua.move(target);
    const { targets, direct, error } = this.houseServer.expand(planOf(target, 0));
    return targets.length === 0 ? error : this.ua.move(targets[0], direct[0]);
  }

  /** Ends all that rings or talks. @param reason for the log, "" for no special one */
  hangUp(reason: string): void {
    this.reason = reason;
    this.ring.stop();
    this.ua.transfer.giveUp();
    for (let i = 0; i < this.ua.calls.length; i++) this.ua.hangUp(this.ua.calls[i]);
  }

  private startCalls(asked: Plan, spare: string): string {
    const fallback = this.houseServer === null ? spare : this.houseServer.contactFor(spare);
    if (this.houseServer === null && asked.targets.indexOf(HOUSE_GROUP) >= 0)
      return this.fail(HOUSE_GROUP + " needs the door to be a server: set server.enabled on, and start again");
    let plan = this.houseServer === null ? asked : this.houseServer.expand(asked);
    // No phone of the house is registered, so the fallback rings at once.
    const isEmpty = asked.error === "" && plan.error !== "" && fallback !== "";
    if (isEmpty) plan = planOf(fallback, FALLBACK_TIME_MS, true);
    const silenceMs = this.isUnreached ? SILENCE_UNREACHED_MS : SILENCE_MS;
    const error = plan.error !== "" ? plan.error : this.ring.startRinging(plan, isEmpty ? "" : fallback, silenceMs);
    // The first call may wait for room, and then no event of a call shows that it rings.
    this.showLight();
    return error === "" ? "" : this.fail(error);
  }

  private fail(error: string): string {
    this.events.event("error", error, NO_FIELDS);
    return error;
  }

  // ---- the door ----

  /** Whether a relay is on. */
  get isOpen(): boolean {
    return this.doorway.isOpen;
  }

  /** Switches a relay on. @param reason for the log @param relay from 1 @returns "" or one line why not */
  open(reason: string, relay = 1): string {
    return this.doorway.open(relay, reason);
  }

  close(relay = 1): void {
    this.doorway.close(relay);
  }

  /** The button inside was pressed. It needs no code, and a lock on codes does not stop it. */
  exit(): void {
    const relay = this.settings.get("door.exit");
    if (relay === 0) return;
    const error = this.doorway.toggle(relay, "exit button");
    if (error !== "") this.fail("door.exit: " + error);
  }

  onDoorway(): void {
    this.showLight();
  }

  onAlarm(cause: AlarmCause): void {
    this.alarm?.raise(cause);
  }

  /** The contact of the housing changed. @param contact 1 closed, 0 open */
  onTamper(contact: number): void {
    this.contact = contact;
    this.alarm?.onContact(contact);
    this.showLight();
  }

  onCode({ relay, reason }: Opening): void {
    // Whoever has a code or card ends an alarm.
    this.alarm?.end();
    const error = this.doorway.toggle(relay, reason);
    if (error !== "") this.fail(error);
    else this.opened();
  }

  isInCall(): boolean {
    return this.ua.activeCall() !== null;
  }

  onWrongCode(call: Call | null, isLast: boolean): void {
    this.outputs.signal(SIGNAL_WRONG_CODE);
    if (call !== null && isLast) this.hangUp("wrong door codes");
  }

  onCodeWanted(): void {
    this.outputs.signal(SIGNAL_CODE_WANTED);
  }

  /** A key of the keypad at the door. It is heard, unless somebody talks. @param code ASCII */
  key(code: number): void {
    if (this.ua.activeCall() === null && !this.ring.isOn) this.outputs.signal(SIGNAL_KEY);
    this.access.key(code);
  }

  /** Rings the plan of a button, by its number at the keypad; 0 is the first one's. */
  onDial(digits: string): void {
    const button = digits === "0" ? 1 : Number(digits);
    const mayDial = this.settings.get("keypad.dial");
    if (mayDial && button >= 1 && button <= DAY_PLANS.length) this.press(button);
    else this.outputs.signal(SIGNAL_WRONG_CODE);
  }

  epochS(): number {
    return this.outputs.epochS();
  }

  private opened(): void {
    this.outputs.signal(SIGNAL_OPENED);
    if (this.ua.activeCall() !== null) this.talk.leave();
  }

  // ---- timers ----

  onTimer(): void {
    const call = this.ua.activeCall();
    if (call === null || !call.hasSound) return;
    const problem = this.outputs.soundProblem();
    const isNews = call.media.verdict() !== this.verdict || (problem !== "" && problem !== this.problem);
    if (isNews || this.timers.nowMs - this.toldAtMs >= this.soundToldMs) this.tellSound(call);
    this.timers.start(this.soundTimer, SOUND_LOOK_MS);
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
    if (state === REGISTRATION_FAILED) this.unregistered = failureOf(m, this.ua.registration.problem);
    this.tellRegistration("register", this.ua, state, status, this.unregistered);
  }

  onSecondRegistration(state: number, status: number, m: Message | null): void {
    const { second } = this.ua;
    if (second === null) return;
    if (state === REGISTRATION_FAILED) second.failure = failureOf(m, second.registration.problem);
    this.tellRegistration("register2", second, state, status, second.failure);
  }

  /** @param failure why there is no registration */
  private tellRegistration(
    name: "register" | "register2",
    { account, registration }: Identity,
    state: number,
    code: number,
    failure: string,
  ): void {
    if (state === REGISTRATION_TRYING) this.events.event(name, "registering", { server: account.settings.domain });
    else if (state === REGISTRATION_DONE) {
      const { place } = registration;
      const fields: EventFields["register"] = { expires: registration.grantedS };
      if (place !== "") fields.at = printable(place);
      this.events.event(name, "registered", fields);
    } else if (state === REGISTRATION_OFF) this.events.event(name, "unregistered", NO_FIELDS);
    else {
      const nextS = Math.round(registration.nextMs() / 1000);
      this.events.event(name, "failed", { reason: failure, code, retry: nextS });
    }
    this.showLight();
  }

  onBinding(m: Message, start: number, end: number): void {
    this.events.event("register", "binding", { contact: printable(text(m.bytes, start, end)) });
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

  /** A second phone joins a running call, or one of the two leaves it. @returns whether nothing else is to be told */
  private isJoin(call: Call, cause: number, status: number, m: Message | null): boolean {
    if (call.state === CALL_INCOMING) {
      if (this.ua.activeCall() === call) return false;
      this.joined = call;
      this.identify(call);
      this.events.event("join", "ringing", { peer: callerOf(m) });
      this.answerAlone(call);
      return true;
    }
    const joined = this.joined;
    if (joined === null) return false;
    if (call.state === CALL_ENDED) {
      // Whichever of the two leaves, the other one has the call from now on.
      this.joined = null;
      this.events.event("join", "ended", { reason: this.endWords(cause, status, m) });
      if (call.hadSound()) this.tellSound(call);
      return true;
    }
    if (call === joined) this.events.event("join", STATES[call.state], NO_FIELDS);
    return call === joined;
  }

  onTransfer(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void {
    if (change === TRANSFER_PICKING) this.identify(call);
    this.handover.onTransfer(change, call, other, cause, status, m);
    this.showLight();
  }

  onMakeRoom(call: Call): void {
    this.ring.drop(call);
  }

  onHandedOver(): void {
    this.access.reset();
    this.verdict = "";
    this.timers.start(this.soundTimer, SOUND_LOOK_MS);
  }

  onRingStopped(wasTold: boolean): void {
    if (wasTold) {
      const reason = this.reason === "" ? "hung up here" : this.reason;
      this.events.event("call", "ended", { direction: "out", reason, code: 0, duration: 0 });
    }
    this.outputs.signal(SIGNAL_QUIET);
    this.showLight();
  }

  onRingEnded(error: string): void {
    this.events.event("call", "ended", { direction: "out", reason: error, code: 0, duration: 0 });
    this.outputs.signal(SIGNAL_FAILED);
    this.showLight();
  }

  /** Tells the state of the call to one of several targets. */
  tellBranch(call: Call, cause: number, status: number, m: Message | null): void {
    const fields: EventFields["branch"] = { peer: targetOf(call) };
    if (call.state === CALL_ENDED) {
      const isLoser = cause === CAUSE_LOCAL && this.ring.isAnswered();
      fields.reason = isLoser ? "answered elsewhere" : this.endWords(cause, status, m);
      fields.code = status;
    }
    this.events.event("branch", STATES[call.state], fields);
  }

  /** Tells the state of the visitor's call as a whole. */
  tellCall(call: Call, cause: number, status: number, m: Message | null): void {
    const direction = call.session.isCaller ? "out" : "in";
    const fields: EventFields["call"] = { direction };
    switch (call.state) {
      case CALL_CALLING:
        this.reason = "";
        this.access.reset();
        fields.peer = targetOf(call);
        break;
      case CALL_INCOMING:
        this.reason = "";
        this.identify(call);
        this.access.reset();
        fields.peer = callerOf(m);
        break;
      case CALL_EARLY:
        this.timers.start(this.soundTimer, SOUND_LOOK_MS);
        break;
      case CALL_CONFIRMED:
        fields.codec = codecOf(call);
        fields.encryption = encryptionOf(call.media);
        fields.signalling = signallingOf(this.ua.layer, call);
        if (this.ring.isPlural && call.session.isCaller) fields.peer = targetOf(call);
        this.timers.start(this.soundTimer, SOUND_LOOK_MS);
        // It does not begin anew after it was held.
        if (call.answeredMs === this.timers.nowMs) this.talk.startTalk();
        break;
      case CALL_ENDED: {
        this.timers.stop(this.soundTimer);
        this.talk.stop();
        this.handover.rest();
        this.access.reset();
        if (call.hadSound()) this.tellSound(call);
        this.verdict = this.problem = "";
        const durationS = call.answeredMs < 0 ? 0 : Math.round((this.timers.nowMs - call.answeredMs) / 1000);
        fields.reason = this.endWords(cause, status, m);
        fields.code = status;
        fields.duration = durationS;
        break;
      }
      default:
        break;
    }
    this.events.event("call", STATES[call.state], fields);
    if (call.session.isCaller) this.outputs.signal(signalOf(call, cause, status));
    if (call.state !== CALL_INCOMING) return;
    const afterS = this.callers.answerAfterS(m);
    // The answer has a wake of its own behind the 180, even without delay: sound that plays would have to wait for
    // both.
    if (afterS === 0 && !call.session.hasRung()) this.answerAlone(call);
    else if (afterS >= 0) this.talk.answerIn(afterS);
  }

  onDigit(call: Call, code: number, durationMs: number, way: number): void {
    const shown = this.settings.get("call.showDigits") ? String.fromCharCode(code) : DIGIT_HIDDEN;
    this.events.event("dtmf", shown, { duration: durationMs, by: DIGIT_WAYS[way] });
    // Digits count only once the call was answered: before that the caller was not let in.
    if (call.state !== CALL_INCOMING) this.access.digit(call, code, way);
  }

  /**
   * Takes a MESSAGE. `open`, `open 2`, `open 1234`, `open 2 1234` and `close` from known callers move the relays; every
   * text is told.
   */
  onText(_call: Call | null, m: Message): void {
    const said = textOf(m);
    const order = readOrder(said);
    // Digits that may be a code are not told.
    const isOrder = said.trim().slice(0, 4).toLowerCase() === "open";
    const shown = this.settings.get("call.showDigits") ? printable(said) : withoutCodes(printable(said));
    if (this.texts.take(this.timers.nowMs)) {
      const fields: EventFields["text"] = { peer: callerOf(m) };
      const untold = this.texts.takeUntold();
      if (untold > 0) fields.untold = untold;
      this.events.event("text", isOrder ? "open" : shown, fields);
    }
    if (order === null || !this.callers.isKnown) return;
    const person = personOf(this.callers.caller, this.people, this.callers, this.houseServer);
    if (order.word === "close") this.doorway.close(order.relay);
    else if (order.code !== "") this.access.text(order.relay, order.code);
    else if (person >= 0) this.access.order(person, order.relay);
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

  onOutside(ip: number, port: number): void {
    const means = ip < 0 ? "those outside are told the door's own address" : "those outside are told this address";
    const address = ip < 0 ? ipv4Text(this.ua.layer.localIp) : ipv4Text(ip) + ":" + port;
    this.events.event("config", "outside", { address, means });
  }

  onPhone(name: string, isThere: boolean): void {
    this.events.event("phone", isThere ? "registered" : "gone", { name });
  }

  onWrongPassword(name: string, ip: number, waitS: number): void {
    const address = ipv4Text(ip);
    const what = waitS > 0 ? "wrong phone password: no more tries for now" : "wrong phone password";
    this.events.event("error", what, { address, name, wait: waitS });
  }

  onSound(_call: Call, change: number, ip: number, port: number): void {
    if (change === SOUND_MOVED) this.events.event("sound", "moved", { address: ipv4Text(ip) + ":" + port });
    else this.events.event("sound", change === SOUND_QUIET ? "quiet" : "back", NO_FIELDS);
  }

  onCallRefused(m: Message, source: Flow, status: number): void {
    this.refused.tell(m, source, status, this.callers.isExpected(source.ip), this.ua);
  }

  /** Judges a request outside of a dialog. @param isPhone a phone of the house sent it, as its password proves */
  mayCall(m: Message, source: Flow, call: Call | null, isPhone: boolean): number {
    const { callers, ua } = this;
    const active = ua.activeCall();
    const isJoinable = ua.strangers.joins && ua.lines.length > 1 && active !== null && active.answeredMs >= 0;
    const isPickUp = m.method === METHOD_INVITE && m.has(HEADER_REPLACES);
    const isFree = active === null && !this.ring.isOn;
    const mayJoin = isJoinable && this.joined === null && !ua.transfer.isOn && !ua.transfer.isPicking;
    const door =
      isPickUp && this.joined === null ? DOOR_PICKED : isFree ? DOOR_IDLE : mayJoin ? DOOR_JOINABLE : DOOR_BUSY;
    const isKnown = call !== null && (call.isKnown || call.session.isCaller);
    const status = call === null ? callers.judge(m, source, isPhone, door) : callers.judgeInCall(m, source, isKnown);
    if (isPhone && this.houseServer !== null) callers.caller = this.houseServer.senderAddress;
    if (call !== null && callers.caller === "") callers.caller = callerIn(call);
    // The nonce was given to that address alone, so the address is real.
    if (callers.proof === PROOF_RIGHT) ua.layer.prove(source.ip);
    if (callers.proof === PROOF_WRONG || callers.proof === PROOF_LAST) this.tellWrongPassword(m, source);
    // A stranger's order is refused without an event, or strangers would fill the log.
    if (status === 403 && callers.isKnown && m.method === METHOD_MESSAGE)
      this.fail("door.message is off: the door takes no orders by MESSAGE");
    return status;
  }

  mayRefer(m: Message, source: Flow, call: Call, out: Destination): number {
    const { callers } = this;
    const status = callers.judgeRefer(m, source, call.isKnown || call.session.isCaller);
    if (callers.proof === PROOF_WRONG || callers.proof === PROOF_LAST) this.tellWrongPassword(m, source);
    if (status !== 0) return status;
    // While two phones are in the call, neither may move the other one.
    return this.joined !== null ? 491 : this.moves.judge(call, out);
  }

  writeChallenge(w: Writer, ip: number): void {
    this.callers.writeChallenge(w, ip);
  }

  private tellWrongPassword(m: Message, source: Flow): void {
    const isLast = this.callers.proof === PROOF_LAST;
    this.events.event("error", isLast ? "wrong call.password: no more tries for now" : "wrong call.password", {
      address: ipv4Text(source.ip),
      peer: callerOf(m),
      wait: isLast ? GUESS_EVERY_MS / 1000 : 0,
    });
  }

  /** Takes over who sent the request that was judged last: it began that call. */
  private identify(call: Call): void {
    call.isKnown = this.callers.isKnown;
    call.caller = this.callers.caller;
  }

  callerOf(call: Call): number {
    return personOf(callerIn(call), this.people, this.callers, this.houseServer);
  }

  // ---- helpers ----

  endWords(cause: number, status: number, m: Message | null): string {
    const isOurs = cause === CAUSE_LOCAL || cause === CAUSE_DECLINED;
    if (isOurs && this.reason !== "") return this.reason;
    const { challengeProblem } = this.ua;
    const isChallenge = m !== null && !m.isRequest && (status === 401 || status === 407) && challengeProblem !== "";
    return endReason(cause, status, m) + (isChallenge ? ": " + printable(challengeProblem) : "");
  }

  private tellSound(call: Call): void {
    this.verdict = call.media.verdict();
    this.toldAtMs = this.timers.nowMs;
    this.events.event("audio", this.verdict, this.soundFields(call));
  }

  /** @returns the figures of the call's sound, with its problem when that was not told yet */
  private soundFields(call: Call): EventFields["audio"] {
    const fields = soundOf(call.media);
    const problem = this.outputs.soundProblem();
    if (problem !== "" && problem !== this.problem) this.problem = fields.problem = problem;
    return fields;
  }

  /** Returns whether the door is registered with each server at which it is to be. */
  private isRegistered(): boolean {
    const { second } = this.ua;
    if (second?.isOn === true && second.registration.state !== REGISTRATION_DONE) return false;
    if (this.settings.get("sip.domain") === "" || !this.settings.get("sip.register")) return true;
    return this.registration === REGISTRATION_DONE;
  }

  private showLight(): void {
    const call = this.ua.activeCall();
    let light = LED_READY;
    if (this.doorway.isOpened) light = LED_OPEN;
    else if (call === null && this.ring.isOn) light = LED_RINGING;
    else if (call !== null)
      light = call.state === CALL_CONFIRMED || call.state === CALL_HELD ? LED_IN_CALL : LED_RINGING;
    else if (this.doorway.isAlarm || this.alarm?.isTampered === true) light = LED_FAULT;
    else if (!this.isRegistered()) light = LED_UNREGISTERED;
    if (light === this.light) return;
    this.light = light;
    this.outputs.led(light);
    this.events.event("led", LED_NAMES[light], NO_FIELDS);
  }
}

/** @returns the address that was proved at the begin of a call that came, "" for a call that the door made */
function callerIn(call: Call): string {
  return call.session.isCaller ? "" : call.caller;
}

/** Returns the text with stars for digits that may be a code. */
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

/** Returns the tone that the visitor hears in that state of the button's call. */
function signalOf(call: Call, cause: number, status: number): number {
  if (call.state === CALL_RINGING) return SIGNAL_RINGING;
  if (call.state !== CALL_ENDED || call.answeredMs >= 0 || cause === CAUSE_LOCAL) return SIGNAL_QUIET;
  return status === 486 || status === 600 || status === 603 || cause === CAUSE_NO_ANSWER ? SIGNAL_BUSY : SIGNAL_FAILED;
}

/** @param problem a reason that the response does not give */
function failureOf(m: Message | null, problem: string): string {
  if (m === null) return problem === "" ? "no answer from the server" : problem;
  return reasonOf(m) + (problem === "" ? "" : ": " + printable(problem));
}

/** Stands for a store where there is none: nobody is kept. */
const NO_STORE: Store = { read: () => null, write: () => {} };
