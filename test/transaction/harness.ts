/** A transaction layer in virtual time, on a network that only remembers, with users above that only remember. */
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import type { RandomSource } from "../../src/core/random.js";
import { Timers } from "../../src/core/timers.js";
import type { ClientTransaction, ClientUser } from "../../src/transaction/client.js";
import type { Flow } from "../../src/transaction/flow.js";
import { TransactionLayer, type TransactionUser, transactionTimers } from "../../src/transaction/layer.js";
import type { Network } from "../../src/transaction/network.js";
import type { ServerOwner, ServerTransaction } from "../../src/transaction/server.js";
import type { TransactionLimits } from "../../src/transaction/transport.js";
import type { Message } from "../../src/wire/message.js";
import { METHOD_NAMES, TRANSPORT_UDP } from "../../src/wire/names.js";
import { Uri } from "../../src/wire/uri.js";
import { CountingRandom } from "../random.js";

export const LIMITS: TransactionLimits = {
  clients: 6,
  servers: 6,
  transactionBytes: 4096,
  headerRows: 64,
  streams: 4,
  messageBytes: 4096,
  names: 3,
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};

export const LOCAL = "10.0.0.1";
export const PEER = "10.0.0.2";

export interface Sent {
  atMs: number;
  /** "udp 10.0.0.2:5060" or "tcp 7 10.0.0.2:5060" with the connection's number */
  to: string;
  text: string;
  /** The start line. */
  line: string;
}

/** Remembers the messages that were sent; `fail*` make it fail at once. */
export class FakeNetwork implements Network {
  sent: Sent[] = [];
  asked: { id: number; name: string; port: number; transport: number }[] = [];
  closed: number[] = [];
  failDatagrams = false;
  failStreams = false;
  /** The connections that are open, by "ip:port". */
  open = new Map<string, number>();
  lastConnection = 100;
  /** Counts how often a stream was asked for without a connection's number. */
  searches = 0;
  /** False for long runs: messages are not remembered, only counted. */
  remember = true;
  count = 0;
  /** Missing: there is no TLS. */
  secureStream: Network["secureStream"];
  private readonly timers: Timers;

  constructor(timers: Timers) {
    this.timers = timers;
  }

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.failDatagrams) return false;
    this.count += 1;
    if (this.remember) this.keep("udp " + ipv4Text(ip) + ":" + port, bytes, start, end);
    return true;
  }

  sendStream(connection: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.failStreams) return -1;
    this.count += 1;
    if (!this.remember) return connection;
    const key = ipv4Text(ip) + ":" + port;
    let number = connection;
    if (number < 0) {
      this.searches += 1;
      number = this.open.get(key) ?? ++this.lastConnection;
      this.open.set(key, number);
    }
    this.keep("tcp " + number + " " + key, bytes, start, end);
    return number;
  }

  closeStream(connection: number): void {
    this.closed.push(connection);
  }

  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number, transport: number): void {
    this.asked.push({ id, name: text(bytes, start, end), port, transport });
  }

  /** @returns the messages sent since the last call */
  take(): Sent[] {
    const all = this.sent;
    this.sent = [];
    return all;
  }

  private keep(to: string, bytes: Uint8Array, start: number, end: number): void {
    const content = text(bytes, start, end);
    this.sent.push({ atMs: this.timers.nowMs, to, text: content, line: content.slice(0, content.indexOf("\r\n")) });
  }
}

/** Remembers the events that the layer told, as lines; `answer` does something with a request in time. */
export class Recorder implements TransactionUser, ClientUser, ServerOwner {
  events: string[] = [];
  requests: ServerTransaction[] = [];
  answer: ((t: ServerTransaction, m: Message) => void) | null = null;
  onEachResponse: ((t: ClientTransaction, m: Message) => void) | null = null;
  onEachFailure: ((t: ClientTransaction) => void) | null = null;
  onEachCancel: ((t: ServerTransaction) => void) | null = null;

  onRequest(t: ServerTransaction, m: Message): void {
    this.events.push("request " + text(m.bytes, m.methodStart, m.methodEnd));
    this.requests.push(t);
    t.owner = this;
    this.answer?.(t, m);
  }

  onAck(m: Message, source: Flow): void {
    this.events.push("ack " + m.cseq + " from " + ipv4Text(source.ip) + ":" + source.port);
  }

  onCancel(t: ServerTransaction): void {
    this.events.push("cancel");
    this.onEachCancel?.(t);
  }

  onAckTimeout(): void {
    this.events.push("ack timeout");
  }

  onServerTerminated(t: ServerTransaction): void {
    this.events.push("server terminated " + text(METHOD_NAMES[t.method]));
  }

  onResponse(t: ClientTransaction, m: Message): void {
    this.events.push("response " + m.status);
    this.onEachResponse?.(t, m);
  }

  onFailure(t: ClientTransaction, cause: number): void {
    this.events.push("failure " + cause);
    this.onEachFailure?.(t);
  }

  onTerminated(): void {
    this.events.push("terminated");
  }

  /** @returns the events told since the last call */
  take(): string[] {
    const all = this.events;
    this.events = [];
    return all;
  }
}

export class Harness {
  readonly timers: Timers;
  readonly network: FakeNetwork;
  readonly user = new Recorder();
  readonly layer: TransactionLayer;

  constructor(limits: Partial<TransactionLimits> = {}, random: RandomSource = new CountingRandom()) {
    const all = { ...LIMITS, ...limits };
    this.timers = new Timers(transactionTimers(all));
    this.network = new FakeNetwork(this.timers);
    this.layer = new TransactionLayer({ timers: this.timers, random, network: this.network, limits: all }, this.user);
    this.layer.setLocal(ipv4(LOCAL), 5060, 5060);
  }

  /** Lets `ms` pass, each timer at its time. */
  pass(ms: number): void {
    const untilMs = this.timers.nowMs + ms;
    while (this.timers.next() <= untilMs) this.timers.poll(this.timers.next());
    this.timers.poll(untilMs);
  }

  /** Fires the timers that are due now. */
  settle(): void {
    this.pass(0);
  }

  receive(message: string, from = PEER + ":5060"): void {
    const bytes = octets(message);
    const [ip, port] = from.split(":");
    this.layer.receiveDatagram(ipv4(ip), Number(port), bytes, 0, bytes.length);
  }

  receiveTcp(connection: number, message: string): void {
    const bytes = octets(message);
    this.layer.receiveStream(connection, bytes, 0, bytes.length);
  }

  opened(connection: number, from: string): boolean {
    const [ip, port] = from.split(":");
    return this.layer.streamOpened(connection, ipv4(ip), Number(port));
  }

  /** Writes a request and aims it at `target`, by default the URI's host by UDP; it is not sent yet. */
  prepare(method: number, target = "sip:bob@" + PEER, extra = "", body = ""): ClientTransaction {
    const t = this.layer.client(this.user);
    if (t === null) throw new Error("no client transaction free");
    const uri = octets(target);
    const w = t.beginRequest(method, uri, 0, uri.length);
    w.put(
      octets(
        extra +
          "Max-Forwards: 70\r\nFrom: <sip:door@door.example>;tag=ours\r\nTo: <sip:bob@example.com>\r\n" +
          "Call-ID: c1@door\r\nCSeq: 7 " +
          text(METHOD_NAMES[method]) +
          "\r\nContent-Length: " +
          octets(body).length +
          "\r\n\r\n" +
          body,
      ),
    );
    this.aim(t, target);
    return t;
  }

  aim(t: ClientTransaction, target: string): void {
    const uri = parsed(target);
    t.aimRequest(uri, TRANSPORT_UDP);
  }

  /** Prepares the request and sends it. */
  send(method: number, target?: string, extra?: string, body?: string): ClientTransaction {
    const t = this.prepare(method, target, extra, body);
    if (!t.sendRequest()) throw new Error("not sent");
    return t;
  }

  /** Acknowledges the 2xx `m`; it is called inside onResponse. */
  ack(t: ClientTransaction, m: Message, target = "sip:bob@" + PEER, body = ""): void {
    const uri = octets(target);
    const w = t.beginAck(m, uri, 0, uri.length);
    t.aimAck(parsed(target), TRANSPORT_UDP);
    w.put(
      octets(
        "Max-Forwards: 70\r\nFrom: <sip:door@door.example>;tag=ours\r\nTo: " +
          text(m.bytes, m.toStart, m.toEnd) +
          "\r\nCall-ID: c1@door\r\nCSeq: 7 ACK\r\nContent-Length: " +
          octets(body).length +
          "\r\n\r\n" +
          body,
      ),
    );
    t.sendAck();
  }
}

export function parsed(uri: string): Uri {
  const bytes = octets(uri);
  const out = new Uri();
  if (!out.parse(bytes, 0, bytes.length)) throw new Error("not a URI: " + uri);
  return out;
}

/** Returns the values of the header fields of that name, in order. */
export function fields(message: string, name: string): string[] {
  const head = message.slice(0, message.indexOf("\r\n\r\n"));
  const found: string[] = [];
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (line.slice(0, colon).toLowerCase() === name.toLowerCase()) found.push(line.slice(colon + 1).trim());
  }
  return found;
}

export function field(message: string, name: string): string {
  return fields(message, name)[0] ?? "";
}

/** @returns a peer's response to a request of ours. `tag` becomes its To tag, unless the request has one */
export function responseTo(request: string, status: number, tag = "", extra = "", reason = "Reason"): string {
  const to = field(request, "To");
  return (
    "SIP/2.0 " +
    status +
    " " +
    reason +
    "\r\n" +
    fields(request, "Via")
      .map((via) => "Via: " + via + "\r\n")
      .join("") +
    "From: " +
    field(request, "From") +
    "\r\nTo: " +
    to +
    (tag !== "" && !to.includes(";tag=") ? ";tag=" + tag : "") +
    "\r\nCall-ID: " +
    field(request, "Call-ID") +
    "\r\nCSeq: " +
    field(request, "CSeq") +
    "\r\n" +
    extra +
    "Content-Length: 0\r\n\r\n"
  );
}

export interface RequestParts {
  method?: string;
  uri?: string;
  via?: string;
  branch?: string;
  from?: string;
  to?: string;
  callId?: string;
  cseq?: string;
  extra?: string;
  body?: string;
}

/** @returns a request of a peer */
export function request(parts: RequestParts = {}): string {
  const method = parts.method ?? "INVITE";
  const via = parts.via ?? "SIP/2.0/UDP " + PEER + ":5060;branch=" + (parts.branch ?? "z9hG4bKabc");
  return (
    method +
    " " +
    (parts.uri ?? "sip:door@" + LOCAL) +
    " SIP/2.0\r\nVia: " +
    via +
    "\r\nMax-Forwards: 70\r\nFrom: " +
    (parts.from ?? "<sip:bob@example.com>;tag=theirs") +
    "\r\nTo: " +
    (parts.to ?? "<sip:door@door.example>") +
    "\r\nCall-ID: " +
    (parts.callId ?? "c2@peer") +
    "\r\nCSeq: " +
    (parts.cseq ?? "1") +
    " " +
    method +
    "\r\n" +
    (parts.extra ?? "") +
    "Content-Length: " +
    octets(parts.body ?? "").length +
    "\r\n\r\n" +
    (parts.body ?? "")
  );
}
