/** Our own server as a peer of others: its program on a free port, with users whose passwords are known. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Issued } from "../certificates.js";
import { freePorts, isOpen } from "../ports.js";
import { program } from "../programs.js";
import { HOST, makeFolder, type Network, Program } from "./programs.js";

const START_MS = 15_000;

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

export interface ServerParts {
  /** The names, which are the passwords too, or the passwords by name. */
  users: readonly string[] | Record<string, string>;
  port?: number;
  host?: string;
  /** Its certificate for TLS, at the port behind that of UDP and TCP; none: it has no TLS. */
  tls?: Issued;
  /** The network that it runs in; the machine's own by default. */
  network?: Network;
}

export class Server {
  readonly port: number;
  readonly http: number;
  readonly host: string;
  readonly program: Program;

  /** Starts it with the domain HOST, by UDP and TCP. @param args more of its command line */
  static async start(parts: ServerParts, ...args: string[]): Promise<Server> {
    const server = new Server(parts, args);
    await server.program.until("the server's port", START_MS, () => isOpen("tcp", server.http, parts.network?.pid));
    return server;
  }

  private constructor(parts: ServerParts, args: readonly string[]) {
    this.port = parts.port ?? freePorts(2);
    this.host = parts.host ?? HOST;
    this.http = freePorts(1);
    const file = join(makeFolder(), "users");
    const users = Array.isArray(parts.users)
      ? parts.users.map((user): [string, string] => [user, user])
      : Object.entries(parts.users as Record<string, string>);
    const lines = users.map(
      ([user, password]) => user + ":" + HOST + ":" + md5(user + ":" + HOST + ":" + password) + ":\n",
    );
    writeFileSync(file, lines.join(""));
    const place = this.host + ":" + this.port;
    const listen = ["--listen", "udp:" + place, "--listen", "tcp:" + place];
    if (parts.tls !== undefined) {
      const { certificate, key } = parts.tls;
      listen.push("--listen", "tls:" + this.host + ":" + (this.port + 1), "--tls-cert", certificate, "--tls-key", key);
    }
    const options = [...listen, "--domain", HOST, "--users", file, "--http", String(this.http), "--json", ...args];
    this.program = new Program(process.execPath, [program("portero-server"), ...options], {
      network: parts.network,
    });
  }

  async status(): Promise<Record<string, number>> {
    return (await (await fetch("http://" + HOST + ":" + this.http + "/status")).json()) as Record<string, number>;
  }
}
