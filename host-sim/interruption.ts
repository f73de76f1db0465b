/** Tells of the signals that end the program. */
import { hasTerminal, watchParent } from "./parent.js";

/** The first signal ends the program in an orderly way; a second one ends it at once. */
export class Interruption {
  isThere = false;
  readonly came: Promise<void>;

  /** @param onHangup called for SIGHUP, which ends the program only if its terminal was closed; null: it always does */
  constructor(onHangup: (() => void) | null = null) {
    this.came = new Promise((resolve) => {
      const end = (): void => {
        this.isThere = true;
        resolve();
      };
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
      const hadTerminal = onHangup !== null && hasTerminal();
      if (onHangup === null) process.once("SIGHUP", end);
      else process.on("SIGHUP", () => (hadTerminal && !hasTerminal() ? end() : onHangup()));
      // A person who started the program with npm and ended npm has ended the program too.
      watchParent(end);
    });
  }
}
