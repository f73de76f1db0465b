/**
 * Makes each optional field of an INVITE odd in many ways: the door rings all the same, and a proxy sends the request
 * on without what is odd. RFC 3261 §8.2.2, §16.3
 */
import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { ask, BOB, brief, ProxyHouse, withoutState } from "../server/proxied.js";
import { Agent, Peer, sdpOf, World } from "../ua/harness.js";
import { ODDITIES, oddly, wrongIn } from "./odd.js";

const NEEDLESS = [
  "Max-Forwards",
  "Date",
  "Subject",
  "User-Agent",
  "Server",
  "Warning",
  "Reason",
  "Priority",
  "Organization",
  "X-Odd",
];
/** Fields that are read if they can be; otherwise the request is treated as if they were not there. */
const READ = ["Expires", "Session-Expires", "Min-SE", "Call-Info", "Alert-Info", "Supported", "Allow"];
/** Control characters in a field are refused. */
const CONTROLS = ["with a NUL", "with a bell", "with a lone CR"];

function invite(): string {
  const body = sdpOf("10.0.0.2");
  return [
    "INVITE sip:door@10.0.0.1 SIP/2.0",
    "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKodd",
    "Max-Forwards: 70",
    "From: <sip:bob@10.0.0.2>;tag=b",
    "To: <sip:door@10.0.0.1>",
    "Call-ID: odd",
    "CSeq: 1 INVITE",
    "Contact: <sip:bob@10.0.0.2>",
    "Content-Type: application/sdp",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

function answer(message: string): string {
  const world = new World();
  const door = new Agent(world, "10.0.0.1");
  const peer = new Peer(world, "10.0.0.2");
  world.send(peer.ip, 5060, door.ip, 5060, octets(message));
  world.run(5);
  return (peer.inbox[0] ?? "").slice(8, 11);
}

describe("an INVITE of which a field is odd that nobody needs,", () => {
  it.each([...NEEDLESS, ...READ])("%s: rings at the door", (name) => {
    for (const [how, message] of oddly(invite(), name)) {
      const isRefused = CONTROLS.includes(how) && READ.includes(name);
      expect([name, how, answer(message)]).toEqual([name, how, isRefused ? "400" : "180"]);
    }
  });

  it.each(NEEDLESS)("%s: goes on through the proxy, with state and without, but for what is odd", (name) => {
    for (const isStateless of [false, true]) {
      const count = Object.keys(ODDITIES).length;
      for (let i = 0; i < count; i++) {
        const h = new ProxyHouse();
        h.bind("bob", "<sip:bob@10.0.0.3:5060>");
        if (isStateless) withoutState(h);
        const [how, message] = oddly(ask({}), name)[i];
        const sent = h.receive(message, "10.9.9.9:5060").filter(({ line }) => !line.startsWith("SIP/2.0 100"));
        // The proxy has to know how far the request may go.
        const isCounted = name !== "Max-Forwards" || /left out|lower case|folded|without its/.test(how);
        expect([how, brief(sent)]).toEqual([how, [isCounted ? `INVITE ${BOB}` : "400 10.9.9.9:5060"]]);
        expect([how, wrongIn(sent[0].text)]).toEqual([how, ""]);
      }
    }
  });
});
