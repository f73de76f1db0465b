/**
 * Finds the IPv4 addresses of a name by RFC 3263 §4.1, §4.2 at the network's name servers: NAPTR and SRV first if no
 * port is given, then A of each server that they name, in the order of RFC 2782. It does one look-up after the other;
 * each question has an id, and a socket, of its own.
 * Not here: the messages (src/wire/dns.ts), a cache and which place is tried (the core's), TCP.
 */
import { ipv4, type Place } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";
import {
  chooseService,
  DNS_A,
  DNS_BYTES,
  DNS_NAPTR,
  DNS_NOT_OURS,
  DNS_SRV,
  type DnsAnswer,
  readAnswer,
  type Service,
  writeQuestion,
} from "../../src/wire/dns.js";
import type {
  Clock,
  Device,
  DeviceTimer,
  Resolver,
  ResolverDone,
  Service as SipService,
  UdpSocket,
} from "../device.js";

const DNS_PORT = 53;
const SIP_PORT = 5060;
const SIPS_PORT = 5061;
/** The NAPTR services, and what stands before the names of their SRV records. RFC 3263 §4.1, RFC 3261 §19.1.2 */
const NAPTR_SERVICES: Record<SipService, string> = { udp: "sip+d2u", tcp: "sip+d2t", tls: "sips+d2t" };
const SRV_PREFIXES: Record<SipService, string> = { udp: "_sip._udp.", tcp: "_sip._tcp.", tls: "_sips._tcp." };
/** An answer is awaited for so long, ms; and a question is asked so often. The servers take turns. */
const ANSWER_MS = 2000;
const TRIES = 4;
/** The same for NAPTR records, which few domains have, and few lead elsewhere than to the usual name. */
const NAPTR_TRIES = 1;
/**
 * Places that are found at most, and servers that are looked up for them; a look-up ends when it has taken so long, ms.
 */
const PLACES = 6;
const HOSTS = 4;
const LONGEST_MS = 20000;
/** Of the server: there is no such name. RFC 1035 §4.1.1 */
const NO_SUCH_NAME = 3;

class Job {
  readonly name: string;
  readonly service: SipService;
  readonly done: ResolverDone;
  readonly port: number;
  readonly startMs: number;
  readonly places: Place[] = [];
  /** Servers whose addresses are asked for, in the order of their records; empty without such records. */
  readonly hosts: Service[] = [];
  /** The server that is asked for now, and its rank. */
  host = 0;
  rank = 0;
  ttlS = -1;
  /** What is being asked for now. */
  asked: string;
  type: number;
  tries = 0;

  constructor(name: string, port: number, service: SipService, startMs: number, done: ResolverDone) {
    this.name = name;
    this.port = port;
    this.service = service;
    this.startMs = startMs;
    this.done = done;
    // NAPTR and SRV records belong to domains: a name without a dot is a host of this house.
    this.type = port < 0 && name.indexOf(".") >= 0 ? DNS_NAPTR : DNS_A;
    this.asked = name;
  }

  /** The name under which SRV records are, where no NAPTR record says another. */
  get usual(): string {
    return SRV_PREFIXES[this.service] + this.name;
  }

  noteTtl(ttlS: number): void {
    if (ttlS >= 0) this.ttlS = this.ttlS < 0 ? ttlS : Math.min(this.ttlS, ttlS);
  }

  add(address: number, port: number, rank: number): void {
    if (this.places.length < PLACES)
      this.places.push({ address, port: port >= 0 ? port : this.service === "tls" ? SIPS_PORT : SIP_PORT, rank });
  }
}

export interface BoardResolverOptions {
  clock: Clock;
  random: RandomSource;
  udp: Device["udp"];
  /** @returns the addresses of the network's name servers at this moment */
  servers(): readonly number[];
}

export class BoardResolver implements Resolver {
  private readonly options: BoardResolverOptions;
  private readonly timer: DeviceTimer;
  private readonly jobs: Job[] = [];
  private readonly answer: DnsAnswer = {
    services: [],
    replacement: "",
    ttlS: -1,
    addresses: [],
    otherNames: [],
    otherAddresses: [],
  };
  private readonly datagram = new Uint8Array(DNS_BYTES);
  private socket: UdpSocket | null = null;
  private server = 0;
  private id = 0;

  constructor(options: BoardResolverOptions) {
    this.options = options;
    this.timer = options.clock.createTimer(() => this.onTimer());
  }

  resolve(name: string, port: number, service: SipService, done: ResolverDone): void {
    this.jobs.push(new Job(name, port, service, this.options.clock.now(), done));
    if (this.jobs.length === 1) this.begin();
  }

  private begin(): void {
    const job = this.jobs[0];
    const literal = ipv4(job.name);
    if (literal < 0) this.ask();
    else {
      job.add(literal, job.port, 0);
      Promise.resolve().then(() => this.end(""));
    }
  }

  /** Asks the next server for the name of the first job. */
  private ask(): void {
    const { clock, random, udp, servers } = this.options;
    const job = this.jobs[0];
    const all = servers();
    this.close();
    this.server = all.length === 0 ? 0 : all[job.tries % all.length];
    this.id = random.uint32() & 0xffff;
    const { id } = this;
    this.timer.at(clock.now() + ANSWER_MS);
    job.tries++;
    udp({ address: 0, port: 0, onReadable: () => this.onReadable(), onError: () => {} }).then(
      (socket) => {
        if (this.jobs[0] !== job || this.id !== id || this.socket !== null) {
          socket.close();
          return;
        }
        this.socket = socket;
        if (this.server === 0) this.end("the network names no name server: " + job.name + " cannot be looked up");
        else this.send(socket, job);
      },
      () => {},
    );
  }

  private send(socket: UdpSocket, job: Job): void {
    const length = writeQuestion(this.datagram, this.id, job.asked, job.type);
    if (length < 0) this.end(job.name + " is no name of a host");
    else socket.write(this.datagram, 0, length, this.server, DNS_PORT);
  }

  private onReadable(): void {
    while (this.socket !== null && this.jobs.length > 0) {
      const { socket, datagram, answer } = this;
      const length = socket.read(datagram);
      if (length === 0) return;
      if (socket.address !== this.server || socket.remotePort !== DNS_PORT) continue;
      const job = this.jobs[0];
      const code = readAnswer(datagram, length, this.id, job.asked, job.type, answer, NAPTR_SERVICES[job.service]);
      if (code === DNS_NOT_OURS) continue;
      if (job.type === DNS_NAPTR) this.askServices(job, answer.replacement);
      else if (job.type === DNS_SRV) this.onServices(job);
      else if (answer.addresses.length > 0 || code === 0 || code === NO_SUCH_NAME) this.onAddresses(job);
      // A server that refuses or fails: another may know.
      else this.onTimer();
    }
  }

  /** @param replacement what a NAPTR record names, "" for the usual name */
  private askServices(job: Job, replacement: string): void {
    job.type = DNS_SRV;
    job.asked = replacement !== "" ? replacement : job.usual;
    job.tries = 0;
    this.ask();
  }

  /** Whatever the answer to SRV is: without records the name's own address counts. */
  private onServices(job: Job): void {
    const { services } = this.answer;
    const { random } = this.options;
    job.type = DNS_A;
    job.asked = job.name;
    job.noteTtl(this.answer.ttlS);
    while (services.length > 0 && job.hosts.length < HOSTS)
      job.hosts.push(services.splice(chooseService(services, fraction(random)), 1)[0]);
    if (job.hosts.length === 1 && job.hosts[0].target === "")
      this.end(job.name + " says that it has no SIP service over " + job.service.toUpperCase());
    else if (job.hosts.length > 0) this.askHost(job, 0);
    else {
      job.tries = 0;
      this.ask();
    }
  }

  /** Asks for the address of the first server from `index` on that the answer to SRV had none for. */
  private askHost(job: Job, index: number): void {
    const { otherNames, otherAddresses } = this.answer;
    for (let i = index; i < job.hosts.length; i++) {
      const { target, port, priority } = job.hosts[i];
      // Ranks are small numbers: the place of the priority among those there are.
      const rank = i === 0 || priority === job.hosts[i - 1].priority ? job.rank : job.rank + 1;
      job.rank = rank;
      let isKnown = false;
      for (let j = 0; j < otherNames.length; j++) {
        if (otherNames[j] !== target) continue;
        job.add(otherAddresses[j], port, rank);
        isKnown = true;
      }
      if (isKnown || target === "") continue;
      job.host = i;
      job.asked = target;
      job.tries = 0;
      this.ask();
      return;
    }
    this.endWithPlaces(job);
  }

  private onAddresses(job: Job): void {
    const { addresses } = this.answer;
    const isHost = job.hosts.length > 0;
    const port = isHost ? job.hosts[job.host].port : job.port;
    job.noteTtl(this.answer.ttlS);
    for (let i = 0; i < addresses.length; i++) job.add(addresses[i], port, job.rank);
    if (isHost) this.goOn(job);
    else this.endWithPlaces(job);
  }

  /** Goes on with the next server, unless it takes too long: some are better than none too late. */
  private goOn(job: Job): void {
    const isLate = this.options.clock.now() - job.startMs >= LONGEST_MS;
    if (isLate || job.places.length >= PLACES) this.endWithPlaces(job);
    else this.askHost(job, job.host + 1);
  }

  private endWithPlaces(job: Job): void {
    if (job.places.length > 0) this.end("");
    else if (job.hosts.length > 1) this.end("none of the SIP servers of " + job.name + " has an address");
    else this.end("no such host: " + job.asked);
  }

  private onTimer(): void {
    const job = this.jobs[0];
    if (job === undefined) return;
    if (job.tries < (job.type === DNS_NAPTR ? NAPTR_TRIES : TRIES)) this.ask();
    // A server that does not know what these records are may keep silent about them.
    else if (job.type === DNS_NAPTR) this.askServices(job, "");
    else if (job.type === DNS_SRV) {
      this.answer.services.length = 0;
      this.onServices(job);
    } else if (job.hosts.length > 0 && (job.places.length > 0 || job.host + 1 < job.hosts.length)) this.goOn(job);
    else this.end("no answer from the name service about " + job.asked);
  }

  /** @param error "" when there are places */
  private end(error: string): void {
    const job = this.jobs.shift();
    this.timer.stop();
    this.close();
    if (job === undefined) return;
    // This comes before the call, which may ask for another name.
    const next = this.jobs.length > 0;
    if (error !== "") job.done(error, 0, 0);
    else {
      const [first, ...others] = job.places;
      job.done("", first.address, first.port, others, job.ttlS < 0 ? undefined : job.ttlS);
    }
    if (next) this.begin();
  }

  private close(): void {
    if (this.socket !== null) this.socket.close();
    this.socket = null;
  }
}
