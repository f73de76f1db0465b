import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { NONE, octets } from "../../src/core/bytes.js";
import type { LocationStore, LocationUser } from "../../src/server/location.js";
import { STRANGERS_ALWAYS, STRANGERS_BY_RULE, STRANGERS_NEVER, UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5 } from "../../src/wire/digest.js";
import { responseTo, type Sent } from "../transaction/harness.js";
import { home, secretOf } from "./house.js";
import { ALICE, ask, BOB, brief, field, fields, PROXY, ProxyHouse, STRANGER } from "./proxied.js";

const BOB_URI = "sip:bob@10.0.0.3:5060";
const CONTACT = "<" + BOB_URI + ">";

/** Makes a house with bob registered. */
function house(options: ConstructorParameters<typeof ProxyHouse>[0] = {}): ProxyHouse {
  const h = new ProxyHouse(options);
  h.bind("bob", CONTACT);
  return h;
}

/** Makes an established call from a stranger to bob. */
function call(h: ProxyHouse): { invite: Sent; ok: Sent } {
  const [invite] = h.sends({ callId: "call" });
  const [ok] = h.answers(invite, 200, "bb", "Contact: " + CONTACT + "\r\n");
  return { invite, ok };
}

/** Makes an established call from a stranger to bob, with another proxy on the way between ours and bob's phone. */
function callThrough(h: ProxyHouse, proxy: string): Sent {
  const [invite] = h.sends({ callId: "call" });
  const recorded = ["<" + proxy + ">", ...fields(invite.text, "Record-Route")];
  const lines = recorded.map((route) => "Record-Route: " + route + "\r\n").join("");
  const response = responseTo(invite.text, 200, "bb", lines + "Contact: " + CONTACT + "\r\n");
  return h.receive(response, BOB)[0];
}

/** Makes Route fields for a request of the caller or the callee of that call. */
function routes(ok: Sent, isCaller: boolean): string {
  const list = fields(ok.text, "Record-Route");
  return (isCaller ? list.reverse() : list).map((route) => "Route: " + route + "\r\n").join("");
}

describe("what comes is checked (RFC 3261 §16.3)", () => {
  test("a Request-URI of a scheme that is not spoken: 416", () => {
    const h = house();
    for (const uri of ["im:bob@example.org", "sips:bob@example.org", "urn:service:sos"])
      expect(brief(h.sends({ uri }))).toEqual(["416 10.9.9.9:5060"]);
  });

  test("Max-Forwards 0: 483; OPTIONS is answered", () => {
    const h = house();
    expect(brief(h.sends({ forwards: "Max-Forwards: 0\r\n" }))).toEqual(["483 10.9.9.9:5060"]);
    const [ok] = h.sends({ method: "OPTIONS", forwards: "Max-Forwards: 0\r\n" });
    expect(brief([ok])).toEqual(["200 10.9.9.9:5060"]);
    expect(field(ok.text, "Allow")).toContain("INVITE");
  });

  test("OPTIONS for the proxy itself is answered, for a user it goes to the phone", () => {
    const h = house({ trusted: [ipv4("10.0.0.9")] });
    expect(brief(h.sends({ method: "OPTIONS", uri: "sip:example.org" }))).toEqual(["200 10.9.9.9:5060"]);
    expect(brief(h.sends({ method: "OPTIONS", uri: "sip:" + PROXY }))).toEqual(["200 10.9.9.9:5060"]);
    expect(brief(h.sends({ method: "OPTIONS" }, "10.0.0.9:5060"))).toEqual(["OPTIONS 10.0.0.3:5060"]);
  });

  test("a loop: 482; a spiral, which comes back changed, goes on", () => {
    const h = house();
    const [invite] = h.sends({});
    const via = fields(invite.text, "Via")
      .map((value) => "Via: " + value + "\r\n")
      .join("");
    const same = invite.text.replace(BOB_URI, "sip:bob@example.org").replace(/Record-Route.*\r\n/, "");
    expect(brief(h.receive(same.replace("z9hG4bK", "z9hG4bKx"), "10.0.0.7:5060"))).not.toContain("482 10.0.0.7:5060");
    const back = "Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKother\r\n" + via;
    expect(brief(h.receive(same.replace(via, back), "10.0.0.7:5060"))).toEqual(["482 10.0.0.7:5060"]);
    expect(h.proxy.counters.looped).toBe(1);
    h.bind("alice", "<sip:alice@10.0.0.2:5060>", ALICE);
    const spiral = same
      .replace(via, back.replace("other", "third"))
      .replace("sip:bob@example.org", "sip:alice@example.org");
    expect(brief(h.receive(spiral, "10.0.0.7:5060"))).toContain("INVITE 10.0.0.2:5060");
  });

  test("Proxy-Require of what is not known: 420 with Unsupported", () => {
    const h = house();
    const [sent] = h.sends({ extra: "Proxy-Require: gin, foo\r\n" });
    expect(brief([sent])).toEqual(["420 10.9.9.9:5060"]);
    expect(fields(sent.text, "Unsupported")).toEqual(["gin", "foo"]);
    expect(brief(h.sends({ extra: "Require: foo\r\n" }))).toEqual(["INVITE 10.0.0.3:5060"]);
  });

  test("a Route that cannot be read: 400", () => {
    const answers = house().sends({ extra: "Route: <sip:\r\n" });
    expect(brief(answers)).toEqual(["400 10.9.9.9:5060"]);
    expect(answers[0].line).toBe("SIP/2.0 400 Bad Route Header Field");
  });
});

describe("who may (RFC 3261 §22.3)", () => {
  const own = { from: "<sip:alice@example.org>;tag=aa" };

  test("a stranger may call a user of ours, and nobody else", () => {
    const h = house();
    expect(brief(h.sends({}))).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(brief(h.sends({ uri: "sip:eve@elsewhere.net" }))).toEqual(["407 10.9.9.9:5060"]);
    expect(brief(h.sends({ extra: "Route: <sip:10.0.0.1;lr>, <sip:10.8.8.8;lr>\r\n" }))).toEqual(["407 10.9.9.9:5060"]);
    expect(brief(h.sends({ uri: "sip:bob@example.org;maddr=10.8.8.8" }))).toEqual(["407 10.9.9.9:5060"]);
  });

  test("a user of ours is asked for the password, calls with it, and the credentials stay here", () => {
    const h = house();
    const [invite] = h.sends(own, ALICE, "alice", "secretA");
    expect(brief([invite])).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(fields(invite.text, "Proxy-Authorization")).toEqual([]);
    expect(brief(h.sends({ ...own, uri: "sip:eve@10.8.8.8" }, ALICE, "alice", "secretA"))).toEqual([
      "INVITE 10.8.8.8:5060",
    ]);
  });

  test("credentials for another proxy on the way go on", () => {
    const other =
      'Proxy-Authorization: Digest realm="elsewhere.net", username="u", nonce="n", uri="sip:x", response="00"\r\n';
    const [invite] = house().sends({ ...own, extra: other }, ALICE, "alice", "secretA");
    expect(fields(invite.text, "Proxy-Authorization").length).toBe(1);
    expect(field(invite.text, "Proxy-Authorization")).toContain("elsewhere.net");
  });

  test("a wrong password is asked again; another's name is forbidden; From with a port is still ours", () => {
    const h = house();
    expect(brief(h.sends(own, ALICE, "alice", "wrong"))).toEqual(["407 10.0.0.2:5060"]);
    expect(brief(h.sends(own, ALICE, "bob", "secretB"))).toEqual(["403 10.0.0.2:5060"]);
    expect(brief(h.sends({ from: "<sip:alice@example.org:9>;tag=a" }))).toEqual(["407 10.9.9.9:5060"]);
    expect(brief(h.sends({ from: "<sip:alice@10.0.0.1>;tag=a" }))).toEqual(["407 10.9.9.9:5060"]);
  });

  test("a challenge to an INVITE is one message, whatever follows, and its ACK goes nowhere (§26.3.2.4)", () => {
    const h = house();
    const request = ask({ ...own, branch: "z9hG4bKone", callId: "once" });
    const [challenge] = h.receive(request, ALICE);
    h.pass(60_000);
    expect(h.network.take()).toEqual([]);
    expect(h.layer.servers.used()).toBe(0);
    const ack = request
      .replace(/INVITE/g, "ACK")
      .replace("To: <sip:bob@example.org>", "To: " + field(challenge.text, "To"));
    expect(h.receive(ack, ALICE)).toEqual([]);
    expect(h.proxy.counters.dropped).toBe(0);
  });

  test("a stranger calls nobody in a closed house, but with the password of a user", () => {
    const h = house({ isClosed: true });
    expect(brief(h.sends({}))).toEqual(["407 10.9.9.9:5060"]);
    expect(brief(h.sends({}, STRANGER, "alice", "secretA"))).toEqual(["INVITE 10.0.0.3:5060"]);
    const [invite] = h.sends({ callId: "call" }, STRANGER, "alice", "secretA");
    const [ok] = h.answers(invite, 200, "bb", "Contact: " + CONTACT + "\r\n");
    const bye = { method: "BYE", callId: "call", to: field(ok.text, "To"), uri: BOB_URI, cseq: 3 };
    expect(brief(h.sends({ ...bye, extra: routes(ok, true) }))).toEqual(["BYE 10.0.0.3:5060"]);
  });

  test("so is the answer to a call that reached nobody: the user is not there, or there is no room", () => {
    const h = house({ trusted: [ipv4("10.0.0.9")] });
    expect(brief(h.receive(ask({ uri: "sip:alice@example.org" }), STRANGER))).toEqual(["480 10.9.9.9:5060"]);
    expect(brief(h.receive(ask({ extra: "Max-Breadth: 0\r\n" }), STRANGER))).toEqual(["440 10.9.9.9:5060"]);
    for (const i of [4, 5, 6]) h.bind("bob", "<sip:bob@10.0.0." + i + ">");
    for (let i = 0; i < 16; i++) h.sends({ method: "OPTIONS" }, "10.0.0.9:5060");
    const [full] = h.sends({});
    expect(brief([full])).toEqual(["503 10.9.9.9:5060"]);
    expect(field(full.text, "Retry-After")).toBe("5");
    h.network.take();
    h.pass(400_000);
    const invites = h.network.take().filter(({ text }) => field(text, "CSeq").endsWith("INVITE"));
    expect(invites).toEqual([]);
    expect(h.isIdle()).toBe(true);
  });

  test("whoever is let in without a password may call, and nothing else", () => {
    const methods = [
      "MESSAGE",
      "SUBSCRIBE",
      "OPTIONS",
      "NOTIFY",
      "REFER",
      "PUBLISH",
      "INFO",
      "BYE",
      "UPDATE",
      "PRACK",
      "PING",
    ];
    for (const isClosed of [false, true])
      for (const method of methods)
        for (const uri of ["sip:bob@example.org", "sip:carol@example.org", "sip:alice@example.org"]) {
          const h = house({ isClosed });
          expect(brief(h.sends({ method, uri })), method).toEqual(["407 10.9.9.9:5060"]);
          const to = "<sip:bob@example.org>;tag=bb";
          expect(brief(h.sends({ method, uri, to })), method + " in a dialog").toEqual(["407 10.9.9.9:5060"]);
        }
    expect(brief(house().sends({ to: "<sip:bob@example.org>;tag=bb" }))).toEqual(["407 10.9.9.9:5060"]);
  });

  test("a closed house tells nobody who lives there", () => {
    const h = house({ isClosed: true });
    for (const user of ["bob", "alice", "carol", ""])
      expect(brief(h.sends({ uri: "sip:" + (user && user + "@") + "example.org" }))).toEqual(["407 10.9.9.9:5060"]);
  });

  test("a user may have another rule for strangers than all others", () => {
    const table = new UserTable(4, 64, home().domains);
    const add = (name: string, strangers: number): void => {
      table.addUser(octets(name), octets("example.org"), secretOf(name, "secretB", ALGORITHM_MD5), NONE, strangers);
    };
    add("bob", STRANGERS_ALWAYS);
    add("alice", STRANGERS_NEVER);
    add("carol", STRANGERS_BY_RULE);
    for (const isClosed of [false, true]) {
      const h = new ProxyHouse({ isClosed }, [], null, { ...home(), users: table });
      const status = (user: string, method = "INVITE"): string =>
        brief(h.sends({ method, uri: "sip:" + user + "@example.org" }))[0].split(" ")[0];
      expect([status("bob"), status("alice"), status("carol")]).toEqual(["480", "407", isClosed ? "407" : "480"]);
      expect([status("bob", "MESSAGE"), status("nobody")]).toEqual(["407", isClosed ? "407" : "404"]);
    }
  });

  test("a name is the same in other letters, with escapes and with a dot behind its domain", () => {
    for (const uri of [
      "sip:alice@EXAMPLE.org.",
      "sip:%61lice@example.org",
      "SIP:alice@example.ORG.:5060",
      "sips:al%69ce@example.org.;x=y",
    ]) {
      const h = house();
      const from = "<" + uri + ">;tag=aa";
      expect(brief(h.sends({ from })), uri).toEqual(["407 10.9.9.9:5060"]);
      expect(brief(h.sends({ from }, BOB, "bob", "secretB")), uri).toEqual(["403 10.0.0.3:5060"]);
      expect(brief(h.sends({ from }, ALICE, "alice", "secretA")), uri).toEqual(["INVITE 10.0.0.3:5060"]);
    }
    expect(brief(house().sends({ uri: "sip:bob@example.org." }))).toEqual(["INVITE 10.0.0.3:5060"]);
  });

  test("an address that is trusted needs no credentials", () => {
    const h = house({ trusted: [ipv4("10.0.0.2")] });
    expect(brief(h.sends({ ...own, uri: "sip:eve@10.8.8.8" }, ALICE))).toEqual(["INVITE 10.8.8.8:5060"]);
    expect(brief(h.sends({ ...own, uri: "sip:eve@10.8.8.8" }))).toEqual(["407 10.9.9.9:5060"]);
  });
});

describe("its way is read (RFC 3261 §16.4)", () => {
  test("a Route of ours at the front is taken away", () => {
    const [invite] = house().sends({ extra: "Route: <sip:10.0.0.1:5060;lr>, <sip:example.org;lr>\r\n" });
    expect(brief([invite])).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(fields(invite.text, "Route")).toEqual([]);
  });

  test("what a strict router did is undone", () => {
    const h = house();
    const ok = callThrough(h, "sip:10.0.0.5;lr");
    const [, route] = fields(ok.text, "Record-Route");
    const bye = {
      method: "BYE",
      uri: route.slice(1, -1),
      to: field(ok.text, "To"),
      callId: "call",
      cseq: 2,
      extra: "Route: <sip:10.0.0.5;lr>, " + CONTACT + "\r\n",
    };
    const [sent] = h.sends(bye);
    expect(sent.line).toBe("BYE " + BOB_URI + " SIP/2.0");
    expect(sent.to).toBe("udp 10.0.0.5:5060");
    expect(fields(sent.text, "Route")).toEqual(["<sip:10.0.0.5;lr>"]);
  });
});

describe("whom it is for (RFC 3261 §16.5)", () => {
  test("nobody: 404; nowhere: 480; a domain that is not ours: by the URI", () => {
    const h = house();
    expect(brief(h.sends({ uri: "sip:carol@example.org" }))).toEqual(["404 10.9.9.9:5060"]);
    expect(brief(h.sends({ uri: "sip:alice@example.org" }))).toEqual(["480 10.9.9.9:5060"]);
    expect(brief(h.sends({ uri: "sip:example.org" }))).toEqual(["404 10.9.9.9:5060"]);
  });

  test("our address stands for our first domain, and escapes in a name for what they mean", () => {
    const h = house();
    expect(brief(h.sends({ uri: "sip:bob@10.0.0.1" }))).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(brief(h.sends({ uri: "sip:b%6Fb@EXAMPLE.ORG:5060;user=ip" }))).toEqual(["INVITE 10.0.0.3:5060"]);
  });

  test("a tel URI is a user's number, or one of the plan; the longest rule counts, and nothing but digits is put into a URI", () => {
    const rules = [
      {
        prefix: octets("0"),
        isPrefix: true,
        isInserted: true,
        before: octets("sip:"),
        after: octets("@10.7.7.7;user=phone"),
      },
      { prefix: octets("00"), isPrefix: true, isInserted: true, before: octets("sip:+"), after: octets("@10.7.7.8") },
      {
        prefix: octets("12"),
        isPrefix: false,
        isInserted: false,
        before: octets("sip:bob@example.org"),
        after: octets(""),
      },
    ];
    const h = new ProxyHouse({}, rules);
    h.bind("bob", CONTACT);
    const own = { from: "<sip:alice@example.org>;tag=aa" };
    expect(brief(h.sends({ uri: "tel:12" }))).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(brief(h.sends({ uri: "sip:12@example.org" }))).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(brief(h.sends({ uri: "tel:0-30-12" }))).toEqual(["407 10.9.9.9:5060"]);
    const [out] = h.sends({ ...own, uri: "tel:0-30-12" }, ALICE, "alice", "secretA");
    expect(out.line).toBe("INVITE sip:3012@10.7.7.7;user=phone SIP/2.0");
    const [far] = h.sends({ ...own, uri: "sip:0049@example.org" }, ALICE, "alice", "secretA");
    expect(far.line).toBe("INVITE sip:+49@10.7.7.8 SIP/2.0");
    for (const uri of ["tel:0", "tel:13", "sip:0%40evil@example.org", "sip:0a@example.org"])
      expect(brief(h.sends({ uri }))).toEqual(["404 10.9.9.9:5060"]);
  });

  test("contacts of the same q ring together, those of a lower q when the others are through", () => {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.4>;q=1.0");
    h.bind("bob", "<sip:bob@10.0.0.5>;q=0.5");
    const first = h.sends({});
    expect(brief(first).sort()).toEqual(["INVITE 10.0.0.3:5060", "INVITE 10.0.0.4:5060"]);
    expect(brief(h.answers(first[0], 486))).toEqual([]);
    const [second] = h.answers(first[1], 480);
    expect(brief([second])).toEqual(["INVITE 10.0.0.5:5060"]);
    expect(brief(h.answers(second, 180))).toEqual(["180 10.9.9.9:5060"]);
    expect(brief(h.answers(second, 603))).toEqual(["603 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("those of a lower q also when the others ring in vain", () => {
    const h = house({ ringMs: 10_000 });
    h.bind("bob", "<sip:bob@10.0.0.5>;q=0.5");
    const [first] = h.sends({});
    h.answers(first, 180);
    h.pass(9_000);
    expect(brief(h.network.take())).toEqual([]);
    h.pass(1_000);
    const [cancel] = h.network.take();
    expect(brief([cancel])).toEqual(["CANCEL 10.0.0.3:5060"]);
    expect(brief(h.answers(cancel, 200))).toEqual([]);
    const [second] = h.answers(first, 487);
    expect(brief([second])).toEqual(["INVITE 10.0.0.5:5060"]);
    expect(brief(h.answers(second, 200))).toEqual(["200 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });
});

describe("what is sent on (RFC 3261 §16.6)", () => {
  test("differs in Request-URI, Via, Max-Forwards, Record-Route and Route, and in nothing else", () => {
    const extra = "Contact: <sip:zoe@10.9.9.9>\r\nX-Odd:   kept ;as=it is\r\nm: <sip:other@x>\r\nSubject: hé\r\n";
    const [invite] = house().sends({ extra, body: "v=0\r\nodd" });
    expect(invite.line).toBe("INVITE " + BOB_URI + " SIP/2.0");
    expect(field(invite.text, "Max-Forwards")).toBe("69");
    const vias = fields(invite.text, "Via");
    expect(vias[0]).toMatch(/^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;branch=z9hG4bK[0-9a-f]{16};rport$/);
    expect(vias[1]).toMatch(/^SIP\/2\.0\/UDP 10\.9\.9\.9:5060;branch=z9hG4bKq\d+$/);
    expect(field(invite.text, "Record-Route")).toMatch(/^<sip:[0-9a-f]{41}@10\.0\.0\.1:5060;lr>$/);
    expect(invite.text).toContain("X-Odd:   kept ;as=it is\r\nm: <sip:other@x>\r\nSubject: hé\r\n");
    expect(invite.text.endsWith("Content-Length: 8\r\n\r\nv=0\r\nodd")).toBe(true);
  });

  test("Max-Forwards is 70 when there was none; received and rport are told", () => {
    const via = "Via: SIP/2.0/UDP 192.168.1.9:5062;rport;branch=z9hG4bKnat\r\n";
    const [invite] = house().sends({ forwards: "", via });
    expect(field(invite.text, "Max-Forwards")).toBe("70");
    expect(fields(invite.text, "Via")[1]).toBe(
      "SIP/2.0/UDP 192.168.1.9:5062;branch=z9hG4bKnat;received=10.9.9.9;rport=5060",
    );
  });

  test("Record-Route stands in requests that may begin a dialog only, before those that were there; or not at all", () => {
    const h = house();
    const [invite] = h.sends({ extra: "Record-Route: <sip:far;lr>\r\n" });
    expect(fields(invite.text, "Record-Route")[1]).toBe("<sip:far;lr>");
    const [message] = h.sends({ method: "MESSAGE" }, STRANGER, "alice", "secretA");
    expect(fields(message.text, "Record-Route")).toEqual([]);
    const [off] = house({ isRecording: false }).sends({});
    expect(fields(off.text, "Record-Route")).toEqual([]);
  });

  test("a strict router gets its URI in the request line, and ours goes last (§16.6 step 6)", () => {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.6>", BOB, "Path: <sip:10.0.0.8>, <sip:10.0.0.9;lr>\r\nSupported: path\r\n");
    const sent = h.sends({});
    const strict = sent.find(({ to }) => to === "udp 10.0.0.8:5060")!;
    expect(strict.line).toBe("INVITE sip:10.0.0.8 SIP/2.0");
    expect(fields(strict.text, "Route")).toEqual(["<sip:10.0.0.9;lr>", "<sip:bob@10.0.0.6>"]);
  });

  test("a phone that registered through a proxy is reached through it (RFC 3327)", () => {
    const h = new ProxyHouse();
    h.bind("bob", CONTACT, BOB, "Path: <sip:10.0.0.8;lr>\r\nSupported: path\r\n");
    const [invite] = h.sends({});
    expect(invite.to).toBe("udp 10.0.0.8:5060");
    expect(invite.line).toBe("INVITE " + BOB_URI + " SIP/2.0");
    expect(fields(invite.text, "Route")).toEqual(["<sip:10.0.0.8;lr>"]);
  });

  test("a proxy that does not record itself is not taken for a caller behind a NAT", () => {
    const h = house();
    const vias = "Via: SIP/2.0/UDP 10.0.0.8;branch=z9hG4bKp\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKc\r\n";
    const [invite] = h.sends({ callId: "by", via: vias }, "10.0.0.8:5060");
    expect(field(invite.text, "Record-Route")).toMatch(/^<sip:[0-9a-f]{41}@10/);
    const bye = {
      method: "BYE",
      callId: "by",
      from: "<sip:bob@example.org>;tag=bb",
      to: field(invite.text, "From"),
      uri: "sip:zoe@10.9.9.9",
      extra: "Route: " + field(invite.text, "Record-Route") + "\r\n",
    };
    expect(brief(h.sends(bye, BOB))).toEqual(["BYE 10.9.9.9:5060"]);
  });

  test("a phone behind a NAT is reached where it was seen, also by what follows in the dialog", () => {
    const h = new ProxyHouse();
    h.bind("bob", "<sip:bob@192.168.1.3:5060>", "10.3.3.3:40000");
    const [invite] = h.sends({ callId: "nat" });
    expect(invite.to).toBe("udp 10.3.3.3:40000");
    expect(invite.line).toBe("INVITE sip:bob@192.168.1.3:5060 SIP/2.0");
    const [ok] = h.answers(invite, 200, "bb");
    expect(field(ok.text, "Record-Route")).toMatch(/^<sip:[0-9a-f]{73}@10/);
    const inDialog = {
      to: field(ok.text, "To"),
      callId: "nat",
      uri: "sip:bob@192.168.1.3:5060",
      extra: routes(ok, true),
    };
    expect(brief(h.sends({ ...inDialog, method: "ACK" }))).toEqual(["ACK 10.3.3.3:40000"]);
    expect(brief(h.sends({ ...inDialog, method: "BYE", cseq: 2 }))).toEqual(["BYE 10.3.3.3:40000"]);
  });

  test("a caller behind a NAT is reached where it called from", () => {
    const h = house();
    const [invite] = h.sends({ callId: "nat", extra: "Contact: <sip:zoe@192.168.7.7>\r\n" }, "10.9.9.9:33333");
    const [ok] = h.answers(invite, 200, "bb");
    const bye = h.sends(
      {
        method: "BYE",
        uri: "sip:zoe@192.168.7.7",
        from: field(ok.text, "To"),
        to: field(ok.text, "From"),
        callId: "nat",
        extra: routes(invite, false),
      },
      BOB,
    );
    expect(brief(bye)).toEqual(["BYE 10.9.9.9:33333"]);
  });

  test("between UDP and TCP both sides get a Record-Route of their own (RFC 5658), and a connection is used again", () => {
    const h = new ProxyHouse();
    h.layer.streamOpened(7, ipv4("10.0.0.3"), 41000);
    const registered = (text: string): Sent[] => {
      const bytes = octets(text);
      h.network.take();
      h.layer.receiveStream(7, bytes, 0, bytes.length);
      return h.network.take();
    };
    const parts = { user: "bob", contact: "<sip:bob@10.0.0.3:5060;transport=tcp>", via: "SIP/2.0/TCP 10.0.0.3:5060" };
    const [challenge] = registered(h.request(parts));
    const [done] = registered(h.request(parts, h.answerTo(challenge.text, "bob", "secretB")));
    expect(done.line).toBe("SIP/2.0 200 OK");
    const [invite] = h.sends({ callId: "mixed" });
    expect(invite.to).toBe("tcp 7 10.0.0.3:41000");
    const recorded = fields(invite.text, "Record-Route");
    expect(recorded[0]).toMatch(/@10\.0\.0\.1:5060;transport=tcp;lr>$/);
    expect(recorded[1]).toMatch(/@10\.0\.0\.1:5060;lr>$/);
    expect(fields(invite.text, "Via")[0]).toContain("SIP/2.0/TCP");
    h.pass(0);
    const bytes = octets(
      invite.text
        .replace(/INVITE sip.*\r\n/, "SIP/2.0 200 OK\r\n")
        .replace(/Contact: .*\r\n/, "Contact: " + CONTACT + "\r\n")
        .replace("To: <sip:bob@example.org>", "To: <sip:bob@example.org>;tag=bb"),
    );
    h.network.take();
    h.layer.receiveStream(7, bytes, 0, bytes.length);
    const [ok] = h.network.take();
    expect(ok.line).toBe("SIP/2.0 200 OK");
    const bye = h.sends({
      method: "BYE",
      uri: "sip:bob@10.0.0.3:5060;transport=tcp",
      to: "<sip:bob@example.org>;tag=bb",
      callId: "mixed",
      cseq: 2,
      extra: routes(ok, true),
    });
    expect(bye.map(({ to, line }) => to + " " + line.split(" ")[0])).toEqual(["tcp 7 10.0.0.3:41000 BYE"]);
    expect(fields(bye[0].text, "Route")).toEqual([]);
  });

  test("Max-Breadth is shared among the branches; what is left over is none: 440 (RFC 5393 §5)", () => {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.4>");
    h.bind("bob", "<sip:bob@10.0.0.5>");
    const shared = h.sends({ extra: "Max-Breadth: 7\r\n" });
    expect(shared.map(({ text }) => field(text, "Max-Breadth"))).toEqual(["2", "2", "2"]);
    expect(h.sends({}).map(({ text }) => field(text, "Max-Breadth"))).toEqual(["20", "20", "20"]);
    for (const more of ["61", "255", "4294967297", "x"])
      expect(field(h.sends({ extra: "Max-Breadth: " + more + "\r\n" })[0].text, "Max-Breadth")).toBe("20");
    expect(brief(h.sends({ extra: "Max-Breadth: 2\r\n" }))).toEqual(["440 10.9.9.9:5060"]);
  });
});

describe("their answers (RFC 3261 §16.7)", () => {
  /** Makes a house where bob has three phones. */
  function three(): { h: ProxyHouse; sent: Sent[] } {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.4>");
    h.bind("bob", "<sip:bob@10.0.0.5>");
    return { h, sent: h.sends({}).sort((a, b) => a.to.localeCompare(b.to)) };
  }

  test("100 stays here; other provisional ones go through from every branch", () => {
    const { h, sent } = three();
    expect(h.answers(sent[0], 100)).toEqual([]);
    const [ringing] = h.answers(sent[0], 180, "b1");
    expect(fields(ringing.text, "Via").length).toBe(1);
    expect(field(ringing.text, "To")).toContain(";tag=b1");
    expect(brief(h.answers(sent[1], 183, "b2"))).toEqual(["183 10.9.9.9:5060"]);
  });

  test("a 2xx goes through at once, also each time again, and the others are cancelled with the reason", () => {
    const { h, sent } = three();
    h.answers(sent[0], 180, "b1");
    h.answers(sent[1], 180, "b2");
    const out = h.answers(sent[0], 200, "b1");
    expect(brief(out).sort()).toEqual(["200 10.9.9.9:5060", "CANCEL 10.0.0.4:5060"].sort());
    const cancel = out.find(({ line }) => line.startsWith("CANCEL"))!;
    expect(field(cancel.text, "Reason")).toBe('SIP;cause=200;text="Call completed elsewhere"');
    expect(brief(h.answers(sent[0], 200, "b1"))).toEqual(["200 10.9.9.9:5060"]);
    expect(brief(h.answers(sent[1], 200, "b2"))).toEqual(["200 10.9.9.9:5060"]);
    expect(brief(h.answers(sent[2], 180, "b3"))).toEqual(["CANCEL 10.0.0.5:5060"]);
    expect(brief(h.answers(sent[2], 487, "b3"))).toEqual([]);
    expect(h.isIdle()).toBe(true);
  });

  test.each([
    [[486, 404, 603], 603],
    [[486, 302, 500], 302],
    [[503, 486, 408], 486],
    [[500, 404, 401], 401],
    [[503, 503, 503], 500],
    [[480, 487, 415], 415],
    [[487, 486, 487], 486],
  ])("of %j the best is %i", (statuses, best) => {
    const { h, sent } = three();
    const out = statuses.flatMap((status, i) => h.answers(sent[i], status, "b" + i));
    expect(brief(out)).toEqual([best + " 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("the best goes back whole, with its fields", () => {
    const { h, sent } = three();
    h.answers(sent[0], 486, "b0", "Retry-After: 60\r\n", "Not Now");
    h.answers(sent[1], 500, "b1");
    const [busy] = h.answers(sent[2], 500, "b2");
    expect(busy.line).toBe("SIP/2.0 486 Not Now");
    expect(field(busy.text, "Retry-After")).toBe("60");
    expect(field(busy.text, "To")).toContain("tag=b0");
  });

  test("6xx cancels the others, and is told when they have ended", () => {
    const { h, sent } = three();
    h.answers(sent[1], 180, "b1");
    expect(brief(h.answers(sent[0], 603, "b0"))).toEqual(["CANCEL 10.0.0.4:5060"]);
    expect(h.answers(sent[1], 487, "b1")).toEqual([]);
    h.answers(sent[2], 180, "b2");
    expect(brief(h.answers(sent[2], 487, "b2"))).toEqual(["603 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("the challenges of all branches are told together (step 7)", () => {
    const { h, sent } = three();
    h.answers(sent[0], 401, "b0", 'WWW-Authenticate: Digest realm="one"\r\n');
    h.answers(sent[1], 407, "b1", 'Proxy-Authenticate: Digest realm="two"\r\n');
    const [out] = h.answers(sent[2], 404, "b2");
    expect(brief([out])).toEqual(["401 10.9.9.9:5060"]);
    expect(field(out.text, "WWW-Authenticate")).toContain("one");
    expect(field(out.text, "Proxy-Authenticate")).toContain("two");
  });

  test("3xx is passed on, or by option followed: to contacts elsewhere, and to users of ours where they are", () => {
    const h = house();
    const [invite] = h.sends({});
    expect(brief(h.answers(invite, 302, "b", "Contact: <sip:bob@10.0.0.8>\r\n"))).toEqual(["302 10.9.9.9:5060"]);
    const r = house({ isRecursing: true });
    r.bind("alice", "<sip:alice@10.0.0.2>", ALICE);
    const [away] = r.sends({});
    const next = r.answers(away, 302, "b", "Contact: <sip:bob@10.0.0.8?Route=evil>, <sip:alice@example.org>\r\n");
    expect(brief(next).sort()).toEqual(["INVITE 10.0.0.2:5060", "INVITE 10.0.0.8:5060"]);
    expect(next.map(({ line }) => line)).toContain("INVITE sip:bob@10.0.0.8 SIP/2.0");
    expect(brief(r.answers(next[0], 486))).toEqual([]);
    expect(brief(r.answers(next[1], 180))).toEqual(["180 10.9.9.9:5060"]);
    expect(r.isIdle()).toBe(false);
  });

  test("two who send callers to each other make no circle", () => {
    const h = house({ isRecursing: true });
    h.bind("alice", "<sip:alice@10.0.0.2>", ALICE);
    const [first] = h.sends({});
    const [second] = h.answers(first, 302, "b", "Contact: <sip:alice@example.org>\r\n");
    expect(brief([second])).toEqual(["INVITE 10.0.0.2:5060"]);
    expect(brief(h.answers(second, 302, "a", "Contact: <sip:bob@example.org>\r\n"))).toEqual(["482 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("of a request that is no INVITE the final one goes through, and a late one nowhere", () => {
    const h = house();
    const [message] = h.sends({ method: "MESSAGE", body: "hi" }, STRANGER, "alice", "secretA");
    expect(brief(h.answers(message, 202))).toEqual(["202 10.9.9.9:5060"]);
    expect(h.answers(message, 202)).toEqual([]);
    expect(h.isIdle()).toBe(true);
  });
});

describe("when nobody answers (RFC 3261 §16.8, §16.9)", () => {
  test("an INVITE without any response ends with 408", () => {
    const h = house();
    h.sends({});
    h.pass(32_000);
    const out = h.network.take().filter(({ line }) => line.startsWith("SIP"));
    expect(brief(out)).toEqual(["408 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("another request gets no 408 (RFC 4320)", () => {
    const h = house();
    h.sends({ method: "MESSAGE" });
    h.pass(70_000);
    expect(h.network.take().filter(({ line }) => line.startsWith("SIP"))).toEqual([]);
    expect(h.isIdle()).toBe(true);
  });

  test("Timer C cancels a branch that rings for ever; each provisional response but 100 starts it anew", () => {
    const h = house();
    const [invite] = h.sends({});
    h.answers(invite, 180);
    h.pass(170_000);
    h.network.take();
    h.answers(invite, 183);
    h.pass(170_000);
    expect(h.network.take()).toEqual([]);
    h.answers(invite, 100);
    h.pass(12_000);
    const [cancel] = h.network.take();
    expect(brief([cancel])).toEqual(["CANCEL 10.0.0.3:5060"]);
    h.pass(32_000);
    const out = h.network.take().filter(({ line }) => line.startsWith("SIP"));
    expect(new Set(brief(out))).toEqual(new Set(["408 10.9.9.9:5060"]));
    expect(h.isIdle()).toBe(true);
  });

  test("what cannot be sent counts as 503, and is told as 500", () => {
    const h = house();
    h.network.failDatagrams = true;
    h.sends({});
    h.network.failDatagrams = false;
    h.pass(1);
    expect(brief(h.network.take())).toContain("500 10.9.9.9:5060");
    expect(h.isIdle()).toBe(true);
  });
});

describe("CANCEL (RFC 3261 §16.10)", () => {
  test("goes to every branch that rings, and the caller hears 487", () => {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.4>");
    const request = ask({ branch: "z9hG4bKtake", callId: "back" });
    const sent = h.receive(request, STRANGER).filter(({ line }) => line.startsWith("INVITE"));
    h.answers(sent[0], 180);
    h.answers(sent[1], 180);
    const cancel = request.replace(/INVITE/g, "CANCEL").replace("Contact", 'Reason: SIP;cause=200;text="x"\r\nContact');
    const out = h.receive(cancel, STRANGER);
    expect(brief(out).sort()).toEqual(["200 10.9.9.9:5060", "CANCEL 10.0.0.3:5060", "CANCEL 10.0.0.4:5060"]);
    expect(field(out[1].text, "Reason")).toContain("cause=200");
    h.answers(sent[0], 487);
    expect(brief(h.answers(sent[1], 487))).toEqual(["487 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("ends the search among contacts of a lower q", () => {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.5>;q=0.1");
    const request = ask({ branch: "z9hG4bKlow", callId: "low" });
    const [invite] = h.receive(request, STRANGER);
    h.answers(invite, 180);
    h.receive(request.replace(/INVITE/g, "CANCEL"), STRANGER);
    expect(brief(h.answers(invite, 487))).toEqual(["487 10.9.9.9:5060"]);
  });
});

describe("inside a dialog (RFC 3261 §16.6, §16.12)", () => {
  test("ACK and BYE go their way along our Record-Route, from either side, without credentials", () => {
    const h = house();
    const { invite, ok } = call(h);
    const route = { callId: "call", to: field(ok.text, "To"), uri: BOB_URI, extra: routes(ok, true) };
    const [ack] = h.sends({ ...route, method: "ACK" });
    expect(ack.line).toBe("ACK " + BOB_URI + " SIP/2.0");
    expect(ack.to).toBe("udp 10.0.0.3:5060");
    expect(fields(ack.text, "Route")).toEqual([]);
    expect(field(ack.text, "Max-Forwards")).toBe("69");
    const back = {
      method: "BYE",
      callId: "call",
      from: field(ok.text, "To"),
      to: field(ok.text, "From"),
      uri: "sip:zoe@10.9.9.9",
      extra: routes(invite, false),
    };
    const [bye] = h.sends(back, BOB);
    expect(brief([bye])).toEqual(["BYE 10.9.9.9:5060"]);
    expect(brief(h.answers(bye, 200))).toEqual(["200 10.0.0.3:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("another call's mark, a forged one, and none open nothing", () => {
    const h = house();
    const { ok } = call(h);
    const route = { to: field(ok.text, "To"), uri: "sip:victim@10.8.8.8", method: "BYE" };
    const extra = routes(ok, true);
    expect(brief(h.sends({ ...route, callId: "other", extra }))).toEqual(["407 10.9.9.9:5060"]);
    expect(brief(h.sends({ ...route, callId: "call", extra: extra.replace(/sip:./, "sip:0") }))).toEqual([
      "407 10.9.9.9:5060",
    ]);
    expect(brief(h.sends({ ...route, callId: "call", extra: "Route: <sip:10.0.0.1;lr>\r\n" }))).toEqual([
      "407 10.9.9.9:5060",
    ]);
    expect(brief(h.sends({ ...route, callId: "call", extra, to: "<sip:bob@example.org>" }))).toEqual([
      "407 10.9.9.9:5060",
    ]);
    const before = h.proxy.counters.dropped;
    expect(h.sends({ ...route, method: "ACK", callId: "call", extra: "Route: <sip:10.0.0.1;lr>\r\n" })).toEqual([]);
    expect(h.proxy.counters.dropped).toBe(before + 1);
  });

  test("the next proxy on the way is followed", () => {
    const h = house();
    const ok = callThrough(h, "sip:10.0.0.8;lr");
    const [bye] = h.sends({
      method: "BYE",
      callId: "call",
      to: field(ok.text, "To"),
      uri: BOB_URI,
      extra: routes(ok, true),
    });
    expect(bye.to).toBe("udp 10.0.0.8:5060");
    expect(fields(bye.text, "Route")).toEqual(["<sip:10.0.0.8;lr>"]);
  });
});

describe("a location service that answers later", () => {
  /** Holds each question until `flush`. */
  function slow(): { h: ProxyHouse; flush: () => void; isAway: { now: boolean } } {
    const waiting: (() => void)[] = [];
    const isAway = { now: false };
    const h = new ProxyHouse({ kept: 8 }, [], (memory) => {
      const store: LocationStore = {
        findBindings: (aor, user: LocationUser, token) => {
          const name = aor.toString();
          if (!name.startsWith("bob") || isAway.now === false) return memory.findBindings(aor, user, token);
          waiting.push(() => {
            const bytes = octets(name);
            aor.set(bytes, 0, bytes.length);
            memory.findBindings(aor, user, token);
          });
          return false;
        },
        replaceBindings: (aor, list, user, token) => memory.replaceBindings(aor, list, user, token),
        removeExpired: (nowS) => memory.removeExpired(nowS),
        addWatcher: (watcher) => memory.addWatcher(watcher),
      };
      return store;
    });
    h.bind("bob", CONTACT);
    isAway.now = true;
    return {
      h,
      isAway,
      flush: () => {
        for (const next of waiting.splice(0)) next();
      },
    };
  }

  test("gets the request sent on when it has answered", () => {
    const { h, flush } = slow();
    expect(h.sends({ body: "v=0\r\n" })).toEqual([]);
    flush();
    const [invite] = h.network.take();
    expect(brief([invite])).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(invite.text.endsWith("v=0\r\n")).toBe(true);
    expect(brief(h.answers(invite, 200))).toEqual(["200 10.9.9.9:5060"]);
    expect(h.isIdle()).toBe(true);
  });

  test("answers in vain when the caller has gone, or somebody else has his place", () => {
    const { h, flush } = slow();
    const request = ask({ branch: "z9hG4bKgone", callId: "gone" });
    h.receive(request, STRANGER);
    expect(brief(h.receive(request.replace(/INVITE/g, "CANCEL"), STRANGER)).sort()).toEqual([
      "200 10.9.9.9:5060",
      "487 10.9.9.9:5060",
    ]);
    h.network.take();
    flush();
    expect(h.network.take()).toEqual([]);
    h.receive(ask({ method: "MESSAGE" }), STRANGER);
    h.pass(40_000);
    h.receive(ask({ uri: "sip:alice@example.org" }), STRANGER);
    h.network.take();
    flush();
    expect(h.network.take()).toEqual([]);
    expect(h.isIdle()).toBe(true);
  });

  test("with no room to keep the request: 503, to be tried again", () => {
    const { h } = slow();
    for (let i = 0; i < 8; i++) expect(h.sends({})).toEqual([]);
    const [refused] = h.sends({});
    expect(brief([refused])).toEqual(["503 10.9.9.9:5060"]);
    expect(field(refused.text, "Retry-After")).toBe("5");
  });
});

describe("bad weather", () => {
  test("without a client transaction: 503, and later calls go on", () => {
    const h = house();
    for (let i = 0; i < 64; i++) h.sends({});
    const sent = h.receive(ask({}), STRANGER);
    expect(brief(sent)).toEqual(["503 10.9.9.9:5060"]);
    h.pass(400_000);
    h.network.take();
    expect(brief(h.sends({}))).toEqual(["INVITE 10.0.0.3:5060"]);
  });

  test("100 contacts at once, a contact that is ourselves, and one that cannot be reached do no harm", () => {
    const h = new ProxyHouse();
    h.bind("bob", "<sip:bob@example.org>");
    h.bind("bob", "<sip:bob@[2001:db8::1]>");
    h.bind("bob", "<tel:+4930>");
    h.sends({});
    h.pass(40_000);
    expect(h.isIdle()).toBe(true);
  });
});
