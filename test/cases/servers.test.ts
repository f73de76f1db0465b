/**
 * Plays messages of other phones to servers, from public bug reports (reports/s*.in and t*.in), and single faulty
 * messages (conformance/INDEX.tsv), against our registrar, proxies, redirect server and the framing of streams; the
 * right answers are in *.expect.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { Redirect } from "../../src/server/redirect.js";
import { Message, PARSE_OK } from "../../src/wire/message.js";
import { FRAME_BROKEN, FRAME_MESSAGE, FRAME_NONE, FRAME_PING, StreamFramer } from "../../src/wire/stream.js";
import { DOMAIN, House, users } from "../server/house.js";
import { brief, ProxyHouse, withoutState } from "../server/proxied.js";
import { field, fields, type Sent } from "../transaction/harness.js";
import { readCase } from "./replay.js";

const PASSWORDS: Record<string, string> = { alice: "secretA", bob: "secretB" };
/** Our own entry in Record-Route; its token differs in each run. */
const MARKED = /<sip:[0-9a-f]+@10\.0\.0\.1:5060;lr>/g;

/** A recorded case, with the run's nonces, branches and route tokens in place of the recorded ones. */
class Played {
  readonly house = new ProxyHouse();
  /** The messages that were sent for each item. */
  readonly sent: Sent[][] = [];
  private challenge = "";
  private forwarded = "";
  /** Route values as the caller got them. */
  private routes: string[] = [];

  /** @param below entries that others put below ours into the Record-Route of the phone's answer */
  constructor(name: string, below = "") {
    for (const item of readCase(name)) {
      const message = item.message.replace(/\r?\n/g, "\r\n");
      const isResponse = message.startsWith("SIP/2.0 ");
      const out = this.house
        .receive(isResponse ? this.answer(message, below) : this.request(message), `${item.from}:${item.port}`)
        .filter(({ line }) => !line.startsWith("SIP/2.0 100"));
      this.sent.push(out);
      for (const { line, text: all } of out) {
        if (line.startsWith("SIP/2.0 401") || line.startsWith("SIP/2.0 407")) this.challenge = all;
        else if (line.startsWith("INVITE")) this.forwarded = all;
        else if (line.startsWith("SIP/2.0 2") && fields(all, "Record-Route").length > 0)
          this.routes = fields(all, "Record-Route").join(", ").match(MARKED) ?? [];
      }
    }
  }

  /** @returns the status codes or methods, with the receivers, of an item counted from the end: -1 is the last */
  at(index: number): string[] {
    return brief(this.sent.at(index) ?? []);
  }

  private request(message: string): string {
    let out = message.replace(MARKED, () => this.routes[0] ?? "<sip:10.0.0.1;lr>");
    if (/^Authorization:/m.test(out)) {
      const [method, uri] = out.split(" ");
      const user = /username="([^"]*)"/.exec(out)?.[1] ?? "";
      const own = this.house.answerTo(this.challenge, user, PASSWORDS[user], uri, method).trimEnd();
      out = out.replace(/^Authorization:.*$/m, own);
    }
    return out;
  }

  private answer(message: string, below: string): string {
    const copied = ["Via", "From", "Call-ID", "CSeq"].flatMap((name) =>
      fields(this.forwarded, name).map((value) => `${name}: ${value}`),
    );
    const routes = [below, ...fields(this.forwarded, "Record-Route")].filter((route) => route !== "");
    const [line, ...rest] = message.split("\r\n");
    const own = rest.filter((one) => !/^(Via|From|Call-ID|CSeq|Record-Route):/.test(one));
    return [line, ...copied, ...routes.map((route) => `Record-Route: ${route}`), ...own].join("\r\n");
  }
}

describe("a report about a server", () => {
  it("s1-contact-port-garbage", () => {
    const played = new Played("s1-contact-port-garbage");
    expect(played.at(-1)).toEqual(["400 10.0.0.2:5060"]);
    expect(played.house.bound()).toEqual([]);
  });

  it("s3-star-with-path", () => {
    const played = new Played("s3-star-with-path");
    expect(played.at(-3)).toEqual(["200 10.0.0.2:5060"]);
    expect(played.at(-1)).toEqual(["200 10.0.0.2:5060"]);
    expect(played.house.bound()).toEqual([]);
  });

  it("s5-odd-expires", () => {
    const played = new Played("s5-odd-expires");
    const answered = played.sent.filter((_, i) => i % 2 === 1).map(([first]) => first);
    expect(answered.length).toBeGreaterThan(5);
    for (const { line, text: all } of answered) {
      if (line.startsWith("SIP/2.0 400")) continue;
      expect(line).toMatch(/^SIP\/2.0 200/);
      const expires = Number(/;expires=([^;]*)/.exec(field(all, "Contact"))?.[1]);
      expect(expires).toBeGreaterThanOrEqual(60);
      expect(expires).toBeLessThanOrEqual(7200);
    }
  });

  it("s6-negative-ack-with-route", () => {
    const played = new Played("s6-negative-ack-with-route");
    expect(played.at(-2).filter((one) => !one.startsWith("ACK"))).toEqual(["486 10.9.9.9:5060"]);
    expect(played.at(-1)).toEqual([]);
    played.house.pass(40_000);
    expect(brief(played.house.network.take())).toEqual([]);
  });

  it("s7-strict-router-next, one that is in the way of the dialog: to any other the mark in our Record-Route lets nothing go", () => {
    const router = "<sip:00011@10.0.0.101;transport=udp;pgw-call=call-28d2e>";
    const played = new Played("s7-strict-router-next", router);
    const [ack] = played.sent.at(-1) ?? [];
    expect(ack.to).toBe("udp 10.0.0.101:5060");
    expect(ack.line).toBe("ACK sip:00011@10.0.0.101;transport=udp;pgw-call=call-28d2e SIP/2.0");
    expect(fields(ack.text, "Route").at(-1)).toBe("<sip:bob@172.16.0.21;transport=udp>");
    expect(new Played("s7-strict-router-next").at(-1)).toEqual([]);
  });

  it("s8-ack-to-contact", () => {
    const [ack] = new Played("s8-ack-to-contact").sent.at(-1) ?? [];
    expect([ack.to, ack.line]).toEqual(["udp 10.0.0.88:5090", "ACK sip:bob@10.0.0.88:5090 SIP/2.0"]);
  });

  it("s10-extra-octets", () => {
    expect(new Played("s10-extra-octets").at(-1)).toEqual(["200 10.9.9.9:5060"]);
  });

  it("s12-hash-in-request-uri", () => {
    expect(new Played("s12-hash-in-request-uri").at(-1)).toEqual([
      expect.stringMatching(/^40[04] 10\.9\.9\.9:5060$/) as string,
    ]);
  });
});

function octetsOf(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(import.meta.dirname, "reports", name + ".in")));
}

/** @returns the framer's results for the pieces of a stream; a whole message is read, too */
function framed(pieces: readonly Uint8Array[]): string[] {
  const framer = new StreamFramer(4096);
  const message = new Message(32);
  const out: string[] = [];
  for (const piece of pieces)
    for (let at = 0; at < piece.length; ) {
      at += framer.push(piece, at, piece.length);
      for (let frame = framer.next(); frame !== FRAME_NONE; frame = framer.next()) {
        if (frame === FRAME_PING) out.push("ping");
        else if (frame === FRAME_BROKEN) return [...out, "broken"];
        else if (frame === FRAME_MESSAGE)
          out.push(
            message.parse(framer.bytes, framer.start, framer.end, true) === PARSE_OK
              ? "message"
              : "message that cannot be read",
          );
      }
    }
  return out;
}

describe("a report about a stream", () => {
  it("t1-split-anywhere", () => {
    const once = octetsOf("t1-split-anywhere");
    const twice = new Uint8Array([...once, ...once]);
    for (let at = 0; at <= twice.length; at++)
      expect(framed([twice.slice(0, at), twice.slice(at)])).toEqual(["message", "message"]);
    expect(framed([...twice].map((octet) => new Uint8Array([octet])))).toEqual(["message", "message"]);
  });

  it("t3-split-pings", () => {
    const MESSAGE = text(octetsOf("t1-split-anywhere"));
    const pieces = text(octetsOf("t3-split-pings"))
      .split("|")
      .map((piece) => piece.replace(/MSG\n?/, MESSAGE));
    expect(framed(pieces.map(octets))).toEqual(["ping", "ping", "ping", "ping", "message"]);
  });

  it("t4-nul-between-messages", () => {
    const whole = octetsOf("t4-nul-between-messages");
    for (let at = 0; at <= whole.length; at++) {
      const [first, second, ...more] = framed([whole.slice(0, at), whole.slice(at)]);
      // The message is found, or the connection is closed; it never hangs.
      expect([at, first, second !== undefined, more]).toEqual([at, "message", true, []]);
    }
  });

  it("t7-folded-length", () => {
    const once = octetsOf("t7-folded-length");
    const twice = new Uint8Array([...once, ...once]);
    for (let at = 0; at <= twice.length; at++)
      expect(framed([twice.slice(0, at), twice.slice(at)])).toEqual(["message", "message"]);
  });
});

/** @returns a single message, with our peer's address in the place of the recorded one */
function single(name: string): string {
  return readFileSync(join(import.meta.dirname, "conformance", name), "latin1")
    .replace(/\r?\n/g, "\r\n")
    .replace(/127\.0\.0\.1:22900/g, "10.9.9.9:5060")
    .replace(/127\.0\.0\.1:22150/g, "10.0.0.1:5060");
}

describe("a message that fell short at a server", () => {
  function redirect(): House {
    const house = new House();
    house.server.next = new Redirect(house.layer, house.memory, users(), { domains: [DOMAIN], jobs: 2 });
    return house;
  }

  const MESSAGES: [string, number][] = [
    ["redirect-unknown-scheme-options.sip", 416],
    ["redirect-416-for-bad-host.sip", 400],
  ];

  it.each(MESSAGES)("%s: %i of redirect server, registrar and proxies", (name, status) => {
    const stateless = new ProxyHouse();
    withoutState(stateless);
    for (const house of [redirect(), new House(), new ProxyHouse(), stateless])
      expect(brief(house.receive(single(name), "10.9.9.9:5060"))).toEqual([`${status} 10.9.9.9:5060`]);
  });

  it("redirect-unknown-scheme-invite.sip", () => {
    for (const house of [redirect(), new ProxyHouse()])
      expect(brief(house.receive(single("redirect-unknown-scheme-invite.sip"), "10.9.9.9:5060"))).toEqual([
        "416 10.9.9.9:5060",
      ]);
  });

  it("proxy-options-require.sip", () => {
    const [answer] = new ProxyHouse().receive(single("proxy-options-require.sip"), "10.9.9.9:5060");
    expect(answer.line).toBe("SIP/2.0 420 Bad Extension");
    expect(fields(answer.text, "Unsupported")).toEqual(["nothingSupportsThis"]);
  });

  it("proxy-180-one-via.sip", () => {
    const house = new ProxyHouse();
    house.bind("bob", "<sip:bob@10.0.0.3:5060>");
    const [invite] = house.sends({});
    const ringing = single("proxy-180-one-via.sip")
      .replace(/<the proxy's own Via[^>]*>/, field(invite.text, "Via"))
      .replace(
        /^(From|Call-ID|CSeq|To): <as in the INVITE>/gm,
        (_all, name: string) => `${name}: ${field(invite.text, name)}`,
      );
    expect(house.receive(ringing, "10.0.0.3:5060")).toEqual([]);
    house.pass(20_000);
    expect(brief(house.network.take())).toEqual([]);
    expect(house.layer.clients.used()).toBe(1);
  });
});
