/** Tests the door's code entered on a phone that plays digits as tones, on the virtual devices of the simulator. */
import { describe, expect, it } from "vitest";
import { NO_SPEAKER, SamplesInput } from "../../host-sim/io/audio.js";
import { Keypad } from "../../host-sim/io/keypad.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Party } from "../../host-sim/party.js";
import { type House, Wiretap } from "../../host-sim/wiring.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { Faults } from "../../host-sim/world/faults.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { Settings } from "../../src/settings/settings.js";

async function world(...doorSettings: string[]) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const house: House = {
    clock,
    network: new VirtualNetwork(clock, new SeededRandom(1)),
    faults: new Faults(new SeededRandom(2), 0),
    wiretap: new Wiretap(clock),
    tell: ({ who, event, value, by }) => events.push([who, event, value, by].join(" ").trim()),
  };
  const keypad = new Keypad(new SamplesInput());
  const make = async (name: string, seed: number, ...settings: string[]): Promise<Party> => {
    const kept = new Settings();
    for (const one of [`sip.user=${name}`, ...settings]) expect(kept.assign(one)).toBe("");
    const party = new Party(house, {
      name,
      settings: kept,
      random: new SeededRandom(seed),
      microphone: name === "phone" ? keypad : new SamplesInput(),
      speaker: NO_SPEAKER,
      codec: null,
      store: new MemoryStore(),
    });
    await party.station.start();
    return party;
  };
  const target = "call.target=sip:phone@10.0.0.2";
  const door = await make("door", 3, "net.address=10.0.0.1", "relay1.code=2580", target, ...doorSettings);
  const phone = await make(
    "phone",
    4,
    "net.address=10.0.0.2",
    "call.target=sip:door@10.0.0.1",
    "call.autoAnswer=on",
    "call.knownByAddress=on",
  );
  const run = (ms: number) => clock.runUntil(clock.now() + ms);
  const told = (name: string) => events.filter((line) => line.startsWith(`door ${name} `));
  return { door, phone, keypad, run, told };
}

describe("the code by tones", () => {
  it("opens in a call of the button", async () => {
    const { door, keypad, run, told } = await world("dtmf.inband=on", "call.showDigits=on");
    door.station.line("press");
    await run(1000);
    keypad.press("2580");
    await run(2000);
    expect(told("dtmf")).toEqual([2, 5, 8, 0].map((digit) => `door dtmf ${digit} inband`));
    expect(told("relay")[0]).toMatch(/^door relay on/);
  });

  it("opens nothing while the phone could send telephone-events, or when tones are not heard", async () => {
    for (const mode of ["auto", "off"]) {
      const { door, keypad, run, told } = await world(`dtmf.inband=${mode}`);
      door.station.line("press");
      await run(1000);
      keypad.press("2580");
      await run(2000);
      expect([told("dtmf"), told("relay")]).toEqual([[], []]);
    }
  });

  it("is not entered twice by a phone that sends each digit as an event and as a tone", async () => {
    const { door, phone, keypad, run, told } = await world("dtmf.inband=on");
    door.station.line("press");
    await run(1000);
    for (const digit of "2580") {
      keypad.press(digit);
      phone.station.line(`dtmf ${digit}`);
      await run(400);
    }
    await run(1000);
    expect(told("relay")).toHaveLength(1);
    expect(told("error")).toEqual([]);
  });
});
