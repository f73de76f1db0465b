/**
 * Reads what a check of a server needs of its certificate (X.509, DER): the hosts that it names, its dates and its
 * public key. Every octet may be bad: what is malformed gives null or ends the list, nothing throws, and each loop
 * moves on. RFC 5280 §4, RFC 5922 §7.1. Not here: signatures (the TLS library), and the verdict (hal/tls/proof.ts).
 */
import { DAY_S, daysTo } from "../core/calendar.js";

const TAG_INTEGER = 0x02;
const TAG_BIT_STRING = 0x03;
const TAG_OCTET_STRING = 0x04;
const TAG_OID = 0x06;
const TAG_UTC_TIME = 0x17;
const TAG_TIME = 0x18;
const TAG_SEQUENCE = 0x30;
const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;
/** The kinds of names, which are tags too. */
export const NAME_DNS = 0x82;
export const NAME_URI = 0x86;
export const NAME_ADDRESS = 0x87;
/** A DNS name whose first label is `*`; no tag. */
export const NAME_WILDCARD = -1;

/** subjectAltName, 2.5.29.17 */
const ALTERNATIVE_NAME = Uint8Array.of(0x55, 0x1d, 0x11);
/** Longer values do not occur in a handshake. */
const LENGTH_OCTETS = 3;
const SIP_SCHEME = "sip:";
/** RFC 1035 §2.3.4 */
const HOST_MOST = 253;

/** Walks over the values of DER, one after the other. */
class Reader {
  private readonly bytes: Uint8Array;
  private at: number;
  private end: number;
  tag = 0;
  /** The content of the value that was read last. */
  start = 0;
  stop = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get isOver(): boolean {
    return this.at >= this.end;
  }

  /** Reads the next value. @returns false at the end, or if it is malformed */
  next(): boolean {
    const { bytes, end } = this;
    let at = this.at;
    if (at + 2 > end) return false;
    this.tag = bytes[at++];
    let length = bytes[at++];
    // Tags of several octets do not occur.
    if ((this.tag & 0x1f) === 0x1f || length === 0x80) return false;
    if (length > 0x80) {
      let count = length - 0x80;
      if (count > LENGTH_OCTETS || at + count > end) return false;
      for (length = 0; count > 0; count--) length = length * 256 + bytes[at++];
    }
    if (at + length > end) return false;
    this.start = at;
    this.stop = at + length;
    this.at = this.stop;
    return true;
  }

  /** @returns whether the value that was read last has that tag */
  is(tag: number): boolean {
    return this.tag === tag;
  }

  /** Reads the next value. @returns false if it is malformed or has another tag */
  take(tag: number): boolean {
    return this.next() && this.tag === tag;
  }

  /** The values in the value that was read last come next, and after them nothing. */
  enter(): void {
    this.at = this.start;
    this.end = this.stop;
  }
}

export interface Certificate {
  readonly der: Uint8Array;
  /** s since 1970 */
  readonly fromS: number;
  readonly untilS: number;
  /** The public key with its kind (subjectPublicKeyInfo), of which a pin is the hash. */
  readonly keyStart: number;
  readonly keyEnd: number;
  /** The list of names; empty if there is none. */
  readonly namesStart: number;
  readonly namesEnd: number;
}

/** @returns null if it is malformed; the octets are kept */
export function readCertificate(der: Uint8Array): Certificate | null {
  const outer = new Reader(der, 0, der.length);
  if (!outer.take(TAG_SEQUENCE) || !outer.isOver) return null;
  outer.enter();
  if (!outer.take(TAG_SEQUENCE)) return null;
  const tbs = new Reader(der, outer.start, outer.stop);
  if (!outer.take(TAG_SEQUENCE) || !outer.take(TAG_BIT_STRING) || !outer.isOver) return null;
  if (!tbs.next()) return null;
  // The version may be left out.
  if (!tbs.is(TAG_INTEGER) && !(tbs.is(TAG_VERSION) && tbs.take(TAG_INTEGER))) return null;
  // The algorithm of the signature, and the issuer.
  if (!tbs.take(TAG_SEQUENCE) || !tbs.take(TAG_SEQUENCE)) return null;
  if (!tbs.take(TAG_SEQUENCE)) return null;
  const dates = new Reader(der, tbs.start, tbs.stop);
  const fromS = dates.next() ? timeOf(der, dates) : -1;
  const untilS = dates.next() ? timeOf(der, dates) : -1;
  if (fromS < 0 || untilS < 0 || !dates.isOver) return null;
  if (!tbs.take(TAG_SEQUENCE)) return null;
  const keyStart = tbs.stop;
  if (!tbs.take(TAG_SEQUENCE)) return null;
  const keyEnd = tbs.stop;
  let namesStart = 0;
  let namesEnd = 0;
  while (!tbs.isOver) {
    if (!tbs.next()) return null;
    if (!tbs.is(TAG_EXTENSIONS)) continue;
    tbs.enter();
    if (!tbs.take(TAG_SEQUENCE) || !tbs.isOver) return null;
    tbs.enter();
    while (!tbs.isOver) {
      if (!tbs.take(TAG_SEQUENCE)) return null;
      const extension = new Reader(der, tbs.start, tbs.stop);
      if (!extension.take(TAG_OID)) return null;
      const isNames = isOctets(der, extension.start, extension.stop, ALTERNATIVE_NAME);
      // An extension may say that it is critical, before its value.
      if (!extension.next() || !(extension.is(TAG_OCTET_STRING) || extension.take(TAG_OCTET_STRING))) return null;
      if (!isNames) continue;
      // A second list could say something else than the one that was checked by its signer.
      if (namesEnd > 0) return null;
      extension.enter();
      if (!extension.take(TAG_SEQUENCE) || !extension.isOver) return null;
      namesStart = extension.start;
      namesEnd = extension.stop;
    }
  }
  return { der, fromS, untilS, keyStart, keyEnd, namesStart, namesEnd };
}

/** Walks over the names of a certificate that are hosts or IPv4 addresses. */
export class Names {
  private readonly der: Uint8Array;
  private readonly reader: Reader;
  /** NAME_* */
  kind = 0;
  /** The octets of the host, those behind `sip:` of a URI or behind `*.`, or the four of an address. */
  start = 0;
  stop = 0;

  constructor(certificate: Certificate) {
    this.der = certificate.der;
    this.reader = new Reader(certificate.der, certificate.namesStart, certificate.namesEnd);
  }

  /** @returns false at the end of the list; names of other kinds, and what is no host, are passed over */
  next(): boolean {
    const { der, reader } = this;
    while (reader.next()) {
      this.kind = reader.tag;
      this.start = reader.start;
      this.stop = reader.stop;
      if (reader.tag === NAME_ADDRESS && reader.stop - reader.start === 4) return true;
      if (reader.tag === NAME_URI) {
        if (!isText(der, reader.start, Math.min(reader.start + SIP_SCHEME.length, reader.stop), SIP_SCHEME)) continue;
        this.start += SIP_SCHEME.length;
      } else if (reader.tag !== NAME_DNS) continue;
      else if (isText(der, reader.start, Math.min(reader.start + 2, reader.stop), "*.")) {
        this.kind = NAME_WILDCARD;
        this.start += 2;
      }
      if (isHost(der, this.start, this.stop)) return true;
    }
    return false;
  }

  /**
   * @returns whether it is that host or address, in lower case; `*` is one whole label, of a name of three or more
   * (RFC 9525 §6.3)
   */
  is(wanted: string): boolean {
    if (this.kind === NAME_ADDRESS) return this.text() === wanted;
    if (this.kind !== NAME_WILDCARD) return isText(this.der, this.start, this.stop, wanted);
    const dot = wanted.indexOf(".");
    const behind = wanted.slice(dot + 1);
    return dot > 0 && behind.indexOf(".") > 0 && isText(this.der, this.start, this.stop, behind);
  }

  /** @returns the host in lower case, or the address */
  text(): string {
    const { der, start, stop } = this;
    if (this.kind === NAME_ADDRESS)
      return der[start] + "." + der[start + 1] + "." + der[start + 2] + "." + der[start + 3];
    let text = this.kind === NAME_WILDCARD ? "*." : "";
    for (let i = start; i < stop; i++) text += String.fromCharCode(lower(der[i]));
    return text;
  }
}

function lower(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
}

function isHost(der: Uint8Array, start: number, stop: number): boolean {
  if (start >= stop || stop - start > HOST_MOST) return false;
  for (let i = start; i < stop; i++) {
    const octet = lower(der[i]);
    const isLetter = octet >= 0x61 && octet <= 0x7a;
    const isDigit = octet >= 0x30 && octet <= 0x39;
    // "." "-" "_"
    if (!isLetter && !isDigit && octet !== 0x2e && octet !== 0x2d && octet !== 0x5f) return false;
  }
  return true;
}

/** @param text in lower case; capitals of the octets count as small letters */
function isText(der: Uint8Array, start: number, stop: number, text: string): boolean {
  if (stop - start !== text.length) return false;
  for (let i = start; i < stop; i++) if (lower(der[i]) !== text.charCodeAt(i - start)) return false;
  return true;
}

function isOctets(der: Uint8Array, start: number, stop: number, wanted: Uint8Array): boolean {
  if (stop - start !== wanted.length) return false;
  for (let i = start; i < stop; i++) if (der[i] !== wanted[i - start]) return false;
  return true;
}

/** @returns s since 1970, 0 for an earlier time; -1 if it is no time. RFC 5280 §4.1.2.5: it ends with Z */
function timeOf(der: Uint8Array, { tag, start, stop }: Reader): number {
  const yearDigits = tag === TAG_UTC_TIME ? 2 : tag === TAG_TIME ? 4 : 0;
  if (yearDigits === 0 || stop - start !== yearDigits + 11 || der[stop - 1] !== 0x5a) return -1;
  for (let i = start; i < stop - 1; i++) if (der[i] < 0x30 || der[i] > 0x39) return -1;
  const pair = (at: number): number => (der[at] - 0x30) * 10 + der[at + 1] - 0x30;
  let year = pair(start);
  if (yearDigits === 4) year = year * 100 + pair(start + 2);
  else year += year < 50 ? 2000 : 1900;
  const at = start + yearDigits;
  const month = pair(at);
  const day = pair(at + 2);
  const hour = pair(at + 4);
  const minute = pair(at + 6);
  const second = pair(at + 8);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return -1;
  const s = (daysTo(year, month) + day - 1) * DAY_S + hour * 3600 + minute * 60 + second;
  return s < 0 ? 0 : s;
}
