/**
 * Tests a visitor who talks with one phone while another phone of the house joins: three who hear each other, on the
 * virtual devices of the simulator.
 */
import { describe, expect, it } from "vitest";
import type { AudioOutput } from "../../hal/device.js";
import { SamplesInput } from "../../host-sim/io/audio.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Party } from "../../host-sim/party.js";
import { type House, Wiretap } from "../../host-sim/wiring.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import type { SimEvent } from "../../host-sim/world/events.js";
import { Faults } from "../../host-sim/world/faults.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { Settings } from "../../src/settings/settings.js";

const SECOND = 8000;

/** Keeps all the samples that a speaker played. */
class Tape implements AudioOutput {
  readonly samples: number[] = [];
  write(from: Int16Array, start: number, count: number): void {
    for (let i = 0; i < count; i++) this.samples.push(from[start + i]);
  }
  /** @returns the amplitude of a tone in the last half second (Goertzel) */
  level(hz: number): number {
    const count = SECOND / 2;
    const from = this.samples.length - count;
    const w = (2 * Math.PI * hz) / SECOND;
    let [a, b] = [0, 0];
    for (let i = 0; i < count; i++) [a, b] = [this.samples[from + i] + 2 * Math.cos(w) * a - b, a];
    return (2 * Math.sqrt(a * a + b * b - 2 * Math.cos(w) * a * b)) / count;
  }
}

function tone(hz: number): Int16Array {
  const samples = new Int16Array(SECOND);
  for (let i = 0; i < SECOND; i++) samples[i] = Math.round(6000 * Math.sin((2 * Math.PI * hz * i) / SECOND));
  return samples;
}

interface Place {
  party: Party;
  tape: Tape;
}

async function world(...doorSettings: string[]) {
  const clock = new VirtualClock();
  const events: string[] = [];
  const house: House = {
    clock,
    network: new VirtualNetwork(clock, new SeededRandom(1)),
    faults: new Faults(new SeededRandom(2), 0),
    wiretap: new Wiretap(clock),
    tell: (event: SimEvent) => events.push(`${event.who} ${event.event} ${event.value}`),
  };
  const places: Place[] = [];
  const make = async (name: string, ip: string, hz: number, ...more: string[]): Promise<Place> => {
    const settings = new Settings();
    for (const one of [`sip.user=${name}`, `net.address=${ip}`, ...more]) expect(settings.assign(one)).toBe("");
    const tape = new Tape();
    const microphone = new SamplesInput(tone(hz));
    const party = new Party(house, {
      name,
      settings,
      random: new SeededRandom(10 + places.length),
      microphone,
      speaker: tape,
      codec: null,
      store: new MemoryStore(),
    });
    await party.station.start();
    const place = { party, tape };
    places.push(place);
    return place;
  };
  const phoneSettings = ["call.allow=any", "call.autoAnswer=on", "call.target=sip:door@10.0.0.1"];
  const door = await make(
    "door",
    "10.0.0.1",
    400,
    "button1.day=sip:kitchen@10.0.0.2 > sip:attic@10.0.0.3",
    ...doorSettings,
  );
  const kitchen = await make("kitchen", "10.0.0.2", 1000, ...phoneSettings);
  const attic = await make("attic", "10.0.0.3", 1700, ...phoneSettings);
  const run = (ms: number) => clock.runUntil(clock.now() + ms);
  const told = (who: string, name: string) =>
    events.filter((line) => line.startsWith(`${who} ${name} `)).map((line) => line.split(" ")[2]);
  return { door, kitchen, attic, run, told };
}

/** Tells which of the three tones are heard there. */
function heard(place: Place): number[] {
  return [400, 1000, 1700].filter((hz) => place.tape.level(hz) > 3000);
}

describe("a second phone calls while the door talks with the first", () => {
  it("joins: each of the three hears the two others and not itself", async () => {
    const { door, kitchen, attic, run, told } = await world("call.join=on", "call.knownByAddress=on");
    door.party.station.line("press");
    await run(2000);
    expect([heard(door), heard(kitchen)]).toEqual([[1000], [400]]);
    attic.party.station.line("call");
    await run(2000);
    expect([heard(door), heard(kitchen), heard(attic)]).toEqual([
      [1000, 1700],
      [400, 1700],
      [400, 1000],
    ]);
    expect(told("door", "join")).toEqual(["ringing", "confirmed"]);
    expect(told("attic", "call").at(-1)).toBe("confirmed");
  });

  it.each(["kitchen", "attic"] as const)(
    "the call goes on when the %s leaves, and ends with the other one",
    async (first) => {
      const { door, kitchen, attic, run, told } = await world("call.join=on", "call.knownByAddress=on");
      door.party.station.line("press");
      await run(1000);
      attic.party.station.line("call");
      await run(1000);
      const [leaving, staying] = first === "kitchen" ? [kitchen, attic] : [attic, kitchen];
      leaving.party.station.line("hangup");
      await run(2000);
      expect(heard(door)).toEqual([first === "kitchen" ? 1700 : 1000]);
      expect(heard(staying)).toEqual([400]);
      expect(told("door", "join").at(-1)).toBe("ended");
      expect(told("door", "call").at(-1)).toBe("confirmed");
      expect(told("door", "led").at(-1)).toBe("in-call");
      staying.party.station.line("hangup");
      await run(1000);
      expect(told("door", "call").at(-1)).toBe("ended");
      expect(told("door", "led").at(-1)).toBe("ready");
    },
  );

  it("a press of the button ends it for all", async () => {
    const { door, attic, run, told } = await world("call.join=on", "call.knownByAddress=on");
    door.party.station.line("press");
    await run(1000);
    attic.party.station.line("call");
    await run(1000);
    door.party.station.line("press");
    await run(1000);
    for (const who of ["kitchen", "attic", "door"]) expect(told(who, "call").at(-1)).toBe("ended");
  });

  it("opens the door by a code of its own", async () => {
    const { door, kitchen, attic, run, told } = await world(
      "call.join=on",
      "call.knownByAddress=on",
      "relay1.code=2580",
    );
    door.party.station.line("press");
    await run(1000);
    attic.party.station.line("call");
    await run(1000);
    // The second phone does not complete a code that the first began.
    kitchen.party.station.line("dtmf 25");
    await run(1000);
    attic.party.station.line("dtmf 2580");
    await run(2500);
    expect(told("door", "relay")).toEqual(["on"]);
    expect(told("door", "error")).toEqual([]);
  });

  it("is busy where joining is off, while the door rings, for a third, and for a stranger", async () => {
    const off = await world();
    off.door.party.station.line("press");
    await off.run(1000);
    off.attic.party.station.line("call");
    await off.run(1000);
    expect(off.told("attic", "call").at(-1)).toBe("ended");
    expect(off.told("door", "join")).toEqual([]);
    const stranger = await world(
      "call.join=on",
      "call.knownByAddress=on",
      "call.allow=any",
      "button1.day=sip:kitchen@10.0.0.2",
    );
    stranger.door.party.station.line("press");
    await stranger.run(1000);
    stranger.attic.party.station.line("call");
    await stranger.run(1000);
    expect(stranger.told("attic", "call").at(-1)).toBe("ended");
    // The refused call is told as well; the first one goes on.
    expect(
      stranger
        .told("door", "call")
        .filter((value) => value !== "refused")
        .at(-1),
    ).toBe("confirmed");
  });
});
