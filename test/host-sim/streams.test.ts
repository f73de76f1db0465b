/**
 * Tests the simulator as a process whose surroundings end before it does: readers of its output, connections, and the
 * process that started it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { freePorts } from "../ports.js";
import { program } from "../programs.js";

const WITHIN = { timeout: 20_000, interval: 50 };
let folder = "";
let child: ChildProcess | null = null;

afterEach(() => {
  child?.kill("SIGKILL");
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
  folder = "";
});

interface Run {
  child: ChildProcess;
  out: string;
  err: string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts it on ports of its own. */
function start(...args: string[]): Run {
  const port = freePorts(30);
  const running = spawn(
    process.execPath,
    [program("portero-sim"), "--headless", "--set", `sip.port=${port}`, "--set", `rtp.port=${port + 10}`, ...args],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  child = running;
  const run: Run = {
    child: running,
    out: "",
    err: "",
    ended: new Promise((resolve) => running.once("exit", (code, signal) => resolve({ code, signal }))),
  };
  running.stdout.on("data", (bytes) => {
    run.out += bytes;
  });
  running.stderr.on("data", (bytes) => {
    run.err += bytes;
  });
  return run;
}

function consolePort(run: Run): number {
  return Number(/console on 127\.0\.0\.1:(\d+)/.exec(run.err)?.[1] ?? 0);
}

/** @returns what the console answers to a line */
function ask(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect({ host: "127.0.0.1", port }, () => socket.write(line + "\n"));
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      heard += bytes;
      if (!heard.includes("version")) return;
      socket.destroy();
      resolve(heard);
    });
  });
}

describe("the simulator", { timeout: 60_000 }, () => {
  it.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "ends at the first %s while a script runs, and in order",
    async (signal) => {
      folder = mkdtempSync(join(tmpdir(), "portero-streams-"));
      const speaker = join(folder, "speaker.wav");
      const run = start("--speaker", speaker, "--do", "press; expect call=confirmed 20; wait 600; quit");
      await vi.waitFor(() => expect(run.out).toMatch(/door +call confirmed/), WITHIN);
      run.child.kill(signal);
      const { code } = await run.ended;
      expect(code).toBe(1);
      // The other side heard of it, and the output is written.
      await vi.waitFor(() => expect(run.out).toMatch(/phone +call ended/), WITHIN);
      expect(run.err).toContain("interrupted: the script was not finished\n");
      expect(run.err).not.toMatch(/\n +at /);
      expect(statSync(speaker).size).toBeGreaterThan(1000);
    },
  );

  it("ends at the first signal while a script runs in virtual time", async () => {
    const run = start("--virtual-time", "--do", "press; wait 9999999; quit");
    await vi.waitFor(() => expect(run.out).toMatch(/door +call/), WITHIN);
    run.child.kill("SIGTERM");
    expect((await run.ended).code).toBe(1);
  });

  it("goes on when nobody reads its events, its ladder or its console any more", async () => {
    const run = start("--alone", "--console-port", "0", "--set", "call.target=sip:nobody@127.0.0.1:9");
    await vi.waitFor(() => expect(consolePort(run)).toBeGreaterThan(0), WITHIN);
    const port = consolePort(run);
    run.child.stdout?.destroy();
    run.child.stderr?.destroy();
    run.child.stdin?.destroy();
    const sockets: Socket[] = [];
    for (let i = 0; i < 3; i++) {
      // Each reader goes away in the middle of its input.
      await new Promise<void>((resolve) => {
        const socket = connect({ host: "127.0.0.1", port }, () => {
          socket.write("press\nhangup\nhelp\nget\n");
          socket.resetAndDestroy();
          resolve();
        });
        socket.on("error", () => {});
        sockets.push(socket);
      });
      expect(await ask(port, "version --json")).toContain('{"ok":true,"version"');
    }
    run.child.kill("SIGTERM");
    expect((await run.ended).code).toBe(0);
  });
});
