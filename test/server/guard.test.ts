/**
 * Tests how many tries at passwords there are: for an address, for a user from strange addresses, for a user at home,
 * in tables that are full.
 */
import { describe, expect, test } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, Span } from "../../src/core/bytes.js";
import { GUESS_EVERY_MS, GUESSES_BURST } from "../../src/core/guesses.js";
import { Guard, STRANGE_BURST, STRANGE_EVERY_MS } from "../../src/server/guard.js";
import { CountingRandom } from "../random.js";

const DAY_MS = 86_400_000;
const MOST_A_DAY = 120;
const REALM = octets("example.org");
const ELSEWHERE = octets("example.com");
const HOME = ipv4("10.0.0.2");
const GUESSER = ipv4("10.9.9.9");

/** The name as it lies in a message: between other octets, which are not part of it. */
function name(text: string, before = "", after = ""): Span {
  const span = new Span();
  span.set(octets(before + text + after), octets(before).length, octets(before + text).length);
  return span;
}

const ALICE = name("alice");

/** Addresses other than home. */
function other(i: number): number {
  return ipv4("11.0.0.0") + i;
}

/** Tries a wrong password until no try is left. @returns how many tries there were, `most` at the most */
function spend(guard: Guard, user: Span, ip: number, nowMs = 0, most = 1000, realm = REALM): number {
  for (let tries = 0; tries < most; tries++) {
    if (guard.waitMs(user, realm, ip, nowMs) > 0) return tries;
    guard.onWrong(user, realm, ip, nowMs);
  }
  return most;
}

function guardOf(count = 64, proxies: readonly number[] = []): Guard {
  return new Guard(new CountingRandom(), count, proxies);
}

describe("an address", () => {
  test("has ten tries, hears with the last of them how long to wait, and has one more each 800 s", () => {
    const guard = guardOf();
    const told = Array.from({ length: GUESSES_BURST }, () => guard.onWrong(ALICE, REALM, GUESSER, 5000));
    expect(told).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, GUESS_EVERY_MS]);
    expect(guard.waitMs(ALICE, REALM, GUESSER, 5000)).toBe(GUESS_EVERY_MS);
    expect(guard.waitMs(ALICE, REALM, GUESSER, 5000 + GUESS_EVERY_MS - 1)).toBe(1);
    for (let i = 1; i < 5; i++) expect(spend(guard, ALICE, GUESSER, 5000 + i * GUESS_EVERY_MS)).toBe(1);
    expect(spend(guard, ALICE, GUESSER, 100 * GUESS_EVERY_MS)).toBe(GUESSES_BURST);
  });

  test("has them over all users and realms together, and takes none of another's", () => {
    const guard = guardOf();
    for (let i = 0; i < GUESSES_BURST; i++) guard.onWrong(name("user" + i), i % 2 > 0 ? REALM : ELSEWHERE, GUESSER, 0);
    expect(guard.waitMs(name("somebody"), REALM, GUESSER, 0)).toBe(GUESS_EVERY_MS);
    for (let i = 0; i < 50; i++) expect(guard.waitMs(name("somebody"), REALM, other(i), 0)).toBe(0);
  });

  test("is one user's for itself where it is a proxy's of the house", () => {
    const guard = guardOf(64, [ipv4("10.0.0.8"), HOME]);
    expect(spend(guard, ALICE, HOME)).toBe(GUESSES_BURST);
    expect(guard.waitMs(name("bob"), REALM, HOME, 0)).toBe(0);
    expect(guard.waitMs(ALICE, ELSEWHERE, HOME, 0)).toBe(0);
    expect(spend(guard, ALICE, ipv4("10.0.0.8"))).toBe(GUESSES_BURST);
    expect(guard.waitMs(name("bob"), REALM, ipv4("10.0.0.8"), 0)).toBe(0);
    expect(spend(guard, ALICE, GUESSER)).toBe(GUESSES_BURST);
    expect(guard.waitMs(name("bob"), REALM, GUESSER, 0)).toBe(GUESS_EVERY_MS);
  });

  test("is counted while it has not all its tries", () => {
    const guard = guardOf();
    expect(guard.countGuessing(0)).toBe(0);
    for (let i = 0; i < 3; i++) guard.onWrong(ALICE, REALM, other(i), 0);
    guard.onWrong(ALICE, REALM, other(1), 0);
    expect(guard.countGuessing(0)).toBe(3);
    expect(guard.countGuessing(GUESS_EVERY_MS - 1)).toBe(3);
    expect(guard.countGuessing(GUESS_EVERY_MS)).toBe(1);
    expect(guard.countGuessing(2 * GUESS_EVERY_MS)).toBe(0);
  });
});

describe("a user", () => {
  test("has a hundred tries from all strange addresses together, then one each 90 s", () => {
    const guard = guardOf();
    for (let i = 0; i < STRANGE_BURST; i++) {
      expect(guard.waitMs(ALICE, REALM, other(i), 0)).toBe(0);
      guard.onWrong(ALICE, REALM, other(i), 0);
    }
    expect(guard.waitMs(ALICE, REALM, other(5000), 0)).toBe(STRANGE_EVERY_MS);
    expect(guard.waitMs(ALICE, REALM, other(5000), STRANGE_EVERY_MS - 1)).toBe(1);
    expect(guard.waitMs(ALICE, REALM, other(5000), STRANGE_EVERY_MS)).toBe(0);
    // The same name in another realm is another user, and so is every other name.
    for (const user of ["bob", "alic", "alice0", "Alice", "alicf", "blice", "ecila", "laice", ""])
      expect(guard.waitMs(name(user), REALM, other(5001), 0), user).toBe(0);
    expect(guard.waitMs(ALICE, ELSEWHERE, other(5001), 0)).toBe(0);
    expect(guard.waitMs(ALICE, octets("example.orh"), other(5001), 0)).toBe(0);
  });

  test("is the same whatever stands around its name in the message", () => {
    const guard = guardOf();
    for (let i = 0; i < STRANGE_BURST; i++) guard.onWrong(name("alice", "x" + i, "y" + i), REALM, other(i), 0);
    expect(guard.waitMs(ALICE, REALM, other(5000), 0)).toBe(STRANGE_EVERY_MS);
    guard.onRight(name("bob", "sip:", "@a"), REALM, HOME, 0);
    for (let i = 0; i < STRANGE_BURST; i++) guard.onWrong(name("bob"), REALM, other(i), 0);
    expect(guard.waitMs(name("bob", "", "xyz"), REALM, HOME, 0)).toBe(0);
  });
});

describe("where a user was let in", () => {
  test("it has ten tries of its own, whoever tries its name elsewhere or other names there", () => {
    const guard = guardOf();
    guard.onRight(ALICE, REALM, HOME, 0);
    for (let i = 0; i < 2 * STRANGE_BURST; i++) guard.onWrong(ALICE, REALM, other(i), 0);
    spend(guard, name("bob"), HOME);
    expect(guard.waitMs(name("bob"), REALM, HOME, 0)).toBeGreaterThan(0);
    expect(guard.waitMs(ALICE, REALM, HOME, 0)).toBe(0);
    const told = Array.from({ length: GUESSES_BURST }, () => guard.onWrong(ALICE, REALM, HOME, 0));
    expect(told).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, GUESS_EVERY_MS]);
    expect(guard.waitMs(ALICE, REALM, HOME, GUESS_EVERY_MS - 1)).toBe(1);
    for (let i = 1; i < 5; i++) expect(spend(guard, ALICE, HOME, i * GUESS_EVERY_MS)).toBe(1);
    expect(spend(guard, ALICE, HOME, 100 * GUESS_EVERY_MS)).toBe(GUESSES_BURST);
  });

  test("its wrong tries take nothing of those there are for other users and from elsewhere", () => {
    const guard = guardOf();
    guard.onRight(ALICE, REALM, HOME, 0);
    spend(guard, ALICE, HOME);
    expect(guard.countGuessing(0)).toBe(0);
    expect(spend(guard, name("bob"), HOME)).toBe(GUESSES_BURST);
    let tries = 0;
    for (let i = 0; i < STRANGE_BURST + 5; i++) tries += spend(guard, ALICE, other(i), 0, 1);
    expect(tries).toBe(STRANGE_BURST);
  });

  test("being let in gives no tries back: neither those of its address before nor its own", () => {
    const guard = guardOf();
    expect(spend(guard, ALICE, HOME, 1000, 7)).toBe(7);
    guard.onRight(ALICE, REALM, HOME, 1000);
    expect(spend(guard, ALICE, HOME, 1000)).toBe(GUESSES_BURST - 7);
    guard.onRight(ALICE, REALM, HOME, 2000);
    expect(guard.waitMs(ALICE, REALM, HOME, 2000)).toBe(GUESS_EVERY_MS - 1000);
    // Tries that were given back long ago are not owed any more either.
    guard.onRight(name("bob"), REALM, HOME, 100 * GUESS_EVERY_MS);
    expect(spend(guard, name("bob"), HOME, 100 * GUESS_EVERY_MS)).toBe(GUESSES_BURST);
  });

  /**
   * Lets users in one after the other; then a guesser at the same address spends all tries.
   * @returns the users who are still heard, as numbers
   */
  function remembered(count: number, users: readonly number[]): number[] {
    const guard = guardOf(count);
    let atMs = 0;
    for (const user of users) guard.onRight(name("user" + user), REALM, HOME, atMs++);
    spend(guard, name("guesser"), HOME, 1000);
    const all = [...new Set(users), 99].sort((a, b) => a - b);
    return all.filter((user) => guard.waitMs(name("user" + user), REALM, HOME, 1000) === 0);
  }

  test("each has ten tries of its own there", () => {
    const guard = guardOf(8);
    for (let i = 0; i < 8; i++) guard.onRight(name("user" + i), REALM, HOME, i);
    for (let i = 0; i < 8; i++) expect(spend(guard, name("user" + i), HOME, 1000), "user" + i).toBe(GUESSES_BURST);
    expect(guard.countGuessing(1000)).toBe(0);
  });

  test("is forgotten when it was unused for longest and there is no room: never that of who came lately", () => {
    const eight = [0, 1, 2, 3, 4, 5, 6, 7];
    expect(remembered(8, eight)).toEqual(eight);
    // An address that comes again does not take the place of another one.
    expect(remembered(8, [...eight, ...eight, 7, 7, 7, 0, 0, 0, 3, 3, 3])).toEqual(eight);
    expect(remembered(8, [...eight, 0, 8])).toEqual([0, 2, 3, 4, 5, 6, 7, 8]);
    expect(remembered(8, [...eight, 0, 8, 2, 9])).toEqual([0, 2, 4, 5, 6, 7, 8, 9]);
    expect(remembered(8, [...eight, 0, 8, 2, 9, 1])).toEqual([0, 1, 2, 5, 6, 7, 8, 9]);
  });

  test("there is room for about as many as were asked for: some share a set with more than eight others", () => {
    for (const count of [1, 8])
      expect(
        remembered(
          count,
          Array.from({ length: 40 }, (_, i) => i),
        ).length,
      ).toBe(8);
    const known = remembered(
      64,
      Array.from({ length: 64 }, (_, i) => i),
    ).length;
    expect(known).toBeGreaterThan(45);
    expect(known).toBeLessThan(64);
    expect(
      remembered(
        64,
        Array.from({ length: 1000 }, (_, i) => i),
      ).length,
    ).toBe(64);
    expect(
      remembered(
        20,
        Array.from({ length: 1000 }, (_, i) => i),
      ).length,
    ).toBe(24);
    expect(remembered(0, [1, 2, 3])).toEqual([1, 2, 3]);
  });
});

describe("the tables", () => {
  test("free nobody when they are full: an address that has no try left has none beside thousands of others", () => {
    const guard = guardOf(16);
    spend(guard, ALICE, GUESSER);
    for (let i = 0; i < 5000; i++) {
      guard.onWrong(name("user" + (i % 1000)), REALM, other(i), i);
      if (i % 100 === 0) expect(guard.waitMs(ALICE, REALM, GUESSER, i)).toBeGreaterThan(0);
    }
    expect(guard.waitMs(ALICE, REALM, GUESSER, GUESS_EVERY_MS - 1)).toBeGreaterThan(0);
  });

  test("count so many addresses each by itself, and all others of a set together", () => {
    const guard = guardOf(8);
    for (let i = 0; i < 8; i++) expect(spend(guard, name("u" + i), other(i))).toBe(GUESSES_BURST);
    expect(guard.countGuessing(0)).toBe(8);
    // The ninth, tenth and eleventh have ten tries together.
    expect(spend(guard, name("u8"), other(8), 0, 4)).toBe(4);
    expect(spend(guard, name("u9"), other(9), 0, 4)).toBe(4);
    expect(spend(guard, name("u10"), other(10))).toBe(2);
    expect(guard.countGuessing(0)).toBe(9);
    // A place is free when all its tries are back, and not before. An address that moves there takes along what it
    // owed.
    expect(guard.waitMs(name("u8"), REALM, other(8), GUESS_EVERY_MS)).toBe(0);
    const laterMs = GUESSES_BURST * GUESS_EVERY_MS;
    expect(spend(guard, name("u8"), other(8), laterMs - 1, 1)).toBe(1);
    expect(guard.countGuessing(laterMs - 1)).toBe(9);
    expect(guard.countGuessing(laterMs)).toBe(1);
    expect(spend(guard, name("u9"), other(9), laterMs)).toBe(GUESSES_BURST - 1);
    // The place shared by all others owes nothing for the later tries of the address that moved.
    expect(spend(guard, name("u10"), other(10), laterMs)).toBe(GUESSES_BURST - 1);
  });

  test("count many addresses in many sets", () => {
    for (const [count, most] of [
      [16, 18],
      [20, 27],
      [64, 72],
    ]) {
      const guard = guardOf(count);
      for (let i = 0; i < 2000; i++) guard.onWrong(ALICE, REALM, other(i * 7919), 0);
      expect(guard.countGuessing(0)).toBe(most);
    }
  });

  test("without any room count all together", () => {
    const guard = guardOf(0);
    for (let i = 0; i < 8; i++) spend(guard, ALICE, other(i));
    for (let i = 8; i < 8 + GUESSES_BURST; i++) guard.onWrong(name("bob"), REALM, other(i), 0);
    expect(guard.waitMs(name("bob"), REALM, other(100), 0)).toBe(GUESS_EVERY_MS);
  });

  test("give no address more tries by others that come and go: each has 120 a day at most, however many there are", () => {
    const guard = guardOf(16);
    const ips = Array.from({ length: 60 }, (_, i) => ipv4("10.1.0.0") + i);
    const tried = new Map<number, number>();
    for (let atMs = 0; atMs < DAY_MS; atMs += 120_000)
      for (const ip of ips) {
        if (guard.waitMs(name("u" + ip), REALM, ip, atMs) > 0) continue;
        guard.onWrong(name("u" + ip), REALM, ip, atMs);
        tried.set(ip, (tried.get(ip) ?? 0) + 1);
      }
    for (const [ip, count] of tried) expect(count, ipv4Text(ip)).toBeLessThanOrEqual(MOST_A_DAY);
  });

  test("let an owner in where it was before, although others fill them all", () => {
    const guard = guardOf(64);
    guard.onRight(ALICE, REALM, HOME, 0);
    for (let i = 0; i < 10_000; i++) guard.onWrong(ALICE, REALM, other(i), i);
    expect(guard.waitMs(ALICE, REALM, HOME, 10_000)).toBe(0);
  });
});
