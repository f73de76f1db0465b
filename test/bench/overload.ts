/**
 * Our server and Kamailio under more calls than they can take. Both are slowed down by the same brake, a sleep for each
 * datagram, so that the load generator is not what runs out, and so that the processor's own speed hardly counts: how
 * many calls a second go from INVITE to BYE as fast as they are taken, at twice and at four times that rate, and at
 * half of it right after. `npm run bench -- server`
 */
import { Crowd, type Load } from "../interop/crowd.js";
import { endAll, pause } from "../interop/programs.js";
import { median, type Result } from "./harness.js";
import { type Contender, kamailio, ours } from "./server.js";

const BRAKE_US = 400;
const ROUNDS = 3;
const USERS = 200;
const SECONDS = 10;
const AFTER_SECONDS = 5;
const AT_CAPACITY: Load = { total: 1500, rate: 50_000, atOnce: 10, timeoutS: 120, mayFail: 100 };

/** All in calls a second. */
interface Held {
  capacity: number;
  twice: number;
  fourTimes: number;
  /** The share that is taken of the calls offered after it, at half the capacity. */
  afterShare: number;
}

async function hold(start: (crowd: Crowd) => Promise<Contender>): Promise<Held> {
  const crowd = new Crowd(USERS, "udp");
  const server = await start(crowd);
  await crowd.register(server.port, { total: USERS, rate: 50_000, atOnce: 10, timeoutS: 60, mayFail: 20 });
  await crowd.answer();
  await crowd.call(server.port, { ...AT_CAPACITY, total: 300 });
  const began = performance.now();
  await crowd.call(server.port, AT_CAPACITY);
  const capacity = AT_CAPACITY.total / ((performance.now() - began) / 1000);
  const at = async (times: number, seconds: number): Promise<number> =>
    (await crowd.offer(server.port, Math.round(capacity * times), seconds)) / seconds;
  const twice = await at(2, SECONDS);
  await pause(5000);
  const fourTimes = await at(4, SECONDS);
  // The last calls of the overload are given 2 s; calls that are offered 3 s later must be taken.
  await pause(3000);
  const afterShare = (await at(0.5, AFTER_SECONDS)) / Math.round(capacity * 0.5);
  await endAll();
  return { capacity, twice, fourTimes, afterShare };
}

/** @throws Error of one line if a program is missing */
export async function overloadBenchmarks(): Promise<Result[]> {
  const held: Held[][] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    held[0].push(await hold((crowd) => ours(crowd, 4000, BRAKE_US)));
    held[1].push(await hold((crowd) => kamailio(crowd, 4000, BRAKE_US)));
  }
  const of = (i: number, key: keyof Held): number => median(held[i].map((one) => one[key]));
  const row = (name: string, key: keyof Held, unit: string): Result[] => [
    { name, value: of(0, key), unit, peer: "kamailio", ratio: of(0, key) / Math.max(of(1, key), 0.1) },
    { name: name + ".kamailio", value: of(1, key), unit },
  ];
  const share = (name: string, key: keyof Held): Result => ({
    name,
    value: median(held[0].map((one) => one[key] / one.capacity)),
    unit: "of the capacity",
  });
  return [
    ...row("server.overload.capacity", "capacity", "calls/s with the brake"),
    ...row("server.overload.twice", "twice", "calls/s with 2 times as many offered"),
    share("server.overload.twice.share", "twice"),
    ...row("server.overload.fourfold", "fourTimes", "calls/s with 4 times as many offered"),
    share("server.overload.fourfold.share", "fourTimes"),
    ...row("server.overload.after", "afterShare", "of the calls offered right after"),
  ];
}
