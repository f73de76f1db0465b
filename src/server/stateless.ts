/**
 * The stateless proxy (RFC 3261 §16.11): each message is forwarded by itself, a request to one place, a response to
 * where its Vias say. Nothing is kept: the branch is a hash of the one that came, so that a repetition, an ACK and a
 * CANCEL go the way of their request. ACK and CANCEL cannot be challenged, so they go on without credentials; reused
 * credentials are not noticed.
 * Not here: forking, 100 Trying, and location services that answer later.
 */
import { parseIPv4 } from "../core/address.js";
import { hash, NONE, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { BRANCH_BYTES, COOKIE_BYTES } from "../transaction/branch.js";
import { Flow } from "../transaction/flow.js";
import type { Bypass, TransactionLayer } from "../transaction/layer.js";
import { writeRelayed } from "../transaction/relay.js";
import { readHex32 } from "../transaction/slots.js";
import { SIP_PORT } from "../transaction/transport.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_VIA,
  METHOD_ACK,
  METHOD_BYE,
  METHOD_INVITE,
  METHOD_REGISTER,
  TRANSPORT_TCP,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { hasCookie, Via } from "../wire/via.js";
import type { Admission } from "./admission.js";
import { AnsweredRoutes } from "./answered.js";
import { Forwarder, NOT_SENT, SENT } from "./forward.js";
import { breadthOf, Hop } from "./hop.js";
import { type Bindings, LOCATION_OK, type LocationStore, type LocationUser } from "./location.js";
import type { Overload } from "./overload.js";
import type { CallWatcher } from "./proxy.js";
import type { Registrar } from "./registrar.js";
import { KIND_ELSEWHERE, Route } from "./route.js";
import type { Targets } from "./targets.js";

export class StatelessCounters {
  /** Requests and responses that went on. */
  forwarded = 0;
  answered = 0;
  /** Messages that lead nowhere: an ACK for nobody, a response that is not ours to pass on. */
  dropped = 0;
}

export interface StatelessOptions {
  /** Answers at once. */
  store: LocationStore;
  /** Its REGISTERs are left to the layer. */
  registrar: Registrar;
  /** It stays on the way of later requests. */
  isRecording: boolean;
}

export class StatelessProxy implements Bypass, LocationUser {
  readonly counters = new StatelessCounters();
  /** Refuses new requests while there are too many; null: all are taken. */
  overload: Overload | null = null;
  /** Told of calls, but not of their answers, for no answer is connected to its request. */
  watcher: CallWatcher | null = null;
  private readonly layer: TransactionLayer;
  private readonly admission: Admission;
  private readonly store: LocationStore;
  private readonly targets: Targets;
  private readonly registrar: Registrar;
  private readonly forwarder: Forwarder;
  private readonly answered: AnsweredRoutes;
  private readonly seed: number;
  private readonly route = new Route();
  private readonly hop = new Hop();
  private readonly back = new Flow();
  private readonly list = new ValueList();
  private readonly via = new Via();
  private readonly value = new Span();
  /** The answer of the location service, from inside of `locate`: 0 when it filled `hop`, else a status. */
  private found = 0;

  constructor(layer: TransactionLayer, random: RandomSource, admission: Admission, options: StatelessOptions) {
    const { store, registrar, isRecording } = options;
    this.layer = layer;
    this.admission = admission;
    this.store = store;
    this.targets = admission.targets;
    this.registrar = registrar;
    this.forwarder = new Forwarder(layer, admission, isRecording);
    this.answered = new AnsweredRoutes(admission.domains, admission.routeTokens);
    this.seed = random.uint32() | 0;
  }

  onRequest(m: Message, source: Flow): boolean {
    if (m.method === METHOD_REGISTER && this.registrar.isFor(m)) return false;
    const { admission, hop, overload, route } = this;
    const { nowMs } = this.layer.timers;
    if (overload !== null && !overload.admit(m, admission, source.ip, nowMs)) {
      overload.refuseRequest(this.layer, m, source);
      return true;
    }
    route.source.copy(source);
    const refusal = admission.checkRequest(m, route);
    if (overload !== null && route.sender.isKnown) overload.noteKnown(source.ip, nowMs);
    const status = refusal !== 0 ? refusal : this.findHop(route);
    if (status !== 0) {
      this.answerRequest(m, status, admission.reasonOf(m, status, route));
      return true;
    }
    const branch = this.branchOf(m, m.branchStart, m.branchEnd, m.sentByStart, m.sentByEnd);
    hop.breadth = breadthOf(m);
    const sent = this.forwarder.forwardOnce(m, route, hop, branch, Math.imul(branch, 0x9e3779b1));
    if (sent === SENT) {
      this.counters.forwarded += 1;
      if (m.method === METHOD_INVITE && m.toTagEnd === m.toTagStart) this.watcher?.onCall(-1, m, source);
      else if (m.method === METHOD_BYE) this.watcher?.onBye(m);
    } else if (sent !== NOT_SENT) this.answerRequest(m, sent, hop.reason);
    else this.counters.dropped += 1;
    return true;
  }

  /** Fills `hop` with the only way of a request. @returns 0, or the status that says why there is none */
  private findHop(route: Route): number {
    const { hop } = this;
    hop.clear();
    if (route.kind !== KIND_ELSEWHERE) {
      this.found = 480;
      this.store.findBindings(route.aor, this, 0);
      return this.found;
    }
    hop.setElsewhere(route, this.layer.transport);
    return 0;
  }

  /** Takes the first binding, which is the same each time as long as the bindings are. */
  onBindings(_token: number, result: number, list: Bindings): void {
    if (result !== LOCATION_OK) this.found = 500;
    else {
      let more = list.first();
      // A phone whose flow is gone cannot be reached.
      while (more && !this.targets.fillHop(list, this.hop)) more = list.next();
      this.hop.isUser = true;
      if (more) this.found = 0;
    }
  }

  onUpdated(_token: number, _result: number): void {}

  private answerRequest(m: Message, status: number, reason: Uint8Array): void {
    const { source } = this.route;
    if (m.method === METHOD_ACK) {
      this.counters.dropped += 1;
      return;
    }
    this.counters.answered += 1;
    if (status !== 407 && status !== 200) this.watcher?.onReply(m, source, status);
    this.admission.writeAnswer(this.layer.answer(m, source, status, reason), m, status, this.route);
    this.layer.sendAnswer();
  }

  /**
   * @returns the first half of the branch, made from the topmost Via of the request: it is the same for a repetition of
   * the request, for its ACK and CANCEL, and for a response to it
   */
  private branchOf(m: Message, start: number, end: number, sentByStart: number, sentByEnd: number): number {
    const h = hasCookie(m.bytes, start, end)
      ? hash(m.bytes, start, end)
      : hash(m.bytes, m.callIdStart, m.callIdEnd) ^ hash(m.bytes, m.fromTagStart, m.fromTagEnd) ^ m.cseq;
    return Math.imul(this.seed ^ h ^ hash(m.bytes, sentByStart, sentByEnd), 0x01000193);
  }

  /**
   * Forwards a response to where the Via below ours says: its `received` and `rport`, which were written here. That Via
   * has to be the one that was below ours in the request, or anybody could send anything anywhere through us. RFC 3261
   * §16.11, §18.2.2
   */
  onResponse(m: Message, _source: Flow): boolean {
    const { layer, via, back } = this;
    const isPassed = this.readViaBelow(m) && this.aimBack(via);
    const w = layer.writer;
    if (isPassed) {
      w.begin(layer.scratch, 0, layer.scratch.length);
      writeRelayed(w, m, NONE, 0, this.answered);
    }
    if (isPassed && w.ok && layer.transport.send(back, w.bytes, 0, w.at)) this.counters.forwarded += 1;
    else this.counters.dropped += 1;
    return true;
  }

  /** Reads the Via below ours. @returns whether it was there in the request, which our branch says */
  private readViaBelow(m: Message): boolean {
    const { list, via } = this;
    list.beginField(m, HEADER_VIA);
    if (!list.next() || !via.parse(list.bytes, list.start, list.end) || !this.isOurs(via)) return false;
    const branch = readHex32(list.bytes, via.branchStart + COOKIE_BYTES);
    if (!list.next() || !via.parse(list.bytes, list.start, list.end)) return false;
    return branch === this.branchOf(m, via.branchStart, via.branchEnd, via.sentByStart, via.sentByEnd);
  }

  private isOurs(via: Via): boolean {
    const { layer } = this;
    if (via.branchEnd - via.branchStart !== BRANCH_BYTES) return false;
    return via.ip === layer.localIp && via.port === layer.transport.ownPort(via.transport);
  }

  private aimBack(via: Via): boolean {
    const { value } = this;
    const ip = via.received(value) ? parseIPv4(value.bytes, value.start, value.end) : via.ip;
    const rport = via.rport();
    const port = rport > 0 ? rport : via.port > 0 ? via.port : SIP_PORT;
    this.back.set(via.transport, ip, port, -1);
    return ip >= 0 && (via.transport === TRANSPORT_UDP || via.transport === TRANSPORT_TCP);
  }
}
