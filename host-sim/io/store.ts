/**
 * Keeps texts by key over a restart, in one JSON file or in memory. A file is replaced as a whole by a rename, so a
 * crash leaves the old one or the new one. Also makes the one line about a file that cannot be used. Not here: the
 * meaning of the texts.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Store } from "../../hal/device.js";
import { PART_BYTES } from "../../src/settings/record.js";

const PIECE_BYTES = 65_536;

/** Takes texts in parts, as a board's flash does. */
export class MemoryStore implements Store {
  readonly partBytes = PART_BYTES;
  private readonly texts = new Map<string, string>();

  read(key: string): string | null {
    return this.texts.get(key) ?? null;
  }

  write(key: string, value: string): void {
    this.texts.set(key, value);
  }
}

/** A part of a store with keys of its own. */
export class PartOfStore implements Store {
  private readonly store: Store;
  private readonly prefix: string;

  constructor(store: Store, prefix: string) {
    this.store = store;
    this.prefix = prefix;
  }

  read(key: string): string | null {
    return this.store.read(this.prefix + key);
  }

  write(key: string, value: string): void {
    this.store.write(this.prefix + key, value);
  }
}

export class FileStore implements Store {
  private readonly path: string;
  private readonly texts: Map<string, string>;

  /**
   * Reads the file; one that does not exist is empty, but its folder has to be there. @throws Error of one line if it
   * cannot be read, is not a store, or could never be written
   */
  constructor(path: string) {
    this.path = path;
    this.texts = load(path);
  }

  read(key: string): string | null {
    return this.texts.get(key) ?? null;
  }

  /** @throws Error of one line if it cannot be written; the file is as before then */
  write(key: string, value: string): void {
    const texts = new Map(this.texts).set(key, value);
    const fresh = this.path + ".new";
    try {
      const file = openSync(fresh, "w", 0o600);
      try {
        const bytes = Buffer.from(JSON.stringify(Object.fromEntries(texts), null, 2) + "\n");
        writeAll(file, bytes, bytes.length);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(fresh, this.path);
    } catch (error) {
      discard(fresh);
      throw fileError("write", this.path, error);
    }
    this.texts.set(key, value);
  }
}

/**
 * Writes all octets: a disk that has room for a part of them takes that part without an error.
 * @param at the place in the file; null: where the file stands @throws as writeSync
 */
export function writeAll(file: number, bytes: Uint8Array, length: number, at: number | null = null): void {
  for (let done = 0; done < length; )
    done += writeSync(file, bytes, done, length - done, at === null ? null : at + done);
}

/** Many times the size of a door's settings. */
const STORE_BYTES = 4_000_000;

function load(path: string): Map<string, string> {
  if (!existsSync(path)) {
    checkFolder(path);
    return new Map();
  }
  const content = Buffer.from(readAtMost(path, STORE_BYTES, "is no file of saved settings")).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    value = null;
  }
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const entries = isObject ? Object.entries(value as object) : [];
  if (!isObject || entries.some((entry) => typeof entry[1] !== "string")) {
    throw new Error(path + " is not a file of saved settings");
  }
  return new Map(entries as [string, string][]);
}

/** Checks that there is a folder for a file that is written later. @throws Error of one line */
export function checkFolder(path: string): void {
  try {
    // The slash makes the name of anything but a folder an error.
    statSync(dirname(path) + "/");
  } catch (error) {
    throw fileError("write", path, error);
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The file was never made.
  }
}

/**
 * Reads a whole file, if it is not larger than `most`. @param otherwise the message about a larger one
 * @throws Error of one line
 */
export function readAtMost(path: string, most: number, otherwise: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    const file = openSync(path, "r");
    try {
      for (let count = -1; count !== 0 && size <= most; size += count) {
        const piece = new Uint8Array(PIECE_BYTES);
        count = readSync(file, piece, 0, piece.length, null);
        pieces.push(piece.subarray(0, count));
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
  if (size > most) throw new Error(`${path}: is larger than ${most} octets: that ${otherwise}`);
  return Buffer.concat(pieces);
}

/** @param verb "read" or "write" @returns an Error of one line for people */
export function fileError(verb: string, path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  let why = code;
  if (code === "ENOENT") why = "no such file or directory";
  else if (code === "EACCES" || code === "EPERM") why = "not permitted";
  else if (code === "EISDIR") why = "it is a directory";
  else if (code === "ENOSPC" || code === "EDQUOT") why = "the disk is full";
  else if (code === "EFBIG") why = "the file may not become longer (ulimit -f)";
  else if (code === "EMFILE" || code === "ENFILE") why = "too many files are open (ulimit -n)";
  else if (code === "EROFS") why = "the disk is read-only";
  else if (code === "ENOTDIR") why = "what it is to lie in is no directory";
  else if (code === "ENAMETOOLONG") why = "the name is too long";
  return new Error("cannot " + verb + " " + path + ": " + why);
}
