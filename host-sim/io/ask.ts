/**
 * Reads standard input of a tool: a line that is not shown while it is typed, a line of piped input, a whole file. It
 * takes one line at a time, so that the following octets are there for the next reader. Not here: the console
 * (serial.ts).
 */
import { readSync } from "node:fs";

const STDIN = 0;
/** The longest line: no password or code is longer. */
const LINE_BYTES = 4096;
/** Another program may have made standard input non-blocking; it is asked again after this time, ms. */
const AGAIN_MS = 20;
const LF = 0x0a;

// Octets that were typed or pasted behind a line that was asked for.
let left = "";

/** The next line of piped input, without its end; "" if there is none. @throws Error of one line */
export function readLine(): string {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (readSome(one) > 0 && one[0] !== LF) {
    if (bytes.length === LINE_BYTES)
      throw new Error(`standard input: a line is longer than ${LINE_BYTES} octets; nothing was done`);
    bytes.push(one[0]);
  }
  return decode("standard input", Uint8Array.from(bytes)).replace(/\r$/, "");
}

/** All the rest of piped input. @param most octets @throws Error of one line if there are more */
export function readRest(most: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const piece = new Uint8Array(65536);
    const count = readSome(piece);
    if (count === 0) break;
    size += count;
    if (size > most) throw new Error(`standard input is larger than ${most} octets: that is no file of settings`);
    pieces.push(piece.subarray(0, count));
  }
  return Buffer.concat(pieces);
}

function readSome(into: Uint8Array): number {
  for (;;) {
    try {
      return readSync(STDIN, into);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw new Error(`standard input cannot be read (${code})`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
  }
}

/** @returns the text, without a byte order mark @throws Error of one line if it is no text */
export function decode(what: string, bytes: Uint8Array): string {
  const isWide = bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe;
  let text: string;
  try {
    text = new TextDecoder(isWide ? "utf-16le" : "utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${what}: is no text in UTF-8`);
  }
  if (text.includes("\0")) throw new Error(`${what}: is no text`);
  return text;
}

/**
 * Reads a line from the terminal without showing it; without a terminal the next line of piped input. @throws Error of
 * one line
 */
export function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY !== true) return Promise.resolve(readLine());
  // Input that is typed right after the question is not shown either.
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.resume();
  stdin.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    let typed = "";
    const done = (): void => {
      stdin.off("data", onData);
      stdin.off("end", onEnd);
      if (!stdin.destroyed) stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
    };
    const onEnd = (): void => {
      done();
      reject(new Error("broken off: nothing was done"));
    };
    const onData = (piece: string): void => {
      const characters = [...piece];
      for (let i = 0; i < characters.length; i++) {
        const character = characters[i];
        const isEnd = character === "\r" || character === "\n" || character === "\x04";
        if (character === "\x03") onEnd();
        else if (isEnd) {
          left = characters.slice(i + 1).join("");
          done();
          resolve(typed);
        }
        if (isEnd || character === "\x03") return;
        if (character === "\x7f" || character === "\b") typed = [...typed].slice(0, -1).join("");
        else if (character === "\x15") typed = "";
        else typed += character;
      }
    };
    stdin.on("data", onData);
    stdin.once("end", onEnd);
    const before = left;
    left = "";
    if (before !== "") onData(before);
  });
}
