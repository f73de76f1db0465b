/** Leads a world: measures the door's heap in a call. Prints `name value`. */
import type { Call } from "../../../src/ua/call.js";
import { lead, type Scenario, type Wait } from "./scenario.js";

const REST_MS = 40_000;

/** Whether only the first call is wanted. */
declare const ONCE: boolean | undefined;
/** The door's links to the house's systems (door.ts). */
declare const LINKS: string | undefined;
/** Syslog, the webhook and MQTT. */
const LINKS_MOST = 3;
/** Whether it is to be printed what lives, by class. */
declare const CENSUS: boolean | undefined;

function bytes(scenario: Scenario): number {
  const host = scenario.host;
  host.collect(0);
  return (host.slots(0) - host.baseSlots(0)) * host.slotBytes() + host.chunks(0) - host.baseChunks(0);
}

function active(scenario: Scenario): Call {
  const call = scenario.phone.ua.activeCall();
  if (call === null) throw new Error("the phone has no call");
  return call;
}

function* call(scenario: Scenario, talkMs: number): Generator<Wait> {
  scenario.door("press 1");
  yield { what: "the button's contact", ms: 30 };
  scenario.door("press 0");
  yield { what: "the door's call", ms: 5000, until: () => scenario.door("call confirmed") === 1 };
  yield { what: "talk", ms: talkMs };
}

lead(function* (scenario) {
  const { host } = scenario;
  yield { what: "the registration", ms: 5000, until: () => scenario.door("register registered") === 1 };
  host.print("base.slots " + host.baseSlots(0));
  host.print("base.chunks " + host.baseChunks(0));
  host.print("registered.bytes " + bytes(scenario));
  if (typeof ONCE !== "undefined" && ONCE) {
    const isLinked = typeof LINKS !== "undefined";
    yield* call(scenario, isLinked ? 5000 : 1000);
    if (isLinked && LINKS === "well" && scenario.door("linked") !== LINKS_MOST) throw new Error("a link does not work");
    if (typeof CENSUS !== "undefined" && CENSUS) {
      host.collect(0);
      host.census();
      return;
    }
    host.print("call.bytes " + bytes(scenario));
    host.print("call.slots " + (host.slots(0) - host.baseSlots(0)));
    host.print("call.chunks " + (host.chunks(0) - host.baseChunks(0)));
    return;
  }
  yield* call(scenario, 5000);
  if (typeof CENSUS !== "undefined" && CENSUS) {
    host.collect(0);
    host.census();
    return;
  }
  if (scenario.door("loudness") < 160 * 1000) throw new Error("the phone is not heard at the door");
  host.print("call.bytes " + bytes(scenario));
  host.print("call.slots " + (host.slots(0) - host.baseSlots(0)));
  host.print("call.chunks " + (host.chunks(0) - host.baseChunks(0)));
  const slots = host.slots(0);
  const chunks = host.chunks(0);
  const before = scenario.door("packets");
  // This is between two reports of RTCP and of the door, so only packets of sound remain.
  yield { what: "talk", ms: 1000 };
  host.print("sound.packets " + (scenario.door("packets") - before));
  host.print("sound.slots " + (host.slots(0) - slots));
  host.print("sound.chunks " + (host.chunks(0) - chunks));
  scenario.phone.ua.hangUp(active(scenario));
  yield { what: "the end", ms: 5000, until: () => scenario.door("call ended") === 1 };
  yield { what: "rest", ms: REST_MS };
  host.print("errors " + scenario.door("error"));
  host.print("stack.slots " + host.stackPeak(0));
});
