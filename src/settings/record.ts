/**
 * Texts that survive a power cut: each is kept twice, by turns, with a counter and a CRC. Wherever a write is cut, the
 * old text or the new one is there. A long text is kept in parts, since flash has more room for six short ones than for
 * one long one: see PART_BYTES. The first part is written last; without it the others are nothing.
 *
 * The first part begins with a line "portero FORM COUNTER ...", in all forms to come. A form that is older is read, and
 * the next write is of this one. A newer one is left alone, unless whose text it is replaces it: settings only when a
 * person says so (savedsettings.ts), the log and the lock at once. Not here: what the text says.
 */
import type { Store } from "../../hal/device.js";
import { pieceEnd, utf8, utf8Length } from "../core/bytes.js";
import { crcOf } from "../core/octets.js";

/** The first line is "portero 2 COUNTER CRC PARTS"; form 1 had no PARTS, and one part of any length. */
const FORM = 2;
const FORM_OF_ONE_PART = 1;
const MAGIC = "portero";
const SLOTS: readonly string[] = [".a", ".b"];
/**
 * Octets of the longest text. Flash has five pages of 126 entries of 32 octets, and a spare one. A page holds six parts
 * of 21 entries: one for the head, 20 for 639 octets and their end. Settings in two copies and one part more while they
 * are written are 283 entries, logs of 1,900 octets 153, the lock and the wiring 66 at most, the console's wrong
 * passwords 6, what the radio keeps 74: 582 of 630.
 */
export const TEXT_MOST = 3900;
export const PART_BYTES = 639;
/** The most parts; the log of a computer has fewer. */
const PARTS_MOST = 99;
/** A text is read in pieces of so many units, since a board may have no memory for a copy of the whole. */
const PIECE = 16;
const CRC_PIECE = 128;
/** Octets of the longest first line, whose counter goes to 2^32. */
const HEAD_BYTES = 40;

/** What a slot held. It is not kept in the record: a text takes up to 3,900 octets. */
interface Found {
  /** 0: it held no record. */
  form: number;
  /** Of a whole record, or of one of a newer form; 0 for anything else. */
  counter: number;
  text: string;
}

export class Record {
  private readonly store: Store;
  private readonly key: string;
  private readonly most: number;
  /** Whether something was kept of which a part cannot be read. */
  isDamaged = false;
  /** The newer form that was written after what can be read; 0: there is none. */
  newerForm = 0;
  /** Whether what was read was of an older form. */
  isOld = false;
  /** The counter of the newest record that is whole or of a newer form; 0 when there is none. */
  private counter = 0;
  /** The slot of the newest record that can be read, or else of the newest one. */
  private slot = 1;

  /** @param most octets of the longest text */
  constructor(store: Store, key: string, most = TEXT_MOST) {
    this.store = store;
    this.key = key;
    this.most = most;
  }

  /** @returns the newest text that is whole, null when there is none */
  read(): string | null {
    let newest: string | null = null;
    let [counter, slot, newerCounter, newerSlot] = [0, -1, 0, 1];
    this.isDamaged = false;
    this.newerForm = 0;
    for (let i = 0; i < SLOTS.length; i++) {
      const kept = this.store.read(this.key + SLOTS[i]);
      if (kept === null) continue;
      const found = this.readSlot(i, kept);
      const isNewer = found.form > FORM;
      if (found.counter === 0 || isNewer) this.isDamaged = true;
      if (isNewer && found.counter > newerCounter) {
        newerCounter = found.counter;
        newerSlot = i;
        this.newerForm = found.form;
      } else if (!isNewer && found.counter > counter) {
        counter = found.counter;
        slot = i;
        newest = found.text;
        this.isOld = found.form < FORM;
      }
    }
    if (counter > newerCounter) this.newerForm = 0;
    this.counter = Math.max(counter, newerCounter);
    // What can be read stays until the next text is whole.
    this.slot = slot < 0 ? newerSlot : slot;
    return newest;
  }

  /** @throws RangeError of one line when `text` is longer than what can be kept */
  check(text: string): void {
    const size = utf8Length(text);
    if (size > this.most) throw new RangeError(size + " octets are more than the " + this.most + " that can be kept");
  }

  /**
   * Keeps `text` in the place of the older one. `read` has to be called once before. @param replaces also what is of a
   * newer form
   * @throws what the store throws, and Error of one line: then the text before is still there
   */
  write(text: string, replaces = false): void {
    this.check(text);
    if (this.newerForm > 0 && !replaces)
      throw new Error("what is kept is of a newer firmware (form " + this.newerForm + ")");
    const slot = 1 - this.slot;
    const counter = this.counter + 1;
    const starts = startsOf(text, this.store.partBytes ?? this.most + HEAD_BYTES);
    const count = starts.length - 1;
    for (let i = count - 1; i > 0; i--)
      this.store.write(this.key + SLOTS[slot] + i, text.slice(starts[i], starts[i + 1]));
    this.store.write(
      this.key + SLOTS[slot],
      headOf(counter, count, crcOfText(text, crcBefore(counter))) + text.slice(0, starts[1]),
    );
    this.counter = counter;
    this.slot = slot;
    this.newerForm = 0;
    this.isOld = false;
  }

  private readSlot(slot: number, kept: string): Found {
    const end = kept.indexOf("\n");
    const words = end < 0 ? [] : kept.slice(0, end).split(" ");
    const form = words.length > 2 && words[0] === MAGIC ? numberOf(words[1]) : 0;
    const found = { form, counter: 0, text: "" };
    if (form === 0) return found;
    const counter = numberOf(words[2]);
    if (form > FORM || counter === 0) {
      found.counter = counter;
      return found;
    }
    const head = kept.slice(0, end + 1);
    const parts = [kept.slice(end + 1)];
    let count = 1;
    if (form === FORM) {
      count = words.length === 5 ? numberOf(words[4]) : 0;
      if (count === 0 || count > PARTS_MOST) return found;
    }
    let crc = crcOfText(parts[0], crcBefore(counter));
    for (let i = 1; i < count; i++) {
      const part = this.store.read(this.key + SLOTS[slot] + i);
      if (part === null) return found;
      parts.push(part);
      crc = crcOfText(part, crc);
    }
    if (head !== (form === FORM ? headOf(counter, count, crc) : oldHeadOf(counter, crc))) return found;
    found.counter = counter;
    found.text = parts.join("");
    return found;
  }
}

/** @returns a whole number above 0, without leading zeros; 0 for anything else */
function numberOf(word: string): number {
  const value = Number(word);
  return value > 0 && Math.floor(value) === value && "" + value === word ? value : 0;
}

function headOf(counter: number, parts: number, crc: number): string {
  return MAGIC + " " + FORM + " " + counter + " " + (~crc >>> 0) + " " + parts + "\n";
}

function oldHeadOf(counter: number, crc: number): string {
  return MAGIC + " " + FORM_OF_ONE_PART + " " + counter + " " + (~crc >>> 0) + "\n";
}

/**
 * @returns where parts of at most `most` octets start, in units of the text, and its end; the first leaves room for the
 * head
 */
function startsOf(text: string, most: number): number[] {
  const starts = [0];
  const { length } = text;
  let [size, room] = [0, most - HEAD_BYTES];
  if (utf8Length(text) <= room) return [0, length];
  for (let i = 0, end = 0; i < length; i = end) {
    end = pieceEnd(text, i, PIECE, length);
    const bytes = utf8Length(text.slice(i, end));
    if (size + bytes > room) {
      starts.push(i);
      size = 0;
      room = most;
    }
    size += bytes;
  }
  starts.push(length);
  return starts;
}

/** @returns the CRC of what comes before the text: counter and line end */
function crcBefore(counter: number): number {
  const bytes = utf8(counter + "\n");
  return crcOf(bytes, 0, bytes.length, -1);
}

/** @returns the CRC that `crc` becomes with these octets */
function crcOfText(text: string, crc: number): number {
  const { length } = text;
  let sum = crc;
  for (let i = 0, end = 0; i < length; i = end) {
    end = pieceEnd(text, i, CRC_PIECE, length);
    const bytes = utf8(text.slice(i, end));
    sum = crcOf(bytes, 0, bytes.length, sum);
  }
  return sum;
}

/** CRC-32 of ISO 3309, as a number without sign. */
export function crc32(bytes: Uint8Array): number {
  return ~crcOf(bytes, 0, bytes.length, -1) >>> 0;
}
