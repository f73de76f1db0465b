/**
 * Twinkle as a phone: its console program, driven by typed lines and watched by what it prints. Its microphone is a
 * file, at its own pace; its speaker is a sink of PulseAudio, which has the pace of a sound card, and is recorded
 * there.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts, isOpen } from "../ports.js";
import { HOST, makeFolder, type Network, Program } from "./programs.js";
import { readWav, type Sound, tone } from "./sound.js";

/** The program ends by itself after this long, in case its test cannot end it. */
const LIFE_SECONDS = 100;
const START_MS = 10_000;
const ANSWER_MS = 8000;
const TONE_SECONDS = 60;
const RTP_PORTS = 8;
const WAV_HEADER_BYTES = 44;
const WAV_SIZE_AT = 40;

export interface TwinkleOptions {
  user: string;
  /** The tone it sends. */
  hz: number;
  /** The way in which it sends digits. */
  digits?: "rfc2833" | "info" | "inband";
  codecs?: string;
  network?: Network;
  server?: { port: number; password: string };
}

export class Twinkle {
  readonly port = freePorts(2);
  /** The address to call it at directly. */
  readonly uri: string;
  readonly #folder: string;
  readonly #program: Program;
  #next = 0;

  static async start(options: TwinkleOptions): Promise<Twinkle> {
    const folder = makeFolder();
    await startSpeaker(folder);
    const phone = new Twinkle(folder, options);
    const { lines } = phone.#program;
    await phone.#program.until("Twinkle's prompt", START_MS, () => lines.some((line) => line.startsWith("Local IP")));
    await phone.#program.until("Twinkle's port", START_MS, () => isOpen("udp", phone.port, options.network?.pid));
    if (options.server !== undefined) await phone.expect(/registration succeeded/i);
    return phone;
  }

  private constructor(folder: string, options: TwinkleOptions) {
    const { user, hz, digits = "rfc2833", codecs = "g711u,g711a", network, server } = options;
    this.#folder = folder;
    this.uri = "sip:" + user + "@" + HOST + ":" + this.port;
    const values: Record<string, string | number> = {
      USER: user,
      DOMAIN: HOST,
      PASSWORD: server?.password ?? "",
      SERVER: server === undefined ? "" : HOST + ":" + server.port,
      HAS_SERVER: server === undefined ? "no" : "yes",
      CODECS: codecs,
      DIGITS: digits,
      SIP_PORT: this.port,
      RTP_PORT: freePorts(RTP_PORTS),
      DIR: folder,
    };
    mkdirSync(join(folder, ".twinkle"));
    for (const [template, name] of [
      ["twinkle.cfg", ".twinkle/phone.cfg"],
      ["twinkle.sys", ".twinkle/twinkle.sys"],
      ["asoundrc", ".asoundrc"],
    ]) {
      const text = readFileSync(join(import.meta.dirname, "configs", template), "utf8");
      writeFileSync(
        join(folder, name),
        text.replace(/@([A-Z_]+)@/g, (_, key) => String(values[key])),
      );
    }
    writeFileSync(join(folder, "tone.raw"), Buffer.from(tone(hz, TONE_SECONDS).samples.buffer));
    this.#program = limited(folder, "twinkle-console", [], network);
  }

  /** Types a line of its console. */
  type(line: string): void {
    this.#program.type(line);
  }

  call(uri: string): void {
    this.type("call " + uri);
  }

  /** Waits for the next such line of its output, of those that no call of this has passed yet. */
  async expect(pattern: RegExp, withinMs = ANSWER_MS): Promise<RegExpExecArray> {
    return this.#program.until("Twinkle's " + pattern, withinMs, () => {
      for (let i = this.#next; i < this.#program.lines.length; i++) {
        const found = pattern.exec(this.#program.lines[i]);
        if (found === null) continue;
        this.#next = i + 1;
        return found;
      }
      return null;
    });
  }

  /** @returns the samples that its speaker has played since its start */
  heard(): Sound {
    const bytes = readFileSync(join(this.#folder, "heard.wav"));
    // The length in the header is written when the recorder ends.
    bytes.writeUInt32LE((bytes.length - WAV_HEADER_BYTES) & ~1, WAV_SIZE_AT);
    writeFileSync(join(this.#folder, "whole.wav"), bytes);
    return readWav(join(this.#folder, "whole.wav"));
  }

  /** @returns its log: SIP messages and what it made of them */
  get log(): string {
    return readFileSync(join(this.#folder, ".twinkle", "twinkle.log"), "latin1");
  }
}

/** A speaker with the pace of a sound card, and its recording. */
async function startSpeaker(folder: string): Promise<void> {
  const socket = join(folder, "sound");
  const modules = [
    "module-null-sink sink_name=speaker format=s16le rate=8000 channels=1",
    "module-native-protocol-unix auth-anonymous=1 socket=" + socket,
  ].flatMap((module) => ["-L", module]);
  const how = [
    "-n",
    "--daemonize=no",
    "--exit-idle-time=-1",
    "--use-pid-file=no",
    "--disable-shm",
    "--log-level=error",
  ];
  const sound = limited(folder, "pulseaudio", [...how, ...modules]);
  await sound.until("PulseAudio's socket", START_MS, () => existsSync(socket));
  const path = join(folder, "heard.wav");
  const format = ["--file-format=wav", "--format=s16le", "--rate=8000", "--channels=1", "--latency-msec=50"];
  const recorder = limited(folder, "parec", ["--server", "unix:" + socket, "-d", "speaker.monitor", ...format, path]);
  await recorder.until("a recording", START_MS, () => existsSync(path) && statSync(path).size > WAV_HEADER_BYTES);
}

/**
 * Makes a program whose home is that folder. It runs under `timeout`, because it would outlive a killed test runner.
 */
function limited(folder: string, name: string, args: string[], network?: Network): Program {
  const environment = { HOME: folder, XDG_RUNTIME_DIR: folder };
  return new Program("timeout", ["-k", "2", String(LIFE_SECONDS), name, ...args], {
    environment,
    network,
    isTyped: true,
  });
}
