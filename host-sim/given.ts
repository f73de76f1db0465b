/**
 * The settings that the command line names, by a file and by keys. Not here: what the options may be
 * (world/options.ts).
 */
import { Settings } from "../src/settings/settings.js";
import { readSetFile } from "./config/assignments.js";
import { type Change, isProblems, nameOf, openSecrets, readFile, type SettingsFile } from "./config/file.js";
import { askHidden } from "./io/ask.js";
import { EXIT_FAILED, EXIT_USAGE, Refusal } from "./refusal.js";
import type { SimOptions } from "./world/options.js";

/** Collects the settings: those of the file, then --set, then --set-file; the later one wins. @throws Refusal */
export async function givenSettings(options: SimOptions): Promise<{ ofFile: Change[]; ofLine: Change[] }> {
  const ofFile = options.config === "" ? [] : await fileSettings(options);
  const settings = new Settings();
  const ofLine: Change[] = [];
  for (const { key, value } of options.set) {
    const problem = settings.set(key, value);
    if (problem !== "") throw new Refusal("--set " + problem, EXIT_USAGE);
    ofLine.push({ key, value });
  }
  const laid = await readSetFile(options.setFile ?? [], (key) => askHidden(key + ": "), ofLine);
  if (typeof laid === "string") throw new Refusal(laid, EXIT_USAGE);
  return { ofFile, ofLine: laid };
}

async function fileSettings(options: SimOptions): Promise<Change[]> {
  const { config } = options;
  let file: SettingsFile | string[];
  try {
    file = readFile(config);
  } catch (error) {
    throw new Refusal("--config: " + (error as Error).message, EXIT_FAILED);
  }
  if (isProblems(file)) throw new Refusal(file.join("\n"), EXIT_USAGE);
  if (file.sealed === null) return file.changes;
  if (options.passphraseStdin !== true && process.stdin.isTTY !== true) {
    process.stderr.write(nameOf(config) + ": its sealed secrets are left out: --passphrase-stdin opens them\n");
    return file.changes;
  }
  const passphrase = await askHidden("Passphrase of " + nameOf(config) + ": ");
  return [...file.changes, ...openSecrets(nameOf(config), file.sealed, passphrase)];
}
