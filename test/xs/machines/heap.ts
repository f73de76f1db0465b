/** Leads: measures the door's heap in a call, and over a thousand calls. Prints `name value`. */
import { lead, type Scenario, type Wait } from "./scenario.js";

const CALLS = 1000;
/** After a call its transactions and dialogs stay for 32 s: until they are gone the next one would need more room. */
const REST_MS = 40_000;

/** Set where the first call is all that is wanted. */
declare const ONCE: boolean | undefined;

function bytes(scenario: Scenario): number {
  const host = scenario.host;
  host.collect(0);
  return (host.slots(0) - host.baseSlots(0)) * host.slotBytes() + host.chunks(0) - host.baseChunks(0);
}

function* call(scenario: Scenario, number: number, talkMs: number): Iterator<Wait> {
  const { phone } = scenario;
  scenario.door("press 1");
  yield { what: "the button's contact", ms: 30 };
  scenario.door("press 0");
  yield { what: "the door's call " + number, ms: 5000, until: () => scenario.door("call confirmed") === number };
  yield { what: "talk", ms: talkMs };
  const active = phone.ua.activeCall();
  if (active === null) throw new Error("the phone has no call");
}

function* hangUp(scenario: Scenario, number: number): Iterator<Wait> {
  const active = scenario.phone.ua.activeCall();
  if (active !== null) scenario.phone.ua.hangUp(active);
  yield { what: "the end of call " + number, ms: 5000, until: () => scenario.door("call ended") === number };
  yield { what: "rest", ms: REST_MS };
}

lead(function* (scenario) {
  const { host } = scenario;
  yield { what: "the registration", ms: 5000, until: () => scenario.door("register registered") === 1 };
  host.print("base.slots " + host.baseSlots(0));
  host.print("base.chunks " + host.baseChunks(0));
  host.print("registered.bytes " + bytes(scenario));
  if (typeof ONCE !== "undefined" && ONCE) {
    yield* call(scenario, 1, 1000) as Generator<Wait>;
    host.print("call.bytes " + bytes(scenario));
    host.print("call.slots " + (host.slots(0) - host.baseSlots(0)));
    host.print("call.chunks " + (host.chunks(0) - host.baseChunks(0)));
    return;
  }
  yield* call(scenario, 1, 5000) as Generator<Wait>;
  if (scenario.door("loudness") < 160 * 1000) throw new Error("the phone is not heard at the door");
  host.print("call.bytes " + bytes(scenario));
  host.print("call.slots " + (host.slots(0) - host.baseSlots(0)));
  host.print("call.chunks " + (host.chunks(0) - host.baseChunks(0)));
  let slots = host.slots(0);
  let chunks = host.chunks(0);
  const before = scenario.door("packets");
  // Between two reports of RTCP and of the door: what is left are packets of sound.
  yield { what: "talk", ms: 1000 };
  host.print("sound.packets " + (scenario.door("packets") - before));
  host.print("sound.slots " + (host.slots(0) - slots));
  host.print("sound.chunks " + (host.chunks(0) - chunks));
  yield* hangUp(scenario, 1) as Generator<Wait>;
  for (let number = 2; number <= CALLS; number++) {
    yield* call(scenario, number, 100) as Generator<Wait>;
    yield* hangUp(scenario, number) as Generator<Wait>;
    if (number === 10 || number === 100 || number === CALLS) {
      host.collect(0);
      slots = host.slots(0) - host.baseSlots(0);
      chunks = host.chunks(0) - host.baseChunks(0);
      host.print("after." + number + ".slots " + slots);
      host.print("after." + number + ".chunks " + chunks);
    }
  }
  host.print("errors " + scenario.door("error"));
  host.print("stack.slots " + host.stackPeak(0));
});
