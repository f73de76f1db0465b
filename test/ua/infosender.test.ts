import { describe, expect, it } from "vitest";
import { Agent, bodyOf, header, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";

/** Makes a door that talks to a phone that speaks by hand. */
function talking(settings: ConstructorParameters<typeof Agent>[2] = {}) {
  const world = new World();
  const a = new Agent(world, DOOR, settings);
  const peer = new Peer(world, PHONE);
  const call = a.ua.call("sip:bob@10.0.0.2");
  if (call === null) throw new Error(a.ua.error);
  world.run(20);
  const fields = ["Contact: <sip:bob@10.0.0.2>", "Content-Type: application/sdp"];
  peer.respond(DOOR, peer.got("INVITE")[0], "200 OK", "t", fields, sdpOf(PHONE));
  world.run(20);
  peer.inbox.length = 0;
  const reply = (status: string, more: string[] = []): void => {
    peer.respond(DOOR, peer.got("INFO").at(-1) ?? "", status, "", more);
    world.run(20);
  };
  return { world, a, peer, call, reply };
}

const cseqOf = (m: string): number => Number.parseInt(header(m, "CSeq"), 10);

describe("digits in INFO requests", () => {
  it("go one after another, each when the one before was taken", () => {
    const { world, a, peer, call, reply } = talking();
    expect(a.ua.sendInfoDigits(call, "4*#")).toBe("");
    world.run(20);
    expect(peer.got("INFO").map(bodyOf)).toEqual(["Signal=4\r\nDuration=160\r\n"]);
    const first = peer.got("INFO")[0];
    expect(header(first, "Content-Type")).toBe("application/dtmf-relay");
    expect(header(first, "Content-Length")).toBe(String(bodyOf(first).length));
    expect(header(first, "To")).toContain("tag=t");
    // The INFO is repeated over UDP, and the next one waits.
    world.run(600);
    expect(new Set(peer.got("INFO")).size).toBe(1);
    expect(peer.got("INFO")).toHaveLength(2);
    reply("200 OK");
    reply("200 OK");
    reply("200 OK");
    const bodies = [...new Set(peer.got("INFO"))].map(bodyOf);
    expect(bodies.map((body) => body.slice(0, 8))).toEqual(["Signal=4", "Signal=*", "Signal=#"]);
    const numbers = [...new Set(peer.got("INFO"))].map(cseqOf);
    expect(numbers).toEqual([numbers[0], numbers[0] + 1, numbers[0] + 2]);
    expect(a.troubles).toEqual([]);
    expect(a.last()).toBe("call confirmed");
    expect(a.ua.sendInfoDigits(call, "7")).toBe("");
  });

  it("are heard by another of ours, each once", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const b = new Agent(world, PHONE);
    b.autoAnswer = true;
    const call = a.ua.call("sip:bob@10.0.0.2");
    world.run(100);
    expect(call !== null && a.ua.sendInfoDigits(call, "2580")).toBe("");
    world.run(100);
    expect(b.diary.filter((line) => line.startsWith("digit"))).toEqual(
      ["2", "5", "8", "0"].map((digit) => `digit ${digit} by info`),
    );
  });

  it.each([
    "415 Unsupported Media Type",
    "405 Method Not Allowed",
    "501 Not Implemented",
    "603 Decline",
    "300 Elsewhere",
  ])("that are refused with %s are told, the rest is not sent, and the call goes on", (status) => {
    const { world, a, peer, call, reply } = talking();
    a.ua.sendInfoDigits(call, "12");
    world.run(20);
    reply(status);
    expect(a.troubles).toEqual([
      "INFO was answered " + status.slice(0, 3) + ": digits that the other side did not take: 2",
    ]);
    expect(peer.got("INFO")).toHaveLength(1);
    expect(peer.got("BYE")).toHaveLength(0);
    expect(a.last()).toBe("call confirmed");
    expect(a.ua.sendInfoDigits(call, "3")).toBe("");
  });

  it.each([["481 No such call"], ["408 Too late"]])("that are answered %s end the call, which is gone", (status) => {
    const { world, a, peer, call, reply } = talking();
    a.ua.sendInfoDigits(call, "12");
    world.run(20);
    reply(status);
    expect(peer.got("INFO")).toHaveLength(1);
    expect(peer.got("BYE")).toHaveLength(1);
    expect(a.last()).toBe("call ended cause refused status " + status.slice(0, 3));
    expect(a.troubles).toEqual([]);
  });

  it("that nobody answers end the call after 64 T1", () => {
    const { world, a, peer, call } = talking();
    a.ua.sendInfoDigits(call, "1");
    world.run(31_900);
    expect(a.last()).toBe("call confirmed");
    world.run(200);
    expect(a.last()).toBe("call ended cause timeout status 408");
    expect(peer.got("BYE").length).toBeGreaterThan(0);
  });

  it("are sent again with credentials, under the next number", () => {
    const { world, peer, a, call, reply } = talking({ domain: PHONE, password: "p" });
    a.ua.sendInfoDigits(call, "9");
    world.run(20);
    reply("401 Who", ['WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"']);
    const [first, again] = peer.got("INFO");
    expect(header(again, "Authorization")).toContain('nonce="n"');
    expect(bodyOf(again)).toBe(bodyOf(first));
    expect(cseqOf(again)).toBe(cseqOf(first) + 1);
    reply("200 OK");
    expect(a.troubles).toEqual([]);
  });

  it("are not sent before the answer, nor more of them than wait; hang-up drops those that wait", () => {
    const { world, a, peer, call } = talking();
    // The INVITE waits for further answers, so it is counted.
    const before = a.ua.layer.clients.used();
    expect(a.ua.sendInfoDigits(call, "1".repeat(17))).toContain("at most 16 digits");
    expect(a.ua.sendInfoDigits(call, "1".repeat(16))).toBe("");
    expect(a.ua.sendInfoDigits(call, "1")).toContain("at most 16 digits");
    world.run(20);
    a.ua.hangUp(call);
    world.run(20);
    expect(peer.got("INFO")).toHaveLength(1);
    // The INFO has given its place: the BYE alone is under way.
    expect(a.ua.layer.clients.used()).toBe(before + 1);
    peer.respond(DOOR, peer.got("INFO")[0], "200 OK", "");
    peer.respond(DOOR, peer.got("BYE")[0], "200 OK", "");
    world.run(40_000);
    expect(peer.got("INFO")).toHaveLength(1);
    expect(a.ua.layer.clients.used()).toBe(0);
    expect(a.troubles).toEqual([]);
    expect(a.ua.sendInfoDigits(call, "1")).toBe("the call is not answered");
  });

  it("let a hold wait until they were taken, and none is sent while it is open", () => {
    const { world, a, peer, call, reply } = talking();
    a.ua.sendInfoDigits(call, "1");
    expect(a.ua.hold(call, true)).toBe("");
    world.run(20);
    expect(peer.got("INVITE")).toHaveLength(0);
    reply("200 OK");
    world.run(4500);
    expect(peer.got("INVITE")).not.toHaveLength(0);
    expect(a.ua.sendInfoDigits(call, "1")).toContain("not now");
    expect(peer.got("INFO").filter((m) => cseqOf(m) > cseqOf(peer.got("INVITE")[0]))).toHaveLength(0);
  });

  it("end with a call that the other side ends, whatever it answers afterwards", () => {
    const { world, a, peer, call, reply } = talking();
    const before = a.ua.layer.clients.used();
    a.ua.sendInfoDigits(call, "12");
    world.run(20);
    const info = peer.got("INFO")[0];
    peer.send(DOOR, [
      `BYE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKbye`,
      `From: ${header(info, "To")}`,
      `To: ${header(info, "From")}`,
      `Call-ID: ${header(info, "Call-ID")}`,
      "CSeq: 1 BYE",
    ]);
    world.run(20);
    expect(a.last()).toBe("call ended cause remote");
    reply("481 No such call");
    expect(peer.got("INFO")).toHaveLength(1);
    expect(peer.got("BYE")).toHaveLength(0);
    expect(a.ua.layer.clients.used()).toBe(before);
  });

  it("that cannot leave are told, and the call goes on", () => {
    const { world, a, call } = talking();
    a.sendFails = true;
    a.ua.sendInfoDigits(call, "12");
    world.run(20);
    expect(a.troubles).toEqual(["INFO could not be sent: digits that the other side did not take: 2"]);
    expect(a.last()).toBe("call confirmed");
  });
});
