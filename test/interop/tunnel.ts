/**
 * Carries what a program says by TCP over TLS to a server, for programs that do not know TLS, such as Debian's SIPp. It
 * passes octets on and reads none of them, and it believes every server: it is for measuring, not for talking to
 * anybody.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectSecure, type TLSSocket } from "node:tls";
import { HOST } from "./programs.js";

function connectTo(port: number): TLSSocket {
  // One message is one segment, and one record.
  return connectSecure({ host: HOST, port, rejectUnauthorized: false }).setNoDelay(true);
}

async function listenWith(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return (server.address() as { port: number }).port;
}

/** One connection by TLS, which lasts while programs come and go: one of them at a time speaks over it. */
export class Tunnel {
  readonly #secure: TLSSocket;
  readonly #servers: Server[] = [];
  #local: Socket | null = null;

  static async open(port: number): Promise<Tunnel> {
    const secure = connectTo(port);
    await new Promise<void>((resolve, reject) => secure.once("secureConnect", resolve).once("error", reject));
    return new Tunnel(secure);
  }

  private constructor(secure: TLSSocket) {
    this.#secure = secure;
    secure.on("error", () => {}).on("data", (octets) => this.#local?.write(octets));
  }

  /** @returns a port, another one each time; the program that connects to it is the one that speaks from then on */
  listen(): Promise<number> {
    const server = createServer((local) => this.#take(local));
    this.#servers.push(server);
    return listenWith(server);
  }

  /** Lets the program that listens at that port speak. */
  async attach(port: number): Promise<void> {
    const local = connect(port, HOST);
    await new Promise<void>((resolve, reject) => local.once("connect", resolve).once("error", reject));
    this.#take(local);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    this.#local?.destroy();
    this.#secure.destroy();
  }

  #take(local: Socket): void {
    this.#local?.destroy();
    this.#local = local.setNoDelay(true);
    local.on("error", () => {}).on("data", (octets) => this.#secure.write(octets));
  }
}

/** A port whose every connection gets one by TLS of its own, with a whole handshake. */
export class Tunnels {
  readonly port: number;
  readonly #server: Server;

  static async open(to: number): Promise<Tunnels> {
    const server = createServer((local) => {
      const secure = connectTo(to);
      const end = (): void => {
        local.destroy();
        secure.destroy();
      };
      for (const one of [local, secure]) one.on("error", end).on("close", end);
      local.setNoDelay(true).pipe(secure).pipe(local);
    });
    return new Tunnels(server, await listenWith(server));
  }

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  close(): void {
    this.#server.close();
  }
}
