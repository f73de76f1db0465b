/**
 * baresip as a phone: started with a configuration of its own, driven by its control socket (JSON in netstrings), and
 * heard by the file in which it records what it decodes. That recording has no place for packets that did not come: its
 * length tells of them. It ends at the first hold, since baresip does not record again after a re-INVITE.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { freePorts } from "../ports.js";
import { HOST, makeFolder, Program, until } from "./programs.js";
import { readWav, type Sound, tone, writeWav } from "./sound.js";

const MODULES = "/usr/lib/baresip/modules";
/** The program ends by itself after this long, in case its test cannot end it. */
const LIFE_SECONDS = 100;
const START_MS = 15_000;
const ANSWER_MS = 10_000;
export const RTP_PORTS = 10;
const TONE_SECONDS = 60;

export interface BaresipOptions {
  user: string;
  /** The tone it sends. */
  hz: number;
  /** The sound that it sends in place of the file, over and over. */
  sound?: Sound;
  codecs?: "PCMU" | "PCMA" | "PCMU,PCMA";
  /** Answers by itself, or waits for `accept()`. */
  answers?: boolean;
  transport?: "udp" | "tcp" | "tls";
  /** The authorities that it believes, a file; for tls. */
  ca?: string;
  /** The encryption: srtp offers keys beside RTP/AVP, srtp-mand wants RTP/SAVP, srtp-mandf RTP/SAVPF. */
  encryption?: "srtp" | "srtp-mand" | "srtp-mandf";
  /**
   * The server to register with, and the password; all requests go there too, unless `direct`. Without a server, calls
   * go to addresses directly.
   */
  server?: { port: number; password: string; host?: string; direct?: boolean };
  /** It keeps its flow to the server. RFC 5626 */
  keepsFlow?: boolean;
}

/** An event, as baresip has it: CALL_ESTABLISHED, CALL_CLOSED, CALL_DTMF_START and so on. */
export interface BaresipEvent {
  type: string;
  param: string;
  peeruri: string;
}

interface Answer {
  token: string;
  ok: boolean;
  data: string;
}

export class Baresip {
  /** Its SIP port, UDP and TCP. */
  readonly port: number;
  /** The address to call it at directly. */
  readonly uri: string;
  /** The first of RTP_PORTS ports, of which it takes any. */
  readonly rtpPort: number;
  readonly events: BaresipEvent[] = [];
  readonly #program: Program;
  readonly #folder = makeFolder();
  readonly #controlPort = freePorts(1);
  readonly #answers = new Map<string, Answer>();
  #socket: Socket | null = null;
  #received = Buffer.alloc(0);
  #next = 0;
  #tokens = 0;

  static async start(options: BaresipOptions): Promise<Baresip> {
    const phone = new Baresip(options);
    await phone.#connect();
    if (options.server !== undefined) {
      await until(
        () => options.user + " registered\n" + phone.trace,
        START_MS,
        () => /200 OK .*\[1 binding\]/.test(phone.trace),
      );
    }
    return phone;
  }

  private constructor(options: BaresipOptions) {
    const { user, hz, codecs = "PCMU", answers = true, transport = "udp", encryption, server, ca } = options;
    // The port after that of SIP is the one of SIP over TLS, which cannot be switched off.
    this.port = freePorts(2);
    this.rtpPort = freePorts(RTP_PORTS);
    const sipPort = transport === "tls" ? this.port + 1 : this.port;
    this.uri = "sip:" + user + "@" + HOST + ":" + sipPort + (transport === "udp" ? "" : ";transport=" + transport);
    const values: Record<string, string | number> = {
      HOST,
      DIR: this.#folder,
      MODULES,
      SIP_PORT: this.port,
      CONTROL_PORT: this.#controlPort,
      RTP_FIRST: this.rtpPort,
      RTP_LAST: this.rtpPort + RTP_PORTS - 1,
    };
    const template = readFileSync(join(import.meta.dirname, "configs", "baresip.conf"), "utf8");
    writeFileSync(
      join(this.#folder, "config"),
      template.replace(/@([A-Z_]+)@/g, (_, name) => String(values[name])) +
        (ca === undefined ? "" : "sip_cafile " + ca + "\n"),
    );
    const isDirect = server?.direct === true;
    const domain =
      server === undefined ? HOST + ":" + this.port : (server.host ?? HOST) + (isDirect ? ":" + server.port : "");
    const parameters = [
      "regint=" + (server === undefined ? 0 : 120),
      "answermode=" + (answers ? "auto" : "manual"),
      "audio_codecs=" + codecs.split(",").map((codec) => codec + "/8000/1"),
    ];
    if (encryption !== undefined) parameters.push("mediaenc=" + encryption);
    if (server !== undefined) {
      const proxy = "sip:" + (server.host ?? HOST) + ":" + server.port + ";lr;transport=" + transport;
      parameters.push("auth_user=" + user, "auth_pass=" + server.password);
      if (!isDirect) parameters.push('outbound="' + proxy + '"');
      if (options.keepsFlow === true) parameters.push("sipnat=outbound");
    }
    const address = "<sip:" + user + "@" + domain + ";transport=" + transport + ">";
    writeFileSync(join(this.#folder, "accounts"), address + ";" + parameters.join(";") + "\n");
    writeFileSync(join(this.#folder, "contacts"), "");
    writeWav(join(this.#folder, "tone.wav"), options.sound ?? tone(hz, TONE_SECONDS));
    mkdirSync(join(this.#folder, "snd"));
    this.#program = new Program("baresip", ["-f", this.#folder, "-s", "-t", String(LIFE_SECONDS)]);
  }

  /** Connects to its control socket: once it answers a command there, it runs. */
  async #connect(): Promise<void> {
    this.#socket = await this.#program.until("baresip's control socket", START_MS, () => {
      return new Promise<Socket | null>((resolve) => {
        const socket = connect(this.#controlPort, HOST, () => resolve(socket));
        socket.on("error", () => resolve(null));
      });
    });
    this.#socket.on("data", (chunk) => this.#read(chunk));
    await this.command("about");
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const colon = this.#received.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#received.toString("latin1", 0, colon));
      if (this.#received.length <= end) return;
      const message = JSON.parse(this.#received.toString("utf8", colon + 1, end));
      this.#received = this.#received.subarray(end + 1);
      if (message.response === true) this.#answers.set(message.token, message);
      else this.events.push({ type: message.type, param: message.param ?? "", peeruri: message.peeruri ?? "" });
    }
  }

  /** @returns the answer to a command of its menu */
  async command(name: string, params = ""): Promise<string> {
    const token = String(++this.#tokens);
    const text = JSON.stringify({ command: name, params, token });
    this.#socket?.write(Buffer.byteLength(text) + ":" + text + ",");
    const answer = await this.#program.until("baresip's answer to " + name, ANSWER_MS, () => this.#answers.get(token));
    if (!answer.ok) throw new Error("baresip refused " + name + " " + params + ": " + answer.data);
    return answer.data;
  }

  dial(uri: string): Promise<string> {
    return this.command("dial", uri);
  }
  accept(): Promise<string> {
    return this.command("accept");
  }
  hangup(): Promise<string> {
    return this.command("hangup");
  }
  hold(): Promise<string> {
    return this.command("hold");
  }
  resume(): Promise<string> {
    return this.command("resume");
  }
  /** Sends one digit by telephone-event. */
  digit(code: string): Promise<string> {
    return this.command("sndcode", code);
  }

  /** The next event of a type, of those that no call of this has passed yet. */
  async expect(type: string, param?: string, withinMs = ANSWER_MS): Promise<BaresipEvent> {
    const wanted = (event: BaresipEvent) => event.type === type && (param === undefined || event.param === param);
    const index = await this.#program.until("baresip's event " + type + " " + (param ?? ""), withinMs, () => {
      const found = this.events.findIndex((event, i) => i >= this.#next && wanted(event));
      return found < 0 ? null : { found };
    });
    this.#next = index.found + 1;
    return this.events[index.found];
  }

  /** @returns the sound it heard in its only call, which has ended */
  async heard(): Promise<Sound> {
    const folder = join(this.#folder, "snd");
    const path = await this.#program.until("a recording of baresip", ANSWER_MS, () => {
      const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith("-dec.wav")) : [];
      if (names.length > 1) throw new Error("baresip has recorded more than one call");
      return names.length === 1 ? join(folder, names[0]) : null;
    });
    // The lengths in its header are written when the call is freed, a moment after it closed.
    return until("the end of baresip's recording", ANSWER_MS, () => {
      const sound = readWav(path);
      return sound.samples.length > 0 ? sound : null;
    });
  }

  /** The SIP messages it sent and received, and what else it wrote. */
  get trace(): string {
    return this.#program.lines.join("\n");
  }
}
