/**
 * Tests a door with its codec behind I2S: it has sound once the driver has started, and calls even if the codec does
 * not answer.
 */
import { describe, expect, it } from "vitest";
import { SamplesInput } from "../../host-sim/io/audio.js";
import { BOARD_WIRING } from "../../host-sim/io/chips/codec.js";
import { VirtualEs8311 } from "../../host-sim/io/chips/es8311.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Party } from "../../host-sim/party.js";
import { type House, Wiretap } from "../../host-sim/wiring.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import type { SimEvent } from "../../host-sim/world/events.js";
import { Faults } from "../../host-sim/world/faults.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { Settings } from "../../src/settings/settings.js";

const TONE = Int16Array.from({ length: 80 }, (_, i) => Math.round(8000 * Math.sin((2 * Math.PI * 2 * i) / 80)));

/** Runs a door and a phone that answers. @returns the loudest sample that each has heard */
async function call(
  isThere: boolean,
  meanwhile: (
    door: Party,
    heard: { door: number; phone: number },
    clock: VirtualClock,
  ) => Promise<void> = async () => {},
) {
  const clock = new VirtualClock();
  const random = new SeededRandom(1);
  const events: SimEvent[] = [];
  const network = new VirtualNetwork(clock, random.fork());
  const house: House = {
    clock,
    network,
    faults: new Faults(random.fork(), 0),
    wiretap: new Wiretap(clock),
    tell: (event) => events.push(event),
  };
  const codec = new VirtualEs8311(BOARD_WIRING, () => clock.now());
  codec.isThere = isThere;
  const heard = { door: 0, phone: 0 };
  const party = (name: "door" | "phone", port: string, extra: [string, string][]) => {
    const settings = new Settings();
    const values: [string, string][] = [
      ["sip.register", "off"],
      ["sip.user", name],
      ["sip.port", port],
      ["rtp.port", String(Number(port) + 5000)],
      ["net.address", "127.0.0.1"],
      // The level of the sent sound is measured, without tones.
      ["tone.volume", "0"],
      ...extra,
    ];
    for (const [key, value] of values) expect(settings.set(key, value)).toBe("");
    return new Party(house, {
      name,
      settings,
      random: random.fork(),
      microphone: new SamplesInput(TONE),
      speaker: {
        write: (from, start, count) => {
          for (let i = start; i < start + count; i++) heard[name] = Math.max(heard[name], Math.abs(from[i]));
        },
      },
      codec: name === "door" ? codec : null,
      store: new MemoryStore(),
    });
  };
  const door = party("door", "5060", [["call.target", "sip:phone@127.0.0.1:5070"]]);
  const phone = party("phone", "5070", [
    ["call.allow", "any"],
    ["call.autoAnswer", "on"],
  ]);
  await phone.station.start();
  await door.station.start();
  await virtual(clock, 1000);
  door.contacts.button1.press(200);
  await virtual(clock, 4000);
  await meanwhile(door, heard, clock);
  door.station.close();
  phone.station.close();
  return { events: events.map(({ who, event, value }) => who + " " + event + "=" + value), heard, codec };
}

function virtual(clock: VirtualClock, ms: number): Promise<void> {
  return clock.runUntil(clock.now() + ms);
}

describe("a door with an ES8311", () => {
  it("hears and is heard, at the level of what was sent, and never clicks", async () => {
    const { events, heard, codec } = await call(true);
    expect(events).toContain("door call=confirmed");
    expect(events.filter((line) => line.includes("error"))).toEqual([]);
    // μ-law is within 3 % of a sine's peak.
    for (const peak of [heard.door, heard.phone]) expect(Math.abs(peak - 8000)).toBeLessThan(240);
    expect(codec.clicks).toBe(0);
  });

  it("has the levels of the settings, and they change in the middle of a call without a click", async () => {
    const { codec } = await call(true, async (door, heard, clock) => {
      for (const line of ["set audio.volume -20", "set audio.gain 12", "save"]) door.station.line(line);
      await virtual(clock, 1000);
      heard.door = heard.phone = 0;
      await virtual(clock, 1000);
      // The expected levels are 8,000 less 20 dB, and less 18 dB.
      expect(Math.abs(heard.door - 800)).toBeLessThan(60);
      expect(Math.abs(heard.phone - 1007)).toBeLessThan(80);
      expect(door.station.line("set audio.volume -61")).toContain("a whole number from -60 to 12 dB");
    });
    expect(codec.clicks).toBe(0);
  });

  it("says so when the chip does not answer, and calls all the same, without sound", async () => {
    const { events, heard } = await call(false);
    expect(events).toContain("door error=no answer from the ES8311 at 0x18");
    expect(events).toContain("door call=confirmed");
    expect(heard).toEqual({ door: 0, phone: 0 });
  });
});
