/**
 * One stream's side of RTCP (RFC 3550 §6.4): what its reports say, and what the other end's reports said. Not here: the
 * packets' form (rtcp.ts), the time they are sent (stream.ts).
 */
import { octetArray } from "../core/arrays.js";
import { base64Letter } from "../core/base64.js";
import type { RandomSource } from "../core/random.js";
import { SEALED_MORE } from "./packetcipher.js";
import type { Reception } from "./reception.js";
import { Remote } from "./remote.js";
import {
  ntpMiddle,
  RTCP_OK,
  RTCP_ROOM,
  RtcpView,
  roundTripMs,
  rtcpIntervalMs,
  writeBye,
  writeCname,
  writeReceiverReport,
  writeReportBlock,
  writeSenderReport,
} from "./rtcp.js";

const CNAME_LENGTH = 16;
/**
 * After so many reports of one source without a block about us, the other end does not hear us. Its first report cannot
 * have one yet.
 */
const UNHEARD = 2;

export class Reporter {
  readonly remote = new Remote();
  /** The report that `write` wrote, with room to seal it. */
  readonly bytes = octetArray(RTCP_ROOM + SEALED_MORE);
  /** The reports that were sent, that came, and those of them that have a block about us. */
  sent = 0;
  came = 0;
  cameAboutUs = 0;
  /** Reports of the present source, after its first, that neither have a block about us nor are a BYE. */
  private silent = 0;
  private reporterSsrc = 0;
  /** In ms; -1 if not known. */
  roundTripMs = -1;
  /** The share of our packets that the other end lost, by its last report, in 1/256. */
  remoteFractionLost = 0;
  /** The other end sent BYE. It means nothing for the call, because anyone can send one. */
  bye = false;
  private readonly random: RandomSource;
  private readonly reception: Reception;
  private readonly view = new RtcpView();
  private readonly cname = octetArray(CNAME_LENGTH);
  private ssrc = 0;
  private startMs = 0;
  /** The last sender report that came: its source, its NTP timestamp, the time it came. */
  private lastReportSsrc = 0;
  private lastReport = 0;
  private lastReportMs = 0;
  private packetsBefore = 0;
  private sentBefore = 0;

  constructor(random: RandomSource, reception: Reception) {
    this.random = random;
    this.reception = reception;
  }

  /** Starts a new call. Its CNAME is made of 96 random bits. RFC 7022 §4.2 */
  start(nowMs: number, ssrc: number, isNext = false): void {
    for (let i = 0; i < CNAME_LENGTH; i++) this.cname[i] = base64Letter(this.random.uint32() >>> 26);
    this.ssrc = ssrc;
    this.startMs = nowMs;
    this.sent = 0;
    this.came = 0;
    this.cameAboutUs = 0;
    this.silent = 0;
    this.reporterSsrc = 0;
    this.roundTripMs = -1;
    this.remoteFractionLost = 0;
    this.bye = false;
    this.lastReport = 0;
    this.packetsBefore = 0;
    this.sentBefore = 0;
    this.remote.reset(isNext);
  }

  /** @returns ms to the next report */
  intervalMs(): number {
    return rtcpIntervalMs(this.random, this.sent === 0);
  }

  /** @returns whether the other end reports, and never about us */
  unheard(): boolean {
    return this.silent >= UNHEARD && this.cameAboutUs === 0;
  }

  /**
   * Writes a compound packet to `bytes`: a sender report if something was sent since the last one, otherwise a receiver
   * report; a block about the source heard since then; CNAME; at the end BYE.
   * @param timestamp the RTP timestamp of now @returns its length
   */
  write(nowMs: number, timestamp: number, packetsSent: number, octetsSent: number, bye: boolean): number {
    const out = this.bytes;
    const reception = this.reception;
    const blocks = reception.known && reception.packets !== this.packetsBefore ? 1 : 0;
    const timeMs = Math.floor(nowMs - this.startMs);
    let at =
      packetsSent === this.sentBefore
        ? writeReceiverReport(out, 0, blocks, this.ssrc)
        : writeSenderReport(out, 0, blocks, this.ssrc, timeMs, timestamp, packetsSent, octetsSent);
    this.sentBefore = packetsSent;
    this.packetsBefore = reception.packets;
    if (blocks === 1) {
      const knows = this.lastReport !== 0 && this.lastReportSsrc === reception.ssrc;
      at = writeReportBlock(
        out,
        at,
        reception.ssrc,
        reception.takeFractionLost(),
        reception.cumulativeLost(),
        reception.highest(),
        reception.jitter(),
        knows ? this.lastReport : 0,
        knows ? ntpMiddle(nowMs - this.lastReportMs) : 0,
      );
    }
    at = writeCname(out, at, this.ssrc, this.cname);
    this.sent += 1;
    return bye ? writeBye(out, at, this.ssrc) : at;
  }

  /** Reads a compound packet `bytes[0, length)`. @returns false if it is none */
  read(nowMs: number, bytes: Uint8Array, length: number): boolean {
    const view = this.view;
    if (view.read(bytes, length, this.ssrc) !== RTCP_OK) return false;
    const isFirst = this.came === 0 || view.ssrc !== this.reporterSsrc;
    this.came += 1;
    if (isFirst) this.silent = 0;
    else if (!view.bye) this.silent += 1;
    this.reporterSsrc = view.ssrc;
    if (view.bye) this.bye = true;
    if (view.isSenderReport) {
      this.lastReportSsrc = view.ssrc;
      this.lastReport = view.ntpMiddle;
      this.lastReportMs = nowMs;
    }
    if (!view.reported) return true;
    this.cameAboutUs += 1;
    this.remoteFractionLost = view.fractionLost;
    const tripMs = roundTripMs(ntpMiddle(Math.floor(nowMs - this.startMs)), view.lastReport, view.delay);
    if (tripMs >= 0) this.roundTripMs = tripMs;
    return true;
  }
}
