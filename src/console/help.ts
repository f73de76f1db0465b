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

/** @param what a command, a key, or "" for the list */
export function help(reply: Reply, what: string): Reply {
  if (what === "") {
    let out = "";
    for (let i = 0; i < COMMANDS.length; i++) out += helpLine(usage(COMMANDS[i]), COMMANDS[i].help);
    return reply.tell(out + helpLine("--json", "behind any of them: the answer as one line of JSON"));
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
  const column = " ".repeat(USAGE_WIDTH);
  return isWide ? left + "\n" + wrapped(column, text, column) : wrapped(left.padEnd(USAGE_WIDTH), text, column);
}

/** Breaks a text into lines of whole words. @param first begins the first line @param more begins the others */
function wrapped(first: string, text: string, more: string): string {
  const words = text.split(" ");
  let out = "";
  let line = first;
  let isFresh = true;
  for (let i = 0; i < words.length; i++) {
    if (!isFresh && line.length + 1 + words[i].length > HELP_WIDTH) {
      out += line + "\n";
      line = more;
      isFresh = true;
    }
    line += (isFresh ? "" : " ") + words[i];
    isFresh = false;
  }
  return out + line + "\n";
}
