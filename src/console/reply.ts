/**
 * The answer of a console command: values by name, a text, or one error. It prints itself for a person, or as one line
 * of JSON for a program. Not here: what the commands do.
 */

import { isPlain } from "../core/octets.js";
import { isSteering, unicodeEscape } from "../core/printable.js";

// Codes of errors, for programs. They do not change.
export const ERROR_COMMAND = "no-such-command";
/** An argument is missing or is not what is allowed. */
export const ERROR_ARGUMENT = "bad-argument";
export const ERROR_KEY = "no-such-key";
export const ERROR_VALUE = "bad-value";
/** The door's state does not allow it: no call, no server, a code lock. */
export const ERROR_STATE = "not-now";
export const ERROR_STORE = "not-kept";
export const ERROR_LOCKED = "locked";

export class Reply {
  /** ERROR_*, or "" when the command was done. */
  code = "";
  private problem = "";
  private body = "";
  private isText = false;
  private readonly names: string[] = [];
  private readonly values: (string | number)[] = [];

  /** Makes it an error. @param problem one line: what was wrong, and what is allowed */
  fail(code: string, problem: string): Reply {
    this.code = code;
    this.problem = problem;
    return this;
  }

  put(name: string, value: string | number): Reply {
    this.names.push(name);
    this.values.push(value);
    return this;
  }

  /** Sets the text that a person sees in place of the values. */
  say(body: string): Reply {
    this.body = body;
    return this;
  }

  /** Sets a text that is the whole answer; a program gets it as `text`. */
  tell(body: string): Reply {
    this.isText = true;
    return this.say(body);
  }

  // The pieces are joined at the end: a text that grows by pieces is copied whole for each of them.

  /** Prints it as lines, each ended by \n. */
  toText(): string {
    if (this.code !== "") return "error: " + this.problem + "\n";
    if (this.body !== "") return this.body;
    if (this.names.length === 0) return "ok\n";
    const lines: string[] = [];
    for (let i = 0; i < this.names.length; i++) lines.push(this.names[i] + " " + this.values[i] + "\n");
    return lines.join("");
  }

  /** Prints it as one line of JSON: `{"ok":true,…values}` or `{"ok":false,"code":…,"error":…}`. */
  toJson(): string {
    if (this.code !== "") return '{"ok":false,"code":' + quoted(this.code) + ',"error":' + quoted(this.problem) + "}\n";
    const members = ['{"ok":true'];
    for (let i = 0; i < this.names.length; i++) {
      const value = this.values[i];
      // Names are keys and words of our own, so they need no escapes.
      members.push('"' + this.names[i] + '":' + (typeof value === "number" ? value : quoted(value)));
    }
    if (this.isText) members.push('"text":' + quoted(this.body));
    return members.join(",") + "}\n";
  }
}

/** Writes a JSON string whose characters cannot steer a terminal. RFC 8259 §7 */
function quoted(value: string): string {
  if (value === "") return '""';
  if (isPlain(value) && value.indexOf('"') < 0 && value.indexOf("\\") < 0) return '"' + value + '"';
  let out = '"';
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    const code = value.charCodeAt(i);
    if (isSteering(value, i)) out += unicodeEscape(code);
    else out += c === '"' || c === "\\" ? "\\" + c : c;
  }
  return out + '"';
}
