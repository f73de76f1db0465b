/**
 * Follows the docs word for word as a new user does on the first day: a clone, a first call with a code, a backup that
 * brings the door back, and a server with two users. That two phones call one another through it is
 * test/interop/two-phones.test.ts.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePorts } from "../ports.js";

const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "portero-day-"));
const clone = join(folder, "portero");
const running: ChildProcess[] = [];

/** @returns a page of the clone */
const page = (name: string): string => readFileSync(join(clone, name), "utf8");

/** Runs a line of the docs in a shell. @returns its output */
function shell(line: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("sh", ["-c", line], { cwd: clone, encoding: "utf8", timeout: 60_000 });
}

/** Starts a line of the docs that runs until it is ended. */
function begin(line: string): { said: () => string } {
  const child = spawn("sh", ["-c", `exec ${line}`], { cwd: clone, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  running.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece) => {
      said += piece;
    });
  return { said: () => said };
}

beforeAll(() => {
  execFileSync("git", ["clone", "-q", "--no-local", ROOT, clone]);
  // A user's `npm ci` puts this folder there.
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
}, 60_000);

afterAll(() => {
  for (const child of running)
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch {}
  rmSync(folder, { recursive: true, force: true });
});

describe("the first day", () => {
  it("begins with two words", () => {
    expect(page("README.md")).toContain("```sh\nnpm ci\nnpm start\n```");
    const { scripts, engines } = JSON.parse(page("package.json"));
    expect(scripts.start).toContain("host-sim/cli.ts");
    expect(engines.node).toBeDefined();
  });

  it("makes the first call of the README, whose code opens", { timeout: 120_000 }, () => {
    const command = /## A first call\n\n```sh\n([\s\S]*?)\n```/.exec(page("README.md"))?.[1] ?? "";
    const { status, stdout, stderr } = shell(command);
    expect(stderr).toContain("INVITE");
    expect(stdout).toMatch(/ relay on relay=1 /);
    expect(status).toBe(0);
    expect(readFileSync(join(clone, "heard.wav")).subarray(0, 4).toString()).toBe("RIFF");
    expect(existsSync(join(clone, "call.pcap"))).toBe(true);
    expect(execFileSync("git", ["status", "--short"], { cwd: clone, encoding: "utf8" })).not.toMatch(/wav|pcap/);
  });

  it("backs the door up, and brings it back, as docs/console.md says", { timeout: 120_000 }, async () => {
    const text = page("docs/console.md");
    const [, tool] = /`(npm run config -- )--port \S+ COMMAND` for a board, `--tcp HOST:PORT`/.exec(text) ?? [];
    for (const verb of ["get [KEY]", "set KEY=VALUE …", "apply FILE", "backup FILE"])
      expect(text).toContain(`| \`${verb}\` |`);
    const port = freePorts();
    const door = begin(
      `npm run sim -- --headless --alone --console-port ${port} --set sip.port=${freePorts()} --set rtp.port=${freePorts(20)} --set relay1.pulse=7 --set relay1.code=2580`,
    );
    const config = (words: string) => shell(`${tool}--tcp 127.0.0.1:${port} ${words}`);
    await vi.waitFor(() => expect(door.said()).toContain("console on"), { timeout: 30_000, interval: 200 });
    expect(config("backup day.json").status).toBe(0);
    const kept = JSON.parse(page("day.json"));
    expect([kept.version, String(kept["relay1.pulse"]), kept["relay1.code"]]).toEqual([1, "7", undefined]);
    expect(config("set relay1.pulse=3 button1.day=sip:guard@192.0.2.7").status).toBe(0);
    expect(config("get relay1.pulse").stdout).toMatch(/relay1\.pulse 3/);
    expect(config("apply day.json").status).toBe(0);
    expect(config("get relay1.pulse").stdout).toMatch(/relay1\.pulse 7/);
    expect(config("get button1.day").stdout).not.toContain("guard");
    // The code is unchanged, though the file has none.
    expect(config("get relay1.code").stdout).toContain("********");
  });

  it("starts the server of docs/server.md with its two users", { timeout: 120_000 }, async () => {
    const port = String(freePorts());
    const commands = [...page("docs/server.md").matchAll(/^ {4}(.*npm run server -- .*)$/gm)].map(([, line]) =>
      line.replaceAll("5060", port),
    );
    for (const command of commands.slice(0, 2)) expect(shell(command).status).toBe(0);
    const server = begin(commands[2]);
    await vi.waitFor(() => expect(server.said()).toContain("listening"), { timeout: 30_000, interval: 200 });
    expect(server.said()).not.toMatch(/error/i);
  });
});
