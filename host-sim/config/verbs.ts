/** The verbs of the host tool at a door's console. Not here: arguments (cli.ts), and the line itself (session.ts). */
import { findSetting, isSecret, SCHEMA } from "../../src/settings/schema.js";
import { safe } from "../world/events.js";
import { type Change, formatFile, isSecretKey, type SettingsFile, writeFile } from "./file.js";
import { type Entry, exportLog, exportPeople, importPeople, listPeople } from "./people.js";
import { seal } from "./seal.js";
import type { Answer, Session } from "./session.js";

/** `monitor` asks this often whether the door is still there, which keeps its login alive. */
const ALIVE_MS = 30_000;
const HIDDEN = "********";

export interface Output {
  out(text: string | Uint8Array): void;
  err(text: string): void;
  /** Resolves when the person ends the command. */
  interrupted: Promise<void>;
}

/** The arguments of the verbs; some need further ones. */
export interface VerbOptions {
  /** The checked changes of `set` and `apply`. */
  changes: readonly Change[];
  password: string;
  output: Output;
  /** For `apply`: the file with the changes. */
  file?: SettingsFile;
  /** The passphrase of `backup --with-secrets`. */
  passphrase?: string;
  /** Of `log`: only what happened since. */
  since?: string;
  /** Of `people import`. */
  people?: readonly Entry[];
  /** Of `people add` and `people change`, as the console has them. */
  personOptions?: string;
}

/** @throws Error of one line */
export async function runVerb(
  session: Session,
  command: string,
  args: readonly string[],
  options: VerbOptions,
): Promise<void> {
  const { changes, password, output } = options;
  await session.start(password);
  switch (command) {
    case "get": {
      const values = valuesOf(await session.tell(["get", ...args].join(" ")));
      for (const [key, value] of Object.entries(values)) output.out(`${safe(key)} ${safe(String(value))}\n`);
      return;
    }
    case "backup":
      return backup(session, args[0], output, options.passphrase ?? "");
    case "trace": {
      const answer = await session.tell(args.length === 0 ? "trace" : "trace pcap");
      if (args.length === 0) output.out(String(answer.text).split("\n").map(safe).join("\n"));
      else {
        const pcap = Buffer.from(String(answer.pcap), "base64");
        if (args[0] === "-") output.out(pcap);
        else writeFile(args[0], pcap);
      }
      return;
    }
    case "log":
      return exportLog(session, args[0] ?? "-", options.since ?? "", output);
    case "people":
      return people(session, args, options);
    case "monitor":
      return monitor(session, password, output);
    default:
      return change(session, changes, output, options.file);
  }
}

async function people(session: Session, [verb, name]: readonly string[], options: VerbOptions): Promise<void> {
  const { output } = options;
  switch (verb) {
    case "list":
      return listPeople(session, output);
    case "export":
      return exportPeople(session, name, output);
    case "import":
      return importPeople(session, options.people ?? [], `${name === "-" ? "people" : name}.codes.csv`, output);
    default: {
      const answer = await session.tell(`people ${verb} "${name}"${options.personOptions ?? ""}`);
      const { code, warning } = answer;
      if (typeof code === "string") output.out(`${safe(String(answer.name))}: code ${code}, shown this once\n`);
      if (typeof warning === "string") output.err(`${safe(warning)}\n`);
    }
  }
}

/** @param path "-" prints it @param passphrase "" to leave secrets out */
async function backup(session: Session, path: string, output: Output, passphrase: string): Promise<void> {
  const values = valuesOf(await session.tell("get"));
  const set = SCHEMA.filter((one) => isSecret(one) && one.key in values && values[one.key] !== "");
  const hasSecrets = passphrase !== "";
  const sealed = hasSecrets ? seal(await secretsOf(session, values), passphrase) : null;
  const leftOut = hasSecrets ? [] : set.map(({ key }) => key);
  const content = formatFile(values, leftOut, sealed);
  if (path === "-") output.out(content);
  else writeFile(path, content);
  if (leftOut.length > 0) output.err(`left out: ${leftOut.join(", ")} (--with-secrets seals them by a passphrase)\n`);
}

/** All of them, those that are not set too, so that a restored door has none that it had not. */
async function secretsOf(session: Session, values: Values): Promise<string> {
  const set = valuesOf(await session.tell("secrets"));
  const keys = SCHEMA.filter((one) => isSecret(one) && one.key in values).map(({ key }) => key);
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, String(set[key] ?? "")])));
}

/** Until the person has had enough. @throws Error of one line when the door is gone, or is locked again and stays so */
async function monitor(session: Session, password: string, output: Output): Promise<void> {
  const isOver = output.interrupted.then(() => true);
  const closed = new Promise<never>((_, reject) => {
    session.onClosed = (reason) => reject(new Error(reason));
  });
  closed.catch(() => {});
  await session.tell("diff");
  session.onEvent = (line) => output.out(safe(line) + "\n");
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const pause = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ALIVE_MS, false);
    });
    try {
      if (await Promise.race([isOver, closed, pause])) return;
    } finally {
      clearTimeout(timer);
    }
    const answer = await session.ask("diff");
    // It was started anew.
    if (answer.code === "locked" && password !== "") await session.start(password);
    else if (!answer.ok) throw new Error(String(answer.error));
  }
}

/**
 * Sets, saves, and reads back. Changes are made as a whole or not at all. @param file the file that the changes come
 * from, if any
 */
async function change(
  session: Session,
  changes: readonly Change[],
  output: Output,
  file: SettingsFile | undefined,
): Promise<void> {
  const staged = Object.keys(valuesOf(await session.tell("diff")));
  const dropped = staged.filter((key) => !changes.some((one) => one.key === key));
  if (dropped.length > 0) output.err(`dropped, set on this line before and never saved: ${dropped.join(", ")}\n`);
  try {
    await session.tell("revert");
    const before = valuesOf(await session.tell("get"));
    // The value of a secret is not shown, so a secret is always sent.
    const sent = changes.filter(({ key, value }) => isSecretKey(key) || !isSame(before, key, value));
    for (const { key, value } of sent) await session.tell(`set ${key} ${value}`);
    // If the door restarted meanwhile, it has forgotten the first changes, and refuses.
    const { restart } = await session.tell(`save ${sent.length}`);
    const values = valuesOf(await session.tell("get"));
    const wrong = changes.filter(({ key, value }) => !isSame(values, key, value));
    if (wrong.length > 0)
      throw new Error(`saved, but the door has other values of ${wrong.map((c) => c.key).join(", ")}`);
    output.out(`${changes.length} saved${restart === undefined ? "" : `; from the next start on: ${restart}`}\n`);
    if (file?.isBackup) tellSecrets(file, changes, values, output);
  } catch (error) {
    await session.ask("revert").catch(() => {});
    throw error;
  }
}

/**
 * A backup without secrets changes none of them, so the person is told which secrets the door has and which it lacks.
 */
function tellSecrets(file: SettingsFile, changes: readonly Change[], values: Values, output: Output): void {
  const isChanged = (key: string): boolean => changes.some((one) => one.key === key);
  const kept = SCHEMA.filter((one) => isSecret(one) && values[one.key] === HIDDEN && !isChanged(one.key));
  const missing = file.leftOut.filter((key) => values[key] === "" && !isChanged(key));
  if (kept.length > 0) output.err(`left as they are on the door: ${kept.map(({ key }) => key).join(", ")}\n`);
  if (missing.length > 0)
    output.err(`not in the file, and not set on this door (set KEY asks for one): ${missing.join(", ")}\n`);
}

type Values = Readonly<Record<string, unknown>>;

function valuesOf({ ok: _, ...values }: Answer): Values {
  return values;
}

/** @returns whether a setting has that value, as far as it is shown; the value of a secret is not */
function isSame(values: Values, key: string, value: string): boolean {
  const setting = findSetting(key);
  const isHidden = setting !== null && isSecret(setting) && value !== "";
  return values[key] === (isHidden ? HIDDEN : value);
}
