/**
 * Contacts without wires: buttons and a door's contact that a script or a key moves, and outputs that remember what was
 * written.
 */
import type { Clock, DeviceTimer, Input, InputOptions, Output } from "../../hal/device.js";

export class VirtualContact {
  private readonly timer: DeviceTimer;
  private readonly clock: Clock;
  private readonly listeners: InputOptions[] = [];
  private value = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.timer = clock.createTimer(() => this.set(0));
  }

  /** The device's side of the contact. */
  open(options: InputOptions): Input {
    this.listeners.push(options);
    return { read: () => this.value };
  }

  /** The device restarts: its side of the contact is gone. */
  disconnect(): void {
    this.listeners.length = 0;
  }

  /** Closes the contact for that time. If it is still closed it opens first, so that each press counts. */
  press(ms: number): void {
    this.set(0);
    this.set(1);
    this.timer.at(this.clock.now() + ms);
  }

  release(): void {
    this.timer.stop();
    this.set(0);
  }

  /** Closes (1) or opens (0) the contact until further notice. */
  set(value: number): void {
    if (value === this.value) return;
    this.value = value;
    for (const listener of this.listeners) listener.onReadable();
  }
}

export class VirtualOutput implements Output {
  /** The last value that was written; 0 before. */
  value = 0;
  /** Is told each value. */
  onWrite: (value: number) => void = () => {};

  write(value: number): void {
    this.value = value;
    this.onWrite(value);
  }
}
