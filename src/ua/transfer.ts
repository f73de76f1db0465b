/**
 * A call that goes over to another phone. Moved by the phone in it: a REFER (RFC 3515) names a target, which is called
 * on the same line; the first call stays until the target answers, and its phone is told how it goes
 * (dialog/referral.ts). Taken by another phone: an INVITE with Replaces (RFC 3891) names the call whose place it takes.
 * One at a time of each.
 *
 *     move:     IDLE --startMove--> CALLING --target answers--> the first call is left
 *               the first call is left --its BYE, or ours after a second--> IDLE
 *               CALLING --target fails--> IDLE: the first call goes on, or all is over if its phone has hung up
 *     pick-up:  IDLE --pickUp--> PICKING --ACK--> the replaced call is ended --> IDLE
 *
 * Not here: who may, and where to (the intercom), what a REFER says (wire/referto.ts), and the requests themselves
 * (incall.ts, strangers.ts).
 */
import type { Span } from "../core/bytes.js";
import type { Timers, TimerUser } from "../core/timers.js";
import {
  CAUSE_LOCAL,
  CAUSE_NETWORK,
  CAUSE_NO_CODEC,
  CAUSE_NO_ROOM,
  CAUSE_TIMEOUT,
  CAUSE_TOO_LONG,
  CAUSE_UNKNOWN_NAME,
} from "../dialog/cause.js";
import { NOTIFIER_TIMERS, type NotifyContext } from "../dialog/notifier.js";
import { Referral } from "../dialog/referral.js";
import type { Message } from "../wire/message.js";
import {
  CALL_CALLING,
  CALL_CONFIRMED,
  CALL_EARLY,
  CALL_ENDED,
  CALL_INCOMING,
  CALL_RINGING,
  type Call,
} from "./call.js";
import type { CallKeeper } from "./callpool.js";

// The changes of a transfer that the user hears of.
/** A REFER was refused. */
export const TRANSFER_REFUSED = 0;
/** The target is called. */
export const TRANSFER_CALLING = 1;
export const TRANSFER_RINGING = 2;
/** The target has answered, and has the call. */
export const TRANSFER_DONE = 3;
/** The target has not; the first phone still has the call. */
export const TRANSFER_FAILED = 4;
/**
 * The first phone has hung up while the target rings (or a phone that picks up has not acknowledged): no phone has the
 * call just now.
 */
export const TRANSFER_WAITING = 5;
/** The target has not, and the first phone is gone. */
export const TRANSFER_LOST = 6;
/** The call that was left is over now: nothing to tell. */
export const TRANSFER_LEFT = 7;
/** Another phone takes the place of a call of ours, and has to acknowledge yet. */
export const TRANSFER_PICKING = 8;
export const TRANSFER_PICKED_UP = 9;

/** The phone that moved a call away has so long for its BYE, before it gets ours. */
const GRACE_MS = 1000;
/** So often one visitor is moved on: two phones that send him to each other do not do it for ever. */
const MOVES_MOST = 8;
/** A subscription may outlast the ringing by the time-out of a transaction, and its CANCEL's. */
const MARGIN_MS = 96_000;

/** The user agent, as a transfer needs it. */
export interface TransferHost {
  /** How long a call may ring, ms. */
  ringMostMs(): number;
  /** Calls on the line of that call. @returns null when no call can be made */
  call(target: string, beside: Call, isDirect: boolean, fields: Span | null): Call | null;
  /**
   * @param change TRANSFER_* @param call which it is about: the target's, from WAITING on the one that ended or takes
   * over
   * @param other the call that was moved or replaced, null when it is gone @param cause CAUSE_* @param status of the
   * response behind it, or 0
   */
  onTransfer(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void;
}

/** Its own timer, for the hang-up of the first call, and that of the subscription which a REFER makes. */
export const TRANSFER_TIMERS = 1 + NOTIFIER_TIMERS;

export class Transfer implements CallKeeper, TimerUser {
  readonly referral: Referral;
  private readonly host: TransferHost;
  private readonly timers: Timers;
  private readonly timer: number;
  /** The target's call, until it answers. */
  private to: Call | null = null;
  /** The call that is being moved, null when its phone has hung up. */
  private from: Call | null = null;
  /** A call that was moved away, and whose phone has its time to hang up. */
  private left: Call | null = null;
  /** A phone that picks up, until it acknowledges, and the call whose place it takes. */
  private picker: Call | null = null;
  private replaced: Call | null = null;
  /**
   * The replaced call was answered, and its phone has hung up: no phone has the call until the one that picks up
   * acknowledges.
   */
  private isAlone = false;
  /** The target's call is being made just now. */
  private isMaking = false;
  private moves = 0;

  constructor(host: TransferHost, context: NotifyContext) {
    const { timers } = context;
    this.host = host;
    this.timers = timers;
    this.timer = timers.make(this, 0);
    this.referral = new Referral(context);
  }

  /** A target is called. */
  get isOn(): boolean {
    return this.to !== null;
  }

  /** A phone picks up, and has not acknowledged. */
  get isPicking(): boolean {
    return this.picker !== null;
  }

  /** The visitor may be moved once more. */
  get mayMove(): boolean {
    return this.moves < MOVES_MOST;
  }

  /** There is no call any more. */
  rest(): void {
    this.moves = 0;
  }

  /**
   * Calls the target for the visitor of `call`, which is answered. @param isDirect past the outbound proxy @param
   * fields further lines of the INVITE
   * @returns whether it is called
   */
  startMove(call: Call, target: string, isDirect: boolean, fields: Span | null): boolean {
    this.endLeft();
    this.from = call;
    this.isMaking = true;
    const to = this.host.call(target, call, isDirect, fields);
    this.isMaking = false;
    if (to === null) {
      this.from = this.to = null;
      return false;
    }
    this.moves += 1;
    return true;
  }

  /** The call that was left needs its time no more: another one wants its room. */
  endLeft(): void {
    if (this.left !== null) this.left.hangUp();
  }

  /** Notifies the phone that asked how it goes. @param id the CSeq of the REFER, or -1 */
  subscribe(call: Call, id: number): void {
    const { dialog } = call.session;
    if (dialog === null) return;
    this.referral.use(call.context);
    this.referral.subscribe(dialog, id, this.host.ringMostMs() + MARGIN_MS);
  }

  /**
   * @returns the call that a phone which picks up `call` takes over: instead of a target that rings, the call that is
   * being moved there
   */
  placeOf(call: Call): Call {
    return call === this.to && this.from !== null ? this.from : call;
  }

  /** A phone takes the place of `replaced`; it has been answered, or will be. */
  pickUp(picker: Call, replaced: Call): void {
    this.picker = picker;
    this.replaced = replaced === picker ? null : replaced;
    this.isAlone = false;
  }

  /** The target is called no longer. */
  giveUp(): void {
    if (this.to !== null) this.to.hangUp();
  }

  /** Whether the dialog of that call is still needed, for a referral. */
  isTelling(call: Call): boolean {
    return this.referral.isIn(call.session.dialog);
  }

  /** Forgets that call: its object serves another one from now on. */
  forget(call: Call): void {
    if (this.isTelling(call)) this.referral.drop();
    if (this.left === call) this.left = null;
    if (this.replaced === call) this.replaced = null;
    call.isMoved = false;
  }

  /** Notes a change of a call, before the user hears of it. @returns whether the user heard of it here */
  noteChange(call: Call, cause: number, status: number, m: Message | null): boolean {
    if (this.isMaking && this.to === null) this.to = call;
    if (call === this.to) return this.noteTarget(call, cause, status, m);
    if (call === this.picker) return this.notePicker(call, cause, status, m);
    if (call.state !== CALL_ENDED) return call.isMoved;
    return this.noteEnd(call, cause, status, m);
  }

  onTimer(): void {
    this.endLeft();
  }

  private noteTarget(call: Call, cause: number, status: number, m: Message | null): boolean {
    const { host, referral, from } = this;
    switch (call.state) {
      case CALL_CALLING:
        host.onTransfer(TRANSFER_CALLING, call, from, cause, status, m);
        return true;
      case CALL_RINGING:
      case CALL_EARLY:
        referral.tell(call.state === CALL_RINGING ? 180 : 183);
        host.onTransfer(TRANSFER_RINGING, call, from, cause, status, m);
        return true;
      case CALL_ENDED:
        this.to = this.from = null;
        referral.finish(finalOf(cause, status));
        host.onTransfer(from === null ? TRANSFER_LOST : TRANSFER_FAILED, call, from, cause, status, m);
        return true;
      default:
        this.to = this.from = null;
        if (from !== null) this.leave(from);
        referral.finish(200);
        host.onTransfer(TRANSFER_DONE, call, from, cause, status, m);
        return true;
    }
  }

  /** Gives the phone of that call its time to hang up. */
  private leave(call: Call): void {
    call.isMoved = true;
    this.left = call;
    this.timers.start(this.timer, GRACE_MS);
  }

  private notePicker(call: Call, cause: number, status: number, m: Message | null): boolean {
    const { host, replaced } = this;
    switch (call.state) {
      case CALL_INCOMING:
        host.onTransfer(TRANSFER_PICKING, call, replaced, cause, status, m);
        return true;
      case CALL_CONFIRMED:
        this.picker = this.replaced = null;
        if (replaced !== null && replaced.isActive()) replaced.isMoved = true;
        this.dismissTarget();
        host.onTransfer(TRANSFER_PICKED_UP, call, replaced, cause, status, m);
        if (replaced !== null && replaced.isActive()) replaced.giveWay();
        return true;
      case CALL_ENDED:
        this.picker = this.replaced = null;
        host.onTransfer(this.isAlone ? TRANSFER_LOST : TRANSFER_FAILED, call, replaced, cause, status, m);
        return true;
      default:
        return false;
    }
  }

  /**
   * A phone picked the call up: no target is needed any more, and the phone that asked for the transfer is told that it
   * is done.
   */
  private dismissTarget(): void {
    const { to } = this;
    if (to === null) return;
    this.to = this.from = null;
    to.isMoved = true;
    this.referral.finish(200);
    to.giveWay();
  }

  private noteEnd(call: Call, cause: number, status: number, m: Message | null): boolean {
    const { host, left } = this;
    if (call === this.from) {
      this.from = null;
      host.onTransfer(TRANSFER_WAITING, call, this.to, cause, status, m);
      return true;
    }
    if (call === this.replaced && call.answeredMs >= 0) {
      this.replaced = null;
      this.isAlone = true;
      host.onTransfer(TRANSFER_WAITING, call, this.picker, cause, status, m);
      return true;
    }
    if (call === left) {
      this.left = null;
      this.timers.stop(this.timer);
    } else if (left !== null && left.line === call.line) {
      // The phone that the visitor was moved to has hung up: the line is kept for no other call.
      this.timers.start(this.timer, 0);
    }
    if (call.isMoved) host.onTransfer(TRANSFER_LEFT, call, null, cause, status, m);
    return call.isMoved;
  }
}

/** The final response that reports a failed transfer. */
function finalOf(cause: number, status: number): number {
  if (status >= 300) return status;
  switch (cause) {
    case CAUSE_TIMEOUT:
      return 408;
    case CAUSE_NETWORK:
    case CAUSE_UNKNOWN_NAME:
    case CAUSE_NO_ROOM:
      return 503;
    case CAUSE_TOO_LONG:
      return 513;
    case CAUSE_NO_CODEC:
      return 488;
    case CAUSE_LOCAL:
      return 487;
    default:
      return 480;
  }
}
