/** Tests that programs which npm started end with npm, however it ends, and leave no port behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { freePorts } from "../ports.js";

const ROOT = join(import.meta.dirname, "../..");
const WITHIN = { timeout: 30_000, interval: 100 };
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

interface Run {
  npm: ChildProcess;
  /** The output of the program. */
  said: string;
  hasEnded: boolean;
}

/** Starts npm as a person does, and in a group of its own, so that a signal goes to npm alone. */
function npmRun(...args: string[]): Run {
  const npm = spawn("npm", ["run", ...args], { cwd: ROOT, detached: true, stdio: ["pipe", "pipe", "pipe"] });
  const run: Run = { npm, said: "", hasEnded: false };
  for (const stream of [npm.stdout, npm.stderr])
    stream?.on("data", (piece) => {
      run.said += piece;
    });
  npm.stdout?.on("close", () => {
    // All processes that had the pipe have ended, the program too.
    run.hasEnded = true;
  });
  cleanUps.push(() => {
    try {
      process.kill(-(npm.pid as number), "SIGKILL");
    } catch {}
  });
  return run;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function usersFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "portero-npm-"));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "users"), "");
  return join(folder, "users");
}

describe("a program that npm started", { timeout: 60_000 }, () => {
  it.each(["server", "sim"])(
    "is gone after TERM, HUP or KILL to npm, and its port is free (npm run %s)",
    async (script) => {
      const file = usersFile();
      await Promise.all(
        (["SIGTERM", "SIGHUP", "SIGKILL"] as const).map(async (signal) => {
          const port = freePorts(60);
          const run =
            script === "server"
              ? npmRun("server", "--", "--listen", "tcp:127.0.0.1:" + port, "--domain", "example.org", "--users", file)
              : npmRun(
                  "sim",
                  "--",
                  "--alone",
                  "--headless",
                  "--set",
                  "sip.port=" + port,
                  "--set",
                  "rtp.port=" + (port + 40),
                  "--console-port",
                  String(port + 1),
                );
          const console = script === "server" ? port : port + 1;
          await vi.waitFor(async () => expect(await isOpen(console), run.said).toBe(true), WITHIN);
          run.npm.kill(signal);
          await vi.waitFor(() => expect(run.hasEnded, signal + "\n" + run.said).toBe(true), WITHIN);
          expect(await isOpen(console), signal).toBe(false);
        }),
      );
    },
  );
});
