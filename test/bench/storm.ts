/**
 * The curve of 10,000 doors that register at one server after a power cut, in virtual time: `npm run bench -- storm`,
 * with `--write` to put the table into docs/server.md. The model is test/server/storm.ts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Storm } from "../server/storm.js";

const DOORS = 10_000;
const PLACES = 350;
const AT_S = [1, 5, 10, 20, 30, 40, 50, 60, 80, 100, 120];
const PAGE = join(import.meta.dirname, "..", "..", "docs", "server.md");
const BEGIN = "<!-- storm: written by npm run bench -- storm --write -->\n";
const END = "<!-- storm: end -->\n";
const RUNS: readonly { what: string; costMs: number; startMs: number; downMs: number }[] = [
  { what: "all at once, 0.5 ms", costMs: 0.5, startMs: 0, downMs: 0 },
  { what: "within 5 s, 0.5 ms", costMs: 0.5, startMs: 5000, downMs: 0 },
  { what: "a minute before the server, 0.5 ms", costMs: 0.5, startMs: 0, downMs: 60_000 },
  { what: "all at once, 1 ms", costMs: 1, startMs: 0, downMs: 0 },
];

/** @returns the lines of the table: doors that are registered, by seconds since the server and the doors are up */
function tableOf(): string[] {
  const rows = RUNS.map(({ what, ...times }) => {
    const storm = new Storm({ doors: DOORS, places: PLACES, ...times });
    const counts = AT_S.map((s) => {
      storm.run(times.downMs + s * 1000);
      return storm.registered.size;
    });
    return "| " + [what, ...counts.map((count) => count.toLocaleString("en"))].join(" | ") + " |";
  });
  const head = "| the doors start, and a datagram takes | " + AT_S.map((s) => s + " s").join(" | ") + " |";
  return [head, "| --- |" + " --- |".repeat(AT_S.length), ...rows];
}

export function stormBenchmark(isWritten: boolean): void {
  const table = tableOf().join("\n") + "\n";
  process.stdout.write(table);
  if (!isWritten) return;
  const page = readFileSync(PAGE, "utf8");
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error("docs/server.md has no place for the table");
  writeFileSync(PAGE, page.slice(0, from + BEGIN.length) + "\n" + table + "\n" + page.slice(to));
}
