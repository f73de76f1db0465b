import { beforeEach, describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { HEAD_LOCAL_TAG } from "../../src/transaction/head.js";
import { SERVER_ACCEPTED, SERVER_TRYING, type ServerTransaction } from "../../src/transaction/server.js";
import { isLeftOut } from "../runs.js";
import { field, fields, Harness, PEER, type RequestParts, request, type Sent } from "./harness.js";

let h: Harness;

beforeEach(() => {
  h = new Harness();
});

function lines(sent: Sent[]): string[] {
  return sent.map((one) => one.line);
}

function times(sent: Sent[]): number[] {
  return sent.map((one) => one.atMs);
}

/** Takes an INVITE in; its 100 is not remembered. */
function invited(parts: RequestParts = {}): ServerTransaction {
  h.receive(request(parts));
  h.network.take();
  h.user.take();
  return h.user.requests[h.user.requests.length - 1];
}

/** Makes the ACK for a response other than 2xx; it has the INVITE's branch. */
function ackFor(response: string, parts: RequestParts = {}): string {
  return request({ ...parts, method: "ACK", to: field(response, "To") });
}

describe("INVITE server transaction over UDP (RFC 3261 §17.2.1)", () => {
  it("answers 100 with the Timestamp when the user above has not answered", () => {
    h.receive(request({ extra: "Timestamp: 54.5\r\n" }));
    const [trying] = h.network.take();
    expect(trying.line).toBe("SIP/2.0 100 Trying");
    expect(field(trying.text, "Timestamp")).toBe("54.5");
    expect(h.user.take()).toEqual(["request INVITE"]);
  });

  it("sends no 100 when the user above answers at once", () => {
    h.user.answer = (t) => t.reply(180);
    h.receive(request());
    expect(lines(h.network.take())).toEqual(["SIP/2.0 180 Ringing"]);
  });

  it("sends a response that was kept after others were written, and not one that was left", () => {
    const [first, second] = [
      invited({ callId: "1", branch: "z9hG4bK1" }),
      invited({ callId: "2", branch: "z9hG4bK2" }),
    ];
    first.respond(486).put(octets("X-First: 1\r\nContent-Length: 0\r\n\r\n"));
    expect(first.keepResponse()).toBe(true);
    expect(second.reply(603)).toBe(true);
    expect(first.sendResponse()).toBe(true);
    const [declined, busy] = h.network.take();
    expect([declined.line, busy.line]).toEqual(["SIP/2.0 603 Decline", "SIP/2.0 486 Busy Here"]);
    expect([field(busy.text, "X-First"), field(busy.text, "Call-ID")]).toEqual(["1", "1"]);
    const [left, last] = [invited({ callId: "3", branch: "z9hG4bK3" }), invited({ callId: "4", branch: "z9hG4bK4" })];
    left.respond(486).put(octets("Content-Length: 0\r\n\r\n"));
    last.reply(603);
    expect(left.sendResponse()).toBe(false);
    h.settle();
    // The transaction ends all the same.
    expect(lines(h.network.take())).toEqual(["SIP/2.0 603 Decline", "SIP/2.0 486 Busy Here"]);
  });

  it("answers the INVITE sent again with the last response", () => {
    const t = invited();
    h.receive(request());
    t.reply(180);
    h.receive(request());
    expect(lines(h.network.take())).toEqual(["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 180 Ringing"]);
    expect(h.user.take()).toEqual([]);
    expect(h.layer.counters.repeated).toBe(2);
  });

  it("repeats a final response other than 2xx by Timer G, T1 doubling up to T2, until Timer H", () => {
    invited().reply(486);
    h.pass(100000);
    const all = h.network.take();
    expect(times(all)).toEqual([0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    expect(new Set(all.map((one) => one.text)).size).toBe(1);
    expect(h.user.take()).toEqual(["server terminated INVITE"]);
    expect(h.layer.servers.used()).toBe(0);
  });

  it("ends Timer H at 64*T1", () => {
    invited().reply(486);
    h.pass(31999);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["server terminated INVITE"]);
  });

  it("is silent after the ACK and absorbs more of both for Timer I, T4", () => {
    invited().reply(486);
    const [busy] = h.network.take();
    h.pass(600);
    h.network.take();
    h.receive(ackFor(busy.text));
    h.receive(ackFor(busy.text));
    h.receive(request());
    h.pass(4999);
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["server terminated INVITE"]);
  });

  it("sends nothing more after a final response", () => {
    const t = invited();
    t.reply(486);
    h.network.take();
    expect(t.reply(200)).toBe(false);
    expect(t.reply(180)).toBe(false);
    expect(h.network.take()).toEqual([]);
    h.receive(request());
    expect(lines(h.network.take())).toEqual(["SIP/2.0 486 Busy Here"]);
    h.pass(40000);
    expect(t.reply(200)).toBe(false);
  });
});

describe("Accepted (RFC 6026 §7.1)", () => {
  it("repeats the 2xx, T1 doubling up to T2, until it is acknowledged", () => {
    const t = invited();
    t.reply(200);
    h.pass(8000);
    expect(times(h.network.take())).toEqual([0, 500, 1500, 3500, 7500]);
    t.acked();
    h.pass(23999);
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["server terminated INVITE"]);
  });

  it("gives up by Timer L, 64*T1, and tells that no ACK came", () => {
    invited().reply(200);
    h.pass(31999);
    expect(h.user.take()).toEqual([]);
    h.pass(1);
    expect(h.user.take()).toEqual(["ack timeout", "server terminated INVITE"]);
    h.network.take();
    h.pass(10000);
    expect(h.network.take()).toEqual([]);
    expect(h.layer.servers.used()).toBe(0);
  });

  it("absorbs the INVITE sent again", () => {
    invited().reply(200);
    h.network.take();
    h.receive(request());
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual([]);
  });

  it("hands up the ACK, whether of a branch of its own or of the INVITE's", () => {
    invited().reply(200);
    const [ok] = h.network.take();
    h.receive(ackFor(ok.text, { branch: "z9hG4bKother" }), PEER + ":5062");
    h.receive(ackFor(ok.text));
    expect(h.user.take()).toEqual(["ack 1 from 10.0.0.2:5062", "ack 1 from 10.0.0.2:5060"]);
    expect(h.network.take()).toEqual([]);
  });
});

describe("INVITE server transaction for an address that has shown nothing yet (RFC 3261 §26.3.2.4)", () => {
  function doubted(): ServerTransaction {
    h.user.answer = (t) => {
      t.isUnproven = true;
    };
    const t = invited();
    h.network.take();
    return t;
  }

  it("sends a refusal once, and again for each INVITE that comes again, until the ACK or Timer H", () => {
    const t = doubted();
    t.reply(486);
    h.pass(20_000);
    h.receive(request());
    h.receive(request());
    expect(times(h.network.take())).toHaveLength(3);
    h.pass(12_000);
    expect(h.user.take().at(-1)).toBe("server terminated INVITE");
  });

  it("repeats a 2xx by the clock only when something was sent before, else when the INVITE comes again and no ACK has come", () => {
    const later = doubted();
    later.reply(200);
    h.pass(10_000);
    // The 100 of the layer was heard, so the sender is silent now.
    expect(h.network.take().length).toBeGreaterThan(4);
    h.pass(100_000);
    h.network.take();

    h.user.answer = (t) => {
      t.isUnproven = true;
      t.reply(200);
    };
    h.receive(request({ branch: "z9hG4bKother", callId: "other" }));
    h.pass(10_000);
    expect(lines(h.network.take())).toEqual(["SIP/2.0 200 OK"]);
    h.receive(request({ branch: "z9hG4bKother", callId: "other" }));
    expect(lines(h.network.take())).toEqual(["SIP/2.0 200 OK"]);
    const t = h.layer.servers.items.find((one) => one.state === SERVER_ACCEPTED);
    t!.acked();
    h.receive(request({ branch: "z9hG4bKother", callId: "other" }));
    expect(h.network.take()).toEqual([]);
  });

  it("knows an address that answered a request of ours, the last sixteen of them", () => {
    for (let i = 0; i < 17; i++) {
      expect(h.layer.isProven(i)).toBe(false);
      h.layer.prove(i);
      h.layer.prove(i);
    }
    expect(h.layer.isProven(0)).toBe(false);
    for (let i = 1; i < 17; i++) expect(h.layer.isProven(i)).toBe(true);
  });
});

describe("non-INVITE server transaction over UDP (RFC 3261 §17.2.2)", () => {
  it("sends no 100 by itself and ignores the request sent again while it is Trying", () => {
    h.receive(request({ method: "OPTIONS" }));
    h.receive(request({ method: "OPTIONS" }));
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual(["request OPTIONS"]);
  });

  it("answers the request sent again with the last response, for Timer J, 64*T1", () => {
    h.user.answer = (t) => t.reply(200);
    h.receive(request({ method: "OPTIONS" }));
    h.pass(31999);
    h.receive(request({ method: "OPTIONS" }));
    const [first, second] = h.network.take();
    expect(second.text).toBe(first.text);
    h.pass(1);
    expect(h.user.take()).toEqual(["request OPTIONS", "server terminated OPTIONS"]);
    h.receive(request({ method: "OPTIONS" }));
    expect(h.user.take()).toEqual(["request OPTIONS"]);
  });

  it("ends when nobody has answered by the time the client gives up (RFC 4320 §4.2)", () => {
    h.receive(request({ method: "OPTIONS" }));
    h.pass(32000);
    expect(h.user.take()).toEqual(["request OPTIONS", "server terminated OPTIONS"]);
    expect(h.layer.servers.used()).toBe(0);
    expect(h.user.requests[0].reply(200)).toBe(false);
  });

  it("never repeats a response on its own", () => {
    h.user.answer = (t) => t.reply(200);
    h.receive(request({ method: "BYE" }));
    h.pass(100000);
    expect(h.network.take().length).toBe(1);
  });
});

describe("server transactions over TCP", () => {
  const via = "SIP/2.0/TCP " + PEER + ":5060;branch=z9hG4bKabc";

  beforeEach(() => {
    h.opened(5, PEER + ":40000");
  });

  it("end at once where Timers I and J are 0, and repeat no final response other than 2xx", () => {
    h.user.answer = (t) => t.reply(486);
    h.receiveTcp(5, request({ via }));
    h.pass(20000);
    const [busy, ...more] = h.network.take();
    expect(more).toEqual([]);
    h.receiveTcp(5, ackFor(busy.text, { via }));
    h.settle();
    expect(h.user.take()).toEqual(["request INVITE", "server terminated INVITE"]);
    h.receiveTcp(5, request({ via, method: "OPTIONS" }));
    h.settle();
    expect(h.user.take()).toEqual(["request OPTIONS", "server terminated OPTIONS"]);
  });

  it("make room for more requests at once than there are transactions", () => {
    h.user.answer = (t) => t.reply(200);
    let all = "";
    for (let i = 0; i < 20; i++) all += request({ method: "OPTIONS", via: via + i });
    h.receiveTcp(5, all);
    expect(new Set(lines(h.network.take()))).toEqual(new Set(["SIP/2.0 200 OK"]));
    expect(h.user.take().filter((event) => event === "request OPTIONS").length).toBe(20);
  });

  it("wait for the ACK by Timer H", () => {
    h.user.answer = (t) => t.reply(486);
    h.receiveTcp(5, request({ via }));
    h.pass(31999);
    expect(h.user.take()).toEqual(["request INVITE"]);
    h.pass(1);
    expect(h.user.take()).toEqual(["server terminated INVITE"]);
  });

  it("repeat a 2xx to INVITE all the same (RFC 3261 §13.3.1.4)", () => {
    h.user.answer = (t) => t.reply(200);
    h.receiveTcp(5, request({ via }));
    h.pass(4000);
    expect(times(h.network.take())).toEqual([0, 500, 1500, 3500]);
  });
});

describe("what a response begins with (RFC 3261 §8.2.6.2)", () => {
  it("has the Record-Routes where a dialog may come of it: in 18x and 2xx, whatever was sent before, and nowhere else (§20, table 3)", () => {
    const routes = ["<sip:p2@10.0.0.9;lr>", "<sip:p1@10.0.0.8;lr>"];
    const extra = routes.map((route) => `Record-Route: ${route}\r\n`).join("");
    const orders = [
      [200],
      [486],
      [180, 200],
      [180, 183, 486],
      [100, 180, 100, 200],
      [100, 302],
      [183, 603],
      [199, 500],
    ];
    for (const statuses of orders) {
      h.receive(request({ branch: "z9hG4bKrr" + statuses.join("-"), callId: "rr" + statuses, extra }));
      const t = h.user.requests.at(-1)!;
      const sent = h.network.take();
      for (const status of statuses) {
        t.reply(status);
        sent.push(...h.network.take());
      }
      for (const { line, text } of sent) {
        const isHad = /^SIP\/2.0 (18|199|2)/.test(line);
        expect([statuses, line, fields(text, "Record-Route")]).toEqual([statuses, line, isHad ? routes : []]);
        expect(fields(text, "CSeq")).toEqual(["1 INVITE"]);
      }
      // The response sent last is the one that is repeated.
      h.receive(request({ branch: "z9hG4bKrr" + statuses.join("-"), callId: "rr" + statuses, extra }));
      for (const { text } of h.network.take()) expect(text).toBe(sent.at(-1)!.text);
      h.pass(200_000);
      h.network.take();
    }
  });

  it("has all Vias in order, the Record-Routes, From, To with our tag, Call-ID and CSeq", () => {
    h.user.answer = (t) => t.reply(180);
    h.receive(
      request({
        extra:
          "v: SIP/2.0/UDP p2.example;branch=z9hG4bK2,\r\n SIP/2.0/UDP p1.example;branch=z9hG4bK1\r\n" +
          "Record-Route: <sip:p3.example;lr>\r\nSubject: not for the answer\r\nRecord-Route: <sip:p2.example;lr>\r\n" +
          "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0\r\n",
      }),
    );
    const ringing = h.network.take()[0].text;
    expect(fields(ringing, "Via")).toEqual([
      "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKabc",
      "SIP/2.0/UDP p2.example;branch=z9hG4bK2, SIP/2.0/UDP p1.example;branch=z9hG4bK1",
      "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0",
    ]);
    expect(fields(ringing, "Record-Route")).toEqual(["<sip:p3.example;lr>", "<sip:p2.example;lr>"]);
    expect(field(ringing, "From")).toBe("<sip:bob@example.com>;tag=theirs");
    expect(field(ringing, "To")).toMatch(/^<sip:door@door\.example>;tag=[0-9a-f]{16}$/);
    expect(field(ringing, "Call-ID")).toBe("c2@peer");
    expect(field(ringing, "CSeq")).toBe("1 INVITE");
    expect(ringing).not.toContain("Subject");
  });

  it("keeps one To tag for all responses of a transaction, and the request's own where it has one", () => {
    const t = invited();
    t.reply(180);
    t.reply(200);
    const [ringing, ok] = h.network.take();
    expect(field(ok.text, "To")).toBe(field(ringing.text, "To"));
    expect(
      field(ok.text, "To").endsWith(";tag=" + text(t.buffer, t.startOf(HEAD_LOCAL_TAG), t.endOf(HEAD_LOCAL_TAG))),
    ).toBe(true);
    expect(t.hasToTag).toBe(false);
    const inDialog = invited({ branch: "z9hG4bKre", to: "<sip:door@door.example>;tag=mine", cseq: "2" });
    expect(inDialog.hasToTag).toBe(true);
    inDialog.reply(200);
    expect(field(h.network.take()[0].text, "To")).toBe("<sip:door@door.example>;tag=mine");
  });

  it("goes on with what the user above writes, and is replaced by the next response", () => {
    const t = invited();
    const w = t.respond(183, octets("Wait"));
    w.put(octets("Contact: <sip:door@10.0.0.1>\r\nContent-Length: 4\r\n\r\nv=0\n"));
    expect(t.sendResponse()).toBe(true);
    expect(t.sendResponse()).toBe(false);
    t.resend();
    t.reply(603);
    const [progress, again, decline] = h.network.take();
    expect(progress.line).toBe("SIP/2.0 183 Wait");
    expect(progress.text.endsWith("Contact: <sip:door@10.0.0.1>\r\nContent-Length: 4\r\n\r\nv=0\n")).toBe(true);
    expect(again.text).toBe(progress.text);
    expect(decline.line).toBe("SIP/2.0 603 Decline");
    expect(decline.text.endsWith("CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")).toBe(true);
  });

  it("is not sent when it was not well written, and can be written anew", () => {
    const t = invited();
    t.respond(200).text("X: a\nb");
    expect(t.sendResponse()).toBe(false);
    h.receive(request());
    expect(h.network.take()).toEqual([]);
    expect(t.reply(500)).toBe(true);
    expect(lines(h.network.take())).toEqual(["SIP/2.0 500 Server Internal Error"]);
  });

  it("is short when what was to be said does not fit: no request leaves a transaction without an answer", () => {
    for (const [status, short] of [
      [200, "SIP/2.0 500 Server Internal Error"],
      [420, "SIP/2.0 420 Bad Extension"],
    ] as const) {
      for (let size = 3300; size < 4100; size++) {
        if (isLeftOut(size, status, 7)) continue;
        h.user.answer = (t) => {
          t.respond(status).put(octets("X: " + "x".repeat(300) + "\r\nContent-Length: 0\r\n\r\n"));
          t.sendResponse();
        };
        h.receive(
          request({
            method: "OPTIONS",
            branch: `z9hG4bK${status}-${size}`,
            extra: "",
            to: `<sip:a>;x=${"t".repeat(size)}`,
          }),
        );
        const answers = h.network.take();
        expect(answers.length).toBeLessThanOrEqual(1);
        if (answers.length > 0)
          expect([`SIP/2.0 ${status}`, short.slice(0, 11), "SIP/2.0 513"]).toContain(answers[0].line.slice(0, 11));
        expect(h.layer.servers.items.filter((t) => t.state === SERVER_TRYING)).toEqual([]);
        h.pass(10);
      }
      h.pass(40_000);
      expect(h.layer.servers.used()).toBe(0);
    }
  });

  it("is short also when it was written late, and nothing else was written in its place", () => {
    const t = invited();
    t.reply(180);
    t.respond(200).put(octets("X: " + "x".repeat(5000)));
    expect(t.sendResponse()).toBe(false);
    h.settle();
    expect(lines(h.network.take())).toEqual(["SIP/2.0 180 Ringing", "SIP/2.0 500 Server Internal Error"]);
    h.pass(40_000);
    expect(h.layer.servers.used()).toBe(0);
  });

  it("that is provisional and does not fit is 100, and the final one is still to come", () => {
    const t = invited();
    t.respond(183).put(octets("X: " + "x".repeat(5000)));
    expect(t.sendResponse()).toBe(false);
    h.settle();
    h.receive(request());
    expect(t.reply(486)).toBe(true);
    expect(lines(h.network.take())).toEqual(["SIP/2.0 100 Trying", "SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"]);
  });

  it("cuts a reason phrase that is too long, and calls a status without a phrase by its class", () => {
    const t = invited();
    t.reply(180, octets("x".repeat(200)));
    t.reply(477);
    const [long, unknown] = lines(h.network.take());
    expect(long).toBe("SIP/2.0 180 " + "x".repeat(82));
    expect(unknown).toBe("SIP/2.0 477 Client Error");
  });
});

describe("where a response goes (RFC 3261 §18.2, RFC 3581)", () => {
  function answered(via: string, from: string): { to: string; via: string } {
    h.user.answer = (t) => t.reply(200);
    h.receive(request({ method: "OPTIONS", via, branch: "" }), from);
    const [one] = h.network.take();
    return { to: one.to, via: field(one.text, "Via") };
  }

  it("to the source address and the port of sent-by; received only where the host differs", () => {
    expect(answered("SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bK1", "10.0.0.2:40000")).toEqual({
      to: "udp 10.0.0.2:5070",
      via: "SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bK1",
    });
    expect(answered("SIP/2.0/UDP 192.168.1.9;branch=z9hG4bK2", "10.0.0.2:40000")).toEqual({
      to: "udp 10.0.0.2:5060",
      via: "SIP/2.0/UDP 192.168.1.9;branch=z9hG4bK2;received=10.0.0.2",
    });
    expect(answered("SIP/2.0/UDP phone.example:5070;branch=z9hG4bK3", "10.0.0.2:40000")).toEqual({
      to: "udp 10.0.0.2:5070",
      via: "SIP/2.0/UDP phone.example:5070;branch=z9hG4bK3;received=10.0.0.2",
    });
  });

  it("to the source port with rport, which is filled in along with received", () => {
    expect(answered("SIP/2.0/UDP 10.0.0.2:5070;rport;branch=z9hG4bK4", "10.0.0.2:40000")).toEqual({
      to: "udp 10.0.0.2:40000",
      via: "SIP/2.0/UDP 10.0.0.2:5070;branch=z9hG4bK4;received=10.0.0.2;rport=40000",
    });
  });

  it("never to where the Via's received, rport or maddr would send it", () => {
    expect(
      answered(
        'SIP/2.0/UDP 10.0.0.2;received=6.6.6.6;branch=z9hG4bK5;rport=66;maddr=6.6.6.6;x="a;rport=1"',
        "10.0.0.2:40000",
      ),
    ).toEqual({
      to: "udp 10.0.0.2:40000",
      via: 'SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK5;maddr=6.6.6.6;x="a;rport=1";received=10.0.0.2;rport=40000',
    });
  });
});

describe("matching of requests (RFC 3261 §17.2.3)", () => {
  it("tells apart by branch, by sent-by and by method", () => {
    const sentBy = (host: string) => "SIP/2.0/UDP " + host + ";branch=z9hG4bKsame";
    h.receive(request({ method: "OPTIONS", via: sentBy("a.example") }));
    h.receive(request({ method: "OPTIONS", via: sentBy("b.example") }));
    h.receive(request({ method: "OPTIONS", via: sentBy("a.example:5061") }));
    h.receive(request({ method: "INFO", via: sentBy("a.example") }));
    h.receive(request({ method: "OPTIONS", branch: "z9hG4bKsamf" }));
    expect(h.user.take().length).toBe(5);
    h.receive(request({ method: "OPTIONS", via: sentBy("A.EXAMPLE") }));
    expect(h.user.take()).toEqual([]);
  });

  it("tells methods that are not known here apart by their names", () => {
    h.receive(request({ method: "FROB" }));
    h.receive(request({ method: "NICATE" }));
    h.receive(request({ method: "FROB" }));
    expect(h.user.take()).toEqual(["request FROB", "request NICATE"]);
  });

  it("without a cookie goes by Request-URI, tags, Call-ID, CSeq and topmost Via, as RFC 2543 has it", () => {
    const via = "SIP/2.0/UDP 10.0.0.2:5060";
    h.receive(request({ via }));
    h.receive(request({ via }));
    expect(h.user.take()).toEqual(["request INVITE"]);
    h.receive(request({ via, uri: "sip:other@10.0.0.1" }));
    h.receive(request({ via, cseq: "2" }));
    h.receive(request({ via, callId: "other" }));
    h.receive(request({ via, from: "<sip:bob@example.com>;tag=other" }));
    h.receive(request({ via: "SIP/2.0/UDP 10.0.0.3:5060" }));
    expect(h.user.take().length).toBe(5);
  });

  it("without a cookie knows the ACK by the tag of the response", () => {
    const via = "SIP/2.0/UDP 10.0.0.2:5060;branch=1";
    invited({ via }).reply(486);
    const [busy] = h.network.take();
    h.receive(request({ via, method: "ACK", to: "<sip:door@door.example>;tag=wrong" }));
    h.receive(request({ via, method: "ACK" }));
    expect(h.user.take().length).toBe(2);
    h.receive(ackFor(busy.text, { via }));
    expect(h.user.take()).toEqual([]);
    h.pass(5000);
    expect(h.user.take()).toEqual(["server terminated INVITE"]);
  });

  it("without a cookie knows the CANCEL", () => {
    const via = "SIP/2.0/UDP 10.0.0.2:5060";
    h.receive(request({ via }));
    h.receive(request({ via, method: "CANCEL" }));
    expect(h.user.take()).toEqual(["request INVITE", "cancel"]);
  });

  it("keeps transactions apart that share everything but the branch's last octet, and finds each", () => {
    h = new Harness({ servers: 64 });
    for (let i = 0; i < 64; i += 2) h.receive(request({ method: "OPTIONS", branch: "z9hG4bK" + i }));
    h.pass(1000);
    for (let i = 1; i < 64; i += 2) h.receive(request({ method: "OPTIONS", branch: "z9hG4bK" + i }));
    expect(h.user.take().length).toBe(64);
    h.pass(31000);
    for (let i = 1; i < 64; i += 2) h.receive(request({ method: "OPTIONS", branch: "z9hG4bK" + i }));
    expect(h.user.take().filter((event) => event.startsWith("request"))).toEqual([]);
    expect(h.layer.servers.used()).toBe(32);
  });

  it("tells the user above of a request that came by two ways (§8.2.2.2)", () => {
    const merged: boolean[] = [];
    h.user.answer = (t, m) => merged.push(h.layer.isMerged(t, m));
    h.receive(request({ branch: "z9hG4bK1" }));
    h.receive(request({ branch: "z9hG4bK2" }));
    h.receive(request({ branch: "z9hG4bK3", cseq: "2" }));
    h.receive(request({ branch: "z9hG4bK4", to: "<sip:door@door.example>;tag=mine" }));
    expect(merged).toEqual([false, true, false, false]);
  });
});

describe("CANCEL to a server transaction (RFC 3261 §9.2)", () => {
  it("is answered 200 with the To tag of the INVITE's answers, and told", () => {
    const t = invited();
    h.user.onEachCancel = (of) => of.reply(487);
    t.reply(180);
    h.receive(request({ method: "CANCEL" }));
    const [ringing, ok, terminated] = h.network.take();
    expect([ok.line, field(ok.text, "CSeq")]).toEqual(["SIP/2.0 200 OK", "1 CANCEL"]);
    expect([terminated.line, field(terminated.text, "CSeq")]).toEqual(["SIP/2.0 487 Request Terminated", "1 INVITE"]);
    expect(field(ok.text, "To")).toBe(field(ringing.text, "To"));
    expect(h.user.take()).toEqual(["cancel"]);
  });

  it("sent again gets the same answer and is told once", () => {
    invited();
    h.receive(request({ method: "CANCEL" }));
    h.receive(request({ method: "CANCEL" }));
    const [first, second] = h.network.take();
    expect(second.text).toBe(first.text);
    expect(h.user.take()).toEqual(["cancel"]);
  });

  it("after the final response is answered 200 and has no effect", () => {
    invited().reply(200);
    h.receive(request({ method: "CANCEL" }));
    expect(lines(h.network.take())).toEqual(["SIP/2.0 200 OK", "SIP/2.0 200 OK"]);
    expect(h.user.take()).toEqual([]);
  });

  it("for nothing is answered 481", () => {
    invited();
    h.receive(request({ method: "CANCEL", branch: "z9hG4bKother" }));
    expect(lines(h.network.take())).toEqual(["SIP/2.0 481 Call/Transaction Does Not Exist"]);
    expect(h.user.take()).toEqual([]);
  });

  it("works in a full house", () => {
    h = new Harness({ servers: 1 });
    invited().reply(180);
    h.receive(request({ method: "CANCEL" }));
    h.receive(request({ method: "CANCEL", branch: "z9hG4bKother" }));
    const [ringing, ok, none] = h.network.take();
    expect(ok.line).toBe("SIP/2.0 200 OK");
    expect(field(ok.text, "To")).toBe(field(ringing.text, "To"));
    expect(none.line).toBe("SIP/2.0 481 Call/Transaction Does Not Exist");
    expect(h.user.take()).toEqual(["cancel"]);
  });
});

it("disown: nobody is told of the end of what an owner had", () => {
  const t = invited();
  h.layer.disown(h.user);
  t.reply(486);
  h.pass(40000);
  expect(h.user.take()).toEqual([]);
  expect(h.layer.servers.used()).toBe(0);
});

describe("requests that get no transaction", () => {
  it("are answered 503 with Retry-After when all are in use, the same each time", () => {
    h = new Harness({ servers: 1 });
    invited();
    h.receive(request({ branch: "z9hG4bKnext" }));
    h.receive(request({ branch: "z9hG4bKnext" }));
    const [first, second] = h.network.take();
    expect(first.line).toBe("SIP/2.0 503 Service Unavailable");
    expect(field(first.text, "Retry-After")).toBe("5");
    expect(field(first.text, "To")).toMatch(/;tag=[0-9a-f]{16}$/);
    expect(second.text).toBe(first.text);
    expect(h.layer.counters.refused).toBe(2);
    expect(h.user.take()).toEqual([]);
  });

  it("are answered 513 when what has to be copied does not fit", () => {
    h = new Harness({ transactionBytes: 512 });
    let extra = "";
    for (let i = 0; i < 12; i++) extra += "Record-Route: <sip:p" + i + ".example;lr>\r\n";
    h.receive(request({ extra }));
    expect(h.layer.servers.used()).toBe(0);
    expect(lines(h.network.take())).toEqual(["SIP/2.0 513 Message Too Large"]);
  });

  it("are answered when malformed but readable, always the same, one out for one in", () => {
    const bad = request().replace("Content-Length: 0", "Content-Length: many");
    h.receive(bad);
    h.receive(bad);
    const [first, second] = h.network.take();
    expect(first.line).toBe("SIP/2.0 400 Bad Content-Length");
    expect(second.text).toBe(first.text);
    h.receive(request().replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"));
    expect(lines(h.network.take())).toEqual(["SIP/2.0 505 Version Not Supported"]);
    expect(h.layer.counters.malformed).toBe(3);
    expect(h.user.take()).toEqual([]);
  });

  it.each(["From", "To", "Call-ID", "CSeq"])("are answered without %s when they have none, and hear so", (name) => {
    h.receive(request().replace(new RegExp("^" + name + ": .*\r\n", "m"), ""));
    const [answer, ...more] = h.network.take();
    expect([answer.line, more]).toEqual(["SIP/2.0 400 Missing " + name + " Header Field", []]);
    const names = answer.text.split("\r\n").map((line) => line.split(":")[0]);
    expect(names.slice(1, -2)).toEqual(
      ["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"].filter((other) => other !== name),
    );
    expect(h.layer.servers.used()).toBe(0);
    expect(h.user.take()).toEqual([]);
  });

  it("get different To tags for different requests", () => {
    const bad = (branch: string) => request({ branch }).replace("Max-Forwards: 70", "Max-Forwards: many");
    h.receive(bad("z9hG4bK1"));
    h.receive(bad("z9hG4bK2"));
    const [first, second] = h.network.take();
    expect(field(second.text, "To")).not.toBe(field(first.text, "To"));
  });

  it("are dropped when malformed and not to be answered: an ACK, one without Via, no SIP, keep-alives", () => {
    h.receive(request({ method: "ACK" }).replace("CSeq: 1", "CSeq: one"));
    h.receive(request().replace(/Via: .*\r\n/, ""));
    h.receive("GET / HTTP/1.1\r\n\r\n");
    expect(h.layer.counters.dropped).toBe(3);
    h.receive("\r\n\r\n");
    h.receive("\r\n");
    h.receive("\0\0\0\0");
    expect(h.layer.counters.keepAlives).toBe(3);
    expect(h.layer.counters.received).toBe(3);
    expect(h.network.take()).toEqual([]);
    expect(h.user.take()).toEqual([]);
  });

  it("that are malformed in Via go back as they came, to where they came from", () => {
    h.receive(request({ via: "SIP/2.0/UDP 10.0.0.2:99999;branch=z9hG4bK1" }), "10.0.0.2:4000");
    const [bad] = h.network.take();
    expect([bad.to, bad.line, field(bad.text, "Via")]).toEqual([
      "udp 10.0.0.2:4000",
      "SIP/2.0 400 Bad Via Header Field",
      "SIP/2.0/UDP 10.0.0.2:99999;branch=z9hG4bK1",
    ]);
  });
});
