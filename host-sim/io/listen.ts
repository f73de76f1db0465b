/**
 * Reads the options of programs that listen: `--listen`, and the certificates of a port for TLS. Not here: the port
 * itself (tlslistener.ts).
 */
import { ipv4 } from "../../src/core/address.js";
import type { TlsFiles } from "./tlslistener.js";

export interface Listen {
  transport: "udp" | "tcp" | "tls";
  ip: number;
  port: number;
}

/** @param value `tls:127.0.0.1:5061` @returns null if it is malformed */
export function readListen(value: string): Listen | null {
  const match = /^(udp|tcp|tls):([\d.]+):(\d{1,5})$/.exec(value);
  if (match === null || ipv4(match[2]) < 0 || Number(match[3]) > 65535) return null;
  return { transport: match[1] as Listen["transport"], ip: ipv4(match[2]), port: Number(match[3]) };
}

/**
 * @param ca the authorities of whom clients need a certificate, "" if they need none @param isWanted whether there is a
 * port for TLS @returns the files, or one line that says what is wrong
 */
export function readTls(
  certificates: readonly string[],
  keys: readonly string[],
  ca: string,
  isWanted: boolean,
): TlsFiles | string {
  if (certificates.length !== keys.length)
    return "--tls-cert and --tls-key must be given in pairs: a certificate, and its key";
  if (isWanted && certificates.length === 0) return "--listen tls:… needs --tls-cert FILE and --tls-key FILE";
  if (!isWanted && (certificates.length > 0 || ca !== "")) return "--tls-cert and --tls-ca need --listen tls:IP:PORT";
  return { pairs: certificates.map((certificate, i) => ({ certificate, key: keys[i] })), ca };
}
