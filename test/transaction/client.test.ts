import { beforeEach, describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { FAILURE_CANCELLED, FAILURE_TIMEOUT, FAILURE_TRANSPORT } from "../../src/transaction/client.js";
import { METHOD_BYE, METHOD_INVITE, METHOD_OPTIONS, METHOD_REGISTER, TRANSPORT_TCP } from "../../src/wire/names.js";
import { field, fields, Harness, PEER, responseTo, type Sent } from "./harness.js";

const TCP_PEER = "sip:bob@" + PEER + ";transport=tcp";

let h: Harness;

beforeEach(() => {
  h = new Harness();
});

function times(sent: Sent[]): number[] {
  return sent.map((one) => one.atMs);
}

/** Sends the request and returns its octets. */
function sent(method: number, target?: string, extra?: string): string {
  h.send(method, target, extra);
  return h.network.take()[0].text;
}

describe("INVITE client transaction over UDP (RFC 3261 §17.1.1)", () => {
  it("repeats the INVITE by Timer A: T1, then doubling without an end, until Timer B", () => {
    h.send(METHOD_INVITE);
    h.pass(100000);
    const all = h.network.take();
    expect(times(all)).toEqual([0, 500, 1500, 3500, 7500, 15500, 31500]);
    expect(new Set(all.map((one) => one.text)).size).toBe(1);
  });

  it("fails with a timeout by Timer B after 64*T1, once, and is given back", () => {
    h.send(METHOD_INVITE);
    h.pass(31999);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["failure " + FAILURE_TIMEOUT, "terminated"]);
    expect(h.layer.clients.used()).toBe(0);
    h.pass(100000);
    expect(h.user.take()).toEqual([]);
  });

  it("stops Timers A and B at the first provisional response and waits as long as it takes", () => {
    const invite = sent(METHOD_INVITE);
    h.pass(600);
    h.network.take();
    h.receive(responseTo(invite, 100));
    h.receive(responseTo(invite, 180, "a"));
    h.pass(600000);
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual(["response 100", "response 180"]);
  });

  it("acknowledges a final response other than 2xx and absorbs its repetitions for Timer D, 32 s", () => {
    const invite = sent(METHOD_INVITE);
    h.receive(responseTo(invite, 486, "a"));
    expect(h.network.take().map((one) => one.line)).toEqual(["ACK sip:bob@10.0.0.2 SIP/2.0"]);
    h.pass(31999);
    h.receive(responseTo(invite, 486, "a"));
    expect(h.network.take().map((one) => one.line)).toEqual(["ACK sip:bob@10.0.0.2 SIP/2.0"]);
    expect(h.user.take()).toEqual(["response 486"]);
    h.pass(1);
    expect(h.user.take()).toEqual(["terminated"]);
    h.receive(responseTo(invite, 486, "a"));
    expect(h.network.take()).toEqual([]);
    expect(h.layer.counters.stray).toBe(1);
  });

  it("writes that ACK with the INVITE's URI, branch, Route, From, Call-ID and CSeq number and the response's To (§17.1.1.3)", () => {
    const invite = sent(METHOD_INVITE, undefined, "Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\n");
    h.receive(responseTo(invite, 404, "their-tag"));
    const ack = h.network.take()[0].text;
    expect(fields(ack, "Via")).toEqual(fields(invite, "Via"));
    expect(fields(ack, "Route")).toEqual(["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
    expect(field(ack, "From")).toBe(field(invite, "From"));
    expect(field(ack, "To")).toBe("<sip:bob@example.com>;tag=their-tag");
    expect(field(ack, "Call-ID")).toBe("c1@door");
    expect(field(ack, "CSeq")).toBe("7 ACK");
    expect(field(ack, "Max-Forwards")).toBe("70");
    expect(ack.endsWith("Content-Length: 0\r\n\r\n")).toBe(true);
  });

  it("takes the INVITE's To for that ACK when the response's is malformed, with the tag if one was found", () => {
    const answers: readonly (readonly [string, string])[] = [
      ['"bob <sip:bob@example.com>;tag=t1', "<sip:bob@example.com>"],
      ["<sip:bob@example.com>>;tag=t1", "<sip:bob@example.com>;tag=t1"],
      ["<sip:bob@example.com> bob;tag=t1", "<sip:bob@example.com>;tag=t1"],
      ["", "<sip:bob@example.com>"],
    ];
    for (const [to, written] of answers) {
      const invite = sent(METHOD_INVITE);
      h.receive(responseTo(invite, 404, "t1").replace(/To: .*/, "To: " + to));
      const ack = h.network.take()[0];
      expect(ack.line, to).toBe("ACK sip:bob@10.0.0.2 SIP/2.0");
      expect(field(ack.text, "To"), to).toBe(written);
      expect(fields(ack.text, "CSeq"), to).toEqual(["7 ACK"]);
    }
  });

  it("takes no other line of the INVITE for that ACK, however it begins", () => {
    const others = "Record-Route: <sip:p1.example;lr>\r\nCall-Info: <http://a>\r\nTimestamp: 1\r\nMin-SE: 90\r\n";
    const invite = sent(METHOD_INVITE, undefined, others);
    h.receive(responseTo(invite, 404, "t1"));
    const names = h.network
      .take()[0]
      .text.split("\r\n")
      .map((line) => line.slice(0, line.indexOf(":")));
    expect(names.slice(1)).toEqual(["Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Length", "", ""]);
  });

  it("does not acknowledge a 2xx whose To tag alone is longer than any message of ours", () => {
    h = new Harness({ transactionBytes: 512 });
    const invite = sent(METHOD_INVITE);
    h.user.onEachResponse = (t, m) => h.ack(t, m);
    h.receive(responseTo(invite, 200, "t".repeat(600)));
    expect(h.user.take()).toEqual(["response 200"]);
    expect(h.network.take()).toEqual([]);
    h.receive(responseTo(invite, 200, "short"));
    expect(field(h.network.take()[0].text, "To")).toBe("<sip:bob@example.com>;tag=short");
  });

  it("stays in Accepted for Timer M after a 2xx, telling of every fork's (RFC 6026 §7.2)", () => {
    const invite = sent(METHOD_INVITE);
    h.user.onEachResponse = (t, m) => h.ack(t, m);
    h.receive(responseTo(invite, 200, "fork-a"));
    h.pass(10000);
    h.receive(responseTo(invite, 200, "fork-b"));
    expect(h.user.take()).toEqual(["response 200", "response 200"]);
    const acks = h.network.take();
    expect(acks.map((one) => field(one.text, "To"))).toEqual([
      "<sip:bob@example.com>;tag=fork-a",
      "<sip:bob@example.com>;tag=fork-b",
    ]);
    h.pass(21999);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["terminated"]);
  });

  it("sends the kept ACK again for a repeated 2xx without telling; a second fork's goes up each time", () => {
    const invite = sent(METHOD_INVITE);
    h.user.onEachResponse = (t, m) => h.ack(t, m);
    h.receive(responseTo(invite, 200, "fork-a"));
    h.receive(responseTo(invite, 200, "fork-b"));
    const [first, second] = h.network.take();
    h.user.take();
    h.receive(responseTo(invite, 200, "fork-a"));
    expect(h.user.take()).toEqual([]);
    expect(h.network.take().map((one) => one.text)).toEqual([first.text]);
    h.receive(responseTo(invite, 200, "fork-b"));
    expect(h.user.take()).toEqual(["response 200"]);
    expect(field(h.network.take()[0].text, "To")).toBe(field(second.text, "To"));
  });

  it("gives the ACK for a 2xx a branch of its own", () => {
    const invite = sent(METHOD_INVITE);
    h.user.onEachResponse = (t, m) => h.ack(t, m, "sip:bob@10.0.0.9:5070");
    h.receive(responseTo(invite, 200, "a"));
    const ack = h.network.take()[0];
    expect(ack.to).toBe("udp 10.0.0.9:5070");
    expect(field(ack.text, "Via")).toMatch(/^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;branch=z9hG4bK[0-9a-f]{16};rport$/);
    expect(field(ack.text, "Via")).not.toBe(field(invite, "Via"));
  });

  it("forgets an ACK that is written anew and turns out not fit to be sent", () => {
    const invite = sent(METHOD_INVITE);
    const uri = octets("sip:bob@10.0.0.2");
    h.user.onEachResponse = (t, m) => {
      h.ack(t, m);
      t.beginAck(m, uri, 0, uri.length).text("a\nb");
      t.sendAck();
      h.user.onEachResponse = null;
    };
    h.receive(responseTo(invite, 200, "a"));
    expect(h.network.take().length).toBe(1);
    h.receive(responseTo(invite, 200, "a"));
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual(["response 200", "response 200"]);
  });

  it("tells of a 2xx again as long as it is not acknowledged", () => {
    const invite = sent(METHOD_INVITE);
    h.receive(responseTo(invite, 200, "a"));
    h.receive(responseTo(invite, 200, "a"));
    expect(h.user.take()).toEqual(["response 200", "response 200"]);
  });

  it("drops what is neither 2xx in Accepted nor final in Completed", () => {
    const first = sent(METHOD_INVITE);
    h.receive(responseTo(first, 200, "a"));
    h.receive(responseTo(first, 180, "b"));
    h.receive(responseTo(first, 486, "c"));
    expect(h.user.take()).toEqual(["response 200"]);
    const second = sent(METHOD_INVITE);
    h.receive(responseTo(second, 486, "a"));
    h.network.take();
    h.receive(responseTo(second, 180, "a"));
    h.receive(responseTo(second, 200, "a"));
    expect(h.user.take()).toEqual(["response 486"]);
    expect(h.network.take()).toEqual([]);
  });
});

describe("non-INVITE client transaction over UDP (RFC 3261 §17.1.2)", () => {
  it("repeats the request by Timer E: T1, doubling up to T2, until Timer F", () => {
    h.send(METHOD_REGISTER);
    h.pass(100000);
    expect(times(h.network.take())).toEqual([0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    expect(h.user.take()).toEqual(["failure " + FAILURE_TIMEOUT, "terminated"]);
  });

  it("repeats every T2 in Proceeding, and Timer F still ends it", () => {
    const options = sent(METHOD_OPTIONS);
    h.pass(100);
    h.receive(responseTo(options, 100));
    h.pass(100000);
    expect(times(h.network.take())).toEqual([500, 4500, 8500, 12500, 16500, 20500, 24500, 28500]);
    expect(h.user.take()).toEqual(["response 100", "failure " + FAILURE_TIMEOUT, "terminated"]);
  });

  it("tells of the final response once and absorbs its repetitions for Timer K, T4", () => {
    const bye = sent(METHOD_BYE);
    h.receive(responseTo(bye, 200, "a"));
    h.receive(responseTo(bye, 200, "a"));
    h.pass(4999);
    expect(h.user.take()).toEqual(["response 200"]);
    expect(h.layer.counters.repeated).toBe(1);
    h.pass(1);
    expect(h.user.take()).toEqual(["terminated"]);
    expect(h.network.take()).toEqual([]);
  });
});

describe("client transactions over TCP", () => {
  it("repeat nothing, and Timers B and F end them", () => {
    h.send(METHOD_INVITE, TCP_PEER);
    h.send(METHOD_OPTIONS, TCP_PEER);
    h.pass(31999);
    expect(h.network.take().length).toBe(2);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take().filter((event) => event === "failure " + FAILURE_TIMEOUT).length).toBe(2);
  });

  it("say TCP and the TCP port in Via", () => {
    h.layer.setLocal(h.layer.localIp, 5060, 15060);
    const options = sent(METHOD_OPTIONS, TCP_PEER);
    expect(field(options, "Via")).toMatch(/^SIP\/2\.0\/TCP 10\.0\.0\.1:15060;branch=z9hG4bK[0-9a-f]{16};rport$/);
    expect(options.endsWith("Content-Length: 0\r\n\r\n")).toBe(true);
  });

  it("end at once after the final response: Timers D and K are 0", () => {
    const invite = sent(METHOD_INVITE, TCP_PEER);
    h.receiveTcp(101, responseTo(invite, 486, "a"));
    expect(h.network.take()[0].line).toBe("ACK sip:bob@10.0.0.2;transport=tcp SIP/2.0");
    h.settle();
    expect(h.user.take()).toEqual(["response 486", "terminated"]);
    const options = sent(METHOD_OPTIONS, TCP_PEER);
    h.receiveTcp(101, responseTo(options, 200, "a"));
    h.settle();
    expect(h.user.take()).toEqual(["response 200", "terminated"]);
  });

  it("still wait for more 2xx by Timer M", () => {
    const invite = sent(METHOD_INVITE, TCP_PEER);
    h.receiveTcp(101, responseTo(invite, 200, "a"));
    h.pass(31999);
    h.receiveTcp(101, responseTo(invite, 200, "b"));
    expect(h.user.take()).toEqual(["response 200", "response 200"]);
    h.pass(1);
    expect(h.user.take()).toEqual(["terminated"]);
  });
});

describe("CANCEL (RFC 3261 §9.1)", () => {
  it("waits for a provisional response", () => {
    const t = h.send(METHOD_INVITE);
    const invite = h.network.take()[0].text;
    t.cancel();
    expect(h.network.take()).toEqual([]);
    h.receive(responseTo(invite, 100));
    expect(h.network.take().map((one) => one.line)).toEqual(["CANCEL sip:bob@10.0.0.2 SIP/2.0"]);
  });

  it("has the INVITE's URI, topmost Via, Route, From, To, Call-ID, CSeq number and Max-Forwards, and goes where it went", () => {
    const t = h.send(METHOD_INVITE, "sip:bob@example.com;maddr=10.0.0.7", "Route: <sip:p.example;lr>\r\n");
    const invite = h.network.take()[0];
    h.receive(responseTo(invite.text, 180, "a"));
    t.cancel();
    const cancel = h.network.take()[0];
    expect(cancel.to).toBe("udp 10.0.0.7:5060");
    expect(cancel.to).toBe(invite.to);
    expect(cancel.line).toBe("CANCEL sip:bob@example.com;maddr=10.0.0.7 SIP/2.0");
    for (const name of ["Via", "Route", "From", "To", "Call-ID", "Max-Forwards"]) {
      expect(fields(cancel.text, name)).toEqual(fields(invite.text, name));
    }
    expect(field(cancel.text, "CSeq")).toBe("7 CANCEL");
  });

  it("is repeated by its own Timer E, answered by its own response, and the 487 to the INVITE goes up", () => {
    const t = h.send(METHOD_INVITE);
    const invite = h.network.take()[0].text;
    h.receive(responseTo(invite, 180, "a"));
    t.cancel();
    t.cancel();
    h.pass(500);
    const cancels = h.network.take();
    expect(times(cancels)).toEqual([0, 500]);
    h.receive(responseTo(cancels[0].text, 200, "a"));
    h.receive(responseTo(invite, 487, "a"));
    expect(h.user.take()).toEqual(["response 180", "response 487"]);
    h.pass(40000);
    expect(h.user.take()).toEqual(["terminated"]);
    expect(h.layer.clients.used()).toBe(0);
  });

  it("that crosses a 2xx leaves the 2xx to be told and acknowledged", () => {
    const t = h.send(METHOD_INVITE);
    const invite = h.network.take()[0].text;
    h.user.onEachResponse = (of, m) => {
      if (m.status === 200) h.ack(of, m);
    };
    h.receive(responseTo(invite, 180, "a"));
    t.cancel();
    const cancel = h.network.take()[0].text;
    h.receive(responseTo(invite, 200, "a"));
    h.receive(responseTo(cancel, 200, "a"));
    expect(h.user.take()).toEqual(["response 180", "response 200"]);
    expect(h.network.take().map((one) => one.line)).toEqual(["ACK sip:bob@10.0.0.2 SIP/2.0"]);
  });

  it("wanted before a 2xx that is the first response is not sent", () => {
    const t = h.send(METHOD_INVITE);
    const invite = h.network.take()[0].text;
    t.cancel();
    h.receive(responseTo(invite, 200, "a"));
    expect(h.user.take()).toEqual(["response 200"]);
    expect(h.network.take()).toEqual([]);
  });

  it("does nothing after a final response", () => {
    const t = h.send(METHOD_INVITE);
    const invite = h.network.take()[0].text;
    h.receive(responseTo(invite, 200, "a"));
    t.cancel();
    h.pass(20000);
    expect(h.network.take()).toEqual([]);
  });

  it("lets the INVITE fail with a timeout when no final response follows in 64*T1", () => {
    const t = h.send(METHOD_INVITE);
    h.receive(responseTo(h.network.take()[0].text, 180, "a"));
    h.pass(60000);
    t.cancel();
    h.user.take();
    h.pass(31999);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["failure " + FAILURE_TIMEOUT, "terminated"]);
  });

  it("leaves at once when all transactions are taken, is repeated, and the INVITE ends in its time", () => {
    h = new Harness({ clients: 2 });
    const t = h.send(METHOD_INVITE);
    h.receive(responseTo(h.network.take()[0].text, 180, "a"));
    sent(METHOD_OPTIONS);
    t.cancel();
    const cancel = h.network.take()[0];
    expect(cancel.line).toBe("CANCEL sip:bob@10.0.0.2 SIP/2.0");
    h.user.take();
    h.pass(1600);
    expect(h.network.take().filter(({ line }) => line.startsWith("CANCEL"))).toHaveLength(2);
    h.receive(responseTo(cancel.text, 200, "a"));
    h.pass(32_000);
    expect(h.network.take().filter(({ line }) => line.startsWith("CANCEL"))).toEqual([]);
    expect(h.user.take().filter((line) => line === "failure " + FAILURE_TIMEOUT)).toHaveLength(2);
    expect(h.layer.clients.used()).toBe(0);
  });

  it("of an INVITE whose next hop is still being looked up ends it unsent", () => {
    const t = h.send(METHOD_INVITE, "sip:bob@example.com");
    t.cancel();
    expect(h.user.take()).toEqual([]);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_CANCELLED, "terminated"]);
    h.layer.resolved(h.network.asked[0].id, 0x0a000002, 5060);
    expect(h.network.take()).toEqual([]);
  });
});

describe("responses that belong to nobody", () => {
  it("are dropped: another branch, another method, another transport, another Via before ours", () => {
    const options = sent(METHOD_OPTIONS);
    h.receive(responseTo(options, 200).replace(/z9hG4bK./, "z9hG4bKx"));
    h.receive(responseTo(options, 200).replace("7 OPTIONS", "7 INVITE"));
    // Some give this answer to an ACK, which has the branch of its INVITE.
    h.receive(responseTo(options, 200).replace("7 OPTIONS", "7 ACK"));
    h.receive(responseTo(options, 200).replace("Via: ", "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\nVia: "));
    h.opened(5, PEER + ":40000");
    h.receiveTcp(5, responseTo(options, 200));
    expect(h.user.take()).toEqual([]);
    expect(h.layer.counters.stray).toBe(5);
    expect(h.layer.counters.dropped).toBe(5);
  });

  it("are ours by our Via alone: one more below it, a CSeq that cannot be read", () => {
    for (const [from, to] of [
      [";rport\r\n", ";rport, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n"],
      [";rport\r\n", ";rport\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n"],
      ["7 OPTIONS", "seven OPTIONS"],
      ["7 OPTIONS", "7 options"],
      ["CSeq: 7 OPTIONS\r\n", ""],
    ]) {
      const options = sent(METHOD_OPTIONS);
      h.receive(responseTo(options, 200).replace(from, to));
      expect([to, h.user.take()]).toEqual([to, ["response 200"]]);
    }
  });

  it("a success whose CSeq cannot be read is that of the CANCEL, once there is one; a refusal ends the INVITE", () => {
    const t = h.send(METHOD_INVITE);
    const [invite] = h.network.take();
    h.receive(responseTo(invite.text, 180));
    t.cancel();
    const [cancel] = h.network.take();
    expect(cancel.line).toMatch(/^CANCEL/);
    h.user.take();
    h.receive(responseTo(cancel.text, 200).replace("7 CANCEL", "CANCEL"));
    expect(h.user.take()).toEqual([]);
    h.receive(responseTo(invite.text, 487).replace("7 INVITE", "INVITE"));
    expect(h.user.take()).toEqual(["response 487"]);
    expect(fields(h.network.take()[0].text, "CSeq")).toEqual(["7 ACK"]);
  });

  it("are dropped after the transaction ended", () => {
    const bye = sent(METHOD_BYE);
    h.pass(40000);
    h.user.take();
    h.receive(responseTo(bye, 200, "a"));
    expect(h.user.take()).toEqual([]);
    expect(h.layer.counters.stray).toBe(1);
  });

  it("are dropped when their status or our Via cannot be read", () => {
    const options = sent(METHOD_OPTIONS);
    h.receive(responseTo(options, 200).replace("SIP/2.0 200", "SIP/2.0 2000"));
    h.receive(responseTo(options, 200).replace(";branch=", ";brunch="));
    h.receive(responseTo(options, 200).replace("Via: ", "Vie: "));
    expect(h.user.take()).toEqual([]);
    expect(h.layer.counters.dropped).toBe(3);
    expect(h.network.take()).toEqual([]);
  });
});

describe("sending that fails", () => {
  it("at once is told later, never from inside send", () => {
    h.network.failDatagrams = true;
    h.send(METHOD_INVITE);
    expect(h.user.take()).toEqual([]);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_TRANSPORT, "terminated"]);
    expect(h.layer.clients.used()).toBe(0);
  });

  it("in a repetition is left to the next one", () => {
    const options = sent(METHOD_OPTIONS);
    h.network.failDatagrams = true;
    h.pass(600);
    h.network.failDatagrams = false;
    h.pass(1000);
    expect(times(h.network.take())).toEqual([1500]);
    h.receive(responseTo(options, 200, "a"));
    expect(h.user.take()).toEqual(["response 200"]);
  });

  it("may be followed by a new request from inside the callback", () => {
    h.network.failDatagrams = true;
    h.user.onEachFailure = () => {
      h.network.failDatagrams = false;
      h.user.onEachFailure = null;
      h.send(METHOD_OPTIONS, "sip:bob@10.0.0.3");
    };
    h.send(METHOD_OPTIONS);
    h.settle();
    expect(h.user.take()).toEqual(["failure " + FAILURE_TRANSPORT, "terminated"]);
    expect(h.network.take()[0].to).toBe("udp 10.0.0.3:5060");
    expect(h.layer.clients.used()).toBe(1);
  });

  it("that another message was begun behind is not sent, and the other one is", () => {
    const first = h.prepare(METHOD_OPTIONS);
    const second = h.prepare(METHOD_REGISTER);
    expect(first.sendRequest()).toBe(false);
    expect(second.sendRequest()).toBe(true);
    expect(h.network.take().map((one) => one.line)).toEqual(["REGISTER sip:bob@10.0.0.2 SIP/2.0"]);
    expect(h.layer.clients.used()).toBe(1);
    // What was sent is not sent again as another request.
    h.receive(responseTo(h.send(METHOD_BYE) && h.network.take()[0].text, 200));
    h.pass(100000);
    expect(h.layer.client(h.user)?.sendRequest()).toBe(false);
  });

  it("of what was not well written gives the transaction back without a word", () => {
    const t = h.prepare(METHOD_OPTIONS);
    t.writer.text("CR and LF\r\nare not for headers");
    expect(t.sendRequest()).toBe(false);
    const invite = h.prepare(METHOD_INVITE, undefined, "CSeq: twice\r\n");
    expect(invite.sendRequest()).toBe(false);
    h.pass(100000);
    expect(h.user.take()).toEqual([]);
    expect(h.network.take()).toEqual([]);
    expect(h.layer.clients.used()).toBe(0);
  });

  it("to what is not spoken (sips without TLS, tel, IPv6) fails", () => {
    h.send(METHOD_OPTIONS, "sips:bob@10.0.0.2");
    h.send(METHOD_OPTIONS, "tel:+15551234");
    h.send(METHOD_OPTIONS, "sip:bob@[2001:db8::1]");
    h.settle();
    expect(h.user.take().filter((event) => event === "failure " + FAILURE_TRANSPORT).length).toBe(3);
    expect(h.network.take()).toEqual([]);
  });
});

describe("the pool of client transactions", () => {
  it("says null when it is empty, and discard gives back what was not sent", () => {
    h = new Harness({ clients: 1 });
    const t = h.prepare(METHOD_OPTIONS);
    expect(h.layer.client(h.user)).toBe(null);
    expect(h.layer.counters.refused).toBe(1);
    t.discard();
    t.discard();
    expect(h.layer.client(h.user)).toBe(t);
  });

  it("forget: a transaction goes on without telling", () => {
    const t = h.send(METHOD_OPTIONS);
    t.forget();
    h.pass(40000);
    expect(h.network.take().length).toBe(11);
    expect(h.user.take()).toEqual([]);
    expect(h.layer.clients.used()).toBe(0);
  });

  it("a target may be a known flow", () => {
    const t = h.prepare(METHOD_OPTIONS);
    h.opened(9, PEER + ":40000");
    t.target.set(TRANSPORT_TCP, 0x0a000002, 40000, 9);
    t.sendRequest();
    expect(h.network.take()[0].to).toBe("tcp 9 10.0.0.2:40000");
  });
});
