/**
 * The echo canceller at its place: between the microphone and everything that hears it, with what the loudspeaker
 * really played. What the filter knows of the door's housing stays from one call to the next. It looks each second
 * whether microphone, reference and filter do their work, says in words what does not, and begins anew where what it
 * learnt is worth nothing. Not here: the arithmetic (media/echo.ts), the devices' rings.
 */
import type { AudioInput } from "../../hal/device.js";
import { echoBegin, echoRun } from "../media/echo.js";
import {
  BLOCK,
  CLIPPED,
  DEAD,
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

/** A problem of the sound, in words with what to do, by PROBLEM_*. The first of those that were seen is told. */
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

/** Frames of 20 ms between two looks, and as many with sound and no reference of it. */
const LOOK_FRAMES = 50;
/** Samples of a second that are cut off, from which on it is heard. */
const CLIPPED_MOST = 80;
/** Blocks of 8 ms in which a microphone that works gives something at least: 3 s. */
const DEAD_MOST = 375;
/** What is played is so loud at least when its reference is missed: a volume turned down leaves some of it. */
const LOUD = 3000;
/** The filter failed so often lately that voices are switched. A tone at the begin of a call does that for a moment. */
const TROUBLED = 400;
/**
 * Looks while something is played in which the filter found no echo or failed, and blocks in which it has found one.
 */
const LOST_MOST = 8;
const FOUND_LEAST = 10;
const PLAYING = 60 * BLOCK;
/** A microphone is louder by so much while something is played, on average: there is an echo. */
const ECHO_LEAST = 100 * BLOCK;
/** The gain for a visitor is at its most, and the voice has a level below 120 before it. */
const GAIN_MOST = 16_000;
const HARDLY = smallOf(14_400, 22);

export class EchoControl {
  /** Options of each step, ECHO_…; -1: nothing is done. */
  private options = 0;
  private readonly input: AudioInput;
  private readonly state: EchoState | null;
  private readonly played: Int16Array | null;
  /** Stands for the reference while the codec gives none: what was written last. Made when it is needed first. */
  private spare: Int16Array | null = null;
  private isSpare = false;
  private frames = 0;
  private unheard = 0;
  private lost = 0;
  private isLoud = false;
  private isDead = false;
  /** The bits of the problems that this call had. */
  private seen = 0;

  /** @param samples of one step */
  constructor(input: AudioInput, samples: number) {
    this.input = input;
    const hears = input.reference !== undefined;
    this.state = hears ? new EchoState() : null;
    this.played = hears ? new Int16Array(samples) : null;
    if (this.state !== null) echoBegin(this.state);
  }

  set(how: "cancel" | "switch" | "off"): void {
    this.options = how === "off" ? -1 : how === "switch" ? ECHO_SWITCH : 0;
  }

  /** Sound begins: problems of an earlier call are forgotten, and a filter that failed in it. */
  begin(): void {
    if (this.state !== null && this.seen & (1 << PROBLEM_ECHO)) echoBegin(this.state);
    this.seen = this.frames = this.unheard = this.lost = 0;
    if (this.state !== null) this.state.words[CLIPPED] = this.state.words[DEAD] = 0;
  }

  /** @returns the first problem that this call had, in words, "" for none */
  problem(): string {
    for (let which = 0; which < WORDS.length; which++) if (this.seen & (1 << which)) return WORDS[which];
    return "";
  }

  /** What the input read last, all of it: the loudspeaker's sound goes out of it. */
  run(samples: Int16Array): void {
    const { state, played } = this;
    if (state === null || played === null || this.options < 0) return;
    this.input.reference?.(played, 0, played.length);
    this.seek(state, played);
    const reference = this.isSpare && this.spare !== null ? this.spare : played;
    echoRun(state, samples, 0, reference, 0, reference.length, this.options);
    this.frames += 1;
    if (this.frames < LOOK_FRAMES) return;
    this.frames = 0;
    this.look(state);
  }

  /** What is written to the loudspeaker. @param peak its loudest sample */
  wrote(samples: Int16Array, peak: number): void {
    this.isLoud = peak > LOUD;
    if (this.isSpare) this.spare?.set(samples);
  }

  /** A reference that stays away while something is played: what was written takes its place until it comes. */
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
      // The filter has learnt that nothing is heard.
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
