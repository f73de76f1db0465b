/**
 * The other end's address for RTP or RTCP: whose packets are heard, and where packets are sent to. Packets from the
 * negotiated address are always heard.
 *
 *     OPEN ── heard from the negotiated address ──────────────▶ SETTLED
 *     OPEN ── heard from another port of that IP address ─────▶ LATCHED   (a phone behind NAT, RFC 4961)
 *     any ─── nothing for a while, and one steady stream ─────▶ LATCHED   (VPN, a phone with two interfaces)
 *     LATCHED ── heard from the negotiated address ───────────▶ SETTLED
 *
 * A stranger that sends beside a live stream is not heard: another stream is followed only if the one before is silent,
 * and only if no third one sends at the same time. RFC 7362. Not here: whether the call may move at all (stream.ts).
 */

/** Nothing came yet. */
const OPEN = 0;
/** Packets came from another address than the negotiated one, and are sent to there. */
const LATCHED = 1;
/** Packets came from the negotiated address. */
const SETTLED = 2;

/** The negotiated address is given up for another after so long without a packet, a latched address later. */
const NEGOTIATED_QUIET_MS = 2000;
const LATCHED_QUIET_MS = 5000;
/** A stream is steady after so many packets of one source in order, over no less than this time. */
const STEADY_PACKETS = 10;
const STEADY_MS = 100;
/** Packets that may be missing between two of them. */
const MISSING_MOST = 2;
/** Digits from a latched address count after so long: a phone sends sound from the negotiated address before that. */
const PROVED_MS = 1000;

export class Remote {
  /** The address to send to; 0 for none. IPv4 as 32 bits unsigned. */
  ip = 0;
  port = 0;
  /** Only the negotiated address is heard. */
  isStrict = false;
  private agreedIp = 0;
  private agreedPort = 0;
  private state = OPEN;
  /** The time when the present address was agreed on or heard last: the low 32 bits of the clock, signed. */
  private heardMs = 0;
  /** The time when the latched address was latched, likewise. */
  private latchedMs = 0;
  /** The other stream that may be followed. */
  private otherIp = 0;
  private otherPort = 0;
  private otherSsrc = 0;
  private otherSequence = 0;
  private otherCount = 0;
  private otherMs = 0;
  /**
   * The other end of the call before this one on the same port, its negotiated address and the one it was heard from:
   * it may still send for a while.
   */
  private leftIp = 0;
  private leftPort = 0;
  private leftAgreedIp = 0;
  private leftAgreedPort = 0;

  /**
   * Starts a new call: no address, and nothing came. @param isNext whether it takes the place of the call before, whose
   * other end is not that of this call
   */
  reset(isNext = false): void {
    this.leftIp = isNext ? this.ip : 0;
    this.leftPort = isNext ? this.port : 0;
    this.leftAgreedIp = isNext ? this.agreedIp : 0;
    this.leftAgreedPort = isNext ? this.agreedPort : 0;
    this.agreedIp = -1;
    this.agree(0, 0, 0);
  }

  /** Takes the negotiated address; the same address as before changes nothing. @returns whether it is another */
  agree(ip: number, port: number, nowMs: number): boolean {
    if (ip === this.agreedIp && port === this.agreedPort) return false;
    this.ip = ip;
    this.port = port;
    this.agreedIp = ip;
    this.agreedPort = port;
    this.state = OPEN;
    this.heardMs = nowMs | 0;
    this.otherCount = 0;
    return true;
  }

  /** @returns whether there is an address to send to */
  known(): boolean {
    return this.ip !== 0 && this.port !== 0;
  }

  /** @returns whether this is the negotiated address */
  isAgreed(ip: number, port: number): boolean {
    return ip === this.agreedIp && port === this.agreedPort;
  }

  /** @returns whether a packet from this address comes from the other end, as far as an address can tell */
  isPeer(ip: number, port: number): boolean {
    return this.isAgreed(ip, port) || (this.state === LATCHED && ip === this.ip && port === this.port);
  }

  /**
   * @param any whether an address with another IP may be latched too @returns whether a packet from there may be looked
   * at
   */
  allows(ip: number, port: number, any = false): boolean {
    // The test of isPeer, inlined because it runs once for each packet.
    if (ip === this.agreedIp && port === this.agreedPort) return true;
    if (this.state === OPEN) return !this.isStrict && (any || ip === this.agreedIp) && !this.isLeft(ip, port);
    return this.state === LATCHED && ip === this.ip && port === this.port;
  }

  /** A packet from an allowed address proved valid. */
  heard(ip: number, port: number, nowMs: number): void {
    this.heardMs = nowMs | 0;
    this.otherCount = 0;
    if (ip === this.agreedIp && port === this.agreedPort) {
      if (this.state === SETTLED) return;
      this.ip = ip;
      this.port = port;
      this.state = SETTLED;
    } else if (this.state === OPEN) {
      this.ip = ip;
      this.port = port;
      this.latch(nowMs);
    }
  }

  /**
   * Returns whether digits from the present address count. An address is latched by a packet that anybody may have sent
   * who shares the other end's IP address, as the callers of one server do who have their sound relayed.
   */
  isProved(nowMs: number): boolean {
    const sinceMs = ((nowMs | 0) - this.latchedMs) | 0;
    return this.state !== LATCHED || sinceMs >= PROVED_MS || sinceMs < 0;
  }

  /** @returns whether another stream may be followed: the present address has been silent for long enough */
  isQuiet(nowMs: number): boolean {
    if (this.isStrict || !this.known()) return false;
    const quietMs = ((nowMs | 0) - this.heardMs) | 0;
    return quietMs >= (this.state === LATCHED ? LATCHED_QUIET_MS : NEGOTIATED_QUIET_MS) || quietMs < 0;
  }

  /**
   * Takes a sound packet of another address while the present one is quiet. @returns whether its stream is followed
   * from now on
   */
  follow(ip: number, port: number, ssrc: number, sequence: number, nowMs: number): boolean {
    if (this.isLeft(ip, port)) return false;
    const isSame = ip === this.otherIp && port === this.otherPort && ssrc === this.otherSsrc;
    const missing = ((sequence - this.otherSequence) & 0xffff) - 1;
    if (this.otherCount === 0 || !isSame || missing < 0 || missing > MISSING_MOST) {
      this.otherIp = ip;
      this.otherPort = port;
      this.otherSsrc = ssrc;
      this.otherCount = 0;
      this.otherMs = nowMs | 0;
    }
    this.otherSequence = sequence;
    this.otherCount += 1;
    if (this.otherCount < STEADY_PACKETS || (((nowMs | 0) - this.otherMs) | 0) < STEADY_MS) return false;
    this.ip = ip;
    this.port = port;
    this.latch(nowMs);
    this.heardMs = nowMs | 0;
    this.otherCount = 0;
    return true;
  }

  private latch(nowMs: number): void {
    this.state = LATCHED;
    this.latchedMs = nowMs | 0;
  }

  private isLeft(ip: number, port: number): boolean {
    return (ip === this.leftIp && port === this.leftPort) || (ip === this.leftAgreedIp && port === this.leftAgreedPort);
  }
}
