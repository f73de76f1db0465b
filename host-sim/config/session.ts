/**
 * One question at a time to a door's console: a command with `--json`, and the one line of JSON that answers it. Lines between are events.
 * Whatever somebody left half typed on the line is discarded before anything is asked. Not here: what is asked (verbs.ts).
 */
import { createInterface, type Interface } from "node:readline";
import type { Duplex } from "node:stream";

/** A board writes to its flash before it answers `save`. */
const ANSWER_MS = 10_000;
/** Opening a serial port starts many boards anew: so long the first answer may take, and so often it is asked for. */
const FIRST_ANSWER_MS = 1500;
const FIRST_TRIES = 7;
/** Some time for the end to reach the door. */
const LOGOUT_MS = 1000;

/** Clears the line, wherever the cursor stands; an escape sequence that was half sent takes the first of them. */
const CLEAR = "\x15\x15\x03";
/**
 * Before the first question: more octets than a frame of Improv Wi-Fi Serial can have, which may have been half sent and takes all that comes.
 * Each deletes what stands before the cursor, and does nothing on an empty line.
 */
export const DISCARD = "\x15".repeat(300) + CLEAR;

export interface Answer {
  ok: boolean;
  code?: string;
  error?: string;
  [name: string]: unknown;
}

export class Session {
  /** Given each line that answers nothing. */
  onEvent: (line: string) => void = () => {};
  /** The line was closed, and nobody asked for it. */
  onClosed: (reason: string) => void = () => {};
  private readonly link: Duplex;
  private readonly lines: Interface;
  private waiting: ((answer: Answer | Error) => void) | null = null;
  /** Which answer is the one: others may be of a question before. */
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

  /** Discards what is half typed, waits until the door answers, and logs in. @param password "" for none @throws Error of one line */
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

  /** @throws Error of one line when nothing answers */
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

  /** As `ask`. @throws Error with what the door said when it refused */
  async tell(command: string): Promise<Answer> {
    const answer = await this.ask(command);
    if (!answer.ok) throw new Error(String(answer.error));
    return answer;
  }

  /** A login of ours ends with us. */
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
    // A board asks for a pause in between; most drivers keep that for themselves.
    const line = came.replaceAll("\x11", "").replaceAll("\x13", "");
    // What was typed by somebody may stand before the answer on the same line.
    const at = line.indexOf('{"ok":');
    if (this.waiting !== null && at >= 0) {
      try {
        const answer = JSON.parse(line.slice(at)) as Answer;
        if (this.isMeant(answer)) this.waiting(answer);
        return;
      } catch {
        // A line that noise has been in: the answer is lost, and the time will tell.
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

/** The first question may have been asked more than once: late answers to it are none to what follows. */
function isNoVersion(answer: Answer): boolean {
  return typeof answer.version !== "string";
}
