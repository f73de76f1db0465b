/**
 * Reads a session description (RFC 8866) into a fixed view over its octets: what an audio call needs, and enough of
 * every other medium to refuse it. It is strict on numbers, lenient on order, line ends and unknown lines. It holds one
 * medium at a time: `parse` checks all of them, and `mediaAt` reads one again.
 * Not here: what is offered or answered (dialog/negotiation.ts), IPv6 and host names as addresses, which are told apart
 * but not used.
 */

import { parseIPv4 } from "../core/address.js";
import { int32Array, octetArray } from "../core/arrays.js";
import { equalNoCase, NONE, octets, parseUint } from "../core/bytes.js";
import { findMark } from "../core/octets.js";

export const SDP_OK = 0;
/** The text is no session description, or has an impossible number. */
export const SDP_MALFORMED = 1;
/** There are more media sections than are kept. */
export const SDP_LIMIT = 2;

export const MEDIA_OTHER = 0;
export const MEDIA_AUDIO = 1;
export const MEDIA_VIDEO = 2;

export const PROTO_OTHER = 0;
/** 2 is the same with early feedback, which may be left unused. RFC 4585 */
export const PROTO_RTP_AVP = 1;
/** Encrypted, with the keys in a=crypto lines. RFC 3711, RFC 4568 */
export const PROTO_RTP_SAVP = 3;
export const PROTO_RTP_SAVPF = 4;

export const ENCODING_NONE = 0;
export const ENCODING_PCMU = 1;
export const ENCODING_PCMA = 2;
export const ENCODING_TELEPHONE_EVENT = 3;
export const ENCODING_OTHER = 4;

/** There is no direction attribute: the direction of the session counts, or both ways. */
export const DIRECTION_NONE = 0;
export const DIRECTION_SENDRECV = 1;
export const DIRECTION_SENDONLY = 2;
export const DIRECTION_RECVONLY = 3;
export const DIRECTION_INACTIVE = 4;

/** There is no connection line. */
export const IP_NONE = -1;
/** The connection line has a host name, or something else that is not used here. */
export const IP_OTHER = -2;
/** The connection line has an IPv6 address. */
export const IP_SIX = -3;

export const SDP_MEDIA_MOST = 16;
/** The a=crypto lines of a medium that are kept: there are as many as suites of old and new phones. */
const CRYPTO_MOST = 8;
const NO_CRYPTOS = new Int32Array(0);
/** Number of payload types, so that none is left out, wherever it stands. */
const FORMATS_MOST = 128;

const AUDIO = octets("audio");
const VIDEO = octets("video");
/** Names by PROTO_*, of which the first is none. */
const PROTOCOLS: readonly Uint8Array[] = [
  octets(""),
  octets("RTP/AVP"),
  octets("RTP/AVPF"),
  octets("RTP/SAVP"),
  octets("RTP/SAVPF"),
];
const LINE_ENDS = octets("\r\n");
const BLANKS = octets(" \t");
const IN = octets("IN");
const IP4 = octets("IP4");
const IP6 = octets("IP6");
const PCMU = octets("PCMU");
const PCMA = octets("PCMA");
const TELEPHONE_EVENT = octets("telephone-event");
const RTPMAP = octets("rtpmap");
const PTIME = octets("ptime");
const MAXPTIME = octets("maxptime");
const RTCP = octets("rtcp");
const CRYPTO = octets("crypto");
const SENDRECV = octets("sendrecv");
const SENDONLY = octets("sendonly");
const RECVONLY = octets("recvonly");
const INACTIVE = octets("inactive");

/** One m= line and the lines after it. */
export class SdpMedia {
  type = MEDIA_OTHER;
  proto = PROTO_OTHER;
  port = 0;
  /** The whole value of the m= line, and the port within it. */
  lineStart = 0;
  lineEnd = 0;
  portStart = 0;
  portEnd = 0;
  /** The end of its first format. */
  firstFormatEnd = 0;
  /** IPv4 address of its own c= line, IP_NONE, IP_OTHER or IP_SIX. */
  ip = IP_NONE;
  direction = DIRECTION_NONE;
  /** ms, -1 when it is not given or not between 1 and 65,535. */
  ptimeMs = -1;
  maxptimeMs = -1;
  /** The port of a=rtcp, -1 when it is not given. RFC 3605 */
  rtcpPort = -1;
  rtcpIp = IP_NONE;
  /**
   * How many a=crypto lines there are, and the start and end of each one's value, by turns. The array is made with the
   * first one, since most phones offer none.
   */
  cryptoCount = 0;
  cryptos: Int32Array = NO_CRYPTOS;
  formatCount = 0;
  /** Payload types in order, each once. */
  readonly formats = octetArray(FORMATS_MOST);
  /** ENCODING_* of each payload type. */
  readonly encodings = octetArray(FORMATS_MOST);
  /** One bit for each payload type that an rtpmap describes as a known encoding; the first such rtpmap counts. */
  private readonly mapped = int32Array(FORMATS_MOST >> 5);

  /**
   * Adds a payload type that is not there yet. A static one has its meaning by RFC 3551, a dynamic one has none before
   * its rtpmap.
   */
  addFormat(format: number): void {
    for (let i = 0; i < this.formatCount; i++) if (this.formats[i] === format) return;
    this.formats[this.formatCount] = format;
    this.encodings[this.formatCount] = format === 0 ? ENCODING_PCMU : format === 8 ? ENCODING_PCMA : ENCODING_NONE;
    this.formatCount += 1;
  }

  /** Sets what a payload type stands for, by an rtpmap. */
  map(format: number, encoding: number): void {
    const bit = 1 << (format & 31);
    if ((this.mapped[format >> 5] & bit) !== 0) return;
    if (encoding !== ENCODING_OTHER) this.mapped[format >> 5] |= bit;
    for (let i = 0; i < this.formatCount; i++) if (this.formats[i] === format) this.encodings[i] = encoding;
  }

  reset(): void {
    this.mapped.fill(0);
    this.type = MEDIA_OTHER;
    this.proto = PROTO_OTHER;
    this.port = 0;
    this.ip = IP_NONE;
    this.direction = DIRECTION_NONE;
    this.ptimeMs = -1;
    this.maxptimeMs = -1;
    this.rtcpPort = -1;
    this.rtcpIp = IP_NONE;
    this.cryptoCount = 0;
    this.formatCount = 0;
  }

  /** @returns whether its packets are to be encrypted */
  isSecure(): boolean {
    return this.proto === PROTO_RTP_SAVP || this.proto === PROTO_RTP_SAVPF;
  }

  /** Keeps the place of a crypto line; more than there is room for are not looked at. */
  addCrypto(start: number, end: number): void {
    if (this.cryptoCount === CRYPTO_MOST) return;
    if (this.cryptos === NO_CRYPTOS) this.cryptos = int32Array(2 * CRYPTO_MOST);
    this.cryptos[2 * this.cryptoCount] = start;
    this.cryptos[2 * this.cryptoCount + 1] = end;
    this.cryptoCount += 1;
  }
}

export class Sdp {
  bytes: Uint8Array = NONE;
  /** Number of media. */
  count = 0;
  ip = IP_NONE;
  direction = DIRECTION_NONE;
  /** The medium that was read last, and its index; -1 for the lines before all media. */
  private readonly media = new SdpMedia();
  private index = -1;
  /** Offset of each medium's m= line, and behind the last of them the end. */
  private readonly starts = int32Array(SDP_MEDIA_MOST + 1);
  /** The last word that `word` read, and where to go on. */
  private wordStart = 0;
  private wordEnd = 0;

  /** Reads `bytes[start, end)`, which the view then points into. @returns SDP_* */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    this.count = 0;
    this.ip = IP_NONE;
    this.direction = DIRECTION_NONE;
    this.index = -1;
    let at = start;
    while (at < end && (bytes[at] === 10 || bytes[at] === 13)) at += 1;
    if (end - at < 3 || bytes[at] !== 0x76 || bytes[at + 1] !== 0x3d || bytes[at + 2] !== 0x30) return SDP_MALFORMED;
    if (at + 3 < end && bytes[at + 3] !== 10 && bytes[at + 3] !== 13) return SDP_MALFORMED;
    const code = this.lines(at, end, true);
    this.starts[this.count] = end;
    return code;
  }

  /**
   * @param index from 0 to below `count`
   * @returns that medium; the view is this object's and holds until the next call or `parse`
   */
  mediaAt(index: number): SdpMedia {
    if (index !== this.index) {
      this.index = index;
      // `parse` has read it before without an error.
      this.lines(this.starts[index], this.starts[index + 1], false);
    }
    return this.media;
  }

  private lines(start: number, end: number, counts: boolean): number {
    const bytes = this.bytes;
    let at = start;
    while (at < end) {
      // Only the octet 0 may not be in a line. RFC 8866 §9, byte-string
      let next = findMark(bytes, at, end, 0, LINE_ENDS);
      if (next < end && bytes[next] === 0) return SDP_MALFORMED;
      const lineEnd = next;
      if (next < end && bytes[next] === 13) next += 1;
      if (next < end && bytes[next] === 10) next += 1;
      if (lineEnd > at) {
        if (lineEnd - at < 2 || bytes[at + 1] !== 0x3d) return SDP_MALFORMED;
        if (counts && bytes[at] === 0x6d) {
          if (this.count === SDP_MEDIA_MOST) return SDP_LIMIT;
          this.index = this.count++;
          this.starts[this.index] = at;
        }
        const code = this.line(bytes[at], at + 2, lineEnd);
        if (code !== SDP_OK) return code;
      }
      at = next;
    }
    return SDP_OK;
  }

  /** @returns the address of a medium: its own, else the session's */
  ipOf(media: SdpMedia): number {
    return media.ip === IP_NONE ? this.ip : media.ip;
  }

  directionOf(media: SdpMedia): number {
    if (media.direction !== DIRECTION_NONE) return media.direction;
    return this.direction !== DIRECTION_NONE ? this.direction : DIRECTION_SENDRECV;
  }

  private line(type: number, start: number, end: number): number {
    switch (type) {
      case 0x6d: // m
        return this.mediaLine(start, end);
      case 0x63: {
        const ip = this.connection(start, end);
        if (this.index < 0) this.ip = ip;
        else this.media.ip = ip;
        return SDP_OK;
      }
      case 0x61: // a
        return this.attribute(start, end);
      default:
        return SDP_OK;
    }
  }

  private mediaLine(start: number, end: number): number {
    const media = this.media;
    const bytes = this.bytes;
    media.reset();
    media.lineStart = start;
    media.lineEnd = end;
    if (!this.word(start, end)) return SDP_MALFORMED;
    if (equalNoCase(bytes, this.wordStart, this.wordEnd, AUDIO, 0, AUDIO.length)) media.type = MEDIA_AUDIO;
    else if (equalNoCase(bytes, this.wordStart, this.wordEnd, VIDEO, 0, VIDEO.length)) media.type = MEDIA_VIDEO;
    if (!this.word(this.wordEnd, end)) return SDP_MALFORMED;
    let portEnd = this.wordStart;
    while (portEnd < this.wordEnd && bytes[portEnd] !== 0x2f) portEnd += 1;
    media.port = parseUint(bytes, this.wordStart, portEnd, 65535);
    if (media.port < 0) return SDP_MALFORMED;
    media.portStart = this.wordStart;
    media.portEnd = this.wordEnd;
    if (!this.word(this.wordEnd, end)) return SDP_MALFORMED;
    for (let proto = PROTO_RTP_AVP; proto < PROTOCOLS.length; proto++) {
      const name = PROTOCOLS[proto];
      if (equalNoCase(bytes, this.wordStart, this.wordEnd, name, 0, name.length)) media.proto = proto;
    }
    media.firstFormatEnd = this.wordEnd;
    for (let isFirst = true; this.word(this.wordEnd, end); isFirst = false) {
      if (isFirst) media.firstFormatEnd = this.wordEnd;
      const format = parseUint(bytes, this.wordStart, this.wordEnd, 127);
      if (media.proto !== PROTO_OTHER && format < 0) return SDP_MALFORMED;
      if (format >= 0) media.addFormat(format);
    }
    return SDP_OK;
  }

  /** Reads "IN IP4 192.0.2.7" with or without "/ttl". */
  private connection(start: number, end: number): number {
    const bytes = this.bytes;
    if (!this.word(start, end) || !equalNoCase(bytes, this.wordStart, this.wordEnd, IN, 0, IN.length)) return IP_OTHER;
    if (!this.word(this.wordEnd, end)) return IP_OTHER;
    if (equalNoCase(bytes, this.wordStart, this.wordEnd, IP6, 0, IP6.length)) return IP_SIX;
    if (!equalNoCase(bytes, this.wordStart, this.wordEnd, IP4, 0, IP4.length)) return IP_OTHER;
    if (!this.word(this.wordEnd, end)) return IP_OTHER;
    let slash = this.wordStart;
    while (slash < this.wordEnd && bytes[slash] !== 0x2f) slash += 1;
    const ip = parseIPv4(bytes, this.wordStart, slash);
    return ip < 0 ? IP_OTHER : ip;
  }

  private attribute(start: number, lineEnd: number): number {
    const bytes = this.bytes;
    // The names of those that are read here begin with one of these letters.
    switch (bytes[start] | 0x20) {
      case 0x63:
      case 0x69:
      case 0x6d:
      case 0x70:
      case 0x72:
      case 0x73:
        break;
      default:
        return SDP_OK;
    }
    let end = lineEnd;
    while (end > start && (bytes[end - 1] === 0x20 || bytes[end - 1] === 9)) end -= 1;
    let colon = start;
    while (colon < end && bytes[colon] !== 0x3a) colon += 1;
    const direction = this.directionNamed(start, colon);
    if (direction !== DIRECTION_NONE) {
      if (this.index < 0) this.direction = direction;
      else this.media.direction = direction;
      return SDP_OK;
    }
    if (this.index < 0 || colon === end) return SDP_OK;
    const media = this.media;
    if (equalNoCase(bytes, start, colon, RTPMAP, 0, RTPMAP.length)) return this.rtpmap(media, colon + 1, end);
    if (equalNoCase(bytes, start, colon, PTIME, 0, PTIME.length)) media.ptimeMs = this.milliseconds(colon + 1, end);
    else if (equalNoCase(bytes, start, colon, MAXPTIME, 0, MAXPTIME.length))
      media.maxptimeMs = this.milliseconds(colon + 1, end);
    else if (equalNoCase(bytes, start, colon, RTCP, 0, RTCP.length)) {
      if (!this.word(colon + 1, end)) return SDP_OK;
      media.rtcpPort = parseUint(bytes, this.wordStart, this.wordEnd, 65535);
      if (this.wordEnd < end) media.rtcpIp = this.connection(this.wordEnd, end);
    } else if (equalNoCase(bytes, start, colon, CRYPTO, 0, CRYPTO.length)) media.addCrypto(colon + 1, end);
    return SDP_OK;
  }

  private directionNamed(start: number, end: number): number {
    if (end - start !== 8) return DIRECTION_NONE;
    const bytes = this.bytes;
    if (equalNoCase(bytes, start, end, SENDRECV, 0, 8)) return DIRECTION_SENDRECV;
    if (equalNoCase(bytes, start, end, SENDONLY, 0, 8)) return DIRECTION_SENDONLY;
    if (equalNoCase(bytes, start, end, RECVONLY, 0, 8)) return DIRECTION_RECVONLY;
    return equalNoCase(bytes, start, end, INACTIVE, 0, 8) ? DIRECTION_INACTIVE : DIRECTION_NONE;
  }

  /** Reads "101 telephone-event/8000". */
  private rtpmap(media: SdpMedia, start: number, end: number): number {
    const bytes = this.bytes;
    if (!this.word(start, end)) return SDP_MALFORMED;
    const format = parseUint(bytes, this.wordStart, this.wordEnd, 127);
    // Some descriptions have an rtpmap with an impossible number that the m= line does not offer: it is ignored.
    if (format < 0) return media.proto !== PROTO_OTHER ? SDP_MALFORMED : SDP_OK;
    if (!this.word(this.wordEnd, end)) return SDP_OK;
    let slash = this.wordStart;
    while (slash < this.wordEnd && bytes[slash] !== 0x2f) slash += 1;
    let rateEnd = slash + 1;
    while (rateEnd < this.wordEnd && bytes[rateEnd] !== 0x2f) rateEnd += 1;
    const rate = slash < this.wordEnd ? parseUint(bytes, slash + 1, rateEnd, 1000000) : -1;
    // Only one channel is supported.
    const channels = rateEnd < this.wordEnd ? parseUint(bytes, rateEnd + 1, this.wordEnd, 255) : 1;
    let encoding = ENCODING_OTHER;
    if (rate === 8000 && channels === 1) {
      if (equalNoCase(bytes, this.wordStart, slash, PCMU, 0, PCMU.length)) encoding = ENCODING_PCMU;
      else if (equalNoCase(bytes, this.wordStart, slash, PCMA, 0, PCMA.length)) encoding = ENCODING_PCMA;
      else if (equalNoCase(bytes, this.wordStart, slash, TELEPHONE_EVENT, 0, TELEPHONE_EVENT.length))
        encoding = ENCODING_TELEPHONE_EVENT;
    }
    media.map(format, encoding);
    return SDP_OK;
  }

  /** Reads milliseconds; of "20.0", which some write, the whole number counts. */
  private milliseconds(start: number, end: number): number {
    if (!this.word(start, end)) return -1;
    let dot = this.wordStart;
    while (dot < this.wordEnd && this.bytes[dot] !== 0x2e) dot += 1;
    const value = parseUint(this.bytes, this.wordStart, dot, 65535);
    return value > 0 ? value : -1;
  }

  /** Reads the next word from `from`, after blanks. @returns whether there is one */
  private word(from: number, end: number): boolean {
    const bytes = this.bytes;
    let at = from;
    while (at < end && (bytes[at] === 0x20 || bytes[at] === 9)) at += 1;
    this.wordStart = at;
    at = findMark(bytes, at, end, -1, BLANKS);
    this.wordEnd = at;
    return at > this.wordStart;
  }
}
