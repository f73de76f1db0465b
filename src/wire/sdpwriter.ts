/**
 * Writes session descriptions (RFC 8866): the session's lines, one audio medium of PCMU or PCMA with telephone-event,
 * and refused media.
 * Not here: which media, in which order and with which values (dialog/negotiation.ts).
 */

import { octetArray } from "../core/arrays.js";
import { equal, octets } from "../core/bytes.js";
import { findOctet } from "../core/octets.js";
import { CRLF } from "./lines.js";
import { writeCrypto } from "./sdes.js";
import { PROTO_RTP_AVP, type SdpMedia } from "./sdp.js";
import type { Writer } from "./writer.js";

/** The most octets of the lines before the media. */
export const SDP_SESSION_BYTES = 110;
/** The most octets of our audio with two codecs. */
export const SDP_AUDIO_BYTES = 190;
/**
 * The most octets of a refused medium, unless the name of its protocol is longer. Its formats are cut, for nobody reads
 * them. RFC 3264 §6
 */
export const SDP_REFUSED_BYTES = 68;

// Static RTP payload types. RFC 3551 §6
export const PCMU = 0;
/** Crypto lines of one description: each suite that is offered has its own. */
export const CRYPTO_LINES = 2;
/** The most octets of the crypto lines of an offer, or of the one of an answer, with a tag of nine digits. */
export const SDP_CRYPTO_BYTES = 170;

export const PCMA = 8;
const LF = 10;

const VERSION = octets("v=0\r\no=- ");
const IN_IP4 = octets(" IN IP4 ");
const CONNECTION = octets("\r\ns=-\r\nc=IN IP4 ");
const TIME = octets("\r\nt=0 0\r\n");
const AUDIO = octets("m=audio ");
/** Protocols by PROTO_*, of which the first is none of ours. */
const PROTOCOLS: readonly Uint8Array[] = [
  octets(""),
  octets(" RTP/AVP"),
  octets(" RTP/AVPF"),
  octets(" RTP/SAVP"),
  octets(" RTP/SAVPF"),
];
const MEDIA = octets("m=");
const RTPMAP = octets("a=rtpmap:");
const PCMU_8000 = octets(" PCMU/8000\r\n");
const PCMA_8000 = octets(" PCMA/8000\r\n");
const EVENT_8000 = octets(" telephone-event/8000\r\na=fmtp:");
// The events of the 16 keys; a door has no use for flash-hook (16).
const EVENTS = octets(" 0-15\r\n");
const PTIME = octets("a=ptime:");
/** Lines of ours that only repeat a default. RFC 3551 §6, §4.2; RFC 8866 §6.7.1 */
const NEEDLESS: readonly Uint8Array[] = [
  octets("a=rtpmap:0 PCMU/8000\r\n"),
  octets("a=rtpmap:8 PCMA/8000\r\n"),
  octets("a=ptime:20\r\n"),
  octets("a=sendrecv\r\n"),
];
/** Lines by DIRECTION_*. */
const DIRECTIONS: readonly Uint8Array[] = [
  octets("\r\na=sendrecv\r\n"),
  octets("\r\na=sendrecv\r\n"),
  octets("\r\na=sendonly\r\n"),
  octets("\r\na=recvonly\r\n"),
  octets("\r\na=inactive\r\n"),
];

/** Writes the lines from v= to t=. @param ip our IPv4 address, for origin and sound alike */
export function writeSession(w: Writer, id: number, version: number, ip: number): void {
  w.put(VERSION);
  w.uint(id);
  w.octet(0x20);
  w.uint(version);
  w.put(IN_IP4);
  w.ip(ip);
  w.put(CONNECTION);
  w.ip(ip);
  w.put(TIME);
}

/** Our audio as it is written. */
export class AudioDescription {
  port = 0;
  /** PROTO_* but OTHER. */
  proto = PROTO_RTP_AVP;
  /**
   * How many a=crypto lines there are, their tags and suites, and a key for each, which is lent until they are written.
   * RFC 4568. The arrays grow with the first lines, since most doors never have any.
   */
  cryptoCount = 0;
  readonly cryptoTags: number[] = [];
  readonly suites: number[] = [];
  readonly keys: Uint8Array[] = [];
  /** Payload types in order, what each stands for (0 PCMU, 8 PCMA), and how many there are. */
  readonly types = octetArray(2);
  readonly codecs = octetArray(2);
  count = 0;
  /** Payload type of telephone-event, -1 for none. */
  eventType = -1;
  ptimeMs = 20;
  /** DIRECTION_* */
  direction = 0;

  /** Adds a crypto line. @param key `masterBytesOf(suite)` octets, lent until the description is written */
  addCrypto(tag: number, suite: number, key: Uint8Array): void {
    const at = this.cryptoCount;
    this.cryptoTags[at] = tag;
    this.suites[at] = suite;
    this.keys[at] = key;
    this.cryptoCount += 1;
  }

  /** Adds a codec, unless it is there already. */
  addCodec(type: number, codec: number): void {
    for (let i = 0; i < this.count; i++) if (this.codecs[i] === codec) return;
    this.types[this.count] = type;
    this.codecs[this.count] = codec;
    this.count += 1;
  }
}

export function writeAudio(w: Writer, audio: AudioDescription): void {
  const { types, codecs, count, eventType } = audio;
  w.put(AUDIO);
  w.uint(audio.port);
  w.put(PROTOCOLS[audio.proto]);
  for (let i = 0; i < count; i++) {
    w.octet(0x20);
    w.uint(types[i]);
  }
  if (eventType >= 0) {
    w.octet(0x20);
    w.uint(eventType);
  }
  w.put(CRLF);
  for (let i = 0; i < count; i++) {
    w.put(RTPMAP);
    w.uint(types[i]);
    w.put(codecs[i] === PCMA ? PCMA_8000 : PCMU_8000);
  }
  if (eventType >= 0) {
    w.put(RTPMAP);
    w.uint(eventType);
    w.put(EVENT_8000);
    w.uint(eventType);
    w.put(EVENTS);
  }
  for (let i = 0; i < audio.cryptoCount; i++) writeCrypto(w, audio.cryptoTags[i], audio.suites[i], audio.keys[i]);
  w.put(PTIME);
  w.uint(audio.ptimeMs);
  w.put(DIRECTIONS[audio.direction]);
}

/**
 * Writes a medium of the other side with port 0.
 * @param bytes what it was read from @param mostBytes its limit: formats beyond are cut, except the first
 */
export function writeRefused(w: Writer, bytes: Uint8Array, media: SdpMedia, mostBytes = SDP_REFUSED_BYTES): void {
  let end = media.lineEnd;
  const most = media.lineStart + mostBytes - MEDIA.length - CRLF.length;
  if (end > most) {
    end = most;
    while (end > media.firstFormatEnd && bytes[end] !== 0x20) end -= 1;
    end = Math.max(end, media.firstFormatEnd);
  }
  w.put(MEDIA);
  w.raw(bytes, media.lineStart, media.portStart);
  w.octet(0x30);
  w.raw(bytes, media.portEnd, end);
  w.put(CRLF);
}

/**
 * Copies a description of ours without the lines that only repeat a default, where room is short.
 * @param into null: nothing is copied @returns its length then, octets
 */
export function copyBriefly(into: Writer | null, bytes: Uint8Array, start: number, end: number): number {
  let size = 0;
  for (let at = start; at < end; ) {
    let next = findOctet(bytes, at, end, LF) + 1;
    if (next === 0) next = end;
    if (!isNeedless(bytes, at, next)) {
      size += next - at;
      if (into !== null) into.raw(bytes, at, next);
    }
    at = next;
  }
  return size;
}

function isNeedless(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = 0; i < NEEDLESS.length; i++) {
    if (NEEDLESS[i].length === end - start && equal(bytes, start, end, NEEDLESS[i], 0, NEEDLESS[i].length)) return true;
  }
  return false;
}
