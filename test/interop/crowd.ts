/**
 * SIPp as many users at once: it registers them, answers for them, and lets them call one another. Debian's SIPp knows
 * no TLS, so a tunnel carries what it says there: one connection for all phones, which lasts, and one for all callers.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, isOpen } from "../ports.js";
import { HOST, makeFolder, Program, pause } from "./programs.js";
import { Tunnel, Tunnels } from "./tunnel.js";

const SCENARIOS = join(import.meta.dirname, "scenarios");
const START_MS = 15_000;

export interface Load {
  /** The number of requests in all, in a second, and at once. */
  total: number;
  rate: number;
  atOnce: number;
  talkMs?: number;
  timeoutS: number;
  /** This many may fail: under full load, an answer may come when SIPp has already asked again. None by default. */
  mayFail?: number;
}

export class Crowd {
  /** The port of all phones. */
  readonly port = freePorts(1);
  readonly users: string[];
  readonly #transport: "udp" | "tcp" | "tls";
  #phones: Tunnel | null = null;
  readonly #list = join(makeFolder(), "users.csv");

  /** Users user0 … whose passwords are their names; each calls the next one. @param name in the place of "user" */
  constructor(count: number, transport: "udp" | "tcp" | "tls", name = "user") {
    this.users = Array.from({ length: count }, (_, i) => name + i);
    this.#transport = transport;
    const lines = this.users.map((user, i) => {
      const next = this.users[(i + 1) % count];
      return user + ";[authentication username=" + user + " password=" + user + "];" + next + "\n";
    });
    writeFileSync(this.#list, "SEQUENTIAL\n" + lines.join(""));
  }

  /** Registers all of them. @returns how many failed @throws with SIPp's output, if too many did */
  async register(server: number, load: Load): Promise<number> {
    if (this.#transport !== "tls") return this.#run("register_many", this.port, load, server);
    this.#phones ??= await Tunnel.open(server);
    return this.#run("register_many", this.port, load, server, await this.#phones.listen());
  }

  /** The same by TLS with a connection and a contact for each registration; the connection ends with it. */
  async registerAfresh(server: number, load: Load): Promise<number> {
    const tunnels = await Tunnels.open(server);
    try {
      const more = ["-t", "tn", "-max_socket", String(2 * load.atOnce + 10)];
      return await this.#run("register_many", freePorts(1), load, server, tunnels.port, more);
    } finally {
      tunnels.close();
    }
  }

  /** Answers calls for all of them. */
  async answer(): Promise<Program> {
    const args = this.#args("uas_proxied", this.port);
    const program = new Program("sipp", args, { environment: { TERM: "dumb" } });
    const transport = this.#transport === "udp" ? "udp" : "tcp";
    await program.until("SIPp's port", START_MS, () => isOpen(transport, this.port));
    await this.#phones?.attach(this.port);
    return program;
  }

  /** Lets them call. @returns how many failed @throws with SIPp's output, if too many did */
  async call(server: number, load: Load): Promise<number> {
    if (this.#transport !== "tls") return this.#run("uac_proxied", freePorts(1), load, server);
    const tunnel = await Tunnel.open(server);
    try {
      return await this.#run("uac_proxied", freePorts(1), load, server, await tunnel.listen());
    } finally {
      tunnel.close();
    }
  }

  /** Ends the phones' connection by TLS. */
  close(): void {
    this.#phones?.close();
    this.#phones = null;
  }

  /**
   * Lets calls come at that rate for `seconds`, whether they are answered or not.
   * @returns how many had gone from INVITE to BYE 2 s after the last
   */
  async offer(server: number, rate: number, seconds: number): Promise<number> {
    const counts = join(makeFolder(), "counts.csv");
    const args = [HOST + ":" + server, ...this.#args("uac_proxied", freePorts(1)), "-inf", this.#list, "-d", "0"];
    args.push("-m", String(rate * seconds), "-r", String(rate), "-l", "100000");
    args.push("-trace_stat", "-stf", counts, "-fd", "1");
    const program = new Program("sipp", args, { environment: { TERM: "dumb" } });
    await Promise.race([program.exit((seconds + 60) * 1000), pause((seconds + 2) * 1000 + 900)]);
    await program.end();
    const [head, ...lines] = readFileSync(counts, "latin1")
      .trim()
      .split("\n")
      .map((line) => line.split(";"));
    return Number(lines.at(-1)?.[head.indexOf("SuccessfulCall(C)")] ?? 0);
  }

  /** @param by the port that it sends to, if that is a tunnel's @returns how many failed */
  async #run(
    scenario: string,
    port: number,
    load: Load,
    server: number,
    by = server,
    more: readonly string[] = [],
  ): Promise<number> {
    const args = [HOST + ":" + by, ...this.#args(scenario, port, server), "-inf", this.#list, ...more];
    args.push("-m", String(load.total), "-r", String(load.rate), "-l", String(load.atOnce));
    args.push("-d", String(load.talkMs ?? 0), "-timeout", load.timeoutS + "s", "-timeout_error");
    const program = new Program("sipp", args, { environment: { TERM: "dumb" } });
    const code = await program.exit(load.timeoutS * 1000 + 5000);
    const failed = Number(/Failed call.*\|\s*(\d+)\s*$/m.exec(program.tail)?.[1] ?? Number.POSITIVE_INFINITY);
    if (code !== 0 && !(failed <= (load.mayFail ?? 0)))
      throw new Error("SIPp ended with " + code + ":\n" + program.tail);
    return code === 0 ? 0 : failed;
  }

  #args(scenario: string, port: number, server = 0): string[] {
    const args = ["-sf", this.#scenario(scenario, server), "-i", HOST, "-p", String(port), "-bind_local", "-nostdin"];
    args.push("-t", this.#transport === "udp" ? "u1" : "t1", "-cp", String(freePorts(1)));
    args.push("-mi", HOST, "-mp", String(freePorts(4)));
    return args;
  }

  /** @returns its file; what is said through a tunnel names TLS and the server's own port */
  #scenario(name: string, server: number): string {
    const path = join(SCENARIOS, name + ".xml");
    if (this.#transport !== "tls") return path;
    const said = readFileSync(path, "utf8")
      .replaceAll("[transport]", "TLS")
      .replaceAll("[remote_port]", String(server));
    const own = join(makeFolder(), name + ".xml");
    writeFileSync(own, said);
    return own;
  }
}
