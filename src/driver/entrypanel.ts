/**
 * The reader and keypad at the door: frames become keys and cards, and what comes faster than a hand can is noise. A
 * reader that is broken, or a wire that somebody plays with, fills neither the log nor the flash. Not here: what a code
 * or card opens (intercom/access.ts), and how bits are gathered (the device).
 */
import type { Device, ReaderOptions } from "../../hal/device.js";
import type { Timers } from "../core/timers.js";
import { FRAME_CARD, FRAME_NOISE, WiegandFrame } from "./wiegand.js";

/** Nobody presses a second key before. */
const KEY_MS = 40;
/** Nor holds a second card to the reader. */
const CARD_MS = 500;
/** A reader may send a card again and again while it lies there. */
const SAME_CARD_MS = 2000;
/** Noise is told so often at most. */
const NOISE_MS = 60_000;

export interface EntryPanelUser {
  // These two enclose anything that comes from a device.
  enter(): void;
  leave(): void;
  /** @param code ASCII of 0 to 9, * or # */
  onKey(code: number): void;
  /** @param number decimal */
  onCard(number: string): void;
  /** A key stays down and counts no more, or is up again. @param code ASCII */
  onStuck(code: number, isStuck: boolean): void;
  /** Frames came that are neither. @param bits of the last one @param count since it was told before */
  onNoise(bits: number, count: number): void;
}

export class EntryPanel implements ReaderOptions {
  private readonly timers: Timers;
  private readonly user: EntryPanelUser;
  private readonly frame = new WiegandFrame();
  private keyMs = -Infinity;
  private cardMs = -Infinity;
  private card = -1;
  private noiseMs = -Infinity;
  private noises = 0;

  constructor(device: Device, timers: Timers, user: EntryPanelUser) {
    this.timers = timers;
    this.user = user;
    device.reader?.(this);
  }

  onFrame(bits: number, high: number, low: number): void {
    const { user, frame } = this;
    user.enter();
    const kind = frame.read(bits, high, low);
    if (kind === FRAME_NOISE) this.takeNoise(bits);
    else if (kind === FRAME_CARD) this.takeCard(frame.value);
    else this.takeKey(frame.value);
    user.leave();
  }

  onKey(code: number): void {
    this.user.enter();
    this.takeKey(code);
    this.user.leave();
  }

  onStuck(code: number, isStuck: boolean): void {
    this.user.enter();
    this.user.onStuck(code, isStuck);
    this.user.leave();
  }

  private takeKey(code: number): void {
    const { nowMs } = this.timers;
    const isEarly = nowMs - this.keyMs < KEY_MS;
    this.keyMs = nowMs;
    if (!isEarly) this.user.onKey(code);
  }

  private takeCard(number: number): void {
    const { nowMs } = this.timers;
    const sinceMs = nowMs - this.cardMs;
    if (sinceMs < CARD_MS || (number === this.card && sinceMs < SAME_CARD_MS)) return;
    this.card = number;
    this.cardMs = nowMs;
    this.user.onCard("" + number);
  }

  private takeNoise(bits: number): void {
    const { nowMs } = this.timers;
    this.noises += 1;
    if (nowMs - this.noiseMs < NOISE_MS) return;
    this.user.onNoise(bits, this.noises);
    this.noiseMs = nowMs;
    this.noises = 0;
  }
}
