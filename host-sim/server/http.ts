/**
 * Status and metrics of a running server over HTTP, on 127.0.0.1 only: GET /status, GET /metrics (Prometheus), POST
 * /reload. The Host field of a request has to name the address that is listened on, or a name from the options, so a
 * web page whose name was made to lead here (DNS rebinding) is told nothing.
 */
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { performance } from "node:perf_hooks";
import { openError } from "../io/udp.js";
import type { Host } from "./host.js";

const LOCALHOST = "127.0.0.1";
const ANSWER_MS = 5000;
/** The longest answer, octets; a status of our server needs a hundredth of it. */
const ANSWER_MOST = 1_000_000;

/** @param reload returns the fault, or "" @throws Error of one line when the port cannot be had */
export function openHttp(host: Host, port: number, reload: () => string): Promise<Server> {
  const server = createServer((question, answer) => {
    const send = (status: number, type: string, body: string): void => {
      answer.writeHead(status, { "content-type": type });
      answer.end(body);
    };
    if (!isForUs(question, host.options.httpHosts))
      send(421, "text/plain", "Host must be what is listened on, or a name given by --http-host\n");
    else if (question.method === "GET" && question.url === "/status")
      send(200, "application/json", JSON.stringify(status(host)) + "\n");
    else if (question.method === "GET" && question.url === "/metrics")
      send(200, "text/plain; version=0.0.4", metrics(host.numbers()));
    else if (question.method === "POST" && question.url === "/reload") {
      // A web page in a browser can send a POST here, but it cannot send this header without being allowed to first.
      if (question.headers["x-portero"] === undefined) return send(403, "text/plain", "X-Portero is missing\n");
      const problem = reload();
      send(problem === "" ? 200 : 422, "text/plain", problem === "" ? "reloaded\n" : problem + "\n");
    } else send(404, "text/plain", "there are /status, /metrics and /reload\n");
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(openError(error.code ?? error.message, "http", 0x7f000001, port, "")),
    );
    server.listen(port, LOCALHOST, () => {
      // A connection that could not be taken fails alone.
      server.on("error", () => {});
      resolve(server);
    });
  });
}

/**
 * Whether the one Host field names this server: 127.0.0.1 or localhost with the port, or one of `names`, with or
 * without a port.
 */
export function isForUs(question: IncomingMessage, names: readonly string[]): boolean {
  const given = question.headersDistinct.host ?? [];
  const match = /^([A-Za-z0-9._-]+?)\.?(?::(\d{1,5}))?$/.exec(given.length === 1 ? given[0].trim() : "");
  if (match === null) return false;
  const name = match[1].toLowerCase();
  if (names.includes(name)) return true;
  return (name === LOCALHOST || name === "localhost") && Number(match[2] ?? 80) === question.socket.localPort;
}

function status(host: Host): object {
  const { mode, store, redis, domains } = host.options;
  return {
    mode,
    // The password is left out.
    store: redis === null ? store : "redis://" + redis.host + ":" + redis.port + "/" + redis.database,
    ...(host.redis === null && host.file === null
      ? {}
      : { store_problem: host.redis?.reason ?? host.file?.problem ?? "" }),
    domains,
    uptimeS: Math.floor((performance.now() - host.startedMs) / 1000),
    ...host.numbers(),
  };
}

/** @returns the numbers in the text format of Prometheus */
export function metrics(numbers: Record<string, number>): string {
  let out = "";
  for (const [name, value] of Object.entries(numbers)) {
    const full = "portero_" + name;
    out += "# TYPE " + full + (name.endsWith("_total") ? " counter\n" : " gauge\n") + full + " " + value + "\n";
  }
  return out;
}

/** Asks a running server. @returns its answer @throws Error of one line */
export function ask(port: number, method: string, path: string): Promise<{ ok: boolean; body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new Error("no server answers on port " + port + " of " + LOCALHOST + " (" + reason + ")"));
    const question = request(
      { host: LOCALHOST, port, path, method, timeout: ANSWER_MS, headers: { "x-portero": "1" } },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (piece: string) => {
          body += piece;
          if (body.length > ANSWER_MOST) question.destroy(new Error("its answer does not end"));
        });
        answer.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
        answer.on("end", () => resolve({ ok: answer.statusCode === 200, body }));
      },
    );
    question.on("timeout", () => question.destroy(new Error("no answer")));
    question.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    question.end();
  });
}
