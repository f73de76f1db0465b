/**
 * The registrar (RFC 3261 §10.3) checks who asks, changes the bindings of one address as a whole, and answers when the
 * location service has them. It does Path (RFC 3327) and Service-Route (RFC 3608). A request whose store answers later
 * waits in a job of fixed size.
 * A phone may bind its contact to the flow that its request comes by (RFC 5626 §6).
 * Not here: registering the address of another user, GRUU, event packages.
 */

import { equal, NONE, octets, Span } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";
import {
  hasNeedlessBody,
  inspect,
  methodBits,
  type Rules,
  reasonOfRefusal,
  writeRefusal,
} from "../transaction/inspection.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { beginRefusal } from "../transaction/refusal.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import { NameAddress } from "../wire/address.js";
import { writeDate } from "../wire/date.js";
import {
  CONTACT_OPEN,
  EMPTY_BODY,
  FLOW_TIMER,
  INSTANCE,
  MIN_EXPIRES,
  OUTBOUND,
  REG_ID,
  RETRY_SOON,
  URI_EXPIRES,
} from "../wire/lines.js";
import { Message, PARSE_OK } from "../wire/message.js";
import {
  HEADER_AUTHORIZATION,
  HEADER_REQUIRE,
  HEADER_WWW_AUTHENTICATE,
  METHOD_REGISTER,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { BAD_CONTACT } from "../wire/problems.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { type Authenticator, CHECK_OK, Sender } from "./authenticator.js";
import { CONTACTS_OK, Contacts, type ExpiryOptions } from "./contacts.js";
import type { FlowPath } from "./flowpath.js";
import {
  AOR_MAX_BYTES,
  Bindings,
  type DayClock,
  LOCATION_CONFLICT,
  LOCATION_OK,
  type LocationStore,
  type LocationUser,
  writeAor,
} from "./location.js";
import { Places } from "./places.js";
import { domainOf } from "./users.js";

export interface RegistrarOptions extends ExpiryOptions {
  /** Host names in lower case; each is a realm. Kept. */
  domains: readonly Uint8Array[];
  /** Number of contacts that an address may have; beyond it the answer is 403. */
  contacts: number;
  /** The longest record, octets. */
  recordBytes: number;
  /**
   * Number of requests that may wait for the store at once, and the longest of them, octets. A store that answers at
   * once needs one job of 0 octets.
   */
  jobs: number;
  jobBytes: number;
  /** Value of Service-Route, or NONE. */
  serviceRoute: Uint8Array;
  /**
   * A phone that keeps its flow by TCP or TLS is to send something at least that often, s. 0: contacts are not bound to
   * flows, for nothing here could reach phones by them.
   */
  flowTimerS: number;
  /** Writes a Path for phones that keep their flow, because other servers read the store; kept. */
  flowPath?: FlowPath;
  /** Where the contacts of phones may be; kept. Without it, the usual places. */
  places?: Places;
}

export class RegistrarCounters {
  /** Requests answered 200 that changed bindings, and that asked for them. */
  changed = 0;
  queried = 0;
  /** Requests answered otherwise, challenges left out. */
  refused = 0;
  /** Requests that failed because the store could not be reached or had no room. */
  failed = 0;
  /** Changes that were made again because another one came in between. */
  conflicts = 0;
}

/** How often a change that collides with another is tried. */
const TRIES = 5;
const Q = octets(";q=");
const RULES: Rules = {
  methods: methodBits([METHOD_REGISTER]),
  allow: octets("Allow: REGISTER\r\n"),
  requires: HEADER_REQUIRE,
  options: [octets("path")],
  isForwarding: false,
};
/** For a registrar that binds contacts to flows. */
const RULES_OUTBOUND: Rules = { ...RULES, options: [octets("path"), OUTBOUND] };
const REQUIRE_OUTBOUND = octets("Require: outbound\r\n");
const SERVICE_ROUTE = octets("Service-Route: ");
const OUT_OF_ORDER = octets("Request Out Of Order");
const TOO_MANY = octets("Too Many Contacts");
const BARRED = octets("Contact Not Allowed There");

const TURN = 0x10000;
/** The usual `flowTimerS`: what RFC 5626 §4.4.1 has a phone do that is told nothing. */
export const FLOW_TIMER_S = 120;

/** A request that waits for the location service. */
class Job {
  readonly place: number;
  /**
   * Counts the requests that had this job, so that a late answer of the store is not taken for one to the next request.
   */
  turn = 0;
  isUsed = false;
  tries = 0;
  t: ServerTransaction | null = null;
  readonly bytes: Uint8Array;
  size = 0;

  constructor(place: number, bytes: number) {
    this.place = place;
    this.bytes = new Uint8Array(bytes);
  }

  get token(): number {
    return this.turn * TURN + this.place;
  }
}

export class Registrar implements LocationUser, ServerOwner {
  readonly counters = new RegistrarCounters();
  private readonly layer: TransactionLayer;
  private readonly clock: DayClock;
  private readonly random: RandomSource;
  private readonly auth: Authenticator;
  private readonly store: LocationStore;
  private readonly options: RegistrarOptions;
  private readonly rules: Rules;
  /**
   * Number of this process in bindings: its connections mean nothing to other processes, nor to itself after a restart.
   */
  readonly node: number;
  private readonly jobs: Job[] = [];
  private readonly contacts: Contacts;
  private readonly sender = new Sender();
  private readonly address = new NameAddress();
  private readonly uri = new Uri();
  private readonly aor = new Span();
  private readonly aorBytes = new Uint8Array(AOR_MAX_BYTES);
  private readonly record: Uint8Array;
  private readonly changed = new Bindings();
  /** The request that came just now; null when it has to be read again from its job. */
  private current: Message | null = null;
  /** Such a request, read again. */
  private readonly kept: Message;

  constructor(
    layer: TransactionLayer,
    clock: DayClock,
    random: RandomSource,
    options: RegistrarOptions & { auth: Authenticator; store: LocationStore },
  ) {
    this.layer = layer;
    this.clock = clock;
    this.random = random;
    this.auth = options.auth;
    this.store = options.store;
    this.options = options;
    this.node = random.uint32() | 0;
    this.kept = new Message(layer.limits.headerRows);
    const places = options.places ?? new Places(layer);
    const { contacts, flowTimerS, flowPath = null } = options;
    this.contacts = new Contacts(contacts, options, places, flowTimerS > 0, flowPath);
    this.rules = options.flowTimerS > 0 ? RULES_OUTBOUND : RULES;
    this.record = new Uint8Array(options.recordBytes);
    for (let i = 0; i < options.jobs; i++) this.jobs.push(new Job(i, options.jobBytes));
  }

  /**
   * Whether the Request-URI names a domain of ours; a REGISTER for another domain is for another registrar. RFC 3261
   * §10.3 step 1
   */
  isFor(m: Message): boolean {
    const uri = this.uri;
    return uri.parse(m.bytes, m.uriStart, m.uriEnd) && this.domainOf(uri).length > 0;
  }

  /** @returns how many requests wait for the store */
  waiting(): number {
    let count = 0;
    for (let i = 0; i < this.jobs.length; i++) if (this.jobs[i].isUsed) count += 1;
    return count;
  }

  /** Handles a REGISTER. It is answered now, or when the store has answered. RFC 3261 §10.3 */
  onRegister(t: ServerTransaction, m: Message): void {
    // §10.3 step 2
    this.current = m;
    this.handleRegister(t, m);
    this.current = null;
  }

  private handleRegister(t: ServerTransaction, m: Message): void {
    const isReadable = this.uri.parse(m.bytes, m.uriStart, m.uriEnd);
    const problem = inspect(this.rules, m, isReadable ? this.uri : null, t.source, this.layer.isMerged(t, m));
    if (problem !== 0) {
      this.refuseInspected(t, m, problem);
      return;
    }
    const realm = this.isFor(m) ? this.readAor(m) : NONE;
    if (realm.length === 0) {
      this.refuseRequest(t, 404);
      return;
    }
    if (this.auth.checkCredentials(m, HEADER_AUTHORIZATION, realm, t.source.ip, this.sender) !== CHECK_OK) {
      this.challenge(t);
      return;
    }
    if (!this.isOwner(realm)) {
      this.refuseRequest(t, 403);
      return;
    }
    if (hasNeedlessBody(m)) {
      this.refuseInspected(t, m, 415);
      return;
    }
    const status = this.contacts.readContacts(m);
    if (status !== CONTACTS_OK) {
      this.refuseContacts(t, status);
      return;
    }
    const job = this.takeJob();
    if (job === null) {
      this.answerFailure(t);
      return;
    }
    job.t = t;
    t.owner = this;
    this.askStore(job);
  }

  private refuseInspected(t: ServerTransaction, m: Message, status: number): void {
    this.counters.refused += 1;
    const w = this.startAnswer(t, status, reasonOfRefusal(status));
    writeRefusal(w, this.rules, m, status);
    this.sendAnswer(t, w);
  }

  /** Asks for the password, or says when it may be tried again. */
  private challenge(t: ServerTransaction): void {
    const { sender } = this;
    const w = this.startAnswer(t, sender.isLocked ? 503 : 401, sender.reason);
    this.auth.writeRefusal(w, HEADER_WWW_AUTHENTICATE, sender);
    this.sendAnswer(t, w);
  }

  /**
   * Starts a refusal: without a transaction for a request that has just come, one message for one (RFC 3261 §26.3.2.4);
   * else for `t`.
   */
  private startAnswer(t: ServerTransaction, status: number, reason: Uint8Array = NONE): Writer {
    const { layer, current } = this;
    return current === null ? t.respond(status, reason) : beginRefusal(layer, t, current, status, reason);
  }

  private sendAnswer(t: ServerTransaction, w: Writer): void {
    w.put(EMPTY_BODY);
    if (this.current === null) t.sendResponse();
    else this.layer.sendAnswer();
  }

  onBindings(token: number, result: number, list: Bindings): void {
    const job = this.jobs[token % TURN];
    if (job.token !== token) return;
    const { t } = job;
    const m = t === null ? null : this.readRequest(job);
    if (t === null || m === null || result !== LOCATION_OK) {
      if (t !== null) this.answerFailure(t);
      this.endJob(job);
      return;
    }
    const { contacts } = this;
    if (contacts.count === 0 && !contacts.isStar) {
      this.writeOk(t, list);
      t.sendResponse();
      this.counters.queried += 1;
      this.endJob(job);
      return;
    }
    const changed = this.changed;
    changed.startRecord(this.record, list.version, this.random.uint32());
    const status = contacts.mergeBindings(m, t, this.node, this.clock.nowS(), list, changed);
    if (status !== CONTACTS_OK) {
      this.refuseContacts(t, status);
      this.endJob(job);
      return;
    }
    // The answer is written before the change is asked for: afterwards the bindings may be those of another request.
    this.writeOk(t, changed);
    if (!t.keepResponse()) {
      this.refuseRequest(t, 513);
      this.endJob(job);
      return;
    }
    if (!this.store.replaceBindings(this.aor, changed, this, token)) this.keepRequest(job);
  }

  onUpdated(token: number, result: number): void {
    const job = this.jobs[token % TURN];
    if (job.token !== token) return;
    const { t } = job;
    if (t !== null && result === LOCATION_CONFLICT && ++job.tries < TRIES) {
      this.counters.conflicts += 1;
      if (this.readRequest(job) !== null) {
        this.askStore(job);
        return;
      }
    }
    if (t !== null && result === LOCATION_OK) {
      t.sendResponse();
      this.counters.changed += 1;
    } else if (t !== null) this.answerFailure(t);
    this.endJob(job);
  }

  onServerTerminated(t: ServerTransaction): void {
    for (let i = 0; i < this.jobs.length; i++) if (this.jobs[i].t === t) this.endJob(this.jobs[i]);
  }

  private askStore(job: Job): void {
    if (!this.store.findBindings(this.aor, this, job.token)) this.keepRequest(job);
  }

  private takeJob(): Job | null {
    for (let i = 0; i < this.jobs.length; i++) {
      const job = this.jobs[i];
      if (job.isUsed) continue;
      job.isUsed = true;
      job.tries = job.size = 0;
      return job;
    }
    return null;
  }

  private endJob(job: Job): void {
    if (job.t !== null) job.t.owner = null;
    job.t = null;
    job.turn = (job.turn + 1) % TURN;
    job.isUsed = false;
  }

  /**
   * Keeps a request whose answer comes later. When it is too long for that, a change that collides is not tried again.
   */
  private keepRequest(job: Job): void {
    const m = this.current;
    if (m === null || !job.isUsed || m.end - m.start > job.bytes.length) return;
    copyOctets(job.bytes, 0, m.bytes, m.start, m.end);
    job.size = m.end - m.start;
  }

  /** Reads the request of a job, its address and its contacts, again. @returns null when it was not kept */
  private readRequest(job: Job): Message | null {
    if (this.current !== null) {
      if (job.tries > 0) this.contacts.readContacts(this.current);
      return this.current;
    }
    const m = this.kept;
    if (job.size === 0 || m.parse(job.bytes, 0, job.size, false) !== PARSE_OK) return null;
    this.readAor(m);
    this.contacts.readContacts(m);
    return m;
  }

  /** Sets `aor` to the address in To. @returns its domain, NONE when it is none of ours. RFC 3261 §10.3 step 5 */
  private readAor(m: Message): Uint8Array {
    const { address, uri } = this;
    if (!address.parseWithUri(m.bytes, m.toStart, m.toEnd, uri)) return NONE;
    const domain = this.domainOf(uri);
    const size = domain.length === 0 ? -1 : writeAor(uri, this.aorBytes, domain);
    if (size < 0) return NONE;
    this.aor.set(this.aorBytes, 0, size);
    return domain;
  }

  /**
   * @returns the domain of ours that a URI belongs to, NONE when there is none. Our own address belongs to the first,
   * as in the proxy.
   */
  private domainOf(uri: Uri): Uint8Array {
    const { domains } = this.options;
    if (uri.ip >= 0 && uri.ip === this.layer.localIp) return domains[0];
    return domainOf(domains, uri.bytes, uri.hostStart, uri.hostEnd);
  }

  /** Whether the sender is the user whose address is in `aor`. RFC 3261 §10.3 step 4 */
  private isOwner(realm: Uint8Array): boolean {
    const { name } = this.sender;
    const end = this.aor.end - realm.length - 1;
    return equal(name.bytes, name.start, name.end, this.aorBytes, 0, end);
  }

  private refuseContacts(t: ServerTransaction, status: number): void {
    if (status === 423) {
      const w = this.startAnswer(t, 423);
      w.put(MIN_EXPIRES);
      w.uint(this.options.minS);
      w.crlf();
      this.counters.refused += 1;
      this.sendAnswer(t, w);
    } else
      this.refuseRequest(
        t,
        status,
        status === 403
          ? this.contacts.isBarred
            ? BARRED
            : TOO_MANY
          : status === 500
            ? OUT_OF_ORDER
            : status === 400
              ? BAD_CONTACT
              : NONE,
      );
  }

  private refuseRequest(t: ServerTransaction, status: number, reason: Uint8Array = NONE): void {
    this.counters.refused += 1;
    this.sendAnswer(t, this.startAnswer(t, status, reason));
  }

  /** Answers 503: the store is away or full, and the request may be tried again. RFC 3261 §21.5.4 */
  private answerFailure(t: ServerTransaction): void {
    this.counters.failed += 1;
    const w = this.startAnswer(t, 503);
    w.put(RETRY_SOON);
    this.sendAnswer(t, w);
  }

  /** Writes, but does not send, the answer: all bindings, each with the time that is left. RFC 3261 §10.3 step 8 */
  private writeOk(t: ServerTransaction, list: Bindings): void {
    const w = t.respond(200);
    const nowS = this.clock.nowS();
    for (let more = list.first(); more; more = list.next()) {
      w.put(CONTACT_OPEN);
      w.span(list.contact);
      w.put(URI_EXPIRES);
      w.uint(Math.max(0, list.expiresS - nowS));
      if (list.q < 1000) {
        w.put(Q);
        writeQ(w, list.q);
      }
      writeFlowId(w, list.flowId);
      w.crlf();
    }
    if (this.contacts.isOutbound) this.writeOutbound(w, t);
    this.contacts.writePath(w);
    if (this.options.serviceRoute.length > 0) {
      w.put(SERVICE_ROUTE);
      w.put(this.options.serviceRoute);
      w.crlf();
    }
    if (this.clock.offsetMs > 0) writeDate(w, nowS);
    w.put(EMPTY_BODY);
  }

  /** Tells the phone that it is reached by its flow, and how often it is to be heard. RFC 5626 §6, §10 */
  private writeOutbound(w: Writer, t: ServerTransaction): void {
    w.put(REQUIRE_OUTBOUND);
    if (t.source.transport === TRANSPORT_UDP) return;
    w.put(FLOW_TIMER);
    w.uint(this.options.flowTimerS);
    w.crlf();
    this.layer.transport.noteKept(t.source.connection);
  }
}

/** Writes the reg-id and the instance of a binding as parameters, if it has them. */
function writeFlowId(w: Writer, flowId: Span): void {
  const { bytes, start, end } = flowId;
  if (start === end) return;
  let at = start;
  while (bytes[at] !== 0x20) at += 1;
  w.put(REG_ID);
  w.raw(bytes, start, at);
  w.put(INSTANCE);
  w.raw(bytes, at + 1, end);
  w.octet(0x22);
}

/** Writes a q, such as 0.5 for 500. @param thousandths 0 to 1000 */
export function writeQ(w: Writer, thousandths: number): void {
  w.octet(thousandths === 1000 ? 0x31 : 0x30);
  if (thousandths === 0 || thousandths === 1000) return;
  w.octet(0x2e);
  let rest = thousandths;
  for (let weight = 100; rest > 0; weight = weight === 100 ? 10 : 1) {
    const digit = Math.floor(rest / weight);
    w.octet(0x30 + digit);
    rest -= digit * weight;
  }
}
