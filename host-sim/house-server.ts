/**
 * The simulated house's own SIP server, on the same network and clock as the parties: registrar and proxy, or redirect
 * server, of src/, with the users it is told, in memory. Not here: the server as a program (server/).
 */
import type { DeviceTimer } from "../hal/device.js";
import { NONE, octets, Span, text } from "../src/core/bytes.js";
import type { RandomSource } from "../src/core/random.js";
import { Timers } from "../src/core/timers.js";
import { ADMISSION_DEFAULTS, Admission } from "../src/server/admission.js";
import { AUTHENTICATOR_DEFAULTS, Authenticator } from "../src/server/authenticator.js";
import { Domains } from "../src/server/domains.js";
import { type Bindings, DayClock, type LocationUser, type LocationWatcher } from "../src/server/location.js";
import { MemoryLocation } from "../src/server/memory.js";
import { NumberPlan } from "../src/server/numberplan.js";
import { PROXY_DEFAULTS, proxyTimers, StatefulProxy } from "../src/server/proxy.js";
import { Redirect } from "../src/server/redirect.js";
import { FLOW_TIMER_S, Registrar } from "../src/server/registrar.js";
import { RouteTokens } from "../src/server/routetoken.js";
import { Server } from "../src/server/server.js";
import { Targets } from "../src/server/targets.js";
import { UserTable } from "../src/server/users.js";
import { TransactionLayer, transactionTimers } from "../src/transaction/layer.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256, Digest, hexSize } from "../src/wire/digest.js";
import { Sockets } from "./server/sockets.js";
import { type House, Wiring } from "./wiring.js";

const LIMITS = {
  clients: 32,
  servers: 32,
  transactionBytes: 4096,
  headerRows: 64,
  streams: 16,
  incoming: 15,
  messageBytes: 4096,
  names: 4,
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};
const USERS = 16;
const RECORD_BYTES = 4096;

export interface HouseServerOptions {
  ip: number;
  port: number;
  domain: string;
  /** Names and passwords. */
  users: readonly (readonly [string, string])[];
  /** Whether it redirects calls instead of passing them on as a proxy. */
  isRedirect: boolean;
  /** The user as whom phones register that are none of the house's own; those that have are told. */
  guest?: { user: string; onPhones(phones: readonly GuestPhone[]): void };
}

/** Where a phone registered from, as the server saw it: it is reached there. */
export interface GuestPhone {
  ip: number;
  port: number;
}

export class HouseServer implements LocationWatcher, LocationUser {
  private readonly layer: TransactionLayer;
  private readonly sockets: Sockets;
  private readonly options: HouseServerOptions;
  private readonly timers: Timers;
  private readonly wake: DeviceTimer;
  private readonly house: House;
  private readonly store: MemoryLocation;
  private readonly guestAor = new Span();
  /** When the first binding of the guest runs out. */
  private readonly expiry: DeviceTimer;
  private readonly clock: DayClock;

  constructor(house: House, random: RandomSource, options: HouseServerOptions) {
    this.house = house;
    this.options = options;
    const domain = octets(options.domain);
    this.timers = new Timers(transactionTimers(LIMITS) + proxyTimers(LIMITS));
    this.wake = house.clock.createTimer(() => {
      this.enter();
      this.leave();
    });
    const wiring = new Wiring(house, options.ip, "server", random);
    this.sockets = new Sockets(
      {
        resolver: wiring.resolver,
        udp: (socket) => wiring.udp(socket, true),
        tcp: (socket) => wiring.tcp(socket, true),
      },
      random,
    );
    const server = new Server();
    const layer = new TransactionLayer({ timers: this.timers, random, network: this.sockets, limits: LIMITS }, server);
    layer.answersBindings = true;
    const clock = new DayClock(this.timers);
    const store = new MemoryLocation(clock, { chunks: 8 * USERS, recordBytes: RECORD_BYTES });
    store.addWatcher(this);
    const aor = octets(options.guest === undefined ? "" : options.guest.user + "@" + options.domain);
    this.guestAor.set(aor, 0, aor.length);
    this.store = store;
    this.clock = clock;
    this.expiry = house.clock.createTimer(() => {
      this.enter();
      this.tellGuests();
    });
    const users = tableOf(options, domain);
    // MD5 alone: some phones try the first algorithm of two, and give up when it is SHA-256 (baresip 1.0).
    const auth = new Authenticator(this.timers, random, users, AUTHENTICATOR_DEFAULTS);
    server.registrar = new Registrar(layer, clock, random, {
      auth,
      store,
      domains: [domain],
      contacts: 4,
      recordBytes: RECORD_BYTES,
      jobs: 1,
      jobBytes: 0,
      serviceRoute: NONE,
      flowTimerS: FLOW_TIMER_S,
      minS: 10,
      defaultS: 3600,
      maxS: 7200,
    });
    const domains = new Domains(layer, [domain]);
    const targets = new Targets(layer, domains, { users, plan: new NumberPlan([]), node: server.registrar.node });
    const admission = new Admission(layer, random, {
      auth,
      domains,
      targets,
      routeTokens: new RouteTokens(random),
      ...ADMISSION_DEFAULTS,
      isClosed: true,
    });
    server.next = options.isRedirect
      ? new Redirect(layer, store, users, { auth, domains: [domain], jobs: 4, isClosed: true })
      : new StatefulProxy(layer, random, admission, { ...PROXY_DEFAULTS, store });
    server.layer = layer;
    layer.watcher = house.watch?.("server") ?? null;
    this.layer = this.sockets.layer = layer;
    this.sockets.before = () => this.enter();
    this.sockets.after = () => this.leave();
  }

  /** @throws Error of one line if the port is taken */
  async start(): Promise<void> {
    const { ip, port } = this.options;
    await this.sockets.open([
      { transport: "udp", ip, port },
      { transport: "tcp", ip, port },
    ]);
    this.layer.setLocal(ip, this.sockets.udpPort, this.sockets.tcpPort);
  }

  close(): void {
    this.expiry.stop();
    this.options.guest?.onPhones([]);
    this.wake.stop();
    this.sockets.close();
  }

  // ---- who is registered as the guest ----

  onBindingsChanged(aor: Span): void {
    const { guestAor } = this;
    if (text(aor.bytes, aor.start, aor.end) === text(guestAor.bytes, guestAor.start, guestAor.end)) this.tellGuests();
  }

  /** The store is in memory, so it calls this from inside of `tellGuests`. */
  onBindings(_token: number, _result: number, list: Bindings): void {
    const guests: GuestPhone[] = [];
    let endS = Infinity;
    for (let more = list.first(); more; more = list.next()) {
      guests.push({ ip: list.ip, port: list.port });
      endS = Math.min(endS, list.expiresS);
    }
    const nowS = this.clock.nowS();
    if (endS === Infinity) this.expiry.stop();
    else this.expiry.at(this.house.clock.now() + Math.max(1, endS - nowS) * 1000);
    this.options.guest?.onPhones(guests);
  }

  onUpdated(): void {}

  private tellGuests(): void {
    this.store.findBindings(this.guestAor, this, 0);
  }

  private enter(): void {
    this.timers.poll(this.house.clock.now());
  }

  private leave(): void {
    const next = this.timers.next();
    if (next === Infinity) this.wake.stop();
    else this.wake.at(next);
  }
}

function tableOf(options: HouseServerOptions, domain: Uint8Array): UserTable {
  const table = new UserTable(USERS, 64, [domain]);
  const [user, realm] = [new Span(), new Span()];
  realm.set(domain, 0, domain.length);
  for (const [name, password] of options.users) {
    const bytes = octets(name);
    user.set(bytes, 0, bytes.length);
    const secret = (algorithm: number): Uint8Array => {
      const out = new Uint8Array(hexSize(algorithm));
      new Digest().writeSecret(algorithm, user, realm, octets(password), out);
      return out;
    };
    table.addUser(bytes, domain, secret(ALGORITHM_MD5), secret(ALGORITHM_SHA256));
  }
  return table;
}
