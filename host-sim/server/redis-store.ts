/**
 * A location service in Redis or Valkey, which several servers share. A record is one key; it is changed by a script that compares its
 * version, so that of two changes at once one is told to begin anew, and all servers are told of it. They share a key as well, so that
 * one knows the marks of another. What cannot be asked or kept in time is answered LOCATION_AWAY.
 */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { Span } from "../../src/core/bytes.js";
import {
  Bindings,
  type DayClock,
  LOCATION_AWAY,
  LOCATION_CONFLICT,
  LOCATION_OK,
  type LocationStore,
  type LocationUser,
  type LocationWatcher,
} from "../../src/server/location.js";

const PREFIX = "portero:aor:";
const KEY = "portero:key";
const KEY_BYTES = 32;
/** Where the key of a record that was changed is told. */
const CHANNEL = "portero:changed";
/** How long an answer may take, ms. */
const ANSWER_MS = 2000;
const RETRY_MS = 1000;
/** KEYS[1] the record; ARGV: version as read, record (empty to remove it), its end in seconds since 1970, the channel. */
const SWAP = `
local old = redis.call('GET', KEYS[1])
local version = string.rep('\\0', 4)
if old then version = string.sub(old, 1, 4) end
if version ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2])
  redis.call('EXPIREAT', KEYS[1], ARGV[3])
end
redis.call('PUBLISH', ARGV[4], KEYS[1])
return 1`;

export class RedisLocation implements LocationStore {
  /** Questions that Redis did not answer, or with an error. */
  failures = 0;
  private readonly redis: Redis;
  /** Hears of changes: a connection that listens can do nothing else. */
  private readonly ear: Redis;
  private readonly clock: DayClock;
  private readonly before: () => void;
  private readonly after: () => void;
  private readonly list = new Bindings();
  private readonly watchers: LocationWatcher[] = [];

  /** @param before @param after called around each answer @param onKey given the servers' key each time Redis is ready */
  constructor(
    url: string,
    clock: DayClock,
    before: () => void,
    after: () => void,
    onState: (state: string) => void,
    onKey: (key: Uint8Array) => void,
  ) {
    this.clock = clock;
    this.before = before;
    this.after = after;
    // Nothing waits for a server that is away: the phone asks again.
    this.redis = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: ANSWER_MS,
      connectTimeout: ANSWER_MS,
      retryStrategy: () => RETRY_MS,
      lazyConnect: true,
    });
    this.ear = this.redis.duplicate();
    for (const connection of [this.redis, this.ear]) connection.on("error", () => {});
    this.redis.on("ready", () => {
      onState("ready");
      this.key().then(onKey, () => {
        this.failures += 1;
      });
    });
    this.redis.on("close", () => onState("away"));
    this.ear.on("ready", () => {
      this.ear.subscribe(CHANNEL).catch(() => {
        this.failures += 1;
      });
    });
    this.ear.on("messageBuffer", (_channel: Buffer, key: Buffer) => this.onChanged(key));
  }

  isReady(): boolean {
    return this.redis.status === "ready";
  }

  /** Connects; when Redis is away, it is tried again and again. */
  async connect(): Promise<void> {
    await Promise.all([this.redis, this.ear].map((connection) => connection.connect().catch(() => {})));
  }

  /** The key of all servers at this Redis; whoever comes first makes it. */
  private async key(): Promise<Uint8Array> {
    await this.redis.set(KEY, randomBytes(KEY_BYTES), "NX");
    const key = await this.redis.getBuffer(KEY);
    if (key === null || key.length !== KEY_BYTES) throw new Error(KEY + " in Redis is no key of ours");
    return key;
  }

  bindings(aor: Span, user: LocationUser, token: number): boolean {
    this.redis.getBuffer(keyOf(aor)).then(
      (value) => {
        this.before();
        const isRecord = value !== null && this.list.open(value, 0, value.length, this.clock.nowS());
        if (!isRecord) this.list.close();
        // A value that is no record of ours is left alone.
        const isForeign = value !== null && !isRecord;
        if (isForeign) this.failures += 1;
        user.onBindings(token, isForeign ? LOCATION_AWAY : LOCATION_OK, this.list);
        this.after();
      },
      () => {
        this.before();
        this.failures += 1;
        this.list.close();
        user.onBindings(token, LOCATION_AWAY, this.list);
        this.after();
      },
    );
    return false;
  }

  update(aor: Span, list: Bindings, user: LocationUser, token: number): boolean {
    const version = Buffer.alloc(4);
    version.writeUInt32BE(list.version);
    const value = list.count === 0 ? Buffer.alloc(0) : Buffer.from(list.bytes.slice(list.start, list.end));
    let latestS = 0;
    for (let more = list.first(); more; more = list.next()) latestS = Math.max(latestS, list.expiresS);
    this.redis.eval(SWAP, 1, keyOf(aor), version, value, latestS, CHANNEL).then(
      (result) => {
        this.before();
        user.onUpdated(token, result === 1 ? LOCATION_OK : LOCATION_CONFLICT);
        this.after();
      },
      () => {
        this.before();
        this.failures += 1;
        user.onUpdated(token, LOCATION_AWAY);
        this.after();
      },
    );
    return false;
  }

  /** Redis does it itself. */
  expire(): void {}

  watch(watcher: LocationWatcher): void {
    this.watchers.push(watcher);
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    this.ear.disconnect();
  }

  /** A server, perhaps this one, changed a record: it is told as it is now. */
  private onChanged(key: Buffer): void {
    if (this.watchers.length === 0) return;
    this.redis.getBuffer(key).then(
      (value) => {
        const list = new Bindings();
        const aor = new Span();
        aor.set(key, PREFIX.length, key.length);
        if (value !== null) list.open(value, 0, value.length, this.clock.nowS());
        for (const watcher of this.watchers) watcher.onBindingsChanged(aor, list);
      },
      () => {
        this.failures += 1;
      },
    );
  }
}

function keyOf(aor: Span): Buffer {
  return Buffer.concat([Buffer.from(PREFIX), Uint8Array.prototype.slice.call(aor.bytes, aor.start, aor.end)]);
}
