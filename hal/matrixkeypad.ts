/**
 * A keypad of rows and columns, without a controller: it is scanned. At rest every row is driven, and one look at the
 * columns tells that no key is down. A key counts when two scans in a row see it, and comes alone. Three keys down may
 * look like four, so none of them counts until all but two are up. A key that stays down is told once and passed over,
 * and told again when it is free. Not here: pins (the device), and what a key means (intercom/access.ts).
 */
import type { ReaderOptions } from "./device.js";

/** So often it is scanned, ms: a bounce of contacts is over by the second scan. */
export const SCAN_MS = 15;
/** Nobody holds a key for so long. */
const STUCK_MS = 30_000;
/** Two keys close two contacts; from three on a fourth may only seem to be closed. */
const KEYS_MOST = 2;

/** The keys of four rows, with three columns and with four. Letters are keys that mean nothing here. */
const KEYS_OF_3 = "123456789*0#";
const KEYS_OF_4 = "123A456B789C*0#D";
const A = 0x41;

export interface MatrixPins {
  /** Drives that row alone, or all of them. @param row from 0; -1: all */
  drive(row: number): void;
  /** @returns a bit for each column that a key connects to a row that is driven, the first one the lowest */
  columns(): number;
}

export class MatrixKeypad {
  private readonly pins: MatrixPins;
  private readonly rows: number;
  private readonly width: number;
  private readonly options: ReaderOptions;
  /** What the last scan saw, a bit for each key; below 0 before the first one. */
  private seen = -1;
  /** Keys that are down, and counted or passed over already; below 0 before that is known. */
  private down = -1;
  /** The keys among them that are stuck. */
  private stuck = 0;
  /** When each key went down, ms. */
  private readonly sinceMs: Float64Array;

  constructor(pins: MatrixPins, rows: number, width: number, options: ReaderOptions) {
    this.pins = pins;
    this.rows = rows;
    this.width = width;
    this.options = options;
    this.sinceMs = new Float64Array(rows * width);
    pins.drive(-1);
  }

  /** Looks at all keys. @param nowMs it never goes back */
  scan(nowMs: number): void {
    const seen = this.pins.columns() === 0 ? 0 : this.look();
    const isSteady = seen === this.seen;
    this.seen = seen;
    if (!isSteady) return;
    // What is down as the power comes on is no press.
    const pressed = this.down < 0 ? 0 : seen & ~this.down;
    if (seen !== this.down) this.take(seen, nowMs);
    if (pressed !== 0 && (pressed & (pressed - 1)) === 0 && countOf(seen) <= KEYS_MOST) this.tell(pressed);
    if (seen !== 0 || this.stuck !== 0) this.findStuck(nowMs);
  }

  private look(): number {
    const { pins, rows, width } = this;
    let seen = 0;
    for (let row = 0; row < rows; row++) {
      pins.drive(row);
      seen |= pins.columns() << (row * width);
    }
    pins.drive(-1);
    return seen;
  }

  private take(seen: number, nowMs: number): void {
    const before = Math.max(0, this.down);
    for (let key = 0; key < this.sinceMs.length; key++)
      if ((((seen & ~before) >> key) & 1) === 1) this.sinceMs[key] = nowMs;
    this.down = seen;
  }

  private tell(pressed: number): void {
    const code = this.codeOf(31 - Math.clz32(pressed));
    if (code < A) this.options.onKey(code);
  }

  private findStuck(nowMs: number): void {
    for (let key = 0; key < this.sinceMs.length; key++) {
      const bit = 1 << key;
      const isStuck = (this.down & bit) !== 0 && nowMs - this.sinceMs[key] >= STUCK_MS;
      if (isStuck === ((this.stuck & bit) !== 0)) continue;
      this.stuck ^= bit;
      this.options.onStuck?.(this.codeOf(key), isStuck);
    }
  }

  /** @returns ASCII */
  private codeOf(key: number): number {
    return (this.width === 4 ? KEYS_OF_4 : KEYS_OF_3).charCodeAt(key);
  }
}

function countOf(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
