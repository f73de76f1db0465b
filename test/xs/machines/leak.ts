/** Leads a world: makes many calls, and prints what the door holds after some of them, as `name value`. */
import { lead, type Wait } from "./scenario.js";

/** After a call its transactions and dialogs stay for 32 s; before they are gone the next call would need more room. */
const REST_MS = 40_000;
const TALK_MS = 100;
const DAY_MS = 86_400_000;

/** The number of calls. */
declare const CALLS: number;

lead(function* (scenario): Generator<Wait> {
  const { host, phone } = scenario;
  yield { what: "the registration", ms: 5000, until: () => scenario.door("register registered") === 1 };
  for (let number = 1; number <= CALLS; number++) {
    scenario.door("press 1");
    yield { what: "the button's contact", ms: 30 };
    scenario.door("press 0");
    yield { what: "the door's call " + number, ms: 5000, until: () => scenario.door("call confirmed") === number };
    yield { what: "talk", ms: TALK_MS };
    const active = phone.ua.activeCall();
    if (active === null) throw new Error("the phone has no call");
    phone.ua.hangUp(active);
    yield { what: "the end of call " + number, ms: 5000, until: () => scenario.door("call ended") === number };
    yield { what: "rest", ms: REST_MS };
    if (number !== 10 && number !== 100 && number !== CALLS) continue;
    host.collect(0);
    const name = number === CALLS ? "last" : "" + number;
    host.print(name + ".slots " + (host.slots(0) - host.baseSlots(0)));
    host.print(name + ".chunks " + (host.chunks(0) - host.baseChunks(0)));
  }
  host.print("days " + Math.round(host.now() / DAY_MS));
  host.print("stack.slots " + host.stackPeak(0));
  host.print("errors " + scenario.door("error"));
});
