/**
 * Questions to a name server and its answers, for drivers without a resolver: A, SRV and NAPTR records over UDP. RFC
 * 1035, RFC 2782, RFC 3403. A look-up is rare, so objects and texts are made here.
 * Not here: asking (hal/moddable/resolver.ts), other records, names with other octets than letters, digits, "-" and
 * "_", DNSSEC.
 */
import { lower } from "../core/bytes.js";

export const DNS_A = 1;
const DNS_CNAME = 5;
export const DNS_SRV = 33;
export const DNS_NAPTR = 35;
export const CLASS_IN = 1;

/** The longest answer over UDP without extensions, octets; any question fits as well. */
export const DNS_BYTES = 512;
export const HEADER_BYTES = 12;
const NAME_CHARACTERS = 253;
const LABEL_OCTETS = 63;
/**
 * Pointers that are followed in one name. Real names have one or two; a message may have so many records, each with a
 * name that is a chain of pointers through half of it, that reading it would stop a board for seconds.
 */
export const POINTERS_MOST = 8;
/** Number of records of each kind; further ones are left out. */
const RECORDS = 8;

/**
 * `readAnswer` returns this, or the response code of the server (0 to 15): the octets answer another question, or none.
 */
export const DNS_NOT_OURS = -1;

export interface Service {
  priority: number;
  weight: number;
  port: number;
  /** In lower case; "" is the root: there is no such service. */
  target: string;
}

export interface DnsAnswer {
  services: Service[];
  /** Where SRV records of the service are that was asked for, by NAPTR; "" when no record says so. */
  replacement: string;
  /** The least time that a record which counts is good, s; -1 when none counts. */
  ttlS: number;
  /** Addresses of the name that was asked for, or of the name it is an alias of. */
  addresses: number[];
  /** Names whose addresses the server adds. */
  otherNames: string[];
  otherAddresses: number[];
}

/**
 * Writes a question.
 * @returns its length in `out`, which has room for DNS_BYTES; -1 when `name` is no name of a host
 */
export function writeQuestion(out: Uint8Array, id: number, name: string, type: number): number {
  if (name.length === 0 || name.length > NAME_CHARACTERS) return -1;
  out.fill(0, 0, HEADER_BYTES);
  out[0] = id >>> 8;
  out[1] = id;
  // The flag "recursion desired", and one question.
  out[2] = 1;
  out[5] = 1;
  const at = writeName(out, HEADER_BYTES, name);
  if (at < 0) return -1;
  out[at + 1] = type;
  out[at + 3] = CLASS_IN;
  out[at] = out[at + 2] = 0;
  return at + 4;
}

/**
 * Writes a name of letters, digits, "-" and "_", without compression.
 * @returns the offset behind it; -1 when a label is empty, too long, or has another octet
 */
export function writeName(out: Uint8Array, start: number, name: string): number {
  let at = start;
  let label = at++;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code !== 0x2e) {
      if (!isNameOctet(code)) return -1;
      out[at++] = code;
    }
    if (code === 0x2e || i === name.length - 1) {
      const octets = at - label - 1;
      if (octets === 0 || octets > LABEL_OCTETS) return -1;
      out[label] = octets;
      label = at++;
    }
  }
  // A name that ends with a dot has its root label already.
  out[label] = 0;
  return label + 1;
}

/**
 * Reads the answer to that question from `bytes[0, end)`.
 * @param service of NAPTR records, in lower case: `sip+d2u` @param into emptied, then filled
 * @returns the server's response code, 0 to 15, or DNS_NOT_OURS
 */
export function readAnswer(
  bytes: Uint8Array,
  end: number,
  id: number,
  name: string,
  type: number,
  into: DnsAnswer,
  service = "",
): number {
  into.replacement = "";
  into.ttlS = -1;
  let bestOrder = Infinity;
  into.services.length = into.addresses.length = into.otherNames.length = into.otherAddresses.length = 0;
  if (end < HEADER_BYTES || uint16(bytes, 0) !== id || (bytes[2] & 0xf8) !== 0x80 || uint16(bytes, 4) !== 1)
    return DNS_NOT_OURS;
  let alias = withoutDot(name.toLowerCase());
  let at = afterName(bytes, HEADER_BYTES, end);
  if (at < 0 || at + 4 > end || readName(bytes, HEADER_BYTES, end) !== alias || uint16(bytes, at) !== type)
    return DNS_NOT_OURS;
  at += 4;
  const answers = uint16(bytes, 6);
  const records = answers + uint16(bytes, 8) + uint16(bytes, 10);
  for (let i = 0; i < records; i++) {
    const owner = readName(bytes, at, end);
    at = afterName(bytes, at, end);
    if (at < 0 || at + 10 > end) break;
    const kind = uint16(bytes, at);
    const ttlS = ttlOf(bytes, at + 4);
    const size = uint16(bytes, at + 8);
    at += 10;
    if (at + size > end) break;
    const isOurs = i < answers && owner === alias;
    if (isOurs && kind === DNS_CNAME) {
      const target = readName(bytes, at, end);
      if (target !== null) {
        alias = target;
        into.ttlS = leastOf(into.ttlS, ttlS);
      }
    } else if (isOurs && kind === DNS_SRV && type === DNS_SRV && size > 6) {
      const target = readName(bytes, at + 6, end);
      if (target !== null) keepService(into.services, readService(bytes, at, target));
      into.ttlS = leastOf(into.ttlS, ttlS);
    } else if (isOurs && kind === DNS_NAPTR && type === DNS_NAPTR && size > 7) {
      // Order and preference are one number: the lowest counts. RFC 3403 §4.1
      const order = uint16(bytes, at) * 65536 + uint16(bytes, at + 2);
      const target = order < bestOrder ? readReplacement(bytes, at + 4, at + size, end, service) : "";
      if (target !== "") {
        bestOrder = order;
        into.replacement = target;
      }
    } else if (kind === DNS_A && size === 4) {
      const address = uint16(bytes, at) * 65536 + uint16(bytes, at + 2);
      if (isOurs && type === DNS_A && into.addresses.length < RECORDS) {
        into.addresses.push(address);
        into.ttlS = leastOf(into.ttlS, ttlS);
      } else if (owner !== null && into.otherNames.length < RECORDS) {
        into.otherNames.push(owner);
        into.otherAddresses.push(address);
      }
    }
    at += size;
  }
  return bytes[3] & 15;
}

/** Keeps a service; when there are too many, those of the lowest priority. */
function keepService(services: Service[], one: Service): void {
  if (services.length < RECORDS) {
    services.push(one);
    return;
  }
  let last = 0;
  for (let i = 1; i < services.length; i++) if (services[i].priority > services[last].priority) last = i;
  if (one.priority < services[last].priority) services[last] = one;
}

/**
 * Reads flags, services, regular expression and replacement of a NAPTR record from `bytes[at, recordEnd)`. Only a
 * record that leads to SRV records counts (flag "s"), without an expression. RFC 3263 §4.1
 * @returns the replacement, "" when it is not for that service
 */
function readReplacement(bytes: Uint8Array, at: number, recordEnd: number, end: number, service: string): string {
  const flagsEnd = at + 1 + bytes[at];
  const servicesEnd = flagsEnd < recordEnd ? flagsEnd + 1 + bytes[flagsEnd] : recordEnd;
  const isRight = servicesEnd < recordEnd && textOf(bytes, at + 1, flagsEnd) === "s" && bytes[servicesEnd] === 0;
  if (!isRight || textOf(bytes, flagsEnd + 1, servicesEnd) !== service) return "";
  return readName(bytes, servicesEnd + 1, end) ?? "";
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let out = "";
  for (let i = start; i < end; i++) out += String.fromCharCode(lower(bytes[i]));
  return out;
}

/** @returns the time for which a record is good, s */
export function ttlOf(bytes: Uint8Array, at: number): number {
  // A time with the highest bit set counts as none. RFC 2181 §8
  return bytes[at] >= 0x80 ? 0 : uint16(bytes, at) * 65536 + uint16(bytes, at + 2);
}

function leastOf(a: number, b: number): number {
  return a < 0 ? b : Math.min(a, b);
}

/**
 * @param lot from 0 to 1, without 1
 * @returns the index in `services` of the one to try first, -1 when there is none: that of the lowest priority, within
 * it by lot with the weights. RFC 2782
 */
export function chooseService(services: readonly Service[], lot: number): number {
  let lowest = Infinity;
  let weights = 0;
  for (let i = 0; i < services.length; i++) {
    const { priority, weight } = services[i];
    if (priority < lowest) weights = 0;
    if (priority <= lowest) {
      lowest = priority;
      weights += weight;
    }
  }
  let left = lot * weights;
  let found = -1;
  for (let i = 0; i < services.length; i++) {
    if (services[i].priority !== lowest) continue;
    // A service of weight 0 is taken only when no other is left.
    if (found < 0 || services[i].weight > 0) found = i;
    left -= services[i].weight;
    if (left < 0) break;
  }
  return found;
}

function readService(bytes: Uint8Array, at: number, target: string): Service {
  return { priority: uint16(bytes, at), weight: uint16(bytes, at + 2), port: uint16(bytes, at + 4), target };
}

/**
 * Reads a name and follows its pointers, which lead towards the start only.
 * @returns labels in lower case with dots between, "" for the root; null when it is not a name that is read here
 */
function readName(bytes: Uint8Array, from: number, end: number): string | null {
  let out = "";
  let at = from;
  let before = from;
  let pointers = 0;
  while (at < end) {
    const size = bytes[at];
    if (size === 0) return out;
    if (size >= 0xc0) {
      if (at + 1 >= end) return null;
      at = (size & 0x3f) * 256 + bytes[at + 1];
      if (at >= before || ++pointers > POINTERS_MOST) return null;
      before = at;
      continue;
    }
    if (size > LABEL_OCTETS || at + size >= end || out.length + size > NAME_CHARACTERS) return null;
    if (out !== "") out += ".";
    for (let i = at + 1; i <= at + size; i++) {
      if (!isNameOctet(bytes[i])) return null;
      out += String.fromCharCode(lower(bytes[i]));
    }
    at += size + 1;
  }
  return null;
}

/** @returns the offset behind the name at `at`, -1 when it does not end */
export function afterName(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const size = bytes[at];
    if (size >= 0xc0) return at + 2;
    at += size + 1;
    if (size === 0) return at;
  }
  return -1;
}

function isNameOctet(code: number): boolean {
  const small = code | 0x20;
  return (small >= 0x61 && small <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x5f;
}

function withoutDot(name: string): string {
  return name.charCodeAt(name.length - 1) === 0x2e ? name.slice(0, -1) : name;
}

export function uint16(bytes: Uint8Array, at: number): number {
  return bytes[at] * 256 + bytes[at + 1];
}
