/**
 * The connections to a Redis: one that asks, one that listens for changes. They count as ready when the password was
 * taken, the database was selected and a record was written and read back: a Redis that accepts a connection may still
 * refuse all of that, and commands would go to database 0. When it refuses later, or does not answer, it is away until
 * it passes all that again.
 *
 * away --connected--> proving --proved--> ready
 * ^-- error, close, no answer ---|--------|
 *
 * Not here: what is kept there (redis-store.ts).
 */
import { Redis, type RedisOptions } from "ioredis";
import { safe } from "../world/events.js";
import type { RedisPlace } from "./redis-place.js";

/** How long an answer may take, and the time until the next try, ms. */
export interface RedisWaits {
  answerMs: number;
  retryMs: number;
}
export const REDIS_WAITS: RedisWaits = { answerMs: 2000, retryMs: 1000 };
const REASON_MOST = 200;
/** Errors with which Redis refuses everything, not one question alone. */
const REFUSALS = /^(NOAUTH|WRONGPASS|NOPERM|READONLY|OOM|MISCONF|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS)\b/;

export type RedisState = "ready" | "away";

export interface RedisLinkUser {
  /** Tries once everything that the server will do. @throws Error that says what does not work */
  prove(): Promise<void>;
  /** @param reason why it is away, in one line; "" when it is ready. Called once for each change */
  onState(state: RedisState, reason: string): void;
  onMessage(bytes: Buffer): void;
}

export class RedisLink {
  readonly redis: Redis;
  readonly channel: string;
  isReady = false;
  /** Listens for changes: a connection that listens can do nothing else. */
  private readonly ear: Redis;
  private readonly place: RedisPlace;
  private readonly user: RedisLinkUser;
  private readonly waits: RedisWaits;
  /** The state that was told last; "" before the first. */
  private told = "";
  /** Why it is away, if that is known. */
  reason = "";
  private isClosed = false;
  private onTold = (): void => {};

  constructor(place: RedisPlace, channel: string, user: RedisLinkUser, waits: RedisWaits) {
    this.waits = waits;
    this.place = place;
    this.channel = channel;
    this.user = user;
    // No question waits while the server is away, for the phone asks again. The first commands of a connection are sent
    // here, where their errors are seen.
    const options: RedisOptions = {
      host: place.host,
      port: place.port,
      ...(place.isTls ? { tls: {} } : {}),
      protocol: 2,
      enableReadyCheck: false,
      disableClientInfo: true,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: waits.answerMs,
      connectTimeout: waits.answerMs,
      retryStrategy: () => waits.retryMs,
      lazyConnect: true,
    };
    this.redis = new Redis(options);
    this.ear = new Redis(options);
    this.redis.on("error", (error) => this.note(this.reasonOf(error)));
    this.redis.on("ready", () => void this.begin());
    this.redis.on("close", () => this.leave(this.reason || "the connection was closed", true));
    this.ear.on("error", () => {});
    this.ear.on("ready", () => void this.listen());
    this.ear.on("messageBuffer", (_channel: Buffer, bytes: Buffer) => user.onMessage(bytes));
  }

  /**
   * Connects, and waits until it is known whether it is ready, so that the first phones are not refused for nothing.
   */
  async connect(): Promise<void> {
    const told = new Promise<void>((resolve) => {
      this.onTold = resolve;
    });
    for (const connection of [this.redis, this.ear]) connection.connect().catch(() => {});
    // Connecting, selecting and writing may each take their time, but the server starts.
    const late = new Promise<void>((resolve) => setTimeout(resolve, 4 * this.waits.answerMs).unref());
    await Promise.race([told, late]);
  }

  /** @returns the answer of Redis; fails at once while it is away */
  async ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
    if (!this.isReady) throw new Error("away");
    try {
      return await question(this.redis);
    } catch (error) {
      const reason = this.reasonOf(error);
      // The first sign of a failure is enough. A single question that is refused says nothing of the others.
      if (this.isReady && (REFUSALS.test(reason) || isSilence(error))) this.again(reason);
      throw error;
    }
  }

  close(): void {
    this.isClosed = true;
    this.isReady = false;
    this.redis.disconnect();
    this.ear.disconnect();
  }

  private async begin(): Promise<void> {
    const { redis, place } = this;
    try {
      await this.enter(redis);
      // This is not `select`: the library remembers that one and repeats it with each connection, where its failure is
      // not seen.
      await redis.call("SELECT", place.database);
      await this.user.prove();
      // The connection may have been lost in between.
      if (redis.status !== "ready" || this.isClosed) return;
      this.isReady = true;
      this.note("");
      this.tell("ready", "");
    } catch (error) {
      if (!this.isClosed && redis.status === "ready") this.again(this.reasonOf(error));
    }
  }

  private async listen(): Promise<void> {
    try {
      await this.enter(this.ear);
      await this.ear.subscribe(this.channel);
    } catch {
      if (!this.isClosed && this.ear.status === "ready") this.ear.disconnect(true);
    }
  }

  private async enter(connection: Redis): Promise<void> {
    const { user, password } = this.place;
    if (password === "") return;
    if (user === "") await connection.auth(password);
    else await connection.auth(user, password);
  }

  /** Tells the reason, and tries again with a new connection: the name may lead to another server by now. */
  private again(reason: string): void {
    this.note(reason);
    this.leave(reason, false);
    this.redis.disconnect(true);
  }

  private note(reason: string): void {
    this.reason = reason;
  }

  /** @param isLost there is no connection: losing one and then finding none is one failure */
  private leave(reason: string, isLost: boolean): void {
    this.isReady = false;
    if (this.isClosed) return;
    const isSame = isLost && this.told.startsWith("away");
    if (!isSame) this.tell("away", reason);
  }

  private tell(state: RedisState, reason: string): void {
    if (this.told === state + reason) return;
    this.told = state + reason;
    this.onTold();
    this.user.onState(state, reason);
  }

  /** @returns one line for people */
  private reasonOf(error: unknown): string {
    if (isSilence(error)) return "it does not answer within " + this.waits.answerMs + " ms";
    const { message = "", code = "" } = error as NodeJS.ErrnoException;
    const line = (message || code || String(error)).split("\n")[0];
    return safe(line.length > REASON_MOST ? line.slice(0, REASON_MOST) + "…" : line);
  }
}

/** Whether the error says that no answer came in time. */
function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === "Command timed out";
}
