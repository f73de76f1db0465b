/** The table of all settings for docs/settings.md, made from the schema: `npm run docs` writes it, a test checks that it is current. */
import { readFileSync, writeFileSync } from "node:fs";
import { allowed, isSecret, SCHEMA } from "../src/intercom/schema.js";

const BEGIN = "<!-- made by `npm run docs` -->\n";

/** @returns the document with the table put behind its mark */
export function withTable(document: string): string {
  const at = document.indexOf(BEGIN);
  if (at < 0) throw new Error("docs/settings.md has lost its mark: " + BEGIN.trim());
  const rows = SCHEMA.map(
    (s) =>
      `| \`${s.key}\` | ${s.initial === "" ? "" : `\`${s.initial}\``} | ${allowed(s)}${isSecret(s) ? ", never shown" : ""} | ${s.help} |`,
  );
  return (
    document.slice(0, at) +
    BEGIN +
    ["| key | at first | may be | what it does |", "| --- | --- | --- | --- |", ...rows, ""].join("\n")
  );
}

if (process.argv[1]?.endsWith("settings-table.ts")) {
  const path = "docs/settings.md";
  writeFileSync(path, withTable(readFileSync(path, "utf8")));
}
