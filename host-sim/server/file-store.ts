/**
 * A location service that outlives the process: in memory, and in an LMDB database beside it. A change is told to be done when the
 * database has synced it to the disk; when that fails, memory goes back to what the disk has.
 * Not here: sharing between processes (redis-store.ts).
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
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

const KEY_BYTES = 32;

export class FileLocation implements LocationStore {
  readonly memory: MemoryLocation;
  /** Changes the disk did not take, and records in it that could not be read. */
  failures = 0;
  unreadable = 0;
  /** By which marks are known after a restart too. */
  readonly key: Uint8Array;
  private readonly database: RootDatabase<Buffer, Buffer>;
  private readonly clock: DayClock;
  private readonly before: () => void;
  private readonly after: () => void;
  private readonly old = new Bindings();
  private isExpiring = false;

  /** @param before @param after called around an answer that is given later @throws Error of one line when the folder cannot be used */
  constructor(folder: string, memory: MemoryLocation, clock: DayClock, before: () => void, after: () => void) {
    this.memory = memory;
    this.clock = clock;
    this.before = before;
    this.after = after;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.database = open<Buffer, Buffer>({
        path: folder + "/location.mdb",
        encoding: "binary",
        keyEncoding: "binary",
        // Else a change would be told done before it is on the disk.
        overlappingSync: false,
      });
      this.key = keyIn(folder + "/key");
    } catch (error) {
      throw new Error("--store file:" + folder + ": " + (error as Error).message.split("\n")[0]);
    }
    this.load();
    memory.watch({
      onBindingsChanged: (aor, list) => {
        if (this.isExpiring) this.write(aor, list).catch(() => this.fail());
      },
    });
  }

  bindings(aor: Span, user: LocationUser, token: number): boolean {
    return this.memory.bindings(aor, user, token);
  }

  update(aor: Span, list: Bindings, user: LocationUser, token: number): boolean {
    const key = spanOf(copy(aor.bytes, aor.start, aor.end));
    const result = this.memory.put(aor, list);
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
        () => {
          this.before();
          this.fail();
          const kept = this.database.get(key.bytes as Buffer) ?? Buffer.alloc(0);
          this.old.open(kept, 0, kept.length, this.clock.nowS());
          this.memory.restore(key, this.old);
          user.onUpdated(token, LOCATION_AWAY);
        },
      )
      .finally(this.after);
    return false;
  }

  expire(nowS: number): void {
    this.isExpiring = true;
    this.memory.expire(nowS);
    this.isExpiring = false;
  }

  watch(watcher: LocationWatcher): void {
    this.memory.watch(watcher);
  }

  /** Waits until all changes are on the disk. */
  async close(): Promise<void> {
    await this.database.close();
  }

  private async write(aor: Span, list: Bindings): Promise<void> {
    const key = copy(aor.bytes, aor.start, aor.end);
    if (list.count === 0) await this.database.remove(key);
    else await this.database.put(key, copy(list.bytes, list.start, list.end));
  }

  private fail(): void {
    this.failures += 1;
  }

  private load(): void {
    const list = new Bindings();
    for (const { key, value } of this.database.getRange()) {
      const isRecord = list.open(value, 0, value.length, this.clock.nowS());
      if (!isRecord) this.unreadable += 1;
      else if (list.count > 0 && this.memory.restore(spanOf(key), list) !== LOCATION_OK) this.failures += 1;
    }
  }
}

function copy(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(Uint8Array.prototype.slice.call(bytes, start, end));
}

function spanOf(bytes: Uint8Array): Span {
  const span = new Span();
  span.set(bytes, 0, bytes.length);
  return span;
}

/** The key in a file, which is made when there is none. */
function keyIn(path: string): Uint8Array {
  if (!existsSync(path)) writeFileSync(path, randomBytes(KEY_BYTES), { mode: 0o600, flag: "wx" });
  const key = readFileSync(path);
  if (key.length !== KEY_BYTES)
    throw new Error(path + " must have " + KEY_BYTES + " octets; without it a new one is made");
  return key;
}
