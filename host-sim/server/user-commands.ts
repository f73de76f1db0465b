/**
 * `user add`, `passwd`, `remove` and `list` change and show the users' file, and read passwords without showing them.
 * Each ends with an exit code: 2 when it was called wrongly, 1 when it failed.
 * Not here: the file itself (users-file.ts).
 */
import { askHidden } from "../io/ask.js";
import type { ServerOptions } from "./options.js";
import { addUser, nameProblem, readUsers, removeUser } from "./users-file.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
/** The longest password, octets. Digest has no limit of its own, but phones have. */
const PASSWORD_MOST = 256;
const NOTHING_CHANGED = ": nothing was changed";

/** The password cannot be used. */
class BadPassword extends Error {}

export async function runUserCommand(options: ServerOptions): Promise<number> {
  const { command, name, users, userStrangers: strangers } = options;
  const [domain] = options.domains;
  const problem = command === "user-list" ? "" : nameProblem(name);
  if (problem !== "") return refuse(problem, EXIT_USAGE);
  const who = name + "@" + domain;
  try {
    switch (command) {
      case "user-add": {
        const isNew = addUser(users, name, domain, await readPassword(options.passwordStdin), { strangers });
        say(who + (isNew ? " is in " : " has another password in ") + users);
        break;
      }
      case "user-passwd":
        addUser(users, name, domain, await readPassword(options.passwordStdin), { strangers, isKnown: true });
        say(who + " has another password in " + users);
        break;
      case "user-remove":
        removeUser(users, name, domain);
        say(who + " is no longer in " + users);
        break;
      default:
        list(options);
    }
    return 0;
  } catch (error) {
    return refuse((error as Error).message, error instanceof BadPassword ? EXIT_USAGE : EXIT_FAILED);
  }
}

/** Lists the users by domain and name, never a hash. */
function list({ users, domains, json }: ServerOptions): void {
  const all = readUsers(users)
    .filter((user) => domains.length === 0 || domains.includes(user.domain))
    .sort((a, b) => compare(a.domain, b.domain) || compare(a.name, b.name));
  const width = Math.max(0, ...all.map(({ name, domain }) => name.length + 1 + domain.length));
  for (const { name, domain, md5, sha256, strangers } of all) {
    const digests = [...(md5 === "" ? [] : ["md5"]), ...(sha256 === "" ? [] : ["sha-256"])];
    if (json) say(JSON.stringify({ name, domain, digests, strangers: strangers || "rule" }));
    else
      say(
        (name + "@" + domain).padEnd(width) +
          "  " +
          digests.join(",") +
          (strangers === "" ? "" : "  strangers=" + strangers),
      );
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @throws BadPassword */
async function readPassword(isStdin: boolean): Promise<string> {
  const isTerminal = process.stdin.isTTY === true;
  if (!isStdin && !isTerminal)
    throw new BadPassword("there is no terminal to ask for the password: use --password-stdin");
  const password = isTerminal ? await askPassword(isStdin) : await firstLine();
  if (password.trim() === "") throw new BadPassword("the password is empty" + NOTHING_CHANGED);
  if (Buffer.byteLength(password) > PASSWORD_MOST)
    throw new BadPassword("the password has more than " + PASSWORD_MOST + " octets" + NOTHING_CHANGED);
  if (/[\p{Cc}\ufffd]/u.test(password))
    throw new BadPassword("the password has characters that nobody can type" + NOTHING_CHANGED);
  return password;
}

/** @returns the first line of stdin without its end; no more is read than a password may have */
async function firstLine(): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of process.stdin as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (piece.includes(10) || size > 8 * PASSWORD_MOST) break;
  }
  const all = Buffer.concat(pieces);
  const end = all.indexOf(10);
  return all.toString("utf8", 0, end < 0 ? all.length : end).replace(/\r$/, "");
}

/** Asks on the terminal without showing the password; twice, unless one line is enough. */
async function askPassword(isOnce: boolean): Promise<string> {
  const first = await askHidden("Password: ");
  if (first === "" || isOnce) return first;
  if (first === (await askHidden("Again: "))) return first;
  throw new BadPassword("the two are not the same" + NOTHING_CHANGED);
}

function say(line: string): void {
  process.stdout.write(line + "\n");
}

function refuse(line: string, code: number): number {
  process.stderr.write(line + "\n");
  return code;
}
