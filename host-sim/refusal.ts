/** What ends the program with one line for a person, and its exit codes. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

export class Refusal extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}
