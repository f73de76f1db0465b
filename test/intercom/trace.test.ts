/** Tests the kept messages of the last call: as a ladder, as a pcap, and without their secrets. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { base64, Trace } from "../../src/intercom/trace.js";
import { Flow } from "../../src/transaction/flow.js";
import {
  DETOUR_KNOWN,
  DETOUR_LATE,
  DETOUR_LONG,
  DETOUR_LOST,
  DETOUR_NONE,
  DETOUR_REFUSED,
  DETOUR_SILENT,
} from "../../src/transaction/transport.js";
import { TRANSPORT_TCP, TRANSPORT_UDP } from "../../src/wire/names.js";
import { World } from "../ua/harness.js";
import { House } from "./house.js";
import { Phone } from "./phone.js";

function message(first: string, method: string, more = "", body = ""): string {
  return (
    first + "\r\nCall-ID: a\r\nCSeq: 1 " + method + "\r\n" + more + "Content-Length: " + body.length + "\r\n\r\n" + body
  );
}

const INVITE = message("INVITE sip:b@10.0.0.9 SIP/2.0", "INVITE", "Content-Type: application/sdp\r\n", "v=0\r\n");
const OK = message("SIP/2.0 200 OK", "INVITE", "c: Application/SDP\r\n", "v=0\r\n");

function tell(trace: Trace, text: string, isOut = true, transport = TRANSPORT_UDP): void {
  const flow = new Flow();
  flow.set(transport, ipv4("10.0.0.9"), 5060, -1);
  // Other octets stand around the message, as in a stream.
  const bytes = octets("\r\nX" + text + "CSeq: 9 BYE");
  trace.onMessage(isOut, flow, bytes, 3, 3 + octets(text).length);
}

function made(bytes = 65536, most = 4096): { trace: Trace; timers: Timers } {
  const timers = new Timers(1);
  return { trace: new Trace(timers, bytes, most), timers };
}

describe("the trace of a call", () => {
  it("has stars in the place of the keys of encrypted sound", () => {
    const { trace } = made();
    const key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    const lines = ["v=0", `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${key}|2^20`, `a=crypto:2 X INLINE:${key}`, ""];
    tell(trace, message("SIP/2.0 200 OK", "INVITE", "c: Application/SDP\r\n", lines.join("\r\n")));
    const pcap = Buffer.from(trace.pcap(1, 5060, 5060, 0)).toString("latin1");
    expect(pcap).toContain("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***");
    expect(pcap).not.toContain(key.slice(0, 8));
  });

  it.each(["c: multipart/mixed;boundary=b\r\n", "c: text/plain\r\n", ""])(
    "shows no key in a body of any type: %j",
    (type) => {
      const { trace } = made();
      const key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
      const part = `--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\na=crypto:1 X inline:${key}\r\n--b--\r\n`;
      tell(trace, message("SIP/2.0 200 OK", "INVITE", type, part));
      const pcap = Buffer.from(trace.pcap(1, 5060, 5060, 0)).toString("latin1");
      expect(pcap).toContain("inline:***");
      expect(pcap).not.toContain(key.slice(0, 8));
    },
  );

  it("reads the first CSeq and the first Content-Type, whatever other fields look like them", () => {
    const { trace } = made();
    const key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    const like =
      "CSeqs: 1 BYE\r\nC: text/plain\r\nCompany-Type: x\r\nContent-Typed: x\r\nCSeq : 2 BYE\r\nCo\r\nC\r\nCS";
    tell(
      trace,
      message(
        "SIP/2.0 200 OK",
        "INVITE",
        `content-type : application/sdp\r\n${like}\r\n`,
        `a=crypto:1 X inline:${key}\r\n`,
      ),
    );
    expect(trace.ladder()).toContain("200 OK INVITE (SDP)");
    expect(Buffer.from(trace.pcap(1, 5060, 5060, 0)).toString("latin1")).not.toContain(key.slice(0, 8));
    tell(trace, "BYE sip:b@x SIP/2.0\r\nCompany-Type: application/sdp\r\nCS: 1 INVITE\r\nCSeq:3 BYE");
    expect(trace.ladder()).toContain("BYE sip:b@x\n");
  });

  it("is a ladder: when, which way, with whom, what", () => {
    const { trace, timers } = made();
    timers.nowMs = 5000;
    tell(trace, INVITE);
    timers.nowMs = 5012;
    tell(trace, message("SIP/2.0 180 Ringing", "INVITE"), false);
    timers.nowMs = 17_345;
    tell(trace, OK, false, TRANSPORT_TCP);
    expect(trace.ladder().split("\n")).toEqual([
      "     0.000 -> 10.0.0.9:5060             INVITE sip:b@10.0.0.9 (SDP)",
      "     0.012 <- 10.0.0.9:5060             180 Ringing INVITE",
      "    12.345 <- 10.0.0.9:5060 tcp         200 OK INVITE (SDP)",
      "",
    ]);
  });

  it("says why a request goes by another transport than it was meant to", () => {
    const { trace } = made();
    const flow = new Flow();
    const send = (why: number, transport: number) => {
      trace.onDetour(flow, why);
      tell(trace, INVITE, true, transport);
    };
    send(DETOUR_LONG, TRANSPORT_TCP);
    for (const why of [
      DETOUR_REFUSED,
      DETOUR_LATE,
      DETOUR_SILENT,
      DETOUR_LOST,
      DETOUR_NONE,
      DETOUR_KNOWN + DETOUR_LATE,
    ])
      send(why, TRANSPORT_UDP);
    // The messages that came in between and those that follow have no such line.
    trace.onDetour(flow, DETOUR_LONG);
    tell(trace, OK, false);
    tell(trace, message("REGISTER sip:x SIP/2.0", "REGISTER"));
    tell(trace, INVITE);
    const size = octets(INVITE).length;
    expect(trace.ladder().trimEnd().split("\n")).toEqual([
      `     0.000 -> 10.0.0.9:5060 tcp         INVITE sip:b@10.0.0.9 (SDP) [${size} octets: too long for UDP]`,
      ...[
        "TCP refused or reset",
        "no TCP connection in time",
        "no response by TCP",
        "TCP connection lost",
        "no TCP connection to be had",
        "no TCP connection in time, as before",
      ].map(
        (reason) => `     0.000 -> 10.0.0.9:5060             INVITE sip:b@10.0.0.9 (SDP) [${size} octets: ${reason}]`,
      ),
      "     0.000 <- 10.0.0.9:5060             200 OK INVITE (SDP)",
      "     0.000 -> 10.0.0.9:5060             INVITE sip:b@10.0.0.9 (SDP)",
    ]);
  });

  it("begins anew with the INVITE after a call, not with one in it; what is no call's is left out", () => {
    const { trace } = made();
    tell(trace, message("REGISTER sip:x SIP/2.0", "REGISTER"));
    tell(trace, message("OPTIONS sip:x SIP/2.0", "OPTIONS"), false);
    tell(trace, "\r\n\r\n");
    expect(trace.ladder()).toBe("");
    tell(trace, INVITE);
    tell(trace, INVITE);
    trace.rest();
    tell(trace, message("SIP/2.0 200 OK", "BYE"), false);
    expect(trace.ladder().split("\n").length).toBe(4);
    tell(trace, INVITE);
    expect(trace.ladder().split("\n").length).toBe(2);
  });

  it("masks answers to challenges, and bodies in which codes may stand", () => {
    const { trace } = made();
    const digest = 'Authorization: Digest username="door", response="0123456789abcdef", nonce="n"\r\n';
    tell(trace, message("INVITE sip:b@x SIP/2.0", "INVITE", digest));
    tell(trace, message("INFO sip:b@x SIP/2.0", "INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=7\r\n"));
    const kept = Buffer.from(trace.pcap(0, 5060, 5060, 0)).toString("latin1");
    expect(kept).toContain('response="****************", nonce="n"');
    expect(kept).not.toContain("0123456789abcdef");
    expect(kept).toContain("********\r\n");
    expect(kept).not.toContain("Signal");
  });

  it("keeps of each message what there is room for, and the youngest of them", () => {
    const { trace } = made(DOOR_LIMITS.traceBytes, DOOR_LIMITS.traceMessageBytes);
    for (let i = 0; i < 40; i++)
      tell(trace, message("INVITE sip:" + i + "@10.0.0.9 SIP/2.0", "INVITE", "X: " + "x".repeat(900) + "\r\n"));
    const lines = trace.ladder().trim().split("\n");
    expect(lines.length).toBe(Math.floor(DOOR_LIMITS.traceBytes / (DOOR_LIMITS.traceMessageBytes + 16)));
    expect(lines.at(-1)).toContain("INVITE sip:39@");
    expect(lines[0]).toContain("INVITE sip:" + (40 - lines.length) + "@");
    // A method that stands behind the kept octets is known all the same.
    tell(trace, "SIP/2.0 486 Busy\r\nX: " + "x".repeat(900) + "\r\nCSeq: 1 INVITE\r\n\r\n", false);
    expect(trace.ladder().trim().split("\n").at(-1)).toContain("486 Busy INVITE");
  });

  it("prints nothing that moves a terminal's cursor", () => {
    const { trace } = made();
    tell(trace, message("INVITE sip:\x1b[2J\x07@x SIP/2.0", "INVITE"));
    for (const c of trace.ladder()) expect(c === "\n" || (c >= " " && c !== "\x7f")).toBe(true);
  });

  it("is a pcap with right lengths, addresses and checksums, cut where the message was", () => {
    const { trace, timers } = made(4096, 100);
    tell(trace, INVITE);
    timers.nowMs = 1500;
    tell(trace, OK, false, TRANSPORT_TCP);
    tell(trace, OK, false, TRANSPORT_TCP);
    const file = Buffer.from(trace.pcap(ipv4("10.0.0.1"), 5060, 5070, 1_700_000_000));
    expect(file.readUInt32BE(0)).toBe(0xa1b2c3d4);
    expect(file.readUInt32BE(20)).toBe(101);
    const packets: { s: number; us: number; kept: number; long: number; data: Buffer }[] = [];
    for (let at = 24; at < file.length; ) {
      const [s, us, kept, long] = [0, 4, 8, 12].map((offset) => file.readUInt32BE(at + offset));
      packets.push({ s, us, kept, long, data: file.subarray(at + 16, at + 16 + kept) });
      at += 16 + kept;
    }
    expect(packets.map(({ s, us }) => s + "." + us)).toEqual([
      "1700000000.0",
      "1700000001.500000",
      "1700000001.500000",
    ]);
    const [udp, tcp, next] = packets;
    expect(udp.long).toBe(20 + 8 + octets(INVITE).length);
    expect(udp.kept).toBe(20 + 8 + 100);
    expect([...udp.data.subarray(12, 20)]).toEqual([10, 0, 0, 1, 10, 0, 0, 9]);
    expect(udp.data.readUInt16BE(24)).toBe(8 + octets(INVITE).length);
    expect([...tcp.data.subarray(12, 20)]).toEqual([10, 0, 0, 9, 10, 0, 0, 1]);
    expect(tcp.data.readUInt16BE(22)).toBe(5070);
    expect(next.data.readUInt32BE(24) - tcp.data.readUInt32BE(24)).toBe(octets(OK).length);
    for (const { data } of packets) {
      let sum = 0;
      for (let i = 0; i < 20; i += 2) sum += data.readUInt16BE(i);
      expect((sum & 0xffff) + (sum >>> 16)).toBe(0xffff);
    }
  });

  it("is told in base64 as others read it", () => {
    for (let size = 0; size < 100; size++) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 37 + size) & 255);
      expect(base64(bytes, 0)).toBe(Buffer.from(bytes).toString("base64"));
      expect(base64(bytes, 76).replace(/\n/g, "")).toBe(base64(bytes, 0));
    }
  });

  it("has a visitor's call from the press to the end", () => {
    const world = new World();
    const house = new House(world, "call.target=sip:p@10.0.0.10");
    const phone = new Phone(world, "10.0.0.10");
    house.press();
    world.run(100);
    phone.say("200 OK");
    world.run(500);
    house.door.hangUp("");
    world.run(500);
    expect(
      house.door.trace
        .ladder()
        .trim()
        .split("\n")
        .map((line) => line.replace(/^ *[\d.]+ (..) \S+ +/, "$1 ")),
    ).toEqual([
      "-> INVITE sip:p@10.0.0.10 (SDP)",
      "<- 180 Ringing INVITE",
      "<- 200 OK INVITE (SDP)",
      "-> ACK sip:x@10.0.0.10",
      "-> BYE sip:x@10.0.0.10",
      "<- 200 OK BYE",
    ]);
  });
});
