/**
 * The serial line: lines of text in, text out; on the program's own stdin and stdout, and on a TCP port for a terminal
 * program. Not here: what a line is and does (src/console/terminal.ts and its user), a real serial device.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { Terminal, type TerminalUser } from "../../src/console/terminal.js";
import { ipv4Text } from "../../src/core/address.js";
import { openError } from "./udp.js";

/** Terminals on the TCP port at once. */
export const SERIAL_CLIENTS = 4;
/** If more octets wait for a terminal that does not read, it is disconnected. */
const CLIENT_QUEUE_BYTES = 1048576;

const HTTP_REQUEST = / HTTP\/\d(\.\d)?$/;

export interface SerialPort {
  /** Prints to all terminals on the line. */
  print(text: string): void;
  close(): void;
}

/** The serial line on two streams, such as stdin and stdout. @param onEnd is called at the end of the input */
export function openStreamSerial(
  input: Readable,
  output: Writable,
  user: TerminalUser,
  onEnd: () => void = () => {},
): SerialPort {
  const terminal = new Terminal(user, (text) => {
    if (output.writable) output.write(text);
  });
  const push = (bytes: Buffer) => terminal.receive(bytes, 0, bytes.length);
  const end = () => {
    // The last line needs no line end.
    push(Buffer.from("\n"));
    onEnd();
  };
  input.on("error", () => {});
  input.on("data", push);
  input.once("end", end);
  return {
    print: (text) => terminal.print(text),
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
  /** 0 for any free port. */
  port: number;
  /** Takes the lines; with `seat` each terminal has a login of its own. */
  user: TerminalUser & { seat?(): TerminalUser };
  /** Printed to each terminal when it connects. */
  greeting?: string;
}

/**
 * The serial line on a TCP port. Resolves with the port it listens on. @throws Error of one line if the port cannot be
 * had
 */
export function openTcpSerial(options: TcpSerialOptions): Promise<SerialPort & { readonly port: number }> {
  const clients = new Map<Socket, Terminal>();
  const server: Server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (clients.size >= SERIAL_CLIENTS) {
      socket.write("too many terminals on this line\r\n");
      socket.destroySoon();
      return;
    }
    const user = options.user.seat?.() ?? options.user;
    const terminal = new Terminal(
      {
        line: (input) => {
          // A web page can make a browser post lines to this port, so a client that speaks HTTP is disconnected.
          if (HTTP_REQUEST.test(input)) socket.destroy();
          return socket.destroyed ? "" : user.line(input);
        },
        complete: (input) => user.complete(input),
        isLocked: () => user.isLocked?.() === true,
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
    // Later errors concern a terminal that could not be let in, and nothing else.
    server.on("error", () => {});
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
