/**
 * Starts and ends the other programs that the door is tested against: finds what is installed, hands out folders,
 * waits by looking, and kills by process id whatever still runs when a test is over, also when it failed.
 * Knows nothing of SIP. Linux only, as are the packages.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, describe, it } from "vitest";
import { returnPorts } from "../ports.js";

export const HOST = "127.0.0.1";
/** States that no event tells are looked at this often. */
const LOOK_MS = 25;
/** A program ends by itself after this long, in case its test cannot end it. */
const NETWORK_SECONDS = 100;
/** A program may take this long to end after it was asked to. */
const END_MS = 2000;
/** At the end of a test nobody needs what it would still write; a phone would go on telling its ended server. */
const END_OF_TEST_MS = 400;

/** Debian's packages, by program. */
export const PACKAGES = {
  baresip: "baresip-core",
  sipp: "sip-tester",
  kamailio: "kamailio",
  tshark: "tshark",
  "redis-server": "redis-server",
  "fail2ban-regex": "fail2ban",
  linphonec: "linphone-cli",
  "twinkle-console": "twinkle-console",
  pulseaudio: "pulseaudio libasound2-plugins",
  parec: "pulseaudio-utils",
  rtpengine: "rtpengine-daemon",
  sqlite3: "sqlite3",
  ip: "iproute2",
  mosquitto: "mosquitto",
  openssl: "openssl",
  iptables: "iptables",
  ffmpeg: "ffmpeg",
  turnserver: "coturn",
  "/usr/lib/x86_64-linux-gnu/kamailio/modules/outbound.so": "kamailio-outbound-modules",
  // Of a module of Python its folder.
  "/usr/lib/python3/dist-packages/zeroconf": "python3-zeroconf",
};

const running = new Set<Program>();
const folders = new Set<string>();

process.on("exit", () => {
  for (const program of running) program.kill();
});

/**
 * `describe` for tests that need these programs. One missing fails on CI, and skips with its package's name elsewhere.
 */
export function describeWith(programs: (keyof typeof PACKAGES)[], name: string, body: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program)).map((program) => PACKAGES[program]);
  if (missing.length === 0) {
    describe(name, () => {
      afterEach(endAll);
      body();
    });
    return;
  }
  const why = "needs Debian's " + missing.join(", ");
  if (process.env.CI === undefined) describe.skip(name + " (" + why + ")", body);
  else
    it(name, () => {
      throw new Error(why);
    });
}

export function isInstalled(program: string): boolean {
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/bin"]) {
    try {
      if (program.startsWith("/")) accessSync(program, constants.R_OK);
      else accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {}
  }
  return false;
}

/** Ends every program of the test and removes its folders. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.end(END_OF_TEST_MS)));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
  returnPorts();
}

/** A new empty folder that is removed after the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portero-"));
  folders.add(folder);
  return folder;
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/**
 * Looks until `found` gives something that is not false, null or undefined. @throws an Error with `what` after
 * `withinMs`
 */
export async function until<T>(
  what: string | (() => string),
  withinMs: number,
  found: () => T | Promise<T>,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await found();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > deadline) {
      throw new Error("not within " + withinMs + " ms: " + (typeof what === "string" ? what : what()));
    }
    await pause(LOOK_MS);
  }
}

export interface ProgramOptions {
  environment?: Record<string, string>;
  /** The network that it runs in; the machine's own by default. */
  network?: Network;
  /** It reads the lines that `type` gives it. */
  isTyped?: boolean;
}

/** One running program, with the lines that it wrote. It leads a process group, so that its children end with it. */
export class Program {
  readonly name: string;
  /** Lines of its output and its errors, in the order they came. */
  readonly lines: string[] = [];
  /** Exit code; -1 when a signal ended it; null while it runs. */
  code: number | null = null;
  /** Called with each line of the output (not the errors). */
  onLine: (line: string) => void = () => {};
  readonly #child: ChildProcess;

  constructor(name: string, args: string[], { environment = {}, network, isTyped = false }: ProgramOptions = {}) {
    this.name = name;
    const path = process.env.PATH + delimiter + "/usr/sbin";
    const [file, ...all] =
      network === undefined
        ? [name, ...args]
        : ["nsenter", "--net=/proc/" + network.pid + "/ns/net", "--", name, ...args];
    this.#child = spawn(file, all, {
      detached: true,
      stdio: [isTyped ? "pipe" : "ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: path, ...environment },
    });
    // The program may end before it has read everything.
    this.#child.stdin?.on("error", () => {});
    running.add(this);
    this.#read(this.#child.stdout, (line) => this.onLine(line));
    this.#read(this.#child.stderr, () => {});
    this.#child.on("error", (error) => {
      this.lines.push(String(error));
      this.#ended(-1);
    });
    this.#child.on("close", (code) => this.#ended(code ?? -1));
  }

  #ended(code: number): void {
    this.code ??= code;
    running.delete(this);
  }

  /** Gives it a line, as a person would. */
  type(line: string): void {
    this.#child.stdin?.write(line + "\n");
  }

  #read(stream: NodeJS.ReadableStream | null, tell: (line: string) => void): void {
    let rest = "";
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        this.lines.push(line);
        tell(line);
      }
    });
  }

  /** Its process id, which is also that of its group. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Its last lines, for a message. */
  get tail(): string {
    return this.name + " (exit code " + this.code + ") wrote:\n" + this.lines.slice(-40).join("\n");
  }

  /** Waits for a state of the program; fails at once when the program has ended without it. */
  async until<T>(what: string, withinMs: number, found: () => T | Promise<T>): Promise<NonNullable<T>> {
    return until(
      () => what + "\n" + this.tail,
      withinMs,
      async () => {
        const hasEnded = this.code !== null;
        const value = await found();
        if (hasEnded && !value) throw new Error("ended before: " + what + "\n" + this.tail);
        return value;
      },
    );
  }

  /** Waits until it ends by itself. @returns its exit code */
  exit(withinMs: number): Promise<number> {
    return until(
      () => "the end of " + this.tail,
      withinMs,
      () => this.code,
    );
  }

  /** Stops it where it is, as a machine that hangs does, or lets it go on. */
  hang(isHanging: boolean): void {
    this.#child.kill(isHanging ? "SIGSTOP" : "SIGCONT");
  }

  /** Asks it to end, and kills it, when it does not, with all that it started. */
  async end(withinMs = END_MS): Promise<void> {
    if (this.code === null) {
      this.#child.kill("SIGTERM");
      await this.exit(withinMs).catch(() => 0);
    }
    this.kill();
  }

  kill(): void {
    const pid = this.#child.pid;
    if (this.code !== null || pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {}
  }
}

/** A network of its own, which holds only what the tests start there. */
export class Network {
  readonly #holder: Program;

  /** @param address of a second interface beside loopback, which the default route leads to; none by default */
  static async start(address?: string): Promise<Network> {
    const network = new Network(address);
    await network.#holder.until("a network", 5000, () => network.#holder.lines.includes("up"));
    return network;
  }

  private constructor(address?: string) {
    const steps = ["ip link set lo up"];
    if (address !== undefined) {
      steps.push("ip link add outside type veth peer name other", "ip link set other up", "ip link set outside up");
      steps.push("ip addr add " + address + "/24 dev outside", "ip route add default dev outside");
    }
    steps.push("echo up", "exec sleep " + NETWORK_SECONDS);
    this.#holder = new Program("unshare", ["--net", "sh", "-c", steps.join(" && ")]);
  }

  /** The id of a process in that network. */
  get pid(): number {
    return this.#holder.pid;
  }
}
