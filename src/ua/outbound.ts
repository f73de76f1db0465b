/**
 * Keeps the flow by which we are registered, so that a server reaches us by it behind any router (RFC 5626 §4). The
 * REGISTER names an instance, which stays the same for ever, and a reg-id. If the registrar binds us to the flow
 * (`Require: outbound`), a keep-alive is sent now and then:
 *
 *     OFF ── registered with Require: outbound ──▶ WAITING ── time for a keep-alive ──▶ ASKED
 *      ▲                                             ▲ └───────────── an answer ◀───────┘ │
 *      └── no longer registered, not granted         └── registered anew ◀── no answer: the flow is dead
 *
 * By TCP and TLS it is CRLF CRLF, and the server has 10 s to send something (§4.4.1). By UDP it is a Binding request of
 * STUN from our SIP port (§4.4.2); if the server sees us at another address than before, the flow is dead as well. A
 * server that never answered STUN gets CRLF instead, whose loss nobody notices.
 * The object is made when `sip.outbound` is on. We have one flow, with reg-id 1.
 * Not here: the registration itself, and how long to wait after a failure (registration.ts); more than one flow; GRUU
 * (RFC 5627).
 */
import { octets, text } from "../core/bytes.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { Flow } from "../transaction/flow.js";
import type { FlowKeeper, TransactionLayer } from "../transaction/layer.js";
import { INSTANCE, OUTBOUND, REG_ID } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_FLOW_TIMER, HEADER_REQUIRE, TRANSPORT_UDP } from "../wire/names.js";
import { STUN_ADDRESS, STUN_HEADER_BYTES, STUN_NONE, STUN_OTHER, StunBinding } from "../wire/stun.js";
import type { Writer } from "../wire/writer.js";

/** The longest times between two keep-alives, s; each wait is 80 to 100 % of it. RFC 5626 §4.4.1, §4.4.2 */
const STREAM_MOST_S = 120;
const DATAGRAM_MOST_S = 29;
const SPREAD = 0.2;
/** A Flow-Timer below that counts as that, s; one above counts as the times above. */
const FLOW_TIMER_LEAST_S = 5;
const FLOW_TIMER_MOST_S = 86_400;
/** How long the server has to answer CRLF CRLF, ms. RFC 5626 §4.4.1 */
const PONG_MS = 10_000;
/** Binding requests of one keep-alive, the wait after the first, and the longest wait. RFC 8489 §6.2.1 */
const TRIES = 6;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** Digits of a hardware address. */
const HARDWARE_DIGITS = 12;
const KEEP_ALIVE = octets("\r\n\r\n");
/** A UUID of the first kind, with no time and a hardware address behind it. RFC 5626 §4.1, RFC 9562 §5.1 */
const URN = "<urn:uuid:00000000-0000-1000-8000-";

export interface OutboundUser {
  /** The server answered a keep-alive. The timer has to run out after `leftMs`. @param isFirst on this flow */
  onFlowAnswered(isFirst: boolean): void;
  /** The flow is dead. @param why in one line for people @param wasProven it worked before */
  onFlowDead(why: string, wasProven: boolean): void;
  /** A connection is over. */
  onFlowGone(connection: number): void;
}

export class Outbound implements FlowKeeper {
  /** The registrar has bound us to the flow. */
  isGranted = false;
  /** The registrar knew our binding by instance and reg-id when it was last made. */
  isKnown = false;
  /** The first hop keeps no flows (439), so the REGISTER says nothing of them until the settings change. */
  isRefused = false;
  /** When the user's own timer runs out, and when the next keep-alive or the answer is due, ms. */
  private wakeMs = Infinity;
  private dueMs = Infinity;
  private readonly layer: TransactionLayer;
  private readonly timers: Timers;
  private readonly random: RandomSource;
  private readonly user: OutboundUser;
  /** The parameters of our Contact. */
  private readonly params: Uint8Array;
  private readonly flow = new Flow();
  private mostS = 0;
  private isAsked = false;
  private isProven = false;
  /** Binding requests that were sent for this keep-alive. */
  private tries = 0;
  /** The server answers no STUN. */
  private isMute = false;
  /** The address at which the server saw us first, -1: none yet; and the port. */
  private seenIp = -1;
  private seenPort = 0;
  private readonly binding = new StunBinding();

  /** @param hardware the hardware address in hexadecimal digits; without one the instance lasts until a restart */
  constructor(layer: TransactionLayer, user: OutboundUser, hardware: string) {
    this.layer = layer;
    this.timers = layer.timers;
    this.random = layer.random;
    this.user = user;
    let node = "";
    for (let i = 0; i < hardware.length && node.length < HARDWARE_DIGITS; i++) {
      const digit = hardware.charAt(i).toLowerCase();
      if ("0123456789abcdef".indexOf(digit) >= 0) node += digit;
    }
    while (node.length < HARDWARE_DIGITS) node += (this.random.uint32() & 15).toString(16);
    this.params = octets(text(REG_ID, 0, REG_ID.length) + "1" + text(INSTANCE, 0, INSTANCE.length) + URN + node + '>"');
    layer.flows = this;
  }

  /** Ends it, because the setting is off. */
  close(): void {
    this.stop();
    if (this.layer.flows === this) this.layer.flows = null;
  }

  /** Writes the parameters behind our Contact in a REGISTER. */
  writeParams(w: Writer): void {
    if (!this.isRefused) w.put(this.params);
  }

  /** Takes the 2xx to our REGISTER, which came by `flow`. */
  onRegistered(m: Message, flow: Flow): void {
    this.isKnown = !this.isRefused && m.contains(HEADER_REQUIRE, OUTBOUND);
    if (!this.isKnown) {
      this.stop();
      return;
    }
    const own = this.flow;
    const isSame =
      this.isGranted &&
      own.transport === flow.transport &&
      own.ip === flow.ip &&
      own.port === flow.port &&
      own.connection === flow.connection;
    const isUdp = flow.transport === TRANSPORT_UDP;
    const told = m.uint(HEADER_FLOW_TIMER, FLOW_TIMER_MOST_S);
    const usualS = isUdp ? DATAGRAM_MOST_S : STREAM_MOST_S;
    // A router forgets a UDP port sooner than a server may want to be asked.
    this.mostS = told < 0 ? usualS : Math.max(FLOW_TIMER_LEAST_S, isUdp ? Math.min(told, usualS) : told);
    if (isSame) return;
    own.copy(flow);
    this.isGranted = true;
    this.isProven = this.isMute = false;
    this.seenIp = -1;
    this.wait();
  }

  /** Sends no more keep-alives: we are not registered. */
  stop(): void {
    this.isGranted = this.isAsked = false;
    this.dueMs = Infinity;
  }

  /** Takes over the time of the user's timer. @returns ms until the timer has to run out */
  join(ms: number): number {
    this.wakeMs = this.timers.nowMs + ms;
    return this.leftMs();
  }

  /** @returns ms until the user's own time comes, -1: it is not set */
  wakeLeftMs(): number {
    return this.wakeMs === Infinity ? -1 : Math.max(0, this.wakeMs - this.timers.nowMs);
  }

  /** @returns ms until the timer has to run out, Infinity: it has not */
  leftMs(): number {
    return Math.max(0, Math.min(this.wakeMs, this.dueMs) - this.timers.nowMs);
  }

  /** Takes the end of the timer. @returns whether the user's own time has come */
  onTimer(): boolean {
    const { nowMs } = this.timers;
    const isWake = this.wakeMs <= nowMs;
    if (isWake) this.wakeMs = Infinity;
    if (this.dueMs <= nowMs) this.onDue();
    return isWake;
  }

  onHeard(connection: number): void {
    if (this.isGranted && this.isAsked && connection === this.flow.connection) this.onAnswer();
  }

  onGone(connection: number): void {
    if (connection < 0 || !this.isGranted || connection !== this.flow.connection) return;
    this.stop();
    this.user.onFlowGone(connection);
  }

  onBinding(_socket: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { flow, binding } = this;
    if (!this.isAsked || flow.transport !== TRANSPORT_UDP || ip !== flow.ip || port !== flow.port) return false;
    const found = binding.read(bytes, start, end);
    if (found === STUN_NONE || found === STUN_OTHER) return false;
    if (found !== STUN_ADDRESS) {
      this.isMute = true;
      this.onAnswer();
      return true;
    }
    const isMoved = this.seenIp >= 0 && (this.seenIp !== binding.ip || this.seenPort !== binding.port);
    this.seenIp = binding.ip;
    this.seenPort = binding.port;
    if (isMoved) this.die(MOVED);
    else this.onAnswer();
    return true;
  }

  private onDue(): void {
    if (!this.isAsked) this.ask();
    else if (this.flow.transport !== TRANSPORT_UDP) this.die(SILENT);
    else if (this.tries < TRIES) this.askAgain();
    else if (this.seenIp >= 0) this.die(SILENT);
    else {
      // It never answered: there is no STUN there.
      this.isMute = true;
      this.onAnswer();
    }
  }

  private ask(): void {
    const { flow, layer, isMute } = this;
    const isUdp = flow.transport === TRANSPORT_UDP;
    if (isUdp && isMute) {
      layer.transport.sendBare(flow.ip, flow.port, KEEP_ALIVE, KEEP_ALIVE.length);
      this.wait();
      return;
    }
    this.isAsked = true;
    if (isUdp) {
      this.tries = 0;
      this.binding.begin(this.random);
      this.askAgain();
      return;
    }
    this.dueMs = this.timers.nowMs + PONG_MS;
    layer.transport.ping(flow.connection, KEEP_ALIVE);
  }

  private askAgain(): void {
    const { flow, layer } = this;
    this.dueMs = this.timers.nowMs + Math.min(FIRST_WAIT_MS << this.tries, LONGEST_WAIT_MS);
    this.tries += 1;
    layer.transport.sendBare(flow.ip, flow.port, this.binding.request, STUN_HEADER_BYTES);
  }

  private onAnswer(): void {
    const isFirst = !this.isProven;
    this.isProven = true;
    this.wait();
    this.user.onFlowAnswered(isFirst);
  }

  private wait(): void {
    this.isAsked = false;
    this.dueMs = this.timers.nowMs + Math.round(this.mostS * 1000 * (1 - SPREAD * fraction(this.random)));
  }

  private die(why: string): void {
    const { isProven } = this;
    this.stop();
    this.user.onFlowDead(why, isProven);
  }
}

const SILENT = "the server did not answer a keep-alive";
const MOVED = "the server sees the door at another address than before";
