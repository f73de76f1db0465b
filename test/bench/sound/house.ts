/**
 * Two stations of the simulator in virtual time, a door and a phone, each with a microphone and a speaker that a
 * benchmark brings along, and a call between them. Their sound clocks begin at times that the seed chooses. Not here:
 * the sound, and its measures.
 */
import type { AudioInput, AudioOutput, AudioPort } from "../../../hal/device.js";
import { SeededRandom } from "../../../host-sim/io/random.js";
import { MemoryStore } from "../../../host-sim/io/store.js";
import { Party } from "../../../host-sim/party.js";
import { type House, Wiretap } from "../../../host-sim/wiring.js";
import type { VirtualClock } from "../../../host-sim/world/clock.js";
import { Faults } from "../../../host-sim/world/faults.js";
import { VirtualNetwork } from "../../../host-sim/world/network.js";
import { fraction } from "../../../src/core/random.js";
import { Settings } from "../../../src/settings/settings.js";

/** The time of a datagram, ms; it is that of the simulator's network. */
const WIRE_MS = 1;
/**
 * While the call is made a datagram takes up to so much longer, so that the two ends begin at any time of each other's
 * packets.
 */
const SPREAD_MS = 20;
const PATIENCE_MS = 5000;

/** The microphone and the speaker of one of the two. */
export interface Mouth {
  microphone: AudioInput | AudioPort;
  speaker: AudioOutput;
}

export class Talk {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  private readonly parties: readonly Party[];
  private confirmed = 0;

  /** @param door @param phone their microphones and speakers; made with this clock */
  constructor(clock: VirtualClock, door: Mouth, phone: Mouth, seed: number, ...doorSettings: string[]) {
    const random = new SeededRandom(seed);
    this.clock = clock;
    this.network = new VirtualNetwork(clock, random.fork());
    const house: House = {
      clock,
      network: this.network,
      faults: new Faults(random.fork(), 0),
      wiretap: new Wiretap(clock),
      tell: ({ event, value }) => {
        if (event === "call" && value === "confirmed") this.confirmed += 1;
      },
    };
    const party = (name: string, ip: string, mouth: Mouth, ...more: string[]) => {
      const settings = new Settings();
      for (const one of [`sip.user=${name}`, `net.address=${ip}`, "sip.register=off", "tone.volume=0", ...more]) {
        const problem = settings.assign(one);
        if (problem !== "") throw new Error(problem);
      }
      return new Party(house, {
        name,
        settings,
        random: random.fork(),
        microphone: mouth.microphone,
        speaker: mouth.speaker,
        codec: null,
        store: new MemoryStore(),
      });
    };
    const target = "call.target=sip:phone@10.0.0.2";
    this.parties = [
      party("door", "10.0.0.1", door, target, ...doorSettings),
      party("phone", "10.0.0.2", phone, "call.allow=any", "call.autoAnswer=on"),
    ];
    this.network.fault("delay", String(WIRE_MS + Math.floor(SPREAD_MS * fraction(random))));
  }

  /** The door calls, the phone answers. @throws Error if that fails */
  async begin(): Promise<void> {
    for (const { station } of this.parties) await station.start();
    this.parties[0].station.line("press");
    await this.clock.runWhile(() => this.confirmed < this.parties.length, this.clock.now() + PATIENCE_MS);
    if (this.confirmed < this.parties.length) throw new Error("the call was not answered");
    this.network.fault("delay", String(WIRE_MS));
  }

  async run(ms: number): Promise<void> {
    await this.clock.runUntil(this.clock.now() + ms);
  }

  end(): void {
    for (const { station } of this.parties) station.close();
  }
}
