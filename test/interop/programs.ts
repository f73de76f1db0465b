/**
 * Starts and ends the other programs that the door is tested against: finds what is installed, hands out free ports and folders,
 * waits by looking, and kills by process id whatever still runs when a test is over, also when it failed.
 * Knows nothing of SIP. Linux only, as are the packages: what is bound is read from /proc/net.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, describe, it } from "vitest";

export const HOST = "127.0.0.1";
/** How often a state is looked at that nobody tells of. */
const LOOK_MS = 25;
/** It ends by itself when whoever started it could not end it. */
const NETWORK_SECONDS = 100;
/** How long a program may take to end by itself when it is asked to. */
const END_MS = 2000;
const FIRST_PORT = 12_000;
const LAST_PORT = 30_000;
/** The most test files that run at the same time. */
const WORKERS = 4;
/** States of sockets in /proc/net. */
const UDP_BOUND = "07";
const TCP_LISTENS = "0A";

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
};

const running = new Set<Program>();
const folders = new Set<string>();
const given = new Set<number>();

process.on("exit", () => {
  for (const program of running) program.kill();
});

/** `describe` for tests that need these programs. One missing fails on CI, and skips with its package's name elsewhere. */
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
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {}
  }
  return false;
}

/** Ends every program of the test and removes its folders. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map((program) => program.end()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
  given.clear();
}

/** A new empty folder that is removed after the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portero-"));
  folders.add(folder);
  return folder;
}

/** @returns the first of `count` ports in a row, an even one, that nobody holds on UDP or TCP: below those that systems give out */
export function freePorts(count: number): number {
  // Files that run at the same time have ports of their own.
  const worker = (Number(process.env.VITEST_POOL_ID ?? 1) - 1) % WORKERS;
  const ports = Math.floor((LAST_PORT - FIRST_PORT) / WORKERS);
  for (let attempt = 0; attempt < 200; attempt++) {
    const first = FIRST_PORT + worker * ports + 2 * Math.floor((Math.random() * (ports - count)) / 2);
    const row = Array.from({ length: count }, (_, i) => first + i);
    const isTaken = (port: number) =>
      given.has(port) || [...socketStates("udp", port), ...socketStates("tcp", port)].length > 0;
    if (row.some(isTaken)) continue;
    for (const port of row) given.add(port);
    return first;
  }
  throw new Error("no " + count + " free ports in a row");
}

/** Whether a program waits at the port: for datagrams, or for connections. @param network whose port; the machine's own if not told */
export function isOpen(transport: "udp" | "tcp", port: number, network?: Network): boolean {
  return socketStates(transport, port, network).includes(transport === "udp" ? UDP_BOUND : TCP_LISTENS);
}

/** The states of all sockets at a local port, as the kernel writes them. */
function socketStates(transport: "udp" | "tcp", port: number, network?: Network): string[] {
  const wanted = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  const states: string[] = [];
  for (const table of [transport, transport + "6"]) {
    let text = "";
    try {
      text = readFileSync("/proc/" + (network === undefined ? "self" : network.pid) + "/net/" + table, "latin1");
    } catch {}
    for (const line of text.split("\n")) {
      const [, local, , state] = line.trim().split(/\s+/);
      if (local?.endsWith(wanted)) states.push(state);
    }
  }
  return states;
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Looks until `found` gives something that is not false, null or undefined. @throws an Error with `what` after `withinMs` */
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
  /** The network that it runs in; the machine's own if not told. */
  network?: Network;
  /** Whether it reads lines that `type` gives it. */
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
    // It may end before it has read all.
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

  /** Waits for a state of it; fails at once when it has ended without it. */
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

  /** Asks it to end, and kills it, when it does not, with all that it started. */
  async end(): Promise<void> {
    if (this.code === null) {
      this.#child.kill("SIGTERM");
      await this.exit(END_MS).catch(() => 0);
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

/** A network of its own, where nothing is but what the tests start there. */
export class Network {
  readonly #holder: Program;

  /** @param address of a second interface beside loopback, which the default route leads to; none if not told */
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

  /** A process in it. */
  get pid(): number {
    return this.#holder.pid;
  }
}
