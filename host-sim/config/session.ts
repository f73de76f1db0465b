/** One question at a time to a door's console: a command with `--json`, and the one line of JSON that answers it. Lines between are events. */
import { createInterface, type Interface } from "node:readline";
import type { Duplex } from "node:stream";

/** A board writes to its flash before it answers `save`. */
const ANSWER_MS = 10_000;

export interface Answer {
  ok: boolean;
  code?: string;
  error?: string;
  [name: string]: unknown;
}

export class Session {
  /** Given each line that answers nothing. */
  onEvent: (line: string) => void = () => {};
  private readonly link: Duplex;
  private readonly lines: Interface;
  private waiting: ((answer: Answer | Error) => void) | null = null;

  constructor(link: Duplex) {
    this.link = link;
    this.lines = createInterface({ input: link });
    this.lines.on("line", (line) => this.take(line));
    link.on("error", (error) => this.end(error.message));
    link.on("close", () => this.end("the line was closed"));
  }

  /** @throws Error of one line when nothing answers */
  ask(command: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.end(`no answer to '${command.split(" ")[0]}' in ${ANSWER_MS / 1000} s`),
        ANSWER_MS,
      );
      this.waiting = (answer) => {
        clearTimeout(timer);
        this.waiting = null;
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      // What noise or another program left of a line is ended first.
      this.link.write(`\n${command} --json\n`);
    });
  }

  /** As `ask`. @throws Error with what the door said when it refused */
  async tell(command: string): Promise<Answer> {
    const answer = await this.ask(command);
    if (!answer.ok) throw new Error(String(answer.error));
    return answer;
  }

  close(): void {
    this.lines.close();
    this.link.destroy();
  }

  private take(line: string): void {
    if (this.waiting !== null && line.startsWith('{"ok":')) {
      try {
        this.waiting(JSON.parse(line) as Answer);
        return;
      } catch {
        // A line that noise has been in: the answer is lost, and the time will tell.
      }
    }
    if (line !== "") this.onEvent(line);
  }

  private end(reason: string): void {
    this.waiting?.(new Error(reason));
  }
}
