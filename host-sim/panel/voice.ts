/**
 * Makes two voices by rule, for people without a microphone: a buzz at the pitch of a person through the resonances of
 * a mouth, vowel by vowel. They are deterministic, so that a seed repeats the sound as well. Not here: real recordings.
 */
const RATE = 8000;

/** One sound: seconds, formants in Hz, loudness, and whether it is breath and not voice. */
interface Phone {
  seconds: number;
  formants: readonly [number, number, number];
  gain: number;
  isBreath?: boolean;
}
const AH: Phone["formants"] = [730, 1090, 2440];
const EH: Phone["formants"] = [530, 1840, 2480];
const EE: Phone["formants"] = [270, 2290, 3010];
const OH: Phone["formants"] = [570, 840, 2410];
const OO: Phone["formants"] = [300, 870, 2240];
const L: Phone["formants"] = [360, 1300, 2700];

/** The sounds of "hello, hello … it's me": pauses are long, so that the other side is heard as well. */
const GREETING: readonly Phone[] = [
  { seconds: 0.06, formants: EH, gain: 0.25, isBreath: true },
  { seconds: 0.12, formants: EH, gain: 1 },
  { seconds: 0.08, formants: L, gain: 0.6 },
  { seconds: 0.3, formants: OH, gain: 1 },
  { seconds: 0.25, formants: OH, gain: 0 },
  { seconds: 0.06, formants: EH, gain: 0.25, isBreath: true },
  { seconds: 0.1, formants: EH, gain: 0.9 },
  { seconds: 0.08, formants: L, gain: 0.6 },
  { seconds: 0.22, formants: OH, gain: 0.9 },
  { seconds: 0.3, formants: OH, gain: 0 },
  { seconds: 0.16, formants: EE, gain: 0.8 },
  { seconds: 0.09, formants: EE, gain: 0.2, isBreath: true },
  { seconds: 0.34, formants: EE, gain: 0.9 },
  { seconds: 1.6, formants: EE, gain: 0 },
];
/** The sounds of "yes … come on up". */
const REPLY: readonly Phone[] = [
  { seconds: 0.1, formants: EE, gain: 0.7 },
  { seconds: 0.22, formants: EH, gain: 1 },
  { seconds: 0.12, formants: EE, gain: 0.22, isBreath: true },
  { seconds: 0.3, formants: EH, gain: 0 },
  { seconds: 0.18, formants: AH, gain: 1 },
  { seconds: 0.08, formants: OO, gain: 0.5 },
  { seconds: 0.2, formants: OH, gain: 0.9 },
  { seconds: 0.3, formants: AH, gain: 1 },
  { seconds: 2.1, formants: AH, gain: 0 },
];

/**
 * @param who the visitor's voice is the higher one
 * @returns some seconds of the voice, 8 kHz, to be played again and again
 */
export function voiceOf(who: "door" | "phone"): Int16Array {
  return who === "door" ? speak(GREETING, 205) : speak(REPLY, 118);
}

function speak(phones: readonly Phone[], pitchHz: number): Int16Array {
  const length = phones.reduce((sum, { seconds }) => sum + Math.round(seconds * RATE), 0);
  const sound = new Float64Array(length);
  const mouth = [new Resonance(), new Resonance(), new Resonance()];
  const formants = [...phones[0].formants];
  let [at, phase, gain, noise] = [0, 0, 0, 12345];
  for (const phone of phones) {
    const count = Math.round(phone.seconds * RATE);
    for (let i = 0; i < count; i++, at++) {
      // A mouth moves in some 30 ms, not at once.
      gain += (phone.gain - gain) / 160;
      for (let k = 0; k < 3; k++) formants[k] += (phone.formants[k] - formants[k]) / 240;
      const hz = pitchHz * (1 + 0.08 * Math.sin((2 * Math.PI * at) / (RATE * 0.9)) - 0.12 * (i / count));
      phase = (phase + hz / RATE) % 1;
      noise = (Math.imul(noise, 1103515245) + 12345) & 0x7fffffff;
      const source =
        phone.isBreath === true
          ? noise / 0x3fffffff - 1
          : phase < 0.4
            ? Math.sin((Math.PI * phase) / 0.4) - 0.5
            : -0.25;
      let sample = source * gain;
      for (let k = 0; k < 3; k++) sample = mouth[k].filter(sample, Math.min(3600, formants[k]), 70 + 40 * k);
      sound[at] = sample;
    }
  }
  const peak = sound.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-9);
  return Int16Array.from(sound, (sample) => Math.round((sample / peak) * 14000));
}

/** A resonance of two poles, with a gain of 1 at 0 Hz. */
class Resonance {
  private a = 0;
  private b = 0;

  filter(sample: number, hz: number, widthHz: number): number {
    const r = Math.exp((-Math.PI * widthHz) / RATE);
    const c = 2 * r * Math.cos((2 * Math.PI * hz) / RATE);
    const out = (1 - c + r * r) * sample + c * this.a - r * r * this.b;
    this.b = this.a;
    this.a = out;
    return out;
  }
}
