/** Tests what the server's log tells about calls, in which words and with which level. */
import { describe, expect, it } from "vitest";
import { CallLog } from "../../../host-sim/server/call-log.js";
import { isJournal, Log, type LogOptions } from "../../../host-sim/server/log.js";
import { ALICE, ask, BOB, field, fields, ProxyHouse, STRANGER, withoutState } from "../../server/proxied.js";

interface Logged {
  log: Log;
  lines: string[];
}

function logged(options: Partial<LogOptions> = {}, nowMs = (): number => 1000): Logged {
  const lines: string[] = [];
  const print = (line: string): number => lines.push(line);
  return { lines, log: new Log({ level: "info", isJson: false, isJournal: false, print, nowMs, ...options }) };
}

function house(options = {}): { h: ProxyHouse; lines: string[] } {
  const h = new ProxyHouse(options);
  const { log, lines } = logged({}, () => h.timers.nowMs);
  h.proxy.watcher = new CallLog(log, () => h.timers.nowMs);
  h.bind("bob", "<sip:bob@10.0.0.3:5060>", BOB);
  return { h, lines };
}

/** The lines without their time. */
const said = (lines: string[]): string[] => lines.map((line) => line.replace(/^ *[\d.]+ server /, ""));

describe("the log of calls", () => {
  it("has who called whom from where, the answer, and how long it lasted", () => {
    const { h, lines } = house();
    const [invite] = h.sends({ callId: "one" });
    h.pass(2000);
    h.answers(invite, 180);
    const [ok] = h.answers(invite, 200, "bb", "Contact: <sip:bob@10.0.0.3:5060>\r\n");
    h.pass(12_300);
    const route = fields(ok.text, "Record-Route")
      .map((value) => "Route: " + value + "\r\n")
      .join("");
    h.sends({
      method: "BYE",
      uri: "sip:bob@10.0.0.3:5060",
      to: field(ok.text, "To"),
      callId: "one",
      cseq: 2,
      extra: route,
    });
    expect(said(lines)).toEqual([
      "call began from=sip:zoe@elsewhere.net to=sip:bob@example.org address=udp:10.9.9.9:5060 id=one",
      "call answered from=sip:zoe@elsewhere.net to=sip:bob@example.org after=2 id=one",
      "call ended by=sip:zoe@elsewhere.net duration=12.3 id=one",
    ]);
  });

  it.each<[string, (h: ProxyHouse) => void, string]>([
    ["busy", (h) => h.answers(h.sends({ callId: "x" })[0], 486), "code=486"],
    ["nobody there", (h) => h.sends({ callId: "x" }), "code=408"],
    [
      "given up by the caller",
      (h) => {
        const [invite] = h.sends({ callId: "x", branch: "z9hG4bKgone" });
        h.answers(invite, 180);
        h.receive(ask({ method: "CANCEL", callId: "x", branch: "z9hG4bKgone" }), STRANGER);
        h.answers(invite, 487);
      },
      "code=487",
    ],
    ["no phone registered", (h) => h.sends({ callId: "x", uri: "sip:alice@example.org" }), "code=480"],
  ])("has each call that came to nothing, once: %s", (_what, happen, code) => {
    const { h, lines } = house();
    happen(h);
    h.pass(200_000);
    const failed = said(lines).filter((line) => line.startsWith("call failed"));
    expect(failed).toEqual([expect.stringMatching("^call failed " + code + " .* id=x$")]);
    expect(h.isIdle()).toBe(true);
    expect(said(lines).filter((line) => line.startsWith("call failed")).length).toBe(1);
  });

  it("has what was refused, with the address, and no question for a password", () => {
    const { h, lines } = house({ isClosed: true });
    h.sends({ callId: "a" });
    expect(said(lines)).toEqual([]);
    h.sends(
      { from: "<sip:alice@example.org>;tag=aa", callId: "b", uri: "sip:nobody@example.org" },
      ALICE,
      "alice",
      "secretA",
    );
    const refused = said(lines);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatch(
      /^request refused code=4\d\d address=udp:10\.0\.0\.2:5060 method=INVITE from=sip:alice@example.org to=/,
    );
  });

  it("has the calls of a proxy without state, whose answers it does not know", () => {
    const { h, lines } = house();
    const proxy = withoutState(h);
    const { log, lines: more } = logged();
    proxy.watcher = new CallLog(log, () => 0);
    h.sends({ callId: "free" });
    expect(said(more)).toEqual([expect.stringMatching(/^call began .* id=free$/)]);
    expect(lines).toEqual([]);
  });

  it("cannot be written into by a caller's name, and counts what is too much", () => {
    const { h, lines } = house();
    h.sends({ callId: "x address=1.2.3.4", from: '"a\u001b[2J\u202e" <sip:z@e.net;x=' + "y".repeat(400) + ">;tag=zz" });
    expect(lines.every((line) => !line.includes("\u001b") && !line.includes("\u202e") && line.length < 600)).toBe(true);
    for (let i = 0; i < 1000; i++) h.sends({ uri: "im:bob@example.org" });
    expect(lines.length).toBeLessThan(100);
    h.pass(10_000);
    h.sends({ uri: "im:bob@example.org" });
    expect(lines.at(-1)).toMatch(/ unlisted=9\d\d$/);
  });
});

describe("a level", () => {
  it("leaves out what is less grave", () => {
    for (const [level, count] of [
      ["error", 1],
      ["warning", 2],
      ["info", 3],
      ["debug", 4],
    ] as const) {
      const { log, lines } = logged({ level });
      for (const one of ["error", "warning", "info", "debug"] as const) log.tell(one, "x", "y");
      expect(lines.length, level).toBe(count);
    }
  });

  it("stands in each line of JSON, in others when it is not the usual one, and before those for systemd's journal", () => {
    const line = (options: Partial<LogOptions>, level: "warning" | "info"): string =>
      logged(options).log.line(level, "a", "b", { c: 1 });
    expect(JSON.parse(line({ isJson: true }, "info"))).toEqual({
      t: 1000,
      who: "server",
      event: "a",
      value: "b",
      c: 1,
      level: "info",
    });
    expect(line({}, "info")).toBe("   1.000 server a b c=1");
    expect(line({}, "warning")).toBe("   1.000 server a b c=1 level=warning");
    expect(line({ isJournal: true }, "warning")).toBe("<4>   1.000 server a b c=1");
    expect([isJournal({}), isJournal({ JOURNAL_STREAM: "8:12" })]).toEqual([false, true]);
  });
});
