/**
 * The reader and keypad at the door. Frames become keys and cards, and frames that come faster than a hand can enter
 * them are noise. So a broken reader, or tampering with its wires, fills neither the log nor the flash. Not here: the
 * effect of codes and cards (intercom/access.ts), and the reception of bits (the device).
 */
import type { Device, ReaderOptions } from "../../hal/device.js";
import type { Timers } from "../core/timers.js";
import { FRAME_CARD, FRAME_NOISE, WiegandFrame } from "./wiegand.js";

/** The least time between two keys pressed by hand. */
const KEY_MS = 40;
/** The least time between two cards held to the reader by hand. */
const CARD_MS = 500;
/** The time in which the same card counts once, since a reader may repeat a card that lies on it. */
const SAME_CARD_MS = 2000;
/** The least time between two reports of noise. */
const NOISE_MS = 60_000;

export interface EntryPanelUser {
  // `enter` runs before a device's input is handled, `leave` after it.
  enter(): void;
  leave(): void;
  /** @param code ASCII of 0 to 9, * or # */
  onKey(code: number): void;
  /** @param number decimal */
  onCard(number: string): void;
  /** A key stays down and no longer counts, or is up again. @param code ASCII */
  onStuck(code: number, isStuck: boolean): void;
  /** Frames came that are neither key nor card. @param bits of the last one @param count since the last report */
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
