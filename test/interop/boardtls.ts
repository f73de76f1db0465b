/**
 * The TLS of boards on this machine: hal/native/tlsclient.c with Debian's mbedTLS as a module of Node, below the same
 * TypeScript as on a board, over Node's sockets. Not here: XS, lwIP, and the options of ESP-IDF.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Stream, StreamClasses, StreamOptions, StreamUser } from "../../hal/moddable/streams.js";
import type { TlsLibrary } from "../../hal/tls/library.js";

const HERE = import.meta.dirname;
const NATIVE = join(HERE, "../../hal/native");
const HEADERS = join(dirname(process.execPath), "../include/node");
const LIBRARIES = ["-lmbedtls", "-lmbedx509", "-lmbedcrypto", "-lpthread"];

/** @returns "" or what is missing */
export function lackOfMbedTls(): string {
  if (!existsSync("/usr/include/mbedtls/ssl.h")) return "needs Debian's libmbedtls-dev";
  return existsSync(join(HEADERS, "node_api.h")) ? "" : "needs the headers of Node beside it";
}

export function buildLibrary(): TlsLibrary {
  const folder = mkdtempSync(join(tmpdir(), "portero-tls-"));
  const file = join(folder, "tlsclient.node");
  const sources = [join(HERE, "native/tlsclient-node.c"), join(NATIVE, "tlsclient.c")];
  const flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-I" + HEADERS, "-I" + NATIVE];
  execFileSync(process.env.CC ?? "cc", [...flags, "-o", file, ...sources, ...LIBRARIES]);
  const library: TlsLibrary = createRequire(import.meta.url)(file);
  rmSync(folder, { recursive: true });
  return library;
}

/** A socket of Node in the shape of ECMA-419's. */
class NodeStream implements Stream {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly target: StreamUser;
  private readonly socket: Socket;
  private readonly came: Buffer[] = [];

  constructor(options: StreamOptions) {
    this.remoteAddress = options.address;
    this.remotePort = options.port;
    this.target = options.target;
    const socket = connect(options.port ?? 0, options.address ?? "");
    this.socket = socket;
    socket.on("connect", () => options.onWritable.call(this, 65536));
    socket.on("drain", () => options.onWritable.call(this, 65536));
    socket.on("data", (data) => {
      this.came.push(data);
      options.onReadable.call(this);
    });
    socket.on("error", () => {});
    socket.on("close", () => options.onError.call(this));
    socket.on("end", () => socket.destroy());
  }

  read(): ArrayBuffer | undefined {
    const data = this.came.shift();
    return data === undefined ? undefined : new Uint8Array(data).buffer;
  }

  write(value: number | ArrayBuffer): void {
    if (typeof value !== "number") this.socket.write(new Uint8Array(value));
  }

  close(): void {
    this.socket.removeAllListeners("close");
    this.socket.end();
  }
}

export const NODE_STREAMS: StreamClasses = {
  connect: (options) => new NodeStream(options),
  listen: (options) => {
    const server = createServer((socket) => socket.destroy()).listen(options.port, "127.0.0.1");
    return { read: () => undefined, close: () => server.close() };
  },
};
