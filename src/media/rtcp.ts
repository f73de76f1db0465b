/**
 * RTCP (RFC 3550 §6): sender and receiver reports, SDES with CNAME and BYE, written and read as compound packets, and
 * the two sums that belong to them: when the next report goes, and the round trip. One remote source, so one report
 * block at most goes out; of the blocks that come, the one about us is kept. Other packet types (APP, XR, feedback) are
 * stepped over. Not here: reduced-size RTCP (RFC 5506).
 */
import { copyOctets } from "../core/octets.js";
import { fraction, type RandomSource } from "../core/random.js";
import { read16, read32, write16, write32 } from "./rtp.js";

const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const CNAME = 1;
const BLOCK = 24;

/** Octets of the longest compound packet that goes out: SR with one block, SDES with a CNAME of 16 octets, BYE. */
export const RTCP_ROOM = 28 + BLOCK + 28 + 8;

/** The results of `RtcpView.read`. */
export const RTCP_OK = 0;
export const RTCP_SHORT = 1;
export const RTCP_VERSION = 2;
/** The first packet of the compound is no report, or is padded. RFC 3550 A.2 */
export const RTCP_NO_REPORT = 3;
/** Lengths or counts do not fit the octets there are. */
export const RTCP_EXTENT = 4;

/** The least time between two reports. RFC 3550 §6.2 */
const INTERVAL_MS = 5000;

/**
 * Time to the next report: 5 s (the first time half of it) spread over 0.5 to 1.5. RFC 3550 §6.2, §6.3.1. The bandwidth
 * of two members never asks for more, and because they stay two there is no timer reconsideration and no compensation
 * for it.
 * @returns whole ms
 */
export function rtcpIntervalMs(random: RandomSource, first: boolean): number {
  const meanMs = first ? INTERVAL_MS / 2 : INTERVAL_MS;
  return Math.floor(meanMs * (0.5 + fraction(random)));
}

/**
 * @returns a time in ms as the middle 32 bits of an NTP timestamp (1/65,536 s), as a signed integer. RFC 3550 §6.4.1
 */
export function ntpMiddle(timeMs: number): number {
  return (Math.floor(timeMs / 1000) << 16) | Math.floor(((timeMs % 1000) * 65536) / 1000);
}

/**
 * The round trip, computed from a report block. RFC 3550 §6.4.1, figure 2
 * @param nowMiddle @param lastReport @param delay 1/65,536 s, 32 bits
 * @returns ms, or -1 if the block tells nothing (no report of ours had come) or an impossible time (negative, over a
 * minute)
 */
export function roundTripMs(nowMiddle: number, lastReport: number, delay: number): number {
  if (lastReport === 0) return -1;
  const trip = (nowMiddle - lastReport - delay) | 0;
  // The two clocks tick in steps, so a time one step below 0 counts as 0.
  if (trip < 0) return trip > -656 ? 0 : -1;
  return trip > 60 * 65536 ? -1 : Math.round((trip * 1000) / 65536);
}

/**
 * Begins a sender report with room for `blocks` (0 or 1) report blocks behind it. Every number is 32 bits. @returns the
 * offset behind it
 */
export function writeSenderReport(
  out: Uint8Array,
  at: number,
  blocks: number,
  ssrc: number,
  timeMs: number,
  timestamp: number,
  packets: number,
  octets: number,
): number {
  writeHeader(out, at, blocks, SR, 28 + blocks * BLOCK);
  write32(out, at + 4, ssrc);
  // The time is that since start, as RFC 3550 §6.4.1 allows: a door may not know the time of day.
  const middle = ntpMiddle(timeMs);
  write32(out, at + 8, Math.floor(timeMs / 1000));
  write32(out, at + 12, middle << 16);
  write32(out, at + 16, timestamp);
  write32(out, at + 20, packets);
  write32(out, at + 24, octets);
  return at + 28;
}

/** Begins a receiver report with room for `blocks` (0 or 1) report blocks behind it. @returns the offset behind it */
export function writeReceiverReport(out: Uint8Array, at: number, blocks: number, ssrc: number): number {
  writeHeader(out, at, blocks, RR, 8 + blocks * BLOCK);
  write32(out, at + 4, ssrc);
  return at + 8;
}

/**
 * @param fractionLost in 1/256 @param cumulativeLost 24 bits signed @param jitter in ticks @returns the offset behind
 * it
 */
export function writeReportBlock(
  out: Uint8Array,
  at: number,
  ssrc: number,
  fractionLost: number,
  cumulativeLost: number,
  highest: number,
  jitter: number,
  lastReport: number,
  delay: number,
): number {
  write32(out, at, ssrc);
  write32(out, at + 4, cumulativeLost & 0xffffff);
  out[at + 4] = fractionLost;
  write32(out, at + 8, highest);
  write32(out, at + 12, jitter);
  write32(out, at + 16, lastReport);
  write32(out, at + 20, delay);
  return at + BLOCK;
}

/**
 * Writes SDES with the one item that must be there. @param cname up to 16 octets fit RTCP_ROOM @returns the offset
 * behind it
 */
export function writeCname(out: Uint8Array, at: number, ssrc: number, cname: Uint8Array): number {
  // Item header and text come first, then at least one octet 0 up to a multiple of four.
  const end = at + 8 + ((2 + cname.length + 4) & ~3);
  writeHeader(out, at, 1, SDES, end - at);
  write32(out, at + 4, ssrc);
  out.fill(0, at + 8, end);
  out[at + 8] = CNAME;
  out[at + 9] = cname.length;
  copyOctets(out, at + 10, cname, 0, cname.length);
  return end;
}

/** @returns the offset behind it */
export function writeBye(out: Uint8Array, at: number, ssrc: number): number {
  writeHeader(out, at, 1, BYE, 8);
  write32(out, at + 4, ssrc);
  return at + 8;
}

function writeHeader(out: Uint8Array, at: number, count: number, type: number, size: number): void {
  out[at] = 0x80 | count;
  out[at + 1] = type;
  write16(out, at + 2, size / 4 - 1);
}

/**
 * A view of a compound packet that came. 32-bit values are signed integers; the CNAME stays in the octets that were
 * read.
 */
export class RtcpView {
  /** The source that sent the report. */
  ssrc = 0;
  isSenderReport = false;
  /** Middle 32 bits of the sender's NTP timestamp; they go back to it as LSR. */
  ntpMiddle = 0;
  timestamp = 0;
  /** Whether there was a block about us, and its values. */
  reported = false;
  fractionLost = 0;
  cumulativeLost = 0;
  highest = 0;
  jitter = 0;
  lastReport = 0;
  delay = 0;
  bye = false;
  /** The sender's CNAME is `bytes[cnameStart, cnameEnd)`; empty if there was none. */
  cnameStart = 0;
  cnameEnd = 0;

  /**
   * Reads a datagram `bytes[0, length)`; nothing of it is kept. RFC 3550 A.2
   * @param ownSsrc the source whose report block is looked for
   * @returns RTCP_OK, or why the whole datagram is refused (then the fields mean nothing)
   */
  read(bytes: Uint8Array, length: number, ownSsrc: number): number {
    this.reported = false;
    this.bye = false;
    this.isSenderReport = false;
    this.cnameStart = this.cnameEnd = 0;
    if (length < 8 || length > bytes.length) return RTCP_SHORT;
    for (let at = 0; at < length; ) {
      if (at + 4 > length) return RTCP_EXTENT;
      const first = bytes[at];
      if (first >> 6 !== 2) return RTCP_VERSION;
      const type = bytes[at + 1];
      if (at === 0 && ((type !== SR && type !== RR) || (first & 0x20) !== 0)) return RTCP_NO_REPORT;
      const next = at + 4 + read16(bytes, at + 2) * 4;
      if (next > length) return RTCP_EXTENT;
      let end = next;
      if ((first & 0x20) !== 0) {
        // Only the last packet of a compound may be padded.
        const padding = bytes[next - 1];
        if (next !== length || padding === 0 || at + 4 + padding > next) return RTCP_EXTENT;
        end -= padding;
      }
      const count = first & 31;
      const good =
        type === SR || type === RR
          ? this.report(bytes, at, end, type, count, ownSsrc)
          : type === SDES
            ? this.description(bytes, at + 4, end, count)
            : type === BYE
              ? this.goodbye(bytes, at + 4, end, count)
              : true;
      if (!good) return RTCP_EXTENT;
      at = next;
    }
    return RTCP_OK;
  }

  private report(bytes: Uint8Array, start: number, end: number, type: number, count: number, ownSsrc: number): boolean {
    let at = start + (type === SR ? 28 : 8);
    if (at + count * BLOCK > end) return false;
    if (start === 0) {
      this.ssrc = read32(bytes, 4);
      this.isSenderReport = type === SR;
      if (type === SR) {
        this.ntpMiddle = read32(bytes, 10);
        this.timestamp = read32(bytes, 16);
      }
    }
    for (let left = count; left > 0; left--, at += BLOCK) {
      if (read32(bytes, at) !== ownSsrc) continue;
      this.reported = true;
      this.fractionLost = bytes[at + 4];
      this.cumulativeLost = (read32(bytes, at + 4) << 8) >> 8;
      this.highest = read32(bytes, at + 8);
      this.jitter = read32(bytes, at + 12);
      this.lastReport = read32(bytes, at + 16);
      this.delay = read32(bytes, at + 20);
    }
    return true;
  }

  private description(bytes: Uint8Array, start: number, end: number, count: number): boolean {
    let at = start;
    for (let left = count; left > 0; left--) {
      if (at + 4 > end) return false;
      const own = read32(bytes, at) === this.ssrc;
      at += 4;
      while (at < end && bytes[at] !== 0) {
        const item = at + 2;
        if (item > end || item + bytes[at + 1] > end) return false;
        if (own && bytes[at] === CNAME) {
          this.cnameStart = item;
          this.cnameEnd = item + bytes[at + 1];
        }
        at = item + bytes[at + 1];
      }
      if (at >= end) return false;
      at = start + ((at + 4 - start) & ~3);
    }
    return at <= end;
  }

  private goodbye(bytes: Uint8Array, start: number, end: number, count: number): boolean {
    if (start + count * 4 > end) return false;
    for (let i = 0; i < count; i++) if (read32(bytes, start + i * 4) === this.ssrc) this.bye = true;
    return true;
  }
}
