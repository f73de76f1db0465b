/**
 * Tests that all roles that answer for themselves check in one order (RFC 3261 §8.2, §16.3): each fault at each role,
 * and of two faults the one that is checked first.
 */
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { Redirect } from "../../src/server/redirect.js";
import { field, fields } from "../transaction/harness.js";
import { Agent, Peer, World } from "../ua/harness.js";
import { DOMAIN, House, home, users } from "./house.js";
import { ProxyHouse, withoutState } from "./proxied.js";

const ASKER = "10.0.0.2";

interface Parts {
  method: string;
  uri: string;
  forwards: string;
  extra: string;
  body: string;
  callId: string;
}

/** A role that answers: it takes a text and gives the final answers. */
type Role = () => (text: string) => string[];

function ofHouse(h: House): (text: string) => string[] {
  return (text) => h.receive(text).map((sent) => sent.text);
}

function door(): (text: string) => string[] {
  const world = new World();
  const agent = new Agent(world, "10.0.0.1");
  const peer = new Peer(world, ASKER);
  return (text) => {
    peer.inbox.length = 0;
    world.send(peer.ip, 5060, agent.ip, 5060, octets(text));
    world.run(5);
    return [...peer.inbox];
  };
}

function redirect(): (text: string) => string[] {
  const h = new House();
  h.server.next = new Redirect(h.layer, h.memory, users(), { domains: [DOMAIN], jobs: 4 });
  return ofHouse(h);
}

function stateless(): (text: string) => string[] {
  const h = new ProxyHouse();
  withoutState(h);
  return ofHouse(h);
}

/** How to make each role, and a request that it answers itself when nothing is wrong with it. */
const ROLES: Record<string, { role: Role; usual: Partial<Parts>; right: number; isProxy?: boolean }> = {
  door: { role: door, usual: { method: "OPTIONS", uri: "sip:door@10.0.0.1" }, right: 200 },
  registrar: {
    role: () => ofHouse(new House()),
    usual: { method: "REGISTER", uri: "sip:example.org" },
    right: 401,
  },
  "registrar that is asked who it is": {
    role: () => ofHouse(new House()),
    usual: { method: "OPTIONS", uri: "sip:example.org" },
    right: 200,
  },
  redirect: { role: redirect, usual: { method: "INVITE", uri: "sip:bob@example.org" }, right: 480 },
  "redirect that is asked who it is": {
    role: redirect,
    usual: { method: "OPTIONS", uri: "sip:example.org" },
    right: 200,
  },
  proxy: {
    role: () => ofHouse(new ProxyHouse({ isClosed: true })),
    usual: { method: "INVITE", uri: "sip:bob@example.org" },
    right: 407,
    isProxy: true,
  },
  "proxy that is asked who it is": {
    role: () => ofHouse(new ProxyHouse({ isClosed: true })),
    usual: { method: "OPTIONS", uri: "sip:example.org" },
    right: 200,
  },
  "proxy without state": {
    role: stateless,
    usual: { method: "MESSAGE", uri: "sip:bob@example.org" },
    right: 407,
    isProxy: true,
  },
  "proxy without state that is asked who it is": {
    role: stateless,
    usual: { method: "OPTIONS", uri: "sip:example.org" },
    right: 200,
  },
};

let count = 0;

function request(parts: Partial<Parts>): string {
  const { method, uri, forwards, extra, body, callId } = {
    method: "OPTIONS",
    uri: "",
    forwards: "70",
    extra: "",
    body: "",
    callId: "c" + count,
    ...parts,
  };
  count += 1;
  return (
    `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP ${ASKER}:5060;branch=z9hG4bKi${count}\r\nMax-Forwards: ${forwards}\r\n` +
    `From: <sip:zoe@elsewhere.net>;tag=z\r\nTo: <sip:bob@example.org>\r\nCall-ID: ${callId}\r\nCSeq: 1 ${method}\r\n` +
    `Contact: <sip:zoe@${ASKER}>\r\n${extra}Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

interface Fault {
  change: Partial<Parts>;
  status: number;
  /** A field that the answer must have. */
  has?: [name: string, value: string];
  /** The fault concerns proxies only, or the other roles only. */
  of?: "proxies" | "others";
}

/** The faults, in the order in which they are checked. */
const FAULTS: Record<string, Fault> = {
  "a URI that is none": { change: { uri: "sip:2001:db8::10" }, status: 400 },
  "a URI without a host": { change: { uri: "sip:bob@" }, status: 400 },
  "a URI with header fields": { change: { uri: "sip:bob@example.org?Subject=x" }, status: 400 },
  "a scheme nobody knows": { change: { uri: "nobodyKnowsThisScheme:opaque" }, status: 416 },
  "another scheme": { change: { uri: "mailto:bob@example.org" }, status: 416 },
  "a scheme that is not spoken": { change: { uri: "sips:bob@example.org" }, status: 416 },
  "hops that cannot be counted": { change: { forwards: "many" }, status: 400, of: "proxies" },
  "no hop left": { change: { forwards: "0" }, status: 483, of: "proxies" },
  "an extension that is required of the one it is for": {
    change: { extra: "Require: nothingSupportsThis, teapot\r\n" },
    status: 420,
    has: ["Unsupported", "nothingSupportsThis,teapot"],
    of: "others",
  },
  "an extension that is required of proxies": {
    change: { extra: "Proxy-Require: nothingSupportsThis, teapot\r\n" },
    status: 420,
    has: ["Unsupported", "nothingSupportsThis,teapot"],
    of: "proxies",
  },
};

function isOf(fault: Fault, isProxy: boolean): boolean {
  return fault.of === undefined || (fault.of === "proxies") === isProxy;
}

describe.each(Object.entries(ROLES))("%s", (_name, { role, usual, right, isProxy = false }) => {
  it("answers what is right", () => {
    expect(role()(request(usual)).map((text) => Number(text.slice(8, 11)))).toEqual([right]);
  });

  for (const [what, fault] of Object.entries(FAULTS)) {
    if (!isOf(fault, isProxy)) continue;
    it(`${what}: ${fault.status}, with one message, and says what is wrong`, () => {
      const answers = role()(request({ ...usual, ...fault.change }));
      expect(answers.map((text) => Number(text.slice(8, 11)))).toEqual([fault.status]);
      if (fault.has !== undefined) {
        const [name, value] = fault.has;
        expect(fields(answers[0], name).join()).toBe(value);
      }
      if (fault.status === 400) expect(answers[0]).not.toMatch(/^SIP\/2.0 400 Bad Request\r\n/);
      expect(fields(answers[0], "Record-Route")).toEqual([]);
    });
  }

  it("of two faults says the one that is looked at first", () => {
    const all = Object.values(FAULTS).filter((fault) => isOf(fault, isProxy));
    for (let i = 0; i < all.length; i++)
      for (let j = i + 1; j < all.length; j++) {
        const [first, second] = [all[i], all[j]];
        if (first.change.uri !== undefined && second.change.uri !== undefined) continue;
        const [answer] = role()(request({ ...usual, ...second.change, ...first.change }));
        expect([i, j, Number(answer.slice(8, 11))]).toEqual([i, j, first.status]);
      }
  });
});

describe("methods (§8.2.1)", () => {
  it.each([
    ["door", "REGISTER", 405],
    ["door", "PUBLISH", 405],
    ["door", "TEAPOT", 501],
    ["registrar", "INVITE", 405],
    ["registrar", "MESSAGE", 405],
    ["registrar", "TEAPOT", 501],
  ])("%s, %s: %i, with those that are taken, before the URI is looked at", (name, method, status) => {
    for (const uri of ["sip:example.org", "mailto:x@y"]) {
      const [answer] = ROLES[name].role()(request({ method, uri }));
      expect(Number(answer.slice(8, 11))).toBe(status);
      expect(field(answer, "Allow")).toContain("OPTIONS");
    }
  });
});

describe("a request that comes by two ways (§8.2.2.2)", () => {
  it("is refused the second time: 482, while the first is there", () => {
    for (const name of ["door", "registrar that is asked who it is"]) {
      const { role, usual } = ROLES[name];
      const ask = role();
      expect(ask(request({ ...usual, callId: "same" }))[0]).toMatch(/^SIP\/2.0 200/);
      expect(ask(request({ ...usual, callId: "same" }))[0]).toMatch(/^SIP\/2.0 482/);
    }
  });

  it("is found among many transactions as among few", () => {
    for (const transactions of [8, 64, 65, 500]) {
      const h = new House({}, {}, null, { ...home(), transactions });
      const ask = ofHouse(h);
      const usual = { method: "OPTIONS", uri: "sip:example.org" };
      for (let i = 0; i < 5; i++) ask(request(usual));
      expect(ask(request({ ...usual, callId: "same" }))[0]).toMatch(/^SIP\/2.0 200/);
      expect(ask(request({ ...usual, callId: "same" }))[0]).toMatch(/^SIP\/2.0 482/);
      h.pass(40_000);
      expect(ask(request({ ...usual, callId: "same" }))[0]).toMatch(/^SIP\/2.0 200/);
    }
  });
});

describe("a body that nobody reads (§8.2.3)", () => {
  const TYPE = "Content-Type: application/tea\r\n";

  it.each(["registrar that is asked who it is", "redirect that is asked who it is", "proxy that is asked who it is"])(
    "%s: 415 says what is taken, which is nothing; what is optional is passed over",
    (name) => {
      const { role, usual } = ROLES[name];
      const [answer] = role()(request({ ...usual, extra: TYPE, body: "tea" }));
      expect(answer).toMatch(/^SIP\/2.0 415/);
      expect(fields(answer, "Accept")).toEqual([""]);
      const optional = TYPE + "Content-Disposition: render;handling=optional\r\n";
      expect(role()(request({ ...usual, extra: optional, body: "tea" }))[0]).toMatch(/^SIP\/2.0 200/);
    },
  );

  it("registrar: after the password was right, and not before", () => {
    const h = new House();
    const [challenge] = ofHouse(h)(request({ method: "REGISTER", uri: "sip:example.org", extra: TYPE, body: "tea" }));
    expect(challenge).toMatch(/^SIP\/2.0 401/);
    const refused = h.register({ contact: "<sip:alice@10.0.0.2>", extra: TYPE, body: "tea" });
    expect(refused).toMatch(/^SIP\/2.0 415/);
    expect(h.bound()).toEqual([]);
  });
});
