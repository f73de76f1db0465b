/**
 * A whole machine with the firmware on it: its console, and where its ports are on loopback. The emulated ESP32-C3, and
 * the program for Linux, on which the same tests run where there is no emulator. Not here: what is expected of the
 * door.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMULATED, ROOT } from "../../scripts/firmware/boards.js";
import {
  buildFolder,
  HOST_OF_GUEST,
  lackOfEmulator,
  makeMachine,
  startEmulator,
} from "../../scripts/firmware/emulate.js";
import { freePorts } from "../ports.js";
import { HOST } from "./phone.js";

const LINUX_PROGRAM = join(ROOT, "build", "firmware", "lin", "bin", "lin", "release", "lin");
const LOOK_MS = 25;
const RTP_PORTS = 8;

export interface MachineKind {
  name: string;
  /** Why it cannot run here, or "". */
  lack: string;
  /** The longest time for any step, for a machine that is not alone. */
  patienceMs: number;
  start(): Promise<Machine>;
}

export class Machine {
  /** The door's SIP port on loopback. */
  readonly sipPort: number;
  /** The address of this host for the door. */
  readonly host: string;
  /** All output since `forget`. */
  written = "";
  private readonly child: ChildProcess;
  private readonly folder: string;
  private readonly patienceMs: number;

  constructor(child: ChildProcess, place: { sipPort: number; host: string; folder: string; patienceMs: number }) {
    this.child = child;
    this.sipPort = place.sipPort;
    this.host = place.host;
    this.folder = place.folder;
    this.patienceMs = place.patienceMs;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data: Uint8Array) => {
        this.written += Buffer.from(data).toString("latin1");
      });
  }

  type(...lines: string[]): void {
    for (const line of lines) this.child.stdin?.write(line + "\n");
  }

  /** Forgets the output so far. */
  forget(): void {
    this.written = "";
  }

  /** Waits for a line. */
  async expect(wanted: RegExp): Promise<void> {
    await this.until(() => wanted.test(this.written), String(wanted));
  }

  async until(isSo: () => boolean, what: string): Promise<void> {
    const end = Date.now() + this.patienceMs;
    while (!isSo()) {
      if (this.child.exitCode !== null) throw new Error("it ended with " + this.child.exitCode + ":\n" + this.written);
      if (Date.now() > end) throw new Error("not seen: " + what + "\n" + this.written);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function startEmulated(patienceMs: number): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), "portero-emulated-"));
  const [flash, efuse] = [join(folder, "flash.bin"), join(folder, "efuse.bin")];
  makeMachine(buildFolder(), flash, efuse);
  const sipPort = freePorts(1 + RTP_PORTS);
  const child = startEmulator({ flash, efuse, sipPort, rtpPort: sipPort + 1 }, "pipe");
  return new Machine(child, { sipPort, host: HOST_OF_GUEST, folder, patienceMs });
}

async function startLinux(patienceMs: number): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), "portero-lin-"));
  const sipPort = freePorts(2 + RTP_PORTS);
  const child = spawn(LINUX_PROGRAM, ["--store", folder]);
  const machine = new Machine(child, { sipPort, host: HOST, folder, patienceMs });
  // Another program may have the ports of the initial settings; the console works all the same.
  await machine.expect(/^(config ready|error port)/m);
  machine.type("set sip.port " + sipPort, "set rtp.port " + (sipPort + 2 - (sipPort % 2)), "save");
  await machine.expect(/^ok, from the next start on: .*\n/m);
  machine.forget();
  machine.type("reboot");
  return machine;
}

function lackOfImage(): string {
  const lack = lackOfEmulator(process.env);
  if (lack !== "") return lack;
  return existsSync(join(buildFolder(), "flasher_args.json"))
    ? ""
    : "npm run firmware -- " + EMULATED + " --emulate builds it first";
}

export const MACHINES: readonly MachineKind[] = [
  { name: "the emulated ESP32-C3", lack: lackOfImage(), patienceMs: 60_000, start: () => startEmulated(60_000) },
  {
    name: "the program for Linux",
    lack: existsSync(LINUX_PROGRAM) ? "" : "npm run firmware -- lin builds it first",
    patienceMs: 15_000,
    start: () => startLinux(15_000),
  },
];
