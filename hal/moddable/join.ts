/**
 * Joins a network by Wi-Fi or by a cable and joins it again for ever: after each failure the wait doubles, up to a
 * minute. It tells once a try what is wrong. Not here: the radio itself (the SDK's, or its wired twin in
 * wired/radio.ts), the choice of the network.
 */
import { ipv4 } from "../../src/core/address.js";
import type { Clock, DeviceTimer, FixedAddress } from "../device.js";

/** Values of `connection` in ECMA-419: lower ones are steps on the way there. */
const DISCONNECTED = 200;
const ASSOCIATED = 400;
const CONNECTED = 500;

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** A try that has no address after this time is given up. */
const TRY_MS = 20_000;
/** A renewed lease may bring another address, which the SDK does not tell, so the address is looked at this often. */
const LOOK_MS = 10_000;

const IDLE = 0;
const TRYING = 1;
const WAITING = 2;
const UP = 3;

const NO_ADDRESS = "the network gives no address";
const NO_CABLE = "no link: is the cable plugged in at both ends, and the other end on?";

/** The part of ECMA-419's network interfaces that is used. */
export interface Radio {
  readonly connection: number;
  readonly address: string | undefined;
  /** Must be called before `connect`. */
  configure(options: { static: false | FixedAddress }): void;
  connect(options: { SSID: string; password?: string }): void;
  disconnect(): void;
}

/** The network, and the address in it. */
export interface NetworkChoice {
  ssid: string;
  /** Empty for an open network. */
  password: string;
  /** Null for DHCP. */
  fixed: FixedAddress | null;
}

export interface JoinOptions {
  radio: Radio;
  clock: Clock;
  /** There is a cable; neither name nor password count. */
  isWired: boolean;
  network: NetworkChoice;
  /** There is an address, as text, or another one than before. */
  onUp(address: string): void;
  /** The address is gone, or could not be had. `reason` is one line for people. */
  onDown(reason: string): void;
}

export class Join {
  private readonly options: JoinOptions;
  private readonly timer: DeviceTimer;
  private network: NetworkChoice;
  /** Whether the radio has a fixed address now. */
  private isFixed = false;
  private state = IDLE;
  private wasAssociated = false;
  /** The address while the network is up, otherwise "". */
  private address = "";
  private waitMs = FIRST_WAIT_MS;

  constructor(options: JoinOptions) {
    this.options = options;
    this.network = options.network;
    this.timer = options.clock.createTimer(() => this.onTimer());
  }

  start(): void {
    const { ssid, password } = this.network;
    const { radio, clock } = this.options;
    this.state = TRYING;
    this.wasAssociated = false;
    this.timer.at(clock.now() + TRY_MS);
    if (!this.setAddress()) {
      this.fail("the address of wifi.ip cannot be set");
      return;
    }
    try {
      radio.connect(password === "" ? { SSID: ssid } : { SSID: ssid, password });
    } catch {
      this.fail(this.options.isWired ? "Ethernet does not start" : "the radio does not start");
    }
  }

  /** Tells the radio how to get the address. @returns false if it does not take it */
  private setAddress(): boolean {
    const { fixed } = this.network;
    if (fixed === null && !this.isFixed) return true;
    try {
      this.options.radio.configure({ static: fixed ?? false });
      this.isFixed = fixed !== null;
      return true;
    } catch {
      return false;
    }
  }

  /** Leaves the network there is, and joins another one a second later: the radio tells late that it let go. */
  change(network: NetworkChoice): void {
    const { radio, clock } = this.options;
    this.network = network;
    this.state = WAITING;
    this.waitMs = FIRST_WAIT_MS;
    this.timer.at(clock.now() + FIRST_WAIT_MS);
    radio.disconnect();
  }

  /** Must be called after any change of the radio. */
  changed(): void {
    const { connection } = this.options.radio;
    const address = this.readAddress();
    if (connection >= ASSOCIATED) this.wasAssociated = true;
    if (connection >= CONNECTED && address !== "") {
      if (this.state !== IDLE && (this.state !== UP || address !== this.address)) this.up(address);
    } else if (connection <= DISCONNECTED && this.state === TRYING) {
      this.fail(this.options.isWired ? NO_CABLE : "not admitted: is the network in reach and the password right?");
    } else if (this.state === UP) this.fail("the network is gone");
  }

  /** @returns "" if there is no IPv4 address */
  private readAddress(): string {
    const address = this.options.radio.address ?? "";
    return ipv4(address) > 0 ? address : "";
  }

  private up(address: string): void {
    const { clock, onUp } = this.options;
    this.state = UP;
    this.address = address;
    this.waitMs = FIRST_WAIT_MS;
    this.timer.at(clock.now() + LOOK_MS);
    onUp(address);
  }

  private onTimer(): void {
    const { clock, radio, isWired } = this.options;
    if (this.state === WAITING) this.start();
    else if (this.state === UP) {
      this.timer.at(clock.now() + LOOK_MS);
      this.changed();
    } else if (this.state === TRYING) {
      const isThere = this.wasAssociated || radio.connection >= ASSOCIATED;
      this.fail(isThere ? NO_ADDRESS : isWired ? NO_CABLE : "the network does not answer");
    }
  }

  private fail(reason: string): void {
    const { ssid } = this.network;
    const { radio, clock, isWired, onDown } = this.options;
    // The state comes first: events that the radio tells on its way down are no further failures.
    this.state = WAITING;
    this.timer.at(clock.now() + this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
    radio.disconnect();
    onDown((isWired ? "Ethernet: " : "Wi-Fi " + ssid + ": ") + reason);
  }
}
