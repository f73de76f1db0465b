/**
 * Runs Kamailio as the house's SIP server: registrar and proxy with digest authentication (401 on REGISTER, 407 on
 * calls) and Record-Route, on UDP and TCP. Its log tells which requests reached it.
 */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Issued } from "../certificates.js";
import { freePorts, isOpen } from "../ports.js";
import { HOST, makeFolder, type Network, Program } from "./programs.js";

/** The program ends by itself after this long, in case its test cannot end it. */
const LIFE_SECONDS = 100;
const START_MS = 10_000;
const ASK_MS = 100;
const RTPENGINE_PORTS = 40;
/** rtpengine has its ports at an address of its own. */
export const SOUND_HOST = "127.0.0.2";
/** Tables that come with Debian's kamailio-sqlite-modules. */
const TABLES = "/usr/share/kamailio/db_sqlite";

export interface KamailioOptions {
  /** Users and their passwords. */
  users: Record<string, string>;
  /** Its address, realm and domain, 127.0.0.1 by default. */
  host?: string;
  /** Shortest registration it takes, in seconds; 423 below. */
  minExpires?: number;
  /** The life of a nonce in seconds; later it is stale. */
  nonceExpire?: number;
  /**
   * An extra of the server: it hides what is behind it (with its own words, or with a database), leads the sound
   * through an rtpengine, binds phones to their flow, or asks for auth-int (its module then hashes in an entity that
   * it never computed, so it accepts no right answer).
   */
  way?: "topoh" | "topos" | "rtpengine" | "authint" | "outbound";
  /** Its certificate for TLS; none: it has no TLS. */
  tls?: Issued;
  /** The network it runs in; by default the machine's own. */
  network?: Network;
}

export class Kamailio {
  readonly port = freePorts(2);
  readonly tlsPort = this.port + 1;
  readonly host: string;
  /** The first of RTPENGINE_PORTS ports of its rtpengine. */
  readonly soundPort = freePorts(RTPENGINE_PORTS);
  readonly #rtpenginePort = freePorts(1);
  readonly #arguments: string[];
  readonly #network: Network | undefined;
  #program!: Program;

  static async start(options: KamailioOptions): Promise<Kamailio> {
    const server = new Kamailio(options);
    // It asks rtpengine when it starts, and takes one that does not answer then for gone.
    if (options.way === "rtpengine") await server.#startRtpengine();
    server.#program = server.#run();
    await server.#program.until("Kamailio's answer to OPTIONS", START_MS, () =>
      // In another network it cannot be reached from here; datagrams wait at its open port.
      options.network === undefined ? server.#ask() : isOpen("udp", server.port, options.network?.pid),
    );
    return server;
  }

  private constructor({ users, host = HOST, minExpires = 60, nonceExpire = 30, way, tls, network }: KamailioOptions) {
    this.host = host;
    const folder = makeFolder();
    if (way === "topos") makeDatabase(join(folder, "topos.db"));
    const values: Record<string, string | number> = {
      HOST: host,
      PORT: this.port,
      MODULES: modules(),
      TLS_PORT: this.tlsPort,
      CERTIFICATE: tls?.certificate ?? "",
      KEY: tls?.key ?? "",
      DIR: folder,
      RTPENGINE_PORT: this.#rtpenginePort,
      MIN_EXPIRES: minExpires,
      NONCE_EXPIRE: nonceExpire,
      PASSWORDS: Object.entries(users)
        .map(([user, password]) => "  $sht(password=>" + user + ')="' + password + '";')
        .join("\n"),
    };
    const template = readFileSync(join(import.meta.dirname, "configs", "kamailio.cfg"), "utf8");
    const path = join(folder, "kamailio.cfg");
    writeFileSync(
      path,
      template.replace(/@([A-Z_]+)@/g, (_, name) => String(values[name])),
    );
    const args = ["-f", path, "-DD", "-E", "-m", "64", "-M", "8", "-Y", folder, "-P", join(folder, "pid")];
    if (way !== undefined) args.push("-A", way.toUpperCase());
    if (tls !== undefined) args.push("-A", "TLS");
    this.#arguments = ["-k", "2", String(LIFE_SECONDS), "kamailio", ...args];
    this.#network = network;
  }

  // It runs under `timeout`, because its processes would outlive a test runner that was killed.
  #run(): Program {
    return new Program("timeout", this.#arguments, { network: this.#network });
  }

  /** Kills it with all its processes, as a power cut does. */
  kill(): void {
    this.#program.kill();
  }

  /** Starts it again after `kill`, on the same port, with an empty log and no bindings. */
  async restart(): Promise<void> {
    this.#program = this.#run();
    await this.#program.until("Kamailio's answer to OPTIONS", START_MS, () => this.#ask());
  }

  async #startRtpengine(): Promise<void> {
    const ports = ["--port-min=" + this.soundPort, "--port-max=" + (this.soundPort + RTPENGINE_PORTS - 1)];
    // rtpengine runs in user space, without a table of the kernel.
    const args = [
      "-f",
      "-E",
      "--table=-1",
      "--interface=" + SOUND_HOST,
      "--listen-ng=" + HOST + ":" + this.#rtpenginePort,
      // Debian's file names fixed ports for a console and for HTTP, and two of them may run at once.
      "--config-file=none",
    ];
    const name = ["-k", "2", String(LIFE_SECONDS), "rtpengine"];
    const program = new Program("timeout", [...name, ...args, ...ports, "--no-fallback"]);
    await program.until("rtpengine's port", START_MS, () => isOpen("udp", this.#rtpenginePort));
  }

  /** @returns whether it answers an OPTIONS */
  #ask(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = createSocket("udp4");
      const done = (answered: boolean) => {
        clearTimeout(timer);
        socket.close();
        resolve(answered);
      };
      const timer = setTimeout(() => done(false), ASK_MS);
      socket.on("message", (message) => done(message.toString().startsWith("SIP/2.0 200")));
      socket.on("error", () => done(false));
      socket.bind(0, HOST, () => {
        const lines = [
          "OPTIONS sip:" + this.host + ":" + this.port + " SIP/2.0",
          "Via: SIP/2.0/UDP " + HOST + ":" + socket.address().port + ";branch=z9hG4bK" + performance.now(),
          "From: <sip:test@" + HOST + ">;tag=1",
          "To: <sip:" + this.host + ">",
          "Call-ID: " + performance.now(),
          "CSeq: 1 OPTIONS",
          "Max-Forwards: 10",
          "Content-Length: 0",
          "",
          "",
        ];
        socket.send(lines.join("\r\n"), this.port, this.host);
      });
    });
  }

  /** @returns the number of requests of a method that came from a user, with retransmissions and challenged ones */
  seen(method: string, user: string): number {
    return this.#program.lines.filter((line) => line.includes("seen " + method + " " + user + " ")).length;
  }

  /** Waits until that many requests have come. */
  async expect(method: string, user: string, count: number, withinMs: number): Promise<void> {
    await this.#program.until(count + " " + method + " of " + user, withinMs, () => this.seen(method, user) >= count);
  }

  get log(): string {
    return this.#program.lines.join("\n");
  }
}

/** Makes an empty database for the module topos. */
function makeDatabase(path: string): void {
  const input = ["standard", "topos"].map((name) => readFileSync(join(TABLES, name + "-create.sql"), "utf8")).join("");
  const made = spawnSync("sqlite3", [path], { input, encoding: "utf8" });
  if (made.status !== 0) throw new Error("sqlite3: " + made.stderr);
}

/** Finds the folder of its modules, which depends on the machine's architecture. */
export function modules(): string {
  for (const name of readdirSync("/usr/lib")) {
    const folder = join("/usr/lib", name, "kamailio", "modules");
    if (existsSync(folder)) return folder + "/";
  }
  throw new Error("Kamailio's modules are not below /usr/lib");
}
