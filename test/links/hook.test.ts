/** Tests what a webhook's receiver gets from a door, how it knows that the door wrote it, and what it may answer. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { TcpConnection } from "../../hal/device.js";
import { octets } from "../../src/core/bytes.js";
import { HOUSE, Home, Listener } from "./home.js";

const SECRET = "correct horse battery staple";
const SETTINGS = [`hook.url=http://${HOUSE}:8123/api/webhook/door`, `hook.secret=${SECRET}`];

interface Posted {
  line: string;
  headers: Record<string, string>;
  body: string;
  /** The body, read. */
  json: Record<string, string | number>;
}

/** @returns the request, or null as long as it is not whole */
function readPost(text: string): Posted | null {
  const [head, body = ""] = text.split("\r\n\r\n");
  const [line, ...rest] = head.split("\r\n");
  const headers = Object.fromEntries(rest.map((one) => one.split(": ") as [string, string]));
  if (Buffer.byteLength(body) < Number(headers["Content-Length"] ?? Infinity)) return null;
  return { line, headers, body, json: JSON.parse(body) };
}

/** A receiver that answers each request by what `answer` returns; "" for nothing. */
async function receive(home: Home, answer: (nth: number) => string): Promise<Posted[]> {
  const posts: Posted[] = [];
  await Listener.open(home, 8123, (connection, text) => {
    const post = readPost(text);
    if (post === null) return;
    posts.push(post);
    say(connection, answer(posts.length));
  });
  return posts;
}

function say(connection: TcpConnection, text: string): void {
  const bytes = octets(text);
  if (text !== "") connection.write(bytes, 0, bytes.length);
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

describe("a webhook", () => {
  it("gets each event once, in order, as JSON that is signed over the time and the body", async () => {
    const home = new Home([...SETTINGS, "camera.url=http://10.0.0.9/still.jpg"]);
    const posts = await receive(home, () => OK);
    await home.start();
    home.door.line("press");
    await home.run(5000);
    home.door.line("open");
    await home.run(5000);
    home.door.line("hangup");
    await home.run(5000);
    const told = posts.map(({ json }) => `${json.event} ${json.value}`);
    expect(told).toEqual([
      "config ready",
      "button pressed",
      "call calling",
      "call confirmed",
      "relay on",
      "relay off",
      "call ended",
    ]);
    for (const { line, headers, body, json } of posts) {
      expect(line).toBe("POST /api/webhook/door HTTP/1.1");
      expect(headers.Host).toBe(`${HOUSE}:8123`);
      expect(headers["Content-Type"]).toBe("application/json");
      const time = headers["X-Portero-Time"];
      const code = createHmac("sha256", SECRET).update(`${time}.${body}`).digest("hex");
      expect(headers["X-Portero-Signature"]).toBe(`sha256=${code}`);
      expect(Math.abs(Number(time) - Number(json.time))).toBeLessThanOrEqual(1);
    }
    expect(posts[1].json).toMatchObject({ door: "door", button: 1, camera: "http://10.0.0.9/still.jpg" });
    expect(posts[4].json).toMatchObject({ relay: 1, reason: "console" });
    expect(posts[4].json).not.toHaveProperty("camera");
    const ids = posts.map(({ json }) => String(json.id));
    expect(ids.every((id, index) => id.endsWith(`-${index + 1}`) && id.split("-")[0] === ids[0].split("-")[0])).toBe(
      true,
    );
  });

  it("is known as the door's by what the document says, and by nothing else", async () => {
    const home = new Home(SETTINGS);
    const posts = await receive(home, () => OK);
    await home.start();
    await home.run(1000);
    const document = readFileSync(new URL("../../docs/links.md", import.meta.url), "utf8");
    const program = /```js\n(.*?)```/s.exec(document)?.[1] ?? "";
    const { isFromTheDoor } = await import("data:text/javascript," + encodeURIComponent(program));
    const { headers, body } = posts[0];
    const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    expect(isFromTheDoor(given, body, SECRET)).toBe(true);
    expect(isFromTheDoor(given, body.replace("config", "relay1"), SECRET)).toBe(false);
    expect(isFromTheDoor({ ...given, "x-portero-time": "1" }, body, SECRET)).toBe(false);
    expect(isFromTheDoor(given, body, "another")).toBe(false);
    expect(isFromTheDoor({}, body, SECRET)).toBe(false);
  });

  it("has no signature without a secret, and hashes a secret that is longer than a block", async () => {
    const home = new Home([SETTINGS[0]]);
    const posts = await receive(home, () => OK);
    await home.start();
    await home.run(1000);
    expect(posts[0].headers).not.toHaveProperty("X-Portero-Signature");

    const long = "\u00e4".repeat(60);
    const other = new Home([SETTINGS[0], `hook.secret=${long}`]);
    const signed = await receive(other, () => OK);
    await other.start();
    await other.run(1000);
    const { headers, body } = signed[0];
    const code = createHmac("sha256", long).update(`${headers["X-Portero-Time"]}.${body}`).digest("hex");
    expect(headers["X-Portero-Signature"]).toBe(`sha256=${code}`);
  });

  it("tries again after 5xx and 429, five times at most, and keeps the order", async () => {
    const home = new Home(SETTINGS);
    const posts = await receive(home, (nth) =>
      nth <= 2 ? "HTTP/1.1 503 Busy\r\n\r\n" : nth === 3 ? "HTTP/1.1 429 Slow\r\n\r\n" : OK,
    );
    await home.start();
    home.door.line("open");
    await home.run(60_000);
    const told = posts.map(({ json }) => String(json.id).split("-")[1]);
    expect(told.slice(0, 5)).toEqual(["1", "1", "1", "1", "2"]);
    expect(home.links()).toEqual(["lost hook", "back hook"]);

    const stubborn = new Home(SETTINGS);
    const never = await receive(stubborn, () => "HTTP/1.1 500 Oops\r\n\r\n");
    await stubborn.start();
    await stubborn.run(1_000_000);
    expect(never.filter(({ json }) => String(json.id).endsWith("-1"))).toHaveLength(5);
    expect(stubborn.links()).toEqual(["lost hook", "refused hook 500"]);
  });

  it.each([400, 401, 404, 410, 302])("drops an event that is answered by %d, and says so once", async (status) => {
    const home = new Home(SETTINGS);
    const posts = await receive(home, () => `HTTP/1.1 ${status} No\r\n\r\n`);
    await home.start();
    home.door.line("open");
    await home.run(60_000);
    const ids = posts.map(({ json }) => json.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(3);
    expect(home.links()).toEqual([`refused hook ${status}`]);
  });

  it("reads a status and no more: an answer of 10 MB is cut and the connection closed", async () => {
    const home = new Home(SETTINGS);
    let written = 0;
    const part = octets("x".repeat(60_000));
    const listener = await Listener.open(home, 8123, (connection, text) => {
      if (readPost(text) === null) return;
      say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
      const more = () => {
        if (!connection.isOpen || written >= 10_000_000) return;
        if (connection.write(part, 0, part.length)) written += part.length;
        home.air.after(1, more);
      };
      more();
    });
    await home.start();
    await home.run(2000);
    expect(listener.connections[0].isOver).toBe(true);
    expect(written).toBeLessThan(1_000_000);
    expect(home.links()).toEqual([]);
  });

  it.each([
    "",
    "220 mail.house ESMTP\r\n",
    "HTTP/1.1 abc\r\n\r\n",
    "HTTP/2 200 OK 200\r\n",
    "\u0000".repeat(50),
    "HTTP/1.1 ",
  ])("takes %j for no answer, and tries again", async (said) => {
    const home = new Home(SETTINGS);
    let nth = 0;
    const posts = await receive(home, () => (++nth === 1 ? said : OK));
    await home.start();
    await home.run(30_000);
    expect(posts[0].json.id).toBe(posts[1].json.id);
    expect(home.links()).toEqual(["lost hook", "back hook"]);
  });

  it("says whether nobody was there, or somebody who closed", async () => {
    const home = await new Home(SETTINGS).start();
    await home.run(1000);
    const reason = () => home.events.find(({ name }) => name === "link")?.fields.reason;
    expect(reason()).toBe("the connection failed");
    const other = new Home(SETTINGS);
    await Listener.open(other, 8123, (connection) => connection.drop());
    await other.start();
    await other.run(1000);
    expect(other.events.find(({ name }) => name === "link")?.fields.reason).toBe("it closed without an answer");
  });

  it("hears a status that comes octet by octet", async () => {
    const home = new Home(SETTINGS);
    const seen: string[] = [];
    await Listener.open(home, 8123, (connection, text) => {
      const post = readPost(text);
      if (post === null) return;
      seen.push(String(post.json.id));
      for (const [index, octet] of [..."HTTP/1.1 204 No Content"].entries())
        home.air.after(20 * index, () => say(connection, octet));
    });
    await home.start();
    home.door.line("open");
    await home.run(10_000);
    expect(new Set(seen).size).toBe(seen.length);
    expect(home.links()).toEqual([]);
  });

  it("costs a call nothing while the receiver takes connections and says nothing: the oldest events are dropped", async () => {
    const home = new Home(SETTINGS);
    let isSilent = true;
    const posts = await receive(home, () => (isSilent ? "" : OK));
    await home.start();
    home.door.line("press");
    await home.run(15_000);
    for (let i = 0; i < 60; i++) {
      home.tell("phone", "registered", { name: "lamp" + i });
      await home.run(500);
    }
    expect(home.door.isInCall()).toBe(true);
    expect(home.late()).toBe(0);
    expect(home.links()).toEqual(["lost hook", "full hook"]);
    isSilent = false;
    home.door.line("hangup");
    await home.run(320_000);
    const back = home.links();
    expect(back[2]).toMatch(/^back hook \d+$/);
    const heard = [...new Set(posts.map(({ json }) => Number(String(json.id).split("-")[1])))];
    // What waited came in its order, without a gap behind what was dropped.
    const kept = heard.slice(heard.findIndex((id) => id > 40));
    expect(kept).toEqual(kept.map((_, index) => kept[0] + index));
    expect(posts[posts.length - 1].json).toMatchObject({ event: "link", value: "back", name: "hook" });
  });

  it("writes JSON whatever an event has in it, and never more than fits", async () => {
    const home = new Home(SETTINGS);
    const posts = await receive(home, () => OK);
    await home.start();
    await home.run(500);
    const before = posts.length;
    home.tell("phone", "registered", { name: 'a"b\\c\r\n\u0000\u2028\ud800\u{1f600}"}' });
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`field${i}`, "\u0001".repeat(300)]));
    home.tell("phone", "gone", many as unknown as { name: string });
    await home.run(2000);
    const [nasty, huge] = posts.slice(before);
    // What could steer a terminal is shown as a question mark, and a half of a pair is not UTF-8.
    expect(nasty.json.name).toBe('a"b\\c????\ufffd\u{1f600}"}');
    expect(huge.json.cut).toBe(true);
    expect(Buffer.byteLength(huge.body)).toBeLessThanOrEqual(1024);
  });
});
