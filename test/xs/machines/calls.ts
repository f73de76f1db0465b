/**
 * Leads a world: a registration with a password, a call with its sound, a door code, hold and resume, the end; then an
 * incoming call of 10,000 packets.
 */
import { octets } from "../../../src/core/bytes.js";
import type { Call } from "../../../src/ua/call.js";
import { check, lead, type Scenario, type Wait } from "./scenario.js";

const PACKETS = 10_000;
const CODE = octets("1234");

function active(scenario: Scenario): Call {
  const call = scenario.phone.ua.activeCall();
  if (call === null) throw new Error("the phone has no call");
  return call;
}

lead(function* (scenario): Generator<Wait> {
  const { phone, host } = scenario;
  const door = (line: string) => scenario.door(line);
  yield { what: "the registration", ms: 5000, until: () => door("register registered") === 1 };
  check(phone.asked === 1 && phone.registered === 1, "the door answers a challenge once");
  host.print("registration");

  door("press 1");
  yield { what: "the button's contact", ms: 30 };
  door("press 0");
  yield { what: "the call", ms: 5000, until: () => door("call confirmed") === 1 };
  yield { what: "sound", ms: 2000 };
  check(door("loudness") > 160 * 4000, "the phone is heard at the door");
  check(active(scenario).media.receivedPackets() > 90, "the door is heard at the phone");
  host.print("call");

  active(scenario).media.sendDigits(CODE, 0, CODE.length);
  yield { what: "the relay", ms: 5000, until: () => door("relay on") === 1 };
  yield { what: "the relay's end", ms: 5000, until: () => door("relay off") > 0 };
  host.print("dtmf");

  phone.ua.hold(active(scenario), true);
  yield { what: "hold", ms: 5000, until: () => door("call held") === 1 };
  yield { what: "silence", ms: 1000 };
  const held = active(scenario).media.receivedPackets();
  yield { what: "silence", ms: 1000 };
  check(active(scenario).media.receivedPackets() === held, "who is held sends nothing");
  phone.ua.hold(active(scenario), false);
  yield { what: "resume", ms: 5000, until: () => door("call confirmed") === 2 };
  yield { what: "sound", ms: 1000 };
  check(active(scenario).media.receivedPackets() > held + 40, "the sound goes on");
  host.print("hold");

  phone.ua.hangUp(active(scenario));
  yield { what: "the end", ms: 5000, until: () => door("call ended") === 1 };
  check(phone.ua.activeCall() === null, "both sides have ended");
  host.print("hang-up");
  yield { what: "rest", ms: 40_000 };

  check(phone.ua.call("sip:door@10.0.0.1") !== null, "the phone calls");
  yield { what: "the call that comes", ms: 5000, until: () => door("call confirmed") === 3 };
  yield { what: "packets", ms: PACKETS * 25, until: () => active(scenario).media.receivedPackets() >= PACKETS };
  check(active(scenario).media.lostPackets() === 0, "none is lost at the phone");
  yield { what: "packets at the door", ms: 1000 };
  phone.ua.hangUp(active(scenario));
  yield { what: "the second end", ms: 5000, until: () => door("call ended") === 2 };
  check(door("error") === 0, "the door had no error");
  host.print("packets");
});
