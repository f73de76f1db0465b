/**
 * A model of ESP-IDF's NVS (components/nvs_flash of 6.0.2: nvs_page.cpp, nvs_pagemanager.cpp, nvs_storage.cpp) for
 * texts and small numbers: pages of 126 entries of 32 octets, one spare page, an entry's state beside it, pages that
 * are freed by copying. Each access to flash is counted, and the power can be cut at any. Not here: blobs over several
 * pages, encryption, wear.
 */
import { crc32 } from "../../src/settings/record.js";

const ENTRIES = 126;
const ENTRY_BYTES = 32;
/** Entries whose states share a word of flash. */
const STATES_A_WORD = 16;
const NONE = -1;
const EMPTY = 3;
const WRITTEN = 2;
const ERASED = 0;
type PageState = "uninitialized" | "active" | "full" | "freeing" | "corrupt";

interface Head {
  ns: number;
  type: "u8" | "text";
  key: string;
  span: number;
  bytes: number;
  crc: number;
}
/** Torn: begun, not ended. Purged: written over after it was erased. */
type Entry = Head | Uint8Array | "torn" | "purged" | null;

interface FlashPage {
  state: PageState;
  seq: number;
  states: number[];
  entries: Entry[];
}

export class PowerCut extends Error {}
export class NvsError extends Error {}

/** The memory that keeps its content without power. */
export class Flash {
  readonly pages: FlashPage[] = [];
  /** Accesses so far; the one of number `cutAt` is the last, and is not completed. */
  operations = 0;
  cutAt = Infinity;
  /** Whether an entry is torn when the power goes during its write, or not begun. */
  tears = true;
  erases = 0;

  constructor(pages: number) {
    for (let i = 0; i < pages; i++) this.pages.push(emptyPage());
  }

  copy(): Flash {
    const copy = new Flash(0);
    for (const { state, seq, states, entries } of this.pages)
      copy.pages.push({ state, seq, states: [...states], entries: [...entries] });
    return copy;
  }

  private isCut(): boolean {
    this.operations += 1;
    return this.operations === this.cutAt;
  }

  writeEntry(page: number, index: number, entry: Entry): void {
    const isCut = this.isCut();
    if (!isCut) this.pages[page].entries[index] = entry;
    else if (this.tears) this.pages[page].entries[index] = "torn";
    if (isCut) throw new PowerCut();
  }

  writeStates(page: number, first: number, end: number, state: number): void {
    if (this.isCut()) throw new PowerCut();
    for (let i = first; i < end; i++) this.pages[page].states[i] &= state;
  }

  writeHeader(page: number, state: PageState, seq: number): void {
    const isCut = this.isCut();
    const it = this.pages[page];
    if (!isCut) {
      it.state = state;
      it.seq = seq;
    } else if (this.tears && it.state === "uninitialized") it.state = "corrupt";
    if (isCut) throw new PowerCut();
  }

  erase(page: number): void {
    const isCut = this.isCut();
    if (!isCut) this.pages[page] = emptyPage();
    else if (this.tears) this.pages[page].state = "corrupt";
    if (isCut) throw new PowerCut();
    this.erases += 1;
  }
}

function emptyPage(): FlashPage {
  return {
    state: "uninitialized",
    seq: 0,
    states: new Array(ENTRIES).fill(EMPTY),
    entries: new Array(ENTRIES).fill(null),
  };
}

function isHead(entry: Entry): entry is Head {
  return entry !== null && typeof entry === "object" && !(entry instanceof Uint8Array);
}

class Page {
  state: PageState;
  seq: number;
  used = 0;
  firstUsed = NONE;
  nextFree = NONE;
  /** In the order of insertion. */
  private hashes: { ns: number; key: string; index: number }[] = [];
  private readonly flash: Flash;
  private readonly number: number;

  constructor(flash: Flash, number: number) {
    this.flash = flash;
    this.number = number;
    this.state = flash.pages[number].state;
    this.seq = flash.pages[number].seq;
    if (this.state === "active" || this.state === "full" || this.state === "freeing") this.loadTable();
  }

  get hasSeq(): boolean {
    return this.state === "active" || this.state === "full" || this.state === "freeing";
  }

  private get states(): number[] {
    return this.flash.pages[this.number].states;
  }

  private get entries(): Entry[] {
    return this.flash.pages[this.number].entries;
  }

  private loadTable(): void {
    for (let i = 0; i < ENTRIES; i++) {
      if (this.states[i] !== WRITTEN) continue;
      if (this.firstUsed === NONE) this.firstUsed = i;
      this.used += 1;
    }
    if (this.state === "active") this.loadActive();
    else this.loadFull();
  }

  private loadActive(): void {
    this.nextFree = this.states.indexOf(EMPTY);
    if (this.nextFree < 0) this.nextFree = ENTRIES;
    // These entries were begun before the power went, and are not marked yet.
    while (this.nextFree < ENTRIES && this.entries[this.nextFree] !== null) {
      if (this.states[this.nextFree] === WRITTEN) this.used -= 1;
      this.mark(this.nextFree, this.nextFree + 1, ERASED);
      this.purge(this.nextFree, this.nextFree + 1);
      this.nextFree += 1;
    }
    let last = NONE;
    let lastHead: Head | null = null;
    let span = 1;
    for (let i = 0; i < Math.min(this.nextFree, ENTRIES); i += span) {
      span = 1;
      if (this.states[i] === ERASED) {
        last = NONE;
        continue;
      }
      last = i;
      const head = this.entries[i];
      if (this.states[i] !== WRITTEN || !isHead(head)) {
        this.eraseEntryAndSpan(i);
        continue;
      }
      lastHead = head;
      this.insert(head, i);
      const duplicate = this.find(0, head.ns, head.key);
      if (head.type === "text") {
        span = head.span;
        let isWhole = true;
        for (let j = i; j < i + span; j++) if (this.states[j] !== WRITTEN) isWhole = false;
        if (!isWhole) {
          last = NONE;
          this.eraseEntryAndSpan(i);
          continue;
        }
      }
      if (duplicate < i) this.eraseEntryAndSpan(duplicate);
    }
    if (last !== NONE && lastHead !== null) {
      const found = this.findItem(lastHead.ns, lastHead.key);
      if (found !== NONE && found < last) this.eraseEntryAndSpan(found);
    }
  }

  private loadFull(): void {
    for (let i = this.firstUsed; i >= 0 && i < ENTRIES; i++) {
      if (this.states[i] !== WRITTEN) continue;
      const head = this.entries[i];
      if (!isHead(head)) {
        this.eraseEntryAndSpan(i);
        continue;
      }
      this.insert(head, i);
      for (let j = i + 1; j < i + head.span; j++) {
        if (this.states[j] === WRITTEN) continue;
        this.eraseEntryAndSpan(i);
        break;
      }
      i += head.span - 1;
    }
  }

  private insert(head: Head, index: number): void {
    this.hashes.push({ ns: head.ns, key: head.key, index });
  }

  private find(start: number, ns: number, key: string): number {
    const found = this.hashes.find((one) => one.index >= start && one.ns === ns && one.key === key);
    return found === undefined ? Infinity : found.index;
  }

  /** @returns its index, NONE if it is not here */
  findItem(ns: number, key: string): number {
    if (!this.hasSeq) return NONE;
    const start = this.find(Math.max(0, this.firstUsed), ns, key);
    const end = this.nextFree === NONE ? ENTRIES : Math.min(this.nextFree, ENTRIES);
    let next: number;
    for (let i = start; i < end; i = next) {
      next = i + 1;
      if (this.states[i] !== WRITTEN) continue;
      const head = this.entries[i];
      if (!isHead(head)) {
        this.eraseEntryAndSpan(i);
        continue;
      }
      next = i + head.span;
      if (head.ns === ns && head.key === key) return i;
    }
    return NONE;
  }

  /** @returns the item that was written last, null if there is none */
  lastItem(): Head | null {
    let last: Head | null = null;
    const end = this.nextFree === NONE ? ENTRIES : Math.min(this.nextFree, ENTRIES);
    if (this.firstUsed === NONE) return null;
    for (let i = this.firstUsed; i < end; ) {
      const head = this.entries[i];
      if (this.states[i] !== WRITTEN || !isHead(head)) {
        i += 1;
        continue;
      }
      last = head;
      i += head.span;
    }
    return last;
  }

  /** @returns null if its data does not match its head; it is erased then */
  readText(index: number): string | null {
    const head = this.entries[index] as Head;
    const data = Buffer.concat(
      this.entries
        .slice(index + 1, index + head.span)
        .map((entry) => (entry instanceof Uint8Array ? entry : Buffer.alloc(ENTRY_BYTES))),
    ).subarray(0, head.bytes);
    if (crc32(data) === head.crc) return data.subarray(0, data.length - 1).toString();
    this.eraseEntryAndSpan(index);
    return null;
  }

  /** @returns false if the page has no room for it */
  writeItem(ns: number, type: "u8" | "text", key: string, data: Uint8Array): boolean {
    if (this.state === "uninitialized") this.initialize();
    if (this.state === "full") return false;
    const span = 1 + (type === "text" ? Math.ceil(data.length / ENTRY_BYTES) : 0);
    if (span > ENTRIES) throw new NvsError("value too long");
    if (this.nextFree === NONE || this.nextFree + span > ENTRIES) return false;
    const head: Head = { ns, type, key, span, bytes: data.length, crc: crc32(data) };
    this.insert(head, this.nextFree);
    this.writeEntry(head);
    if (type === "u8") return true;
    const whole = Math.floor(data.length / ENTRY_BYTES);
    const first = this.nextFree;
    for (let i = 0; i < whole; i++)
      this.flash.writeEntry(this.number, first + i, data.slice(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES));
    if (whole > 0) this.mark(first, first + whole, WRITTEN);
    this.used += whole;
    this.nextFree += whole;
    if (whole * ENTRY_BYTES === data.length) return true;
    const tail = new Uint8Array(ENTRY_BYTES).fill(255);
    tail.set(data.subarray(whole * ENTRY_BYTES));
    this.writeEntry(tail);
    return true;
  }

  copyItems(other: Page): void {
    if (this.firstUsed === NONE) return;
    if (other.state === "uninitialized") other.initialize();
    for (let i = this.firstUsed; i < ENTRIES; ) {
      const head = this.entries[i];
      if (this.states[i] !== WRITTEN || !isHead(head)) {
        i += 1;
        continue;
      }
      other.insert(head, other.nextFree);
      for (let j = i; j < i + head.span; j++) other.writeEntry(this.entries[j]);
      i += head.span;
    }
  }

  initialize(): void {
    this.state = "active";
    this.flash.writeHeader(this.number, "active", this.seq);
    this.nextFree = 0;
  }

  become(state: PageState): void {
    this.state = state;
    this.flash.writeHeader(this.number, state, this.seq);
  }

  erase(): void {
    this.flash.erase(this.number);
    this.used = 0;
    this.firstUsed = this.nextFree = NONE;
    this.state = "uninitialized";
    this.hashes = [];
  }

  eraseEntryAndSpan(index: number): void {
    let span = 1;
    const head = this.entries[index];
    this.hashes = this.hashes.filter((one) => one.index !== index);
    if (this.states[index] === WRITTEN && isHead(head)) {
      span = head.span;
      for (let i = index; i < index + span; i++) if (this.states[i] === WRITTEN) this.used -= 1;
    } else if (this.states[index] === WRITTEN) this.used -= 1;
    this.mark(index, index + span, ERASED);
    this.purge(index, index + span);
    if (index === this.firstUsed) {
      const end = this.nextFree === NONE ? ENTRIES : Math.min(this.nextFree, ENTRIES);
      this.firstUsed = NONE;
      for (let i = index + span; i < end && this.firstUsed === NONE; i++)
        if (this.states[i] === WRITTEN) this.firstUsed = i;
    }
    if (this.nextFree !== NONE && index + span > this.nextFree) this.nextFree = index + span;
  }

  private writeEntry(entry: Entry): void {
    this.flash.writeEntry(this.number, this.nextFree, entry);
    this.mark(this.nextFree, this.nextFree + 1, WRITTEN);
    if (this.firstUsed === NONE) this.firstUsed = this.nextFree;
    this.used += 1;
    this.nextFree += 1;
  }

  /** Word by word, the last one first. */
  private mark(begin: number, end: number, state: number): void {
    for (let last = end; last > begin; ) {
      const first = Math.max(begin, Math.floor((last - 1) / STATES_A_WORD) * STATES_A_WORD);
      this.flash.writeStates(this.number, first, last, state);
      last = first;
    }
  }

  private purge(begin: number, end: number): void {
    for (let i = begin; i < end; i++) this.flash.writeEntry(this.number, i, "purged");
  }
}

/** One namespace of texts, as the SDK's key-value storage opens it with the format "string". */
export class VirtualNvs {
  private readonly pages: Page[];
  private free: Page[] = [];
  private list: Page[] = [];
  private seq = 0;

  /** Starts. @throws NvsError if the partition cannot be used */
  constructor(flash: Flash) {
    this.pages = flash.pages.map((_, i) => new Page(flash, i));
    for (const page of this.pages) {
      if (!page.hasSeq) this.free.push(page);
      else this.list.push(page);
    }
    this.list.sort((a, b) => a.seq - b.seq);
    if (this.list.length === 0) this.activate();
    else this.seq = this.list[this.list.length - 1].seq + 1;
    this.dropDuplicate();
    this.finishFreeing();
    if (this.free.length === 0) throw new NvsError("no free pages");
  }

  read(key: string): string | null {
    for (const page of this.list) {
      const index = page.findItem(1, key);
      if (index !== NONE) return page.readText(index);
    }
    return null;
  }

  /** @throws NvsError if there is no room @throws PowerCut */
  write(key: string, value: string): void {
    this.writeItem(1, "text", key, Buffer.from(value + "\0"));
  }

  /** Writes data of other programs, in another namespace. */
  writeOther(key: string, bytes: number): void {
    this.writeItem(2, "text", key, new Uint8Array(bytes));
  }

  /** @returns the entries that hold nothing, on all pages but the spare one */
  get freeEntries(): number {
    return (this.pages.length - 1) * ENTRIES - this.list.reduce((sum, page) => sum + page.used, 0);
  }

  private writeItem(ns: number, type: "u8" | "text", key: string, data: Uint8Array): void {
    let old = this.findPage(ns, key);
    const oldSeq = old?.seq;
    if (old !== null && type === "text" && ns === 1 && this.read(key) === Buffer.from(data).toString().slice(0, -1))
      return;
    const current = this.list[this.list.length - 1];
    if (!current.writeItem(ns, type, key, data)) {
      if (current.state !== "full") current.become("full");
      this.requestNewPage();
      if (!this.list[this.list.length - 1].writeItem(ns, type, key, data)) throw new NvsError("not enough space");
    }
    if (old === null) return;
    if ((old.state !== "active" && old.state !== "full") || old.seq !== oldSeq) old = this.findPage(ns, key);
    const index = old?.findItem(ns, key) ?? NONE;
    if (old !== null && index !== NONE) old.eraseEntryAndSpan(index);
  }

  private findPage(ns: number, key: string): Page | null {
    return this.list.find((page) => page.findItem(ns, key) !== NONE) ?? null;
  }

  private activate(): void {
    const page = this.free[0];
    if (page === undefined) throw new NvsError("not enough space");
    if (page.state === "corrupt") page.erase();
    this.free.shift();
    this.list.push(page);
    page.seq = this.seq++;
  }

  private requestNewPage(): void {
    if (this.free.length === 0) throw new NvsError("invalid state");
    if (this.free.length >= 2) {
      this.activate();
      return;
    }
    let best: Page | null = null;
    for (const page of this.list) if (ENTRIES - page.used > (best === null ? 0 : ENTRIES - best.used)) best = page;
    if (best === null) throw new NvsError("not enough space");
    best.become("freeing");
    this.activate();
    best.copyItems(this.list[this.list.length - 1]);
    this.release(best);
  }

  private release(page: Page): void {
    page.erase();
    this.list = this.list.filter((one) => one !== page);
    this.free.push(page);
  }

  /** The power went after a new item was written and before the old one was erased, so the old one is erased now. */
  private dropDuplicate(): void {
    const last = this.list[this.list.length - 1].lastItem();
    if (last === null) return;
    for (const page of this.list.slice(0, -1)) {
      const index = page.state === "freeing" ? NONE : page.findItem(last.ns, last.key);
      if (index === NONE) continue;
      page.eraseEntryAndSpan(index);
      break;
    }
  }

  private finishFreeing(): void {
    const freeing = this.list.find((page) => page.state === "freeing");
    if (freeing === undefined) return;
    const newest = this.list[this.list.length - 1];
    if (newest.state === "active") {
      newest.erase();
      this.list.pop();
      this.free.push(newest);
    }
    this.activate();
    freeing.copyItems(this.list[this.list.length - 1]);
    this.release(freeing);
  }
}
