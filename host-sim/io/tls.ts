/**
 * Connections by TLS 1.2 and 1.3 to servers, on Node. A server proves who it is by its certificate (an authority of
 * ours, the time, the name: RFC 5922 §7), or by its key alone; no other proof is accepted. Every failure is one line
 * that says what was wrong and what to set.
 * Not here: the verdict on a certificate (hal/tls/proof.ts), incoming connections (tlslistener.ts), and queues of
 * octets (tcp.ts).
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import type { Trust } from "../../hal/device.js";
import {
  CLOSED,
  type Finding,
  HANDSHAKE_MS,
  judge,
  linkOf,
  NO_TLS,
  portHint,
  STALLED,
  type Verdict,
  whereText,
} from "../../hal/tls/proof.js";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { isPem } from "../../src/settings/authorities.js";
import { safe } from "../world/events.js";

/** OpenSSL's errors for the dates of a certificate, and for an unknown authority. */
const FINDINGS = new Map<string, Finding>([
  ["CERT_HAS_EXPIRED", "ended"],
  ["CERT_NOT_YET_VALID", "early"],
  ["UNABLE_TO_GET_ISSUER_CERT", "untrusted"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "untrusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "untrusted"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "untrusted"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "untrusted"],
  ["CERT_UNTRUSTED", "untrusted"],
  ["CERT_SIGNATURE_FAILURE", "untrusted"],
]);

export interface SecureOptions {
  address: number;
  port: number;
  /** Undefined: any. */
  localAddress: string | undefined;
  /** The host that the certificate has to name; "" for the address. */
  name: string;
  trust: Trust;
  /** The setting that names the server, for hints; SIP's settings without it. */
  setting?: string | undefined;
  /** Gets the secrets of the connection, as lines of an SSLKEYLOGFILE. */
  keylog?: (line: Uint8Array) => void;
}

/**
 * Connects. @param done called once, with "" and the proof of the other side ("CA", "pin"), or with the problem, and
 * then the socket is destroyed. It is not called for a connection that never opened. @returns the socket, or a line
 * when the settings cannot be used
 */
export function openSecure(options: SecureOptions, done: (problem: string, proof: string) => void): TLSSocket | string {
  const { address, port, localAddress, name, trust, setting, keylog } = options;
  const host = ipv4Text(address);
  const where = whereText(name, address, port);
  let ca: string | undefined;
  try {
    if (trust.ca !== "") ca = isPem(trust.ca) ? trust.ca : readCertificates(trust.ca);
  } catch (error) {
    return where + "tls.ca: " + (error as Error).message;
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
    done(problem === "" ? "" : where + problem, proof);
  };
  if (keylog !== undefined) socket.on("keylog", keylog);
  socket.once("connect", () => {
    isConnected = true;
    const timer = setTimeout(() => end(STALLED + portHint(setting), ""), HANDSHAKE_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.once("secureConnect", () => clearTimeout(timer));
  });
  socket.once("secureConnect", () => {
    const { problem, proof } = judgeSocket(socket, name === "" ? host : name, trust, linkOf(setting));
    end(problem, proof);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (isConnected) end(handshakeProblem(error, setting), "");
    else isDone = true;
  });
  socket.once("close", () => {
    if (isConnected) end(CLOSED + portHint(setting), "");
  });
  return socket;
}

/** @returns "" or why a file of certificates cannot be used */
export function problemOfCertificates(file: string): string {
  try {
    readCertificates(file);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** @throws Error of one line if the file cannot be read or has no certificate */
export function readCertificates(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(safe(file) + " cannot be read (" + (error as NodeJS.ErrnoException).code + ")");
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*(-----END CERTIFICATE-----)?/g) ?? [];
  if (blocks.length === 0)
    throw new Error(safe(file) + " has no certificate: a PEM file begins with -----BEGIN CERTIFICATE-----");
  for (let i = 0; i < blocks.length; i++)
    try {
      new X509Certificate(blocks[i]);
    } catch {
      // OpenSSL passes over it and what follows without a word.
      throw new Error(safe(file) + ": its certificate " + (i + 1) + " of " + blocks.length + " cannot be read");
    }
  return text;
}

function authoritiesText(ca: string): string {
  if (ca === "") return "an authority that is known";
  return isPem(ca) ? "one that was pasted (ca)" : "one in " + safe(ca);
}

function judgeSocket(socket: TLSSocket, name: string, trust: Trust, setting: string): Verdict {
  const code = socket.authorized ? "" : String(socket.authorizationError);
  const finding = FINDINGS.get(code) ?? "signed";
  return judge({
    der: socket.getPeerX509Certificate()?.raw ?? null,
    finding,
    other: finding === "signed" ? safe(code) : "",
    name,
    trust,
    setting,
    authorities: authoritiesText(trust.ca),
    nowS: Math.floor(Date.now() / 1000),
  });
}

function handshakeProblem(error: NodeJS.ErrnoException, setting: string | undefined): string {
  const code = error.code ?? "";
  if (code === "ECONNRESET" || code === "EPIPE") return CLOSED + portHint(setting);
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return NO_TLS + portHint(setting);
  if (/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code))
    return "the server refused us (" + safe(code) + "): it may want a certificate of its clients, and there is none";
  return "the handshake failed (" + safe(code === "" ? error.message : code) + ")";
}
