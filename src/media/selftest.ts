/**
 * The test of loudspeaker and microphone: tones that climb like a chirp are played, and what of them comes back is
 * measured: how loud, how late, which of them, and how much they are distorted. It goes by frames of 20 ms, without a
 * call, for two seconds. Not here: when it runs and who is told (driver).
 */
import { peakOf, powerOf } from "./goertzel.js";

const FRAME = 160;
const SAMPLES_PER_MS = 8;
/** Frequencies of the steps: whole periods of each fit a frame. */
const TONES = Int16Array.of(800, 400, 1600, 2400, 3200);
/** 2 cos ω of them and of twice and three times the first, with 12 places; and the sine of ω of the tones. */
const COEFFICIENTS = Int16Array.of(6627, 7791, 2531, -2531, -6627);
const SECOND_HARMONIC = 2531;
const THIRD_HARMONIC = -2531;
const SINES = Int16Array.of(2408, 1266, 3896, 3896, 2408);
const AMPLITUDE = 8000;
/** Frames: what sounded before dies away, then the noise is measured; each tone; of which so many pass until it is. */
const QUIET_FRAMES = 25;
const NOISE_FROM = 10;
const TONE_FRAMES = 13;
const SETTLE_FRAMES = 7;
const ALL_FRAMES = QUIET_FRAMES + TONES.length * TONE_FRAMES;
/** Levels from which a sample is the tone's beginning; at the microphone twice the noise as well. */
const HEARD_LEAST = 48;
const PLAYED_LEAST = 1000;
const CLIPPED_LEVEL = 32_700;
const CLIPPED_MOST = 8;
/** A tone is there when it is so much louder than the noise at its frequency, as power. */
const ABOVE_NOISE = 8;
/** It is part of the band when it is at most so much weaker than the strongest. */
const BAND_DB = 25;
const WEAKEST_DB = -50;
const DISTORTION_MOST = 20;
/** The canceller finds an echo that is this late. */
const LATEST_MS = 48;

const NO_MICROPHONE = "no microphone: check its wiring and audio.input";
const NO_LOUDSPEAKER = "no loudspeaker: check its wiring, amplifier.active and audio.volume";
const TOO_QUIET = "too quiet: raise audio.volume or audio.gain";
const CLIPPED = "the microphone clips: lower audio.gain or audio.volume";
const DISTORTED = "distorted: lower audio.volume, or seal the loudspeaker";
const TOO_LATE = "the echo is too late to be taken out";

export class SelfTest {
  private frame = 0;
  private s1 = 0;
  private s2 = 0;
  private least = 32767;
  private most = -32768;
  private noisePeak = 0;
  private clipped = 0;
  /** Samples since the test began at which a tone was heard and played first; -1: not yet. */
  private heardAt = -1;
  private playedAt = -1;
  private readonly noise = new Float64Array(TONES.length);
  private readonly heard = new Float64Array(TONES.length);
  /** What the loudspeaker played while the frame was heard, where that is known: written before `run`. */
  readonly played = new Int16Array(FRAME);
  private second = 0;
  private third = 0;

  // The results.
  /** What is wrong, in words, with what to do; "" for nothing. */
  problem = "";
  /** Of the strongest tone, to what was played. */
  levelDb = 0;
  /** -1: nothing was heard. */
  delayMs = -1;
  private lowestHz = 0;
  private highestHz = 0;
  /** Percent of the tone of 800 Hz. */
  private distortion = 0;

  /**
   * One frame of 20 ms. @param pcm what the microphone heard; becomes what is to be played
   * @param isKnown whether `played` is what the loudspeaker played meanwhile @returns true at the end
   */
  run(pcm: Int16Array, isKnown: boolean): boolean {
    const { frame } = this;
    this.look(pcm, frame);
    if (this.playedAt < 0) {
      if (isKnown) this.playedAt = onsetOf(this.played, PLAYED_LEAST, frame);
      else if (frame === QUIET_FRAMES) this.playedAt = frame * FRAME;
    }
    this.play(pcm, frame);
    this.frame += 1;
    if (this.frame < ALL_FRAMES) return false;
    this.judge();
    return true;
  }

  /** @returns the results as name, value, name, value, … */
  figures(): { level: number; delay: number; lowest: number; highest: number; distortion: number } {
    const { levelDb, delayMs, lowestHz, highestHz, distortion } = this;
    return { level: levelDb, delay: delayMs, lowest: lowestHz, highest: highestHz, distortion };
  }

  private look(pcm: Int16Array, frame: number): void {
    for (let i = 0; i < FRAME; i++) {
      const sample = pcm[i];
      if (sample < this.least) this.least = sample;
      if (sample > this.most) this.most = sample;
      if (sample > CLIPPED_LEVEL || sample < -CLIPPED_LEVEL) this.clipped += 1;
    }
    const peak = peakOf(pcm, 0, FRAME);
    const shift = Math.max(0, 23 - Math.clz32(peak | 1));
    const scale = 4 ** shift;
    if (frame < QUIET_FRAMES) {
      if (frame < NOISE_FROM) return;
      if (peak > this.noisePeak) this.noisePeak = peak;
      for (let i = 0; i < TONES.length; i++) {
        const power = powerOf(pcm, 0, FRAME, shift, COEFFICIENTS[i]) * scale;
        if (power > this.noise[i]) this.noise[i] = power;
      }
      return;
    }
    if (this.heardAt < 0) this.heardAt = onsetOf(pcm, HEARD_LEAST + 2 * this.noisePeak, frame);
    const tone = Math.floor((frame - QUIET_FRAMES) / TONE_FRAMES);
    if ((frame - QUIET_FRAMES) % TONE_FRAMES < SETTLE_FRAMES) return;
    this.heard[tone] += powerOf(pcm, 0, FRAME, shift, COEFFICIENTS[tone]) * scale;
    if (tone > 0) return;
    this.second += powerOf(pcm, 0, FRAME, shift, SECOND_HARMONIC) * scale;
    this.third += powerOf(pcm, 0, FRAME, shift, THIRD_HARMONIC) * scale;
  }

  /** Writes the frame that is to be played. */
  private play(pcm: Int16Array, frame: number): void {
    if (frame < QUIET_FRAMES) {
      pcm.fill(0);
      return;
    }
    const tone = Math.floor((frame - QUIET_FRAMES) / TONE_FRAMES);
    if ((frame - QUIET_FRAMES) % TONE_FRAMES === 0) {
      this.s1 = 0;
      this.s2 = -((AMPLITUDE * SINES[tone]) >> 12);
    }
    for (let i = 0; i < FRAME; i++) {
      const next = ((COEFFICIENTS[tone] * this.s1 + 2048) >> 12) - this.s2;
      this.s2 = this.s1;
      this.s1 = next;
      pcm[i] = Math.max(-2 * AMPLITUDE, Math.min(2 * AMPLITUDE, next));
    }
  }

  private judge(): void {
    const { noise, heard } = this;
    // The power of a frame of the tone as it is played.
    const whole = ((AMPLITUDE * FRAME) / 2) ** 2;
    let strongest = 0;
    for (let i = 0; i < TONES.length; i++) {
      heard[i] /= TONE_FRAMES - SETTLE_FRAMES;
      if (heard[i] > ABOVE_NOISE * noise[i] && heard[i] > strongest) strongest = heard[i];
    }
    this.levelDb = strongest > 0 ? Math.round(10 * Math.log10(strongest / whole)) : 0;
    for (let i = 0; i < TONES.length; i++) {
      if (heard[i] <= ABOVE_NOISE * noise[i] || heard[i] < strongest / 10 ** (BAND_DB / 10)) continue;
      if (this.lowestHz === 0 || TONES[i] < this.lowestHz) this.lowestHz = TONES[i];
      if (TONES[i] > this.highestHz) this.highestHz = TONES[i];
    }
    const frames = TONE_FRAMES - SETTLE_FRAMES;
    const wrong = Math.max(0, this.second / frames - noise[2]) + Math.max(0, this.third / frames - noise[3]);
    this.distortion = heard[0] > ABOVE_NOISE * noise[0] ? Math.round(100 * Math.sqrt(wrong / heard[0])) : 0;
    const isTimed = this.heardAt >= 0 && this.playedAt >= 0;
    this.delayMs = isTimed ? Math.max(0, Math.round((this.heardAt - this.playedAt) / SAMPLES_PER_MS)) : -1;
    this.problem = this.problemOf(strongest);
  }

  private problemOf(strongest: number): string {
    if (this.least === this.most) return NO_MICROPHONE;
    if (strongest === 0) return NO_LOUDSPEAKER;
    if (this.clipped > CLIPPED_MOST) return CLIPPED;
    if (this.levelDb < WEAKEST_DB) return TOO_QUIET;
    if (this.distortion > DISTORTION_MOST) return DISTORTED;
    return this.delayMs > LATEST_MS ? TOO_LATE : "";
  }
}

/** @returns the sample of the test at which a sound of that size begins in its frame, -1 if none does */
function onsetOf(pcm: Int16Array, least: number, frame: number): number {
  for (let i = 0; i < FRAME; i++) if (pcm[i] > least || pcm[i] < -least) return frame * FRAME + i;
  return -1;
}
