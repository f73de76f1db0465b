/** Tests the registrar's rules, each by its section of RFC 3261 (or the RFC that is named), in virtual time. */
import { describe, expect, it } from "vitest";
import { octets, type Span } from "../../src/core/bytes.js";
import {
  Bindings,
  LOCATION_AWAY,
  LOCATION_CONFLICT,
  type LocationStore,
  type LocationUser,
} from "../../src/server/location.js";
import type { MemoryLocation } from "../../src/server/memory.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256 } from "../../src/wire/digest.js";
import { field, fields } from "../transaction/harness.js";
import { contactsOf, House } from "./house.js";

const PHONE = "<sip:alice@10.0.0.2:5060>";
const status = (response: string): number => Number(response.slice(8, 11));

describe("a registrar, RFC 3261 §10.3", () => {
  it("step 1: answers 404 for a domain that is not ours", () => {
    expect(status(new House().register({ uri: "sip:elsewhere.org", contact: PHONE }))).toBe(404);
    expect(status(new House().register({ to: "<sip:alice@elsewhere.org>", contact: PHONE }))).toBe(404);
    expect(status(new House().register({ to: "<tel:+4930>", contact: PHONE }))).toBe(404);
  });

  it("step 2: answers 420 to a Require that is not known, and names it", () => {
    const response = new House().register({ contact: PHONE, extra: "Require: path, teapot\r\nRequire: gruu\r\n" });
    expect(status(response)).toBe(420);
    expect(fields(response, "Unsupported")).toEqual(["teapot", "gruu"]);
  });

  it("step 3: asks for a password, and takes the right one", () => {
    const house = new House();
    const [challenge] = house.receive(house.request({ contact: PHONE }));
    expect(challenge.line).toBe("SIP/2.0 401 Unauthorized");
    expect(field(challenge.text, "WWW-Authenticate")).toMatch(
      /^Digest realm="example.org", nonce="[0-9a-f]{48}", algorithm=MD5, qop="auth"$/,
    );
    expect(status(house.register({ contact: PHONE }))).toBe(200);
    expect(house.bound()).toEqual([{ uri: "sip:alice@10.0.0.2:5060", q: 1000, from: "1 167772162:5060", path: "" }]);
  });

  it("step 4: lets nobody register an address of somebody else", () => {
    const house = new House();
    const [challenge] = house.receive(house.request({ contact: PHONE }));
    const credentials = house.answerTo(challenge.text, "bob", "secretB");
    const [answer] = house.receive(house.request({ contact: PHONE }, credentials));
    expect(answer.line).toBe("SIP/2.0 403 Forbidden");
    expect(house.bound()).toEqual([]);
  });

  it("step 5: takes escapes and parameters of the address away", () => {
    const house = new House();
    const aor = "<sip:%61lice@EXAMPLE.org:5060;user=phone>";
    expect(status(house.register({ to: aor, contact: PHONE }))).toBe(200);
    expect(house.bound()).toHaveLength(1);
  });

  it("step 6: removes all with *, only with Expires 0 and alone", () => {
    const house = new House();
    house.register({ contact: PHONE + ", <sip:alice@10.0.0.3>" });
    expect(status(house.register({ contact: "*" }))).toBe(400);
    expect(status(house.register({ contact: "*", extra: "Expires: 3600\r\n" }))).toBe(400);
    expect(status(house.register({ contact: "*, " + PHONE, extra: "Expires: 0\r\n" }))).toBe(400);
    expect(house.bound()).toHaveLength(2);
    const response = house.register({ contact: "*", extra: "Expires: 0\r\n" });
    expect(status(response)).toBe(200);
    expect(contactsOf(response)).toEqual([]);
    expect(house.bound()).toEqual([]);
  });

  it("step 6: does not remove by an old request of the same call", () => {
    const house = new House();
    house.register({ contact: PHONE, cseq: 9 });
    expect(status(house.register({ contact: "*", extra: "Expires: 0\r\n", cseq: 8 }))).toBe(500);
    expect(house.bound()).toHaveLength(1);
    expect(status(house.register({ contact: "*", extra: "Expires: 0\r\n", cseq: 8, callId: "other" }))).toBe(200);
    expect(house.bound()).toEqual([]);
  });

  it("step 7: takes the expiry of the contact, then Expires, then its own", () => {
    const house = new House();
    const response = house.register({
      contact: "<sip:a@10.0.0.2>;expires=120, <sip:b@10.0.0.2>",
      extra: "Expires: 600\r\n",
    });
    expect(contactsOf(response).sort()).toEqual(["<sip:a@10.0.0.2>;expires=120", "<sip:b@10.0.0.2>;expires=600"]);
    expect(contactsOf(house.register({ user: "bob", contact: PHONE }))).toEqual([PHONE + ";expires=3600"]);
  });

  it.each(["4294967296", "99999999999999999999", "7201"])("step 7: cuts an expiry of %s down", (value) => {
    const response = new House().register({ contact: PHONE + ";expires=" + value });
    expect(contactsOf(response)).toEqual([PHONE + ";expires=7200"]);
  });

  it("§10.2.1.1: takes a malformed expiry for 3600", () => {
    expect(contactsOf(new House().register({ contact: PHONE + ";expires=soon" }))).toEqual([PHONE + ";expires=3600"]);
  });

  it("step 7: answers 423 with Min-Expires to too short an interval, and a removal is none", () => {
    const house = new House();
    const response = house.register({ contact: PHONE + ";expires=59" });
    expect([status(response), field(response, "Min-Expires")]).toEqual([423, "60"]);
    expect(house.bound()).toEqual([]);
    expect(status(house.register({ contact: PHONE + ";expires=60" }))).toBe(200);
    expect(status(house.register({ contact: PHONE + ";expires=0" }))).toBe(200);
    expect(house.bound()).toEqual([]);
  });

  it("step 7: knows the same contact in another spelling, and replaces it", () => {
    const house = new House();
    house.register({ contact: "<sip:alice@PHONE.example.org;x=1>" });
    house.register({ contact: "<sip:%61lice@phone.example.org;x=1>;q=0.5" });
    expect(house.bound()).toMatchObject([{ uri: "sip:%61lice@phone.example.org;x=1", q: 500 }]);
  });

  it("tells no Record-Route: a registration founds no dialog (§20, table 3)", () => {
    const answer = new House().register({ contact: PHONE, extra: "Record-Route: <sip:p.example;lr>\r\n" });
    expect([status(answer), fields(answer, "Record-Route")]).toEqual([200, []]);
  });

  it("step 7: refuses what comes out of order in the same call, and takes it from a phone that was restarted", () => {
    const house = new House();
    house.register({ contact: PHONE, cseq: 5 });
    // The same REGISTER may come by two ways: within that time it counts as a merged request. §8.2.2.2
    expect(status(house.register({ contact: PHONE, cseq: 5 }))).toBe(482);
    house.pass(40_000);
    expect(status(house.register({ contact: PHONE, cseq: 5 }))).toBe(500);
    expect(status(house.register({ contact: PHONE, cseq: 4 }))).toBe(500);
    expect(status(house.register({ contact: PHONE, cseq: 6 }))).toBe(200);
    expect(status(house.register({ contact: PHONE, cseq: 1, callId: "after-restart" }))).toBe(200);
  });

  it("step 7: changes all contacts of a request or none", () => {
    const house = new House();
    house.register({ contact: PHONE, cseq: 5 });
    const both = "<sip:new@10.0.0.9>, " + PHONE;
    house.pass(40_000);
    expect(status(house.register({ contact: both, cseq: 5 }))).toBe(500);
    expect(status(house.register({ contact: "<sip:new@10.0.0.9>, <sip:x@y>;expires=3", cseq: 6 }))).toBe(423);
    expect(status(house.register({ contact: "<sip:new@10.0.0.9>, <nonsense", cseq: 7 }))).toBe(400);
    expect(house.bound().map((binding) => binding.uri)).toEqual(["sip:alice@10.0.0.2:5060"]);
    expect(status(house.register({ contact: both + ";expires=0", cseq: 8 }))).toBe(200);
    expect(house.bound().map((binding) => binding.uri)).toEqual(["sip:new@10.0.0.9"]);
  });

  it("step 8: tells all bindings with what is left of their time, the preferred first, and changes nothing for a query", () => {
    const house = new House();
    house.register({ contact: "<sip:low@10.0.0.2>;q=0.25" });
    house.pass(1000);
    house.register({ contact: "<sip:high@10.0.0.2>;q=0.8" });
    house.pass(1000);
    house.register({ contact: "<sip:best@10.0.0.2>" });
    house.pass(8000);
    const response = house.register({});
    expect(contactsOf(response)).toEqual([
      "<sip:best@10.0.0.2>;expires=3592",
      "<sip:high@10.0.0.2>;expires=3591;q=0.8",
      "<sip:low@10.0.0.2>;expires=3590;q=0.25",
    ]);
    expect(house.registrar.counters).toMatchObject({ changed: 3, queried: 1 });
  });

  it("step 8: tells the time of day where it is known (§20.17)", () => {
    const house = new House();
    expect(field(house.register({}), "Date")).toBe("");
    house.clock.offsetMs = Date.UTC(2028, 1, 29, 23, 59, 58);
    expect(field(house.register({}), "Date")).toBe("Tue, 29 Feb 2028 23:59:58 GMT");
    for (const at of ["1970-01-02T00:00:01Z", "1999-12-31T23:59:59Z", "2000-03-01T00:00:00Z", "2100-12-01T12:00:00Z"]) {
      house.clock.offsetMs = Date.parse(at) - house.timers.nowMs;
      expect(field(house.register({}), "Date")).toBe(new Date(at).toUTCString());
    }
  });

  it("lets a binding go when its time is over", () => {
    const house = new House();
    house.register({ contact: PHONE + ";expires=60" });
    house.pass(59_000);
    expect(house.bound()).toHaveLength(1);
    house.pass(1000);
    expect(house.bound()).toEqual([]);
  });

  it("answers 403 to more contacts than a user may have, at once or one after the other, and keeps what was there", () => {
    const house = new House();
    const many = Array.from({ length: 100 }, (_, i) => "<sip:c" + i + "@10.0.0.2>").join(",");
    expect(house.register({ contact: many })).toMatch(/^SIP\/2.0 403 Too Many Contacts/);
    for (let i = 0; i < 4; i++) expect(status(house.register({ contact: "<sip:c" + i + "@10.0.0.2>" }))).toBe(200);
    expect(status(house.register({ contact: "<sip:c4@10.0.0.2>" }))).toBe(403);
    expect(house.bound()).toHaveLength(4);
    expect(status(house.register({ contact: "<sip:c4@10.0.0.2>, <sip:c0@10.0.0.2>;expires=0" }))).toBe(200);
  });

  it("answers 403 to contacts that are too long for the record, and keeps what was there", () => {
    const house = new House({ recordBytes: 500 });
    const long = (letter: string): string => "<sip:" + letter.repeat(150) + "@10.0.0.2>";
    expect(status(house.register({ contact: long("a") + "," + long("b") }))).toBe(200);
    expect(status(house.register({ contact: long("c") }))).toBe(403);
    expect(house.bound()).toHaveLength(2);
  });

  it("does not keep header fields that stand in a contact", () => {
    const house = new House();
    house.register({ contact: "<sip:a@10.0.0.2?Route=%3Csip:evil%3E&body=x>" });
    expect(house.bound()[0].uri).toBe("sip:a@10.0.0.2");
  });

  it("RFC 3581: remembers where a phone behind a NAT is seen", () => {
    const house = new House();
    const response = house.register(
      { contact: "<sip:alice@192.168.1.7>", via: "SIP/2.0/UDP 192.168.1.7;rport" },
      "10.9.9.9:40001",
    );
    expect(field(response, "Via")).toContain(";received=10.9.9.9;rport=40001");
    expect(house.bound()[0].from).toBe("1 " + (0x0a090909 >>> 0) + ":40001");
  });

  it("RFC 3327: keeps Path and gives it back", () => {
    const house = new House();
    const response = house.register({
      contact: PHONE,
      extra:
        "Supported: path\r\nPath: <sip:p1.example.org;lr>,<sip:p2.example.org;lr>\r\nPath: <sip:p3.example.org;lr>\r\n",
    });
    const path = "<sip:p1.example.org;lr>, <sip:p2.example.org;lr>, <sip:p3.example.org;lr>";
    expect(field(response, "Path")).toBe(path);
    expect(house.bound()[0].path).toBe(path);
  });

  it("RFC 3608: tells the Service-Route that is configured", () => {
    const house = new House({ serviceRoute: octets("<sip:edge.example.org;lr>") });
    expect(field(house.register({ contact: PHONE }), "Service-Route")).toBe("<sip:edge.example.org;lr>");
  });

  it("answers OPTIONS, and 405 with Allow to what it does not have", () => {
    const house = new House();
    const other = (method: string): string =>
      house.receive(house.request().replaceAll("REGISTER", method))[0]?.text ?? "";
    expect(status(other("OPTIONS"))).toBe(200);
    expect([status(other("INVITE")), field(other("MESSAGE"), "Allow")]).toEqual([405, "REGISTER, OPTIONS"]);
  });
});

describe("authentication at the registrar, RFC 3261 §22 and RFC 7616", () => {
  it("gives an unknown user the answer that a wrong password gets", () => {
    const shape = (response: string): string => response.replace(/[0-9a-f]{16,}/g, "#").replace(/z9hG4bK\d+/, "b");
    const wrong = new House().register({ contact: PHONE, from: "<sip:x@y>" }, undefined, "guessed");
    const house = new House();
    const unknown = house.register({ contact: PHONE, user: "nobody", from: "<sip:x@y>" }, undefined, "guessed");
    expect(shape(unknown).replaceAll("nobody", "alice")).toBe(shape(wrong));
    expect(field(wrong, "WWW-Authenticate")).not.toContain("stale");
    expect(house.auth.counters).toMatchObject({ refused: 1, accepted: 0 });
  });

  it("takes a nonce as long as its count rises, and calls it stale when it does not", () => {
    const house = new House();
    const [challenge] = house.receive(house.request({ contact: PHONE }));
    const credentials = house.answerTo(challenge.text, "alice", "secretA");
    expect(house.receive(house.request({ contact: PHONE }, credentials))[0].line).toBe("SIP/2.0 200 OK");
    const [replayed] = house.receive(house.request({ contact: PHONE }, credentials));
    expect(replayed.line).toBe("SIP/2.0 401 Unauthorized");
    expect(field(replayed.text, "WWW-Authenticate")).toContain("stale=true");
    const next = house.again("alice", "secretA");
    expect(house.receive(house.request({ contact: PHONE }, next))[0].line).toBe("SIP/2.0 200 OK");
  });

  it("calls a nonce stale when its time is over, when it is another server's, and when the table has a younger one in its place", () => {
    const house = new House({}, { nonces: 1, nonceMs: 60_000 });
    const stale = (credentials: string): boolean =>
      field(house.receive(house.request({ contact: PHONE }, credentials))[0].text, "WWW-Authenticate").includes(
        "stale=true",
      );
    const challenge = (): string => house.receive(house.request({ contact: PHONE }))[0].text;
    const old = house.answerTo(challenge(), "alice", "secretA");
    house.register({ user: "bob", contact: PHONE });
    expect(stale(old)).toBe(true);
    const late = house.answerTo(challenge(), "alice", "secretA");
    house.pass(60_000);
    expect(stale(late)).toBe(true);
    const foreign = challenge().replace(/nonce="[0-9a-f]{4}/, 'nonce="ffff');
    expect(stale(house.answerTo(foreign, "alice", "secretA"))).toBe(true);
  });

  it("lets a wrong password never be called stale", () => {
    const house = new House({}, { nonceMs: 1000 });
    const [challenge] = house.receive(house.request({ contact: PHONE }));
    house.pass(2000);
    const credentials = house.answerTo(challenge.text, "alice", "guessed");
    const [answer] = house.receive(house.request({ contact: PHONE }, credentials));
    expect(field(answer.text, "WWW-Authenticate")).not.toContain("stale");
  });

  it("offers the algorithms that are configured, in that order, with one nonce", () => {
    const house = new House({}, { algorithms: [ALGORITHM_SHA256, ALGORITHM_MD5] });
    const [challenge] = house.receive(house.request({ contact: PHONE }));
    const offers = fields(challenge.text, "WWW-Authenticate");
    expect(offers.map((offer) => /algorithm=([^,]+)/.exec(offer)?.[1])).toEqual(["SHA-256", "MD5"]);
    expect(new Set(offers.map((offer) => /nonce="([^"]+)"/.exec(offer)?.[1])).size).toBe(1);
    expect(status(house.register({ contact: PHONE }))).toBe(200);
  });

  it("refuses an algorithm that was not offered", () => {
    const house = new House({}, { algorithms: [ALGORITHM_SHA256] });
    const [challenge] = house.receive(house.request({ contact: PHONE }));
    const credentials = house.answerTo(challenge.text.replace("SHA-256", "MD5"), "alice", "secretA");
    expect(house.receive(house.request({ contact: PHONE }, credentials))[0].line).toBe("SIP/2.0 401 Unauthorized");
  });

  it("wants the digest's uri to be the request's where that is asked for", () => {
    for (const isStrict of [true, false]) {
      const house = new House({}, { isStrict });
      const [challenge] = house.receive(house.request({ contact: PHONE }));
      const credentials = house.answerTo(challenge.text, "alice", "secretA", "sip:other.org");
      const [answer] = house.receive(house.request({ contact: PHONE }, credentials));
      expect(status(answer.text)).toBe(isStrict ? 401 : 200);
    }
  });

  it("sends one packet for each request of a stranger, whatever is in it", () => {
    const house = new House();
    for (const extra of [
      "Authorization: Digest\r\n",
      'Authorization: Digest realm="example.org"\r\n',
      "Authorization: Basic x\r\n",
    ])
      expect(house.receive(house.request({ contact: PHONE, extra }))).toHaveLength(1);
    expect(house.bound()).toEqual([]);
  });
});

/** A store that answers when it is told to. */
class SlowStore implements LocationStore {
  waiting: (() => void)[] = [];
  fails = false;
  updates = 0;
  /** Answers LOCATION_CONFLICT this many times. */
  conflicts = 0;
  private readonly memory: MemoryLocation;

  constructor(memory: MemoryLocation) {
    this.memory = memory;
  }

  findBindings(aor: Span, user: LocationUser, token: number): boolean {
    const name = octets(aor.toString());
    const copy = aor.bytes.slice(aor.start, aor.end);
    const span = Object.assign(Object.create(Object.getPrototypeOf(aor)), aor) as Span;
    span.set(copy, 0, name.length);
    this.waiting.push(() => {
      if (this.fails) user.onBindings(token, LOCATION_AWAY, new Bindings());
      else this.memory.findBindings(span, user, token);
    });
    return false;
  }

  replaceBindings(aor: Span, list: Bindings, user: LocationUser, token: number): boolean {
    this.updates += 1;
    const result =
      this.conflicts-- > 0 ? LOCATION_CONFLICT : this.fails ? LOCATION_AWAY : this.memory.putRecord(aor, list);
    this.waiting.push(() => user.onUpdated(token, result));
    return false;
  }

  removeExpired(): void {}
  addWatcher(): void {}

  answer(): void {
    this.waiting.shift()?.();
  }
}

describe("a domain with a dot at its end", () => {
  it("is the same domain, and its users register the same address", () => {
    const h = new House();
    const parts = { to: "<sip:alice@Example.org.>", uri: "sip:example.org.", contact: "<sip:alice@10.0.0.2>" };
    expect(h.register(parts)).toContain("SIP/2.0 200");
    expect(h.bound().map(({ uri }) => uri)).toEqual(["sip:alice@10.0.0.2"]);
    expect(h.register({ ...parts, to: "<sip:bob@example.org.>" })).toContain("SIP/2.0 403");
  });
});

describe("a registrar whose store answers later", () => {
  function slow(conflicts = 0) {
    let store!: SlowStore;
    const house = new House({ jobs: 2 }, {}, (memory) => {
      store = new SlowStore(memory);
      store.conflicts = conflicts;
      return store;
    });
    const ask = (contact: string, user = "alice"): number => house.register({ user, contact }).length;
    return { house, store, ask };
  }

  it("answers when the change is kept, not before", () => {
    const { house, store, ask } = slow();
    expect(ask(PHONE)).toBe(0);
    store.answer();
    expect(house.network.take()).toEqual([]);
    store.answer();
    const [answer] = house.network.take();
    expect(answer.line).toBe("SIP/2.0 200 OK");
    expect(contactsOf(answer.text)).toEqual([PHONE + ";expires=3600"]);
    expect(house.registrar.waiting()).toBe(0);
  });

  it("keeps two requests apart that wait at once", () => {
    const { house, store, ask } = slow();
    ask("<sip:a@10.0.0.2>");
    ask("<sip:b@10.0.0.2>", "bob");
    for (let i = 0; i < 4; i++) store.answer();
    expect(house.network.take().map((sent) => contactsOf(sent.text)[0])).toEqual([
      "<sip:a@10.0.0.2>;expires=3600",
      "<sip:b@10.0.0.2>;expires=3600",
    ]);
    expect(house.bound("bob@example.org")).toMatchObject([{ uri: "sip:b@10.0.0.2" }]);
  });

  it("begins anew when somebody else changed the record in between, but not for ever", () => {
    const { house, store, ask } = slow(2);
    ask(PHONE);
    for (let i = 0; i < 6; i++) store.answer();
    expect(house.network.take()[0].line).toBe("SIP/2.0 200 OK");
    expect([store.updates, house.registrar.counters.conflicts]).toEqual([3, 2]);
    const never = slow(100);
    never.ask(PHONE);
    for (let i = 0; i < 50; i++) never.store.answer();
    expect(never.house.network.take()[0].line).toBe("SIP/2.0 503 Service Unavailable");
    expect(never.store.updates).toBe(5);
  });

  it("answers 503 with Retry-After while the store is away, and recovers", () => {
    const { house, store, ask } = slow();
    store.fails = true;
    ask(PHONE);
    store.answer();
    const [answer] = house.network.take();
    expect([status(answer.text), field(answer.text, "Retry-After")]).toEqual([503, "5"]);
    expect(house.registrar.counters.failed).toBe(1);
    store.fails = false;
    ask(PHONE);
    store.answer();
    store.answer();
    expect(house.network.take()[0].line).toBe("SIP/2.0 200 OK");
  });

  it("answers 503 when more wait than there is room for", () => {
    const { house, ask, store } = slow();
    ask("<sip:1@10.0.0.2>");
    ask("<sip:2@10.0.0.2>");
    expect(house.register({ contact: "<sip:3@10.0.0.2>" })).toMatch(/^SIP\/2.0 503/);
    for (let i = 0; i < 4; i++) store.answer();
    expect(house.network.take()).toHaveLength(2);
  });

  it("forgets a request whose time is over before the store answers", () => {
    const { house, store, ask } = slow();
    ask(PHONE);
    house.pass(33_000);
    store.answer();
    store.answer();
    expect(house.network.take().filter((sent) => sent.line.startsWith("SIP/2.0 200"))).toEqual([]);
    expect(house.registrar.waiting()).toBe(0);
  });
});
