/**
 * The way to a door's console: a serial port (npm's `serialport`, when it is installed) or a TCP connection. Octets
 * only.
 */
import { connect } from "node:net";
import type { Duplex } from "node:stream";

/** The door asks for a pause by XOFF while it cannot keep up. */
export const SERIAL = { baudRate: 115200, xon: true };
const CONNECT_MS = 5000;

/** @throws Error of one line if nothing answers */
export function openTcp(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (reason: string): void => {
      socket.destroy();
      reject(new Error(`no console at ${host}:${port}: ${reason}`));
    };
    socket.setTimeout(CONNECT_MS, () => fail("no answer"));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      fail(error.code === "ECONNREFUSED" ? "nobody listens" : error.message),
    );
    socket.once("connect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("error");
      resolve(heard(socket));
    });
  });
}

/** @throws Error of one line if the port cannot be opened or `serialport` is not installed */
export async function openSerial(path: string): Promise<Duplex> {
  let library: typeof import("serialport");
  try {
    library = await import("serialport");
  } catch {
    throw new Error("--port needs the optional package serialport: npm install serialport");
  }
  return new Promise((resolve, reject) => {
    const port = new library.SerialPort({ path, ...SERIAL, autoOpen: false });
    port.open((error) => {
      if (error === null) resolve(heard(port));
      else reject(new Error(`${path}: ${error.message.replace(/^Error: /, "").split("\n")[0]}`));
    });
  });
}

/** An error of the line ends it, and the user of the line tells it; without a listener it would end the program. */
function heard(link: Duplex): Duplex {
  return link.on("error", () => link.destroy());
}
