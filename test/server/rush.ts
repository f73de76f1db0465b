/**
 * A proxy in virtual time that takes a while for each datagram, behind a queue of limited length, and callers who come
 * at a given rate whether they are answered or not: each calls with a password, acknowledges, hangs up at once, and
 * repeats what is not answered (T1).
 */
import { Probe } from "../../host-sim/server/probe.js";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Overload } from "../../src/server/overload.js";
import { CountingRandom } from "../random.js";
import { field, fields, responseTo, type Sent } from "../transaction/harness.js";
import { home } from "./house.js";
import { ask, ProxyHouse } from "./proxied.js";

const BOB = "10.0.0.3:5060";
const CALLER = "10.0.0.2:5060";
const T1_MS = 500;
const TIMER_B_MS = 32_000;

interface Call {
  /** The request that is repeated until an answer comes, and the time of its next repetition. */
  request: string;
  nextMs: number;
  intervalMs: number;
  begunMs: number;
  cseq: number;
  contact: string;
  state: "asking" | "calling" | "ending";
  number: number;
}

export class Rush {
  readonly house = new ProxyHouse({}, [], null, { ...home(), transactions: 4000, nonces: 65536 });
  readonly overload: Overload | null;
  /** The number of calls begun so far. */
  count = 0;
  /** The calls that have not ended yet. */
  private readonly calls = new Map<string, Call>();
  /** The time when each call came to its good end, ms, and the number of that call. */
  private readonly goodMs: number[] = [];
  private readonly goodNumbers: number[] = [];
  refused = 0;
  /** The longest time that a datagram waited. */
  waitMostMs = 0;
  private readonly probe = new Probe(new CountingRandom());
  private readonly queue: { bytes: Uint8Array; from: string; atMs: number }[] = [];
  private readonly places: number;
  private readonly costMs: number;
  private readyMs = 0;
  private oweCalls = 0;

  /** @param places datagrams that the kernel keeps @param isSteered whether new requests are turned away */
  constructor(costMs: number, places: number, isSteered = true) {
    this.costMs = costMs;
    this.places = places;
    const { house } = this;
    this.overload = isSteered ? new Overload(house.auth) : null;
    house.server.overload = this.overload;
    house.server.judge = house.proxy.admission;
    house.bind("bob", "<sip:bob@10.0.0.3>");
  }

  /** @param rate new calls a second */
  run(ms: number, rate: number): void {
    const untilMs = this.house.timers.nowMs + ms;
    while (this.house.timers.nowMs < untilMs) {
      const nowMs = this.house.timers.nowMs + 1;
      for (this.oweCalls += rate / 1000; this.oweCalls >= 1; this.oweCalls--) this.begin(nowMs);
      this.repeat(nowMs);
      this.house.pass(1);
      this.deliver();
      this.serve(nowMs);
    }
  }

  /** @returns the good calls a second that ended in the last `ms` */
  good(ms: number): number {
    const fromMs = this.house.timers.nowMs - ms;
    return (this.goodMs.filter((atMs) => atMs > fromMs).length * 1000) / ms;
  }

  /** @returns how many of the calls begun after that many had a good end */
  goodSince(count: number): number {
    return this.goodNumbers.filter((number) => number > count).length;
  }

  private put(bytes: Uint8Array, from: string, atMs: number): void {
    if (this.queue.length < this.places) this.queue.push({ bytes, from, atMs });
  }

  /** The server takes what waits, as long as it has time in this millisecond. */
  private serve(nowMs: number): void {
    const { house, probe, overload } = this;
    if (this.readyMs < nowMs) this.readyMs = nowMs;
    while (this.readyMs < nowMs + 1 && this.queue.length > 0) {
      const next = this.queue.shift()!;
      this.readyMs += this.costMs;
      this.waitMostMs = Math.max(this.waitMostMs, nowMs - next.atMs);
      if (probe.startIfDue(this.readyMs)) this.put(probe.bytes.slice(), "", this.readyMs);
      overload?.noteWait(probe.waitMs(this.readyMs), this.readyMs);
      if (probe.takeReturned(next.bytes, next.bytes.length, this.readyMs)) continue;
      const [ip, port] = next.from.split(":");
      house.layer.receiveDatagram(ipv4(ip), Number(port), next.bytes, 0, next.bytes.length);
      this.deliver();
    }
  }

  private deliver(): void {
    for (const sent of this.house.network.take()) {
      if (sent.to.endsWith(BOB)) this.bob(sent);
      else if (sent.to.endsWith(CALLER)) this.caller(sent);
    }
  }

  private send(message: string, from: string): void {
    this.put(octets(message), from, this.house.timers.nowMs);
  }

  private bob(request: Sent): void {
    const method = request.line.split(" ")[0];
    const recorded = fields(request.text, "Record-Route").map((route) => "Record-Route: " + route + "\r\n");
    if (method === "INVITE") {
      this.send(responseTo(request.text, 180, "bb", recorded.join("")), BOB);
      this.send(responseTo(request.text, 200, "bb", recorded.join("") + "Contact: <sip:bob@10.0.0.3>\r\n"), BOB);
    } else if (method === "BYE") this.send(responseTo(request.text, 200, "bb"), BOB);
  }

  private begin(nowMs: number): void {
    const callId = "rush" + ++this.count;
    const call: Call = {
      request: "",
      nextMs: 0,
      intervalMs: T1_MS,
      begunMs: nowMs,
      cseq: 1,
      contact: "Contact: <sip:alice@10.0.0.2>\r\n",
      state: "asking",
      number: this.count,
    };
    this.calls.set(callId, call);
    this.transmit(call, this.requestOf(callId, "INVITE", 1, call.contact), nowMs);
  }

  private requestOf(
    callId: string,
    method: string,
    cseq: number,
    extra: string,
    uri?: string,
    branch?: string,
  ): string {
    return ask({
      method,
      callId,
      cseq,
      extra,
      uri,
      branch: branch ?? "z9hG4bK" + callId + method + cseq,
      via: undefined,
      from: "<sip:alice@example.org>;tag=" + callId,
      to: "<sip:bob@example.org>" + (method === "BYE" || uri !== undefined ? ";tag=bb" : ""),
    }).replace("10.9.9.9:5060", CALLER);
  }

  private transmit(call: Call, request: string, nowMs: number): void {
    call.request = request;
    call.intervalMs = T1_MS;
    call.nextMs = nowMs + T1_MS;
    this.put(octets(request), CALLER, nowMs);
  }

  private repeat(nowMs: number): void {
    for (const [callId, call] of this.calls) {
      if (nowMs < call.nextMs) continue;
      if (nowMs > call.begunMs + TIMER_B_MS) {
        this.calls.delete(callId);
        continue;
      }
      call.intervalMs *= 2;
      call.nextMs = nowMs + call.intervalMs;
      this.put(octets(call.request), CALLER, nowMs);
    }
  }

  private caller(response: Sent): void {
    const callId = field(response.text, "Call-ID");
    const call = this.calls.get(callId);
    if (call === undefined) return;
    const status = Number(response.line.split(" ")[1]);
    const [cseq, method] = field(response.text, "CSeq").split(" ");
    const nowMs = this.house.timers.nowMs;
    if (Number(cseq) !== call.cseq) return;
    if (status < 200) {
      call.nextMs = Infinity;
      return;
    }
    const ack = (extra = "", uri?: string): void =>
      this.send(
        this.requestOf(
          callId,
          "ACK",
          call.cseq,
          extra,
          uri,
          uri === undefined ? "z9hG4bK" + callId + "INVITE" + cseq : undefined,
        ),
        CALLER,
      );
    if (method === "INVITE" && status === 407 && call.state === "asking") {
      ack();
      call.cseq = 2;
      call.state = "calling";
      const credentials = this.house.answerTo(response.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
      this.transmit(call, this.requestOf(callId, "INVITE", 2, call.contact + credentials), nowMs);
    } else if (method === "INVITE" && status < 300) {
      const route = fields(response.text, "Record-Route").map((value) => "Route: " + value + "\r\n");
      ack(route.join(""), "sip:bob@10.0.0.3");
      if (call.state !== "calling") return;
      call.state = "ending";
      call.cseq = 3;
      this.transmit(call, this.requestOf(callId, "BYE", 3, route.join(""), "sip:bob@10.0.0.3"), nowMs);
    } else if (method === "INVITE") {
      ack();
      this.refused += 1;
      this.calls.delete(callId);
    } else if (call.state === "ending") {
      if (status === 200) {
        this.goodMs.push(nowMs);
        this.goodNumbers.push(call.number);
      }
      this.calls.delete(callId);
    }
  }
}
