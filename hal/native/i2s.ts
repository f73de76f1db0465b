/**
 * One I2S port in both directions at once: the microphone's and the speaker's sound in and out of given buffers,
 * without waiting and without allocation, and a call each 20 ms. On XS it works over i2s.c; on platforms without such a
 * port duplex.ts does the same with frames. Not here: the codec behind it (hal/codecs).
 */
import type { AudioOutput, AudioPort } from "../device.js";
import type { DuplexOptions } from "./duplex.js";

declare function Native(destructor: string): new () => object;
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

const BEYOND = "beyond the buffer";

/** Pins that are not named are not used. */
export interface I2SOptions extends DuplexOptions {
  /** The number of the chip's port, from 0. */
  port?: number;
  /** The pin of MCLK, 256 times the sample rate; a codec chip needs it. */
  mclk?: number;
  bclk: number;
  ws: number;
  dout?: number;
  din?: number;
}

export class I2S extends Native("xs_i2s_destructor") implements AudioPort, AudioOutput {
  /** @param options as `openI2S` takes them; all are named, and a pin of -1 is not used */
  constructor(options: Required<I2SOptions>) {
    super();
    const { port, khz, bits, slot, shift, mclk, bclk, ws, dout, din, isLooped } = options;
    native("xs_i2s_constructor").call(this, port, khz, bits, slot, shift, mclk, bclk, ws, dout, din, isLooped ? 1 : 0);
  }

  /** How often the speaker ran dry because a caller came late. */
  get gaps(): number {
    return native("xs_i2s_get_gaps").call(this);
  }

  /** Samples of silence that were put in because a caller came late. */
  get missing(): number {
    return native("xs_i2s_get_missing").call(this);
  }

  /** Samples left out because a caller came late. */
  get dropped(): number {
    return native("xs_i2s_get_dropped").call(this);
  }

  start(onReadable: (frames: number, lost: number) => void): void {
    native("xs_i2s_start").call(this, onReadable);
  }

  stop(): void {
    native("xs_i2s_stop").call(this);
  }

  /** Reads as in `AudioInput`. @throws RangeError beyond `into` */
  read(into: Int16Array, start: number, count: number): number {
    if (start + count > into.length) throw new RangeError(BEYOND);
    return this.readSamples(into.buffer, into.byteOffset + 2 * start, count);
  }

  /** Reads as in `AudioInput`. @throws RangeError beyond `into` */
  reference(into: Int16Array, start: number, count: number): void {
    if (start + count > into.length) throw new RangeError(BEYOND);
    this.referenceSamples(into.buffer, into.byteOffset + 2 * start, count);
  }

  /** Writes as in `AudioOutput`. @throws RangeError beyond `from` */
  write(from: Int16Array, start: number, count: number): void {
    if (start + count > from.length) throw new RangeError(BEYOND);
    this.writeSamples(from.buffer, from.byteOffset + 2 * start, count);
  }

  close(): void {
    native("xs_i2s_close").call(this);
  }

  private readSamples(buffer: ArrayBufferLike, from: number, count: number): number {
    return native("xs_i2s_read").call(this, buffer, from, count);
  }

  private referenceSamples(buffer: ArrayBufferLike, from: number, count: number): void {
    native("xs_i2s_reference").call(this, buffer, from, count);
  }

  private writeSamples(buffer: ArrayBufferLike, from: number, count: number): void {
    native("xs_i2s_write").call(this, buffer, from, count);
  }
}

/**
 * Opens a port; its clocks run from here on. @throws Error if a pin or the port cannot be had, RangeError for another
 * option
 */
export function openI2S(options: I2SOptions): I2S {
  const { port = 0, slot = 0, shift = 0, mclk = -1, dout = -1, din = -1, isLooped = false } = options;
  return new I2S({ ...options, port, slot, shift, mclk, dout, din, isLooped });
}
