/**
 * URIs of the schemes sip, sips (RFC 3261 §19.1) and tel (RFC 3966): their parts as offsets, and whether two mean the
 * same. Of any other scheme only the offset behind its name is known. No name is resolved here.
 */
import { PORT_MOST } from "../core/address.js";
import { equal, equalNoCase, lower, NONE, octets, Span, text } from "../core/bytes.js";
import { addressOf, isSeparator, sameHost, sameUser } from "./compare.js";
import { component, equalEscaped, unescape as writePlain } from "./escapes.js";
import { hexDigit, STOP_HOST, STOP_NO_URI, STOP_URI_PARAMS, STOP_USER, scan } from "./lex.js";
import { transportOf } from "./lookup.js";
import { TRANSPORT_NONE } from "./names.js";

export { unescape } from "./escapes.js";

export const SCHEME_OTHER = 0;
export const SCHEME_SIP = 1;
export const SCHEME_SIPS = 2;
export const SCHEME_TEL = 3;

const SIP = octets("sip");
const SIPS = octets("sips");
const TEL = octets("tel");
const TRANSPORT = octets("transport");
const LR = octets("lr");
const USER = octets("user");
const PHONE = octets("phone");
/** Parameters that make two URIs differ when only one has them. RFC 3261 §19.1.4; transport by its examples. */
const DECISIVE: readonly Uint8Array[] = [octets("user"), octets("ttl"), octets("method"), octets("maddr"), TRANSPORT];

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUESTION = 0x3f;
const AT = 0x40;
const BRACKET = 0x5b;

// Constants of this file: see lex.ts.
const USER_END = STOP_USER;
const HOST_END = STOP_HOST;
const PARAMS_END = STOP_URI_PARAMS;
const NO_URI = STOP_NO_URI;

export class Uri {
  bytes: Uint8Array = NONE;
  start = 0;
  end = 0;
  /** SCHEME_* */
  scheme = SCHEME_OTHER;
  /** Offset of the colon behind the scheme. */
  schemeEnd = 0;
  /** The user without the password, for tel the number; empty when there is none. */
  userStart = 0;
  userEnd = 0;
  passwordStart = 0;
  passwordEnd = 0;
  /** The host, an IPv6 address without its brackets; empty for tel. */
  hostStart = 0;
  hostEnd = 0;
  isIPv6 = false;
  /** The port, -1 when it is not given. */
  port = -1;
  /** The parameters from the first `;` up to `?`; empty when there are none. */
  paramsStart = 0;
  paramsEnd = 0;
  /** The headers behind the `?`; empty when there are none. */
  headersStart = 0;
  headersEnd = 0;
  private readonly value = new Span();

  /**
   * Reads an addr-spec (no `<>`). The octets stay the caller's. A URI of an unknown scheme is well formed with any text
   * behind the scheme.
   * @returns whether it is well formed; when it is not, nothing here may be used
   */
  parse(bytes: Uint8Array, start: number, end: number): boolean {
    return this.parseUpTo(bytes, start, end) === end;
  }

  /**
   * Reads the addr-spec at `start` as `parse` does, up to the first octet that cannot be a part of it: the `>` behind
   * it is found in the pass that reads it.
   * @returns the offset of that octet, `end` at most; -1 when it is not well formed, and nothing here may be used
   */
  parseUpTo(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    this.start = start;
    this.port = -1;
    this.isIPv6 = false;
    if (isSipColon(bytes, start, end)) {
      this.scheme = SCHEME_SIP;
      this.schemeEnd = start + 3;
      return this.readSip(bytes, start + 4, end);
    }
    const colon = schemeStop(bytes, start, end);
    if (colon < 0) return -1;
    const scheme = schemeOf(bytes, start, colon);
    this.scheme = scheme;
    this.schemeEnd = colon;
    if (scheme === SCHEME_SIP || scheme === SCHEME_SIPS) return this.readSip(bytes, colon + 1, end);
    const stop = scan(bytes, colon + 1, end, NO_URI);
    if (stop === colon + 1) return -1;
    this.end = this.headersStart = this.headersEnd = stop;
    this.userStart = this.userEnd = this.passwordStart = this.passwordEnd = colon + 1;
    this.hostStart = this.hostEnd = colon + 1;
    this.paramsStart = this.paramsEnd = stop;
    return scheme === SCHEME_OTHER || this.readTel(colon + 1) ? stop : -1;
  }

  private readTel(at: number): boolean {
    const bytes = this.bytes;
    let i = at;
    while (i < this.end && bytes[i] !== SEMICOLON) {
      if (!isPhoneOctet(bytes[i])) return false;
      i += 1;
    }
    this.userEnd = i;
    this.passwordStart = this.passwordEnd = this.hostStart = this.hostEnd = i;
    this.paramsStart = i;
    return i > at;
  }

  /** Reads from behind the scheme's colon on. @returns as `parseUpTo` */
  private readSip(bytes: Uint8Array, at: number, end: number): number {
    // One pass over the user: where it ends, and whether its escapes are whole, for it is looked up and compared. Where
    // there is none the pass goes over all of the URI.
    let stop = -1;
    let colon = -1;
    let isEscaped = true;
    let octet = 0;
    let i = scan(bytes, at, end, USER_END);
    while (i < end) {
      octet = bytes[i];
      if (octet === AT) {
        stop = i;
        break;
      }
      if (octet === COLON) {
        if (colon < 0) colon = i;
      } else if (octet === PERCENT) isEscaped &&= isEscape(bytes, i, end);
      else break;
      i = scan(bytes, i + 1, end, USER_END);
    }
    this.userStart = at;
    if (stop >= 0) {
      if (colon < 0) colon = stop;
      if (!isEscaped || colon === at) return -1;
      this.userEnd = colon;
      this.passwordStart = colon < stop ? colon + 1 : stop;
      this.passwordEnd = stop;
      i = stop + 1;
    } else {
      this.userEnd = this.passwordStart = this.passwordEnd = at;
      i = at;
    }
    if (i < end && bytes[i] === BRACKET) i = this.readIPv6(i, end);
    else {
      this.hostStart = i;
      stop = scan(bytes, i, end, HOST_END);
      this.hostEnd = stop;
      i = stop > i ? stop : -1;
    }
    if (i < 0) return -1;
    if (i < end && bytes[i] === COLON) {
      const portStart = ++i;
      let port = 0;
      while (i < end) {
        octet = bytes[i] - 0x30;
        if (octet < 0 || octet > 9) break;
        port = port * 10 + octet;
        if (port > PORT_MOST) return -1;
        i += 1;
      }
      if (i === portStart) return -1;
      this.port = port;
    }
    this.paramsStart = i;
    if (i < end && bytes[i] === SEMICOLON) i = scan(bytes, i, end, PARAMS_END);
    this.paramsEnd = i;
    this.headersStart = i;
    if (i < end && bytes[i] === QUESTION) {
      this.headersStart = i + 1;
      i = scan(bytes, i, end, NO_URI);
    }
    this.end = this.headersEnd = i;
    return i;
  }

  /** Reads the address whose bracket opens at `at`. @returns the offset behind the bracket that closes, or -1 */
  private readIPv6(at: number, end: number): number {
    const bytes = this.bytes;
    let i = at + 1;
    while (i < end && (hexDigit(bytes[i]) >= 0 || bytes[i] === COLON || bytes[i] === 0x2e)) i += 1;
    this.hostStart = at + 1;
    this.hostEnd = i;
    this.isIPv6 = true;
    return i < end && bytes[i] === 0x5d && i - at > 2 ? i + 1 : -1;
  }

  /** @returns the host as a number if it is an IPv4 address; -1 for a name and for IPv6. It is read on demand. */
  get ip(): number {
    return this.isIPv6 ? -1 : addressOf(this.bytes, this.hostStart, this.hostEnd);
  }

  /**
   * Finds a URI parameter; its name is compared without case and escapes, escapes stay in the value. `out` is only set
   * when it is there.
   */
  param(name: Uint8Array, out: Span): boolean {
    return component(this.bytes, this.paramsStart, this.paramsEnd, SEMICOLON, name, 0, name.length, out);
  }

  /** Finds a header behind the `?`, as `param`. */
  header(name: Uint8Array, out: Span): boolean {
    return component(this.bytes, this.headersStart, this.headersEnd, AMPERSAND, name, 0, name.length, out);
  }

  /** @returns TRANSPORT_* of `;transport=`, TRANSPORT_NONE when it is not given */
  transport(): number {
    const value = this.value;
    return this.param(TRANSPORT, value) ? transportOf(value.bytes, value.start, value.end) : TRANSPORT_NONE;
  }

  /** Whether it has `;lr`: a loose router. RFC 3261 §19.1.1 */
  isLoose(): boolean {
    return this.param(LR, this.value);
  }

  /**
   * Whether both mean the same resource. RFC 3261 §19.1.4; for tel RFC 3966 §4. This is not transitive, as the RFC
   * says.
   */
  equals(other: Uri): boolean {
    if (!equalNoCase(this.bytes, this.start, this.schemeEnd, other.bytes, other.start, other.schemeEnd)) return false;
    if (this.scheme === SCHEME_OTHER)
      return equal(this.bytes, this.schemeEnd, this.end, other.bytes, other.schemeEnd, other.end);
    if (this.scheme === SCHEME_TEL) return this.sameNumber(other) && this.hasAllOf(other) && other.hasAllOf(this);
    return (
      this.port === other.port &&
      sameHost(this.bytes, this.hostStart, this.hostEnd, other.bytes, other.hostStart, other.hostEnd) &&
      this.sameUserinfo(other) &&
      this.sameParams(other) &&
      this.sameHeaders(other)
    );
  }

  /**
   * Whether both name the same user at the same host, whatever their port, password and parameters, sip: or sips:. Two
   * URIs without a user are never the same.
   */
  isSameUser(other: Uri): boolean {
    if (!this.namesUser() || !other.namesUser()) return false;
    return (
      sameUser(this.bytes, this.userStart, this.userEnd, other.bytes, other.userStart, other.userEnd) &&
      sameHost(this.bytes, this.hostStart, this.hostEnd, other.bytes, other.hostStart, other.hostEnd)
    );
  }

  /** @returns the user without escapes, for people and settings; allocates */
  userText(): string {
    const out = new Uint8Array(this.userEnd - this.userStart);
    return text(out, 0, writePlain(this.bytes, this.userStart, this.userEnd, out, 0));
  }

  /** Whether it is a telephone number: tel:, or sip: with user=phone. RFC 3261 §19.1.6 */
  isNumber(): boolean {
    const { value } = this;
    return this.scheme === SCHEME_TEL || (this.param(USER, value) && value.isToken(PHONE));
  }

  /** Whether it is a SIP or SIPS URI with a user. */
  namesUser(): boolean {
    return (this.scheme === SCHEME_SIP || this.scheme === SCHEME_SIPS) && this.userEnd > this.userStart;
  }

  private sameUserinfo(other: Uri): boolean {
    if (this.passwordStart > this.userEnd !== other.passwordStart > other.userEnd) return false;
    return (
      equalEscaped(this.bytes, this.userStart, this.userEnd, other.bytes, other.userStart, other.userEnd, false) &&
      equalEscaped(
        this.bytes,
        this.passwordStart,
        this.passwordEnd,
        other.bytes,
        other.passwordStart,
        other.passwordEnd,
        false,
      )
    );
  }

  /** Compares telephone numbers without their visual separators. */
  private sameNumber(other: Uri): boolean {
    const a = this.bytes;
    const b = other.bytes;
    let i = this.userStart;
    let j = other.userStart;
    for (;;) {
      while (i < this.userEnd && isSeparator(a[i])) i += 1;
      while (j < other.userEnd && isSeparator(b[j])) j += 1;
      if (i >= this.userEnd || j >= other.userEnd) return i >= this.userEnd && j >= other.userEnd;
      if (lower(a[i++]) !== lower(b[j++])) return false;
    }
  }

  /** Whether each parameter of `other` is here, with the same value. */
  private hasAllOf(other: Uri): boolean {
    return within(other.bytes, other.paramsStart, other.paramsEnd, this, SEMICOLON, true);
  }

  private sameParams(other: Uri): boolean {
    const value = this.value;
    for (let i = 0; i < DECISIVE.length; i++)
      if (this.param(DECISIVE[i], value) !== other.param(DECISIVE[i], value)) return false;
    return within(other.bytes, other.paramsStart, other.paramsEnd, this, SEMICOLON, false);
  }

  private sameHeaders(other: Uri): boolean {
    return (
      within(other.bytes, other.headersStart, other.headersEnd, this, AMPERSAND, true) &&
      within(this.bytes, this.headersStart, this.headersEnd, other, AMPERSAND, true)
    );
  }

  /** Finds a parameter or header by a name that may itself have escapes; for `within`. */
  findComponent(separator: number, name: Uint8Array, nameStart: number, nameEnd: number): Span | null {
    const isParam = separator === SEMICOLON;
    const start = isParam ? this.paramsStart : this.headersStart;
    const end = isParam ? this.paramsEnd : this.headersEnd;
    return component(this.bytes, start, end, separator, name, nameStart, nameEnd, this.value) ? this.value : null;
  }
}

/**
 * Whether the components `bytes[start, end)` that `uri` has too have the same value there; with `all`, whether it has
 * each of them.
 */
function within(bytes: Uint8Array, start: number, end: number, uri: Uri, separator: number, all: boolean): boolean {
  let i = start;
  while (i < end) {
    if (bytes[i] === separator) {
      i += 1;
      continue;
    }
    const nameStart = i;
    while (i < end && bytes[i] !== EQUALS && bytes[i] !== separator) i += 1;
    const nameEnd = i;
    let valueStart = i;
    if (i < end && bytes[i] === EQUALS) valueStart = ++i;
    while (i < end && bytes[i] !== separator) i += 1;
    const found = uri.findComponent(separator, bytes, nameStart, nameEnd);
    if (found === null) {
      if (all) return false;
    } else if (!equalEscaped(bytes, valueStart, i, found.bytes, found.start, found.end, true)) return false;
  }
  return true;
}

/** Whether it is "sip:" without case. */
function isSipColon(bytes: Uint8Array, at: number, end: number): boolean {
  return (
    end - at > 3 &&
    bytes[at + 3] === COLON &&
    (bytes[at] | 0x20) === 0x73 &&
    (bytes[at + 1] | 0x20) === 0x69 &&
    (bytes[at + 2] | 0x20) === 0x70
  );
}

/** @returns the offset of the colon behind a well-formed scheme, or -1. RFC 3986 §3.1 */
export function schemeStop(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  const first = bytes[start] | 0x20;
  if (first < 0x61 || first > 0x7a) return -1;
  let i = start + 1;
  while (i < end && isSchemeOctet(bytes[i])) i += 1;
  return i < end && bytes[i] === COLON ? i : -1;
}

/** @returns SCHEME_* of a scheme's name, without case */
export function schemeOf(bytes: Uint8Array, start: number, end: number): number {
  if (equalNoCase(bytes, start, end, SIP, 0, 3)) return SCHEME_SIP;
  if (equalNoCase(bytes, start, end, SIPS, 0, 4)) return SCHEME_SIPS;
  return equalNoCase(bytes, start, end, TEL, 0, 3) ? SCHEME_TEL : SCHEME_OTHER;
}

function isAlphanumeric(octet: number): boolean {
  const letter = octet | 0x20;
  return (octet >= 0x30 && octet <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}

function isSchemeOctet(octet: number): boolean {
  return isAlphanumeric(octet) || octet === 0x2b || octet === 0x2d || octet === 0x2e;
}

/** A percent sign and two hexadecimal digits; the host does not begin among them. */
function isEscape(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 2 < end && hexDigit(bytes[at + 1]) >= 0 && hexDigit(bytes[at + 2]) >= 0;
}

/** Whether an octet may be in a number: phonedigit-hex, "*", "#" and a leading "+" (RFC 3966 §3), but not "%". */
function isPhoneOctet(octet: number): boolean {
  return hexDigit(octet) >= 0 || octet === 0x2b || octet === 0x2a || octet === 0x23 || isSeparator(octet);
}
