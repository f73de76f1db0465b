/**
 * The console's help: the list of commands, one command, or what a setting may be, in lines as wide as terminals are.
 * Not here: the commands' texts (commands.ts).
 */
import { allowed } from "../settings/check.js";
import { findSetting, needsRestart } from "../settings/schema.js";
import { Settings } from "../settings/settings.js";
import { COMMANDS, findCommand, usage } from "./commands.js";
import { ERROR_KEY, type Reply } from "./reply.js";

const USAGE_WIDTH = 22;
/**
 * Columns of a line: one less than a terminal's usual 80, since some terminals break the line behind the last column.
 */
const HELP_WIDTH = 79;
const INDENT = "  ";
const COLUMN = " ".repeat(USAGE_WIDTH);

/** @param what a command, a key, or "" for the list */
export function help(reply: Reply, what: string): Reply {
  if (what === "") {
    const lines: string[] = [];
    for (let i = 0; i < COMMANDS.length; i++) lines.push(helpLine(usage(COMMANDS[i]), COMMANDS[i].help));
    lines.push(helpLine("--json", "behind any of them: the answer as one line of JSON"));
    return reply.tell(lines.join(""));
  }
  const command = findCommand(what.toLowerCase());
  if (command !== null) return reply.tell(wrapped(usage(command) + ": ", command.help, INDENT));
  const setting = findSetting(what);
  if (setting === null) return reply.fail(ERROR_KEY, new Settings().set(what, ""));
  const start = needsRestart(setting) ? "; holds from the next start on" : "";
  const first = setting.initial === "" ? "empty" : "'" + setting.initial + "'";
  return reply.tell(
    wrapped(setting.key + ": ", setting.help + start, INDENT) +
      wrapped(INDENT, allowed(setting) + ", at first " + first, INDENT),
  );
}

/** Writes one entry of the list, with what is to be typed in a column of its own. */
function helpLine(left: string, text: string): string {
  const isWide = left.length > USAGE_WIDTH - 2;
  return isWide ? left + "\n" + wrapped(COLUMN, text, COLUMN) : wrapped(left.padEnd(USAGE_WIDTH), text, COLUMN);
}

/**
 * Breaks a text into lines of whole words. Lines are cut out of the text: one that grows by words would be measured and
 * copied for each of them. @param first begins the first line @param more begins the others
 */
function wrapped(first: string, text: string, more: string): string {
  const { length } = text;
  let out = first;
  let room = HELP_WIDTH - first.length;
  let start = 0;
  while (length - start > room) {
    let stop = text.lastIndexOf(" ", start + room);
    // A word that is wider than a line has a line of its own.
    if (stop <= start) stop = text.indexOf(" ", start + 1);
    if (stop < 0) break;
    out += text.slice(start, stop) + "\n" + more;
    room = HELP_WIDTH - more.length;
    start = stop + 1;
  }
  return out + text.slice(start) + "\n";
}
