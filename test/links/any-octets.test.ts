/** Tries any octets on what the links read from others: nothing throws, nothing is ordered, and memory has a bound. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Device, TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { Timers } from "../../src/core/timers.js";
import { Api } from "../../src/links/api.js";
import { EventQueue, FOR_HOOK, FOR_MQTT, FOR_SYSLOG } from "../../src/links/eventqueue.js";
import { Hook } from "../../src/links/hook.js";
import { MqttClient, type MqttClientUser } from "../../src/links/mqttclient.js";
import { type LinkParts, SCRATCH_BYTES, Scratch } from "../../src/links/parts.js";
import { ALERT, DEBUG, INFO, NOTICE } from "../../src/links/severity.js";
import { Settings } from "../../src/settings/settings.js";
import { readUrl } from "../../src/settings/url.js";
import { SeededRandom } from "../random.js";

const SCRATCH = new Scratch(new Uint8Array(SCRATCH_BYTES));
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
  const client = new MqttClient(user, { write: () => true, end: () => {}, drop: () => {} }, SCRATCH);
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

describe("the queue of the links' events", () => {
  const LINKS = [FOR_SYSLOG, FOR_HOOK, FOR_MQTT];
  const TEXT = fc.oneof(fc.string({ maxLength: 60 }), fc.string({ unit: "grapheme", maxLength: 900 }));
  const EVENT = fc.record({
    value: TEXT,
    fields: fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), fc.oneof(TEXT, fc.integer(), fc.double({ noNaN: true }))),
    wanted: fc.integer({ min: 1, max: 7 }),
    severity: fc.constantFrom(NOTICE, DEBUG),
  });

  it("gives each link the youngest of its events in their order, and counts what it dropped", () => {
    const step = fc.oneof({ weight: 3, arbitrary: EVENT }, { arbitrary: fc.constantFrom(...LINKS), weight: 2 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new EventQueue();
        const told = new Map(LINKS.map((link) => [link, 0]));
        const taken = new Map(LINKS.map((link) => [link, 0]));
        const last = new Map(LINKS.map((link) => [link, 0]));
        for (const [i, one] of steps.entries())
          if (typeof one === "number") {
            const at = queue.oldest(one);
            if (at < 0) continue;
            const number = queue.number(at, one);
            expect(number).toBeGreaterThan(last.get(one) ?? 0);
            last.set(one, number);
            taken.set(one, (taken.get(one) ?? 0) + 1);
            queue.take(one);
          } else {
            queue.put("event" + i, one.value, one.fields, one.wanted, one.severity, 4_000_000_000 + i);
            for (const link of LINKS) if ((one.wanted & link) !== 0) told.set(link, (told.get(link) ?? 0) + 1);
          }
        for (const link of LINKS)
          expect(queue.waiting(link) + queue.dropped(link) + (taken.get(link) ?? 0)).toBe(told.get(link));
      }),
      { seed: 23, numRuns: 150 },
    );
  });

  it("gives back what was put, or its beginning", () => {
    fc.assert(
      fc.property(EVENT, ({ value, fields }) => {
        const queue = new EventQueue();
        queue.put("relay", value, fields, FOR_HOOK, NOTICE, 4_000_000_000);
        const at = queue.oldest(FOR_HOOK);
        expect(queue.name(at)).toBe("relay");
        expect(queue.timeS(at)).toBe(4_000_000_000);
        const isWhole = (now: string, then: string) =>
          now === then ||
          (/(?:\.\.\.|\u2026)$/.test(now) && then.startsWith(now.replace(/(?:\.\.\.|\u2026)$/, "").slice(0, -1)));
        expect(isWhole(queue.value(at), value)).toBe(true);
        const back = queue.fields(at);
        const names = Object.keys(fields);
        expect(Object.keys(back)).toEqual(names.slice(0, Object.keys(back).length));
        expect(queue.isCut(at)).toBe(Object.keys(back).length < names.length);
        for (const name of Object.keys(back)) {
          const [now, then] = [back[name], fields[name]];
          if (typeof then === "number") expect(now).toBe(then === 0 ? 0 : then);
          else expect(isWhole(String(now), then)).toBe(true);
        }
      }),
      { seed: 23, numRuns: 150 },
    );
  });

  it("keeps openings and alarms whatever comes that is less urgent, and the youngest of what is as urgent", () => {
    const queue = new EventQueue();
    const told = () => {
      const names: string[] = [];
      for (let at = queue.oldest(FOR_HOOK); at >= 0; at = queue.oldest(FOR_HOOK)) {
        names.push(queue.name(at) + " " + queue.value(at).slice(0, 9));
        queue.take(FOR_HOOK);
      }
      return names;
    };
    const long = "x".repeat(500);
    queue.put("door", "forced", {}, FOR_HOOK, ALERT, 0);
    queue.put("relay", "on", { relay: 1, reason: "code" }, FOR_HOOK, NOTICE, 0);
    for (let i = 0; i < 1000; i++) queue.put("text", "number " + i + long, { peer: "x" }, FOR_HOOK, INFO, 0);
    expect(told()).toEqual(["door forced", "relay on", ...Array(3).fill("text number 99")]);
    // An event that is less urgent than all that wait is itself the one that is dropped.
    while (queue.dropped(FOR_HOOK) < 1000) queue.put("relay", "on", { reason: long }, FOR_HOOK, NOTICE, 0);
    const before = queue.dropped(FOR_HOOK);
    queue.put("text", long, {}, FOR_HOOK, INFO, 0);
    expect(queue.dropped(FOR_HOOK)).toBe(before + 1);
    queue.put("door", "forced", {}, FOR_HOOK, ALERT, 0);
    expect(told().at(-1)).toBe("door forced");
  });

  it("keeps what one link waits for while another one takes its events, also those of level debug", () => {
    const queue = new EventQueue();
    const fields = { relay: 1, reason: "door code" };
    while (queue.dropped(FOR_HOOK) === 0) queue.put("relay", "on", fields, FOR_HOOK, NOTICE, 0);
    const waiting = queue.waiting(FOR_HOOK);
    for (let i = 0; i < 100; i++) {
      queue.put("audio", "good", { packets: 250, lost: 0 }, FOR_SYSLOG, DEBUG, 0);
      expect(queue.oldest(FOR_SYSLOG)).toBeGreaterThan(0);
      queue.take(FOR_SYSLOG);
    }
    expect(queue.waiting(FOR_HOOK)).toBe(waiting);
    expect(queue.dropped(FOR_SYSLOG)).toBe(0);
    // A syslog server that is away has its own lines dropped, not the events of the hook.
    for (let i = 0; i < 100; i++) queue.put("audio", "good", { packets: 250, lost: 0 }, FOR_SYSLOG, DEBUG, 0);
    expect(queue.waiting(FOR_HOOK)).toBe(waiting);
    expect(queue.dropped(FOR_SYSLOG)).toBeGreaterThan(90);
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
  readonly queue = new EventQueue();
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
      station: { enter: () => {}, leave: () => {}, findName: () => {} },
      device: {
        tcp: async (options: TcpOptions) => {
          this.options = options;
          return stack;
        },
        clock: { epochS: () => 1_800_000_000 },
        random: new SeededRandom(1),
      } as unknown as Device,
      settings,
      timers: this.timers,
      events: { event: (_name, value) => void this.told.push(value) },
      scratch: new Scratch(new Uint8Array(SCRATCH_BYTES)),
      queue: this.queue,
      orders: { ...orders, report: () => '{"ok":true}\n' } as unknown as LinkParts["orders"],
      version: "0.1.0",
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
        bench.queue.put("relay", "on", { relay: 1 }, FOR_HOOK, NOTICE, 0);
        hook.onQueued();
        bench.timers.poll(200);
        bench.options.onOpen(bench.connection, false);
        expect(bench.written).toHaveLength(1);
        bench.say(bytes, step);
        const text = Buffer.from(bytes).toString("latin1");
        const status = Number(/^HTTP\/1\..[ ](\d{3})/s.exec(text)?.[1] ?? Number.NaN);
        const isTaken = status >= 200 && ![408, 429].includes(status) && status < 500;
        expect(bench.queue.waiting(FOR_HOOK)).toBe(isTaken ? 0 : 1);
        expect(bench.isOver).toBe(bytes.length >= 12);
        if (status >= 300 && isTaken) expect(bench.told).toEqual(["refused"]);
        else expect(bench.told).toEqual(isTaken || bytes.length < 12 ? [] : ["lost"]);
      }),
      { seed: 23, numRuns: 300 },
    );
  });
});
