/**
 * A small world in virtual time for scenarios: user agents on addresses of their own, scripted peers that speak SIP by
 * hand, and a network between them that takes one millisecond and can be told what to lose.
 */

import { ipv4, ipv4Text, type Place } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import type { Limits } from "../../src/core/limits.js";
import type { RandomSource } from "../../src/core/random.js";
import { Timers } from "../../src/core/timers.js";
import * as causes from "../../src/dialog/cause.js";
import { DOOR_LIMITS, stationTimers } from "../../src/driver/limits.js";
import type { Flow } from "../../src/transaction/flow.js";
import type { Network } from "../../src/transaction/network.js";
import { CALL_INCOMING, CAUSE_NO_ANSWER, CAUSE_NO_SOUND, type Call, type SoundNetwork } from "../../src/ua/call.js";
import { UserAgent, type UserAgentSettings, type UserAgentUser } from "../../src/ua/useragent.js";
import type { Message } from "../../src/wire/message.js";
import { SeededRandom } from "../random.js";
import { QuietPort } from "./quietport.js";

/** Names of the causes, by CAUSE_*. */
const CAUSE_NAMES: Record<number, string> = {
  [causes.CAUSE_LOCAL]: "local",
  [causes.CAUSE_REMOTE]: "remote",
  [causes.CAUSE_CANCELLED]: "cancelled",
  [causes.CAUSE_REFUSED]: "refused",
  [causes.CAUSE_DECLINED]: "declined",
  [causes.CAUSE_TIMEOUT]: "timeout",
  [causes.CAUSE_NETWORK]: "network",
  [causes.CAUSE_UNKNOWN_NAME]: "unknown-name",
  [causes.CAUSE_NO_CODEC]: "no-codec",
  [causes.CAUSE_NO_ACK]: "no-ack",
  [causes.CAUSE_EXPIRED]: "expired",
  [causes.CAUSE_NO_ROOM]: "no-room",
  [causes.CAUSE_TOO_LONG]: "too-long",
  [CAUSE_NO_ANSWER]: "no-answer",
  [CAUSE_NO_SOUND]: "no-sound",
};
const CALL_STATES = ["free", "calling", "ringing", "early", "incoming", "confirmed", "held", "ended"];
const REGISTRATION_STATES = ["unregistered", "registering", "registered", "failed"];

export interface Datagram {
  atMs: number;
  order: number;
  fromIp: number;
  fromPort: number;
  toIp: number;
  toPort: number;
  bytes: Uint8Array;
}

/** A station that has an address in the world. */
export interface Inhabitant {
  ip: number;
  receive(datagram: Datagram): void;
  next(): number;
  poll(nowMs: number): void;
}

export class World {
  nowMs = 0;
  /** Lists every SIP message that was sent, lost ones too: "a>b INVITE sip:…" by last octet of the addresses. */
  readonly log: string[] = [];
  /** @returns true for a message that is to be lost */
  lose: (message: string, from: string, to: string) => boolean = () => false;
  delayMs = 1;
  private readonly inhabitants: Inhabitant[] = [];
  private queue: Datagram[] = [];
  private order = 0;

  add(inhabitant: Inhabitant): void {
    this.inhabitants.push(inhabitant);
  }

  send(fromIp: number, fromPort: number, toIp: number, toPort: number, bytes: Uint8Array): void {
    if (fromPort >= 5060 && fromPort < 6000) {
      const message = text(bytes);
      const [from, to] = [ipv4Text(fromIp), ipv4Text(toIp)];
      const line = message.slice(0, message.indexOf("\r\n"));
      this.log.push(
        `${from.split(".")[3]}>${to.split(".")[3]} ${line.replace(" SIP/2.0", "").replace("SIP/2.0 ", "")}`,
      );
      if (this.lose(message, from, to)) return;
    }
    this.queue.push({ atMs: this.nowMs + this.delayMs, order: this.order++, fromIp, fromPort, toIp, toPort, bytes });
  }

  /** Lets `ms` pass. */
  run(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Lets time pass until `done` or for `ms` at most. @returns whether it was done */
  runUntil(done: () => boolean, ms: number): boolean {
    const endMs = this.nowMs + ms;
    while (!done()) {
      let next = endMs;
      for (const datagram of this.queue) next = Math.min(next, datagram.atMs);
      for (const inhabitant of this.inhabitants) next = Math.min(next, inhabitant.next());
      this.nowMs = Math.max(this.nowMs, next);
      const due = this.queue.filter((d) => d.atMs <= this.nowMs).sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      this.queue = this.queue.filter((d) => d.atMs > this.nowMs);
      for (const datagram of due) this.inhabitants.find((i) => i.ip === datagram.toIp)?.receive(datagram);
      for (const inhabitant of this.inhabitants) inhabitant.poll(this.nowMs);
      if (this.nowMs >= endMs && due.length === 0 && !this.inhabitants.some((i) => i.next() <= this.nowMs))
        return done();
    }
    return true;
  }
}

export const SETTINGS: UserAgentSettings = {
  user: "door",
  authUser: "",
  password: "",
  realm: "",
  displayName: "",
  domain: "",
  proxy: "",
  register: false,
  expiresS: 600,
  transport: 1,
  codecs: [0, 8],
  ringTimeMs: 60000,
  silenceTimeMs: 0,
  sessionExpiresS: 1800,
  minSeS: 90,
  rtpPort: 16384,
};

/** A user agent of ours in the world, with a diary of what it told. */
export class Agent implements Inhabitant, Network, SoundNetwork, UserAgentUser {
  ip: number;
  readonly settings: UserAgentSettings;
  readonly ua: UserAgent;
  readonly timers: Timers;
  /** Lines as "call calling", "call ended 486 Busy Here", "register registered", "digit 5", … */
  readonly diary: string[] = [];
  readonly troubles: string[] = [];
  /** The addresses that those outside were told. */
  readonly outside: string[] = [];
  autoAnswer = false;
  refuse = 0;
  sendFails = false;
  readonly names = new Map<string, string>();
  private readonly world: World;
  private readonly port: QuietPort;

  constructor(
    world: World,
    address: string,
    settings: Partial<UserAgentSettings> = {},
    limits: Limits = DOOR_LIMITS,
    random: RandomSource = new SeededRandom(ipv4(address)),
  ) {
    this.world = world;
    this.ip = ipv4(address);
    this.timers = new Timers(stationTimers(limits));
    this.timers.nowMs = world.nowMs;
    const all = { ...SETTINGS, ...settings };
    this.settings = all;
    this.ua = new UserAgent(all, { limits, timers: this.timers, random, network: this, sound: this }, this);
    this.port = new QuietPort(this.ua.lines, this.timers);
    this.ua.configure({ ...all }, this.ip, 5060, 5060);
    world.add(this);
  }

  /** Takes other settings, as a line on the console does. */
  configure(settings: Partial<UserAgentSettings>, tcpPort = 5060): void {
    this.timers.nowMs = this.world.nowMs;
    Object.assign(this.settings, settings);
    this.ua.configure({ ...this.settings }, this.ip, 5060, tcpPort);
  }

  /** Gets another address; the packets sent to the old one are lost from now on. */
  moveTo(address: string): void {
    this.timers.nowMs = this.world.nowMs;
    this.ip = ipv4(address);
    this.ua.moveTo(this.ip, 5060, 5060);
  }

  /** Returns the state of the first call that is going on, or of the one that ended last. */
  last(): string {
    return this.diary.filter((line) => line.startsWith("call ")).at(-1) ?? "";
  }

  call(target: string, beside: Call | null = null): Call {
    this.timers.nowMs = this.world.nowMs;
    const call = this.ua.call(target, beside);
    if (call === null) throw new Error(this.ua.error);
    return call;
  }

  receive(datagram: Datagram): void {
    this.timers.nowMs = this.world.nowMs;
    if (datagram.toPort === 5060) {
      this.ua.layer.receiveDatagram(datagram.fromIp, datagram.fromPort, datagram.bytes, 0, datagram.bytes.length);
      return;
    }
    const index = (datagram.toPort - 16384) >> 1;
    const media = this.ua.lines[index]?.media;
    const { fromIp, fromPort, bytes } = datagram;
    if (this.ua.layer.bindings?.onBinding(index, fromIp, fromPort, bytes, 0, bytes.length)) return;
    if (datagram.toPort & 1) media?.onRtcp(datagram.fromIp, datagram.fromPort, datagram.bytes, datagram.bytes.length);
    else media?.onRtp(datagram.fromIp, datagram.fromPort, datagram.bytes, datagram.bytes.length);
  }

  next(): number {
    return Math.min(this.timers.next(), this.port.next());
  }

  poll(nowMs: number): void {
    this.timers.poll(nowMs);
    this.port.poll(nowMs);
    if (this.answersNames) this.answerNames();
  }

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.sendFails) return false;
    this.world.send(this.ip, 5060, ip, port, bytes.slice(start, end));
    return true;
  }

  sendStream(): number {
    return -1;
  }

  closeStream(): void {}

  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number): void {
    const found = this.names.get(text(bytes, start, end));
    const places = (found ?? "").split(",").filter((place) => place !== "");
    this.pending.push({
      id,
      places: places.map((place, rank) => ({ address: ipv4(place), port: port < 0 ? 5060 : port, rank })),
    });
  }

  /** Names that were asked for and not answered yet: `answerNames` answers them. */
  readonly pending: { id: number; places: Place[] }[] = [];
  /** Answers names at once; of several addresses with commas between, each is of a rank of its own. */
  answersNames = false;

  answerNames(ttlS?: number): void {
    for (const { id, places } of this.pending.splice(0)) {
      const [first, ...others] = places;
      if (first === undefined) this.ua.layer.unresolved(id);
      else this.ua.layer.resolved(id, first.address, first.port, others, ttlS);
    }
  }

  rtp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.world.send(this.ip, 16384 + 2 * call, ip, port, bytes.slice(start, end));
  }

  rtcp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    this.world.send(this.ip, 16385 + 2 * call, ip, port, bytes.slice(start, end));
  }

  onRegistration(state: number, status: number): void {
    this.diary.push(`register ${REGISTRATION_STATES[state]}${status === 0 ? "" : ` ${status}`}`);
  }

  onBinding(m: Message, start: number, end: number): void {
    this.diary.push(`binding ${text(m.bytes, start, end)}`);
  }

  onCall(call: Call, cause: number, status: number): void {
    this.diary.push(
      `call ${CALL_STATES[call.state]}${cause === 0 ? "" : ` cause ${CAUSE_NAMES[cause]}`}${status === 0 ? "" : ` status ${status}`}`,
    );
    if (call.state === CALL_INCOMING && this.autoAnswer) this.ua.answer(call);
  }

  onDigit(_call: Call, code: number, _durationMs: number, way: number): void {
    this.diary.push(`digit ${String.fromCharCode(code)} by ${way === 1 ? "rtp" : "info"}`);
  }

  onSound(_call: Call, change: number): void {
    this.diary.push(`sound ${["quiet", "back", "moved"][change]}`);
  }

  onTrouble(line: string): void {
    this.troubles.push(line);
  }

  onUnchanged?: (call: Call, wasHold: boolean, m: Message | null) => void;

  onOutside(ip: number, port: number): void {
    this.outside.push(ip < 0 ? "own" : `${ipv4Text(ip)}:${port}`);
  }

  onText(_call: Call | null, m: Message): void {
    this.diary.push(`text ${text(m.bytes, m.bodyStart, m.bodyEnd)}`);
  }

  writeChallenge(): void {}

  mayCall(_m: Message, _source: Flow): number {
    return this.refuse;
  }
}

/** A peer that speaks by hand: it keeps what came, and sends what the test writes. */
export class Peer implements Inhabitant {
  readonly ip: number;
  readonly address: string;
  /** The messages that came on port 5060, whole. */
  readonly inbox: string[] = [];
  /** The RTP packets that came, by local port. */
  readonly packets: { port: number; bytes: Uint8Array }[] = [];
  /** Called for each message that comes. */
  onMessage: (message: string) => void = () => {};
  protected readonly world: World;

  constructor(world: World, address: string) {
    this.world = world;
    this.address = address;
    this.ip = ipv4(address);
    world.add(this);
  }

  receive(datagram: Datagram): void {
    if (datagram.toPort !== 5060) {
      this.packets.push({ port: datagram.toPort, bytes: datagram.bytes });
      return;
    }
    const message = text(datagram.bytes);
    this.inbox.push(message);
    this.onMessage(message);
  }

  next(): number {
    return Infinity;
  }

  poll(): void {}

  /** Sends lines joined by CRLF, with Content-Length added. */
  send(to: string, lines: string[], body = ""): void {
    const message = [...lines, `Content-Length: ${octets(body).length}`, "", body].join("\r\n");
    this.world.send(this.ip, 5060, ipv4(to), 5060, octets(message));
  }

  /** Answers a request: Via, From, To (with `tag`), Call-ID and CSeq are copied. */
  respond(to: string, request: string, status: string, tag: string, more: string[] = [], body = ""): void {
    const lines = [`SIP/2.0 ${status}`];
    for (const name of ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"]) {
      for (const value of headers(request, name)) {
        lines.push(`${name}: ${value}${name === "To" && tag !== "" && !value.includes(";tag=") ? `;tag=${tag}` : ""}`);
      }
    }
    this.send(to, [...lines, ...more], body);
  }

  /** Returns the messages that came whose first line begins with `start`. */
  got(start: string): string[] {
    return this.inbox.filter((message) => message.startsWith(start));
  }
}

/** Returns the values of a header field, in order. */
export function headers(message: string, name: string): string[] {
  const head = message.slice(0, message.indexOf("\r\n\r\n"));
  return head
    .split("\r\n")
    .slice(1)
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());
}

export function header(message: string, name: string): string {
  return headers(message, name)[0] ?? "";
}

export function bodyOf(message: string): string {
  return message.slice(message.indexOf("\r\n\r\n") + 4);
}

/** Makes the session description of a peer at `address`. */
export function sdpOf(address: string, port = 20000, formats = "0 101", more: string[] = []): string {
  return [
    "v=0",
    `o=- 1 1 IN IP4 ${address}`,
    "s=-",
    `c=IN IP4 ${address}`,
    "t=0 0",
    `m=audio ${port} RTP/AVP ${formats}`,
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    ...more,
    "",
  ].join("\r\n");
}
