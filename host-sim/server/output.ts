/**
 * Prints the lines of a server. Their reader may stop reading or end: the server goes on, and when it is read again it
 * says how many lines were lost. Node itself would wait for the reader of a pipe while everything else stands still.
 */
import { write } from "node:fs";

/** The most octets that wait for the reader. */
const WAITING_BYTES = 1024 * 1024;
/** How long to wait before a reader that took nothing is tried again, ms. */
const AGAIN_MS = 50;
/** How long the server waits at its end for the last lines to be read, ms. */
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

  /** @param lostLine gives the line to print when lines were lost */
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
    // A thousand phones that register make a thousand lines, so those of one turn are written at once.
    if (!this.isWriting) {
      this.isWriting = true;
      setImmediate(() => this.next());
    }
  }

  /** Waits a short time until all is written. */
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
        // The reader has ended.
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
