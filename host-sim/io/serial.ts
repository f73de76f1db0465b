/**
 * The serial line: lines of text in, text out; on the program's own stdin and stdout, and on a TCP port for a terminal program.
 * Not here: what a line does, keys without a line end, a real serial device.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { ipv4Text } from "../../src/core/address.js";
import { Terminal, type TerminalUser } from "../../src/intercom/terminal.js";
import { openError } from "./udp.js";

/** The longest line; what is longer is dropped as a whole. */
export const LINE_CHARACTERS = 1024;
/** Terminals on the TCP port at once. */
export const SERIAL_CLIENTS = 4;
/** Octets that wait for a terminal that does not read, before it is sent away. */
const CLIENT_QUEUE_BYTES = 1048576;

const HTTP_REQUEST = / HTTP\/\d(\.\d)?$/;

/** @param reply prints to whoever wrote the line */
export type LineHandler = (line: string, reply: (text: string) => void) => void;

export interface SerialPort {
  /** Prints to everybody on the line. */
  print(text: string): void;
  close(): void;
}

/** Cuts a stream of characters into lines, ended by CR, LF or CR LF. */
export class LineReader {
  private readonly onLine: (line: string) => void;
  private line = "";
  private tooLong = false;
  private afterCr = false;

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine;
  }

  push(text: string): void {
    for (const character of text) {
      const second = character === "\n" && this.afterCr;
      this.afterCr = character === "\r";
      if (character === "\r" || character === "\n") {
        if (!second) this.end();
      } else if (this.line.length >= LINE_CHARACTERS) this.tooLong = true;
      else this.line += character;
    }
  }

  /** The stream is over; a last line needs no end. */
  finish(): void {
    if (this.line !== "") this.end();
  }

  private end(): void {
    const line = this.line;
    const whole = !this.tooLong;
    this.line = "";
    this.tooLong = false;
    if (whole) this.onLine(line);
  }
}

/** The serial line on two streams, as stdin and stdout. @param onEnd nothing more comes in */
export function openStreamSerial(
  input: Readable,
  output: Writable,
  onLine: LineHandler,
  onEnd: () => void = () => {},
): SerialPort {
  const print = (text: string) => {
    if (output.writable) output.write(text);
  };
  const reader = new LineReader((line) => onLine(line, print));
  const push = (text: string) => reader.push(text);
  const end = () => {
    reader.finish();
    onEnd();
  };
  input.setEncoding("utf8");
  input.on("data", push);
  input.once("end", end);
  return {
    print,
    close: () => {
      input.off("data", push);
      input.off("end", end);
      input.pause();
    },
  };
}

export interface TcpSerialOptions {
  /** The local address; 0 is every address. */
  address: number;
  /** 0: any free one. */
  port: number;
  /** What lines do, and what they may go on to. */
  user: TerminalUser;
  /** Printed to each terminal when it comes. */
  greeting?: string;
}

/** The serial line on a TCP port. Resolves with the port it listens on. @throws Error of one line when the port cannot be had */
export function openTcpSerial(options: TcpSerialOptions): Promise<SerialPort & { readonly port: number }> {
  const clients = new Map<Socket, Terminal>();
  const server: Server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (clients.size >= SERIAL_CLIENTS) {
      socket.write("too many terminals on this line\r\n");
      socket.destroySoon();
      return;
    }
    const { user } = options;
    const terminal = new Terminal(
      {
        line: (input) => {
          // Any web page can have a browser post lines to this port: what speaks HTTP is no terminal.
          if (HTTP_REQUEST.test(input)) socket.destroy();
          return socket.destroyed ? "" : user.line(input);
        },
        complete: (input) => user.complete(input),
      },
      (text) => send(socket, text),
    );
    clients.set(socket, terminal);
    socket.on("data", (bytes: Buffer) => terminal.receive(bytes, 0, bytes.length));
    socket.on("close", () => clients.delete(socket));
    send(socket, options.greeting ?? "");
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const moved = openError(error.code ?? error.message, "tcp", options.address, options.port, "");
      reject(new Error(moved.message + (error.code === "EADDRINUSE" ? ": choose another with --console-port N" : "")));
    });
    server.listen({ host: ipv4Text(options.address), port: options.port, exclusive: true }, () => {
      resolve({
        port: (server.address() as { port: number }).port,
        print: (text) => {
          for (const terminal of clients.values()) terminal.print(text);
        },
        close: () => {
          server.close();
          for (const socket of clients.keys()) socket.destroy();
        },
      });
    });
  });
}

/** A terminal program wants CR LF. */
function send(socket: Socket, text: string): void {
  if (text === "" || socket.writableEnded || socket.destroyed) return;
  if (socket.writableLength > CLIENT_QUEUE_BYTES) socket.destroy();
  else socket.write(text.replace(/\r?\n/g, "\r\n"));
}
