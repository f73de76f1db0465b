/**
 * Mouth to ear: clicks both ways through a call, from the time at which a sample is at the microphone to that at which
 * it leaves the loudspeaker. Once with the simulator's devices, once with the rings and the DMA buffers of a board
 * (hal/native/duplex.ts) at both ends.
 */
import type { AudioInput, AudioOutput, AudioPort, Clock } from "../../../hal/device.js";
import { Duplex } from "../../../hal/native/duplex.js";
import { SeededRandom } from "../../../host-sim/io/random.js";
import { VirtualClock } from "../../../host-sim/world/clock.js";
import { fraction, type RandomSource } from "../../../src/core/random.js";
import { SAMPLES_PER_MS } from "../../../src/media/g711.js";
import { median, type Result } from "../harness.js";
import { type Mouth, Talk } from "./house.js";

const SEEDS = [1, 2, 3, 4, 5];
/** By then the jitter buffers have come to rest. */
const SETTLE_MS = 5000;
const MEASURE_MS = 20_000;
/** The time between two clicks is so much and up to as much again, which is longer than any delay. */
const APART_MS = 500;
const CLICK = Int16Array.of(20_000, -20_000, 20_000, -20_000, 20_000, -20_000, 20_000, -20_000);
const HEARD = 6000;
/** At least so many clicks must be found in one direction. */
const CLICKS_LEAST = 15;

/** Makes and hears clicks, with the times of both. */
class Clicker implements AudioInput, AudioOutput {
  /** The times when clicks were at the microphone, and when clicks left the loudspeaker, ms. */
  readonly madeMs: number[] = [];
  readonly heardMs: number[] = [];
  private readonly clock: Clock;
  private readonly random: RandomSource;
  /** The samples that the speaker was given are played until this time. */
  private playedMs = 0;
  /** Samples until the next click, and how many of this one are given out. */
  private left = 0;
  private said: number = CLICK.length;

  constructor(clock: Clock, random: RandomSource) {
    this.clock = clock;
    this.random = random;
    this.wait();
  }

  /** Gives the last `count` samples that were at the microphone. */
  read(into: Int16Array, start: number, count: number): number {
    const beginMs = this.clock.now() - count / SAMPLES_PER_MS;
    for (let i = 0; i < count; i++) {
      if (this.left === 0) {
        this.madeMs.push(beginMs + i / SAMPLES_PER_MS);
        this.said = 0;
        this.wait();
      } else this.left -= 1;
      into[start + i] = this.said < CLICK.length ? CLICK[this.said++] : 0;
    }
    return count;
  }

  /** The samples are played from now on, or behind those that are still being played. */
  write(from: Int16Array, start: number, count: number): void {
    const beginMs = Math.max(this.clock.now(), this.playedMs);
    for (let i = 0; i < count; i++) {
      const atMs = beginMs + i / SAMPLES_PER_MS;
      const isNew = this.heardMs.length === 0 || atMs - this.heardMs[this.heardMs.length - 1] > APART_MS / 2;
      if (isNew && Math.abs(from[start + i]) > HEARD) this.heardMs.push(atMs);
    }
    this.playedMs = beginMs + count / SAMPLES_PER_MS;
  }

  private wait(): void {
    this.left = Math.floor((APART_MS + APART_MS * fraction(this.random)) * SAMPLES_PER_MS);
  }
}

/** The port's setup is the same as in hal/native/i2s.c. */
const BUFFERS = 3;
const BUFFER_MS = 4;
const BUFFER_SAMPLES = BUFFER_MS * SAMPLES_PER_MS;
/** Time from the interrupt to the call of the machine. */
const TASK_MS = 1;

/**
 * The port of a board: each DMA buffer goes through the rings in its interrupt. A buffer that is filled is played when
 * those before it are, and a buffer that is received was at the microphone while it was filled.
 */
function boardOf(clock: Clock, clicker: Clicker, random: RandomSource): Mouth {
  const duplex = new Duplex({ bits: 16, khz: 8 });
  const frames = new Int16Array(2 * BUFFER_SAMPLES);
  const mono = new Int16Array(BUFFER_SAMPLES);
  /** Buffers that are filled and not played yet. */
  const filled = Array.from({ length: BUFFERS - 1 }, () => new Int16Array(BUFFER_SAMPLES));
  let onReadable: ((frames: number, lost: number) => void) | null = null;
  const message = clock.createTimer(() => {
    const lost = duplex.leaveOut();
    if (duplex.frames() > 0) onReadable?.(duplex.frames(), lost);
  });
  let atMs = clock.now() + BUFFER_MS * fraction(random);
  const interrupt = clock.createTimer(() => {
    clicker.read(mono, 0, BUFFER_SAMPLES);
    for (let i = 0; i < BUFFER_SAMPLES; i++) frames[2 * i] = frames[2 * i + 1] = mono[i];
    duplex.received(frames);
    duplex.fill(frames);
    const next = filled.shift();
    if (next !== undefined) clicker.write(next, 0, BUFFER_SAMPLES);
    filled.push(Int16Array.from({ length: BUFFER_SAMPLES }, (_, i) => frames[2 * i]));
    if (onReadable !== null && duplex.frames() > 0) message.at(clock.now() + TASK_MS);
    atMs += BUFFER_MS;
    interrupt.at(atMs);
  });
  interrupt.at(atMs);
  const microphone: AudioPort = {
    start(call) {
      duplex.start();
      onReadable = call;
    },
    stop() {
      duplex.stop();
      onReadable = null;
    },
    read: (into, start, count) => duplex.read(into, start, count),
  };
  return { microphone, speaker: duplex };
}

/** @returns the delay of each click that was made after `fromMs`, ms */
function delays(from: Clicker, to: Clicker, fromMs: number, untilMs: number): number[] {
  const out: number[] = [];
  for (const madeMs of from.madeMs) {
    if (madeMs < fromMs || madeMs > untilMs) continue;
    const heardMs = to.heardMs.find((ms) => ms > madeMs);
    if (heardMs === undefined || heardMs - madeMs > APART_MS) throw new Error(`the click at ${madeMs} ms is not heard`);
    out.push(heardMs - madeMs);
  }
  if (out.length < CLICKS_LEAST) throw new Error(`${out.length} clicks were heard`);
  return out;
}

/**
 * Runs one call. @param isBoard whether both ends have the rings and DMA buffers of a board @returns the medians of
 * both directions, ms
 */
export async function mouthToEar(seed: number, isBoard: boolean): Promise<number[]> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const [door, phone] = [new Clicker(clock, random.fork()), new Clicker(clock, random.fork())];
  const mouth = (clicker: Clicker): Mouth =>
    isBoard ? boardOf(clock, clicker, random) : { microphone: clicker, speaker: clicker };
  const talk = new Talk(clock, mouth(door), mouth(phone), seed);
  await talk.begin();
  await talk.run(SETTLE_MS);
  const fromMs = clock.now();
  await talk.run(MEASURE_MS);
  const untilMs = clock.now() - APART_MS;
  talk.end();
  return [median(delays(door, phone, fromMs, untilMs)), median(delays(phone, door, fromMs, untilMs))];
}

async function row(name: string, isBoard: boolean): Promise<Result> {
  const medians: number[] = [];
  for (const seed of SEEDS) medians.push(...(await mouthToEar(seed, isBoard)));
  const [least, most] = [Math.min(...medians), Math.max(...medians)].map((ms) => Math.round(ms * 10) / 10);
  return {
    name,
    value: most,
    unit: `ms mouth to ear, the worst of ${SEEDS.length} calls both ways; the best ${least}`,
  };
}

export async function delayBenchmarks(): Promise<Result[]> {
  return [await row("sound.delay", false), await row("sound.delay.board", true)];
}
