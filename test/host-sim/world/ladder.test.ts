import { describe, expect, it } from "vitest";
import { headline, Ladder } from "../../../host-sim/world/ladder.js";
import { octets } from "../../../src/core/bytes.js";
import { StunBinding } from "../../../src/wire/stun.js";
import { SeededRandom } from "../../random.js";
import { carried } from "./carried.js";

const INVITE =
  "INVITE sip:phone@192.0.2.2 SIP/2.0\r\nCSeq: 1 INVITE\r\nc: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
const OK = "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n";
const BUSY = "SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n\r\n";

class Screen {
  readonly lines: string[] = [];
  readonly ladder: Ladder;

  constructor(width = 60, colour = false) {
    this.ladder = new Ladder((line) => this.lines.push(line), width, colour);
    this.ladder.name("192.0.2.1", 5060, "door");
    this.ladder.name("192.0.2.2", 5060, "phone");
  }

  /** @param hosts last octets of the addresses, "1>2" */
  show(tMs: number, hosts: string, message: string, isTcp = false): this {
    const [from, to] = hosts.split(">");
    const bytes = octets("xx" + message + "x");
    const whole = carried(tMs, "192.0.2." + from + ":5060", "192.0.2." + to + ":5060", bytes, isTcp);
    this.ladder.message({ ...whole, start: 2, end: bytes.length - 1 });
    return this;
  }
}

describe("the ladder", () => {
  it("has a column a party, and an arrow in the direction of each message", () => {
    const screen = new Screen().show(12, "1>2", INVITE).show(1500, "2>1", OK);
    expect(screen.lines.length).toBe(3);
    expect(screen.lines[1]).toMatch(/^ {3}0\.012 \|-+ INVITE sip:phone@192\.0\.2\.2 \(SDP\) -+>\|$/);
    expect(screen.lines[2]).toMatch(/^ {3}1\.500 \|<-+ 200 OK INVITE \(SDP\) -+\|$/);
    expect(screen.lines[1].length).toBe(screen.lines[2].length);
    expect(screen.lines[0]).toMatch(/^ {9}door +phone$/);
    expect(screen.lines[0].length).toBe(screen.lines[1].length);
  });

  it("adds a column for a party that comes later, and passes over those between", () => {
    const screen = new Screen(100).show(0, "1>2", INVITE).show(10, "2>3", INVITE).show(20, "3>1", BUSY);
    expect(screen.lines[2]).toMatch(/^ {9}door +phone +192\.0\.2\.3:5060$/);
    expect(screen.lines[3]).toMatch(/^ {3}0\.010 \| +\|-+ INVITE .* -+>\|$/);
    expect(screen.lines[4]).toMatch(/^ {3}0\.020 \|<-+ 486 Busy Here INVITE -+\|$/);
    for (const line of screen.lines) expect(line.length).toBeLessThanOrEqual(100);
  });

  it("marks what goes the same way again, octet for octet", () => {
    const screen = new Screen(90).show(0, "1>2", INVITE).show(500, "1>2", INVITE).show(600, "2>1", INVITE);
    screen.show(700, "1>2", INVITE.replace("CSeq: 1", "CSeq: 2"));
    expect(screen.lines.slice(1).map((line) => line.includes("(again)"))).toEqual([false, true, false, false]);
  });

  it("never is wider than the terminal, however long a target is", () => {
    const long = INVITE.replace("phone@", "a".repeat(300) + "@");
    for (const width of [20, 40, 60, 80, 200]) {
      const screen = new Screen(width).show(0, "1>2", long).show(1, "1>2", long);
      for (const line of screen.lines) expect(line.length).toBeLessThanOrEqual(Math.max(40, width));
      expect(screen.lines[1]).toContain(" INVITE sip");
      expect(screen.lines[1]).toContain("(SDP) -");
      expect(screen.lines[2]).toContain("(again) -");
    }
  });

  it.each([60, 80, 100, 132])("cuts the name of nobody: five parties on %d columns", (width) => {
    const screen = new Screen(width);
    const names = ["door", "phone", "192.168.100.201:5081", "192.168.100.202:5091", "server.of.the.house"];
    screen.ladder.name("192.0.2.3", 5060, names[2]);
    screen.ladder.name("192.0.2.4", 5060, names[3]);
    screen.ladder.name("192.0.2.5", 5060, names[4]);
    for (const [i, hosts] of ["1>2", "2>3", "3>4", "4>5"].entries()) screen.show(i, hosts, BUSY);
    const heads = screen.ladder.heads();
    const columns = Math.min(5, 1 + Math.floor((width - 10) / 17));
    for (const name of names.slice(0, columns)) expect(heads.join("\n")).toContain(name);
    for (const line of heads) expect(line.length).toBeLessThanOrEqual(width);
    for (const [i, name] of names.slice(0, columns).entries()) {
      const line = heads.find((one) => one.includes(name))!;
      const around = line.slice(Math.max(0, line.indexOf(name) - 1), line.indexOf(name) + name.length + 1);
      expect(around.trim(), `${i}`).toBe(name);
    }
  });

  it("follows the terminal when its width changes, and names the columns anew", () => {
    const screen = new Screen(120).show(0, "1>2", INVITE);
    screen.ladder.resize(50);
    screen.show(1, "2>1", OK);
    expect(screen.lines[2]).toMatch(/^ {9}door +phone$/);
    expect(screen.lines[2].length).toBe(50);
    for (const line of screen.lines.slice(2)) expect(line.length).toBeLessThanOrEqual(50);
  });

  it("keeps the last messages with their octets, as many as there is memory for", () => {
    const screen = new Screen().show(0, "1>2", INVITE);
    expect(Buffer.from(screen.ladder.rungs[0].bytes).toString()).toBe(INVITE);
    for (let i = 0; i < 3000; i++) screen.show(i, "1>2", INVITE.replace("CSeq: 1", `CSeq: ${i}`));
    expect(screen.ladder.rungs).toHaveLength(2000);
    for (let i = 0; i < 100; i++) screen.show(i, "2>1", OK + "x".repeat(60_000) + i);
    expect(screen.ladder.rungs.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(4_000_000);
    expect(screen.lines.length).toBeGreaterThan(3000);
  });

  it("says who spoke to whom in words when there are too many parties", () => {
    const screen = new Screen(60);
    for (let i = 2; i < 8; i++) screen.show(i, "1>" + i, BUSY);
    expect(screen.lines.at(-1)).toBe("   0.007 door -> 192.0.2.7:5060: 486 Busy Here INVITE");
  });

  it("keeps to the terminal in words, too", () => {
    const screen = new Screen(60).show(0, "1>1", INVITE.replace("phone@", "a".repeat(3000) + "@"));
    for (const line of screen.lines) expect(line.length).toBeLessThanOrEqual(60);
    expect(screen.lines.at(-1)).toMatch(/door -> door: INVITE sip:a+\.\..*\(SDP\)$/);
  });

  it("goes on with its columns when strangers knock from ever new ports", () => {
    const screen = new Screen(80).show(0, "1>2", INVITE);
    const knock = octets("OPTIONS sip:a SIP/2.0\r\n\r\n");
    for (let i = 0; i < 5000; i++) {
      screen.ladder.message(carried(i, "203.0.113.9:" + (10000 + i), "192.0.2.1:5060", knock));
    }
    screen.show(9000, "1>2", INVITE.replace("CSeq: 1", "CSeq: 2"));
    expect(screen.lines.at(-1)).toMatch(/^ {3}9\.000 \|-+ INV.*\(SDP\) -+>\|/);
    expect(screen.lines).toContain("   4.999 203.0.113.9:14999 -> door: OPTIONS sip:a");
  });

  it("shows a message behind empty lines, which RFC 3261 §7.5 lets it have", () => {
    expect(new Screen().show(0, "1>2", "\r\n\r\n" + INVITE).lines[1]).toContain("INVITE sip:phone@192.0.2.2 (SDP)");
  });

  it("tells TCP, and passes over keep-alives", () => {
    const screen = new Screen(90).show(0, "1>2", "\r\n\r\n").show(0, "1>2", BUSY, true);
    expect(screen.lines.length).toBe(2);
    expect(screen.lines[1]).toContain("486 Busy Here INVITE (TCP)");
  });

  it("has colours only when they are wanted", () => {
    expect(new Screen(60, true).show(0, "1>2", INVITE).lines[1]).toContain("\u001b[36m");
    expect(new Screen(60).show(0, "1>2", INVITE).lines.join("")).not.toContain("\u001b");
  });

  it("lets no control character of a message reach the terminal", () => {
    const evil = new Screen(90).show(0, "1>2", "INV\u001b[2JITE sip:\u0007a SIP/2.0\r\n\r\n").lines[1];
    expect(evil).toContain("INV\\x1b[2JITE sip:\\x07a");
  });
});

describe("the headline of a message", () => {
  const of = (message: string) => headline(octets(message), 0, octets(message).length).text;

  it("is method and target, or status, reason and the CSeq's method", () => {
    expect(of(INVITE)).toBe("INVITE sip:phone@192.0.2.2 (SDP)");
    expect(of(OK)).toBe("200 OK INVITE (SDP)");
    expect(of("SIP/2.0 100\r\ncseq : 7 BYE\r\n\r\n")).toBe("100 BYE");
  });

  it("names SDP only when there is a body of that type", () => {
    expect(of(INVITE.replace("v=0\r\n", ""))).toBe("INVITE sip:phone@192.0.2.2");
    expect(of(INVITE.replace("application/sdp", "text/plain"))).toBe("INVITE sip:phone@192.0.2.2");
    const parts = "c: multipart/mixed;boundary=b\r\n\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n";
    expect(of("ACK sip:a SIP/2.0\r\n" + parts)).toBe("ACK sip:a (SDP)");
  });

  it("is found in what is no message, too", () => {
    expect(of("nonsense")).toBe("nonsense");
    expect(of("\r\n")).toBe("");
    expect(of("")).toBe("");
  });
});

it("Questions by STUN are no rungs", () => {
  const binding = new StunBinding();
  binding.begin(new SeededRandom(1));
  const { request } = binding;
  expect(headline(request, 0, request.length).text).toBe("");
});
