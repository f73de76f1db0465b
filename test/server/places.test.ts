/**
 * Tests the places to which the server sends requests on the word of others: registered contacts, Paths, redirections,
 * Request-URIs and Routes.
 */
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Places } from "../../src/server/places.js";
import type { Sent } from "../transaction/harness.js";
import { home } from "./house.js";
import { ALICE, BOB, brief, fields, ProxyHouse, withoutState } from "./proxied.js";

/** Hosts, with a port, that no request is ever sent to; and those that the owner's settings allow. */
const NEVER = [
  "255.255.255.255",
  "10.7.255.255:5060",
  "224.0.1.75",
  "239.255.255.250:1900",
  "240.0.0.1",
  "0.0.0.0",
  "0.1.2.3",
  "10.0.0.3:0",
  "phone.example.net:0",
  "224.0.1.75.",
];
const BY_WORD = [
  "127.0.0.1",
  "127.0.0.1:6379",
  "127.255.0.9:5060",
  "localhost",
  "LOCALHOST.",
  "a.localhost:5070",
  "10.0.0.3:22",
  "10.0.0.3:1023",
  "phone.example.net:80",
  "10.0.0.255",
];
const FINE = [
  "10.0.0.3",
  "10.0.0.3:5060",
  "10.0.0.3:5061",
  "10.0.0.3:1024",
  "10.0.0.3:65535",
  "phone.example.net",
  "notlocalhost",
];

function places(ip = "10.0.0.1", isAny = false): Places {
  const h = new ProxyHouse({}, [], null, { ...home(), ip });
  const made = new Places(h.layer);
  made.isAny = isAny;
  made.broadcasts = [ipv4("10.7.255.255")];
  return made;
}

function house(made: Places | null = null, ip = "10.0.0.1", options = {}): ProxyHouse {
  const h = new ProxyHouse(
    { ...(made === null ? {} : { places: made }), ...options },
    [],
    null,
    { ...home(), ip },
    made === null ? {} : { places: made },
  );
  return h;
}

const registers = (h: ProxyHouse, contact: string, extra = ""): string =>
  h.register({ user: "bob", contact, callId: "p" + Math.random(), extra }, BOB).split("\r\n")[0];

describe("a contact that is registered", () => {
  test.each([
    ["may not be where nobody is to be sent", NEVER, false, "403"],
    ["may not be on the server's machine or at a port of another service", BY_WORD, false, "403"],
    ["may be there when the owner of the server allows it", BY_WORD, true, "200"],
    ["may not be where nobody is to be sent, whatever is allowed", NEVER, true, "403"],
    ["may be anywhere else", FINE, false, "200"],
  ] as const)("%s", (_, hosts, isAny, status) => {
    for (const host of hosts)
      for (const contact of [
        "<sip:bob@" + host + ">",
        "<sip:bob@" + host + ";transport=tcp>;q=0.5",
        "<sips:bob@" + host + ">",
      ])
        expect(registers(house(places("10.0.0.1", isAny)), contact), contact).toContain("SIP/2.0 " + status);
  });

  test("may not get there by maddr or Path either, nor beside others; one that is taken away may be anywhere", () => {
    const bad = [
      ["<sip:bob@10.0.0.3;maddr=127.0.0.1>", ""],
      ["<sip:bob@10.0.0.3;maddr=239.1.1.1>", ""],
      ["<sip:bob@10.0.0.3>, <sip:bob@127.0.0.1>", ""],
      ["<sip:bob@10.0.0.3>", "Path: <sip:127.0.0.1:25;lr>\r\n"],
      ["<sip:bob@10.0.0.3>", "Path: <sip:10.0.0.8;lr>, <sip:224.0.0.1;lr>\r\n"],
      ["<sip:bob@10.0.0.3>", "Path: nonsense\r\n"],
    ];
    for (const [contact, extra] of bad) {
      const h = house();
      expect(registers(h, contact, extra), contact + extra).toContain("403 Contact Not Allowed There");
      expect(h.bound("bob@example.org")).toEqual([]);
    }
    expect(registers(house(), "<sip:bob@127.0.0.1>;expires=0")).toContain("200");
  });

  test("may be on the server's machine when the server listens there alone", () => {
    for (const contact of ["<sip:bob@127.0.0.1:5099>", "<sip:bob@127.0.0.2>", "<sip:bob@localhost:5099>"]) {
      expect(registers(house(places("127.0.0.1"), "127.0.0.1"), contact)).toContain("200");
      expect(registers(house(), contact)).toContain("403");
    }
  });
});

describe.each([false, true])("a request (without state: %s)", (isStateless) => {
  const went = (sent: readonly Sent[]): string[] => brief(sent).filter((one) => !/^\d/.test(one));
  const OWN = { from: "<sip:alice@example.org>;tag=aa" };

  test("goes nowhere it should not, on the word of a user", () => {
    for (const host of [...NEVER, ...BY_WORD])
      for (const parts of [
        { uri: "sip:x@" + host },
        { uri: "sip:x@10.0.0.3;maddr=" + host.split(":")[0] + (host.includes(":") ? "" : ";x=y") },
        { extra: "Route: <sip:10.0.0.1;lr>, <sip:" + host + ";lr>\r\n" },
      ]) {
        if (host.includes(":") && parts.uri?.includes("maddr")) continue;
        const h = house(places());
        if (isStateless) withoutState(h);
        const sent = h.sends({ ...OWN, ...parts }, ALICE, "alice", "secretA");
        expect(went(sent), JSON.stringify(parts)).toEqual([]);
        expect(h.network.asked).toEqual([]);
        if (host !== "10.7.255.255:5060") expect(brief(sent), JSON.stringify(parts)).toEqual(["403 10.0.0.2:5060"]);
      }
  });

  test("goes where the number plan of the owner says, and to what is trusted", () => {
    const rule = {
      prefix: octets("9"),
      isPrefix: false,
      isInserted: false,
      before: octets("sip:gw@127.0.0.1:5080"),
      after: octets(""),
    };
    const h = new ProxyHouse({}, [rule]);
    expect(went(h.sends({ ...OWN, uri: "sip:9@example.org" }, ALICE, "alice", "secretA"))).toEqual([
      "INVITE 127.0.0.1:5080",
    ]);
    const g = new ProxyHouse({ trusted: [ipv4("127.0.0.1")] });
    expect(went(g.sends({ ...OWN, uri: "sip:x@127.0.0.1:5080" }, ALICE, "alice", "secretA"))).toEqual([
      "INVITE 127.0.0.1:5080",
    ]);
  });
});

describe("what a phone says", () => {
  test("in a 3xx that is followed leads nowhere it should not", () => {
    for (const host of BY_WORD) {
      const h = house(null, "10.0.0.1", { isRecursing: true });
      h.bind("bob", "<sip:bob@10.0.0.3>");
      const [invite] = h.sends({});
      const sent = h.answers(invite, 302, "bb", "Contact: <sip:x@" + host + ">\r\n");
      expect(
        brief(sent).filter((one) => one.startsWith("INVITE")),
        host,
      ).toEqual([]);
    }
  });

  test("in its Contact within a call leads nowhere it should not", () => {
    const h = house();
    h.bind("bob", "<sip:bob@10.0.0.3>");
    const [invite] = h.sends({ callId: "call" });
    const [ok] = h.answers(invite, 200, "bb", "Contact: <sip:bob@127.0.0.1:6379>\r\n");
    const routes = fields(ok.text, "Record-Route")
      .map((route) => "Route: " + route + "\r\n")
      .join("");
    for (const method of ["ACK", "BYE", "INVITE"]) {
      const parts = {
        method,
        callId: "call",
        cseq: 2,
        to: "<sip:bob@example.org>;tag=bb",
        uri: "sip:bob@127.0.0.1:6379",
      };
      const sent = h.sends({ ...parts, extra: routes });
      expect(brief(sent).filter((one) => !/^\d/.test(one))).toEqual([]);
    }
  });
});
