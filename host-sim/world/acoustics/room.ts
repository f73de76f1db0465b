/**
 * How sound gets from a loudspeaker to a microphone: a box of six walls by image sources (Allen and Berkley 1979), and
 * the housing that both are built into. Responses are of 8 kHz, as numbers of any size. Not here: what the loudspeaker
 * does to the sound (loudspeaker.ts).
 */
import { fraction, type RandomSource } from "../../../src/core/random.js";

export type Point = readonly [x: number, y: number, z: number];

export interface Room {
  /** In metres. */
  size: Point;
  /**
   * The share of its energy that a wall takes from the sound: left, right, front, back, floor, ceiling. 1 for no wall.
   */
  absorption: readonly [number, number, number, number, number, number];
}

export interface Enclosure {
  /** From the loudspeaker's middle to the microphone, in metres. */
  distanceM: number;
  /** The level of the way through the housing, relative to the way through the air, and how soon it dies away. */
  bodyDb: number;
  bodyMs: number;
  /** A resonance of the cavity; 0 for none. */
  cavityHz: number;
}

const SAMPLES_PER_SECOND = 8000;
const METRES_PER_SECOND = 343;
/** Samples on each side of a reflection, which lies between two samples. */
const SIDE = 12;
/** A wall takes more from the high frequencies than from the low ones: a filter of three taps. */
const SOFTNESS = 0.04;
const MOST_ORDERS = 40;
/** Reflections that have lost more than this are left out. */
const FAINTEST = 1e-4;

/** Adds a reflection that is `delay` samples late to `out`. */
function addPulse(out: Float64Array, delay: number, gain: number): void {
  const middle = Math.floor(delay);
  for (let i = Math.max(0, middle - SIDE + 1); i <= middle + SIDE && i < out.length; i++) {
    const x = i - delay;
    const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / (SIDE + 1));
    out[i] += gain * window * (Math.abs(x) < 1e-9 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  }
}

function soften(sound: Float64Array): void {
  let before = 0;
  for (let i = 0; i < sound.length; i++) {
    const now = sound[i];
    const after = i + 1 < sound.length ? sound[i + 1] : 0;
    sound[i] = SOFTNESS * (before + after) + (1 - 2 * SOFTNESS) * now;
    before = now;
  }
}

/** @returns the response from `from` to `to` with a gain of 1 at 1 m, `taps` samples long */
export function roomResponse(room: Room, from: Point, to: Point, taps: number): Float64Array {
  const reachM = (taps * METRES_PER_SECOND) / SAMPLES_PER_SECOND;
  const reflection = room.absorption.map((share) => Math.sqrt(Math.max(0, 1 - share)));
  const byOrder: Float64Array[] = [];
  const most = room.size.map((side) => Math.ceil(reachM / (2 * side)) + 1);
  const walk = (axis: number, distance2: number, gain: number, order: number): void => {
    if (axis === 3) {
      const distance = Math.max(0.02, Math.sqrt(distance2));
      const at = Math.min(order, MOST_ORDERS);
      byOrder[at] ??= new Float64Array(taps);
      addPulse(byOrder[at], (distance / METRES_PER_SECOND) * SAMPLES_PER_SECOND, gain / distance);
      return;
    }
    for (let n = -most[axis]; n <= most[axis]; n++)
      for (const side of [0, 1]) {
        const place = 2 * n * room.size[axis] + (side === 0 ? from[axis] : -from[axis]);
        const near = Math.abs(n - side);
        const far = Math.abs(n);
        const next = gain * reflection[2 * axis] ** near * reflection[2 * axis + 1] ** far;
        const sum = distance2 + (place - to[axis]) ** 2;
        if (next > FAINTEST && sum < reachM * reachM) walk(axis + 1, sum, next, order + near + far);
      }
  };
  walk(0, 0, 1, 0);
  const out = new Float64Array(taps);
  for (let order = byOrder.length - 1; order >= 0; order--) {
    const sounds = byOrder[order];
    if (sounds !== undefined) for (let i = 0; i < taps; i++) out[i] += sounds[i];
    if (order > 0) soften(out);
  }
  return out;
}

/**
 * @returns the response of the housing alone, from the loudspeaker to the microphone; its strongest sample is about 1
 */
export function enclosureResponse(enclosure: Enclosure, random: RandomSource, taps: number): Float64Array {
  const out = new Float64Array(taps);
  addPulse(out, (enclosure.distanceM / METRES_PER_SECOND) * SAMPLES_PER_SECOND, 1);
  const decay = (enclosure.bodyMs * SAMPLES_PER_SECOND) / 1000;
  const gain = 10 ** (enclosure.bodyDb / 20);
  const turn = (2 * Math.PI * enclosure.cavityHz) / SAMPLES_PER_SECOND;
  for (let i = 0; i < taps; i++) {
    const envelope = gain * Math.exp(-i / decay);
    out[i] += envelope * (2 * fraction(random) - 1);
    if (turn > 0) out[i] += 0.5 * envelope * Math.sin(turn * i);
  }
  return out;
}
