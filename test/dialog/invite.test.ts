import { expect, it } from "vitest";
import { Agent, Peer, sdpOf, World } from "../ua/harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const ANSWER = ["Contact: <sip:bob@10.0.0.2>", "Content-Type: application/sdp"];
const BEFORE = ["Via", "Max-Forwards", "Route", "From", "To", "Call-ID", "CSeq", "Contact", "Supported"];
const BEHIND = ["Session-Expires", "Allow", "User-Agent", "Content-Type", "Content-Length"];

/** @returns the names of the header fields, in their order */
function names(message: string): string[] {
  const [head] = message.split("\r\n\r\n");
  return head
    .split("\r\n")
    .slice(1)
    .map((line) => line.split(":")[0]);
}

it("an INVITE has its header fields in one order: the first one, with credentials, and in a call that runs", () => {
  const world = new World();
  const a = new Agent(world, DOOR, { domain: PHONE, proxy: PHONE, user: "door", password: "p", sessionExpiresS: 1800 });
  const peer = new Peer(world, PHONE);
  a.call("sip:bob@10.0.0.2");
  world.run(20);
  const [first] = peer.got("INVITE");
  expect(first.split("\r\n")[0]).toBe("INVITE sip:bob@10.0.0.2 SIP/2.0");
  expect(names(first)).toEqual([...BEFORE, ...BEHIND]);
  peer.respond(DOOR, first, "401 Who", "", ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']);
  world.run(20);
  const second = peer.got("INVITE")[1];
  // With credentials there is no room for User-Agent in the usual size of a datagram.
  expect(names(second).filter((name) => name !== "User-Agent")).toEqual([
    ...BEFORE,
    "Authorization",
    ...BEHIND.filter((name) => name !== "User-Agent"),
  ]);
  peer.respond(DOOR, second, "200 OK", "t", ANSWER, sdpOf(PHONE));
  world.run(20);
  expect(a.last()).toBe("call confirmed");
  a.ua.hold(a.ua.calls[0], true);
  world.run(20);
  const third = peer.got("INVITE")[2];
  expect(third.split("\r\n")[0]).toBe("INVITE sip:bob@10.0.0.2 SIP/2.0");
  expect(third).toContain("a=sendonly\r\n");
  expect(names(third).filter((name) => name !== "Authorization")).toEqual([
    ...BEFORE.filter((name) => name !== "Route"),
    ...BEHIND.filter((name) => names(third).includes(name)),
  ]);
});

it("an INVITE tells the picture of who calls, a later one in the call does not", () => {
  const world = new World();
  const picture = "http://10.0.0.9/still.jpg?size=small";
  const a = new Agent(world, DOOR, { domain: PHONE, proxy: PHONE, user: "door", password: "p", picture });
  const peer = new Peer(world, PHONE);
  a.call("sip:bob@10.0.0.2");
  world.run(20);
  const [first] = peer.got("INVITE");
  expect(first).toContain(`\r\nCall-Info: <${picture}>;purpose=icon\r\n`);
  peer.respond(DOOR, first, "401 Who", "", ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']);
  world.run(20);
  const second = peer.got("INVITE")[1];
  expect(second).toContain("Call-Info: ");
  peer.respond(DOOR, second, "200 OK", "t", ANSWER, sdpOf(PHONE));
  world.run(20);
  a.ua.hold(a.ua.calls[0], true);
  world.run(20);
  expect(peer.got("INVITE")[2]).not.toContain("Call-Info");
});

it("an INVITE leaves the picture out rather than be longer than usual for UDP", () => {
  const world = new World();
  const picture = "http://10.0.0.9/" + "x".repeat(180);
  const a = new Agent(world, DOOR, { domain: PHONE, user: "d".repeat(100), picture, displayName: "D".repeat(60) });
  const peer = new Peer(world, PHONE);
  a.call(`sip:${"b".repeat(100)}@10.0.0.2`);
  world.run(20);
  const [first] = peer.got("INVITE");
  expect(first).not.toContain("Call-Info");
  expect(first.length).toBeLessThanOrEqual(1000);
});
