/**
 * The users' file: a line NAME:DOMAIN:MD5:SHA-256 for each user. The hashes are H(name:domain:password) in hexadecimal;
 * one of them may be empty. `:strangers=on` or `:strangers=off` follows if strangers may call that user, or may not,
 * whatever the option says. Lines with # are comments. A reader of the file can register as these users here, so the
 * file is made readable for its owner alone.
 */
import { createHash } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { octets, Span } from "../../src/core/bytes.js";
import { STRANGERS_ALWAYS, STRANGERS_BY_RULE, STRANGERS_NEVER, UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256, Digest, hexSize } from "../../src/wire/digest.js";
import { fileError, writeAll } from "../io/store.js";
import { safe } from "../world/events.js";
import { lockFile } from "./folder-lock.js";
import { syncFolder } from "./record-file.js";

const NAME_BYTES = 100;
/** The largest file, octets: room for half a million users. */
const FILE_MOST = 100 * 1024 * 1024;
/** Characters that a line cannot hold, or that would be written otherwise inside quotes than outside. */
const BAD_NAME = /[\s\p{Cc}:"\\#@]/u;

const NO_PASSWORDS = ["", " "];

export interface UserLine {
  name: string;
  domain: string;
  md5: string;
  sha256: string;
  /** "on", "off", or "" for the rule of all users. */
  strangers: string;
}

/** @throws Error of one line that names file and line */
export function readUsers(file: string): UserLine[] {
  if (statOf(file) === null) throw new Error(file + ": there is no such file; 'user add NAME' makes it");
  return parseUsers(file, readWhole(file));
}

/** @returns null when there is no file @throws Error of one line when it is no regular file, or too large */
function statOf(file: string): Stats | null {
  let stats: Stats;
  try {
    stats = statSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError("read", file, error);
  }
  // A device or a pipe would be replaced by a file, or read for ever.
  if (!stats.isFile())
    throw new Error(
      file + " is no file of users: it is " + (stats.isDirectory() ? "a directory" : "a device or a pipe"),
    );
  if (stats.size > FILE_MOST) throw new Error(file + " is no file of users: it has more than 100 MB");
  return stats;
}

function readWhole(file: string): string {
  try {
    // Editors on Windows begin a file with a mark of its encoding.
    return readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw fileError("read", file, error);
  }
}

function parseUsers(file: string, content: string): UserLine[] {
  const users: UserLine[] = [];
  const seen = new Set<string>();
  for (const [index, line] of content.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const refuse = (what: string): Error => new Error(file + ":" + (index + 1) + ": " + what);
    const parts = line.split(":");
    if (parts.length !== 4 && parts.length !== 5)
      throw refuse('"' + safe(line.slice(0, 40)) + '": must be NAME:DOMAIN:MD5:SHA-256');
    const [name, domain, md5, sha256, rule = ""] = parts;
    const problem = nameProblem(name);
    if (problem !== "") throw refuse(problem);
    if (!/^[a-z0-9._-]{1,100}$/.test(domain)) throw refuse('"' + safe(domain) + '": must be a domain in lower case');
    if (!/^([0-9a-f]{32})?$/.test(md5)) throw refuse("the MD5 hash must be 32 hexadecimal digits");
    if (!/^([0-9a-f]{64})?$/.test(sha256)) throw refuse("the SHA-256 hash must be 64 hexadecimal digits");
    if (!/^(strangers=(on|off))?$/.test(rule))
      throw refuse('"' + safe(rule) + '": must be strangers=on or strangers=off, or nothing');
    // The hash of an empty or blank password is refused: it would let everybody in.
    for (const password of NO_PASSWORDS)
      if (md5 === hashOf("md5", name, domain, password) || sha256 === hashOf("sha256", name, domain, password))
        throw refuse(name + "@" + domain + " has an empty password; 'user add' gives another one");
    if (md5 === "" && sha256 === "") throw refuse("there is no hash");
    if (seen.has(name + "@" + domain)) throw refuse(name + "@" + domain + " is there already");
    seen.add(name + "@" + domain);
    users.push({ name, domain, md5, sha256, strangers: rule.slice("strangers=".length) });
  }
  return users;
}

/** @returns what is wrong with the name of a user, or "" */
export function nameProblem(name: string): string {
  const isGood = name !== "" && octets(name).length <= NAME_BYTES && !BAD_NAME.test(name);
  return isGood ? "" : '"' + safe(name) + '": a name has 1 to 100 octets and no space, colon, quote, backslash, # or @';
}

/** @returns the users of those domains, as the core looks them up */
export function tableOf(users: readonly UserLine[], domains: readonly string[]): UserTable {
  const table = new UserTable(Math.max(1, users.length), NAME_BYTES, domains.map(octets));
  for (const user of users)
    table.addUser(octets(user.name), octets(user.domain), octets(user.md5), octets(user.sha256), strangersOf(user));
  return table;
}

function strangersOf(user: UserLine): number {
  if (user.strangers === "") return STRANGERS_BY_RULE;
  return user.strangers === "on" ? STRANGERS_ALWAYS : STRANGERS_NEVER;
}

/** How a user is written into the file. */
export interface UserChange {
  /** "on", "off", or "" to keep the rule of before, if there was one. */
  strangers?: string;
  /** The user has to be there already. */
  isKnown?: boolean;
}

/**
 * Adds a user, or gives one that is there another password.
 * @returns whether the user is new @throws Error of one line
 */
export function addUser(file: string, name: string, domain: string, password: string, how: UserChange = {}): boolean {
  const problem = nameProblem(name);
  if (problem !== "") throw new Error(problem);
  if (password.trim() === "") throw new Error("the password is empty: nothing was changed");
  let isNew = true;
  changeFile(file, (lines, users) => {
    const old = users.find((user) => user.name === name && user.domain === domain);
    isNew = old === undefined;
    if (isNew && how.isKnown === true) throw noUser(file, name, domain);
    const rule = how.strangers || (old?.strangers ?? "");
    const line = [
      name,
      domain,
      secret(name, domain, password, ALGORITHM_MD5),
      secret(name, domain, password, ALGORITHM_SHA256),
      ...(rule === "" ? [] : ["strangers=" + rule]),
    ].join(":");
    // The other lines stay where they are, with the comments between them.
    const at = findUser(lines, name, domain);
    if (at >= 0) lines[at] = line;
    else lines.push(line);
  });
  return isNew;
}

/** Removes a user. @throws Error of one line, also when there is no such user */
export function removeUser(file: string, name: string, domain: string): void {
  changeFile(file, (lines) => {
    const at = findUser(lines, name, domain);
    if (at < 0) throw noUser(file, name, domain);
    lines.splice(at, 1);
  });
}

function findUser(lines: readonly string[], name: string, domain: string): number {
  return lines.findIndex((line) => line.startsWith(name + ":" + domain + ":"));
}

function noUser(file: string, name: string, domain: string): Error {
  return new Error(file + ": there is no user " + safe(name) + "@" + domain + "; 'user list' shows who there is");
}

/**
 * Changes the file, one process at a time, whole or not at all. Its owner stays. A file with a bad line is not written
 * over.
 */
function changeFile(file: string, change: (lines: string[], users: UserLine[]) => void): void {
  const isThere = statOf(file) !== null;
  const path = isThere ? realpathSync(file) : file;
  let unlock = (): void => {};
  try {
    unlock = lockFile(path);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === undefined ? error : fileError("write", file, error);
  }
  const fresh = path + ".new";
  try {
    const stats = statOf(path);
    const content = stats === null ? "# NAME:DOMAIN:MD5:SHA-256\n" : readWhole(path);
    const lines = content.split(/\r?\n/);
    if (lines.at(-1) === "") lines.pop();
    change(lines, parseUsers(file, content));
    writeFile(fresh, lines.join("\n") + "\n", stats);
    renameSync(fresh, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(fresh, { force: true });
    throw (error as NodeJS.ErrnoException).code === undefined ? error : fileError("write", file, error);
  } finally {
    unlock();
  }
}

/** @param like gives owner and rights, without those of others; null: the writer's own */
function writeFile(path: string, content: string, like: Stats | null): void {
  const file = openSync(path, "w", 0o600);
  try {
    fchmodSync(file, like === null ? 0o600 : (like.mode & 0o660) | 0o600);
    // A process that is not root could only give the file to its own user, to whom it belongs already.
    if (like !== null && process.getuid?.() === 0) fchownSync(file, like.uid, like.gid);
    const bytes = Buffer.from(content);
    writeAll(file, bytes, bytes.length);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function secret(name: string, domain: string, password: string, algorithm: number): string {
  const out = new Uint8Array(64);
  const user = new Span();
  const realm = new Span();
  user.set(octets(name), 0, octets(name).length);
  realm.set(octets(domain), 0, octets(domain).length);
  new Digest().writeSecret(algorithm, user, realm, octets(password), out);
  return Buffer.from(out.subarray(0, hexSize(algorithm))).toString("latin1");
}

function hashOf(algorithm: string, name: string, domain: string, password: string): string {
  return createHash(algorithm)
    .update(name + ":" + domain + ":" + password)
    .digest("hex");
}
