/**
 * The emulated board: the image of esp32c3_qemu in Espressif's QEMU, with its console on this terminal and its network
 * on loopback. The flash is a file, so settings outlive the emulator. Not here: the board itself
 * (hal/boards/esp32c3_qemu), the tests on it (test/emulated).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chipOf, EMULATED } from "./boards.js";
import { buildImage, lackOfIdf } from "./image.js";
import { OUT, programPath } from "./tools.js";

const PROGRAM = "qemu-system-riscv32";
const FLASH_BYTES = 4 * 1024 * 1024;
/** The eFuses of the emulated chip: all 0 but its revision, 0.3. */
const EFUSE_BYTES = 1024;
const EFUSE_REVISION = 38;
const REVISION_0_3 = 0x0c;

/** This machine, as the emulated one sees it. */
export const HOST_OF_GUEST = "10.0.2.2";
/** Ports of the emulated door, as in its initial settings. */
const GUEST_SIP = 5060;
const GUEST_RTP = 16384;
/** Ports that are forwarded one by one: RTP and RTCP of four calls. */
const RTP_PORTS = 8;
/** The first of these ports on loopback. */
const SIP_PORT = 15060;
const RTP_PORT = 15064;

/** @returns "" or one line: why there is no emulator */
export function lackOfEmulator(env: NodeJS.ProcessEnv): string {
  const install = "python $IDF_PATH/tools/idf_tools.py install qemu-riscv32, then source $IDF_PATH/export.sh";
  const path = programPath(PROGRAM, env);
  if (path === "") return PROGRAM + " is not on the PATH: " + install;
  // Debian's program of that name knows no ESP32, and no Debian package has Espressif's.
  if (path.startsWith("/usr/")) return path + " is not Espressif's: " + install;
  return lackOfIdf(env.IDF_PATH ?? "", chipOf(EMULATED), env);
}

/**
 * @param build the folder of ESP-IDF's build
 * @param before the flash of the last run, whose settings stay; null for none
 * @returns the content of the whole flash
 */
export function flashContent(build: string, before: Uint8Array | null): Uint8Array {
  const flash = new Uint8Array(FLASH_BYTES).fill(0xff);
  const { flash_files: files } = JSON.parse(readFileSync(join(build, "flasher_args.json"), "utf8"));
  for (const [offset, name] of Object.entries<string>(files))
    flash.set(readFileSync(join(build, name)), Number(offset));
  const row = /^nvs,\s*data,\s*nvs,\s*(\w+),\s*(\w+)/m.exec(
    readFileSync(join(dirname(build), "partitions.csv"), "utf8"),
  );
  if (row === null) throw new Error("the partitions have no NVS");
  const [start, end] = [Number(row[1]), Number(row[1]) + Number(row[2])];
  if (before !== null && before.length === FLASH_BYTES) flash.set(before.subarray(start, end), start);
  return flash;
}

export interface EmulatorOptions {
  /** Files of the machine's flash and eFuses. */
  flash: string;
  efuse: string;
  /** Ports on loopback for those of the door. */
  sipPort: number;
  rtpPort: number;
}

/** @returns the emulator's arguments, as ESP-IDF's `idf.py qemu` has them, and the forwarded ports */
export function emulatorArguments({ flash, efuse, sipPort, rtpPort }: EmulatorOptions): string[] {
  const forward = (kind: string, host: number, guest: number) =>
    ",hostfwd=" + kind + ":127.0.0.1:" + host + "-:" + guest;
  let network = "user,model=open_eth" + forward("udp", sipPort, GUEST_SIP) + forward("tcp", sipPort, GUEST_SIP);
  for (let i = 0; i < RTP_PORTS; i++) network += forward("udp", rtpPort + i, GUEST_RTP + i);
  return [
    ...["-M", "esp32c3"],
    ...["-drive", "file=" + flash + ",if=mtd,format=raw"],
    ...["-drive", "file=" + efuse + ",if=none,format=raw,id=efuse"],
    ...["-global", "driver=nvram.esp32c3.efuse,property=drive,value=efuse"],
    ...["-global", "driver=timer.esp32c3.timg,property=wdt_disable,value=true"],
    ...["-nic", network],
    ...["-nographic", "-monitor", "none", "-serial", "stdio"],
  ];
}

/** Makes the files of a machine from the image. @param flash the file of the flash, whose settings stay */
export function makeMachine(build: string, flash: string, efuse: string): void {
  writeFileSync(flash, flashContent(build, existsSync(flash) ? readFileSync(flash) : null));
  const fuses = new Uint8Array(EFUSE_BYTES);
  fuses[EFUSE_REVISION] = REVISION_0_3;
  writeFileSync(efuse, fuses);
}

/** @returns the folder of ESP-IDF's build of the board */
export function buildFolder(): string {
  return join(OUT, EMULATED, "tmp", "esp32", "release", EMULATED, "xsProj-" + chipOf(EMULATED), "build");
}

/** Starts the machine. @param stdio as for `spawn`; the machine's console is standard input and output */
export function startEmulator(options: EmulatorOptions, stdio: "inherit" | "pipe"): ChildProcess {
  return spawn(PROGRAM, emulatorArguments(options), { stdio });
}

/** Builds the image and runs it until the emulator ends. @returns whether it ended well */
export async function emulate(): Promise<boolean> {
  const build = buildImage(EMULATED);
  const [flash, efuse] = ["flash.bin", "efuse.bin"].map((name) => join(OUT, EMULATED, name));
  makeMachine(build, flash, efuse);
  console.log(
    "SIP: 127.0.0.1:" + SIP_PORT + " by UDP and TCP; RTP: 127.0.0.1:" + RTP_PORT + " and the next " + (RTP_PORTS - 1),
  );
  console.log("for the door this machine is " + HOST_OF_GUEST + "; the console is this terminal, Ctrl-C ends it");
  const child = startEmulator({ flash, efuse, sipPort: SIP_PORT, rtpPort: RTP_PORT }, "inherit");
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code === 0 || signal === "SIGINT"));
  });
}
