/**
 * Tests credentials at the server: which are right, for whom, from where and how often, and what the answers give away.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { NONE, octets, text } from "../../src/core/bytes.js";
import { GUESS_EVERY_MS, GUESSES_BURST } from "../../src/core/guesses.js";
import { Timers } from "../../src/core/timers.js";
import {
  AUTHENTICATOR_DEFAULTS,
  Authenticator,
  type AuthenticatorOptions,
  CHECK_LOCKED,
  CHECK_NONE,
  CHECK_OK,
  CHECK_REFUSED,
  CHECK_STALE,
  Sender,
} from "../../src/server/authenticator.js";
import { Guard } from "../../src/server/guard.js";
import { UserTable } from "../../src/server/users.js";
import { USERNAME_MAX_BYTES } from "../../src/wire/auth.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256 } from "../../src/wire/digest.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import {
  HEADER_AUTHORIZATION,
  HEADER_PROXY_AUTHENTICATE,
  HEADER_PROXY_AUTHORIZATION,
  HEADER_WWW_AUTHENTICATE,
} from "../../src/wire/names.js";
import { Writer } from "../../src/wire/writer.js";
import { CountingRandom } from "../random.js";
import { part } from "../ua/digest.js";

const REALM = octets("example.org");
const OTHER_REALM = octets("example.com");
const PHONE = ipv4("10.0.0.2");
const STRANGER = ipv4("10.9.9.9");
const URI = "sip:example.org";
/** The function H() of each algorithm, by name. */
const H: Record<string, (value: string) => string> = {
  MD5: (value) => createHash("md5").update(value).digest("hex"),
  "SHA-256": (value) => createHash("sha256").update(value).digest("hex"),
};

/** The values that a phone, or an attacker in its place, puts into its credentials. */
interface Given {
  user?: string;
  password?: string;
  /** The user whose password the response is computed with. */
  secretOf?: string;
  uri?: string;
  count?: number;
  realm?: string;
  hasQop?: boolean;
  algorithm?: string;
}

/**
 * An authenticator with users alice (both hashes), bob (MD5 alone) and carol (SHA-256 alone). Each password is the name
 * and "!".
 */
class Gate {
  readonly timers = new Timers(1);
  readonly auth: Authenticator;
  readonly message = new Message(32);
  readonly sender = new Sender();
  readonly users = new UserTable(8, 64, [REALM, OTHER_REALM]);

  constructor(options: Partial<AuthenticatorOptions> | null = {}) {
    this.timers.nowMs = 1_000_000;
    for (const [name, hasMd5, hasSha] of [
      ["alice", true, true],
      ["bob", true, false],
      ["carol", false, true],
    ] as const)
      this.users.addUser(
        octets(name),
        REALM,
        hasMd5 ? hashOf("MD5", name) : NONE,
        hasSha ? hashOf("SHA-256", name) : NONE,
      );
    this.users.addUser(octets("alice"), OTHER_REALM, octets(H.MD5("alice:example.com:alice!")), NONE);
    this.auth =
      options === null
        ? new Authenticator(this.timers, new CountingRandom(), this.users)
        : new Authenticator(this.timers, new CountingRandom(), this.users, {
            ...AUTHENTICATOR_DEFAULTS,
            ...options,
          });
  }

  /** @returns the fields with the challenges */
  challenge(ip = PHONE, isStale = false, field = HEADER_WWW_AUTHENTICATE, realm = REALM): string {
    const w = new Writer();
    const out = new Uint8Array(1000);
    w.begin(out, 0, out.length);
    this.auth.writeChallenges(w, field, realm, isStale, ip);
    return text(out, 0, w.at);
  }

  request(lines: readonly string[], uri = URI): Message {
    const all = [`REGISTER ${uri} SIP/2.0`, ...lines, "Via: SIP/2.0/UDP h;branch=z9hG4bK1", "Call-ID: c"];
    all.push("CSeq: 1 REGISTER", "From: <sip:a@h>;tag=1", "To: <sip:a@h>", "Content-Length: 0", "", "");
    const bytes = octets(all.join("\r\n"));
    expect(this.message.parse(bytes, 0, bytes.length, false)).toBe(PARSE_OK);
    return this.message;
  }

  /** @returns CHECK_* */
  check(credentials: string | readonly string[], ip = PHONE, uri = URI): number {
    const lines = typeof credentials === "string" ? [credentials] : credentials;
    return this.auth.checkCredentials(this.request(lines, uri), HEADER_AUTHORIZATION, REALM, ip, this.sender);
  }

  /** Asks for a challenge and answers it. @returns CHECK_* */
  login(given: Given = {}, ip = PHONE): number {
    return this.check(answer(this.challenge(ip), given), ip);
  }

  wait(ms: number): void {
    this.timers.nowMs += ms;
  }
}

function hashOf(algorithm: string, name: string): Uint8Array {
  return octets(H[algorithm](`${name}:example.org:${name}!`));
}

/** @returns the field that answers the challenge */
function answer(challenge: string, given: Given = {}): string {
  const algorithm = given.algorithm ?? part(challenge, "algorithm").trim();
  const { user = "alice", uri = URI, count = 1, realm = "example.org", hasQop = true } = given;
  const { secretOf = user, password = secretOf + "!" } = given;
  const nonce = part(challenge, "nonce");
  const nc = count.toString(16).padStart(8, "0");
  const secret = H[algorithm](`${secretOf}:${realm}:${password}`);
  const middle = hasQop ? `${nonce}:${nc}:abc:auth` : nonce;
  const response = H[algorithm](`${secret}:${middle}:${H[algorithm](`REGISTER:${uri}`)}`);
  const rest = hasQop ? `, qop=auth, nc=${nc}, cnonce="abc"` : "";
  return (
    `Authorization: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", ` +
    `response="${response}", algorithm=${algorithm}${rest}`
  );
}

describe("a challenge", () => {
  test("says realm, nonce, algorithm and qop, in the field of its kind, and whether only the nonce was too old", () => {
    const gate = new Gate();
    const nonce = /nonce="([0-9a-f]{48})"/;
    const plain = 'WWW-Authenticate: Digest realm="example.org", nonce="#", algorithm=MD5, qop="auth"\r\n';
    expect(gate.challenge().replace(nonce, 'nonce="#"')).toBe(plain);
    expect(gate.challenge(PHONE, true).replace(nonce, 'nonce="#"')).toBe(plain.replace("\r\n", ", stale=true\r\n"));
    expect(gate.challenge(PHONE, false, HEADER_PROXY_AUTHENTICATE, OTHER_REALM).replace(nonce, 'nonce="#"')).toBe(
      plain.replace("WWW", "Proxy").replace("org", "com"),
    );
    expect(gate.auth.counters).toMatchObject({ challenged: 3, accepted: 0, refused: 0, stale: 0, locked: 0 });
  });

  test("of several algorithms has a field for each, in the order that was asked for, with one nonce", () => {
    const gate = new Gate({ algorithms: [ALGORITHM_SHA256, ALGORITHM_MD5] });
    const fields = gate.challenge().trimEnd().split("\r\n");
    expect(fields.map((field) => part(field, "algorithm"))).toEqual(["SHA-256", "MD5"]);
    expect(new Set(fields.map((field) => part(field, "nonce"))).size).toBe(1);
    expect(gate.auth.counters.challenged).toBe(1);
    for (const field of fields) expect(gate.check(answer(field))).toBe(field === fields[0] ? CHECK_OK : CHECK_STALE);
    const next = gate.challenge().split("\r\n");
    expect(part(next[0], "nonce")).not.toBe(part(fields[0], "nonce"));
    expect(gate.check(answer(next[1]))).toBe(CHECK_OK);
  });
});

describe("right credentials", () => {
  test("tell whose they are and where they stand, and are counted", () => {
    const gate = new Gate();
    const credentials = answer(gate.challenge());
    expect(gate.check(["Subject: x", credentials])).toBe(CHECK_OK);
    expect(gate.sender.name.toString()).toBe("alice");
    expect(gate.sender.row).toBe(gate.message.first(HEADER_AUTHORIZATION));
    expect(gate.auth.counters).toMatchObject({ accepted: 1, refused: 0, stale: 0, locked: 0 });
    expect(gate.login({ user: "bob" })).toBe(CHECK_OK);
    expect(gate.sender.name.toString()).toBe("bob");
  });

  test("are those of the field that is asked for, for the realm and an algorithm that was asked for", () => {
    const gate = new Gate();
    const credentials = answer(gate.challenge());
    expect(gate.check("Proxy-" + credentials)).toBe(CHECK_NONE);
    expect(gate.check([])).toBe(CHECK_NONE);
    expect(gate.check("Subject: x")).toBe(CHECK_NONE);
    expect(gate.check(answer(gate.challenge(), { realm: "example.com" }))).toBe(CHECK_NONE);
    expect(gate.check(answer(gate.challenge(), { algorithm: "SHA-256" }))).toBe(CHECK_NONE);
    expect(gate.check(credentials.replace("Digest", "Basic"))).toBe(CHECK_NONE);
    expect(gate.auth.counters).toMatchObject({ accepted: 0, refused: 0, stale: 0, locked: 0 });
    const m = gate.request(["Proxy-" + credentials]);
    expect(gate.auth.checkCredentials(m, HEADER_PROXY_AUTHORIZATION, REALM, PHONE, gate.sender)).toBe(CHECK_OK);
  });

  test("may have escapes in the name; a name that is too long is nobody's, and those behind it count", () => {
    const gate = new Gate();
    expect(gate.check(answer(gate.challenge()).replace('"alice"', '"al\\ice"'))).toBe(CHECK_OK);
    expect(gate.sender.name.toString()).toBe("alice");
    const long = answer(gate.challenge(), { user: "a".repeat(USERNAME_MAX_BYTES + 1) });
    expect(gate.check(long)).toBe(CHECK_NONE);
    expect(gate.check([long, answer(gate.challenge())])).toBe(CHECK_OK);
    expect(gate.check(answer(gate.challenge(), { user: "a".repeat(USERNAME_MAX_BYTES) }))).toBe(CHECK_REFUSED);
  });

  test("are right for a user of SHA-256, and never for another algorithm than the user has", () => {
    const both = { algorithms: [ALGORITHM_SHA256, ALGORITHM_MD5] };
    for (const [user, algorithm, result] of [
      ["alice", "SHA-256", CHECK_OK],
      ["alice", "MD5", CHECK_OK],
      ["bob", "SHA-256", CHECK_REFUSED],
      ["bob", "MD5", CHECK_OK],
      ["carol", "SHA-256", CHECK_OK],
      ["carol", "MD5", CHECK_REFUSED],
    ] as const)
      expect(new Gate(both).login({ user, algorithm }), user + " " + algorithm).toBe(result);
  });

  test("are of the users there are now", () => {
    const gate = new Gate();
    const others = new UserTable(2, 64, [REALM]);
    others.addUser(octets("dora"), REALM, hashOf("MD5", "dora"), NONE);
    gate.auth.setUsers(others);
    expect(gate.login()).toBe(CHECK_REFUSED);
    expect(gate.login({ user: "dora" })).toBe(CHECK_OK);
  });

  test.each([
    ["MD5 alone of the same password", "alice", REALM, "alice", "", true],
    ["SHA-256 alone of the same password", "alice", REALM, "", "alice", true],
    ["both of the same password", "alice", REALM, "alice", "alice", true],
    ["another MD5", "alice", REALM, "bob", "alice", false],
    ["another SHA-256", "alice", REALM, "alice", "bob", false],
    ["another name", "Alice", REALM, "alice", "alice", false],
    ["another realm", "alice", OTHER_REALM, "alice", "alice", false],
  ] as const)("stay the same user with %s: %s", (_words, user, realm, md5, sha256, isKept) => {
    const { users } = new Gate();
    const others = new UserTable(2, 64, [OTHER_REALM, REALM]);
    others.addUser(
      octets(user),
      realm,
      md5 === "" ? NONE : hashOf("MD5", md5),
      sha256 === "" ? NONE : hashOf("SHA-256", sha256),
    );
    expect(users.isKeptIn(others, 0)).toBe(isKept);
    // bob has only an MD5 and carol only a SHA-256: nothing shows that these are one user.
    const bob = new UserTable(1, 64, [REALM]);
    bob.addUser(octets("bob"), REALM, NONE, hashOf("SHA-256", "bob"));
    expect(users.isKeptIn(bob, 1)).toBe(false);
    const address = users.addressOf(3);
    expect(text(address, 0, address.length)).toBe("alice@example.com");
  });
});

describe("wrong credentials", () => {
  test("are refused and counted: another password, user, method, uri, realm or count than was reckoned with", () => {
    const gate = new Gate();
    expect(gate.login({ password: "guess" })).toBe(CHECK_REFUSED);
    expect(gate.login({ user: "nobody" })).toBe(CHECK_REFUSED);
    const right = answer(gate.challenge());
    for (const [from, to] of [
      ['uri="sip:example.org"', 'uri="sip:example.net"'],
      ["nc=00000001", "nc=00000002"],
      ['cnonce="abc"', 'cnonce="abd"'],
      ["auth,", "auth-int,"],
      [/response="./.exec(right)?.[0] ?? "", 'response="x'],
    ])
      expect(gate.check(right.replace(from, to)), to).toBe(CHECK_REFUSED);
    expect(gate.check(right.replace("REGISTER", "INVITE"))).toBe(CHECK_OK);
    expect(gate.auth.counters).toMatchObject({ accepted: 1, refused: 7, stale: 0 });
  });

  test("of somebody who is not there are wrong even when they are reckoned with the password of the one before", () => {
    const gate = new Gate({ algorithms: [ALGORITHM_SHA256, ALGORITHM_MD5] });
    for (const algorithm of ["MD5", "SHA-256"]) {
      expect(gate.login({ algorithm })).toBe(CHECK_OK);
      // Alice knows her own password, and claims to be another user.
      for (const user of ["nobody", "alice2", ""])
        expect(gate.login({ user, secretOf: "alice", algorithm }), user + algorithm).toBe(CHECK_REFUSED);
    }
    // Bob has no SHA-256 hash: the one of alice, who was checked before, is not taken for his.
    expect(gate.login({ algorithm: "SHA-256" })).toBe(CHECK_OK);
    expect(gate.login({ user: "bob", secretOf: "alice", algorithm: "SHA-256" })).toBe(CHECK_REFUSED);
    expect(gate.login({ user: "carol", secretOf: "alice", algorithm: "MD5" })).toBe(CHECK_REFUSED);
  });

  test("are told to the watcher with the time until the next try, in whole seconds, and counted by the guard that is given", () => {
    const guard = new Guard(new CountingRandom(), 8, []);
    const gate = new Gate({ guard });
    const told: string[] = [];
    gate.auth.watcher = {
      onWrongPassword: (name, realm, ip, _m, waitS) =>
        told.push([name, text(realm, 0, realm.length), ip, waitS].join(" ")),
    };
    expect(gate.auth.guard).toBe(guard);
    for (let i = 0; i < GUESSES_BURST; i++) {
      expect(gate.login({ password: "guess" })).toBe(CHECK_REFUSED);
      gate.wait(1);
    }
    expect(told.slice(-2)).toEqual([`alice example.org ${PHONE} 0`, `alice example.org ${PHONE} 800`]);
    expect(guard.countGuessing(gate.timers.nowMs)).toBe(1);
    // No try is left: nothing is checked, and everyone who shares the guard is told for how long.
    expect(gate.login()).toBe(CHECK_LOCKED);
    expect(told).toHaveLength(GUESSES_BURST);
    expect(gate.sender.waitS).toBe(800);
    expect(gate.auth.counters).toMatchObject({ accepted: 0, refused: GUESSES_BURST, locked: 1 });
    const w = new Writer();
    const out = new Uint8Array(100);
    w.begin(out, 0, out.length);
    gate.auth.writeRefusal(w, HEADER_WWW_AUTHENTICATE, gate.sender);
    expect(text(out, 0, w.at)).toBe("Retry-After: 800\r\n");
    const { reason } = gate.sender;
    expect(text(reason, 0, reason.length)).toBe("Too Many Wrong Passwords");
    const other = new Gate({ guard });
    other.timers.nowMs = gate.timers.nowMs;
    expect(other.login()).toBe(CHECK_LOCKED);
    gate.wait(GUESS_EVERY_MS - 100);
    expect(gate.login()).toBe(CHECK_LOCKED);
    expect(gate.sender.waitS).toBe(1);
    gate.wait(100);
    expect(gate.login()).toBe(CHECK_OK);
    expect(new Gate({ guard: null }).login()).toBe(CHECK_OK);
  });

  test("one less than all tries, with a right one in between, locks nobody", () => {
    const gate = new Gate();
    for (let i = 0; i < GUESSES_BURST - 1; i++) gate.login({ password: "guess" });
    expect(gate.login()).toBe(CHECK_OK);
    expect(gate.login({ password: "guess" })).toBe(CHECK_REFUSED);
    expect(gate.login()).toBe(CHECK_LOCKED);
  });
});

describe("a nonce", () => {
  test("is good for the address it was given to: from another no password is looked at, right or wrong", () => {
    const gate = new Gate();
    const right = answer(gate.challenge(PHONE));
    const wrong = answer(gate.challenge(PHONE), { password: "guess" });
    for (let i = 0; i < 50; i++)
      for (const credentials of [right, wrong]) expect(gate.check(credentials, STRANGER)).toBe(CHECK_STALE);
    for (const nonce of ["0".repeat(48), "", "f".repeat(48), "x"])
      expect(gate.check(right.replace(/nonce="[^"]*"/, `nonce="${nonce}"`)), nonce).toBe(CHECK_STALE);
    expect(gate.auth.counters).toMatchObject({ refused: 0, stale: 104 });
    expect(gate.check(right)).toBe(CHECK_OK);
  });

  test("is good for an hour: later the right password is told to be late, and a wrong one to be wrong, which counts", () => {
    const gate = new Gate(null);
    const old = [answer(gate.challenge()), answer(gate.challenge()), answer(gate.challenge(), { password: "guess" })];
    gate.wait(3_599_999);
    expect(gate.check(old[0])).toBe(CHECK_OK);
    gate.wait(1);
    expect(gate.check(old[1])).toBe(CHECK_STALE);
    expect(gate.check(old[2])).toBe(CHECK_REFUSED);
    expect(gate.auth.counters).toMatchObject({ accepted: 1, refused: 1, stale: 1 });
    // Late credentials do not let a user in. They make no home, where a neighbour's tries would not count.
    const late = new Gate(null);
    const credentials = answer(late.challenge());
    late.wait(3_600_000);
    expect(late.check(credentials)).toBe(CHECK_STALE);
    for (let i = 0; i < GUESSES_BURST; i++) late.login({ user: "bob", password: "guess" });
    expect(late.login()).toBe(CHECK_LOCKED);
  });

  test("is good once for each count, and once without any; what comes again is late", () => {
    const gate = new Gate(null);
    const challenge = gate.challenge();
    for (const count of [1, 2, 7]) {
      expect(gate.check(answer(challenge, { count }))).toBe(CHECK_OK);
      expect(gate.check(answer(challenge, { count }))).toBe(CHECK_STALE);
    }
    expect(gate.check(answer(challenge, { count: 6 }))).toBe(CHECK_STALE);
    const once = answer(gate.challenge(), { hasQop: false });
    expect(gate.check(once)).toBe(CHECK_OK);
    expect(gate.check(once)).toBe(CHECK_STALE);
  });

  test("is good as often as it comes where a request cannot be told from its repetition", () => {
    const gate = new Gate({ isOnce: false });
    const credentials = answer(gate.challenge());
    for (let i = 0; i < 3; i++) expect(gate.check(credentials)).toBe(CHECK_OK);
  });
});

describe("the digest's uri", () => {
  test("must mean what the Request-URI means where that is asked for, and not otherwise", () => {
    for (const [uri, requestUri, isRight] of [
      ["sip:example.org", "sip:example.org", true],
      ["sip:EXAMPLE.org", "sip:example.org", true],
      ["sip:example.org", "sip:example.ORG", true],
      ["sip:example.net", "sip:example.org", false],
      ["sip:example.org", "sip:example.org:5070", false],
      ["example.org", "sip:example.org", false],
      ["sip:", "sip:example.org", false],
      ["urn:a", "urn:a", true],
      ["sip:example.org", "urn:a", false],
      ["urn:a", "sip:example.org", false],
    ] as const)
      for (const isStrict of [true, false]) {
        const gate = new Gate({ isStrict });
        const result = gate.check(answer(gate.challenge(), { uri }), PHONE, requestUri);
        expect(result, [uri, requestUri, isStrict].join()).toBe(isRight || !isStrict ? CHECK_OK : CHECK_REFUSED);
      }
    expect(new Gate(null).login({ uri: "sip:example.net" })).toBe(CHECK_OK);
  });
});

describe("an answer to a challenge of just now", () => {
  const isAnswer = (gate: Gate, credentials: string, ip = PHONE): boolean =>
    gate.auth.isAnswer(gate.request([credentials]), HEADER_AUTHORIZATION, ip);

  test("is one for ten seconds, at its address, the first time, whatever the password", () => {
    const gate = new Gate();
    for (const given of [{}, { password: "guess" }, { hasQop: false }]) {
      const credentials = answer(gate.challenge(), given);
      expect(isAnswer(gate, credentials)).toBe(true);
      expect(isAnswer(gate, credentials, STRANGER)).toBe(false);
    }
    expect(isAnswer(gate, answer(gate.challenge(), { count: 2 }))).toBe(false);
    const credentials = answer(gate.challenge());
    gate.wait(9999);
    expect(isAnswer(gate, credentials)).toBe(true);
    gate.wait(1);
    expect(isAnswer(gate, credentials)).toBe(false);
    const used = answer(gate.challenge());
    expect(gate.check(used)).toBe(CHECK_OK);
    expect(isAnswer(gate, used)).toBe(false);
  });

  test("is none without credentials, by another scheme, with a nonce that was made up, or where nonces live shorter", () => {
    const gate = new Gate();
    const credentials = answer(gate.challenge());
    expect(isAnswer(gate, "Subject: x")).toBe(false);
    expect(isAnswer(gate, "Proxy-" + credentials)).toBe(false);
    expect(isAnswer(gate, "Authorization: Basic abc")).toBe(false);
    expect(isAnswer(gate, credentials.replace("Digest", "Basic"))).toBe(false);
    expect(isAnswer(gate, credentials.replace(/nonce="./, 'nonce="f'))).toBe(false);
    const short = new Gate({ nonceMs: 1000 });
    const late = answer(short.challenge());
    short.wait(1000);
    expect(isAnswer(short, late)).toBe(false);
  });
});

describe("credentials in a row", () => {
  const REALMS = [REALM, OTHER_REALM];
  const row = (gate: Gate, value: string): Message => gate.request(["Authorization: " + value]);
  const of = (realm: string, user = "alice"): string =>
    `Digest username="${user}", realm="${realm}", nonce="n", uri="x", response="00"`;

  test("are for us when one of them is for one of our realms, right or not", () => {
    const gate = new Gate();
    for (const [value, isFor] of [
      [of("example.org"), true],
      [of("EXAMPLE.com"), true],
      [of("example.net"), false],
      [of("example.net") + ", " + of("example.com"), true],
      ["Basic abc, " + of("example.org"), true],
      [of("example.org").replace("Digest", "Basic"), false],
      ["Basic abc", false],
      ['Basic realm="example.org"', false],
      ["", false],
    ] as const) {
      const m = row(gate, value);
      expect(gate.auth.hasRealm(m, m.first(HEADER_AUTHORIZATION), REALMS), value).toBe(isFor);
    }
  });

  test("that were right before say once more whose they are, and of which realm", () => {
    const gate = new Gate();
    const recall = (value: string): string => {
      const m = row(gate, value);
      gate.auth.recallSender(m, m.first(HEADER_AUTHORIZATION), REALMS, gate.sender);
      const { realm } = gate.sender;
      return text(realm, 0, realm.length);
    };
    expect(recall(of("example.com", "b\\ob"))).toBe("example.com");
    expect(gate.sender.name.toString()).toBe("bob");
    expect(recall(of("example.org"))).toBe("example.org");
    expect(gate.sender.name.toString()).toBe("alice");
    expect(recall(of("example.net"))).toBe("");
    expect(recall("Basic abc")).toBe("");
    expect(recall(of("example.org").replace("Digest", "Basic"))).toBe("");
    expect(recall(of("example.org", "a".repeat(USERNAME_MAX_BYTES + 1)))).toBe("");
  });
});
