/**
 * Tests that beside a hundred requests a second of strangers a known caller gets through to a door, and that the door
 * stays registered.
 */
import { describe, expect, it } from "vitest";
import { part } from "../runs.js";
import { Agent, header, headers, Peer, World } from "./harness.js";

const DOOR = "10.0.0.2";
const SERVER = "10.0.0.9";
/** The time is a minute with SWEEP=whole. */
const SECONDS = process.env.SWEEP === "whole" ? 60 : part(15, 25);
const METHODS = ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "REGISTER", "BYE", "INFO", "CANCEL", "ACK", "FOO"];

/** Makes a door that takes no calls of strangers, and tells them by their names. */
class Door extends Agent {
  override mayCall(m: Parameters<Agent["mayCall"]>[0]): number {
    return String.fromCharCode(...m.bytes.subarray(m.fromStart, m.fromEnd)).includes("known") ? 0 : 403;
  }
}

function request(method: string, from: string, count: number, branch = "b" + count, cseq = 1): string[] {
  return [
    method + " sip:door@" + DOOR + " SIP/2.0",
    "Via: SIP/2.0/UDP " + (from === "known" ? "10.0.0.5" : "10.9.9.9") + ";branch=z9hG4bK" + branch,
    "Max-Forwards: 70",
    "From: <sip:" + from + "@x>;tag=f" + count,
    "To: <sip:door@" + DOOR + ">",
    "Call-ID: " + from + count,
    "CSeq: " + cseq + " " + method,
    "Contact: <sip:" + from + "@10.0.0.5>",
  ];
}

describe("beside a hundred requests a second of strangers'", () => {
  it.each(["all kinds", ...METHODS])("of %s", (kind) => {
    const world = new World();
    let registered = 0;
    const server = new Peer(world, SERVER);
    server.onMessage = (m) => {
      registered += 1;
      server.respond(
        DOOR,
        m,
        "200 OK",
        "r",
        headers(m, "Contact").map((contact) => "Contact: " + contact),
      );
    };
    const door = new Door(world, DOOR, { domain: SERVER, user: "door", register: true, expiresS: 20 });
    const stranger = new Peer(world, "10.9.9.9");
    const known = new Peer(world, "10.0.0.5");
    world.run(1000);
    const finals: string[] = [];
    let ringing = -1;
    known.onMessage = (m) => {
      const [, status] = m.split(" ");
      if (header(m, "CSeq").endsWith("INVITE") && status === "180") ringing = Number(header(m, "Call-ID").slice(5));
      if (header(m, "CSeq").endsWith("INVITE") && status >= "200") finals.push(status);
    };
    let rang = 0;
    for (let tick = 0; tick < SECONDS * 100; tick++) {
      const method = kind === "all kinds" ? METHODS[tick % METHODS.length] : kind;
      stranger.send(DOOR, request(method, "stranger", tick));
      if (tick % 500 === 0) known.send(DOOR, request("INVITE", "known", tick));
      if (tick % 500 === 250) {
        if (ringing === tick - 250) rang += 1;
        known.send(DOOR, request("CANCEL", "known", tick - 250, "b" + (tick - 250)));
      }
      world.run(10);
    }
    expect(rang).toBe(SECONDS / 5);
    expect(finals.filter((status) => status === "487").length).toBeGreaterThanOrEqual(SECONDS / 5);
    expect(door.ua.registration.state).toBe(2);
    expect(door.diary.filter((line) => line.startsWith("register failed"))).toEqual([]);
    expect(registered).toBeGreaterThanOrEqual(SECONDS / 10);
    world.run(70_000);
    expect(door.ua.layer.servers.used()).toBe(0);
  });
});
