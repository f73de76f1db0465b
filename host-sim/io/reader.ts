/**
 * A reader with keys at the door, without wires: it sends the frames that a Wiegand reader would. Not here: what they
 * mean (src/driver/wiegand.ts).
 */
import type { ReaderOptions } from "../../hal/device.js";

const KEYS = "0123456789*#";

export class VirtualReader {
  private readonly listeners: ReaderOptions[] = [];

  /** The device's side of it. */
  open(options: ReaderOptions): boolean {
    this.listeners.push(options);
    return true;
  }

  /** The device that was there starts anew. */
  disconnect(): void {
    this.listeners.length = 0;
  }

  /** Sends a frame of any bits, the first one first. */
  send(bits: string): void {
    const value = BigInt(`0b0${bits}`);
    for (const listener of this.listeners)
      listener.onFrame(bits.length, Number(value >> 32n) | 0, Number(value & 0xffffffffn) | 0);
  }

  /** A key as four bits. @returns false when the reader has none of that name */
  key(name: string): boolean {
    const at = KEYS.indexOf(name);
    if (at >= 0) this.send(at.toString(2).padStart(4, "0"));
    return at >= 0;
  }

  /** A card in as few bits as hold its number. */
  card(number: number): void {
    this.send(cardFrame(number));
  }
}

/** @returns the bits of 26, 34 or 37 that carry that number */
export function cardFrame(number: number): string {
  const width = number < 2 ** 24 ? 24 : number < 2 ** 32 ? 32 : 35;
  const data = number.toString(2).padStart(width, "0");
  const half = Math.ceil((width + 2) / 2) - 1;
  const ones = (text: string): number => [...text].filter((one) => one === "1").length;
  const even = ones(data.slice(0, half)) % 2;
  const odd = 1 - (ones(data.slice(width - half)) % 2);
  return `${even}${data}${odd}`;
}
