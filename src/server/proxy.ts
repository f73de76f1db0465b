/**
 * The stateful proxy (RFC 3261 §16, RFC 5393): who may send what where, one branch for each contact (those of the same q at once, the lower
 * ones after them), and of all their answers the best. ACK for a 2xx and whatever belongs to a dialog goes its way without memory of it.
 * It forwards for its own users, to its own users, and along its own Record-Route; nothing else.
 * Not here: reading the way (routing.ts), writing the request (forward.ts), what is remembered (contexts.ts), proxies without state (stateless.ts).
 */
import { equalNoCase, hash, NONE, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { TimerUser } from "../core/timers.js";
import { type ClientTransaction, type ClientUser, FAILURE_CANCELLED, FAILURE_TIMEOUT } from "../transaction/client.js";
import { Flow } from "../transaction/flow.js";
import { hasOneVia, type TransactionLayer, type TransactionUser } from "../transaction/layer.js";
import { beginRefusal, refuseForNow } from "../transaction/refusal.js";
import { writeChallengesOf } from "../transaction/relay.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import { Message, PARSE_OK, PROBLEM_TABLE } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_REASON, METHOD_BYE, METHOD_INVITE, TRANSPORT_UDP } from "../wire/names.js";
import { Writer } from "../wire/writer.js";
import { Admission } from "./admission.js";
import { AnsweredRoutes } from "./answered.js";
import type { Authenticator } from "./authenticator.js";
import { Contexts, FLAG_ASKING, FLAG_CLOSED, FLAG_DONE, FLAG_MORE } from "./contexts.js";
import type { Domains } from "./domains.js";
import { Forwarder } from "./forward.js";
import { breadthOf, Hop } from "./hop.js";
import { type Bindings, LOCATION_OK, type LocationStore, type LocationUser } from "./location.js";
import type { Places } from "./places.js";
import type { RouteTokens } from "./routetoken.js";
import type { Routing } from "./routing.js";
import { SHARE_DIALOG, SHARE_KNOWN, SHARE_STRANGER, Shares } from "./shares.js";
import { KIND_ELSEWHERE, type Targets } from "./targets.js";

export interface ProxyOptions {
  /** Stays on the way of the dialogs that are begun through it: it has to, where phones speak different transports or are behind a NAT. */
  isRecording: boolean;
  /** Goes where a 3xx says, instead of passing it on. RFC 3261 §16.7 step 4 */
  isRecursing: boolean;
  /** Strangers may not even call a user of ours, but those whose own rule lets them. */
  isClosed: boolean;
  /** Addresses that need no credentials: gateways, other proxies of the house. Kept. */
  trusted: readonly number[];
  /** Where requests may be sent on; kept. Without it, the usual places. */
  places?: Places;
  /** How long contacts ring before those of a lower q do, ms. */
  ringMs: number;
  /** How long a branch may ring in all: Timer C, more than 3 minutes. RFC 3261 §16.6 step 11 */
  timerCMs: number;
  /** Messages that may be kept at once: requests that may be forwarded again, answers of several branches. */
  kept: number;
}

/** What Timer C is at least. RFC 3261 §16.6 step 11 */
export const TIMER_C_MS = 181_000;
export const PROXY_DEFAULTS: ProxyOptions = {
  isRecording: true,
  isRecursing: false,
  isClosed: false,
  trusted: [],
  ringMs: 20_000,
  timerCMs: TIMER_C_MS,
  kept: 64,
};

export class ProxyCounters {
  /** Requests sent on, each branch counted. */
  forwarded = 0;
  /** Requests of a dialog, or an ACK, passed on along our Record-Route. */
  followed = 0;
  /** Answered here otherwise than with a challenge. */
  refused = 0;
  /** Requests that had been here. */
  looped = 0;
  /** Branches given up: nobody answered in time. */
  expired = 0;
  /** Nothing to send with, no store, or no room. */
  failed = 0;
  /** ACKs of no dialog of ours: dropped. */
  dropped = 0;
}

/** Told of calls, where somebody keeps a log. What it is given it may use while it is told only. */
export interface CallWatcher {
  /** An INVITE that begins a call goes on. @param slot of its transaction, -1 where there is none */
  onCall(slot: number, m: Message, source: Flow): void;
  /** It has its final answer. */
  onAnswer(slot: number, status: number): void;
  /** A request went nowhere and was answered here, otherwise than by a challenge. */
  onReply(m: Message, source: Flow, status: number): void;
  /** A BYE goes its way. */
  onBye(m: Message): void;
}

const ELSEWHERE = octets('Reason: SIP;cause=200;text="Call completed elsewhere"\r\n');
const CAUSE_200 = octets("cause=200");
const TURN = 0x10000;
/** How long a stranger is told again, by Timer G, that nobody answered, ms: four times in all. */
const STRANGER_ACK_MS = 7000;

export class StatefulProxy implements TransactionUser, ClientUser, ServerOwner, LocationUser, TimerUser {
  readonly counters = new ProxyCounters();
  readonly contexts: Contexts;
  readonly shares: Shares;
  watcher: CallWatcher | null = null;
  private readonly layer: TransactionLayer;
  private readonly random: RandomSource;
  private readonly store: LocationStore;
  private readonly options: ProxyOptions;
  private readonly targets: Targets;
  readonly admission: Admission;
  private readonly routing: Routing;
  private readonly forwarder: Forwarder;
  private readonly routeTokens: RouteTokens;
  private readonly hop = new Hop();
  private readonly source = new Flow();
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly user = new Span();
  private readonly writer = new Writer();
  private readonly timers: number[] = [];
  /** What is read again from a buffer. */
  private readonly again: Message;
  /** The request that is being looked at; null when it has to be read again. */
  private current: Message | null = null;

  /**
   * @param targets has the users, and the process number by which a binding's connection is known to be ours
   * @param marks those of all servers that stand for one another have the same key
   */
  constructor(
    layer: TransactionLayer,
    random: RandomSource,
    auth: Authenticator,
    store: LocationStore,
    ourDomains: Domains,
    targets: Targets,
    routeTokens: RouteTokens,
    options: ProxyOptions,
  ) {
    this.layer = layer;
    this.random = random;
    this.store = store;
    this.options = options;
    this.targets = targets;
    this.routeTokens = routeTokens;
    this.admission = new Admission(
      layer,
      random,
      auth,
      ourDomains,
      targets,
      routeTokens,
      options.trusted,
      options.places,
    );
    this.admission.isClosed = options.isClosed;
    this.routing = this.admission.routing;
    this.forwarder = new Forwarder(layer, this.admission, routeTokens, options.isRecording);
    layer.relayedRows = new AnsweredRoutes(ourDomains, routeTokens);
    const { limits } = layer;
    this.contexts = new Contexts(limits.servers, limits.clients, options.kept, limits.transactionBytes);
    this.shares = new Shares(layer);
    this.again = new Message(limits.headerRows);
    for (let i = 0; i < limits.servers; i++) this.timers.push(layer.timers.make(this, i));
  }

  // What came. RFC 3261 §16.3

  onRequest(t: ServerTransaction, m: Message): void {
    const { admission, counters, source } = this;
    source.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    this.forwarder.status = 0;
    const status = admission.check(m, source);
    if (status === 0 && this.shares.takeServer(t, m, this.shareOf())) {
      this.begin(t, m);
      return;
    }
    if (status === 0) {
      counters.failed += 1;
      this.watcher?.onReply(m, source, 503);
      this.refuse(t, m, 503);
      return;
    }
    if (status === 482) counters.looped += 1;
    else if (status !== 407 && status !== 200) counters.refused += 1;
    if (status !== 407 && status !== 200) this.watcher?.onReply(m, source, status);
    this.refuse(t, m, status);
  }

  /** Whose room the request takes that `admission` has checked. */
  private shareOf(): number {
    const { admission } = this;
    if (admission.routing.isMarked) return SHARE_DIALOG;
    return admission.isKnown || admission.isTrusted(this.source.ip) ? SHARE_KNOWN : SHARE_STRANGER;
  }

  /** Answers what went nowhere, without a transaction: it may be anybody's, and one message goes out for one that came. RFC 3261 §26.3.2.4 */
  private refuse(t: ServerTransaction, m: Message, status: number): void {
    const { admission, layer } = this;
    admission.write(beginRefusal(layer, t, m, status, this.reasonOf(status)), m, status);
    layer.sendAnswer();
  }

  private reasonOf(status: number): Uint8Array {
    return status !== 0 && status === this.forwarder.status ? this.forwarder.reason : this.admission.reasonOf(status);
  }

  private begin(t: ServerTransaction, m: Message): void {
    const { contexts } = this;
    const { slot } = t;
    contexts.open(slot, this.admission.row);
    t.owner = this;
    t.isUnproven = this.isUnproven(t);
    if (m.method === METHOD_INVITE && m.toTagEnd === m.toTagStart) this.watcher?.onCall(slot, m, this.source);
    else if (m.method === METHOD_BYE) this.watcher?.onBye(m);
    if (this.admission.kind === KIND_ELSEWHERE) {
      const { hop } = this;
      hop.clear();
      hop.breadth = breadthOf(m);
      this.setUri(hop);
      const status = hop.breadth < 1 ? 440 : this.launch(t, m, hop);
      if (status !== 0) this.fail(t, status);
      else if (this.options.isRecursing && m.method === METHOD_INVITE) contexts.keep(contexts.request, slot, m);
      return;
    }
    this.current = m;
    this.ask(t);
    this.current = null;
  }

  /** Whether nobody knows that the sender is where the request says to come from: a stranger's, over UDP, from where no answer ever came. */
  private isUnproven(t: ServerTransaction): boolean {
    const { admission, layer } = this;
    const { transport, ip } = t.source;
    if (transport !== TRANSPORT_UDP || admission.isKnown || this.routing.isMarked) return false;
    return !admission.isTrusted(ip) && !layer.isProven(ip);
  }

  /** The way of a request that is not for a user: as it says, or in a dialog of ours by what the mark tells. */
  private setUri(hop: Hop): void {
    const { targets, routing, routeTokens } = this;
    hop.uri.set(targets.uri.bytes, targets.uri.start, targets.uri.end);
    hop.isOwners = targets.isPlanned;
    if (!routing.isFollowed) return;
    this.counters.followed += 1;
    if (!routing.hasRoute && this.layer.transport.isOpen(routeTokens.flow)) hop.flow.copy(routeTokens.flow);
  }

  // Branches. RFC 3261 §16.5, §16.6

  /** Asks where the user is whom `targets` has found. */
  private ask(t: ServerTransaction): void {
    const { contexts } = this;
    const { slot } = t;
    contexts.flags[slot] |= FLAG_ASKING;
    contexts.askedUntilMs[slot] = this.layer.timers.nowMs + 64 * this.layer.limits.t1Ms;
    if (this.store.bindings(this.targets.aor, this, contexts.turn[slot] * TURN + slot)) return;
    this.arm(slot);
    if (this.current !== null && !contexts.keep(contexts.request, slot, this.current)) {
      contexts.turn[slot] += 1;
      this.counters.failed += 1;
      this.watcher?.onAnswer(slot, 503);
      refuseForNow(this.layer, t);
    }
  }

  onBindings(token: number, result: number, list: Bindings): void {
    const { contexts } = this;
    const slot = token % TURN;
    if (contexts.turn[slot] !== Math.floor(token / TURN) || (contexts.flags[slot] & FLAG_ASKING) === 0) return;
    contexts.flags[slot] &= ~(FLAG_ASKING | FLAG_MORE);
    this.arm(slot);
    const t = this.layer.servers.items[slot];
    if ((contexts.flags[slot] & FLAG_CLOSED) !== 0) {
      if (contexts.pending[slot] === 0) this.proceed(t);
      return;
    }
    const m = this.current !== null ? this.current : this.requestOf(slot);
    if (m !== null && result === LOCATION_OK) this.fork(t, m, list);
    else if (contexts.pending[slot] === 0) this.fail(t, 503);
  }

  onUpdated(_token: number, _result: number): void {}

  /** The request of a context, read again, with its way; null when it was not kept. */
  private requestOf(slot: number): Message | null {
    const kept = this.contexts.request[slot];
    const { again, source } = this;
    const t = this.layer.servers.items[slot];
    if (kept === null || again.parse(kept.bytes, 0, kept.size, false) !== PARSE_OK) return null;
    source.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    if (!this.routing.read(again)) return null;
    this.targets.find(this.routing);
    this.admission.recall(again, this.contexts.credentials[slot]);
    this.admission.loops.wasHere(again);
    return again;
  }

  /** A branch to each of the contacts with the highest q below those tried. */
  private fork(t: ServerTransaction, m: Message, list: Bindings): void {
    const { contexts, hop, targets } = this;
    const { slot } = t;
    const below = contexts.q[slot];
    let top = -1;
    let count = 0;
    for (let more = list.first(); more; more = list.next()) {
      if (list.q >= below) continue;
      if (top < 0) top = list.q;
      if (list.q === top) count += 1;
      else contexts.flags[slot] |= FLAG_MORE;
    }
    if (top < 0) {
      if (contexts.best[slot] === 0) contexts.best[slot] = 480;
      if (contexts.pending[slot] === 0) this.conclude(t);
      return;
    }
    contexts.q[slot] = top;
    const hasMore = (contexts.flags[slot] & FLAG_MORE) !== 0;
    const isAgain = hasMore || (this.options.isRecursing && m.method === METHOD_INVITE);
    if (isAgain && this.current !== null && !contexts.keep(contexts.request, slot, m))
      contexts.flags[slot] &= ~FLAG_MORE;
    hop.breadth = Math.floor(breadthOf(m) / count);
    let status = hop.breadth < 1 ? 440 : 0;
    for (let more = list.first(); more && status !== 440; more = list.next()) {
      if (list.q !== top) continue;
      targets.reach(list, hop);
      hop.isUser = true;
      const failed = this.launch(t, m, hop);
      if (failed !== 0) status = failed;
    }
    if (!isAgain) contexts.release(contexts.request, slot);
    if (contexts.pending[slot] > 0) return;
    if (contexts.best[slot] === 0) contexts.best[slot] = status;
    this.proceed(t);
  }

  /** Sends the request one way. @returns 0, or the status that says why not */
  private launch(t: ServerTransaction, m: Message, hop: Hop): number {
    const { layer, forwarder, contexts } = this;
    const uri = hash(hop.uri.bytes, hop.uri.start, hop.uri.end);
    if (contexts.wasTried(t.slot, uri)) return 482;
    if (!this.shares.hasClient(t)) return 503;
    const c = layer.client(this);
    if (c === null) return 503;
    if (!forwarder.aim(m, hop, c.target)) {
      layer.discard(c);
      return forwarder.status;
    }
    const { line } = forwarder;
    const w = c.forward(m, line.bytes, line.start, line.end, this.admission.loops.hash);
    forwarder.write(w, m, this.source, hop, c.target);
    if (!layer.send(c)) return 513;
    this.counters.forwarded += 1;
    this.shares.takeClient(t, c);
    const isSerial = (contexts.flags[t.slot] & FLAG_MORE) !== 0;
    contexts.add(t.slot, c.slot, uri, layer.timers.nowMs + (isSerial ? this.options.ringMs : this.options.timerCMs));
    if (m.method === METHOD_INVITE) this.arm(t.slot);
    return 0;
  }

  /** Timer C and the time of a group, in one: the next branch that is to be given up. */
  private arm(slot: number): void {
    const ms = this.contexts.earliestMs(slot);
    if (ms === Infinity) this.layer.timers.stop(this.timers[slot]);
    else this.layer.timers.startAt(this.timers[slot], ms);
  }

  /** RFC 3261 §16.8; before the first provisional response Timer B does it. */
  onTimer(slot: number): void {
    const { contexts, layer } = this;
    const { nowMs } = layer.timers;
    if ((contexts.flags[slot] & FLAG_ASKING) !== 0 && contexts.askedUntilMs[slot] <= nowMs) this.giveUpAsking(slot);
    for (let branch = contexts.first(slot); branch >= 0; branch = contexts.next(branch)) {
      const deadlineMs = contexts.deadlineMs[branch];
      if (deadlineMs === 0 || deadlineMs > nowMs) continue;
      this.counters.expired += 1;
      contexts.deadlineMs[branch] = Infinity;
      layer.cancel(layer.clients.items[branch]);
    }
    this.arm(slot);
  }

  /** The location service has not answered in time: its answer is not waited for any more. */
  private giveUpAsking(slot: number): void {
    const { contexts } = this;
    contexts.turn[slot] += 1;
    contexts.flags[slot] &= ~(FLAG_ASKING | FLAG_MORE);
    if (contexts.pending[slot] > 0 || (contexts.flags[slot] & FLAG_DONE) !== 0) return;
    if (contexts.best[slot] !== 0) this.conclude(this.layer.servers.items[slot]);
    else this.fail(this.layer.servers.items[slot], 503);
  }

  // Their answers. RFC 3261 §16.7

  onResponse(c: ClientTransaction, m: Message): void {
    const { contexts, layer } = this;
    const slot = contexts.context[c.slot];
    if (slot < 0) return;
    const t = layer.servers.items[slot];
    // It is for us alone, or not whole: the request has its answer, which goes no further. §16.7 step 3
    const isOurs = hasOneVia(m) || m.problem === PROBLEM_TABLE;
    if (m.status < 200) {
      if (m.status === 100) return;
      if ((contexts.flags[slot] & FLAG_MORE) === 0 && contexts.deadlineMs[c.slot] < Infinity) {
        contexts.deadlineMs[c.slot] = layer.timers.nowMs + this.options.timerCMs;
        this.arm(slot);
      }
      if (!isOurs) layer.relay(t, m);
      return;
    }
    const isFirst = contexts.deadlineMs[c.slot] !== 0;
    if (isFirst) this.settle(slot, c.slot);
    if (m.status < 300) {
      contexts.flags[slot] |= FLAG_DONE | FLAG_CLOSED;
      // One that cannot be passed on is lost to the caller: he hears of it at least.
      const isLost = isOurs || !layer.relay(t, m);
      if (isLost && isFirst) layer.reply(t, 500);
      if (isFirst) this.watcher?.onAnswer(slot, isLost ? 500 : m.status);
      if (isFirst) this.cancelAll(slot, ELSEWHERE);
      return;
    }
    if (!isFirst || (contexts.flags[slot] & FLAG_DONE) !== 0) return;
    if (m.status < 400 && this.recurse(t, m)) return;
    if (m.status >= 600) {
      contexts.flags[slot] |= FLAG_CLOSED;
      this.cancelAll(slot, NONE);
    }
    if (isOurs) this.noteStatus(slot, m.status);
    else this.weigh(t, m);
    if (contexts.pending[slot] === 0) this.proceed(t);
  }

  onFailure(c: ClientTransaction, cause: number): void {
    const { contexts } = this;
    const slot = contexts.context[c.slot];
    if (slot < 0 || contexts.deadlineMs[c.slot] === 0) return;
    this.settle(slot, c.slot);
    if ((contexts.flags[slot] & FLAG_DONE) !== 0) return;
    this.noteStatus(slot, cause === FAILURE_TIMEOUT ? 408 : cause === FAILURE_CANCELLED ? 487 : 503);
    if (contexts.pending[slot] === 0) this.proceed(this.layer.servers.items[slot]);
  }

  /** A branch ended with that status, and nothing to be passed on. */
  private noteStatus(slot: number, status: number): void {
    const { contexts } = this;
    if (contexts.best[slot] !== 0 && rank(status) >= rank(contexts.best[slot])) return;
    contexts.best[slot] = status;
    contexts.release(contexts.response, slot);
  }

  onTerminated(c: ClientTransaction): void {
    this.contexts.remove(c.slot);
  }

  /** The branch has its final response. */
  private settle(slot: number, branch: number): void {
    this.contexts.deadlineMs[branch] = 0;
    this.contexts.pending[slot] -= 1;
    this.arm(slot);
  }

  /** Keeps the response if it is better than what there was; when it is the only one to come it is passed on from where it lies. */
  private weigh(t: ServerTransaction, m: Message): void {
    const { contexts } = this;
    const { slot } = t;
    const isChallenge = m.status === 401 || m.status === 407;
    const isBetter = contexts.best[slot] === 0 || rank(m.status) < rank(contexts.best[slot]);
    const isLast = contexts.pending[slot] === 0 && (contexts.flags[slot] & (FLAG_MORE | FLAG_CLOSED)) !== FLAG_MORE;
    if (isLast && isBetter && !isChallenge) {
      this.pass(t, m);
      return;
    }
    if (isChallenge) this.keepChallenges(slot, m);
    if (!isBetter) return;
    contexts.best[slot] = m.status;
    if (!contexts.keep(contexts.response, slot, m)) contexts.release(contexts.response, slot);
  }

  /** Collects the challenges of all branches: the caller answers them together. §16.7 step 7 */
  private keepChallenges(slot: number, m: Message): void {
    const { contexts, writer } = this;
    const kept = contexts.lend(contexts.challenges, slot);
    if (kept === null) return;
    writer.begin(kept.bytes, kept.size, kept.bytes.length);
    writeChallengesOf(writer, m);
    if (writer.ok) kept.size = writer.at;
  }

  /** No branch is left: those of a lower q, else the answer. */
  private proceed(t: ServerTransaction): void {
    const { contexts } = this;
    const { slot } = t;
    if ((contexts.flags[slot] & (FLAG_DONE | FLAG_ASKING)) !== 0) return;
    const isMore = (contexts.flags[slot] & (FLAG_MORE | FLAG_CLOSED)) === FLAG_MORE;
    if (isMore && this.requestOf(slot) !== null) this.ask(t);
    else this.conclude(t);
  }

  /** Passes on the best response. §16.7 steps 6 to 8 */
  private conclude(t: ServerTransaction): void {
    const { contexts, again } = this;
    const { slot } = t;
    const kept = contexts.response[slot];
    const isKept = kept !== null && (again.parse(kept.bytes, 0, kept.size, false) === PARSE_OK || again.isAnswer);
    if (isKept) this.pass(t, again);
    else this.fail(t, contexts.best[slot]);
  }

  private pass(t: ServerTransaction, m: Message): void {
    const { contexts, layer } = this;
    contexts.flags[t.slot] |= FLAG_DONE;
    this.watcher?.onAnswer(t.slot, m.status);
    // That one server cannot serve now does not mean that this one cannot. §16.7 step 6
    if (m.status === 503) {
      layer.reply(t, 500);
      return;
    }
    const challenges = contexts.challenges[t.slot];
    const isDone =
      challenges !== null && (m.status === 401 || m.status === 407)
        ? layer.relay(t, m, challenges.bytes, challenges.size)
        : layer.relay(t, m);
    if (!isDone) layer.reply(t, m.status);
  }

  /** There is a status, and no response that came with it. */
  private fail(t: ServerTransaction, status: number): void {
    const { contexts, layer } = this;
    contexts.flags[t.slot] |= FLAG_DONE;
    // Too late for one to a request that is no INVITE: whoever sent it has given up. RFC 4320 §4.2
    if (status === 408 && t.method !== METHOD_INVITE) return;
    this.counters.failed += 1;
    this.watcher?.onAnswer(t.slot, status);
    const wasSent = contexts.first(t.slot) >= 0;
    if (!wasSent && this.current !== null) {
      contexts.close(t.slot);
      this.shares.end(t);
      t.owner = null;
      this.refuse(t, this.current, status);
    } else if (status === 503 && !wasSent) refuseForNow(layer, t);
    else layer.reply(t, status === 503 ? 500 : status, this.reasonOf(status));
    // Who gave no password may never have been there to acknowledge it.
    if (status === 408 && this.shares.shareOf(t) !== SHARE_KNOWN) t.endWithin(STRANGER_ACK_MS);
  }

  /** Goes to the contacts of a 3xx: where an address of ours is, is looked up. §16.7 step 4 @returns whether something came of it */
  private recurse(t: ServerTransaction, m: Message): boolean {
    const { contexts, list, address, hop, targets } = this;
    const { slot } = t;
    if (!this.options.isRecursing || (contexts.flags[slot] & FLAG_CLOSED) !== 0) return false;
    const request = this.requestOf(slot);
    if (request === null) return false;
    const before = contexts.pending[slot];
    hop.clear();
    hop.breadth = Math.floor(breadthOf(request) / (before + elements(m, list)));
    this.user.clear();
    list.begin(m, HEADER_CONTACT);
    while (hop.breadth > 0 && list.next()) {
      if (!address.parse(list.bytes, list.start, list.end) || address.isStar || !targets.readContact(address, hop.uri))
        continue;
      if (!targets.isOurs()) this.launch(t, request, hop);
      else if (this.user.size() === 0) this.user.set(hop.uri.bytes, hop.uri.start, hop.uri.end);
    }
    // Last, for it changes the request; and of several such addresses the first alone.
    const isOurs = this.user.size() > 0 && contexts.redirect(slot, request, this.user);
    if (isOurs && this.requestOf(slot) !== null) this.ask(t);
    return contexts.pending[slot] > before || (contexts.flags[slot] & (FLAG_ASKING | FLAG_DONE)) !== 0;
  }

  // The end.

  /** RFC 3261 §16.10 */
  onCancel(t: ServerTransaction, m: Message): void {
    const { contexts, layer } = this;
    const { slot } = t;
    if (t.owner !== this) return;
    contexts.flags[slot] |= FLAG_CLOSED;
    // Nothing was sent yet: the answer of the store comes too late.
    if (contexts.pending[slot] === 0) {
      contexts.flags[slot] |= FLAG_DONE;
      this.watcher?.onAnswer(slot, 487);
      layer.reply(t, 487);
    } else this.cancelAll(slot, isAnsweredElsewhere(m) ? ELSEWHERE : NONE);
  }

  private cancelAll(slot: number, lines: Uint8Array): void {
    const { contexts, layer } = this;
    for (let branch = contexts.first(slot); branch >= 0; branch = contexts.next(branch))
      if (contexts.deadlineMs[branch] !== 0) layer.cancel(layer.clients.items[branch], lines);
  }

  onServerTerminated(t: ServerTransaction): void {
    const { contexts, layer } = this;
    this.shares.end(t);
    for (let branch = contexts.first(t.slot); branch >= 0; branch = contexts.next(branch))
      layer.forget(layer.clients.items[branch]);
    contexts.close(t.slot);
    // One that ended otherwise: its connection or its caller is gone.
    this.watcher?.onAnswer(t.slot, 408);
    layer.timers.stop(this.timers[t.slot]);
  }

  /** An answer of a callee is his to repeat, not ours. */
  onAckTimeout(_t: ServerTransaction): void {}

  /** The ACK for a 2xx, along our Record-Route. RFC 3261 §16.6, §17 */
  onAck(m: Message, source: Flow): void {
    const { admission, hop } = this;
    if (admission.check(m, source) !== 0 || !admission.routing.isMarked) {
      this.counters.dropped += 1;
      return;
    }
    hop.clear();
    hop.breadth = breadthOf(m);
    this.setUri(hop);
    if (!this.forwarder.sendOnce(m, source, hop, admission.loops.hash, this.random.uint32() | 0))
      this.counters.failed += 1;
  }
}

/** The lower, the better: 6xx, then by class; in a class what the caller can do something about first, what tells little last. §16.7 step 6 */
function rank(status: number): number {
  if (status >= 600) return 0;
  const base = Math.floor(status / 100) * 10;
  switch (status) {
    case 401:
    case 407:
      return base;
    case 415:
    case 420:
    case 484:
      return base + 1;
    case 408:
    case 487:
      return base + 4;
    case 503:
      return base + 5;
    default:
      return base + 3;
  }
}

/** How many contacts there are, at least one. */
function elements(m: Message, list: ValueList): number {
  let count = 0;
  list.begin(m, HEADER_CONTACT);
  while (list.next()) count += 1;
  return Math.max(1, count);
}

/** Whether a CANCEL says that the call was taken by another phone. RFC 3326 §2 */
function isAnsweredElsewhere(m: Message): boolean {
  for (let row = m.first(HEADER_REASON); row >= 0; row = m.next(row)) {
    const end = m.valueEnd(row) - CAUSE_200.length;
    for (let i = m.valueStart(row); i <= end; i++)
      if (equalNoCase(m.bytes, i, i + CAUSE_200.length, CAUSE_200, 0, CAUSE_200.length)) return true;
  }
  return false;
}
