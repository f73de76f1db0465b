/**
 * Tests that passwords cannot be guessed and that nobody locks an owner out by trying, by every way in and from every
 * address. The tables are tested in guard.test.ts.
 */
import { describe, expect, test } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { field, type Sent } from "../transaction/harness.js";
import { ALICE, ask, BOB, ProxyHouse, STRANGER, withoutState } from "./proxied.js";

const DAY_MS = 86_400_000;
const PHONE = "<sip:alice@10.0.0.2:5060>";
const MOST_A_DAY = 120;

function house(): ProxyHouse {
  return new ProxyHouse({ isClosed: true });
}

const statusOf = (sent: readonly Sent[]): number => Number(sent[0]?.line.slice(8, 11) ?? 0);

/** Tries a password by a method, with the challenge for it. @returns the status of the answer */
function guess(h: ProxyHouse, method: string, password: string, from: string, user = "alice"): number {
  const register = method === "REGISTER";
  const own = {
    method,
    uri: register ? "sip:example.org" : "sip:bob@example.org",
    from: "<sip:" + user + "@example.org>;tag=g",
  };
  const request = (credentials: string): string =>
    register ? h.request({ user, contact: PHONE }, credentials) : ask({ ...own, extra: credentials });
  const [challenge] = h.receive(request(""), from);
  if (!/ 40[17] /.test(challenge?.line ?? "")) return statusOf([challenge]);
  return statusOf(h.receive(request(h.answerTo(challenge.text, user, password, own.uri, method)), from));
}

describe("an address", () => {
  test("has at most 120 tries at a password in any day, over all ways together, and is told when there is another", () => {
    const h = house();
    const ways = ["REGISTER", "INVITE", "MESSAGE", "SUBSCRIBE", "OPTIONS", "BYE"];
    const tried: number[] = [];
    let count = 0;
    // The guesser tries every two minutes for two days, more often than there are tries.
    for (let atMs = 0; atMs < 2 * DAY_MS; atMs += 120_000) {
      const status = guess(
        h,
        ways[count % ways.length],
        "wrong" + count,
        STRANGER.replace("5060", String(1024 + (count % 9))),
      );
      count += 1;
      if (status !== 503) tried.push(atMs);
      h.pass(120_000);
      h.network.take();
    }
    expect(tried.length).toBeGreaterThan(200);
    for (const from of tried)
      expect(tried.filter((at) => at >= from && at < from + DAY_MS).length).toBeLessThanOrEqual(MOST_A_DAY);
  });

  test("is answered 503 with the time to wait, right or wrong, and is listened to when it has passed", () => {
    const h = house();
    for (let i = 0; i < 10; i++) expect(guess(h, "REGISTER", "wrong", STRANGER)).toBe(401);
    for (const [method, password] of [
      ["REGISTER", "wrong"],
      ["REGISTER", "secretA"],
      ["INVITE", "secretA"],
      ["MESSAGE", "secretA"],
    ])
      expect(guess(h, method, password, STRANGER), method).toBe(503);
    const [challenge] = h.receive(h.request({ contact: PHONE }), STRANGER);
    const [locked] = h.receive(h.request({ contact: PHONE }, h.answerTo(challenge.text, "alice", "secretA")), STRANGER);
    expect(locked.line).toBe("SIP/2.0 503 Too Many Wrong Passwords");
    const waitS = Number(field(locked.text, "Retry-After"));
    expect(waitS).toBeGreaterThan(700);
    h.pass(waitS * 1000 - 2000);
    expect(guess(h, "REGISTER", "secretA", STRANGER)).toBe(503);
    h.pass(2000);
    expect(guess(h, "REGISTER", "secretA", STRANGER)).toBe(200);
    expect(h.layer.servers.used()).toBeLessThanOrEqual(1);
  });

  test("has them over UDP and TCP, at the registrar and at a proxy without state together", () => {
    const h = house();
    withoutState(h, h.auth.guard);
    const overTcp = (message: string): string => {
      const bytes = octets(message.replaceAll("SIP/2.0/UDP", "SIP/2.0/TCP"));
      h.network.take();
      h.layer.receiveStream(9, bytes, 0, bytes.length);
      return h.network.take()[0].text;
    };
    h.layer.streamOpened(9, ipv4("10.9.9.9"), 40000);
    for (let i = 0; i < 5; i++) {
      expect(guess(h, "MESSAGE", "wrong", STRANGER)).toBe(407);
      const challenge = overTcp(h.request({ contact: PHONE }));
      const answer = overTcp(h.request({ contact: PHONE }, h.answerTo(challenge, "alice", "wrong")));
      expect(answer).toContain("SIP/2.0 401");
    }
    for (const method of ["REGISTER", "INVITE", "MESSAGE"]) expect(guess(h, method, "secretA", STRANGER)).toBe(503);
  });

  test("makes one try by a request, however many credentials it has", () => {
    const h = house();
    const [challenge] = h.receive(h.request({ contact: PHONE }), STRANGER);
    const many = Array.from({ length: 20 }, (_, i) => h.answerTo(challenge.text, "alice", "wrong" + i));
    const right = h.answerTo(challenge.text, "alice", "secretA");
    expect(statusOf(h.receive(h.request({ contact: PHONE }, many.join("") + right), STRANGER))).toBe(401);
    expect(h.auth.counters.refused).toBe(1);
    const folded = many.map((one) => one.slice("Authorization: ".length, -2)).join(", ");
    expect(statusOf(h.receive(h.request({ contact: PHONE }, "Authorization: " + folded + "\r\n"), STRANGER))).toBe(401);
    expect(h.auth.counters.refused).toBe(1);
  });

  test("hears the same of users who are not there", () => {
    const h = house();
    for (let i = 0; i < 10; i++) expect(guess(h, "INVITE", "wrong", STRANGER, "nobody")).toBe(407);
    expect(guess(h, "INVITE", "wrong", STRANGER, "nobody")).toBe(503);
    const other = house();
    for (let i = 0; i < 10; i++) expect(guess(other, "INVITE", "wrong", STRANGER, "user" + i)).toBe(407);
    expect(guess(other, "INVITE", "secretA", STRANGER)).toBe(503);
  });
});

describe("credentials", () => {
  const registers = (before: string, after: string): number => {
    const h = house();
    const [challenge] = h.receive(h.request({ contact: PHONE }), ALICE);
    const right = h.answerTo(challenge.text, "alice", "secretA");
    return statusOf(h.receive(h.request({ contact: PHONE }, before + right + after), ALICE));
  };

  test("are found behind and before those of other schemes and realms, and what is none", () => {
    const others = [
      "Authorization: Basic YWxpY2U6c2VjcmV0QQ==\r\n",
      "Authorization: Bearer abc, Basic def\r\n",
      "Authorization: Negotiate\r\n",
      'Authorization: Digest username="alice", realm="elsewhere.net", nonce="x", uri="sip:x", response="0"\r\n',
      'Authorization: Digest username="alice", realm="example.org", nonce="x", uri="sip:x", response="0", algorithm=SHA-512-256\r\n',
      'Authorization: Digest realm="example.org"\r\n'.replace("realm", "relm"),
      "Authorization: \r\n",
      "Authorization: Digest\r\n",
    ];
    for (const other of others) {
      expect(registers(other, ""), other).toBe(200);
      expect(registers("", other), other).toBe(200);
      expect(registers(other + others[0], others[1] + other), other).toBe(200);
    }
  });

  test("that two fields have for one realm are those of the first", () => {
    const wrong =
      'Authorization: Digest username="alice", realm="example.org", nonce="00", uri="sip:example.org", response="00000000000000000000000000000000"\r\n';
    expect(registers("", wrong)).toBe(200);
    expect(registers(wrong, "")).toBe(401);
  });
});

describe("an owner", () => {
  test("is let in from where it was before, whoever tries its name from anywhere", () => {
    const h = house();
    expect(guess(h, "REGISTER", "secretA", ALICE)).toBe(200);
    for (let i = 0; i < 400; i++) guess(h, "REGISTER", "wrong", "10.9." + (i >> 4) + ".7:5060");
    // An address where alice never was has to wait now.
    expect(guess(h, "REGISTER", "secretA", "10.5.5.5:5060")).toBe(503);
    for (const method of ["REGISTER", "INVITE", "MESSAGE"]) expect(guess(h, method, "secretA", ALICE)).not.toBe(503);
    // Other users are not held up.
    expect(guess(h, "REGISTER", "secretB", "10.5.5.5:5060", "bob")).toBe(200);
  });

  test("is let in beside a neighbour who tries other names from the same address, and has no more tries for it", () => {
    const h = house();
    expect(guess(h, "REGISTER", "secretA", ALICE)).toBe(200);
    for (let i = 0; i < 30; i++) guess(h, "REGISTER", "wrong", ALICE, "bob");
    expect(guess(h, "REGISTER", "secretB", ALICE, "bob")).toBe(503);
    expect(guess(h, "REGISTER", "secretA", ALICE)).toBe(200);
    for (let i = 0; i < 10; i++) expect(guess(h, "REGISTER", "wrong", ALICE)).toBe(401);
    expect(guess(h, "REGISTER", "secretA", ALICE)).toBe(503);
  });

  test("gives no tries back by logging in beside the one who guesses", () => {
    const h = house();
    let tried = 0;
    for (let atMs = 0; atMs < DAY_MS; atMs += 120_000) {
      if (guess(h, "REGISTER", "wrong" + atMs, ALICE) !== 503) tried += 1;
      if (atMs % 600_000 === 0) guess(h, "REGISTER", "secretA", ALICE);
      h.pass(120_000);
      h.network.take();
    }
    expect(tried).toBeLessThanOrEqual(MOST_A_DAY);
    expect(tried).toBeGreaterThan(50);
  });

  test("is not locked out by whoever forges its address, nor is anything learnt so", () => {
    const h = house();
    // Alice was never here before. The nonces are one given to the forger's own address and made-up ones; the forger
    // does not see one that was given to alice.
    const [challenge] = h.receive(h.request({ contact: PHONE }), STRANGER);
    for (let i = 0; i < 50; i++) {
      const credentials = h.answerTo(challenge.text, "alice", i % 2 === 0 ? "secretA" : "wrong");
      for (const forged of [credentials, credentials.replace(/nonce="[^"]*"/, 'nonce="' + "0".repeat(48) + '"')]) {
        const [answer] = h.receive(h.request({ contact: PHONE }, forged), ALICE);
        expect(answer.line).toContain("401");
        // The answer to a right password is the same as to a wrong one.
        expect(field(answer.text, "WWW-Authenticate")).toContain("stale=true");
      }
    }
    expect(h.auth.counters.refused).toBe(0);
    expect(guess(h, "REGISTER", "secretA", ALICE)).toBe(200);
  });
});

describe("a watcher", () => {
  test("is told of each wrong password, by whom and from where, and of nothing else", () => {
    const h = house();
    const told: string[] = [];
    h.auth.watcher = {
      onWrongPassword: (user, realm, ip, m, waitS) =>
        told.push([user, String.fromCharCode(...realm), ipv4Text(ip), m.method, waitS].join(" ")),
    };
    guess(h, "REGISTER", "secretA", ALICE);
    guess(h, "REGISTER", "wrong", BOB, "bob");
    for (let i = 0; i < 12; i++) guess(h, "INVITE", "wrong", STRANGER);
    expect(told.length).toBe(11);
    expect(told[0]).toBe("bob example.org 10.0.0.3 5 0");
    expect(told.at(-1)).toBe("alice example.org 10.9.9.9 1 800");
  });
});
