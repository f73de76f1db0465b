/**
 * Frames of sound by the device's clock. They take the place of a codec's port in the simulator, on a board without
 * sound, and if that port says nothing any more, because a call goes on without sound too. A reader that is late gets
 * the frames that wait, a few at most.
 */
import type { AudioInput, AudioPort, Clock, DeviceTimer } from "./device.js";

const FRAME_MS = 20;
const FRAME_SAMPLES = 160;
/** Frames that are kept for a late reader: 200 ms, because a computer has much else to do. */
const MOST = 10;
/** A port that did not call for so long is taken for dead. */
const DEAD_MS = 500;

type Readable = (frames: number, lost: number) => void;

export class TimedPort implements AudioPort {
  /** The input's function, if it has one. */
  readonly reference?: AudioInput["reference"];
  private readonly clock: Clock;
  private readonly input: AudioInput;
  private readonly timer: DeviceTimer;
  private onReadable: Readable = ignore;
  private dueMs = 0;

  /** @param input the microphone's sound */
  constructor(clock: Clock, input: AudioInput) {
    this.clock = clock;
    this.input = input;
    this.reference = referenceOf(input);
    this.timer = clock.createTimer(() => this.tell());
  }

  start(onReadable: Readable): void {
    this.onReadable = onReadable;
    this.dueMs = this.clock.now() + FRAME_MS;
    this.timer.at(this.dueMs);
  }

  stop(): void {
    this.timer.stop();
  }

  read(into: Int16Array, start: number, count: number): number {
    return this.input.read(into, start, count);
  }

  private tell(): void {
    const waiting = 1 + Math.floor((this.clock.now() - this.dueMs) / FRAME_MS);
    const frames = waiting < MOST ? waiting : MOST;
    this.dueMs += waiting * FRAME_MS;
    this.timer.at(this.dueMs);
    this.onReadable(frames, (waiting - frames) * FRAME_SAMPLES);
  }
}

/** A codec's port, with the clock in its place while it does not call. */
export class WatchedPort implements AudioPort {
  /** The port's function, if it has one. */
  readonly reference?: AudioInput["reference"];
  private readonly clock: Clock;
  private readonly port: AudioPort;
  private readonly instead: TimedPort;
  private readonly timer: DeviceTimer;
  private readonly heard: Readable = (frames, lost) => this.onPort(frames, lost);
  private onReadable: Readable = ignore;
  /** Whether it has called since the timer looked last. */
  private isAlive = false;
  private isTimed = false;

  constructor(clock: Clock, port: AudioPort) {
    this.clock = clock;
    this.port = port;
    this.reference = referenceOf(port);
    this.instead = new TimedPort(clock, port);
    this.timer = clock.createTimer(() => this.look());
  }

  start(onReadable: Readable): void {
    this.onReadable = onReadable;
    this.isAlive = false;
    this.isTimed = false;
    this.port.start(this.heard);
    this.timer.at(this.clock.now() + DEAD_MS);
  }

  stop(): void {
    this.timer.stop();
    this.instead.stop();
    this.port.stop();
  }

  read(into: Int16Array, start: number, count: number): number {
    return this.port.read(into, start, count);
  }

  private onPort(frames: number, lost: number): void {
    this.isAlive = true;
    if (this.isTimed) {
      this.isTimed = false;
      this.instead.stop();
    }
    this.onReadable(frames, lost);
  }

  private look(): void {
    if (!this.isAlive && !this.isTimed) {
      this.isTimed = true;
      this.instead.start(this.onReadable);
    }
    this.isAlive = false;
    this.timer.at(this.clock.now() + DEAD_MS);
  }
}

function referenceOf(input: AudioInput): AudioInput["reference"] {
  if (input.reference === undefined) return undefined;
  return (into, start, count) => input.reference?.(into, start, count);
}

function ignore(): void {}
