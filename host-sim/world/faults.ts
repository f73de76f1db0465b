/**
 * What can go wrong with datagrams: lost, doubled, late, out of order, corrupted, or cut off. One set of faults for a network,
 * simulated or of this machine; a seeded random source repeats them. Not here: who carries the datagrams.
 */
import { ipv4 } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";
import { safe } from "./events.js";

/** What becomes of connections that are opened: they open, or are refused, or nothing is heard of them, or they break at the first octets. */
export type TcpFault = "open" | "refuse" | "drop" | "reset";
const TCP_FAULTS: readonly string[] = ["open", "refuse", "drop", "reset"];

/** How far a datagram that is to come out of order is held back, ms: more than two packets of sound. */
const REORDER_MS = 50;
/** What does not fit through a narrow line waits so long at most; then there is no room for more. */
const QUEUE_MS = 500;
/** Octets of the IP and UDP headers of each datagram. */
const HEADER_BYTES = 28;
const KBITS = "a rate from 8 to 100000 kbit/s, or 0 for no limit";
const PERCENT = "a percentage from 0 to 100";
const MS = "a time from 0 to 60000 ms";

export class Faults {
  private readonly random: RandomSource;
  /** What a datagram takes when nothing is wrong. */
  private readonly usualMs: number;
  /** Chances 0 to 1. */
  private loss = 0;
  private duplicate = 0;
  private reorder = 0;
  private corrupt = 0;
  private delayMs: number;
  private jitterMs = 0;
  /** 0: as much as there is. */
  private kbits = 0;
  /** When the narrow line will have sent what waits for it. */
  private busyUntilMs = 0;
  tcp: TcpFault = "open";
  /** Nobody reaches anybody. */
  private parted = false;
  /** Hosts that are cut off from the others. */
  private readonly cutOff = new Set<number>();

  constructor(random: RandomSource, usualMs: number) {
    this.random = random;
    this.usualMs = usualMs;
    this.delayMs = usualMs;
  }

  /**
   * Sets one fault for all that is sent from now on: loss, duplicate, reorder, corrupt (percent of the datagrams), delay,
   * jitter (ms), bandwidth (kbit/s), partition (on, off, or the address of a host to cut off), tcp (open, refuse, drop, reset), clear (all). @returns "" or one line that says what is allowed
   */
  set(name: string, value: string): string {
    const percent = numberOf(value, "%", 100);
    const ms = numberOf(value, "ms", 60000);
    let allowed = "";
    if (name === "loss" || name === "duplicate" || name === "reorder" || name === "corrupt") {
      if (percent < 0) allowed = PERCENT;
      else this[name] = percent / 100;
    } else if (name === "delay" || name === "jitter") {
      if (ms < 0) allowed = MS;
      else if (name === "delay") this.delayMs = ms;
      else this.jitterMs = ms;
    } else if (name === "bandwidth") {
      const kbits = numberOf(value, "kbit", 100000);
      if (kbits < 0 || (kbits > 0 && kbits < 8)) allowed = KBITS;
      else this.kbits = kbits;
    } else if (name === "partition") {
      const address = ipv4(value);
      if (value === "on" || value === "off") this.parted = value === "on";
      else if (address >= 0) this.cutOff.add(address);
      else allowed = "on, off or the address of a host";
      if (value === "off") this.cutOff.clear();
    } else if (name === "tcp") {
      if (isTcpFault(value)) this.tcp = value;
      else allowed = TCP_FAULTS.join(", ");
    } else if (name === "clear") {
      if (value !== "all") allowed = "all";
      else this.clear();
    } else {
      return (
        "there is no fault " +
        safe(name) +
        ": loss, duplicate, reorder, corrupt, delay, jitter, bandwidth, partition, tcp, clear"
      );
    }
    return allowed === "" ? "" : "fault " + name + ' "' + safe(value) + '": must be ' + allowed;
  }

  /** @returns false when nothing gets from one to the other now; a host always reaches itself, unless all is parted */
  reaches(from: number, to: number): boolean {
    return !this.parted && (from === to || !(this.cutOff.has(from) || this.cutOff.has(to)));
  }

  /** @returns how long the next one takes, ms */
  travelMs(): number {
    return this.delayMs + (this.jitterMs > 0 ? this.jitterMs * fraction(this.random) : 0);
  }

  /** @returns how long a datagram waits until those before it are through, and it is, ms; -1 when there is no room for it */
  queueMs(bytes: number, nowMs: number): number {
    if (this.kbits === 0) return 0;
    const waitMs = Math.max(0, this.busyUntilMs - nowMs);
    if (waitMs > QUEUE_MS) return -1;
    this.busyUntilMs = nowMs + waitMs + ((bytes + HEADER_BYTES) * 8) / this.kbits;
    return this.busyUntilMs - nowMs;
  }

  /** @returns how long the next datagram is held back beside that, ms */
  heldMs(): number {
    return this.happens(this.reorder) ? REORDER_MS : 0;
  }

  /** @returns whether the next one is lost */
  loses(): boolean {
    return this.happens(this.loss);
  }

  /** @returns how often the next datagram is carried */
  copies(): number {
    return this.happens(this.duplicate) ? 2 : 1;
  }

  /** @returns `bytes`, or a copy of them with one bit wrong */
  corrupted(bytes: Uint8Array): Uint8Array {
    if (!this.happens(this.corrupt) || bytes.length === 0) return bytes;
    const wrong = bytes.slice();
    wrong[Math.floor(fraction(this.random) * bytes.length)] ^= 1 << Math.floor(fraction(this.random) * 8);
    return wrong;
  }

  private clear(): void {
    this.loss = this.duplicate = this.reorder = this.corrupt = this.jitterMs = 0;
    this.kbits = this.busyUntilMs = 0;
    this.delayMs = this.usualMs;
    this.tcp = "open";
    this.parted = false;
    this.cutOff.clear();
  }

  private happens(chance: number): boolean {
    return chance > 0 && fraction(this.random) < chance;
  }
}

function isTcpFault(value: string): value is TcpFault {
  return TCP_FAULTS.includes(value);
}

/** @returns a decimal from 0 to `max`, its unit allowed; -1 for anything else */
function numberOf(value: string, unit: string, max: number): number {
  const digits = value.endsWith(unit) ? value.slice(0, -unit.length) : value;
  const number = /^\d{1,6}(\.\d{1,6})?$/.test(digits) ? Number(digits) : -1;
  return number <= max ? number : -1;
}
