import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { FAILURE_RESOLVE, FAILURE_TRANSPORT } from "../../src/transaction/client.js";
import { METHOD_INVITE, METHOD_MESSAGE, METHOD_OPTIONS, TRANSPORT_UDP } from "../../src/wire/names.js";
import { STUN_ADDRESS, StunBinding } from "../../src/wire/stun.js";
import { CountingRandom } from "../random.js";
import { field, Harness, PEER, request, responseTo } from "./harness.js";

const TCP_PEER = "sip:bob@" + PEER + ";transport=tcp";
const TCP_VIA = "SIP/2.0/TCP " + PEER + ":5060;branch=z9hG4bKabc";

let h: Harness;

beforeEach(() => {
  h = new Harness();
});

describe("TCP connections (RFC 3261 §18)", () => {
  it("find messages in octets that come in any pieces", () => {
    h.user.answer = (t) => t.reply(200);
    h.opened(5, PEER + ":40000");
    const both = octets(
      request({ method: "OPTIONS", via: TCP_VIA }) + request({ method: "INFO", via: TCP_VIA, body: "hello" }),
    );
    for (let i = 0; i < both.length; i++) h.layer.receiveStream(5, both, i, i + 1);
    expect(h.user.take()).toEqual(["request OPTIONS", "request INFO"]);
    h.settle();
    h.user.take();
    h.layer.receiveStream(5, both, 0, both.length);
    expect(h.user.take()).toEqual(["request OPTIONS", "request INFO"]);
    expect(new Set(h.network.take().map((one) => one.to))).toEqual(new Set(["tcp 5 10.0.0.2:40000"]));
  });

  it("take more octets at once than their buffer holds, as long as each message fits", () => {
    h = new Harness({ messageBytes: 1024, servers: 10 });
    h.opened(5, PEER + ":40000");
    let all = "";
    for (let i = 0; i < 10; i++) all += request({ method: "OPTIONS", via: TCP_VIA + i });
    h.receiveTcp(5, all);
    expect(h.user.take().length).toBe(10);
    expect(h.network.closed).toEqual([]);
  });

  it("answer a keep-alive (RFC 5626 §4.4.1)", () => {
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, "\r\n\r\n");
    expect(h.network.take().map((one) => [one.to, one.text])).toEqual([["tcp 5 10.0.0.2:40000", "\r\n"]]);
    expect(h.layer.counters.keepAlives).toBe(1);
  });

  it("are closed after an answer when a message has no length or is too long", () => {
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, request({ via: TCP_VIA }).replace(/Content-Length: .*\r\n/, ""));
    expect(h.network.take().map((one) => one.line)).toEqual(["SIP/2.0 400 Bad Content-Length"]);
    expect(h.network.closed).toEqual([5]);
    h.opened(6, PEER + ":40001");
    h.receiveTcp(6, request({ via: TCP_VIA }).replace("Content-Length: 0", "Content-Length: 100000"));
    expect(h.network.take().map((one) => one.line)).toEqual(["SIP/2.0 513 Message Too Large"]);
    expect(h.network.closed).toEqual([5, 6]);
    h.receiveTcp(6, request({ via: TCP_VIA }));
    expect(h.user.take()).toEqual([]);
  });

  it("stay when a message is too long: it is answered 513, passed over, and the next one is read", () => {
    h.opened(6, PEER + ":40001");
    const next = request({ method: "OPTIONS", via: "SIP/2.0/TCP peer;branch=z9hG4bKnext" });
    const parts = { method: "OPTIONS", via: "SIP/2.0/TCP peer;branch=z9hG4bKlong" };
    for (const size of [4000, 4096, 5000, 40_000]) {
      for (const long of [
        request({ ...parts, body: "b".repeat(size) }),
        request({ ...parts, extra: `X: ${"x".repeat(size)}\r\n`, body: "b\r\n\r\n" }),
        request({ ...parts, extra: "X: 0123456789\r\n".repeat(size / 10) }),
      ]) {
        h.receiveTcp(6, long + next);
        const answers = h.network.take();
        expect(answers[0].line).toBe("SIP/2.0 513 Message Too Large");
        expect(answers[0].text).toContain("Via: SIP/2.0/TCP peer;branch=z9hG4bKlong");
        expect(h.user.take()).toEqual(["request OPTIONS"]);
        h.user.requests.pop()!.drop();
      }
    }
    expect(h.network.closed).toEqual([]);
    expect(h.layer.servers.used()).toBe(0);
  });

  it("give a response and an ACK that are too long to whom they are for, without a body", () => {
    const t = h.send(METHOD_INVITE, TCP_PEER);
    const invite = h.network.take()[0];
    const connection = Number(invite.to.split(" ")[1]);
    const ok = responseTo(invite.text, 200, "a", `X: ${"x".repeat(500)}\r\n`);
    const bodies: number[] = [];
    h.user.onEachResponse = (of, m) => {
      bodies.push(m.bodyEnd - m.bodyStart);
      h.ack(of, m);
    };
    h.receiveTcp(
      connection,
      ok.replace("Content-Length: 0\r\n\r\n", `Content-Length: 5000\r\n\r\n${"b".repeat(5000)}`),
    );
    expect(h.user.take()).toEqual(["response 200"]);
    expect(bodies).toEqual([0]);
    expect(h.network.take().map((one) => one.line.slice(0, 3))).toEqual(["ACK"]);
    expect(t.status).toBe(200);
    h.receiveTcp(
      connection,
      request({ method: "ACK", via: "SIP/2.0/TCP peer;branch=z9hG4bKack", body: "b".repeat(5000) }),
    );
    expect(h.user.take()).toEqual(["ack 1 from 10.0.0.2:5060"]);
  });

  it("are closed without an answer when nothing could be read", () => {
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, "x".repeat(5000));
    expect(h.network.take()).toEqual([]);
    expect(h.network.closed).toEqual([5]);
  });

  it("of ours are used again for the next request", () => {
    h.send(METHOD_OPTIONS, TCP_PEER);
    h.send(METHOD_INVITE, TCP_PEER);
    h.send(METHOD_OPTIONS, "sip:bob@10.0.0.3;transport=tcp");
    expect(h.network.take().map((one) => one.to)).toEqual([
      "tcp 101 10.0.0.2:5060",
      "tcp 101 10.0.0.2:5060",
      "tcp 102 10.0.0.3:5060",
    ]);
    expect(h.network.searches).toBe(2);
  });

  it("carry the response back, and when they are closed a new one to the port of sent-by does (§18.2.2)", () => {
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, request({ via: "SIP/2.0/TCP phone.example:5080;rport;branch=z9hG4bK1" }));
    const [t] = h.user.requests;
    t.reply(180);
    h.layer.streamClosed(5);
    t.reply(200);
    expect(h.network.take().map((one) => one.to)).toEqual([
      "tcp 5 10.0.0.2:40000",
      "tcp 5 10.0.0.2:40000",
      "tcp 101 10.0.0.2:5080",
    ]);
    h.pass(500);
    expect(h.network.take().map((one) => one.to)).toEqual(["tcp 101 10.0.0.2:5080"]);
  });

  it("that take the number of a closed one do not get its response", () => {
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, request({ via: TCP_VIA }));
    h.layer.streamClosed(5);
    h.opened(5, "192.0.2.66:666");
    h.network.take();
    h.user.requests[0].reply(200);
    expect(h.network.take().map((one) => one.to)).toEqual(["tcp 101 10.0.0.2:5060"]);
  });

  it("that fail before anything came back fail their requests, later", () => {
    h.send(METHOD_INVITE, TCP_PEER);
    h.layer.streamClosed(101);
    expect(h.user.take()).toEqual([]);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_TRANSPORT, "terminated"]);
  });

  it("that are refused at once fail their requests, later", () => {
    h.network.failStreams = true;
    h.send(METHOD_OPTIONS, TCP_PEER);
    expect(h.user.take()).toEqual([]);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_TRANSPORT, "terminated"]);
  });

  it("that close after a 1xx leave the INVITE waiting: its response may come over another", () => {
    h.send(METHOD_INVITE, TCP_PEER);
    const invite = h.network.take()[0].text;
    h.receiveTcp(101, responseTo(invite, 180, "a"));
    h.layer.streamClosed(101);
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, responseTo(invite, 486, "a"));
    expect(h.user.take()).toEqual(["response 180", "response 486"]);
    expect(h.network.take().map((one) => one.line)).toEqual(["ACK " + TCP_PEER + " SIP/2.0"]);
  });

  it("are refused when there is no room, unless one has been idle for 64*T1", () => {
    h = new Harness({ streams: 2 });
    expect(h.opened(1, "10.0.0.5:1000")).toBe(true);
    h.receiveTcp(1, request({ method: "OPTIONS", via: TCP_VIA + "1" }));
    h.pass(20000);
    expect(h.opened(2, "10.0.0.6:1000")).toBe(true);
    h.receiveTcp(2, request({ method: "OPTIONS", via: TCP_VIA + "2" }));
    h.user.take();
    expect(h.opened(3, "10.0.0.7:1000")).toBe(false);
    h.send(METHOD_OPTIONS, TCP_PEER);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_TRANSPORT, "terminated"]);
    expect(h.layer.counters.refused).toBe(2);
    h.receiveTcp(2, "\r\n\r\n");
    h.pass(12000);
    expect(h.opened(3, "10.0.0.7:1000")).toBe(true);
    expect(h.network.closed).toEqual([1]);
    expect(h.opened(4, "10.0.0.8:1000")).toBe(false);
  });

  it("forget what a closed one had begun", () => {
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, "INVITE half a message");
    h.layer.streamClosed(5);
    h.opened(5, PEER + ":40001");
    h.receiveTcp(5, request({ via: TCP_VIA }));
    expect(h.user.take()).toEqual(["request INVITE"]);
  });
});

describe("a request over 1300 octets (RFC 3261 §18.1.1)", () => {
  const long = "x".repeat(1300);

  it("goes by TCP, and its Via says so", () => {
    h.send(METHOD_MESSAGE, undefined, "", long);
    const [one] = h.network.take();
    expect(one.to).toBe("tcp 101 10.0.0.2:5060");
    expect(field(one.text, "Via")).toContain("SIP/2.0/TCP 10.0.0.1:5060;branch=");
    h.receiveTcp(101, responseTo(one.text, 200, "a"));
    expect(h.user.take()).toEqual(["response 200"]);
  });

  it("falls back to UDP once when the connection fails at once", () => {
    h.network.failStreams = true;
    h.send(METHOD_MESSAGE, undefined, "", long);
    const [one] = h.network.take();
    expect(one.to).toBe("udp 10.0.0.2:5060");
    expect(field(one.text, "Via")).toContain("SIP/2.0/UDP 10.0.0.1:5060;branch=");
    h.pass(500);
    expect(h.network.take().length).toBe(1);
    h.receive(responseTo(one.text, 200, "a"));
    expect(h.user.take()).toEqual(["response 200"]);
  });

  it("falls back to UDP once when the connection fails later, also with ports of different length", () => {
    h.layer.setLocal(h.layer.localIp, 5060, 15060);
    h.send(METHOD_MESSAGE, undefined, "", long);
    const [tcp] = h.network.take();
    h.pass(3000);
    h.layer.streamClosed(101);
    const [udp] = h.network.take();
    expect(udp.to).toBe("udp 10.0.0.2:5060");
    expect(udp.text).toBe(tcp.text.replace("TCP 10.0.0.1:15060", "UDP 10.0.0.1:5060"));
    h.layer.streamClosed(101);
    h.pass(31999);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take().length).toBe(2);
  });

  it("that fails both ways is told once", () => {
    h.network.failStreams = true;
    h.network.failDatagrams = true;
    h.send(METHOD_MESSAGE, undefined, "", long);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_TRANSPORT, "terminated"]);
  });

  it("of 1300 and less goes by UDP", () => {
    h.send(METHOD_MESSAGE, undefined, "", "x".repeat(1000));
    expect(h.network.take()[0].to).toBe("udp 10.0.0.2:5060");
  });

  it("is cancelled over the connection it went by, with the same Via", () => {
    const t = h.send(METHOD_INVITE, undefined, "", long);
    const [invite] = h.network.take();
    h.receiveTcp(101, responseTo(invite.text, 180, "a"));
    t.cancel();
    const [cancel] = h.network.take();
    expect(cancel.to).toBe(invite.to);
    expect(field(cancel.text, "Via")).toBe(field(invite.text, "Via"));
    h.receiveTcp(101, responseTo(invite.text, 487, "a"));
    expect(h.network.take().map((one) => one.to)).toEqual([invite.to]);
  });

  it("that is an ACK goes by TCP, or by UDP when that fails", () => {
    h.user.onEachResponse = (t, m) => h.ack(t, m, undefined, long);
    h.send(METHOD_INVITE);
    const first = h.network.take()[0].text;
    h.receive(responseTo(first, 200, "a"));
    expect(h.network.take()[0].to).toBe("tcp 101 10.0.0.2:5060");
    h.layer.streamClosed(101);
    h.network.failStreams = true;
    h.send(METHOD_INVITE);
    const second = h.network.take()[0].text;
    h.receive(responseTo(second, 200, "a"));
    const ack = h.network.take()[0];
    expect(ack.to).toBe("udp 10.0.0.2:5060");
    expect(field(ack.text, "Via")).toContain("SIP/2.0/UDP ");
  });
});

describe("next hops by name (RFC 3263 §4.2)", () => {
  it("are asked for before sending, with the port that was given, or -1 for SRV", () => {
    h.send(METHOD_OPTIONS, "sip:bob@Example.COM");
    h.send(METHOD_OPTIONS, "sip:bob@example.com:5070");
    expect(h.network.take()).toEqual([]);
    expect(h.network.asked.map((one) => [one.name, one.port, one.transport])).toEqual([
      ["example.com", -1, TRANSPORT_UDP],
      ["example.com", 5070, TRANSPORT_UDP],
    ]);
    h.layer.resolved(h.network.asked[0].id, ipv4("10.0.0.9"), 5066);
    expect(h.network.take().map((one) => one.to)).toEqual(["udp 10.0.0.9:5066"]);
    // The port that was given counts, whatever the driver says.
    h.layer.resolved(h.network.asked[1].id, ipv4("10.0.0.9"), 5060);
    expect(h.network.take().map((one) => one.to)).toEqual(["udp 10.0.0.9:5070"]);
  });

  it("are asked for once, however many wait, and known for 60 s", () => {
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    h.send(METHOD_OPTIONS, "sip:alice@example.com");
    expect(h.network.asked.length).toBe(1);
    h.layer.resolved(h.network.asked[0].id, ipv4("10.0.0.9"), 5060);
    expect(h.network.take().length).toBe(2);
    h.pass(59999);
    h.network.take();
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    expect(h.network.take().map((one) => one.to)).toEqual(["udp 10.0.0.9:5060"]);
    expect(h.network.asked.length).toBe(1);
    h.pass(1);
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    expect(h.network.asked.length).toBe(2);
  });

  it("that are not known fail all who wait, later, and are asked for anew the next time", () => {
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    h.layer.unresolved(h.network.asked[0].id);
    expect(h.user.take()).toEqual([]);
    h.settle();
    expect(h.user.take()).toEqual([
      "failure " + FAILURE_RESOLVE,
      "terminated",
      "failure " + FAILURE_RESOLVE,
      "terminated",
    ]);
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    expect(h.network.asked.length).toBe(2);
  });

  it("that are never answered fail after 64*T1, and a late answer is not taken for another's", () => {
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    h.pass(32000);
    expect(h.user.take()).toEqual(["failure " + FAILURE_RESOLVE, "terminated"]);
    h.send(METHOD_OPTIONS, "sip:bob@example.com");
    expect(h.network.asked.length).toBe(2);
    h.layer.resolved(h.network.asked[0].id, ipv4("6.6.6.6"), 5060);
    h.layer.resolved(12345, ipv4("6.6.6.6"), 5060);
    h.layer.unresolved(12345);
    expect(h.network.take()).toEqual([]);
  });

  it("are kept in bounded number: the oldest known goes, one being asked for stays", () => {
    for (const name of ["a", "b", "c"]) h.send(METHOD_OPTIONS, "sip:x@" + name + ".example");
    h.send(METHOD_OPTIONS, "sip:x@d.example");
    expect(h.network.asked.length).toBe(3);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_RESOLVE, "terminated"]);
    h.layer.resolved(h.network.asked[1].id, ipv4("10.0.0.9"), 5060);
    h.send(METHOD_OPTIONS, "sip:x@d.example");
    expect(h.network.asked.map((one) => one.name)).toEqual(["a.example", "b.example", "c.example", "d.example"]);
  });

  it("of an ACK for a 2xx are looked up as well, and the ACK goes when they are known", () => {
    h.user.onEachResponse = (t, m) => h.ack(t, m, "sip:bob@phone.example");
    h.send(METHOD_INVITE);
    const invite = h.network.take()[0].text;
    h.receive(responseTo(invite, 200, "a"));
    h.receive(responseTo(invite, 200, "a"));
    expect(h.network.take()).toEqual([]);
    expect(h.layer.counters.failed).toBe(0);
    expect(h.user.take()).toEqual(["response 200"]);
    h.layer.resolved(h.network.asked[0].id, ipv4("10.0.0.9"), 5060);
    expect(h.network.take().map((one) => one.to)).toEqual(["udp 10.0.0.9:5060"]);
    h.receive(responseTo(invite, 200, "a"));
    expect(h.network.take().map((one) => one.to)).toEqual(["udp 10.0.0.9:5060"]);
  });

  it("too long to keep cannot be reached", () => {
    h.send(METHOD_OPTIONS, "sip:bob@" + "a".repeat(129));
    h.settle();
    expect(h.user.take()[0]).toBe("failure " + FAILURE_TRANSPORT);
    expect(h.network.asked).toEqual([]);
  });
});

describe("our own address", () => {
  it("may change: requests sent after that tell the new one, repetitions the old", () => {
    h.send(METHOD_OPTIONS);
    h.layer.setLocal(ipv4("10.0.0.77"), 5099, 5099);
    h.pass(500);
    h.send(METHOD_OPTIONS);
    expect(h.network.take().map((one) => field(one.text, "Via").split(";")[0])).toEqual([
      "SIP/2.0/UDP 10.0.0.1:5060",
      "SIP/2.0/UDP 10.0.0.1:5060",
      "SIP/2.0/UDP 10.0.0.77:5099",
    ]);
  });
});

describe("A Binding request by STUN", () => {
  it("is answered by a server alone, one datagram for one, to where it came from; what is none gets nothing", () => {
    const answers: Uint8Array[] = [];
    const send = h.network.sendDatagram.bind(h.network);
    h.network.sendDatagram = (ip, port, bytes, start, end) => {
      answers.push(bytes.slice(start, end));
      return send(ip, port, bytes, start, end);
    };
    const binding = new StunBinding();
    binding.begin(new CountingRandom());
    const { request } = binding;
    h.layer.receiveDatagram(ipv4("192.0.2.9"), 40001, request, 0, request.length);
    expect(h.network.sent).toEqual([]);
    h.layer.answersBindings = true;
    h.layer.receiveDatagram(ipv4("192.0.2.9"), 40001, request, 0, request.length);
    expect(h.network.sent.map(({ to }) => to)).toEqual(["udp 192.0.2.9:40001"]);
    const [answer] = answers;
    expect(binding.read(answer, 0, answer.length)).toBe(STUN_ADDRESS);
    expect([binding.ip, binding.port]).toEqual([ipv4("192.0.2.9"), 40001]);
    for (let at = 0; at < 8; at++) {
      const other = request.slice();
      other[at] ^= 0x81;
      h.layer.receiveDatagram(ipv4("192.0.2.9"), 40001, other, 0, other.length);
    }
    h.layer.receiveDatagram(ipv4("192.0.2.9"), 40001, answer, 0, answer.length);
    for (let length = 0; length < request.length; length++)
      h.layer.receiveDatagram(ipv4("192.0.2.9"), 40001, request, 0, length);
    expect(h.network.sent).toHaveLength(1);
  });
});
