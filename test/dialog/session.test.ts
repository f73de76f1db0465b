import { describe, expect, it } from "vitest";
import { Agent, bodyOf, header, Peer, sdpOf, World } from "../ua/harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
const CONTACT = "Contact: <sip:bob@10.0.0.2>";
const TYPE = "Content-Type: application/sdp";

/** Lets the door call; the test answers for the phone. */
function called(settings: Parameters<typeof made>[0] = {}) {
  const all = made(settings);
  all.a.call("sip:bob@10.0.0.2");
  all.world.run(20);
  const invite = all.peer.got("INVITE")[0];
  return { ...all, invite };
}

function made(settings: ConstructorParameters<typeof Agent>[2] = {}) {
  const world = new World();
  const a = new Agent(world, DOOR, settings);
  return { world, a, peer: new Peer(world, PHONE) };
}

/** Lets the door call, and the phone answer 200 with these fields. */
function talking(more: string[] = [], settings: ConstructorParameters<typeof Agent>[2] = {}) {
  const all = called(settings);
  all.peer.respond(DOOR, all.invite, "200 OK", "t", [CONTACT, TYPE, ...more], sdpOf(PHONE));
  all.world.run(20);
  expect(all.a.last()).toBe("call confirmed");
  all.peer.inbox.length = 0;
  return all;
}

/** Sends a request of the phone in the call of `invite`. */
function ask(peer: Peer, invite: string, method: string, cseq: number, more: string[] = [], body = ""): void {
  peer.send(
    DOOR,
    [
      `${method} sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKs${method}${cseq}`,
      `From: ${header(invite, "To")};tag=t`,
      `To: ${header(invite, "From")}`,
      `Call-ID: ${header(invite, "Call-ID")}`,
      `CSeq: ${cseq} ${method}`,
      CONTACT,
      ...more,
      ...(body === "" ? [] : [TYPE]),
    ],
    body,
  );
}

function tagOf(message: string): string {
  return header(message, "To").split(";tag=")[1] ?? "";
}

function cseqOf(message: string): number {
  return Number.parseInt(header(message, "CSeq"), 10);
}

describe("forks", () => {
  it("more than can be kept ring, and the one that answers is acknowledged all the same", () => {
    const { world, a, peer, invite } = called();
    for (let i = 0; i < 9; i++) peer.respond(DOOR, invite, "180 Ringing", `f${i}`, [CONTACT]);
    world.run(20);
    expect(a.last()).toBe("call ringing");
    peer.respond(DOOR, invite, "200 OK", "f8", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(20);
    expect(peer.got("ACK").map(tagOf)).toEqual(["f8"]);
    expect(a.last()).toBe("call confirmed");
    // Two more phones answer at the same moment.
    for (const tag of ["f0", "f3"]) peer.respond(DOOR, invite, "200 OK", tag, [CONTACT, TYPE], sdpOf(PHONE));
    world.run(20);
    expect(peer.got("ACK").map(tagOf)).toEqual(["f8", "f0", "f3"]);
    expect(peer.got("BYE").map(tagOf)).toEqual(["f0", "f3"]);
    expect(a.last()).toBe("call confirmed");
  });

  it("one that gives up by BYE leaves the others ringing", () => {
    const { world, a, peer, invite } = called();
    peer.respond(DOOR, invite, "180 Ringing", "one", [CONTACT]);
    peer.respond(DOOR, invite, "180 Ringing", "t", [CONTACT]);
    world.run(20);
    ask(peer, invite, "BYE", 1);
    world.run(20);
    expect(peer.got("SIP/2.0 200")).toHaveLength(1);
    expect(a.last()).toBe("call ringing");
    peer.respond(DOOR, invite, "200 OK", "one", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(20);
    expect(a.last()).toBe("call confirmed");
  });

  it("one that answers late and whose BYE is challenged gets it again; the call is not touched", () => {
    const { world, a, peer, invite } = called({ domain: PHONE, password: "p" });
    peer.respond(DOOR, invite, "200 OK", "one", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(20);
    peer.respond(DOOR, invite, "200 OK", "two", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(20);
    const challenge = 'Proxy-Authenticate: Digest realm="r", nonce="n", qop="auth"';
    peer.respond(DOOR, peer.got("BYE")[0], "407 Who", "", [challenge]);
    world.run(20);
    expect(peer.got("BYE").map(tagOf)).toEqual(["two", "two"]);
    expect(header(peer.got("BYE")[1], "Proxy-Authorization")).toContain('nonce="n"');
    expect(a.last()).toBe("call confirmed");
  });

  it("an answer that cannot be kept ends the call with a reason", () => {
    const { world, a, peer, invite } = called();
    const long = `Record-Route: <sip:${"p".repeat(1200)}.test;lr>`;
    peer.respond(DOOR, invite, "200 OK", "t", [CONTACT, TYPE, long], sdpOf(PHONE));
    world.run(20);
    expect(a.last()).toBe("call ended cause no-room");
  });
});

describe("the sound before the answer", () => {
  it("comes from the last description of a provisional response, and from that of the answer after it", () => {
    const { world, a, peer, invite } = called();
    peer.respond(DOOR, invite, "183 Session Progress", "t", [CONTACT, TYPE], sdpOf(PHONE, 21000));
    world.run(200);
    expect(a.last()).toBe("call early");
    expect(peer.packets.at(-1)?.port).toBe(21000);
    peer.respond(DOOR, invite, "183 Session Progress", "u", [CONTACT, TYPE], sdpOf(PHONE, 22000));
    world.run(200);
    expect(peer.packets.at(-1)?.port).toBe(22000);
    peer.respond(DOOR, invite, "200 OK", "u", [CONTACT, TYPE], sdpOf(PHONE, 23000));
    world.run(200);
    expect(peer.packets.at(-1)?.port).toBe(23000);
    expect(a.last()).toBe("call confirmed");
  });

  it("that was agreed reliably holds when the answer has no description", () => {
    const { world, a, peer, invite } = called();
    const more = [CONTACT, "Require: 100rel", "RSeq: 1", TYPE];
    peer.respond(DOOR, invite, "183 Session Progress", "t", more, sdpOf(PHONE, 21000));
    world.run(20);
    peer.respond(DOOR, peer.got("PRACK")[0], "200 OK", "");
    peer.respond(DOOR, invite, "200 OK", "t", [CONTACT]);
    world.run(200);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.at(-1)?.port).toBe(21000);
  });

  it("an answer without any description is acknowledged and hung up", () => {
    const { world, a, peer, invite } = called();
    peer.respond(DOOR, invite, "200 OK", "t", [CONTACT]);
    world.run(20);
    expect([peer.got("ACK").length, peer.got("BYE").length]).toEqual([1, 1]);
    expect(a.last()).toBe("call ended cause no-codec status 488");
  });

  it("stops with a refusal, and no packet goes out any more", () => {
    const { world, a, peer, invite } = called();
    peer.respond(DOOR, invite, "183 Session Progress", "t", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(200);
    peer.respond(DOOR, invite, "486 Busy Here", "t");
    world.run(20);
    expect(a.last()).toBe("call ended cause refused status 486");
    peer.packets.length = 0;
    world.run(1000);
    expect(peer.packets.filter(({ port }) => port === 20000)).toEqual([]);
  });
});

describe("reliable provisional responses", () => {
  const reliable = (rseq: number) => [CONTACT, "Require: 100rel", `RSeq: ${rseq}`];

  it("are acknowledged in their order: none twice, none before the one it follows", () => {
    const { world, peer, invite } = called();
    for (const rseq of [5, 5, 7, 6, 7]) {
      peer.respond(DOOR, invite, "180 Ringing", "t", reliable(rseq));
      world.run(20);
      for (const prack of peer.got("PRACK").slice(-1)) peer.respond(DOOR, prack, "200 OK", "");
    }
    expect(peer.got("PRACK").map((m) => header(m, "RAck"))).toEqual(
      [5, 6, 7].map((n) => `${n} ${header(invite, "CSeq")}`),
    );
    expect(new Set(peer.got("PRACK").map(cseqOf)).size).toBe(3);
  });

  it("of forks are counted for each", () => {
    const { world, peer, invite } = called();
    peer.respond(DOOR, invite, "180 Ringing", "t", reliable(9));
    peer.respond(DOOR, invite, "180 Ringing", "u", reliable(4));
    world.run(20);
    expect(peer.got("PRACK").map((m) => [tagOf(m), header(m, "RAck").split(" ")[0]])).toEqual([
      ["t", "9"],
      ["u", "4"],
    ]);
  });

  it("whose PRACK is challenged get it again with credentials", () => {
    const { world, peer, invite } = called({ domain: PHONE, password: "p" });
    peer.respond(DOOR, invite, "180 Ringing", "t", reliable(9));
    world.run(20);
    peer.respond(DOOR, peer.got("PRACK")[0], "401 Who", "", ['WWW-Authenticate: Digest realm="r", nonce="n"']);
    world.run(20);
    const again = peer.got("PRACK")[1];
    expect(header(again, "RAck")).toBe(`9 ${header(invite, "CSeq")}`);
    expect(header(again, "Authorization")).toContain('nonce="n"');
    expect(cseqOf(again)).toBe(cseqOf(peer.got("PRACK")[0]) + 1);
  });

  it("to a re-INVITE are acknowledged with its CSeq", () => {
    const { world, a, peer } = talking();
    a.ua.hold(a.ua.calls[0], true);
    world.run(20);
    const again = peer.got("INVITE")[0];
    peer.respond(DOOR, again, "183 Session Progress", "", reliable(1));
    world.run(20);
    expect(header(peer.got("PRACK")[0], "RAck")).toBe(`1 ${header(again, "CSeq")}`);
    peer.respond(DOOR, again, "200 OK", "", [CONTACT, TYPE], sdpOf(PHONE, 20000, "0", ["a=recvonly"]));
    world.run(20);
    expect(peer.got("ACK")).toHaveLength(1);
    expect(a.last()).toBe("call confirmed");
  });
});

describe("our re-INVITE", () => {
  it("refused with 488 leaves the call as it was, and the next offer has a version of its own", () => {
    const { world, a, peer } = talking();
    a.ua.hold(a.ua.calls[0], true);
    world.run(20);
    const first = peer.got("INVITE")[0];
    peer.respond(DOOR, first, "488 Not Acceptable Here", "");
    world.run(20);
    peer.packets.length = 0;
    world.run(500);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.length).toBeGreaterThan(20);
    a.ua.hold(a.ua.calls[0], false);
    world.run(20);
    expect(bodyOf(peer.got("INVITE")[1])).toContain("a=sendrecv");
  });

  it("answered 481 or 408 ends the call with BYE", () => {
    for (const line of ["481 No", "408 Late"]) {
      const { world, a, peer } = talking();
      a.ua.hold(a.ua.calls[0], true);
      world.run(20);
      peer.respond(DOOR, peer.got("INVITE")[0], line, "");
      world.run(20);
      expect(peer.got("BYE")).toHaveLength(1);
      expect(a.last()).toBe(`call ended cause refused status ${line.slice(0, 3)}`);
    }
  });

  it("that nobody answers ends the call after 64*T1", () => {
    const { world, a, peer } = talking();
    a.ua.hold(a.ua.calls[0], true);
    world.run(33_000);
    expect(new Set(peer.got("BYE").map(cseqOf)).size).toBe(1);
    expect(a.last()).toBe("call ended cause timeout status 408");
  });

  it("waits 2.1 to 4 s after a 491, when the Call-ID is ours", () => {
    const { world, a, peer } = talking();
    a.ua.hold(a.ua.calls[0], true);
    world.run(20);
    peer.respond(DOOR, peer.got("INVITE")[0], "491 Request Pending", "");
    const sinceMs = world.nowMs;
    expect(world.runUntil(() => peer.got("INVITE").length === 2, 5000)).toBe(true);
    expect(world.nowMs - sinceMs).toBeGreaterThanOrEqual(2100);
    expect(world.nowMs - sinceMs).toBeLessThanOrEqual(4003);
    expect(bodyOf(peer.got("INVITE")[1])).toContain("a=sendonly");
    expect(cseqOf(peer.got("INVITE")[1])).toBe(cseqOf(peer.got("INVITE")[0]) + 1);
  });

  it("gets 491 for theirs that crosses it, and theirs is taken when ours is done", () => {
    const { world, a, peer, invite } = talking();
    a.ua.hold(a.ua.calls[0], true);
    ask(peer, invite, "INVITE", 1, [], sdpOf(PHONE));
    ask(peer, invite, "UPDATE", 2, [], sdpOf(PHONE));
    world.run(20);
    expect(peer.got("SIP/2.0 491")).toHaveLength(2);
    peer.respond(DOOR, peer.got("INVITE")[0], "200 OK", "", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(20);
    ask(peer, invite, "INVITE", 3, [], sdpOf(PHONE));
    world.run(20);
    expect(peer.got("SIP/2.0 200")).toHaveLength(1);
  });

  it("is not sent while theirs waits for its ACK, but after it", () => {
    const { world, a, peer, invite } = talking();
    ask(peer, invite, "INVITE", 1, [], sdpOf(PHONE));
    world.run(20);
    a.ua.hold(a.ua.calls[0], true);
    world.run(20);
    expect(peer.got("INVITE")).toHaveLength(0);
    ask(peer, invite, "ACK", 1);
    world.run(5000);
    expect(peer.got("INVITE").length).toBeGreaterThan(0);
  });

  it("is dropped when they hang up in the meantime, whatever comes for it later", () => {
    const { world, a, peer, invite } = talking();
    a.ua.hold(a.ua.calls[0], true);
    world.run(20);
    ask(peer, invite, "BYE", 1);
    world.run(20);
    peer.respond(DOOR, peer.got("INVITE")[0], "487 Gone", "");
    world.run(64_000);
    expect(a.diary.filter((line) => line.startsWith("call ended"))).toEqual(["call ended cause remote"]);
    expect(a.timers.next()).toBe(Infinity);
    expect(a.ua.layer.clients.used()).toBe(0);
  });

  it("tells our new address as soon as a call is answered that rang while we moved", () => {
    const { world, a, peer } = made();
    const lines = [
      `INVITE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKmove`,
      `From: <sip:bob@${PHONE}>;tag=t`,
      `To: <sip:door@${DOOR}>`,
      "Call-ID: moving",
      "CSeq: 1 INVITE",
      CONTACT,
      TYPE,
    ];
    peer.send(DOOR, lines, sdpOf(PHONE));
    world.run(20);
    a.moveTo("10.0.0.5");
    a.ua.answer(a.ua.calls[0]);
    world.run(20);
    const ok = peer.got("SIP/2.0 200")[0];
    expect(header(ok, "Contact")).toContain("10.0.0.5");
    const ack = lines.slice(0, 7).map((line) => line.replaceAll("INVITE", "ACK").replace("z9hG4bKmove", "z9hG4bKack"));
    ack[3] = `To: ${header(ok, "To")}`;
    peer.send("10.0.0.5", ack);
    world.run(20);
    expect(a.last()).toBe("call confirmed");
    expect(bodyOf(peer.got("INVITE")[0])).toContain("c=IN IP4 10.0.0.5");
  });
});

describe("the session timer", () => {
  const timer = (s: number) => ["Require: timer", `Session-Expires: ${s};refresher=uac`];

  it("is kept up by re-INVITE where UPDATE is not allowed, with the same description", () => {
    const { world, a, peer } = talking(timer(90));
    world.run(46_000);
    const [again] = peer.got("INVITE");
    expect(peer.got("UPDATE")).toHaveLength(0);
    expect(header(again, "Session-Expires")).toBe("90;refresher=uac");
    expect(bodyOf(again)).toContain("o=- ");
    peer.respond(DOOR, again, "200 OK", "", [CONTACT, TYPE, ...timer(90)], sdpOf(PHONE));
    world.run(20_000);
    expect(a.last()).toBe("call confirmed");
  });

  it.each([
    "400 Want SDP Body",
    "403 Forbidden",
    "405 Method Not Allowed",
    "415 Unsupported Media Type",
    "488 Not Acceptable Here",
    "491 Request Pending",
    "500 Not now",
    "501 Not Implemented",
    "603 Decline",
  ])("turns to re-INVITE when UPDATE is refused with %s, and stays with it", (status) => {
    const { world, a, peer } = talking([...timer(90), "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"]);
    peer.onMessage = (m) => {
      if (m.startsWith("UPDATE")) peer.respond(DOOR, m, status, "");
      if (m.startsWith("INVITE")) peer.respond(DOOR, m, "200 OK", "", [CONTACT, TYPE, ...timer(90)], sdpOf(PHONE));
    };
    world.run(46_000);
    expect(peer.got("UPDATE")).toHaveLength(1);
    expect(peer.got("INVITE").map((m) => header(m, "Session-Expires"))).toEqual(["90;refresher=uac"]);
    world.run(200_000);
    expect(peer.got("UPDATE")).toHaveLength(1);
    expect(peer.got("INVITE").length).toBeGreaterThan(4);
    expect(a.last()).toBe("call confirmed");
  });

  it("that is too short for us is refused with what we take", () => {
    const { world, peer } = made({ minSeS: 600 });
    const invite = (callId: string, more: string[]) => [
      `INVITE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bK${callId}`,
      `From: <sip:bob@${PHONE}>;tag=t`,
      `To: <sip:door@${DOOR}>`,
      `Call-ID: ${callId}`,
      "CSeq: 1 INVITE",
      CONTACT,
      TYPE,
      ...more,
    ];
    peer.send(DOOR, invite("short", ["Supported: timer", "Session-Expires: 599"]), sdpOf(PHONE));
    world.run(20);
    expect(peer.got("SIP/2.0 422").map((m) => header(m, "Min-SE"))).toEqual(["600"]);
    // A proxy asks for a phone that knows nothing of session timers; if the door refused, the phone could do nothing.
    // RFC 4028 §9
    peer.send(DOOR, invite("proxied", ["Session-Expires: 120"]), sdpOf(PHONE));
    world.run(20);
    expect(peer.got("SIP/2.0 422")).toHaveLength(1);
    expect(peer.got("SIP/2.0 180")).toHaveLength(1);
  });

  it("is never asked for shorter than we take", () => {
    const { world, peer } = called({ minSeS: 600, sessionExpiresS: 120 });
    world.run(20);
    const [first] = peer.got("INVITE");
    expect([header(first, "Session-Expires"), header(first, "Min-SE")]).toEqual(["600", "600"]);
  });

  it("ends the call before the interval is over when refreshes are refused", () => {
    const { world, a, peer } = talking([...timer(90), "Allow: UPDATE"]);
    peer.onMessage = (m) => {
      if (m.startsWith("UPDATE") || m.startsWith("INVITE")) peer.respond(DOOR, m, "500 Not now", "");
    };
    world.run(59_000);
    expect(a.last()).toBe("call confirmed");
    world.run(2000);
    expect(a.last()).toBe("call ended cause expired");
    expect(peer.got("BYE").length).toBeGreaterThan(0);
  });

  it("goes up with each 422, four times at most", () => {
    const { world, a, peer } = made({ sessionExpiresS: 90 });
    let seconds = 90;
    peer.onMessage = (m) => {
      seconds += 100;
      if (m.startsWith("INVITE")) peer.respond(DOOR, m, "422 Too Small", "t", [`Min-SE: ${seconds}`]);
    };
    a.call("sip:bob@10.0.0.2");
    world.run(1000);
    expect(peer.got("INVITE")).toHaveLength(4);
    expect(a.last()).toBe("call ended cause refused status 422");
  });

  it("is not kept when the other side does not speak of it", () => {
    const { world, a, peer } = talking([], { sessionExpiresS: 90 });
    world.run(200_000);
    expect(peer.got("UPDATE").length + peer.got("INVITE").length).toBe(0);
    expect(a.last()).toBe("call confirmed");
  });
});

describe("the limits of a call", () => {
  it("no sound before the answer ends nothing, no sound after it does", () => {
    const { world, a, peer, invite } = called({ silenceTimeMs: 10_000 });
    peer.respond(DOOR, invite, "183 Session Progress", "t", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(30_000);
    expect(a.last()).toBe("call early");
    peer.respond(DOOR, invite, "200 OK", "t", [CONTACT, TYPE], sdpOf(PHONE));
    world.run(9000);
    expect(a.last()).toBe("call confirmed");
    world.run(2000);
    expect(a.last()).toBe("call ended cause no-sound");
    expect(peer.got("BYE").length).toBeGreaterThan(0);
  });

  it("the ring time does not end a call that was answered in time and waits for its ACK", () => {
    const { world, a, peer } = made({ ringTimeMs: 10_000 });
    const lines = [
      `INVITE sip:door@${DOOR} SIP/2.0`,
      `Via: SIP/2.0/UDP ${PHONE};branch=z9hG4bKlate`,
      `From: <sip:bob@${PHONE}>;tag=t`,
      `To: <sip:door@${DOOR}>`,
      "Call-ID: late",
      "CSeq: 1 INVITE",
      CONTACT,
      TYPE,
    ];
    peer.send(DOOR, lines, sdpOf(PHONE));
    world.run(9900);
    a.ua.answer(a.ua.calls[0]);
    world.run(5000);
    const ok = peer.got("SIP/2.0 200")[0];
    const ack = lines.slice(0, 7).map((line) => line.replaceAll("INVITE", "ACK").replace("z9hG4bKlate", "z9hG4bKack"));
    ack[3] = `To: ${header(ok, "To")}`;
    peer.send(DOOR, ack);
    world.run(20);
    expect(a.last()).toBe("call confirmed");
  });
});

describe("more calls than there are lines", () => {
  it("are refused with a reason, and made again when one is free", () => {
    const { world, a } = made();
    const first = a.call("sip:a@10.0.0.2");
    expect(a.ua.call("sip:b@10.0.0.2")).toBe(null);
    expect(a.ua.call("sip:b@10.0.0.2", first)).not.toBe(null);
    expect(a.ua.call("sip:c@10.0.0.2", first)).toBe(null);
    expect(a.ua.error).toBe("all lines are in use: hang up first");
    for (const call of a.ua.calls) a.ua.hangUp(call);
    world.run(20);
    expect(a.ua.call("sip:c@10.0.0.2")).not.toBe(null);
  });
});
