/**
 * Leads a world: everything that can happen to a door in a call happens once, so that each wake's cost can be read: a
 * registration with a password, a call of the button, the code, hold from either side, a second caller, OPTIONS, the
 * console, the end; then a call that comes.
 */
import { octets } from "../../../src/core/bytes.js";
import type { Call } from "../../../src/ua/call.js";
import { check, lead, type Scenario, type Wait } from "./scenario.js";

const CODE = octets("1234");
const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8 101\r\n" +
  "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

/** Commands that a person or the host tool may give while the door talks. */
const CONSOLE = [
  "help",
  "help set",
  "get",
  "get --json",
  "get sip.user",
  "set audio.volume 60",
  "diff",
  "diff --json",
  "save",
  "status",
  "status --json",
  "stats",
  "limits",
  "calls",
  "log",
  "log --json",
  "trace",
  "trace pcap",
  "bindings",
  "dtmf 5",
  "open 1",
  "version",
  "no-such-command",
];

function active(scenario: Scenario): Call {
  const call = scenario.phone.ua.activeCall();
  if (call === null) throw new Error("the phone has no call");
  return call;
}

/** Sends a request of a stranger from the phone's address. */
function send(scenario: Scenario, method: string, body: string): void {
  const head =
    method +
    " sip:door@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKother" +
    method +
    "\r\nMax-Forwards: 70\r\nFrom: <sip:other@10.0.0.2>;tag=o1\r\nTo: <sip:door@10.0.0.1>\r\nCall-ID: other@10.0.0.2\r\nCSeq: 1 " +
    method +
    "\r\nContact: <sip:other@10.0.0.2:5060>\r\n" +
    (body === "" ? "" : "Content-Type: application/sdp\r\n") +
    "Content-Length: " +
    body.length +
    "\r\n\r\n";
  const bytes = octets(head + body);
  scenario.host.send(5060, 0, 5060, bytes, 0, bytes.length);
}

lead(function* (scenario): Generator<Wait> {
  const { phone } = scenario;
  const door = (line: string) => scenario.door(line);
  let before = 0;
  // Sets a mark with the door's bytecodes since the last one.
  const mark = (what: string) => {
    const meter = scenario.host.meter(0);
    scenario.host.print("spent " + ((meter - before) & 0x3fffffff));
    before = meter;
    scenario.host.print("mark " + what);
  };
  mark("registration");
  yield { what: "the registration", ms: 5000, until: () => door("register registered") === 1 };
  mark("rest");

  mark("OPTIONS");
  send(scenario, "OPTIONS", "");
  yield { what: "OPTIONS", ms: 1000 };

  mark("call of the button");
  door("press 1");
  yield { what: "the button's contact", ms: 30 };
  door("press 0");
  yield { what: "the call", ms: 5000, until: () => door("call confirmed") === 1 };
  mark("sound");
  yield { what: "sound", ms: 2000 };
  check(door("loudness") > 160 * 4000, "the phone is heard at the door");

  mark("code");
  active(scenario).media.sendDigits(CODE, 0, CODE.length);
  yield { what: "the relay", ms: 5000, until: () => door("relay on") === 1 };
  yield { what: "the relay's end", ms: 5000, until: () => door("relay off") > 0 };

  mark("held by the phone");
  phone.ua.hold(active(scenario), true);
  yield { what: "hold", ms: 5000, until: () => door("call held") === 1 };
  yield { what: "silence", ms: 500 };
  phone.ua.hold(active(scenario), false);
  yield { what: "resume", ms: 5000, until: () => door("call confirmed") === 2 };

  mark("held by the door");
  door("line hold");
  yield { what: "hold", ms: 500 };
  door("line resume");
  yield { what: "resume", ms: 500 };

  mark("second caller");
  send(scenario, "INVITE", SDP);
  yield { what: "the second caller", ms: 1000 };

  for (const line of CONSOLE) {
    mark("console");
    door("line " + line);
    yield { what: line, ms: 500 };
  }

  mark("rest before the hang-up");
  yield { what: "rest", ms: 500 };
  mark("hang-up");
  phone.ua.hangUp(active(scenario));
  yield { what: "the end", ms: 5000, until: () => door("call ended") === 1 };
  mark("rest after the hang-up");
  yield { what: "rest", ms: 40_000 };

  mark("call that comes");
  check(phone.ua.call("sip:door@10.0.0.1") !== null, "the phone calls");
  yield { what: "the call that comes", ms: 5000, until: () => door("call confirmed") === 3 };
  mark("sound of the call that came");
  yield { what: "sound", ms: 500 };
  mark("hang-up by the door");
  door("line hangup");
  yield { what: "the second end", ms: 5000, until: () => door("call ended") === 2 };
  check(door("error") === 0, "the door had no error");
});
