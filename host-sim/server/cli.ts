/**
 * The server's program: it runs the server roles, keeps users, and queries a running server. `--help` says how it is
 * called.
 */

import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { basename } from "node:path";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { text } from "../../src/core/bytes.js";
import { fileError } from "../io/store.js";
import { hasTerminal, watchParent } from "../parent.js";
import { CallLog } from "./call-log.js";
import { Host } from "./host.js";
import { ask, openHttp } from "./http.js";
import { isJournal, Log } from "./log.js";
import { parseOptions, type ServerOptions, USAGE } from "./options.js";
import { Output } from "./output.js";
import { runUserCommand } from "./user-commands.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  // The programs at the other end of the standard streams may end first.
  for (const stream of [process.stdout, process.stderr, process.stdin]) stream.on("error", () => {});
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") return refuse(options, EXIT_USAGE);
  if (options.help) {
    process.stdout.write(usage());
    return 0;
  }
  switch (options.command) {
    case "status": {
      const { ok, body } = await ask(options.http, "GET", "/status");
      process.stdout.write(options.json ? body : table(body, options.http));
      return ok ? 0 : EXIT_FAILED;
    }
    case "reload": {
      const { ok, body } = await ask(options.http, "POST", "/reload");
      (ok ? process.stdout : process.stderr).write(body);
      return ok ? 0 : EXIT_FAILED;
    }
    case "run":
      return run(options);
    default:
      return runUserCommand(options);
  }
}

/** @returns the usage, with the name by which the program was started */
function usage(): string {
  const name = basename(process.argv[1] ?? "");
  return name.startsWith("portero-server") ? USAGE.replaceAll("npm run server --", "portero-server") : USAGE;
}

async function run(options: ServerOptions): Promise<number> {
  const output = new Output(process.stdout.fd, (count) =>
    log.line("error", "error", "lines were lost", { lines: count }),
  );
  const log: Log = new Log({
    level: options.log,
    isJson: options.json,
    isJournal: isJournal(process.env),
    print: (line) => output.print(line),
    nowMs: () => performance.now(),
  });
  let host: Host;
  try {
    if (options.redis !== null && options.storePasswordFile !== "")
      options.redis.password = readSecret(options.storePasswordFile);
    host = new Host(options, (state, reason) =>
      log.tell(state === "ready" ? "info" : "error", "store", state, reason === "" ? {} : { reason }),
    );
  } catch (error) {
    return refuse((error as Error).message, EXIT_USAGE);
  }
  for (const note of host.notes) log.tell("warning", "store", note);
  host.watch({
    onBindingsChanged: (aor, list) => log.tell("info", "bindings", aor.toString(), { contacts: list.count }),
  });
  // The address comes first in each line, so a name that a stranger gives cannot pass for it (fail2ban,
  // docs/server.md).
  host.watchPasswords({
    onWrongPassword: (name, realm, ip, m, waitS) =>
      log.tell("warning", "auth", "refused", {
        address: ipv4Text(ip),
        wait: waitS,
        method: text(m.bytes, m.methodStart, m.methodEnd),
        domain: text(realm),
        user: name.toString(),
      }),
  });
  host.onHandshakeFailed = (address, reason) => log.tell("debug", "tls", "refused", { address, reason });
  host.watchCalls(new CallLog(log, () => performance.now()));
  await host.start(localAddress(options));
  const reload = (): string => {
    try {
      host.reload();
      log.tell("info", "reload", "done", { users: host.users });
      tellEmpty(host, log);
      return "";
    } catch (error) {
      log.tell("error", "error", (error as Error).message);
      return (error as Error).message;
    }
  };
  const http = options.http < 0 ? null : await openHttp(host, options.http, reload);
  for (const { transport, ip } of options.listen) {
    const { udpPort, tcpPort, tlsPort } = host.sockets;
    const port = { udp: udpPort, tcp: tcpPort, tls: tlsPort }[transport];
    const place = transport + ":" + ipv4Text(ip) + ":" + port;
    log.tell("info", "listening", place, { mode: options.mode, users: host.users });
  }
  tellEmpty(host, log);
  const reason = await ended(reload);
  http?.close();
  http?.closeAllConnections();
  await host.stop();
  log.tell("info", "stopped", reason);
  await output.end();
  return 0;
}

/**
 * Resolves with the reason when the server is to end. SIGHUP rereads the users, unless it came because the terminal was
 * closed.
 */
function ended(reload: () => string): Promise<string> {
  const hadTerminal = hasTerminal();
  return new Promise((resolve) => {
    process.on("SIGHUP", () => {
      if (hadTerminal && !hasTerminal()) resolve("the terminal was closed");
      else reload();
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
    watchParent(() => resolve("npm, which started it, is gone"));
  });
}

/** Warns of domains without users: such a domain refuses everybody, which is seldom meant. */
function tellEmpty(host: Host, log: Log): void {
  const others = host.otherDomains.join(" ");
  for (const domain of host.emptyDomains)
    log.tell("warning", "users", "none", {
      domain,
      file: host.options.users,
      ...(others === "" ? {} : { others }),
    });
}

/** @returns the first line of a file @throws Error of one line */
function readSecret(file: string): string {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    throw fileError("read", file, error);
  }
  const [line] = content.split(/\r?\n/);
  if (line === "") throw new Error("--store-password-file: the first line of " + file + " is empty");
  return line;
}

/** @returns the address in our Via: the one that is listened on, or one of this machine's */
function localAddress(options: ServerOptions): number {
  if (options.advertise !== "") return ipv4(options.advertise);
  if (options.listen[0].ip !== 0) return options.listen[0].ip;
  for (const addresses of Object.values(networkInterfaces()))
    for (const address of addresses ?? [])
      if (address.family === "IPv4" && !address.internal) return ipv4(address.address);
  return ipv4("127.0.0.1");
}

/** Makes a table of a status. @throws Error of one line when the body is not from a server of ours */
function table(body: string, port: number): string {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {}
  if (typeof value !== "object" || value === null)
    throw new Error("what answers on port " + port + " is another program");
  const entries = Object.entries(value);
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, one]) => name.padEnd(width) + "  " + String(one) + "\n").join("");
}

function refuse(line: string, code: number): number {
  process.stderr.write(line + "\n");
  return code;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.exit(refuse(error instanceof Error ? error.message : String(error), EXIT_FAILED));
  },
);
