import { describe, expect, it } from "vitest";
import { SeededRandom } from "../random.js";
import { part } from "../runs.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";

/** A peer that answers an INVITE with 200 and its own description, and all else with 200. */
function answering(world: World, address = PHONE, more: string[] = []): Peer {
  const peer = new Peer(world, address);
  peer.onMessage = (message) => {
    if (message.startsWith("INVITE")) {
      peer.respond(DOOR, message, "180 Ringing", "them", [`Contact: <sip:bob@${address}>`]);
      const lines = [`Contact: <sip:bob@${address}>`, "Content-Type: application/sdp", ...more];
      peer.respond(DOOR, message, "200 OK", "them", lines, sdpOf(address));
    } else if (!message.startsWith("ACK") && !message.startsWith("SIP/2.0"))
      peer.respond(DOOR, message, "200 OK", "them");
  };
  return peer;
}

/** Writes an INVITE by hand. */
function invite(from: string, body: string, more: string[] = [], tag = ""): string[] {
  return [
    `INVITE sip:door@${DOOR} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};branch=z9hG4bKabc${more.length}`,
    "Max-Forwards: 70",
    `From: <sip:bob@${from}>;tag=bobtag`,
    `To: <sip:door@${DOOR}>${tag}`,
    "Call-ID: hand@written",
    "CSeq: 1 INVITE",
    `Contact: <sip:bob@${from}>`,
    ...more,
    ...(body === "" ? [] : ["Content-Type: application/sdp"]),
  ];
}

function request(method: string, from: string, cseq: number, toTag: string, more: string[] = []): string[] {
  return [
    `${method} sip:door@${DOOR} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};branch=z9hG4bK${method}${cseq}`,
    "Max-Forwards: 70",
    `From: <sip:bob@${from}>;tag=bobtag`,
    `To: <sip:door@${DOOR}>;tag=${toTag}`,
    "Call-ID: hand@written",
    `CSeq: ${cseq} ${method}`,
    `Contact: <sip:bob@${from}>`,
    ...more,
  ];
}

function tagOf(value: string): string {
  return value.slice(value.indexOf(";tag=") + 5);
}

describe("a call from one user agent to another", () => {
  it("rings, is answered, is acknowledged and ends by BYE", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const b = new Agent(world, PHONE);
    const call = a.call(`sip:${PHONE}`);
    world.run(100);
    expect(a.last()).toBe("call ringing");
    expect(b.last()).toBe("call incoming");
    b.ua.answer(b.ua.calls[0]);
    world.run(1000);
    expect(a.last()).toBe("call confirmed");
    expect(b.last()).toBe("call confirmed");
    a.ua.hangUp(call);
    world.run(1000);
    expect(a.diary).toEqual(["call calling", "call ringing", "call confirmed", "call ended cause local"]);
    expect(b.diary).toEqual(["call incoming", "call confirmed", "call ended cause remote"]);
    expect(world.log.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "1>2 INVITE",
      "2>1 180",
      "2>1 200",
      "1>2 ACK",
      "1>2 BYE",
      "2>1 200",
    ]);
  });

  it("carries sound both ways on the agreed ports", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const b = new Agent(world, PHONE);
    b.autoAnswer = true;
    a.call(`sip:${PHONE}`);
    world.run(2000);
    expect(a.ua.calls[0].media.receivedPackets()).toBeGreaterThan(80);
    expect(b.ua.calls[0].media.receivedPackets()).toBeGreaterThan(80);
  });

  it("leaves no transaction, dialog or timer behind", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const b = new Agent(world, PHONE);
    b.autoAnswer = true;
    for (let i = 0; i < part(16, 50); i++) {
      const call = a.call(`sip:${PHONE}`);
      world.run(500);
      expect(a.last()).toBe("call confirmed");
      (i % 2 === 0 ? a : b).ua.hangUp(i % 2 === 0 ? call : b.ua.activeCall()!);
      world.run(40000);
    }
    expect(a.ua.layer.clients.used() + a.ua.layer.servers.used()).toBe(0);
    expect(b.ua.layer.clients.used() + b.ua.layer.servers.used()).toBe(0);
    expect(a.timers.next()).toBe(Infinity);
    expect(b.timers.next()).toBe(Infinity);
  });

  it("can be made again at once, again and again", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const b = new Agent(world, PHONE);
    b.autoAnswer = true;
    for (let i = 0; i < 3; i++) {
      const call = a.call(`sip:${PHONE}`);
      world.run(1000);
      expect(a.last()).toBe("call confirmed");
      a.ua.hangUp(call);
      world.run(1000);
    }
  });

  it("survives the loss of a third of all messages", () => {
    for (let seed = 1; seed <= part(10, 30); seed++) {
      const world = new World();
      const random = new SeededRandom(seed);
      world.lose = () => random.uint32() % 3 === 0;
      const a = new Agent(world, DOOR);
      const b = new Agent(world, PHONE);
      b.autoAnswer = true;
      const call = a.call(`sip:${PHONE}`);
      world.run(32000);
      expect(a.last(), `seed ${seed}`).toBe("call confirmed");
      expect(b.last(), `seed ${seed}`).toBe("call confirmed");
      a.ua.hangUp(call);
      world.run(32000);
      expect(b.last(), `seed ${seed}`).toBe("call ended cause remote");
    }
  });
});

describe("a call that is given up", () => {
  it("is cancelled while it rings, and ends there by 487", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const b = new Agent(world, PHONE);
    const call = a.call(`sip:${PHONE}`);
    world.run(100);
    a.ua.hangUp(call);
    world.run(1000);
    expect(a.last()).toBe("call ended cause local");
    expect(b.last()).toBe("call ended cause cancelled status 487");
    expect(world.log.some((line) => line.startsWith("2>1 487"))).toBe(true);
  });

  it("waits for a provisional response before it is cancelled", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    const call = a.call(`sip:${PHONE}`);
    world.run(100);
    a.ua.hangUp(call);
    world.run(300);
    expect(peer.got("CANCEL")).toHaveLength(0);
    peer.respond(DOOR, peer.got("INVITE")[0], "100 Trying", "");
    world.run(100);
    expect(peer.got("CANCEL")).toHaveLength(1);
    expect(header(peer.got("CANCEL")[0], "Via")).toBe(header(peer.got("INVITE")[0], "Via"));
  });

  it("acknowledges an answer that crosses the CANCEL, and hangs up", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    const call = a.call(`sip:${PHONE}`);
    world.run(100);
    const sent = peer.got("INVITE")[0];
    peer.respond(DOOR, sent, "180 Ringing", "them");
    world.run(100);
    a.ua.hangUp(call);
    peer.respond(
      DOOR,
      sent,
      "200 OK",
      "them",
      ["Contact: <sip:bob@10.0.0.2>", "Content-Type: application/sdp"],
      sdpOf(PHONE),
    );
    world.run(100);
    expect(peer.got("ACK")).toHaveLength(1);
    expect(peer.got("BYE")).toHaveLength(1);
    expect(header(peer.got("BYE")[0], "To")).toContain("tag=them");
  });

  it("is given up by itself after the ring time", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    new Agent(world, PHONE, { ringTimeMs: 0 });
    a.call(`sip:${PHONE}`);
    world.run(61000);
    expect(a.last()).toBe("call ended cause no-answer");
    expect(world.log.some((line) => line.includes("CANCEL"))).toBe(true);
  });

  it("ends after 32 s when nobody answers at all", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    a.call(`sip:${PHONE}`);
    world.run(31000);
    expect(a.last()).toBe("call calling");
    world.run(2000);
    expect(a.last()).toBe("call ended cause timeout status 408");
    expect(world.log.filter((line) => line.includes("INVITE"))).toHaveLength(7);
  });

  it("ends when the network refuses to send", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    a.sendFails = true;
    a.call(`sip:${PHONE}`);
    world.run(100);
    expect(a.last()).toBe("call ended cause network status 503");
  });

  it("ends when the name is unknown, and is made when it is known", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = answering(world);
    a.names.set("phone.test", PHONE);
    a.call("sip:bob@nobody.test");
    a.answerNames();
    world.run(100);
    expect(a.last()).toBe("call ended cause unknown-name");
    a.call("sip:bob@phone.test");
    a.answerNames();
    world.run(100);
    expect(a.last()).toBe("call confirmed");
    expect(peer.got("INVITE")).toHaveLength(1);
  });
});

describe("each class of final response", () => {
  for (const [status, line] of [
    [404, "404 Not Found"],
    [486, "486 Busy Here"],
    [503, "503 Service Unavailable"],
    [603, "603 Decline"],
    [300, "300 Multiple Choices"],
  ] as const) {
    it(`${line}: is acknowledged and ends the call with its status`, () => {
      const world = new World();
      const a = new Agent(world, DOOR);
      const peer = new Peer(world, PHONE);
      a.call(`sip:${PHONE}`);
      world.run(50);
      peer.respond(DOOR, peer.got("INVITE")[0], line, "them");
      world.run(50);
      expect(a.last()).toBe(`call ended cause refused status ${status}`);
      const ack = peer.got("ACK")[0];
      expect(header(ack, "Via")).toBe(header(peer.got("INVITE")[0], "Via"));
      expect(header(ack, "To")).toContain(";tag=them");
    });
  }
});

describe("forks", () => {
  it("keeps the first answer and hangs up the later one after acknowledging it", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    a.call(`sip:${PHONE}`);
    world.run(50);
    const sent = peer.got("INVITE")[0];
    for (const tag of ["one", "two"]) peer.respond(DOOR, sent, "180 Ringing", tag);
    for (const tag of ["two", "one"]) {
      const lines = [`Contact: <sip:${tag}@10.0.0.2>`, "Content-Type: application/sdp"];
      peer.respond(DOOR, sent, "200 OK", tag, lines, sdpOf(PHONE));
    }
    world.run(100);
    expect(peer.got("ACK").map((ack) => tagOf(header(ack, "To")))).toEqual(["two", "one"]);
    expect(peer.got("BYE").map((bye) => tagOf(header(bye, "To")))).toEqual(["one"]);
    expect(peer.got("BYE")[0].split(" ")[1]).toBe("sip:one@10.0.0.2");
    expect(a.last()).toBe("call confirmed");
  });

  it("acknowledges a repeated answer again", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = answering(world);
    a.call(`sip:${PHONE}`);
    world.run(100);
    const lines = ["Contact: <sip:bob@10.0.0.2>", "Content-Type: application/sdp"];
    peer.respond(DOOR, peer.got("INVITE")[0], "200 OK", "them", lines, sdpOf(PHONE));
    world.run(100);
    expect(peer.got("ACK")).toHaveLength(2);
    expect(peer.got("BYE")).toHaveLength(0);
  });
});

describe("the way of requests in a dialog", () => {
  it("follows the recorded route in reverse with the Contact as Request-URI", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = answering(world, PHONE, [
      "Record-Route: <sip:10.0.0.2;lr>",
      "Record-Route: <sip:p2.test;lr>, <sip:p1.test;lr>",
    ]);
    a.names.set("p1.test", PHONE);
    const call = a.call(`sip:bob@${PHONE}`);
    world.run(100);
    // The route recorded last is the first hop. It has a name: the ACK goes as soon as that is known.
    expect(peer.got("ACK")).toHaveLength(0);
    a.answerNames();
    world.run(100);
    expect(peer.got("ACK")).toHaveLength(1);
    a.ua.hangUp(call);
    world.run(100);
    const bye = peer.got("BYE")[0];
    expect(bye.split(" ")[1]).toBe("sip:bob@10.0.0.2");
    expect(header(bye, "Route")).toBe("<sip:p1.test;lr>,<sip:p2.test;lr>,<sip:10.0.0.2;lr>");
  });

  it("gives a strict router the Request-URI and puts the target last", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = answering(world, PHONE, ["Record-Route: <sip:last.test;lr>, <sip:10.0.0.2>"]);
    const call = a.call(`sip:bob@${PHONE}`);
    world.run(100);
    a.ua.hangUp(call);
    world.run(100);
    expect(peer.got("ACK")[0].split(" ")[1]).toBe("sip:10.0.0.2");
    expect(header(peer.got("BYE")[0], "Route")).toBe("<sip:last.test;lr>,<sip:bob@10.0.0.2>");
  });

  it("is answered with every Via and Record-Route of the request", () => {
    const world = new World();
    new Agent(world, DOOR).autoAnswer = true;
    const peer = new Peer(world, PHONE);
    peer.send(
      DOOR,
      invite(PHONE, sdpOf(PHONE), ["Via: SIP/2.0/UDP a.test;branch=z9hG4bK1", "Record-Route: <sip:p.test;lr>"]),
      sdpOf(PHONE),
    );
    world.run(50);
    const ok = peer.got("SIP/2.0 200")[0];
    expect(headers(ok, "Via")).toHaveLength(2);
    expect(headers(ok, "Record-Route")).toEqual(["<sip:p.test;lr>"]);
  });
});

describe("a call that comes", () => {
  it("without an offer gets ours in the 200 and takes the answer from the ACK", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    a.autoAnswer = true;
    const peer = new Peer(world, PHONE);
    peer.send(DOOR, invite(PHONE, ""));
    world.run(50);
    const ok = peer.got("SIP/2.0 200")[0];
    expect(bodyOf(ok)).toContain("m=audio 16384 RTP/AVP 0 8 101");
    peer.send(
      DOOR,
      [...request("ACK", PHONE, 1, tagOf(header(ok, "To"))), "Content-Type: application/sdp"],
      sdpOf(PHONE),
    );
    world.run(500);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.filter((p) => p.port === 20000).length).toBeGreaterThan(20);
  });

  it("without an answer in the ACK is hung up", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    a.autoAnswer = true;
    const peer = new Peer(world, PHONE);
    peer.send(DOOR, invite(PHONE, ""));
    world.run(50);
    peer.send(DOOR, request("ACK", PHONE, 1, tagOf(header(peer.got("SIP/2.0 200")[0], "To"))));
    world.run(50);
    expect(peer.got("BYE")).toHaveLength(1);
    expect(a.last()).toContain("call ended cause no-codec");
  });

  it("with no codec in common is refused with 488 and does not ring", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    const body = sdpOf(PHONE, 20000, "18");
    peer.send(DOOR, invite(PHONE, body), body);
    world.run(50);
    expect(peer.got("SIP/2.0 488")).toHaveLength(1);
    expect(a.diary).toEqual([]);
  });

  it("while another goes on is busy: 486", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    answering(world);
    a.call(`sip:${PHONE}`);
    world.run(100);
    const other = new Peer(world, "10.0.0.3");
    other.send(DOOR, invite("10.0.0.3", sdpOf("10.0.0.3")), sdpOf("10.0.0.3"));
    world.run(50);
    expect(other.got("SIP/2.0 486")).toHaveLength(1);
  });

  it("is hung up when our 200 is never acknowledged", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    a.autoAnswer = true;
    const peer = new Peer(world, PHONE);
    peer.send(DOOR, invite(PHONE, sdpOf(PHONE)), sdpOf(PHONE));
    world.run(33000);
    expect(peer.got("SIP/2.0 200").length).toBeGreaterThan(5);
    expect(new Set(peer.got("BYE")).size).toBe(1);
    expect(a.last()).toBe("call ended cause no-ack");
  });

  it("waits for the ACK before it hangs up", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    a.autoAnswer = true;
    const peer = new Peer(world, PHONE);
    peer.send(DOOR, invite(PHONE, sdpOf(PHONE)), sdpOf(PHONE));
    world.run(50);
    a.ua.hangUp(a.ua.calls[0]);
    world.run(50);
    expect(peer.got("BYE")).toHaveLength(0);
    peer.send(DOOR, request("ACK", PHONE, 1, tagOf(header(peer.got("SIP/2.0 200")[0], "To"))));
    world.run(50);
    expect(peer.got("BYE")).toHaveLength(1);
  });
});

/** Makes a call of the peer that the door takes. */
function established(more: string[] = [], body = sdpOf(PHONE)) {
  const world = new World();
  const a = new Agent(world, DOOR);
  a.autoAnswer = true;
  const peer = new Peer(world, PHONE);
  peer.send(DOOR, invite(PHONE, body, more), body);
  world.run(50);
  const tag = tagOf(header(peer.got("SIP/2.0 200")[0], "To"));
  peer.send(DOOR, request("ACK", PHONE, 1, tag));
  world.run(50);
  expect(a.last()).toBe("call confirmed");
  peer.inbox.length = 0;
  return { world, a, peer, tag };
}

describe("requests in a dialog", () => {
  it("older than one before get 500", () => {
    const { world, peer, tag } = established();
    peer.send(DOOR, request("OPTIONS", PHONE, 5, tag));
    peer.send(DOOR, request("INFO", PHONE, 4, tag));
    world.run(50);
    expect(peer.got("SIP/2.0 200")).toHaveLength(1);
    expect(peer.got("SIP/2.0 500")).toHaveLength(1);
  });

  it("with a tag nobody knows get 481", () => {
    const { world, peer } = established();
    peer.send(DOOR, request("BYE", PHONE, 2, "wrong"));
    world.run(50);
    expect(peer.got("SIP/2.0 481")).toHaveLength(1);
  });

  it("hold by sendonly, resume by sendrecv, each with its events and answers", () => {
    const { world, a, peer, tag } = established();
    const hold = sdpOf(PHONE, 20000, "0 101", ["a=sendonly"]);
    peer.send(DOOR, [...request("INVITE", PHONE, 2, tag), "Content-Type: application/sdp"], hold);
    world.run(50);
    expect(bodyOf(peer.got("SIP/2.0 200")[0])).toContain("a=recvonly");
    peer.send(DOOR, request("ACK", PHONE, 2, tag));
    world.run(100);
    expect(a.last()).toBe("call held");
    peer.packets.length = 0;
    world.run(1000);
    expect(peer.packets.filter((p) => p.port === 20000)).toHaveLength(0);
    peer.inbox.length = 0;
    peer.send(DOOR, [...request("INVITE", PHONE, 3, tag), "Content-Type: application/sdp"], sdpOf(PHONE, 20002));
    world.run(50);
    peer.send(DOOR, request("ACK", PHONE, 3, tag));
    world.run(1000);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.filter((p) => p.port === 20002).length).toBeGreaterThan(40);
  });

  it("answers UPDATE with an offer", () => {
    const { world, peer, tag } = established();
    peer.send(DOOR, [...request("UPDATE", PHONE, 2, tag), "Content-Type: application/sdp"], sdpOf(PHONE, 20004));
    world.run(500);
    expect(bodyOf(peer.got("SIP/2.0 200")[0])).toContain("m=audio");
    expect(peer.packets.some((p) => p.port === 20004)).toBe(true);
  });

  it("refuses a re-INVITE without a common codec with 488 and goes on as before", () => {
    const { world, a, peer, tag } = established();
    peer.send(DOOR, [...request("INVITE", PHONE, 2, tag), "Content-Type: application/sdp"], sdpOf(PHONE, 20008, "18"));
    world.run(50);
    expect(peer.got("SIP/2.0 488")).toHaveLength(1);
    peer.packets.length = 0;
    world.run(500);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.filter((p) => p.port === 20000).length).toBeGreaterThan(20);
  });

  it("digits by INFO are heard, in both body types", () => {
    const { world, a, peer, tag } = established();
    peer.send(
      DOOR,
      [...request("INFO", PHONE, 2, tag), "Content-Type: application/dtmf-relay"],
      "Signal=5\r\nDuration=160\r\n",
    );
    peer.send(DOOR, [...request("INFO", PHONE, 3, tag), "Content-Type: application/dtmf"], "#");
    world.run(50);
    expect(a.diary.filter((line) => line.startsWith("digit"))).toEqual(["digit 5 by info", "digit # by info"]);
    expect(peer.got("SIP/2.0 200")).toHaveLength(2);
  });

  it("answers 491 to a re-INVITE that crosses ours, and tries ours again", () => {
    const { world, a, peer, tag } = established();
    a.ua.hold(a.ua.calls[0], true);
    peer.send(DOOR, [...request("INVITE", PHONE, 2, tag), "Content-Type: application/sdp"], sdpOf(PHONE));
    world.run(50);
    expect(peer.got("SIP/2.0 491")).toHaveLength(1);
    peer.respond(DOOR, peer.got("INVITE")[0], "491 Request Pending", "");
    world.run(2500);
    const again = peer.got("INVITE").filter((m) => header(m, "CSeq") !== header(peer.got("INVITE")[0], "CSeq"));
    expect(again.length).toBeGreaterThan(0);
    expect(bodyOf(again[0])).toContain("a=sendonly");
  });
});

describe("reliable provisional responses", () => {
  it("acknowledges one that asks for it with PRACK", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    a.call(`sip:${PHONE}`);
    world.run(50);
    const sent = peer.got("INVITE")[0];
    const lines = ["Contact: <sip:bob@10.0.0.2>", "Require: 100rel", "RSeq: 7", "Content-Type: application/sdp"];
    peer.respond(DOOR, sent, "183 Session Progress", "them", lines, sdpOf(PHONE));
    world.run(50);
    expect(header(peer.got("PRACK")[0], "RAck")).toBe(`7 ${header(sent, "CSeq")}`);
    expect(a.last()).toBe("call early");
    expect(peer.packets.length).toBeGreaterThan(0);
  });

  it("sends them when the caller requires it, and repeats until PRACK comes", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    peer.send(DOOR, invite(PHONE, sdpOf(PHONE), ["Require: 100rel"]), sdpOf(PHONE));
    world.run(4000);
    const ringing = peer.got("SIP/2.0 180");
    expect(ringing.length).toBeGreaterThan(2);
    a.ua.answer(a.ua.calls[0]);
    world.run(50);
    expect(peer.got("SIP/2.0 200")).toHaveLength(0);
    const tag = tagOf(header(ringing[0], "To"));
    peer.send(DOOR, request("PRACK", PHONE, 2, tag, [`RAck: ${header(ringing[0], "RSeq")} 1 INVITE`]));
    world.run(50);
    expect(peer.got("SIP/2.0 200")).toHaveLength(2);
  });
});

describe("session timers", () => {
  it("refreshes with UPDATE at half the interval when the answer leaves it to us", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = answering(world, PHONE, ["Require: timer", "Session-Expires: 100;refresher=uac", "Allow: UPDATE"]);
    a.call(`sip:${PHONE}`);
    world.run(51000);
    expect(peer.got("UPDATE")).toHaveLength(1);
    expect(header(peer.got("UPDATE")[0], "Session-Expires")).toBe("100;refresher=uac");
  });

  it("hangs up when the other side ought to refresh and does not", () => {
    const { world, a, peer } = established(["Supported: timer", "Session-Expires: 90;refresher=uac"]);
    world.run(61000);
    expect(new Set(peer.got("BYE")).size).toBe(1);
    expect(a.last()).toBe("call ended cause expired");
  });

  it("refuses too short an interval with 422 and Min-SE", () => {
    const world = new World();
    new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    peer.send(DOOR, invite(PHONE, sdpOf(PHONE), ["Supported: timer", "Session-Expires: 30"]), sdpOf(PHONE));
    world.run(50);
    expect(header(peer.got("SIP/2.0 422")[0], "Min-SE")).toBe("90");
  });

  it("tries again with the interval that a 422 asks for", () => {
    const world = new World();
    const a = new Agent(world, DOOR, { sessionExpiresS: 120 });
    const peer = new Peer(world, PHONE);
    a.call(`sip:${PHONE}`);
    world.run(50);
    peer.respond(DOOR, peer.got("INVITE")[0], "422 Session Interval Too Small", "them", ["Min-SE: 600"]);
    world.run(50);
    expect(header(peer.got("INVITE")[1], "Session-Expires")).toBe("600");
    expect(header(peer.got("INVITE")[1], "Min-SE")).toBe("600");
  });
});

describe("redirection", () => {
  it("follows the Contacts of a 3xx, best first, and no place twice", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const first = new Peer(world, PHONE);
    const second = new Peer(world, "10.0.0.3");
    first.onMessage = (message) => {
      if (!message.startsWith("INVITE")) return;
      first.respond(DOOR, message, "302 Moved Temporarily", "r", [
        "Contact: <sip:low@10.0.0.2>;q=0.1, <sip:high@10.0.0.3>;q=0.9",
      ]);
    };
    second.onMessage = (message) => {
      if (message.startsWith("INVITE"))
        second.respond(DOOR, message, "302 Moved Temporarily", "s", [`Contact: <sip:bob@${PHONE}>`]);
    };
    a.call(`sip:bob@${PHONE}`);
    world.run(1000);
    expect(first.got("INVITE").map((m) => m.split(" ")[1])).toEqual(["sip:bob@10.0.0.2", "sip:low@10.0.0.2"]);
    expect(second.got("INVITE").map((m) => m.split(" ")[1])).toEqual(["sip:high@10.0.0.3"]);
    expect(a.last()).toBe("call ended cause refused status 302");
    const ids = [...first.got("INVITE"), ...second.got("INVITE")].map((m) => header(m, "Call-ID"));
    expect(new Set(ids).size).toBe(1);
  });

  it("tries five other places at most", () => {
    const world = new World();
    const a = new Agent(world, DOOR);
    const peer = new Peer(world, PHONE);
    let n = 0;
    peer.onMessage = (message) => {
      if (message.startsWith("INVITE"))
        peer.respond(DOOR, message, "302 Moved Temporarily", "r", [`Contact: <sip:n${n++}@${PHONE}>`]);
    };
    a.call(`sip:bob@${PHONE}`);
    world.run(2000);
    expect(peer.got("INVITE")).toHaveLength(6);
    expect(a.last()).toBe("call ended cause refused status 302");
  });
});
