/**
 * The file that gets the secrets of connections by TLS, for Wireshark (SSLKEYLOGFILE). Who has it can read these
 * connections, so nobody but its owner may read it.
 */
import { appendFileSync } from "node:fs";
import { fileError } from "./store.js";

/** @returns what takes the lines @throws Error of one line if the file cannot be written */
export function keylogOf(file: string): (line: Uint8Array) => void {
  const append = (bytes: Uint8Array): void => appendFileSync(file, bytes, { mode: 0o600 });
  try {
    append(new Uint8Array(0));
  } catch (error) {
    throw fileError("write", file, error);
  }
  return (line) => {
    try {
      append(line);
    } catch {
      // The connection is worth more than the file.
    }
  };
}
