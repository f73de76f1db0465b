/**
 * Keeps records by key on a disk, in two files with the same changes, each with its number, its length and a checksum.
 * A change is done when both files have it. A file that was cut or changed is repaired from the other one; what is
 * unreadable in both is passed over and reported. The files grow until more than half of them is old; then they are
 * written again and replaced whole.
 * Not here: what a record means (file-store.ts), and who may open the files (folder-lock.ts).
 */
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAll } from "../io/store.js";

/** "PR1" and a line feed, with which a record begins. */
const MAGIC = 0x5052310a;
/** Size of a record's head: magic (4), checksum (4), number (6), length of the key (2), length of the value (4). */
const HEAD_BYTES = 20;
const RECORD_MOST = 1024 * 1024;
/** Files below this size are not written again, octets. */
const SMALL_BYTES = 256 * 1024;

interface Kept {
  number: number;
  key: Buffer;
  value: Buffer;
}

interface Change {
  bytes: Buffer;
  number: number;
  name: string;
  kept: Kept | null;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class RecordFile {
  /** Number of places that could be read in neither file: changes may be lost there. */
  readonly unreadable: number;
  /** Repairs, as lines for people; empty when all was well. */
  readonly notes: readonly string[];
  private readonly paths: readonly string[];
  private files: FileHandle[] = [];
  private readonly records: Map<string, Kept>;
  /** Octets of either file, which are the same, and octets of the records that count. */
  private size = 0;
  private liveBytes = 0;
  private lastNumber: number;
  private waiting: Change[] = [];
  private writing: Promise<void> | null = null;
  private isClosed = false;

  /**
   * @param paths of both files, which are made when they are not there
   * @throws Error when they can be neither read nor written
   */
  constructor(paths: readonly [string, string]) {
    this.paths = paths;
    for (const path of paths) rmSync(path + ".new", { force: true });
    const found = paths.map(readAll);
    this.records = new Map();
    this.lastNumber = 0;
    for (const { kept } of found)
      for (const one of kept) {
        this.lastNumber = Math.max(this.lastNumber, one.number);
        const name = one.key.toString("latin1");
        const other = this.records.get(name);
        if (other === undefined || other.number < one.number) this.records.set(name, one);
      }
    this.unreadable = Math.min(found[0].damaged, found[1].damaged);
    this.notes = this.describe(found);
    // Removals have replaced older records of the other file; now they go.
    for (const [name, one] of this.records) if (one.value.length === 0) this.records.delete(name);
    for (const one of this.records.values()) this.liveBytes += sizeOf(one);
    this.size = found[0].bytes.length;
    const isGood = found[0].isWhole && found[1].isWhole && found[0].bytes.equals(found[1].bytes);
    if (!isGood || (this.size > SMALL_BYTES && this.size > 2 * this.liveBytes)) this.rewrite();
  }

  private describe(found: readonly Read[]): string[] {
    const [first, second] = this.paths;
    if (this.unreadable > 0)
      return [
        first + " and " + second + " are damaged: phones that are missing come back when they register; check the disk",
      ];
    const notes: string[] = [];
    for (const [i, path] of this.paths.entries()) {
      const other = found[1 - i];
      if (!found[i].isThere && other.isThere) notes.push(path + " was missing and was written anew from its copy");
      else if (found[i].damaged > 0) notes.push(path + " was damaged and was mended from its copy; check the disk");
      else if (found[i].last < other.last) notes.push(path + " ended before its copy and was completed from it");
    }
    return notes;
  }

  get(key: Buffer): Buffer | undefined {
    return this.records.get(key.toString("latin1"))?.value;
  }

  *getRange(): Generator<{ key: Buffer; value: Buffer }> {
    for (const { key, value } of this.records.values()) yield { key, value };
  }

  /** @returns when both files have it @throws when one of them did not take it; then neither has it */
  put(key: Buffer, value: Buffer): Promise<void> {
    return this.change(key, value);
  }

  remove(key: Buffer): Promise<void> {
    return this.change(key, Buffer.alloc(0));
  }

  /** Waits until all is written. */
  async close(): Promise<void> {
    this.isClosed = true;
    while (this.writing !== null) await this.writing;
    for (const file of this.files.splice(0)) await file.close();
  }

  private change(key: Buffer, value: Buffer): Promise<void> {
    const number = ++this.lastNumber;
    const kept = value.length === 0 ? null : { number, key, value };
    return new Promise((resolve, reject) => {
      if (this.isClosed) {
        reject(new Error("closed"));
        return;
      }
      this.waiting.push({
        bytes: encode(number, key, value),
        number,
        name: key.toString("latin1"),
        kept,
        resolve,
        reject,
      });
      this.writing ??= this.work();
    });
  }

  /** Writes all changes that wait at once, until none waits. */
  private async work(): Promise<void> {
    // Changes of the same turn are written together.
    await null;
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      const bytes = Buffer.concat(batch.map((one) => one.bytes));
      try {
        if (this.size > SMALL_BYTES && this.size > 2 * this.liveBytes) this.tryRewrite();
        if (this.files.length === 0) this.files = await Promise.all(this.paths.map((path) => open(path, "r+")));
        // A change may be undone only after both files are done with it, well or not.
        const results = await Promise.allSettled(this.files.map((file) => this.append(file, bytes)));
        for (const result of results) if (result.status === "rejected") throw result.reason;
        this.size += bytes.length;
        for (const one of batch) this.keep(one);
        for (const one of batch) one.resolve();
      } catch (error) {
        await this.undo();
        for (const one of batch) one.reject(error);
      }
    }
    this.writing = null;
  }

  private async append(file: FileHandle, bytes: Buffer): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, this.size + done);
      done += bytesWritten;
    }
    await file.datasync();
  }

  /** Takes back what was written of a change that failed, so that it is not found later. */
  private async undo(): Promise<void> {
    for (const file of this.files) await file.truncate(this.size).catch(() => {});
  }

  private keep(one: Change): void {
    const old = this.records.get(one.name);
    if (old !== undefined) this.liveBytes -= sizeOf(old);
    if (one.kept === null) this.records.delete(one.name);
    else {
      this.records.set(one.name, one.kept);
      this.liveBytes += sizeOf(one.kept);
    }
  }

  private tryRewrite(): void {
    try {
      this.rewrite();
    } catch {
      // The old files stay in use as long as there is no room for new ones.
    }
  }

  /**
   * Writes both files again with the records that count; each replaces the old one whole.
   * @throws when the disk does not take it
   */
  private rewrite(): void {
    const all = [...this.records.values()].map((one) => encode(one.number, one.key, one.value));
    // The last number must not be used a second time.
    all.push(encode(this.lastNumber, Buffer.alloc(0), Buffer.alloc(0)));
    const bytes = Buffer.concat(all);
    for (const path of this.paths) writeWhole(path + ".new", bytes);
    for (const file of this.files.splice(0)) file.close().catch(() => {});
    for (const path of this.paths) renameSync(path + ".new", path);
    syncFolder(dirname(this.paths[0]));
    this.size = this.liveBytes = bytes.length;
  }
}

interface Read {
  isThere: boolean;
  bytes: Buffer;
  /** All of the file could be read. */
  isWhole: boolean;
  kept: Kept[];
  /**
   * Number of places where a record should be and none can be read. A record that was cut short at the end, as when the
   * power went, does not count.
   */
  damaged: number;
  /** The highest number of a record, 0 when there is none. */
  last: number;
}

/** @returns all records that can be read in a file */
function readAll(path: string): Read {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return { isThere: false, bytes: Buffer.alloc(0), isWhole: false, kept: [], damaged: 0, last: 0 };
  }
  const kept: Kept[] = [];
  let damaged = 0;
  let isLost = false;
  let isWhole = bytes.length >= HEAD_BYTES;
  let at = 0;
  if (bytes.length < HEAD_BYTES) damaged = 1;
  while (at < bytes.length) {
    const one = decode(bytes, at);
    if (one !== null) {
      kept.push(one);
      at += sizeOf(one);
      isLost = false;
      continue;
    }
    const next = bytes.indexOf("PR1\n", at + 1, "latin1");
    if (!isLost && next >= 0) damaged += 1;
    isLost = true;
    isWhole = false;
    at = next < 0 ? bytes.length : next;
  }
  return {
    isThere: true,
    bytes,
    isWhole,
    kept,
    damaged,
    last: kept.reduce((last, one) => Math.max(last, one.number), 0),
  };
}

/** @returns the record that begins there, null when there is no whole one */
function decode(bytes: Buffer, at: number): Kept | null {
  if (at + HEAD_BYTES > bytes.length || bytes.readUInt32BE(at) !== MAGIC) return null;
  const keyEnd = at + HEAD_BYTES + bytes.readUInt16BE(at + 14);
  const size = bytes.readUInt32BE(at + 16);
  const end = keyEnd + size;
  if (size > RECORD_MOST || end > bytes.length || crc32(bytes, at + 8, end) !== bytes.readUInt32BE(at + 4)) return null;
  return {
    number: bytes.readUIntBE(at + 8, 6),
    key: Buffer.from(bytes.subarray(at + HEAD_BYTES, keyEnd)),
    value: Buffer.from(bytes.subarray(keyEnd, end)),
  };
}

function encode(number: number, key: Buffer, value: Buffer): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + key.length + value.length);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUIntBE(number, 8, 6);
  bytes.writeUInt16BE(key.length, 14);
  bytes.writeUInt32BE(value.length, 16);
  key.copy(bytes, HEAD_BYTES);
  value.copy(bytes, HEAD_BYTES + key.length);
  bytes.writeUInt32BE(crc32(bytes, 8, bytes.length), 4);
  return bytes;
}

function sizeOf(one: Kept): number {
  return HEAD_BYTES + one.key.length + one.value.length;
}

function writeWhole(path: string, bytes: Buffer): void {
  const file = openSync(path, "w", 0o600);
  try {
    ftruncateSync(file, 0);
    writeAll(file, bytes, bytes.length, 0);
    fsyncSync(file);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Writes a folder to the disk, so that the names of files last as well as their content. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let i = 0; i < 8; i++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** @returns the CRC-32 of PNG and Ethernet */
function crc32(bytes: Uint8Array, start: number, end: number): number {
  let c = 0xffffffff;
  for (let i = start; i < end; i++) c = TABLE[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
