/**
 * A server on this machine: it joins the core's server roles to sockets, the clock, the users' file and a store.
 * Not here: the command line (cli.ts), status over HTTP (http.ts).
 */
import { statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { performance } from "node:perf_hooks";
import { ipv4 } from "../../src/core/address.js";
import { NONE, octets } from "../../src/core/bytes.js";
import type { RandomSource } from "../../src/core/random.js";
import { Timers } from "../../src/core/timers.js";
import { Admission } from "../../src/server/admission.js";
import {
  AUTHENTICATOR_DEFAULTS,
  type AuthCounters,
  Authenticator,
  type AuthWatcher,
} from "../../src/server/authenticator.js";
import { Domains } from "../../src/server/domains.js";
import { FlowPath } from "../../src/server/flowpath.js";
import { Guard } from "../../src/server/guard.js";
import { DayClock, type LocationStore, type LocationWatcher } from "../../src/server/location.js";
import { MemoryLocation } from "../../src/server/memory.js";
import { NumberPlan } from "../../src/server/numberplan.js";
import { Overload } from "../../src/server/overload.js";
import { Places } from "../../src/server/places.js";
import { type CallWatcher, PROXY_DEFAULTS, proxyTimers, StatefulProxy } from "../../src/server/proxy.js";
import { Redirect } from "../../src/server/redirect.js";
import { Registrar } from "../../src/server/registrar.js";
import { RouteTokens } from "../../src/server/routetoken.js";
import { Server } from "../../src/server/server.js";
import { SHARE_DIALOG, SHARE_KNOWN, SHARE_STRANGER } from "../../src/server/shares.js";
import { StatelessProxy } from "../../src/server/stateless.js";
import { Targets } from "../../src/server/targets.js";
import type { UserTable } from "../../src/server/users.js";
import { withdraw } from "../../src/server/withdrawal.js";
import { TransactionLayer, transactionTimers } from "../../src/transaction/layer.js";
import type { TransactionLimits } from "../../src/transaction/transport.js";
import { keylogOf } from "../io/keylog.js";
import { SecureRandom } from "../io/random.js";
import { Certificates } from "../io/tlslistener.js";
import { FileLocation } from "./file-store.js";
import type { ServerOptions } from "./options.js";
import type { RedisState } from "./redis-link.js";
import { RedisLocation } from "./redis-store.js";
import { machineSources, Sockets } from "./sockets.js";
import { readUsers, tableOf, type UserLine } from "./users-file.js";

/** The longest message, octets: the Vias and Routes of several proxies, and a description with many codecs. */
const MESSAGE_BYTES = 8192;
const RECORD_BYTES = 16384;
/** Chunks of memory that a record of one contact usually takes. */
const CHUNKS_A_BINDING = 4;
/** Number of requests that may wait for a store at once. */
const JOBS = 1024;
/** Number of TCP connections, and how many of them are kept for those that the server opens. */
const STREAMS = 512;
const STREAMS_OWN = 64;
/** Number of addresses, of users, and of pairs of both, whose wrong passwords are counted separately. */
const GUARDED = 16_384;
const SWEEP_MS = 1000;
/** A phone that promised keep-alives may be silent for so many times the time between two of them. */
const SILENT_PART = 1.5;
/** The longest sleep, ms. */
const SLEEP_MAX_MS = 60_000;

export class Host {
  readonly layer: TransactionLayer;
  readonly registrar: Registrar;
  readonly auth: Authenticator;
  readonly memory: MemoryLocation;
  readonly overload: Overload;
  private readonly gateOverload: Overload | null = null;
  readonly server = new Server();
  readonly clock: DayClock;
  readonly sockets: Sockets;
  users = 0;
  /** Domains of ours without users, and domains of users that are not ours: one may be a misspelling of the other. */
  emptyDomains: readonly string[] = [];
  otherDomains: readonly string[] = [];
  readonly options: ServerOptions;
  readonly startedMs = performance.now();
  /** The store outside of this process: `file` or `redis`, or neither. */
  readonly file: FileLocation | null = null;
  readonly redis: RedisLocation | null = null;
  /** Faults of the store that were found and mended, each a line for people. */
  readonly notes: readonly string[] = [];
  /** One of `redirect`, `proxy` and `stateless` is there, or none, by the mode. */
  readonly redirect: Redirect | null = null;
  readonly proxy: StatefulProxy | null = null;
  readonly stateless: StatelessProxy | null = null;
  /** Checks passwords for the stateless proxy, which cannot count nonces. */
  private readonly gate: Authenticator | null = null;
  private readonly guard: Guard;
  private readonly targets: Targets | null = null;
  private readonly routeTokens: RouteTokens;
  private readonly store: LocationStore;
  private readonly random: RandomSource;
  private table: UserTable;
  private readonly timers: Timers;
  private wake: NodeJS.Timeout | undefined;
  private wakeMs = Infinity;
  /** Told of each handshake of TLS that failed. */
  onHandshakeFailed: (address: string, reason: string) => void = () => {};
  private handshakesFailed = 0;
  private tickMs = 0;
  private sweep: NodeJS.Timeout | undefined;

  /** @param onState told when the store becomes ready or is away @throws Error of one line */
  constructor(options: ServerOptions, onState: (state: RedisState, reason: string) => void) {
    this.options = options;
    const table = this.tableOfUsers(readUsers(options.users));
    this.table = table;
    const random = new SecureRandom();
    this.random = random;
    const limits: TransactionLimits = {
      clients: options.transactions,
      servers: options.transactions,
      transactionBytes: MESSAGE_BYTES,
      headerRows: 256,
      streams: STREAMS,
      incoming: STREAMS - STREAMS_OWN,
      messageBytes: MESSAGE_BYTES,
      names: 256,
      t1Ms: 500,
      t2Ms: 4000,
      t4Ms: 5000,
    };
    this.timers = new Timers(transactionTimers(limits) + proxyTimers(limits));
    this.clock = new DayClock(this.timers);
    this.tickMs = performance.now();
    this.clock.offsetMs = Date.now() - this.tickMs;
    this.tick();
    const keylog = options.keylog === "" ? undefined : keylogOf(options.keylog);
    this.sockets = new Sockets(machineSources(random, STREAMS, keylog), random);
    if (options.tls.pairs.length > 0) this.sockets.certificates = new Certificates(options.tls);
    this.sockets.ca = options.tls.ca;
    this.sockets.onHandshakeFailed = (address, reason) => {
      this.handshakesFailed += 1;
      this.onHandshakeFailed(address, reason);
    };
    this.layer = new TransactionLayer({ timers: this.timers, random, network: this.sockets, limits }, this.server);
    this.layer.answersBindings = true;
    this.routeTokens = new RouteTokens(random, this.clock);
    const before = (): void => this.tick();
    const after = (): void => this.arm();
    this.memory = new MemoryLocation(this.clock, {
      chunks: options.redis !== null ? 1 : options.bindings * CHUNKS_A_BINDING,
      recordBytes: RECORD_BYTES,
    });
    if (options.store.startsWith("file:"))
      this.file = new FileLocation(options.store.slice(5), this.memory, this.clock, { before, after, onState });
    else if (options.redis !== null)
      this.redis = new RedisLocation(options.redis, this.clock, {
        before,
        after,
        onState,
        onKey: (key) => this.routeTokens.setKey(key),
      });
    // With the same key, calls go on after a restart, or through the server that takes over from one that is gone.
    if (this.file !== null) {
      this.routeTokens.setKey(this.file.key);
      this.notes = this.file.notes;
    }
    this.store = this.file ?? this.redis ?? this.memory;
    this.guard = new Guard(random, GUARDED, options.trusted);
    const auth = { ...AUTHENTICATOR_DEFAULTS, algorithms: options.digest, nonces: 65536, guard: this.guard };
    this.auth = new Authenticator(this.timers, random, table, auth);
    this.overload = new Overload(this.auth);
    this.server.overload = this.overload;
    const places = new Places(this.layer, options.trusted);
    places.isAny = options.anyContacts;
    places.broadcasts = broadcasts();
    this.sockets.isAllowed = (ip, port) => places.allowsAddress(ip, port);
    this.registrar = new Registrar(this.layer, this.clock, random, {
      auth: this.auth,
      store: this.store,
      places,
      domains: options.domains.map(octets),
      contacts: options.contacts,
      recordBytes: RECORD_BYTES - 256,
      jobs: JOBS,
      // Only a store that other servers change too asks for a request to be read again.
      jobBytes: this.redis !== null ? MESSAGE_BYTES : 0,
      ...(this.redis === null ? {} : { flowPath: new FlowPath(this.layer, this.routeTokens) }),
      flowTimerS: options.mode === "proxy" ? options.flowTimerS : 0,
      serviceRoute: options.serviceRoute === "" ? NONE : octets(routeOf(options.serviceRoute)),
      minS: options.minExpiresS,
      defaultS: Math.min(3600, options.maxExpiresS),
      maxS: options.maxExpiresS,
    });
    this.server.registrar = this.registrar;
    const domains = options.domains.map(octets);
    if (options.mode === "redirect")
      this.redirect = new Redirect(this.layer, this.store, table, {
        auth: this.auth,
        domains,
        jobs: JOBS,
        isClosed: !options.strangers,
        trusted: options.trusted,
      });
    if (options.mode === "proxy") {
      const ourDomains = new Domains(this.layer, domains);
      const numbers = new NumberPlan(options.numbers);
      this.targets = new Targets(this.layer, ourDomains, { users: table, plan: numbers, node: this.registrar.node });
      if (options.stateless) this.gate = new Authenticator(this.timers, random, table, { ...auth, isOnce: false });
      const checking = this.gate ?? this.auth;
      const { layer, targets, routeTokens } = this;
      const admission = new Admission(layer, random, {
        auth: checking,
        domains: ourDomains,
        targets,
        routeTokens,
        trusted: options.trusted,
        isClosed: !options.strangers,
        places,
      });
      if (options.stateless) {
        const { registrar, store } = this;
        this.stateless = new StatelessProxy(layer, random, admission, {
          store,
          registrar,
          isRecording: options.recordRoute,
        });
        layer.bypass = this.stateless;
      } else
        this.proxy = new StatefulProxy(layer, random, admission, {
          store: this.store,
          ...PROXY_DEFAULTS,
          isRecording: options.recordRoute,
          isRecursing: options.recurse,
          ringMs: options.ringS * 1000,
          kept: Math.min(JOBS, options.transactions),
        });
    }
    this.server.next = this.redirect ?? this.proxy;
    this.server.judge = this.proxy?.admission ?? null;
    if (this.stateless !== null && this.gate !== null)
      this.stateless.overload = this.gateOverload = new Overload(this.gate);
    this.server.layer = this.layer;
    this.sockets.layer = this.layer;
    this.sockets.overloads = this.gateOverload === null ? [this.overload] : [this.overload, this.gateOverload];
    this.sockets.brakeMs = options.brakeUs / 1000;
    this.sockets.before = before;
    this.sockets.after = after;
  }

  /** @throws Error of one line when a port cannot be had */
  async start(localIp: number): Promise<void> {
    await this.redis?.connect();
    await this.sockets.open(this.options.listen);
    this.layer.setLocal(localIp, this.sockets.udpPort, this.sockets.tcpPort);
    this.sweep = setInterval(() => {
      this.tick();
      this.store.removeExpired(this.clock.nowS());
      this.layer.transport.closeUnused(this.options.flowTimerS * SILENT_PART * 1000);
      this.arm();
    }, SWEEP_MS);
  }

  /**
   * Reads the users and the certificates again. Transactions and connections stay, and so do bindings, but for those of
   * users who are gone or have another password.
   * @throws Error of one line; then the users stay as they were
   */
  reload(): void {
    const all = readUsers(this.options.users);
    if (all.length === 0 && this.users > 0 && statSync(this.options.users).size === 0)
      throw new Error(this.options.users + " is empty, so the old users stay; 'user remove' takes out single ones");
    this.sockets.certificates?.reload();
    const before = this.table;
    const table = this.tableOfUsers(all);
    this.table = table;
    this.auth.setUsers(table);
    this.redirect?.setUsers(table);
    this.targets?.setUsers(table);
    this.gate?.setUsers(table);
    this.tick();
    withdraw(before, table, this.store, this.random);
    this.arm();
  }

  /** Adds a watcher of changes of the location service, also of those that other servers make. */
  watch(watcher: LocationWatcher): void {
    this.store.addWatcher(watcher);
  }

  /** Sets the watcher of wrong passwords, whichever way they come. */
  watchPasswords(watcher: AuthWatcher): void {
    this.auth.watcher = watcher;
    if (this.gate !== null) this.gate.watcher = watcher;
  }

  /** Sets the watcher of calls, in whichever mode. */
  watchCalls(watcher: CallWatcher): void {
    if (this.proxy !== null) this.proxy.watcher = watcher;
    if (this.stateless !== null) this.stateless.watcher = watcher;
    if (this.redirect !== null) this.redirect.watcher = watcher;
  }

  /** Ends the server after all that is being written is written. */
  async stop(): Promise<void> {
    clearInterval(this.sweep);
    clearTimeout(this.wake);
    this.sockets.close();
    await this.file?.close();
    await this.redis?.close();
  }

  /** @returns numbers for people and for Prometheus, by name */
  numbers(): Record<string, number> {
    const { counters } = this.layer;
    const memory = this.redis === null ? this.memory : null;
    return {
      users: this.users,
      ...(memory === null
        ? { redis_ready: this.redis?.isReady() === true ? 1 : 0 }
        : { records: memory.records, bindings: memory.total, location_chunks_free: memory.freeChunks() }),
      transactions_client: this.layer.clients.used(),
      transactions_server: this.layer.servers.used(),
      transactions_server_highwater: this.layer.servers.highWater,
      registrations_waiting: this.registrar.waiting(),
      registrations_changed_total: this.registrar.counters.changed,
      registrations_queried_total: this.registrar.counters.queried,
      registrations_refused_total: this.registrar.counters.refused,
      registrations_failed_total: this.registrar.counters.failed,
      registrations_conflicts_total: this.registrar.counters.conflicts,
      ...(this.redirect === null
        ? {}
        : {
            redirects_total: this.redirect.counters.redirected,
            redirects_refused_total: this.redirect.counters.refused,
            redirects_failed_total: this.redirect.counters.failed,
          }),
      ...(this.stateless === null
        ? {}
        : {
            proxy_forwarded_total: this.stateless.counters.forwarded,
            proxy_refused_total: this.stateless.counters.answered,
            proxy_dropped_total: this.stateless.counters.dropped,
          }),
      ...(this.proxy === null
        ? {}
        : {
            proxy_forwarded_total: this.proxy.counters.forwarded,
            proxy_followed_total: this.proxy.counters.followed,
            proxy_refused_total: this.proxy.counters.refused,
            proxy_looped_total: this.proxy.counters.looped,
            proxy_expired_total: this.proxy.counters.expired,
            proxy_failed_total: this.proxy.counters.failed,
            proxy_dropped_total: this.proxy.counters.dropped,
            proxy_flows_lost_total: this.proxy.counters.flowsLost,
            proxy_kept: this.proxy.contexts.usedBuffers(),
            transactions_strangers: this.proxy.shares.countHeld(SHARE_STRANGER),
            transactions_strangers_room: this.proxy.shares.mostOf(SHARE_STRANGER),
            transactions_dialogs: this.proxy.shares.countHeld(SHARE_DIALOG),
            transactions_dialogs_room: this.proxy.shares.mostOf(SHARE_DIALOG),
            strangers_refused_total: this.proxy.shares.refused[SHARE_STRANGER],
            dialogs_refused_total: this.proxy.shares.refused[SHARE_DIALOG],
            known_refused_total: this.proxy.shares.refused[SHARE_KNOWN],
          }),
      store_failures_total: (this.file?.failures ?? 0) + (this.redis?.failures ?? 0),
      store_unreadable_total: this.file?.unreadable ?? 0,
      wait_ms: Math.round(this.overload.waitMs),
      requests_shed_total: this.overload.shed + (this.gateOverload?.shed ?? 0),
      auth_challenged_total: this.authenticated((counters) => counters.challenged),
      auth_accepted_total: this.authenticated((counters) => counters.accepted),
      auth_refused_total: this.authenticated((counters) => counters.refused),
      auth_stale_total: this.authenticated((counters) => counters.stale),
      auth_locked_total: this.authenticated((counters) => counters.locked),
      auth_guessing_addresses: this.guard.countGuessing(this.timers.nowMs),
      tls_handshakes_failed_total: this.handshakesFailed,
      messages_received_total: counters.received,
      messages_sent_total: counters.sent,
      messages_malformed_total: counters.malformed,
      messages_dropped_total: counters.dropped,
      messages_repeated_total: counters.repeated,
      messages_refused_total: counters.refused,
      messages_failed_total: counters.failed,
      memory_resident_bytes: process.memoryUsage.rss(),
    };
  }

  /** @returns a counter summed over all authenticators */
  private authenticated(of: (counters: AuthCounters) => number): number {
    return of(this.auth.counters) + (this.gate === null ? 0 : of(this.gate.counters));
  }

  private tableOfUsers(all: readonly UserLine[]): ReturnType<typeof tableOf> {
    const { domains } = this.options;
    const users = all.filter((user) => domains.includes(user.domain));
    this.users = users.length;
    this.emptyDomains = domains.filter((domain) => !all.some((user) => user.domain === domain));
    this.otherDomains = [...new Set(all.map((user) => user.domain))].filter((domain) => !domains.includes(domain));
    return tableOf(users, this.options.domains);
  }

  /** Sets the time and runs what is due; called before anything that comes. */
  private tick(): void {
    const nowMs = performance.now();
    this.followClock(nowMs);
    this.timers.poll(nowMs);
  }

  /**
   * Moves the time of day, which runs by itself, towards the machine's clock by a hundredth of the time that passes,
   * whatever the machine's clock was set to.
   */
  private followClock(nowMs: number): void {
    const offMs = Date.now() - (nowMs + this.clock.offsetMs);
    const mostMs = (nowMs - this.tickMs) / 100;
    this.tickMs = nowMs;
    this.clock.offsetMs += Math.max(-mostMs, Math.min(mostMs, offMs));
  }

  /** Sets the timer of the next deadline; called after anything that came. */
  private arm(): void {
    const next = this.timers.next();
    if (next >= this.wakeMs) return;
    clearTimeout(this.wake);
    this.wakeMs = next;
    const delayMs = Math.min(SLEEP_MAX_MS, Math.max(0, Math.ceil(next - performance.now())));
    this.wake = setTimeout(() => {
      this.wakeMs = Infinity;
      this.tick();
      this.arm();
    }, delayMs);
  }
}

/** @returns the value of a header field from a setting, which cannot end the line */
function routeOf(setting: string): string {
  const value = setting.replace(/[\r\n\0]/g, "");
  return value.includes("<") ? value : "<" + value + (value.includes(";lr") ? "" : ";lr") + ">";
}

/** @returns the broadcast addresses of the networks that this machine is in */
function broadcasts(): number[] {
  const out: number[] = [];
  for (const addresses of Object.values(networkInterfaces()))
    for (const { family, address, netmask } of addresses ?? []) {
      if (family !== "IPv4") continue;
      const broadcast = (ipv4(address) | ~ipv4(netmask)) >>> 0;
      if (broadcast !== ipv4(address)) out.push(broadcast);
    }
  return out;
}
