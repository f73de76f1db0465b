/**
 * Outputs whose level depends on their wiring: relays that are on while their pin is high or low, for locks that open
 * or hold by current. A relay's pin is never driven to the level that opens except to open. It stays undriven, as reset
 * left it, until the wiring of the relay is known. Not here: the SDK's pins (machine.ts), and when a relay opens
 * (src/intercom/doorway.ts).
 */
import type { Level, Output, RelayWiring } from "../device.js";

/** A pin that is driven. */
export interface Driven {
  write(level: 0 | 1): void;
  close(): void;
}

export interface PinMaker {
  /** Drives the pin, from the first moment on to `level`. */
  drive(pin: number, level: 0 | 1): Driven;
  /** Leaves the pin undriven. */
  rest(pin: number): Driven;
}

export class RelayPin implements Output {
  private readonly maker: PinMaker;
  private readonly pin: number;
  private readonly boardActive: "high" | "low";
  private wiring: RelayWiring = { active: "unknown", isFailSafe: false };
  private isReleased = false;
  private driven: Driven | null = null;
  private resting: Driven | null = null;

  /** @param boardActive the level that the board's description names */
  constructor(maker: PinMaker, pin: number, boardActive: "high" | "low") {
    this.maker = maker;
    this.pin = pin;
    this.boardActive = boardActive;
  }

  /** @param value 1 releases the door, 0 locks it, as far as the wiring is known */
  write(value: number): void {
    this.isReleased = value === 1;
    this.show();
  }

  /** Takes the wiring of the relay. A door that is released stays so. */
  connect(wiring: RelayWiring): void {
    this.wiring = wiring;
    this.show();
  }

  private show(): void {
    const { active, isFailSafe } = this.wiring;
    const isOn = isFailSafe !== this.isReleased;
    // The pin of a relay with unknown wiring is driven only to open.
    if (active === "unknown" && !this.isReleased) this.rest();
    else this.drive(levelOf(active, this.boardActive, active === "unknown" ? this.isReleased : isOn));
  }

  private drive(level: 0 | 1): void {
    if (this.driven !== null) {
      this.driven.write(level);
      return;
    }
    if (this.resting !== null) this.resting.close();
    this.resting = null;
    this.driven = this.maker.drive(this.pin, level);
  }

  private rest(): void {
    if (this.driven === null) return;
    this.driven.close();
    this.driven = null;
    try {
      this.resting = this.maker.rest(this.pin);
    } catch {
      // If there is no memory for that, before a restart, the pin is not driven either.
    }
  }
}

/** A light, or the switch of an amplifier: on or off, and undriven before the first `write`. */
export class SwitchPin implements Output {
  private readonly maker: PinMaker;
  private readonly pin: number;
  private readonly boardActive: "high" | "low";
  private active: Level = "board";
  private isOn = false;
  private driven: Driven | null = null;

  /** @param pin -1 for none @param boardActive the level that the board's description names */
  constructor(maker: PinMaker, pin: number, boardActive: "high" | "low") {
    this.maker = maker;
    this.pin = pin;
    this.boardActive = boardActive;
  }

  write(value: number): void {
    if (this.pin < 0) return;
    this.isOn = value === 1;
    const level = levelOf(this.active, this.boardActive, this.isOn);
    if (this.driven === null) this.driven = this.maker.drive(this.pin, level);
    else this.driven.write(level);
  }

  connect(active: Level): void {
    this.active = active;
    if (this.driven !== null) this.write(this.isOn ? 1 : 0);
  }
}

function levelOf(active: Level, boardActive: "high" | "low", isOn: boolean): 0 | 1 {
  const isHigh = (active === "high" || active === "low" ? active : boardActive) === "high";
  return isOn === isHigh ? 1 : 0;
}
