/**
 * A location service in Redis or Valkey, which several servers share. A record is one key. It is changed by a script
 * that compares its version, so that of two changes at once one has to begin again; all servers hear of each change.
 * They also share a secret, so that each accepts the route tokens of the others. A question or change without an answer
 * in time ends with LOCATION_AWAY.
 * Not here: the connection, and when it counts as ready (redis-link.ts).
 */
import { randomBytes } from "node:crypto";
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
import { REDIS_WAITS, RedisLink, type RedisState, type RedisWaits } from "./redis-link.js";
import type { RedisPlace } from "./redis-place.js";

const PREFIX = "portero:aor:";
const KEY = "portero:key";
const KEY_BYTES = 32;
/**
 * The channel on which the key of a changed record is published. Each database has a channel of its own, for all of
 * them share the names.
 */
const CHANNEL = "portero:changed";
/** Keys that are written to find out whether writing works, and the channel for those. */
const PROOF = "portero:proof:";
/**
 * Life of such a key, s: as long as the shortest registration, which a clock that is off by more than this would lose.
 */
const PROOF_S = 60;
/**
 * KEYS[1] the record; ARGV: version as read, record (empty to remove it), its end in seconds since 1970, the channel.
 */
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
const NEW = Buffer.alloc(4);

export interface RedisEvents {
  /** Called around each answer. */
  before: () => void;
  after: () => void;
  onState: (state: RedisState, reason: string) => void;
  /** Given the secret of all servers each time Redis is ready. */
  onKey: (key: Uint8Array) => void;
}

export class RedisLocation implements LocationStore {
  /** Number of questions that Redis did not answer, or with an error. */
  failures = 0;
  private readonly link: RedisLink;
  private readonly clock: DayClock;
  private readonly before: () => void;
  private readonly after: () => void;
  private readonly onKey: (key: Uint8Array) => void;
  private readonly list = new Bindings();
  private readonly watchers: LocationWatcher[] = [];

  constructor(place: RedisPlace, clock: DayClock, events: RedisEvents, waits: RedisWaits = REDIS_WAITS) {
    const { onState } = events;
    this.clock = clock;
    this.before = events.before;
    this.after = events.after;
    this.onKey = events.onKey;
    const channel = CHANNEL + (place.database === 0 ? "" : ":" + place.database);
    const user = { prove: () => this.prove(), onState, onMessage: (key: Buffer) => this.onChanged(key) };
    this.link = new RedisLink(place, channel, user, waits);
  }

  isReady(): boolean {
    return this.link.isReady;
  }

  /** Why it is not ready, "" when it is. */
  get reason(): string {
    return this.link.reason;
  }

  /** Connects; while Redis is away, it tries again and again. */
  connect(): Promise<void> {
    return this.link.connect();
  }

  /** Does once what each registration does, in the selected database. @throws Error that says what does not work */
  private async prove(): Promise<void> {
    const { redis } = this.link;
    const key = PROOF + randomBytes(8).toString("hex");
    const endS = Math.floor(this.clock.nowS()) + PROOF_S;
    const value = Buffer.from("\0\0\0\x01proof");
    if ((await redis.eval(SWAP, 1, key, NEW, value, endS, PROOF)) !== 1) throw new Error("a record was not taken");
    if ((await redis.getBuffer(key)) === null)
      throw new Error("a record was gone at once: its clock is more than " + PROOF_S + " s ahead of this machine's");
    this.onKey(await this.key());
  }

  /** @returns the secret of all servers at this Redis; the first one makes it */
  private async key(): Promise<Uint8Array> {
    const { redis } = this.link;
    await redis.set(KEY, randomBytes(KEY_BYTES), "NX");
    const key = await redis.getBuffer(KEY);
    if (key === null || key.length !== KEY_BYTES) throw new Error(KEY + " in it is no key of ours");
    return key;
  }

  findBindings(aor: Span, user: LocationUser, token: number): boolean {
    const key = keyOf(aor);
    this.link
      .ask((redis) => redis.getBuffer(key))
      .then(
        (value) => {
          this.before();
          const isRecord = value !== null && this.list.openRecord(value, 0, value.length, this.clock.nowS());
          if (!isRecord) this.list.openNone();
          // A value that is no record of ours is left alone.
          const isForeign = value !== null && !isRecord;
          if (isForeign) this.failures += 1;
          user.onBindings(token, isForeign ? LOCATION_AWAY : LOCATION_OK, this.list);
          this.after();
        },
        () => {
          this.before();
          this.failures += 1;
          this.list.openNone();
          user.onBindings(token, LOCATION_AWAY, this.list);
          this.after();
        },
      );
    return false;
  }

  replaceBindings(aor: Span, list: Bindings, user: LocationUser, token: number): boolean {
    const key = keyOf(aor);
    const version = Buffer.alloc(4);
    version.writeUInt32BE(list.version);
    const value = list.count === 0 ? Buffer.alloc(0) : Buffer.from(list.bytes.slice(list.start, list.end));
    let latestS = 0;
    for (let more = list.first(); more; more = list.next()) latestS = Math.max(latestS, list.expiresS);
    const { link } = this;
    link
      .ask((redis) => redis.eval(SWAP, 1, key, version, value, latestS, link.channel))
      .then(
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

  /** Redis removes expired records itself. */
  removeExpired(): void {}

  addWatcher(watcher: LocationWatcher): void {
    this.watchers.push(watcher);
  }

  async close(): Promise<void> {
    this.link.close();
  }

  /** A server, perhaps this one, changed a record: the watchers are told its bindings of now. */
  private onChanged(key: Buffer): void {
    if (this.watchers.length === 0 || !key.toString("latin1").startsWith(PREFIX)) return;
    this.link
      .ask((redis) => redis.getBuffer(key))
      .then(
        (value) => {
          const list = new Bindings();
          const aor = new Span();
          aor.set(key, PREFIX.length, key.length);
          if (value !== null) list.openRecord(value, 0, value.length, this.clock.nowS());
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
