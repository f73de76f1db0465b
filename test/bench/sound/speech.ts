/**
 * Speech for measurements, at 8 kHz: the output of espeak-ng, or without it a voice made of a pulse train and three
 * resonances. That is no human voice, but has pitch, formants, stops and pauses.
 */
import { execFileSync } from "node:child_process";
import { parseWav } from "../../../host-sim/io/audio.js";
import { SAMPLES_PER_SECOND } from "../../../src/media/g711.js";

export const TEXT =
  "Good morning, this is the parcel service. I have a box for the third floor, and somebody has to sign for it. " +
  "Shall I leave it with your neighbour, or will you open the door? It is rather heavy, so I would like to take the lift.";
/** Voices of espeak-ng. */
export const VOICES: readonly string[] = ["en-gb", "en-us+f3", "de", "fr+f2", "es+m5"];
const PEAK = 16_000;
const SPEAK_MS = 30_000;

export interface Speech {
  /** The speaker: a voice of espeak-ng, or "synthetic". */
  voice: string;
  samples: Int16Array;
}

/** @param voice of espeak-ng @param text in its language */
export function speech(voice = VOICES[0], text = TEXT): Speech {
  try {
    const args = ["-v", voice, "-s", "150", "--stdout", text];
    const wav = execFileSync("espeak-ng", args, {
      timeout: SPEAK_MS,
      maxBuffer: 1 << 24,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return { voice, samples: levelled(parseWav(wav, "espeak-ng")) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { voice: "synthetic", samples: levelled(syntheticVoice(pitchOf(voice))) };
  }
}

function pitchOf(voice: string): number {
  const known = VOICES.indexOf(voice);
  return known >= 0 ? known : voice.length % VOICES.length;
}

/** The loudest sample is `PEAK`. */
function levelled(samples: Int16Array): Int16Array {
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1);
  return samples.map((sample) => Math.round((sample * PEAK) / loudest));
}

/** Formants of five vowels, Hz. */
const VOWELS: readonly (readonly number[])[] = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240],
];
const SYLLABLES = 60;
const SYLLABLE_MS = 160;
const STOP_MS = 40;

/** @param which chooses the pitch */
function syntheticVoice(which: number): Int16Array {
  const length = ((SYLLABLE_MS + STOP_MS) * SAMPLES_PER_SECOND) / 1000;
  const out = new Float64Array(SYLLABLES * length);
  let phase = 0;
  for (let syllable = 0; syllable < SYLLABLES; syllable++) {
    // A pause comes after every tenth syllable.
    if (syllable % 10 === 9) continue;
    const formants = VOWELS[(syllable * 3 + which) % VOWELS.length];
    const state = formants.map(() => [0, 0]);
    const sounds = (SYLLABLE_MS * SAMPLES_PER_SECOND) / 1000;
    for (let i = 0; i < sounds; i++) {
      const hz = 100 + 25 * which + 20 * Math.sin((2 * Math.PI * (syllable * sounds + i)) / 9000);
      phase += hz / SAMPLES_PER_SECOND;
      let value = phase >= 1 ? 1 : 0;
      phase %= 1;
      formants.forEach((formant, k) => {
        const radius = Math.exp((-Math.PI * (60 + 40 * k)) / SAMPLES_PER_SECOND);
        const next =
          value +
          2 * radius * Math.cos((2 * Math.PI * formant) / SAMPLES_PER_SECOND) * state[k][0] -
          radius * radius * state[k][1];
        state[k] = [next, state[k][0]];
        value = next;
      });
      out[syllable * length + i] = value * Math.sin((Math.PI * i) / sounds);
    }
  }
  const loudest = out.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  return Int16Array.from(out, (value) => Math.round((value * PEAK) / loudest));
}
