/**
 * The file of users: a line NAME:DOMAIN:MD5:SHA-256 for each, the hashes H(name:domain:password) in hexadecimal, one of which may be
 * empty; behind them, if strangers may call that user or may not whatever the option says, `:strangers=on` or `:strangers=off`. Lines with
 * # are comments. Whoever reads the file can register as these users here, so it is made for its owner alone.
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { octets, Span } from "../../src/core/bytes.js";
import { STRANGERS_ALWAYS, STRANGERS_BY_RULE, STRANGERS_NEVER, UserTable } from "../../src/server/users.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256, Digest, hexSize } from "../../src/wire/digest.js";
import { safe } from "../world/events.js";

const NAME_BYTES = 100;
/** What cannot stand in a line, or would be written otherwise inside quotes than outside. */
const BAD_NAME = /[\s\p{Cc}:"\\#@]/u;

const NO_PASSWORDS = ["", " "];

export interface UserLine {
  name: string;
  domain: string;
  md5: string;
  sha256: string;
  /** "on", "off", or "" for the rule that all have. */
  strangers: string;
}

/** @throws Error of one line that names file and line */
export function readUsers(file: string): UserLine[] {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw new Error(file + ": " + (code === "ENOENT" ? "there is no such file; 'user add NAME' makes it" : code));
  }
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
    // Nobody has a password by not having one: blanks are none either.
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

/** The users of those domains, as the core looks them up. */
export function tableOf(users: readonly UserLine[], domains: readonly string[]): UserTable {
  const table = new UserTable(Math.max(1, users.length), NAME_BYTES, domains.map(octets));
  for (const user of users)
    table.add(octets(user.name), octets(user.domain), octets(user.md5), octets(user.sha256), strangersOf(user));
  return table;
}

function strangersOf(user: UserLine): number {
  if (user.strangers === "") return STRANGERS_BY_RULE;
  return user.strangers === "on" ? STRANGERS_ALWAYS : STRANGERS_NEVER;
}

/**
 * Adds a user, or gives one that is there another password. The file is replaced as a whole.
 * @param strangers "on", "off", or "" for the rule that was there, if any @throws Error of one line
 */
export function addUser(file: string, name: string, domain: string, password: string, strangers = ""): void {
  const problem = nameProblem(name);
  if (problem !== "") throw new Error(problem);
  if (password.trim() === "") throw new Error("the password is empty: nothing was changed");
  // A file with a bad line is not written over.
  const users = existsSync(file) ? readUsers(file) : [];
  const rule = strangers || (users.find((user) => user.name === name && user.domain === domain)?.strangers ?? "");
  const before = existsSync(file) ? readFileSync(file, "utf8") : "# NAME:DOMAIN:MD5:SHA-256\n";
  const kept = before.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith(name + ":" + domain + ":"));
  kept.push(
    [
      name,
      domain,
      secret(name, domain, password, ALGORITHM_MD5),
      secret(name, domain, password, ALGORITHM_SHA256),
      ...(rule === "" ? [] : ["strangers=" + rule]),
    ].join(":"),
  );
  const temporary = file + ".new";
  writeFileSync(temporary, kept.join("\n") + "\n", { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
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
