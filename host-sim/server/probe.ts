/**
 * Measures how long a datagram waits in the kernel before the program reads it: while there is traffic, the server
 * sends itself a datagram now and then, and sees how long it takes to come back. No system call gives that on every
 * system.
 */
import type { RandomSource } from "../../src/core/random.js";

/** Length of the probe, octets: longer than a keep-alive, and too long to guess. */
const PROBE_BYTES = 24;
/** Time from the return of a probe to the next one, ms. */
const INTERVAL_MS = 20;
/** A probe that is away for longer was lost: the kernel's buffer is full, ms. */
const LOST_MS = 250;
/** How long a measurement counts, ms. */
const GOOD_MS = 500;

export class Probe {
  /** The probe to send when `startIfDue` says so. */
  readonly bytes = new Uint8Array(PROBE_BYTES);
  private readonly random: RandomSource;
  private sentMs = -Infinity;
  private backMs = -Infinity;
  /** The last two measurements, ms. One alone says little: the machine may have been busy with something else. */
  private lastMs = 0;
  private beforeMs = 0;
  private isAway = false;

  constructor(random: RandomSource) {
    this.random = random;
  }

  /** Makes a new probe if one is due, and takes it for sent. @returns whether it is to be sent now */
  startIfDue(nowMs: number): boolean {
    if (this.isAway) {
      if (nowMs - this.sentMs < LOST_MS) return false;
      this.measured(nowMs, LOST_MS);
    } else if (nowMs - this.backMs < INTERVAL_MS) return false;
    for (let i = 0; i < PROBE_BYTES; i++) this.bytes[i] = this.random.uint32() & 255;
    this.sentMs = nowMs;
    this.isAway = true;
    return true;
  }

  /** Takes a datagram that is the probe, which is back then. @returns whether it is */
  takeReturned(datagram: Uint8Array, length: number, nowMs: number): boolean {
    if (!this.isAway || length !== PROBE_BYTES) return false;
    for (let i = 0; i < PROBE_BYTES; i++) if (datagram[i] !== this.bytes[i]) return false;
    this.isAway = false;
    this.measured(nowMs, nowMs - this.sentMs);
    return true;
  }

  /**
   * @returns how long a datagram waits, ms: the lesser of the last two measurements, or how long the probe has been
   * away if that is more
   */
  waitMs(nowMs: number): number {
    const awayMs = this.isAway ? nowMs - this.sentMs : 0;
    if (nowMs - this.backMs >= GOOD_MS) return 0;
    return Math.min(this.lastMs, Math.max(this.beforeMs, awayMs));
  }

  private measured(nowMs: number, tookMs: number): void {
    this.beforeMs = nowMs - this.backMs < GOOD_MS ? this.lastMs : 0;
    this.lastMs = tookMs;
    this.backMs = nowMs;
  }
}
