/**
 * The octets that a registered, idle user agent allocates for each keep-alive: CRLF, and OPTIONS answered in a
 * transaction of its own.
 */
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { SmallRandom } from "../random.js";
import { Agent, World } from "../ua/harness.js";
import { bytesEach, type Result } from "./harness.js";

const FROM = ipv4("10.0.0.2");
const ROUND_MS = 40000;
const TIMES = 100000;

/** @returns bytes for each keep-alive, over 100,000 of each kind */
export function keepAliveBenchmarks(): Result[] {
  const agent = new Agent(new World(), "10.0.0.1", {}, DOOR_LIMITS, new SmallRandom());
  // The answer is counted, not kept: keeping it would be an allocation of the network.
  let sent = 0;
  agent.sendDatagram = () => {
    sent += 1;
    return true;
  };
  const layer = agent.ua.layer;
  const ping = octets("\r\n\r\n");
  const options = octets(
    "OPTIONS sip:door@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK00000000\r\nMax-Forwards: 70\r\n" +
      "From: <sip:s@10.0.0.2>;tag=1\r\nTo: <sip:door@10.0.0.1>\r\nCall-ID: k@10.0.0.2\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
  );
  const branchEnd = "OPTIONS sip:door@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK00000000".length;
  const crlf = () => layer.receiveDatagram(FROM, 5060, ping, 0, ping.length);
  const question = () => {
    for (let at = branchEnd - 1; ; at--) {
      if (options[at] < 0x39) {
        options[at] += 1;
        break;
      }
      options[at] = 0x30;
    }
    layer.receiveDatagram(FROM, 5060, options, 0, options.length);
    agent.timers.poll(agent.timers.nowMs + ROUND_MS);
    if (agent.timers.nowMs > 100000000) agent.timers.nowMs = 0;
  };
  const results = [
    { name: "keepalive.crlf", value: bytesEach(repeat(crlf), TIMES), unit: "bytes/message" },
    { name: "keepalive.options", value: bytesEach(repeat(question), TIMES), unit: "bytes/message" },
  ];
  if (sent === 0) throw new Error("no OPTIONS was answered");
  return results;
}

function repeat(once: () => void) {
  return {
    name: "keepalive",
    run: (times: number) => {
      for (let i = 0; i < times; i++) once();
      return times;
    },
  };
}
