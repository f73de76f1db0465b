/**
 * A small Redis in this process, with the commands that the server's store needs: it refuses, forgets and falls silent
 * as a test wants.
 */
import { createServer, type Server, type Socket } from "node:net";

export interface Refusals {
  /** The password, "" for none. */
  password?: string;
  databases?: number;
  /** The answers that it gives to commands instead of doing them, by the command's name. */
  refuse?: Record<string, string>;
  /** It does not answer these commands. */
  silent?: string[];
  /** Keys vanish as soon as they are written. */
  isForgetful?: boolean;
  /** It sends these octets to each new connection. */
  noise?: Buffer;
}

const OK = "+OK\r\n";
const NIL = "$-1\r\n";

export class FakeRedis {
  port = 0;
  refusals: Refusals;
  /** The commands that were asked, in upper case and without arguments, except SELECT's. */
  readonly asked: string[] = [];
  readonly databases = new Map<number, Map<string, Buffer>>();
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(refusals: Refusals) {
    this.refusals = refusals;
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(refusals: Refusals = {}, port = 0): Promise<FakeRedis> {
    const redis = new FakeRedis(refusals);
    await new Promise<void>((resolve) => redis.server.listen(port, "127.0.0.1", resolve));
    redis.port = (redis.server.address() as { port: number }).port;
    return redis;
  }

  keys(database: number): string[] {
    return [...(this.databases.get(database)?.keys() ?? [])];
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.sockets.delete(socket));
    if (this.refusals.noise !== undefined) socket.write(this.refusals.noise);
    const state = { database: 0, isIn: (this.refusals.password ?? "") === "" };
    let rest = Buffer.alloc(0);
    socket.on("data", (piece) => {
      rest = Buffer.concat([rest, piece]);
      for (;;) {
        const command = readCommand(rest);
        if (command === null) return;
        rest = rest.subarray(command.size);
        const answer = this.answer(command.words, state);
        if (answer !== null) socket.write(answer);
      }
    });
  }

  private answer(words: Buffer[], state: { database: number; isIn: boolean }): Buffer | string | null {
    const name = words[0].toString().toUpperCase();
    const { password = "", databases = 16, refuse = {}, silent = [], isForgetful, noise } = this.refusals;
    this.asked.push(name === "SELECT" ? "SELECT " + words[1] : name);
    if (noise !== undefined || silent.includes(name)) return null;
    if (refuse[name] !== undefined) return "-" + refuse[name] + "\r\n";
    if (name === "AUTH") {
      if (password === "")
        return "-ERR AUTH <password> called without any password configured for the default user\r\n";
      state.isIn = words.at(-1)?.toString() === password;
      return state.isIn ? OK : "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    }
    if (!state.isIn) return "-NOAUTH Authentication required.\r\n";
    if (name === "SELECT") {
      if (Number(words[1]) >= databases) return "-ERR DB index is out of range\r\n";
      state.database = Number(words[1]);
      return OK;
    }
    const keys = this.databases.get(state.database) ?? new Map<string, Buffer>();
    this.databases.set(state.database, keys);
    const key = words[name === "EVAL" ? 3 : 1]?.toString("latin1") ?? "";
    switch (name) {
      case "EVAL": {
        const old = keys.get(key)?.subarray(0, 4) ?? Buffer.alloc(4);
        if (!old.equals(words[4])) return ":0\r\n";
        if (words[5].length === 0) keys.delete(key);
        else if (isForgetful !== true) keys.set(key, words[5]);
        return ":1\r\n";
      }
      case "SET":
        if (!keys.has(key)) keys.set(key, words[2]);
        return OK;
      case "GET": {
        const value = keys.get(key);
        return value === undefined ? NIL : bulk(value);
      }
      case "SUBSCRIBE":
        return Buffer.concat([
          Buffer.from("*3\r\n"),
          bulk(Buffer.from("subscribe")),
          bulk(words[1]),
          Buffer.from(":1\r\n"),
        ]);
      default:
        return "-ERR unknown command\r\n";
    }
  }
}

function bulk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from("$" + bytes.length + "\r\n"), bytes, Buffer.from("\r\n")]);
}

/** @returns null if the command is not complete yet */
function readCommand(bytes: Buffer): { words: Buffer[]; size: number } | null {
  const line = (at: number): { value: number; end: number } | null => {
    const end = bytes.indexOf("\r\n", at);
    return end < 0 ? null : { value: Number(bytes.toString("latin1", at + 1, end)), end: end + 2 };
  };
  const head = line(0);
  if (head === null) return null;
  const words: Buffer[] = [];
  let at = head.end;
  for (let i = 0; i < head.value; i++) {
    const length = line(at);
    if (length === null || bytes.length < length.end + length.value + 2) return null;
    words.push(bytes.subarray(length.end, length.end + length.value));
    at = length.end + length.value + 2;
  }
  return { words, size: at };
}
