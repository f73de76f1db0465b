/**
 * The other end's address for RTP or RTCP: who may be heard, and where to send. What comes from the negotiated address is always
 * heard. A phone behind NAT sends from another: that is latched once, with the first packet that is valid, and never after anything came
 * from the negotiated address or from a latched one; so a stranger cannot take a call over. RFC 4961 (symmetric RTP), RFC 7362.
 */

/** Nothing came yet. */
const OPEN = 0;
/** Heard from another address than the negotiated, and sent to there. */
const LATCHED = 1;
/** Heard from the negotiated address. */
const SETTLED = 2;

export class Remote {
  /** Where to send; 0: nowhere. IPv4 as 32 bits unsigned. */
  ip = 0;
  port = 0;
  private agreedIp = 0;
  private agreedPort = 0;
  private state = OPEN;

  /** A new call: nowhere, and nothing came. */
  reset(): void {
    this.agreedIp = -1;
    this.agree(0, 0);
  }

  /** Negotiation gave this address; the same as before changes nothing. @returns whether it is another */
  agree(ip: number, port: number): boolean {
    if (ip === this.agreedIp && port === this.agreedPort) return false;
    this.ip = ip;
    this.port = port;
    this.agreedIp = ip;
    this.agreedPort = port;
    this.state = OPEN;
    return true;
  }

  /** @returns whether there is somewhere to send to */
  known(): boolean {
    return this.ip !== 0 && this.port !== 0;
  }

  /** @param any whether an address with another IP may be latched too @returns whether a packet from there may be looked at */
  allows(ip: number, port: number, any: boolean): boolean {
    if (ip === this.agreedIp && port === this.agreedPort) return true;
    if (this.state === OPEN) return any || ip === this.agreedIp;
    return this.state === LATCHED && ip === this.ip && port === this.port;
  }

  /** A packet from an allowed address proved valid. */
  heard(ip: number, port: number): void {
    if (this.state === SETTLED) return;
    if (ip === this.agreedIp && port === this.agreedPort) {
      this.ip = this.agreedIp;
      this.port = this.agreedPort;
      this.state = SETTLED;
    } else if (this.state === OPEN) {
      this.ip = ip;
      this.port = port;
      this.state = LATCHED;
    }
  }
}
