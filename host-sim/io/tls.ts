/**
 * Connections by TLS 1.2 and 1.3 to servers, on Node. A server proves who it is by its certificate (an authority of
 * ours, the time, the name: RFC 5922 §7), or by its key alone; no other proof is accepted. Every failure is one line
 * that says what was wrong and what to set.
 * Not here: incoming connections (tlslistener.ts), and queues of octets (tcp.ts).
 */
import { createHash, type X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Trust } from "../../hal/device.js";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { safe } from "../world/events.js";

/** From the connection to the end of the handshake, ms. */
export const HANDSHAKE_MS = 5000;
/** Names of a certificate that are shown to people. */
const NAMES_SHOWN = 3;
const EXPIRED = "CERT_HAS_EXPIRED";
const TOO_EARLY = "CERT_NOT_YET_VALID";
/** OpenSSL's errors for a certificate of an unknown authority. */
const UNTRUSTED = new Set([
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "CERT_UNTRUSTED",
  "CERT_SIGNATURE_FAILURE",
]);

export interface SecureOptions {
  address: number;
  port: number;
  /** Undefined: any. */
  localAddress: string | undefined;
  /** The host that the certificate has to name; "" for the address. */
  name: string;
  trust: Trust;
  /** Gets the secrets of the connection, as lines of an SSLKEYLOGFILE. */
  keylog?: (line: Uint8Array) => void;
}

/**
 * Connects. @param done called once, with "" and the proof of the other side ("CA", "pin"), or with the problem, and
 * then the socket is destroyed. It is not called for a connection that never opened. @returns the socket, or a line
 * when the settings cannot be used
 */
export function openSecure(options: SecureOptions, done: (problem: string, proof: string) => void): TLSSocket | string {
  const { address, port, localAddress, name, trust, keylog } = options;
  const host = ipv4Text(address);
  const where = (name === "" ? "" : name + " ") + "(" + host + ":" + port + ")";
  let ca: string | undefined;
  try {
    if (trust.ca !== "") ca = readCertificates(trust.ca);
  } catch (error) {
    return "TLS to " + where + ": tls.ca: " + (error as Error).message;
  }
  let isConnected = false;
  let isDone = false;
  const settings: ConnectionOptions & { localAddress?: string | undefined } = {
    host,
    port,
    localAddress,
    ca,
    minVersion: "TLSv1.2",
    ...(name === "" || ipv4(name) >= 0 ? {} : { servername: name }),
    // The certificate is checked below, where the problem can be named; nothing is sent until then.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  };
  const socket = connect(settings);
  const end = (problem: string, proof: string): void => {
    if (isDone) return;
    isDone = true;
    socket.setTimeout(0);
    if (problem !== "") socket.destroy();
    done(problem === "" ? "" : "TLS to " + where + ": " + problem, proof);
  };
  if (keylog !== undefined) socket.on("keylog", keylog);
  socket.once("connect", () => {
    isConnected = true;
    const timer = setTimeout(() => end(STALLED, ""), HANDSHAKE_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.once("secureConnect", () => clearTimeout(timer));
  });
  socket.once("secureConnect", () => {
    const { problem, proof } = judge(socket, name === "" ? host : name, trust);
    end(problem, proof);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (isConnected) end(handshakeProblem(error), "");
    else isDone = true;
  });
  socket.once("close", () => {
    if (isConnected) end(CLOSED, "");
  });
  return socket;
}

const STALLED =
  "nothing came of the handshake in " + HANDSHAKE_MS / 1000 + " s: is it a port for TLS? 5061 is the usual one";
const CLOSED = "the server closed the connection during the handshake: is it a port for TLS? 5061 is the usual one";

/** @throws Error of one line if the file cannot be read or has no certificate */
export function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(safe(file) + " cannot be read (" + (error as NodeJS.ErrnoException).code + ")");
  }
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new Error(safe(file) + " has no certificate: a PEM file begins with -----BEGIN CERTIFICATE-----");
  return text;
}

function judge(socket: TLSSocket, name: string, trust: Trust): { problem: string; proof: string } {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { problem: "the server sent no certificate", proof: "" };
  if (trust.pins.includes(pinOf(certificate))) return { problem: "", proof: "pin" };
  const key = "its key has the SHA-256 " + pinOf(certificate);
  if (trust.pins.length > 0 && trust.ca === "")
    return { problem: key + ", which is none of tls.pin: set that if it is the server's own", proof: "" };
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return { problem: certificateProblem(code, certificate, trust, key), proof: "" };
  }
  const problem = identityProblem(certificate, name);
  return { problem, proof: problem === "" ? "CA" : "" };
}

function certificateProblem(code: string, certificate: X509Certificate, trust: Trust, key: string): string {
  const { validFrom, validTo } = certificate;
  const now = new Date().toUTCString();
  if (code === EXPIRED)
    return "a certificate ended (" + safe(validTo) + "), and here it is " + now + ": renew it, or set the clock";
  if (code === TOO_EARLY)
    return "a certificate begins later (" + safe(validFrom) + "), and here it is " + now + ": set the clock";
  if (!UNTRUSTED.has(code)) return "its certificate cannot be used (" + safe(code) + ")";
  const wanted = trust.ca === "" ? "an authority that is known" : "one in " + safe(trust.ca);
  return "its certificate is not signed by " + wanted + ": set tls.ca to the file of its authority, or tls.pin; " + key;
}

function handshakeProblem(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  if (code === "ECONNRESET" || code === "EPIPE") return CLOSED;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return "what answers does not speak TLS: is it a port for TLS? 5061 is the usual one";
  if (/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code))
    return "the server refused us (" + safe(code) + "): it may want a certificate of its clients, and there is none";
  return "the handshake failed (" + safe(code === "" ? error.message : code) + ")";
}

/** @returns SHA-256 of the public key, in hexadecimal digits */
export function pinOf(certificate: X509Certificate): string {
  return createHash("sha256")
    .update(certificate.publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** @returns "" or why a certificate is not for that host, RFC 5922 §7.1, §7.2: wildcards are not accepted */
export function identityProblem(certificate: X509Certificate, name: string): string {
  const wanted = name.toLowerCase().replace(/\.$/, "");
  const identities = identitiesOf(certificate.subjectAltName ?? "");
  const isAddress = ipv4(wanted) >= 0;
  const named = isAddress ? identities.addresses.concat(identities.domains) : identities.domains;
  if (named.includes(wanted)) return "";
  const all = [...identities.domains, ...identities.addresses];
  if (all.length === 0)
    return "its certificate names no host (subjectAltName): it needs " + (isAddress ? "IP:" : "DNS:") + wanted;
  const shown = all.slice(0, NAMES_SHOWN).map(safe).join(", ") + (all.length > NAMES_SHOWN ? ", …" : "");
  const hint = isAddress ? "set sip.domain or sip.proxy to that name, or tls.pin" : "it needs DNS:" + wanted;
  return "its certificate is for " + shown + ", not for " + wanted + ": " + hint;
}

/**
 * Reads the names that a certificate is for. RFC 5922 §7.1: the names are URIs of SIP domains or, if there are none,
 * DNS names. @param subjectAltName as Node writes it: `DNS:a, URI:sip:b, IP Address:c`, with JSON's quotes around a
 * value that could be read as more than one
 */
export function identitiesOf(subjectAltName: string): { domains: string[]; addresses: string[] } {
  const uris: string[] = [];
  const names: string[] = [];
  const addresses: string[] = [];
  for (const [, type, quoted, plain] of subjectAltName.matchAll(
    /(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))/g,
  )) {
    // A name in quotes has characters that are not valid in a host.
    if (quoted !== undefined) continue;
    const value = plain.toLowerCase();
    if (type === "URI") {
      const uri = /^sip:([a-z0-9._-]+)$/.exec(value);
      if (uri !== null) uris.push(uri[1]);
    } else if (type === "DNS" && /^[a-z0-9._-]+$/.test(value)) names.push(value);
    else if (type === "IP Address" && ipv4(value) >= 0) addresses.push(value);
  }
  return { domains: uris.length > 0 ? uris : names, addresses };
}
