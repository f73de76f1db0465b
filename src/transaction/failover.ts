/**
 * Failover: a server that is silent, that cannot be reached or that answers 503 is left, and the request goes on to the
 * next place of its target. A target has several places when its name has several addresses (resolver.ts), and when it
 * is our own server, for which the settings may name up to three hosts (backups.ts). RFC 3263 §4.3
 *
 *     one place is tried ── sent ──▶ probing ── a response but 503 ─────────▶ settled: Timer B or F runs on
 *            ▲                          │
 *            └─ another place is left ──┴── 8*T1 without a response, 503, ──▶ settled, if no place is left
 *                                           or the place cannot be reached
 *
 * A server of our own that is left is noted as down, so that the next request goes to another one at once (outages.ts).
 * Not here: sending and the timers themselves (client.ts), and the order of the places (transport.ts).
 */
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import type { Message } from "../wire/message.js";
import { HEADER_RETRY_AFTER, TRANSPORT_TLS } from "../wire/names.js";
import type { Flow, Target } from "./flow.js";
import { FIND_KNOWN } from "./resolver.js";
import type { TransactionLimits, Transport } from "./transport.js";

/** Timers B, F, H and M, in T1. RFC 3261 §17 */
export const TRANSACTION_T1 = 64;
/**
 * How long a server may be silent before the next one is tried, in T1: the request was sent four times by then over
 * UDP.
 */
const PROBING_T1 = 8;
/** How long a name is awaited before what was found earlier, or another server, does, ms. */
export const PATIENCE_MS = 2000;
/** Places that one request is sent to at most. */
const PLACES_TRIED_MOST = 6;
/** The longest Retry-After that is read, s; outages.ts has its own bound. */
const RETRY_AFTER_MOST_S = 4294967295;

/** What failover needs around it. */
export interface FailoverHost {
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly transport: Transport;
  readonly limits: TransactionLimits;
}

/** What was tried of one request's target. */
export class Failover {
  /** The end timer is that of probing: at its end the next server is tried. */
  isProbing = false;
  /** The name of the next hop was awaited for PATIENCE_MS. */
  isImpatient = false;
  /** A bit for each place of the target that the request was sent to, and how many there were. */
  private tried = 0;
  private triedCount = 0;
  private readonly host: FailoverHost;

  constructor(host: FailoverHost) {
    this.host = host;
  }

  /** Starts anew, for another request. */
  clear(): void {
    this.isProbing = this.isImpatient = false;
    this.tried = this.triedCount = 0;
  }

  /** Finds the first place of the target, or the next one. @returns FIND_* */
  locate(target: Target): number {
    return this.host.transport.locateNext(target, this.tried, this.isImpatient);
  }

  /** Notes that the request goes to the place that was found. */
  noteTried(target: Target): void {
    this.tried |= 1 << target.place;
    this.triedCount += 1;
  }

  /**
   * Starts to wait for the server at that place.
   * @returns for how long, ms: a part of Timer B or F if there may be another place
   */
  startWaiting(target: Target): number {
    this.isProbing = target.nameSize > 0 || target.backup >= 0;
    return (this.isProbing ? PROBING_T1 : TRANSACTION_T1) * this.host.limits.t1Ms;
  }

  /** What is left of Timer B or F at the end of probing, ms. */
  get restMs(): number {
    return (TRANSACTION_T1 - PROBING_T1) * this.host.limits.t1Ms;
  }

  /**
   * Leaves the server at the end of the flow, and finds the next place of the target.
   * @param isDown the server is noted as down @param waitS how long it asked to be left alone, s
   * @returns false when no place is left: then the target is what it was, since what its server says counts
   */
  leave(target: Target, flow: Flow, isDown: boolean, waitS: number): boolean {
    const { transport } = this.host;
    if (this.triedCount >= PLACES_TRIED_MOST) return false;
    if (target.nameSize === 0 && target.backup < 0) return false;
    const { backup, place, ip, port, connection, transport: kind } = target;
    const isOwn = transport.backups.has(target);
    const found = transport.locateNext(target, this.tried, true);
    // What was to go by TLS goes by nothing else: it may hold keys. RFC 3261 §26.2.2
    if (found === FIND_KNOWN && (kind !== TRANSPORT_TLS || target.transport === kind)) {
      if (isDown && isOwn) this.noteDown(flow, waitS);
      this.isProbing = false;
      return true;
    }
    if (backup >= 0) {
      transport.aim(target, transport.backups.uris[backup], transport.backups.transport);
      target.backup = backup;
    }
    target.transport = kind;
    target.ip = ip;
    target.port = port;
    target.connection = connection;
    target.place = place;
    return false;
  }

  /**
   * Ends with the server at the end of the flow, which was silent.
   * @returns whether it was the last of several
   */
  endSilent(target: Target, flow: Flow): boolean {
    if (this.triedCount <= 1) return false;
    if (this.host.transport.backups.has(target)) this.noteDown(flow, 0);
    return true;
  }

  /** Notes that a server is down. It has to be one of our own: others may lead us to whomever they like. */
  private noteDown(flow: Flow, waitS: number): void {
    const { timers, transport, random } = this.host;
    transport.outages.noteDown(flow, timers.nowMs, waitS * 1000, fraction(random));
  }
}

/** @returns for how long the server of the 503 `m` wants to be left alone, s; 0 when it does not say */
export function readRetryAfter(m: Message): number {
  return Math.max(0, m.uint(HEADER_RETRY_AFTER, RETRY_AFTER_MOST_S));
}
