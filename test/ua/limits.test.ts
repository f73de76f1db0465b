/**
 * Tests every table of a plain board at its limit, one below and one above, in each order: important entries are kept,
 * or the other side is told.
 */
import { describe, expect, it } from "vitest";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { SDP_MEDIA_MOST } from "../../src/wire/sdp.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const TYPE = "Content-Type: application/sdp";
const MOST = 400;

/** Makes an addr-spec of so many octets. */
function uriOf(octets: number, host = PHONE): string {
  const rest = `sip:@${host}`.length;
  return `sip:${"c".repeat(octets - rest)}@${host}`;
}

function routes(count: number, octets: number): string[] {
  return Array.from({ length: count }, (_, i) => `Record-Route: <${uriOf(octets - 5, `10.0.0.${20 + i}`)};lr>`);
}

class Stage {
  readonly world = new World();
  readonly door = new Agent(this.world, DOOR, {}, DOOR_LIMITS);
  readonly peer = new Peer(this.world, PHONE);

  /** The last Record-Route of the answer names this address (last octet): it is the first to be visited. */
  firstHop = "";

  /** Lists the requests of that method, to all addresses. */
  sent(method: string): string[] {
    return this.world.log.filter((line) => line.includes(` ${method} `));
  }

  calls(more: string[], order: (lines: string[]) => string[] = (lines) => lines): string {
    this.door.call(`sip:bob@${PHONE}`);
    this.world.run(5);
    const [invite] = this.peer.got("INVITE");
    const copied = ["Via", "From", "To", "Call-ID", "CSeq"].flatMap((name) =>
      headers(invite, name).map((value) => `${name}: ${value}${name === "To" ? ";tag=b" : ""}`),
    );
    const lines = order([...copied, ...more, TYPE]);
    const last = lines.filter((line) => line.startsWith("Record-Route")).at(-1);
    this.firstHop = /@10\.0\.0\.(\d+);/.exec(last ?? "")?.[1] ?? "";
    this.peer.send(DOOR, ["SIP/2.0 200 OK", ...lines], sdpOf(PHONE));
    this.world.run(5);
    return this.door.last();
  }

  hangsUp(): void {
    this.door.timers.nowMs = this.world.nowMs;
    const call = this.door.ua.activeCall();
    if (call !== null) this.door.ua.hangUp(call);
    this.world.run(5);
  }

  asks(method: string, cseq: number, more: string[], body = "", tag = "", order = (lines: string[]) => lines): string {
    this.peer.inbox.length = 0;
    const lines = [
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${method}${cseq}`,
      "Max-Forwards: 70",
      `From: <sip:bob@${PHONE}>;tag=b`,
      `To: <sip:door@${DOOR}>${tag}`,
      "Call-ID: limits",
      `CSeq: ${cseq} ${method}`,
      ...more,
      ...(body === "" ? [] : [TYPE]),
    ];
    this.peer.send(DOOR, [`${method} sip:door@${DOOR} SIP/2.0`, ...order(lines)], body);
    this.world.run(5);
    return this.peer.inbox.find((message) => message.startsWith("SIP/2.0") && !message.includes(" 100 ")) ?? "";
  }
}

const ORDERS: [string, (lines: string[]) => string[]][] = [
  ["in the usual order", (lines) => lines],
  ["backwards", (lines) => [...lines].reverse()],
  ["from the middle on", (lines) => [...lines.slice(lines.length >> 1), ...lines.slice(0, lines.length >> 1)]],
];

describe.each(ORDERS)("a Contact in a 200, the fields %s,", (_words, order) => {
  it.each([180, 192, 193, 250, 300, MOST - 1, MOST])("of %i octets is kept: ACK and BYE go to it", (octets) => {
    for (const more of [[], routes(2, 100)]) {
      const s = new Stage();
      const uri = uriOf(octets, "10.0.0.9");
      expect(s.calls([...more, `Contact: <${uri}>`], order)).toBe("call confirmed");
      s.hangsUp();
      const to = s.firstHop === "" ? "9" : s.firstHop;
      expect(s.sent("ACK")).toEqual([`1>${to} ACK ${uri}`]);
      expect(s.sent("BYE")).toEqual([`1>${to} BYE ${uri}`]);
    }
  });

  it.each([MOST + 1, 600])("of %i octets ends the call with a word, with ACK and BYE to it", (octets) => {
    const s = new Stage();
    const uri = uriOf(octets, "10.0.0.9");
    expect(s.calls([`Contact: <${uri}>`], order)).toBe("call ended cause no-room");
    s.world.run(10);
    expect(s.sent("ACK")).toEqual([`1>9 ACK ${uri}`]);
    expect(s.sent("BYE")).toEqual([`1>9 BYE ${uri}`]);
    expect(s.door.ua.dialogs.used()).toBeLessThanOrEqual(1);
  });
});

describe("a Contact in what the other side asks", () => {
  it.each([MOST - 1, MOST])("of %i octets is kept, of an INVITE, a re-INVITE and an UPDATE", (octets) => {
    const s = new Stage();
    s.door.autoAnswer = true;
    const answer = s.asks("INVITE", 1, [`Contact: <${uriOf(180)}>`], sdpOf(PHONE));
    expect(answer).toMatch(/^SIP\/2.0 180/);
    const tag = `;tag=${/;tag=(.*)/.exec(header(answer, "To"))?.[1]}`;
    s.asks("ACK", 1, [], "", tag);
    expect(s.asks("INVITE", 2, [`Contact: <${uriOf(octets, "10.0.0.8")}>`], sdpOf(PHONE), tag)).toMatch(
      /^SIP\/2.0 200/,
    );
    s.asks("ACK", 2, [], "", tag);
    const last = uriOf(octets, "10.0.0.7");
    expect(s.asks("UPDATE", 3, [`Contact: <${last}>`], "", tag)).toMatch(/^SIP\/2.0 200/);
    s.hangsUp();
    expect(s.sent("BYE")).toEqual([`1>7 BYE ${last}`]);
  });

  it("that is longer is refused, and the call stays where it was", () => {
    const s = new Stage();
    s.door.autoAnswer = true;
    expect(s.asks("INVITE", 1, [`Contact: <${uriOf(MOST + 1)}>`], sdpOf(PHONE))).toMatch(/^SIP\/2.0 513/);
    const answer = s.asks("INVITE", 2, [`Contact: <${uriOf(50)}>`], sdpOf(PHONE));
    const tag = `;tag=${/;tag=(.*)/.exec(header(answer, "To"))?.[1]}`;
    s.asks("ACK", 2, [], "", tag);
    for (const method of ["INVITE", "UPDATE"])
      expect(s.asks(method, 3, [`Contact: <${uriOf(MOST + 1)}>`], sdpOf(PHONE), tag)).toMatch(/^SIP\/2.0 (513|500)/);
    s.hangsUp();
    expect(s.sent("BYE")).toEqual([`1>2 BYE ${uriOf(50)}`]);
  });
});

describe("a Contact in a redirection", () => {
  it.each([100, 300, MOST])("of %i octets is called", (octets) => {
    const s = new Stage();
    s.door.call(`sip:bob@${PHONE}`);
    s.world.run(5);
    const uri = uriOf(octets, "10.0.0.9");
    s.peer.respond(DOOR, s.peer.got("INVITE")[0], "302 There", "b", [`Contact: <${uri}>`]);
    s.world.run(5);
    expect(s.sent("INVITE").at(-1)).toBe(`1>9 INVITE ${uri}`);
  });
});

describe("routes", () => {
  it("are all kept, or the call ends with a word: at each number and length, with whatever Contact", () => {
    const seen = new Set<string>();
    for (const contact of [40, 200, MOST])
      for (let count = 0; count <= 8; count++)
        for (const octets of [40, 60, 80, 100, 200]) {
          const s = new Stage();
          const uri = uriOf(contact, "10.0.0.9");
          const last = s.calls([...routes(count, octets), `Contact: <${uri}>`]);
          s.hangsUp();
          s.world.run(10);
          const to = count === 0 ? "9" : `${20 + count - 1}`;
          const way = [`1>${to} ACK ${uri}`, `1>${to} BYE ${uri}`];
          // The ACK goes past the routes if they are too long even for it.
          const straight = [`1>2 ACK ${uri}`, `1>2 BYE ${uri}`];
          const went = [...s.sent("ACK"), ...s.sent("BYE")];
          if (last === "call confirmed") expect([count, octets, went]).toEqual([count, octets, way]);
          else expect([count, octets, [way, straight]]).toEqual([count, octets, expect.arrayContaining([went])]);
          seen.add(last);
        }
    expect([...seen].sort()).toEqual(["call confirmed", "call ended cause no-room"]);
  });
});

describe("header fields", () => {
  const rows = DOOR_LIMITS.headerRows;
  it.each(ORDERS)("%s: as many as there are rows are taken, one more is told", (_words, order) => {
    for (const [count, status] of [
      [rows - 1, 180],
      [rows, 180],
      [rows + 1, 513],
      [rows + 30, 513],
    ]) {
      const s = new Stage();
      const more = [`Contact: <sip:bob@${PHONE}>`];
      // The message has seven more fields, with that of the length.
      const filled = [...more, ...Array.from({ length: count - 9 }, (_, i) => `X-${i}: ${i}`)];
      const answer = s.asks("INVITE", 1, filled, sdpOf(PHONE), "", order);
      expect([count, answer.slice(8, 11)]).toEqual([count, `${status}`]);
      expect(header(answer, "CSeq")).toBe("1 INVITE");
      expect(header(answer, "Call-ID")).toBe("limits");
    }
  });
});

describe("codecs and media", () => {
  const OTHERS = Array.from({ length: 126 }, (_, i) => i).filter((type) => type !== 0 && type !== 8 && type !== 101);

  it.each([24, 25, 26, 64, 120])("PCMU is found in place %i, telephone-event in any other", (place) => {
    for (const events of [0, place, 120]) {
      const formats = [...OTHERS.slice(0, 121)];
      formats.splice(place - 1, 0, 0);
      formats.splice(events, 0, 101);
      const s = new Stage();
      s.door.autoAnswer = true;
      s.asks("INVITE", 1, [`Contact: <sip:bob@${PHONE}>`], sdpOf(PHONE, 20000, formats.join(" ")));
      const body = bodyOf(s.peer.got("SIP/2.0 200")[0] ?? "");
      expect([place, events, /m=audio \d+ RTP\/AVP (.*)/.exec(body)?.[1]]).toEqual([place, events, "0 101"]);
    }
  });

  it.each([1, 8, 9, SDP_MEDIA_MOST - 1, SDP_MEDIA_MOST])(
    "of %i media the one that can be is taken, wherever it stands",
    (count) => {
      for (const place of new Set([0, count >> 1, count - 1])) {
        const s = new Stage();
        s.door.autoAnswer = true;
        const all = Array.from({ length: count }, (_, i) =>
          i === place
            ? "m=audio 20000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000"
            : `m=video ${30000 + i} RTP/AVP 96`,
        );
        const head = sdpOf(PHONE).split("m=audio")[0];
        s.asks("INVITE", 1, [`Contact: <sip:bob@${PHONE}>`], head + all.join("\r\n") + "\r\n");
        const lines = bodyOf(s.peer.got("SIP/2.0 200")[0] ?? "")
          .split("\r\n")
          .filter((line) => line.startsWith("m="));
        expect(lines.map((line) => line.split(" ")[1] !== "0")).toEqual(all.map((_, i) => i === place));
      }
    },
  );

  it("of more media than are kept, none: 488", () => {
    const s = new Stage();
    const all = Array.from({ length: SDP_MEDIA_MOST }, (_, i) => `m=video ${30000 + i} RTP/AVP 96`);
    const answer = s.asks("INVITE", 1, [`Contact: <sip:bob@${PHONE}>`], sdpOf(PHONE) + all.join("\r\n") + "\r\n");
    expect(answer).toMatch(/^SIP\/2.0 488/);
  });
});
