/**
 * The time of day from a server, by SNTP: asked for when there is a network, and again every six hours. RFC 4330, with
 * random octets in place of our own time in the question. Not here: the drift between two answers, authentication.
 */
import type { RandomSource } from "../../src/core/random.js";
import type { Clock, Device, DeviceTimer, Resolver, UdpSocket } from "../device.js";

const NTP_PORT = 123;
const PACKET_BYTES = 48;
/** Version 4, client. */
const CLIENT = 0x23;
const SERVER_MODE = 4;
/** The offset at which the server repeats the octets we sent, and that of its own time. */
const ORIGINATE = 24;
const TRANSMIT = 40;
/** Seconds from 1900 to 1970. */
const EPOCH_S = 2208988800;
const ERA_S = 4294967296;

const ANSWER_MS = 4000;
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 3_600_000;
const AGAIN_MS = 6 * 3_600_000;

export interface TimeOfDayOptions {
  clock: Clock;
  random: RandomSource;
  udp: Device["udp"];
  resolver: Resolver;
  /** Name or address. */
  server: string;
  /** @param ms since 1970 in UTC, now */
  onTime(ms: number): void;
  /** One line; told at the first of several failures. */
  onProblem(reason: string): void;
}

export class TimeOfDay {
  private readonly options: TimeOfDayOptions;
  private readonly timer: DeviceTimer;
  private readonly packet = new Uint8Array(PACKET_BYTES);
  private readonly cookie = new Uint8Array(8);
  private socket: UdpSocket | null = null;
  private server = 0;
  private askedMs = 0;
  private waitMs = FIRST_WAIT_MS;
  private isAsking = false;
  private hasComplained = false;

  constructor(options: TimeOfDayOptions) {
    this.options = options;
    this.timer = options.clock.createTimer(() => this.onTimer());
  }

  start(): void {
    const { resolver, server } = this.options;
    if (this.isAsking) return;
    this.isAsking = true;
    this.timer.stop();
    resolver.resolve(server, NTP_PORT, "udp", (error, address) => {
      if (error === "") this.ask(address);
      else this.fail(error);
    });
  }

  private ask(address: number): void {
    const { clock, udp } = this.options;
    this.server = address;
    this.timer.at(clock.now() + ANSWER_MS);
    udp({ address: 0, port: 0, onReadable: () => this.onReadable(), onError: () => {} }).then(
      (socket) => this.send(socket),
      (error) => this.fail(error instanceof Error ? error.message : "no socket"),
    );
  }

  private send(socket: UdpSocket): void {
    const { clock, random } = this.options;
    if (!this.isAsking || this.socket !== null) {
      socket.close();
      return;
    }
    this.socket = socket;
    this.packet.fill(0);
    this.packet[0] = CLIENT;
    for (let i = 0; i < this.cookie.length; i++) this.packet[TRANSMIT + i] = this.cookie[i] = random.uint32() & 255;
    this.askedMs = clock.now();
    socket.write(this.packet, 0, PACKET_BYTES, this.server, NTP_PORT);
  }

  private onReadable(): void {
    while (this.socket !== null) {
      const { socket, packet } = this;
      const length = socket.read(packet);
      if (length === 0) return;
      if (socket.address !== this.server || socket.remotePort !== NTP_PORT || !this.isAnswer(length)) continue;
      const nowMs = this.options.clock.now();
      const fractionMs = (uint32(packet, TRANSMIT + 4) * 1000) / ERA_S;
      let seconds = uint32(packet, TRANSMIT);
      // The clock of 32 bits begins anew in 2036.
      if (seconds < ERA_S / 2) seconds += ERA_S;
      this.end(AGAIN_MS);
      this.waitMs = FIRST_WAIT_MS;
      this.hasComplained = false;
      // The answer took half of the round trip.
      this.options.onTime((seconds - EPOCH_S) * 1000 + fractionMs + (nowMs - this.askedMs) / 2);
    }
  }

  /** @returns whether it is an answer to our question, from a server that knows the time */
  private isAnswer(length: number): boolean {
    const { packet, cookie } = this;
    if (length < PACKET_BYTES || (packet[0] & 7) !== SERVER_MODE || packet[0] >> 6 === 3) return false;
    if (packet[1] === 0 || packet[1] > 15 || uint32(packet, TRANSMIT) === 0) return false;
    for (let i = 0; i < cookie.length; i++) if (packet[ORIGINATE + i] !== cookie[i]) return false;
    return true;
  }

  private onTimer(): void {
    if (this.isAsking) this.fail("no answer about the time of day from " + this.options.server);
    else this.start();
  }

  private fail(reason: string): void {
    this.end(this.waitMs);
    this.waitMs = Math.min(2 * this.waitMs, LONGEST_WAIT_MS);
    if (this.hasComplained) return;
    this.hasComplained = true;
    this.options.onProblem(reason);
  }

  private end(nextMs: number): void {
    this.isAsking = false;
    if (this.socket !== null) this.socket.close();
    this.socket = null;
    this.timer.at(this.options.clock.now() + nextMs);
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return bytes[at] * 16777216 + bytes[at + 1] * 65536 + bytes[at + 2] * 256 + bytes[at + 3];
}
