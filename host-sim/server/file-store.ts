/**
 * A location service that outlives the process: in memory, and in files beside it. A change is reported as done when it
 * is on the disk; when that fails, memory goes back to what the disk has. The folder belongs to one process at a time.
 * Not here: how records lie on the disk (record-file.ts); sharing between processes (redis-store.ts).
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { dirname } from "node:path";
import { Span } from "../../src/core/bytes.js";
import {
  Bindings,
  type DayClock,
  LOCATION_AWAY,
  LOCATION_OK,
  type LocationStore,
  type LocationUser,
  type LocationWatcher,
} from "../../src/server/location.js";
import type { MemoryLocation } from "../../src/server/memory.js";
import { bootId, lockFolder } from "./folder-lock.js";
import { RecordFile } from "./record-file.js";

const KEY_BYTES = 32;
/** Keys of records that are no address of record, which has no octet of 0. */
const TOKEN_KEY = Buffer.from("\0key");
const TIME_KEY = Buffer.from("\0time");
/** How often the time is written down, and by how much a clock may be off before that is reported, s. */
const TIME_EACH_S = 60;
const TIME_OFF_MS = 5000;
/** A clock that shows less was never set, ms since 1970. */
const TIME_KNOWN_MS = 1e12;
/** How long after its end a record is dropped, whatever the clock says, s. */
const OLD_S = 2 * 86400;

/** What the owner of the server can do about an error of the disk. */
const ADVICE: Record<string, string> = {
  ENOENT: "there cannot be such a folder: choose another one",
  ENOSPC: "the disk is full: make room there, or choose another folder",
  EDQUOT: "the quota is used up: make room there, or choose another folder",
  EFBIG: "the file may not become longer: raise the limit (ulimit -f), or choose another folder",
  EMFILE: "too many files are open: raise the limit (ulimit -n)",
  ENFILE: "too many files are open on this machine: end other programs",
  EROFS: "the disk cannot be written: choose another folder",
  EACCES: "this user may not write there: choose another folder, or give the user this one",
  EEXIST: "it is a file: choose a folder",
  ENOTDIR: "what it is to lie in is a file: choose another folder",
  EIO: "the disk cannot be read or written: replace it, or choose another folder",
};

/** What is called around an answer that is given later, and when the disk takes nothing more, or takes it again. */
export interface StoreTurn {
  before: () => void;
  after: () => void;
  onState: (state: "ready" | "away", reason: string) => void;
}

export class FileLocation implements LocationStore {
  readonly memory: MemoryLocation;
  /** Number of changes that the disk did not take, and of records on it that could not be read. */
  failures = 0;
  unreadable = 0;
  /** The key of route tokens, which makes them hold after a restart. */
  readonly key: Uint8Array;
  /** Faults that were found and mended at the start, each a line for people. */
  readonly notes: string[] = [];
  private readonly database: RecordFile;
  private readonly unlock: () => void;
  private timeS = 0;
  private readonly clock: DayClock;
  private readonly before: () => void;
  private readonly after: () => void;
  private readonly old = new Bindings();
  private isExpiring = false;
  /** Why the disk did not take the last change; "" if it did. */
  problem = "";
  private readonly onState: StoreTurn["onState"];

  /** @throws Error of one line when the folder cannot be used */
  constructor(folder: string, memory: MemoryLocation, clock: DayClock, turn: StoreTurn) {
    this.memory = memory;
    this.clock = clock;
    this.before = turn.before;
    this.after = turn.after;
    this.onState = turn.onState;
    let unlock = (): void => {};
    try {
      makeFolder(folder);
      unlock = lockFolder(folder);
      this.database = new RecordFile([folder + "/location.log", folder + "/location.copy"]);
      this.key = this.keyIn(folder + "/key");
    } catch (error) {
      unlock();
      throw new Error("--store file:" + folder + ": " + adviceOf(error));
    }
    this.unlock = unlock;
    this.notes.push(...this.database.notes);
    this.unreadable = this.database.unreadable;
    if (existsSync(folder + "/location.mdb"))
      this.notes.push(
        folder + "/location.mdb is of an older version and is not read: phones come back when they register",
      );
    clock.offsetMs += this.readTime() - Date.now();
    this.load();
    memory.addWatcher({
      onBindingsChanged: (aor, list) => {
        if (this.isExpiring) this.write(aor, list).catch((error) => this.fail(error));
      },
    });
  }

  findBindings(aor: Span, user: LocationUser, token: number): boolean {
    return this.memory.findBindings(aor, user, token);
  }

  replaceBindings(aor: Span, list: Bindings, user: LocationUser, token: number): boolean {
    const key = spanOf(copy(aor.bytes, aor.start, aor.end));
    const result = this.memory.putRecord(aor, list);
    if (result !== LOCATION_OK) {
      user.onUpdated(token, result);
      return true;
    }
    this.write(aor, list)
      .then(
        () => {
          this.before();
          user.onUpdated(token, LOCATION_OK);
        },
        (error) => {
          this.before();
          this.fail(error);
          const kept = this.database.get(key.bytes as Buffer) ?? Buffer.alloc(0);
          this.old.openRecord(kept, 0, kept.length, this.clock.nowS());
          this.memory.takeBack(key, this.old);
          user.onUpdated(token, LOCATION_AWAY);
        },
      )
      .finally(this.after);
    return false;
  }

  removeExpired(nowS: number): void {
    if (nowS - this.timeS >= TIME_EACH_S || nowS < this.timeS) {
      this.timeS = nowS;
      this.writeTime(nowS * 1000);
    }
    this.isExpiring = true;
    this.memory.removeExpired(nowS);
    this.isExpiring = false;
  }

  addWatcher(watcher: LocationWatcher): void {
    this.memory.addWatcher(watcher);
  }

  /** Waits until all changes are on the disk. */
  async close(): Promise<void> {
    this.writeTime(this.clock.nowS() * 1000);
    await this.database.close();
    this.unlock();
  }

  private async write(aor: Span, list: Bindings): Promise<void> {
    const key = copy(aor.bytes, aor.start, aor.end);
    if (list.count === 0) await this.database.remove(key);
    else await this.database.put(key, copy(list.bytes, list.start, list.end));
    if (this.problem === "") return;
    this.problem = "";
    this.onState("ready", "");
  }

  private fail(error: unknown): void {
    this.failures += 1;
    if (this.problem !== "") return;
    this.problem = adviceOf(error);
    this.onState("away", this.problem);
  }

  private load(): void {
    const list = new Bindings();
    const nowS = this.clock.nowS();
    for (const { key, value } of this.database.getRange()) {
      if (key[0] === 0) continue;
      const isRecord = list.openRecord(value, 0, value.length, nowS);
      if (!isRecord) this.unreadable += 1;
      else if (list.count === 0 && this.isOld(value, nowS)) this.database.remove(key).catch(() => {});
      else if (list.count > 0 && this.memory.restoreRecord(spanOf(key), list) !== LOCATION_OK) this.failures += 1;
    }
  }

  /**
   * Whether a record expired long ago. One that expired just now may still hold: the machine's clock can be wrong after
   * it was off.
   */
  private isOld(value: Buffer, nowS: number): boolean {
    return this.old.openRecord(value, 0, value.length, nowS - OLD_S) && this.old.count === 0;
  }

  /** @returns the key of route tokens: from the file, and from beside the bindings if the file is lost or changed */
  private keyIn(path: string): Uint8Array {
    const kept = this.database.get(TOKEN_KEY);
    const file = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    const key = kept?.length === KEY_BYTES ? kept : file.length === KEY_BYTES ? file : randomBytes(KEY_BYTES);
    if (!key.equals(file)) {
      if (file.length > 0) this.notes.push(path + " was damaged and was written anew");
      writeFileSync(path, key, { mode: 0o600 });
    }
    if (kept === undefined) this.database.put(TOKEN_KEY, key).catch((error) => this.fail(error));
    return key;
  }

  /** Writes the time down now and then, by which a restart knows how much time has passed. */
  private writeTime(nowMs: number): void {
    if (nowMs < TIME_KNOWN_MS) return;
    const line = JSON.stringify({ wallMs: Math.round(nowMs), upMs: Math.round(uptime() * 1000), boot: bootId() });
    this.database.put(TIME_KEY, Buffer.from(line)).catch((error) => this.fail(error));
  }

  /** @returns ms since 1970 by the machine's clock, unless that was moved back, or moved since the machine started */
  private readTime(): number {
    const wallMs = Date.now();
    let last = { wallMs: 0, upMs: 0, boot: "" };
    try {
      last = JSON.parse(this.database.get(TIME_KEY)?.toString() ?? "");
    } catch {}
    if (typeof last.wallMs !== "number" || typeof last.upMs !== "number") return wallMs;
    const passedMs = uptime() * 1000 - last.upMs;
    const isSameBoot = last.boot !== "" && last.boot === bootId() && passedMs >= 0;
    const expectedMs = isSameBoot ? last.wallMs + passedMs : Math.max(wallMs, last.wallMs);
    if (Math.abs(wallMs - expectedMs) < TIME_OFF_MS) return wallMs;
    const byS = Math.round((wallMs - expectedMs) / 1000);
    this.notes.push("the clock was moved by " + byS + " s: bindings go by the time that has passed");
    return expectedMs;
  }
}

/**
 * Makes a folder and those above it that are missing. The `recursive` of Node 20 never ends where no folder can be
 * made, as below /proc.
 */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw error;
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

/** @returns what the owner can do about an error of the disk */
function adviceOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return ADVICE[code ?? ""] ?? message.split("\n")[0];
}

function copy(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(Uint8Array.prototype.slice.call(bytes, start, end));
}

function spanOf(bytes: Uint8Array): Span {
  const span = new Span();
  span.set(bytes, 0, bytes.length);
  return span;
}
