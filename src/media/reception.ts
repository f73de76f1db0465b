/**
 * What one receiver knows of the source it hears: which packets are in order (RFC 3550 A.1), how many were lost (A.3)
 * and the interarrival jitter (A.8). It follows one source at a time: another is taken once two of its packets follow
 * each other, so a stray packet does not change the sound. The totals go on over a change of source. Not here: the
 * sound itself (jitter.ts).
 */

/** The results of `Reception.packet`. */
export const PACKET_REFUSED = 0;
/** The packet is newer than every other. */
export const PACKET_NEWEST = 1;
/** The packet is behind a newer one that came earlier. */
export const PACKET_OLDER = 2;
export const PACKET_DUPLICATE = 3;
/** The packet is the first of a source, or of a new run of sequence numbers of the same source. */
export const PACKET_FIRST = 4;

/** RFC 3550 A.1 */
const MAX_DROPOUT = 3000;
const MAX_MISORDER = 100;
/** The value of `badSequence` if there is none. */
const NO_SEQUENCE = -1;
/** If a transit time changes by more than this (400 ms in ticks), the sender's clock jumped; it is no jitter. */
const JUMP = 3200;
/** Ticks of the shortest packet, and the gap in sequence numbers from which the timestamps are compared too. */
const SHORTEST_PACKET = 40;
const FEW_PACKETS = 8;

export class Reception {
  /** Whether a source is known; until then `ssrc` means nothing. */
  known = false;
  /** 32 bits, as a signed integer. */
  ssrc = 0;
  /**
   * Counts of the whole call: packets taken (duplicates too), duplicates among them, and packets refused for their
   * sequence number.
   */
  packets = 0;
  duplicates = 0;
  refused = 0;
  private maxSequence = 0;
  private cycles = 0;
  private baseSequence = 0;
  private badSequence = NO_SEQUENCE;
  /** The timestamp of the newest packet. */
  private timestamp = 0;
  private received = 0;
  private sourceDuplicates = 0;
  private lostBefore = 0;
  private expectedPrior = 0;
  private receivedPrior = 0;
  /** Bit k tells whether the packet k before the newest came. */
  private seen = 0;
  /** Another source that sent one packet, and the sequence number its next packet must have. */
  private candidate = 0;
  private candidateSequence = NO_SEQUENCE;
  private timed = false;
  private transit = 0;
  /** Sixteen times the jitter, in timestamp ticks. */
  private jitter16 = 0;

  /** Forgets everything, for a new call. */
  reset(): void {
    this.known = false;
    this.begin(0, 0, 0);
    this.packets = 0;
    this.duplicates = 0;
    this.refused = 0;
    this.lostBefore = 0;
  }

  /**
   * Takes a packet's source, sequence number and timestamp (32 bits, as signed integers). RFC 3550 A.1 @returns one of
   * PACKET_…
   */
  packet(ssrc: number, sequence: number, timestamp: number): number {
    if (!this.known || ssrc !== this.ssrc) return this.otherSource(ssrc, sequence, timestamp);
    const ahead = (sequence - this.maxSequence) & 0xffff;
    if (ahead === 0) return this.duplicate();
    if (ahead < MAX_DROPOUT) {
      if (ahead > FEW_PACKETS) this.passOver(ahead - 1, timestamp);
      this.timestamp = timestamp;
      if (sequence < this.maxSequence) this.cycles = (this.cycles + 0x10000) | 0;
      this.maxSequence = sequence;
      this.seen = ahead > 31 ? 1 : (this.seen << ahead) | 1;
      this.count();
      return PACKET_NEWEST;
    }
    const behind = 0x10000 - ahead;
    if (behind > MAX_MISORDER) {
      // A jump in sequence numbers is believed if the next packet follows it.
      if (sequence === this.badSequence) return this.begin(ssrc, sequence, timestamp);
      this.badSequence = (sequence + 1) & 0xffff;
      this.refused += 1;
      return PACKET_REFUSED;
    }
    if (behind < 32) {
      if ((this.seen >> behind) & 1) return this.duplicate();
      this.seen |= 1 << behind;
    }
    this.count();
    return PACKET_OLDER;
  }

  /**
   * Compares a sound packet's timestamp with its arrival, for the jitter. RFC 3550 A.8. Both wrap at 2^32, and so does
   * their difference, so nothing grows with the length of the call.
   * @param arrival now in timestamp ticks, as a signed 32-bit integer
   */
  timing(arrival: number, timestamp: number): void {
    const transit = (arrival - timestamp) | 0;
    let change = (transit - this.transit) | 0;
    this.transit = transit;
    if (!this.timed) {
      this.timed = true;
      return;
    }
    if (change < 0) change = -change;
    if (change > JUMP || change < 0) return;
    this.jitter16 += change - ((this.jitter16 + 8) >> 4);
  }

  /** @returns interarrival jitter in timestamp ticks */
  jitter(): number {
    return this.jitter16 >> 4;
  }

  /** @returns highest sequence number with the count of its cycles above, 32 bits as a signed integer */
  highest(): number {
    return (this.cycles + this.maxSequence) | 0;
  }

  /** @returns packets of the whole call that never came, as far as is known now */
  lost(): number {
    const missing = this.known ? this.expected() - (this.received - this.sourceDuplicates) : 0;
    return this.lostBefore + Math.max(missing, 0);
  }

  /** @returns packets lost of this source for a report; duplicates count as received; 24 bits signed. RFC 3550 A.3 */
  cumulativeLost(): number {
    const lost = this.expected() - this.received;
    return Math.max(Math.min(lost, 0x7fffff), -0x800000);
  }

  /**
   * Returns the share lost since the last call of this function, in 1/256. RFC 3550 A.3. It is called once a report.
   */
  takeFractionLost(): number {
    const expected = this.expected();
    const expectedNow = expected - this.expectedPrior;
    const lostNow = expectedNow - (this.received - this.receivedPrior);
    this.expectedPrior = expected;
    this.receivedPrior = this.received;
    if (expectedNow <= 0 || lostNow <= 0) return 0;
    const fraction = Math.floor((lostNow * 256) / expectedNow);
    return Math.min(fraction, 255);
  }

  private expected(): number {
    return ((this.cycles + this.maxSequence - this.baseSequence) | 0) + 1;
  }

  private otherSource(ssrc: number, sequence: number, timestamp: number): number {
    const follows = this.candidateSequence === sequence && this.candidate === ssrc;
    if (this.known && !follows) {
      this.candidate = ssrc;
      this.candidateSequence = (sequence + 1) & 0xffff;
      this.refused += 1;
      return PACKET_REFUSED;
    }
    this.begin(ssrc, sequence, timestamp);
    this.known = true;
    return PACKET_FIRST;
  }

  /**
   * Sequence numbers that were skipped while no time passed were never sent: the sender counts on from another number.
   */
  private passOver(count: number, timestamp: number): void {
    const later = (timestamp - this.timestamp) | 0;
    if (later >= 0 && later < count * SHORTEST_PACKET) this.baseSequence += count;
  }

  private begin(ssrc: number, sequence: number, timestamp: number): number {
    this.timestamp = timestamp;
    this.lostBefore = this.lost();
    this.ssrc = ssrc;
    this.maxSequence = sequence;
    this.baseSequence = sequence;
    this.cycles = 0;
    this.badSequence = NO_SEQUENCE;
    this.candidateSequence = NO_SEQUENCE;
    this.received = 0;
    this.sourceDuplicates = 0;
    this.expectedPrior = 0;
    this.receivedPrior = 0;
    this.seen = 1;
    this.timed = false;
    this.transit = 0;
    this.jitter16 = 0;
    this.count();
    return PACKET_FIRST;
  }

  private duplicate(): number {
    this.duplicates += 1;
    this.sourceDuplicates += 1;
    this.count();
    return PACKET_DUPLICATE;
  }

  private count(): void {
    this.received += 1;
    this.packets += 1;
  }
}
