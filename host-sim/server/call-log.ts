/**
 * Writes a line for each call that the proxy sees: who called whom from where, how the call was answered and after how
 * long, and how long it lasted. The proxy keeps nothing of an answered call, so its beginning is kept here, for the
 * last few thousand; the end of an older call is logged without its length. A call whose two sides talk directly
 * (`--record-route off`) has no end here.
 */
import { ipv4Text } from "../../src/core/address.js";
import { text } from "../../src/core/bytes.js";
import type { CallWatcher } from "../../src/server/proxy.js";
import type { Flow } from "../../src/transaction/flow.js";
import { serviceOf } from "../../src/transaction/resolver.js";
import type { Message } from "../../src/wire/message.js";
import { HEADER_FROM, HEADER_TO } from "../../src/wire/names.js";
import type { Fields, Log } from "./log.js";

/** Number of answered calls whose beginning is kept. */
const TALKING_MOST = 10_000;
const URI_MOST = 120;
const ID_MOST = 80;

interface Ringing {
  id: string;
  fields: Fields;
  sinceMs: number;
}

export class CallLog implements CallWatcher {
  private readonly log: Log;
  private readonly nowMs: () => number;
  /** Calls without an answer yet, by the slot of their transaction. */
  private readonly ringing = new Map<number, Ringing>();
  /** When each call was answered, ms, by its Call-ID. */
  private readonly talking = new Map<string, number>();

  constructor(log: Log, nowMs: () => number) {
    this.log = log;
    this.nowMs = nowMs;
  }

  onCall(slot: number, m: Message, source: Flow): void {
    const fields = { ...describe(m), ...from(source) };
    const id = idOf(m);
    if (slot >= 0) this.ringing.set(slot, { id, fields: describe(m), sinceMs: this.nowMs() });
    this.log.tell("info", "call", "began", { ...fields, id });
  }

  onAnswer(slot: number, status: number): void {
    const call = this.ringing.get(slot);
    if (call === undefined) return;
    this.ringing.delete(slot);
    const nowMs = this.nowMs();
    const after = seconds(nowMs - call.sinceMs);
    if (status >= 300) {
      this.log.tell("info", "call", "failed", { code: status, ...call.fields, after, id: call.id });
      return;
    }
    if (this.talking.size >= TALKING_MOST) this.talking.delete(this.talking.keys().next().value as string);
    this.talking.set(call.id, nowMs);
    this.log.tell("info", "call", "answered", { ...call.fields, after, id: call.id });
  }

  onReply(m: Message, source: Flow, status: number): void {
    const fields = { code: status, ...from(source), method: text(m.bytes, m.methodStart, m.methodEnd), ...describe(m) };
    if (status < 400) this.log.tellSome("info", "call", "redirected", fields);
    else this.log.tellSome("info", "request", "refused", fields);
  }

  onBye(m: Message): void {
    const id = idOf(m);
    const sinceMs = this.talking.get(id);
    this.talking.delete(id);
    const length: Fields = sinceMs === undefined ? {} : { duration: seconds(this.nowMs() - sinceMs) };
    // The side that hangs up is in From.
    this.log.tell("info", "call", "ended", { by: uriIn(m, HEADER_FROM), ...length, id });
  }
}

/** @returns the address and port that the request came from, as fields */
function from(source: Flow): Fields {
  const transport = serviceOf(source.transport) + ":";
  return { address: transport + ipv4Text(source.ip) + ":" + source.port };
}

function describe(m: Message): Fields {
  return { from: uriIn(m, HEADER_FROM), to: uriIn(m, HEADER_TO) };
}

/** @returns the URI in a field: between < and >, or before the parameters */
function uriIn(m: Message, header: number): string {
  const row = m.first(header);
  if (row < 0) return "";
  const value = text(m.bytes, m.valueStart(row), m.valueEnd(row));
  const open = value.lastIndexOf("<");
  const uri = open >= 0 ? value.slice(open + 1).split(">")[0] : value.split(";")[0];
  return cut(uri.trim(), URI_MOST);
}

function idOf(m: Message): string {
  return cut(text(m.bytes, m.callIdStart, m.callIdEnd), ID_MOST);
}

function cut(value: string, most: number): string {
  return value.length > most ? value.slice(0, most) + "…" : value;
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
