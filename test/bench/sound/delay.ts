/**
 * Mouth to ear: clicks both ways through a call, from the time at which a sample is at the microphone to that at which it leaves the
 * loudspeaker. Once with the simulator's devices, once with the rings and the DMA buffers of a board (hal/native/duplex.ts) at both ends.
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
/** The jitter buffers come to rest before anything is measured. */
const SETTLE_MS = 5000;
const MEASURE_MS = 20_000;
/** Between two clicks so much and up to as much again: longer than any delay. */
const APART_MS = 500;
const CLICK = Int16Array.of(20_000, -20_000, 20_000, -20_000, 20_000, -20_000, 20_000, -20_000);
const HEARD = 6000;
/** Clicks that are looked for in one direction, at least. */
const CLICKS_LEAST = 15;

/** Where clicks are made and heard, with the times of both. */
class Clicker implements AudioInput, AudioOutput {
  /** When each click was at the microphone, and when one left the loudspeaker, ms. */
  readonly madeMs: number[] = [];
  readonly heardMs: number[] = [];
  private readonly clock: Clock;
  private readonly random: RandomSource;
  /** What the speaker was given is played until then. */
  private playedMs = 0;
  /** Samples until the next click, and how many of this one are said. */
  private left = 0;
  private said: number = CLICK.length;

  constructor(clock: Clock, random: RandomSource) {
    this.clock = clock;
    this.random = random;
    this.wait();
  }

  /** What was at the microphone during the last `count` samples. */
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

  /** It is played from now on, or behind what is played still. */
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

/** As hal/native/i2s.c sets the port up. */
const BUFFERS = 3;
const BUFFER_MS = 4;
const BUFFER_SAMPLES = BUFFER_MS * SAMPLES_PER_MS;
/** From the interrupt to the machine that is called. */
const TASK_MS = 1;

/**
 * The port of a board: each DMA buffer goes through the rings in its interrupt. A buffer that is filled is played when those before it
 * are, and a buffer that is received was at the microphone while it was filled.
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

/** One call. @param isBoard with the rings and DMA buffers of a board at both ends @returns the medians of both directions, ms */
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
