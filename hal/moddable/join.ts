/**
 * Joins a Wi-Fi network and joins it again, for ever: after each failure the wait doubles, up to a minute. It says what is
 * wrong once a try. Not here: the radio itself, which network.
 */
import type { Clock, DeviceTimer } from "../device.js";

/** Values of `connection` in ECMA-419: lower ones are steps on the way there. */
const DISCONNECTED = 200;
const ASSOCIATED = 400;
const CONNECTED = 500;

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** A try that has no address by then is given up. */
const TRY_MS = 20_000;

const IDLE = 0;
const TRYING = 1;
const WAITING = 2;
const UP = 3;

/** What is used of ECMA-419's Wi-Fi interface. */
export interface Radio {
  readonly connection: number;
  readonly address: string | undefined;
  connect(options: { SSID: string; password?: string }): void;
  disconnect(): void;
}

export interface JoinOptions {
  radio: Radio;
  clock: Clock;
  ssid: string;
  /** Empty: an open network. */
  password: string;
  /** There is an address, as text. */
  onUp(address: string): void;
  /** It is gone, or could not be had. `reason`: one line for people. */
  onDown(reason: string): void;
}

export class Join {
  private readonly options: JoinOptions;
  private readonly timer: DeviceTimer;
  private ssid: string;
  private password: string;
  private state = IDLE;
  private wasAssociated = false;
  private waitMs = FIRST_WAIT_MS;

  constructor(options: JoinOptions) {
    this.options = options;
    this.ssid = options.ssid;
    this.password = options.password;
    this.timer = options.clock.createTimer(() => this.onTimer());
  }

  start(): void {
    const { ssid, password } = this;
    const { radio, clock } = this.options;
    this.state = TRYING;
    this.wasAssociated = false;
    this.timer.at(clock.now() + TRY_MS);
    try {
      radio.connect(password === "" ? { SSID: ssid } : { SSID: ssid, password });
    } catch {
      this.fail("the radio does not start");
    }
  }

  /** Leaves the network there is, and joins another one a second later: the radio tells late that it let go. */
  change(ssid: string, password: string): void {
    const { radio, clock } = this.options;
    this.ssid = ssid;
    this.password = password;
    this.state = WAITING;
    this.waitMs = FIRST_WAIT_MS;
    this.timer.at(clock.now() + FIRST_WAIT_MS);
    radio.disconnect();
  }

  /** To be called when anything of the radio changed. */
  changed(): void {
    const { radio, onUp } = this.options;
    const { connection } = radio;
    const address = radio.address ?? "";
    if (connection >= ASSOCIATED) this.wasAssociated = true;
    if (connection >= CONNECTED && address !== "" && (this.state === TRYING || this.state === WAITING)) {
      this.state = UP;
      this.waitMs = FIRST_WAIT_MS;
      this.timer.stop();
      onUp(address);
    } else if (connection <= DISCONNECTED && this.state === TRYING) {
      this.fail("not admitted: is the network in reach and the password right?");
    } else if (connection < CONNECTED && this.state === UP) this.fail("the network is gone");
  }

  private onTimer(): void {
    if (this.state === WAITING) this.start();
    else if (this.state === TRYING) {
      this.fail(this.wasAssociated ? "the network gives no address" : "the network does not answer");
    }
  }

  private fail(reason: string): void {
    const { ssid } = this;
    const { radio, clock, onDown } = this.options;
    // First: what the radio tells on its way down is no further failure.
    this.state = WAITING;
    this.timer.at(clock.now() + this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
    radio.disconnect();
    onDown("Wi-Fi " + ssid + ": " + reason);
  }
}
