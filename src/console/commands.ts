/**
 * The console's commands: their names, arguments and help, once. The help and the completion by Tab are made from this.
 * Not here: what they do (console.ts).
 */

export interface Command {
  name: string;
  /**
   * The arguments as the help shows them: CAPITALS stand for what is to be filled in, brackets for what may be left
   * out.
   */
  args: string;
  help: string;
}

function command(name: string, args: string, help: string): Command {
  return { name, args, help };
}

export const COMMANDS: readonly Command[] = [
  command("help", "[COMMAND|KEY]", "this list, or one command, or what a setting may be"),
  command("get", "[KEY]", "a setting as it is in force, or all of them"),
  command("set", "KEY VALUE", "change a setting (or KEY=VALUE); it holds after save"),
  command("unset", "KEY", "set a setting back to its first value; it holds after save"),
  command("diff", "", "what was set here and is not saved yet"),
  command(
    "save",
    "[replace|COUNT]",
    "put what was set here in force, and keep it; replace: also in the place of a newer firmware's; COUNT: only if so many were set",
  ),
  command("revert", "", "forget what was set here and is not saved"),
  command(
    "factory-reset",
    "yes",
    "all settings but the wiring (active, lock) as they were at first, and nobody among the people; kept at once",
  ),
  command("secrets", "", "passwords and codes, for a backup with them: npm run config -- backup FILE --with-secrets"),
  command("wifi", "[scan]", "the network, its signal and our address; or which networks there are"),
  command("status", "", "registration, call, relays"),
  command("phones", "", "the phones of the door's server: which are registered, where, and for how long yet"),
  command("register", "", "register now"),
  command("unregister", "", "take the registration back"),
  command("bindings", "", "ask the server where this user is registered"),
  command("call", "[TARGET]", "call a SIP URI, an address or a number; without one, call.target"),
  command("answer", "", "take the call that rings"),
  command("hangup", "", "end the call, or refuse it"),
  command("hold", "", "hold the other side"),
  command("resume", "", "take it back"),
  command("transfer", "TARGET", "move the call to another phone: it is called, and the first is left when it answers"),
  command("dtmf", "DIGITS [info]", "send digits in the call; info: in INFO requests, one after another"),
  command("press", "[BUTTON]", "press a button, 1 to 4"),
  command("open", "[RELAY]", "open the door: switch its relay on, for its time"),
  command("close", "[RELAY]", "lock the door: switch its relay off"),
  command("alarm", "[off]", "the alarm output and the housing; off: end the alarm"),
  command(
    "people",
    "[VERB NAME ...]",
    "who has a code or card of their own: people add courier --code new --until +24h --uses 1; people change, show, remove NAME; see docs/people.md",
  ),
  command(
    "ca",
    "[clear]",
    "the authorities that are believed by TLS; paste their certificates (PEM) here to keep them; clear: forget them",
  ),
  command("calls", "[--since TIME]", "the last calls: with whom, how long, why they ended, how they sounded"),
  command(
    "log",
    "[--since TIME]",
    "the last things that happened, calls among them; TIME as 2026-12-24, 2026-12-24 18:00, or 24h",
  ),
  command("trace", "[pcap]", "the SIP messages of the last call since the start, as a ladder or as a pcap in base64"),
  command(
    "selftest",
    "",
    "play tones, and tell what of them the microphone heard: how loud, how late, or what is wrong",
  ),
  command("stats", "", "messages and packets since start"),
  command("limits", "", "how many calls and messages are held at once, how many may be, and the most there were"),
  command("login", "PASSWORD", "unlock a console that has a password"),
  command("logout", "", "lock it again"),
  command("reboot", "", "start again, with what was saved"),
  command("version", "", "what this is"),
];

// Names that commands had before, and their names now.
const OLD_NAMES: readonly string[] = ["pools"];
const NEW_NAMES: readonly string[] = ["limits"];

/** @returns null when there is none of that name */
export function findCommand(name: string): Command | null {
  const at = OLD_NAMES.indexOf(name);
  const wanted = at < 0 ? name : NEW_NAMES[at];
  for (let i = 0; i < COMMANDS.length; i++) if (COMMANDS[i].name === wanted) return COMMANDS[i];
  return null;
}

/** @returns the command and its arguments, as one writes them */
export function usage(command: Command): string {
  return command.args === "" ? command.name : command.name + " " + command.args;
}
