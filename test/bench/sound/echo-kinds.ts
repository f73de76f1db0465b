/**
 * Calls of kinds that neither `home` nor `away` has, to see that the echo canceller does no harm in any of them: other
 * rooms, housings, loudspeakers, voices and noises, an echo that comes late, music and ring tones, and a microphone
 * that clips or hardly hears. Nothing is tuned to them. Not here: how they are measured (echo.ts).
 */
import { SecondOrder } from "../../../host-sim/world/acoustics/filters.js";
import { fraction, type RandomSource } from "../../../src/core/random.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";
import type { SceneSet } from "./echo-sets.js";

export interface Kind {
  name: string;
  /** What it is, in words of the page. */
  what: string;
  /** The share of the echo that is distortion. */
  distortion: number;
  /** The echo to the noise. */
  snrDb: number;
  lateMs: number;
  /** The microphone's gain, for all that it hears. */
  gainDb: number;
  /** What is played in place of a voice. */
  played?(samples: number): Float64Array;
}

const USUAL = { distortion: 0.03, snrDb: 30, lateMs: 0, gainDb: 0 };

export const KINDS: readonly Kind[] = [
  { ...USUAL, name: "rooms", what: "other rooms, housings and voices" },
  { ...USUAL, name: "distorted", what: "a loudspeaker that distorts by 15 %", distortion: 0.15 },
  { ...USUAL, name: "late20", what: "the echo comes 20 ms later", lateMs: 20 },
  { ...USUAL, name: "late40", what: "40 ms later", lateMs: 40 },
  { ...USUAL, name: "late60", what: "60 ms later", lateMs: 60 },
  { ...USUAL, name: "noise", what: "a bus, a dog and a horn, 5 dB below the echo", snrDb: 5 },
  { ...USUAL, name: "music", what: "the house plays music", played: music },
  { ...USUAL, name: "ring", what: "the house plays a ring tone", played: ringTone },
  { ...USUAL, name: "loud", what: "a microphone that is 20 dB too loud, and clips", gainDb: 20 },
  { ...USUAL, name: "clipping", what: "14 dB too loud", gainDb: 14 },
  { ...USUAL, name: "quiet", what: "20 dB too quiet", gainDb: -20 },
];

/** Chords of eight tones each that fade, a bass, and a drum. */
function music(samples: number): Float64Array {
  const chords = [
    [262, 330, 392, 523],
    [220, 262, 330, 440],
    [175, 220, 262, 349],
    [196, 247, 294, 392],
  ];
  let drum = 0;
  let state = 5;
  return Float64Array.from({ length: samples }, (_, i) => {
    const seconds = i / SAMPLES_PER_SECOND;
    const beat = seconds * 2;
    const fade = Math.exp(-2 * (beat % 1));
    let sum = 0;
    for (const hz of chords[Math.floor(beat / 2) % chords.length])
      sum += Math.sin(2 * Math.PI * hz * seconds) + 0.5 * Math.sin(4 * Math.PI * hz * seconds + 1);
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    if (i % (SAMPLES_PER_SECOND / 2) === 0) drum = 6;
    drum *= 0.996;
    return 1000 * (fade * sum + drum * (state / 2 ** 31 - 1));
  });
}

/** A tone of two frequencies, one second on and one off. */
function ringTone(samples: number): Float64Array {
  return Float64Array.from({ length: samples }, (_, i) => {
    const seconds = i / SAMPLES_PER_SECOND;
    const isOn = seconds % 2 < 1;
    return isOn ? 4000 * (Math.sin(2 * Math.PI * 440 * seconds) + Math.sin(2 * Math.PI * 480 * seconds)) : 0;
  });
}

/** A bus that passes, a dog, and a horn. */
class Crossing {
  private readonly random: RandomSource;
  private readonly bus = new SecondOrder("low", 300);
  private readonly start: number;
  private at = 0;

  constructor(random: RandomSource) {
    this.random = random;
    this.start = 7 * fraction(random);
  }

  next(): number {
    const seconds = this.start + this.at++ / SAMPLES_PER_SECOND;
    const white = 2 * fraction(this.random) - 1;
    const near = Math.exp(-(((seconds % 5) - 2.5) ** 2));
    const bark = seconds % 3.1 < 0.16 ? Math.sin(2 * Math.PI * (seconds % 3.1) * (520 - 900 * (seconds % 3.1))) : 0;
    const horn =
      seconds % 6.3 < 0.5 ? Math.sin(2 * Math.PI * 410 * seconds) + Math.sin(2 * Math.PI * 515 * seconds) : 0;
    return 5 * (0.2 + near) * this.bus.next(white) + 0.3 * white + 2 * bark + 0.7 * horn;
  }
}

export const FURTHER: SceneSet = {
  name: "further",
  places: [
    // A lift's lobby: small, marble on all sides.
    {
      room: { size: [1.9, 2.4, 2.6], absorption: [0.08, 0.1, 0.1, 0.15, 0.06, 0.2] },
      station: [0.9, 0.03, 1.4],
      front: 1,
      traffic: 0.2,
      noiseDb: -25,
    },
    // A porch of wood with a mat.
    {
      room: { size: [3.4, 1.6, 2.2], absorption: [0.6, 0.5, 0.45, 0.9, 0.7, 0.35] },
      station: [0.04, 0.8, 1.3],
      front: 0,
      traffic: 0.4,
      noiseDb: -25,
    },
    // A factory's gate: far walls of sheet metal.
    {
      room: { size: [28, 22, 9], absorption: [0.2, 0.25, 0.12, 0.3, 0.15, 1] },
      station: [9, 0.05, 1.5],
      front: 1,
      traffic: 0.8,
      noiseDb: -20,
    },
  ],
  housings: [
    { distanceM: 0.11, bodyDb: -6, bodyMs: 9, cavityHz: 450 },
    { distanceM: 0.28, bodyDb: -20, bodyMs: 3, cavityHz: 0 },
    { distanceM: 0.02, bodyDb: -9, bodyMs: 6, cavityHz: 2600 },
  ],
  distortions: ["cubic", "striking"],
  speakers: [
    {
      voice: "pt-br+f3",
      text: "Boa tarde, vim entregar as flores para a senhora do quinto andar. O senhor pode abrir?",
    },
    {
      voice: "sv+m6",
      text: "Hej, jag har en beställning till er på tredje våningen, kan ni öppna porten är ni snälla?",
    },
    {
      voice: "ru+f4",
      text: "Здравствуйте, я мастер по ремонту лифта. Откройте, пожалуйста, дверь подъезда, мне нужно наверх.",
    },
    {
      voice: "en-gb-scotland+croak",
      text: "Evening, it is only me from number nine. Would you let me in, please? I left my keys inside.",
    },
    { voice: "hu+whisper", text: "Jó napot kívánok, a gázóra leolvasására jöttem, tessék szíves kinyitni a kaput." },
    {
      voice: "el+f2",
      text: "Καλησπέρα, είμαι ο γείτονας από το ισόγειο. Μπορείτε να μου ανοίξετε την πόρτα, παρακαλώ;",
    },
  ],
  echoLevels: [3400, 900, 2000],
  visitorLevels: [1100, 2400],
  visitorM: 0.8,
  seeds: [31],
  noise: (_place, random) => new Crossing(random),
};
