/**
 * The keys of a phone that sends digits as tones: they are heard in place of its microphone. Not here:
 * telephone-events.
 */
import type { AudioInput } from "../../hal/device.js";

const KEYS = "123A456B789C*0#D";
const ROWS_HZ = [697, 770, 852, 941];
const COLUMNS_HZ = [1209, 1336, 1477, 1633];
/** 100 ms of tone and 100 ms of silence. */
const KEY_SAMPLES = 800;
const AMPLITUDE = 7000;

export class Keypad implements AudioInput {
  private readonly microphone: AudioInput;
  private digits = "";
  private at = 0;

  constructor(microphone: AudioInput) {
    this.microphone = microphone;
  }

  /** Plays digits (0-9 * # A-D) behind those that still wait. */
  press(digits: string): void {
    this.digits += digits;
  }

  read(into: Int16Array, start: number, count: number): number {
    const done = this.microphone.read(into, start, count);
    for (let i = start; i < start + count && this.digits !== ""; i++) {
      into[i] = this.at < KEY_SAMPLES ? sampleOf(KEYS.indexOf(this.digits[0]), this.at) : 0;
      this.at += 1;
      if (this.at < 2 * KEY_SAMPLES) continue;
      this.at = 0;
      this.digits = this.digits.slice(1);
    }
    return done;
  }
}

function sampleOf(key: number, at: number): number {
  const turn = (2 * Math.PI * at) / 8000;
  return Math.round(AMPLITUDE * (Math.sin(ROWS_HZ[key >> 2] * turn) + Math.sin(COLUMNS_HZ[key & 3] * turn)));
}
