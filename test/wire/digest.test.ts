import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NONE, octets, Span, text } from "../../src/core/bytes.js";
import type { RandomSource } from "../../src/core/random.js";
import { AUTH_DIGEST, AuthValue } from "../../src/wire/auth.js";
import {
  ALGORITHM_MD5,
  ALGORITHM_MD5_SESS,
  ALGORITHM_OTHER,
  ALGORITHM_SHA256,
  ALGORITHM_SHA256_SESS,
  algorithmOf,
  ClientAuth,
  Digest,
  HEX_MAX_BYTES,
  hexSize,
  quotedName,
  strengthOf,
} from "../../src/wire/digest.js";
import { Writer } from "../../src/wire/writer.js";

const ALGORITHMS = [
  ["MD5", ALGORITHM_MD5],
  ["MD5-sess", ALGORITHM_MD5_SESS],
  ["SHA-256", ALGORITHM_SHA256],
  ["SHA-256-sess", ALGORITHM_SHA256_SESS],
] as const;

class Counter implements RandomSource {
  private value = 0;
  uint32(): number {
    this.value += 1;
    return this.value;
  }
}

const digest = new Digest();
const INVITE = octets("INVITE");

function span(value: string): Span {
  const out = new Span();
  const bytes = octets(value);
  out.set(bytes, 0, bytes.length);
  return out;
}

function read(value: string, view = new AuthValue()): AuthValue {
  const bytes = octets(value);
  expect(view.parse(bytes, 0, bytes.length)).toBe(AUTH_DIGEST);
  return view;
}

function secretOf(algorithm: number, username: string, realm: string, password: string): Uint8Array {
  const out = new Uint8Array(HEX_MAX_BYTES);
  digest.writeSecret(algorithm, span(username), span(realm), octets(password), out);
  return out;
}

function verify(value: string, algorithm: number, password: string, method: string): boolean {
  const view = read(value);
  const secret = secretOf(algorithm, String(view.username), String(view.realm), password);
  return digest.verify(view, algorithm, secret, span(method));
}

/** A second implementation of RFC 7616 §3.4.1, on strings and the hashes of another library. */
function expected(name: string, password: string, method: string, p: AuthValue): string {
  const h = (value: string): string =>
    createHash(name.startsWith("SHA") ? "sha256" : "md5")
      .update(value)
      .digest("hex");
  let a1 = h(`${p.username}:${p.realm}:${password}`);
  if (name.endsWith("-sess")) a1 = h(`${a1}:${p.nonce}:${p.cnonce}`);
  const a2 = h(`${method}:${p.uri}`);
  const middle = p.qop.size() > 0 ? `:${p.nc}:${p.cnonce}:${p.qop}` : "";
  return h(`${a1}:${p.nonce}${middle}:${a2}`);
}

/** RFC 2617 §3.5 */
const RFC_2617 =
  'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", ' +
  'qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"';

/** RFC 7616 §3.9.1 */
const rfc7616 = (algorithm: string, response: string): string =>
  'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ' +
  `algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
  'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ' +
  `response="${response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`;
const RFC_7616_MD5 = rfc7616("MD5", "8ca523f5e9506fed4657c9700eebdbec");
const RFC_7616_SHA256 = rfc7616("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");

describe("verifying", () => {
  it.each([
    ["RFC 2617 §3.5", RFC_2617, ALGORITHM_MD5, "Circle Of Life"],
    ["RFC 7616 §3.9.1 with MD5", RFC_7616_MD5, ALGORITHM_MD5, "Circle of Life"],
    ["RFC 7616 §3.9.1 with SHA-256", RFC_7616_SHA256, ALGORITHM_SHA256, "Circle of Life"],
  ])("accepts %s, and neither another password nor another method", (_, value, algorithm, password) => {
    expect(verify(value, algorithm, password, "GET")).toBe(true);
    expect(verify(value, algorithm, password.toLowerCase(), "GET")).toBe(false);
    expect(verify(value, algorithm, password, "PUT")).toBe(false);
  });

  it.each([
    ["uri", '"/dir/index.html"', '"/dir/index.htm"'],
    ["nonce", "7ypf", "7ypg"],
    ["cnonce", "f2/w", "f2/v"],
    ["count", "00000001", "00000002"],
    ["first digit", '"7539', '"6539'],
    ["last digit", '6c1"', '6c2"'],
    ["response's length", '6c1"', '6c"'],
    ["response", 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"', 'response=""'],
    ["qop", "qop=auth", "qop=auth-int"],
    ["qop, which is gone,", "qop=auth, ", ""],
    ["count, which is gone,", "nc=00000001, ", ""],
    ["cnonce, which is gone,", 'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ', ""],
    ["uri, which is gone,", 'uri="/dir/index.html", ', ""],
    ["algorithm", "algorithm=SHA-256", "algorithm=SHA-512"],
    ["algorithm, which is gone,", "algorithm=SHA-256, ", ""],
  ])("refuses another %s", (_, from, to) => {
    expect(RFC_7616_SHA256).toContain(from);
    expect(verify(RFC_7616_SHA256.replace(from, to), ALGORITHM_SHA256, "Circle of Life", "GET")).toBe(false);
  });

  it("refuses a weaker algorithm than the secret was made for", () => {
    expect(verify(RFC_7616_MD5, ALGORITHM_SHA256, "Circle of Life", "GET")).toBe(false);
  });

  it("takes a secret that was kept in place of the password", () => {
    const kept = createHash("md5").update("Mufasa:testrealm@host.com:Circle Of Life").digest("hex");
    expect(digest.verify(read(RFC_2617), ALGORITHM_MD5, octets(kept), span("GET"))).toBe(true);
  });

  it.each(["0000000g", "1", "000000001"])("refuses the count %s, whatever the response", (nc) => {
    const value = `Digest username="u", realm="r", nonce="n", uri="sip:h", qop=auth, cnonce="c", nc=${nc}`;
    const view = new AuthValue();
    const bytes = octets(value);
    view.parse(bytes, 0, bytes.length);
    const response = octets(expected("MD5", "pw", "INVITE", view));
    view.response.set(response, 0, response.length);
    expect(digest.verify(view, ALGORITHM_MD5, secretOf(ALGORITHM_MD5, "u", "r", "pw"), span("INVITE"))).toBe(false);
  });

  it("refuses a session algorithm without cnonce", () => {
    const value = 'Digest username="u", realm="r", nonce="n", uri="sip:h", algorithm=MD5-sess, ';
    const view = read(`${value}cnonce="c", response="${"0".repeat(32)}"`);
    const right = expected("MD5-sess", "pw", "INVITE", view);
    expect(verify(`${value}cnonce="c", response="${right}"`, ALGORITHM_MD5_SESS, "pw", "INVITE")).toBe(true);
    const bare = expected("MD5-sess", "pw", "INVITE", read(`${value}response="${right}"`));
    expect(verify(`${value}response="${bare}"`, ALGORITHM_MD5_SESS, "pw", "INVITE")).toBe(false);
  });
});

describe("a challenge", () => {
  it.each([
    ["algorithm=SHA-256-sess", ALGORITHM_SHA256_SESS],
    ["algorithm=sha-256", ALGORITHM_SHA256],
    ['algorithm="MD5-SESS"', ALGORITHM_MD5_SESS],
    ["algorithm=MD5", ALGORITHM_MD5],
    ["opaque=x", ALGORITHM_MD5],
    ["algorithm=SHA-512-256", ALGORITHM_OTHER],
    ['qop="auth,auth-int"', ALGORITHM_MD5],
    ['qop="auth-int ,\r\n AUTH"', ALGORITHM_MD5],
    ['qop=""', ALGORITHM_MD5],
    ['qop="auth-int"', ALGORITHM_MD5],
    ['qop="auth-conf, auth-int"', ALGORITHM_MD5],
    ['qop="auth-conf"', ALGORITHM_OTHER],
    ['qop="authx"', ALGORITHM_OTHER],
  ])("with %s has the strength %i", (param, strength) => {
    expect(strengthOf(read(`Digest realm="r", nonce="n", ${param}`))).toBe(strength);
  });

  it.each(['Digest realm="r"', 'Digest nonce="n"', 'Digest realm="r", nonce=""'])("%j cannot be answered", (value) => {
    expect(strengthOf(read(value))).toBe(ALGORITHM_OTHER);
  });
});

describe("a client", () => {
  const buffer = new Uint8Array(2048);
  const writer = new Writer();

  function client(username = "door", password = "secret"): ClientAuth {
    const auth = new ClientAuth(new Counter(), digest);
    auth.setUser(quotedName(octets(username)) ?? NONE, octets(password));
    return auth;
  }

  function write(auth: ClientAuth, uri = "sip:example.com", method = INVITE): string | null {
    writer.begin(buffer, 0, buffer.length);
    const wrote = auth.writeCredentials(writer, method, span(uri));
    expect(writer.ok).toBe(true);
    if (!wrote) expect(writer.at).toBe(0);
    return wrote ? text(buffer, 0, writer.at) : null;
  }

  it("answers in one order, counting", () => {
    const auth = client();
    expect(auth.takeChallenge(read('Digest realm="r", nonce="n", opaque="o", qop="auth"'))).toBe(true);
    const h = (value: string): string => createHash("md5").update(value).digest("hex");
    const response = h(`${h("door:r:secret")}:n:00000001:0000000100000002:auth:${h("INVITE:sip:example.com")}`);
    expect(write(auth)).toBe(
      `Digest username="door", realm="r", nonce="n", uri="sip:example.com", response="${response}", algorithm=MD5, ` +
        'cnonce="0000000100000002", opaque="o", qop=auth, nc=00000001',
    );
    expect(write(auth)).toContain("nc=00000002");
  });

  it.each([
    ["md5", "MD5", 32],
    ["sha256", "SHA-256", 64],
  ] as const)("leaves the response of auth-int by %s open until the body is there", (hash, algorithm, size) => {
    const auth = client();
    expect(auth.takeChallenge(read(`Digest realm="r", nonce="n", qop="auth-int", algorithm=${algorithm}`))).toBe(true);
    const line = `Authorization: ${write(auth)}\r\n`;
    expect(line).toMatch(new RegExp(`response="0{${size}}".*qop=auth-int, nc=00000001`));
    expect(auth.isOpen).toBe(true);
    for (const body of ["v=0\r\n", ""]) {
      write(auth);
      const value = text(buffer, 0, writer.at);
      const whole = octets(value + body);
      auth.seal(whole, writer.at, whole.length, span("INVITE"), span("sip:example.com"));
      expect(auth.isOpen).toBe(false);
      const sealed = read(text(whole, 0, writer.at));
      const h = (of: string): string => createHash(hash).update(of).digest("hex");
      const [nc, cnonce] = [sealed.nc.toString(), sealed.cnonce.toString()];
      const a2 = h(`INVITE:sip:example.com:${h(body)}`);
      expect(sealed.response.toString()).toBe(h(`${h("door:r:secret")}:n:${nc}:${cnonce}:auth-int:${a2}`));
    }
    // The message was shortened, or never sent.
    write(auth);
    const short = new Uint8Array(buffer.length).fill(0x2e);
    auth.seal(short, 40, 40, span("INVITE"), span("sip:example.com"));
    expect(short.every((octet) => octet === 0x2e)).toBe(true);
    write(auth);
    auth.abandon();
    expect(auth.isOpen).toBe(false);
  });

  it("answers without qop by RFC 2069's formula, and says nothing of it", () => {
    const auth = client();
    auth.takeChallenge(read('Digest realm="r", nonce="n"'));
    const value = write(auth) ?? "";
    expect(value).not.toMatch(/qop|cnonce|nc=|opaque/);
    expect(verify(value, ALGORITHM_MD5, "secret", "INVITE")).toBe(true);
  });

  it("sends an empty opaque back", () => {
    const auth = client();
    auth.takeChallenge(read('Digest realm="r", nonce="n", opaque=""'));
    expect(write(auth)).toContain(', opaque=""');
  });

  it("counts on for the same nonce, and begins anew with a new cnonce for another", () => {
    const auth = client();
    auth.takeChallenge(read('Digest realm="r", nonce="n", qop="auth"'));
    const first = read(write(auth) ?? "");
    auth.takeChallenge(read('Digest realm="r", nonce="n", qop="auth"'));
    const second = read(write(auth) ?? "");
    auth.takeChallenge(read('Digest realm="r", nonce="m", qop="auth"'));
    const third = read(write(auth) ?? "");
    expect([first.count(), second.count(), third.count()]).toEqual([1, 2, 1]);
    expect(second.cnonce.equals(first.cnonce)).toBe(true);
    expect(third.cnonce.equals(first.cnonce)).toBe(false);
  });

  it("never counts the same nonce twice, not even when it was forgotten", () => {
    const auth = client();
    auth.takeChallenge(read('Digest realm="r", nonce="n", qop="auth"'));
    write(auth);
    auth.forget();
    auth.takeChallenge(read('Digest realm="r", nonce="n", qop="auth"'));
    expect(read(write(auth) ?? "").count()).toBe(2);
  });

  it("keeps what it took when the octets of the challenge are gone", () => {
    const auth = client();
    const bytes = octets('Digest realm="r", nonce="n", opaque="o", qop="auth"');
    const view = new AuthValue();
    view.parse(bytes, 0, bytes.length);
    auth.takeChallenge(view);
    bytes.fill(0x78);
    expect(write(auth)).toContain('realm="r", nonce="n"');
  });

  it("unfolds what was folded, and its response is for that", () => {
    const auth = client();
    expect(auth.takeChallenge(read('Digest realm="my\r\n  realm", nonce="n", qop="auth"'))).toBe(true);
    const value = write(auth) ?? "";
    expect(value).toContain('realm="my realm"');
    expect(verify(value, ALGORITHM_MD5, "secret", "INVITE")).toBe(true);
  });

  it.each([
    'Digest realm="r", nonce="n", algorithm=SHA-512-256',
    'Digest realm="r", nonce="n", qop="auth-conf"',
    'Digest realm="r\\\u0001", nonce="n"',
    'Digest realm="r", nonce="n", opaque="\\\u0000"',
    'Digest realm="r"',
  ])("refuses %j, and what it had before is forgotten", (value) => {
    const auth = client();
    auth.takeChallenge(read('Digest realm="r", nonce="n"'));
    expect(auth.takeChallenge(read(value))).toBe(false);
    expect(auth.isReady).toBe(false);
    expect(write(auth)).toBe(null);
  });

  it("writes nothing before a challenge, after `forget`, and for a URI that would break out of its quotes", () => {
    const auth = client();
    expect(write(auth)).toBe(null);
    auth.takeChallenge(read('Digest realm="r", nonce="n", qop="auth"'));
    expect(write(auth, 'sip:a"@h')).toBe(null);
    expect(write(auth, "sip:a@h\\")).toBe(null);
    expect(write(auth, "sip:a@h\r\nX:")).toBe(null);
    expect(write(auth)).toContain("nc=00000001");
    auth.forget();
    expect(write(auth)).toBe(null);
  });

  it("refuses a user name that cannot be sent", () => {
    const auth = new ClientAuth(new Counter(), digest);
    for (const name of ["a\r\nb", "a\0", "x".repeat(300)]) {
      expect(quotedName(octets(name))).toBe(null);
      auth.setUser(NONE, octets("pw"));
      expect(auth.takeChallenge(read('Digest realm="r", nonce="n"'))).toBe(false);
    }
  });

  it("says so when the message has no room", () => {
    const auth = client();
    auth.takeChallenge(read('Digest realm="r", nonce="n"'));
    writer.begin(buffer, 0, 60);
    auth.writeCredentials(writer, INVITE, span("sip:h"));
    expect(writer.ok).toBe(false);
  });

  it.each(ALGORITHMS)("agrees with another implementation and with the server's side: %s", (name, algorithm) => {
    const plain = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(..."ab:'\"\\, =\u00e9\u30c9") });
    const quoted = (value: string): string => value.replace(/["\\]/g, "\\$&");
    fc.assert(
      fc.property(plain, plain, plain, plain, fc.boolean(), (username, realm, nonce, password, hasQop) => {
        const auth = client(username, password);
        const qop = hasQop ? ', qop="auth-int, auth"' : "";
        const challenge = `Digest realm="${quoted(realm)}", nonce="${quoted(nonce)}", algorithm=${name}${qop}`;
        expect(auth.takeChallenge(read(challenge))).toBe(true);
        const value = write(auth) ?? "";
        const view = read(value);
        expect(algorithmOf(view)).toBe(algorithm);
        expect(view.response.size()).toBe(hexSize(algorithm));
        expect(String(view.username)).toBe(quoted(username));
        expect(String(view.response)).toBe(expected(name, password, "INVITE", view));
        expect(verify(value, algorithm, password, "INVITE")).toBe(true);
        expect(verify(value, algorithm, `${password}x`, "INVITE")).toBe(false);
      }),
      { seed: 3, numRuns: 150 },
    );
  });
});
