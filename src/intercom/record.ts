/**
 * Texts that survive a power cut: each is kept twice, by turns, with a counter and a CRC. Whatever octet of a write is the last
 * that reaches the store, the old text or the new one is there. Not here: what the text says (settings.ts).
 */
import type { Store } from "../../hal/device.js";
import { octets } from "../core/bytes.js";

/** The form of the record; a form that is not known is not read. */
const VERSION = 1;
const MAGIC = "portero";
const SLOTS: readonly string[] = [".a", ".b"];

export class Record {
  private readonly store: Store;
  private readonly key: string;
  /** Something was kept, and a part of it cannot be read. */
  isDamaged = false;
  /** Of the newest record that is whole; 0 when there is none. */
  private counter = 0;
  /** Where that one lies. */
  private slot = 1;

  constructor(store: Store, key: string) {
    this.store = store;
    this.key = key;
  }

  /** @returns the newest text that is whole, null when there is none */
  read(): string | null {
    let newest: string | null = null;
    this.counter = 0;
    this.slot = 1;
    this.isDamaged = false;
    for (let slot = 0; slot < SLOTS.length; slot++) {
      const kept = this.store.read(this.key + SLOTS[slot]);
      const counter = kept === null ? 0 : counterOf(kept);
      if (kept !== null && counter === 0) this.isDamaged = true;
      if (kept === null || counter <= this.counter) continue;
      this.counter = counter;
      this.slot = slot;
      newest = kept.slice(kept.indexOf("\n") + 1);
    }
    return newest;
  }

  /** Keeps `text` in the place of the older one. Read once before. @throws what the store throws: then the text before is still there */
  write(text: string): void {
    const slot = 1 - this.slot;
    const counter = this.counter + 1;
    this.store.write(this.key + SLOTS[slot], headOf(counter, text) + "\n" + text);
    this.counter = counter;
    this.slot = slot;
  }
}

function headOf(counter: number, text: string): string {
  return MAGIC + " " + VERSION + " " + counter + " " + crc32(octets(counter + "\n" + text));
}

/** @returns the counter of a whole record, 0 for anything else */
function counterOf(kept: string): number {
  const end = kept.indexOf("\n");
  const words = end < 0 ? [] : kept.slice(0, end).split(" ");
  const counter = words.length === 4 ? Number(words[2]) : 0;
  if (!(counter > 0) || Math.floor(counter) !== counter) return 0;
  return kept.slice(0, end) === headOf(counter, kept.slice(end + 1)) ? counter : 0;
}

/** CRC-32 of ISO 3309, as a number without sign. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
