/**
 * A station in a place: the sound of its loudspeaker comes back into its microphone through housing and walls, with the
 * place's noise. It is moved by the samples that are read: samples that are written between two reads are played from
 * the second on. Not here: voices.
 */
import type { AudioInput, AudioOutput } from "../../../hal/device.js";
import type { RandomSource } from "../../../src/core/random.js";
import { SecondOrder } from "./filters.js";
import { PlaceNoise } from "./noise.js";
import { echoPath, HOUSINGS, type HousingName, PLACES, type PlaceName } from "./places.js";

/** The values of `--room`. */
export const ROOM_NAMES = ["none", "lobby", "street", "niche"] as const;
export type RoomName = (typeof ROOM_NAMES)[number];

/** Samples that wait to be played, at most: older ones are left out. */
const WAITING = 2000;
/** 200 ms of the way; later sound is not heard. */
const TAPS = 1600;
const LOWEST_HZ = 320;
/** A voice at the microphone has about this level. */
const VOICE_LEVEL = 2600;

export interface SceneOptions {
  place: PlaceName;
  housing: HousingName;
  random: RandomSource;
  /** Level of the way back; 0: the loudspeaker is as loud at the microphone as its samples. */
  echoDb: number;
  /** Noise in addition to the place's own. */
  noiseDb: number;
}

export class Scene implements AudioInput, AudioOutput {
  private readonly input: AudioInput;
  private readonly output: AudioOutput;
  private readonly way: Float64Array;
  private readonly noise: PlaceNoise;
  private readonly noiseLevel: number;
  private readonly bass = new SecondOrder("high", LOWEST_HZ);
  private readonly waiting = new Int16Array(WAITING);
  private written = 0;
  private taken = 0;
  /** The loudspeaker's last samples, each twice, so that the response lies over them in one piece. */
  private readonly sounds = new Float64Array(2 * TAPS);
  private at = 0;
  private played = new Int16Array(0);

  constructor(input: AudioInput, output: AudioOutput, options: SceneOptions) {
    this.input = input;
    this.output = output;
    const { place, housing, random, echoDb, noiseDb } = options;
    const gain = 10 ** (echoDb / 20);
    // The newest sound comes first.
    this.way = echoPath(PLACES[place], HOUSINGS[housing], random, TAPS).map((tap) => tap * gain);
    this.noise = new PlaceNoise(random, PLACES[place].traffic);
    this.noiseLevel = VOICE_LEVEL * 10 ** ((PLACES[place].noiseDb + noiseDb) / 20);
  }

  read(into: Int16Array, start: number, count: number): number {
    this.input.read(into, start, count);
    if (this.played.length !== count) this.played = new Int16Array(count);
    for (let i = 0; i < count; i++) {
      const sample = this.taken === this.written ? 0 : this.waiting[this.taken++ % WAITING];
      this.played[i] = sample;
      const heard = into[start + i] + this.echoOf(sample) + this.noiseLevel * this.noise.next();
      into[start + i] = Math.max(-32768, Math.min(32767, Math.round(heard)));
    }
    return count;
  }

  reference(into: Int16Array, start: number, count: number): void {
    for (let i = 0; i < count; i++) into[start + i] = this.played[i] ?? 0;
  }

  write(from: Int16Array, start: number, count: number): void {
    this.output.write(from, start, count);
    for (let i = 0; i < count; i++) this.waiting[this.written++ % WAITING] = from[start + i];
    this.taken = Math.max(this.taken, this.written - WAITING);
  }

  private echoOf(sample: number): number {
    const { sounds, way } = this;
    this.at = (this.at + TAPS - 1) % TAPS;
    sounds[this.at] = sounds[this.at + TAPS] = this.bass.next(sample);
    let sum = 0;
    for (let i = 0; i < TAPS; i++) sum += way[i] * sounds[this.at + i];
    return sum;
  }
}
