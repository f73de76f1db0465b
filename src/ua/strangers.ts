/**
 * The answers to requests outside of dialogs, whose senders have not proved who they are (RFC 3261 §8.2, §11.2, §13.3):
 * which of them are accepted, and which call an INVITE makes or replaces (RFC 3891).
 * Not here: who may call (the door decides, see `StrangersUser`), requests within calls (incall.ts), and the
 * subscriptions themselves (watchers.ts).
 */
import { NONE, octets, Span } from "../core/bytes.js";
import { ACCEPT, ACCEPT_SDP, ACCEPT_TEXT, ALLOW, ALLOW_REFER, SUPPORTED_ALL } from "../dialog/capabilities.js";
import { SESSION_ANSWERED, SESSION_ENDED, type SessionContext } from "../dialog/sessionstate.js";
import { Flow } from "../transaction/flow.js";
import { inspect, methodBits, type Rules, reasonOfRefusal, writeRefusal } from "../transaction/inspection.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { beginRefusalInside, refuse, sendRefusal } from "../transaction/refusal.js";
import type { ServerTransaction } from "../transaction/server.js";
import { APPLICATION_SDP, BODY_OTHER, findSdp, findText } from "../wire/body.js";
import { EMPTY_BODY, RETRY_SOON } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ACCEPT,
  HEADER_EXPIRES,
  HEADER_REPLACES,
  HEADER_REQUIRE,
  METHOD_ACK,
  METHOD_BYE,
  METHOD_CANCEL,
  METHOD_INFO,
  METHOD_INVITE,
  METHOD_MESSAGE,
  METHOD_NOTIFY,
  METHOD_OPTIONS,
  METHOD_PRACK,
  METHOD_REFER,
  METHOD_SUBSCRIBE,
  METHOD_UPDATE,
  TRANSPORT_UDP,
} from "../wire/names.js";
import { BAD_REPLACES } from "../wire/problems.js";
import { Replaces } from "../wire/replaces.js";
import { Uri } from "../wire/uri.js";
import type { Writer } from "../wire/writer.js";
import { CALL_FREE, CALL_INCOMING, type Call, type CallContext } from "./call.js";
import type { CallPool } from "./callpool.js";
import type { Identity } from "./identity.js";
import type { Transfer } from "./transfer.js";
import { ALLOW_EVENTS, type Watchers } from "./watchers.js";

/** The events and questions about requests of strangers. Messages are lent for the time of the function call. */
export interface StrangersUser {
  /**
   * Decides on a received INVITE, MESSAGE or SUBSCRIBE.
   * @param call the call that a MESSAGE came in, null outside of any
   * @param isAuthenticated a server before this user agent has checked the sender's password
   * @returns 0 to accept it, else the status that refuses it
   */
  mayCall(m: Message, source: Flow, call: Call | null, isAuthenticated: boolean): number;
  /** Writes the challenge after `mayCall` returned 401. @param ip where the request came from */
  writeChallenge(w: Writer, ip: number): void;
  /**
   * An INVITE was refused with that status before it became a call.
   * @param source with the port it came from
   */
  onCallRefused?(m: Message, source: Flow, status: number): void;
  /** A text came (MESSAGE), in a call or outside of any (null). */
  onText(call: Call | null, m: Message): void;
  /** Asks for the end of a ringing call, because there is no room beside it for the phone that picks it up. */
  onMakeRoom?(call: Call): void;
}

/** The user agent. */
export interface StrangersHost {
  readonly layer: TransactionLayer;
  readonly context: SessionContext;
  readonly pool: CallPool;
  readonly transfer: Transfer;
  readonly watchers: Watchers;
  readonly user: StrangersUser;
  readonly settings: StrangersSettings;
  /** Returns the account that a request is for. */
  identityAt(m: Message, source: Flow): Identity;
  /** As `CallUser`. */
  onCallState(call: Call, cause: number, status: number, m: Message | null): void;
}

/** The settings that matter for strangers, as in `UserAgentSettings`. */
interface StrangersSettings {
  refers?: boolean;
  ringTimeMs: number;
}

/** An Expires of more than a day is ignored. */
const LONGEST_RING_S = 86_400;
/** The option tags that we support. */
export const OPTION_TAGS: readonly Uint8Array[] = [
  octets("100rel"),
  octets("timer"),
  octets("replaces"),
  octets("norefersub"),
];
/** The rules for requests outside of dialogs. Some of these methods need a dialog: 481. */
const RULES: Rules = {
  methods: methodBits([
    METHOD_INVITE,
    METHOD_ACK,
    METHOD_CANCEL,
    METHOD_BYE,
    METHOD_OPTIONS,
    METHOD_INFO,
    METHOD_MESSAGE,
    METHOD_UPDATE,
    METHOD_PRACK,
    METHOD_SUBSCRIBE,
    METHOD_NOTIFY,
  ]),
  allow: ALLOW,
  requires: HEADER_REQUIRE,
  options: OPTION_TAGS,
  isForwarding: false,
};
/** The same if calls may be moved. */
const RULES_REFER: Rules = { ...RULES, methods: RULES.methods | methodBits([METHOD_REFER]), allow: ALLOW_REFER };
const ANY_TYPE = octets("*/*");
const ANY_APPLICATION = octets("application/*");

// Scratch for the time of one function call.
const uri = new Uri();
const span = new Span();
const from = new Flow();
const replaces = new Replaces();

export class Strangers {
  /** A caller during a call does not get 486 as long as a line is free; `mayCall` decides. */
  joins = false;
  /**
   * Timers send nothing over UDP to an address that has not yet shown that it receives our messages, because strangers
   * can reach us.
   */
  isWary = false;
  private readonly host: StrangersHost;

  constructor(host: StrangersHost) {
    this.host = host;
  }

  /**
   * Answers a request without a To tag.
   * @param isAuthenticated a server before this user agent has checked the sender's password
   */
  onRequest(t: ServerTransaction, m: Message, isAuthenticated = false): void {
    // The sender of a request outside of a dialog has not yet proved its address, so all refusals go without a
    // transaction.
    const isReadable = uri.parse(m.bytes, m.uriStart, m.uriEnd);
    const problem = inspect(this.rules, m, isReadable ? uri : null, t.source, this.wasHere(t, m));
    const status = problem === 0 && isAsked(m.method) ? this.judge(t, m, null, isAuthenticated) : problem;
    if (status !== 0) this.refuseInspected(t, m, status);
    // RFC 3891 §3
    else if (m.method !== METHOD_INVITE && m.has(HEADER_REPLACES)) this.refuseFor(t, m, 400, BAD_REPLACES);
    // A REFER needs a call to move.
    else if (m.method === METHOD_REFER) refuse(this.host.layer, t, m, 403);
    else if (m.method === METHOD_INVITE && m.has(HEADER_REPLACES)) this.onReplacing(t, m);
    else if (m.method === METHOD_INVITE) this.onInvite(t, m);
    else if (m.method === METHOD_MESSAGE) this.onMessage(t, m, null);
    else if (m.method === METHOD_SUBSCRIBE) this.host.watchers.onSubscribe(t, m);
    else if (m.method === METHOD_OPTIONS) this.onOptions(t, m);
    else refuse(this.host.layer, t, m, 481);
  }

  /** Makes a call of a permitted INVITE, if a line is free. */
  private onInvite(t: ServerTransaction, m: Message): void {
    if (this.isUnreadable(t, m)) return;
    const other = this.host.pool.activeCall();
    const isBusy = other !== null && !(this.joins && other.answeredMs >= 0);
    const line = isBusy ? null : this.host.pool.takeLine();
    const call = line === null ? null : this.host.pool.takeCall(line, this.host.transfer);
    if (call === null) {
      this.refuseCall(t, m, 486);
      return;
    }
    call.use(this.contextOf(t, m));
    const status = call.session.receive(t, m);
    if (status !== 0) {
      call.state = CALL_FREE;
      this.tellRefused(t, m, status);
      return;
    }
    this.arrive(call, t);
    this.limitRinging(call, m);
    if (!t.isUnproven) call.session.progress(180);
    if (call.state === CALL_INCOMING) this.host.onCallState(call, 0, 0, m);
    // A caller whose call is answered at once gets one message for each one sent. Until it gets an answer, it repeats
    // its INVITE.
    if (t.isUnproven) call.session.progress(180);
  }

  /** Returns what the calls of the account share that an INVITE is for. */
  private contextOf(t: ServerTransaction, m: Message): CallContext {
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    return this.host.identityAt(m, from).context;
  }

  /** Takes a permitted INVITE that replaces a call of ours on its line, and answers it at once. RFC 3891 §3 */
  private onReplacing(t: ServerTransaction, m: Message): void {
    const row = m.first(HEADER_REPLACES);
    if (m.next(row) >= 0 || !replaces.parse(m.bytes, m.valueStart(row), m.valueEnd(row))) {
      this.refuseFor(t, m, 400, BAD_REPLACES);
      return;
    }
    const replaced = this.host.pool.ofReplaces(replaces);
    const status = replaced === null ? 481 : this.judgeReplaced(replaced);
    if (replaced === null || status !== 0) {
      this.refuseCall(t, m, status);
      return;
    }
    if (this.isUnreadable(t, m)) return;
    this.host.transfer.endLeft();
    const place = this.host.transfer.placeOf(replaced);
    let call = this.host.pool.takeCall(place.line, this.host.transfer);
    if (call === null) {
      // The ringing call ends to make room, since the phone that picks up replaces it.
      if (this.host.transfer.isOn) this.host.transfer.giveUp();
      else if (replaced.answeredMs < 0) this.host.user.onMakeRoom?.(replaced);
      call = this.host.pool.takeCall(place.line, this.host.transfer);
    }
    if (call === null) {
      this.refuseCall(t, m, 503, RETRY_SOON);
      return;
    }
    call.use(this.contextOf(t, m));
    const problem = call.session.receive(t, m);
    if (problem !== 0) {
      call.state = CALL_FREE;
      this.tellRefused(t, m, problem);
      return;
    }
    this.arrive(call, t);
    call.unlimit();
    this.host.transfer.pickUp(call, place);
    this.host.onCallState(call, 0, 0, m);
    if (call.state === CALL_INCOMING) call.session.answer();
  }

  /** @returns 0, or the status that refuses an INVITE to replace that call */
  private judgeReplaced(call: Call): number {
    const { state, isCaller } = call.session;
    if (state === SESSION_ENDED || call.isMoved) return 603;
    if (this.host.transfer.isPicking) return 491;
    if (state >= SESSION_ANSWERED) return replaces.isEarlyOnly ? 486 : 0;
    // An early dialog can be replaced if we made the call, not if the other side did. RFC 3891 §3
    return isCaller ? 0 : 481;
  }

  /** The call rings from now on. */
  private arrive(call: Call, t: ServerTransaction): void {
    call.startRinging(CALL_INCOMING);
    t.isUnproven = this.isWary && t.source.transport === TRANSPORT_UDP && !this.host.layer.isProven(t.source.ip);
  }

  /**
   * Limits the ringing of an incoming call by our setting and by the caller's Expires; after that the answer is 487.
   * RFC 3261 §13.3.1
   */
  private limitRinging(call: Call, m: Message): void {
    const { ringTimeMs } = this.host.settings;
    const expiresS = m.uint(HEADER_EXPIRES, LONGEST_RING_S);
    const isTheirs = expiresS >= 0 && (ringTimeMs === 0 || expiresS * 1000 < ringTimeMs);
    call.lateStatus = isTheirs ? 487 : 480;
    call.limit(isTheirs ? Math.max(expiresS * 1000, 1) : ringTimeMs);
  }

  /** Answers OPTIONS. The answer to a stranger does not show whether a call is under way. */
  private onOptions(t: ServerTransaction, m: Message): void {
    const isBusy = this.host.pool.activeCall() !== null;
    const status = isBusy ? this.judge(t, m, null) : 0;
    this.replyOptions(t, isBusy && (status === 0 || status === 486) ? 486 : 200);
  }

  /**
   * Returns whether the request came by two ways, or is the first INVITE of a call that arrives again after its
   * transaction ended.
   */
  private wasHere(t: ServerTransaction, m: Message): boolean {
    return this.host.layer.isMerged(t, m) || (m.method === METHOD_INVITE && this.host.pool.isFounder(m));
  }

  /** @returns whether the INVITE was refused because of its body or its Accept */
  private isUnreadable(t: ServerTransaction, m: Message): boolean {
    if (findSdp(m, span) === BODY_OTHER) this.refuseCall(t, m, 415, ACCEPT_SDP);
    else if (m.has(HEADER_ACCEPT) && !takesSdp(m)) this.refuseCall(t, m, 406);
    else return false;
    return true;
  }

  // ---- answers that requests in a call get as well ----

  /** What we take from strangers. */
  get rules(): Rules {
    return this.host.settings.refers === true ? RULES_REFER : RULES;
  }

  /** Asks the user agent's user. @returns as `mayCall` */
  judge(t: ServerTransaction, m: Message, call: Call | null, isAuthenticated = false): number {
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    return this.host.user.mayCall(m, from, call, isAuthenticated);
  }

  /** Takes a text. @param call in which it came, or null */
  onMessage(t: ServerTransaction, m: Message, call: Call | null): void {
    if (findText(m, span) === BODY_OTHER) {
      const w = beginRefusalInside(this.host.layer, t, m, 415);
      w.put(ACCEPT_TEXT);
      sendRefusal(this.host.layer, t, w);
      return;
    }
    const status = call === null ? 0 : this.judge(t, m, call);
    if (status !== 0) {
      this.refuseInspected(t, m, status);
      return;
    }
    t.reply(200);
    this.host.user.onText(call, m);
  }

  /** Answers OPTIONS with the status that an INVITE would get at this moment. RFC 3261 §11.2 */
  replyOptions(t: ServerTransaction, status: number): void {
    const w = t.respond(status);
    // The response is short, because anybody may send OPTIONS with a forged address, which would get a flood otherwise.
    w.put(this.host.context.allow);
    w.put(ALLOW_EVENTS);
    w.put(ACCEPT);
    w.put(SUPPORTED_ALL);
    w.put(EMPTY_BODY);
    t.sendResponse();
  }

  /** Refuses a request with what its sender needs to know. */
  refuseInspected(t: ServerTransaction, m: Message, status: number): void {
    const { ip } = t.source;
    const w = beginRefusalInside(this.host.layer, t, m, status, reasonOfRefusal(status));
    if (status === 401) this.host.user.writeChallenge(w, ip);
    else writeRefusal(w, this.rules, m, status);
    sendRefusal(this.host.layer, t, w);
    // A challenge is not a refusal yet.
    if (status !== 401) this.tellRefused(t, m, status);
  }

  /** Refuses a request, and reports it if it is a call. @param line a header line with its end; NONE for none */
  refuseCall(t: ServerTransaction, m: Message, status: number, line: Uint8Array = NONE): void {
    refuse(this.host.layer, t, m, status, line);
    this.tellRefused(t, m, status);
  }

  /** Refuses a request for a reason that the usual phrase does not give. */
  refuseFor(t: ServerTransaction, m: Message, status: number, reason: Uint8Array): void {
    sendRefusal(this.host.layer, t, beginRefusalInside(this.host.layer, t, m, status, reason));
    this.tellRefused(t, m, status);
  }

  private tellRefused(t: ServerTransaction, m: Message, status: number): void {
    // This does not refuse a request that came twice, since the other copy is the call.
    if (m.method !== METHOD_INVITE || status === 482) return;
    from.set(t.source.transport, t.source.ip, t.sourcePort, t.source.connection);
    this.host.user.onCallRefused?.(m, from, status);
  }
}

/** Returns whether the user decides on requests of that method. The others reveal nothing and do nothing. */
function isAsked(method: number): boolean {
  return method === METHOD_INVITE || method === METHOD_MESSAGE || method === METHOD_SUBSCRIBE;
}

function takesSdp(m: Message): boolean {
  return (
    m.contains(HEADER_ACCEPT, APPLICATION_SDP) ||
    m.contains(HEADER_ACCEPT, ANY_APPLICATION) ||
    m.contains(HEADER_ACCEPT, ANY_TYPE)
  );
}
