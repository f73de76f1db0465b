/**
 * SIPp as the other side of one call: its built-in scenarios `uac` and `uas`, and those of the folder scenarios/. It
 * follows the scenario to the letter, and ends with 0 when each message came as it says.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, isOpen } from "../ports.js";
import { HOST, makeFolder, Program } from "./programs.js";

/** Captured packets of G.711 and of digits, which come with SIPp. */
const PCAP = "/usr/share/sip-tester";
const LIFE_SECONDS = 40;
const START_MS = 15_000;

export interface SippOptions {
  /** "uac" and "uas" are SIPp's own; others are files of scenarios/. */
  scenario:
    | "uac"
    | "uas"
    | "uac_pcap"
    | "uac_late_offer"
    | "uac_cancel"
    | "uac_info"
    | "uac_refer"
    | "uac_replaces"
    | "uas_auth_int"
    | "uas_cancelled"
    | "uas_info"
    | "uas_replaced"
    | "register";
  /** The port it calls. A scenario that begins with `uas` waits instead. */
  to?: number;
  /** The user it calls or registers. */
  user?: string;
  password?: string;
  transport?: "udp" | "tcp";
  /** The number of dialogs that it takes part in. */
  calls?: number;
  /** The length of a call. */
  talkMs?: number;
  /** The digit that a scenario with sound sends: 0 to 9, star, pound. */
  digit?: string;
  /** Values for `@NAME@` in a scenario. */
  values?: Record<string, string>;
  /** It sends back the sound that comes. */
  echo?: boolean;
}

export class Sipp {
  /** Its SIP port. */
  readonly port = freePorts(1);
  /** The port of its sound. */
  readonly rtpPort = freePorts(4);
  readonly #program: Program;
  readonly #folder = makeFolder();

  static async start(options: SippOptions): Promise<Sipp> {
    const { transport = "udp" } = options;
    const sipp = new Sipp(options);
    if (options.to === undefined)
      await sipp.#program.until("SIPp's port", START_MS, () => isOpen(transport, sipp.port));
    return sipp;
  }

  private constructor(options: SippOptions) {
    const {
      scenario,
      to,
      user = "door",
      password = "",
      transport = "udp",
      talkMs = 1000,
      digit = "1",
      calls = 1,
    } = options;
    const args = to === undefined ? [] : [HOST + ":" + to];
    const own = join(import.meta.dirname, "scenarios", scenario + ".xml");
    if (existsSync(own)) {
      const values: Record<string, string | number> = { PCAP, TALK_MS: talkMs, DIGIT: digit, ...options.values };
      const path = join(this.#folder, scenario + ".xml");
      writeFileSync(
        path,
        readFileSync(own, "utf8").replace(/@([A-Z_]+)@/g, (_, name) => String(values[name])),
      );
      args.push("-sf", path);
    } else args.push("-sn", scenario);
    args.push("-i", HOST, "-p", String(this.port), "-bind_local", "-t", transport === "tcp" ? "t1" : "u1");
    args.push("-mi", HOST, "-mp", String(this.rtpPort), "-cp", String(freePorts(1)));
    args.push("-s", user, "-au", user, "-ap", password, "-m", String(calls), "-d", String(talkMs));
    args.push("-nostdin", "-timeout", LIFE_SECONDS + "s", "-timeout_error");
    args.push("-trace_err", "-error_file", join(this.#folder, "errors"));
    args.push("-trace_msg", "-message_file", join(this.#folder, "messages"));
    // Without this its built-in uas takes a call for failed when the caller closes the TCP connection in the 4 s after
    // BYE.
    if (transport === "tcp") args.push("-reconnect_close", "false");
    if (options.echo === true) args.push("-rtp_echo");
    this.#program = new Program("sipp", args, { environment: { TERM: "dumb" } });
  }

  /**
   * Waits for the end of its call.
   * @throws with what it expected instead, when the call did not go as the scenario says
   */
  async done(withinMs = 20_000): Promise<void> {
    const code = await this.#program.exit(withinMs).catch(String);
    if (code !== 0) throw new Error("SIPp ended with " + code + ":\n" + this.#file("errors") + this.messages);
  }

  /** @returns the messages that it sent and received */
  get messages(): string {
    return this.#file("messages");
  }

  /** @returns the messages that it received, as they came */
  get received(): string[] {
    return this.messages
      .split(/^-{20,} .*\n/m)
      .map((part) => /message received \[(\d+)\] bytes :\n\n([\s\S]*)/.exec(part))
      .flatMap((found) => (found === null ? [] : [found[2].slice(0, Number(found[1]))]));
  }

  #file(name: string): string {
    const path = join(this.#folder, name);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }
}
