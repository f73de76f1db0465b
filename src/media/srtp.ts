/**
 * SRTP and SRTCP of one stream (RFC 3711): the indexes of packets, replay, and the master keys of both directions. Each
 * packet is sealed and opened in place. A source that comes under their key has a rollover counter and a window of its
 * own; four are known at a time.
 * Not here: the cryptography (packetcipher.ts), how keys are agreed (dialog/negotiation.ts). Not spoken: key derivation
 * rates, MKI, and packets that are only authenticated.
 */
import { int32Array, octetArray } from "../core/arrays.js";
import { bigEndianAt } from "../core/bytes.js";
import { areSame } from "../core/octets.js";
import { MASTER_MOST, masterBytesOf, type Protection, SUITE_NONE, tagBytesOf } from "../core/suites.js";
import { ENCRYPTED, LABEL_RTCP, LABEL_RTP, PacketCipher } from "./packetcipher.js";
import { RTP_HEADER } from "./rtp.js";

/** Stands in place of a length: the packet is too short or its header goes past the end. */
export const SRTP_MALFORMED = -1;
/**
 * The tag is not right, or the packet is not encrypted: its sender does not have the key, or it was changed on its way.
 */
export const SRTP_FORGED = -2;
/** A packet with this index came before, or it is too old to tell. */
export const SRTP_REPLAYED = -3;

/** Octets of an RTCP packet's header, which is not encrypted. RFC 3711 §3.4 */
const RTCP_CLEAR = 8;
const RTCP_WORD = 4;
/** Packets so far behind the newest are told from replays. RFC 3711 §3.3.2 */
const WINDOW = 64;

const SOURCES = 4;
// One row is one source, in words of 32 bits.
const FIELD = {
  ssrc: 0,
  /**
   * The rollover counter and sequence number of the newest packet, and which of the 64 up to it came: bit 0 of `newest`
   * is the newest itself.
   */
  rollover: 1,
  sequence: 2,
  newest: 3,
  older: 4,
  /** The same for SRTCP. */
  rtcpIndex: 5,
  rtcpNewest: 6,
  rtcpOlder: 7,
  /** HAS_RTP, HAS_RTCP; 0: the row is free. */
  has: 8,
  /** Rises with each use, so that the source that was heard least lately gives way. */
  used: 9,
} as const;
const ROW = 10;
const HAS_RTP = 1;
const HAS_RTCP = 2;

export class Srtp {
  /** SUITE_*; NONE while packets go and come in clear. */
  suite = SUITE_NONE;
  /** Number of packets whose tag was not right, and of those that came before. */
  forged = 0;
  replayed = 0;
  private readonly rtpOut = new PacketCipher();
  private readonly rtcpOut = new PacketCipher();
  private readonly rtpIn = new PacketCipher();
  private readonly rtcpIn = new PacketCipher();
  /** Keeps the master keys in force, so that the same ones again change nothing. */
  private readonly ours = octetArray(MASTER_MOST);
  private readonly theirs = octetArray(MASTER_MOST);
  private readonly sources = int32Array(SOURCES * ROW);
  private uses = 0;
  /** The indexes of the packets that we send. */
  private rollover = 0;
  private sequence = 0;
  private rtcpIndex = 0;

  /**
   * Takes what was agreed, at first or anew. Indexes go on while the key of their direction stays.
   * With SUITE_NONE packets go in clear from here on. The keys are copied.
   */
  configure(agreed: Protection): void {
    const { suite, ourKey: ours, theirKey: theirs } = agreed;
    const isOther = suite !== this.suite;
    this.suite = suite;
    if (suite === SUITE_NONE) {
      if (isOther) this.wipe();
      return;
    }
    const size = masterBytesOf(suite);
    if (isOther || !areSame(this.ours, 0, ours, 0, size)) {
      this.ours.fill(0);
      for (let i = 0; i < size; i++) this.ours[i] = ours[i];
      this.rtpOut.derive(suite, ours, 0, LABEL_RTP);
      this.rtcpOut.derive(suite, ours, 0, LABEL_RTCP);
      this.rollover = 0;
      this.sequence = 0;
      this.rtcpIndex = 0;
    }
    if (isOther || !areSame(this.theirs, 0, theirs, 0, size)) {
      this.theirs.fill(0);
      for (let i = 0; i < size; i++) this.theirs[i] = theirs[i];
      this.rtpIn.derive(suite, theirs, 0, LABEL_RTP);
      this.rtcpIn.derive(suite, theirs, 0, LABEL_RTCP);
      this.sources.fill(0);
      this.uses = 0;
    }
  }

  /** Returns whether packets are sealed. */
  get isOn(): boolean {
    return this.suite !== SUITE_NONE;
  }

  /** Begins a new call: nothing is agreed yet, and the keys of the one before are forgotten. */
  reset(): void {
    this.suite = SUITE_NONE;
    this.forged = 0;
    this.replayed = 0;
    this.wipe();
  }

  /**
   * Seals `bytes[0, end)`, an RTP packet of ours without CSRC list and extension. Sequence numbers rise by one.
   * There is to be room for SEALED_MORE octets. @returns the packet's new end
   */
  sealRtp(bytes: Uint8Array, end: number): number {
    const sequence = (bytes[2] << 8) | bytes[3];
    if (sequence < this.sequence) this.rollover = (this.rollover + 1) | 0;
    this.sequence = sequence;
    return this.rtpOut.seal(bytes, RTP_HEADER, end, this.rollover);
  }

  /** Seals `bytes[0, end)`, a compound RTCP packet of ours. @returns the packet's new end */
  sealRtcp(bytes: Uint8Array, end: number): number {
    this.rtcpIndex = (this.rtcpIndex + 1) & ~ENCRYPTED;
    return this.rtcpOut.seal(bytes, RTCP_CLEAR, end, this.rtcpIndex);
  }

  /**
   * Opens `bytes[0, length)` in place, a datagram on the RTP port.
   * @returns the length of the RTP packet, or SRTP_*: then nothing was changed
   */
  openRtp(bytes: Uint8Array, length: number): number {
    const end = length - tagBytesOf(this.suite, false);
    const clearEnd = end < RTP_HEADER ? -1 : headerEnd(bytes);
    if (clearEnd < 0 || clearEnd > end) return SRTP_MALFORMED;
    const { sources } = this;
    const ssrc = bigEndianAt(bytes, 8);
    const sequence = (bytes[2] << 8) | bytes[3];
    let row = this.find(ssrc);
    if (row < 0 || (sources[row + FIELD.has] & HAS_RTP) === 0) {
      let rollover = 0;
      if (!this.rtpIn.open(bytes, clearEnd, end, 0)) {
        // The packets before it may be lost, and the counter of a number that was high have turned.
        rollover = 1;
        if (sequence >= 0x8000 || !this.rtpIn.open(bytes, clearEnd, end, 1)) return this.forge();
      }
      if (row < 0) row = this.place(ssrc);
      sources[row + FIELD.has] |= HAS_RTP;
      sources[row + FIELD.rollover] = rollover;
      sources[row + FIELD.sequence] = sequence;
      sources[row + FIELD.newest] = 1;
      sources[row + FIELD.older] = 0;
      return end;
    }
    // RFC 3711 appendix A
    const last = sources[row + FIELD.sequence];
    const lastRollover = sources[row + FIELD.rollover];
    let rollover = lastRollover;
    if (last < 0x8000) {
      if (sequence - last > 0x8000) rollover -= 1;
    } else if (last - 0x8000 > sequence) rollover += 1;
    if (rollover < 0) return this.replay();
    // `behind` is the distance from the newest packet; it is negative for a newer one.
    const behind = last - sequence + (lastRollover - rollover) * 0x10000;
    if (behind >= 0 && this.came(row + FIELD.newest, behind)) return this.replay();
    if (!this.rtpIn.open(bytes, clearEnd, end, rollover)) return this.forge();
    this.mark(row + FIELD.newest, behind);
    this.touch(row);
    if (behind < 0) {
      sources[row + FIELD.rollover] = rollover;
      sources[row + FIELD.sequence] = sequence;
    }
    return end;
  }

  /**
   * Opens `bytes[0, length)` in place, a datagram on the RTCP port.
   * @returns the length of the RTCP packet, or SRTP_*
   */
  openRtcp(bytes: Uint8Array, length: number): number {
    const size = tagBytesOf(this.suite, true);
    const end = length - size - RTCP_WORD;
    if (end < RTCP_CLEAR) return SRTP_MALFORMED;
    const word = this.rtcpIn.isWordLast ? bigEndianAt(bytes, end + size) : bigEndianAt(bytes, end);
    if ((word & ENCRYPTED) === 0) return this.forge();
    const index = word & ~ENCRYPTED;
    const { sources } = this;
    const ssrc = bigEndianAt(bytes, 4);
    let row = this.find(ssrc);
    if (row < 0 || (sources[row + FIELD.has] & HAS_RTCP) === 0) {
      if (!this.rtcpIn.open(bytes, RTCP_CLEAR, end, index)) return this.forge();
      if (row < 0) row = this.place(ssrc);
      sources[row + FIELD.has] |= HAS_RTCP;
      sources[row + FIELD.rtcpIndex] = index;
      sources[row + FIELD.rtcpNewest] = 1;
      sources[row + FIELD.rtcpOlder] = 0;
      return end;
    }
    const behind = sources[row + FIELD.rtcpIndex] - index;
    if (behind >= 0 && this.came(row + FIELD.rtcpNewest, behind)) return this.replay();
    if (!this.rtcpIn.open(bytes, RTCP_CLEAR, end, index)) return this.forge();
    this.mark(row + FIELD.rtcpNewest, behind);
    this.touch(row);
    if (behind < 0) sources[row + FIELD.rtcpIndex] = index;
    return end;
  }

  private wipe(): void {
    this.rtpOut.wipe();
    this.rtcpOut.wipe();
    this.rtpIn.wipe();
    this.rtcpIn.wipe();
    this.ours.fill(0);
    this.theirs.fill(0);
    this.sources.fill(0);
    this.uses = 0;
  }

  private forge(): number {
    this.forged += 1;
    return SRTP_FORGED;
  }

  private replay(): number {
    this.replayed += 1;
    return SRTP_REPLAYED;
  }

  /** @returns the row of a source, -1 if it is not known */
  private find(ssrc: number): number {
    for (let row = 0; row < SOURCES * ROW; row += ROW) {
      if (this.sources[row + FIELD.has] !== 0 && this.sources[row + FIELD.ssrc] === ssrc) return row;
    }
    return -1;
  }

  /** @returns a row for a new source: a free one, else that of the source heard least lately */
  private place(ssrc: number): number {
    const { sources } = this;
    let row = 0;
    for (let other = ROW; other < SOURCES * ROW; other += ROW) {
      if (sources[other + FIELD.used] < sources[row + FIELD.used]) row = other;
    }
    sources.fill(0, row, row + ROW);
    sources[row + FIELD.ssrc] = ssrc;
    this.touch(row);
    return row;
  }

  private touch(row: number): void {
    this.uses += 1;
    this.sources[row + FIELD.used] = this.uses;
  }

  /** @param bitsAt index of its two words @returns whether that packet came before, or is too old to tell */
  private came(bitsAt: number, behind: number): boolean {
    if (behind >= WINDOW) return true;
    return ((this.sources[bitsAt + (behind >> 5)] >>> (behind & 31)) & 1) !== 0;
  }

  /** Notes a packet in a window, which moves when the packet is newer than all. */
  private mark(bitsAt: number, behind: number): void {
    const { sources } = this;
    if (behind >= 0) {
      sources[bitsAt + (behind >> 5)] |= 1 << (behind & 31);
      return;
    }
    const by = -behind;
    if (by >= WINDOW) sources[bitsAt] = sources[bitsAt + 1] = 0;
    else if (by >= 32) {
      sources[bitsAt + 1] = by === 32 ? sources[bitsAt] : sources[bitsAt] << (by - 32);
      sources[bitsAt] = 0;
    } else {
      sources[bitsAt + 1] = (sources[bitsAt + 1] << by) | (sources[bitsAt] >>> (32 - by));
      sources[bitsAt] <<= by;
    }
    sources[bitsAt] |= 1;
  }
}

/** @returns the start of the payload, which may be past the end. RFC 3550 §5.1, §5.3.1 */
function headerEnd(bytes: Uint8Array): number {
  const end = RTP_HEADER + (bytes[0] & 15) * 4;
  return (bytes[0] & 0x10) === 0 ? end : end + 4 + ((bytes[end + 2] << 8) | bytes[end + 3]) * 4;
}
