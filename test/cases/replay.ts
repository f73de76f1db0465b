/**
 * Plays a recorded case (reports/*.in) against a door in virtual time. Requests and RTP come at their recorded times.
 * Responses answer the door's own requests, whenever those come: those of the first recorded transaction of a method
 * the door's first, and so on. Branch, tags, Call-ID and CSeq of the run take the place of the recorded ones.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ipv4, ipv4Text } from "../../src/core/address.js";

import { House } from "../intercom/house.js";
import { header, headers, World } from "../ua/harness.js";

/** The door's address in all recordings, and its RTP port. */
const DOOR_IP = "10.0.0.1";
const BINARY = "latin1";

interface Item {
  atMs: number;
  from: string;
  port: number;
  /** The port of the door that RTP or RTCP goes to; 0 for SIP. */
  mediaPort: number;
  message: string;
}

/** A SIP message that the door sent. */
export interface Sent {
  atMs: number;
  to: string;
  message: string;
}

/** @returns the items of a recorded case, in order */
export function readCase(name: string): Item[] {
  const whole = readFileSync(join(import.meta.dirname, "reports", name + ".in"), BINARY);
  const items: Item[] = [];
  for (const part of whole.split(/^### /m).slice(1)) {
    const lineEnd = part.indexOf("\n");
    const line = part.slice(0, lineEnd);
    const media = /^t=(\d+) ms, RTC?P (\S+):(\d+) -> door:(\d+) (\S+)/.exec(line);
    if (media !== null) {
      const [, atMs, from, port, mediaPort, hex] = media;
      items.push({ atMs: +atMs, from, port: +port, mediaPort: +mediaPort, message: unpack(hex) });
      continue;
    }
    const sip = /^(?:t=(\d+) ms, )?(\S+):(\d+) -> (\S+)/.exec(line);
    if (sip === null) throw new Error("no item: " + line);
    items.push({
      atMs: Number(sip[1] ?? 0),
      from: sip[2],
      port: Number(sip[3]),
      mediaPort: 0,
      message: withoutGap(part.slice(lineEnd + 1)),
    });
  }
  return items;
}

/** "0a0b&172": hexadecimal, the last octet 172 times in all or filled up to that length. */
function unpack(hex: string): string {
  const [digits, length] = hex.split("&");
  const known = Buffer.from(digits, "hex");
  if (length === undefined) return known.toString(BINARY);
  return Buffer.concat([known, Buffer.alloc(Math.max(0, Number(length) - known.length), known.at(-1))]).toString(
    BINARY,
  );
}

/** The line end behind each message belongs to the file. */
function withoutGap(message: string): string {
  return message.endsWith("\n") ? message.slice(0, message.endsWith("\r\n") ? -2 : -1) : message;
}

/** A world that keeps what the door sends by SIP, whole. */
export class WatchedWorld extends World {
  readonly sent: Sent[] = [];
  onSent: (sent: Sent, ip: number, port: number) => void = () => {};

  override send(fromIp: number, fromPort: number, toIp: number, toPort: number, bytes: Uint8Array): void {
    super.send(fromIp, fromPort, toIp, toPort, bytes);
    if (fromIp !== ipv4(DOOR_IP) || fromPort !== 5060) return;
    const message = Buffer.from(bytes).toString(BINARY);
    if (message.trim() === "") return;
    const sent = { atMs: this.nowMs, to: `${ipv4Text(toIp)}:${toPort}`, message };
    this.sent.push(sent);
    this.onSent(sent, toIp, toPort);
  }
}

/** A door that hears RTCP too, and in some plans has TCP. */
class ReplayHouse extends House {
  hasTcp = false;
  readonly streamed: Sent[] = [];

  override sendStream = (
    _connection?: number,
    ip = 0,
    port = 0,
    bytes: Uint8Array = new Uint8Array(0),
    start = 0,
    end = 0,
  ): number => {
    if (!this.hasTcp) return -1;
    const message = Buffer.from(bytes.slice(start, end)).toString(BINARY);
    this.streamed.push({ atMs: this.timers.nowMs, to: `${ipv4Text(ip)}:${port}`, message });
    return 1;
  };

  override receive(d: { fromIp: number; fromPort: number; toPort: number; bytes: Uint8Array }): void {
    super.receive(d);
    if (d.toPort > 16384 && d.toPort % 2 === 1)
      this.door.ua.lines[(d.toPort - 16385) >> 1].media.onRtcp(d.fromIp, d.fromPort, d.bytes, d.bytes.length);
  }
}

export interface Plan {
  settings?: readonly string[];
  /** Actions of a person at the door, by time. */
  acts?: readonly (readonly [atMs: number, act: (house: House) => void])[];
  /** Requests that are answered by 200 against the recording, which ended otherwise. */
  accepts?: (request: string) => boolean;
  /** The door can open connections to any address; none is answered. */
  hasTcp?: boolean;
  /** How long it runs; by default until a second after the last item. */
  runMs?: number;
}

export class Replay {
  readonly world = new WatchedWorld();
  readonly house: House;
  /** Messages that the door sent by TCP. */
  readonly streamed: readonly Sent[];
  private readonly items: Item[];
  /** Recorded responses by method: transactions in order, each with its responses. */
  private readonly answers = new Map<string, Item[][]>();
  private readonly answered = new Map<string, number>();
  /** Branches of the door's requests that were answered. */
  private readonly seen = new Set<string>();
  /** The door's tag in the dialog that the others began, and in the one that it began. */
  private doorTag = "";
  private invite = "";
  private readonly accepts: (request: string) => boolean;

  constructor(name: string, plan: Plan = {}) {
    this.accepts = plan.accepts ?? (() => false);
    this.items = readCase(name);
    for (const item of this.items) if (isResponse(item)) this.addAnswer(item);
    this.world.onSent = (sent, ip, port) => this.onSent(sent, ip, port);
    const house = new ReplayHouse(this.world, ...settingsOf(this.items), ...(plan.settings ?? []));
    house.hasTcp = plan.hasTcp === true;
    this.streamed = house.streamed;
    this.house = house;
    const firstInvite = this.answers.get("INVITE")?.[0][0];
    const acts = [...(plan.acts ?? [])];
    if (firstInvite !== undefined) acts.unshift([Math.max(0, firstInvite.atMs - 1), (house) => house.press()]);
    const timed: (readonly [number, () => void])[] = [
      ...this.items.filter((item) => !isResponse(item)).map((item) => [item.atMs, () => this.play(item)] as const),
      ...acts.map(([atMs, act]) => [atMs, () => act(this.house)] as const),
    ];
    timed.sort((a, b) => a[0] - b[0]);
    for (const [atMs, act] of timed) {
      this.world.run(Math.max(0, atMs - this.world.nowMs));
      act();
    }
    const lastMs = this.items.at(-1)?.atMs ?? 0;
    this.world.run(Math.max(0, (plan.runMs ?? lastMs + 1000) - this.world.nowMs));
  }

  /** The door's requests of that method, each once. */
  requests(method: string): Sent[] {
    const seen = new Set<string>();
    return this.world.sent.filter(({ message }) => {
      if (!message.startsWith(method + " ")) return false;
      const key = header(message, "Via") + header(message, "CSeq");
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  }

  /** Status codes of the door's responses to a method, each once, but not 100. */
  statuses(method: string): number[] {
    const seen = new Set<string>();
    const found: number[] = [];
    for (const { message } of this.world.sent) {
      if (!message.startsWith("SIP/2.0 ") || !header(message, "CSeq").endsWith(" " + method)) continue;
      const key = message.slice(8, 11) + header(message, "CSeq") + headers(message, "Via")[0];
      if (message.startsWith("SIP/2.0 100") || seen.has(key)) continue;
      seen.add(key);
      found.push(Number(message.slice(8, 11)));
    }
    return found;
  }

  /** The door's last response of that status to a method. */
  response(method: string, status: number): string {
    const found = this.world.sent.filter(
      ({ message }) => message.startsWith(`SIP/2.0 ${status} `) && header(message, "CSeq").endsWith(" " + method),
    );
    return found.at(-1)?.message ?? "";
  }

  /** The values of a field of the recorded item at `index`. */
  fields(index: number, name: string): string[] {
    return headers(normal(this.items[index].message), name);
  }

  field(index: number, name: string): string {
    return this.fields(index, name)[0] ?? "";
  }

  /** Values of the door's events of that name. */
  told(name: string): string[] {
    return this.house.told(name);
  }

  digits(): string {
    return this.told("dtmf").join("");
  }

  private addAnswer(item: Item): void {
    const [number, method] = (headers(normal(item.message), "CSeq")[0] ?? "").split(" ");
    const all = this.answers.get(method) ?? [];
    const last = all.at(-1);
    const before = last === undefined ? "" : headers(normal(last[0].message), "CSeq")[0];
    if (last !== undefined && before === `${number} ${method}`) last.push(item);
    else all.push([item]);
    this.answers.set(method, all);
  }

  private onSent(sent: Sent, ip: number, port: number): void {
    const { message } = sent;
    if (message.startsWith("SIP/2.0 ")) {
      const tag = /;tag=([^;\s]+)/.exec(header(message, "To"))?.[1];
      if (tag !== undefined && header(message, "CSeq").endsWith("INVITE")) this.doorTag = tag;
      return;
    }
    const method = message.slice(0, message.indexOf(" "));
    const key = method + headers(message, "Via")[0];
    if (method === "ACK" || this.seen.has(key)) return;
    this.seen.add(key);
    if (method === "INVITE" && this.invite === "") this.invite = message;
    if (this.accepts(message)) {
      const contact = header(message, "Contact");
      this.reply(ip, port, message, `SIP/2.0 200 OK\r\nContact: ${contact}\r\nContent-Length: 0\r\n\r\n`, 1);
      return;
    }
    const recorded = this.answers.get(method);
    if (recorded === undefined) {
      const isEnd = method === "BYE" || method === "CANCEL";
      if (isEnd) this.reply(ip, port, message, "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 1);
      return;
    }
    const index = this.answered.get(method) ?? 0;
    this.answered.set(method, index + 1);
    // A phone that registers goes on to do so; another request than those recorded is not answered.
    if (index >= recorded.length && method !== "REGISTER") return;
    const answers = recorded[Math.min(index, recorded.length - 1)];
    for (const answer of answers) {
      this.reply(ipv4(answer.from), answer.port, message, answer.message, answer.atMs - answers[0].atMs);
    }
  }

  /** Sends a recorded response, with the values that it has to copy from the request. */
  private reply(ip: number, port: number, request: string, response: string, delayMs: number): void {
    const split = endOfHead(response);
    const lines = unfold(response.slice(0, split)).split("\r\n");
    const to = /;\s*tag=([^;\s]+)/.exec(header(normal(response), "To"))?.[1];
    const own = ["Via", "From", "To", "Call-ID", "CSeq"].flatMap((name) =>
      headers(request, name).map((value) => {
        const needsTag = name === "To" && to !== undefined && !value.includes(";tag=");
        return `${name}: ${value}${needsTag ? `;tag=${to}` : ""}`;
      }),
    );
    const rest = lines.slice(1).filter((line) => !/^(via|v|from|f|to|t|call-id|i|cseq)\s*:/i.test(line));
    // A compact or folded recording keeps its Contact in the form that it had.
    const whole = [lines[0], ...own, ...rest].join("\r\n") + response.slice(split);
    const bytes = Uint8Array.from(Buffer.from(whole, BINARY));
    const before = this.world.delayMs;
    this.world.delayMs = 1 + delayMs;
    this.world.send(ip, port, ipv4(DOOR_IP), 5060, bytes);
    this.world.delayMs = before;
  }

  /** Sends a recorded request, or a packet of sound. */
  private play(item: Item): void {
    if (item.mediaPort > 0) {
      const bytes = Uint8Array.from(Buffer.from(item.message, BINARY));
      this.world.send(ipv4(item.from), item.port, ipv4(DOOR_IP), item.mediaPort, bytes);
      return;
    }
    let { message } = item;
    const recordedTag = /^(?:To|t)\s*:[^\r\n]*;tag=([^;\s]+)/im.exec(message)?.[1];
    if (recordedTag !== undefined) {
      const own = this.invite === "" ? this.doorTag : (/;tag=([^;\s]+)/.exec(header(this.invite, "From"))?.[1] ?? "");
      message = message.replace(`;tag=${recordedTag}`, `;tag=${own}`);
      if (this.invite !== "")
        message = message.replace(/^(Call-ID|i)\s*:.*$/im, `Call-ID: ${header(this.invite, "Call-ID")}`);
    }
    this.world.send(ipv4(item.from), item.port, ipv4(DOOR_IP), 5060, Uint8Array.from(Buffer.from(message, BINARY)));
  }
}

function isResponse(item: Item): boolean {
  return item.mediaPort === 0 && item.message.startsWith("SIP/2.0 ");
}

/** The door's settings by the recording: the targets of its calls, and its registrar. */
function settingsOf(items: readonly Item[]): string[] {
  const responses = items.filter(isResponse).map(({ message }) => normal(message));
  const of = (method: string) => responses.find((message) => header(message, "CSeq").endsWith(" " + method)) ?? "";
  const found = ["call.autoAnswer=on", "call.allow=any", "call.showDigits=on", "relay1.code=2580"];
  const register = of("REGISTER");
  if (register !== "") {
    const [, user, domain] = /<sip:([^@>]+)@([^>;]+)>/.exec(header(register, "To")) ?? [];
    found.push(`sip.domain=${domain}`, `sip.user=${user}`, "sip.password=secret");
  }
  const invite = of("INVITE");
  if (invite !== "") {
    const target = /<?(sip:[^>;\s]+)/.exec(header(invite, "To"))?.[1] ?? "";
    found.push(`call.target=${target}`);
  }
  return found;
}

/** Returns a message with long names in place of compact ones, one line a field, for comparison only. */
function normal(message: string): string {
  const names: Record<string, string> = { v: "Via", f: "From", t: "To", i: "Call-ID", m: "Contact" };
  const split = endOfHead(message);
  return (
    unfold(message.slice(0, split)).replace(
      /^([vftim])\s*:/gim,
      (_all, name: string) => names[name.toLowerCase()] + ":",
    ) + "\r\n\r\n"
  );
}

function endOfHead(message: string): number {
  const found = /\r?\n\r?\n/.exec(message);
  return found === null ? message.length : found.index;
}

function unfold(head: string): string {
  return head.replace(/\r?\n/g, "\r\n");
}

/** The octets of a text of the recordings. */
export function binary(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, BINARY));
}
