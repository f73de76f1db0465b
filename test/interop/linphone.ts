/**
 * Linphone as a phone: its console program, driven by typed lines and watched by what it prints. It plays a file in
 * place of the microphone and records what it hears. It announces the address of an interface beside loopback where
 * there is one, and sends from loopback all the same: a network of its own says which it is.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { freePorts, isOpen } from "../ports.js";
import type { Door } from "./door.js";
import { HOST, makeFolder, type Network, Program, pause, until } from "./programs.js";
import { cut, readWav, type Sound, tone, trimSilence, writeWav } from "./sound.js";
import { DOOR_HZ, expectTone, PHONE_HZ, TALK_MS } from "./tones.js";

/** The program ends by itself after this long, in case its test cannot end it. */
const LIFE_SECONDS = 100;
const START_MS = 10_000;
const ANSWER_MS = 8000;
const TONE_SECONDS = 60;
const WAV_HEADER_BYTES = 44;
const WAV_SIZE_AT = 40;

export interface LinphoneOptions {
  user: string;
  /** The tone it sends. */
  hz: number;
  network?: Network;
  /** The way in which it sends digits. */
  digits?: "rtp" | "info";
  /** Offers RTP/AVPF. */
  avpf?: boolean;
  /** It offers keys for SRTP, or takes no call without them. */
  encryption?: "offered" | "required";
  /** Asks for a session timer of 90 s. */
  hasTimer?: boolean;
  /** The only codecs it has, by their names and rates ("speex 8000"); all of its own by default. */
  codecs?: readonly string[];
  /** The server it registers with; with `ca` by TLS: that authority signed its certificate for localhost. */
  server?: { port: number; password: string; ca?: string };
}

export class Linphone {
  readonly port = freePorts(2);
  readonly rtpPort = freePorts(2);
  /** The address to call it at directly. */
  readonly uri: string;
  readonly #program: Program;
  readonly #folder = makeFolder();
  readonly #network: Network | undefined;
  #next = 0;

  static async start(options: LinphoneOptions): Promise<Linphone> {
    const phone = new Linphone(options);
    await phone.#begin(options);
    return phone;
  }

  private constructor(options: LinphoneOptions) {
    const { user, hz, network, digits = "rtp", avpf = false, hasTimer = false, encryption, server } = options;
    this.uri = "sip:" + user + "@" + HOST + ":" + this.port;
    this.#network = network;
    const values: Record<string, string | number> = {
      SIP_PORT: this.port,
      // Linphone opens a port for TLS, or opens connections only (-2), or knows no TLS (0).
      TLS_PORT: server?.ca === undefined ? 0 : -2,
      CA: server?.ca ?? "",
      RTP_PORT: this.rtpPort,
      USER: user,
      DIR: this.#folder,
      BY_RTP: digits === "rtp" ? 1 : 0,
      BY_INFO: digits === "info" ? 1 : 0,
      HAS_TIMER: hasTimer ? 1 : 0,
      AVPF: avpf ? 1 : 0,
      ENCRYPTION: encryption === undefined ? "none" : "srtp",
      IS_REQUIRED: encryption === "required" ? 1 : 0,
    };
    const template = readFileSync(join(import.meta.dirname, "configs", "linphonerc"), "utf8");
    const config = join(this.#folder, "linphonerc");
    writeFileSync(
      config,
      template.replace(/@([A-Z_]+)@/g, (_, name) => String(values[name])),
    );
    writeWav(join(this.#folder, "tone.wav"), tone(hz, TONE_SECONDS));
    mkdirSync(join(this.#folder, "linphone"));
    const args = ["-c", config, "-d", "6", "-l", join(this.#folder, "log")];
    const home = { HOME: this.#folder, XDG_CONFIG_HOME: this.#folder, XDG_DATA_HOME: this.#folder };
    // It runs under `timeout`, because it would outlive a test runner that was killed.
    this.#program = new Program("timeout", ["-k", "2", String(LIFE_SECONDS), "linphonec", ...args], {
      environment: home,
      network,
      isTyped: true,
    });
  }

  async #begin({ user, codecs, server }: LinphoneOptions): Promise<void> {
    await this.#program.until("Linphone's port", START_MS, () => isOpen("udp", this.port, this.#network?.pid));
    for (const line of ["ipv6 disable", "soundcard use files"]) this.type(line);
    this.type("play " + join(this.#folder, "tone.wav"));
    this.type("record " + join(this.#folder, "heard.wav"));
    if (codecs !== undefined) await this.#keepCodecs(codecs);
    if (server === undefined) return;
    const place = server.ca === undefined ? HOST + ":" + server.port : "localhost:" + server.port + ";transport=tls";
    this.type(`register sip:${user}@${HOST} sip:${place} ${server.password}`);
    // Linphone prints nothing about it.
    await this.#program.until("Linphone's registration", ANSWER_MS, () => this.log.includes("LinphoneRegistrationOk"));
  }

  /** Switches off all other codecs. */
  async #keepCodecs(codecs: readonly string[]): Promise<void> {
    this.type("codec disable all");
    this.type("codec list");
    for (const codec of codecs) {
      const [name, rate] = codec.split(" ");
      const [, index] = await this.expect(new RegExp(`(\\d+): ${name} \\(${rate}\\)`));
      this.type("codec enable " + index);
    }
  }

  /** Types a line of its console; digits alone are sent in the call. */
  type(line: string): void {
    this.#program.type(line);
  }

  call(uri: string): void {
    this.type("call " + uri);
  }

  /** Waits for the next such line of its output, of those that no call of this has passed yet. */
  async expect(pattern: RegExp, withinMs = ANSWER_MS): Promise<RegExpExecArray> {
    return this.#program.until("Linphone's " + pattern, withinMs, () => {
      for (let i = this.#next; i < this.#program.lines.length; i++) {
        const found = pattern.exec(this.#program.lines[i]);
        if (found === null) continue;
        this.#next = i + 1;
        return found;
      }
      return null;
    });
  }

  /** @returns the sound it heard in its only call, which has ended, without the time on hold */
  async heard(): Promise<Sound> {
    const path = join(this.#folder, "heard.wav");
    return until("Linphone's recording", ANSWER_MS, () => {
      if (!existsSync(path)) return null;
      const bytes = readFileSync(path);
      if (bytes.length <= WAV_HEADER_BYTES) return null;
      // Linphone counts the file's header as data.
      bytes.writeUInt32LE(bytes.length - WAV_HEADER_BYTES, WAV_SIZE_AT);
      writeFileSync(path + ".right.wav", bytes);
      return readWav(path + ".right.wav");
    });
  }

  /**
   * Talks with a door that called it and whose code is 2580, opens, and is left: each hears the other's tone. The door
   * has ended then.
   */
  async talk(door: Door): Promise<void> {
    await pause(TALK_MS);
    this.type("2580");
    expect((await door.expect("relay", "on")).reason).toBe("code");
    await door.console("press");
    await this.expect(/ended/);
    await door.finish();
    expectTone(cut(trimSilence(door.heard()), 0, TALK_MS - 200), PHONE_HZ);
    expectTone(cut(trimSilence(await this.heard()), 0, TALK_MS - 200), DOOR_HZ);
  }

  /** @returns its log: SIP messages and what it made of them */
  get log(): string {
    const path = join(this.#folder, "log");
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  }
}
