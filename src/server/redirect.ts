/**
 * The redirect server (RFC 3261 §8.3): it answers a request for a user of ours with the contacts of that user, and has
 * nothing to do with the call that follows. It sends no provisional response but 100, so no final response comes late.
 * An INVITE may come from anybody, with any source address: when the store answers at once, one message goes out for
 * one that came. RFC 3261 §8.2.7, §26.3.2.4 Users of ours are told a phone's address by their password; strangers only
 * where they are let in, and for an INVITE alone.
 * Not here: who registered (registrar.ts), and forwarding (proxy.ts).
 */

import { NONE, octets, Span } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import {
  ALL_METHODS,
  hasNeedlessBody,
  inspect,
  type Rules,
  reasonOfRefusal,
  writeRefusal,
} from "../transaction/inspection.js";
import type { TransactionLayer, TransactionUser } from "../transaction/layer.js";
import { beginRefusal } from "../transaction/refusal.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import { CONTACT_OPEN, EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_PROXY_AUTHENTICATE,
  HEADER_PROXY_AUTHORIZATION,
  HEADER_REQUIRE,
  METHOD_INVITE,
  METHOD_OPTIONS,
  METHOD_REGISTER,
} from "../wire/names.js";
import { SCHEME_SIP, SCHEME_TEL, Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { type Authenticator, CHECK_OK, Sender } from "./authenticator.js";
import {
  AOR_MAX_BYTES,
  type Bindings,
  LOCATION_OK,
  type LocationStore,
  type LocationUser,
  writeAor,
} from "./location.js";
import type { CallWatcher } from "./proxy.js";
import { writeQ } from "./registrar.js";
import { domainOf, STRANGERS_ALWAYS, STRANGERS_BY_RULE, STRANGERS_NEVER, type UserStore } from "./users.js";

export interface RedirectOptions {
  /** Checks passwords; without it everybody is told. */
  auth?: Authenticator;
  /** Host names in lower case. Kept. */
  domains: readonly Uint8Array[];
  /** Number of requests that may wait for the store at once. */
  jobs: number;
  /** Strangers are told of no user except those whose own rule lets them. */
  isClosed?: boolean;
  /** Addresses that need no credentials. Kept. */
  trusted?: readonly number[];
}

export class RedirectCounters {
  /** Requests answered 302. */
  redirected = 0;
  /** Requests answered otherwise. */
  refused = 0;
  /** Requests that failed because the store could not be reached, or too many waited for it. */
  failed = 0;
}

const Q = octets(">;q=");
/** Requests of every method are told where to go. */
const RULES: Rules = {
  methods: ALL_METHODS,
  allow: octets("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, SUBSCRIBE, REGISTER\r\n"),
  requires: HEADER_REQUIRE,
  options: [],
  isForwarding: false,
};
const TURN = 0x10000;

export class Redirect implements TransactionUser, LocationUser, ServerOwner {
  readonly counters = new RedirectCounters();
  /** Told of answers, challenges left out. */
  watcher: CallWatcher | null = null;
  private readonly layer: TransactionLayer;
  private readonly store: LocationStore;
  private readonly options: RedirectOptions;
  /** Checks passwords; null: everybody is told. */
  private readonly auth: Authenticator | null;
  private users: UserStore;
  /** Requests that wait for the store, by place; null: the place is free. */
  private readonly waiting: (ServerTransaction | null)[] = [];
  /**
   * Counts the requests that had a place, so that a late answer of the store is not taken for one to the next request.
   */
  private readonly turns: number[] = [];
  private readonly uri = new Uri();
  private readonly name = new Span();
  private readonly aor = new Span();
  private readonly aorBytes = new Uint8Array(AOR_MAX_BYTES);
  private readonly source = new Flow();
  private readonly sender = new Sender();
  /** The request that came just now; null when the store answers late. */
  private current: Message | null = null;
  /** Transaction of the response that is being written; null for an answer without a transaction. */
  private answered: ServerTransaction | null = null;

  constructor(layer: TransactionLayer, store: LocationStore, users: UserStore, options: RedirectOptions) {
    this.layer = layer;
    this.auth = options.auth ?? null;
    this.store = store;
    this.users = users;
    this.options = options;
    for (let i = 0; i < options.jobs; i++) {
      this.waiting.push(null);
      this.turns.push(0);
    }
  }

  /** Replaces the users. */
  setUsers(users: UserStore): void {
    this.users = users;
  }

  onRequest(t: ServerTransaction, m: Message): void {
    this.current = m;
    this.source.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    this.handleRequest(t, m);
    this.current = null;
  }

  private handleRequest(t: ServerTransaction, m: Message): void {
    const { uri } = this;
    const isReadable = uri.parse(m.bytes, m.uriStart, m.uriEnd);
    const problem = inspect(RULES, m, isReadable ? uri : null, t.source, this.layer.isMerged(t, m));
    if (problem !== 0) {
      this.refuseInspected(t, m, problem);
      return;
    }
    const { domains } = this.options;
    // A telephone number names a user of the first domain, as for the proxy.
    const isNumber = uri.scheme === SCHEME_TEL;
    const realm = isNumber ? domains[0] : domainOf(domains, uri.bytes, uri.hostStart, uri.hostEnd);
    if (m.method === METHOD_OPTIONS && uri.userEnd === uri.userStart && uri.scheme === SCHEME_SIP) {
      if (hasNeedlessBody(m)) {
        this.refuseInspected(t, m, 415);
        return;
      }
      const w = this.startAnswer(t, 200);
      w.put(RULES.allow);
      this.sendAnswer(w);
      return;
    }
    const isAsked = realm.length > 0 && m.method !== METHOD_REGISTER;
    const size = isAsked ? writeAor(uri, this.aorBytes, realm) : -1;
    this.aor.set(this.aorBytes, 0, Math.max(0, size));
    this.name.set(this.aorBytes, 0, Math.max(0, size - realm.length - 1));
    const isUser = size >= 0 && this.users.has(this.name, realm);
    if (this.auth !== null && !this.mayAsk(m, realm, isUser)) {
      const domain = realm.length > 0 ? realm : this.options.domains[0];
      const { sender } = this;
      if (this.auth.checkCredentials(m, HEADER_PROXY_AUTHORIZATION, domain, this.source.ip, sender) !== CHECK_OK) {
        const w = this.startAnswer(t, sender.isLocked ? 503 : 407, sender.reason);
        this.auth.writeRefusal(w, HEADER_PROXY_AUTHENTICATE, sender);
        this.sendAnswer(w);
        return;
      }
    }
    if (!isUser) {
      this.refuseRequest(t, 404);
      return;
    }
    const token = this.takePlace(t);
    if (token < 0) this.answerFailure(t);
    else this.store.findBindings(this.aor, this, token);
  }

  private refuseInspected(t: ServerTransaction, m: Message, status: number): void {
    this.counters.refused += 1;
    const w = this.startAnswer(t, status, reasonOfRefusal(status));
    writeRefusal(w, RULES, m, status);
    this.sendAnswer(w);
  }

  /**
   * Whether the request needs no password: it comes from a trusted address, or it is an INVITE of a stranger where
   * those are let in.
   */
  private mayAsk(m: Message, realm: Uint8Array, isUser: boolean): boolean {
    const { trusted, isClosed } = this.options;
    if (trusted !== undefined && trusted.indexOf(this.source.ip) >= 0) return true;
    if (m.method !== METHOD_INVITE || m.toTagEnd > m.toTagStart) return false;
    const rule = isUser ? this.users.strangers(this.name, realm) : STRANGERS_BY_RULE;
    return isClosed === true ? rule === STRANGERS_ALWAYS : rule !== STRANGERS_NEVER;
  }

  /** An ACK belongs to a 2xx, and this server sends none to an INVITE. */
  onAck(_m: Message, _source: Flow): void {}

  /** Answers a CANCEL: the request is over. RFC 3261 §8.3 */
  onCancel(t: ServerTransaction, _m: Message): void {
    t.reply(487, NONE);
  }

  onAckTimeout(_t: ServerTransaction): void {}

  onBindings(token: number, result: number, list: Bindings): void {
    const place = token % TURN;
    if (this.turns[place] !== Math.floor(token / TURN)) return;
    const t = this.waiting[place];
    this.freePlace(place);
    if (t === null) return;
    t.owner = null;
    // The request was cancelled meanwhile.
    if (t.status >= 200) return;
    if (result !== LOCATION_OK) this.answerFailure(t);
    else if (list.count === 0) this.refuseRequest(t, 480);
    else this.answerContacts(t, list);
  }

  onUpdated(_token: number, _result: number): void {}

  onServerTerminated(t: ServerTransaction): void {
    for (let i = 0; i < this.waiting.length; i++) if (this.waiting[i] === t) this.freePlace(i);
  }

  private freePlace(place: number): void {
    this.waiting[place] = null;
    this.turns[place] = (this.turns[place] + 1) % TURN;
  }

  private takePlace(t: ServerTransaction): number {
    for (let i = 0; i < this.waiting.length; i++) {
      if (this.waiting[i] !== null) continue;
      this.waiting[i] = t;
      t.owner = this;
      t.limitAnswer();
      return this.turns[i] * TURN + i;
    }
    return -1;
  }

  /** Answers 302 with all contacts, the best first, each with its q. RFC 3261 §21.3.3 */
  private answerContacts(t: ServerTransaction, list: Bindings): void {
    if (this.current !== null) this.watcher?.onReply(this.current, this.source, 302);
    const w = this.startAnswer(t, 302);
    for (let more = list.first(); more; more = list.next()) {
      w.put(CONTACT_OPEN);
      w.span(list.contact);
      w.put(Q);
      writeQ(w, list.q);
      w.crlf();
    }
    this.counters.redirected += 1;
    this.sendAnswer(w);
  }

  private refuseRequest(t: ServerTransaction, status: number): void {
    this.counters.refused += 1;
    if (this.current !== null) this.watcher?.onReply(this.current, this.source, status);
    this.sendAnswer(this.startAnswer(t, status));
  }

  /** Answers 503: the store is away, or too many requests wait. */
  private answerFailure(t: ServerTransaction): void {
    this.counters.failed += 1;
    const w = this.startAnswer(t, 503);
    w.put(RETRY_SOON);
    this.sendAnswer(w);
  }

  /** Starts an answer, without a transaction when the request has just come. */
  private startAnswer(t: ServerTransaction, status: number, reason: Uint8Array = NONE): Writer {
    const { layer, current } = this;
    this.answered = current !== null ? null : t;
    return current === null ? t.respond(status, reason) : beginRefusal(layer, t, current, status, reason);
  }

  private sendAnswer(w: Writer): void {
    w.put(EMPTY_BODY);
    if (this.answered === null) this.layer.sendAnswer();
    else this.answered.sendResponse();
  }
}
