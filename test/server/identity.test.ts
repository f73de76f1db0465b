/**
 * Tests who a request is said to be by (RFC 3325): the server says it of users whom it authenticated in that very
 * request, and lets nobody else say it.
 */
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5 } from "../../src/wire/digest.js";
import type { Sent } from "../transaction/harness.js";
import { home, secretOf } from "./house.js";
import {
  ALICE,
  type Ask,
  ask,
  BOB,
  field,
  fields,
  PEER,
  PROXY,
  ProxyHouse,
  peers,
  STRANGER,
  withoutState,
} from "./proxied.js";

const CONTACT = "<sip:bob@10.0.0.3:5060>";
const PEER_PLACE = PEER + ":5060";
const OWN: Ask = { from: "<sip:alice@example.org>;tag=aa" };
const METHODS = ["INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS", "NOTIFY", "REFER", "PUBLISH", "INFO", "PING"];
/** The same claim in the spellings that a parser may meet. */
const CLAIMS = [
  "P-Asserted-Identity: <sip:bob@example.org>\r\n",
  "p-asserted-identity : sip:bob@example.org\r\n",
  'P-ASSERTED-IDENTITY:"Bob" <sip:bob@example.org>,\r\n <tel:+49301>\r\n',
  "P-Asserted-Identity: <sip:bob@example.org>\r\nX: y\r\nP-Asserted-Identity: <tel:+49301>\r\n",
  "P-Asserted-Identity:\r\n\t<sip:bob@example.org>\r\n",
  "P-Preferred-Identity: <sip:bob@example.org>\r\n",
  "remote-party-id: <sip:bob@example.org>;party=calling;screen=yes\r\n",
  "Remote-Party-ID\t: <sip:bob@example.org>\r\nP-Preferred-Identity :<sip:bob@example.org>\r\n",
];
const CLAIM_NAME = /^(p-asserted-identity|p-preferred-identity|remote-party-id)[ \t]*:/i;

function house(options: ConstructorParameters<typeof ProxyHouse>[0] = {}): ProxyHouse {
  const h = new ProxyHouse(options);
  h.bind("bob", CONTACT);
  return h;
}

/** @returns the lines of a message that claim who it is by */
function claims(sent: Sent): string[] {
  return sent.text.split("\r\n").filter((line) => CLAIM_NAME.test(line));
}

function overTcp(h: ProxyHouse, message: string): Sent[] {
  const bytes = octets(message.replace("SIP/2.0/UDP", "SIP/2.0/TCP"));
  h.network.take();
  h.layer.streamOpened(9, ipv4("10.9.9.9"), 5060);
  h.layer.receiveStream(9, bytes, 0, bytes.length);
  return h.network.take().filter(({ line }) => !line.startsWith("SIP/2.0 100"));
}

describe.each(["with", "without"])("a proxy %s state", (state) => {
  function make(options: ConstructorParameters<typeof ProxyHouse>[0] = {}): ProxyHouse {
    const h = house(options);
    if (state === "without") withoutState(h);
    return h;
  }

  test("says of a user whom it authenticated who it is, and only once", () => {
    for (const method of METHODS)
      for (const claim of ["", ...CLAIMS]) {
        const [sent] = make().sends({ ...OWN, method, extra: claim }, ALICE, "alice", "secretA");
        expect(sent.line).toContain(method + " sip:bob@10.0.0.3");
        expect(claims(sent), method + " " + claim).toEqual(["P-Asserted-Identity: <sip:alice@example.org>"]);
      }
  });

  test("lets no stranger say who he is, in no spelling, by no method, by UDP and by TCP", () => {
    for (const method of METHODS)
      for (const claim of CLAIMS) {
        const h = make();
        const request = ask({ method, extra: claim + "Contact: <sip:zoe@10.9.9.9>\r\n" });
        const sent = [
          ...h.receive(request, STRANGER),
          ...overTcp(h, request.replace(/branch=\w+/, "branch=z9hG4bKtcp")),
        ];
        const forwarded = sent.filter(({ line }) => line.startsWith(method));
        for (const one of forwarded) expect(claims(one), method + " " + claim).toEqual([]);
        if (method === "INVITE") expect(forwarded.length).toBe(2);
      }
  });

  test("a name is not asserted when its owner wants it not told (RFC 3323)", () => {
    for (const [privacy, isTold] of [
      ["id", false],
      ["user;ID", false],
      ["header ; id; critical", false],
      ["none", true],
      ["user", true],
      ["identity", true],
    ] as const) {
      const [sent] = make().sends({ ...OWN, extra: "Privacy: " + privacy + "\r\n" }, ALICE, "alice", "secretA");
      expect(claims(sent).length, privacy).toBe(isTold ? 1 : 0);
    }
  });

  test("what an address says that is asked for no password is not believed", () => {
    const h = make({ trusted: [ipv4("10.9.9.9")] });
    for (const claim of CLAIMS) {
      const [sent] = h.sends({ extra: claim });
      expect(claims(sent)).toEqual([]);
    }
  });

  test("whoever is called elsewhere does not hear it", () => {
    const h = make();
    const away = { ...OWN, uri: "sip:eve@10.8.8.8", extra: CLAIMS[0] };
    const [sent] = h.sends(away, ALICE, "alice", "secretA");
    expect(sent.to).toBe("udp 10.8.8.8:5060");
    expect(claims(sent)).toEqual([]);
  });

  test("in a dialog nobody is authenticated, and nobody is named", () => {
    const h = make();
    const [invite] = h.sends({ ...OWN, callId: "d" }, ALICE, "alice", "secretA");
    const [ok] = h.answers(invite, 200, "bb", "Contact: " + CONTACT + "\r\n" + CLAIMS[0] + CLAIMS[6]);
    expect(claims(ok)).toEqual([]);
    const routes = fields(ok.text, "Record-Route").map((route) => "Route: " + route + "\r\n");
    for (const method of ["ACK", "INVITE", "BYE"])
      for (const claim of CLAIMS) {
        const parts = { ...OWN, method, callId: "d", to: field(ok.text, "To"), uri: "sip:bob@10.0.0.3:5060", cseq: 9 };
        const sent = h.receive(ask({ ...parts, extra: routes.join("") + claim }), ALICE);
        const forwarded = sent.filter(({ line }) => line.startsWith(method));
        expect(forwarded.length, method).toBe(1);
        expect(claims(forwarded[0])).toEqual([]);
      }
  });
});

describe("a name", () => {
  test("is written so that it can be read again, whatever is in it", () => {
    const table = new UserTable(4, 64, home().domains);
    const odd = "a%b<c>|;x,y";
    table.addUser(octets(odd), octets("example.org"), secretOf(odd, "pw", ALGORITHM_MD5), new Uint8Array(0));
    table.addUser(octets("bob"), octets("example.org"), secretOf("bob", "secretB", ALGORITHM_MD5), new Uint8Array(0));
    const closed = new ProxyHouse({ isClosed: true }, [], null, { ...home(), users: table });
    closed.bind("bob", CONTACT);
    const asked = closed.sends({ method: "MESSAGE" })[0];
    const again = closed.answerTo(asked.text, odd, "pw", "sip:bob@example.org", "MESSAGE");
    const [message] = closed.receive(ask({ method: "MESSAGE", extra: again }), STRANGER);
    expect(field(message.text, "P-Asserted-Identity")).toBe("<sip:a%25b%3cc%3e%7c;x,y@example.org>");
  });
});

describe("a request that is kept", () => {
  test("for phones of a lower q has its own sender there, whoever asked in between", () => {
    const h = house({ ringMs: 10_000 });
    h.bind("bob", "<sip:bob@10.0.0.5>;q=0.5");
    const [first] = h.sends({ ...OWN, extra: CLAIMS[0] }, ALICE, "alice", "secretA");
    expect(field(first.text, "P-Asserted-Identity")).toBe("<sip:alice@example.org>");
    h.sends({ from: "<sip:bob@example.org>;tag=b", method: "OPTIONS", uri: "sip:x@10.8.8.8" }, BOB, "bob", "secretB");
    const [second] = h.answers(first, 486);
    expect(second.line).toContain("INVITE sip:bob@10.0.0.5");
    expect(claims(second)).toEqual(["P-Asserted-Identity: <sip:alice@example.org>"]);
  });

  test("of a stranger stays a stranger's", () => {
    const h = house({ ringMs: 10_000 });
    h.bind("bob", "<sip:bob@10.0.0.5>;q=0.5");
    const [first] = h.sends({ extra: CLAIMS[0] });
    h.sends({ ...OWN, method: "OPTIONS" }, ALICE, "alice", "secretA");
    const [second] = h.answers(first, 486);
    expect(second.line).toContain("INVITE sip:bob@10.0.0.5");
    expect(claims(second)).toEqual([]);
  });
});

describe("servers on one store", () => {
  const KEPT = ';reg-id=1;+sip.instance="<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>"';
  const ASSERTED = "P-Asserted-Identity: <sip:alice@example.org>\r\n";
  const AT_FIRST = PROXY + ":5060";

  /** @returns the server that has the flow of bob's phone, and the request of alice by the other one */
  function forwarded(extra = ""): [ProxyHouse, string] {
    const [first, second] = peers();
    first.bind("bob", CONTACT + KEPT, BOB, "Supported: path, outbound\r\n");
    const [sent] = second.sends({ ...OWN, extra }, ALICE, "alice", "secretA");
    expect(sent.to).toBe("udp " + AT_FIRST);
    return [first, sent.text];
  }

  test("pass on what one of them says, and nothing else", () => {
    const [first, text] = forwarded(CLAIMS[0]);
    expect(text).toContain(ASSERTED);
    const [sent] = first.receive(text, PEER_PLACE).filter(({ line }) => line.startsWith("INVITE"));
    expect(sent.to).toBe("udp " + BOB);
    expect(claims(sent)).toEqual([ASSERTED.trim()]);
    expect(sent.text).not.toContain("asserted=");
  });

  test("do not believe a changed field, a changed request, or another hash", () => {
    const [, text] = forwarded();
    const changes: [string, string | RegExp, string][] = [
      ["another user", "<sip:alice@example.org>\r\nRoute", "<sip:bob@example.org>\r\nRoute"],
      ["a name before it", "P-Asserted-Identity: <", 'P-Asserted-Identity: "Bob" <'],
      ["a second field", ASSERTED, ASSERTED + ASSERTED.replace("alice", "bob")],
      ["a second value", "<sip:alice@example.org>\r\nRoute", "<sip:alice@example.org>, <sip:bob@example.org>\r\nRoute"],
      ["another call", /Call-ID: (.*)\r\n/, "Call-ID: x$1\r\n"],
      ["another tag", "tag=aa", "tag=ab"],
      ["another number", /CSeq: \d+/, "CSeq: 77"],
      ["no hash", /;asserted=[0-9a-f]+/, ""],
      ["a short hash", /;asserted=[0-9a-f]/, ";asserted="],
      ["an empty hash", /;asserted=[0-9a-f]+/, ";asserted="],
      ["no number", /;asserted=[0-9a-f]{16}/, ";asserted=zzzzzzzzzzzzzzzz"],
    ];
    for (let i = 0; i < 16; i++) {
      const flip = (_all: string, before: string, digit: string): string => before + (digit === "0" ? "1" : "0");
      const [first] = forwarded();
      const forged = text.replace(new RegExp(`(;asserted=[0-9a-f]{${i}})([0-9a-f])`), flip as never);
      const sent = first.receive(forged, PEER_PLACE).filter(({ line }) => line.startsWith("INVITE"));
      expect(claims(sent[0]), "digit " + i).toEqual([]);
    }
    for (const [what, from, to] of changes) {
      const [first] = forwarded();
      const forged = text.replace(from, to);
      expect(forged, what).not.toBe(text);
      const sent = first.receive(forged, PEER_PLACE).filter(({ line }) => line.startsWith("INVITE"));
      expect(sent, what).toHaveLength(1);
      expect(claims(sent[0]), what).toEqual([]);
    }
  });

  test("keep a name to themselves that its owner wants not told", () => {
    const [first, text] = forwarded("Privacy: id\r\n");
    expect(text).not.toContain("sserted");
    const [sent] = first.receive(text, PEER_PLACE).filter(({ line }) => line.startsWith("INVITE"));
    expect(claims(sent)).toEqual([]);
  });
});
