/**
 * Tests that the proxy makes nothing for a whole call that stays or has to be collected. It has a file of its own
 * because collections are measured.
 */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { perStep, stepsMade } from "../heap.js";
import { home } from "./house.js";
import { ProxyHouse, withoutState } from "./proxied.js";

const CALLER = ipv4("10.9.9.9");
const PHONE = ipv4("10.0.0.3");
const TO = octets("To: <sip:bob@example.org>");
const MARK = octets("Record-Route: <sip:");
const TAG = octets(";tag=bb");
const LINE = octets("SIP/2.0 200 OK\r\n");
const FROM_CALLER =
  "Via: SIP/2.0/UDP 10.9.9.9:5060;branch=z9hG4bK00000000\r\nMax-Forwards: 70\r\nFrom: <sip:zoe@elsewhere.net>;tag=zz\r\n";
const CALL_ID = "Call-ID: 00000000\r\n";
/** The digits of a route token that names flows: the caller is behind a NAT. */
const MARK_DIGITS = 73;
const ROUTE = "Route: <sip:" + "0".repeat(MARK_DIGITS) + "@10.0.0.1:5060;lr>\r\n";

/** @returns the offset of `text` in `bytes[0, end)` */
function find(bytes: Uint8Array, end: number, text: Uint8Array): number {
  for (let at = 0; at + text.length <= end; at++) {
    let i = 0;
    while (i < text.length && bytes[at + i] === text[i]) i += 1;
    if (i === text.length) return at;
  }
  return -1;
}

/** A message whose branch, Call-ID and mark change from call to call. */
class Template {
  readonly bytes: Uint8Array;
  private readonly places: number[];
  private readonly mark: number;

  constructor(text: string) {
    this.bytes = octets(text);
    this.places = [text.indexOf("z9hG4bK") + 7, text.indexOf("Call-ID: ") + 9];
    this.mark = text.indexOf("Route: <sip:") + 12;
  }

  set(call: number): void {
    for (let i = 0; i < this.places.length; i++) {
      let rest = call;
      for (let at = this.places[i] + 7; at >= this.places[i]; at--) {
        this.bytes[at] = 0x30 + (rest % 10);
        rest = (rest - (rest % 10)) / 10;
      }
    }
  }

  copyMark(from: Uint8Array, at: number): void {
    for (let i = 0; i < MARK_DIGITS; i++) this.bytes[this.mark + i] = from[at + i];
  }
}

/** The phone that a request reached: the request it got, and its answer. */
class Phone {
  readonly got = new Uint8Array(4096);
  size = 0;
  private readonly out = new Uint8Array(4096);
  private end = 0;

  /** Writes the whole request with the status line in place of the request line, and with a tag. */
  answer(status: number): Uint8Array {
    const { got, out } = this;
    let at = 0;
    for (; at < LINE.length; at++) out[at] = LINE[at];
    for (let i = 10, rest = status; i >= 8; i--) {
      out[i] = 0x30 + (rest % 10);
      rest = (rest - (rest % 10)) / 10;
    }
    let from = 0;
    while (got[from] !== 10) from += 1;
    const behindTo = find(got, this.size, TO) + TO.length;
    for (from += 1; from < this.size; from++) {
      if (from === behindTo && got[from] === 13) for (let i = 0; i < TAG.length; i++) out[at++] = TAG[i];
      out[at++] = got[from];
    }
    this.end = at;
    return out;
  }

  get answerEnd(): number {
    return this.end;
  }
}

/** Random numbers below 2^31: V8 makes an object of each that is larger. */
class Even extends ProxyHouse {
  constructor() {
    // These contacts outlive all the calls.
    super({}, [], null, home(), { maxS: 4_000_000 });
    let last = 1;
    this.random.uint32 = () => {
      last = (Math.imul(last, 1664525) + 1013904223) & 0x7fffffff;
      return last;
    };
  }
}

/** A house, a caller and bob's phones, call after call. */
class Calls {
  readonly house = new Even();
  calls = 0;
  toCaller = 0;
  toPhone = 0;
  private readonly phone = new Phone();
  /** A busy phone was tried before. */
  private readonly isBusyFirst: boolean;
  /** The message that the caller heard last. Its INVITE has the phone's own Contact, which the phone answers with. */
  private readonly heard = new Phone();
  private readonly invite = new Template(
    "INVITE sip:bob@example.org SIP/2.0\r\n" +
      FROM_CALLER +
      "To: <sip:bob@example.org>\r\n" +
      CALL_ID +
      "CSeq: 1 INVITE\r\nContact: <sip:zoe@10.0.0.3>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
  );
  private readonly ack = inDialog("ACK", 1);
  private readonly bye = inDialog("BYE", 2);

  constructor(isBusyFirst = false) {
    const { house, phone, heard } = this;
    this.isBusyFirst = isBusyFirst;
    if (isBusyFirst) house.bind("bob", "<sip:bob@10.0.0.4:5060>;expires=4000000");
    house.bind("bob", "<sip:bob@10.0.0.3:5060>;expires=4000000" + (isBusyFirst ? ";q=0.5" : ""));
    house.network.remember = false;
    house.network.sendDatagram = (ip, _port, bytes, start, end) => {
      const who = ip === CALLER ? heard : phone;
      if (ip === CALLER) this.toCaller += 1;
      else this.toPhone += 1;
      for (let i = start; i < end; i++) who.got[i - start] = bytes[i];
      who.size = end - start;
      return true;
    };
  }

  step(): void {
    const { phone, heard, invite, ack, bye } = this;
    const { timers } = this.house;
    this.calls += 1;
    invite.set(3 * this.calls);
    ack.set(3 * this.calls);
    bye.set(3 * this.calls);
    this.give(CALLER, invite.bytes, invite.bytes.length);
    if (this.isBusyFirst) this.give(PHONE, phone.answer(486), phone.answerEnd);
    this.give(PHONE, phone.answer(180), phone.answerEnd);
    this.give(PHONE, phone.answer(200), phone.answerEnd);
    const mark = find(heard.got, heard.size, MARK) + MARK.length;
    ack.copyMark(heard.got, mark);
    bye.copyMark(heard.got, mark);
    this.give(CALLER, ack.bytes, ack.bytes.length);
    this.give(CALLER, bye.bytes, bye.bytes.length);
    this.give(PHONE, phone.answer(200), phone.answerEnd);
    // Now and then enough time passes for the transactions to end.
    if (this.calls % 10 === 0) timers.poll(timers.nowMs + 40_000);
  }

  /** @returns the octets that one call costs, the lowest of all measurements */
  measure(): number {
    return perStep(() => this.step(), 2000);
  }

  private give(ip: number, bytes: Uint8Array, end: number): void {
    this.house.layer.receiveDatagram(ip, 5060, bytes, 0, end);
  }
}

function inDialog(method: string, cseq: number): Template {
  return new Template(
    method +
      " sip:bob@10.0.0.3:5060 SIP/2.0\r\n" +
      FROM_CALLER +
      "To: <sip:bob@example.org>;tag=bb\r\n" +
      CALL_ID +
      ROUTE +
      "CSeq: " +
      cseq +
      " " +
      method +
      "\r\nContent-Length: 0\r\n\r\n",
  );
}

/** The limit for at most 24,000 calls of five to nine messages each, on a machine that has other work. */
const LONG_MS = 60_000;

describe("makes nothing on the heap for a call", { timeout: LONG_MS }, () => {
  // The first and the last measured 0.13 octets a call. The smallest object has 16.
  it("that is forwarded, rings, is answered, acknowledged and ended", () => {
    const all = new Calls();
    expect(all.measure()).toBeLessThan(1);
    const { calls, house } = all;
    expect(calls).toBe(stepsMade());
    expect(house.proxy.counters).toMatchObject({ forwarded: 2 * calls, followed: 2 * calls, failed: 0, dropped: 0 });
    expect(house.layer.counters).toMatchObject({ malformed: 0, dropped: 0, retransmitted: 0 });
    // The caller hears 100, 180, 200 and 200; the phone gets INVITE, ACK and BYE.
    expect(all.toCaller).toBe(4 * calls);
    expect(all.toPhone).toBe(3 * calls);
  });

  it("that a second phone answers because the first was busy", () => {
    const all = new Calls(true);
    // This measured 8 octets, one view in ten calls: of the messages kept it knows the last four.
    expect(all.measure()).toBeLessThan(16);
    const { calls, house } = all;
    expect(house.proxy.counters).toMatchObject({ forwarded: 3 * calls, followed: 2 * calls, failed: 0, dropped: 0 });
    expect(house.layer.counters).toMatchObject({ malformed: 0, dropped: 0, retransmitted: 0 });
    expect(all.toCaller).toBe(4 * calls);
    // The second phone adds one INVITE, and the first one the ACK for its 486.
    expect(all.toPhone).toBe(5 * calls);
  });

  it("that a proxy without state passes on", () => {
    const all = new Calls();
    const proxy = withoutState(all.house);
    expect(all.measure()).toBeLessThan(1);
    expect(proxy.counters).toMatchObject({ forwarded: 6 * all.calls, answered: 0, dropped: 0 });
    expect(all.toCaller).toBe(3 * all.calls);
    expect(all.toPhone).toBe(3 * all.calls);
  });
});
