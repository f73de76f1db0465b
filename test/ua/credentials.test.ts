import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, Span, text } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import { Dialog } from "../../src/dialog/dialog.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
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
let credentials: Credentials;
const message = new Message(32);

function configure(changes: Partial<AccountSettings>): void {
  credentials.configure({ ...SETTINGS, ...changes });
}

/** Makes a response with the challenges, "WWW" or "Proxy" before each. */
function response(status: number, ...challenges: string[]): Message {
  const lines = challenges.map((challenge) => challenge.replace(" ", "-Authenticate: ")).join("\r\n");
  const bytes = octets(
    `SIP/2.0 ${status} No\r\n${lines === "" ? "" : lines + "\r\n"}Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n` +
      "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
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

/** Makes a request on its way to the server. */
function request(method = METHOD_INVITE, user = asker, ip = SERVER): ClientTransaction {
  const layer = new TransactionLayer({ timers: new Timers(64), random, network, limits: DOOR_LIMITS }, above);
  const t = layer.client(user);
  if (t === null) throw new Error("no transaction");
  t.method = method;
  t.target.set(TRANSPORT_UDP, ip, 5060, -1);
  return t;
}

/** Aims at that URI as the next hop, found at that address. */
function aim(t: ClientTransaction, hop: string, ip: number): void {
  const bytes = octets(hop);
  const parsed = new Uri();
  expect(parsed.parse(bytes, 0, bytes.length)).toBe(true);
  const layer = new TransactionLayer({ timers: new Timers(64), random, network, limits: DOOR_LIMITS }, above);
  layer.transport.aim(t.target, parsed, TRANSPORT_UDP);
  t.target.ip = ip;
}

function takeAll(m: Message, isSecond = false, t = request()): boolean {
  return credentials.takeChallenge(t, m, isSecond);
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
  credentials.writeAnswer(w, t, t.method, span, isAgain);
  expect(w.ok).toBe(true);
  return text(buffer, 0, w.at);
}

beforeEach(() => {
  credentials = new Credentials(random);
  configure({});
});

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
    // The request was never sent again, and another one of the same sender is not that request.
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
    expect(take('Proxy Digest realm="one", nonce="n2", stale=true', true)).toBe(true);
    expect(written()).toMatch(/realm="one", nonce="n2"/);
  });

  it("may be empty, as some servers have it", () => {
    expect(take('WWW Digest realm="", nonce="n"')).toBe(true);
    expect(take('Proxy Digest realm="", nonce="n"')).toBe(true);
    expect(written().match(/realm=""/g)).toHaveLength(2);
  });

  it("of a proxy at an address is answered to nobody who is known by a name that is not the server's", () => {
    take('Proxy Digest realm="r", nonce="n"');
    expect(written()).toContain("Proxy-Authorization");
    for (const hop of ["sip:other.example.net", "sip:example.com:5070"]) {
      const named = request();
      aim(named, hop, SERVER);
      expect(written(named), hop).toBe("");
    }
  });

  it("of a third proxy takes the place of the one whose challenge was taken longest ago", () => {
    const realms = (): string[] => [...written().matchAll(/realm="(\w+)"/g)].map((found) => found[1]).sort();
    const taken: string[][] = [];
    for (const realm of ["one", "two", "three", "four", "three", "five", "five", "six"]) {
      expect(take(`Proxy Digest realm="${realm}", nonce="n"`)).toBe(true);
      taken.push(realms());
    }
    expect(taken).toEqual([
      ["one"],
      ["one", "two"],
      ["three", "two"],
      ["four", "three"],
      ["four", "three"],
      ["five", "three"],
      ["five", "three"],
      ["five", "six"],
    ]);
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

describe("the next nonce, which the server names in its answer to a REGISTER", () => {
  /** @returns the nonce that a REGISTER goes with after that answer */
  function next(...fields: string[]): string {
    configure({});
    take('WWW Digest realm="r", nonce="n"', false, request(METHOD_REGISTER));
    take('Proxy Digest realm="p", nonce="kept"');
    const lines = fields.map((field) => `Authentication-Info: ${field}\r\n`).join("");
    const bytes = octets(
      "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n" +
        `Call-ID: c\r\nCSeq: 1 REGISTER\r\n${lines}Content-Length: 0\r\n\r\n`,
    );
    expect(message.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
    credentials.noteNext(message);
    const sent = written(request(METHOD_REGISTER));
    expect(sent).toContain('Proxy-Authorization: Digest username="door", realm="p", nonce="kept"');
    return /^Authorization: .*?realm="r", nonce="([^"]*)"/.exec(sent)?.[1] ?? "";
  }

  it.each([
    ['nextnonce="m"'],
    ['NextNonce = "m"'],
    ['qop=auth, nextnonce="m"'],
    ['nextnonce="m", rspauth="x", nc=00000001'],
    ['nextnonce \t=\r\n "m"'],
    ['rspauth="nextnonce=", nextnonce="m"'],
  ])("is taken from %s", (field) => {
    expect(next(field)).toBe("m");
    expect(next('rspauth="x"', field)).toBe("m");
  });

  it.each([
    ["nextnonce=m"],
    ['nextnonce=m"'],
    ['nextnonce="'],
    ['nextnonce "m"'],
    ['nextnonce:"m"'],
    ['nextnonces="m"'],
    ['xnextnonce="m"'],
    ['nextnonc="m"'],
    ['rspauth="nextnonce=m"'],
    ['nextnonct="m"'],
    ['somethin1="m"'],
    ['nextnonce=m"x"'],
    ['nextnonce="x"m'],
    ["nextnonce"],
    ["nextnonce="],
    [""],
  ])("is none in %j", (field) => {
    expect(next(field)).toBe("n");
  });

  it("that is empty or too long is none, and the server is asked for another", () => {
    for (const nonce of ["", "m".repeat(300)]) {
      expect(next(`nextnonce="${nonce}"`)).toBe("");
      expect(credentials.isRegistrarKnown).toBe(false);
    }
  });

  it("of whom nothing was asked is nothing", () => {
    configure({});
    credentials.noteNext(response(401, 'WWW Digest realm="r", nonce="n"'));
    expect(written(request(METHOD_REGISTER))).toBe("");
  });
});

describe("a response over the body as well (auth-int)", () => {
  const md5 = (value: string): string => createHash("md5").update(value).digest("hex");

  /** Writes a request as it is sent, with the fields that `credentials` adds. */
  function sent(t: ClientTransaction, name: string, body: string, isCut = false): string {
    const w = new Writer();
    const uri = octets("sip:bob@example.com");
    const span = new Span();
    span.set(uri, 0, uri.length);
    w.begin(buffer, 0, buffer.length);
    w.put(octets(`${name} sip:bob@example.com SIP/2.0\r\nVia: x\r\n`));
    credentials.writeAnswer(w, t, t.method, span, true);
    if (!isCut) w.put(octets(`Content-Length: ${body.length}\r\n\r\n${body}`));
    expect(t.sealer).toBe(credentials);
    // The octets after the request are not its own.
    buffer.fill(0x78, w.at);
    credentials.onWritten(buffer, w.at);
    return text(buffer, 0, w.at);
  }

  function responseOf(name: string, realm: string, nonce: string, message: string, body: string): string {
    const cnonce = /cnonce="([^"]*)"/.exec(message)?.[1] ?? "";
    const count = /nc=([0-9a-f]{8})/.exec(message)?.[1] ?? "";
    const secret = md5(`door:${realm}:secret`);
    return md5(`${secret}:${nonce}:${count}:${cnonce}:auth-int:${md5(`${name}:sip:bob@example.com:${md5(body)}`)}`);
  }

  it.each([
    ["WWW", METHOD_REGISTER, "REGISTER"],
    ["WWW", METHOD_INVITE, "INVITE"],
    ["Proxy", METHOD_INVITE, "INVITE"],
    ["Proxy", METHOD_BYE, "BYE"],
  ])("to %s is right when the request is whole, and open until then (%d, %s)", (kind, method, name) => {
    for (const body of ["", "v=0\r\n\r\no=x\r\n"]) {
      configure({});
      const t = () => request(method);
      expect(take(`${kind} Digest realm="r", nonce="n", qop="auth-int"`, false, t())).toBe(true);
      const whole = sent(t(), name, body);
      expect(whole).toContain(`response="${responseOf(name, "r", "n", whole, body)}"`);
    }
  });

  it("is over nothing where the end of the fields is not there, and never over what it is itself in", () => {
    take('WWW Digest realm="r", nonce="n", qop="auth-int"');
    const whole = sent(request(), "INVITE", "", true);
    expect(whole).toContain(`response="${responseOf("INVITE", "r", "n", whole, "")}"`);
  });

  it("is asked to be filled in where one is open, and nowhere else", () => {
    const t = request();
    take('WWW Digest realm="r", nonce="n", qop="auth-int"');
    written(t);
    expect(t.sealer).toBe(credentials);
    // The challenge left open by a request that was never sent is gone: the next one has none.
    for (const [kind, method] of [
      ["WWW", METHOD_INVITE],
      ["WWW", METHOD_REGISTER],
      ["Proxy", METHOD_INVITE],
    ] as const) {
      configure({});
      take(`${kind} Digest realm="r", nonce="n", qop="auth-int"`, false, request(method));
      written(request(method));
      const next = request(METHOD_BYE, asker, SERVER + 1);
      written(next, false);
      expect(next.sealer).toBeNull();
    }
    configure({});
    take('WWW Digest realm="r", nonce="n", qop="auth"');
    const plain = request();
    written(plain);
    expect(plain.sealer).toBeNull();
    const bytes = octets("INVITE sip:x SIP/2.0\r\n\r\n");
    credentials.onWritten(bytes, bytes.length);
    expect(text(bytes, 0, bytes.length)).toBe("INVITE sip:x SIP/2.0\r\n\r\n");
  });
});

describe("after a refusal", () => {
  it("the next challenge is the first again, though it comes to the same request", () => {
    for (const challenge of ['WWW Digest realm="r", nonce="n"', 'Proxy Digest realm="r", nonce="n"']) {
      configure({});
      expect(take(challenge)).toBe(true);
      expect(take(challenge, true)).toBe(false);
      credentials.forget();
      expect(take(challenge, true)).toBe(true);
    }
  });

  it("of what went to a proxy in advance, the registrar's is kept", () => {
    take('WWW Digest realm="r", nonce="n"', false, request(METHOD_REGISTER));
    take('Proxy Digest realm="p", nonce="n"');
    take('Proxy Digest realm="q", nonce="n"');
    expect(credentials.isRegistrarKnown).toBe(true);
    credentials.forgetProxies();
    expect(written(request(METHOD_REGISTER))).toMatch(/^Authorization: [^\r\n]*\r\n$/);
    credentials.forget();
    expect(credentials.isRegistrarKnown).toBe(false);
  });

  it("nothing is written until the next challenge", () => {
    take('WWW Digest realm="r", nonce="n"');
    take('Proxy Digest realm="r", nonce="n"');
    credentials.forget();
    expect(written()).toBe("");
    expect(take('WWW Digest realm="r", nonce="n"')).toBe(true);
    expect(written()).toMatch(/^Authorization: /);
  });
});

describe("the second challenge to a request", () => {
  it("for another realm is answered: it asks for somebody else's password no more than the first did", () => {
    for (const kind of ["WWW", "Proxy"]) {
      configure({});
      expect(take(`${kind} Digest realm="one", nonce="n"`)).toBe(true);
      expect(take(`${kind} Digest realm="two", nonce="n"`, true)).toBe(true);
      expect(take(`${kind} Digest realm="two", nonce="n"`, true)).toBe(false);
    }
  });

  it("leaves along what another request went with", () => {
    take('Proxy Digest realm="one", nonce="n"');
    const [first, second] = [request(), request()];
    expect(written(first)).toContain('realm="one"');
    expect(take('Proxy Digest realm="two", nonce="m"', false, second)).toBe(true);
    expect(written()).toContain('realm="one"');
    expect(written()).toContain('realm="two"');
  });

  it("of several in one response takes each realm once, the strongest of each, two at most", () => {
    const each = [
      'Digest realm="one", nonce="weak"',
      'Digest realm="two", nonce="two"',
      'Digest realm="one", nonce="strong", algorithm=SHA-256',
      'Digest realm="three", nonce="three"',
    ];
    for (const challenges of [each.map((value) => `Proxy ${value}`), [`Proxy ${each.join(", ")}`]]) {
      configure({});
      expect(takeAll(response(407, ...challenges))).toBe(true);
      const sent = written();
      expect(sent.match(/Proxy-Authorization/g)).toHaveLength(2);
      expect(sent).toContain('nonce="strong"');
      expect(sent).toContain('nonce="two"');
    }
  });
});

describe("the configured server", () => {
  /** Makes a request whose next hop is that URI, found at that address. */
  function hop(uri: string, ip: number): ClientTransaction {
    const layer = new TransactionLayer({ timers: new Timers(64), random, network, limits: DOOR_LIMITS }, above);
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
    credentials.noteServer(SERVER, 5066);
    expect(credentials.trusts(bye, null, false)).toBe(true);
    configure({});
    expect(credentials.trusts(bye, null, false)).toBe(false);
  });

  it("is not another program at its address", () => {
    for (const proxy of ["192.0.2.10", "192.0.2.10:5066"]) {
      configure({ proxy });
      for (const port of [5060, 5066, 6000]) {
        const challenger = hop(`sip:192.0.2.10:${port}`, SERVER);
        expect(credentials.trusts(challenger, null, false), `${proxy} ${port}`).toBe(
          port === (proxy.endsWith("6") ? 5066 : 5060),
        );
      }
    }
    configure({});
    credentials.setRoute("192.0.2.10:5070");
    expect([5060, 5070].map((port) => credentials.trusts(hop(`sip:192.0.2.10:${port}`, SERVER), null, false))).toEqual([
      false,
      true,
    ]);
  });

  it("is not learnt from a call that came, whose names are the caller's choice", () => {
    expect(credentials.trusts(hop("sip:example.com", STRANGER), null, false)).toBe(false);
    expect(credentials.isServer(STRANGER)).toBe(false);
  });

  it("is where the registrar asked requests to go, at the address and port it was found at, and in every URI of its host", () => {
    configure({ domain: "example.com", proxy: "" });
    const uri = (value: string): Uri => {
      const parsed = new Uri();
      const bytes = octets(value);
      expect(parsed.parse(bytes, 0, bytes.length)).toBe(true);
      return parsed;
    };
    credentials.setRoute("192.0.2.77");
    expect(credentials.isServer(ipv4("192.0.2.77"))).toBe(true);
    credentials.setRoute("edge.example.net:5070");
    expect(credentials.isServer(ipv4("192.0.2.77"))).toBe(false);
    expect(credentials.trusts(hop("sip:edge.example.net:5070", SERVER), bob, false)).toBe(true);
    expect(credentials.isServer(SERVER)).toBe(true);
    expect(credentials.isServerHost(uri("sip:x@EXAMPLE.com"))).toBe(true);
    expect(credentials.isServerHost(uri("sip:x@192.0.2.10"))).toBe(true);
    expect(credentials.isServerHost(uri("sip:x@edge.example.net"))).toBe(false);
    credentials.noteServer(STRANGER);
    expect([credentials.isServerFlow(STRANGER, 5060), credentials.isServerFlow(STRANGER, 5070)]).toEqual([true, false]);
    credentials.noteServer(STRANGER, 5070);
    expect(credentials.isServerFlow(STRANGER, 5070)).toBe(true);
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

  it("and is not said of what can be answered, nor where there is nobody to answer for", () => {
    configure({ user: "" });
    expect(take(CHALLENGE)).toBe(false);
    expect(credentials.problem).toBe("");
    configure({ user: "", authUser: "x".repeat(300) });
    expect(take(CHALLENGE)).toBe(false);
    expect(credentials.problem).toContain("sip.authUser");
    configure({});
    expect([take(CHALLENGE), take(CHALLENGE, true), credentials.problem]).toEqual([true, false, ""]);
    configure({ realm: "x".repeat(128) });
    expect(take(CHALLENGE)).toBe(false);
    expect(take(`WWW Digest realm="${"x".repeat(128)}", nonce="n"`)).toBe(true);
    expect(credentials.problem).toBe("");
    configure({ realm: "x".repeat(129) });
    expect(take(CHALLENGE)).toBe(false);
    expect(credentials.problem).toBe("no challenge can be answered: sip.realm is over 128 octets");
    configure({ realm: "" });
    expect(take(`WWW Digest realm="r", nonce="${"n".repeat(257)}"`)).toBe(false);
    expect(credentials.problem).toBe(
      "the server's challenge is too long to be answered: nonce of 257 octets, 256 at most",
    );
    expect(take('WWW Digest realm="r", nonce="n", algorithm=X')).toBe(false);
    expect(credentials.problem).toBe("");
    configure({ user: "\u4e2d".repeat(128) });
    expect(take(CHALLENGE)).toBe(false);
    expect(credentials.problem).toMatch(
      /^no challenge can be answered: sip\.authUser \(or sip\.user\) is over 256 octets/,
    );
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
