/**
 * Files of settings, one format for the host tool, the simulator's `--config` and the schema (docs/door.schema.json):
 * JSON, an object of values by key with a version. Lines of `set KEY VALUE` or `KEY=VALUE` are read too. Every value is
 * checked by the schema when a file is read. Not here: how secrets are sealed (seal.ts).
 */
import { closeSync, fstatSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { allowed } from "../../src/settings/check.js";
import { findSetting, isSecret, SCHEMA, TYPE_DECIMAL, TYPE_NUMBER } from "../../src/settings/schema.js";
import { readAssignment, Settings } from "../../src/settings/settings.js";
import { decode, readRest } from "../io/ask.js";
import { checkFolder, fileError, readAtMost, writeAll } from "../io/store.js";
import { safe } from "../world/events.js";
import { isSealed, type Sealed, unseal } from "./seal.js";

/** The version of the format that is written; a file without a version is read as this one. */
export const FILE_VERSION = 1;
/** Twenty times the size of all settings. */
const FILE_BYTES = 1_000_000;
const STDIN = "-";
/** Characters of a wrong value that are shown. */
const SHOWN = 60;

// Entries of the object beside the settings.
const SCHEMA_KEY = "$schema";
const VERSION_KEY = "version";
/** Secrets that were set and are not in the file. */
const LEFT_OUT_KEY = "leftOut";
const SECRETS_KEY = "secrets";

export interface Change {
  key: string;
  value: string;
}

export interface SettingsFile {
  changes: Change[];
  /** The tool wrote the file and left the secrets out; those named here were set. */
  isBackup: boolean;
  leftOut: string[];
  sealed: Sealed | null;
}

/** @returns the settings of a file, or one line for each mistake in it */
export function parseFile(path: string, content: string): SettingsFile | string[] {
  const text = content.replace(/^\ufeff/, "");
  if (text.trim() === "") return [`${path}: is empty`];
  return /^\s*[{[]/.test(text) ? parseJson(path, text) : parseLines(path, text);
}

function parseJson(path: string, text: string): SettingsFile | string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return [`${path}: is no JSON${placeOf(text, (error as Error).message)}`];
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    return [`${path}: is not an object of values by key, as {"call.ringTime": 20}`];
  const file: SettingsFile = { changes: [], isBackup: false, leftOut: [], sealed: null };
  const problems = doubleKeys(text).map((key) => `${path}: ${safe(key)}: is there twice`);
  for (const [key, given] of Object.entries(parsed)) {
    const problem = takeEntry(file, key, given);
    if (problem !== "") problems.push(`${path}: ${problem}`);
  }
  return problems.length > 0 ? problems : file;
}

/** @returns "" or the mistake in it */
function takeEntry(file: SettingsFile, key: string, given: unknown): string {
  switch (key) {
    case SCHEMA_KEY:
      // Editors that know the schema put its name into the file.
      return typeof given === "string" ? "" : `${key}: is no text`;
    case VERSION_KEY:
      if (given === FILE_VERSION) return "";
      return typeof given === "number" && given > FILE_VERSION
        ? `${key}: ${given} is of a newer Portero: this one reads ${FILE_VERSION}`
        : `${key}: must be ${FILE_VERSION}`;
    case LEFT_OUT_KEY:
      if (!Array.isArray(given) || given.some((one) => !isSecretKey(one))) return `${key}: must be a list of secrets`;
      file.isBackup = true;
      file.leftOut = given;
      return "";
    case SECRETS_KEY:
      if (!isSealed(given)) return `${key}: is not what 'backup --with-secrets' writes`;
      file.isBackup = true;
      file.sealed = given;
      return "";
    default:
      return takeValue(file, key, given);
  }
}

function takeValue(file: SettingsFile, key: string, given: unknown): string {
  const setting = findSetting(key);
  let value = given;
  if (typeof given === "boolean" && setting?.choices.includes("on")) value = given ? "on" : "off";
  if (setting !== null && typeof value !== "string" && typeof value !== "number")
    return `${key}: ${isSecret(setting) ? "what was given" : safe(JSON.stringify(given).slice(0, SHOWN))} is neither a text nor a number`;
  const isNumeric = setting?.type === TYPE_NUMBER || setting?.type === TYPE_DECIMAL;
  // A number like 1e21, or one with more digits than JSON keeps, would be stored as another text.
  if (setting !== null && typeof value === "number" && !isNumeric && !Number.isSafeInteger(value))
    return `${key}: must be in quotes`;
  const settings = new Settings();
  const problem = settings.set(key, String(value));
  if (problem === "") file.changes.push({ key, value: settings.text(key) });
  return problem === "" ? "" : withoutSecret(key, problem);
}

/** A wrong code is often the right one with a slip, so the refusal does not show it. */
export function withoutSecret(key: string, problem: string): string {
  const setting = findSetting(key);
  return setting !== null && isSecret(setting) ? `${key}: what was given is not allowed: ${allowed(setting)}` : problem;
}

function parseLines(path: string, text: string): SettingsFile | string[] {
  const settings = new Settings();
  const problem = settings.apply(text);
  if (problem !== "") return [`${path}, ${problem}`];
  const keys = new Set<string>();
  for (const line of text.split("\n")) {
    const isNone = line.trim() === "" || line.trim().startsWith("#");
    if (!isNone) keys.add(readAssignment(line).key);
  }
  return {
    changes: [...keys].map((key) => ({ key, value: settings.text(key) })),
    isBackup: false,
    leftOut: [],
    sealed: null,
  };
}

/** ` (line 3, column 8)`, as far as the engine tells it; the engine's own words may quote a secret of the file. */
function placeOf(text: string, message: string): string {
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined) return /end of JSON/.test(message) ? ": it ends in the middle" : "";
  const before = text.slice(0, Number(position)).split("\n");
  return ` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}

/** @returns names that stand twice in the outermost object: of two values one would be lost without a word */
function doubleKeys(text: string): string[] {
  const seen = new Set<string>();
  const double: string[] = [];
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    else if (depth === 1 && token.endsWith(":")) {
      const key = JSON.parse(token.slice(0, -1).trim()) as string;
      if (seen.has(key)) double.push(key);
      seen.add(key);
    }
  }
  return double;
}

export function isProblems(result: SettingsFile | string[]): result is string[] {
  return Array.isArray(result);
}

/** Opens and checks the sealed part of the file. @throws Error of one line */
export function openSecrets(path: string, sealed: Sealed, passphrase: string): Change[] {
  let text = "";
  try {
    text = unseal(sealed, passphrase);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`);
  }
  const file = parseJson(path, text);
  if (isProblems(file)) throw new Error(file[0]);
  return file.changes.filter(({ key }) => isSecretKey(key));
}

/** @param path "-" for standard input @throws Error of one line if it cannot be read */
export function readFile(path: string): SettingsFile | string[] {
  const bytes = readBytes(path);
  const name = nameOf(path);
  let text = "";
  try {
    text = decode(name, bytes);
  } catch (error) {
    return [(error as Error).message];
  }
  return parseFile(name, text);
}

/** @returns the name of a file in messages */
export function nameOf(path: string): string {
  return path === STDIN ? "standard input" : path;
}

/** @param path "-" for standard input @throws Error of one line if it cannot be read or is too large for settings */
export function readBytes(path: string): Uint8Array {
  if (path === STDIN) return readRest(FILE_BYTES);
  return readAtMost(path, FILE_BYTES, "is no file of settings");
}

/**
 * The text of a backup: all settings but secrets, those at their first value too, so that applying it brings them back.
 */
export function formatFile(
  values: Readonly<Record<string, unknown>>,
  leftOut: readonly string[],
  sealed: Sealed | null,
): string {
  const out: Record<string, unknown> = { [VERSION_KEY]: FILE_VERSION };
  for (const { key, type } of SCHEMA) {
    if (isSecretKey(key) || !(key in values)) continue;
    const isNumber = type === TYPE_NUMBER || type === TYPE_DECIMAL;
    out[key] = isNumber ? Number(values[key]) : String(values[key]);
  }
  out[LEFT_OUT_KEY] = leftOut;
  if (sealed !== null) out[SECRETS_KEY] = sealed;
  return JSON.stringify(out, null, 2) + "\n";
}

/** Checks before anything is asked that a file can be written. @param path "-" for standard output @throws as below */
export function checkTarget(path: string): void {
  if (path === STDIN) return;
  checkFolder(path);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw fileError("write", path, { code: "EISDIR" });
}

/**
 * Writes a file for its owner alone, as a whole or not at all; until then the old content stays. @throws Error of one
 * line
 */
export function writeFile(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  try {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there !== undefined && !there.isFile()) writeWhole(path, bytes);
    else {
      // A link is followed, not replaced.
      const target = there === undefined ? path : realpathSync(path);
      const fresh = `${target}.${process.pid}.new`;
      try {
        writeWhole(fresh, bytes);
        renameSync(fresh, target);
      } catch (error) {
        rmSync(fresh, { force: true });
        throw error;
      }
    }
  } catch (error) {
    throw fileError("write", path, error);
  }
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeAll(file, bytes, bytes.length);
    if (fstatSync(file).isFile()) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function isSecretKey(key: unknown): boolean {
  const setting = typeof key === "string" ? findSetting(key) : null;
  return setting !== null && isSecret(setting);
}
