/** A station in virtual time, with a network of two hosts and a name service that the test fills. */
import { expect } from "vitest";
import { TimedPort } from "../../hal/timedport.js";
import { NO_SPEAKER, SamplesInput } from "../../host-sim/io/audio.js";
import { VirtualContact, VirtualOutput } from "../../host-sim/io/digital.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Station } from "../../src/driver/station.js";
import { Settings } from "../../src/settings/settings.js";

export const DOOR = "10.0.0.1";
export const PHONE = "10.0.0.2";

/** @param lines further settings, KEY=VALUE */
export async function made(...lines: string[]) {
  const clock = new VirtualClock();
  const air = new VirtualNetwork(clock, new SeededRandom(1));
  const network = air.host(ipv4(DOOR));
  const settings = new Settings();
  for (const line of [`net.address=${DOOR}`, ...lines]) expect(settings.assign(line)).toBe("");
  const collected: number[] = [];
  const errors: string[] = [];
  const names = new Map<string, string>();
  const station = new Station(
    {
      restart: null,
      collect: () => collected.push(clock.now()),
      wifi: null,
      wire: null,
      address: () => ipv4(DOOR),
      clock,
      random: new SeededRandom(2),
      resolver: {
        resolve: (name, port, _tcp, done) => {
          const address = names.get(name);
          const answer = () =>
            address === undefined
              ? done("no such name: " + name, 0, 0)
              : done("", ipv4(address), port < 0 ? 5060 : port);
          clock.createTimer(answer).at(clock.now() + 1);
        },
      },
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
    { event: (name, value) => void (name === "error" && errors.push(value)) },
  );
  await station.start();
  const stranger = await air
    .host(ipv4(PHONE))
    .udp({ address: ipv4(PHONE), port: 5060, setting: "", onReadable: () => {}, onError: () => {} });
  return { clock, station, collected, stranger, errors, names };
}
