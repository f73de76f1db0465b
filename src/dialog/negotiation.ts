/**
 * Offer and answer (RFC 3264) for one audio stream of PCMU or PCMA with telephone-event. Every other medium, and a second
 * audio stream, is refused with port 0. It keeps our description as it was last offered or answered, and what was agreed.
 */
import { octets, Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import {
  DIRECTION_INACTIVE,
  DIRECTION_RECVONLY,
  DIRECTION_SENDONLY,
  DIRECTION_SENDRECV,
  ENCODING_PCMA,
  ENCODING_PCMU,
  ENCODING_TELEPHONE_EVENT,
  MEDIA_AUDIO,
  PROTO_RTP_AVP,
  SDP_LIMIT,
  SDP_OK,
  Sdp,
  type SdpMedia,
} from "../wire/sdp.js";
import { Writer } from "../wire/writer.js";

export const NEGOTIATION_OK = 0;
/** The description cannot be read: 400. */
export const NEGOTIATION_MALFORMED = 1;
/** Nothing in it that we can do: 488. */
export const NEGOTIATION_NO_CODEC = 2;
/** Our description does not fit its buffer: 500. */
export const NEGOTIATION_NO_ROOM = 3;

const PCMU = 0;
const PCMA = 8;
/** The payload type we offer for telephone-event; answers take the other side's. */
const EVENT_TYPE = 101;
const DEFAULT_PTIME_MS = 20;
/** Versions count from here, so that all have the same number of digits. */
const FIRST_VERSION = 1000000000;
/** Octets of one description: ours takes some 250, the rest is for media we refuse. */
const DESCRIPTION_BYTES = 640;

const HEAD = octets("v=0\r\no=- ");
const ORIGIN_END = octets(" IN IP4 ");
const NAME = octets("\r\ns=-\r\nc=IN IP4 ");
const TIME = octets("\r\nt=0 0\r\n");
const AUDIO = octets("m=audio ");
const PROTO = octets(" RTP/AVP");
const MEDIA = octets("m=");
const CRLF = octets("\r\n");
const RTPMAP = octets("a=rtpmap:");
const PCMU_8000 = octets(" PCMU/8000\r\n");
const PCMA_8000 = octets(" PCMA/8000\r\n");
const EVENT_8000 = octets(" telephone-event/8000\r\na=fmtp:");
const EVENTS = octets(" 0-15\r\n");
const PTIME = octets("a=ptime:");
const DIRECTIONS: readonly Uint8Array[] = [
  octets("a=sendrecv\r\n"),
  octets("a=sendrecv\r\n"),
  octets("a=sendonly\r\n"),
  octets("a=recvonly\r\n"),
  octets("a=inactive\r\n"),
];

// For the time of one call only.
const sdp = new Sdp();
const writer = new Writer();

/** What all calls share: our address and codecs. */
export class NegotiationSettings {
  ip = 0;
  /** Payload types in the order of preference. */
  codecs: readonly number[] = [];

  configure(ip: number, codecs: readonly number[]): void {
    this.ip = ip;
    this.codecs = codecs;
  }

  has(payloadType: number): boolean {
    for (let i = 0; i < this.codecs.length; i++) if (this.codecs[i] === payloadType) return true;
    return false;
  }
}

/** What offer and answer agree on, for whoever streams. */
export class Agreed {
  remoteIp = 0;
  remotePort = 0;
  rtcpIp = 0;
  rtcpPort = 0;
  /** Payload type to send with: 0 PCMU, 8 PCMA. */
  payloadType = 0;
  receivesPcmu = false;
  receivesPcma = false;
  /** Payload types of telephone-event, -1 when it was not agreed. */
  eventSendType = -1;
  eventReceiveType = -1;
  /** What the other side wants in one packet, 10 to 60 ms. */
  ptimeMs = DEFAULT_PTIME_MS;
  /** We may send. */
  sends = false;
  /** We are to receive. */
  receives = false;
  /** The other side does not want to hear us. */
  heldByRemote = false;

  copy(other: Agreed): void {
    this.remoteIp = other.remoteIp;
    this.remotePort = other.remotePort;
    this.rtcpIp = other.rtcpIp;
    this.rtcpPort = other.rtcpPort;
    this.payloadType = other.payloadType;
    this.receivesPcmu = other.receivesPcmu;
    this.receivesPcma = other.receivesPcma;
    this.eventSendType = other.eventSendType;
    this.eventReceiveType = other.eventReceiveType;
    this.ptimeMs = other.ptimeMs;
    this.sends = other.sends;
    this.receives = other.receives;
    this.heldByRemote = other.heldByRemote;
  }
}

export class Negotiation {
  /** Our RTP port. */
  port = 0;
  /** Our description as it was written last. */
  readonly local = new Span();
  readonly result = new Agreed();
  private readonly settings: NegotiationSettings;
  private readonly random: RandomSource;
  private readonly saved = new Agreed();
  /** Two descriptions by turns, so that a refused offer leaves the one that is in force. */
  private readonly first = new Uint8Array(DESCRIPTION_BYTES);
  private readonly second = new Uint8Array(DESCRIPTION_BYTES);
  private readonly savedLocal = new Span();
  private sessionId = 0;
  private version = FIRST_VERSION;
  private savedVersion = FIRST_VERSION;
  private isHolding = false;
  private agreed = false;

  constructor(settings: NegotiationSettings, random: RandomSource) {
    this.settings = settings;
    this.random = random;
  }

  /** Forgets all, for another call. */
  reset(): void {
    this.local.clear();
    this.savedLocal.clear();
    this.sessionId = this.random.uint32() & 0x7fffffff;
    this.version = FIRST_VERSION;
    this.isHolding = false;
    this.agreed = false;
    this.result.sends = false;
    this.result.receives = false;
    this.result.heldByRemote = false;
  }

  /** Whether an offer was answered. */
  isAgreed(): boolean {
    return this.agreed;
  }

  /** From the next offer or answer on, we do not want to hear the other side, or want it again. */
  hold(on: boolean): void {
    this.isHolding = on;
  }

  /** Writes an offer: all our codecs, and the media of earlier exchanges in their places. RFC 3264 §5, §8 */
  offer(): number {
    this.save();
    const hasBefore = this.local.size() > 0 && sdp.parse(this.local.bytes, this.local.start, this.local.end) === SDP_OK;
    const w = this.begin();
    let isDone = false;
    for (let i = 0; hasBefore && i < sdp.count; i++) {
      const media = sdp.media[i];
      if (!isDone && media.port !== 0 && isUsable(media)) {
        isDone = true;
        this.writeAudioOffer(w);
      } else this.writeRefused(w, media);
    }
    if (!isDone) this.writeAudioOffer(w);
    return this.finish();
  }

  /** Reads their offer and writes our answer. @returns NEGOTIATION_*; when not OK all stays as it was */
  answer(bytes: Uint8Array, start: number, end: number): number {
    this.save();
    const code = sdp.parse(bytes, start, end);
    if (code !== SDP_OK) return code === SDP_LIMIT ? NEGOTIATION_NO_CODEC : NEGOTIATION_MALFORMED;
    const chosen = this.choose();
    if (chosen < 0) return NEGOTIATION_NO_CODEC;
    const media = sdp.media[chosen];
    this.adopt(media);
    this.result.eventReceiveType = this.result.eventSendType;
    this.result.receivesPcmu = false;
    this.result.receivesPcma = false;
    const direction = this.answerDirection(media);
    const w = this.begin();
    for (let i = 0; i < sdp.count; i++) {
      if (i === chosen) this.writeAudioAnswer(w, media, direction);
      else this.writeRefused(w, sdp.media[i]);
    }
    this.setDirection(direction, media);
    const done = this.finish();
    if (done === NEGOTIATION_OK) this.agreed = true;
    else this.rollback();
    return done;
  }

  /** Reads their answer to our offer. @returns NEGOTIATION_* */
  accept(bytes: Uint8Array, start: number, end: number): number {
    const code = sdp.parse(bytes, start, end);
    if (code !== SDP_OK) return code === SDP_LIMIT ? NEGOTIATION_NO_CODEC : NEGOTIATION_MALFORMED;
    const chosen = this.choose();
    if (chosen < 0) return NEGOTIATION_NO_CODEC;
    const media = sdp.media[chosen];
    this.adopt(media);
    this.result.eventReceiveType = EVENT_TYPE;
    this.result.receivesPcmu = this.settings.has(PCMU);
    this.result.receivesPcma = this.settings.has(PCMA);
    // Their direction, seen from our side, cut down to what we offered.
    this.setDirection(this.answerDirection(media), media);
    this.agreed = true;
    return NEGOTIATION_OK;
  }

  /** Our offer (or the answer we prepared) did not come to be: what was agreed before stays. RFC 3264 §8 */
  rollback(): void {
    this.local.set(this.savedLocal.bytes, this.savedLocal.start, this.savedLocal.end);
    this.version = this.savedVersion;
    this.result.copy(this.saved);
  }

  private save(): void {
    this.savedLocal.set(this.local.bytes, this.local.start, this.local.end);
    this.savedVersion = this.version;
    this.saved.copy(this.result);
  }

  /** The first audio section that has a codec of ours. @returns its index, -1 when there is none */
  private choose(): number {
    for (let i = 0; i < sdp.count; i++) {
      const media = sdp.media[i];
      if (media.port === 0 || !isUsable(media) || sdp.ipOf(media) < 0) continue;
      for (let f = 0; f < media.formatCount; f++) if (this.isOurs(media, f)) return i;
    }
    return -1;
  }

  private isOurs(media: SdpMedia, index: number): boolean {
    const format = media.formats[index];
    const encoding = media.encodings[index];
    if (format === PCMU) return encoding === ENCODING_PCMU && this.settings.has(PCMU);
    if (format === PCMA) return encoding === ENCODING_PCMA && this.settings.has(PCMA);
    return false;
  }

  private adopt(media: SdpMedia): void {
    const result = this.result;
    result.remoteIp = sdp.ipOf(media);
    result.remotePort = media.port;
    result.rtcpIp = media.rtcpIp >= 0 ? media.rtcpIp : result.remoteIp;
    result.rtcpPort = media.rtcpPort > 0 ? media.rtcpPort : media.port + 1;
    result.eventSendType = -1;
    result.payloadType = -1;
    for (let f = 0; f < media.formatCount; f++) {
      if (result.payloadType < 0 && this.isOurs(media, f)) result.payloadType = media.formats[f];
      if (result.eventSendType < 0 && media.encodings[f] === ENCODING_TELEPHONE_EVENT)
        result.eventSendType = media.formats[f];
    }
    let ptimeMs = media.ptimeMs > 0 ? media.ptimeMs : DEFAULT_PTIME_MS;
    if (media.maxptimeMs > 0 && media.maxptimeMs < ptimeMs) ptimeMs = media.maxptimeMs;
    ptimeMs -= ptimeMs % 10;
    result.ptimeMs = ptimeMs < 10 || ptimeMs > 60 ? DEFAULT_PTIME_MS : ptimeMs;
  }

  /** The direction of our answer. RFC 3264 §6.1; an address of 0.0.0.0 is how holding was said before. §8.4 */
  private answerDirection(media: SdpMedia): number {
    const theirs = sdp.directionOf(media);
    const hearsUs = (theirs === DIRECTION_SENDRECV || theirs === DIRECTION_RECVONLY) && sdp.ipOf(media) !== 0;
    const speaks = (theirs === DIRECTION_SENDRECV || theirs === DIRECTION_SENDONLY) && !this.isHolding;
    if (hearsUs) return speaks ? DIRECTION_SENDRECV : DIRECTION_SENDONLY;
    return speaks ? DIRECTION_RECVONLY : DIRECTION_INACTIVE;
  }

  private setDirection(ours: number, media: SdpMedia): void {
    const theirs = sdp.directionOf(media);
    this.result.sends = ours === DIRECTION_SENDRECV || ours === DIRECTION_SENDONLY;
    this.result.receives = ours === DIRECTION_SENDRECV || ours === DIRECTION_RECVONLY;
    this.result.heldByRemote =
      theirs === DIRECTION_SENDONLY || theirs === DIRECTION_INACTIVE || this.result.remoteIp === 0;
  }

  private begin(): Writer {
    const bytes = this.local.bytes === this.first ? this.second : this.first;
    writer.begin(bytes, 0, bytes.length);
    this.writeHead(writer, this.version);
    return writer;
  }

  private writeHead(w: Writer, version: number): void {
    w.put(HEAD);
    w.uint(this.sessionId);
    w.octet(0x20);
    w.uint(version);
    w.put(ORIGIN_END);
    w.ip(this.settings.ip);
    w.put(NAME);
    w.ip(this.settings.ip);
    w.put(TIME);
  }

  /** Ends the description; its version rises only when something changed. RFC 3264 §8 */
  private finish(): number {
    if (!writer.ok) return NEGOTIATION_NO_ROOM;
    const bytes = writer.bytes;
    const end = writer.at;
    let isSame = end === this.local.end;
    for (let i = 0; isSame && i < end; i++) isSame = bytes[i] === this.local.bytes[i];
    if (!isSame) {
      this.version += 1;
      writer.begin(bytes, 0, bytes.length);
      this.writeHead(writer, this.version);
    }
    this.local.set(bytes, 0, end);
    return NEGOTIATION_OK;
  }

  private writeAudioOffer(w: Writer): void {
    const codecs = this.settings.codecs;
    w.put(AUDIO);
    w.uint(this.port);
    w.put(PROTO);
    for (let i = 0; i < codecs.length; i++) {
      w.octet(0x20);
      w.uint(codecs[i]);
    }
    w.octet(0x20);
    w.uint(EVENT_TYPE);
    w.put(CRLF);
    for (let i = 0; i < codecs.length; i++) writeCodec(w, codecs[i]);
    writeEvents(w, EVENT_TYPE);
    writePtime(w, DEFAULT_PTIME_MS);
    w.put(DIRECTIONS[this.isHolding ? DIRECTION_SENDONLY : DIRECTION_SENDRECV]);
  }

  private writeAudioAnswer(w: Writer, media: SdpMedia, direction: number): void {
    w.put(AUDIO);
    w.uint(this.port);
    w.put(PROTO);
    for (let f = 0; f < media.formatCount; f++) {
      if (!this.isOurs(media, f)) continue;
      w.octet(0x20);
      w.uint(media.formats[f]);
      if (media.formats[f] === PCMU) this.result.receivesPcmu = true;
      else this.result.receivesPcma = true;
    }
    const events = this.result.eventReceiveType;
    if (events >= 0) {
      w.octet(0x20);
      w.uint(events);
    }
    w.put(CRLF);
    for (let f = 0; f < media.formatCount; f++) if (this.isOurs(media, f)) writeCodec(w, media.formats[f]);
    if (events >= 0) writeEvents(w, events);
    writePtime(w, this.result.ptimeMs);
    w.put(DIRECTIONS[direction]);
  }

  /** The same line with port 0. RFC 3264 §6 */
  private writeRefused(w: Writer, media: SdpMedia): void {
    w.put(MEDIA);
    w.raw(sdp.bytes, media.lineStart, media.portStart);
    w.octet(0x30);
    w.raw(sdp.bytes, media.portEnd, media.lineEnd);
    w.put(CRLF);
  }
}

function isUsable(media: SdpMedia): boolean {
  return media.type === MEDIA_AUDIO && media.proto === PROTO_RTP_AVP;
}

function writeCodec(w: Writer, payloadType: number): void {
  w.put(RTPMAP);
  w.uint(payloadType);
  w.put(payloadType === PCMA ? PCMA_8000 : PCMU_8000);
}

function writeEvents(w: Writer, payloadType: number): void {
  w.put(RTPMAP);
  w.uint(payloadType);
  w.put(EVENT_8000);
  w.uint(payloadType);
  w.put(EVENTS);
}

function writePtime(w: Writer, ptimeMs: number): void {
  w.put(PTIME);
  w.uint(ptimeMs);
  w.put(CRLF);
}
