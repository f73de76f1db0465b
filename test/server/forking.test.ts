/**
 * Tests calls to users with several phones, each of which acts at its own time: what the caller hears, and that no
 * phone rings on. RFC 3261 §16.7
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { runs } from "../runs.js";
import { field, fields, responseTo, type Sent } from "../transaction/harness.js";
import { ask, ProxyHouse, STRANGER } from "./proxied.js";

const TICK_MS = 250;
const RING_MS = 10_000;

interface Habit {
  isLow: boolean;
  /** The time from the INVITE until the phone rings, and from then until it answers, in ticks; -1 for never. */
  rings: number;
  answers: number;
  status: number;
}

/** A phone, with its actions and the responses it heard. */
class Phone {
  readonly habit: Habit;
  readonly address: string;
  private readonly h: ProxyHouse;
  private readonly tag: string;
  invite = "";
  invitedMs = -1;
  endedMs = -1;
  /** The last response, repeated for an INVITE that comes again. */
  private last = "";
  isCancelled = false;
  final = 0;
  hasRung = false;
  rangMs = 0;
  readonly faults: string[] = [];

  constructor(h: ProxyHouse, number: number, habit: Habit) {
    this.h = h;
    this.habit = habit;
    this.tag = "b" + number;
    this.address = "10.0.1." + number + ":5060";
  }

  hear(message: string): Sent[] {
    const [method] = message.split(" ");
    if (method === "INVITE" && this.invite === "") {
      this.invite = message;
      this.invitedMs = this.h.timers.nowMs;
      return [];
    }
    if (method === "INVITE") return this.last === "" ? [] : this.say(this.last);
    if (method !== "CANCEL") return [];
    if (this.final !== 0 && !this.isCancelled) this.faults.push("cancelled after its answer");
    const ok = this.say(responseTo(message, 200, this.tag));
    if (this.final !== 0) return ok;
    this.isCancelled = true;
    return [...ok, ...this.end(487)];
  }

  tick(): Sent[] {
    if (this.invite === "" || this.final !== 0) return [];
    const { rings, answers, status } = this.habit;
    const ticks = (this.h.timers.nowMs - this.invitedMs) / TICK_MS;
    if (!this.hasRung && rings >= 0 && ticks >= rings) {
      this.hasRung = true;
      this.rangMs = this.h.timers.nowMs;
      return this.say(responseTo(this.invite, 180, this.tag));
    }
    const from = Math.max(rings, 0);
    return answers >= 0 && ticks >= from + answers ? this.end(status) : [];
  }

  private end(status: number): Sent[] {
    this.final = status;
    this.endedMs = this.h.timers.nowMs;
    return this.say(responseTo(this.invite, status, this.tag, status < 300 ? "Contact: <sip:bob@10.0.1.1>\r\n" : ""));
  }

  private say(message: string): Sent[] {
    this.last = message;
    return this.h.receive(message, this.address);
  }
}

const habit = fc.record({
  isLow: fc.boolean(),
  rings: fc.constantFrom(-1, 0, 0, 1, 3),
  answers: fc.constantFrom(-1, 0, 1, 5, 20, 60),
  status: fc.constantFrom(200, 200, 302, 404, 480, 486, 503, 603, 600),
});

test("a caller hears each 2xx, or one refusal; and no phone rings on", () => {
  const heard = new Set<string>();
  fc.assert(
    fc.property(fc.array(habit, { minLength: 1, maxLength: 4 }), fc.option(fc.nat(80)), (habits, cancelAt) => {
      const h = new ProxyHouse({ ringMs: RING_MS });
      const phones = habits.map((one, i) => new Phone(h, i + 1, one));
      for (const { address, habit } of phones)
        h.bind("bob", "<sip:bob@" + address + ">" + (habit.isLow ? ";q=0.5" : ""));
      const request = ask({ branch: "z9hG4bKfork", callId: "fork" });
      /** The To tags by status, in the order in which they came. */
      const finals: string[] = [];
      let isCancelling = false;
      const deliver = (sent: readonly Sent[]): void => {
        const waiting = [...sent];
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const { to, text, line } = next;
          const address = to.split(" ")[1];
          if (address === STRANGER) {
            const status = Number(line.slice(8, 11));
            if (status < 200 || !field(text, "CSeq").endsWith("INVITE")) continue;
            const what = (status < 300 ? "2xx " : status + " ") + field(text, "To").split("tag=")[1];
            if (!finals.includes(what)) finals.push(what);
            expect(fields(text, "Via").length).toBe(1);
            if (status >= 300)
              waiting.push(
                ...h.receive(
                  request.replace(/INVITE/g, "ACK").replace("To: <sip:bob@example.org>", "To: " + field(text, "To")),
                  STRANGER,
                ),
              );
          } else {
            const phone = phones.find((one) => one.address === address);
            if (phone !== undefined && !line.startsWith("SIP/2.0")) waiting.push(...phone.hear(text));
          }
        }
      };
      deliver(h.receive(request, STRANGER));
      for (let tick = 1; tick < 2000; tick++) {
        h.pass(TICK_MS);
        deliver(h.network.take());
        for (const phone of phones) deliver(phone.tick());
        if (tick === cancelAt) {
          isCancelling = finals.length === 0;
          deliver(h.receive(request.replace(/INVITE/g, "CANCEL"), STRANGER));
        }
      }
      const answered = phones.filter(({ final }) => final >= 200 && final < 300);
      const oks = finals.filter((one) => one.startsWith("2xx"));
      const refusals = finals.filter((one) => !one.startsWith("2xx"));
      for (const one of finals) heard.add(one.split(" ")[0]);
      // Each 2xx goes through, and nothing else is sent after it. Without a 2xx there is one refusal.
      if (answered.length > 0) {
        expect(oks.length).toBe(answered.length);
        expect(refusals).toEqual([]);
      } else expect(finals.length).toBe(1);
      if (phones.some(({ final }) => final >= 600) && answered.length === 0 && !isCancelling)
        expect(finals[0]).toMatch(/^6/);
      // A phone that answers for all ends the other calls: at once, or as soon as they ring.
      const decidedMs = Math.min(
        ...phones.filter(({ final }) => (final >= 200 && final < 300) || final >= 600).map(({ endedMs }) => endedMs),
      );
      for (const { hasRung, endedMs, rangMs } of phones)
        if (hasRung) expect(endedMs).toBeLessThanOrEqual(Math.max(decidedMs, rangMs) + TICK_MS);
      for (const phone of phones) {
        expect(phone.faults).toEqual([]);
        // No phone rings on: each that rang has answered or was told to stop.
        if (phone.hasRung) expect(phone.final).not.toBe(0);
      }
      // Phones of a lower q ring when the others have ended, or have rung for their time.
      const high = phones.filter(({ habit }) => !habit.isLow);
      for (const { habit, invitedMs } of phones)
        if (habit.isLow && invitedMs >= 0)
          for (const one of high)
            if (one.final === 0 || one.endedMs > invitedMs)
              expect(invitedMs - one.invitedMs).toBeGreaterThanOrEqual(RING_MS);
      expect(h.isIdle()).toBe(true);
    }),
    { seed: 3261, numRuns: runs(2000) },
  );
  expect([...heard].sort()).toEqual(
    expect.arrayContaining(["2xx", "302", "404", "408", "480", "486", "487", "500", "603"]),
  );
});
