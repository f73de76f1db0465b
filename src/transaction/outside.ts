/**
 * Our addresses as they are seen from outside of our network, behind a router that translates addresses (NAT): a fixed
 * one in the settings, the one that our server saw (RFC 3581), and those that a STUN server saw (RFC 8489). The object
 * is made when the first one is known or needed; a second account has an object of its own for what its server saw.
 *
 * A peer at a public address gets these addresses. A peer at a private address reaches our own address without the
 * router, unless it is the server that saw another one itself.
 * Not here: finding these addresses (ua/registration.ts, ua/addressfinder.ts), and writing them into messages
 * (dialog/owncontact.ts, dialog/negotiation.ts).
 */
import { isHostAddress, isLoopback, isPrivate } from "../core/address.js";
import { TRANSPORT_UDP } from "../wire/names.js";

/** The value for an address that is not known. */
const NO_ADDRESS = -1;

/** Returns whether a peer at `ip` can really see us at that address. @param localIp ours */
export function isCredible(ip: number, localIp: number): boolean {
  return isHostAddress(ip) || (isLoopback(ip) && isLoopback(localIp));
}

export class Outside {
  /** The address that the settings give, under which our own ports are forwarded; -1: none. */
  fixedIp = NO_ADDRESS;
  /** The address at which our server sees us, and the port by UDP and by TCP; 0: not known. */
  private seenIp = NO_ADDRESS;
  private seenUdpPort = 0;
  private seenTcpPort = 0;
  /** The server that saw this address. */
  private seerIp = NO_ADDRESS;
  /** The address and port at which a STUN server sees our SIP port, in one number. */
  private sip = NO_ADDRESS;
  /** The same for our RTP ports; each value follows the RTP port that it is for. */
  private readonly sounds: number[] = [];

  /** Forgets all learnt addresses, because our own address changed. */
  forget(): void {
    this.forgetSeen();
    this.sip = NO_ADDRESS;
    this.sounds.length = 0;
  }

  /** Forgets the address that the server saw, because the server is no longer ours or may see another one by now. */
  forgetSeen(): void {
    this.seenIp = this.seerIp = NO_ADDRESS;
    this.seenUdpPort = this.seenTcpPort = 0;
  }

  /** Notes the address at which the server sees us. @param ip -1: our own @returns whether this is new */
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

  /** Returns whether a STUN server sees our SIP port at another address or port than our own. */
  get isMapped(): boolean {
    return this.sip >= 0;
  }

  /** Notes the address at which a STUN server sees our SIP port. @param ip -1: our own @returns whether this is new */
  noteMapped(ip: number, port: number): boolean {
    const before = this.sip;
    this.sip = joined(ip, port);
    return this.sip !== before;
  }

  /** Does the same as `noteMapped` for an RTP port. @param own that port */
  noteMappedSound(own: number, ip: number, port: number): boolean {
    const { sounds } = this;
    let at = 0;
    while (at < sounds.length && sounds[at] !== own) at += 2;
    if (at === sounds.length) sounds.push(own, NO_ADDRESS);
    const before = sounds[at + 1];
    sounds[at + 1] = joined(ip, port);
    return sounds[at + 1] !== before;
  }

  /**
   * Returns whether our server sees us at another address than our own. Then a router is in between, which forgets a
   * port that is silent.
   */
  get isSeenElsewhere(): boolean {
    return this.seenIp >= 0;
  }

  /**
   * Returns whether the router uses another port for each destination. Then the STUN server and our server see
   * different ports, and the port for any other peer cannot be known.
   */
  get isSymmetric(): boolean {
    return (
      this.sip >= 0 && this.seenUdpPort > 0 && ipOf(this.sip) === this.seenIp && portOf(this.sip) !== this.seenUdpPort
    );
  }

  /** Returns whether `peerIp` is our server, and sees us at another address than our own. */
  isSeenBy(peerIp: number): boolean {
    return this.seenIp >= 0 && peerIp === this.seerIp;
  }

  /** Returns whether a peer at `peerIp` gets another address than our own. @param peerIp -1: it is not known yet */
  isFor(peerIp: number): boolean {
    if (this.fixedIp < 0 && this.isSeenBy(peerIp)) return true;
    if (peerIp >= 0 && (isPrivate(peerIp) || isLoopback(peerIp))) return false;
    return this.fixedIp >= 0 || this.seenIp >= 0 || this.sip >= 0;
  }

  /** Returns the address for signalling. Call this only if `isFor`. */
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

  /** @param own our own RTP port @returns the address at which its sound is received. Call this only if `isFor` */
  soundIp(own: number): number {
    const mapped = this.mappedAt(own);
    return mapped >= 0 ? ipOf(mapped) : this.signallingIp;
  }

  /** @param own our own RTP port @returns the port at which its sound is received */
  soundPort(own: number): number {
    const mapped = this.mappedAt(own);
    return mapped >= 0 ? portOf(mapped) : own;
  }

  /** Returns the address at which a STUN server saw that RTP port, if it is valid for other peers. */
  private mappedAt(own: number): number {
    const { sounds } = this;
    if (this.fixedIp >= 0 || this.isSymmetric) return NO_ADDRESS;
    for (let at = 0; at < sounds.length; at += 2) if (sounds[at] === own) return sounds[at + 1];
    return NO_ADDRESS;
  }

  /** Returns whether a URI with that address and port means us, as others see us. */
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
