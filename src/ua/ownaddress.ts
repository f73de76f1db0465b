/**
 * The address that peers outside of our network get from the user agent: taken from the settings, from what our server
 * saw, or from a STUN server. When it changes, the binding and the calls follow.
 * Not here: the address itself (transaction/outside.ts), and the questions to a STUN server (addressfinder.ts).
 */
import type { Timers, TimerUser } from "../core/timers.js";
import type { TransactionLayer } from "../transaction/layer.js";
import type { Network } from "../transaction/network.js";
import { Outside } from "../transaction/outside.js";
import { TRANSPORT_UDP } from "../wire/names.js";
import { AddressFinder, type AddressFinderUser } from "./addressfinder.js";
import type { Call, Line, SoundNetwork } from "./call.js";
import type { Registration } from "./registration.js";

const UNASKED_BY_NAT = "net.stun is not asked, since net.nat is off";
const UNASKED_BY_ADDRESS = "net.stun is not asked, since net.publicAddress is set";

/** The settings that it follows, as in `UserAgentSettings`. */
interface OwnAddressSettings {
  learnsAddress?: boolean;
  stun?: string;
  publicIp?: number;
  rtpPort: number;
  transport: number;
}

/** The user agent. */
export interface OwnAddressHost {
  readonly layer: TransactionLayer;
  readonly registration: Registration;
  readonly calls: readonly Call[];
  readonly lines: readonly Line[];
  readonly settings: OwnAddressSettings;
  readonly user: OwnAddressUser;
  /** As `UserAgentUser`. */
  onTrouble(line: string): void;
}

export interface OwnAddressUser {
  /** Peers outside of our network get this address from now on; -1: they get our own again. */
  onOutside?(ip: number, port: number): void;
}

/** The objects that it needs. */
export interface OwnAddressParts {
  timers: Timers;
  network: Network;
  sound: SoundNetwork;
}

export const OWN_ADDRESS_TIMERS = 1;

export class OwnAddress implements AddressFinderUser, TimerUser {
  /** Null until a STUN server is set, or our server sees us at another address than our own. */
  private finder: AddressFinder | null = null;
  private readonly timer: number;
  private readonly host: OwnAddressHost;
  private readonly network: Network;
  private readonly sound: SoundNetwork;
  /** The address and port that peers outside got last, in one number; -1: our own. */
  private told = -1;

  constructor(host: OwnAddressHost, parts: OwnAddressParts) {
    this.host = host;
    this.network = parts.network;
    this.sound = parts.sound;
    this.timer = parts.timers.make(this, 0);
  }

  /** Takes the settings for it. @returns whether they change our Contact */
  configure(before: OwnAddressSettings, isFirst: boolean): boolean {
    const { settings, layer, registration } = this.host;
    const { learnsAddress = false, stun = "", publicIp = -1 } = settings;
    registration.learnsAddress = learnsAddress && publicIp < 0;
    if (!isFirst && learnsAddress === before.learnsAddress && stun === before.stun && publicIp === before.publicIp)
      return false;
    if (publicIp >= 0) layer.outside ??= new Outside();
    if (layer.outside !== null) {
      layer.outside.forget();
      layer.outside.fixedIp = publicIp;
    }
    const server = registration.learnsAddress ? stun : "";
    if (server !== stun) this.host.onTrouble(publicIp >= 0 ? UNASKED_BY_ADDRESS : UNASKED_BY_NAT);
    if (this.finder !== null || server !== "") this.takeFinder().configure(server);
    const toldBefore = this.told;
    this.tell();
    return toldBefore !== this.told;
  }

  onTimer(): void {
    if (this.finder === null) return;
    this.finder.bound = this.host.registration.flow;
    this.finder.onTimer();
  }

  /** As `RegistrationUser`. */
  onSeen(): void {
    if (this.finder === null) this.takeFinder().start();
    this.follow();
  }

  onOutsideChanged(): void {
    this.host.registration.correct();
    this.follow();
  }

  onDoubt(): void {
    this.host.registration.ask();
  }

  /** Sends the new address to the calls whose peers get our address as seen from outside. */
  private follow(): void {
    this.tell();
    const { calls } = this.host;
    for (let i = 0; i < calls.length; i++) {
      const call = calls[i];
      if (call.isTalking() && call.session.isOutside() && !call.session.reoffer()) call.onUnchanged(false, null);
    }
  }

  /** Tells the user which address peers outside get from now on, if it is another one than before. */
  private tell(): void {
    const { layer, settings, user } = this.host;
    const { outside, udpPort, tcpPort } = layer;
    const isTcp = settings.transport !== TRANSPORT_UDP;
    const isTold = outside?.isFor(-1) === true;
    const ip = isTold ? outside.signallingIp : -1;
    const port = isTold ? outside.signallingPort(isTcp ? tcpPort : udpPort, isTcp) : 0;
    const told = isTold ? ip * 65536 + port : -1;
    if (told === this.told) return;
    this.told = told;
    user.onOutside?.(ip, port);
  }

  /** Makes the finder when the first address is known or wanted. */
  private takeFinder(): AddressFinder {
    const { network, sound, timer } = this;
    const { layer, lines, settings } = this.host;
    this.finder ??= new AddressFinder({ layer, network, sound, lines: lines.length, timer }, this);
    this.finder.rtpPort = settings.rtpPort;
    return this.finder;
  }

  onTrouble(line: string): void {
    this.host.onTrouble(line);
  }

  /** Our own address has changed: others see us at another one, too. */
  moveTo(): void {
    this.tell();
    this.finder?.start();
  }
}
