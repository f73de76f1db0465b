import { describe, expect, test } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { Message } from "../../src/wire/message.js";
import { METHOD_INVITE } from "../../src/wire/names.js";
import { fields, Harness, request, responseTo } from "./harness.js";

/** Makes a response as it came to us: below our Via those of the request. */
function answered(invite: string, status: number, tag = "far", extra = "", body = ""): Message {
  const text = responseTo(invite, status, tag, extra, "So Be It")
    .replace("Via: ", "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKours, ")
    .replace("Content-Length: 0\r\n\r\n", "l: " + body.length + "\r\n\r\n" + body);
  const bytes = octets(text);
  const m = new Message(64);
  expect(m.parse(bytes, 0, bytes.length, false)).toBe(0);
  return m;
}

describe("a response that is passed on (RFC 3261 §16.7)", () => {
  const invite = request({ extra: "X-Odd: 1\r\n" });

  test("goes back as it came but for the topmost Via, with its reason, unknown fields and body", () => {
    const h = new Harness();
    h.user.answer = (t) => {
      t.relay(answered(invite, 183, "far", "X-Odd:  a , b\r\nRecord-Route: <sip:p;lr>\r\n", "v=0\r\n"));
    };
    h.receive(invite);
    const [sent] = h.network.take();
    expect(sent.line).toBe("SIP/2.0 183 So Be It");
    expect(fields(sent.text, "Via")).toEqual(["SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKabc"]);
    expect(fields(sent.text, "To")[0]).toContain(";tag=far");
    expect(fields(sent.text, "X-Odd")).toEqual(["a , b"]);
    expect(fields(sent.text, "Content-Length")).toEqual(["5"]);
    expect(sent.text.endsWith("\r\n\r\nv=0\r\n")).toBe(true);
  });

  test("of class 1xx is repeated when the INVITE comes again; of class 4xx until it is acknowledged", () => {
    const h = new Harness();
    h.user.answer = (t) => {
      t.relay(answered(invite, 180));
    };
    h.receive(invite);
    h.receive(invite);
    expect(h.network.take().map((sent) => sent.line)).toEqual(["SIP/2.0 180 So Be It", "SIP/2.0 180 So Be It"]);
    expect(h.user.requests[0].relay(answered(invite, 486))).toBe(true);
    h.pass(600);
    expect(h.network.take().map((sent) => sent.line)).toEqual(["SIP/2.0 486 So Be It", "SIP/2.0 486 So Be It"]);
    expect(h.user.requests[0].relay(answered(invite, 200))).toBe(false);
  });

  test("of class 2xx to an INVITE goes through each time it comes and is not repeated here (RFC 6026 §7.1)", () => {
    const h = new Harness();
    h.receive(invite);
    h.network.take();
    const t = h.user.requests[0];
    expect(t.relay(answered(invite, 200, "one"))).toBe(true);
    h.pass(5000);
    expect(h.network.take().length).toBe(1);
    expect(t.relay(answered(invite, 200, "two"))).toBe(true);
    expect(t.relay(answered(invite, 180, "two"))).toBe(false);
    h.receive(invite);
    expect(h.network.take().map((sent) => fields(sent.text, "To")[0])).toEqual(["<sip:door@door.example>;tag=two"]);
    h.pass(32_000);
    expect(h.user.take().filter((event) => event.includes("timeout"))).toEqual([]);
    expect(h.layer.servers.used()).toBe(0);
  });

  test("tells the challenges it is given in the place of its own", () => {
    const h = new Harness();
    const lines = octets('Proxy-Authenticate: Digest realm="a"\r\nProxy-Authenticate: Digest realm="b"\r\n');
    h.user.answer = (t) => {
      t.relay(answered(invite, 407, "far", 'Proxy-Authenticate: Digest realm="b"\r\n'), lines, lines.length);
    };
    h.receive(invite);
    expect(fields(h.network.take()[0].text, "Proxy-Authenticate")).toEqual(['Digest realm="a"', 'Digest realm="b"']);
  });

  test("of a forwarded request belongs to it by our Via, whether others stand below that or not", () => {
    const h = new Harness();
    const bytes = octets(request({ uri: "sip:bob@10.0.0.9" }));
    const m = new Message(64);
    m.parse(bytes, 0, bytes.length, false);
    const t = h.layer.client(h.user)!;
    const w = t.forward(m, m.bytes, m.uriStart, m.uriEnd, 7);
    w.put(
      octets(
        "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKabc\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@b>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
      ),
    );
    h.aim(t, "sip:bob@10.0.0.9");
    expect(t.sendRequest()).toBe(true);
    const [sent] = h.network.take();
    expect(sent.line).toBe("INVITE sip:bob@10.0.0.9 SIP/2.0");
    expect(fields(sent.text, "Via")[0]).toMatch(
      /^SIP\/2.0\/UDP 10.0.0.1:5060;branch=z9hG4bK00000007[0-9a-f]{8};rport$/,
    );
    h.receive(responseTo(sent.text.replace(/Via: SIP\/2.0\/UDP 10.0.0.2.*\r\n/, ""), 180, "far"), "10.0.0.9:5060");
    expect(h.user.take()).toEqual(["response 180"]);
    h.receive(responseTo(sent.text, 180, "far"), "10.0.0.9:5060");
    expect(h.user.take()).toEqual(["response 180"]);
    expect(METHOD_INVITE).toBe(t.method);
  });
});

describe("an answer without a transaction (RFC 3261 §26.3.2.4)", () => {
  test("is one message for each that comes; its ACK ends here, another ACK does not", () => {
    const h = new Harness();
    h.user.answer = (t, m) => {
      t.drop();
      h.layer.answer(m, t.source, 404).put(octets("Content-Length: 0\r\n\r\n"));
      h.layer.sendAnswer();
    };
    h.receive(request());
    const [sent] = h.network.take();
    expect(sent.line).toBe("SIP/2.0 404 Not Found");
    h.pass(40_000);
    expect(h.network.take()).toEqual([]);
    expect(h.layer.servers.used()).toBe(0);
    h.user.take();
    const to = fields(sent.text, "To")[0];
    h.receive(request({ method: "ACK", to }));
    expect(h.user.take()).toEqual([]);
    h.receive(request({ method: "ACK", to: to.slice(0, -1) + "x" }));
    expect(h.user.take()).toEqual(["ack 1 from 10.0.0.2:5060"]);
  });
});
