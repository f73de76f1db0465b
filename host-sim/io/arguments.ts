/**
 * Arguments of a command line, before Node's `parseArgs` reads them: values that begin with a minus, which it would
 * take for options. Also the one line about an option that it refuses.
 */
import { safe } from "../world/events.js";

type Options = Readonly<Record<string, { readonly type: "string" | "boolean" }>>;

/**
 * Turns `--seed -1` into `--seed=-1`, so that a message about such a value names the value. A word that is an option
 * itself stays as it is.
 */
export function joinValues(args: readonly string[], options: Options): string[] {
  const out: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    const next = args[i + 1];
    if (arg === "--") return [...out, ...args.slice(i)];
    const isTaking = arg.startsWith("--") && options[arg.slice(2)]?.type === "string";
    if (isTaking && next !== undefined && next.startsWith("-") && next !== "--" && !isOption(next, options)) {
      out.push(`${arg}=${next}`);
      i += 1;
    } else out.push(arg);
  }
  return out;
}

function isOption(word: string, options: Options): boolean {
  return word.startsWith("--") && word.slice(2).split("=")[0] in options;
}

/** Node's own line has a code for programmers, so it is replaced. @returns one line for people */
export function optionProblem(error: NodeJS.ErrnoException): string {
  const named = /'(-{0,2}[^']*)'/.exec(error.message)?.[1] ?? "";
  const option = safe(named.split(/[ ,=]/)[0]);
  switch (error.code) {
    case "ERR_PARSE_ARGS_UNKNOWN_OPTION":
      return "there is no option " + option + "; --help lists them";
    case "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL":
      return '"' + safe(named) + '" belongs to no option; --help lists them';
    case "ERR_PARSE_ARGS_INVALID_OPTION_VALUE":
      if (/does not take an argument/.test(error.message)) return option + " takes no value";
      return option + " needs a value; --help says which";
    default:
      return safe(error.message);
  }
}
