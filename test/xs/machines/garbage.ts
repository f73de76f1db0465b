/**
 * Leads a world: measures the garbage of calls, and when the engine has to collect it, on a machine that is confined to
 * a board's memory. A collection in a call would be heard, so the door starts it at rest. Prints `name value`.
 */
import { lead, type Wait } from "./scenario.js";

const CALLS = 3;
const MINUTE_MS = 60_000;

/** The memory that a board's manifest gives: slots, and octets of chunks. */
declare const ROOM: readonly [number, number];

lead(function* (scenario): Generator<Wait> {
  const { host, phone } = scenario;
  host.confine(0, ROOM[0], ROOM[1]);
  yield { what: "the registration", ms: 5000, until: () => scenario.door("register registered") === 1 };
  yield { what: "rest", ms: MINUTE_MS };
  const slots = () => host.slots(0) - host.baseSlots(0);
  const chunks = () => host.chunks(0) - host.baseChunks(0);
  let inCalls = 0;
  for (let number = 1; number <= CALLS; number++) {
    const before = host.collections(0);
    const takenSlots = slots();
    const takenChunks = chunks();
    scenario.door("press 1");
    yield { what: "the button's contact", ms: 30 };
    scenario.door("press 0");
    yield { what: "the door's call", ms: 5000, until: () => scenario.door("call confirmed") === number };
    // The first event about the sound comes 5 s later.
    yield { what: "talk", ms: 6000 };
    const isLast = number === CALLS;
    if (isLast) {
      host.print("begin.slots " + (slots() - takenSlots));
      host.print("begin.chunks " + (chunks() - takenChunks));
    }
    const atSlots = slots();
    const atChunks = chunks();
    yield { what: "talk", ms: MINUTE_MS };
    if (isLast) {
      host.print("minute.slots " + (slots() - atSlots));
      host.print("minute.chunks " + (chunks() - atChunks));
      host.print("left.slots " + (ROOM[0] - slots()));
      host.print("left.chunks " + (ROOM[1] - chunks()));
    }
    inCalls += host.collections(0) - before;
    const active = phone.ua.activeCall();
    if (active === null) throw new Error("the phone has no call");
    phone.ua.hangUp(active);
    yield { what: "the end", ms: 5000, until: () => scenario.door("call ended") === number };
    yield { what: "rest", ms: MINUTE_MS };
  }
  host.print("collections.call " + inCalls);
  host.print("collections.all " + host.collections(0));
  host.print("errors " + scenario.door("error"));
});
