/**
 * The lines a server prints. Whoever reads them may stop reading, or go away: the server goes on, and when it is read again it says how
 * many lines were lost. Node itself would wait for the reader of a pipe with all else standing still.
 */
import { write } from "node:fs";

/** Octets that wait for a reader at most. */
const WAITING_BYTES = 1024 * 1024;
/** How long a reader that takes nothing now is left alone, ms. */
const AGAIN_MS = 50;
/** How long the end waits for the last lines to be read, ms. */
const LAST_MS = 500;

export class Output {
  private readonly fd: number;
  private lines: string[] = [];
  private waitingBytes = 0;
  private lost = 0;
  private isWriting = false;
  private isGone = false;
  private onDone: () => void = () => {};
  private readonly lostLine: (count: number) => string;

  /** @param lostLine what is printed when lines were lost */
  constructor(fd: number, lostLine: (count: number) => string) {
    this.fd = fd;
    this.lostLine = lostLine;
  }

  /** @param line without its end */
  print(line: string): void {
    if (this.isGone) return;
    if (this.waitingBytes > WAITING_BYTES) {
      this.lost += 1;
      return;
    }
    if (this.lost > 0) this.put(this.lostLine(this.lost));
    this.lost = 0;
    this.put(line);
    // A thousand phones that register make a thousand lines: those of one turn are written at once.
    if (!this.isWriting) {
      this.isWriting = true;
      setImmediate(() => this.next());
    }
  }

  /** Waits, but not for long, until all is written. */
  async end(): Promise<void> {
    if (!this.isWriting) return;
    await new Promise<void>((resolve) => {
      this.onDone = resolve;
      setTimeout(resolve, LAST_MS);
    });
  }

  private put(line: string): void {
    this.lines.push(line + "\n");
    this.waitingBytes += line.length + 1;
  }

  private next(): void {
    const bytes = Buffer.from(this.lines.join(""));
    this.lines = [];
    if (bytes.length > 0) {
      this.write(bytes, 0);
      return;
    }
    this.isWriting = false;
    this.onDone();
  }

  private write(bytes: Buffer, start: number): void {
    write(this.fd, bytes, start, bytes.length - start, null, (error, written) => {
      if (error?.code === "EAGAIN") setTimeout(() => this.write(bytes, start), AGAIN_MS);
      else if (error !== null) {
        // Nobody will read it any more.
        this.isGone = true;
        this.lines = [];
        this.next();
      } else if (start + written < bytes.length) this.write(bytes, start + written);
      else {
        this.waitingBytes = this.lines.reduce((sum, line) => sum + line.length, 0);
        this.next();
      }
    });
  }
}
