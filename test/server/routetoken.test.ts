/**
 * Tests the mark in our Record-Route as a capability: what a party that heard it may do with it, and what it may not.
 */
import { describe, expect, test } from "vitest";
import { TOKEN_LIFE_S } from "../../src/server/routetoken.js";
import { isLeftOut } from "../runs.js";
import { responseTo, type Sent } from "../transaction/harness.js";
import { ALICE, type Ask, BOB, brief, field, fields, ProxyHouse, STRANGER, withoutState } from "./proxied.js";

const BOB_URI = "sip:bob@10.0.0.3:5060";
const ZOE_URI = "sip:zoe@10.9.9.9";
const DAY_MS = 86_400_000;
const IN_DIALOG = ["BYE", "INVITE", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "SUBSCRIBE", "ACK"];
const OUTSIDE = ["MESSAGE", "OPTIONS", "PUBLISH", "PING", "REGISTER"];

/** A call from a stranger to bob, and what either side may send in it. */
class Call {
  readonly invite: Sent;
  readonly ok: Sent;
  private cseq = 1;

  readonly h: ProxyHouse;
  private readonly callId: string;

  constructor(h: ProxyHouse, callId = "call", contact = "<" + BOB_URI + ">", above = "") {
    this.h = h;
    this.callId = callId;
    [this.invite] = h.sends({ callId, extra: "Contact: <" + ZOE_URI + ">\r\n" });
    const recorded = fields(this.invite.text, "Record-Route").map((route) => "Record-Route: " + route + "\r\n");
    const extra = above + recorded.join("") + (contact === "" ? "" : "Contact: " + contact + "\r\n");
    [this.ok] = h.receive(responseTo(this.invite.text, 200, "bb", extra), BOB);
  }

  route(isCaller: boolean): string {
    const list = fields((isCaller ? this.ok : this.invite).text, "Record-Route");
    return (isCaller ? list.reverse() : list).map((route) => "Route: " + route + "\r\n").join("");
  }

  sends(isCaller: boolean, method: string, parts: Ask = {}, from = isCaller ? STRANGER : BOB): Sent[] {
    const zoe = "<sip:zoe@elsewhere.net>;tag=zz";
    const bob = "<sip:bob@example.org>;tag=bb";
    this.cseq += 1;
    return this.h.sends(
      {
        method,
        callId: this.callId,
        cseq: this.cseq,
        from: isCaller ? zoe : bob,
        to: isCaller ? bob : zoe,
        uri: isCaller ? BOB_URI : ZOE_URI,
        ...parts,
        extra: (parts.extra ?? "Contact: <" + (isCaller ? ZOE_URI : BOB_URI) + ">\r\n") + this.route(isCaller),
      },
      from,
    );
  }
}

function house(options: ConstructorParameters<typeof ProxyHouse>[0] = {}, isStateless = false): ProxyHouse {
  const h = new ProxyHouse(options);
  h.bind("bob", "<" + BOB_URI + ">");
  if (isStateless) withoutState(h);
  return h;
}

/** @returns the messages that went anywhere else than back to their sender */
function went(sent: readonly Sent[]): string[] {
  return brief(sent).filter((one) => !/^\d/.test(one));
}

describe.each([false, true])("in a call (without state: %s)", (isStateless) => {
  test("each side reaches the other by every method of dialogs", () => {
    for (const method of IN_DIALOG) {
      const c = new Call(house({}, isStateless));
      expect(went(c.sends(true, method)), method).toEqual([method + " 10.0.0.3:5060"]);
      expect(went(c.sends(false, method)), method).toEqual([method + " 10.9.9.9:5060"]);
    }
  });

  test("neither side reaches anybody else, by no method, in no spelling of the way, over no transport", () => {
    const ways: Ask[] = [
      { uri: "sip:victim@10.8.8.8" },
      { uri: "sip:victim@10.8.8.8;transport=tcp" },
      { uri: "sip:victim@elsewhere.net" },
      { uri: BOB_URI + ";maddr=10.8.8.8" },
      { uri: "sip:bob@10.0.0.3;maddr=elsewhere.net" },
      { uri: "sip:10.0.0.3@10.8.8.8" },
      { uri: "sip:victim@10.8.8.8;moved=" + "0".repeat(16) },
      { uri: "sip:alice@example.org" },
      { uri: "sip:bob@example.org" },
      { uri: "tel:+4930123" },
    ];
    for (const isCaller of [true, false])
      for (const [row, method] of [...IN_DIALOG, ...OUTSIDE].entries())
        for (const [i, way] of ways.entries()) {
          if (isLeftOut(i, row + Number(isCaller), 3)) continue;
          const c = new Call(house({}, isStateless));
          // An ACK needs no mark in a proxy without state, because it cannot be asked for a password.
          if (isStateless && method === "ACK") continue;
          expect(went(c.sends(isCaller, method, way)), method + " " + way.uri).toEqual([]);
        }
  });

  test("no Route behind ours leads to anybody else", () => {
    for (const behind of [
      "<sip:10.8.8.8;lr>",
      "<sip:10.8.8.8>",
      "<sip:10.0.0.3;maddr=10.8.8.8;lr>",
      "<sip:elsewhere.net;lr>",
    ])
      for (const method of IN_DIALOG) {
        if (isStateless && method === "ACK") continue;
        const c = new Call(house({}, isStateless));
        const parts = { method, callId: "call", cseq: 7, uri: BOB_URI, to: "<sip:bob@example.org>;tag=bb" };
        const sent = c.h.sends({ ...parts, extra: c.route(true) + "Route: " + behind + "\r\n" });
        expect(went(sent), method + " " + behind).toEqual([]);
      }
  });

  test("methods that belong into no dialog need a password, and so does what has no To tag, or other tags", () => {
    const c = new Call(house({}, isStateless));
    for (const method of OUTSIDE) expect(went(c.sends(true, method)), method).toEqual([]);
    for (const method of ["BYE", "INVITE", "INFO"]) {
      for (const to of ["<sip:bob@example.org>", "<sip:bob@example.org>;tag=other", "<sip:bob@example.org>;tag="])
        expect(went(c.sends(true, method, { to })), method + to).toEqual([]);
      expect(went(c.sends(true, method, { from: "<sip:zoe@elsewhere.net>;tag=other" })), method).toEqual([]);
      expect(went(c.sends(true, method, { callId: "other" })), method).toEqual([]);
    }
  });

  test("the caller cannot pass for the side that is called, to reach what his own Contact said", () => {
    for (const method of IN_DIALOG) {
      if (isStateless && method === "ACK") continue;
      const c = new Call(house({}, isStateless));
      const parts = { method, callId: "call", cseq: 7, uri: ZOE_URI, from: "<sip:b@x>;tag=bb", to: "<sip:z@x>;tag=zz" };
      expect(went(c.h.sends({ ...parts, extra: c.route(true) }))).toEqual([]);
    }
  });

  test("what was heard before the call was answered is good for the dialog that it began, and no other", () => {
    const h = house({}, isStateless);
    const [invite] = h.sends({ callId: "early", extra: "Contact: <" + ZOE_URI + ">\r\n" });
    const [ringing] = h.answers(invite, 180, "b1", "Contact: <" + BOB_URI + ">\r\n");
    const [other] = h.answers(invite, 183, "b2", "Contact: <sip:bob@10.0.0.4>\r\n");
    const prack = (heard: Sent, tag: string, uri: string): string[] =>
      went(
        h.sends({
          method: "PRACK",
          callId: "early",
          cseq: 2,
          uri,
          to: "<sip:bob@example.org>;tag=" + tag,
          extra: "Route: " + field(heard.text, "Record-Route") + "\r\n",
        }),
      );
    expect(prack(ringing, "b1", BOB_URI)).toEqual(["PRACK 10.0.0.3:5060"]);
    expect(prack(other, "b2", "sip:bob@10.0.0.4")).toEqual(["PRACK 10.0.0.4:5060"]);
    expect(prack(ringing, "b2", BOB_URI)).toEqual([]);
    expect(prack(other, "b2", BOB_URI)).toEqual([]);
    expect(prack(invite, "b1", BOB_URI)).toEqual([]);
  });

  test("it lasts for a call of a day; thirty days later it does nothing but end the call", () => {
    for (const isCaller of [true, false]) {
      const c = new Call(house({}, isStateless));
      const to = isCaller ? "10.0.0.3:5060" : "10.9.9.9:5060";
      c.h.pass(DAY_MS);
      for (const method of IN_DIALOG) expect(went(c.sends(isCaller, method)), method).toEqual([method + " " + to]);
      c.h.network.take();
      c.h.pass(30 * DAY_MS);
      for (const method of IN_DIALOG) {
        const isEnd = method === "BYE" || method === "ACK";
        expect(went(c.sends(isCaller, method)), method).toEqual(isEnd ? [method + " " + to] : []);
      }
      expect(went(c.sends(isCaller, "BYE", { uri: "sip:v@10.8.8.8" }))).toEqual([]);
    }
    expect(TOKEN_LIFE_S).toBeGreaterThan(24 * 3600);
  });

  test("a user of ours goes on by password when it is over", () => {
    const h = house({}, isStateless);
    const own = { from: "<sip:alice@example.org>;tag=aa", callId: "long", extra: "Contact: <sip:alice@10.0.0.2>\r\n" };
    const [invite] = h.sends(own, ALICE, "alice", "secretA");
    const [ok] = h.answers(invite, 200, "bb", "Contact: <" + BOB_URI + ">\r\n");
    h.pass(30 * DAY_MS);
    h.network.take();
    const extra = own.extra + "Route: " + field(ok.text, "Record-Route") + "\r\n";
    const again = { ...own, uri: BOB_URI, to: "<sip:bob@example.org>;tag=bb", cseq: 9, extra };
    expect(went(h.sends(again, ALICE, "alice", "secretA"))).toEqual(["INVITE 10.0.0.3:5060"]);
  });
});

describe("a side that changes its Contact within a call (RFC 3261 §12.2)", () => {
  const MOVED = "sip:zoe@10.9.9.77:5070";

  /** @returns the new Contact as the other side hears it, from a request of that method */
  function move(c: Call, isCaller: boolean, method: string, contact: string): string {
    // The request is sent from the address that the phone has moved to.
    const [, ip, port] = /@([\d.]+)(?::(\d+))?/.exec(contact) ?? [];
    const [sent] = c.sends(isCaller, method, { extra: "Contact: " + contact + "\r\n" }, ip + ":" + (port ?? 5060));
    return field(sent.text, "Contact");
  }

  test("is followed there, also by what no password can be asked for, and hears its own Contact", () => {
    for (const method of ["INVITE", "UPDATE"])
      for (const contact of [
        "<" + MOVED + ">",
        MOVED,
        "<" + MOVED + ";transport=udp>;expires=60",
        '"Z" <' + MOVED + ">",
      ]) {
        const c = new Call(house());
        const heard = move(c, true, method, contact);
        const uri = /<(.*)>/.exec(heard)?.[1] ?? heard;
        expect(uri).not.toBe(MOVED);
        for (const follow of IN_DIALOG) {
          const [sent] = c.sends(false, follow, { uri });
          expect(sent.to, follow + " " + contact).toBe("udp 10.9.9.77:5070");
          expect(sent.line).toBe(follow + " " + MOVED + (contact.includes(";t") ? ";transport=udp" : "") + " SIP/2.0");
        }
      }
  });

  test("is followed when it is the one that was called, and when it says so in its answer", () => {
    const c = new Call(house());
    const heard = move(c, false, "INVITE", "<sip:bob@10.0.0.33>");
    const uri = /<(.*)>/.exec(heard)?.[1] ?? "";
    expect(went(c.sends(true, "BYE", { uri }))).toEqual(["BYE 10.0.0.33:5060"]);
    const d = new Call(house());
    const [again] = d.sends(true, "INVITE");
    const [ok] = d.h.answers(again, 200, "bb", "Contact: <sip:bob@10.0.0.44>\r\n");
    const moved = /<(.*)>/.exec(field(ok.text, "Contact"))?.[1] ?? "";
    expect(went(d.sends(true, "ACK", { uri: moved }))).toEqual(["ACK 10.0.0.44:5060"]);
  });

  test("keeps the Contact octet for octet as long as it stays where it was", () => {
    const c = new Call(house());
    for (const isCaller of [true, false]) {
      const contact = "<" + (isCaller ? ZOE_URI : BOB_URI) + ";x=y>;z";
      expect(move(c, isCaller, "INVITE", contact)).toBe(contact);
    }
  });

  test("opens nothing for anybody else: not for another host, call, or side", () => {
    const c = new Call(house());
    const heard = move(c, true, "INVITE", "<" + MOVED + ">");
    const uri = /<(.*)>/.exec(heard)?.[1] ?? "";
    for (const method of IN_DIALOG) {
      expect(went(c.sends(false, method, { uri: uri.replace("10.9.9.77", "10.8.8.8") }))).toEqual([]);
      expect(went(c.sends(false, method, { uri: uri.replace("10.9.9.77", "10.9.9.77.elsewhere.net") }))).toEqual([]);
      expect(went(c.sends(false, method, { uri: uri + ";maddr=10.8.8.8" }))).toEqual([]);
      expect(went(c.sends(true, method, { uri }))).toEqual([]);
      const other = new Call(c.h, "other" + method);
      expect(went(other.sends(false, method, { uri }))).toEqual([]);
    }
  });
});

describe("a proxy between ours and a phone", () => {
  test("is the one that is reached, wherever the phone behind it says to be", () => {
    const c = new Call(house(), "call", "<sip:bob@192.168.7.7>", "Record-Route: <sip:10.0.0.8;lr>\r\n");
    const [sent] = c.sends(true, "INVITE", { uri: "sip:bob@192.168.7.7" });
    expect(brief([sent])).toEqual(["INVITE 10.0.0.8:5060"]);
    expect(fields(sent.text, "Route")).toEqual(["<sip:10.0.0.8;lr>"]);
    const parts = { method: "BYE", callId: "call", cseq: 9, uri: "sip:bob@192.168.7.7", to: "<sip:b@x>;tag=bb" };
    const own = c.route(true).split("\r\n")[0] + "\r\n";
    expect(went(c.h.sends({ ...parts, extra: own }))).toEqual([]);
  });
});

describe("a side that changes its Contact behind a NAT", () => {
  test("is reached where it was seen then", () => {
    const c = new Call(house());
    const [again] = c.sends(true, "INVITE", { extra: "Contact: <sip:zoe@192.168.1.7>\r\n" }, "10.77.0.7:40001");
    const uri = /<(.*)>/.exec(field(again.text, "Contact"))?.[1] ?? "";
    const [bye] = c.sends(false, "BYE", { uri });
    expect([bye.to, bye.line]).toEqual(["udp 10.77.0.7:40001", "BYE sip:zoe@192.168.1.7 SIP/2.0"]);
  });
});

describe("nothing is kept", () => {
  test("a server in the place of the one before goes on with the call, also after a change of Contact", () => {
    const first = house();
    const c = new Call(first);
    const [again] = c.sends(true, "INVITE", { extra: "Contact: <sip:zoe@10.9.9.77>\r\n" }, "10.9.9.77:5060");
    const uri = /<(.*)>/.exec(field(again.text, "Contact"))?.[1] ?? "";
    // The same random numbers give the same key.
    const second = new ProxyHouse();
    const routes = c.route(false);
    const bye = { method: "BYE", callId: "call", cseq: 9, from: "<sip:b@x>;tag=bb", to: "<sip:z@x>;tag=zz" };
    expect(went(second.sends({ ...bye, uri, extra: routes }, BOB))).toEqual(["BYE 10.9.9.77:5060"]);
  });
});
