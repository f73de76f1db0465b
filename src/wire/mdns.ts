/**
 * Messages of multicast DNS: a walk over the questions and records of one message, the comparison of names, and the
 * writing of records (RFC 6762 §18, RFC 1035 §4, RFC 6763). Other devices of a network send many such messages, so
 * reading one makes no objects and no texts. A name of ours is kept as it is written: labels with their lengths,
 * without compression, in lower case.
 * Not here: the answers of a name server (dns.ts), and which record answers what (src/links).
 */
import { lower } from "../core/bytes.js";
import { afterName, CLASS_IN, HEADER_BYTES, POINTERS_MOST, ttlOf, uint16, writeName } from "./dns.js";

export const MDNS_PORT = 5353;
/** 224.0.0.251. Routers do not pass on what is sent to it. */
export const MDNS_GROUP = 0xe00000fb;
/** The longest message: one that fits into a frame of Ethernet, without the headers of IP and UDP. RFC 6762 §17 */
export const MDNS_BYTES = 1472;

export const DNS_PTR = 12;
export const DNS_TXT = 16;
export const DNS_NSEC = 47;
export const DNS_ANY = 255;
const DNS_CNAME = 5;
const DNS_SRV = 33;

// Sections of a message, in their order.
export const SECTION_QUESTIONS = 0;
export const SECTION_ANSWERS = 1;
export const SECTION_AUTHORITY = 2;
const SECTIONS = 4;

const CLASS_ANY = 255;
/** In a question: a unicast answer is wanted. In a record: other records of that name and type are outdated. */
const TOP_BIT = 0x8000;
const NAME_BYTES = 255;
const LABEL_OCTETS = 63;
const SRV_TARGET = 6;

/** Walks over one message. The octets are lent until the next `begin`. */
export class MdnsWalk {
  isResponse = false;
  /** More known answers follow in another message. */
  isTruncated = false;
  id = 0;
  section = SECTION_QUESTIONS;
  /** Offset of the name of the question or record. */
  nameAt = 0;
  kind = 0;
  isInternet = false;
  /** The top bit of the class, see TOP_BIT. */
  hasTopBit = false;
  ttlS = 0;
  dataAt = 0;
  dataSize = 0;
  bytes: Uint8Array = new Uint8Array(0);
  end = 0;
  private at = 0;
  private index = 0;

  /** @returns false if the octets are no message that counts: RFC 6762 §18.3, §18.11 */
  begin(bytes: Uint8Array, end: number): boolean {
    this.bytes = bytes;
    this.end = end;
    if (end < HEADER_BYTES || (bytes[2] & 0x78) !== 0 || (bytes[3] & 0x0f) !== 0) return false;
    this.id = uint16(bytes, 0);
    this.isResponse = bytes[2] >= 0x80;
    this.isTruncated = (bytes[2] & 2) !== 0;
    this.rewind();
    return true;
  }

  /** Goes back to the start of the message. */
  rewind(): void {
    this.section = SECTION_QUESTIONS;
    this.index = 0;
    this.at = HEADER_BYTES;
  }

  /** Goes on to the next question or record. @returns false at the end, and where the message is cut or broken */
  next(): boolean {
    const { bytes, end } = this;
    while (this.section < SECTIONS && this.index >= uint16(bytes, 4 + 2 * this.section)) {
      this.section += 1;
      this.index = 0;
    }
    if (this.section >= SECTIONS) return false;
    this.index += 1;
    this.nameAt = this.at;
    const at = afterName(bytes, this.at, end);
    const isQuestion = this.section === SECTION_QUESTIONS;
    if (at < 0 || at + (isQuestion ? 4 : 10) > end) return this.stop();
    this.kind = uint16(bytes, at);
    const classOf = uint16(bytes, at + 2);
    this.hasTopBit = classOf >= TOP_BIT;
    const plain = classOf % TOP_BIT;
    this.isInternet = plain === CLASS_IN || (isQuestion && plain === CLASS_ANY);
    this.at = at + 4;
    if (isQuestion) return true;
    this.ttlS = ttlOf(bytes, at + 4);
    this.dataAt = at + 10;
    this.dataSize = uint16(bytes, at + 8);
    this.at = this.dataAt + this.dataSize;
    return this.at <= end || this.stop();
  }

  private stop(): false {
    this.section = SECTIONS;
    return false;
  }

  /**
   * Copies the data of the record, with names written in full and in lower case, so that equal data are equal octets.
   * @returns the number of octets; -1 when a name in it is broken, or when it does not fit
   */
  copyData(out: Uint8Array): number {
    const { bytes, kind, dataAt, dataSize } = this;
    const behind = dataAt + dataSize;
    const isName = kind === DNS_PTR || kind === DNS_CNAME || kind === DNS_NSEC;
    const fixed = isName ? 0 : kind === DNS_SRV ? SRV_TARGET : dataSize;
    if (fixed > dataSize || fixed > out.length) return -1;
    for (let i = 0; i < fixed; i++) out[i] = bytes[dataAt + i];
    if (fixed === dataSize) return fixed;
    let size = copyName(bytes, dataAt + fixed, behind, out, fixed);
    if (size < 0) return -1;
    // Behind its name an NSEC record has the types that exist.
    for (let at = afterName(bytes, dataAt + fixed, behind); at < behind; at++) {
      if (size >= out.length) return -1;
      out[size++] = bytes[at];
    }
    return size;
  }
}

/** @returns whether the name at `from` is that one, see the head of the file. Letters have no case */
export function isName(bytes: Uint8Array, from: number, end: number, name: Uint8Array): boolean {
  let at = from;
  let before = from;
  let pointers = 0;
  let i = 0;
  while (at < end) {
    const size = bytes[at];
    if (size >= 0xc0) {
      // A pointer leads towards the start only, so the walk ends.
      if (at + 1 >= end) return false;
      at = (size & 0x3f) * 256 + bytes[at + 1];
      if (at >= before || ++pointers > POINTERS_MOST) return false;
      before = at;
      continue;
    }
    if (i >= name.length || name[i] !== size || at + size >= end) return false;
    if (size === 0) return i + 1 === name.length;
    for (let k = 1; k <= size; k++) if (lower(bytes[at + k]) !== name[i + k]) return false;
    at += size + 1;
    i += size + 1;
  }
  return false;
}

/** Writes the name at `from` in full and in lower case. @returns the offset in `out` behind it; -1 when it is broken */
function copyName(bytes: Uint8Array, from: number, end: number, out: Uint8Array, start: number): number {
  let at = from;
  let before = from;
  let pointers = 0;
  let to = start;
  while (at < end) {
    const size = bytes[at];
    if (size >= 0xc0) {
      if (at + 1 >= end) return -1;
      at = (size & 0x3f) * 256 + bytes[at + 1];
      if (at >= before || ++pointers > POINTERS_MOST) return -1;
      before = at;
      continue;
    }
    if (size > LABEL_OCTETS || at + size >= end || to + size >= out.length || to - start + size >= NAME_BYTES)
      return -1;
    out[to++] = size;
    if (size === 0) return to;
    for (let k = 1; k <= size; k++) out[to++] = lower(bytes[at + k]);
    at += size + 1;
  }
  return -1;
}

/** @returns a name as it is written, in lower case @throws Error for a name that cannot be written */
export function nameOctets(name: string): Uint8Array {
  const out = new Uint8Array(NAME_BYTES);
  const end = name.length < NAME_BYTES - 1 ? writeName(out, 0, name.toLowerCase()) : -1;
  if (end < 0) throw new Error(name + " is no name of a host");
  return out.slice(0, end);
}

/** Writes one message: `begin`, then questions and records in the order of their sections, then `finish`. */
export class MdnsWriter {
  readonly bytes = new Uint8Array(MDNS_BYTES);
  end = 0;

  begin(id: number, isResponse: boolean): void {
    const { bytes } = this;
    bytes.fill(0, 0, HEADER_BYTES);
    bytes[0] = id >>> 8;
    bytes[1] = id;
    // A response is authoritative. RFC 6762 §18.4
    if (isResponse) bytes[2] = 0x84;
    this.end = HEADER_BYTES;
  }

  question(name: Uint8Array, kind: number): void {
    if (this.end + name.length + 4 > MDNS_BYTES) return;
    this.put(name);
    this.uint16(kind);
    this.uint16(CLASS_IN);
    this.count(SECTION_QUESTIONS);
  }

  /** @param isFlush other records of that name and type are outdated @returns false when there was no room */
  record(section: number, name: Uint8Array, kind: number, isFlush: boolean, ttlS: number, data: Uint8Array): boolean {
    if (this.end + name.length + 10 + data.length > MDNS_BYTES) return false;
    this.put(name);
    this.uint16(kind);
    this.uint16(CLASS_IN + (isFlush ? TOP_BIT : 0));
    this.uint16(0);
    this.uint16(ttlS);
    this.uint16(data.length);
    this.put(data);
    this.count(section);
    return true;
  }

  private put(octets: Uint8Array): void {
    this.bytes.set(octets, this.end);
    this.end += octets.length;
  }

  private uint16(value: number): void {
    this.bytes[this.end++] = value >>> 8;
    this.bytes[this.end++] = value;
  }

  /** The counts stay below 256. */
  private count(section: number): void {
    this.bytes[5 + 2 * section] += 1;
  }
}
