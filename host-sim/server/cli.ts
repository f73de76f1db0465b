/** The server's program: runs the server roles, adds users, and asks a server that runs. `--help` says how it is called. */

import { networkInterfaces } from "node:os";
import { createInterface } from "node:readline";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { text } from "../../src/core/bytes.js";
import { eventJson, eventLine } from "../world/events.js";
import { Host } from "./host.js";
import { ask, openHttp } from "./http.js";
import { parseOptions, type ServerOptions, USAGE } from "./options.js";
import { Output } from "./output.js";
import { addUser, nameProblem } from "./users-file.js";

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  // Whoever reads what is printed, or writes what is read, may go away.
  for (const stream of [process.stdout, process.stderr, process.stdin]) stream.on("error", () => {});
  const options = parseOptions(process.argv.slice(2));
  if (typeof options === "string") return refuse(options, EXIT_USAGE);
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  switch (options.command) {
    case "user-add":
      return addOne(options);
    case "status": {
      const { ok, body } = await ask(options.http, "GET", "/status");
      process.stdout.write(options.json ? body : table(body));
      return ok ? 0 : EXIT_FAILED;
    }
    case "reload": {
      const { ok, body } = await ask(options.http, "POST", "/reload");
      (ok ? process.stdout : process.stderr).write(body);
      return ok ? 0 : EXIT_FAILED;
    }
    default:
      return run(options);
  }
}

async function run(options: ServerOptions): Promise<number> {
  const format = (event: string, value: string, extra: Record<string, string | number> = {}): string => {
    const line = { t: performance.now(), who: "server", event, value, ...extra };
    return options.json ? eventJson(line) : eventLine(line);
  };
  const output = new Output(process.stdout.fd, (count) => format("error", "lines were lost", { lines: count }));
  const tell = (event: string, value: string, extra?: Record<string, string | number>): void =>
    output.print(format(event, value, extra));
  let host: Host;
  try {
    host = new Host(options, (state) => tell("store", state));
  } catch (error) {
    return refuse((error as Error).message, EXIT_USAGE);
  }
  for (const note of host.notes) tell("store", note);
  host.watch({
    onBindingsChanged: (aor, list) => tell("bindings", aor.toString(), { contacts: list.count }),
  });
  // One line for each, the address first: what a stranger gives as a name cannot pass for it (fail2ban, docs/server.md).
  host.watchPasswords({
    onWrongPassword: (name, realm, ip, m, waitS) =>
      tell("auth", "refused", {
        address: ipv4Text(ip),
        wait: waitS,
        method: text(m.bytes, m.methodStart, m.methodEnd),
        domain: text(realm),
        user: name.toString(),
      }),
  });
  await host.start(localAddress(options));
  const reload = (): string => {
    try {
      host.reload();
      tell("reload", "done", { users: host.users });
      return "";
    } catch (error) {
      tell("error", (error as Error).message);
      return (error as Error).message;
    }
  };
  const http = options.http < 0 ? null : await openHttp(host, options.http, reload);
  for (const { transport, ip } of options.listen) {
    const port = transport === "udp" ? host.sockets.udpPort : host.sockets.tcpPort;
    tell("listening", transport + ":" + ipv4Text(ip) + ":" + port, { mode: options.mode, users: host.users });
  }
  process.on("SIGHUP", reload);
  const signal = await new Promise<string>((resolve) => {
    process.once("SIGTERM", () => resolve("SIGTERM"));
    process.once("SIGINT", () => resolve("SIGINT"));
  });
  http?.close();
  http?.closeAllConnections();
  await host.stop();
  tell("stopped", signal);
  await output.end();
  return 0;
}

/** What our Via tells: the address that is listened on, or one of this machine's own. */
function localAddress(options: ServerOptions): number {
  if (options.advertise !== "") return ipv4(options.advertise);
  if (options.listen[0].ip !== 0) return options.listen[0].ip;
  for (const addresses of Object.values(networkInterfaces()))
    for (const address of addresses ?? [])
      if (address.family === "IPv4" && !address.internal) return ipv4(address.address);
  return ipv4("127.0.0.1");
}

async function addOne(options: ServerOptions): Promise<number> {
  const problem = nameProblem(options.name);
  if (problem !== "") return refuse(problem, EXIT_USAGE);
  if (options.domains.length !== 1) return refuse("--domain must be given once: the domain of the user", EXIT_USAGE);
  const password = options.passwordStdin ? await firstLine() : await askPassword();
  if (password.trim() === "") return refuse("the password is empty: nothing was changed", EXIT_USAGE);
  try {
    addUser(options.users, options.name, options.domains[0], password, options.userStrangers);
  } catch (error) {
    return refuse((error as Error).message, EXIT_USAGE);
  }
  process.stdout.write(options.name + "@" + options.domains[0] + " is in " + options.users + "\n");
  return 0;
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin })) return line;
  return "";
}

/** Asks twice on the terminal, and shows nothing of it. @returns "" when there is none, or the two differ */
async function askPassword(): Promise<string> {
  if (!process.stdin.isTTY) throw new Error("there is no terminal to ask for the password: use --password-stdin");
  const first = await askHidden("Password: ");
  if (first === "") return "";
  if (first === (await askHidden("Again: "))) return first;
  throw new Error("the two are not the same: nothing was changed");
}

function askHidden(question: string): Promise<string> {
  process.stderr.write(question);
  process.stdin.setRawMode(true);
  process.stdin.resume();
  process.stdin.setEncoding("utf8");
  return new Promise((resolve, reject) => {
    let typed = "";
    const done = (): void => {
      process.stdin.off("data", onData);
      process.stdin.setRawMode(false);
      process.stdin.pause();
      process.stderr.write("\n");
    };
    const onData = (piece: string): void => {
      for (const character of piece) {
        if (character === "\r" || character === "\n" || character === "\x04") {
          done();
          resolve(typed);
          return;
        }
        if (character === "\x03") {
          done();
          reject(new Error("broken off: nothing was changed"));
          return;
        }
        if (character === "\x7f" || character === "\b") typed = [...typed].slice(0, -1).join("");
        else typed += character;
      }
    };
    process.stdin.on("data", onData);
  });
}

function table(body: string): string {
  const entries = Object.entries(JSON.parse(body) as Record<string, unknown>);
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => name.padEnd(width) + "  " + String(value) + "\n").join("");
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
