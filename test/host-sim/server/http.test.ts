/** Tests who may ask the server over HTTP: by the name in Host, on every path, by every method. */
import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Host } from "../../../host-sim/server/host.js";
import { openHttp } from "../../../host-sim/server/http.js";
import { parseOptions } from "../../../host-sim/server/options.js";
import { Folder } from "./program.js";

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

async function serve(...args: string[]): Promise<number> {
  const folder = new Folder();
  cleanUps.push(() => folder.remove());
  const options = parseOptions(["--domain", "example.org", "--users", folder.users(1), "--transactions", "8", ...args]);
  if (typeof options === "string") throw new Error(options);
  const server = await openHttp(new Host(options, () => {}), 0, () => "");
  cleanUps.push(() => server.close());
  cleanUps.push(() => server.closeAllConnections());
  return (server.address() as { port: number }).port;
}

function ask(port: number, host: string, path = "/status", method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host, "x-portero": "1" };
    request({ host: "127.0.0.1", port, path, method, headers, setHost: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

/** @returns the status of the answer to these raw lines */
function raw(port: number, lines: string): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(lines + "\r\n\r\n"));
    socket.on("data", (piece) => {
      said += piece;
    });
    socket.on("close", () => resolve(said));
    socket.on("error", () => resolve(said));
  });
}

describe("the server's HTTP port", () => {
  it("answers to its own address and to localhost with its port", async () => {
    const port = await serve();
    for (const host of ["127.0.0.1", "localhost", "LocalHost", "localhost."]) {
      expect(await ask(port, host + ":" + port), host).toBe(200);
      expect(await ask(port, host + ":" + port, "/metrics"), host).toBe(200);
      expect(await ask(port, host + ":" + port, "/nothing"), host).toBe(404);
      expect(await ask(port, host + ":" + port, "/reload", "POST"), host).toBe(200);
    }
  });

  it("tells nobody anything who asks by another name, whatever the path and the method", async () => {
    const port = await serve("--http", "8080", "--http-host", "status.example.org");
    const names = [
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "127.0.0.2",
      "0.0.0.0",
      "[::1]",
      "",
    ];
    const hosts = [
      ...names.map((name) => name + ":" + port),
      "127.0.0.1:" + (port + 1),
      "127.0.0.1",
      "localhost",
      "@127.0.0.1:" + port,
    ];
    for (const host of hosts)
      for (const [path, method] of [
        ["/status", "GET"],
        ["/metrics", "GET"],
        ["/reload", "POST"],
        ["/nothing", "GET"],
        ["/status", "OPTIONS"],
      ])
        expect(await ask(port, host, path, method), host + " " + path).toBe(421);
  });

  it("reads no second Host, and none from the request line", async () => {
    const port = await serve();
    const ours = "Host: 127.0.0.1:" + port;
    const secret = /transactions_server/;
    expect(await raw(port, "GET /status HTTP/1.1\r\nConnection: close\r\n" + ours)).toMatch(secret);
    for (const lines of [
      "GET /status HTTP/1.1\r\nHost: evil.example\r\n" + ours,
      "GET /status HTTP/1.1\r\n" + ours + "\r\nHost: evil.example",
      "GET /status HTTP/1.0",
      "GET /status HTTP/1.1",
      "GET http://127.0.0.1:" + port + "/status HTTP/1.1\r\nHost: evil.example",
    ])
      expect(await raw(port, lines), lines).not.toMatch(secret);
  });

  it("answers to the names that the options give", async () => {
    const port = await serve("--http", "8080", "--http-host", "Status.Example.org", "--http-host", "192.0.2.7");
    for (const host of ["status.example.org", "STATUS.example.org.:443", "192.0.2.7:80"])
      expect(await ask(port, host), host).toBe(200);
    expect(parseOptions(["--domain", "a.b", "--users", "u", "--http-host", "a:80"])).toContain("without a port");
  });
});
