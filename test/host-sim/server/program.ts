/** The server's program as a child process, users for it, and a phone on a real socket that registers with digest. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "../../programs.js";
import { authorization } from "../../ua/digest.js";

const ROOT = join(import.meta.dirname, "../../..");
const START_MS = 15_000;
const REPEAT_MS = 500;

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "portero-server-"));

  /** Users user0 to user(N-1) whose passwords are their names. */
  users(count: number): string {
    const file = join(this.path, "users");
    let lines = "";
    for (let i = 0; i < count; i++)
      lines += "user" + i + ":example.org:" + md5("user" + i + ":example.org:user" + i) + ":\n";
    writeFileSync(file, lines);
    return file;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class Program {
  port = 0;
  http = 0;
  output = "";
  errors = "";
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [program("portero-server"), ...args], {
      cwd: ROOT,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.child.stdout?.on("data", (piece) => {
      this.output += piece;
    });
    this.child.stderr?.on("data", (piece) => {
      this.errors += piece;
    });
    this.exited = new Promise((resolve) => this.child.once("exit", (code) => resolve(code)));
  }

  /** Waits for a line of its output. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    for (const end = Date.now() + START_MS; Date.now() < end; await pause(20)) {
      const found = pattern.exec(this.output);
      if (found !== null) return found;
      if (this.child.exitCode !== null) break;
    }
    throw new Error("the server does not say " + pattern + ": " + this.output + this.errors);
  }

  async ready(): Promise<this> {
    this.port = Number((await this.says(/"listening","value":"udp:127\.0\.0\.1:(\d+)"/))[1]);
    return this;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.exited;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Phones of all users on one socket. */
export class Phones {
  private readonly socket: Socket = createSocket("udp4");
  private readonly waiting = new Map<string, (response: string) => void>();
  private count = 0;
  private readonly run = Math.random().toString(36).slice(2);

  constructor() {
    this.socket.on("message", (bytes) => {
      const response = bytes.toString("latin1");
      const branch = /branch=(z9hG4bK\w+)/.exec(response)?.[1] ?? "";
      this.waiting.get(branch)?.(response);
      this.waiting.delete(branch);
    });
  }

  /**
   * Registers a contact for user number `i`, or asks for the present ones when it is "".
   * @returns the last answer, "" when none came in time
   */
  async register(port: number, i: number, contact: string, timeoutMs = 8000, password = ""): Promise<string> {
    const user = "user" + i;
    const first = await this.send(port, user, contact, "", timeoutMs);
    const challenge = /^WWW-Authenticate: (.*)$/m.exec(first)?.[1];
    if (!first.startsWith("SIP/2.0 401") || challenge === undefined) return first;
    const asked = { method: "REGISTER", uri: "sip:example.org", user, password: password || user };
    const credentials = `Authorization: ${authorization(challenge, asked)}\r\n`;
    return this.send(port, user, contact, credentials, timeoutMs);
  }

  private send(port: number, user: string, contact: string, credentials: string, timeoutMs: number): Promise<string> {
    const branch = "z9hG4bK" + this.run + ++this.count;
    const message = Buffer.from(
      "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;rport;branch=" +
        branch +
        "\r\nMax-Forwards: 70\r\nFrom: <sip:" +
        user +
        "@example.org>;tag=1\r\nTo: <sip:" +
        user +
        "@example.org>\r\nCall-ID: " +
        this.run +
        user +
        "\r\nCSeq: " +
        this.count +
        " REGISTER\r\n" +
        (contact === "" ? "" : "Contact: <" + contact + ">\r\n") +
        credentials +
        "Content-Length: 0\r\n\r\n",
      "latin1",
    );
    return new Promise((resolve) => {
      const transmit = (): void => this.socket.send(message, port, "127.0.0.1");
      const repeat = setInterval(transmit, REPEAT_MS);
      const done = (response: string): void => {
        clearInterval(repeat);
        clearTimeout(late);
        this.waiting.delete(branch);
        resolve(response);
      };
      const late = setTimeout(() => done(""), timeoutMs);
      this.waiting.set(branch, done);
      transmit();
    });
  }

  close(): void {
    this.socket.close();
  }
}

/** Does `work` for 0 to `count` - 1, `width` at a time. */
export async function each(count: number, width: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}
