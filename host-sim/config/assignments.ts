/**
 * Settings as they are written on a command line: `KEY=VALUE …`, `KEY VALUE`, a KEY alone whose value is asked for, and
 * values from files.
 */
import { findSetting } from "../../src/settings/schema.js";
import { Settings } from "../../src/settings/settings.js";
import { decode } from "../io/ask.js";
import { safe } from "../world/events.js";
import { type Change, isProblems, isSecretKey, nameOf, readBytes, readFile, withoutSecret } from "./file.js";

/**
 * @param args behind `set` @param ask is given the key of a secret without a value, so that none has to stand on a
 * command line
 * @returns the changes, each key once, or one line about a mistake
 */
export async function readAssignments(
  args: readonly string[],
  ask: (key: string) => Promise<string>,
): Promise<Change[] | string> {
  const changes = new Map<string, string>();
  const take = (key: string, value: string): string => {
    const settings = new Settings();
    const problem = settings.set(key, value);
    if (problem === "") changes.set(key, settings.text(key));
    return problem;
  };
  // KEY VALUE, with blanks in the value, unless a later word is a setting itself.
  const isPair = args.length > 1 && !args[0].includes("=") && !args.slice(1).some(isSetting);
  if (isPair) {
    const problem = take(args[0], args.slice(1).join(" "));
    return problem !== "" ? problem : listOf(changes);
  }
  for (const arg of args) {
    const equals = arg.indexOf("=");
    const key = (equals < 0 ? arg : arg.slice(0, equals)).trim();
    if (equals < 0 && !isSecretKey(arg)) {
      const setting = findSetting(key);
      return setting === null
        ? new Settings().set(key, "")
        : `'${safe(key)}' has no value: write KEY=VALUE, or KEY VALUE`;
    }
    const problem = take(key, equals < 0 ? await ask(key) : arg.slice(equals + 1));
    if (problem !== "") return equals < 0 ? withoutSecret(key, problem) : problem;
  }
  return listOf(changes);
}

/** @returns whether the word is `KEY=VALUE`, or a secret whose value is to be asked for */
function isSetting(word: string): boolean {
  const equals = word.indexOf("=");
  return equals < 0 ? isSecretKey(word) : findSetting(word.slice(0, equals).trim()) !== null;
}

/**
 * `--set-file KEY=FILE`: the value is the line in that file, `-` for one of standard input. `--set-file FILE` is a file
 * of settings.
 * @param ask as above, for `-` @param before changes that were given otherwise; those of a file replace them
 * @returns all changes, or one line about a mistake
 */
export async function readSetFile(
  options: readonly string[],
  ask: (key: string) => Promise<string>,
  before: readonly Change[] = [],
): Promise<Change[] | string> {
  const changes = new Map(before.map(({ key, value }) => [key, value]));
  for (const option of options) {
    const equals = option.indexOf("=");
    const key = option.slice(0, Math.max(0, equals)).trim();
    const path = option.slice(equals + 1);
    const isKey = findSetting(key) !== null;
    if (!isKey && /^[\w.]+$/.test(key)) return "--set-file " + new Settings().set(key, "");
    const result = isKey ? await lineOf(key, path, ask) : settingsOf(option);
    if (typeof result === "string") return result;
    for (const one of result) changes.set(one.key, one.value);
  }
  return listOf(changes);
}

async function lineOf(key: string, path: string, ask: (key: string) => Promise<string>): Promise<Change[] | string> {
  if (path === "") return `--set-file ${key}: which file? KEY=FILE`;
  const text = path === "-" ? await ask(key) : decode(path, readBytes(path));
  // A file with more than one line is no value, and neither is an empty one.
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (lines.length > 1) return `${path}: has ${lines.length} lines: the value of ${key} is one line`;
  if (lines[0].trim() === "") return `${nameOf(path)}: is empty: the value of ${key} is one line`;
  const settings = new Settings();
  const problem = settings.set(key, lines[0]);
  return problem !== "" ? `${nameOf(path)}: ${withoutSecret(key, problem)}` : [{ key, value: settings.text(key) }];
}

function settingsOf(path: string): Change[] | string {
  const file = readFile(path);
  if (isProblems(file)) return file.join("\n");
  return file.sealed === null ? file.changes : `${nameOf(path)}: has sealed secrets: --set-file takes none`;
}

function listOf(changes: ReadonlyMap<string, string>): Change[] {
  return [...changes].map(([key, value]) => ({ key, value }));
}
