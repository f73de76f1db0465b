/**
 * Tells events when a call goes over to another phone: by REFER of the phone in it, or because another one picks it up.
 * The visitor has one call all the while, which begins and ends once; in between `transfer` events tell who has it.
 * Not here: the transfer itself (ua/transfer.ts), and where calls may be moved (transfertargets.ts).
 */
import type { Timers } from "../core/timers.js";
import { CALL_RINGING, type Call } from "../ua/call.js";
import {
  TRANSFER_CALLING,
  TRANSFER_DONE,
  TRANSFER_FAILED,
  TRANSFER_LEFT,
  TRANSFER_LOST,
  TRANSFER_PICKED_UP,
  TRANSFER_PICKING,
  TRANSFER_REFUSED,
  TRANSFER_RINGING,
  TRANSFER_WAITING,
} from "../ua/transfer.js";
import type { Message } from "../wire/message.js";
import { HEADER_REFER_TO } from "../wire/names.js";
import { callerOf, codecOf, fieldOf, targetOf } from "./calltext.js";
import {
  type DoorEvents,
  type DoorOutputs,
  type EventFields,
  type EventValues,
  SIGNAL_QUIET,
  SIGNAL_RINGING,
} from "./events.js";
import { RING_NOTHING, type Ring } from "./ring.js";

/**
 * So many refused requests of one call are events: a phone that keeps asking must fill neither the console nor the log.
 */
const REFUSALS_TOLD = 5;

/** The part of the door that is needed here. */
export interface HandoverUser {
  /** Says in words why a call ended. */
  endWords(cause: number, status: number, m: Message | null): string;
  /** Tells a call like any other: it is the visitor's from now on, or was until now. */
  tellCall(call: Call, cause: number, status: number, m: Message | null): void;
  /** Tells the state of one of several calls that ring. */
  tellBranch(call: Call, cause: number, status: number, m: Message | null): void;
  /** Another phone has the call, so the digits of the first one are forgotten. */
  onHandedOver(): void;
}

export interface HandoverParts {
  events: DoorEvents;
  outputs: DoorOutputs;
  timers: Timers;
}

export class Handover {
  private readonly events: DoorEvents;
  private readonly outputs: DoorOutputs;
  private readonly timers: Timers;
  private readonly ring: Ring;
  private readonly user: HandoverUser;
  /** The caller that picks up the call. */
  private picker = "";
  /** Whether the visitor was in a call and is between two calls. */
  private isWaiting = false;
  /** Number of requests of this call that were refused. */
  private refusals = 0;

  constructor(parts: HandoverParts, ring: Ring, user: HandoverUser) {
    const { events, outputs, timers } = parts;
    this.events = events;
    this.outputs = outputs;
    this.timers = timers;
    this.ring = ring;
    this.user = user;
  }

  /** The visitor's call is over. */
  rest(): void {
    this.isWaiting = false;
    this.refusals = 0;
  }

  /** Takes what `UserAgentUser.onTransfer` tells. */
  onTransfer(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void {
    switch (change) {
      case TRANSFER_REFUSED:
        this.refusals += 1;
        if (this.refusals > REFUSALS_TOLD) return;
        this.tell("refused", {
          peer: fieldOf(m, HEADER_REFER_TO),
          by: callerOf(m),
          reason: refusal(status),
          code: status,
        });
        return;
      case TRANSFER_CALLING:
        this.tell("calling", { peer: targetOf(call) });
        return;
      case TRANSFER_RINGING:
        this.tell("ringing", { peer: targetOf(call) });
        if (other === null) this.ringTo(call);
        return;
      case TRANSFER_DONE:
        this.tell("done", { direction: "out", peer: targetOf(call), codec: codecOf(call), ...this.talked(other) });
        this.outputs.signal(SIGNAL_QUIET);
        this.isWaiting = false;
        this.user.onHandedOver();
        return;
      case TRANSFER_FAILED: {
        const peer = call.session.isCaller ? targetOf(call) : this.picker;
        this.tell("failed", { peer, reason: this.user.endWords(cause, status, m), code: status });
        return;
      }
      case TRANSFER_LOST:
        this.isWaiting = false;
        this.user.tellCall(call, cause, status, m);
        return;
      case TRANSFER_WAITING:
        this.ring.note(call, cause);
        this.isWaiting = true;
        this.tell("waiting", this.waiting(call, other, this.user.endWords(cause, status, m)));
        if (other?.session.isCaller) this.ringTo(other);
        return;
      case TRANSFER_LEFT: {
        const part = this.ring.note(call, cause);
        // It was one of several calls that rang, and another phone has answered in its place.
        if (part !== RING_NOTHING && call.answeredMs < 0 && this.ring.isPlural)
          this.user.tellBranch(call, cause, status, m);
        return;
      }
      case TRANSFER_PICKING:
        this.picker = callerOf(m);
        this.tell("picking-up", { peer: this.picker });
        return;
      case TRANSFER_PICKED_UP:
        this.pickUp(call, other, cause, status, m);
    }
  }

  private pickUp(call: Call, replaced: Call | null, cause: number, status: number, m: Message | null): void {
    const wasTalking = this.isWaiting || (replaced !== null && replaced.answeredMs >= 0);
    this.isWaiting = false;
    const talked = wasTalking ? this.talked(replaced) : {};
    this.tell("picked-up", { direction: "in", peer: this.picker, codec: codecOf(call), ...talked });
    this.ring.pickUp();
    this.user.onHandedOver();
    if (!wasTalking) this.user.tellCall(call, cause, status, m);
  }

  /** Plays the ringing tone, unless early media of the other side has it. */
  private ringTo(call: Call): void {
    if (!call.hasSound && call.state === CALL_RINGING) this.outputs.signal(SIGNAL_RINGING);
  }

  /** Tells how long the call lasted that was left, unless that was told before. */
  private talked(call: Call | null): { duration?: number } {
    if (call === null || call.answeredMs < 0) return {};
    return { duration: Math.round((this.timers.nowMs - call.answeredMs) / 1000) };
  }

  private waiting(call: Call, other: Call | null, reason: string): EventFields["transfer"] {
    const isOut = other === null || other.session.isCaller;
    const peer = other !== null && isOut ? targetOf(other) : this.picker;
    return { direction: isOut ? "out" : "in", peer, reason, ...this.talked(call) };
  }

  private tell(value: EventValues["transfer"], fields: EventFields["transfer"]): void {
    this.events.event("transfer", value, fields);
  }
}

function refusal(status: number): string {
  switch (status) {
    case 401:
      return "401 for want of call.password";
    case 403:
      return "403 by call.refer";
    case 416:
      return "416 as no address that can be called";
    case 480:
      return "480 as not to be reached";
    case 491:
      return "491 as not now";
    case 513:
      return "513 as too long";
    case 503:
      return "503 for want of room";
    default:
      return "" + status;
  }
}
