/** Tests that the commands of docs/sound-problems.md print what the page shows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runHere } from "../programs.js";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/sound-problems.md"), "utf8");

/** Each command of the page with the lines that stand below it. */
const EXAMPLES = [...PAGE.matchAll(/```sh\nnpm run sim -- (.*)\n```\n\n```text\n([^`]*)```/g)].map(
  ([, command, lines]): [string, string[]] => [command, lines.trimEnd().split("\n")],
);

/** The arguments of a command line, quotes taken away. */
function args(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
}

function shape(line: string): string {
  return line.replace(/\d+/g, "N");
}

describe("docs/sound-problems.md", () => {
  it("has a command for each kind of trouble, and each has its lines", () => {
    expect(EXAMPLES.length).toBe((PAGE.match(/npm run sim -- --headless/g) ?? []).length);
    expect(EXAMPLES.length).toBeGreaterThanOrEqual(5);
  });

  it.each(EXAMPLES)("prints what it says: %s", async (command, lines) => {
    const { code, out } = await runHere("portero-sim", args(command));
    expect(code).toBe(0);
    // The number of packets that a fault hits changes whenever the traffic changes.
    for (const line of lines) expect(out.split("\n").map(shape)).toContainEqual(expect.stringContaining(shape(line)));
  });
});
