/** One LED that tells the door's state by its rhythm. Not here: the choice of the state. */
import type { Clock, DeviceTimer, Output } from "../device.js";

/** The door's patterns (LED_* in events.ts): ready, and a fault, of which a missing network is one. */
const LED_READY = 1;
const LED_TROUBLE = 6;
/**
 * Replaces the pattern "ready" if the door works without something, such as sound, or with other settings than it was
 * given.
 */
const LED_LACK = 7;

/** ms on and off, by pattern; 0 and 0 is dark, off 0 is steady. */
const ON_MS: readonly number[] = [0, 50, 500, 200, 1000, 50, 100, 900];
const OFF_MS: readonly number[] = [0, 2950, 500, 200, 0, 50, 900, 100];

export class Light implements Output {
  private readonly pin: Output;
  private readonly clock: Clock;
  private readonly timer: DeviceTimer;
  /** The door's pattern; it is hidden while there is trouble. */
  private pattern = 0;
  private shown = 0;
  private hasTrouble = false;
  private hasLack = false;
  private isOn = false;

  constructor(pin: Output, clock: Clock) {
    this.pin = pin;
    this.clock = clock;
    this.timer = clock.createTimer(() => this.turn(!this.isOn));
  }

  /** @param pattern LED_*; an unknown one is dark */
  write(pattern: number): void {
    this.pattern = pattern >= 0 && pattern < LED_LACK ? pattern : 0;
    this.show();
  }

  /** Trouble hides all patterns; when it is over, the last pattern is shown again. */
  trouble(on: boolean): void {
    this.hasTrouble = on;
    this.show();
  }

  lack(on: boolean): void {
    this.hasLack = on;
    this.show();
  }

  private show(): void {
    this.shown = this.pattern;
    if (this.hasTrouble) this.shown = LED_TROUBLE;
    else if (this.hasLack && this.pattern === LED_READY) this.shown = LED_LACK;
    this.turn(ON_MS[this.shown] > 0);
  }

  private turn(on: boolean): void {
    this.isOn = on;
    this.pin.write(on ? 1 : 0);
    if (OFF_MS[this.shown] === 0) this.timer.stop();
    else this.timer.at(this.clock.now() + (on ? ON_MS[this.shown] : OFF_MS[this.shown]));
  }
}
