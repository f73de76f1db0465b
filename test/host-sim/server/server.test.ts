/** Tests the server as a user meets it: command line, users' file, signals, and the bindings that survive a kill. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { metrics } from "../../../host-sim/server/http.js";
import { parseOptions, USAGE } from "../../../host-sim/server/options.js";
import { addUser, readUsers, tableOf } from "../../../host-sim/server/users-file.js";
import { octets, Span } from "../../../src/core/bytes.js";
import { STRANGERS_ALWAYS, STRANGERS_BY_RULE } from "../../../src/server/users.js";
import { part } from "../../runs.js";
import { each, Folder, Phones, Program, pause } from "./program.js";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

function folder(): Folder {
  const made = new Folder();
  cleanUps.push(() => made.remove());
  return made;
}

function program(...args: string[]): Program {
  const made = new Program(args);
  cleanUps.push(() => made.child.kill("SIGKILL"));
  return made;
}

function phones(): Phones {
  const made = new Phones();
  cleanUps.push(() => made.close());
  return made;
}

/** Phones that register at once, and the number of answers after which the server is killed. */
const [MANY, ENOUGH] = [part(400, 1000), part(150, 400)];
const LISTEN = ["--listen", "udp:127.0.0.1:0", "--domain", "example.org", "--json"];

describe("the server's program", () => {
  it("registers a phone, reads the users anew, and ends at SIGTERM", async () => {
    const place = folder();
    const users = place.users(1);
    const server = await program(...LISTEN, "--users", users).ready();
    const phone = phones();
    const answer = await phone.register(server.port, 0, "sip:user0@127.0.0.1:5099");
    expect(answer).toMatch(/^SIP\/2.0 200.*Contact: <sip:user0@127.0.0.1:5099>;expires=3600\r\n.*Date: /s);
    expect(await phone.register(server.port, 1, "sip:user1@127.0.0.1")).toMatch(/^SIP\/2.0 401/);
    place.users(2);
    server.child.kill("SIGHUP");
    await server.says(/"reload","value":"done","users":2/);
    expect(await phone.register(server.port, 1, "sip:user1@127.0.0.1")).toMatch(/^SIP\/2.0 200/);
    // Whoever is gone has no bindings, also when somebody of that name comes again.
    place.users(1);
    server.child.kill("SIGHUP");
    await server.says(/"bindings","value":"user1@example.org","contacts":0/);
    place.users(2);
    server.child.kill("SIGHUP");
    await server.says(/"users":2[\s\S]*"users":1[\s\S]*"users":2/);
    expect(await phone.register(server.port, 1, "")).not.toContain("Contact:");
    expect(await phone.register(server.port, 0, "")).toContain("Contact:");
    writeFileSync(users, "nonsense\n");
    server.child.kill("SIGHUP");
    await server.says(/"error","value":"[^"]*users:1: /);
    expect(await phone.register(server.port, 1, "")).toMatch(/^SIP\/2.0 200/);
    writeFileSync(users, "");
    server.child.kill("SIGHUP");
    await server.says(/"error","value":"[^"]*users is empty, so the old users stay/);
    expect(await phone.register(server.port, 1, "")).toMatch(/^SIP\/2.0 200/);
    expect(await server.end("SIGTERM")).toBe(0);
    expect(server.output).toContain('"event":"stopped"');
  });

  it("names file and line of a bad user, with exit code 2", async () => {
    const place = folder();
    const users = place.users(2);
    writeFileSync(users, readFileSync(users, "utf8") + "carol:example.org:12\n");
    const server = program(...LISTEN, "--users", users);
    expect(await server.exited).toBe(2);
    expect(server.errors).toBe(users + ':3: "carol:example.org:12": must be NAME:DOMAIN:MD5:SHA-256\n');
  });

  it("adds a user by name with the password from stdin, for the owner's eyes only", async () => {
    const users = join(folder().path, "users");
    const adding = program("user", "add", "user0", "--domain", "example.org", "--users", users, "--password-stdin");
    adding.child.stdin?.end("user0\n");
    expect(await adding.exited).toBe(0);
    expect(readFileSync(users, "utf8")).not.toContain(":user0\n");
    expect(statSync(users).mode & 0o777).toBe(0o600);
    const server = await program(...LISTEN, "--users", users).ready();
    expect(await phones().register(server.port, 0, "")).toMatch(/^SIP\/2.0 200/);
  });

  it("keeps every binding that was answered 200 when it is killed in the middle of many", async () => {
    const place = folder();
    const args = [...LISTEN, "--users", place.users(MANY), "--store", "file:" + join(place.path, "db")];
    const server = await program(...args).ready();
    const phone = phones();
    const answered: number[] = [];
    await each(MANY, 64, async (i) => {
      if (answered.length >= ENOUGH) {
        if (!server.child.killed) server.child.kill("SIGKILL");
        return;
      }
      const answer = await phone.register(server.port, i, "sip:user" + i + "@127.0.0.1:5099", 1500);
      if (answer.startsWith("SIP/2.0 200")) answered.push(i);
    });
    await server.exited;
    expect(answered.length).toBeGreaterThanOrEqual(ENOUGH);
    const again = await program(...args).ready();
    const missing: number[] = [];
    await each(answered.length, 32, async (k) => {
      let answer = await phone.register(again.port, answered[k], "");
      // A busy machine turns some requests away for a while.
      for (let i = 0; i < 10 && answer.startsWith("SIP/2.0 503"); i++) {
        await pause(500);
        answer = await phone.register(again.port, answered[k], "");
      }
      if (!answer.includes("Contact: <sip:user" + answered[k] + "@127.0.0.1:5099>")) missing.push(answered[k]);
    });
    expect(missing).toEqual([]);
  }, 60_000);
});

describe("a server whose lines nobody reads", () => {
  it.each(["stdout", "stderr"] as const)("goes on when the reader of %s goes away", async (name) => {
    const server = await program(...LISTEN, "--users", folder().users(5)).ready();
    server.child[name]?.destroy();
    const phone = phones();
    for (let i = 0; i < 5; i++)
      expect(await phone.register(server.port, i, "sip:user" + i + "@127.0.0.1:5099")).toMatch(/^SIP\/2.0 200/);
    server.child.kill("SIGHUP");
    expect(await phone.register(server.port, 0, "")).toMatch(/^SIP\/2.0 200/);
    expect(await server.end("SIGTERM")).toBe(0);
  });
});

const hash = (algorithm: string, password: string): string =>
  createHash(algorithm)
    .update("alice:example.org:" + password)
    .digest("hex");

describe("the users' file", () => {
  it("takes no empty password, and no blanks for one", () => {
    const users = join(folder().path, "users");
    for (const password of ["", " ", "   ", "\t"])
      expect(() => addUser(users, "alice", "example.org", password)).toThrow("the password is empty");
    expect(existsSync(users)).toBe(false);
  });

  it("gives a user another password in place of the old one, and leaves the others", () => {
    const users = join(folder().path, "users");
    addUser(users, "alice", "example.org", "one");
    addUser(users, "bob", "example.org", "two");
    const before = readUsers(users);
    addUser(users, "alice", "example.org", "three");
    const after = readUsers(users);
    expect(after.map((user) => user.name).sort()).toEqual(["alice", "bob"]);
    expect(after.find((user) => user.name === "bob")).toEqual(before.find((user) => user.name === "bob"));
    expect(after.find((user) => user.name === "alice")?.md5).not.toBe(before[0].md5);
  });

  it("is read with the mark that editors on Windows put before it", () => {
    const users = join(folder().path, "users");
    addUser(users, "alice", "example.org", "one");
    writeFileSync(users, "\uFEFF" + readFileSync(users, "utf8"));
    addUser(users, "bob", "example.org", "two");
    expect(readUsers(users).map((user) => user.name)).toEqual(["alice", "bob"]);
  });

  it("keeps whether strangers may call a user, also when the user gets another password", () => {
    const users = join(folder().path, "users");
    addUser(users, "alice", "example.org", "one", { strangers: "on" });
    addUser(users, "bob", "example.org", "two", { strangers: "off" });
    addUser(users, "carol", "example.org", "three");
    const rules = (): string[] =>
      readUsers(users)
        .map((user) => user.name + " " + user.strangers)
        .sort();
    expect(rules()).toEqual(["alice on", "bob off", "carol "]);
    addUser(users, "alice", "example.org", "four");
    addUser(users, "bob", "example.org", "five", { strangers: "on" });
    expect(rules()).toEqual(["alice on", "bob on", "carol "]);
    const table = tableOf(readUsers(users), ["example.org"]);
    const rule = (name: string): number => {
      const span = new Span();
      span.set(octets(name), 0, name.length);
      return table.strangers(span, octets("example.org"));
    };
    expect([rule("alice"), rule("carol"), rule("nobody")]).toEqual([
      STRANGERS_ALWAYS,
      STRANGERS_BY_RULE,
      STRANGERS_BY_RULE,
    ]);
  });

  it.each([
    ["alice:example.org::" + "1".repeat(64) + ":strangers=maybe", "must be strangers=on or strangers=off"],
    ["alice:example.org::" + "1".repeat(64) + ":strangers=on:x", "must be NAME:DOMAIN:MD5:SHA-256"],
    ["alice", "must be NAME:DOMAIN:MD5:SHA-256"],
    ["a b:example.org::" + "0".repeat(64), "a name has"],
    ["alice:Example.org::" + "0".repeat(64), "must be a domain in lower case"],
    ["alice:example.org:xyz:", "32 hexadecimal digits"],
    ["alice:example.org::xyz", "64 hexadecimal digits"],
    ["alice:example.org::", "there is no hash"],
    ["alice:example.org:" + hash("md5", "") + ":", "has an empty password"],
    ["alice:example.org::" + hash("sha256", ""), "has an empty password"],
    ["alice:example.org:" + "1".repeat(32) + ":" + hash("sha256", " "), "has an empty password"],
    ["alice:example.org:" + "0".repeat(32) + ":\nalice:example.org:" + "1".repeat(32) + ":", "is there already"],
  ])("refuses the line %s", (line, problem) => {
    const users = join(folder().path, "users");
    writeFileSync(users, "# users\n" + line + "\n");
    expect(() => readUsers(users)).toThrow(problem);
    expect(() => readUsers(users)).toThrow(users + (problem.includes("already") ? ":3: " : ":2: "));
    expect(() => addUser(users, "bob", "example.org", "x")).toThrow(problem);
  });
});

describe("the server's options", () => {
  it("let contacts be anywhere by a word, beside how many there may be", () => {
    const contacts = (...args: string[]): unknown => {
      const options = parseOptions(["--domain", "a.b", "--users", "u", ...args]);
      return typeof options === "string" ? options : [options.contacts, options.anyContacts];
    };
    expect(contacts()).toEqual([10, false]);
    expect(contacts("--contacts", "3")).toEqual([3, false]);
    expect(contacts("--contacts", "any")).toEqual([10, true]);
    expect(contacts("--contacts", "3,any")).toEqual([3, true]);
    for (const wrong of ["many", "any,3", "0,any", ",any", "anyone"])
      expect(contacts("--contacts", wrong)).toContain("--contacts");
  });

  it("let no stranger in unless it is said", () => {
    const strangers = (args: string): boolean | undefined => {
      const options = parseOptions(("--domain a.b --users u " + args).trim().split(" "));
      return typeof options === "string" ? undefined : options.strangers;
    };
    expect([strangers(""), strangers("--strangers off"), strangers("--strangers on")]).toEqual([false, false, true]);
  });

  it.each([
    ["--domain a.b", "--users is needed"],
    ["--users u", "--domain is needed"],
    ["--domain a.b --users u --listen ws:127.0.0.1:5061", "must be udp:IP:PORT, tcp:IP:PORT or tls:IP:PORT"],
    ["--domain a.b --users u --listen tls:127.0.0.1:5061", "needs --tls-cert FILE and --tls-key FILE"],
    ["--domain a.b --users u --listen tls:127.0.0.1:5061 --tls-cert c", "must be given in pairs"],
    ["--domain a.b --users u --tls-cert c --tls-key k", "need --listen tls:IP:PORT"],
    ["--domain a.b --users u --listen udp:127.0.0.1:1 --listen udp:127.0.0.1:2", "once for udp"],
    ["--domain a.b --users u --store tape", "memory, file:DIR or redis"],
    ["--domain a.b --users u --digest sha1", "md5, sha-256, or both"],
    ["--domain a.b --users u --contacts 0", "1 to 100"],
    ["--domain a.b --users u --mode pbx", "--mode"],
    ["--domain a.b --users u --min-expires 100 --max-expires 99", "at least"],
    ["--domain a.b --users u --flow-timer 5", "0, or 10 to 3600"],
    ["--domain a.b --users u --strangers maybe", "on or off"],
    ["--domain a.b --users u --service-route http://a", "a SIP URI"],
    ["--domain a.b --users u --service-route sip:a@b\r\nEvil:1", "a SIP URI"],
    ["--domain a.b --users u --service-route <sip:a;lr>,b", "a SIP URI"],
    ["--domain a.b --users u --advertise 0.0.0.0", "an IPv4 address that others can send to"],
    ["--domain a.b --users u --http-host door", "--http-host needs --http PORT"],
    ["--domain a.b --users u --mode registrar --ring-time 5", "--ring-time needs --mode proxy without --stateless"],
    ["--domain a.b --users u --mode redirect --recurse on", "--recurse needs --mode proxy without --stateless"],
    ["--domain a.b --users u --stateless --ring-time 5", "--ring-time needs --mode proxy without --stateless"],
    ["--domain a.b --users u --mode redirect --record-route on", "--record-route needs --mode proxy"],
    ["--domain a.b --users u --mode redirect --number 1=sip:a@b", "--number needs --mode proxy"],
    ["--domain a.b --users u --mode registrar --flow-timer 0", "--flow-timer needs --mode proxy"],
    ["--domain a.b --users u --mode registrar --strangers on", "--strangers needs --mode proxy or redirect"],
    ["--domain a.b --users u --password-stdin", "--password-stdin belongs to user add and user passwd"],
    ["--domain", "--domain needs a value"],
    ["--bogus", "there is no option --bogus; --help lists them"],
    ["user del x", "must be nothing, user add NAME, user passwd NAME"],
    ["status", "--http is needed"],
  ])("refuse %s in one line", (args, problem) => {
    const result = parseOptions(args.split(" "));
    expect(result).toContain(problem);
    expect(result).not.toContain("\n");
  });
});

describe("options with an empty value", () => {
  const names = [...new Set([...USAGE.matchAll(/(?<=\s)--([a-z-]+) [A-Z]/g)].map(([, name]) => name))];

  it("are refused in one line", () => {
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const needed = ["domain", "users"].filter((one) => one !== name).map((one) => `--${one}=a.b`);
      expect(parseOptions([...needed, "--" + name + "="]), name).toMatch(/^--[^\n]+$/);
    }
  });
});

describe("metrics", () => {
  it("are counters and gauges in the format of Prometheus", () => {
    expect(metrics({ bindings: 3, messages_sent_total: 7 })).toBe(
      "# TYPE portero_bindings gauge\nportero_bindings 3\n" +
        "# TYPE portero_messages_sent_total counter\nportero_messages_sent_total 7\n",
    );
  });
});
