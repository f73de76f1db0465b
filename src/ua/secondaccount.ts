/**
 * The second account: registered at its own server beside the first one, with its own credentials, hosts and address as
 * its server sees us. Calls, lines and transactions are those of the user agent; a call goes by one of the two
 * accounts.
 * Not here: which account a call goes by (useragent.ts), and the subscriptions to the door's state, which are answered
 * by the first account (watchers.ts).
 */
import type { Limits } from "../core/limits.js";
import type { Pool } from "../core/pool.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { Dialog } from "../dialog/dialog.js";
import type { Flow } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import type { Network } from "../transaction/network.js";
import { Outside } from "../transaction/outside.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import type { Uri } from "../wire/uri.js";
import { Account, type AccountSettings, isSameAccount } from "./account.js";
import { KEEP_ALIVE, ROUND_MS } from "./addressfinder.js";
import type { CallContext } from "./call.js";
import { Credentials } from "./credentials.js";
import type { Identity } from "./identity.js";
import {
  REGISTRATION_FAILED,
  REGISTRATION_OFF,
  REGISTRATION_TIMERS,
  Registration,
  type RegistrationUser,
} from "./registration.js";

/** Its registration's, and that of the octets which keep our port open at a router. */
export const SECOND_ACCOUNT_TIMERS = REGISTRATION_TIMERS + 1;
/** Names to look up: its hosts, and the one that its registrar may name. */
const NAMES = 3;

/** An account that is not set up: the second one after its settings were removed. */
const NO_ACCOUNT: AccountSettings = {
  user: "",
  authUser: "",
  password: "",
  realm: "",
  displayName: "",
  domain: "",
  proxy: "",
  register: false,
  expiresS: 600,
  transport: TRANSPORT_UDP,
};

/** The user agent's limits with room for a second account: its REGISTER, its connection, and the names of its hosts. */
export function secondAccountLimits(limits: Limits): Limits {
  return {
    ...limits,
    clients: limits.clients + 1,
    streams: limits.streams + 1,
    names: limits.names + NAMES,
  };
}

/** The user agent, as the second account needs it. */
export interface SecondAccountUser {
  /** As `RegistrationUser.onRegistration`. */
  onSecondRegistration(state: number, status: number, m: Message | null): void;
  /** The address at which the server sees us has changed. */
  onSeen(): void;
  /** As `RegistrationUser.onTrouble`. */
  onTrouble(line: string): void;
}

/** It keeps apart what the second account's server sees. */
class SecondRegistration extends Registration {
  protected override get outside(): Outside | null {
    return this.layer.secondOutside;
  }

  protected override takeOutside(): Outside {
    this.layer.secondOutside ??= new Outside();
    return this.layer.secondOutside;
  }
}

export class SecondAccount implements Identity, CallContext, RegistrationUser, TimerUser {
  readonly account: Account;
  readonly registration: Registration;
  readonly isSecond = true;
  readonly credentials: Credentials;
  /** Why it is not registered, one line for a person. */
  failure = "";
  /** The problem of its challenges that was reported last. */
  private told = "";
  private readonly first: CallContext;
  private readonly network: Network;
  private readonly user: SecondAccountUser;
  private readonly timer: number;
  private settings: AccountSettings = NO_ACCOUNT;
  /** The settings have changed, so it registers anew. */
  private isNew = false;

  /** @param first what the calls of the first account share */
  constructor(first: CallContext, network: Network, limits: Limits, user: SecondAccountUser) {
    this.account = new Account(NO_ACCOUNT);
    this.credentials = new Credentials(first.random);
    this.network = network;
    this.user = user;
    this.first = first;
    this.registration = new SecondRegistration(this, this, limits);
    this.timer = first.timers.make(this, 0);
  }

  // What the calls of this account share: most of it is that of the first one.

  get context(): CallContext {
    return this;
  }

  get layer(): TransactionLayer {
    return this.first.layer;
  }

  get timers(): Timers {
    return this.first.timers;
  }

  get random(): RandomSource {
    return this.first.random;
  }

  get dialogs(): Pool<Dialog> {
    return this.first.dialogs;
  }

  get transport(): number {
    return this.settings.transport;
  }

  get contactUser(): Uint8Array {
    return this.account.user;
  }

  get allow(): Uint8Array {
    return this.first.allow;
  }

  get callInfo(): Uint8Array {
    return this.first.callInfo;
  }

  get sessionExpiresS(): number {
    return this.first.sessionExpiresS;
  }

  get minSeS(): number {
    return this.first.minSeS;
  }

  get answersEarly(): boolean {
    return this.first.answersEarly === true;
  }

  get silenceTimeMs(): number {
    return this.first.silenceTimeMs;
  }

  /** Whether it is set up. */
  get isOn(): boolean {
    return this.settings.domain !== "";
  }

  /**
   * Takes the settings; then come `setAddress` and `start`.
   * @param settings undefined: there is no second account any more @param isMoved our address is another one
   * @param learnsAddress peers outside get the address at which the server sees us
   */
  configure(settings: AccountSettings | undefined, isMoved: boolean, learnsAddress: boolean): void {
    const before = this.settings;
    this.settings = settings ?? NO_ACCOUNT;
    const { registration } = this;
    registration.learnsAddress = learnsAddress;
    if (!learnsAddress) this.layer.secondOutside?.forget();
    const isOther =
      this.settings.user !== before.user ||
      this.settings.domain !== before.domain ||
      this.settings.proxy !== before.proxy;
    this.isNew ||= isMoved || isOther || !isSameAccount(this.settings, before);
    if (isOther) registration.leave();
    else if (this.isNew) registration.reset();
  }

  /** Whether its settings have changed, and ask for TLS. */
  get needsTls(): boolean {
    return this.isNew && this.settings.transport === TRANSPORT_TLS;
  }

  /** Takes our address. @param port by UDP @param tcpPort by TCP */
  setAddress(ip: number, port: number, tcpPort: number): void {
    const { account, settings } = this;
    account.configure(settings, ip, settings.transport === TRANSPORT_UDP ? port : tcpPort);
  }

  /** Registers, if something changed. */
  start(): void {
    if (!this.isNew) return;
    this.isNew = false;
    this.told = "";
    this.layer.secondOutside?.forgetSeen();
    this.credentials.configure(this.settings);
    if (this.settings.register) this.registration.start();
    else if (this.registration.state !== REGISTRATION_OFF) this.registration.stop();
    this.keepOpenLater();
  }

  isServer(ip: number): boolean {
    if (!this.isOn) return false;
    const { layer } = this;
    return this.credentials.isServer(ip) || this.registration.isBoundAt(ip) || layer.isBackupAt(ip, -1, true);
  }

  isServerFlow(source: Flow): boolean {
    const { ip, port } = source;
    return this.isOn && (this.credentials.isServerFlow(ip, port) || this.layer.isBackupAt(ip, port, true));
  }

  isServerHost(of: Uri): boolean {
    return this.isOn && this.credentials.isServerHost(of);
  }

  onRegistration(state: number, status: number, m: Message | null): void {
    const { problem } = this.credentials;
    if (state === REGISTRATION_FAILED && (status === 401 || status === 407) && problem !== this.told) {
      this.told = problem;
      if (problem !== "") this.user.onTrouble("account2: " + problem);
    }
    this.user.onSecondRegistration(state, status, m);
  }

  /** Nobody asks for the bindings at the second server. */
  onBinding(): void {}

  onTrouble(line: string): void {
    this.user.onTrouble(line);
  }

  onSeen(): void {
    this.registration.correct();
    this.user.onSeen();
  }

  /** Sends a few octets to the server, so that a router in between keeps our port for it. */
  onTimer(): void {
    const { flow } = this.registration;
    if (flow !== null && flow.transport === TRANSPORT_UDP && this.layer.secondOutside?.isSeenElsewhere)
      this.network.sendDatagram(flow.ip, flow.port, KEEP_ALIVE, 0, KEEP_ALIVE.length);
    this.keepOpenLater();
  }

  private keepOpenLater(): void {
    const { timers, random } = this;
    if (this.isOn) timers.start(this.timer, Math.round(ROUND_MS * (1 - fraction(random) / 4)));
    else timers.stop(this.timer);
  }
}
