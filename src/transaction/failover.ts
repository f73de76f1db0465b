/**
 * Failover: a request whose server is silent, cannot be reached or answers 503 goes on to the next place of its target.
 * A target has several places when its name has several addresses (resolver.ts), and when it is our own server, for
 * which the settings may name up to three hosts (backups.ts). RFC 3263 §4.3
 *
 *     one place is tried ── sent ──▶ probing ── a response but 503 ─────────▶ settled: Timer B or F runs on
 *            ▲                          │
 *            └─ another place is left ──┴── 8*T1 without a response, 503, ──▶ settled, if no place is left
 *                                           or the place cannot be reached
 *
 * If that server is our own, it is noted as down, so that the next request goes to another one at once (outages.ts).
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
 * The time for which a server may be silent before the next one is tried, in T1. By then the request was sent four
 * times over UDP.
 */
const PROBING_T1 = 8;
/** The wait for a name, ms. After it an address that was found earlier is used, or another server. */
export const PATIENCE_MS = 2000;
/** The most places that one request is sent to. */
const PLACES_TRIED_MOST = 6;
/** The longest Retry-After that is accepted, s; outages.ts has its own bound. */
const RETRY_AFTER_MOST_S = 4294967295;

/** The functions that failover needs from its owner. */
export interface FailoverHost {
  readonly timers: Timers;
  readonly random: RandomSource;
  readonly transport: Transport;
  readonly limits: TransactionLimits;
}

/** The places of one request's target that were tried. */
export class Failover {
  /** The end timer runs for probing; when it ends, the next server is tried. */
  isProbing = false;
  /** PATIENCE_MS have passed since the name of the next hop was asked for. */
  isImpatient = false;
  /** A bit for each place of the target that the request was sent to, and the number of such places. */
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

  /** Returns the rest of Timer B or F at the end of probing, ms. */
  get restMs(): number {
    return (TRANSACTION_T1 - PROBING_T1) * this.host.limits.t1Ms;
  }

  /**
   * Leaves the server at the end of the flow, and finds the next place of the target.
   * @param isDown the server is noted as down @param waitS the time for which it asked to get no requests, s
   * @returns false when no place is left; then the target is unchanged, since its server's answer counts
   */
  leave(target: Target, flow: Flow, isDown: boolean, waitS: number): boolean {
    const { transport } = this.host;
    if (this.triedCount >= PLACES_TRIED_MOST) return false;
    if (target.nameSize === 0 && target.backup < 0) return false;
    const { backup, place, ip, port, connection, transport: kind } = target;
    const isOwn = transport.backups.has(target);
    const found = transport.locateNext(target, this.tried, true);
    // A request that has to go by TLS goes by no other transport, since it may hold keys. RFC 3261 §26.2.2
    if (found === FIND_KNOWN && (kind !== TRANSPORT_TLS || target.transport === kind)) {
      if (isDown && isOwn) this.noteDown(flow, waitS);
      this.isProbing = false;
      return true;
    }
    if (backup >= 0) {
      transport.aim(target, transport.backups.uris[backup], transport.backups.transportOf(backup));
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
   * Ends the failover with the server at the end of the flow, which was silent.
   * @returns whether it was the last of several
   */
  endSilent(target: Target, flow: Flow): boolean {
    if (this.triedCount <= 1) return false;
    if (this.host.transport.backups.has(target)) this.noteDown(flow, 0);
    return true;
  }

  /** Notes that a server is down. It has to be one of our own, since another server can direct us to any host. */
  private noteDown(flow: Flow, waitS: number): void {
    const { timers, transport, random } = this.host;
    transport.outages.noteDown(flow, timers.nowMs, waitS * 1000, fraction(random));
  }
}

/** @returns the time in s for which the server of the 503 `m` asks for no requests; 0 if it names none */
export function readRetryAfter(m: Message): number {
  return Math.max(0, m.uint(HEADER_RETRY_AFTER, RETRY_AFTER_MOST_S));
}
