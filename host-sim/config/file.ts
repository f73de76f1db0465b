/** Files of settings for the host tool: JSON, an object of values by key, as docs/door.schema.json describes it. Every value is checked by the schema when a file is read. */
import { readFileSync, writeFileSync } from "node:fs";
import { Settings } from "../../src/intercom/settings.js";
import { fileError } from "../io/store.js";

export interface Change {
  key: string;
  value: string;
}

/** @returns what a file sets, or one line for each mistake in it */
export function parseFile(path: string, content: string): Change[] | string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    return [`${path}: ${(error as Error).message}`];
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    return [`${path}: is not an object of values by key, as {"call.ringTime": 20}`];
  const changes: Change[] = [];
  const problems: string[] = [];
  const settings = new Settings();
  for (const [key, given] of Object.entries(parsed)) {
    // Editors that know the schema put its name into the file.
    if (key === "$schema") continue;
    if (typeof given !== "string" && typeof given !== "number") {
      problems.push(`${path}: ${key}: ${JSON.stringify(given)} is neither a text nor a number`);
      continue;
    }
    const problem = settings.set(key, String(given));
    if (problem !== "") problems.push(`${path}: ${problem}`);
    else changes.push({ key, value: settings.get(key) });
  }
  return problems.length > 0 ? problems : changes;
}

export function isProblems(result: Change[] | string[]): result is string[] {
  return result.length > 0 && typeof result[0] === "string";
}

/** @throws Error of one line when the file cannot be read */
export function readFile(path: string): Change[] | string[] {
  let content = "";
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError("read", path, error);
  }
  return parseFile(path, content);
}

/** @throws Error of one line when the file cannot be written */
export function writeFile(path: string, changes: readonly Change[]): void {
  try {
    writeFileSync(
      path,
      JSON.stringify(Object.fromEntries(changes.map(({ key, value }) => [key, value])), null, 2) + "\n",
    );
  } catch (error) {
    throw fileError("write", path, error);
  }
}
