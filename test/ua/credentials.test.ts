import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, Span, text } from "../../src/core/bytes.js";
import { DOOR_LIMITS } from "../../src/core/limits.js";
import { Timers } from "../../src/core/timers.js";
import { Dialog } from "../../src/dialog/dialog.js";
import type { ClientTransaction } from "../../src/transaction/client.js";
import { NO_USER } from "../../src/transaction/client.js";
import { TransactionLayer } from "../../src/transaction/layer.js";
import type { AccountSettings } from "../../src/ua/account.js";
import { type Asker, Credentials } from "../../src/ua/credentials.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import {
  METHOD_ACK,
  METHOD_BYE,
  METHOD_INVITE,
  METHOD_REFER,
  METHOD_REGISTER,
  TRANSPORT_UDP,
} from "../../src/wire/names.js";
import { Uri } from "../../src/wire/uri.js";
import { Writer } from "../../src/wire/writer.js";

const SETTINGS: AccountSettings = {
  user: "door",
  authUser: "",
  password: "secret",
  realm: "",
  displayName: "",
  domain: "example.com",
  proxy: "",
  register: true,
  expiresS: 600,
  transport: TRANSPORT_UDP,
};

const SERVER = ipv4("192.0.2.10");
const STRANGER = ipv4("198.51.100.66");

const random = { uint32: () => 7 };
const credentials = new Credentials(random);
const message = new Message(32);

function configure(changes: Partial<AccountSettings>): void {
  credentials.configure({ ...SETTINGS, ...changes });
}

/** A response with the challenges, "WWW" or "Proxy" before each. */
function response(status: number, ...challenges: string[]): Message {
  const lines = challenges.map((challenge) => challenge.replace(" ", "-Authenticate: ")).join("\r\n");
  const bytes = octets(
    `SIP/2.0 ${status} No\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n` +
      `Call-ID: c\r\nCSeq: 1 INVITE\r\n${lines}\r\nContent-Length: 0\r\n\r\n`,
  );
  expect(message.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
  return message;
}

const network = {
  sendDatagram: () => true,
  sendStream: () => -1,
  closeStream: () => {},
  resolve: () => {},
};
const above = {
  onRequest: () => {},
  onAck: () => {},
  onCancel: () => {},
  onAckTimeout: () => {},
};

const asker: Asker = { onResponse: () => {}, onFailure: () => {}, onTerminated: () => {} };

/** A request on its way to the server. */
function request(method = METHOD_INVITE, user = asker, ip = SERVER): ClientTransaction {
  const layer = new TransactionLayer(new Timers(64), random, network, above, DOOR_LIMITS);
  const t = layer.client(user);
  if (t === null) throw new Error("no transaction");
  t.method = method;
  t.target.set(TRANSPORT_UDP, ip, 5060, -1);
  return t;
}

/** Its next hop is that URI, found at that address. */
function aim(t: ClientTransaction, hop: string, ip: number): void {
  const bytes = octets(hop);
  const parsed = new Uri();
  expect(parsed.parse(bytes, 0, bytes.length)).toBe(true);
  const layer = new TransactionLayer(new Timers(64), random, network, above, DOOR_LIMITS);
  layer.transport.aim(t.target, parsed, TRANSPORT_UDP);
  t.target.ip = ip;
}

function takeAll(m: Message, isSecond = false, t = request()): boolean {
  return credentials.take(t, m, isSecond);
}

function take(challenge: string, isSecond = false, t = request()): boolean {
  return takeAll(response(challenge.startsWith("Proxy") ? 407 : 401, challenge), isSecond, t);
}

const buffer = new Uint8Array(4096);
function written(t = request(), isAgain = true): string {
  const w = new Writer();
  const uri = octets("sip:bob@example.com");
  const span = new Span();
  span.set(uri, 0, uri.length);
  w.begin(buffer, 0, buffer.length);
  credentials.write(w, t, t.method, span, isAgain);
  expect(w.ok).toBe(true);
  return text(buffer, 0, w.at);
}

beforeEach(() => configure({}));

describe("a challenge", () => {
  it("is answered in the field of its kind, each a line", () => {
    expect(written()).toBe("");
    expect(take('WWW Digest realm="r", nonce="n1"')).toBe(true);
    expect(take('Proxy Digest realm="r", nonce="n2"')).toBe(true);
    expect(written()).toMatch(
      /^Authorization: Digest username="door", realm="r", nonce="n1", [^\r\n]*\r\nProxy-Authorization: Digest [^\r\n]*nonce="n2"[^\r\n]*\r\n$/,
    );
  });

  it("of a registrar serves every REGISTER and nothing else", () => {
    const register = () => request(METHOD_REGISTER);
    expect(take('WWW Digest realm="r", nonce="n"', false, register())).toBe(true);
    for (const isAgain of [true, false]) {
      for (let method = METHOD_ACK; method <= METHOD_REFER; method++)
        if (method !== METHOD_REGISTER) expect(written(request(method), isAgain)).toBe("");
      expect(written(register(), isAgain)).toMatch(/^Authorization: [^\r\n]*nonce="n"[^\r\n]*\r\n$/);
    }
  });

  it("of anybody to another request serves that request when it is sent again, once", () => {
    const other: Asker = { ...asker };
    expect(take('WWW Digest realm="r", nonce="n"')).toBe(true);
    expect(written(request(METHOD_REGISTER))).toBe("");
    expect(written(request(METHOD_INVITE, other))).toBe("");
    expect(written()).toMatch(/^Authorization: [^\r\n]*nonce="n"/);
    expect(written()).toBe("");
    // The request was never sent again, and another one of the same sender is no such request.
    expect(take('WWW Digest realm="r", nonce="m"')).toBe(true);
    expect(written(request(), false)).toBe("");
    expect(written()).toBe("");
  });

  it("of a proxy serves what goes to that proxy, whatever it is, and nobody else", () => {
    configure({ domain: "example.com", proxy: "proxy.example.com" });
    const proxy = request();
    aim(proxy, "sip:proxy.example.com", SERVER);
    expect(take('Proxy Digest realm="r", nonce="n"', false, proxy)).toBe(true);
    for (const method of [METHOD_REGISTER, METHOD_INVITE, METHOD_BYE]) {
      const named = request(method, { ...asker });
      aim(named, "sip:proxy.example.com", -1);
      expect(written(named, false)).toMatch(/^Proxy-Authorization: [^\r\n]*nonce="n"/);
      expect(written(request(method, { ...asker }, SERVER), false)).toMatch(/^Proxy-Authorization: /);
      expect(written(request(method, { ...asker }, SERVER + 1), false)).toBe("");
      const registrar = request(method);
      aim(registrar, "sip:example.com", SERVER);
      expect(written(registrar, false)).toBe("");
    }
  });

  it("is answered by the name for digest when there is one", () => {
    configure({ authUser: 'the "door"' });
    take('WWW Digest realm="r", nonce="n"');
    expect(written()).toContain('username="the \\"door\\""');
  });

  it.each([[{ password: "" }], [{ user: "" }], [{ user: "a\r\nX: y" }], [{ realm: "x".repeat(200) }]])(
    "is not answered with %j",
    (changes) => {
      configure(changes);
      expect(take('WWW Digest realm="r", nonce="n"')).toBe(false);
      expect(written()).toBe("");
    },
  );

  it("of a 401 is not one of a proxy, and the other way round", () => {
    expect(takeAll(response(401, 'Proxy Digest realm="r", nonce="n"'), false)).toBe(false);
    expect(takeAll(response(407, 'WWW Digest realm="r", nonce="n"'), false)).toBe(false);
    expect(takeAll(response(401), false)).toBe(false);
    expect(written()).toBe("");
  });

  it.each([
    [["MD5", "SHA-256", "MD5-sess"], "SHA-256"],
    [["SHA-256-sess", "SHA-256", "SHA-512-256"], "SHA-256-sess"],
    [["MD5", "MD5-sess"], "MD5-sess"],
  ])("of several (%j) is the strongest that is known, in one field or in many", (algorithms, best) => {
    const each = algorithms.map((a) => `Digest realm="r", nonce="${a}", algorithm=${a}, qop="auth"`);
    for (const fields of [[`WWW Basic realm="r", ${each.join(", ")}`], each.map((value) => `WWW ${value}`)]) {
      configure({});
      expect(takeAll(response(401, ...fields), false)).toBe(true);
      const line = written();
      expect(line).toContain(`nonce="${best}"`);
      expect(line).toContain(`algorithm=${best},`);
    }
  });

  it("of several as strong is the first", () => {
    const m = response(
      401,
      'WWW Digest realm="r", nonce="1", Digest realm="r", nonce="2"',
      'WWW Digest realm="r", nonce="3"',
    );
    expect(takeAll(m)).toBe(true);
    expect(written()).toContain('nonce="1"');
  });

  it.each([
    "NoOneKnowsThisScheme opaque-data=here",
    'Digest realm="r", nonce="n", qop="auth-conf"',
    'Digest realm="r", nonce="n", algorithm=AKAv1-MD5',
    `Digest realm="r", nonce="${"n".repeat(3000)}"`,
    'Digest realm="r", realm="r", nonce="n"',
    'Digest realm="r',
  ])("that cannot be answered (%s) is not", (challenge) => {
    expect(take(`WWW ${challenge}`)).toBe(false);
    expect(written()).toBe("");
  });
});

describe("the realm", () => {
  it("is the configured one, whatever escapes it is sent with", () => {
    configure({ realm: 'my "home"' });
    expect(take('WWW Digest realm="other", nonce="n"')).toBe(false);
    expect(take('WWW Digest realm="My \\"home\\"", nonce="n"')).toBe(false);
    expect(take('WWW Digest realm="\\my \\"home\\"", nonce="n"')).toBe(true);
    expect(written()).toContain('realm="\\my \\"home\\""');
  });

  it("is chosen before the strength", () => {
    configure({ realm: "mine" });
    const m = response(
      401,
      'WWW Digest realm="other", nonce="n", algorithm=SHA-256, Digest realm="mine", nonce="m", algorithm=MD5',
    );
    expect(takeAll(m)).toBe(true);
    expect(written()).toContain('realm="mine", nonce="m"');
  });

  it("is whatever the server names when none is configured: it may call itself otherwise one day", () => {
    expect(take('WWW Digest realm="one", nonce="n"')).toBe(true);
    expect(take('WWW Digest realm="two", nonce="n"')).toBe(true);
    expect(written()).toContain('realm="two"');
    configure({ realm: "one" });
    expect(take('WWW Digest realm="two", nonce="n"')).toBe(false);
    expect(take('WWW Digest realm="one", nonce="n"')).toBe(true);
  });

  it("of each proxy on the way is answered, two at once", () => {
    const both = 'Proxy Digest realm="one", nonce="n", Digest realm="two", nonce="m", algorithm=SHA-256';
    expect(take(both)).toBe(true);
    expect(written().match(/Proxy-Authorization: Digest/g)).toHaveLength(2);
    expect(written()).toMatch(/realm="one", nonce="n"/);
    expect(written()).toMatch(/realm="two", nonce="m"/);
    // One of them gets another nonce, and then a third takes the place of one.
    expect(take('Proxy Digest realm="one", nonce="n2", stale=true', true)).toBe(true);
    expect(written()).toMatch(/realm="one", nonce="n2"/);
    expect(take('Proxy Digest realm="three", nonce="x"')).toBe(true);
    expect(written().match(/Proxy-Authorization: Digest/g)).toHaveLength(2);
    expect(written()).toMatch(/realm="three", nonce="x"/);
  });

  it("that is asked for no more goes no longer along: a proxy that calls it otherwise now", () => {
    take('Proxy Digest realm="one", nonce="n"');
    const invite = request();
    expect(written(invite, false)).toContain('realm="one"');
    expect(take('Proxy Digest realm="two", nonce="m"', false, invite)).toBe(true);
    expect(written()).not.toContain('realm="one"');
    expect(written()).toContain('realm="two"');
  });

  it("of two proxies that ask one after the other is answered for both", () => {
    const first = request();
    take('Proxy Digest realm="one", nonce="n"', false, first);
    const second = request();
    expect(written(second)).toContain('realm="one"');
    expect(take('Proxy Digest realm="two", nonce="m"', true, second)).toBe(true);
    expect(written().match(/Proxy-Authorization: Digest/g)).toHaveLength(2);
  });

  it("counts for the address it is of: the same name at two servers is two realms", () => {
    const there = () => request(METHOD_INVITE, asker, SERVER + 1);
    take('Proxy Digest realm="r", nonce="here"');
    take('Proxy Digest realm="r", nonce="there"', false, there());
    expect(written()).toContain('nonce="here"');
    expect(written(there())).toContain('nonce="there"');
  });

  it("of a server and of a proxy in one response, as a proxy gathers them, is answered for both", () => {
    for (const status of [401, 407]) {
      configure({});
      const m = response(status, 'WWW Digest realm="s", nonce="1"', 'Proxy Digest realm="p", nonce="2"');
      expect(takeAll(m)).toBe(true);
      expect(written()).toMatch(/^Authorization: .*realm="s".*\r\nProxy-Authorization: .*realm="p".*\r\n$/);
    }
  });

  it("is not learnt from a challenge that cannot be answered", () => {
    expect(take('WWW Digest realm="one", nonce="n", algorithm=X')).toBe(false);
    expect(take('WWW Digest realm="two", nonce="n"')).toBe(true);
  });
});

describe("a second challenge", () => {
  it("means a wrong password, unless only the nonce was stale", () => {
    take('WWW Digest realm="r", nonce="n"');
    expect(take('WWW Digest realm="r", nonce="m"', true)).toBe(false);
    expect(take('WWW Digest realm="r", nonce="m", stale=false', true)).toBe(false);
    expect(take('WWW Digest realm="r", nonce="m", stale=TRUE', true)).toBe(true);
    expect(written()).toContain('nonce="m"');
  });

  it("to another sender's request is the first to that", () => {
    const other = request(METHOD_INVITE, { ...asker });
    take('WWW Digest realm="r", nonce="n"');
    expect(take('WWW Digest realm="r", nonce="m"', true, other)).toBe(true);
    expect(take('WWW Digest realm="r", nonce="m"', true, other)).toBe(false);
  });

  it("of the other kind is the first of that kind", () => {
    take('Proxy Digest realm="r", nonce="n"');
    expect(take('WWW Digest realm="r", nonce="m"', true)).toBe(true);
    expect(take('WWW Digest realm="r", nonce="m"', true)).toBe(false);
  });

  it("to a request of its own may come any time: its nonce ran out", () => {
    take('WWW Digest realm="r", nonce="n"');
    expect(take('WWW Digest realm="r", nonce="m"')).toBe(true);
  });
});

describe("after a refusal", () => {
  it("nothing is written until the next challenge", () => {
    take('WWW Digest realm="r", nonce="n"');
    take('Proxy Digest realm="r", nonce="n"');
    credentials.forget();
    expect(written()).toBe("");
    expect(take('WWW Digest realm="r", nonce="n"')).toBe(true);
    expect(written()).toMatch(/^Authorization: /);
  });
});

describe("the configured server", () => {
  /** A request whose next hop is that URI, found at that address. */
  function hop(uri: string, ip: number): ClientTransaction {
    const layer = new TransactionLayer(new Timers(64), random, network, above, DOOR_LIMITS);
    const t = layer.client(NO_USER);
    if (t === null) throw new Error("no transaction");
    const bytes = octets(uri);
    const parsed = new Uri();
    expect(parsed.parse(bytes, 0, bytes.length)).toBe(true);
    layer.transport.aim(t.target, parsed, TRANSPORT_UDP);
    if (t.target.nameSize > 0) t.target.ip = ip;
    return t;
  }

  function draft(target: string): Dialog {
    const dialog = new Dialog(1024);
    const bytes = octets(target);
    const span = new Span();
    span.set(bytes, 0, bytes.length);
    expect(dialog.draft(random, octets("<sip:door@example.com>"), octets(""), span, octets(""))).toBe(true);
    return dialog;
  }

  const bob = draft("sip:bob@example.com");

  it.each([
    ["example.com", "sip:bob@Example.COM", true],
    ["example.com", "sip:bob@example.com:5060", true],
    ["Example.com:5060", "sip:bob@example.com", true],
    ["example.com", "sip:bob@example.com:5070", false],
    ["example.com:5070", "sip:bob@example.com:5070", true],
    ["example.com:5070", "sip:bob@example.com", false],
    ["example.com", "sip:bob@example.com.evil.org", false],
    ["example.com", "sip:bob@ample.com", false],
    ["example.com", "sip:bob@example.com;maddr=evil.org", false],
    ["", "sip:bob@example.com", false],
    ["not a host", "sip:bob@example.com", false],
  ])("at domain %j is where %s goes: %s", (domain, uri, expected) => {
    configure({ domain });
    expect(credentials.trusts(hop(uri, SERVER), bob, false)).toBe(expected);
    expect(credentials.isServer(SERVER)).toBe(expected);
  });

  it.each([
    ["proxy.example.com", "sip:proxy.example.com"],
    ["sip:proxy.example.com:5070;lr", "sip:proxy.example.com:5070;lr"],
    ["SIP:192.0.2.10;lr", "sip:192.0.2.10;lr"],
  ])("by proxy %s is the proxy for requests that go by it", (proxy, uri) => {
    configure({ proxy });
    expect(credentials.trusts(hop(uri, SERVER), bob, true)).toBe(true);
    expect(credentials.trusts(hop("sip:bob@other.example", STRANGER), bob, true)).toBe(false);
    expect(credentials.isServer(SERVER)).toBe(true);
    expect(credentials.isServer(STRANGER)).toBe(false);
  });

  it("is not whoever challenges a request in a dialog: the other side's Contact is not the server", () => {
    configure({ proxy: "proxy.example.com" });
    const bye = hop("sip:bob@198.51.100.66", STRANGER);
    expect(credentials.trusts(bye, bob, true)).toBe(false);
    configure({});
    expect(credentials.trusts(bye, bob, false)).toBe(false);
    expect(credentials.isServer(STRANGER)).toBe(false);
  });

  it("is known by its address once it was found, for calls that came as well", () => {
    const bye = hop("sip:192.0.2.10:5066;lr", SERVER);
    expect(credentials.trusts(bye, null, false)).toBe(false);
    credentials.noteServer(SERVER);
    expect(credentials.trusts(bye, null, false)).toBe(true);
    configure({});
    expect(credentials.trusts(bye, null, false)).toBe(false);
  });

  it("is not learnt from a call that came, whose names are the caller's choice", () => {
    expect(credentials.trusts(hop("sip:example.com", STRANGER), null, false)).toBe(false);
    expect(credentials.isServer(STRANGER)).toBe(false);
  });

  it("may be configured as an address", () => {
    configure({ domain: "192.0.2.10:5070", proxy: "192.0.2.11" });
    expect(credentials.isServer(SERVER)).toBe(true);
    expect(credentials.isServer(SERVER + 1)).toBe(true);
    expect(credentials.isServer(SERVER + 2)).toBe(false);
    expect(credentials.isServer(-1)).toBe(false);
  });

  it("has the last four addresses it was found at", () => {
    credentials.noteServer(-1);
    for (let i = 0; i < 5; i++) {
      credentials.noteServer(SERVER + i);
      credentials.noteServer(SERVER + i);
    }
    const known = [0, 1, 2, 3, 4].map((i) => credentials.isServer(SERVER + i));
    expect(known).toEqual([false, true, true, true, true]);
    expect(credentials.isServer(-1)).toBe(false);
  });
});

describe("what keeps challenges from being answered is said in one line", () => {
  const CHALLENGE = 'WWW Digest realm="r", nonce="n"';

  it("when a value of theirs is longer than is kept", () => {
    for (const [name, most] of [
      ["realm", 128],
      ["nonce", 256],
      ["opaque", 128],
    ] as const) {
      const challenge = (size: number) => {
        const values = { realm: "r", nonce: "n", opaque: "o", [name]: "x".repeat(size) };
        return `WWW Digest ${Object.entries(values)
          .map(([key, value]) => `${key}="${value}"`)
          .join(", ")}`;
      };
      expect(take(challenge(most))).toBe(true);
      expect(credentials.problem).toBe("");
      expect(take(challenge(most + 1))).toBe(false);
      expect(credentials.problem).toContain(`${name} of ${most + 1} octets, ${most} at most`);
    }
  });

  it("unless another challenge can be", () => {
    const long = `WWW Digest realm="r", nonce="${"x".repeat(300)}", algorithm=SHA-256`;
    for (const order of [
      [long, CHALLENGE],
      [CHALLENGE, long],
    ]) {
      expect(takeAll(response(401, ...order))).toBe(true);
      expect(credentials.problem).toBe("");
    }
  });

  it("when a user or realm of the settings is too long in octets, and not in characters", () => {
    for (const key of ["authUser", "user", "realm"]) {
      configure({ [key]: "\u4e2d".repeat(128) });
      expect(take(CHALLENGE)).toBe(false);
      expect(credentials.problem).toContain(key === "realm" ? "sip.realm" : "sip.authUser");
      configure({});
      expect(take(CHALLENGE)).toBe(true);
      expect(credentials.problem).toBe("");
    }
  });
});
