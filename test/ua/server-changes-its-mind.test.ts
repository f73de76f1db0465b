/**
 * Tests that nothing learnt of a server outlives its failure: each case has a server that changes its mind.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { CALL_CONFIRMED } from "../../src/ua/call.js";
import { REGISTRATION_DONE } from "../../src/ua/registration.js";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { Agent, header, headers, World } from "./harness.js";
import { expected, field, Server } from "./registrar.js";

const DOOR = "10.0.0.1";
const SERVER = "10.0.0.9";
const ACCOUNT: Partial<UserAgentSettings> = { domain: SERVER, password: "secret", register: true };

function house(settings: Partial<UserAgentSettings> = {}, prepare: (s: Server) => void = () => {}) {
  const world = new World();
  const server = new Server(world, SERVER);
  prepare(server);
  const door = new Agent(world, DOOR, { ...ACCOUNT, ...settings });
  world.run(1000);
  return { world, server, door };
}

const isRegistered = (door: Agent) => door.ua.registration.state === REGISTRATION_DONE;

/** Calls and hangs up. @returns whether the call was answered */
function talks(world: World, door: Agent, target = "200"): boolean {
  const call = door.call(target);
  world.run(1000);
  const isConfirmed = call.state === CALL_CONFIRMED;
  door.timers.nowMs = world.nowMs;
  door.ua.hangUp(call);
  world.run(40_000);
  return isConfirmed;
}

const FIRST = 'Digest realm="house", nonce="n1", qop="auth", algorithm=MD5';

describe("a challenge", () => {
  const changes: [string, string][] = [
    ["another nonce", 'Digest realm="house", nonce="n2", qop="auth", algorithm=MD5'],
    ["another realm", 'Digest realm="home", nonce="n2", qop="auth", algorithm=MD5'],
    ["another realm with the same nonce", 'Digest realm="home", nonce="n1", qop="auth", algorithm=MD5'],
    ["another algorithm", 'Digest realm="house", nonce="n2", qop="auth", algorithm=SHA-256'],
    ["no qop any more", 'Digest realm="house", nonce="n2"'],
    ["another opaque", 'Digest realm="house", nonce="n2", opaque="o", qop="auth"'],
    ["auth-int", 'Digest realm="house", nonce="n2", qop="auth-int"'],
    ["all of it", 'Digest realm="h", nonce="n2", qop="auth-int", algorithm=SHA-256-sess, opaque=""'],
  ];
  it.each(changes)("with %s at the refresh is answered at once, and back again", (_words, next) => {
    const { world, server, door } = house();
    for (const challenge of [next, FIRST.replace("n1", "n3"), next.replace(/nonce="../, 'nonce="x')]) {
      server.challenge = challenge;
      const count = server.got("REGISTER").length;
      world.run(301_000);
      expect(isRegistered(door)).toBe(true);
      expect(server.got("REGISTER").length - count).toBe(2);
      expect(server.credentials("REGISTER")).toContain(`realm="${field(challenge, "realm")}"`);
    }
    expect(door.diary.filter((line) => line.includes("failed"))).toEqual([]);
  });

  it.each(changes)("of a call with %s is answered, and the credentials are one field", (_words, next) => {
    const { world, server, door } = house();
    for (const challenge of [FIRST.replace("n1", "p1"), next, FIRST.replace("n1", "p2")]) {
      server.proxyChallenge = challenge;
      expect(talks(world, door)).toBe(true);
      expect(headers(server.got("BYE").at(-1)!, "Proxy-Authorization")).toHaveLength(1);
    }
  });

  it("of a call in another realm than that of REGISTER is answered, and that of REGISTER stays", () => {
    const { world, server, door } = house();
    server.proxyChallenge = 'Digest realm="calls", nonce="c", qop="auth"';
    expect(talks(world, door)).toBe(true);
    expect(server.got("INVITE")).toHaveLength(2);
    world.run(301_000);
    expect(server.got("REGISTER")).toHaveLength(3);
    expect(isRegistered(door)).toBe(true);
  });

  it("by 407 in the place of 401, and the other way round, is answered", () => {
    const { world, server, door } = house();
    for (const isProxy of [true, false, true]) {
      server.isProxy = isProxy;
      server.challenge = FIRST.replace("n1", `n${world.nowMs}`);
      world.run(301_000);
      expect(isRegistered(door)).toBe(true);
    }
    expect(door.diary.filter((line) => line.includes("failed"))).toEqual([]);
  });

  it.each(["400 Bad", "403 No"])("whose answer in advance is refused by %s is asked for anew at once", (status) => {
    const { world, server, door } = house();
    const answer = server.answer.bind(server);
    server.challenge = 'Digest realm="new", nonce="n2", qop="auth"';
    server.answer = (m) => {
      const realm = field(header(m, "Authorization"), "realm");
      if (realm !== "" && realm !== "new") server.respond(DOOR, m, status, "r");
      else answer(m);
    };
    const count = server.got("REGISTER").length;
    world.run(301_000);
    expect(isRegistered(door)).toBe(true);
    expect(server.got("REGISTER").length - count).toBe(3);
    // A server that refuses all the same causes no storm.
    server.answer = (m) => server.respond(DOOR, m, status, "r");
    const before = server.got("REGISTER").length;
    world.run(310_000);
    expect(server.got("REGISTER").length - before).toBeLessThan(5);
  });

  it("is forgotten when the server fails: after a silence the next try is as the first", () => {
    const { world, server, door } = house();
    server.isDead = true;
    world.run(400_000);
    expect(isRegistered(door)).toBe(false);
    server.isDead = false;
    server.inbox.length = 0;
    server.challenge = 'Digest realm="new", nonce="n2", qop="auth"';
    world.run(30_000);
    expect(isRegistered(door)).toBe(true);
    expect(header(server.got("REGISTER")[0], "Authorization")).toBe("");
  });

  it("with a password that is right again is answered at the next try", () => {
    const { world, server, door } = house();
    server.password = "other";
    server.challenge = FIRST.replace("n1", "n2");
    world.run(301_000);
    expect(door.diary.at(-1)).toBe("register failed 401");
    expect(door.ua.registration.problem).toBe("user name or password is wrong");
    server.password = "secret";
    world.run(60_000);
    expect(isRegistered(door)).toBe(true);
    expect(door.ua.registration.problem).toBe("");
  });
});

describe("auth-int alone", () => {
  it.each([
    ["MD5", ""],
    ["SHA-256", ""],
    ["MD5-sess", "-sess"],
  ])("by %s is answered for REGISTER, INVITE with its body, and BYE", (algorithm) => {
    const challenge = `Digest realm="house", nonce="n1", qop="auth-int", algorithm=${algorithm}`;
    const { world, server, door } = house({}, (s) => {
      s.challenge = challenge;
      s.proxyChallenge = challenge;
    });
    expect(isRegistered(door)).toBe(true);
    expect(talks(world, door)).toBe(true);
    for (const method of ["REGISTER", "INVITE", "BYE"]) {
      const m = server.got(method).at(-1)!;
      const value = header(m, method === "REGISTER" ? "Authorization" : "Proxy-Authorization");
      expect(field(value, "qop"), method).toBe("auth-int");
      expect(field(value, "response"), method).toBe(expected(value, m, "secret"));
    }
    expect(door.last()).toMatch(/^call ended/);
    expect(server.got("INVITE")).toHaveLength(2);
    // The BYE went with credentials at once.
    expect(server.got("BYE")).toHaveLength(1);
  });

  it("beside auth is left alone", () => {
    const { server } = house({}, (s) => {
      s.challenge = 'Digest realm="house", nonce="n1", qop="auth-int,auth"';
    });
    expect(field(server.credentials("REGISTER"), "qop")).toBe("auth");
  });
});

describe("the interval", () => {
  it("that a 423 asked for is asked for until the server fails, then that of the settings again", () => {
    const { world, server, door } = house({ expiresS: 60 });
    const answer = server.answer.bind(server);
    server.answer = (m) => {
      if (m.startsWith("REGISTER") && Number(header(m, "Expires")) < 1800)
        server.respond(DOOR, m, "423 Brief", "r", ["Min-Expires: 1800"]);
      else answer(m);
    };
    world.run(31_000);
    expect(header(server.got("REGISTER").at(-1)!, "Expires")).toBe("1800");
    world.run(901_000);
    expect(isRegistered(door)).toBe(true);
    server.answer = (m) => server.respond(DOOR, m, "403 No", "r");
    world.run(901_000);
    server.answer = answer;
    world.run(1_900_000);
    expect(isRegistered(door)).toBe(true);
    expect(header(server.got("REGISTER").at(-1)!, "Expires")).toBe("60");
  });

  it("granted last is the one that counts", () => {
    const { world, server, door } = house({}, (s) => {
      s.grantS = 300;
    });
    expect(door.ua.registration.grantedS).toBe(300);
    server.grantS = 120;
    world.run(151_000);
    expect(door.ua.registration.grantedS).toBe(120);
    server.grantS = 600;
    world.run(61_000);
    expect(door.ua.registration.grantedS).toBe(600);
  });

  it("of a session that a 422 asked for is that call's alone", () => {
    const { world, server, door } = house({ sessionExpiresS: 120 });
    const answer = server.answer.bind(server);
    server.answer = (m) => {
      if (m.startsWith("INVITE") && Number(header(m, "Session-Expires").split(";")[0]) < 600)
        server.respond(DOOR, m, "422 Too Small", "b", ["Min-SE: 600"]);
      else answer(m);
    };
    expect(talks(world, door)).toBe(true);
    expect(server.got("INVITE").map((m) => header(m, "Min-SE"))).toEqual(["", "600"]);
    server.answer = answer;
    expect(talks(world, door)).toBe(true);
    expect(header(server.got("INVITE").at(-1)!, "Min-SE")).toBe("");
    expect(header(server.got("INVITE").at(-1)!, "Session-Expires")).toBe("120");
  });

  it("of a Retry-After ends when the owner asks again, and with the next answer", () => {
    const { world, server, door } = house();
    server.instead = ["503 No", "Retry-After: 3600"];
    world.run(301_000);
    expect(door.diary.at(-1)).toBe("register failed 503");
    server.instead = null;
    door.timers.nowMs = world.nowMs;
    door.ua.registration.start();
    world.run(1000);
    expect(isRegistered(door)).toBe(true);
    server.instead = ["503 No"];
    world.run(301_000);
    server.instead = null;
    world.run(30_000);
    expect(isRegistered(door)).toBe(true);
  });
});

describe("the address of a server", () => {
  const NEW = "10.0.0.10";

  function named() {
    const world = new World();
    const [old, next] = [new Server(world, SERVER), new Server(world, NEW)];
    const door = new Agent(world, DOOR, { ...ACCOUNT, domain: "house.test", register: false });
    door.names.set("house.test", SERVER);
    door.configure({ register: true });
    const run = (ms: number) => {
      for (let at = 0; at < ms; at += 100) {
        door.timers.nowMs = world.nowMs;
        door.answerNames();
        world.run(100);
      }
    };
    run(500);
    expect(isRegistered(door)).toBe(true);
    return { world, old, next, door, run };
  }

  it("is looked up anew when nothing comes from there, and not only when its time is over", () => {
    const { world, old, next, door, run } = named();
    // The address was found just now.
    world.run(240_000);
    run(59_000);
    door.timers.nowMs = world.nowMs;
    door.ua.registration.query();
    run(500);
    old.isDead = true;
    door.names.set("house.test", NEW);
    // The refresh at 300 s goes to the old address, and 32 s later that is over.
    run(3000);
    expect(next.got("REGISTER")).toEqual([]);
    run(40_000);
    expect(isRegistered(door)).toBe(true);
    expect(next.bound.size).toBe(1);
  });

  it("that is no longer the server's is believed no more after a few registrations elsewhere, and gets no answers", () => {
    const { old, door, run } = named();
    expect(door.ua.isServer(old.ip)).toBe(true);
    door.names.set("house.test", NEW);
    run(5 * 301_000);
    expect(isRegistered(door)).toBe(true);
    expect(door.ua.isServer(ipv4(NEW))).toBe(true);
    expect(door.ua.isServer(old.ip)).toBe(false);
    old.proxyChallenge = 'Digest realm="house", nonce="x", qop="auth"';
    old.inbox.length = 0;
    door.call(`sip:x@${SERVER}`);
    run(1000);
    expect(old.got("INVITE")).toHaveLength(1);
    expect(old.inbox.join("")).not.toContain("uthorization");
    expect(door.ua.challengeProblem).toContain("not the server");
  });
});

describe("a server that changes its mind in any order", () => {
  const STRANGER = "10.0.0.66";
  type Mood = (s: Server) => void;
  const plain: Mood = (s) => {
    s.challenge = FIRST.replace("n1", "nn");
    s.instead = null;
    s.isDead = s.isProxy = false;
    s.more = [];
    s.grantS = 0;
    s.password = "secret";
  };
  const moods: Record<string, Mood> = {
    plain,
    dead: (s) => (s.isDead = true),
    "other realm": (s) => (s.challenge = 'Digest realm="r2", nonce="x1", qop="auth"'),
    "auth-int": (s) => (s.challenge = 'Digest realm="r3", nonce="x2", qop="auth-int", algorithm=SHA-256'),
    "unknown algorithm": (s) => (s.challenge = 'Digest realm="r4", nonce="x3", algorithm=X'),
    "407": (s) => (s.isProxy = true),
    "another password": (s) => (s.password = "other"),
    "403": (s) => (s.instead = ["403 No"]),
    "423": (s) => (s.instead = ["423 Brief", "Min-Expires: 3600"]),
    "503": (s) => (s.instead = ["503 No", "Retry-After: 100"]),
    "nothing granted": (s) => (s.instead = ["200 OK", "Expires: 0"]),
    "short time": (s) => (s.grantS = 40),
    "302 to a stranger": (s) => (s.instead = ["302 Moved", `Contact: <sip:${STRANGER}>;expires=300`]),
    "301 to a stranger": (s) => (s.instead = ["301 Moved", `Contact: <sip:${STRANGER}>`]),
    "302 to itself": (s) => (s.instead = ["302 Moved", `Contact: <sip:${SERVER}:5060;x=y>`]),
    "a route": (s) => (s.more = [`Service-Route: <sip:a@${SERVER};lr>`]),
    "next nonce": (s) => (s.more = ['Authentication-Info: nextnonce="later"']),
  };

  it("is registered at again soon after it is as it was, and tells no stranger the password", () => {
    const steps = fc.array(fc.tuple(fc.constantFrom(...Object.keys(moods)), fc.integer({ min: 1, max: 700 })), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom("open", "asks", "refuses", "dead"), (all, kind) => {
        const { world, server, door } = house();
        const stranger = new Server(world, STRANGER);
        stranger.challenge = kind === "asks" ? FIRST : "";
        stranger.proxyChallenge = FIRST;
        if (kind === "refuses") stranger.instead = ["404 No"];
        stranger.isDead = kind === "dead";
        for (const [mood, seconds] of all) {
          moods[mood](server);
          const before = server.got("REGISTER").length;
          world.run(seconds * 1000);
          // There is no storm: a few requests for each refresh of a short time or try of a back-off.
          expect(server.got("REGISTER").length - before).toBeLessThan(8 + seconds);
        }
        plain(server);
        // The time is the longest wait, a Retry-After, or a binding that a stranger holds for 600 s.
        world.run(1_900_000);
        expect(stranger.inbox.some((m) => /uthorization:/.test(m))).toBe(false);
        const isElsewhere = door.ua.registration.place.startsWith(STRANGER);
        expect(isElsewhere && kind !== "open").toBe(false);
        expect(isRegistered(door)).toBe(true);
        if (!isElsewhere) {
          expect(server.bound.size).toBe(1);
          expect(talks(world, door)).toBe(true);
        }
        expect(stranger.inbox.some((m) => /uthorization:/.test(m))).toBe(false);
      }),
      { seed: 20261129, numRuns: process.env.SWEEP === "whole" ? 2000 : 25 },
    );
  });
});

describe("what a server offers that is not known here", () => {
  it.each([
    ['Basic realm="house"', "the server offers only Basic"],
    ['Digest realm="house", nonce="n", algorithm=SHA-512-256', "the server offers only SHA-512-256"],
    [
      'Digest realm="house", nonce="n", algorithm=AKAv1-MD5, Basic realm="x"',
      "the server offers only AKAv1-MD5, Basic",
    ],
    ['Digest realm="house", nonce="n", qop="auth-conf"', "the server offers only qop auth-conf"],
    [
      `Digest realm="house", nonce="${"n".repeat(2000)}"`,
      "the server offers only a challenge with a nonce of 2000 octets, 256 at most",
    ],
    ['Digest realm="house', "the server offers only a challenge that cannot be read"],
    ['Digest nonce="n"', "the server offers only a challenge without realm or nonce"],
    ["", "the server does not say how"],
  ])("%.60s is told in words, for REGISTER and for a call", (challenge, words) => {
    const { world, door, server } = house({}, (s) => {
      s.instead = ["401 Unauthorized", ...(challenge === "" ? [] : [`WWW-Authenticate: ${challenge}`])];
    });
    expect(door.diary.at(-1)).toBe("register failed 401");
    expect(door.ua.registration.problem).toBe(words);
    expect(server.got("REGISTER")).toHaveLength(1);
    server.answer = (m) =>
      server.respond(DOOR, m, "407 Who", "b", challenge === "" ? [] : [`Proxy-Authenticate: ${challenge}`]);
    door.call("200");
    world.run(1000);
    expect(door.last()).toContain("status 407");
    expect(door.ua.challengeProblem).toBe(words);
  });

  it.each<[Partial<UserAgentSettings>, string]>([
    [{ password: "" }, "sip.password is not set"],
    [{ user: "" }, "sip.user is empty or too long"],
    [{ realm: "other" }, "its realm is 'house', sip.realm is 'other'"],
    [{ password: "wrong" }, "user name or password is wrong"],
  ])("with %j it is the settings that are named", (settings, words) => {
    const { door } = house(settings);
    expect(door.diary.at(-1)).toBe("register failed 401");
    expect(door.ua.registration.problem).toBe(words);
  });
});
