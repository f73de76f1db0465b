/**
 * A subscription to our state (RFC 6665 §4.2, RFC 4235): the dialog that a SUBSCRIBE founds, and how it is refreshed
 * and ended in it.
 * Not here: who may subscribe and to what (the user agent), sending the NOTIFYs (notifier.ts), and the state itself
 * (`StateWriter`).
 */

import { octets } from "../core/bytes.js";
import { replyWith } from "../transaction/refusal.js";
import type { ServerTransaction } from "../transaction/server.js";
import { EMPTY_BODY, EXPIRES, HEADER_END, MIN_EXPIRES, SUBSCRIPTION_TIMEOUT } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_EXPIRES, METHOD_SUBSCRIBE } from "../wire/names.js";
import { BAD_EXPIRES } from "../wire/problems.js";
import type { Writer } from "../wire/writer.js";
import { ALLOW } from "./capabilities.js";
import { DIALOG_CONFIRMED, Dialog } from "./dialog.js";
import { Notifier, type NotifyContext } from "./notifier.js";
import { writeContact } from "./owncontact.js";

/** Knows the state that is subscribed to. */
export interface StateWriter {
  /** Writes the state as it is, with that version (RFC 4235 §4.1). */
  writeState(w: Writer, version: number): void;
}

/** The time of a subscription, s: the most, which is also the usual one, and the least. */
const USUAL_S = 3600;
export const SUBSCRIPTION_LEAST_S = 60;

const EVENT = octets("Event: dialog\r\n");
const STATE_BODY = octets("Content-Type: application/dialog-info+xml\r\nContent-Length: ");
/**
 * What stands before the state: the lines of its type and of its length, which has four digits at most, and the blank
 * line.
 */
const STATE_HEAD_BYTES = STATE_BODY.length + 4 + HEADER_END.length;

/** @returns the time that a SUBSCRIBE asks for, s, cut to what is given; 0 to end it; -1 too short, -2 malformed */
export function subscriptionTime(m: Message): number {
  const wanted = m.uint(HEADER_EXPIRES, 0xffffffff);
  if (wanted === -2) return -2;
  if (wanted < 0 || wanted > USUAL_S) return USUAL_S;
  return wanted > 0 && wanted < SUBSCRIPTION_LEAST_S ? -1 : wanted;
}

/** Answers one that asks for too little, or not in numbers. RFC 6665 §4.2.1.1 */
export function refuseTime(t: ServerTransaction, time: number): void {
  const w = time === -1 ? t.respond(423) : t.respond(400, BAD_EXPIRES);
  if (time === -1) {
    w.put(MIN_EXPIRES);
    w.uint(SUBSCRIPTION_LEAST_S);
    w.crlf();
  }
  w.put(EMPTY_BODY);
  t.sendResponse();
}

export class Subscription extends Notifier {
  protected readonly againMs = 2000;
  private readonly state: StateWriter;
  private readonly dialogBytes: number;
  /** Made for the first phone that watches. */
  private made: Dialog | null = null;
  private version = 0;

  constructor(context: NotifyContext, state: StateWriter, dialogBytes: number) {
    super(context);
    this.state = state;
    this.dialogBytes = dialogBytes;
  }

  get dialog(): Dialog {
    this.made ??= new Dialog(this.dialogBytes);
    return this.made;
  }

  /**
   * Takes a SUBSCRIBE that founds it, and answers it. @param timeS as `subscriptionTime` has it, not below 0
   * @returns false when its dialog cannot be kept: not answered
   */
  found(t: ServerTransaction, m: Message, timeS: number): boolean {
    if (!this.dialog.fromRequest(m, t)) {
      this.dialog.clear();
      return false;
    }
    this.dialog.state = DIALOG_CONFIRMED;
    this.version = 0;
    this.activate(0);
    this.acceptSubscribe(t, timeS);
    return true;
  }

  /** A request in the dialog: a refresh, or its end. RFC 6665 §4.2.1.2 */
  onRequest(t: ServerTransaction, m: Message): void {
    if (!this.dialog.acceptCseq(m.cseq)) {
      t.reply(500);
      return;
    }
    if (m.method !== METHOD_SUBSCRIBE) {
      replyWith(t, 405, ALLOW);
      return;
    }
    const timeS = subscriptionTime(m);
    if (this.isEnding) t.reply(481);
    else if (timeS < 0) refuseTime(t, timeS);
    else {
      this.dialog.noteWay(t.source);
      this.dialog.refreshTarget(m);
      this.acceptSubscribe(t, timeS);
    }
  }

  /** The state has changed. */
  onChange(): void {
    if (this.isActive) this.notifyChange();
  }

  private acceptSubscribe(t: ServerTransaction, timeS: number): void {
    const { timers } = this.context;
    const w = t.respond(200);
    w.put(EXPIRES);
    w.uint(timeS);
    w.crlf();
    writeContact(w, this.context, t.source);
    w.put(EMPTY_BODY);
    t.sendResponse();
    this.expiresMs = timers.nowMs + timeS * 1000;
    if (timeS === 0) this.startEnding();
    this.notifyChange();
  }

  protected notifiedDialog(): Dialog | null {
    return this.dialog;
  }

  protected writeEvent(w: Writer): void {
    w.put(EVENT);
  }

  protected endLine(): Uint8Array {
    return SUBSCRIPTION_TIMEOUT;
  }

  protected prepareBody(): number {
    const { layer } = this.context;
    const w = layer.writer;
    w.begin(layer.scratch, 0, layer.scratch.length);
    this.state.writeState(w, this.version);
    this.version += 1;
    return STATE_HEAD_BYTES + w.at;
  }

  protected writeBody(w: Writer, bodyBytes: number): void {
    const stateBytes = bodyBytes - STATE_HEAD_BYTES;
    w.put(STATE_BODY);
    w.uint(stateBytes);
    w.put(HEADER_END);
    w.raw(this.context.layer.scratch, 0, stateBytes);
  }

  protected onOver(): void {
    this.dialog.clear();
  }
}
