/**
 * The records of people and the journal of the log, each in a partition of flash of its own, over records-esp32.c:
 * texts by key, each written at once or not at all. Not here: what they say (src/people, src/intercom/journal.ts), and
 * the settings, which have the SDK's partition.
 */
import type { Store } from "../device.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** Octets of the longest record: a page of flash has room for it. */
const PART_BYTES = 639;
const FLASHED_BEFORE = "the flash has no such partition: flash the whole image once, with its partition table: ";
/** The partitions, by their number in records-esp32.c. */
const PARTITIONS: readonly string[] = ["people", "journal"];
const PEOPLE = 0;
const JOURNAL = 1;

function openPartition(this: unknown, partition: number): number {
  return native("xs_records_open").call(this, partition);
}

function readText(this: unknown, partition: number, key: string): string | undefined {
  return native("xs_records_read").call(this, partition, key);
}

function writeText(this: unknown, partition: number, key: string, text: string): number {
  return native("xs_records_write").call(this, partition, key, text);
}

/** A store in a partition. Where that cannot be used it is empty, and each write fails. */
class RecordStore implements Store {
  readonly partBytes = PART_BYTES;
  private readonly partition: number;
  private readonly isOpen: boolean;

  constructor(partition: number) {
    this.partition = partition;
    this.isOpen = openPartition(partition) === 0;
  }

  read(key: string): string | null {
    return this.isOpen ? (readText(this.partition, key) ?? null) : null;
  }

  write(key: string, value: string): void {
    if (!this.isOpen) throw new Error(FLASHED_BEFORE + PARTITIONS[this.partition]);
    const error = writeText(this.partition, key, value);
    if (error !== 0) throw new Error("the flash refused a record (" + error + ")");
  }

  /** An empty text takes the key away. */
  remove(key: string): void {
    this.write(key, "");
  }
}

export function openRecords(): Store {
  return new RecordStore(PEOPLE);
}

export function openJournal(): Store {
  return new RecordStore(JOURNAL);
}
