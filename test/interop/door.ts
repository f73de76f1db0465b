/**
 * The door: the simulator as a program of its own, with its real sockets, driven by its command line and its serial
 * console, and watched by its events (JSON, a line each). Microphone and speaker are WAV files.
 */
import { connect } from "node:net";
import { join } from "node:path";
import type { Issued } from "../certificates.js";
import { freePorts, isOpen } from "../ports.js";
import { program } from "../programs.js";
import { HOST, makeFolder, type Network, Program } from "./programs.js";
import { readWav, type Sound, tone, writeWav } from "./sound.js";

const START_MS = 15_000;
const EXPECT_MS = 10_000;
const RTP_PORTS = 20;
const TONE_SECONDS = 60;
/** A line for a TCP port in another network, and the wait for its answer. */
const TYPE_LINE = 'exec 3<>"/dev/tcp/$0/$1" && echo "$2" >&3 && read -rt 2 <&3';

/**
 * The door has the limits of a board without PSRAM: one line, two calls at once, no phones of its own (docs/boards.md).
 */
export const IS_PLAIN = process.env.BOARD !== undefined;

export interface DoorOptions {
  /** Configuration keys. The address and the ports are set already; everybody may call, and is answered at once. */
  set?: Record<string, string | number>;
  /** Steps of `--do`. Without them the door waits for a call that ends, and quits then. */
  script?: string;
  /** The tone that its microphone hears. */
  hz?: number;
  /** The network that it runs in; the machine's own by default. */
  network?: Network;
  /** The certificate of its port for TLS; without one it has none. */
  tls?: Issued;
}

/** An event line. */
export interface DoorEvent {
  t: number;
  who: string;
  event: string;
  value: string;
  reason?: string;
  code?: number;
  [extra: string]: unknown;
}

export class Door {
  /** Its port for UDP and TCP; the next one is for TLS. */
  readonly port = freePorts(2);
  readonly rtpPort = freePorts(RTP_PORTS);
  /** The address to call it at directly. */
  readonly uri = "sip:door@" + HOST + ":" + this.port;
  readonly events: DoorEvent[] = [];
  /** The same by TLS. */
  readonly secureUri = "sip:door@" + HOST + ":" + (this.port + 1) + ";transport=tls";
  /** The file that it writes its packets to. */
  readonly pcapPath: string;
  readonly #speakerPath: string;
  readonly #consolePort = freePorts(1);
  readonly #network: Network | undefined;
  readonly #program: Program;
  #next = 0;

  /** Starts it, and waits until its SIP port and its console are open. */
  static async start(options: DoorOptions = {}): Promise<Door> {
    const door = new Door(options);
    await door.#program.until("the door's ports", START_MS, () => {
      // A short script may be through before the ports are seen.
      if (door.#program.code === 0) return true;
      const ports = [door.port, door.#consolePort];
      return (
        isOpen("udp", door.port, options.network?.pid) &&
        ports.every((port) => isOpen("tcp", port, options.network?.pid))
      );
    });
    return door;
  }

  private constructor({ set = {}, script = "expect call=ended 90; quit", hz = 440, network, tls }: DoorOptions) {
    const folder = makeFolder();
    const mic = join(folder, "mic.wav");
    writeWav(mic, tone(hz, TONE_SECONDS));
    this.#speakerPath = join(folder, "speaker.wav");
    this.pcapPath = join(folder, "door.pcap");
    const settings: Record<string, string | number> = {
      "net.address": HOST,
      "sip.port": this.port,
      "rtp.port": this.rtpPort,
      "call.allow": "any",
      "call.autoAnswer": "on",
      "call.showDigits": "on",
      ...set,
    };
    const args = [program("portero-sim"), "--headless", "--alone", "--json"];
    args.push("--mic", mic, "--speaker", this.#speakerPath, "--pcap", this.pcapPath, "--do", script);
    // The run for a plain board sets BOARD (vitest.config.ts).
    if (process.env.BOARD) args.push("--board", process.env.BOARD);
    args.push("--console-port", String(this.#consolePort), "--store", join(folder, "store"));
    for (const [key, value] of Object.entries(settings)) args.push("--set", key + "=" + value);
    if (tls !== undefined) {
      args.push("--listen", "tls:" + HOST + ":" + (this.port + 1));
      args.push("--tls-cert", tls.certificate, "--tls-key", tls.key);
    }
    this.#network = network;
    this.#program = new Program(process.execPath, args, { network });
    this.#program.onLine = (line) => {
      if (line.startsWith("{")) this.events.push(JSON.parse(line));
    };
  }

  /** Waits for the next such event of the door, of those that no call of this has passed yet. */
  async expect(event: string, value?: string, withinMs = EXPECT_MS): Promise<DoorEvent> {
    const wanted = (one: DoorEvent) =>
      one.who === "door" && one.event === event && (value === undefined || one.value === value);
    const { found } = await this.#program.until("the door's event " + event + "=" + (value ?? ""), withinMs, () => {
      const index = this.events.findIndex((one, i) => i >= this.#next && wanted(one));
      return index < 0 ? null : { found: index };
    });
    this.#next = found + 1;
    return this.events[found];
  }

  /** @returns every event of that kind so far, and of that value */
  all(event: string, value?: string): DoorEvent[] {
    return this.events.filter((one) => one.event === event && (value === undefined || one.value === value));
  }

  /** Types a line on its serial console. */
  async console(line: string): Promise<void> {
    if (this.#network !== undefined) {
      const args = ["-c", TYPE_LINE, HOST, String(this.#consolePort), line];
      await new Program("bash", args, { network: this.#network }).exit(EXPECT_MS);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const socket = connect(this.#consolePort, HOST, () => socket.end(line + "\n"));
      socket.on("error", reject);
      socket.on("close", () => resolve());
      socket.resume();
    });
  }

  /** Waits for the end of its script. @throws when a step of it failed, or it ended in another way than it should */
  async finish(withinMs = EXPECT_MS): Promise<void> {
    const code = await this.#program.exit(withinMs);
    if (code !== 0) throw new Error(this.#program.tail);
  }

  /** @returns the sound that its speaker played, once it has finished */
  heard(): Sound {
    return readWav(this.#speakerPath);
  }

  /** @returns its events, and the ladder of its messages */
  get log(): string {
    return this.#program.lines.join("\n");
  }
}
