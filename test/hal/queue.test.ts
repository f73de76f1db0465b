/**
 * Tests that the machine's message queue on the ESP32 has room for all messages, so no task waits and no post fails.
 * The sum is taken over the sources; a model of the tasks in C (queue/), around the very datagram-esp32.c, finds what
 * goes wrong when it is smaller. Without gcc and its thread sanitizer that part is skipped. With MODDABLE set the SDK's
 * own sources are counted and run too.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CONNECTIONS } from "../../hal/moddable/streams.js";
import { part } from "../runs.js";

const ROOT = join(import.meta.dirname, "..", "..");
const MODDABLE = process.env.MODDABLE ?? "";
const { queueLength, queueWait } = JSON.parse(readFileSync(join(ROOT, "manifest.json"), "utf8")).defines.task;

/** The posting files of ours, as in POSTERS below. */
const OWN_POSTERS: Record<string, { calls: number; most: number; why: string }> = {
  "hal/native/datagram-esp32.c": { calls: 1, most: 1, why: "all sockets share one message" },
  "hal/native/i2s.c": {
    calls: 1,
    most: 6,
    why: "one, and another for each second of the five until the watchdog bites",
  },
};

/** CONFIG_LWIP_MAX_ACTIVE_TCP. */
const TCP_MOST = 16;
/** `InputName` of hal/device.ts: four buttons, the button inside, the contacts of door and housing. */
const INPUTS = readFileSync(join(ROOT, "hal/device.ts"), "utf8")
  .match(/type InputName = ([^;]*);/)![1]
  .split("|").length;

/**
 * For each file of the SDK 8.2.3 the number of its calls, and the most of its messages that may wait at once in this
 * firmware.
 */
const POSTERS: Record<string, { calls: number; most: number; why: string }> = {
  "modules/io/socket/lwip/tcp.c": {
    calls: 2,
    most: 2 * 2 * CONNECTIONS + 2 * TCP_MOST + 1,
    why:
      "one for each object; a connection that others opened has two, and those closed in a wake leave theirs; those that are refused " +
      "have one each, in two wakes at most; one for the listener",
  },
  "modules/io/socket/lwip/udp.c": { calls: 1, most: 0, why: "not used: datagrams are ours" },
  "modules/io/digital/esp32/digitalbank.c": { calls: 1, most: INPUTS, why: "one for each input" },
  "modules/io/serial/esp32/serial.c": { calls: 1, most: 2, why: "readable and writable" },
  "modules/io/i2c/esp32/_i2c.c": { calls: 1, most: 0, why: "only what is asked for asynchronously" },
  "modules/io/wifi/esp32/wifi-esp32.c": {
    calls: 4,
    most: 9,
    why: "connected, address, gone, each twice at most before the machine asks for more; two of a fixed address; one scan",
  },
  "modules/io/ethernet/esp32/ethernet-esp32.c": {
    calls: 2,
    most: 0,
    why: "in the place of Wi-Fi, and fewer",
  },
  "modules/io/system/system.c": { calls: 4, most: 1, why: "names are resolved by hal/moddable/resolver.ts" },
  "modules/network/net/esp/modResolve.c": { calls: 3, most: 1, why: "as above" },
  "modules/network/wifi/esp32/xs6wifi.c": { calls: 4, most: 0, why: "not used: modules/io/wifi is" },
  "modules/network/ethernet/esp32/ethernet.c": { calls: 2, most: 0, why: "in the place of Wi-Fi, and fewer" },
  "modules/network/socket/lwip/modSocket.c": { calls: 2, most: 0, why: "not used: modules/io/socket is" },
  "xs/platforms/esp/xsHost.c": { calls: 1, most: 1, why: "one while promises are settled" },
  "xs/platforms/esp/xsPlatform.c": { calls: 2, most: 0, why: "to the debugger's queue" },
};
/** Folders of the SDK whose C gets into an image. */
const FOLDERS = [
  "modules/base/instrumentation",
  "modules/base/time",
  "modules/base/timer",
  "modules/crypt",
  "modules/io/common",
  "modules/io/digital/esp32",
  "modules/io/ethernet/esp32",
  "modules/io/i2c/esp32",
  "modules/io/serial/esp32",
  "modules/io/socket/lwip",
  "modules/io/storage/esp32",
  "modules/io/system",
  "modules/io/wifi/esp32",
  "modules/network/ethernet/esp32",
  "modules/network/net/esp",
  "modules/network/socket/lwip",
  "modules/network/wifi/esp32",
  "xs/platforms/esp",
  "build/devices/esp32/lib",
];
const CALL = /^(?!int\b).*\bmodMessagePostToMachine(FromISR|FromPool)?\s*\(/;

function callsOf(path: string): number {
  // The part of xsHost.c and serial.c for other chips posts too: it is behind the #else of ESP32.
  const text = readFileSync(path, "utf8").replace(/^\s*\/\/.*$/gm, "");
  return text.split("\n").filter((line) => CALL.test(line.trim())).length;
}

function sourcesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.c(pp)?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("The machine's message queue", () => {
  const ours = sourcesUnder(join(ROOT, "hal")).filter((path) => callsOf(path) > 0);

  it("is longer than all who post", () => {
    expect(Object.fromEntries(ours.map((path) => [relative(ROOT, path), callsOf(path)]))).toEqual(
      Object.fromEntries(Object.entries(OWN_POSTERS).map(([path, { calls }]) => [path, calls])),
    );
    const all = [...Object.values(OWN_POSTERS), ...Object.values(POSTERS)];
    const most = all.reduce((sum, poster) => sum + poster.most, 0);
    expect(INPUTS).toBe(7);
    expect(most).toBeGreaterThan(60);
    expect(queueLength).toBeGreaterThan(most);
  });

  it("lets nobody wait for room in it", () => {
    expect(queueWait).toBe(0);
    const manifests = readdirSync(join(ROOT, "hal"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".json"),
    );
    expect(manifests.length).toBeGreaterThan(3);
    for (const name of manifests) {
      const { defines } = JSON.parse(readFileSync(join(ROOT, "hal", name), "utf8"));
      expect(defines?.task, name).toBe(undefined);
    }
  });

  it.skipIf(MODDABLE === "")("is posted to by those of the SDK that are counted, and nobody else", () => {
    const found: Record<string, number> = {};
    for (const folder of FOLDERS) {
      if (!existsSync(join(MODDABLE, folder))) continue;
      for (const path of sourcesUnder(join(MODDABLE, folder)))
        if (callsOf(path) > 0) found[relative(MODDABLE, path)] = callsOf(path);
    }
    const counted = Object.fromEntries(Object.entries(POSTERS).map(([path, { calls }]) => [path, calls]));
    expect(found).toEqual(counted);
  });
});

const COMPILER = process.env.CC ?? "gcc";
const folder = mkdtempSync(join(tmpdir(), "portero-queue-"));
afterAll(() => rmSync(folder, { recursive: true }));
const HEADERS = [
  "builtinCommon esp_netif mc.xs modInstrumentation modLwipSafe xsHost xsmc",
  "lwip/igmp lwip/priv/tcpip_priv lwip/tcp lwip/timeouts lwip/udp",
];

function hasSanitizer(): boolean {
  const program = join(folder, "probe");
  writeFileSync(program + ".c", "int main(void) { return 0; }\n");
  const built = spawnSync(COMPILER, ["-fsanitize=thread", "-o", program, program + ".c"]);
  return built.status === 0 && spawnSync(program).status === 0;
}
const isThere = hasSanitizer();

function run(program: string, args: string[]): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    child.stdout.on("data", (data) => (out += data));
    child.stderr.on("data", (data) => (out += data));
    child.on("error", (error) => resolve({ code: -1, out: String(error) }));
    child.on("close", (code) => resolve({ code, out }));
  });
}

interface Model {
  length: number;
  wait: string | number;
  tcp?: string;
  flags?: string[];
}

/** @returns the built program @throws Error with the compiler's message */
async function build(name: string, { length, wait, tcp, flags = ["-fsanitize=thread"] }: Model): Promise<string> {
  const include = join(folder, "include");
  for (const header of HEADERS.join(" ").split(" ")) {
    mkdirSync(dirname(join(include, header)), { recursive: true });
    writeFileSync(join(include, header + ".h"), '#include "standin.h"\n');
  }
  const here = join(import.meta.dirname, "queue");
  const program = join(folder, name);
  const values = [`-DMODDEF_TASK_QUEUELENGTH=${length}`, `-DMODDEF_TASK_QUEUEWAIT=${wait}`];
  const includes = [include, here, join(ROOT, "hal/native")].flatMap((path) => ["-I", path]);
  const sources = [join(here, "model.c"), tcp ?? join(here, "tcp-twin.c"), join(ROOT, "hal/native/datagram-esp32.c")];
  const all = [
    "-std=gnu11",
    "-O1",
    "-g",
    "-pthread",
    ...(tcp === undefined ? ["-Wall", "-Wextra", "-Werror"] : ["-w"]),
  ];
  const { code, out } = await run(COMPILER, [...all, ...flags, ...values, ...includes, ...sources, "-o", program]);
  if (code !== 0) throw new Error(out);
  return program;
}

/** Three seeds, five with SWEEP, or as many as QUEUE_SEEDS says. */
const SEEDS = Number(process.env.QUEUE_SEEDS ?? part(3, 5));
function playOne(program: string, seed: number, tcpConnections: number): Promise<{ code: number | null; out: string }> {
  return run(program, [String(seed), "2000", "12", String(tcpConnections)]);
}
async function play(program: string, tcpConnections = 4): Promise<{ code: number | null; out: string }[]> {
  const results = [];
  for (let seed = 1; seed <= SEEDS; seed++) results.push(await playOne(program, seed, tcpConnections));
  return results;
}

const OLD = { length: 10, wait: "portMAX_DELAY" };
const SHORT = { length: 10, wait: 0 };
const OURS = { length: queueLength, wait: queueWait };

describe.skipIf(!isThere)("The tasks around it, in C (skipped where gcc has no thread sanitizer)", () => {
  const timeout = 120_000;

  it("wait for each other for ever with the SDK's own length and wait", { timeout }, async () => {
    for (const { code, out } of await play(await build("old", OLD))) {
      expect(out).toMatch(/^deadlock: the machine waits for/);
      expect(code).toBe(2);
    }
  });

  it("leave TCP and inputs deaf when posts merely fail", { timeout }, async () => {
    const results = await play(await build("short", SHORT));
    for (const { out } of results) expect(out).toMatch(/^deaf: udp 0, /);
    expect(results.some(({ out }) => / tcp [1-9]/.test(out))).toBe(true);
  });

  it("are told all that came, without a race, with the firmware's", { timeout }, async () => {
    for (const { code, out } of await play(await build("ours", OURS))) {
      expect(out).toMatch(/^all told: udp 0, tcp 0, inputs 0, jobs 0; told \d+, posts failed 0, /);
      expect(code).toBe(0);
    }
  });

  it("are told of each datagram though the queue is full again and again; without the timer they are not", {
    timeout,
  }, async () => {
    const tight = { length: 1, wait: 0 };
    const flags = ["-fsanitize=thread"];
    const [withTimer, without] = await Promise.all([
      build("tight", { ...tight, flags }),
      build("timeless", { ...tight, flags: [...flags, "-DNO_TIMERS"] }),
    ]);
    const told = (await play(withTimer, 0)).map(({ out }) => out);
    for (const line of told) expect(line).toMatch(/^deaf: udp 0, .* posts failed [1-9]/);
    let isFound = false;
    for (let seed = 1; seed <= 200 && !isFound; seed++)
      isFound = /^deaf: udp [1-9]/.test((await playOne(without, seed, 0)).out);
    expect(isFound).toBe(true);
  });

  it.skipIf(MODDABLE === "")("do the same with the SDK's own TCP, on one core", { timeout }, async () => {
    // This runs without the sanitizer, and one thread at a time: the SDK's list of received octets has no lock.
    const tcp = join(MODDABLE, "modules/io/socket/lwip/tcp.c");
    const flags = ["-DONE_CORE"];
    const [old, short, ours] = await Promise.all([
      build("sdk-old", { ...OLD, tcp, flags }),
      build("sdk-short", { ...SHORT, tcp, flags }),
      build("sdk-ours", { ...OURS, tcp, flags }),
    ]);
    for (const { out } of await play(old)) expect(out).toMatch(/^deadlock: /);
    for (const { out } of await play(short)) expect(out).toMatch(/^deaf: /);
    for (const { out } of await play(ours)) expect(out).toMatch(/^all told: /);
  });
});
