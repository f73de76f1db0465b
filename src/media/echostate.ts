/**
 * The words of 32 bits that the echo canceller keeps between two calls of it, laid out as `echo_t` in
 * hal/native/echobins.h, so that the arithmetic in C and the one in TypeScript (echo.ts) take over from each other. Not
 * here: the arithmetic.
 */

/** Sizes: samples of a block, partitions of the filter, pairs of bins, bins, bands. */
export const BLOCK = 64;
export const PARTS = 8;
export const GROUPS = 32;
export const BINS = 64;
export const BANDS = 16;
/** What is given out and what is heard of it are kept for so many slots of four blocks, a power of two. */
export const SLOTS = 16;
/** So many blocks of the reference are kept, a power of two. */
export const LINE = 8;
/** The result is late by so many samples. */
export const ECHO_DELAY = 2 * BLOCK;

/** Offsets of the fields, in words. */
export const WEIGHTS = 0;
export const VARIANCE = WEIGHTS + PARTS * BLOCK;
export const OTHER = VARIANCE + PARTS * GROUPS;
export const MISSED = OTHER + GROUPS;
export const SPECTRA = MISSED + GROUPS;
export const EXPONENTS = SPECTRA + PARTS * BINS;
export const NEWEST = EXPONENTS + PARTS;
export const LINES = NEWEST + 1;
export const LINE_AT = LINES + (LINE * BLOCK) / 2;
export const LATE = LINE_AT + 1;
export const HEARD = LATE + 1;
export const READY = HEARD + BLOCK / 2;
export const AT = READY + BLOCK / 2;
export const LAST_LEFT = AT + 1;
export const LAST_ECHO = LAST_LEFT + BLOCK / 2;
export const OVERLAP = LAST_ECHO + BLOCK / 2;
export const FLOORS = OVERLAP + BLOCK;
export const VOICE = FLOORS + BINS / 2;
export const TAIL = VOICE + BINS / 2;
export const SHARE = TAIL + BINS / 2;
export const ENERGY_HEARD = SHARE + BANDS;
export const ENERGY_LEFT = ENERGY_HEARD + 1;
export const POWER_HEARD = ENERGY_LEFT + 1;
export const POWER_ECHO = POWER_HEARD + 1;
export const PRODUCT = POWER_ECHO + 1;
export const HOLD = PRODUCT + 1;
export const RESETS = HOLD + 1;
export const AGE = RESETS + 1;
export const PRESENCE = AGE + 1;
export const SEED = PRESENCE + 1;
export const WIND = SEED + 1;
export const RINGING = WIND + 2;
export const GUARD = RINGING + 1;
export const CEILING = GUARD + 1;
export const HOWLS = CEILING + 1;
export const CREST = HOWLS + 1;
export const AVERAGE = CREST + 1;
export const TROUBLE = AVERAGE + 1;
export const FAR_LEVEL = TROUBLE + 1;
export const COUPLING = FAR_LEVEL + 1;
export const OPEN = COUPLING + 1;
export const GATE = OPEN + 1;
export const HUNT = GATE + 1;
export const TRIES = HUNT + 1;
export const HEARD_PLAYING = TRIES + 1;
export const HEARD_IDLE = HEARD_PLAYING + 1;
export const FOUND = HEARD_IDLE + 1;
export const STRONGEST = FOUND + 1;
export const DRIFT = STRONGEST + 1;
export const STEPS = DRIFT + BLOCK;
export const CLIPPED = STEPS + 1;
export const DEAD = CLIPPED + 1;
export const LOUDNESS = DEAD + 1;
export const GAIN = LOUDNESS + 1;
export const LOWEST = GAIN + 1;
export const QUIETED = LOWEST + 1;
export const GIVEN = QUIETED + BANDS / 2;
export const RETURNED = GIVEN + SLOTS / 2;
export const GIVING = RETURNED + SLOTS / 2;
export const HEARING = GIVING + 1;
export const HEARD_BEFORE = HEARING + 1;
export const SLOT = HEARD_BEFORE + 1;
export const LOUD_BIN = SLOT + 1;
export const CALM = LOUD_BIN + 1;
export const ECHO_WORDS = CALM + 1;

// These are options of a step.
/** The filter stays as it is. */
export const ECHO_FROZEN = 1;
/** Nothing is suppressed. */
export const ECHO_LINEAR = 2;
/** No noise takes the place of what is suppressed. */
export const ECHO_QUIET = 4;
/** Voices are switched in place of the filter: the side that speaks is heard, and the other one is not. */
export const ECHO_SWITCH = 8;
/** The noise of the place is lowered. */
export const ECHO_LESS_NOISE = 16;

export class EchoState {
  readonly words = new Int32Array(ECHO_WORDS);
  /** The same words, in halves. */
  readonly halves = new Int16Array(this.words.buffer);
  readonly packed = new Uint16Array(this.words.buffer);
}
