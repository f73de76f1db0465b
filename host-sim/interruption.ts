/** Tells of the signals that end the program. */
import { watchParent } from "./parent.js";

/** The first signal ends the program in an orderly way; a second one ends it at once. */
export class Interruption {
  isThere = false;
  readonly came: Promise<void>;

  constructor() {
    this.came = new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
        process.once(signal, () => {
          this.isThere = true;
          resolve();
        });
      // A person who started the program with npm and ended npm has ended the program too.
      watchParent(() => {
        this.isThere = true;
        resolve();
      });
    });
  }
}
