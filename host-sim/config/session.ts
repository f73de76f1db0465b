/**
 * One question at a time to a door's console: a command with `--json`, and the one line of JSON that answers it. Lines
 * between are events. A line that was left half typed is discarded before anything is asked. Not here: what is asked
 * (verbs.ts).
 */
import { createInterface, type Interface } from "node:readline";
import type { Duplex } from "node:stream";

/** A board writes to its flash before it answers `save`. */
const ANSWER_MS = 10_000;
/** Opening a serial port restarts many boards, so the first answer may take this long, and is asked for this often. */
const FIRST_ANSWER_MS = 1500;
const FIRST_TRIES = 7;
/** Time for the logout to reach the door. */
const LOGOUT_MS = 1000;

/** Clears the line wherever the cursor is; the first of them ends an escape sequence that was half sent. */
const CLEAR = "\x15\x15\x03";
/**
 * Is sent before the first question: more octets than a frame of Improv Wi-Fi Serial can have, because a half-sent
 * frame takes all octets that come. Each deletes the octets before the cursor, and does nothing on an empty line.
 */
export const DISCARD = "\x15".repeat(300) + CLEAR;

export interface Answer {
  ok: boolean;
  code?: string;
  error?: string;
  [name: string]: unknown;
}

export class Session {
  /** Is given each line that is no answer. */
  onEvent: (line: string) => void = () => {};
  /** The line was closed without our asking. */
  onClosed: (reason: string) => void = () => {};
  private readonly link: Duplex;
  private readonly lines: Interface;
  private waiting: ((answer: Answer | Error) => void) | null = null;
  /** Tells whether an answer is the expected one; others may belong to a question before. */
  private isMeant: (answer: Answer) => boolean = isNoVersion;
  private isLoggedIn = false;
  private closed = "";

  constructor(link: Duplex) {
    this.link = link;
    // The interface passes the errors of its input on, and has no listener of its own.
    this.lines = createInterface({ input: link });
    this.lines.on("error", () => {});
    this.lines.on("line", (line) => this.take(line));
    link.on("error", (error) => this.end(error.message));
    link.on("close", () => this.end("the line was closed"));
  }

  /**
   * Discards a line that is half typed, waits until the door answers, and logs in. @param password "" for none @throws
   * Error of one line
   */
  async start(password: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      this.write(DISCARD);
      try {
        await this.ask("version", FIRST_ANSWER_MS, (answer) => !isNoVersion(answer));
        break;
      } catch (error) {
        if (tries === FIRST_TRIES || this.closed !== "") throw error;
      }
    }
    if (password === "") return;
    await this.tell(`login ${password}`);
    this.isLoggedIn = true;
  }

  /** @throws Error of one line if nothing answers */
  ask(command: string, withinMs = ANSWER_MS, isMeant = isNoVersion): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.closed !== "") {
        reject(new Error(this.closed));
        return;
      }
      const word = command.split(" ")[0];
      const timer = setTimeout(
        () => this.answer(new Error(`no answer to '${word}' in ${withinMs / 1000} s`)),
        withinMs,
      );
      this.isMeant = isMeant;
      this.waiting = (answer) => {
        clearTimeout(timer);
        this.waiting = null;
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      this.write(`${CLEAR}${command} --json\n`);
    });
  }

  /** Asks as `ask` does. @throws Error with the door's words if it refused */
  async tell(command: string): Promise<Answer> {
    const answer = await this.ask(command);
    if (!answer.ok) throw new Error(String(answer.error));
    return answer;
  }

  /** A login of this program ends with it. */
  async close(): Promise<void> {
    if (this.isLoggedIn && this.closed === "") await this.ask("logout", LOGOUT_MS).catch(() => {});
    this.isLoggedIn = false;
    this.onClosed = () => {};
    this.lines.close();
    this.link.destroy();
  }

  private write(text: string): void {
    if (this.closed === "" && this.link.writable) this.link.write(text);
  }

  private take(came: string): void {
    // A board asks for a pause in between; most drivers keep these octets for themselves.
    const line = came.replaceAll("\x11", "").replaceAll("\x13", "");
    // Typed octets may stand before the answer on the same line.
    const at = line.indexOf('{"ok":');
    if (this.waiting !== null && at >= 0) {
      try {
        const answer = JSON.parse(line.slice(at)) as Answer;
        if (this.isMeant(answer)) this.waiting(answer);
        return;
      } catch {
        // The line was disturbed: the answer is lost, and the time-out tells it.
      }
    }
    if (line !== "") this.onEvent(line);
  }

  private answer(answer: Error): void {
    this.waiting?.(answer);
  }

  private end(reason: string): void {
    if (this.closed !== "") return;
    this.closed = reason;
    this.answer(new Error(reason));
    this.onClosed(reason);
  }
}

/** The first question may have been asked more than once; late answers to it do not belong to later questions. */
function isNoVersion(answer: Answer): boolean {
  return typeof answer.version !== "string";
}
