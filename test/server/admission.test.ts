/**
 * Tests who may send what through the server, and that refusals give nothing away. Ways around it are in
 * hostile.test.ts.
 */
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { NONE, octets } from "../../src/core/bytes.js";
import { NO_CREDENTIALS } from "../../src/server/authenticator.js";
import { Route } from "../../src/server/route.js";
import { STRANGERS_ALWAYS, STRANGERS_BY_RULE, STRANGERS_NEVER, UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5 } from "../../src/wire/digest.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import type { Sent } from "../transaction/harness.js";
import { home, secretOf } from "./house.js";
import { ALICE, ask, brief, field, fields, ProxyHouse, STRANGER, withoutState } from "./proxied.js";

const OWN = { from: "<sip:alice@example.org>;tag=aa" };
const EXTRAS = ["Allow", "Accept", "Unsupported", "Proxy-Authenticate", "WWW-Authenticate", "Retry-After"];

function house(options: ConstructorParameters<typeof ProxyHouse>[0] = {}): ProxyHouse {
  const h = new ProxyHouse(options);
  h.bind("bob", "<sip:bob@10.0.0.3:5060>");
  return h;
}

/** @returns the status, and which fields of the kinds above the answer has */
function said(sent: Sent): string {
  return [sent.line.slice(8, 11), ...EXTRAS.filter((name) => fields(sent.text, name).length > 0)].join(" ");
}

function read(message: string): Message {
  const m = new Message(64);
  const bytes = octets(message);
  expect(m.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
  return m;
}

/** Tries a wrong password as alice until no try is left. */
function spend(h: ProxyHouse): void {
  for (let i = 0; i < 10; i++) expect(brief(h.sends(OWN, STRANGER, "alice", "wrong"))).toEqual(["407 10.9.9.9:5060"]);
}

describe("a refusal", () => {
  test("has what belongs to it, and nothing else", () => {
    const h = house({ isClosed: true });
    for (const [parts, expected] of [
      [{ method: "OPTIONS", uri: "sip:example.org" }, "200 Allow"],
      [{}, "407 Proxy-Authenticate"],
      [OWN, "407 Proxy-Authenticate"],
      [{ uri: "im:bob@example.org" }, "416"],
      [{ method: "OPTIONS" }, "407 Proxy-Authenticate"],
      [{ method: "OPTIONS", forwards: "Max-Forwards: 0\r\n" }, "200 Allow"],
      [{ method: "OPTIONS", uri: "sip:10.0.0.1", extra: "Require: foo\r\n" }, "420 Unsupported"],
      [{ method: "OPTIONS", uri: "sip:10.0.0.1", extra: "Proxy-Require: foo\r\n" }, "200 Allow"],
      [{ extra: "Require: foo\r\n" }, "407 Proxy-Authenticate"],
      [{ forwards: "Max-Forwards: 0\r\n" }, "483"],
      [{ extra: "Proxy-Require: foo\r\n" }, "420 Unsupported"],
      [{ extra: "Route: <sip:\r\n" }, "400"],
    ] as const)
      expect(said(h.receive(ask(parts), STRANGER)[0]), JSON.stringify(parts)).toBe(expected);
    expect(h.receive(ask(), STRANGER)[0].line).toBe("SIP/2.0 407 Proxy Authentication Required");
    for (const [parts, user, expected] of [
      [OWN, "bob", "403"],
      [{ ...OWN, uri: "sip:nobody@example.org" }, "alice", "404"],
      [{ ...OWN, uri: "sip:example.org" }, "alice", "404"],
      [{ ...OWN, uri: "sip:alice@example.org" }, "alice", "480"],
    ] as const) {
      const password = "secret" + user[0].toUpperCase();
      expect(said(h.sends(parts, ALICE, user, password)[0]), JSON.stringify(parts)).toBe(expected);
    }
  });

  test("tells who has no try left so, and when there is one; who finds the server full not so", () => {
    const h = new ProxyHouse({}, [], null, { ...home(), transactions: 16 });
    h.bind("bob", "<sip:bob@10.0.0.3:5060>");
    spend(h);
    const [locked] = h.sends(OWN, STRANGER, "alice", "secretA");
    expect(locked.line).toBe("SIP/2.0 503 Too Many Wrong Passwords");
    expect(said(locked)).toBe("503 Retry-After");
    expect(field(locked.text, "Retry-After")).toBe("800");
    // A sender who is asked for the password learns nothing of the tries of others.
    expect(said(h.sends(OWN, ALICE)[0])).toBe("407 Proxy-Authenticate");
    for (let i = 0; i < 8; i++) expect(brief(h.sends({}, "10.0.7.7:5060"))).toEqual(["INVITE 10.0.0.3:5060"]);
    const [full] = h.sends({}, "10.0.7.7:5060");
    expect(full.line).toBe("SIP/2.0 503 Service Unavailable");
    expect(field(full.text, "Retry-After")).toBe("5");
  });

  test("calls a nonce too old when it is another's, and only then", () => {
    const h = house();
    const isStale = (sent: Sent): boolean => {
      expect(sent.line).toContain(" 407 ");
      return field(sent.text, "Proxy-Authenticate").includes("stale=true");
    };
    const [challenge] = h.receive(ask(OWN), STRANGER);
    expect(isStale(challenge)).toBe(false);
    const extra = h.answerTo(challenge.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
    const [stale] = h.receive(ask({ ...OWN, extra }), ALICE);
    expect(isStale(stale)).toBe(true);
    expect(isStale(h.sends(OWN, ALICE, "alice", "wrong")[0])).toBe(false);
    expect(isStale(h.receive(ask({ ...OWN, extra }), ALICE)[0])).toBe(true);
    expect(isStale(h.receive(ask(OWN), ALICE)[0])).toBe(false);
    // The challenge is for the party that gets it, and for the domain that From names.
    expect(brief(h.sends(OWN, ALICE, "alice", "secretA"))).toEqual(["INVITE 10.0.0.3:5060"]);
    for (const [from, realm] of [
      ["<sip:alice@example.com>;tag=1", "example.com"],
      ["<sip:alice@EXAMPLE.org.>;tag=1", "example.org"],
      ["<sip:alice@10.0.0.1>;tag=1", "example.org"],
    ])
      expect(field(h.sends({ from })[0].text, "Proxy-Authenticate")).toContain(`realm="${realm}"`);
    expect(field(house({ isClosed: true }).sends({})[0].text, "Proxy-Authenticate")).toContain('realm="example.org"');
  });

  test("says in a 400 what cannot be read", () => {
    const reason = (parts: Parameters<typeof ask>[0]): string =>
      house().receive(ask(parts), STRANGER)[0].line.slice(12);
    expect(reason({ extra: "Route: <sip:\r\n" })).toBe("Bad Route Header Field");
    expect(reason({ uri: "sip:bob@[example.org" })).not.toBe("Bad Route Header Field");
    expect(reason({ from: "<<sip:alice@example.org>;tag=aa" })).toBe("Bad From Header Field");
  });
});

describe("without a password", () => {
  test("nobody is known before the first request came", () => {
    const { isKnown, row } = new Route().sender;
    expect([isKnown, row]).toEqual([false, NO_CREDENTIALS]);
  });

  test("a stranger begins calls to users alone, and in a closed house none", () => {
    for (const [parts, isLet] of [
      [{}, true],
      [{ to: "<sip:bob@example.org>;tag=bb" }, false],
      [{ uri: "sip:eve@elsewhere.net" }, false],
      [{ uri: "sip:bob@10.8.8.8" }, false],
      [{ method: "MESSAGE" }, false],
      [{ method: "MESSAGE", to: "<sip:bob@example.org>;tag=bb" }, false],
    ] as const)
      for (const isClosed of [false, true]) {
        const [sent] = brief(house({ isClosed }).sends(parts));
        expect(sent, JSON.stringify(parts) + isClosed).toBe(
          isLet && !isClosed ? "INVITE 10.0.0.3:5060" : "407 10.9.9.9:5060",
        );
      }
  });

  test("the rule of a user counts before that of the house", () => {
    const table = new UserTable(4, 64, home().domains);
    for (const [name, rule] of [
      ["bob", STRANGERS_ALWAYS],
      ["alice", STRANGERS_NEVER],
      ["carol", STRANGERS_BY_RULE],
    ] as const)
      table.addUser(octets(name), octets("example.org"), secretOf(name, "x", ALGORITHM_MD5), NONE, rule);
    for (const isClosed of [false, true]) {
      const h = new ProxyHouse({ isClosed }, [], null, { ...home(), users: table });
      const statuses = ["bob", "alice", "carol"].map((user) => said(h.sends({ uri: `sip:${user}@example.org` })[0]));
      expect(statuses.map((status) => status.slice(0, 3))).toEqual(["480", "407", isClosed ? "407" : "480"]);
    }
  });

  test("an address that is trusted may send what it likes, in any name, and nobody else", () => {
    const h = house({ isClosed: true, trusted: [ipv4("10.0.0.8"), ipv4("10.0.0.9")] });
    for (const from of ["10.0.0.8:5060", "10.0.0.9:7000"])
      for (const parts of [{}, OWN, { method: "MESSAGE" }]) {
        const [sent] = h.sends({ ...parts, uri: "sip:eve@10.8.8.8" }, from);
        const method = "method" in parts ? parts.method : "INVITE";
        expect(brief([sent])).toEqual([method + " 10.8.8.8:5060"]);
        expect(fields(sent.text, "P-Asserted-Identity")).toEqual([]);
      }
    expect(h.proxy.admission.isTrusted(ipv4("10.0.0.8"))).toBe(true);
    expect(h.proxy.admission.isTrusted(ipv4("10.0.0.10"))).toBe(false);
    expect(brief(h.sends({ uri: "sip:eve@10.8.8.8" }, "10.0.0.10:5060"))).toEqual(["407 10.0.0.10:5060"]);
  });

  test("a call goes on along our Record-Route, and ends so", () => {
    const h = house({ isClosed: true });
    const [invite] = h.sends({ ...OWN, callId: "call" }, ALICE, "alice", "secretA");
    const [ok] = h.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3:5060>\r\n");
    const bye = {
      ...OWN,
      method: "BYE",
      callId: "call",
      to: field(ok.text, "To"),
      uri: "sip:bob@10.0.0.3:5060",
      cseq: 3,
    };
    const extra = "Route: " + field(ok.text, "Record-Route") + "\r\n";
    expect(brief(h.sends(bye, ALICE))).toEqual(["407 10.0.0.2:5060"]);
    expect(brief(h.sends({ ...bye, extra }, ALICE))).toEqual(["BYE 10.0.0.3:5060"]);
  });

  test("what comes back to us is told to be a loop, not asked for a password", () => {
    const h = house();
    const [invite] = h.sends({});
    const via = fields(invite.text, "Via").map((value) => "Via: " + value + "\r\n");
    const back = invite.text
      .replace("sip:bob@10.0.0.3:5060", "sip:bob@example.org")
      .replace(/Record-Route.*\r\n/, "")
      .replace(via.join(""), "Via: SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKback\r\n" + via.join(""));
    expect(brief(h.receive(back, "10.0.0.7:5060"))).toEqual(["482 10.0.0.7:5060"]);
  });

  test("credentials for others on the way go on, ours do not", () => {
    const other =
      'Proxy-Authorization: Digest realm="elsewhere.net", username="u", nonce="n", uri="sip:x", response="00"\r\n';
    const [invite] = house().sends({ ...OWN, extra: other }, ALICE, "alice", "secretA");
    expect(fields(invite.text, "Proxy-Authorization")).toEqual([expect.stringContaining("elsewhere.net")]);
  });
});

describe("ACK and CANCEL", () => {
  test("are asked for no password, since nobody can answer: without state they go their way, in a closed house too", () => {
    for (const isClosed of [false, true]) {
      const h = house();
      withoutState(h, null, isClosed);
      for (const method of ["ACK", "CANCEL"])
        for (const parts of [{}, OWN]) {
          const sent = h.receive(ask({ ...parts, method }), STRANGER);
          expect(brief(sent), method).toEqual([method + " 10.0.0.3:5060"]);
          expect(fields(sent[0].text, "P-Asserted-Identity")).toEqual([]);
        }
      for (const method of ["BYE", "MESSAGE", "PRACK"])
        expect(brief(h.receive(ask({ method }), STRANGER)), method).toEqual(["407 10.9.9.9:5060"]);
      expect(brief(h.receive(ask(), STRANGER))).toEqual([isClosed ? "407 10.9.9.9:5060" : "INVITE 10.0.0.3:5060"]);
    }
  });
});

describe("whose name it is", () => {
  test("is the one of the password alone, letter by letter, and of its own realm", () => {
    const h = house();
    for (const from of [
      "<sip:Alice@example.org>;tag=1",
      "<sip:alice1@example.org>;tag=1",
      "<sip:alic@example.org>;tag=1",
      "<sip:example.org>;tag=1",
      "<sip:bob@10.0.0.1>;tag=1",
    ])
      expect(brief(h.sends({ from }, ALICE, "alice", "secretA"))[0], from).toMatch(/^40[03] /);
    // The domain in From is another realm, where this password belongs to no user.
    const [challenge] = h.receive(ask({ from: "<sip:alice@example.com>;tag=1" }), ALICE);
    const extra = h.answerTo(challenge.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
    expect(brief(h.receive(ask({ from: "<sip:alice@example.com>;tag=1", extra }), ALICE))).toEqual([
      "407 10.0.0.2:5060",
    ]);
    // A caller under another name is still known by the password.
    const closed = house({ isClosed: true });
    const from = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1';
    expect(brief(closed.sends({ from }, ALICE, "alice", "secretA"))).toEqual(["INVITE 10.0.0.3:5060"]);
  });

  test("is told to the next phone in turn as it was to the first, wherever the credentials stand; a stranger's to none", () => {
    for (const isFirst of [true, false, null]) {
      const h = house();
      h.bind("bob", "<sip:bob@10.0.0.4:5060>;q=0.5");
      let sent: Sent[];
      if (isFirst === null) sent = h.sends({});
      else {
        const [challenge] = h.receive(ask(OWN), ALICE);
        const credentials = h.answerTo(challenge.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
        const via = "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKturn\r\n" + (isFirst ? credentials : "");
        sent = h.receive(ask({ ...OWN, via, extra: isFirst ? "" : credentials }), ALICE);
      }
      const asserted = isFirst === null ? [] : ["<sip:alice@example.org>"];
      const invites = sent.filter(({ line }) => line.startsWith("INVITE"));
      expect(brief(invites)).toEqual(["INVITE 10.0.0.3:5060"]);
      expect(fields(invites[0].text, "P-Asserted-Identity")).toEqual(asserted);
      // Other users ask in between.
      const own = isFirst === null ? OWN : {};
      expect(h.receive(ask({ ...own, uri: "sip:eve@elsewhere.net" }), STRANGER).map(said)).toEqual([
        "407 Proxy-Authenticate",
      ]);
      if (isFirst === null) h.sends({ ...OWN, uri: "sip:nobody@example.org" }, ALICE, "alice", "secretA");
      const [next] = h.answers(invites[0], 486).filter(({ line }) => line.startsWith("INVITE"));
      expect(brief([next])).toEqual(["INVITE 10.0.0.4:5060"]);
      expect(fields(next.text, "P-Asserted-Identity")).toEqual(asserted);
    }
  });

  test("is none that a phone may read otherwise than we: what is malformed is refused, from strangers and from users", () => {
    for (const isClosed of [false, true])
      for (const uri of [
        "sip:alice@example.org:99999",
        "sip:alice@example.org:x",
        "sip:al%ice@example.org",
        "sip:%@example.org",
        "sip:@example.org",
        "sips:alice@example.org:",
        "sip:alice@exam ple.org",
        "sip:alice@[example.org",
        "sip:",
        "alice@example.org",
      ]) {
        const h = house({ isClosed });
        const sent = h.receive(ask({ from: "<" + uri + ">;tag=1" }), STRANGER);
        expect(sent.map(said), uri).toEqual(["400"]);
        if (uri.startsWith("sip")) expect(sent[0].line).toMatch(/400 (Bad|Malformed) From/);
      }
  });

  test("of a request that was refused is not kept for the next one", () => {
    const h = house();
    expect(brief(h.sends(OWN, ALICE, "bob", "secretB"))).toEqual(["403 10.0.0.2:5060"]);
    const [invite] = h.sends({});
    expect(fields(invite.text, "P-Asserted-Identity")).toEqual([]);
  });
});

describe("in a rush", () => {
  test("who says to be a user of ours is told from strangers, true or not", () => {
    const { admission } = house().proxy;
    for (const [from, isOurs] of [
      ["<sip:alice@example.org>;tag=1", true],
      ["sip:nobody@EXAMPLE.com.;tag=1", true],
      ["<sip:alice@10.0.0.1:7000>;tag=1", true],
      ["<sip:alice@example.net>;tag=1", false],
      ["<sip:alice@10.9.9.9>;tag=1", false],
      ["<tel:+49301234>;tag=1", false],
      ["<sip:al%ice@example.org>;tag=1", false],
    ] as const)
      expect(admission.isOfOurs(read(ask({ from }))), from).toBe(isOurs);
  });

  test("what comes along our Record-Route is told from what only has a Route", () => {
    const h = house();
    const { admission } = h.proxy;
    const [invite] = h.sends({ callId: "call" });
    const [ok] = h.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3:5060>\r\n");
    const bye = { method: "BYE", callId: "call", to: field(ok.text, "To"), uri: "sip:bob@10.0.0.3:5060", cseq: 2 };
    const route = "Route: " + field(ok.text, "Record-Route") + "\r\n";
    expect(admission.isInDialog(read(ask({ ...bye, extra: route })))).toBe(true);
    expect(admission.isInDialog(read(ask(bye)))).toBe(false);
    expect(admission.isInDialog(read(ask({ ...bye, callId: "other", extra: route })))).toBe(false);
    expect(admission.isInDialog(read(ask({ ...bye, extra: "Route: <sip:10.0.0.1;lr>\r\n" })))).toBe(false);
    expect(admission.isInDialog(read(ask({ ...bye, extra: "Route: <sip:\r\n" })))).toBe(false);
  });
});
