/**
 * Our addresses as they are seen from outside of our network, behind a router that translates addresses (NAT): one that
 * is fixed by the settings, that which our server saw (RFC 3581), and those that a STUN server saw (RFC 8489). It is
 * made when the first one is known, or wanted.
 *
 * Who gets to know them: whoever is not at a private address. One who is at a private address reaches ours without the
 * router, unless it is the server that saw another one itself.
 * Not here: who may tell them (ua/registration.ts, ua/addressfinder.ts), and who writes them (dialog/contact.ts,
 * dialog/negotiation.ts).
 */
import { isHostAddress, isLoopback, isPrivate } from "../core/address.js";
import { TRANSPORT_UDP } from "../wire/names.js";

/** There is no such address. */
const NO_ADDRESS = -1;

/** Whether somebody at `ip` may really see us at that address. @param localIp ours */
export function isCredible(ip: number, localIp: number): boolean {
  return isHostAddress(ip) || (isLoopback(ip) && isLoopback(localIp));
}

export class Outside {
  /** The address that the settings give, under which our own ports are forwarded; -1: none. */
  fixedIp = NO_ADDRESS;
  /** The address at which our server sees us, and the port by UDP and by TCP; 0: it does not know. */
  private seenIp = NO_ADDRESS;
  private seenUdpPort = 0;
  private seenTcpPort = 0;
  /** The server that saw it. */
  private seerIp = NO_ADDRESS;
  /** Where a STUN server sees our SIP port: address and port in one number. */
  private sip = NO_ADDRESS;
  /** The same for our RTP ports, each behind its own port. */
  private readonly sounds: number[] = [];

  /** Forgets all that was learnt: our address changed. */
  forget(): void {
    this.forgetSeen();
    this.sip = NO_ADDRESS;
    this.sounds.length = 0;
  }

  /** Forgets what the server saw: it is not our server any more, or may see another one by now. */
  forgetSeen(): void {
    this.seenIp = this.seerIp = NO_ADDRESS;
    this.seenUdpPort = this.seenTcpPort = 0;
  }

  /**
   * Notes where the server sees us. @param ip -1: where we are @returns whether that is something new
   */
  noteSeen(seer: number, ip: number, port: number, transport: number): boolean {
    const isTcp = transport !== TRANSPORT_UDP;
    const portBefore = isTcp ? this.seenTcpPort : this.seenUdpPort;
    const isNew = ip !== this.seenIp || (ip >= 0 && (port !== portBefore || seer !== this.seerIp));
    if (!isNew) return false;
    if (ip !== this.seenIp) this.forgetSeen();
    this.seenIp = ip;
    this.seerIp = ip < 0 ? NO_ADDRESS : seer;
    if (ip < 0) return true;
    if (isTcp) this.seenTcpPort = port;
    else this.seenUdpPort = port;
    return true;
  }

  /** Whether a STUN server sees our SIP port elsewhere than where it is. */
  get isMapped(): boolean {
    return this.sip >= 0;
  }

  /** Notes where a STUN server sees our SIP port. @param ip -1: where we are @returns whether that is something new */
  noteMapped(ip: number, port: number): boolean {
    const before = this.sip;
    this.sip = joined(ip, port);
    return this.sip !== before;
  }

  /** As `noteMapped`, for an RTP port. @param own that port */
  noteMappedSound(own: number, ip: number, port: number): boolean {
    const { sounds } = this;
    let at = 0;
    while (at < sounds.length && sounds[at] !== own) at += 2;
    if (at === sounds.length) sounds.push(own, NO_ADDRESS);
    const before = sounds[at + 1];
    sounds[at + 1] = joined(ip, port);
    return sounds[at + 1] !== before;
  }

  /** Whether our server sees us elsewhere than where we are: there is a router between, which forgets who is silent. */
  get isSeenElsewhere(): boolean {
    return this.seenIp >= 0;
  }

  /**
   * Whether the router gives each destination a port of its own: the STUN server and our server see different ones, so
   * that nobody else can know the one by which he will reach us.
   */
  get isSymmetric(): boolean {
    return (
      this.sip >= 0 && this.seenUdpPort > 0 && ipOf(this.sip) === this.seenIp && portOf(this.sip) !== this.seenUdpPort
    );
  }

  /** Whether somebody at `peerIp` is told another address than our own. @param peerIp -1: it is not known yet */
  isFor(peerIp: number): boolean {
    if (this.fixedIp < 0 && this.seenIp >= 0 && peerIp === this.seerIp) return true;
    if (peerIp >= 0 && (isPrivate(peerIp) || isLoopback(peerIp))) return false;
    return this.fixedIp >= 0 || this.seenIp >= 0 || this.sip >= 0;
  }

  /** The address for signalling. To be asked only if `isFor`. */
  get signallingIp(): number {
    if (this.fixedIp >= 0) return this.fixedIp;
    return this.seenIp >= 0 ? this.seenIp : ipOf(this.sip);
  }

  /** @param own our own port @returns the port for signalling */
  signallingPort(own: number, isTcp: boolean): number {
    if (this.fixedIp >= 0) return own;
    if (isTcp) return this.seenTcpPort > 0 ? this.seenTcpPort : own;
    if (this.seenUdpPort > 0) return this.seenUdpPort;
    return this.seenIp < 0 && this.sip >= 0 ? portOf(this.sip) : own;
  }

  /** @param own our own RTP port @returns the address at which its sound is received. To be asked only if `isFor` */
  soundIp(own: number): number {
    const mapped = this.mappedAt(own);
    return mapped >= 0 ? ipOf(mapped) : this.signallingIp;
  }

  /** @param own our own RTP port @returns the port at which its sound is received */
  soundPort(own: number): number {
    const mapped = this.mappedAt(own);
    return mapped >= 0 ? portOf(mapped) : own;
  }

  /** Where a STUN server saw that RTP port, if that is of use for others. */
  private mappedAt(own: number): number {
    const { sounds } = this;
    if (this.fixedIp >= 0 || this.isSymmetric) return NO_ADDRESS;
    for (let at = 0; at < sounds.length; at += 2) if (sounds[at] === own) return sounds[at + 1];
    return NO_ADDRESS;
  }

  /** Whether a URI with that address and port means us, as others see us. */
  isOurs(ip: number, port: number): boolean {
    if (ip < 0) return false;
    if (ip === this.fixedIp) return true;
    if (ip === this.seenIp && (port === this.seenUdpPort || port === this.seenTcpPort)) return true;
    return this.sip >= 0 && ip === ipOf(this.sip) && port === portOf(this.sip);
  }
}

function joined(ip: number, port: number): number {
  return ip < 0 ? NO_ADDRESS : ip * 65536 + port;
}

function ipOf(mapped: number): number {
  return Math.floor(mapped / 65536);
}

function portOf(mapped: number): number {
  return mapped % 65536;
}
