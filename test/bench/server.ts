/**
 * Our server and Kamailio, one after the other on the same machine under the same load of SIPp's: registrations with
 * digest, calls through the proxy from INVITE to BYE, the memory of bindings, and how the cost grows with them. `npm
 * run bench -- server` A rate is that of one second of the server's own processor time, since SIPp takes its share of a
 * small machine as well; beside it stands the rate that was reached.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Issued } from "../certificates.js";
import { Crowd, type Load } from "../interop/crowd.js";
import { modules } from "../interop/kamailio.js";
import { endAll, HOST, isInstalled, makeFolder, PACKAGES, Program } from "../interop/programs.js";
import { Server } from "../interop/server.js";
import { freePorts, isOpen } from "../ports.js";
import { median, type Result } from "./harness.js";

const ROUNDS = 3;
const USERS = 1000;
const MANY_USERS = 100_000;
const START_MS = 20_000;
const LIFE_SECONDS = 600;
const TICKS_A_SECOND = 100;
/** More than there are calls in a second. */
const TRANSACTIONS = 8000;
const REGISTER: Load = { total: 20 * USERS, rate: 50_000, atOnce: 50, timeoutS: 120, mayFail: 10 };
const CALL: Load = { total: 5 * USERS, rate: 50_000, atOnce: 50, timeoutS: 120, mayFail: 10 };

/** A server under load. */
export interface Contender {
  name: string;
  port: number;
  pid: number;
}

interface Measured {
  /** Rates for each second of the server's processor time, and for each second that passed. */
  work: number;
  reached: number;
}

/**
 * @param transactions of either kind: a 2xx that was passed on keeps them for a second, so there cannot be more calls
 * in one
 * @param brakeUs further time for each datagram
 * @param bindings so many have room
 * @param tls by TLS with that certificate
 */
export async function ours(
  crowd: Crowd,
  transactions = 4000,
  brakeUs = 0,
  bindings = 2 * crowd.users.length,
  tls?: Issued,
): Promise<Contender> {
  const more = ["--bindings", String(bindings), "--max-expires", "7200"];
  more.push("--transactions", String(transactions), "--brake", String(brakeUs));
  const server = await Server.start({ users: crowd.users, tls }, ...more);
  return { name: "ours", port: server.port + (tls === undefined ? 0 : 1), pid: server.program.pid };
}

/** @param brakeUs and tls, as in `ours` */
export async function kamailio(
  _crowd: Crowd,
  _transactions = 0,
  brakeUs = 0,
  _bindings = 0,
  tls?: Issued,
): Promise<Contender> {
  const folder = makeFolder();
  const port = freePorts(1);
  const values: Record<string, string | number> = { HOST, PORT: port, MODULES: modules() };
  values.CERTIFICATE = tls?.certificate ?? "";
  values.KEY = tls?.key ?? "";
  values.BRAKE = brakeUs > 0 ? 'usleep("' + brakeUs + '");' : "";
  // Kamailio takes an empty block for a mistake.
  values.REPLY_ROUTE = brakeUs > 0 ? "reply_route { " + values.BRAKE + " }" : "";
  const template = readFileSync(join(import.meta.dirname, "kamailio.cfg"), "utf8");
  const path = join(folder, "kamailio.cfg");
  writeFileSync(
    path,
    template.replace(/@([A-Z_]+)@/g, (_, name) => String(values[name])),
  );
  const args = ["-f", path, "-DD", "-E", "-m", "1024", "-M", "16", "-Y", folder, "-P", join(folder, "pid")];
  if (tls !== undefined) args.push("-A", "TLS");
  // `timeout` ends it, because its processes would outlive a benchmark that was killed.
  const program = new Program("timeout", ["-k", "2", String(LIFE_SECONDS), "kamailio", ...args]);
  await program.until("Kamailio's port", START_MS, () => isOpen(tls === undefined ? "udp" : "tcp", port));
  return { name: "kamailio", port, pid: program.pid };
}

const STARTS: ((...args: Parameters<typeof ours>) => Promise<Contender>)[] = [ours, kamailio];

/**
 * @returns for the processes of a group: their processor time in seconds, and their memory, with their share of what is
 * shared
 */
function usage(group: number): { seconds: number; bytes: number } {
  let ticks = 0;
  let kilobytes = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The fields behind the name in parentheses: state, parent, group; user and system time are fields 14 and 15 of
      // all.
      const fields = readFileSync("/proc/" + name + "/stat", "latin1")
        .replace(/^.*\) /, "")
        .split(" ");
      if (Number(fields[2]) !== group) continue;
      ticks += Number(fields[11]) + Number(fields[12]);
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync("/proc/" + name + "/smaps_rollup", "latin1"))?.[1] ?? 0);
    } catch {}
  }
  return { seconds: ticks / TICKS_A_SECOND, bytes: kilobytes * 1024 };
}

/** @param work does that many things, and tells how many of them failed: these do not count */
export async function measure(server: Contender, count: number, work: () => Promise<number>): Promise<Measured> {
  const before = usage(server.pid);
  const began = performance.now();
  const done = count - (await work());
  const passedS = (performance.now() - began) / 1000;
  return { work: done / (usage(server.pid).seconds - before.seconds), reached: done / passedS };
}

function rows(name: string, unit: string, our: readonly Measured[], their: readonly Measured[]): Result[] {
  const of = (all: readonly Measured[], key: keyof Measured): number => median(all.map((one) => one[key]));
  const ratio = of(our, "work") / of(their, "work");
  return [
    { name, value: of(our, "work"), unit: unit + "/s of processor time", peer: "kamailio", ratio },
    { name: name + ".kamailio", value: of(their, "work"), unit: unit + "/s of processor time" },
    {
      name: name + ".reached",
      value: of(our, "reached"),
      unit: unit + "/s",
      peer: "kamailio",
      ratio: of(our, "reached") / of(their, "reached"),
    },
  ];
}

/** @throws Error of one line if a program is missing */
function needPrograms(): void {
  const missing = (["sipp", "kamailio"] as const).filter((program) => !isInstalled(program));
  if (missing.length > 0)
    throw new Error("bench server needs Debian's " + missing.map((name) => PACKAGES[name]).join(", "));
}

export async function serverBenchmarks(): Promise<Result[]> {
  needPrograms();
  const results: Result[] = [];
  const registered: Measured[][] = [[], []];
  const called: Measured[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, start] of [ours, kamailio].entries()) {
      const crowd = new Crowd(USERS, "udp");
      const server = await start(crowd, TRANSACTIONS);
      await crowd.register(server.port, { ...REGISTER, total: USERS });
      registered[i].push(await measure(server, REGISTER.total, () => crowd.register(server.port, REGISTER)));
      await crowd.answer();
      called[i].push(await measure(server, CALL.total, () => crowd.call(server.port, CALL)));
      await endAll();
    }
  }
  results.push(...rows("server.register", "registrations", registered[0], registered[1]));
  results.push(...rows("server.call", "calls", called[0], called[1]));
  results.push(...(await memoryBenchmarks()));
  return results;
}

/**
 * Memory for each 1,000 bindings and in all, and what a registration costs when there are 1,000 and when there are
 * 100,000. A binding's memory is the difference of two servers with the same users: one that is full, and one with
 * 1,000 bindings and, where it is made at start, without room for more.
 */
export async function memoryBenchmarks(): Promise<Result[]> {
  needPrograms();
  const each: number[] = [];
  const all: number[] = [];
  const costs: Result[] = [];
  const few = async (crowd: Crowd, { port }: Contender, mayFail = REGISTER.mayFail): Promise<number> => {
    let failed = 0;
    for (let i = 0; i < REGISTER.total / USERS; i++)
      failed += await crowd.register(port, { ...REGISTER, total: USERS, mayFail });
    return failed;
  };
  for (const start of STARTS) {
    const same = new Crowd(MANY_USERS, "udp");
    const empty = await start(same, undefined, undefined, 2 * USERS);
    // A server that has just started may refuse some while the machine is busy.
    await few(same, empty, USERS);
    await few(same, empty);
    const before = usage(empty.pid).bytes;
    await endAll();
    const crowd = new Crowd(MANY_USERS, "udp");
    const server = await start(crowd);
    // The first run is not measured: a program that is compiled while it runs gets faster at first.
    await few(crowd, server, USERS);
    const first = await measure(server, REGISTER.total, () => few(crowd, server));
    await crowd.register(server.port, { ...REGISTER, total: MANY_USERS, timeoutS: 300 });
    const after = usage(server.pid).bytes;
    each.push((after - before) / ((MANY_USERS - USERS) / 1000));
    all.push(after);
    const last = await measure(server, REGISTER.total, () => crowd.register(server.port, REGISTER));
    costs.push({
      name: "server.growth." + server.name,
      value: first.work / last.work,
      unit: "times the cost with 1,000 bindings",
    });
    await endAll();
  }
  const row = (name: string, unit: string, [our, their]: number[]): Result[] => [
    { name, value: our, unit, peer: "kamailio", ratio: their / our },
    { name: name + ".kamailio", value: their, unit },
  ];
  return [
    ...row("server.memory", "bytes/1,000 bindings", each),
    ...row("server.memory.all", "bytes with 100,000 bindings", all),
    ...costs,
  ];
}
