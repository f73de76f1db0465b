/**
 * Events as lines for a syslog server: RFC 5424, by UDP (RFC 5426) or by TCP with octet counting (RFC 6587 §3.4.1).
 *
 *     <133>1 2026-11-29T22:14:15Z 192.168.1.20 portero - relay [meta sequenceId="7"] relay on relay=1 reason="code"
 *
 * The text is the event's line as the console shows it, so it has no control characters. A text that is not ASCII has a
 * byte order mark in front. A line that is too long is cut. While the server is silent, the events wait in the
 * queue of all links (eventqueue.ts).
 *
 *     TCP   idle -> opening (10 s) -> open -> idle, when the connection ends, or takes nothing for 30 s
 *
 * Not here: TLS (RFC 5425); the choice of events and their urgency (severity.ts).
 */
import type { UdpSocket } from "../../hal/device.js";
import { octets, pieceEnd } from "../core/bytes.js";
import { CivilDate, DAY_S } from "../core/calendar.js";
import { isPlain } from "../core/octets.js";
import type { TimerUser } from "../core/timers.js";
import { eventLine } from "../intercom/eventline.js";
import { FOR_SYSLOG } from "./eventqueue.js";
import { type LinkParts, STEP_MS, SYSLOG_WAIT_MS } from "./parts.js";
import { LinkServer, type ServerUser } from "./server.js";
import { levelOf } from "./severity.js";
import { LinkStream, type StreamUser } from "./stream.js";

const SYSLOG_PORT = 514;
/** The facility local0. RFC 5424 §6.2.1 */
const FACILITY = 16;
/** A receiver has to take 480 octets, and should take 2,048. RFC 5424 §6.1 */
const MESSAGE_BYTES = 1024;
/** Octets for the length and the blank in front of a message by TCP. */
const FRAME_BYTES = 5;
/** Characters of a line that fit behind the header, in ASCII and otherwise. */
const ASCII_MOST = 900;
const OTHER_MOST = 225;
const OPEN_MS = 10_000;
const STALL_MS = 30_000;
/** The time between two tries while the connection's queue is full. */
const AGAIN_MS = 1000;

const VERSION = octets(">1 ");
/** The value of an unknown field. RFC 5424 §6 (NILVALUE) */
const NIL = octets("-");
const NO_PROCESS = octets(" portero - ");
const SEQUENCE = octets(' [meta sequenceId="');
const SEQUENCE_END = octets('"] ');
const MARK = octets("\ufeff");

/** @returns the link; null on a board that is built without it (hal/without) */
export function makeSyslog(parts: LinkParts): Syslog | null {
  return new Syslog(parts);
}

export class Syslog implements TimerUser, ServerUser, StreamUser {
  readonly server: LinkServer;
  private readonly parts: LinkParts;
  /** The least urgent severity that is sent. */
  readonly level: number;
  private readonly timer: number;
  private readonly date = new CivilDate();
  private host = 0;
  private udp: UdpSocket | null = null;
  /** The connection by TCP; null by UDP. */
  private readonly stream: LinkStream | null;
  /** The time since which the connection has been opening or has taken no octets, ms; -1 while it takes them. */
  private stuckMs = -1;

  constructor(parts: LinkParts) {
    const { settings } = parts;
    this.parts = parts;
    this.level = levelOf(settings.get("syslog.level"));
    this.timer = parts.timers.make(this, 0);
    this.stream =
      settings.get("syslog.transport") === "tcp" ? new LinkStream(parts, "syslog.server", false, this) : null;
    this.server = new LinkServer("syslog", settings.get("syslog.server"), SYSLOG_PORT, parts, this);
  }

  /** Opens the socket, and sends the events that came before. @param ip our address */
  async start(ip: number): Promise<void> {
    const { stream } = this;
    this.host = ip;
    if (stream !== null) await stream.start(ip);
    else
      this.udp = await this.parts.device.udp({
        address: ip,
        port: 0,
        setting: "syslog.server",
        onError: () => {},
        onReadable: () => this.ignore(),
      });
    if (this.parts.queue.oldest(FOR_SYSLOG) < 0) return;
    this.parts.station.enter();
    this.parts.timers.start(this.timer, 0);
    this.parts.station.leave();
  }

  close(): void {
    this.udp?.close();
    this.udp = null;
    this.stream?.close();
  }

  onOpen(): void {
    this.stuckMs = -1;
    this.parts.timers.start(this.timer, 0);
  }

  /** A syslog server sends no answers, so received octets are dropped. */
  onData(): void {}

  onClose(problem: string): void {
    this.fail(problem === "" ? "the connection ended" : problem);
  }

  /** An event was put into the queue for this link. */
  onQueued(): void {
    const { timers } = this.parts;
    if (!timers.running(this.timer)) timers.start(this.timer, SYSLOG_WAIT_MS);
  }

  /** Writes the line of an event into the scratch. @param at its place in the queue @returns the end of the line */
  private writeLine(at: number, start: number): number {
    const { queue, scratch } = this.parts;
    const { writer: w, bytes } = scratch;
    const name = queue.name(at);
    w.begin(bytes, start, start + MESSAGE_BYTES);
    w.octet(0x3c);
    w.uint(8 * FACILITY + queue.severity(at));
    w.put(VERSION);
    this.writeTime(queue.timeS(at));
    w.octet(0x20);
    if (this.host === 0) w.put(NIL);
    else w.ip(this.host);
    w.put(NO_PROCESS);
    w.text(name);
    w.put(SEQUENCE);
    w.uint(queue.number(at, FOR_SYSLOG));
    w.put(SEQUENCE_END);
    const line = eventLine(name, queue.value(at), queue.fields(at));
    const isAscii = isPlain(line);
    const most = isAscii ? ASCII_MOST : OTHER_MOST;
    if (!isAscii) w.put(MARK);
    w.text(line.length <= most ? line : line.slice(0, pieceEnd(line, 0, most, line.length)));
    return w.at;
  }

  /** @returns one line for people */
  statusLine(): string {
    const { server, stream, parts } = this;
    const { queue } = parts;
    const state = stream === null ? "by udp" : stream.isOpen ? "connected" : stream.isBusy ? "connecting" : "idle";
    const nextMs = parts.timers.remaining(this.timer);
    return server.report(state, nextMs, queue.waiting(FOR_SYSLOG), queue.dropped(FOR_SYSLOG));
  }

  onFound(problem: string): void {
    if (problem !== "") this.fail(problem);
    else this.parts.timers.start(this.timer, 0);
  }

  onTimer(): void {
    const { server, udp, stream } = this;
    const { timers, queue, scratch } = this.parts;
    const at = queue.oldest(FOR_SYSLOG);
    if (at < 0 || (udp === null && stream?.isReady !== true)) return;
    if (!server.find(timers.nowMs)) return;
    if (stream !== null) this.sendByTcp(stream, at);
    else if (udp?.write(scratch.bytes, 0, this.writeLine(at, 0), server.ip, server.port)) this.sent();
    else this.fail("it cannot be sent");
    // Each wake sends one line.
    if (queue.oldest(FOR_SYSLOG) >= 0 && !timers.running(this.timer)) timers.start(this.timer, STEP_MS);
  }

  /** @param at the place of the event in the queue */
  private sendByTcp(stream: LinkStream, at: number): void {
    const { timers } = this.parts;
    if (!stream.isBusy) {
      const problem = stream.connect(this.server);
      if (problem !== "") this.fail(problem);
      else this.wait(OPEN_MS);
      return;
    }
    const { isOpen } = stream;
    if (isOpen && this.writeFrame(stream, at)) {
      this.stuckMs = -1;
      this.sent();
      return;
    }
    const mostMs = isOpen ? STALL_MS : OPEN_MS;
    if (this.stuckMs >= 0 && timers.nowMs - this.stuckMs >= mostMs)
      this.fail(isOpen ? "it takes nothing" : "no answer");
    else this.wait(isOpen ? AGAIN_MS : OPEN_MS);
  }

  /** Sends a line behind its length. @returns false if it cannot be sent now */
  private writeFrame(stream: LinkStream, at: number): boolean {
    const { writer: w, bytes } = this.parts.scratch;
    const end = this.writeLine(at, FRAME_BYTES);
    const length = end - FRAME_BYTES;
    const digits = length < 100 ? 2 : length < 1000 ? 3 : 4;
    const start = FRAME_BYTES - 1 - digits;
    w.begin(bytes, start, FRAME_BYTES);
    w.uint(length);
    w.octet(0x20);
    return stream.write(bytes, start, end);
  }

  private wait(ms: number): void {
    const { timers } = this.parts;
    if (this.stuckMs < 0) this.stuckMs = timers.nowMs;
    timers.start(this.timer, ms);
  }

  private sent(): void {
    const { queue } = this.parts;
    queue.take(FOR_SYSLOG);
    this.server.work(queue.dropped(FOR_SYSLOG));
  }

  private fail(reason: string): void {
    this.stream?.drop();
    this.stuckMs = -1;
    const { timers, queue } = this.parts;
    timers.start(this.timer, this.server.fail(reason, queue.dropped(FOR_SYSLOG)));
  }

  private ignore(): void {
    while (this.udp !== null && this.udp.read(this.parts.scratch.bytes) > 0);
  }

  /** Writes `2026-11-29T22:14:15Z`, or `-` for a time that is not known (0). */
  private writeTime(epochS: number): void {
    const w = this.parts.scratch.writer;
    if (epochS <= 0) {
      w.put(NIL);
      return;
    }
    const { date } = this;
    date.set(Math.floor(epochS / DAY_S));
    const second = epochS % DAY_S;
    w.uint(date.year);
    this.writeTwo(0x2d, date.month);
    this.writeTwo(0x2d, date.day);
    this.writeTwo(0x54, Math.floor(second / 3600));
    this.writeTwo(0x3a, Math.floor(second / 60) % 60);
    this.writeTwo(0x3a, second % 60);
    w.octet(0x5a);
  }

  private writeTwo(mark: number, value: number): void {
    const w = this.parts.scratch.writer;
    w.octet(mark);
    if (value < 10) w.octet(0x30);
    w.uint(value);
  }
}
