/**
 * A listener for TLS 1.2 and 1.3 on Node: it chooses the certificate by the name that a client asks for (SNI), and
 * certificates can be replaced while connections go on. If an authority is given, clients have to show a certificate of
 * their own. Its connections are those of tcp.ts.
 * Not here: the check of other servers (tls.ts).
 */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { createSecureContext, createServer, type SecureContext, type SecureContextOptions } from "node:tls";
import type { TcpOptions } from "../../hal/device.js";
import { domainsOf, HANDSHAKE_MS } from "../../hal/tls/proof.js";
import { readCertificate } from "../../src/wire/certificate.js";
import { safe } from "../world/events.js";
import { type NodeTcpStack, openTcp } from "./tcp.js";
import { readCertificates } from "./tls.js";

/** The most handshakes that one address may have under way. */
const HANDSHAKES_OF_ONE = 64;
/** The reason that is told of connections beyond the limits. */
const NO_PLACE = "all places for connections are taken";

/** The file with a certificate (and those between it and its authority), and the file with its key. */
export interface Pair {
  certificate: string;
  key: string;
}

export interface TlsFiles {
  /** It has at least one pair; the first is for clients that ask for none of the names. */
  pairs: readonly Pair[];
  /** Authorities, one of which has to have signed a client's certificate; "" if clients need none. */
  ca: string;
}

/** The certificates in use. */
export class Certificates {
  readonly files: TlsFiles;
  /** The first pair, for clients that ask for none of the names. */
  main: SecureContextOptions;
  /** Called after the files were read again. */
  onReload: () => void = () => {};
  private named = new Map<string, SecureContext>();

  /** @throws Error of one line */
  constructor(files: TlsFiles) {
    this.files = files;
    this.main = this.load();
  }

  /** Reads the files again. @throws Error of one line; then the earlier ones stay in use */
  reload(): void {
    this.main = this.load();
    this.onReload();
  }

  /** @returns the certificate for that name; undefined: the first one */
  contextFor(name: string): SecureContext | undefined {
    return this.named.get(name.toLowerCase().replace(/\.$/, ""));
  }

  private load(): SecureContextOptions {
    const ca = this.files.ca === "" ? undefined : readOf("--tls-ca", () => readCertificates(this.files.ca));
    const named = new Map<string, SecureContext>();
    const all = this.files.pairs.map(({ certificate, key }) => {
      const cert = readOf("--tls-cert", () => readCertificates(certificate));
      const secret = readOf("--tls-key", () => readText(key));
      const options: SecureContextOptions = { cert, key: secret, ca, minVersion: "TLSv1.2" };
      const context = readOf("--tls-cert " + safe(certificate) + ", --tls-key " + safe(key), () =>
        createSecureContext(options),
      );
      const own = readCertificate(new X509Certificate(cert).raw);
      for (const name of own === null ? [] : domainsOf(own)) if (!named.has(name)) named.set(name, context);
      return options;
    });
    this.named = named;
    return all[0];
  }
}

/**
 * Listens. @param onFailed called for each handshake that failed, with the client's address and the reason @param
 * keylog gets the secrets of all connections @throws as openTcp
 */
export function openTls(
  options: TcpOptions,
  connections: number,
  certificates: Certificates,
  onFailed: (address: string, reason: string) => void,
  keylog?: (line: Uint8Array) => void,
): Promise<NodeTcpStack> {
  const wantsCertificate = certificates.files.ca !== "";
  const server = createServer({
    ...certificates.main,
    SNICallback: (name, done) => done(null, certificates.contextFor(name)),
    handshakeTimeout: HANDSHAKE_MS,
    requestCert: wantsCertificate,
    rejectUnauthorized: wantsCertificate,
  });
  certificates.onReload = () => server.setSecureContext(certificates.main);
  server.maxConnections = connections;
  const handshakes = new Handshakes();
  server.on("connection", (socket: Socket) => {
    const { remoteAddress = "", remotePort } = socket;
    const id = remoteAddress + " " + remotePort;
    if (!handshakes.begin(id, remoteAddress)) {
      onFailed(remoteAddress, NO_PLACE);
      socket.destroy();
    } else socket.once("close", () => handshakes.end(id));
  });
  server.on("drop", (dropped) => onFailed(dropped?.remoteAddress ?? "", NO_PLACE));
  server.on("secureConnection", (socket) => handshakes.end(socket.remoteAddress + " " + socket.remotePort));
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    onFailed(socket.remoteAddress ?? "", safe(error.code ?? error.message));
    socket.destroy();
  });
  if (keylog !== undefined) server.on("keylog", keylog);
  return openTcp(options, connections, { event: "secureConnection", keylog }, server);
}

/** The handshakes that are under way. One address may have a few only, since each takes a place that others need. */
class Handshakes {
  private readonly addresses = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  /** @returns whether that address may begin another one */
  begin(id: string, address: string): boolean {
    const count = this.counts.get(address) ?? 0;
    if (count >= HANDSHAKES_OF_ONE) return false;
    this.counts.set(address, count + 1);
    this.addresses.set(id, address);
    return true;
  }

  end(id: string): void {
    const address = this.addresses.get(id);
    if (address === undefined) return;
    this.addresses.delete(id);
    const count = (this.counts.get(address) ?? 0) - 1;
    if (count > 0) this.counts.set(address, count);
    else this.counts.delete(address);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(safe(file) + " cannot be read (" + (error as NodeJS.ErrnoException).code + ")");
  }
}

/** @throws Error of one line that begins with the option */
function readOf<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(option + ": " + safe((error as Error).message.split("\n")[0]));
  }
}
