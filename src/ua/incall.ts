/**
 * The answers to requests in a call that its session does not handle: OPTIONS, MESSAGE, INFO with a digit, and REFER
 * (RFC 3515).
 * Not here: the session's own requests (dialog/session.ts), and how a call goes over to another phone (transfer.ts).
 */
import { NONE, octets } from "../core/bytes.js";
import { ACCEPT_DIGITS, ALLOW } from "../dialog/capabilities.js";
import { writeContact } from "../dialog/owncontact.js";
import type { SessionContext } from "../dialog/sessionstate.js";
import { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { replyWith } from "../transaction/refusal.js";
import type { ServerTransaction } from "../transaction/server.js";
import { EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { METHOD_INFO, METHOD_MESSAGE, METHOD_OPTIONS, METHOD_OTHER, METHOD_REFER } from "../wire/names.js";
import { BAD_REFER_TO } from "../wire/problems.js";
import { ReferTo } from "../wire/referto.js";
import type { Call } from "./call.js";
import { readInfoDigit } from "./info.js";
import type { Strangers } from "./strangers.js";
import { TRANSFER_REFUSED, type Transfer } from "./transfer.js";

// DIGIT_*: the way by which a digit came.
export const DIGIT_RTP = 1;
export const DIGIT_INFO = 2;
export const DIGIT_INBAND = 3;

/** The target of a call. */
export interface Destination {
  target: string;
  /** The requests do not go by the outbound proxy. */
  isDirect: boolean;
}

/** The events and questions about requests in calls. Messages are lent for the time of the function call. */
export interface InCallUser {
  /** A digit was heard. @param code its ASCII code @param way DIGIT_* */
  onDigit(call: Call, code: number, durationMs: number, way: number): void;
  /**
   * Decides on a REFER that came in a call. @param out the target in the REFER, and the target to call for it
   * @returns as `mayCall`
   */
  mayRefer?(m: Message, source: Flow, call: Call, out: Destination): number;
}

/** The user agent. */
export interface InCallHost {
  readonly layer: TransactionLayer;
  readonly context: SessionContext;
  readonly transfer: Transfer;
  readonly strangers: Strangers;
  readonly user: InCallUser;
  readonly settings: InCallSettings;
  /** The last `call` failed only because there was no room. */
  readonly isFull: boolean;
  /** @returns the status that tells why the call that was asked for just now could not be made */
  failedStatus(): number;
  /** As `TransferHost`. */
  onTransfer(change: number, call: Call, other: Call | null, cause: number, status: number, m: Message | null): void;
}

/** The settings that matter for requests in calls, as in `UserAgentSettings`. */
interface InCallSettings {
  refers?: boolean;
}

const REFER_SUB_FALSE = octets("Refer-Sub: false\r\n");

// Scratch for the time of one function call.
const from = new Flow();
const destination: Destination = { target: "", isDirect: false };

export class InCall {
  private readonly host: InCallHost;
  /** The target of the last REFER; null before the first. */
  private wish: ReferTo | null = null;

  constructor(host: InCallHost) {
    this.host = host;
  }

  /** Answers a request that belongs to the call. */
  onRequest(call: Call, t: ServerTransaction, m: Message): void {
    switch (m.method) {
      case METHOD_OPTIONS:
        this.host.strangers.replyOptions(t, 200);
        break;
      case METHOD_MESSAGE:
        this.host.strangers.onMessage(t, m, call);
        break;
      case METHOD_REFER:
        this.onRefer(t, m, call);
        break;
      case METHOD_INFO: {
        const digit = readInfoDigit(m);
        if (digit.code < 0 && m.bodyEnd > m.bodyStart) {
          replyWith(t, 415, ACCEPT_DIGITS);
          break;
        }
        t.reply(200);
        if (digit.code >= 0) this.host.user.onDigit(call, digit.code, digit.durationMs, DIGIT_INFO);
        break;
      }
      case METHOD_OTHER:
        replyWith(t, 501, this.host.strangers.rules.allow);
        break;
      default:
        replyWith(t, 405, this.host.strangers.rules.allow);
        break;
    }
  }

  /** Takes a REFER in a call. RFC 3515 §2.4 */
  private onRefer(t: ServerTransaction, m: Message, call: Call): void {
    const { transfer } = this.host;
    if (this.host.settings.refers !== true) {
      replyWith(t, 405, ALLOW);
      return;
    }
    call.refers += 1;
    this.wish ??= new ReferTo();
    const { wish } = this;
    const status = this.judgeRefer(t, m, call, wish);
    if (status !== 0) {
      if (status === 400) this.host.strangers.refuseFor(t, m, 400, BAD_REFER_TO);
      else this.host.strangers.refuseInspected(t, m, status);
      this.host.onTransfer(TRANSFER_REFUSED, call, null, 0, status, m);
      return;
    }
    const id = call.refers > 1 ? m.cseq : -1;
    const { isSilent } = wish;
    if (!transfer.startMove(call, destination.target, destination.isDirect, wish.fields)) {
      const failed = this.host.failedStatus();
      replyWith(t, failed, this.host.isFull ? RETRY_SOON : NONE);
      this.host.onTransfer(TRANSFER_REFUSED, call, null, 0, failed, m);
      return;
    }
    const w = t.respond(202);
    writeContact(w, this.host.context, t.source);
    if (isSilent) w.put(REFER_SUB_FALSE);
    w.put(EMPTY_BODY);
    t.sendResponse();
    if (!isSilent) transfer.subscribe(call, id);
  }

  /** @param wish gets what the REFER asks for @returns 0 with `destination`, or the status that refuses the REFER */
  private judgeRefer(t: ServerTransaction, m: Message, call: Call, wish: ReferTo): number {
    const { transfer, user } = this.host;
    // A call cannot be moved before it is answered, or while it is already being moved.
    if (!call.isTalking() || call.isMoved || transfer.isOn || transfer.isPicking) return 491;
    const { layer } = this.host;
    const status = wish.readRefer(m, layer.scratch, layer.transport.hasTls);
    if (status !== 0) return status;
    if (user.mayRefer === undefined || !transfer.mayMove) return 403;
    destination.target = wish.target;
    destination.isDirect = false;
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    return user.mayRefer(m, from, call, destination);
  }
}
