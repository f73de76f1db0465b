/** Tests the redirect server's rules, by their sections of RFC 3261, in virtual time. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { NONE, octets, type Span } from "../../src/core/bytes.js";
import {
  Bindings,
  LOCATION_AWAY,
  LOCATION_OK,
  type LocationStore,
  type LocationUser,
} from "../../src/server/location.js";
import type { MemoryLocation } from "../../src/server/memory.js";
import { Redirect } from "../../src/server/redirect.js";
import { STRANGERS_ALWAYS, STRANGERS_BY_RULE, STRANGERS_NEVER, UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256 } from "../../src/wire/digest.js";
import { field, fields } from "../transaction/harness.js";
import { contactsOf, DOMAIN, House, secretOf, users } from "./house.js";

/** A registrar with a redirect server behind it. */
class Corner extends House {
  readonly redirect: Redirect;

  constructor(makeStore: (memory: MemoryLocation) => LocationStore = (memory) => memory) {
    super();
    this.redirect = new Redirect(this.layer, makeStore(this.memory), users(), { domains: [DOMAIN], jobs: 2 });
    this.server.next = this.redirect;
  }

  /** @returns the texts of the answers to a request */
  ask(method: string, uri: string, extra = "", branch = "z9hG4bK" + method + uri.length): string[] {
    const text =
      `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=${branch}\r\nMax-Forwards: 70\r\n` +
      `From: <sip:door@example.org>;tag=1\r\nTo: <${uri}>\r\nCall-ID: c-${branch}\r\nCSeq: 1 ${method}\r\n${extra}Content-Length: 0\r\n\r\n`;
    return this.receive(text).map((sent) => sent.text);
  }
}

/** A store that answers when it is told to. */
class Slow implements LocationStore {
  private readonly asked: { user: LocationUser; token: number }[] = [];

  findBindings(_aor: Span, user: LocationUser, token: number): boolean {
    this.asked.push({ user, token });
    return false;
  }

  answer(result = LOCATION_OK): void {
    const first = this.asked.shift();
    first?.user.onBindings(first.token, result, new Bindings());
  }

  replaceBindings(): boolean {
    return false;
  }

  removeExpired(): void {}

  addWatcher(): void {}
}

const status = (texts: string[]): number[] => texts.map((text) => Number(text.slice(8, 11)));

describe("a redirect server", () => {
  it("§8.3, §21.3.3: answers 302 with all contacts, the best first", () => {
    const corner = new Corner();
    corner.register({ contact: "<sip:alice@10.0.0.2>;q=0.3, <sip:alice@10.0.0.3:5070>, <sip:alice@10.0.0.4>;q=0.75" });
    const [answer, ...more] = corner.ask("INVITE", "sip:alice@example.org");
    expect(answer.split("\r\n")[0]).toBe("SIP/2.0 302 Moved Temporarily");
    expect(contactsOf(answer)).toEqual([
      "<sip:alice@10.0.0.3:5070>;q=1",
      "<sip:alice@10.0.0.4>;q=0.75",
      "<sip:alice@10.0.0.2>;q=0.3",
    ]);
    expect(more).toEqual([]);
  });

  it("answers 480 for a user who is not there, 404 for one nobody knows and for domains of others", () => {
    const corner = new Corner();
    expect(status(corner.ask("INVITE", "sip:alice@example.org"))).toEqual([480]);
    expect(status(corner.ask("INVITE", "sip:nobody@example.org"))).toEqual([404]);
    expect(status(corner.ask("INVITE", "sip:alice@elsewhere.org"))).toEqual([404]);
    expect(status(corner.ask("INVITE", "sip:example.org"))).toEqual([404]);
    expect(status(corner.ask("INVITE", "mailto:alice@example.org"))).toEqual([416]);
  });

  it("finds the user of its domain whom a telephone number names, with or without separators", () => {
    const corner = new Corner();
    const known = users();
    known.addUser(octets("12"), DOMAIN, secretOf("12", "pw", ALGORITHM_MD5), secretOf("12", "pw", ALGORITHM_SHA256));
    corner.redirect.setUsers(known);
    const said = (uri: string, i: number): number => status(corner.ask("INVITE", uri, "", "z9hG4bKtel" + i))[0];
    // The answer is 480 because the user is known and not registered.
    expect(["tel:12", "tel:1-2", "tel:(1).2;phone-context=x"].map(said)).toEqual([480, 480, 480]);
    expect(["tel:13", "tel:+12", "tel:1"].map((uri, i) => said(uri, 10 + i))).toEqual([404, 404, 404]);
    expect(["tel:-", "tel:" + "1".repeat(300)].map((uri, i) => said(uri, 20 + i) >= 400)).toEqual([true, true]);
  });

  it("redirects other requests than INVITE likewise, and answers OPTIONS for itself", () => {
    const corner = new Corner();
    corner.register({ contact: "<sip:alice@10.0.0.2>" });
    expect(status(corner.ask("MESSAGE", "sip:alice@example.org"))).toEqual([302]);
    const [options] = corner.ask("OPTIONS", "sip:example.org");
    expect(status([options])).toEqual([200]);
    expect(field(options, "Allow")).toContain("INVITE");
  });

  it("§8.2.2.3: answers 420 to what is required and not known", () => {
    const [answer] = new Corner().ask("INVITE", "sip:alice@example.org", "Require: teapot, 100rel\r\n");
    expect([status([answer])[0], fields(answer, "Unsupported")]).toEqual([420, ["teapot", "100rel"]]);
  });

  it("§8.3: sends no other provisional response than 100, and answers when the store has", () => {
    const slow = new Slow();
    const corner = new Corner(() => slow);
    expect(status(corner.ask("INVITE", "sip:alice@example.org"))).toEqual([100]);
    slow.answer();
    expect(status(corner.network.take().map((sent) => sent.text))).toEqual([480]);
  });

  it("§26.3.2.4: an INVITE gets one message, whatever follows, and its ACK ends there", () => {
    const corner = new Corner();
    corner.register({ contact: "<sip:alice@10.0.0.2>" });
    corner.pass(40_000);
    corner.network.take();
    for (const uri of ["sip:alice@example.org", "sip:bob@example.org", "sip:nobody@example.org"]) {
      const [answer] = corner.ask("INVITE", uri);
      expect(corner.layer.servers.used()).toBe(0);
      corner.pass(200_000);
      expect(corner.network.take()).toEqual([]);
      // The same request gets the same answer.
      expect(corner.ask("INVITE", uri)).toEqual([answer]);
      const ack = `ACK ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKINVITE${uri.length}\r\nMax-Forwards: 70\r\nFrom: <sip:door@example.org>;tag=1\r\nTo: ${field(answer, "To")}\r\nCall-ID: c-z9hG4bKINVITE${uri.length}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n`;
      expect(corner.receive(ack)).toEqual([]);
    }
  });

  it("§8.3: takes a CANCEL, and the late answer of the store changes nothing", () => {
    const slow = new Slow();
    const corner = new Corner(() => slow);
    corner.ask("INVITE", "sip:alice@example.org", "", "z9hG4bKone");
    expect(status(corner.ask("CANCEL", "sip:alice@example.org", "", "z9hG4bKone")).sort()).toEqual([200, 487]);
    slow.answer();
    expect(corner.network.take()).toEqual([]);
  });

  it("§21.5.4: answers 503 when the store is away, or too many wait for it", () => {
    const slow = new Slow();
    const corner = new Corner(() => slow);
    for (const name of ["a", "b"])
      expect(status(corner.ask("INVITE", "sip:alice@example.org", "", "z9hG4bK" + name))).toEqual([100]);
    const [full] = corner.ask("INVITE", "sip:alice@example.org", "", "z9hG4bKc");
    expect([status([full])[0], field(full, "Retry-After")]).toEqual([503, "5"]);
    slow.answer(LOCATION_AWAY);
    expect(status(corner.network.take().map((sent) => sent.text))).toEqual([503]);
    expect(status(corner.ask("INVITE", "sip:alice@example.org", "", "z9hG4bKd"))).toEqual([100]);
  });
});

describe("a redirect server that asks for passwords", () => {
  const CONTACT = "<sip:bob@10.0.0.3:5060>";

  function corner(isClosed: boolean, strangers = STRANGERS_BY_RULE, trusted: number[] = []): Corner {
    const c = new Corner();
    c.register({ user: "bob", contact: CONTACT }, "10.0.0.3:5060");
    const all = new UserTable(8, 64, [DOMAIN]);
    for (const name of ["alice", "bob"]) {
      const password = name === "alice" ? "secretA" : "secretB";
      all.addUser(octets(name), DOMAIN, secretOf(name, password, ALGORITHM_MD5), NONE, name === "bob" ? strangers : 0);
    }
    const options = { domains: [DOMAIN], jobs: 2, isClosed, trusted };
    c.server.next = new Redirect(c.layer, c.memory, all, { ...options, auth: c.auth });
    return c;
  }

  it("tells nobody but its users where a phone is, by any method, and not whether there is one", () => {
    const c = corner(true);
    let count = 0;
    for (const method of ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE", "PING"])
      for (const uri of [
        "sip:bob@example.org",
        "sip:nobody@example.org",
        "sip:bob@example.org.",
        "sip:x@elsewhere.net",
      ]) {
        const [first, ...more] = c.ask(method, uri, "", "z9hG4bKx" + ++count);
        expect([first.slice(8, 11), more.length], method + " " + uri).toEqual(["407", 0]);
        expect(contactsOf(first)).toEqual([]);
        const right = c.answerTo(first, "alice", "secretA", uri, method);
        const [second] = c.ask(method, uri, right, "z9hG4bKy" + count);
        expect(second.slice(8, 11), method + " " + uri).toBe(uri.includes("sip:bob") ? "302" : "404");
      }
    expect(status(c.ask("OPTIONS", "sip:example.org"))).toEqual([200]);
  });

  it("tells strangers who call, where they are let in, and nothing else", () => {
    for (const c of [corner(false), corner(true, STRANGERS_ALWAYS)]) {
      expect(status(c.ask("INVITE", "sip:bob@example.org"))).toEqual([302]);
      expect(status(c.ask("OPTIONS", "sip:bob@example.org"))).toEqual([407]);
      expect(status(c.ask("MESSAGE", "sip:bob@example.org"))).toEqual([407]);
    }
    expect(status(corner(false, STRANGERS_NEVER).ask("INVITE", "sip:bob@example.org"))).toEqual([407]);
    expect(status(corner(true, 0, [ipv4("10.0.0.2")]).ask("OPTIONS", "sip:bob@example.org"))).toEqual([302]);
  });
});
