/**
 * The verdict on a server that was reached by TLS: it is the one that is meant if an authority of ours signed its
 * certificate, the time is right and the certificate names it (RFC 5922 §7), or if its key is pinned. Otherwise one
 * line says what was wrong and what to set. Not here: the handshake, and the check of signatures (the TLS library).
 */
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { CivilDate, DAY_S } from "../../src/core/calendar.js";
import {
  type Certificate,
  NAME_ADDRESS,
  NAME_DNS,
  NAME_URI,
  NAME_WILDCARD,
  Names,
  readCertificate,
} from "../../src/wire/certificate.js";
import { Sha256 } from "../../src/wire/sha256.js";
import type { Trust } from "../device.js";

/** From the connection to the end of the handshake, ms. */
export const HANDSHAKE_MS = 5000;
/** Failures of a handshake; `portHint` goes behind them. */
export const STALLED = "nothing came of the handshake in " + HANDSHAKE_MS / 1000 + " s";
export const CLOSED = "the server closed the connection during the handshake";
export const NO_TLS = "what answers does not speak TLS";
/** Names of a certificate that are shown to people. */
const NAMES_SHOWN = 3;
const DIGITS = "0123456789abcdef";
const MONTHS: readonly string[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** What the TLS library found out about the certificates from the server's to its authority's. */
export type Finding = "signed" | "untrusted" | "ended" | "early";

export interface Verdict {
  /** "" if the server is the one that is meant; else a part of a line for people. */
  problem: string;
  /** "CA" or "pin"; "" if there is a problem. */
  proof: string;
}

/** @returns the setting, if it names a server of the house's systems; "" for a SIP server */
export function linkOf(setting: string | undefined): string {
  return setting === "mqtt.server" || setting === "hook.url" ? setting : "";
}

export function portHint(setting: string | undefined): string {
  const usual = setting === "mqtt.server" ? 8883 : setting === "hook.url" ? 443 : 5061;
  return ": is it a port for TLS? " + usual + " is the usual one";
}

/** @returns the beginning of a line about a connection */
export function whereText(name: string, address: number, port: number): string {
  return "TLS to " + (name === "" ? "" : name + " ") + "(" + ipv4Text(address) + ":" + port + "): ";
}

/**
 * @param der the server's own certificate, null if it sent none @param other a problem that the library found besides,
 * in its own words; "" if there is none
 */
export function judge(options: {
  der: Uint8Array | null;
  finding: Finding;
  other: string;
  /** The host or address that the certificate has to name. */
  name: string;
  trust: Trust;
  /** The setting that names the server; without it, those of a SIP server. */
  setting?: string;
  /** The authorities that are believed, as a line names them: "an authority that is known". */
  authorities: string;
  /** s since 1970 */
  nowS: number;
}): Verdict {
  const { der, finding, other, name, trust, setting = "", authorities, nowS } = options;
  if (der === null) return failed("the server sent no certificate");
  const certificate = readCertificate(der);
  if (certificate === null) return failed("its certificate cannot be read");
  const pin = pinOf(certificate);
  if (trust.pins.includes(pin)) return { problem: "", proof: "pin" };
  const key = "its key has the SHA-256 " + pin;
  if (trust.pins.length > 0 && trust.ca === "")
    return failed(key + ", which is none of tls.pin: set that if it is the server's own");
  if (finding === "ended" || nowS > certificate.untilS)
    return failed(
      ofTheDates(certificate.untilS < nowS, "ended", certificate.untilS, nowS) + ": renew it, or set the clock",
    );
  if (finding === "early" || nowS < certificate.fromS)
    return failed(ofTheDates(certificate.fromS > nowS, "begins later", certificate.fromS, nowS) + ": set the clock");
  if (finding === "untrusted")
    return failed(
      "its certificate is not signed by " +
        authorities +
        ": give its authority (tls.ca, or ca), or set tls.pin; " +
        key,
    );
  if (other !== "") return failed("its certificate cannot be used (" + other + ")");
  const problem = identityProblem(certificate, name, setting);
  return problem === "" ? { problem, proof: "CA" } : failed(problem);
}

function failed(problem: string): Verdict {
  return { problem, proof: "" };
}

/** @param isOwn whether it is the server's own certificate: the dates of the others are not at hand */
function ofTheDates(isOwn: boolean, what: string, s: number, nowS: number): string {
  const which = isOwn ? "its certificate " + what + " (" + dateText(s) + ")" : "a certificate behind its own " + what;
  return which + ", and here it is " + dateText(nowS);
}

/** @returns such as "30 Nov 2026 14:05 UTC" */
function dateText(s: number): string {
  const date = new CivilDate();
  date.set(Math.floor(s / DAY_S));
  const minutes = Math.floor((s % DAY_S) / 60);
  const two = (value: number): string => (value < 10 ? "0" : "") + value;
  const clock = two(Math.floor(minutes / 60)) + ":" + two(minutes % 60);
  return date.day + " " + MONTHS[date.month - 1] + " " + date.year + " " + clock + " UTC";
}

/** @returns SHA-256 of the public key, in hexadecimal digits */
export function pinOf({ der, keyStart, keyEnd }: Certificate): string {
  const hash = new Sha256();
  hash.beginHash();
  const result = new Uint8Array(hash.sizeBytes);
  hash.update(der, keyStart, keyEnd);
  hash.finish(result, 0);
  let text = "";
  for (let i = 0; i < result.length; i++) text += DIGITS[result[i] >> 4] + DIGITS[result[i] & 15];
  return text;
}

/**
 * @returns "" or why a certificate is not for that host. A SIP server's names are URIs of SIP domains or, if there are
 * none, DNS names without wildcards (RFC 5922 §7.1, §7.2); another server's are DNS names and wildcards (RFC 9525 §6)
 * @param setting that names another server than a SIP server
 */
export function identityProblem(certificate: Certificate, name: string, setting = ""): string {
  const wanted = (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
  const isAddress = ipv4(wanted) >= 0;
  const isSip = setting === "";
  const hasUris = isSip && hasKind(certificate, NAME_URI);
  const names = new Names(certificate);
  let shown = "";
  let count = 0;
  while (names.next()) {
    if (names.kind === (hasUris ? NAME_DNS : NAME_URI) || (isSip && names.kind === NAME_WILDCARD)) continue;
    if (names.is(wanted) && (isAddress || names.kind !== NAME_ADDRESS)) return "";
    if (count < NAMES_SHOWN) shown += (count === 0 ? "" : ", ") + names.text();
    count++;
  }
  if (count === 0)
    return "its certificate names no host (subjectAltName): it needs " + (isAddress ? "IP:" : "DNS:") + wanted;
  const named = isSip ? "sip.domain or sip.proxy" : setting;
  const hint = isAddress ? "set " + named + " to that name, or tls.pin" : "it needs DNS:" + wanted;
  return "its certificate is for " + shown + (count > NAMES_SHOWN ? ", …" : "") + ", not for " + wanted + ": " + hint;
}

/** @returns the hosts that a certificate is for */
export function domainsOf(certificate: Certificate): string[] {
  const kind = hasKind(certificate, NAME_URI) ? NAME_URI : NAME_DNS;
  const names = new Names(certificate);
  const found: string[] = [];
  while (names.next()) if (names.kind === kind) found.push(names.text());
  return found;
}

function hasKind(certificate: Certificate, kind: number): boolean {
  const names = new Names(certificate);
  while (names.next()) if (names.kind === kind) return true;
  return false;
}
