/**
 * Asks servers of the account that are down whether they are there again, by OPTIONS, so that no call has to find it
 * out. Any answer but 503 will do, a refusal too. One server is asked at a time; one that is silent for PATIENCE_MS is
 * asked again after a longer wait (transaction/outages.ts). RFC 3261 §11
 * Not here: who is down (transaction/client.ts), and what is done when one is back (registration.ts).
 */
import { octetArray } from "../core/arrays.js";
import { octets } from "../core/bytes.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { type ClientTransaction, type ClientUser, FAILURE_CANCELLED } from "../transaction/client.js";
import { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { EMPTY_BODY, MAX_FORWARDS_70, overTransport } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { METHOD_OPTIONS, TRANSPORT_TLS } from "../wire/names.js";
import { Writer } from "../wire/writer.js";
import type { Account } from "./account.js";
import type { CallContext } from "./call.js";

const PATIENCE_MS = 4000;
/** Another request has the transaction's place for so long at least, ms. */
const CROWDED_MS = 5000;
/** `sip:`, an address and a port, `;transport=tcp`. */
const URI_BYTES = 4 + 21 + 14;
const SERVICE_UNAVAILABLE = 503;
const SIP = octets("sip:");
const FROM = octets("From: <");
const TAG = octets(">;tag=");
const TO = octets("\r\nTo: <");
const CALL_ID = octets(">\r\nCall-ID: ");
const CSEQ = octets("\r\nCSeq: 1 OPTIONS\r\n");

const writer = new Writer();

export interface ServerProbeUser {
  /** A server that was down answers. */
  onServerBack(ip: number, port: number): void;
}

export const PROBE_TIMERS = 1;

export class ServerProbe implements ClientUser, TimerUser {
  private readonly layer: TransactionLayer;
  private readonly timers: Timers;
  private readonly random: RandomSource;
  private readonly account: Account;
  private readonly user: ServerProbeUser;
  private readonly timer: number;
  private readonly uri = octetArray(URI_BYTES);
  private uriEnd = 0;
  private request: ClientTransaction | null = null;
  /** The flow by which the request went. */
  private readonly asked = new Flow();

  constructor(context: CallContext, user: ServerProbeUser) {
    this.layer = context.layer;
    this.timers = context.timers;
    this.random = context.random;
    this.account = context.account;
    this.user = user;
    this.timer = this.timers.make(this, 0);
  }

  /** Sets the time at which the next server is asked, since one may have gone down. */
  schedule(): void {
    if (this.request !== null) return;
    const at = this.nextDown();
    if (at < 0) this.timers.stop(this.timer);
    else this.timers.start(this.timer, Math.max(0, this.layer.transport.outages.dueAt(at) - this.timers.nowMs));
  }

  /** Forgets which servers are down, since the settings or our address changed. */
  reset(): void {
    this.endRequest();
    this.layer.transport.outages.clear();
    this.timers.stop(this.timer);
  }

  onTimer(): void {
    if (this.request !== null) {
      this.onSilence();
      return;
    }
    const at = this.nextDown();
    if (at >= 0) this.ask(at);
  }

  onResponse(t: ClientTransaction, m: Message): void {
    if (t !== this.request) return;
    if (m.status === SERVICE_UNAVAILABLE) {
      this.request = null;
      this.noteDown();
      return;
    }
    // The transaction has noted that it is up; a provisional response says so too.
    this.request = null;
    t.forget();
    this.schedule();
    this.user.onServerBack(this.asked.ip, this.asked.port);
  }

  onFailure(t: ClientTransaction, cause: number): void {
    if (t !== this.request) return;
    this.request = null;
    if (cause === FAILURE_CANCELLED) this.timers.start(this.timer, CROWDED_MS);
    else this.noteDown();
  }

  onTerminated(t: ClientTransaction): void {
    if (t === this.request) this.request = null;
  }

  /** @returns the index of the server that is due first, -1 when none is down */
  private nextDown(): number {
    const { outages } = this.layer.transport;
    let first = -1;
    for (let i = 0; i < outages.size && outages.count > 0; i++)
      if (outages.ipAt(i) >= 0 && (first < 0 || outages.dueAt(i) < outages.dueAt(first))) first = i;
    return first;
  }

  private ask(at: number): void {
    const { outages } = this.layer.transport;
    this.asked.set(outages.transportAt(at), outages.ipAt(at), outages.portAt(at), -1);
    const t = this.layer.client(this);
    if (t === null) {
      this.timers.start(this.timer, CROWDED_MS);
      return;
    }
    t.isExpendable = true;
    const { transport, ip, port } = this.asked;
    t.target.set(transport, ip, port, transport === TRANSPORT_TLS ? this.layer.transport.secureAt(ip, port) : -1);
    this.writeUri();
    const w = t.beginRequest(METHOD_OPTIONS, this.uri, 0, this.uriEnd);
    w.put(MAX_FORWARDS_70);
    w.put(FROM);
    w.put(this.account.aor);
    w.put(TAG);
    w.token(this.random);
    w.put(TO);
    w.raw(this.uri, 0, this.uriEnd);
    w.put(CALL_ID);
    w.token(this.random);
    w.put(CSEQ);
    w.put(EMPTY_BODY);
    this.request = t;
    if (t.sendRequest()) this.timers.start(this.timer, PATIENCE_MS);
    else {
      this.request = null;
      this.noteDown();
    }
  }

  private writeUri(): void {
    writer.begin(this.uri, 0, this.uri.length);
    writer.put(SIP);
    writer.ip(this.asked.ip);
    writer.octet(0x3a);
    writer.uint(this.asked.port);
    writer.put(overTransport(this.asked.transport));
    this.uriEnd = writer.at;
  }

  private onSilence(): void {
    this.endRequest();
    this.noteDown();
  }

  private endRequest(): void {
    const t = this.request;
    this.request = null;
    if (t !== null) t.abort();
  }

  private noteDown(): void {
    const { outages } = this.layer.transport;
    // Meanwhile an answer to another request may have come from there.
    if (outages.isDown(this.asked.ip, this.asked.port))
      outages.noteDown(this.asked, this.timers.nowMs, 0, fraction(this.random));
    this.schedule();
  }
}
