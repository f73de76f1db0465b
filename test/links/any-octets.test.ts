/** Tries any octets on what the links read from others: nothing throws, nothing is ordered, and memory has a bound. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Device, TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { Timers } from "../../src/core/timers.js";
import { Api } from "../../src/links/api.js";
import { Hook } from "../../src/links/hook.js";
import { MqttClient, type MqttClientUser } from "../../src/links/mqttclient.js";
import { Outbox } from "../../src/links/outbox.js";
import { type LinkParts, Scratch } from "../../src/links/parts.js";
import { Settings } from "../../src/settings/settings.js";
import { readUrl } from "../../src/settings/url.js";
import { SeededRandom } from "../random.js";

const LOGIN = { id: "x", user: "", password: "", willTopic: "x/availability", will: "offline" };

/** A client that is connected, and what it told. */
function connected(): { client: MqttClient; told: string[]; lost: string[] } {
  const told: string[] = [];
  const lost: string[] = [];
  const user: MqttClientUser = {
    onConnected: () => {},
    onMessage: (bytes, topicAt, payloadAt, end) => {
      expect(topicAt).toBeLessThanOrEqual(payloadAt);
      expect(payloadAt).toBeLessThanOrEqual(end);
      expect(end).toBeLessThanOrEqual(bytes.length);
      told.push(Buffer.from(bytes.subarray(topicAt, payloadAt)).toString("latin1"));
    },
    onLost: (reason) => void lost.push(reason),
  };
  const client = new MqttClient(user, { write: () => true, end: () => {}, drop: () => {} }, new Scratch());
  client.begin(LOGIN, 0);
  client.onOpen(0);
  client.onData(Uint8Array.of(0x20, 2, 0, 0), 0, 4, 0);
  expect(client.isConnected).toBe(true);
  return { client, told, lost };
}

describe("a broker's octets", () => {
  it("are read the same however they are cut, and never beyond what came", () => {
    const packet = fc.record({
      first: fc.integer({ min: 0, max: 255 }),
      body: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (packets, step) => {
        const octets = packets.flatMap(({ first, body }) => {
          const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
          return [first, ...length, ...body];
        });
        const bytes = Uint8Array.from(octets);
        const whole = connected();
        whole.client.onData(bytes, 0, bytes.length, 1);
        const cut = connected();
        for (let at = 0; at < bytes.length; at += step)
          cut.client.onData(bytes, at, Math.min(bytes.length, at + step), 1);
        expect(cut.told).toEqual(whole.told);
        expect(cut.lost).toEqual(whole.lost);
        expect(cut.client.skipped).toBe(whole.client.skipped);
      }),
      { seed: 23, numRuns: 150 },
    );
  });

  it("of any kind end in a message, a skipped one or the loss of the connection", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const { client, lost } = connected();
        client.onData(bytes, 0, bytes.length, 1);
        expect(client.isConnected).toBe(lost.length === 0);
      }),
      { seed: 23, numRuns: 150 },
    );
  });
});

describe("an outbox", () => {
  it("keeps the youngest messages in their order, whatever comes and goes", () => {
    const step = fc.oneof(fc.uint8Array({ maxLength: 120 }), fc.constant(null));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const box = new Outbox(256);
        let all: string[] = [];
        for (const one of steps) {
          if (one === null) {
            box.remove();
            all = all.slice(1);
          } else {
            box.put(one, 0, one.length);
            all.push(Buffer.from(one).toString("hex"));
            all = all.slice(all.length - box.count);
          }
        }
        const left: string[] = [];
        for (; box.count > 0; box.remove())
          left.push(Buffer.from(box.bytes.subarray(box.start, box.end)).toString("hex"));
        expect(left).toEqual(all);
      }),
      { seed: 23, numRuns: 150 },
    );
  });
});

describe("a URL of the settings", () => {
  it("of any text is taken or refused in words, and a taken one cannot end a line or a header field", () => {
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.string({ maxLength: 40 }).map((rest) => "http://10.0.0.1/" + rest),
    );
    fc.assert(
      fc.property(text, (value) => {
        const { error, host, path } = readUrl(value, ["http"]);
        if (error !== "") return;
        expect(path).toMatch(/^\/[!-~]*$/);
        expect(path).not.toMatch(/[<>"\\#]/);
        expect(host).toMatch(/^[\w.-]+$/);
      }),
      { seed: 23, numRuns: 150 },
    );
  });
});

const TOKEN = "0123456789abcdef";

/** A link on a stack that keeps what it is given, with the connection on which others speak. */
class Bench {
  readonly written: string[] = [];
  readonly ordered: string[] = [];
  readonly told: string[] = [];
  readonly timers = new Timers(2);
  options!: TcpOptions;
  isOver = false;
  readonly connection: TcpConnection = {
    localPort: 1,
    id: 1,
    address: 1,
    port: 1,
    isOpen: true,
    write: (bytes, start, end) => {
      this.written.push(Buffer.from(bytes.slice(start, end)).toString("latin1"));
      return true;
    },
    close: () => {
      this.isOver = true;
    },
    drop: () => {
      this.isOver = true;
    },
  };

  parts(...lines: string[]): LinkParts {
    const settings = new Settings();
    for (const line of lines) expect(settings.assign(line)).toBe("");
    const stack = { port: 8180, connect: () => this.connection, close: () => {} } as unknown as TcpStack;
    const order =
      (what: string) =>
      (...words: unknown[]): string => {
        this.ordered.push([what, ...words].join(" "));
        return "";
      };
    const orders = Object.fromEntries(
      ["open", "close", "callPlan", "call", "hangUp", "restart", "set"].map((name) => [name, order(name)]),
    );
    return {
      device: {
        tcp: async (options: TcpOptions) => {
          this.options = options;
          return stack;
        },
        clock: { epochS: () => 1_800_000_000 },
        random: new SeededRandom(1),
      } as unknown as Device,
      resolver: { resolve: () => {} },
      settings,
      timers: this.timers,
      events: { event: (_name, value) => void this.told.push(value) },
      scratch: new Scratch(),
      orders: { ...orders, report: () => '{"ok":true}\n' } as unknown as LinkParts["orders"],
      version: "0.1.0",
      enter: () => {},
      leave: () => {},
    };
  }

  say(bytes: Uint8Array, step: number): void {
    for (let at = 0; at < bytes.length && !this.isOver; at += step)
      this.options.onData(this.connection, bytes, at, Math.min(bytes.length, at + step));
  }
}

/** Pieces of which a request or an answer of HTTP is made, right and wrong. */
const PIECE = fc.oneof(
  fc.constantFrom(
    "GET /status",
    "POST /open?relay=1",
    "POST /call?target=%",
    " HTTP/1.1",
    "HTTP/1.1 200 OK",
    "HTTP/1.0 500 ",
    "\r\n",
    "\r\n\r\n",
    "Host: 10.0.0.1:8180",
    "Host: evil",
    "Authorization: Bearer ",
    "Authorization: Bearer 0123456789abcde",
    "Origin: x",
    ":",
    " ",
    "\u0000",
    "x".repeat(1100),
  ),
  fc.string({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
);
const SAID = fc
  .array(PIECE, { maxLength: 14 })
  .map((pieces) => Uint8Array.from(Buffer.from(pieces.join(""), "latin1")));
const STEP = fc.integer({ min: 1, max: 400 });

describe("a client of the HTTP API", () => {
  it("who says anything without the token orders nothing, and gets at most one answer, whose body is JSON", async () => {
    await fc.assert(
      fc.asyncProperty(SAID, STEP, async (bytes, step) => {
        const bench = new Bench();
        const api = new Api(bench.parts("api.token=" + TOKEN));
        await api.start(ipv4("10.0.0.1"));
        bench.options.onOpen(bench.connection, true);
        bench.say(bytes, step);
        expect(bench.ordered).toEqual([]);
        const answer = bench.written.join("");
        if (answer === "") return;
        const [head, body, ...more] = answer.split("\r\n\r\n");
        expect(more).toEqual([]);
        expect(head).toMatch(/^HTTP\/1\.1 4\d\d [\w ]+\r\n/);
        expect(head.split("\r\n").every((line, i) => i === 0 || /^[\w-]+: [ -~]*$/.test(line))).toBe(true);
        expect(JSON.parse(body).ok).toBe(false);
        expect(bench.isOver).toBe(true);
      }),
      { seed: 23, numRuns: 300 },
    );
  });

  it("who has the token gives an order by its exact path alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 30 }), STEP, async (target, step) => {
        const bench = new Bench();
        const api = new Api(bench.parts("api.token=" + TOKEN));
        await api.start(ipv4("10.0.0.1"));
        bench.options.onOpen(bench.connection, true);
        const head = ` HTTP/1.1\r\nHost: 10.0.0.1:8180\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`;
        bench.say(Uint8Array.from(Buffer.from(`POST /${target}${head}`)), step);
        const path = "/" + target.split("?")[0];
        if (!["/open", "/call", "/hangup"].includes(path)) expect(bench.ordered).toEqual([]);
      }),
      { seed: 23, numRuns: 150 },
    );
  });
});

describe("the server of a webhook", () => {
  it("that answers anything has the event taken, dropped or kept, and the connection is over once it is judged", async () => {
    await fc.assert(
      fc.asyncProperty(SAID, STEP, async (bytes, step) => {
        const bench = new Bench();
        const hook = new Hook(bench.parts("hook.url=http://10.0.0.9/x"));
        await hook.start(ipv4("10.0.0.1"));
        hook.take("relay", "on", { relay: 1 });
        bench.timers.poll(200);
        bench.options.onOpen(bench.connection, false);
        expect(bench.written).toHaveLength(1);
        bench.say(bytes, step);
        const text = Buffer.from(bytes).toString("latin1");
        const status = Number(/^HTTP\/1\..[ ](\d{3})/s.exec(text)?.[1] ?? Number.NaN);
        const isTaken = status >= 200 && ![408, 429].includes(status) && status < 500;
        expect(hook.box.count).toBe(isTaken ? 0 : 1);
        expect(bench.isOver).toBe(bytes.length >= 12);
        if (status >= 300 && isTaken) expect(bench.told).toEqual(["refused"]);
        else expect(bench.told).toEqual(isTaken || bytes.length < 12 ? [] : ["lost"]);
      }),
      { seed: 23, numRuns: 300 },
    );
  });
});
