/**
 * Arguments of a command line, before Node's `parseArgs` reads them: values that begin with a minus, which it would
 * take for options.
 */

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
