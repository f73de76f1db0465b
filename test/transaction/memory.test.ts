import { expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { METHOD_INVITE, METHOD_OPTIONS } from "../../src/wire/names.js";
import { perStep, stepsMade } from "../heap.js";
import { SmallRandom } from "../random.js";
import { Harness, PEER, request, responseTo } from "./harness.js";

function quiet(): Harness {
  const h = new Harness({ t1Ms: 5, t4Ms: 50 }, new SmallRandom());
  h.layer.setLocal(ipv4("10.0.0.1"), 5060, 5060);
  h.user.onRequest = (t) => {
    t.owner = null;
    t.reply(200);
  };
  h.user.onResponse = () => {};
  h.network.remember = false;
  return h;
}

const PEER_IP = ipv4(PEER);

it("sees what is allocated", () => {
  const kept: object[] = [{}];
  expect(
    perStep((i) => {
      kept.push({ i });
    }),
  ).toBeGreaterThan(12);
});

it("makes nothing for a keep-alive", () => {
  const h = quiet();
  const ping = octets("\r\n\r\n");
  h.opened(5, PEER + ":40000");
  expect(
    perStep(() => {
      h.layer.receiveDatagram(PEER_IP, 5060, ping, 0, 4);
      h.layer.receiveStream(5, ping, 0, 4);
    }),
  ).toBeLessThan(1);
  expect(h.layer.counters.keepAlives).toBe(2 * stepsMade());
  expect(h.network.count).toBe(stepsMade());
});

it("makes nothing for an OPTIONS and its response, to the end of the transaction", () => {
  const h = quiet();
  const options = octets(request({ method: "OPTIONS" }));
  expect(
    perStep(() => {
      h.layer.receiveDatagram(PEER_IP, 5060, options, 0, options.length);
      h.timers.poll(h.timers.nowMs + 320);
    }),
  ).toBeLessThan(1);
  expect(h.network.count).toBe(stepsMade());
  expect(h.layer.servers.used()).toBe(0);
});

it("makes nothing for an OPTIONS over TCP", () => {
  const h = quiet();
  h.opened(5, PEER + ":40000");
  const options = octets(request({ method: "OPTIONS", via: "SIP/2.0/TCP 10.0.0.2;branch=z9hG4bK1" }));
  expect(
    perStep(() => {
      h.layer.receiveStream(5, options, 0, options.length);
      h.timers.poll(h.timers.nowMs + 1);
    }),
  ).toBeLessThan(1);
  expect(h.network.count).toBe(stepsMade());
});

it("makes nothing for requests and responses sent again", () => {
  const h = quiet();
  h.send(METHOD_INVITE);
  const options = octets(request({ method: "OPTIONS" }));
  h.layer.receiveDatagram(PEER_IP, 5060, options, 0, options.length);
  const before = h.network.count;
  expect(perStep(() => h.layer.receiveDatagram(PEER_IP, 5060, options, 0, options.length))).toBeLessThan(1);
  expect(h.network.count - before).toBe(stepsMade());
});

it("makes nothing for a request of ours, its repetition, its response and its end", () => {
  const h = quiet();
  const uri = octets("sip:bob@10.0.0.2");
  const rest = octets(
    "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n",
  );
  // The response is the request's own head with another first line; only the branch changes.
  h.network.remember = true;
  h.send(METHOD_OPTIONS);
  const response = octets(responseTo(h.network.take()[0].text, 200));
  h.network.remember = false;
  h.pass(40000);
  const branchAt = indexOf(response, octets("z9hG4bK")) + 7;
  let ended = 0;
  h.user.onTerminated = () => {
    ended += 1;
  };
  expect(
    perStep(() => {
      const t = h.layer.client(h.user);
      if (t === null) return;
      const w = t.beginRequest(METHOD_OPTIONS, uri, 0, uri.length);
      w.put(rest);
      t.target.set(1, PEER_IP, 5060, -1);
      t.sendRequest();
      h.timers.poll(h.timers.nowMs + 5);
      const from = indexOf(t.buffer, octetsOfCookie) + 7;
      for (let i = 0; i < 16; i++) response[branchAt + i] = t.buffer[from + i];
      h.layer.receiveDatagram(PEER_IP, 5060, response, 0, response.length);
      h.timers.poll(h.timers.nowMs + 50);
    }),
  ).toBeLessThan(1);
  expect(ended).toBe(stepsMade());
  expect(h.layer.counters.stray).toBe(0);
});

const octetsOfCookie = octets("z9hG4bK");

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let i = 0; i + part.length <= bytes.length; i++) {
    let same = 0;
    while (same < part.length && bytes[i + same] === part[same]) same += 1;
    if (same === part.length) return i;
  }
  return -1;
}
