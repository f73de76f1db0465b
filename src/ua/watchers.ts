/**
 * The phones that watch the door: the dialog event package (RFC 4235), by which a phone's lamp shows whether the door
 * rings or talks. A fixed number of subscriptions, each told of every change. Not here: the subscription itself
 * (dialog/subscription.ts), other packages.
 */
import { equal, octets, Span } from "../core/bytes.js";
import { DIALOG_EARLY, type Dialog } from "../dialog/dialog.js";
import type { NotifyContext } from "../dialog/notifier.js";
import { refuseTime, type StateWriter, Subscription, subscriptionTime } from "../dialog/subscription.js";
import { ACCEPT_NOTHING, hasNeedlessBody } from "../transaction/inspection.js";
import { refuseForNow, replyWith } from "../transaction/refusal.js";
import type { ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";
import { HEADER_EVENT } from "../wire/names.js";
import { BAD_CONTACT } from "../wire/problems.js";
import type { Writer } from "../wire/writer.js";
import type { Account } from "./account.js";

/** The states of RFC 4235 §3.7.1 that a door has. */
export const WATCH_IDLE = 0;
export const WATCH_TRYING = 1;
export const WATCH_EARLY = 2;
export const WATCH_CONFIRMED = 3;

/** The header line that says which events can be subscribed to. RFC 6665 §8.2.2 */
export const ALLOW_EVENTS = octets("Allow-Events: dialog\r\n");

const DIALOG = octets("dialog");
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const HEAD = octets('<?xml version="1.0"?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="');
const ENTITY = octets('" state="full" entity="');
const BEGIN = octets('">\r\n');
const DIALOG_BEGIN = octets('<dialog id="1"');
const CALL_ID = octets(' call-id="');
const LOCAL_TAG = octets('" local-tag="');
const REMOTE_TAG = octets('" remote-tag="');
const TAG_END = octets('"');
const CALLER = octets(' direction="initiator"><state>');
const CALLEE = octets(' direction="recipient"><state>');
const NAMES: readonly Uint8Array[] = [octets(""), octets("trying"), octets("early"), octets("confirmed")];
const STATE_END = octets("</state></dialog>\r\n");
const TAIL = octets("</dialog-info>\r\n");
const AMPERSAND = octets("&amp;");
const LESS = octets("&lt;");
const GREATER = octets("&gt;");
const QUOTE = octets("&quot;");

// For the time of one call only.
const event = new Span();
const id = new Span();

export class Watchers implements StateWriter {
  private readonly account: Account;
  private readonly items: Subscription[] = [];
  private state = WATCH_IDLE;
  private isCaller = false;
  /** The call's dialog, as soon as there is one: a phone that knows it can pick the call up. RFC 3891 */
  private dialog: Dialog | null = null;

  constructor(context: NotifyContext, account: Account, count: number, dialogBytes: number) {
    this.account = account;
    for (let i = 0; i < count; i++) this.items.push(new Subscription(context, this, dialogBytes));
  }

  /** A SUBSCRIBE outside of a dialog, from one who may. It is answered. RFC 6665 §4.2.1 */
  onSubscribe(t: ServerTransaction, m: Message): void {
    if (!isDialogEvent(m)) {
      replyWith(t, 489, ALLOW_EVENTS);
      return;
    }
    // A body would be a filter. RFC 6665 §4.1.2.1
    if (hasNeedlessBody(m)) {
      replyWith(t, 415, ACCEPT_NOTHING);
      return;
    }
    const time = subscriptionTime(m);
    if (time < 0) {
      refuseTime(t, time);
      return;
    }
    for (let i = 0; i < this.items.length; i++) {
      const item = this.items[i];
      if (item.isActive) continue;
      if (item.found(t, m, time)) return;
      if (item.dialog.isCallable(m)) t.reply(513);
      else t.reply(400, BAD_CONTACT);
      return;
    }
    refuseForNow(t);
  }

  /** @returns the subscription whose dialog a request belongs to, or null */
  of(m: Message): Subscription | null {
    for (let i = 0; i < this.items.length; i++)
      if (this.items[i].isActive && this.items[i].dialog.hasRequest(m)) return this.items[i];
    return null;
  }

  /**
   * Tells what the door does now, if it is news.
   * @param state WATCH_* @param isCaller the call is ours @param dialog of the call, null before there is one
   */
  showState(state: number, isCaller: boolean, dialog: Dialog | null): void {
    const isSame = isCaller === this.isCaller && dialog === this.dialog;
    if (state === this.state && (isSame || state === WATCH_IDLE)) return;
    this.state = state;
    this.isCaller = isCaller;
    this.dialog = dialog;
    for (let i = 0; i < this.items.length; i++) this.items[i].onChange();
  }

  /** The document of RFC 4235 §4.1. */
  writeState(w: Writer, version: number): void {
    const { aor } = this.account;
    w.put(HEAD);
    w.uint(version);
    w.put(ENTITY);
    writeXml(w, aor, 0, aor.length);
    w.put(BEGIN);
    if (this.state !== WATCH_IDLE) {
      w.put(DIALOG_BEGIN);
      if (this.dialog !== null && this.dialog.state >= DIALOG_EARLY) writeIds(w, this.dialog);
      w.put(this.isCaller ? CALLER : CALLEE);
      w.put(NAMES[this.state]);
      w.put(STATE_END);
    }
    w.put(TAIL);
  }
}

/** `Event: dialog`, with parameters or without. */
function isDialogEvent(m: Message): boolean {
  if (!m.value(HEADER_EVENT, event)) return false;
  let end = event.start;
  while (end < event.end && event.bytes[end] !== SEMICOLON && event.bytes[end] > SPACE) end += 1;
  return equal(event.bytes, event.start, end, DIALOG, 0, DIALOG.length);
}

/** The dialog's name, as a Replaces field has it: seen from our side. RFC 4235 §4.1.2 */
function writeIds(w: Writer, dialog: Dialog): void {
  w.put(CALL_ID);
  writeXmlOf(w, dialog.callId(id));
  w.put(LOCAL_TAG);
  writeXmlOf(w, dialog.localTag(id));
  w.put(REMOTE_TAG);
  writeXmlOf(w, dialog.remoteTag(id));
  w.put(TAG_END);
}

function writeXmlOf(w: Writer, span: Span): void {
  writeXml(w, span.bytes, span.start, span.end);
}

/** Writes octets as the value of an attribute. */
function writeXml(w: Writer, bytes: Uint8Array, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    const octet = bytes[i];
    if (octet === 0x26) w.put(AMPERSAND);
    else if (octet === 0x3c) w.put(LESS);
    else if (octet === 0x3e) w.put(GREATER);
    else if (octet === 0x22) w.put(QUOTE);
    else w.octet(octet);
  }
}
