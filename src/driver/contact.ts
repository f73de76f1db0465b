/**
 * Debounces a contact (a button, the button inside, or the contact of door or housing) and reports when it is held. Not
 * here: the meaning of the contact (door.ts).
 */
import type { Device, Input, InputName, InputOptions } from "../../hal/device.js";
import type { Timers, TimerUser } from "../core/timers.js";

/** A contact counts as closed when it is still closed after this time. */
const DEBOUNCE_MS = 20;
/** A button that is closed for this time is held. */
const HOLD_MS = 2000;

/** All inputs: the buttons in their order, the button inside, and the contacts of door and housing. */
export const INPUTS: readonly InputName[] = ["button1", "button2", "button3", "button4", "exit", "sensor", "tamper"];
export const CONTACT_TIMERS = 1;

export interface ContactUser {
  // `enter` runs before a device's input is handled, `leave` after it.
  enter(): void;
  leave(): void;
  /** The contact changed. @param closed 1: pressed, or shut; 0: released, or open */
  onContact(name: InputName, closed: number): void;
  /** The contact has been closed for 2 s. This is called once each time. */
  onHold(name: InputName): void;
}

export class Contact implements InputOptions, TimerUser {
  private readonly name: InputName;
  /** The contact has a lasting state, as those of door and housing do and buttons do not. */
  private readonly isLasting: boolean;
  private readonly user: ContactUser;
  private readonly timers: Timers;
  private readonly input: Input | null;
  private readonly timer: number;
  private closed = 0;
  private isHeld = false;
  private closedMs = 0;

  /** The timer is made only if the board has the contact. */
  constructor(device: Device, name: InputName, timers: Timers, user: ContactUser) {
    this.name = name;
    this.isLasting = name === "sensor" || name === "tamper";
    this.user = user;
    this.timers = timers;
    this.input = device.input(name, this);
    this.timer = this.input === null ? -1 : timers.make(this, 0);
  }

  /** Returns whether the board has the contact. */
  get exists(): boolean {
    return this.input !== null;
  }

  /** Reports the state at start, if the contact has a lasting state. */
  tell(): void {
    if (this.input === null || !this.isLasting) return;
    this.closed = this.input.read();
    this.user.onContact(this.name, this.closed);
  }

  onReadable(): void {
    if (this.input === null) return;
    this.user.enter();
    // A second push before the hold time ends counts as a second press.
    if (!this.isLasting && this.closed === 1 && this.input.read() === 0) this.change(0);
    this.timers.start(this.timer, DEBOUNCE_MS);
    this.user.leave();
  }

  onTimer(): void {
    const closed = this.input === null ? 0 : this.input.read();
    if (closed !== this.closed) this.change(closed);
    if (closed === 0 || this.isHeld) return;
    const leftMs = this.closedMs + HOLD_MS - this.timers.nowMs;
    if (leftMs > 0) {
      this.timers.start(this.timer, leftMs);
      return;
    }
    this.isHeld = true;
    this.user.onHold(this.name);
  }

  private change(closed: number): void {
    this.closed = closed;
    this.closedMs = this.timers.nowMs;
    this.isHeld = this.isLasting;
    this.user.onContact(this.name, closed);
  }
}
