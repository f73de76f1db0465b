/**
 * Tests a call through a server on this machine's own sockets, with each fault of TCP: the most important rows of
 * servers-people-have.test.ts.
 */
import { afterEach, expect, it } from "vitest";
import type { Clock } from "../../hal/device.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { NodeResolver } from "../../host-sim/io/resolver.js";
import { openTcp } from "../../host-sim/io/tcp.js";
import { openUdp } from "../../host-sim/io/udp.js";
import { RealClock } from "../../host-sim/world/clock.js";
import { ipv4 } from "../../src/core/address.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Settings } from "../../src/settings/settings.js";
import { type Algorithm, KINDS, type Kind, LONGEST, Pbx, stationAt } from "../intercom/pbx.js";
import { freePorts } from "../ports.js";
import { type Endings, hinder } from "./listeners.js";

const HERE = "127.0.0.1";
const PASSWORD = "Zq8-long-enough";
/** This is before the 32 s after which an unanswered call fails; a busy machine needs most of it. */
const MOST_MS = 30_000;

const endings: Endings = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const ports = { udp: openUdp, tcp: openTcp, resolver: new NodeResolver(new SeededRandom(3)) };

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

async function call(kind: Kind, algorithm: Algorithm, status: 401 | 407, tcp: string, user: string): Promise<Pbx> {
  const port = freePorts(2);
  const pbx = new Pbx({ ip: ipv4(HERE), port, kind, algorithm, status, user, password: PASSWORD });
  endings.push(() => pbx.close());
  await pbx.open(ports, tcp === "open");
  await hinder(endings, port, tcp);
  const settings = new Settings();
  for (const one of [
    `net.address=${HERE}`,
    `sip.port=${freePorts(2)}`,
    `rtp.port=${freePorts(20)}`,
    `sip.user=${user}`,
    `sip.password=${PASSWORD}`,
    `sip.domain=${HERE}:${port}`,
    "call.target=100",
  ])
    expect(settings.assign(one)).toBe("");
  const events: string[] = [];
  const clock: Clock = new RealClock();
  const station = stationAt(ports, clock, ipv4(HERE), settings, DOOR_LIMITS, events);
  endings.push(() => station.close());
  const isTold = (what: string) => events.some((line) => line.startsWith(what));
  await station.start();
  await until(() => isTold("register registered"));
  station.line("press");
  await until(() => isTold("call confirmed"));
  station.line("hangup");
  await until(() => pbx.isHungUp);
  expect(pbx.wrong).toEqual([]);
  return pbx;
}

it.each(["open", "refuse", "drop", "silent", "reset"])(
  "an ordinary call goes by UDP: TCP %s",
  async (tcp) => {
    const pbx = await call(KINDS[0], "SHA-256", 401, tcp, "door");
    expect(pbx.arrived.filter(({ isTcp }) => isTcp)).toEqual([]);
  },
  MOST_MS,
);

it.each(["open", "refuse", "drop", "silent", "reset"])(
  "the longest credentials go by TCP where it is taken, else by UDP: TCP %s",
  async (tcp) => {
    const pbx = await call(LONGEST, "SHA-256", 407, tcp, "u".repeat(64));
    expect(pbx.requests("INVITE").at(-1)?.isTcp).toBe(tcp === "open");
  },
  MOST_MS,
);
