/**
 * URIs written from what a person typed (RFC 3261 §19.1.1, §25.1): what may not stand in a user part is escaped, hosts
 * and parameters are checked against what this door can reach. The check of a setting and the request made from it go
 * through here, so that a setting that is taken can be sent. For settings and keystrokes, so it works on strings.
 * Not here: what a target or a plan looks like (target.ts, settings/ringplan.ts), and reading URIs that come
 * (wire/uri.ts).
 */
import { ipv4, ipv4Text, PORT_MOST } from "../core/address.js";
import { text, utf8 } from "../core/bytes.js";
import { printable, SHOWN_MOST } from "../core/printable.js";
import { HOST_NAME_BYTES } from "../transaction/flow.js";

/** Characters that stand for themselves in a user part besides letters and digits: mark and user-unreserved. */
const USER_PLAIN = "-_.!~*'()&=+$,;?/";
/** The same for the name and the value of a URI parameter: mark and param-unreserved. */
const PARAM_PLAIN = "-_.!~*'()[]/:&+$";
const HEX = "0123456789ABCDEFabcdef";
const LABEL_MOST = 63;

/** A host with what stands around it; `error` is one line, and empty when all of it can be used. */
export interface HostText {
  /** The host as it is written on the wire; an IPv4 address in its plain form. */
  host: string;
  /** 0 when none is given. */
  port: number;
  /** URI parameters with their `;`, as they were given. */
  params: string;
  error: string;
}

/** The user part of a URI: what may not stand there is escaped, a `%` too. */
export function escapeUser(user: string): string {
  return escapeOctets(utf8(user), USER_PLAIN, false);
}

/** The user part of a URI that a person wrote: escapes stay as they are, a `:` parts the password. */
export function escapeUserinfo(userinfo: string): string {
  const colon = userinfo.indexOf(":");
  const user = escapeOctets(utf8(colon < 0 ? userinfo : userinfo.slice(0, colon)), USER_PLAIN, true);
  if (colon < 0) return user;
  return user + ":" + escapeOctets(utf8(userinfo.slice(colon + 1)), "-_.!~*'()&=+$,", true);
}

function escapeOctets(bytes: Uint8Array, plain: string, keepsEscapes: boolean): string {
  // Nearly all are letters and digits alone.
  let plainEnd = 0;
  while (plainEnd < bytes.length && isAlphanumeric(bytes[plainEnd])) plainEnd += 1;
  let out = text(bytes, 0, plainEnd);
  for (let i = plainEnd; i < bytes.length; i++) {
    const octet = bytes[i];
    const c = String.fromCharCode(octet);
    const isWhole = octet === 0x25 && i + 2 < bytes.length && isHex(bytes[i + 1]) && isHex(bytes[i + 2]);
    if (isAlphanumeric(octet) || plain.indexOf(c) >= 0 || (keepsEscapes && isWhole)) out += c;
    else out += "%" + (octet < 16 ? "0" : "") + octet.toString(16).toUpperCase();
  }
  return out;
}

/**
 * Reads `HOST`, `HOST:PORT` and the `;name=value` behind it. A `?` begins header fields, which no address of ours may
 * have.
 */
export function readHost(value: string): HostText {
  const semicolon = value.indexOf(";");
  const place = semicolon < 0 ? value : value.slice(0, semicolon);
  const at = place.indexOf("@");
  const out: HostText = { host: "", port: 0, params: semicolon < 0 ? "" : value.slice(semicolon), error: "" };
  const question = value.indexOf("?");
  if (question >= 0) out.error = shown(value.slice(question)) + " would become header fields: leave it out";
  else if (at >= 0) out.error = shown(place) + " has a user in it: give the host alone";
  else if (place.indexOf("[") >= 0 || place.indexOf(":") !== place.lastIndexOf(":"))
    out.error = shown(place) + " is an IPv6 address: give a host name or an IPv4 address";
  else {
    const colon = place.indexOf(":");
    out.host = colon < 0 ? place : place.slice(0, colon);
    const ip = ipv4(out.host);
    if (ip >= 0) out.host = ipv4Text(ip);
    else out.error = hostProblem(out.host);
    if (out.error === "" && colon >= 0) {
      out.port = portOf(place.slice(colon + 1));
      if (out.port === 0) out.error = shown(place.slice(colon + 1)) + " is no port: 1 to " + PORT_MOST;
    }
    if (out.error === "") out.error = paramsProblem(out.params);
  }
  return out;
}

/**
 * A server of the settings: `HOST`, `HOST:PORT`, or a SIP URI of these. Without parameters, for it becomes the host of
 * addresses.
 */
export function readDomain(value: string): HostText {
  const read = readHost(withoutScheme(value));
  if (read.error === "" && read.params !== "")
    read.error = shown(read.params) + " has no place in a domain: give HOST or HOST:PORT";
  return read;
}

/** Parameters that say something of a call, or lead elsewhere than to the host, which is what the proxy is known by. */
const NOT_OF_A_PROXY: readonly string[] = ["maddr", "method", "ttl", "user"];

/**
 * An outbound proxy: as a domain, perhaps with `;transport=` and what providers want besides; `;lr` it has in any case.
 */
function readProxy(value: string): HostText {
  const read = readHost(withoutScheme(value));
  const parts = read.params.split(";");
  for (let i = 1; i < parts.length && read.error === ""; i++)
    if (NOT_OF_A_PROXY.indexOf(nameOf(parts[i])) >= 0)
      read.error = shown(";" + parts[i]) + " has no meaning for a proxy: leave it out";
  return read;
}

/** Proxies there may be. */
export const PROXIES_MOST = 3;

/**
 * Reads outbound proxies with commas between, the one to try first in front.
 * @returns them, or one alone with the error of the first that cannot be used; none for an empty text
 */
export function readProxies(value: string): HostText[] {
  const all: HostText[] = [];
  if (value.trim() === "") return all;
  const parts = value.split(",");
  for (let i = 0; i < parts.length; i++) {
    const read = readProxy(parts[i].trim());
    for (let j = 0; j < all.length && read.error === ""; j++)
      if (proxyUri(all[j]).toLowerCase() === proxyUri(read).toLowerCase())
        read.error = shown(parts[i].trim()) + " is there twice";
    if (read.error === "" && i >= PROXIES_MOST) read.error = "there may be " + PROXIES_MOST + " proxies at most";
    if (read.error !== "") return [read];
    all.push(read);
  }
  return all;
}

/** @returns "" or what is wrong with proxies that were read */
export function proxiesProblem(all: readonly HostText[]): string {
  return all.length === 0 ? "" : all[0].error;
}

/** @returns the URI of a proxy that was read without error, as a loose route */
export function proxyUri(read: HostText): string {
  return "sip:" + placeOf(read) + read.params + (hasParam(read.params, "lr") ? "" : ";lr");
}

function withoutScheme(value: string): string {
  return value.slice(0, 4).toLowerCase() === "sip:" ? value.slice(4) : value;
}

/** @returns the host with its port, if one was given */
export function placeOf(read: HostText): string {
  return read.host + (read.port > 0 ? ":" + read.port : "");
}

/** @returns whether `;name` or `;name=value` is there, the name without case */
function hasParam(params: string, name: string): boolean {
  const parts = params.split(";");
  for (let i = 1; i < parts.length; i++) if (nameOf(parts[i]) === name) return true;
  return false;
}

function hostProblem(host: string): string {
  if (host === "") return "the host is missing";
  if (host.length > HOST_NAME_BYTES) return "a host name has " + HOST_NAME_BYTES + " characters at most";
  if (ipv4(host) >= 0) return "";
  const labels = host.split(".");
  // The dot behind the last label makes the name a full one. RFC 1034 §3.1
  if (labels.length > 1 && labels[labels.length - 1] === "") labels.pop();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label === "" || label.length > LABEL_MOST || label.charAt(0) === "-" || label.slice(-1) === "-")
      return shown(host) + " is no host: letters, digits and - between dots";
    for (let j = 0; j < label.length; j++) {
      const code = label.charCodeAt(j);
      if (!isAlphanumeric(code) && code !== 0x2d && code !== 0x5f)
        return shown(host) + " is no host: letters, digits and - between dots, other letters as xn--";
    }
  }
  // A name whose last label is a number would be taken for an address. RFC 3261 §25.1 (toplabel)
  if (hasLetter(labels[labels.length - 1])) return "";
  return shown(host) + " is no IPv4 address: four numbers up to 255";
}

/** @returns "" or what of the URI parameters cannot be sent or done */
function paramsProblem(params: string): string {
  const parts = params.split(";");
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i];
    const equals = part.indexOf("=");
    const name = nameOf(part);
    const value = equals < 0 ? "" : part.slice(equals + 1);
    if (name === "" || !isParamText(name) || !isParamText(value) || (equals >= 0 && value === ""))
      return shown(";" + part) + " is no parameter: ;name or ;name=value";
    for (let j = 1; j < i; j++) if (nameOf(parts[j]) === name) return shown(";" + name) + " is there twice";
    const problem = paramProblem(name, value);
    if (problem !== "") return problem;
  }
  return "";
}

/** Parameters with a meaning have to be such that we can do what they say. RFC 3261 §19.1.1 */
function paramProblem(name: string, value: string): string {
  if (name === "transport") {
    const transport = value.toLowerCase();
    if (transport !== "udp" && transport !== "tcp" && transport !== "tls")
      return shown(";transport=" + value) + " is not spoken: udp, tcp or tls";
  } else if (name === "maddr") return value.indexOf("[") >= 0 ? "maddr is no IPv4 address or name" : hostProblem(value);
  else if (name === "method") return "a call is an INVITE: leave out ;method";
  else if (name === "ttl" && (portOf(value) > 255 || (portOf(value) === 0 && value !== "0")))
    return shown(";ttl=" + value) + " is no time to live: 0 to 255";
  return "";
}

function nameOf(part: string): string {
  const equals = part.indexOf("=");
  return (equals < 0 ? part : part.slice(0, equals)).toLowerCase();
}

function isParamText(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0x25) {
      if (i + 2 >= value.length || !isHex(value.charCodeAt(i + 1)) || !isHex(value.charCodeAt(i + 2))) return false;
    } else if (!isAlphanumeric(code) && PARAM_PLAIN.indexOf(value.charAt(i)) < 0) return false;
  }
  return true;
}

/** @returns a number from 1 to PORT_MOST, 0 for what is none */
function portOf(value: string): number {
  if (value === "" || value.length > 5) return 0;
  for (let i = 0; i < value.length; i++) if (value.charAt(i) < "0" || value.charAt(i) > "9") return 0;
  const port = Number(value);
  return port <= PORT_MOST ? port : 0;
}

function hasLetter(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charAt(i) < "0" || value.charAt(i) > "9") return true;
  return false;
}

function isAlphanumeric(code: number): boolean {
  const letter = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}

function isHex(code: number): boolean {
  return HEX.indexOf(String.fromCharCode(code)) >= 0;
}

function shown(value: string): string {
  return "'" + printable(value, SHOWN_MOST) + "'";
}
