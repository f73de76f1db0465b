/**
 * The stateful proxy (RFC 3261 §16, RFC 5393). It sends a request to each contact of a user, those of the same q at
 * once and those of a lower q after them, and passes on the best of their answers. It keeps nothing of a dialog: the
 * ACK for a 2xx and later requests follow its Record-Route. It forwards for its own users, to its own users, and along
 * its own Record-Route; nothing else.
 * Not here: who may send what (admission.ts), where a request goes (routing.ts, targets.ts), writing it (forward.ts),
 * what is kept of it (contexts.ts), the stateless proxy (stateless.ts).
 */

import { equalNoCase, hash, NONE, octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import type { TimerUser } from "../core/timers.js";
import { type ClientTransaction, type ClientUser, FAILURE_CANCELLED, FAILURE_TIMEOUT } from "../transaction/client.js";
import type { Flow } from "../transaction/flow.js";
import { hasOneVia, type TransactionLayer, type TransactionUser } from "../transaction/layer.js";
import { beginRefusal, refuseForNow } from "../transaction/refusal.js";
import { writeChallengesOf } from "../transaction/relay.js";
import type { ServerOwner, ServerTransaction } from "../transaction/server.js";
import { NameAddress } from "../wire/address.js";
import { ANSWERED_ELSEWHERE } from "../wire/lines.js";
import { ValueList } from "../wire/list.js";
import { Message, PARSE_OK, PROBLEM_TABLE } from "../wire/message.js";
import { HEADER_CONTACT, HEADER_REASON, METHOD_BYE, METHOD_INVITE, TRANSPORT_UDP } from "../wire/names.js";
import { Writer } from "../wire/writer.js";
import type { Admission } from "./admission.js";
import { AnsweredRoutes } from "./answered.js";
import { NO_CREDENTIALS } from "./authenticator.js";
import { Contexts, FLAG_ASKING, FLAG_CLOSED, FLAG_DONE, FLAG_MORE, NO_DEADLINE } from "./contexts.js";
import { Forwarder, SENT } from "./forward.js";
import { breadthOf, Hop } from "./hop.js";
import { bindingOf, KeptFlows } from "./keptflows.js";
import { type Bindings, LOCATION_OK, type LocationStore, type LocationUser } from "./location.js";
import { KIND_ELSEWHERE, Route } from "./route.js";
import { SHARE_DIALOG, SHARE_KNOWN, SHARE_STRANGER, Shares } from "./shares.js";
import { CONTACT_ELSEWHERE, CONTACT_OURS, type Targets } from "./targets.js";

export interface ProxyOptions {
  /**
   * Stays on the way of dialogs that begin through it; needed where phones speak different transports or are behind a
   * NAT.
   */
  isRecording: boolean;
  /** Sends the request on to the contacts of a 3xx, instead of passing the 3xx on. RFC 3261 §16.7 step 4 */
  isRecursing: boolean;
  /** How long contacts ring before those of a lower q do, ms. */
  ringMs: number;
  /** How long a branch may ring in all, ms: Timer C, more than 3 minutes. RFC 3261 §16.6 step 11 */
  timerCMs: number;
  /**
   * How many messages may be kept at once: requests that may be forwarded again, and the best answers of several
   * branches.
   */
  kept: number;
}

/** The shortest Timer C, ms. RFC 3261 §16.6 step 11 */
export const TIMER_C_MS = 181_000;
export const PROXY_DEFAULTS: ProxyOptions = {
  isRecording: true,
  isRecursing: false,
  ringMs: 20_000,
  timerCMs: TIMER_C_MS,
  kept: 64,
};

/** @returns the number of timers that a proxy makes: one for each server transaction */
export function proxyTimers(limits: { servers: number }): number {
  return limits.servers;
}

export class ProxyCounters {
  /** Requests forwarded, counted once a branch. */
  forwarded = 0;
  /** Requests of a dialog, ACKs among them, forwarded along our Record-Route. */
  followed = 0;
  /** Requests answered here, challenges left out. */
  refused = 0;
  /** Requests that came in a loop. */
  looped = 0;
  /** Branches given up because no answer came in time. */
  expired = 0;
  /** Requests that failed for want of a transaction, of the store or of room. */
  failed = 0;
  /** ACKs of no dialog of ours, which are dropped. */
  dropped = 0;
  /** Bindings removed because the flow was gone by which the phone was to be reached. */
  flowsLost = 0;
}

/** Keeps a log of calls. Messages and flows are lent for the call. */
export interface CallWatcher {
  /** An INVITE that begins a call was forwarded. @param slot of its transaction, -1 where there is none */
  onCall(slot: number, m: Message, source: Flow): void;
  /** The call with that slot has its final answer. */
  onAnswer(slot: number, status: number): void;
  /** A request was not forwarded but answered here, and not by a challenge. */
  onReply(m: Message, source: Flow, status: number): void;
  /** A BYE was forwarded. */
  onBye(m: Message): void;
}

const CAUSE_200 = octets("cause=200");
const TURN = 0x10000;
/** How often another flow of a phone is looked for, for one request. */
const LOSSES_MOST = 4;
/** How long the final answer to a stranger is repeated by Timer G, ms: long enough for four in all. */
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
  readonly admission: Admission;
  private readonly targets: Targets;
  private readonly forwarder: Forwarder;
  /** The request that is being looked at: `current`, or one that was read again. */
  private readonly route = new Route();
  private readonly hop = new Hop();
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly user = new Span();
  private readonly writer = new Writer();
  private readonly flows: KeptFlows;
  private readonly timers: number[] = [];
  /** A message that is read again from a buffer. */
  private readonly again: Message;
  /** The request that came just now; null when it has to be read again from its buffer. */
  private current: Message | null = null;

  constructor(
    layer: TransactionLayer,
    random: RandomSource,
    admission: Admission,
    options: ProxyOptions & { store: LocationStore },
  ) {
    this.layer = layer;
    this.random = random;
    this.admission = admission;
    this.store = options.store;
    this.flows = new KeptFlows(options.store, random, this.counters);
    this.options = options;
    this.targets = admission.targets;
    this.forwarder = new Forwarder(layer, admission, options.isRecording);
    layer.relayedRows = new AnsweredRoutes(admission.domains, admission.routeTokens);
    const { limits } = layer;
    this.contexts = new Contexts(limits.servers, limits.clients, options.kept, limits.transactionBytes);
    this.shares = new Shares(layer);
    this.again = new Message(limits.headerRows);
    for (let i = 0; i < limits.servers; i++) this.timers.push(layer.timers.make(this, i));
  }

  /** Whether its own Record-Route says that the request is of a dialog that goes through here. */
  isInDialog(m: Message): boolean {
    return this.admission.isInDialog(m);
  }

  // Requests that come. RFC 3261 §16.3

  onRequest(t: ServerTransaction, m: Message): void {
    const { admission, counters, route } = this;
    setSource(route, t);
    const status = admission.checkRequest(m, route);
    if (status === 0 && this.shares.takeServer(t, m, this.shareOf(route))) {
      this.startContext(t, m);
      return;
    }
    if (status === 0) {
      counters.failed += 1;
      this.watcher?.onReply(m, route.source, 503);
      this.refuseRequest(t, m, 503, NONE);
      return;
    }
    if (status === 482) counters.looped += 1;
    else if (status !== 407 && status !== 200) counters.refused += 1;
    if (status !== 407 && status !== 200) this.watcher?.onReply(m, route.source, status);
    this.refuseRequest(t, m, status, admission.reasonOf(m, status, route));
  }

  /** @returns SHARE_* that a request belongs to */
  private shareOf(route: Route): number {
    if (route.isInDialog) return SHARE_DIALOG;
    if (route.isByFlow) return SHARE_KNOWN;
    return route.sender.isKnown || this.admission.isTrusted(route.source.ip) ? SHARE_KNOWN : SHARE_STRANGER;
  }

  /**
   * Answers a request that was not forwarded, without a transaction: its sender may be anybody, and one message goes
   * out for one that came. RFC 3261 §26.3.2.4
   */
  private refuseRequest(t: ServerTransaction, m: Message, status: number, reason: Uint8Array): void {
    const { admission, layer } = this;
    admission.writeAnswer(beginRefusal(layer, t, m, status, reason), m, status, this.route);
    layer.sendAnswer();
  }

  private startContext(t: ServerTransaction, m: Message): void {
    const { contexts, route } = this;
    const { slot } = t;
    contexts.openContext(slot, route.sender.isKnown ? route.sender.row : NO_CREDENTIALS);
    t.owner = this;
    t.isUnproven = this.isUnproven(t, route);
    if (m.method === METHOD_INVITE && m.toTagEnd === m.toTagStart) this.watcher?.onCall(slot, m, route.source);
    else if (m.method === METHOD_BYE) this.watcher?.onBye(m);
    if (route.kind === KIND_ELSEWHERE) {
      const { hop } = this;
      hop.clear();
      hop.breadth = breadthOf(m);
      this.aimElsewhere(route, hop);
      const status = hop.breadth < 1 ? 440 : this.startBranch(t, m, hop);
      if (status !== 0) this.answerFailure(t, status, hop.reason);
      else if (this.options.isRecursing && m.method === METHOD_INVITE) contexts.keepMessage(contexts.request, slot, m);
      return;
    }
    this.current = m;
    this.askStore(t);
    this.current = null;
  }

  /**
   * Whether a forged source address is possible: a stranger sent the request by UDP, from an address that never
   * answered.
   */
  private isUnproven(t: ServerTransaction, route: Route): boolean {
    const { transport, ip } = t.source;
    if (transport !== TRANSPORT_UDP || route.sender.isKnown || route.isInDialog || route.isByFlow) return false;
    return !this.admission.isTrusted(ip) && !this.layer.isProven(ip);
  }

  /** Fills `hop` for a request that is not for a user of ours: as it says, or in a dialog of ours as the token says. */
  private aimElsewhere(route: Route, hop: Hop): void {
    hop.setElsewhere(route, this.layer.transport);
    if (route.isFollowed) this.counters.followed += 1;
  }

  // Branches. RFC 3261 §16.5, §16.6

  /** Asks the location service where the user is that the request is for. */
  private askStore(t: ServerTransaction): void {
    const { contexts } = this;
    const { slot } = t;
    contexts.flags[slot] |= FLAG_ASKING;
    contexts.askedUntilMs[slot] = this.layer.timers.nowMs + 64 * this.layer.limits.t1Ms;
    if (this.store.findBindings(this.route.aor, this, contexts.turn[slot] * TURN + slot)) return;
    this.armTimer(slot);
    if (this.current !== null && !contexts.keepMessage(contexts.request, slot, this.current)) {
      contexts.turn[slot] += 1;
      this.counters.failed += 1;
      this.watcher?.onAnswer(slot, 503);
      refuseForNow(t);
    }
  }

  onBindings(token: number, result: number, list: Bindings): void {
    const { contexts } = this;
    const slot = token % TURN;
    if (contexts.turn[slot] !== Math.floor(token / TURN) || (contexts.flags[slot] & FLAG_ASKING) === 0) return;
    const lost = contexts.lost[slot];
    contexts.lost[slot] = 0;
    contexts.flags[slot] &= lost !== 0 ? ~FLAG_ASKING : ~(FLAG_ASKING | FLAG_MORE);
    this.armTimer(slot);
    const t = this.layer.servers.items[slot];
    if (lost !== 0) {
      if (result === LOCATION_OK) this.replaceFlow(t, lost, list);
      if (contexts.pending[slot] === 0) this.tryNextGroup(t, NONE);
      return;
    }
    if ((contexts.flags[slot] & FLAG_CLOSED) !== 0) {
      if (contexts.pending[slot] === 0) this.tryNextGroup(t, NONE);
      return;
    }
    const m = this.current !== null ? this.current : this.readAgain(slot);
    if (m !== null && result === LOCATION_OK) this.forkRequest(t, m, list);
    else if (contexts.pending[slot] === 0) this.answerFailure(t, 503, NONE);
  }

  onUpdated(_token: number, _result: number): void {}

  /**
   * Another server has lost the flow of a phone (430): the location service is asked for its binding, which is removed,
   * and for another flow of it. While it is being asked already, the binding stays until the next request. RFC 5626
   * §5.3
   */
  private loseFlow(t: ServerTransaction, binding: number): void {
    const { contexts } = this;
    const { slot } = t;
    if (binding === 0 || (contexts.flags[slot] & FLAG_ASKING) !== 0 || contexts.losses[slot] >= LOSSES_MOST) return;
    if (this.readAgain(slot) === null) return;
    contexts.losses[slot] += 1;
    contexts.lost[slot] = binding;
    this.askStore(t);
  }

  /** Removes the binding of a flow that is gone, and sends the request over another flow of the phone. */
  private replaceFlow(t: ServerTransaction, lost: number, list: Bindings): void {
    const { contexts, flows, hop } = this;
    const { slot } = t;
    const m = this.readAgain(slot);
    if (m === null) return;
    flows.begin();
    const found = flows.findOther(list, lost);
    if (found < 0) return;
    const isOpen = (contexts.flags[slot] & (FLAG_CLOSED | FLAG_DONE)) === 0;
    if (found > 0 && isOpen && this.targets.fillHop(list, hop)) {
      hop.isUser = true;
      hop.breadth = Math.floor(breadthOf(m) / list.count);
      if (hop.breadth > 0) this.startBranch(t, m, hop);
    }
    flows.removeLost(this.route.aor, list);
  }

  /** Reads the kept request of a context, and its route, again. @returns null when it was not kept */
  private readAgain(slot: number): Message | null {
    const kept = this.contexts.request[slot];
    const { again, route } = this;
    if (kept === null || again.parse(kept.bytes, 0, kept.size, false) !== PARSE_OK) return null;
    setSource(route, this.layer.servers.items[slot]);
    return this.admission.recallRoute(again, this.contexts.credentials[slot], route) ? again : null;
  }

  /** Starts a branch to each of the contacts with the highest q below those tried. */
  private forkRequest(t: ServerTransaction, m: Message, list: Bindings): void {
    const { contexts, flows, hop, targets } = this;
    const { slot } = t;
    const below = contexts.q[slot];
    let top = -1;
    let count = 0;
    let isByPath = false;
    for (let more = list.first(); more; more = list.next()) {
      if (list.q >= below) continue;
      isByPath ||= bindingOf(list) !== 0;
      if (top < 0) top = list.q;
      if (list.q === top) count += 1;
      else contexts.flags[slot] |= FLAG_MORE;
    }
    if (top < 0) {
      if (contexts.best[slot] === 0) contexts.best[slot] = 480;
      if (contexts.pending[slot] === 0) this.answerBest(t, NONE);
      return;
    }
    contexts.q[slot] = top;
    const hasMore = (contexts.flags[slot] & FLAG_MORE) !== 0;
    const isAgain = hasMore || isByPath || (this.options.isRecursing && m.method === METHOD_INVITE);
    if (isAgain && this.current !== null && !contexts.keepMessage(contexts.request, slot, m))
      contexts.flags[slot] &= ~FLAG_MORE;
    hop.breadth = Math.floor(breadthOf(m) / count);
    flows.begin();
    let status = hop.breadth < 1 ? 440 : 0;
    for (let more = list.first(); more && status !== 440; more = list.next()) {
      if (list.q !== top || flows.isCalled(list)) continue;
      if (!targets.fillHop(list, hop)) {
        flows.noteLost(list);
        if (status === 0) status = 480;
        continue;
      }
      hop.isUser = true;
      const failed = this.startBranch(t, m, hop);
      if (failed !== 0) status = failed;
      else flows.noteCalled(list);
    }
    // This comes last, for it may change what `list` is over.
    flows.removeLost(this.route.aor, list);
    if (!isAgain) contexts.releaseBuffer(contexts.request, slot);
    if (contexts.pending[slot] > 0) return;
    const isFirst = contexts.best[slot] === 0;
    if (isFirst) contexts.best[slot] = status;
    this.tryNextGroup(t, isFirst ? hop.reason : NONE);
  }

  /** Starts the branch to one hop. @returns 0, or the status that says why it was not sent; its reason is in `hop` */
  private startBranch(t: ServerTransaction, m: Message, hop: Hop): number {
    const { layer, forwarder, contexts, route } = this;
    hop.reason = NONE;
    // Two flows of a phone may have one Contact.
    const uri = hash(hop.uri.bytes, hop.uri.start, hop.uri.end) ^ hop.binding;
    if (contexts.wasTried(t.slot, uri)) return 482;
    if (!this.shares.hasClient(t)) return 503;
    const c = layer.client(this);
    if (c === null) return 503;
    const status = forwarder.aimHop(m, route, hop, c.target);
    if (status !== 0) {
      c.discard();
      return status;
    }
    const { line } = hop;
    const w = c.forward(m, line.bytes, line.start, line.end, route.loopHash);
    forwarder.writeRequest(w, m, route, hop, c.target);
    if (!c.sendRequest()) return 513;
    this.counters.forwarded += 1;
    this.shares.takeClient(t, c);
    const isSerial = (contexts.flags[t.slot] & FLAG_MORE) !== 0;
    contexts.addBranch(
      t.slot,
      c.slot,
      uri,
      hop.binding,
      layer.timers.nowMs + (isSerial ? this.options.ringMs : this.options.timerCMs),
    );
    if (m.method === METHOD_INVITE) this.armTimer(t.slot);
    return 0;
  }

  /**
   * Sets the timer to the next branch, or question to the store, that is to be given up. It stands for Timer C and for
   * the time of a group.
   */
  private armTimer(slot: number): void {
    const ms = this.contexts.earliestMs(slot);
    if (ms === Infinity) this.layer.timers.stop(this.timers[slot]);
    else this.layer.timers.startAt(this.timers[slot], ms);
  }

  /**
   * Gives up what has taken too long. Before its first provisional response a branch ends by Timer B. RFC 3261 §16.8
   */
  onTimer(slot: number): void {
    const { contexts, layer } = this;
    const { nowMs } = layer.timers;
    if ((contexts.flags[slot] & FLAG_ASKING) !== 0 && contexts.askedUntilMs[slot] <= nowMs) this.giveUpAsking(slot);
    for (let branch = contexts.firstBranch(slot); branch >= 0; branch = contexts.nextBranch(branch)) {
      const deadlineMs = contexts.deadlineMs[branch];
      if (deadlineMs > nowMs) continue;
      this.counters.expired += 1;
      contexts.deadlineMs[branch] = NO_DEADLINE;
      layer.clients.items[branch].cancel();
    }
    this.armTimer(slot);
  }

  /** Stops waiting for a location service that has not answered in time. */
  private giveUpAsking(slot: number): void {
    const { contexts } = this;
    contexts.turn[slot] += 1;
    contexts.lost[slot] = 0;
    contexts.flags[slot] &= ~(FLAG_ASKING | FLAG_MORE);
    if (contexts.pending[slot] > 0 || (contexts.flags[slot] & FLAG_DONE) !== 0) return;
    if (contexts.best[slot] !== 0) this.answerBest(this.layer.servers.items[slot], NONE);
    else this.answerFailure(this.layer.servers.items[slot], 503, NONE);
  }

  // Responses. RFC 3261 §16.7

  onResponse(c: ClientTransaction, m: Message): void {
    const { contexts, layer } = this;
    const slot = contexts.context[c.slot];
    if (slot < 0) return;
    const t = layer.servers.items[slot];
    // A response with our Via alone, or not whole, goes no further, but its branch has its answer. §16.7 step 3
    const isOurs = hasOneVia(m) || m.problem === PROBLEM_TABLE;
    if (m.status < 200) {
      if (m.status === 100) return;
      if ((contexts.flags[slot] & FLAG_MORE) === 0 && contexts.deadlineMs[c.slot] < NO_DEADLINE) {
        contexts.deadlineMs[c.slot] = layer.timers.nowMs + this.options.timerCMs;
        this.armTimer(slot);
      }
      if (!isOurs) t.relay(m);
      return;
    }
    const isFirst = contexts.isSettled[c.slot] === 0;
    if (isFirst) this.settleBranch(slot, c.slot);
    if (m.status < 300) {
      contexts.flags[slot] |= FLAG_DONE | FLAG_CLOSED;
      // A 2xx that cannot be passed on is lost, so the caller gets a 500.
      const isLost = isOurs || !t.relay(m);
      if (isLost && isFirst) t.reply(500);
      if (isFirst) this.watcher?.onAnswer(slot, isLost ? 500 : m.status);
      if (isFirst) this.cancelAll(slot, ANSWERED_ELSEWHERE);
      return;
    }
    if (!isFirst || (contexts.flags[slot] & FLAG_DONE) !== 0) return;
    if (m.status < 400 && this.followRedirect(t, m)) return;
    if (m.status >= 600) {
      contexts.flags[slot] |= FLAG_CLOSED;
      this.cancelAll(slot, NONE);
    }
    // Another server of ours has lost the flow, which says nothing to a caller. RFC 5626 §5.3
    if (isOurs || m.status === 430) this.noteStatus(slot, m.status);
    else this.weighResponse(t, m);
    if (m.status === 430) this.loseFlow(t, contexts.bindings[c.slot]);
    if (contexts.pending[slot] === 0) this.tryNextGroup(t, NONE);
  }

  onFailure(c: ClientTransaction, cause: number): void {
    const { contexts } = this;
    const slot = contexts.context[c.slot];
    if (slot < 0 || contexts.isSettled[c.slot] !== 0) return;
    this.settleBranch(slot, c.slot);
    if ((contexts.flags[slot] & FLAG_DONE) !== 0) return;
    this.noteStatus(slot, cause === FAILURE_TIMEOUT ? 408 : cause === FAILURE_CANCELLED ? 487 : 503);
    if (contexts.pending[slot] === 0) this.tryNextGroup(this.layer.servers.items[slot], NONE);
  }

  /** Notes the status of a branch that ended without a response to pass on. */
  private noteStatus(slot: number, status: number): void {
    const { contexts } = this;
    if (contexts.best[slot] !== 0 && rank(status) >= rank(contexts.best[slot])) return;
    contexts.best[slot] = status;
    contexts.releaseBuffer(contexts.response, slot);
  }

  onTerminated(c: ClientTransaction): void {
    this.contexts.removeBranch(c.slot);
  }

  /** The branch has its final response. */
  private settleBranch(slot: number, branch: number): void {
    this.contexts.settleBranch(slot, branch);
    this.armTimer(slot);
  }

  /** Keeps the response if it is better than those before; the last one is passed on from where it lies. */
  private weighResponse(t: ServerTransaction, m: Message): void {
    const { contexts } = this;
    const { slot } = t;
    const isChallenge = m.status === 401 || m.status === 407;
    const isBetter = contexts.best[slot] === 0 || rank(m.status) < rank(contexts.best[slot]);
    const isLast = contexts.pending[slot] === 0 && (contexts.flags[slot] & (FLAG_MORE | FLAG_CLOSED)) !== FLAG_MORE;
    if (isLast && isBetter && !isChallenge) {
      this.passResponse(t, m);
      return;
    }
    if (isChallenge) this.keepChallenges(slot, m);
    if (!isBetter) return;
    contexts.best[slot] = m.status;
    if (!contexts.keepMessage(contexts.response, slot, m)) contexts.releaseBuffer(contexts.response, slot);
  }

  /** Collects the challenges of all branches: the caller answers them together. §16.7 step 7 */
  private keepChallenges(slot: number, m: Message): void {
    const { contexts, writer } = this;
    const kept = contexts.lendBuffer(contexts.challenges, slot);
    if (kept === null) return;
    writer.begin(kept.bytes, kept.size, kept.bytes.length);
    writeChallengesOf(writer, m);
    if (writer.ok) kept.size = writer.at;
  }

  /**
   * When no branch is left, tries the contacts of a lower q, else answers.
   * @param reason of the best status, NONE for the usual one
   */
  private tryNextGroup(t: ServerTransaction, reason: Uint8Array): void {
    const { contexts } = this;
    const { slot } = t;
    if ((contexts.flags[slot] & (FLAG_DONE | FLAG_ASKING)) !== 0) return;
    const isMore = (contexts.flags[slot] & (FLAG_MORE | FLAG_CLOSED)) === FLAG_MORE;
    if (isMore && this.readAgain(slot) !== null) this.askStore(t);
    else this.answerBest(t, reason);
  }

  /** Passes on the best response, or answers with the best status. §16.7 steps 6 to 8 */
  private answerBest(t: ServerTransaction, reason: Uint8Array): void {
    const { contexts, again } = this;
    const { slot } = t;
    const kept = contexts.response[slot];
    const isKept = kept !== null && (again.parse(kept.bytes, 0, kept.size, false) === PARSE_OK || again.isAnswer);
    if (isKept) this.passResponse(t, again);
    else this.answerFailure(t, contexts.best[slot] === 430 ? 480 : contexts.best[slot], reason);
  }

  private passResponse(t: ServerTransaction, m: Message): void {
    const { contexts } = this;
    contexts.flags[t.slot] |= FLAG_DONE;
    this.watcher?.onAnswer(t.slot, m.status);
    // A 503 would say that this server is overloaded, but another one is. §16.7 step 6
    if (m.status === 503) {
      t.reply(500);
      return;
    }
    const challenges = contexts.challenges[t.slot];
    const isDone =
      challenges !== null && (m.status === 401 || m.status === 407)
        ? t.relay(m, challenges.bytes, challenges.size)
        : t.relay(m);
    if (!isDone) t.reply(m.status);
  }

  /** Answers with a status of our own. */
  private answerFailure(t: ServerTransaction, status: number, reason: Uint8Array): void {
    const { contexts } = this;
    contexts.flags[t.slot] |= FLAG_DONE;
    // A 408 to a request other than INVITE comes too late: its sender has given up. RFC 4320 §4.2
    if (status === 408 && t.method !== METHOD_INVITE) return;
    this.counters.failed += 1;
    this.watcher?.onAnswer(t.slot, status);
    const wasSent = contexts.firstBranch(t.slot) >= 0;
    if (!wasSent && this.current !== null) {
      contexts.closeContext(t.slot);
      this.shares.releaseServer(t);
      t.owner = null;
      this.refuseRequest(t, this.current, status, reason);
    } else if (status === 503 && !wasSent) refuseForNow(t);
    else t.reply(status === 503 ? 500 : status, reason);
    // A sender without a password may have a forged address, where no ACK comes from.
    if (status === 408 && this.shares.shareOf(t) !== SHARE_KNOWN) t.endWithin(STRANGER_ACK_MS);
  }

  /**
   * Sends the request on to the contacts of a 3xx, and asks the store for the contacts of an address of ours. §16.7
   * step 4
   * @returns whether a branch or a question came of it
   */
  private followRedirect(t: ServerTransaction, m: Message): boolean {
    const { contexts, list, address, hop, targets } = this;
    const { slot } = t;
    if (!this.options.isRecursing || (contexts.flags[slot] & FLAG_CLOSED) !== 0) return false;
    const request = this.readAgain(slot);
    if (request === null) return false;
    const before = contexts.pending[slot];
    hop.clear();
    hop.breadth = Math.floor(breadthOf(request) / (before + elements(m, list)));
    this.user.clear();
    list.beginField(m, HEADER_CONTACT);
    while (hop.breadth > 0 && list.next()) {
      if (!address.parse(list.bytes, list.start, list.end) || address.isStar) continue;
      const contact = targets.readContact(address, hop.uri);
      if (contact === CONTACT_ELSEWHERE) this.startBranch(t, request, hop);
      else if (contact === CONTACT_OURS && this.user.size() === 0)
        this.user.set(hop.uri.bytes, hop.uri.start, hop.uri.end);
    }
    // This comes last, for it changes the request. Of several addresses of ours the first is taken.
    const isOurs = this.user.size() > 0 && contexts.replaceUri(slot, request, this.user);
    if (isOurs && this.readAgain(slot) !== null) this.askStore(t);
    return contexts.pending[slot] > before || (contexts.flags[slot] & (FLAG_ASKING | FLAG_DONE)) !== 0;
  }

  // How a context ends.

  /** RFC 3261 §16.10 */
  onCancel(t: ServerTransaction, m: Message): void {
    const { contexts } = this;
    const { slot } = t;
    if (t.owner !== this) return;
    contexts.flags[slot] |= FLAG_CLOSED;
    // No branch was sent yet, and none will be: the answer of the store comes too late.
    if (contexts.pending[slot] === 0) {
      contexts.flags[slot] |= FLAG_DONE;
      this.watcher?.onAnswer(slot, 487);
      t.reply(487);
    } else this.cancelAll(slot, isAnsweredElsewhere(m) ? ANSWERED_ELSEWHERE : NONE);
  }

  private cancelAll(slot: number, lines: Uint8Array): void {
    const { contexts, layer } = this;
    for (let branch = contexts.firstBranch(slot); branch >= 0; branch = contexts.nextBranch(branch))
      if (contexts.isSettled[branch] === 0) layer.clients.items[branch].cancel(lines);
  }

  onServerTerminated(t: ServerTransaction): void {
    const { contexts, layer } = this;
    this.shares.releaseServer(t);
    for (let branch = contexts.firstBranch(t.slot); branch >= 0; branch = contexts.nextBranch(branch))
      layer.clients.items[branch].forget();
    contexts.closeContext(t.slot);
    // If no answer was sent before, the connection or the caller is gone.
    this.watcher?.onAnswer(t.slot, 408);
    layer.timers.stop(this.timers[t.slot]);
  }

  /** The called side repeats its 2xx itself, so there is nothing to do. */
  onAckTimeout(_t: ServerTransaction): void {}

  /** Forwards the ACK for a 2xx along our Record-Route. RFC 3261 §16.6, §17 */
  onAck(m: Message, source: Flow): void {
    const { admission, hop, route } = this;
    route.source.copy(source);
    if (admission.checkRequest(m, route) !== 0 || !route.isInDialog) {
      this.counters.dropped += 1;
      return;
    }
    hop.clear();
    hop.breadth = breadthOf(m);
    this.aimElsewhere(route, hop);
    if (this.forwarder.forwardOnce(m, route, hop, route.loopHash, this.random.uint32() | 0) !== SENT)
      this.counters.failed += 1;
  }
}

function setSource(route: Route, t: ServerTransaction): void {
  route.source.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
}

/**
 * @returns a number that is lower for a better response: 6xx, then by class; within a class first what the caller can
 * act on, last what says little. §16.7 step 6
 */
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
    case 430:
    case 487:
      return base + 4;
    case 503:
      return base + 5;
    default:
      return base + 3;
  }
}

/** @returns how many contacts a response has, at least 1 */
function elements(m: Message, list: ValueList): number {
  let count = 0;
  list.beginField(m, HEADER_CONTACT);
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
