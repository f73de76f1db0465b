/**
 * Puts the echo canceller between the microphone and all that use its sound, and gives it the sound that the
 * loudspeaker really played. The filter keeps what it has learnt of the door's housing from one call to the next. Each
 * second a check looks whether microphone, reference and filter work, puts a problem into words, and resets a filter
 * that has learnt nothing of use. Not here: the arithmetic (media/echo.ts), the devices' rings.
 */
import type { AudioInput } from "../../hal/device.js";
import { echoBegin, echoRun } from "../media/echo.js";
import {
  BLOCK,
  CLIPPED,
  DEAD,
  ECHO_LESS_NOISE,
  ECHO_SWITCH,
  EchoState,
  FAR_LEVEL,
  FOUND,
  GAIN,
  HEARD_IDLE,
  HEARD_PLAYING,
  LOUDNESS,
  TROUBLE,
} from "../media/echostate.js";
import { peakOf } from "../media/goertzel.js";
import { smallOf } from "../media/smallfloat.js";

/**
 * Texts by PROBLEM_*: each names a problem of the sound and its remedy. The first problem that was found is reported.
 */
const WORDS: readonly string[] = [
  "the microphone is dead: check its wiring and audio.input",
  "the microphone clips: lower audio.gain",
  "no reference from the codec: echo is taken out by what was sent to it",
  "echo is left: lower audio.volume, or set audio.echo switch",
  "the visitor is hardly heard: raise audio.gain",
];
const PROBLEM_DEAD = 0;
const PROBLEM_CLIPS = 1;
const PROBLEM_REFERENCE = 2;
const PROBLEM_ECHO = 3;
const PROBLEM_QUIET = 4;

/** Frames of 20 ms between two checks, and the number of frames with sound but no reference that make a problem. */
const LOOK_FRAMES = 50;
/** The number of clipped samples in a second from which on clipping is audible. */
const CLIPPED_MOST = 80;
/** Blocks of 8 ms within which a working microphone gives at least some signal: 3 s. */
const DEAD_MOST = 375;
/** The least level of played sound at which its reference has to be there, even if the volume is turned down. */
const LOUD = 3000;
/**
 * The number of recent failures of the filter from which on voices are switched. A tone at the beginning of a call
 * causes that for a moment.
 */
const TROUBLED = 400;
/** Checks during sound in which the filter found no echo or failed, and blocks in which it has found one. */
const LOST_MOST = 8;
const FOUND_LEAST = 10;
const PLAYING = 60 * BLOCK;
/** The mean rise of the microphone's level during played sound that shows an echo. */
const ECHO_LEAST = 100 * BLOCK;
/** The level of a voice before the visitor's gain, below which even the greatest gain is too little. */
const GAIN_MOST = 16_000;
const HARDLY = smallOf(14_400, 22);

/** @param samples of one step @returns null on a board that does not hear its own loudspeaker: nothing can be done */
export function makeEchoControl(input: AudioInput, samples: number): EchoControl | null {
  return input.reference === undefined ? null : new EchoControl(input, samples);
}

export class EchoControl {
  /** Options of each step, ECHO_…; -1: the canceller is off. */
  private options = 0;
  private readonly input: AudioInput;
  private readonly state = new EchoState();
  private readonly played: Int16Array;
  /** Replaces the reference while the codec gives none: the samples written last. Made when it is first needed. */
  private spare: Int16Array | null = null;
  private isSpare = false;
  private frames = 0;
  private unheard = 0;
  private lost = 0;
  private isLoud = false;
  private isDead = false;
  /** The problems of this call, as bits. */
  private seen = 0;

  /** @param input has a reference @param samples of one step */
  constructor(input: AudioInput, samples: number) {
    this.input = input;
    this.played = new Int16Array(samples);
    echoBegin(this.state);
  }

  /** @param noise of the place: kept as it is, or lowered; it is kept where nothing is done about the echo */
  set(how: "cancel" | "switch" | "off", noise: "keep" | "lower"): void {
    this.options =
      how === "off" ? -1 : (how === "switch" ? ECHO_SWITCH : 0) | (noise === "lower" ? ECHO_LESS_NOISE : 0);
  }

  /** Takes the beginning of sound: forgets the problems of an earlier call, and a filter that failed in it. */
  begin(): void {
    if (this.seen & (1 << PROBLEM_ECHO)) echoBegin(this.state);
    this.seen = this.frames = this.unheard = this.lost = 0;
    this.state.words[CLIPPED] = this.state.words[DEAD] = 0;
  }

  /** @returns the first problem that this call had, in words, "" for none */
  problem(): string {
    for (let which = 0; which < WORDS.length; which++) if (this.seen & (1 << which)) return WORDS[which];
    return "";
  }

  /** Removes the loudspeaker's sound from all samples that the input read last. */
  run(samples: Int16Array): void {
    const { state, played } = this;
    if (this.options < 0) return;
    this.input.reference?.(played, 0, played.length);
    this.seek(state, played);
    const reference = this.isSpare && this.spare !== null ? this.spare : played;
    echoRun(state, samples, 0, reference, 0, reference.length, this.options);
    this.frames += 1;
    if (this.frames < LOOK_FRAMES) return;
    this.frames = 0;
    this.look(state);
  }

  /** Takes the samples that are written to the loudspeaker. @param peak their loudest sample */
  wrote(samples: Int16Array, peak: number): void {
    this.isLoud = peak > LOUD;
    if (this.isSpare) this.spare?.set(samples);
  }

  /**
   * Checks whether the reference is missing during played sound; the written samples then replace it until it comes.
   */
  private seek(state: EchoState, played: Int16Array): void {
    if (!this.isLoud && !this.isSpare) return;
    if (peakOf(played, 0, played.length) > 0) {
      this.unheard = 0;
      if (!this.isSpare) return;
      this.isSpare = false;
      echoBegin(state);
      return;
    }
    if (this.isSpare) return;
    this.unheard += 1;
    if (this.unheard < LOOK_FRAMES) return;
    this.spare ??= new Int16Array(played.length);
    this.isSpare = true;
    this.seen |= 1 << PROBLEM_REFERENCE;
    echoBegin(state);
  }

  private look(state: EchoState): void {
    const { words } = state;
    if (words[CLIPPED] > CLIPPED_MOST) this.seen |= 1 << PROBLEM_CLIPS;
    words[CLIPPED] = 0;
    if (words[DEAD] > DEAD_MOST) {
      this.seen |= 1 << PROBLEM_DEAD;
      this.isDead = true;
    } else if (this.isDead) {
      // The filter has learnt that the microphone hears nothing.
      this.isDead = false;
      echoBegin(state);
    }
    const isLouder = words[HEARD_PLAYING] > ECHO_LEAST && words[HEARD_PLAYING] > 2 * words[HEARD_IDLE];
    const isLost = words[FOUND] < FOUND_LEAST || words[TROUBLE] >= TROUBLED;
    if (words[FAR_LEVEL] > PLAYING) this.lost = isLouder && isLost ? this.lost + 1 : 0;
    if (this.lost >= LOST_MOST) {
      this.lost = 0;
      this.seen |= 1 << PROBLEM_ECHO;
      echoBegin(state);
    }
    if (words[GAIN] > GAIN_MOST && words[LOUDNESS] < HARDLY) this.seen |= 1 << PROBLEM_QUIET;
  }
}
