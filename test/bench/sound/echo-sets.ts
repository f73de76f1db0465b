/**
 * The two sets of calls that the echo canceller is measured on. `home` is the one that it was made with: the
 * simulator's places. `away` was made afterwards, and is what it is judged by: other places, housings, loudspeakers,
 * voices, languages, levels and noises.
 */

import { SecondOrder } from "../../../host-sim/world/acoustics/filters.js";
import type { Distortion } from "../../../host-sim/world/acoustics/loudspeaker.js";
import { PlaceNoise } from "../../../host-sim/world/acoustics/noise.js";
import { HOUSING_NAMES, HOUSINGS, PLACE_NAMES, PLACES, type Place } from "../../../host-sim/world/acoustics/places.js";
import type { Enclosure } from "../../../host-sim/world/acoustics/room.js";
import { fraction, type RandomSource } from "../../../src/core/random.js";
import { TEXT, VOICES } from "./speech.js";

const SAMPLES_PER_SECOND = 8000;

interface Speaker {
  /** A voice of espeak-ng, and what it says. */
  voice: string;
  text: string;
}

export interface SceneSet {
  name: string;
  places: readonly Place[];
  housings: readonly Enclosure[];
  distortions: readonly [Distortion, Distortion];
  speakers: readonly Speaker[];
  /** Levels of the echo while somebody speaks, and of the visitor. */
  echoLevels: readonly number[];
  visitorLevels: readonly number[];
  visitorM: number;
  seeds: readonly number[];
  noise(place: Place, random: RandomSource): { next(): number };
}

const FRONT = { traffic: 0.5, noiseDb: -25 };

const AWAY_PLACES: readonly Place[] = [
  // A stairwell of concrete, high and bare.
  {
    room: { size: [2.6, 5.5, 9.5], absorption: [0.15, 0.2, 0.2, 0.25, 0.15, 0.3] },
    station: [1.1, 0.05, 1.5],
    front: 1,
    ...FRONT,
  },
  // A garden gate: a pillar, gravel, a hedge on the other side.
  {
    room: { size: [9, 6, 12], absorption: [1, 0.9, 0.35, 0.8, 0.55, 1] },
    station: [4, 0.04, 1.2],
    front: 1,
    ...FRONT,
  },
  // A passage that cars drive through, long and tiled.
  {
    room: { size: [3.1, 17, 2.7], absorption: [0.12, 0.18, 0.9, 0.95, 0.1, 0.25] },
    station: [0.05, 6.2, 1.35],
    front: 0,
    ...FRONT,
  },
];

const AWAY_HOUSINGS: readonly Enclosure[] = [
  { distanceM: 0.21, bodyDb: -18, bodyMs: 4.5, cavityHz: 0 },
  { distanceM: 0.035, bodyDb: -12, bodyMs: 5.5, cavityHz: 870 },
  { distanceM: 0.07, bodyDb: -8, bodyMs: 4, cavityHz: 1900 },
];

const AWAY_SPEAKERS: readonly Speaker[] = [
  {
    voice: "it+f4",
    text: "Buongiorno, sono il corriere, ho un pacco per il signore del secondo piano. Mi può aprire, per favore?",
  },
  {
    voice: "nl+m2",
    text: "Goedemiddag, ik kom voor de meter in de kelder. Kunt u de deur even openmaken, of zal ik morgen terugkomen?",
  },
  {
    voice: "pl+m7",
    text: "Dzień dobry, przyniosłem pizzę i dwie butelki wody. Proszę zejść na dół albo otworzyć drzwi, czekam na zewnątrz.",
  },
  { voice: "cmn+f1", text: "你好，我是送快递的，有一个包裹要你签收。请你开一下门，我在楼下等你，谢谢。" },
  {
    voice: "tr+f5",
    text: "İyi günler, ben üst kattaki komşunuzun kardeşiyim. Anahtarımı unuttum, kapıyı açabilir misiniz?",
  },
  {
    voice: "en-us+m4",
    text: "Hey, it's me again. I forgot my keys on the kitchen table, could you buzz me in? It's pouring out here!",
  },
];

/** A street as it is not made of even noise: an engine that runs up and down, rain that drips, wind, and steps. */
class StreetNoise {
  private readonly random: RandomSource;
  private readonly wind = new SecondOrder("low", 110);
  private readonly exhaust = new SecondOrder("low", 700);
  private readonly drop = new SecondOrder("high", 900);
  private phase = 0;
  private drip = 0;
  private at = 0;
  private readonly start: number;

  constructor(random: RandomSource) {
    this.random = random;
    this.start = 9 * fraction(random);
  }

  next(): number {
    const { random } = this;
    const seconds = this.start + this.at++ / SAMPLES_PER_SECOND;
    const swing = Math.sin((2 * Math.PI * seconds) / 9);
    this.phase += (46 + 18 * swing) / SAMPLES_PER_SECOND;
    const beat = this.phase % 1;
    const engine = this.exhaust.next(3 * (beat < 0.12 ? 1 : -0.136)) * (0.7 + 0.5 * swing);
    if (fraction(random) < 12 / SAMPLES_PER_SECOND) this.drip = 2 + 3 * fraction(random);
    this.drip *= 0.985;
    const white = 2 * fraction(random) - 1;
    const gust = 1 + Math.sin(2.1 * seconds) * Math.sin(0.7 * seconds);
    const step = (seconds * 1.8) % 1 < 0.03 ? 1.5 * white : 0;
    return engine + this.drop.next(this.drip * white) + 3 * gust * this.wind.next(white) + step + 0.25 * white;
  }
}

export const HOME: SceneSet = {
  name: "home",
  places: PLACE_NAMES.map((name) => PLACES[name]),
  housings: HOUSING_NAMES.map((name) => HOUSINGS[name]),
  distortions: ["lopsided", "limited"],
  speakers: VOICES.map((voice) => ({ voice, text: TEXT })),
  echoLevels: [2600],
  visitorLevels: [1600],
  visitorM: 0.6,
  seeds: [1, 2],
  noise: (place, random) => new PlaceNoise(random, place.traffic),
};

export const AWAY: SceneSet = {
  name: "away",
  places: AWAY_PLACES,
  housings: AWAY_HOUSINGS,
  distortions: ["clipped", "stiff"],
  speakers: AWAY_SPEAKERS,
  echoLevels: [1500, 4200, 2600],
  visitorLevels: [1900, 1300],
  visitorM: 0.45,
  seeds: [7, 8],
  noise: (_place, random) => new StreetNoise(random),
};
