/**
 * Finds the IPv4 address of a name by RFC 3263 §4.2 at the network's name servers: SRV first if no port is given, then
 * A. It does one look-up after the other; each question has an id, and a socket, of its own. Not here: the messages
 * (src/wire/dns.ts), a cache (the core keeps one), TCP, NAPTR, the next server when the first one found does not
 * answer.
 */
import { ipv4 } from "../../src/core/address.js";
import { fraction, type RandomSource } from "../../src/core/random.js";
import {
  chooseService,
  DNS_A,
  DNS_BYTES,
  DNS_NOT_OURS,
  DNS_SRV,
  type DnsAnswer,
  readAnswer,
  writeQuestion,
} from "../../src/wire/dns.js";
import type { Clock, Device, DeviceTimer, Resolver, UdpSocket } from "../device.js";

const DNS_PORT = 53;
const SIP_PORT = 5060;
/** An answer is awaited for so long, ms; and a question is asked so often. The servers take turns. */
const ANSWER_MS = 2000;
const TRIES = 4;
/** The server's code for a name that does not exist. RFC 1035 §4.1.1 */
const NO_SUCH_NAME = 3;

type Done = (error: string, address: number, port: number) => void;

class Job {
  readonly name: string;
  readonly tcp: boolean;
  readonly done: Done;
  port: number;
  /** The name that is being asked for now. */
  asked: string;
  type: number;
  tries = 0;

  constructor(name: string, port: number, tcp: boolean, done: Done) {
    this.name = name;
    this.port = port;
    this.tcp = tcp;
    this.done = done;
    // SRV records belong to domains. A name without a dot is a host of the local network.
    this.type = port < 0 && name.indexOf(".") >= 0 ? DNS_SRV : DNS_A;
    this.asked = this.type === DNS_SRV ? (tcp ? "_sip._tcp." : "_sip._udp.") + name : name;
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
  private readonly answer: DnsAnswer = { services: [], addresses: [], otherNames: [], otherAddresses: [] };
  private readonly datagram = new Uint8Array(DNS_BYTES);
  private socket: UdpSocket | null = null;
  private server = 0;
  private id = 0;

  constructor(options: BoardResolverOptions) {
    this.options = options;
    this.timer = options.clock.createTimer(() => this.onTimer());
  }

  resolve(name: string, port: number, tcp: boolean, done: Done): void {
    this.jobs.push(new Job(name, port, tcp, done));
    if (this.jobs.length === 1) this.begin();
  }

  private begin(): void {
    const job = this.jobs[0];
    const literal = ipv4(job.name);
    if (literal >= 0) Promise.resolve().then(() => this.end("", literal, job.port));
    else this.ask();
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
        if (this.server === 0) this.end("the network names no name server: " + job.name + " cannot be looked up", 0, 0);
        else this.send(socket, job);
      },
      () => {},
    );
  }

  private send(socket: UdpSocket, job: Job): void {
    const length = writeQuestion(this.datagram, this.id, job.asked, job.type);
    if (length < 0) this.end(job.name + " is no name of a host", 0, 0);
    else socket.write(this.datagram, 0, length, this.server, DNS_PORT);
  }

  private onReadable(): void {
    while (this.socket !== null && this.jobs.length > 0) {
      const { socket, datagram, answer } = this;
      const length = socket.read(datagram);
      if (length === 0) return;
      if (socket.address !== this.server || socket.remotePort !== DNS_PORT) continue;
      const job = this.jobs[0];
      const code = readAnswer(datagram, length, this.id, job.asked, job.type, answer);
      if (code === DNS_NOT_OURS) continue;
      if (job.type === DNS_SRV) this.onServices(job);
      else if (answer.addresses.length > 0) this.end("", answer.addresses[0], job.port);
      else if (code === 0 || code === NO_SUCH_NAME) this.end("no such host: " + job.asked, 0, 0);
      // If a server refuses or fails, another may know the name.
      else this.onTimer();
    }
  }

  /** Takes the answer to the question for SRV: without records the name's own address counts. */
  private onServices(job: Job): void {
    const { services, otherNames, otherAddresses } = this.answer;
    const chosen = chooseService(services, fraction(this.options.random));
    job.type = DNS_A;
    job.asked = job.name;
    if (chosen >= 0) {
      const { target, port } = services[chosen];
      if (target === "") {
        this.end(job.name + " says that it has no SIP service over " + (job.tcp ? "TCP" : "UDP"), 0, 0);
        return;
      }
      job.asked = target;
      job.port = port;
      const at = otherNames.indexOf(target);
      if (at >= 0) {
        this.end("", otherAddresses[at], port);
        return;
      }
    }
    job.tries = 0;
    this.ask();
  }

  private onTimer(): void {
    const job = this.jobs[0];
    if (job === undefined) return;
    if (job.tries < TRIES) this.ask();
    // A server that does not know SRV may leave the question unanswered.
    else if (job.type === DNS_SRV) {
      this.answer.services.length = 0;
      this.onServices(job);
    } else this.end("no answer from the name service about " + job.asked, 0, 0);
  }

  private end(error: string, address: number, port: number): void {
    const job = this.jobs.shift();
    this.timer.stop();
    this.close();
    if (job === undefined) return;
    // This comes before the call, which may ask for another name.
    const next = this.jobs.length > 0;
    job.done(error, address, port < 0 ? SIP_PORT : port);
    if (next) this.begin();
  }

  private close(): void {
    if (this.socket !== null) this.socket.close();
    this.socket = null;
  }
}
