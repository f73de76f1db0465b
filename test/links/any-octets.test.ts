/** Tries any octets on what the links read from others: nothing throws, nothing is ordered, and memory has a bound. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MqttClient, type MqttClientUser } from "../../src/links/mqttclient.js";
import { Outbox } from "../../src/links/outbox.js";
import { Scratch } from "../../src/links/parts.js";
import { readUrl } from "../../src/settings/url.js";

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
      { numRuns: 150 },
    );
  });

  it("of any kind end in a message, a skipped one or the loss of the connection", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        const { client, lost } = connected();
        client.onData(bytes, 0, bytes.length, 1);
        expect(client.isConnected).toBe(lost.length === 0);
      }),
      { numRuns: 150 },
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
      { numRuns: 150 },
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
      { numRuns: 150 },
    );
  });
});
