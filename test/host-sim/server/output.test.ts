/** Tests output to readers that read, stop reading, or go away. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Output } from "../../../host-sim/server/output.js";
import { pause } from "./program.js";

const folder = mkdtempSync(join(tmpdir(), "portero-output-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Opens both ends of a named pipe. */
function pipe(): { reader: number; writer: number } {
  const path = join(folder, "pipe");
  execFileSync("mkdir", ["-p", folder]);
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY | constants.O_NONBLOCK) };
}

async function readAll(reader: number, until: RegExp): Promise<string> {
  const bytes = Buffer.alloc(65536);
  let out = "";
  for (let i = 0; i < 400 && !until.test(out); i++) {
    try {
      for (let size = readSync(reader, bytes); size > 0; size = readSync(reader, bytes))
        out += bytes.toString("latin1", 0, size);
    } catch {}
    await pause(5);
  }
  return out;
}

describe("the lines of a server", () => {
  it("wait for a reader who stops, up to a limit, and tell how many were lost beyond it", async () => {
    const { reader, writer } = pipe();
    const output = new Output(writer, (count) => "lost " + count);
    const line = "x".repeat(999);
    for (let i = 0; i < 3000; i++) {
      output.print(i + " " + line);
      if (i % 100 === 0) await pause(0);
    }
    const first = await readAll(reader, /^10\d\d x+$/m);
    output.print("after");
    const all = (first + (await readAll(reader, /after\n/))).trim().split("\n");
    const kept = all.filter((one) => one.endsWith(line)).length;
    const lost = Number(/^lost (\d+)$/m.exec(all.join("\n"))?.[1]);
    expect(kept).toBeGreaterThan(1000);
    expect(kept + lost).toBe(3000);
    expect(all.at(-1)).toBe("after");
    closeSync(reader);
    closeSync(writer);
  });

  it("go nowhere when the reader is gone, and the end is not waited for", async () => {
    const { reader, writer } = pipe();
    const output = new Output(writer, String);
    closeSync(reader);
    for (let i = 0; i < 100; i++) {
      output.print("x".repeat(10_000));
      if (i % 10 === 0) await pause(1);
    }
    await output.end();
    closeSync(writer);
  });
});
