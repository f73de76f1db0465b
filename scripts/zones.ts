/**
 * Makes src/settings/zones.ts: the names of time zones, each with its rule of today as POSIX writes it, read from the
 * system's tz database (Debian's tzdata). It is run again when a country changes its clocks. The clocks of Morocco and
 * Palestine follow the moon in one month of the year, which no such rule can say.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isZone } from "../src/settings/daytime.js";

const DATABASE = "/usr/share/zoneinfo";
const FILE = join(import.meta.dirname, "..", "src", "settings", "zones.ts");

/** @returns the names of countries' zones, and UTC */
function names(): string[] {
  const rows = readFileSync(join(DATABASE, "zone.tab"), "utf8").split("\n");
  const found = rows.filter((row) => row !== "" && !row.startsWith("#")).map((row) => row.split("\t")[2]);
  return [...new Set([...found, "UTC"])].sort();
}

/** @returns the last line of a zone's file, which is its rule from now on. RFC 8536 §3.3 */
function ruleOf(name: string): string {
  return readFileSync(join(DATABASE, name), "latin1").trimEnd().split("\n").at(-1) ?? "";
}

function main(): void {
  if (!readdirSync(DATABASE).includes("zone.tab"))
    throw new Error(`no tz database at ${DATABASE}: Debian's package tzdata`);
  const byRule = new Map<string, string[]>();
  for (const name of names()) {
    const rule = ruleOf(name);
    if (!isZone(rule)) throw new Error(`${name}: ${rule} is not understood (src/settings/daytime.ts)`);
    byRule.set(rule, [...(byRule.get(rule) ?? []), name]);
  }
  const lines = [...byRule].map(([rule, of]) => `${rule} ${of.join(" ")}\n`).sort();
  const version = readFileSync(join(DATABASE, "tzdata.zi"), "utf8").split("\n")[0].replace("# version ", "");
  writeFileSync(
    FILE,
    `/**\n * Time zones by name, made by \`npm run zones\` from tzdata ${version}. Each line has a rule as POSIX writes it,\n` +
      ` * and the names of the zones that have it.\n */\n` +
      `export const ZONES = \`${lines.join("")}\`;\n`,
  );
}

main();
