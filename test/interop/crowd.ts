/** SIPp as many users at once: it registers them, answers for them, and lets them call one another. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, isOpen } from "../ports.js";
import { HOST, makeFolder, Program, pause } from "./programs.js";

const SCENARIOS = join(import.meta.dirname, "scenarios");
const START_MS = 3000;

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
  readonly #transport: "udp" | "tcp";
  readonly #list = join(makeFolder(), "users.csv");

  /** Users user0 … whose passwords are their names; each calls the next one. @param name in the place of "user" */
  constructor(count: number, transport: "udp" | "tcp", name = "user") {
    this.users = Array.from({ length: count }, (_, i) => name + i);
    this.#transport = transport;
    const lines = this.users.map((user, i) => {
      const next = this.users[(i + 1) % count];
      return user + ";[authentication username=" + user + " password=" + user + "];" + next + "\n";
    });
    writeFileSync(this.#list, "SEQUENTIAL\n" + lines.join(""));
  }

  /** Registers all of them. @throws with SIPp's output, if one failed */
  async register(server: number, load: Load): Promise<void> {
    await this.#run("register_many", this.port, load, HOST + ":" + server);
  }

  /** Answers calls for all of them. */
  async answer(): Promise<Program> {
    const args = this.#args("uas_proxied", this.port);
    const program = new Program("sipp", args, { environment: { TERM: "dumb" } });
    await program.until("SIPp's port", START_MS, () => isOpen(this.#transport, this.port));
    return program;
  }

  /** Lets them call. @throws with SIPp's output, if one call failed */
  async call(server: number, load: Load): Promise<void> {
    await this.#run("uac_proxied", freePorts(1), load, HOST + ":" + server);
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

  async #run(scenario: string, port: number, load: Load, to: string): Promise<void> {
    const args = [to, ...this.#args(scenario, port), "-inf", this.#list];
    args.push("-m", String(load.total), "-r", String(load.rate), "-l", String(load.atOnce));
    args.push("-d", String(load.talkMs ?? 0), "-timeout", load.timeoutS + "s", "-timeout_error");
    const program = new Program("sipp", args, { environment: { TERM: "dumb" } });
    const code = await program.exit(load.timeoutS * 1000 + 5000);
    const failed = Number(/Failed call.*\|\s*(\d+)\s*$/m.exec(program.tail)?.[1] ?? Number.POSITIVE_INFINITY);
    if (code !== 0 && !(failed <= (load.mayFail ?? 0)))
      throw new Error("SIPp ended with " + code + ":\n" + program.tail);
  }

  #args(scenario: string, port: number): string[] {
    const args = ["-sf", join(SCENARIOS, scenario + ".xml"), "-i", HOST, "-p", String(port), "-bind_local", "-nostdin"];
    args.push("-t", this.#transport === "tcp" ? "t1" : "u1", "-cp", String(freePorts(1)));
    args.push("-mi", HOST, "-mp", String(freePorts(4)));
    return args;
  }
}
