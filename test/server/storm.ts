/**
 * Many doors at one registrar after a power cut, in virtual time: each door is the registration of src/ua with its
 * transactions, the registrar is that of src/server with its overload control, behind a queue of limited length. Each
 * datagram takes the server a while.
 */
import { Probe } from "../../host-sim/server/probe.js";
import { octets } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import { AUTHENTICATOR_DEFAULTS, Authenticator } from "../../src/server/authenticator.js";
import { DayClock } from "../../src/server/location.js";
import { MemoryLocation } from "../../src/server/memory.js";
import { Overload } from "../../src/server/overload.js";
import { FLOW_TIMER_S, Registrar } from "../../src/server/registrar.js";
import { Server } from "../../src/server/server.js";
import { UserTable } from "../../src/server/users.js";
import { TransactionLayer, type TransactionUser, transactionTimers } from "../../src/transaction/layer.js";
import type { Network } from "../../src/transaction/network.js";
import type { TransactionLimits } from "../../src/transaction/transport.js";
import { Account } from "../../src/ua/account.js";
import { Credentials } from "../../src/ua/credentials.js";
import { REGISTRATION_DONE, Registration, type RegistrationUser } from "../../src/ua/registration.js";
import { ALGORITHM_MD5 } from "../../src/wire/digest.js";
import { TRANSPORT_UDP } from "../../src/wire/names.js";
import { SeededRandom } from "../random.js";
import { secretOf } from "./house.js";

const SERVER_IP = 0x0a000001;
const FIRST_IP = 0x0a010000;
const HOSTS = 250;
const DOMAIN = octets("example.org");
const PASSWORD = "secret";
const DELAY_MS = 1;
const DOOR_LIMITS: TransactionLimits = {
  clients: 2,
  servers: 1,
  transactionBytes: 1536,
  headerRows: 40,
  streams: 0,
  messageBytes: 64,
  names: 1,
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};
const NOBODY: TransactionUser = {
  onRequest: () => {},
  onAck: () => {},
  onCancel: () => {},
  onAckTimeout: () => {},
};

/** Addresses that end with 0 or 255 are left out. */
function ipOf(door: number): number {
  return FIRST_IP + Math.floor(door / HOSTS) * 256 + 1 + (door % HOSTS);
}

function numberOf(ip: number): number {
  return Math.floor((ip - FIRST_IP) / 256) * HOSTS + ((ip - FIRST_IP) & 255) - 1;
}

export interface StormOptions {
  doors: number;
  /** How long each datagram takes the server, ms. */
  costMs: number;
  /** Datagrams that the kernel keeps. */
  places: number;
  /** The doors start within this time, ms. */
  startMs: number;
  /** The server comes up after this time, ms. */
  downMs: number;
}

class Door implements Network, RegistrationUser {
  readonly layer: TransactionLayer;
  readonly timers = new Timers(transactionTimers(DOOR_LIMITS) + 1);
  readonly registration: Registration;
  private readonly storm: Storm;
  private readonly ip: number;

  constructor(storm: Storm, ip: number, name: string, random: SeededRandom) {
    this.storm = storm;
    this.ip = ip;
    const { timers } = this;
    this.layer = new TransactionLayer({ timers, random, network: this, limits: DOOR_LIMITS }, NOBODY);
    this.layer.setLocal(ip, 5060, 5060);
    const settings = {
      user: name,
      authUser: "",
      password: PASSWORD,
      realm: "",
      displayName: "",
      domain: "10.0.0.1",
      proxy: "",
      register: true,
      expiresS: 600,
      outbound: true,
      transport: TRANSPORT_UDP,
    };
    const account = new Account(settings);
    account.configure(settings, ip, 5060);
    const credentials = new Credentials(random);
    credentials.configure(settings);
    const parts = { layer: this.layer, timers, random, account, credentials };
    this.registration = new Registration(parts, this, { dialogBytes: 512, contactBytes: 128 });
  }

  sendDatagram(_ip: number, _port: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.storm.put(this.ip, bytes.slice(start, end));
    return true;
  }

  sendStream(): number {
    return -1;
  }

  closeStream(): void {}

  resolve(): void {}

  hardwareAddress(): string {
    return this.ip.toString(16).padStart(12, "0");
  }

  onRegistration(state: number): void {
    this.storm.note(this, state === REGISTRATION_DONE);
  }

  onBinding(): void {}

  onSeen(): void {}

  onTrouble(): void {}
}

export class Storm implements Network {
  /** The doors that are registered. */
  readonly registered = new Set<Door>();
  /** Datagrams that the doors sent, and those among them that the kernel dropped. */
  received = 0;
  dropped = 0;
  nowMs = 0;
  readonly overload: Overload;
  private readonly options: StormOptions;
  private readonly doors: Door[] = [];
  private readonly timers: Timers;
  private readonly layer: TransactionLayer;
  private readonly probe = new Probe(new SeededRandom(3));
  private readonly queue: { ip: number; bytes: Uint8Array }[] = [];
  private head = 0;
  private readyMs = 0;
  /** What happens in each ms: doors that wake, and datagrams for doors. */
  private readonly wakes = new Map<number, Door[]>();
  private readonly begun = new Set<Door>();
  private readonly mail = new Map<number, { door: Door; bytes: Uint8Array }[]>();

  constructor(options: StormOptions) {
    this.options = options;
    const random = new SeededRandom(1);
    const limits: TransactionLimits = {
      ...DOOR_LIMITS,
      clients: 8,
      servers: 4000,
      messageBytes: 4096,
      transactionBytes: 4096,
    };
    this.timers = new Timers(transactionTimers(limits));
    const server = new Server();
    this.layer = new TransactionLayer({ timers: this.timers, random, network: this, limits }, server);
    this.layer.setLocal(SERVER_IP, 5060, 5060);
    this.layer.answersBindings = true;
    const users = new UserTable(options.doors, 16, [DOMAIN]);
    const clock = new DayClock(this.timers);
    for (let i = 0; i < options.doors; i++) {
      const name = "door" + i;
      users.addUser(octets(name), DOMAIN, secretOf(name, PASSWORD, ALGORITHM_MD5), new Uint8Array(0));
      this.doors.push(new Door(this, ipOf(i), name, new SeededRandom(100 + i)));
    }
    const auth = new Authenticator(this.timers, random, users, { ...AUTHENTICATOR_DEFAULTS, nonces: 65536 });
    server.registrar = new Registrar(this.layer, clock, random, {
      auth,
      store: new MemoryLocation(clock, { chunks: options.doors * 6, recordBytes: 4096 }),
      minS: 60,
      defaultS: 3600,
      maxS: 7200,
      domains: [DOMAIN],
      contacts: 4,
      recordBytes: 4000,
      jobs: 4,
      jobBytes: 0,
      serviceRoute: new Uint8Array(0),
      flowTimerS: FLOW_TIMER_S,
    });
    server.layer = this.layer;
    this.overload = new Overload(auth);
    server.overload = this.overload;
    for (const door of this.doors) this.wakeAt(door, Math.floor((random.uint32() / 2 ** 32) * options.startMs));
  }

  /** Lets time pass. */
  run(untilMs: number): void {
    for (; this.nowMs < untilMs; this.nowMs++) {
      const { nowMs } = this;
      for (const { door, bytes } of this.taken(this.mail)) {
        door.timers.nowMs = nowMs;
        door.layer.receiveDatagram(SERVER_IP, 5060, bytes, 0, bytes.length);
        this.rearm(door);
      }
      for (const door of this.taken(this.wakes)) {
        door.timers.poll(nowMs);
        if (!this.begun.has(door)) {
          this.begun.add(door);
          door.registration.start();
        }
        this.rearm(door);
      }
      this.timers.poll(nowMs);
      if (nowMs >= this.options.downMs) this.serve();
    }
  }

  private taken<T>(from: Map<number, T[]>): T[] {
    const list = from.get(this.nowMs) ?? [];
    from.delete(this.nowMs);
    return list;
  }

  /** Takes a datagram of a door, if the server is up and has room. */
  put(ip: number, bytes: Uint8Array): void {
    this.received += 1;
    // A machine that is down does not answer.
    if (this.nowMs < this.options.downMs) return;
    if (this.queue.length - this.head < this.options.places) this.queue.push({ ip, bytes });
    else this.dropped += 1;
  }

  note(door: Door, isRegistered: boolean): void {
    if (isRegistered) this.registered.add(door);
    else this.registered.delete(door);
  }

  private rearm(door: Door): void {
    const next = door.timers.next();
    if (next < Infinity) this.wakeAt(door, Math.max(this.nowMs + 1, Math.ceil(next)));
  }

  private wakeAt(door: Door, ms: number): void {
    const list = this.wakes.get(ms);
    if (list === undefined) this.wakes.set(ms, [door]);
    else if (list.at(-1) !== door) list.push(door);
  }

  /** The server takes what waits, as long as it has time in this millisecond. */
  private serve(): void {
    const { probe, overload, nowMs, queue, options } = this;
    if (this.readyMs < nowMs) this.readyMs = nowMs;
    while (this.readyMs < nowMs + 1 && this.head < queue.length) {
      const { ip, bytes } = queue[this.head++];
      this.readyMs += options.costMs;
      if (probe.startIfDue(this.readyMs) && queue.length - this.head < options.places)
        queue.push({ ip: 0, bytes: probe.bytes.slice() });
      overload.noteWait(probe.waitMs(this.readyMs), this.readyMs);
      if (probe.takeReturned(bytes, bytes.length, this.readyMs)) continue;
      this.layer.receiveDatagram(ip, 5060, bytes, 0, bytes.length);
    }
    if (this.head > 100_000 || this.head === queue.length) {
      queue.splice(0, this.head);
      this.head = 0;
    }
  }

  sendDatagram(ip: number, _port: number, bytes: Uint8Array, start: number, end: number): boolean {
    const door = this.doors[numberOf(ip)];
    if (door === undefined) return true;
    const atMs = this.nowMs + DELAY_MS;
    const item = { door, bytes: bytes.slice(start, end) };
    const list = this.mail.get(atMs);
    if (list === undefined) this.mail.set(atMs, [item]);
    else list.push(item);
    return true;
  }

  sendStream(): number {
    return -1;
  }

  closeStream(): void {}

  resolve(): void {}
}
