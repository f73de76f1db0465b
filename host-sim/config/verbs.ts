/** What the host tool does at a door's console, verb by verb. Not here: arguments (cli.ts), and the line itself (session.ts). */
import { writeFileSync } from "node:fs";
import { findSetting, isSecret, SCHEMA } from "../../src/intercom/schema.js";
import { fileError } from "../io/store.js";
import { safe } from "../world/events.js";
import { type Change, writeFile } from "./file.js";
import type { Session } from "./session.js";

/** So often `monitor` asks whether the door is there still, and keeps its login. */
const ALIVE_MS = 30_000;

export interface Output {
  out(text: string): void;
  err(text: string): void;
  /** Resolves when the person has had enough. */
  interrupted: Promise<void>;
}

/** @param changes what `set` and `apply` change, checked @throws Error of one line */
export async function runVerb(
  session: Session,
  command: string,
  args: readonly string[],
  changes: readonly Change[],
  password: string,
  output: Output,
): Promise<void> {
  await session.start(password);
  switch (command) {
    case "get": {
      const { ok: _, ...values } = await session.tell(["get", ...args].join(" "));
      for (const [key, value] of Object.entries(values)) output.out(`${safe(key)} ${safe(String(value))}\n`);
      return;
    }
    case "backup":
      return backup(session, args[0], output);
    case "trace": {
      const answer = await session.tell(args.length === 0 ? "trace" : "trace pcap");
      if (args.length === 0) output.out(String(answer.text).split("\n").map(safe).join("\n"));
      else writeBytes(args[0], Buffer.from(String(answer.pcap), "base64"));
      return;
    }
    case "monitor":
      return monitor(session, password, output);
    default:
      return change(session, changes, output);
  }
}

async function backup(session: Session, path: string, output: Output): Promise<void> {
  const values = await session.tell("get");
  const kept = SCHEMA.filter((s) => !isSecret(s) && s.key in values && String(values[s.key]) !== s.initial);
  const secrets = SCHEMA.filter((s) => isSecret(s) && s.key in values && values[s.key] !== "");
  writeFile(
    path,
    kept.map(({ key }) => ({ key, value: String(values[key]) })),
  );
  if (secrets.length > 0) output.err(`left out, for nobody shows them: ${secrets.map((s) => s.key).join(", ")}\n`);
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

/** Stages, saves, and reads back; what cannot be done whole is not done. */
async function change(session: Session, changes: readonly Change[], output: Output): Promise<void> {
  const keys = changes.map(({ key }) => key);
  // What a run before this one left of the same settings is overwritten.
  const others = stagedKeys(await session.tell("diff")).filter((key) => !keys.includes(key));
  if (others.length > 0)
    throw new Error(`somebody has staged ${others.join(", ")}: save or revert that on the console first`);
  try {
    const before = await session.tell("get");
    for (const { key, value } of changes) await session.tell(`set ${key} ${value}`);
    // A door that was started anew meanwhile has forgotten the first of them.
    const staged = stagedKeys(await session.tell("diff"));
    const lost = changes.filter(({ key, value }) => !staged.includes(key) && !isSame(before, key, value));
    if (lost.length > 0) throw new Error("the door was started anew meanwhile: nothing was saved");
    const { restart } = await session.tell("save");
    const values = await session.tell("get");
    const wrong = changes.filter(({ key, value }) => values[key] !== (isHidden(key, value) ? "********" : value));
    if (wrong.length > 0)
      throw new Error(`saved, but the door has other values of ${wrong.map((c) => c.key).join(", ")}`);
    output.out(`${changes.length} saved${restart === undefined ? "" : `; from the next start on: ${restart}`}\n`);
  } catch (error) {
    await session.ask("revert").catch(() => {});
    throw error;
  }
}

function stagedKeys({ ok: _, ...staged }: object & { ok: boolean }): string[] {
  return Object.keys(staged);
}

/** Whether a setting that is not staged may be so because it had that value; of a secret nobody sees it. */
function isSame(values: { [key: string]: unknown }, key: string, value: string): boolean {
  return isHidden(key, value) ? values[key] === "********" : values[key] === value;
}

function isHidden(key: string, value: string): boolean {
  const setting = findSetting(key);
  return setting !== null && isSecret(setting) && value !== "";
}

function writeBytes(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw fileError("write", path, error);
  }
}
