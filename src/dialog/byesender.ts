/**
 * The BYEs of one call: within its dialog, again and again while no transaction is free, and for a 2xx whose dialog
 * cannot be kept. A session ends with or without room for that. RFC 3261 §13.2.2.4, §15.1.1
 * Not here: when a BYE is due (session.ts), and how it is written from a response (farewell.ts).
 */

import { Span } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import type { ClientTransaction } from "../transaction/client.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { EMPTY_BODY } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { METHOD_ACK, METHOD_BYE, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";
import { DIALOG_CONFIRMED, DIALOG_LEAVING, type Dialog } from "./dialog.js";
import { Way } from "./farewell.js";
import type { Forks } from "./forks.js";

/**
 * Between the first two BYEs when no transaction is free; then twice as long each time, up to the most, for as long as
 * a transaction would.
 */
export const BYE_FIRST_MS = 500;
const BYE_MOST_MS = 4000;
const BYE_TIME_MS = 32_000;

/** The session whose BYEs these are. */
export interface ByeSenderUser {
  /** @returns a transaction that the session hears of, or null when none is free */
  takeClient(): ClientTransaction | null;
  /** A transaction that was taken could not be sent: the session hears nothing more of it. */
  dropClient(): void;
  /**
   * Writes credentials if any are due and leave room for the end: without them it may be refused; not sent, it is never
   * heard.
   */
  writeByeCredentials(t: ClientTransaction, w: Writer, requestUri: Span): void;
}

/** What BYEs are sent by. */
export interface ByeSenderContext {
  readonly layer: TransactionLayer;
  timers: Timers;
  /** TRANSPORT_* for URIs that name none. */
  transport: number;
}

// For the time of one call only.
const uri = new Span();
const way = new Way();

export class ByeSender {
  private context: ByeSenderContext;
  private readonly user: ByeSenderUser;
  /** The user's: when it runs out `sendAgain` is to be called. */
  private readonly timer: number;
  /** For want of a transaction: when a BYE is given up, and how long after the last one the next is sent. */
  private untilMs = 0;
  private delayMs = 0;

  constructor(context: ByeSenderContext, user: ByeSenderUser, timer: number) {
    this.context = context;
    this.user = user;
    this.timer = timer;
  }

  /** The next call of its session goes by another account. */
  use(context: ByeSenderContext): void {
    this.context = context;
  }

  sendBye(dialog: Dialog): void {
    const { timers, transport } = this.context;
    const t = this.user.takeClient();
    if (t === null) {
      // Without a transaction it leaves all the same, and is repeated from here until there is one.
      if (dialog.state !== DIALOG_LEAVING) {
        this.untilMs = timers.nowMs + BYE_TIME_MS;
        this.delayMs = BYE_FIRST_MS;
      }
      this.sendByeOnce(dialog);
      dialog.state = DIALOG_LEAVING;
      const leftMs = Math.max(0, this.untilMs - timers.nowMs);
      timers.start(this.timer, Math.min(this.delayMs, leftMs));
      return;
    }
    dialog.state = DIALOG_CONFIRMED;
    const w = dialog.beginRequest(t, METHOD_BYE, transport);
    this.user.writeByeCredentials(t, w, dialog.requestUri);
    w.put(EMPTY_BODY);
    if (!t.sendRequest()) this.user.dropClient();
  }

  /** Sends a BYE that is not repeated. */
  sendByeOnce(dialog: Dialog): void {
    const { layer, transport } = this.context;
    dialog.state = DIALOG_CONFIRMED;
    dialog.localCseq += 1;
    dialog.beginOnce(layer, METHOD_BYE, dialog.localCseq, transport).put(EMPTY_BODY);
    layer.sendOnce();
  }

  /** Sends a BYE to each dialog that is owed one, until their time is over. */
  sendAgain(forks: Forks): void {
    const isOver = this.context.timers.nowMs >= this.untilMs;
    this.delayMs = Math.min(this.delayMs * 2, BYE_MOST_MS);
    let left = forks.countLeaving();
    for (let dialog = forks.leaving(); left > 0 && dialog !== null; dialog = forks.leaving()) {
      left -= 1;
      if (isOver) dialog.state = DIALOG_CONFIRMED;
      else this.sendBye(dialog);
    }
  }

  /**
   * Sends ACK and BYE for the 2xx `m`, which came for `t` and whose dialog cannot be kept.
   * @param draft of the INVITE, if there is one
   */
  refuseAnswer(t: ClientTransaction, m: Message, draft: Dialog | null): void {
    const { layer, transport } = this.context;
    // Routes that are too long even for the ACK are left out: it goes to the Contact by the way that the INVITE went.
    let isRouted = true;
    if (!this.writeAckOf(t, m, draft, true)) {
      isRouted = false;
      if (!this.writeAckOf(t, m, draft, false)) return;
      t.ackTarget.set(t.flow.transport, t.flow.ip, t.flow.port, t.flow.connection);
    }
    t.sendAck();
    if (!way.readFrom(m, isRouted, uri)) return;
    const bye = this.user.takeClient();
    const w =
      bye === null
        ? layer.beginOnce(METHOD_BYE, uri.bytes, uri.start, uri.end)
        : bye.beginRequest(METHOD_BYE, uri.bytes, uri.start, uri.end);
    const target = bye === null ? layer.scratchTarget : bye.target;
    if (isRouted) layer.transport.aim(target, way.hop, unnamedTransport(t, transport));
    else target.set(t.flow.transport, t.flow.ip, t.flow.port, t.flow.connection);
    way.writeHead(w, m, draft, METHOD_BYE, m.cseq + 1);
    if (bye !== null) this.user.writeByeCredentials(bye, w, uri);
    w.put(EMPTY_BODY);
    if (bye === null) layer.sendOnce();
    else if (!bye.sendRequest()) this.user.dropClient();
  }

  /** Writes, but does not send, the ACK for such a 2xx. @returns whether it fits */
  private writeAckOf(t: ClientTransaction, m: Message, draft: Dialog | null, isRouted: boolean): boolean {
    const { transport } = this.context;
    if (!way.readFrom(m, isRouted, uri)) return false;
    const w = t.beginAck(m, uri.bytes, uri.start, uri.end);
    t.aimAck(way.hop, unnamedTransport(t, transport));
    way.writeHead(w, m, draft, METHOD_ACK, m.cseq);
    w.put(EMPTY_BODY);
    return w.ok;
  }
}

/** Does the same as `Dialog.unnamedTransport`, for what answers `t`. */
function unnamedTransport(t: ClientTransaction, defaultTransport: number): number {
  const { transport } = t.flow;
  return transport === defaultTransport || transport === TRANSPORT_TLS ? transport : TRANSPORT_UDP;
}
