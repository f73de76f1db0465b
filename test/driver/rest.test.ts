/**
 * Tests that garbage is collected only while no call is on, and seldom: a collection in a call would be heard, and one
 * for each message would be a way to keep the door busy.
 */
import { describe, expect, it } from "vitest";
import { TimedPort } from "../../hal/timedport.js";
import { NO_SPEAKER, SamplesInput } from "../../host-sim/io/audio.js";
import { VirtualContact, VirtualOutput } from "../../host-sim/io/digital.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { DOOR_LIMITS } from "../../src/core/limits.js";
import { Station } from "../../src/driver/station.js";
import { Settings } from "../../src/settings/settings.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";

async function made() {
  const clock = new VirtualClock();
  const air = new VirtualNetwork(clock, new SeededRandom(1));
  const network = air.host(ipv4(DOOR));
  const settings = new Settings();
  expect(settings.assign(`net.address=${DOOR}`)).toBe("");
  const collected: number[] = [];
  const station = new Station(
    {
      restart: null,
      collect: () => collected.push(clock.now()),
      wifi: null,
      wire: null,
      address: () => ipv4(DOOR),
      clock,
      random: new SeededRandom(2),
      resolver: network.resolver,
      udp: (options) => network.udp(options),
      tcp: (options) => network.tcp(options),
      microphone: new TimedPort(clock, new SamplesInput()),
      speaker: NO_SPEAKER,
      codec: null,
      input: (_name, options) => new VirtualContact(clock).open(options),
      relays: [new VirtualOutput()],
      led: new VirtualOutput(),
      store: new MemoryStore(),
    },
    settings,
    DOOR_LIMITS,
    { event: () => {} },
  );
  await station.start();
  const stranger = await air
    .host(ipv4(PHONE))
    .udp({ address: ipv4(PHONE), port: 5060, setting: "", onReadable: () => {}, onError: () => {} });
  return { clock, station, collected, stranger };
}

describe("a door at rest", () => {
  it("collects once in ten seconds at most, however many messages come", async () => {
    const { clock, collected, stranger } = await made();
    const options = octets(
      `OPTIONS sip:door@${DOOR} SIP/2.0\r\nVia: SIP/2.0/UDP ${PHONE};branch=z9hG4bKx\r\n` +
        `From: <sip:x@y>;tag=1\r\nTo: <sip:door@${DOOR}>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n`,
    );
    const from = collected.length;
    for (let i = 0; i < 400; i++) {
      stranger.write(options, 0, options.length, ipv4(DOOR), 5060);
      await clock.runUntil(clock.now() + 100);
    }
    expect(collected.length - from).toBeGreaterThanOrEqual(3);
    expect(collected.length - from).toBeLessThanOrEqual(4);
  });

  it("collects nothing while a call is on, and after it", async () => {
    const { clock, station, collected } = await made();
    await clock.runUntil(clock.now() + 20_000);
    station.line(`call sip:phone@${PHONE}`);
    expect(station.isInCall()).toBe(true);
    const before = collected.length;
    await clock.runUntil(clock.now() + 20_000);
    expect(station.isInCall()).toBe(true);
    expect(collected.length).toBe(before);
    station.line("hangup");
    await clock.runUntil(clock.now() + 40_000);
    expect(station.isInCall()).toBe(false);
    expect(collected.length).toBeGreaterThan(before);
  });
});
