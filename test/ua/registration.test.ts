import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { UserAgentSettings } from "../../src/ua/useragent.js";
import { SeededRandom } from "../random.js";
import { part } from "../runs.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const SERVER = "10.0.0.9";
const ACCOUNT: Partial<UserAgentSettings> = { domain: SERVER, password: "secret", register: true };

/** Reads the value of a parameter of a challenge or of credentials. */
function field(value: string, name: string): string {
  const found = new RegExp(`[ ,]${name}=("([^"]*)"|[^,]*)`).exec(value);
  return found === null ? "" : (found[2] ?? found[1]);
}

/** Reckons the response that RFC 7616 wants, with Node's own hashes. */
function digest(algorithm: "md5" | "sha256", value: string, method: string, password: string): string {
  const h = (text: string) => createHash(algorithm).update(text).digest("hex");
  const a1 = h(`${field(value, "username")}:${field(value, "realm")}:${password}`);
  const a2 = h(`${method}:${field(value, "uri")}`);
  const nonce = field(value, "nonce");
  if (field(value, "qop") === "") return h(`${a1}:${nonce}:${a2}`);
  return h(`${a1}:${nonce}:${field(value, "nc")}:${field(value, "cnonce")}:${field(value, "qop")}:${a2}`);
}

/** A registrar that knows one password, keeps bindings, and can be told to misbehave. */
class Registrar extends Peer {
  challenge = 'Digest realm="house", nonce="n1", qop="auth", algorithm=MD5';
  hash: "md5" | "sha256" = "md5";
  password = "secret";
  grantS = 0;
  isProxy = false;
  /** The answer instead of the usual one, [status line, ...fields]. */
  instead: string[] | null = null;
  /** The Contact URI, and when it ends. */
  readonly bindings = new Map<string, number>();

  constructor(world: World) {
    super(world, SERVER);
    this.onMessage = (message) => {
      if (message.startsWith("REGISTER")) this.answer(message);
    };
  }

  private answer(m: string): void {
    if (this.instead !== null) {
      this.respond(DOOR, m, this.instead[0], "r", this.instead.slice(1));
      return;
    }
    const value = header(m, this.isProxy ? "Proxy-Authorization" : "Authorization");
    const isRight = value !== "" && field(value, "response") === digest(this.hash, value, "REGISTER", this.password);
    if (!isRight || field(value, "nonce") !== field(this.challenge, "nonce")) {
      const stale = isRight ? ", stale=true" : "";
      if (this.isProxy) this.respond(DOOR, m, "407 No", "r", [`Proxy-Authenticate: ${this.challenge}${stale}`]);
      else this.respond(DOOR, m, "401 No", "r", [`WWW-Authenticate: ${this.challenge}${stale}`]);
      return;
    }
    for (const contact of headers(m, "Contact")) {
      const uri = contact.slice(1, contact.indexOf(">"));
      const seconds = Number(contact.slice(contact.indexOf("expires=") + 8));
      if (seconds === 0) this.bindings.delete(uri);
      else this.bindings.set(uri, this.world.nowMs + 1000 * (this.grantS || seconds));
    }
    const lines = [...this.bindings].map(
      ([uri, endMs]) => `Contact: <${uri}>;expires=${Math.round((endMs - this.world.nowMs) / 1000)}`,
    );
    this.respond(DOOR, m, "200 OK", "r", lines);
  }

  holds(uri: string): boolean {
    return (this.bindings.get(uri) ?? 0) > this.world.nowMs;
  }

  registers(): string[] {
    return this.got("REGISTER");
  }
}

function house(settings: Partial<UserAgentSettings> = {}, prepare: (r: Registrar) => void = () => {}) {
  const world = new World();
  const registrar = new Registrar(world);
  prepare(registrar);
  const a = new Agent(world, DOOR, { ...ACCOUNT, ...settings });
  return { world, registrar, a };
}

describe("REGISTER", () => {
  it("has the registrar as Request-URI, the address of record in To and From, a Contact and its expiry", () => {
    const { world, registrar } = house({ domain: SERVER, displayName: 'The "Door"' });
    world.run(10);
    const m = registrar.registers()[0];
    expect(m.split("\r\n")[0]).toBe(`REGISTER sip:${SERVER} SIP/2.0`);
    expect(header(m, "To")).toBe(`<sip:door@${SERVER}>`);
    expect(header(m, "From")).toMatch(/^"The \\"Door\\"" <sip:door@10\.0\.0\.9>;tag=[^;]{10,}$/);
    expect(header(m, "Contact")).toBe(`<sip:door@${DOOR}:5060>;expires=600`);
    expect(header(m, "Expires")).toBe("600");
    expect(header(m, "Authorization")).toBe("");
    expect(headers(m, "Route")).toEqual([]);
    // RFC 3327 §4.1: a proxy on the way may ask that requests go by it.
    expect(header(m, "Supported")).toBe("path");
  });

  it("keeps Call-ID and From tag and raises CSeq by one each time, challenged or refreshed", () => {
    const { world, registrar } = house();
    world.run(2_000_000);
    const all = registrar.registers();
    expect(all.length).toBeGreaterThan(5);
    expect(new Set(all.map((m) => header(m, "Call-ID"))).size).toBe(1);
    expect(new Set(all.map((m) => header(m, "From"))).size).toBe(1);
    const first = Number.parseInt(header(all[0], "CSeq"), 10);
    expect(all.map((m) => header(m, "CSeq"))).toEqual(all.map((_, i) => `${first + i} REGISTER`));
  });

  it("goes by the outbound proxy with a Route", () => {
    const { world, registrar } = house({ domain: "house.test", proxy: SERVER });
    world.run(10);
    expect(registrar.registers()[0].split(" ")[1]).toBe("sip:house.test");
    expect(header(registrar.registers()[0], "Route")).toBe(`<sip:${SERVER};lr>`);
  });

  it("names the transport in its Contact when that is TCP", () => {
    const world = new World();
    const a = new Agent(world, DOOR, { transport: 2 });
    let sent = "";
    a.sendStream = (...args: unknown[]) => {
      const [, , , bytes, start, end] = args as [number, number, number, Uint8Array, number, number];
      sent = new TextDecoder().decode(bytes.slice(start, end));
      return 7;
    };
    a.configure({ domain: SERVER, register: true }, 5061);
    world.run(10);
    expect(header(sent, "Contact")).toBe(`<sip:door@${DOOR}:5061;transport=tcp>;expires=600`);
    expect(header(sent, "Via")).toMatch(/^SIP\/2\.0\/TCP 10\.0\.0\.1:5061;/);
  });
});

describe("a challenge", () => {
  for (const [algorithm, hash] of [
    ["MD5", "md5"],
    ["SHA-256", "sha256"],
  ] as const) {
    for (const isProxy of [false, true]) {
      it(`by ${isProxy ? 407 : 401} with ${algorithm} is answered as Node reckons it`, () => {
        const { world, registrar, a } = house({}, (r) => {
          r.challenge = `Digest realm="house", nonce="n1", qop="auth", algorithm=${algorithm}`;
          r.hash = hash;
          r.isProxy = isProxy;
        });
        world.run(100);
        expect(a.diary).toEqual(["register registering", "register registered 200"]);
        expect(registrar.registers()).toHaveLength(2);
        const value = header(registrar.registers()[1], isProxy ? "Proxy-Authorization" : "Authorization");
        expect(field(value, "username")).toBe("door");
        expect(field(value, "uri")).toBe(`sip:${SERVER}`);
        expect(field(value, "nc")).toBe("00000001");
      });
    }
  }

  it("without qop is answered in the manner of RFC 2069", () => {
    const { world, registrar, a } = house({}, (r) => {
      r.challenge = 'Digest realm="house", nonce="n1"';
    });
    world.run(100);
    expect(a.diary.at(-1)).toBe("register registered 200");
    expect(field(header(registrar.registers()[1], "Authorization"), "cnonce")).toBe("");
  });

  it("is answered with sip.authUser where that differs from the user", () => {
    const { world, registrar, a } = house({ authUser: "door-auth" });
    world.run(100);
    expect(field(header(registrar.registers()[1], "Authorization"), "username")).toBe("door-auth");
    expect(a.diary.at(-1)).toBe("register registered 200");
  });

  it("is not waited for at the refresh: credentials go along, with the nonce count raised", () => {
    const { world, registrar } = house();
    world.run(301_000);
    expect(registrar.registers()).toHaveLength(3);
    expect(field(header(registrar.registers()[2], "Authorization"), "nc")).toBe("00000002");
  });

  it("with a stale nonce is answered with the new one", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    registrar.challenge = registrar.challenge.replace("n1", "n2");
    world.run(300_000);
    expect(registrar.registers()).toHaveLength(4);
    expect(field(header(registrar.registers()[3], "Authorization"), "nonce")).toBe("n2");
    expect(field(header(registrar.registers()[3], "Authorization"), "nc")).toBe("00000001");
    expect(a.diary).toEqual(["register registering", "register registered 200", "register registered 200"]);
  });

  it("whose nonce is called stale for ever is answered twice at most", () => {
    const { world, registrar, a } = house({}, (r) => {
      r.instead = ["401 No", 'WWW-Authenticate: Digest realm="house", nonce="x", stale=true, qop="auth"'];
    });
    world.run(1000);
    expect(registrar.registers()).toHaveLength(3);
    expect(a.diary.at(-1)).toBe("register failed 401");
  });

  it("for a realm that is not configured is not answered", () => {
    const { world, registrar, a } = house({ realm: "another" });
    world.run(1000);
    expect(registrar.registers()).toHaveLength(1);
    expect(a.diary.at(-1)).toBe("register failed 401");
  });
});

describe("a wrong password", () => {
  it("fails once with its status, and is tried again with a back-off that never becomes a storm", () => {
    const { world, registrar, a } = house({ password: "wrong" });
    world.run(5000);
    expect(a.diary).toEqual(["register registering", "register failed 401"]);
    expect(registrar.registers()).toHaveLength(2);
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      waits.push(a.ua.registration.nextMs());
      const before = registrar.registers().length;
      expect(world.runUntil(() => a.ua.registration.failures === i + 2, 2_000_000)).toBe(true);
      expect(registrar.registers().length - before).toBe(2);
    }
    waits.forEach((waitMs, n) => {
      const fullMs = 1000 * Math.min(1800, 30 * 2 ** Math.min(n, 6));
      expect(waitMs, `wait ${n}`).toBeGreaterThanOrEqual(n === 0 ? fullMs / 2 - 5000 : fullMs / 2);
      expect(waitMs, `wait ${n}`).toBeLessThanOrEqual(fullMs);
    });
    world.run(86_400_000);
    // The number is for a day at 900 to 1,800 s: 96 tries of two requests at most.
    expect(registrar.registers().length).toBeLessThan(2 * (96 + 14));
  });

  it("is forgotten when the right one is configured", () => {
    const { world, a } = house({ password: "wrong" });
    world.run(5000);
    a.configure({ password: "secret" });
    world.run(1000);
    expect(a.diary.slice(2)).toEqual(["register registering", "register registered 200"]);
  });
});

describe("the expiry", () => {
  it("that our Contact's parameter grants counts, and is refreshed at its half", () => {
    const { world, registrar, a } = house({}, (r) => {
      r.grantS = 100;
    });
    world.run(49_000);
    expect(a.ua.registration.grantedS).toBe(100);
    expect(registrar.registers()).toHaveLength(2);
    world.run(2000);
    expect(registrar.registers()).toHaveLength(3);
  });

  it.each([
    ["the least counts when ours is not among them", ["Contact: <sip:other@10.0.0.3>;expires=20", "Expires: 300"], 20],
    ["the least counts, the header's too", ["Contact: <sip:other@10.0.0.3>;expires=400", "Expires: 300"], 300],
    ["the header counts without a parameter", [`Contact: <sip:door@${DOOR}:5060>`, "Expires: 300"], 300],
    ["what was asked counts when nothing is said", [], 600],
    ["a parameter that cannot be read does not", [`Contact: <sip:door@${DOOR}:5060>;expires=soon`, "Expires: 90"], 90],
    ["ours among many", [`Contact: <sip:x@h>;expires=7, "D" <sip:door@${DOOR}:5060>;q=1;expires=77`], 77],
  ])("%s", (_, lines, expected) => {
    const { world, a } = house({}, (r) => {
      r.instead = ["200 OK", ...lines];
    });
    world.run(100);
    expect(a.ua.registration.grantedS).toBe(expected);
  });

  it("of nothing is a failure", () => {
    const { world, a } = house({}, (r) => {
      r.instead = ["200 OK", `Contact: <sip:door@${DOOR}:5060>;expires=0`];
    });
    world.run(100);
    expect(a.diary.at(-1)).toBe("register failed 200");
  });

  it("of one second makes no storm", () => {
    const { world, registrar } = house({}, (r) => {
      r.instead = ["200 OK", `Contact: <sip:door@${DOOR}:5060>;expires=1`];
    });
    world.run(60_000);
    expect(registrar.registers().length).toBeLessThan(14);
  });
});

describe("a refusal", () => {
  it("423 is followed with its Min-Expires", () => {
    const { world, registrar, a } = house({ expiresS: 60 });
    registrar.onMessage = (m) => {
      if (header(m, "Expires") === "60") registrar.respond(DOOR, m, "423 Too Brief", "r", ["Min-Expires: 1800"]);
      else registrar.respond(DOOR, m, "200 OK", "r", [`Contact: ${header(m, "Contact")}`]);
    };
    world.run(100);
    expect(header(registrar.registers()[1], "Contact")).toContain("expires=1800");
    expect(a.diary.at(-1)).toBe("register registered 200");
    expect(a.ua.registration.grantedS).toBe(1800);
  });

  it("423 that asks for more each time ends in the back-off", () => {
    const { world, registrar, a } = house();
    registrar.onMessage = (m) =>
      registrar.respond(DOOR, m, "423 Interval Too Brief", "r", [`Min-Expires: ${700 + 100 * registrar.inbox.length}`]);
    world.run(10_000);
    expect(registrar.registers()).toHaveLength(2);
    expect(a.diary.at(-1)).toBe("register failed 423");
  });

  it("423 without Min-Expires fails", () => {
    const { world, registrar, a } = house({}, (r) => {
      r.instead = ["423 Interval Too Brief"];
    });
    world.run(1000);
    expect(registrar.registers()).toHaveLength(1);
    expect(a.diary.at(-1)).toBe("register failed 423");
  });

  it("503 waits as long as Retry-After says", () => {
    const { world, registrar, a } = house({}, (r) => {
      r.instead = ["503 Service Unavailable", "Retry-After: 120 (rebooting);duration=60"];
    });
    world.run(119_000);
    expect(a.diary.at(-1)).toBe("register failed 503");
    expect(registrar.registers()).toHaveLength(1);
    registrar.instead = null;
    world.run(2000);
    expect(a.diary.at(-1)).toBe("register registered 200");
  });

  it("with an absurd Retry-After waits a day at most", () => {
    const { world, a } = house({}, (r) => {
      r.instead = ["503 Service Unavailable", "Retry-After: 4294967295"];
    });
    world.run(1000);
    expect(a.ua.registration.nextMs()).toBeLessThanOrEqual(86_400_000);
  });

  it("by silence fails after 32 s, and an answer later counts for nothing", () => {
    const { world, registrar, a } = house();
    registrar.onMessage = () => {};
    world.run(33_000);
    expect(a.diary).toEqual(["register registering", "register failed"]);
    registrar.respond(DOOR, registrar.registers()[0], "200 OK", "r");
    world.run(1000);
    expect(a.diary).toHaveLength(2);
  });

  it("of a name that nobody knows fails, and is tried again", () => {
    const { world, a } = house({ domain: "house.test" });
    a.answerNames();
    world.run(100);
    expect(a.diary).toEqual(["register registering", "register failed"]);
    a.names.set("house.test", SERVER);
    world.run(31_000);
    a.answerNames();
    world.run(100);
    expect(a.diary.at(-1)).toBe("register registered 200");
  });
});

describe("unregistering", () => {
  it("takes the one Contact back with an expiry of 0 and stays away", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.ua.registration.stop();
    world.run(1000);
    const m = registrar.registers().at(-1)!;
    expect(headers(m, "Contact")).toEqual([`<sip:door@${DOOR}:5060>;expires=0`]);
    expect(a.diary.at(-1)).toBe("register unregistered 200");
    expect(registrar.bindings.size).toBe(0);
    const count = registrar.registers().length;
    world.run(10_000_000);
    expect(registrar.registers()).toHaveLength(count);
    expect(a.timers.next()).toBe(Infinity);
  });

  it("while a REGISTER is under way waits for its answer first", () => {
    const { world, registrar, a } = house();
    world.runUntil(() => registrar.registers().length === 2, 100);
    a.timers.nowMs = world.nowMs;
    a.ua.registration.stop();
    world.run(1000);
    expect(registrar.registers()).toHaveLength(3);
    expect(registrar.bindings.size).toBe(0);
    expect(a.diary.at(-1)).toBe("register unregistered 200");
  });

  it("is done when the settings no longer want a registration", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.configure({ register: false });
    world.run(1000);
    expect(registrar.bindings.size).toBe(0);
    expect(a.diary.at(-1)).toBe("register unregistered 200");
  });

  it("is asked for when another account takes its place, which then registers", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.configure({ user: "gate" });
    world.run(1000);
    const [removal, next] = registrar.registers().slice(2);
    expect([header(removal, "To"), header(removal, "Contact")]).toEqual([
      `<sip:door@${SERVER}>`,
      `<sip:door@${DOOR}:5060>;expires=0`,
    ]);
    expect(header(removal, "Authorization")).not.toBe("");
    expect(header(next, "To")).toBe(`<sip:gate@${SERVER}>`);
    expect([...registrar.bindings.keys()]).toEqual([`sip:gate@${DOOR}:5060`]);
    expect(a.diary.slice(-3)).toEqual(["register unregistered", "register registering", "register registered 200"]);
  });

  it("is told when another account takes its place that does not register", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.configure({ user: "gate", register: false });
    world.run(1000);
    expect(registrar.bindings.size).toBe(0);
    expect(a.diary.at(-1)).toBe("register unregistered");
    a.timers.nowMs = world.nowMs;
    a.configure({ user: "hall", register: false });
    world.run(1000);
    expect(a.diary.filter((line) => line === "register unregistered")).toHaveLength(1);
  });

  it("is asked for when the door is to be without a server, and nothing more is sent", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.configure({ domain: "" });
    world.run(100_000);
    expect(registrar.bindings.size).toBe(0);
    expect(registrar.registers()).toHaveLength(3);
  });

  it("is not asked for when the same account is read anew", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.configure({ expiresS: 300 });
    world.run(1000);
    for (const register of registrar.registers()) expect(header(register, "Contact")).not.toMatch(/expires=0$/);
    expect(registrar.bindings.size).toBe(1);
  });

  it("may be followed by a registration at once", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.ua.registration.stop();
    a.ua.registration.start();
    world.run(1000);
    expect(registrar.bindings.size).toBe(1);
    expect(a.diary.at(-1)).toBe("register registered 200");
  });
});

describe("a query", () => {
  it("has no Contact, and each binding of the answer is told", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    registrar.bindings.set("sip:door@10.0.0.77", world.nowMs + 60_000);
    a.timers.nowMs = world.nowMs;
    expect(a.ua.registration.query()).toBe(true);
    world.run(1000);
    expect(headers(registrar.registers().at(-1)!, "Contact")).toEqual([]);
    expect(a.diary.filter((line) => line.startsWith("binding"))).toEqual([
      `binding <sip:door@${DOOR}:5060>;expires=599`,
      "binding <sip:door@10.0.0.77>;expires=60",
    ]);
    expect(a.ua.registration.state).toBe(2);
  });

  it("that nobody answers costs neither the registration nor its refresh", () => {
    const { world, registrar, a } = house({ expiresS: 40 });
    world.run(1000);
    world.lose = (message) => message.startsWith("REGISTER");
    a.timers.nowMs = world.nowMs;
    a.ua.registration.query();
    // The refresh is due while the query still waits.
    world.run(30_000);
    world.lose = () => false;
    world.run(100_000);
    expect(a.diary.filter((line) => line.includes("failed"))).toEqual([]);
    expect(registrar.holds(`sip:door@${DOOR}:5060`)).toBe(true);
  });

  it("is refused before there is anybody to ask", () => {
    const world = new World();
    expect(new Agent(world, DOOR).ua.registration.query()).toBe(false);
  });
});

describe("another address of ours", () => {
  it("removes the old binding and sets the new one in one request, and tells the other side of a call", () => {
    const { world, registrar, a } = house();
    const phone = new Peer(world, "10.0.0.2");
    phone.onMessage = (message) => {
      if (message.startsWith("INVITE")) {
        const lines = ["Contact: <sip:bob@10.0.0.2>", "Content-Type: application/sdp"];
        phone.respond(
          header(message, "Via").includes("10.0.0.5") ? "10.0.0.5" : DOOR,
          message,
          "200 OK",
          "t",
          lines,
          sdpOf("10.0.0.2"),
        );
      }
    };
    a.call("sip:bob@10.0.0.2");
    world.run(1000);
    expect(a.last()).toBe("call confirmed");
    a.moveTo("10.0.0.5");
    world.run(1000);
    const m = registrar.registers().at(-1)!;
    expect(headers(m, "Contact")).toEqual([
      `<sip:door@${DOOR}:5060>;expires=0`,
      "<sip:door@10.0.0.5:5060>;expires=600",
    ]);
    expect(header(m, "Via")).toContain("10.0.0.5");
    expect([...registrar.bindings.keys()]).toEqual(["sip:door@10.0.0.5:5060"]);
    const again = phone.got("INVITE").at(-1)!;
    expect(header(again, "Contact")).toBe("<sip:door@10.0.0.5:5060>");
    expect(bodyOf(again)).toContain("c=IN IP4 10.0.0.5");
    expect(header(again, "To")).toContain(";tag=t");
    expect(phone.got("ACK")).toHaveLength(2);
    expect(a.last()).toBe("call confirmed");
  });

  it("while a query is under way is registered all the same", () => {
    const { world, registrar, a } = house();
    world.run(1000);
    a.timers.nowMs = world.nowMs;
    a.ua.registration.query();
    a.moveTo("10.0.0.5");
    world.run(1000);
    expect([...registrar.bindings.keys()]).toEqual(["sip:door@10.0.0.5:5060"]);
  });
});

describe("a week, or a month", () => {
  it("with gaps in the Wi-Fi: registered again after each, nothing is left over", () => {
    const { world, registrar, a } = house();
    const random = new SeededRandom(30);
    const uri = `sip:door@${DOOR}:5060`;
    const endMs = part(7, 30) * 86_400_000;
    while (world.nowMs < endMs) {
      world.lose = () => false;
      world.run(600_000 + (random.uint32() % 21_600_000));
      expect(registrar.holds(uri), `at ${world.nowMs} ms`).toBe(true);
      registrar.inbox.length = 0;
      world.log.length = 0;
      world.lose = () => true;
      world.run(1000 + (random.uint32() % 7_200_000));
      world.lose = () => false;
      // The wait is the longest that may be running, with the time until a request is given up.
      world.run(1_800_000 + 33_000);
      expect(registrar.holds(uri), `at ${world.nowMs} ms`).toBe(true);
    }
    expect(a.ua.layer.clients.used()).toBe(0);
    expect(a.ua.layer.servers.used()).toBe(0);
    // These are the one that was challenged, and the one with credentials.
    expect(a.ua.layer.clients.highWater).toBe(2);
  });
});

describe("credentials", () => {
  const CHALLENGE = 'Digest realm="house", nonce="evil", qop="auth"';

  /** A stranger who challenges each request of the kind. */
  function stranger(world: World, method: string): Peer {
    const peer = new Peer(world, "10.0.0.66");
    peer.onMessage = (message) => {
      if (message.startsWith(method)) {
        peer.respond(DOOR, message, "407 Mine", "x", [`Proxy-Authenticate: ${CHALLENGE}`]);
      } else if (message.startsWith("INVITE")) {
        const lines = ["Contact: <sip:x@10.0.0.66>", "Content-Type: application/sdp"];
        peer.respond(DOOR, message, "200 OK", "x", lines, sdpOf("10.0.0.66"));
      }
    };
    return peer;
  }

  it("are not given to a stranger who is called and challenges", () => {
    const { world, a } = house();
    world.run(1000);
    const peer = stranger(world, "INVITE");
    a.call("sip:x@10.0.0.66");
    world.run(1000);
    expect(a.last()).toBe("call ended cause refused status 407");
    expect(peer.got("INVITE")).toHaveLength(1);
    expect(peer.inbox.join("")).not.toContain("uthorization");
  });

  it("are not given to a stranger who challenges a BYE", () => {
    const { world, a } = house();
    world.run(1000);
    const peer = stranger(world, "BYE");
    const call = a.call("sip:x@10.0.0.66");
    world.run(1000);
    a.ua.hangUp(call);
    world.run(1000);
    expect(peer.got("BYE")).toHaveLength(1);
    expect(peer.inbox.join("")).not.toContain("uthorization");
  });

  /** Makes the server a proxy that challenges calls to others, too. */
  function proxied(challengeOf: (message: string) => string | null) {
    const all = house();
    const { registrar, world } = all;
    const register = registrar.onMessage;
    registrar.onMessage = (message) => {
      if (message.startsWith("REGISTER")) {
        register(message);
        return;
      }
      if (message.startsWith("ACK") || message.startsWith("SIP/2.0")) return;
      const challenge = challengeOf(message);
      if (challenge !== null) {
        registrar.respond(DOOR, message, "407 Who", "p", [`Proxy-Authenticate: ${challenge}`]);
      } else if (message.startsWith("INVITE")) {
        const lines = ["Contact: <sip:bob@10.0.0.9:5060>", "Content-Type: application/sdp"];
        registrar.respond(DOOR, message, "200 OK", "b", lines, sdpOf(SERVER));
      } else registrar.respond(DOOR, message, "200 OK", "b");
    };
    world.run(1000);
    return all;
  }

  const PROXY = 'Digest realm="house", nonce="p1", qop="auth"';
  const isRight = (m: string) => {
    const value = header(m, "Proxy-Authorization");
    return field(value, "response") === digest("md5", value, m.split(" ")[0], "secret");
  };

  it("answer the server's challenge of an INVITE and of a BYE, and the dialog goes on", () => {
    const { world, registrar, a } = proxied((m) => (header(m, "Proxy-Authorization") === "" ? PROXY : null));
    const call = a.call("bob");
    world.run(1000);
    expect(a.last()).toBe("call confirmed");
    const [first, second] = registrar.got("INVITE");
    expect(isRight(second)).toBe(true);
    expect(header(second, "Call-ID")).toBe(header(first, "Call-ID"));
    expect(header(second, "From")).toBe(header(first, "From"));
    expect(Number.parseInt(header(second, "CSeq"), 10)).toBe(Number.parseInt(header(first, "CSeq"), 10) + 1);
    a.ua.hangUp(call);
    world.run(1000);
    const bye = registrar.got("BYE").at(-1)!;
    expect(isRight(bye)).toBe(true);
  });

  it("are sent twice at most when the server goes on challenging", () => {
    let n = 0;
    const { world, registrar, a } = proxied(() => `Digest realm="house", nonce="p${n++}", stale=true, qop="auth"`);
    a.call("bob");
    world.run(1000);
    expect(registrar.got("INVITE")).toHaveLength(3);
    expect(a.last()).toBe("call ended cause refused status 407");
  });

  it("answer a challenge of each session refresh, whose nonce is a new one each time", () => {
    let fresh = 0;
    const { world, registrar, a } = proxied(() => null);
    const answer = registrar.onMessage;
    registrar.onMessage = (m) => {
      const lines = ["Contact: <sip:bob@10.0.0.9>", "Allow: UPDATE", "Require: timer"];
      lines.push("Session-Expires: 90;refresher=uac");
      if (m.startsWith("INVITE")) {
        registrar.respond(DOOR, m, "200 OK", "b", [...lines, "Content-Type: application/sdp"], sdpOf(SERVER));
      } else if (!m.startsWith("UPDATE")) answer(m);
      else if (field(header(m, "Proxy-Authorization"), "nonce") === `u${fresh}`) {
        registrar.respond(DOOR, m, "200 OK", "b", lines);
        fresh += 1;
      } else {
        const challenge = `Digest realm="house", nonce="u${fresh}", qop="auth"`;
        registrar.respond(DOOR, m, "407 Who", "b", [`Proxy-Authenticate: ${challenge}`]);
      }
    };
    a.call("bob");
    world.run(500_000);
    expect(a.last()).toBe("call confirmed");
    expect(registrar.got("UPDATE").length).toBeGreaterThan(15);
  });
});

describe("What the registrar asks for beside (RFC 3608, RFC 7616 §3.5)", () => {
  const ACCEPTED = ["200 OK", `Contact: <sip:door@${DOOR}:5060>;expires=60`];

  /** Lists the routes of a call that the door begins now. */
  function routesOf(world: World, door: Agent, peer: Registrar): string[] {
    const before = peer.inbox.length;
    door.call("200");
    world.run(50);
    const invite = peer.inbox.slice(before).find((message) => message.startsWith("INVITE"));
    const call = door.ua.activeCall();
    if (call !== null) door.ua.hangUp(call);
    world.run(40_000);
    return headers(invite ?? "", "Route");
  }

  it("is the way of its calls, as long as it asks for it, and not that of REGISTER", () => {
    const world = new World();
    const registrar = new Registrar(world);
    registrar.instead = [...ACCEPTED, `Service-Route: <sip:a@${SERVER};lr>, <sip:b@10.0.0.77;lr>`];
    const door = new Agent(world, DOOR, { ...ACCOUNT });
    world.run(100);
    expect(routesOf(world, door, registrar)).toEqual([`<sip:a@${SERVER};lr>,<sip:b@10.0.0.77;lr>`]);
    expect(registrar.got("REGISTER").flatMap((message) => headers(message, "Route"))).toEqual([]);
    // The next answer asks for none.
    registrar.instead = ACCEPTED;
    world.run(60_000);
    expect(routesOf(world, door, registrar)).toEqual([]);
  });

  it.each([
    ["a failure", ["500 No"]],
    ["a way that is no loose one", [...ACCEPTED, `Service-Route: <sip:a@${SERVER}>`]],
    ["a part that cannot be read", [...ACCEPTED, `Service-Route: <sip:a@${SERVER};lr>, <sip:b@`]],
    ["more than there is room for", [...ACCEPTED, `Service-Route: <sip:${"x".repeat(400)}@${SERVER};lr>`]],
  ])("ends with %s", (_words, instead) => {
    const world = new World();
    const registrar = new Registrar(world);
    registrar.instead = [...ACCEPTED, `Service-Route: <sip:a@${SERVER};lr>`];
    const door = new Agent(world, DOOR, { ...ACCOUNT });
    world.run(100);
    registrar.instead = instead;
    world.run(60_000);
    expect(routesOf(world, door, registrar)).toEqual([]);
  });

  it("is the next nonce: the refresh is not challenged again", () => {
    const world = new World();
    const registrar = new Registrar(world);
    new Agent(world, DOOR, { ...ACCOUNT });
    world.run(1);
    const answer = registrar.onMessage;
    registrar.onMessage = (message) => {
      const nonce = field(header(message, "Authorization"), "nonce");
      if (nonce === "") answer(message);
      else
        registrar.respond(DOOR, message, "200 OK", "r", [
          ACCEPTED[1],
          `Authentication-Info: qop=auth, nextnonce="after-${nonce}"`,
        ]);
    };
    world.run(70_000);
    const nonces = registrar.got("REGISTER").map((message) => field(header(message, "Authorization"), "nonce"));
    expect(nonces.slice(0, 4)).toEqual(["", "n1", "after-n1", "after-after-n1"]);
    const [, , second] = registrar.got("REGISTER").map((message) => header(message, "Authorization"));
    expect(field(second, "response")).toBe(digest("md5", second, "REGISTER", "secret"));
    expect(field(second, "nc")).toBe("00000001");
  });
});
