/**
 * The records of people in a partition of flash of their own, over records-esp32.c: texts by key, each written at once
 * or not at all. Not here: what they say (src/people), and the settings, which have the SDK's partition.
 */
import type { Store } from "../device.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** Octets of the longest record: a page of flash has room for it. */
const PART_BYTES = 639;
const FLASHED_BEFORE = "the flash has no partition for people: flash the whole image once, with its partition table";

function openPartition(this: unknown): number {
  return native("xs_records_open").call(this);
}

function readText(this: unknown, key: string): string | undefined {
  return native("xs_records_read").call(this, key);
}

function writeText(this: unknown, key: string, text: string): number {
  return native("xs_records_write").call(this, key, text);
}

/** A store in a partition. Where that cannot be used it is empty, and each write fails. */
class RecordStore implements Store {
  readonly partBytes = PART_BYTES;
  private readonly isOpen = openPartition() === 0;

  read(key: string): string | null {
    return this.isOpen ? (readText(key) ?? null) : null;
  }

  write(key: string, value: string): void {
    if (!this.isOpen) throw new Error(FLASHED_BEFORE);
    const error = writeText(key, value);
    if (error !== 0) throw new Error("the flash refused a record (" + error + ")");
  }

  /** An empty text takes the key away. */
  remove(key: string): void {
    this.write(key, "");
  }
}

export function openRecords(): Store {
  return new RecordStore();
}
