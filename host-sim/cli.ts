/**
 * The simulator's program: a house with a door and, unless it is to be alone, an indoor phone and a SIP server; a
 * ladder of their messages; and a person or a script that presses the button. `--help` shows its usage.
 */
import { givenSettings } from "./given.js";
import { EXIT_FAILED, EXIT_USAGE, Refusal } from "./refusal.js";
import { Simulation } from "./simulation.js";
import { boardOf } from "./world/boards.js";
import { parseOptions, USAGE } from "./world/options.js";

/** The reader of the output may go away. Later output is lost then, and the house goes on. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr, process.stdin]) stream.on("error", () => {});
}

async function main(): Promise<number> {
  outliveReaders();
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") throw new Refusal(options, EXIT_USAGE);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const board = boardOf(options.board ?? "");
  // The options were checked already.
  if (board === null) throw new Refusal("--board", EXIT_USAGE);
  const simulation = new Simulation({ options, board, ...(await givenSettings(options)) });
  await simulation.start();
  return simulation.run();
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write((error instanceof Error ? error.message : String(error)) + "\n");
    process.exit(error instanceof Refusal ? error.code : EXIT_FAILED);
  },
);
