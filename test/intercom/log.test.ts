import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { Timers } from "../../src/core/timers.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import type { EventFields, EventName, EventValues } from "../../src/intercom/events.js";
import { Log } from "../../src/intercom/log.js";
import { Record } from "../../src/settings/record.js";
import { part } from "../runs.js";
import { anyText } from "../texts.js";

/** Holds a door's day: events with a time, and what the log makes of them. */
class Diary {
  readonly timers = new Timers(4);
  readonly passed: string[] = [];
  writes = 0;
  epochAtStartS = 1_795_425_978;
  readonly store: MemoryStore;
  isInCall = false;
  readonly log: Log;

  constructor(store = new MemoryStore(), most = 10, mostBytes = 4000) {
    this.store = store;
    const write = store.write.bind(store);
    store.write = (key, value) => {
      this.writes += 1;
      write(key, value);
    };
    const next = { event: (name: string, value: string) => void this.passed.push(name + " " + value) };
    const clock = {
      isInCall: () => this.isInCall,
      epochS: () => (this.epochAtStartS === 0 ? 0 : this.epochAtStartS + Math.round(this.timers.nowMs / 1000)),
    };
    this.log = new Log({
      next,
      timers: this.timers,
      clock,
      record: new Record(store, "log"),
      mostEntries: most,
      mostBytes,
    });
    this.log.load();
  }

  /** @param extra the event's fields as name, value, name, value, … */
  after<N extends EventName>(seconds: number, name: N, value: EventValues[N], ...extra: (string | number)[]): this {
    this.timers.poll(this.timers.nowMs + seconds * 1000);
    const fields: { [name: string]: string | number } = {};
    for (let i = 0; i < extra.length; i += 2) fields[extra[i]] = extra[i + 1];
    this.log.event(name, value, fields as EventFields[N]);
    return this;
  }

  call(peer: string, duration: number, reason: string): this {
    return this.after(1, "call", "calling", "direction", "out", "peer", peer)
      .after(1, "audio", "both", "sent", 50, "packets", 50, "lost", 2, "late", 1, "jitter", 3)
      .after(duration, "call", "ended", "direction", "out", "reason", reason, "duration", duration);
  }

  lines(name = ""): string[] {
    return this.log.text(name).split("\n").slice(0, -1);
  }
}

describe("the log", () => {
  it("tells calls with whom, how long, why they ended and how they sounded", () => {
    const diary = new Diary().call("sip:flat@192.0.2.7", 12, "hung up there");
    expect(diary.lines("call")).toEqual([
      "2026-11-23 09:26:32Z call out sip:flat@192.0.2.7: 12 s, hung up there; sound both, lost 2, late 1, jitter 3 ms",
    ]);
    diary.after(1, "call", "ringing", "direction", "in", "peer", "sip:who@x");
    diary.after(5, "call", "ended", "direction", "in", "reason", "given up by the caller", "duration", 0);
    expect(diary.lines("call")[1]).toBe("2026-11-23 09:26:38Z call in sip:who@x: given up by the caller");
  });

  it("tells openings, wrong codes, alarms and each change of the registration, but no digit", () => {
    const diary = new Diary()
      .after(1, "dtmf", "4", "duration", 100, "by", "rtp")
      .after(1, "relay", "on", "relay", 1, "reason", "code")
      .after(1, "error", "wrong door code", "tries", 1, "by", "rtp")
      .after(1, "door", "forced")
      .after(1, "register", "registered", "expires", 60)
      .after(30, "register", "registered", "expires", 60)
      .after(30, "register", "failed", "reason", "no answer from the server", "code", 0);
    expect(diary.lines().map((line) => line.slice(21))).toEqual([
      "start",
      "open relay 1: code",
      "error wrong door code, by rtp",
      "door forced",
      "register registered",
      "register failed: no answer from the server",
    ]);
  });

  it("cuts a long caller rather than the text that says what to do", () => {
    const peer = "sip:" + "caller.".repeat(40) + "@192.0.2.7";
    const reason = "anybody could read its keys on the way: let it use TLS, or set media.encryptionClear on";
    const diary = new Diary().after(1, "call", "refused", "direction", "in", "peer", peer, "reason", reason);
    diary.after(1, "call", "refused", "direction", "in", "peer", "a b".repeat(60), "reason", reason, "untold", 4321);
    const [first, second] = diary.lines("call");
    expect(first).toMatch(/^.{21}call refused sip:caller\.caller\.[a-z.]+: /);
    expect(first).toContain(`"${reason}"`);
    expect(second).toMatch(/call refused "a ba b[^"]+": "anybody.*"; and 4321 others$/);
    diary.call(peer, 5, "x".repeat(40));
    expect(diary.lines("call")[2]).toMatch(/: 5 s, x{40}; sound both, lost 2, late 1, jitter 3 ms$/);
    for (const line of diary.lines("call")) expect(line.length).toBeLessThanOrEqual(21 + 160);
  });

  it("passes every event on", () => {
    const diary = new Diary().after(1, "dtmf", "4").after(1, "led", "open");
    expect(diary.passed).toEqual(["dtmf 4", "led open"]);
  });

  it("counts what happens again and again in one entry", () => {
    const diary = new Diary();
    for (let i = 0; i < 100; i++) diary.after(30, "error", "the network is gone");
    expect(diary.lines().map((line) => line.slice(21))).toEqual(["start", "error the network is gone (100 times)"]);
  });

  it("keeps the last entries when there is no room, and none of them too long", () => {
    const diary = new Diary();
    for (let i = 0; i < 20; i++) diary.after(1, "error", `${i} ${"x".repeat(500)}`);
    expect(diary.lines()).toHaveLength(10);
    expect(diary.lines()[0]).toContain("error 10 ");
    for (const line of diary.lines()) expect(line.length).toBeLessThanOrEqual(21 + 160);
  });

  it("is there after a restart, with the restart in it", () => {
    const diary = new Diary().call("sip:flat@192.0.2.7", 12, "hung up there");
    diary.log.flush();
    const next = new Diary(diary.store);
    expect(next.lines("call")).toEqual(diary.lines("call"));
    expect(next.lines().filter((line) => line.endsWith("start"))).toHaveLength(2);
  });

  it("keeps the youngest entries over a restart when the store takes no more octets", () => {
    const diary = new Diary(new MemoryStore(), 10, 200);
    for (let i = 0; i < 6; i++) diary.after(1, "error", i + " \u00e9".repeat(30));
    diary.log.flush();
    for (const key of ["log.a", "log.b"]) {
      const kept = diary.store.read(key) ?? "";
      expect(Buffer.byteLength(kept.slice(kept.indexOf("\n") + 1))).toBeLessThanOrEqual(200);
    }
    const next = new Diary(diary.store, 10, 200);
    expect(next.lines("error")).toEqual(diary.lines("error").slice(-1));
  });

  it("writes at most once a minute, and only when there is news", () => {
    const diary = new Diary();
    for (let i = 0; i < 600; i++) diary.after(1, "error", "mistake " + i);
    expect(diary.writes).toBeLessThanOrEqual(10);
    const before = diary.writes;
    diary.timers.poll(diary.timers.nowMs + 60_000);
    expect(diary.writes).toBe(before + 1);
    diary.timers.poll(diary.timers.nowMs + 3_600_000);
    diary.log.flush();
    expect(diary.writes).toBe(before + 1);
  });

  it("does not write in a call, but at its end", () => {
    const diary = new Diary().after(61, "error", "before");
    const before = diary.writes;
    diary.after(1, "call", "calling", "direction", "out", "peer", "sip:flat@192.0.2.7");
    diary.isInCall = true;
    diary.after(5, "relay", "on", "relay", 1, "reason", "code").after(500, "relay", "on", "relay", 1, "reason", "code");
    expect(diary.writes).toBe(before);
    diary.isInCall = false;
    diary.after(1, "call", "ended", "direction", "out", "reason", "hung up", "duration", 505);
    expect(diary.writes).toBe(before);
    diary.timers.poll(diary.timers.nowMs + 1000);
    expect(diary.writes).toBe(before + 1);
    expect(new Diary(diary.store).lines("open")).toHaveLength(2);
  });

  it("waits ten minutes for it, from the first entry on, and then ten more; a restart does not wait", () => {
    const diary = new Diary();
    diary.isInCall = true;
    diary.timers.poll(diary.timers.nowMs + 61_000);
    const before = diary.writes;
    const starts = diary.timers.nowMs;
    diary.after(1, "relay", "on", "relay", 1, "reason", "code");
    for (let s = 0; s < 537; s++) diary.after(1, "error", "mistake " + s);
    expect(diary.writes).toBe(before);
    diary.timers.poll(starts + 540_000);
    expect(diary.writes).toBe(before + 1);
    diary.after(1, "error", "one more");
    diary.timers.poll(diary.timers.nowMs + 599_000);
    expect(diary.writes).toBe(before + 1);
    diary.log.flush();
    expect(diary.writes).toBe(before + 2);
  });

  it("waits for a second call that follows within the second after the first", () => {
    const diary = new Diary();
    diary.isInCall = true;
    diary.after(70, "call", "ended", "direction", "in", "reason", "x", "duration", 1);
    const before = diary.writes;
    diary.timers.poll(diary.timers.nowMs + 2000);
    expect(diary.writes).toBe(before);
    diary.isInCall = false;
    diary.after(1, "call", "ended", "direction", "in", "reason", "x", "duration", 1);
    diary.timers.poll(diary.timers.nowMs + 1000);
    expect(diary.writes).toBe(before + 1);
  });

  it("goes on when the store fails, and without a time of day counts from the start", () => {
    const diary = new Diary();
    diary.epochAtStartS = 0;
    diary.store.write = () => {
      throw new Error("flash is full");
    };
    diary.after(90, "door", "left-open").after(90, "relay", "on", "relay", 2, "reason", "exit");
    expect(diary.lines().slice(1)).toEqual(["+90 s door left-open", "+180 s open relay 2: exit"]);
  });

  it("takes the place of a newer firmware's", () => {
    const store = new MemoryStore();
    store.write("log.a", "portero 3 9 of another kind\n");
    const diary = new Diary(store).after(1, "door", "left-open");
    diary.log.flush();
    expect(new Diary(store).lines("door")).toHaveLength(1);
  });

  it("begins anew when what was kept is damaged", () => {
    const diary = new Diary().call("sip:flat@192.0.2.7", 12, "hung up there");
    diary.log.flush();
    for (const key of ["log.a", "log.b"]) diary.store.write(key, (diary.store.read(key) ?? "").replace("flat", "flot"));
    expect(new Diary(diary.store).lines("call")).toEqual([]);
  });

  it("does not lose an opening, a wrong code or an alarm to calls, however many there are, nor any of them to another", () => {
    const kinds: [string, (diary: Diary, i: number) => void][] = [
      ["open relay 1: code", (d) => d.after(1, "relay", "on", "relay", 1, "reason", "code")],
      ["error wrong door code, by rtp", (d) => d.after(1, "error", "wrong door code", "tries", 1, "by", "rtp")],
      ["error door codes are locked", (d) => d.after(1, "error", "door codes are locked", "seconds", 300)],
      [
        "error wrong call.password, from 192.0.2.66",
        (d) => d.after(1, "error", "wrong call.password", "address", "192.0.2.66", "peer", "sip:x@y", "wait", 0),
      ],
      ["error wrong console password", (d) => d.after(1, "error", "wrong console password", "seconds", 1)],
      ["door forced", (d) => d.after(1, "door", "forced")],
      ["register failed: 403 Forbidden", (d) => d.after(1, "register", "failed", "reason", "403 Forbidden")],
    ];
    const floods: ((diary: Diary, i: number) => void)[] = [
      (d, i) => d.call(`"\u00e9${i}" <sip:${"x".repeat(i % 90)}@192.0.2.7>`, i, `${400 + i} ${"Nope ".repeat(i % 9)}`),
      (d, i) => d.after(1, "error", "wrong door code", "tries", 1, "by", ["rtp", "info", "message"][i % 3]),
      (d, i) => d.after(1, "relay", "on", "relay", 1 + (i % 2), "reason", "code"),
      (d, i) => d.after(1, "door", i % 2 === 0 ? "forced" : "left-open"),
    ];
    for (const [entry, happen] of kinds.slice(0, 6)) {
      for (const flood of floods) {
        const probe = new Diary();
        flood(probe, 1);
        const isSameKind = [entry, probe.lines().at(-1)!.slice(21)].map(roomOf);
        if (isSameKind[0] === isSameKind[1]) continue;
        const diary = new Diary(new MemoryStore(), DOOR_LIMITS.logEntries, DOOR_LIMITS.logBytes);
        happen(diary, 0);
        for (let i = 0; i < 200; i++) flood(diary, i);
        expect(diary.lines().map((line) => line.slice(21))).toContain(entry);
        expect(diary.lines().length).toBeLessThanOrEqual(DOOR_LIMITS.logEntries);
        diary.log.flush();
        expect(new Diary(diary.store, 24, 1900).lines().map((line) => line.slice(21))).toContain(entry);
      }
    }
  });

  it("gives room that nobody needs to whatever happens", () => {
    const diary = new Diary(new MemoryStore(), 24, 1900);
    for (let i = 0; i < 40; i++) diary.after(1, "relay", "on", "relay", 1, "reason", "code");
    // Each entry has its own time: the start is the only other one.
    expect(diary.lines("open")).toHaveLength(23);
    for (let i = 0; i < 40; i++) diary.call("sip:flat@192.0.2.7", i, "hung up there");
    expect(diary.lines("open")).toHaveLength(6);
    expect(diary.lines("call")).toHaveLength(18);
  });

  it("keeps what fits into its octets, whatever happened in which order", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom("relay", "error", "door", "call", "register"),
            fc.constantFrom("on", "wrong door code", "forced", "ended", "failed", "left-open", "x"),
            anyText(200),
          ),
          { maxLength: 80 },
        ),
        (happenings) => {
          const diary = new Diary(new MemoryStore(), 24, 1900);
          for (const [name, value, text] of happenings)
            diary.after(1, name, value, "reason", text, "peer", text, "relay", 1, "direction", "in", "duration", 0);
          diary.log.flush();
          for (const key of ["log.a", "log.b"]) {
            const kept = diary.store.read(key) ?? "";
            expect(Buffer.byteLength(kept.slice(kept.indexOf("\n") + 1))).toBeLessThanOrEqual(1900);
          }
          const before = diary.lines();
          expect(before.length).toBeLessThanOrEqual(24);
          const after = new Diary(diary.store, 24, 1900).lines();
          // Each entry is one line, and comes back as it was, in its order.
          let at = -1;
          for (const line of after.slice(0, -1)) {
            at = before.indexOf(line, at + 1);
            expect(at).toBeGreaterThanOrEqual(0);
          }
        },
      ),
      { seed: 15, numRuns: part(8, 200) },
    );
  });
});

/** Tells which room an entry has. */
function roomOf(entry: string): string {
  if (/^error (wrong|door codes)/.test(entry)) return "codes";
  return entry.split(" ")[0];
}
