/**
 * Tests proxies that send calls to each other in circles: how many messages come of one call. RFC 3261 §16.3 step 4,
 * RFC 5393 §3
 */
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { home } from "./house.js";
import { ask, ProxyHouse, STRANGER } from "./proxied.js";

const A = "10.0.0.1";
const B = "10.0.0.20";

/** Proxies on one network, where the caller is the only other party. */
class Ring {
  readonly houses = new Map<string, ProxyHouse>();
  /** The number of messages from proxy to proxy, by method, and the answers to the caller. */
  readonly sent = new Map<string, number>();
  readonly answers: string[] = [];

  constructor() {
    for (const [i, ip] of [A, B].entries())
      this.houses.set(ip, new ProxyHouse({}, [], null, { ...home(), ip, seed: 7 * i }));
  }

  at(ip: string): ProxyHouse {
    return this.houses.get(ip) as ProxyHouse;
  }

  /** Binds a user of that proxy to all those contacts. */
  bind(ip: string, user: string, ...contacts: string[]): void {
    for (const contact of contacts) this.at(ip).bind(user, "<sip:" + contact + ">");
  }

  call(ip: string, message: string): void {
    for (const { network } of this.houses.values()) network.take();
    const bytes = octets(message);
    this.at(ip).layer.receiveDatagram(ipv4(STRANGER.split(":")[0]), 5060, bytes, 0, bytes.length);
    this.pump();
    for (let ms = 0; ms < 400_000; ms += 100) {
      for (const house of this.houses.values()) house.pass(100);
      this.pump();
    }
  }

  private pump(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const [from, { network, layer }] of this.houses) {
        for (const { id } of network.asked.splice(0)) layer.resolved(id, ipv4(A), 5060);
        for (const { to, text, line } of network.take()) {
          const ip = to.split(" ")[1].split(":")[0];
          const bytes = octets(text);
          if (ip === STRANGER.split(":")[0]) this.answers.push(line.slice(8, 11));
          const house = this.houses.get(ip);
          if (house === undefined) continue;
          const method = line.startsWith("SIP/2.0") ? "response" : line.split(" ")[0];
          this.sent.set(method, (this.sent.get(method) ?? 0) + 1);
          house.layer.receiveDatagram(ipv4(from), 5060, bytes, 0, bytes.length);
          isBusy = true;
        }
      }
    }
  }

  isIdle(): boolean {
    return [...this.houses.values()].every((house) => house.isIdle());
  }
}

/** Makes users who are bound to each other, at two proxies. */
function crossed(ring: Ring, ...places: ((one: string, other: string) => string)[]): void {
  for (const [one, other] of [
    [A, B],
    [B, A],
  ])
    for (const user of ["alice", "bob"]) ring.bind(one, user, ...places.map((place) => place(one, other)));
}

describe("a call to somebody who is", () => {
  test.each<[string, (ring: Ring) => void, string, invites: number, answer: string]>([
    // The call goes around once: the request that comes back the second time has the same Request-URI.
    [
      "at another proxy, where he is here",
      (ring) => {
        ring.bind(A, "bob", "bob@" + B);
        ring.bind(B, "bob", "bob@" + A);
      },
      "",
      3,
      "482",
    ],
    [
      "himself, by three names",
      (ring) => ring.bind(A, "bob", "bob@" + A, "bob@example.org", "bob@" + A + ";x=y"),
      "",
      4,
      "482",
    ],
    // RFC 5393 §3 counts 2^70 requests for this case.
    [
      "himself and somebody else, who is that too",
      (ring) => {
        ring.bind(A, "bob", "alice@" + A, "bob@" + A);
        ring.bind(A, "alice", "alice@" + A, "bob@" + A);
      },
      "",
      10,
      "482",
    ],
    [
      "two at another proxy, who are both of them here",
      (ring) =>
        crossed(
          ring,
          (_, other) => "alice@" + other,
          (_, other) => "bob@" + other,
        ),
      "",
      30,
      "482",
    ],
    // 60 shared by four is 15, by four again 3, by four again none: 4 and 16.
    [
      "everybody everywhere",
      (ring) =>
        crossed(
          ring,
          (one) => "alice@" + one,
          (one) => "bob@" + one,
          (_, other) => "alice@" + other,
          (_, other) => "bob@" + other,
        ),
      "",
      20,
      "440",
    ],
    [
      "everybody everywhere, for a caller who wants more",
      (ring) =>
        crossed(
          ring,
          (one) => "alice@" + one,
          (one) => "bob@" + one,
          (_, other) => "alice@" + other,
          (_, other) => "bob@" + other,
        ),
      "Max-Breadth: 255\r\n",
      20,
      "440",
    ],
  ])("%s ends, after few messages", (_, bind, extra, invites, answer) => {
    const ring = new Ring();
    bind(ring);
    ring.call(A, ask({ extra: "Contact: <sip:zoe@10.9.9.9>\r\n" + extra }));
    expect(ring.sent.get("INVITE")).toBe(invites);
    expect(ring.sent.get("ACK")).toBe(invites);
    expect(new Set(ring.answers)).toEqual(new Set(["100", answer]));
    expect(ring.isIdle()).toBe(true);
  });
});
