/** Tests the HTTP API: who may ask, what is refused, and that docs/api.yaml describes what is answered. */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { TcpConnection, TcpStack } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { HOUSE_LIMITS } from "../../src/driver/limits.js";
import { Settings } from "../../src/settings/settings.js";
import { HOUSE, Home } from "./home.js";

const TOKEN = "a token of the house";
const PLACE = "10.0.0.1:8180";
const RIGHT = [`Host: ${PLACE}`, `Authorization: Bearer ${TOKEN}`];
const document = parse(readFileSync(new URL("../../docs/api.yaml", import.meta.url), "utf8"));

interface Answer {
  status: number;
  head: string;
  json: Record<string, unknown>;
}

/** Programs of the house, each at an address of its own. */
class Client {
  private readonly texts = new Map<number, string>();
  private readonly over = new Set<number>();
  private readonly home: Home;
  stack!: TcpStack;

  constructor(home: Home) {
    this.home = home;
  }

  async start(address = HOUSE): Promise<this> {
    this.stack = await this.home.air.host(ipv4(address)).tcp({
      address: ipv4(address),
      port: 0,
      isCaller: true,
      onOpen: () => {},
      onData: ({ id }, bytes, start, end) =>
        void this.texts.set(id, (this.texts.get(id) ?? "") + Buffer.from(bytes.subarray(start, end)).toString("utf8")),
      onClose: ({ id }) => void this.over.add(id),
      onError: () => {},
    });
    return this;
  }

  connect(text: string): TcpConnection {
    const connection = this.stack.connect(ipv4("10.0.0.1"), 8180);
    if (connection === null) throw new Error("no room");
    const bytes = octets(text);
    connection.write(bytes, 0, bytes.length);
    return connection;
  }

  isOver({ id }: TcpConnection): boolean {
    return this.over.has(id);
  }

  textOf({ id }: TcpConnection): string {
    return this.texts.get(id) ?? "";
  }

  answerOf({ id }: TcpConnection): Answer | null {
    const text = this.texts.get(id);
    if (text === undefined) return null;
    const [head, body] = text.split("\r\n\r\n");
    expect(head.toLowerCase()).not.toContain("access-control");
    expect(Number(/Content-Length: (\d+)/.exec(head)?.[1])).toBe(Buffer.byteLength(body));
    return { status: Number(head.split(" ")[1]), head, json: JSON.parse(body) };
  }

  /** Waits between requests, unless told otherwise. */
  async ask(line: string, fields: readonly string[] = RIGHT, restMs = 1500, body = ""): Promise<Answer> {
    const connection = this.connect([line + " HTTP/1.1", ...fields, "", body].join("\r\n"));
    await this.home.run(200);
    const answer = this.answerOf(connection);
    expect(this.isOver(connection)).toBe(true);
    await this.home.run(restMs);
    if (answer === null) throw new Error("no answer to " + line);
    return answer;
  }
}

async function at(...settings: string[]): Promise<{ home: Home; client: Client }> {
  const home = new Home([`api.token=${TOKEN}`, ...settings]);
  home.limits = HOUSE_LIMITS;
  await home.start();
  return { home, client: await new Client(home).start() };
}

describe("the HTTP API", () => {
  it("reports and does what it is asked, as docs/api.yaml says", async () => {
    const { home, client } = await at();
    const ajv = new Ajv2020({ strict: false });
    const valid = (name: string) => ajv.compile(document.components.responses[name].content["application/json"].schema);
    const [report, refusal] = [valid("Report"), valid("Refusal")];
    expect((await client.ask("POST /call?target=sip%3Aphone%4010.0.0.2")).json).toEqual({ ok: true });
    await home.run(3000);
    expect(home.door.isInCall()).toBe(true);
    expect((await client.ask("POST /call")).status).toBe(409);
    expect((await client.ask("POST /open?relay=2")).json).toEqual({ ok: true });
    expect(home.relays[1].value).toBe(1);
    const paths = Object.entries<Record<string, { responses: Record<string, unknown> }>>(document.paths);
    for (const [index, [path, methods]] of paths.entries()) {
      // Each from an address of its own, so that nobody asks too often.
      const client = await new Client(home).start(`10.0.1.${index + 1}`);
      const [[method, { responses }]] = Object.entries(methods);
      const good = await client.ask(`${method.toUpperCase()} ${path}`, RIGHT, 0);
      const isBusy = path === "/call";
      expect(good.status, path).toBe(isBusy ? 409 : 200);
      expect(isBusy ? refusal(good.json) : report(good.json), path).toBe(true);
      const stranger = await client.ask(`${method.toUpperCase()} ${path}`, [`Host: ${PLACE}`], 0);
      expect(stranger.status).toBe(401);
      expect(stranger.head).toContain("WWW-Authenticate: Bearer");
      expect(refusal(stranger.json)).toBe(true);
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(["200", "401", "403", "429"]));
      const other = await client.ask(`${method === "get" ? "POST" : "GET"} ${path}`, RIGHT, 0);
      expect(other.status).toBe(405);
      expect(other.head).toContain(`Allow: ${method.toUpperCase()}`);
    }
    expect(home.door.isInCall()).toBe(false);
    expect((await client.ask("POST /hangup")).status).toBe(409);
    const { json } = await client.ask("GET /status");
    expect(json).toMatchObject({ ok: true, call: "none", relay1: "off" });
    expect((await client.ask("GET /log")).json.text).toContain("open relay 1: API");
  });

  it.each([
    ["no Host", [`Authorization: Bearer ${TOKEN}`], 403],
    ["a name as Host (DNS rebinding)", ["Host: evil.example:8180", RIGHT[1]], 403],
    ["another port", ["Host: 10.0.0.1:80", RIGHT[1]], 403],
    ["two Hosts", [RIGHT[0], "Host: evil.example", RIGHT[1]], 400],
    ["Origin: a page in a browser", [...RIGHT, "Origin: http://10.0.0.1:8180"], 403],
    ["a wrong token", [RIGHT[0], "Authorization: Bearer another"], 401],
    ["the beginning of the token", [RIGHT[0], `Authorization: Bearer ${TOKEN.slice(0, -1)}`], 401],
    ["more than the token", [RIGHT[0], `Authorization: Bearer ${TOKEN}x`], 401],
    ["an empty token", [RIGHT[0], "Authorization: Bearer "], 401],
    ["another scheme", [RIGHT[0], `Authorization: Basic ${TOKEN}`], 401],
    ["two tokens", [...RIGHT, "Authorization: Bearer x"], 400],
    ["a blank before the colon", [...RIGHT, "Origin : x"], 400],
    ["a folded line", [...RIGHT, " folded"], 400],
  ])("refuses a request with %s", async (_, fields, status) => {
    const { home, client } = await at();
    expect((await client.ask("POST /open", fields)).status).toBe(status);
    expect(home.relays[0].value).toBe(0);
  });

  it("is asked by the door's name in the local network too, and by no other name", async () => {
    const { client } = await at("net.name=Door");
    for (const host of ["door.local", "DOOR.local:8180", "door-2.local", "door-12.local:8180"])
      expect((await client.ask("GET /status", [`Host: ${host}`, RIGHT[1]])).status, host).toBe(200);
    for (const host of [
      "door",
      "door.local.evil.example",
      "door.local:80",
      "door-1.local",
      "door-1e3.local",
      "door-x.local",
      "doorx.local",
      ".local",
      "evil.door.local",
    ])
      expect((await client.ask("GET /status", [`Host: ${host}`, RIGHT[1]])).status, host).toBe(403);
    const nameless = await at();
    expect((await nameless.client.ask("GET /status", ["Host: .local", RIGHT[1]])).status).toBe(403);
    expect((await nameless.client.ask("GET /status", ["Host: door.local", RIGHT[1]])).status).toBe(403);
  });

  it.each([
    ["GET /nothing", 404],
    ["OPTIONS /open", 405],
    ["POST /open?relay=3", 400],
    ["POST /open?relay=1&relay=2", 400],
    ["POST /open?", 200],
    ["POST /call?to=x", 400],
    ["POST /call?target=%00%zz", 409],
    ["GET http://10.0.0.1/status", 400],
    ["GET  /status", 400],
    ["get /status", 405],
  ])("answers %s with %d", async (line, status) => {
    const { client } = await at();
    expect((await client.ask(line)).status).toBe(status);
  });

  it("has ten requests at once for an address, then one a second, and others are not kept waiting by it", async () => {
    const { home, client } = await at();
    const statuses: number[] = [];
    for (let i = 0; i < 14; i++) statuses.push((await client.ask("GET /status", RIGHT, 0)).status);
    expect(statuses.filter((one) => one === 200).length).toBeLessThanOrEqual(13);
    expect(statuses).toContain(429);
    const other = await new Client(home).start("10.0.0.4");
    expect((await other.ask("GET /status")).status).toBe(200);
  });

  it("has a token of at least 16 characters, or is off", () => {
    const settings = new Settings();
    for (const short of ["x", "0123456789abcde"])
      expect(settings.set("api.token", short)).toContain("empty, or a text of 16 to 64 characters");
    expect(settings.get("api.token")).toBe("");
    expect(settings.set("api.token", "0123456789abcdef")).toBe("");
    expect(settings.set("api.token", "")).toBe("");
  });

  it("takes no token any more after ten wrong ones, not even the right one", async () => {
    const { client } = await at();
    for (let i = 0; i < 10; i++)
      expect((await client.ask("GET /status", [RIGHT[0], `Authorization: Bearer ${i}`])).status).toBe(401);
    expect((await client.ask("GET /status")).status).toBe(429);
  });

  it("ends connections that say nothing, or too much, and costs a call nothing", async () => {
    const { home, client } = await at();
    home.door.line("press");
    await home.run(5000);
    const silent = [client.connect(""), client.connect("GET /status HTTP/1.1\r\n")];
    await home.run(100);
    const third = client.connect("");
    await home.run(100);
    expect(client.isOver(third)).toBe(true);
    await home.run(6000);
    expect(silent.every((one) => client.isOver(one))).toBe(true);
    const long = client.connect("GET /status HTTP/1.1\r\nX: " + "y".repeat(60_000));
    await home.run(500);
    expect(client.answerOf(long)?.status).toBe(431);
    for (let i = 0; i < 20; i++) await client.ask("GET /log", RIGHT, 0);
    expect(home.door.isInCall()).toBe(true);
    expect(home.late()).toBe(0);
  });

  it("is not held by those who send a request octet by octet: after a second another takes their place", async () => {
    const { home, client } = await at();
    const slow = [client.connect("G"), client.connect("POST /open HTTP/1.1\r\nX")];
    await home.run(1100);
    expect((await client.ask("GET /status")).status).toBe(200);
    expect(slow.filter((one) => client.isOver(one))).toHaveLength(1);
  });

  it("serves others while one address takes every seat again and again", async () => {
    const { home, client } = await at();
    const stranger = await new Client(home).start("10.0.0.9");
    let held: TcpConnection[] = [];
    for (let i = 0; i < 8; i++) {
      held = [...held.filter((one) => !stranger.isOver(one)), stranger.connect("G"), stranger.connect("G")];
      await home.run(50);
      expect((await client.ask("GET /status")).status).toBe(200);
    }
  });

  it("serves an address that sent the right token while others take every seat, until it sends a wrong one", async () => {
    const { home, client } = await at();
    await client.ask("GET /status");
    const strangers = [await new Client(home).start("10.0.0.8"), await new Client(home).start("10.0.0.9")];
    const takeSeats = async () => {
      for (const stranger of strangers) stranger.connect("G");
      await home.run(50);
    };
    await takeSeats();
    expect((await client.ask("GET /status", [RIGHT[0], "Authorization: Bearer wrong"])).status).toBe(401);
    await home.run(6000);
    await takeSeats();
    const late = client.connect("");
    await home.run(50);
    expect(client.isOver(late)).toBe(true);
  });

  it("ends no request of an address that sent the right token for a stranger's", async () => {
    const { home, client } = await at();
    await client.ask("GET /status");
    const own = [client.connect("G"), client.connect("G")];
    const stranger = await new Client(home).start("10.0.0.9");
    const other = stranger.connect("G");
    await home.run(50);
    expect([...own.map((one) => client.isOver(one)), stranger.isOver(other)]).toEqual([false, false, true]);
  });

  it("keeps the place of an address that sent the right token while strangers come from everywhere", async () => {
    const { home, client } = await at();
    await client.ask("GET /status");
    for (let i = 1; i < 12; i++) await (await new Client(home).start(`10.0.2.${i}`)).ask("GET /status", [], 0);
    for (const end of [8, 9]) (await new Client(home).start(`10.0.0.${end}`)).connect("G");
    await home.run(50);
    expect((await client.ask("GET /status")).status).toBe(200);
  });

  it("answers HEAD without a body", async () => {
    const { home, client } = await at();
    const connection = client.connect(["HEAD /status HTTP/1.1", ...RIGHT, "", ""].join("\r\n"));
    await home.run(200);
    expect(client.textOf(connection)).toMatch(/^HTTP\/1.1 405 [\s\S]*Content-Length: \d+\r\n\r\n$/);
  });

  it("does not look at a body, however deep, long or broken it is", async () => {
    const { home, client } = await at();
    for (const body of ["[".repeat(1000), "\u0000\u00ff".repeat(2000), '{"relay":2}'])
      expect(
        (await client.ask("POST /open?relay=1", [...RIGHT, `Content-Length: ${body.length}`], 200, body)).status,
      ).toBe(200);
    expect(home.relays.map(({ value }) => value)).toEqual([1, 0]);
  });

  it("is not there without a token, nor on a board without memory for it, which says so", async () => {
    const off = new Home([]);
    off.limits = HOUSE_LIMITS;
    await off.start();
    expect(off.door.links).toBe(null);
    const plain = await new Home([`api.token=${TOKEN}`]).start();
    expect(plain.door.links?.api).toBe(null);
    expect(plain.events.some(({ value }) => value.startsWith("api.token: this board has no memory"))).toBe(true);
  });
});
