/**
 * Tests the server's tools as one file each: without npm's packages, with good input and with bad. Most run in this
 * process; those that race, belong to another user or lose their reader are processes of their own.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Ended, programIn, runHere } from "../../programs.js";

const ROOT = join(import.meta.dirname, "../../..");
const NOBODY = 65534;
let programs = "";
let server = "";
let folder = "";
let users = "";

beforeAll(() => {
  programs = mkdtempSync(join(tmpdir(), "portero-bundle-"));
  chmodSync(programs, 0o755);
  server = programIn("portero-server", programs);
});
afterAll(() => rmSync(programs, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "portero-tools-"));
  users = join(folder, "users");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: readonly string[], input?: string | Buffer): Promise<Ended> =>
  runHere("portero-server", args, input);

/** Runs the tool as a process of its own and of another user, in an empty folder, where no package of npm is found. */
function runAs(uid: number, args: readonly string[], input: string | Buffer): Ended {
  const how = { cwd: programs, input, encoding: "utf8", timeout: 20_000, uid, gid: uid } as const;
  const done = spawnSync(process.execPath, [server, ...args], how);
  return { code: done.status ?? -1, out: done.stdout, err: done.stderr };
}

const add = (name: string, input: string | Buffer = "secret\n"): Promise<Ended> =>
  run(["user", "add", name, "--domain", "example.org", "--users", users, "--password-stdin"], input);
const change = (verb: string, name: string, input: string | Buffer = "other\n"): Promise<Ended> =>
  run(["user", verb, name, "--domain", "example.org", "--users", users, ...passwordFor(verb)], input);
const list = (...more: string[]): Promise<Ended> => run(["user", "list", "--users", users, ...more]);

/** Returns the option that a verb takes a password by; none where there is no password. */
const passwordFor = (verb: string) => (verb === "remove" ? [] : ["--password-stdin"]);

/** Checks that the refusal is one line for a person. */
function expectRefusal({ code, out, err }: Ended, says: RegExp): void {
  expect(err).toMatch(says);
  expect(err.trimEnd().split("\n")).toHaveLength(1);
  expect(err).not.toMatch(/\n +at |Error:|node:/);
  expect(out).toBe("");
  expect([1, 2]).toContain(code);
}

describe("the users of the server", () => {
  it("are added, listed, given another password and removed, with what stands between them kept", async () => {
    expect((await add("bob")).out).toBe("bob@example.org is in " + users + "\n");
    writeFileSync(users, readFileSync(users, "utf8") + "\n# the kitchen\n");
    expect(
      (
        await run(
          [
            "user",
            "add",
            "alice",
            "--domain",
            "example.org",
            "--users",
            users,
            "--password-stdin",
            "--strangers",
            "on",
          ],
          "x y\n",
        )
      ).code,
    ).toBe(0);
    expect((await list()).out).toBe("alice@example.org  md5,sha-256  strangers=on\nbob@example.org    md5,sha-256\n");
    expect((await list("--json")).out.split("\n")[1]).toBe(
      '{"name":"bob","domain":"example.org","digests":["md5","sha-256"],"strangers":"rule"}',
    );
    expect((await list("--domain", "example.com")).out).toBe("");
    const before = readFileSync(users, "utf8");
    expect((await change("passwd", "alice")).out).toBe("alice@example.org has another password in " + users + "\n");
    const after = readFileSync(users, "utf8");
    expect(after).not.toBe(before);
    expect(after).toContain("\n# the kitchen\n");
    expect((await list()).out).toContain("alice@example.org  md5,sha-256  strangers=on");
    expect((await change("remove", "bob")).out).toBe("bob@example.org is no longer in " + users + "\n");
    expect((await list()).out).toBe("alice@example.org  md5,sha-256  strangers=on\n");
    expect(readFileSync(users, "utf8")).toContain("\n# the kitchen\n");
  });

  it.each(["passwd", "remove"])("that are not there are told of (%s), and nothing is changed or made", async (verb) => {
    expectRefusal(await change(verb, "carol"), /there is no user carol@example.org/);
    expect(existsSync(users)).toBe(false);
    await add("alice");
    const before = readFileSync(users);
    expectRefusal(await change(verb, "carol"), /there is no user carol@example.org; 'user list'/);
    expect(readFileSync(users)).toEqual(before);
  });

  it("are all there when many are added at once", async () => {
    const names = Array.from({ length: 6 }, (_, i) => "user" + i);
    const codes = await Promise.all(
      names.map(
        (name) =>
          new Promise((resolve) => {
            const args = ["user", "add", name, "--domain", "example.org", "--users", users, "--password-stdin"];
            const child = spawn(process.execPath, [server, ...args], { stdio: ["pipe", "ignore", "ignore"] });
            child.stdin.end("secret\n");
            child.on("exit", resolve);
          }),
      ),
    );
    expect(codes).toEqual(names.map(() => 0));
    expect(
      (await list()).out
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split("@")[0]),
    ).toEqual(names);
    expect(readFileSync(users, "utf8").endsWith("\n")).toBe(true);
  });

  it("stay in a file that is its owner's, also when it is reached by a link", async () => {
    await add("alice");
    const link = join(folder, "link");
    symlinkSync(users, link);
    if (process.getuid?.() === 0) execFileSync("chown", [NOBODY + ":" + NOBODY, users]);
    chmodSync(users, 0o640);
    users = link;
    expect((await add("bob")).code).toBe(0);
    users = join(folder, "users");
    const stat = execFileSync("stat", ["-c", "%u %a %F", users], { encoding: "utf8" }).trim();
    expect(stat).toBe((process.getuid?.() === 0 ? NOBODY : process.getuid?.()) + " 640 regular file");
    expect((await list()).out).toContain("bob@");
  });
});

describe("bad input to the server's tools", () => {
  it.each<[string, Buffer | string]>([
    ["half a line", "alice:example.org:0123"],
    ["a name alone", "alice"],
    ["binary", Buffer.from([0, 1, 2, 255, 254, 10, 13, 0, 7])],
    ["JSON", '{"users":[]}\n'],
    ["escape sequences", "\x1b[2J\x1b]0;x\x07:a:b:c\n"],
    ["one long line", "a".repeat(1_000_000)],
  ])("in the file of users (%s) is one line with the place, and the file stays as it is", async (_what, content) => {
    writeFileSync(users, content);
    for (const result of [await add("bob"), await list()]) {
      expectRefusal(result, /users:1: /);
      expect(result.err.length).toBeLessThan(300);
      expect(result.err).not.toContain("\x1b");
    }
    expectRefusal(await run(["--domain", "example.org", "--users", users]), /users:1: /);
    expect(readFileSync(users).equals(Buffer.from(content))).toBe(true);
  });

  it("in the place of the file of users is told, and left alone: directory, device, pipe, what is too large", async () => {
    mkdirSync(users);
    expectRefusal(await add("bob"), /is no file of users: it is a directory/);
    rmSync(users, { recursive: true });
    symlinkSync("/dev/zero", users);
    expectRefusal(await add("bob"), /is no file of users: it is a device/);
    expectRefusal(await list(), /is no file of users: it is a device/);
    rmSync(users);
    execFileSync("mkfifo", [users]);
    expectRefusal(await list(), /is no file of users: it is a device or a pipe/);
    rmSync(users);
    writeFileSync(users, "");
    truncateSync(users, 200 * 1024 * 1024);
    expectRefusal(await list(), /more than 100 MB/);
    rmSync(users);
    users = join(folder, "nothing", "users");
    expectRefusal(await add("bob"), /cannot write .*: no such file or directory/);
  });

  it("is none: an empty file of users is one without users", async () => {
    writeFileSync(users, "");
    expect(await list()).toEqual({ code: 0, out: "", err: "" });
    expect((await add("bob")).code).toBe(0);
  });

  it.each<[string, Buffer | string, RegExp]>([
    ["nothing", "", /the password is empty/],
    ["an empty line", "\nsecret\n", /the password is empty/],
    ["blanks", "  \t\n", /the password is empty/],
    ["octets without end", Buffer.alloc(10_000_000, 97), /more than 256 octets/],
    ["binary", Buffer.from([1, 0, 255, 10]), /nobody can type/],
  ])("as the password (%s) changes nothing", async (_what, input, says) => {
    expectRefusal(await change("passwd", "alice", input), says);
    expect(existsSync(users)).toBe(false);
  });

  it("is none: a password without the line's end, or with that of Windows, is the same one", async () => {
    const hash = async (input: string): Promise<string> => {
      rmSync(users, { force: true });
      expect((await add("alice", input)).code).toBe(0);
      return readFileSync(users, "utf8");
    };
    expect(await hash("secret")).toBe(await hash("secret\n"));
    expect(await hash("secret\r\nmore\n")).toBe(await hash("secret\n"));
  });

  it.skipIf(process.getuid?.() !== 0)(
    "is not needed: where nothing may be written nothing is lost, and it is one line",
    async () => {
      await add("alice");
      chmodSync(folder, 0o755);
      chmodSync(users, 0o644);
      const before = readFileSync(users);
      for (const verb of ["add", "remove", "passwd"]) {
        const args = ["user", verb, "alice", "--domain", "example.org", "--users", users, ...passwordFor(verb)];
        expectRefusal(runAs(NOBODY, args, "new\n"), /cannot write .*: not permitted/);
      }
      expect(readFileSync(users)).toEqual(before);
      chmodSync(users, 0o600);
      expectRefusal(runAs(NOBODY, ["user", "list", "--users", users], ""), /cannot read .*: not permitted/);
    },
  );

  it("is none of ours: a reader that goes away ends nothing badly", async () => {
    await add("alice");
    for (const args of [["user", "list", "--users", users], ["--help"]]) {
      const child = spawn(process.execPath, [server, ...args], { stdio: ["ignore", "pipe", "pipe"] });
      child.stdout.destroy();
      let err = "";
      child.stderr.on("data", (piece) => {
        err += piece;
      });
      expect(await new Promise((resolve) => child.on("exit", resolve))).toBe(0);
      expect(err).toBe("");
    }
  });

  it.each<[string, string]>([
    ["nothing", ""],
    ["half an answer", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"],
    ["another program", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
    ["JSON of another kind", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull"],
    ["no HTTP", "220 mail.example.org ESMTP\r\n"],
    ["binary", "\0\x01\x02\xff"],
    ["an answer without end", "HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(3_000_000)],
  ])("from the port that is asked for the status (%s) is one line", async (_what, answer) => {
    const other = createServer((socket) => socket.on("error", () => {}).end(Buffer.from(answer, "latin1")));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as { port: number };
    const result = await run(["status", "--http", String(port)]);
    other.close();
    expectRefusal(result, new RegExp("port " + port));
  });
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!hasSystemd) console.warn("the unit of systemd is not checked: needs Debian's systemd");

describe("the unit for systemd", () => {
  it.skipIf(!hasSystemd)("is one that systemd takes", () => {
    const unit = readFileSync(join(ROOT, "host-sim/server/deploy/portero-server.service"), "utf8");
    const file = join(folder, "portero-server.service");
    writeFileSync(file, unit.replace("/usr/local/bin/portero-server", server));
    const done = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
    expect([done.status, done.stderr]).toEqual([0, ""]);
  });

  it("starts the server with options that it knows", async () => {
    const read = (name: string): string => readFileSync(join(ROOT, "host-sim/server/deploy", name), "utf8");
    const line = /^ExecStart=\S+ (.*)$/m.exec(read("portero-server.service"))?.[1] ?? "";
    const options = /^OPTIONS=(.*)$/m.exec(read("portero-server.env"))?.[1] ?? "";
    writeFileSync(users, "");
    const args = line
      .replace(/\$\{STATE_DIRECTORY\}/g, folder)
      .replace("$OPTIONS", options)
      .split(" ");
    // The address is none of this machine's, which is the last possible error.
    expectRefusal(await run(args), /192\.0\.2\.10 is no address of this machine/);
  });
});
