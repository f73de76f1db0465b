/**
 * Faults of datagrams: lost, doubled, late, out of order, corrupted, or cut off. One set of faults belongs to a
 * network, simulated or of this machine; a seeded random source repeats them. Not here: carrying datagrams.
 */
import { ipv4 } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";
import { safe } from "./events.js";

/** The fate of new connections: they open, are refused, get no answer, or break at the first octets. */
export type TcpFault = "open" | "refuse" | "drop" | "reset";
const TCP_FAULTS: readonly string[] = ["open", "refuse", "drop", "reset"];

/** A datagram that is to come out of order is held back for so long, ms: more than two packets of sound. */
const REORDER_MS = 50;
/** On a narrow line a datagram waits at most so long; later ones are lost. */
const QUEUE_MS = 500;
/** Octets of the IP and UDP headers of each datagram. */
const HEADER_BYTES = 28;
const KBITS = "a rate from 8 to 100000 kbit/s, or 0 for no limit";
const PERCENT = "a percentage from 0 to 100";
const MS = "a time from 0 to 60000 ms";

export class Faults {
  private readonly random: RandomSource;
  /** The time of a datagram without faults. */
  private readonly usualMs: number;
  /** Chances 0 to 1. */
  private loss = 0;
  private duplicate = 0;
  private reorder = 0;
  private corrupt = 0;
  private delayMs: number;
  private jitterMs = 0;
  /** 0 for no limit. */
  private kbits = 0;
  /** The time at which the narrow line has sent all that waits. */
  private busyUntilMs = 0;
  tcp: TcpFault = "open";
  /** Whether nothing reaches any host. */
  private parted = false;
  /** Hosts that are cut off from the others. */
  private readonly cutOff = new Set<number>();

  constructor(random: RandomSource, usualMs: number) {
    this.random = random;
    this.usualMs = usualMs;
    this.delayMs = usualMs;
  }

  /**
   * Sets one fault for all later datagrams: loss, duplicate, reorder, corrupt (percent of the datagrams), delay, jitter
   * (ms), bandwidth (kbit/s), partition (on, off, or the address of a host to cut off), tcp (open, refuse, drop,
   * reset), clear (all). @returns "" or one line that says what is allowed
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
        ": loss, duplicate, reorder, corrupt, delay, jitter, bandwidth, partition, tcp, server, clear"
      );
    }
    return allowed === "" ? "" : "fault " + name + ' "' + safe(value) + '": must be ' + allowed;
  }

  /** @returns false if nothing gets from one to the other now; a host always reaches itself, unless all are parted */
  reaches(from: number, to: number): boolean {
    return !this.parted && (from === to || !(this.cutOff.has(from) || this.cutOff.has(to)));
  }

  /** @returns the time that the next datagram takes, ms */
  travelMs(): number {
    return this.delayMs + (this.jitterMs > 0 ? this.jitterMs * fraction(this.random) : 0);
  }

  /** @returns the time until the datagrams before it and this one are sent, ms; -1 if there is no room for it */
  queueMs(bytes: number, nowMs: number): number {
    if (this.kbits === 0) return 0;
    const waitMs = Math.max(0, this.busyUntilMs - nowMs);
    if (waitMs > QUEUE_MS) return -1;
    this.busyUntilMs = nowMs + waitMs + ((bytes + HEADER_BYTES) * 8) / this.kbits;
    return this.busyUntilMs - nowMs;
  }

  /** @returns the further time for which the next datagram is held back, ms */
  heldMs(): number {
    return this.happens(this.reorder) ? REORDER_MS : 0;
  }

  /** @returns whether the next datagram is lost */
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

/** @returns "" or one line that says why no house can have that fault: of its network, or of its server */
export function faultProblem(name: string, value: string): string {
  if (name === "server") return value === "up" || value === "down" ? "" : "fault server: must be up or down";
  return new Faults({ uint32: () => 0 }, 0).set(name, value);
}

function isTcpFault(value: string): value is TcpFault {
  return TCP_FAULTS.includes(value);
}

/** @returns a decimal from 0 to `max`, its unit allowed; -1 for any other text */
function numberOf(value: string, unit: string, max: number): number {
  const digits = value.endsWith(unit) ? value.slice(0, -unit.length) : value;
  const number = /^\d{1,6}(\.\d{1,6})?$/.test(digits) ? Number(digits) : -1;
  return number <= max ? number : -1;
}
