/**
 * Keeps what the log has no room for, in flash that is read when somebody asks: one ring of blocks for openings, codes
 * and alarms, and one for all else, so that no number of calls pushes an opening out. A block is one text of the
 * store, which a power cut leaves as it was or as it is to be. Entries are numbered, since the clock may jump. Memory
 * holds only where the rings are. Not here: which entries there are (log.ts).
 */
import type { Store } from "../../hal/device.js";
import { utf8Length } from "../core/bytes.js";
import { numberOf } from "../people/person.js";

/** Octets of a block, so that it lies in 21 entries of flash: 48 blocks lie in eight pages of twelve. */
const BLOCK_BYTES = 600;
/** The keys of the two rings begin so. */
const OPENINGS = "o";
const OTHERS = "c";
const NONE = -1;

/** An entry, as it lies in a block: `NUMBER ENTRY`. */
export interface JournalEntry {
  number: number;
  text: string;
}

/** One ring of blocks, the oldest of which is written over. */
class Ring {
  /** The number of the block that is written now; NONE while there is none. */
  head = NONE;
  /** The number of the last entry. */
  last = NONE;
  private readonly store: Store;
  private readonly name: string;
  private readonly blocks: number;

  constructor(store: Store, name: string, blocks: number) {
    this.store = store;
    this.name = name;
    this.blocks = blocks;
  }

  /** Looks for the newest block. */
  open(): void {
    for (let place = 0; place < this.blocks; place++) {
      const text = this.store.read(this.name + place);
      const number = text === null ? Number.NaN : numberOf(text.slice(0, text.indexOf("\n")));
      if (number % this.blocks === place && number > this.head) this.head = number;
    }
    const lines = this.entries(this.head);
    if (lines.length > 0) this.last = lines[lines.length - 1].number;
  }

  get first(): number {
    return Math.max(0, this.head - this.blocks + 1);
  }

  /** @returns the entries of a block, the oldest first; none where it is damaged, or was written over */
  entries(block: number): JournalEntry[] {
    const out: JournalEntry[] = [];
    const lines = this.body(block).split("\n");
    for (let i = 0; i < lines.length; i++) {
      const space = lines[i].indexOf(" ");
      const number = numberOf(lines[i].slice(0, Math.max(0, space)));
      if (number >= 0) out.push({ number, text: lines[i].slice(space + 1) });
    }
    return out;
  }

  /** @throws Error when the store fails; what was written before that stays */
  append(entries: readonly JournalEntry[]): void {
    let { head } = this;
    let body = this.body(head);
    for (let i = 0; i < entries.length; i++) {
      const line = entries[i].number + " " + entries[i].text + "\n";
      if (head === NONE || utf8Length(body + line) > BLOCK_BYTES) {
        if (head !== NONE) this.write(head, body);
        head += 1;
        body = "";
      }
      body += line;
    }
    this.write(head, body);
    this.last = entries[entries.length - 1].number;
  }

  private body(block: number): string {
    const text = block < 0 ? null : this.store.read(this.name + (block % this.blocks));
    const head = block + "\n";
    return text !== null && text.slice(0, head.length) === head ? text.slice(head.length) : "";
  }

  private write(block: number, body: string): void {
    this.store.write(this.name + (block % this.blocks), block + "\n" + body);
    this.head = block;
  }
}

/** Reads a ring entry by entry. */
class Cursor {
  private readonly ring: Ring;
  private block: number;
  private entries: JournalEntry[] = [];
  private at = 0;

  constructor(ring: Ring) {
    this.ring = ring;
    this.block = ring.first;
    this.fill();
  }

  get entry(): JournalEntry | null {
    return this.at < this.entries.length ? this.entries[this.at] : null;
  }

  next(): void {
    this.at += 1;
    this.fill();
  }

  private fill(): void {
    while (this.at >= this.entries.length && this.block <= this.ring.head && this.ring.head !== NONE) {
      this.entries = this.ring.entries(this.block);
      this.block += 1;
      this.at = 0;
    }
  }
}

export class Journal {
  private readonly openings: Ring;
  private readonly others: Ring;

  /** @param blocks of each ring */
  constructor(store: Store, blocks: number) {
    this.openings = new Ring(store, OPENINGS, blocks);
    this.others = new Ring(store, OTHERS, blocks);
  }

  /** Looks at what was kept. */
  open(): void {
    this.openings.open();
    this.others.open();
  }

  /** The number of the last entry, -1 while there is none. */
  get last(): number {
    return Math.max(this.openings.last, this.others.last);
  }

  /**
   * @param isOpening whether they go to the ring of openings
   * @param entries the oldest first, with numbers behind `last`
   * @throws Error when the store fails
   */
  add(isOpening: boolean, entries: readonly JournalEntry[]): void {
    if (entries.length > 0) (isOpening ? this.openings : this.others).append(entries);
  }

  /** Hands out all entries in their order, until `take` returns false. @param after the number before the first */
  read(after: number, take: (entry: JournalEntry) => boolean): void {
    const a = new Cursor(this.openings);
    const b = new Cursor(this.others);
    for (;;) {
      const one = a.entry;
      const other = b.entry;
      const isFirst = one !== null && (other === null || one.number < other.number);
      const entry = isFirst ? one : other;
      if (entry === null || (entry.number > after && !take(entry))) return;
      (isFirst ? a : b).next();
    }
  }
}
