import { describe, expect, it } from "vitest";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Agent, bodyOf, header, headers, Peer, sdpOf, World } from "./harness.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";

let serial = 0;

interface Parts {
  uri?: string;
  cseq?: number;
  callId?: string;
  fromTag?: string;
  toTag?: string;
  branch?: string;
  contact?: string;
  more?: string[];
  type?: string;
  body?: string;
}

/** Sends a request by hand and gives its branch. */
function ask(peer: Peer, method: string, parts: Parts = {}): string {
  const branch = parts.branch ?? `z9hG4bKx${serial++}`;
  peer.send(
    DOOR,
    [
      `${method} ${parts.uri ?? `sip:door@${DOOR}`} SIP/2.0`,
      `Via: SIP/2.0/UDP ${peer.address};branch=${branch}`,
      "Max-Forwards: 70",
      `From: <sip:bob@${peer.address}>;tag=${parts.fromTag ?? "bobtag"}`,
      `To: <sip:door@${DOOR}>${parts.toTag === undefined ? "" : `;tag=${parts.toTag}`}`,
      `Call-ID: ${parts.callId ?? "one@hand"}`,
      `CSeq: ${parts.cseq ?? 1} ${method}`,
      ...(parts.contact === "" ? [] : [`Contact: <${parts.contact ?? `sip:bob@${peer.address}`}>`]),
      ...(parts.more ?? []),
      ...(parts.body === undefined ? [] : [`Content-Type: ${parts.type ?? "application/sdp"}`]),
    ],
    parts.body ?? "",
  );
  return branch;
}

/** Makes a door, and a peer that has said nothing yet. */
function house(answers = false) {
  const world = new World();
  const a = new Agent(world, DOOR);
  a.autoAnswer = answers;
  return { world, a, peer: new Peer(world, PHONE) };
}

/** Returns the first line and To tag of the answer to that request. */
function answer(world: World, peer: Peer, method: string, parts: Parts = {}): string {
  peer.inbox.length = 0;
  ask(peer, method, parts);
  world.run(20);
  return peer.inbox.at(-1) ?? "";
}

/** Makes a body of two parts, of which the second has that type. */
function partsOf(type: string, body: string): string {
  return [
    "--b",
    "Content-Type: application/isup",
    "",
    "\u0001\u0002",
    "--b",
    `Content-Type: ${type}`,
    "",
    body,
    "--b--",
    "",
  ].join("\r\n");
}

function statusOf(message: string): number {
  return message.startsWith("SIP/2.0 ") ? Number(message.slice(8, 12)) : 0;
}

function tagOf(message: string): string {
  return header(message, "To").split(";tag=")[1] ?? "";
}

/** Makes a peer whose call the door has taken. @returns our tag */
function talking() {
  const all = house(true);
  const tag = tagOf(answer(all.world, all.peer, "INVITE", { body: sdpOf(PHONE) }));
  ask(all.peer, "ACK", { toTag: tag });
  all.world.run(20);
  expect(all.a.last()).toBe("call confirmed");
  return { ...all, tag };
}

/** Makes a peer whose call rings at the door. */
function ringing(more: string[] = []) {
  const all = house();
  const branch = ask(all.peer, "INVITE", { body: sdpOf(PHONE), more });
  all.world.run(20);
  expect(all.a.last()).toBe("call incoming");
  return { ...all, branch, tag: tagOf(all.peer.got("SIP/2.0 180")[0]) };
}

function isQuiet(a: Agent): boolean {
  return a.ua.layer.servers.used() + a.ua.layer.clients.used() === 0 && a.timers.next() === Infinity;
}

describe("a request outside of dialogs", () => {
  const invite = { body: sdpOf(PHONE) };

  it.each([
    ["FROBNICATE", {}, 501, "Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK"],
    ["REGISTER", {}, 405, "Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK"],
    ["PUBLISH", {}, 405, "Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, UPDATE, PRACK, SUBSCRIBE"],
    ["SUBSCRIBE", {}, 489, "Allow-Events", "dialog"],
    ["INVITE", { ...invite, uri: "sips:door@10.0.0.1" }, 416, "", ""],
    ["INVITE", { ...invite, uri: "tel:+4930123" }, 180, "", ""],
    ["INVITE", { ...invite, uri: "sip:door@10.0.0.1?Subject=x" }, 400, "", ""],
    ["INVITE", { ...invite, more: ["Require: 100rel, foo, bar"] }, 420, "Unsupported", "foo"],
    ["OPTIONS", { more: ["Require: foo"] }, 420, "Unsupported", "foo"],
    ["INVITE", { body: "<x/>", type: "application/xml" }, 415, "Accept", "application/sdp"],
    ["INVITE", { ...invite, more: ["Content-Encoding: gzip"] }, 415, "", ""],
    ["INVITE", { ...invite, more: ["Accept: text/plain"] }, 406, "", ""],
    ["INVITE", { ...invite, more: ["Accept: text/plain, application/*;q=0.5"] }, 180, "", ""],
    ["INVITE", { body: sdpOf(PHONE, 4000, "18") }, 488, "Warning", '305 portero "Incompatible media format"'],
    ["INVITE", { body: "v=0\r\nnonsense" }, 400, "", ""],
    ["INVITE", { ...invite, contact: "" }, 180, "", ""],
    ["INVITE", { ...invite, contact: "mailto:bob@example.org" }, 400, "", ""],
    ["INVITE", { ...invite, toTag: "never-heard-of" }, 481, "", ""],
    ["BYE", {}, 481, "", ""],
    ["BYE", { toTag: "never-heard-of" }, 481, "", ""],
    ["CANCEL", {}, 481, "", ""],
    ["INFO", {}, 481, "", ""],
    ["UPDATE", {}, 481, "", ""],
    ["PRACK", {}, 481, "", ""],
    ["NOTIFY", {}, 481, "", ""],
    ["OPTIONS", {}, 200, "Accept", "application/sdp, "],
    ["OPTIONS", {}, 200, "Supported", "100rel, timer"],
    ["MESSAGE", { body: "hello", type: "text/plain" }, 200, "", ""],
    ["MESSAGE", { body: "GIF89a", type: "image/gif" }, 415, "Accept", "text/plain"],
  ] as const)("%s %j gets %i %s", (method, parts, status, name, value) => {
    const { world, a, peer } = house();
    const got = answer(world, peer, method, parts as Parts);
    expect(statusOf(got), got).toBe(status);
    if (name !== "") expect(headers(got, name).join(", ")).toContain(value);
    if (status >= 200) {
      expect(a.ua.activeCall()).toBe(null);
      if (method === "INVITE")
        ask(peer, "ACK", { toTag: tagOf(got), branch: header(got, "Via").split("branch=")[1].split(";")[0] });
      world.run(64_000);
      expect(isQuiet(a)).toBe(true);
    }
  });

  it("420 names each option that is not known, in fields of their own", () => {
    const { world, peer } = house();
    const got = answer(world, peer, "INVITE", { ...invite, more: ["Require: 100rel, foo", "Require: bar"] });
    expect(headers(got, "Unsupported")).toEqual(["foo", "bar"]);
  });

  it("OPTIONS tells that the line is busy", () => {
    const { world, peer } = ringing();
    expect(statusOf(answer(world, peer, "OPTIONS", { callId: "other" }))).toBe(486);
  });

  it("a text is told", () => {
    const { world, a, peer } = house();
    answer(world, peer, "MESSAGE", { body: "hello", type: "text/plain;charset=utf-8" });
    expect(a.diary).toEqual(["text hello"]);
  });

  it("of who may not call gets what the user says, after nothing else is wrong with it", () => {
    const { world, a, peer } = house();
    a.refuse = 403;
    expect(statusOf(answer(world, peer, "INVITE", invite))).toBe(403);
    expect(statusOf(answer(world, peer, "MESSAGE", { body: "x", type: "text/plain", callId: "m" }))).toBe(403);
    expect(a.diary).toEqual([]);
  });

  it("that came by two ways is taken once, the other copy gets 482", () => {
    const { world, a, peer } = ringing();
    expect(statusOf(answer(world, peer, "INVITE", invite))).toBe(482);
    expect(a.diary).toEqual(["call incoming"]);
  });

  it.each([
    ["Request-URI", { ...invite, uri: "sip:door@10.0.0.1?Subject=x" }],
    ["Session Description", { body: "v=0\r\nnonsense" }],
    ["Contact Header Field", { ...invite, contact: "mailto:bob@example.org" }],
    ["Content-Length", { more: ["Content-Length: many"] }],
  ] as const)("with a bad %s hears so in the reason of the 400 (RFC 3261 §21.4.1)", (what, parts) => {
    const { world, peer } = house();
    expect(answer(world, peer, "INVITE", parts as Parts).split("\r\n")[0]).toBe("SIP/2.0 400 Bad " + what);
  });

  it("without Contact is answered, and hung up at the address of its From", () => {
    const { world, a, peer } = house(true);
    const tag = tagOf(answer(world, peer, "INVITE", { ...invite, contact: "" }));
    ask(peer, "ACK", { toTag: tag });
    world.run(20);
    a.ua.hangUp(a.ua.calls[0]);
    world.run(20);
    expect(peer.got("BYE")[0].split(" ")[1]).toBe(`sip:bob@${PHONE}`);
  });

  it("with a body of several parts is taken by the description in it", () => {
    const { world, a, peer } = house(true);
    const body = [
      "--frontier",
      "Content-Type: text/plain",
      "",
      "hello",
      "--frontier",
      "Content-Type: application/sdp",
      "",
      sdpOf(PHONE, 30000),
      "--frontier--",
      "",
    ].join("\r\n");
    const got = answer(world, peer, "INVITE", { body, type: 'multipart/mixed;boundary="frontier"' });
    expect(bodyOf(got)).toContain("m=audio 16384 RTP/AVP 0 101");
    ask(peer, "ACK", { toTag: tagOf(got) });
    world.run(200);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.some((p) => p.port === 30000)).toBe(true);
  });
});

describe("a call that rings here", () => {
  it("is given up by CANCEL: 200 to it, 487 to the INVITE, with one To tag", () => {
    const { world, a, peer, branch, tag } = ringing();
    ask(peer, "CANCEL", { branch });
    world.run(20);
    expect(peer.got("SIP/2.0 200").map(tagOf)).toEqual([tag]);
    expect(peer.got("SIP/2.0 487").map(tagOf)).toEqual([tag]);
    ask(peer, "ACK", { branch, toTag: tag });
    world.run(64_000);
    expect(a.diary).toEqual(["call incoming", "call ended cause cancelled status 487"]);
    expect(isQuiet(a)).toBe(true);
  });

  it("is not given up by a CANCEL with another branch, From tag or sender", () => {
    const { world, a, peer, branch } = ringing();
    const other = new Peer(world, "10.0.0.66");
    ask(peer, "CANCEL", { branch: "z9hG4bKguess" });
    ask(other, "CANCEL", { branch });
    world.run(20);
    expect(peer.got("SIP/2.0 481")).toHaveLength(1);
    expect(other.got("SIP/2.0 481")).toHaveLength(1);
    expect(a.diary).toEqual(["call incoming"]);
  });

  it("that is answered as the CANCEL comes stays: 200 to both", () => {
    const { world, a, peer, branch, tag } = ringing();
    a.ua.answer(a.ua.calls[0]);
    ask(peer, "CANCEL", { branch });
    world.run(20);
    expect(
      peer
        .got("SIP/2.0 200")
        .map((m) => header(m, "CSeq"))
        .sort(),
    ).toEqual(["1 CANCEL", "1 INVITE"]);
    expect(peer.got("SIP/2.0 487")).toHaveLength(0);
    ask(peer, "ACK", { toTag: tag });
    world.run(20);
    expect(a.last()).toBe("call confirmed");
  });

  it("is refused with 486, 603 or what is given, and the ACK ends it", () => {
    for (const status of [486, 603, 480]) {
      const { world, a, peer, branch, tag } = ringing();
      a.ua.hangUp(a.ua.calls[0], status);
      world.run(20);
      expect(peer.got(`SIP/2.0 ${status}`)).toHaveLength(1);
      ask(peer, "ACK", { branch, toTag: tag });
      world.run(64_000);
      expect(peer.got(`SIP/2.0 ${status}`)).toHaveLength(1);
      expect(a.last()).toBe(`call ended cause declined status ${status}`);
      expect(isQuiet(a)).toBe(true);
    }
  });

  it("is refused with 480 when nobody answers in the ring time", () => {
    const { world, a, peer } = ringing();
    world.run(60_000);
    expect(new Set(peer.got("SIP/2.0 480")).size).toBe(1);
    expect(a.last()).toBe("call ended cause no-answer status 480");
  });

  it("may be ended by BYE in its early dialog", () => {
    const { world, a, peer, tag } = ringing();
    ask(peer, "BYE", { cseq: 2, toTag: tag });
    world.run(20);
    expect(peer.got("SIP/2.0 200")).toHaveLength(1);
    expect(peer.got("SIP/2.0 487")).toHaveLength(1);
    expect(a.last()).toBe("call ended cause remote");
  });

  it("takes no second INVITE in its dialog: 500 with Retry-After", () => {
    const { world, peer, tag } = ringing();
    const got = answer(world, peer, "INVITE", { cseq: 2, toTag: tag, body: sdpOf(PHONE) });
    expect(statusOf(got)).toBe(500);
    expect(Number(header(got, "Retry-After"))).toBeLessThanOrEqual(10);
  });

  it("takes an UPDATE without an offer, and refuses one with an offer while the first is open: 500 with Retry-After", () => {
    const { world, peer, tag } = ringing();
    expect(statusOf(answer(world, peer, "UPDATE", { cseq: 2, toTag: tag }))).toBe(200);
    const got = answer(world, peer, "UPDATE", { cseq: 3, toTag: tag, body: sdpOf(PHONE) });
    expect(statusOf(got)).toBe(500);
    expect(header(got, "Retry-After")).not.toBe("");
  });

  it("answers 491 to an UPDATE with an offer while ours is open", () => {
    const { world, peer, tag } = ((): ReturnType<typeof ringing> => {
      const all = house();
      const branch = ask(all.peer, "INVITE", { more: ["Require: 100rel"] });
      all.world.run(20);
      return { ...all, branch, tag: tagOf(all.peer.got("SIP/2.0 180")[0]) };
    })();
    expect(bodyOf(peer.got("SIP/2.0 180")[0])).toContain("m=audio");
    expect(statusOf(answer(world, peer, "UPDATE", { cseq: 2, toTag: tag, body: sdpOf(PHONE) }))).toBe(491);
  });

  it("takes the answer of a PRACK to the offer in its 180, and then a 200 without one", () => {
    const { world, a, peer } = house();
    ask(peer, "INVITE", { more: ["Require: 100rel"] });
    world.run(20);
    const early = peer.got("SIP/2.0 180")[0];
    const toTag = tagOf(early);
    const more = [`RAck: ${header(early, "RSeq")} 1 INVITE`];
    expect(statusOf(answer(world, peer, "PRACK", { cseq: 2, toTag, more, body: sdpOf(PHONE, 31000) }))).toBe(200);
    peer.inbox.length = 0;
    a.ua.answer(a.ua.calls[0]);
    world.run(20);
    expect(bodyOf(peer.inbox[0])).toBe("");
    ask(peer, "ACK", { toTag });
    world.run(200);
    expect(a.last()).toBe("call confirmed");
    expect(peer.packets.some((p) => p.port === 31000)).toBe(true);
  });

  it("answers 481 to a PRACK for a response it did not send", () => {
    const { world, peer, tag } = ringing(["Require: 100rel"]);
    const rseq = Number(header(peer.got("SIP/2.0 180")[0], "RSeq"));
    const wrong = [`${rseq + 1} 1 INVITE`, `${rseq} 2 INVITE`, `${rseq} 1 OPTIONS`, "x", "4294967297 1 INVITE", ""];
    wrong.forEach((rack, i) => {
      const got = answer(world, peer, "PRACK", { cseq: 2 + i, toTag: tag, more: rack === "" ? [] : [`RAck: ${rack}`] });
      expect(statusOf(got), rack).toBe(481);
    });
  });

  it("is refused with 504 when its reliable 180 is never acknowledged", () => {
    const { world, a, peer } = ringing(["Require: 100rel"]);
    world.run(33_000);
    expect(new Set(peer.got("SIP/2.0 504")).size).toBe(1);
    expect(a.last()).toBe("call ended cause declined status 504");
  });
});

describe("a call that we took and that is not acknowledged yet", () => {
  function answered(body = sdpOf(PHONE)) {
    const all = house(true);
    ask(all.peer, "INVITE", body === "" ? {} : { body });
    all.world.run(20);
    return { ...all, tag: tagOf(all.peer.got("SIP/2.0 200")[0]) };
  }

  it("may be ended by BYE; the ACK behind it changes nothing", () => {
    for (const body of [sdpOf(PHONE), ""]) {
      const { world, a, peer, tag } = answered(body);
      ask(peer, "BYE", { cseq: 2, toTag: tag });
      world.run(20);
      ask(peer, "ACK", body === "" ? { toTag: tag, body: sdpOf(PHONE) } : { toTag: tag });
      world.run(64_000);
      expect(a.diary.at(-1)).toBe("call ended cause remote");
      expect(a.diary.filter((line) => line.startsWith("call ended"))).toHaveLength(1);
      expect(peer.got("BYE")).toHaveLength(0);
      expect(a.ua.calls.some((call) => call.hasSound)).toBe(false);
      expect(isQuiet(a)).toBe(true);
    }
  });

  it("takes no re-INVITE: 500 with Retry-After", () => {
    const { world, peer, tag } = answered();
    expect(statusOf(answer(world, peer, "INVITE", { cseq: 2, toTag: tag, body: sdpOf(PHONE) }))).toBe(500);
  });

  it("takes an ACK of another CSeq or tag for nothing", () => {
    const { world, a, peer, tag } = answered();
    ask(peer, "ACK", { cseq: 2, toTag: tag });
    ask(peer, "ACK", { toTag: "guess" });
    ask(peer, "ACK", { toTag: tag, fromTag: "guess" });
    world.run(100);
    expect(a.last()).toBe("call incoming");
    ask(peer, "ACK", { toTag: tag });
    world.run(20);
    expect(a.last()).toBe("call confirmed");
  });
});

describe("a request in a call", () => {
  it("with wrong tags or Call-ID ends nothing", () => {
    const { world, a, peer, tag } = talking();
    const stranger = new Peer(world, "10.0.0.66");
    expect(statusOf(answer(world, peer, "BYE", { cseq: 2, toTag: tag, fromTag: "guess" }))).toBe(481);
    expect(statusOf(answer(world, peer, "BYE", { cseq: 2, toTag: `${tag}x` }))).toBe(481);
    expect(statusOf(answer(world, peer, "BYE", { cseq: 2, toTag: tag, callId: "one@han" }))).toBe(481);
    expect(statusOf(answer(world, stranger, "BYE", { cseq: 2 }))).toBe(481);
    expect(statusOf(answer(world, stranger, "INVITE", { cseq: 2, toTag: "guess", body: sdpOf("10.0.0.66") }))).toBe(
      481,
    );
    expect(a.last()).toBe("call confirmed");
  });

  it("gets an answer of its kind", () => {
    const { world, a, peer, tag } = talking();
    const cases: [string, Parts, number][] = [
      ["OPTIONS", {}, 200],
      ["MESSAGE", { body: "hi", type: "text/plain" }, 200],
      ["INFO", {}, 200],
      ["INFO", { body: "Signal= *\r\nDuration= 90\r\n", type: "application/dtmf-relay" }, 200],
      ["INFO", { body: "d", type: "application/DTMF" }, 200],
      ["INFO", { body: "11", type: "application/dtmf" }, 200],
      ["INFO", { body: partsOf("audio/telephone-event", "Signal=7"), type: "multipart/mixed;boundary=b" }, 200],
      ["INFO", { body: partsOf("application/x", "Signal=7"), type: "multipart/mixed;boundary=b" }, 415],
      ["INFO", { body: "Signal=8", type: "audio/telephone-event" }, 200],
      ["MESSAGE", { body: partsOf("text/html", "hi"), type: "multipart/mixed;boundary=b" }, 415],
      ["INFO", { body: "Signal=x", type: "application/dtmf-relay" }, 415],
      ["INFO", { body: "<x/>", type: "application/media_control+xml" }, 415],
      ["FROB", {}, 501],
      ["REFER", { more: ["Refer-To: <sip:x@y>"] }, 405],
      ["PRACK", { more: ["RAck: 1 1 INVITE"] }, 481],
      ["UPDATE", { body: "<x/>", type: "application/xml" }, 415],
      ["UPDATE", { body: sdpOf(PHONE, 4000, "18") }, 488],
      ["INVITE", { body: sdpOf(PHONE, 4000, "18") }, 488],
      ["INFO", { more: ["Require: foo"] }, 420],
    ];
    cases.forEach(([method, parts, status], i) => {
      const got = answer(world, peer, method, { ...parts, cseq: i + 2, toTag: tag });
      expect(statusOf(got), `${method} ${JSON.stringify(parts)}`).toBe(status);
      if (status === 405 || status === 501) expect(header(got, "Allow")).toContain("BYE");
      // Once the answer was lost, the same request gets the same one.
      const branch = header(got, "Via").split("branch=")[1].split(";")[0];
      expect(answer(world, peer, method, { ...parts, branch, cseq: i + 2, toTag: tag })).toBe(got);
      world.run(33_000);
    });
    expect(a.diary.filter((line) => line.startsWith("digit"))).toEqual([
      "digit * by info",
      "digit D by info",
      "digit # by info",
      "digit 7 by info",
      "digit 8 by info",
    ]);
    expect(a.last()).toBe("call confirmed");
  });

  it.each([
    ["MESSAGE", 403, 403, { body: "hi", type: "text/plain" }],
    ["MESSAGE", 401, 401, { body: "hi", type: "text/plain" }],
    ["REFER", 0, 400, { more: ["Refer-To: <bob>"] }],
    ["REFER", 0, 403, { more: [`Refer-To: <sip:carol@${PHONE}>`] }],
  ] as const)("%s that is refused (%i: %i) is refused alike when it comes again", (method, refuse, status, parts) => {
    const { world, a, peer, tag } = talking();
    a.configure({ refers: true });
    a.refuse = refuse;
    const asked: Parts = {
      ...parts,
      more: [...("more" in parts ? parts.more : [])],
      branch: "z9hG4bKsame",
      cseq: 2,
      toTag: tag,
    };
    const got = answer(world, peer, method, asked);
    expect(statusOf(got)).toBe(status);
    expect(answer(world, peer, method, asked)).toBe(got);
    expect(a.last()).toBe("call confirmed");
  });

  it("that is refused for its short session interval leaves the way free for the next", () => {
    const { world, a, peer, tag } = talking();
    const more = ["Supported: timer", "Session-Expires: 30"];
    expect(statusOf(answer(world, peer, "INVITE", { cseq: 2, toTag: tag, more, body: sdpOf(PHONE) }))).toBe(422);
    expect(statusOf(answer(world, peer, "UPDATE", { cseq: 3, toTag: tag, more, body: sdpOf(PHONE) }))).toBe(422);
    expect(statusOf(answer(world, peer, "INVITE", { cseq: 4, toTag: tag, more }))).toBe(422);
    expect(statusOf(answer(world, peer, "UPDATE", { cseq: 5, toTag: tag, body: sdpOf(PHONE) }))).toBe(200);
    expect(statusOf(answer(world, peer, "INVITE", { cseq: 6, toTag: tag, body: sdpOf(PHONE) }))).toBe(200);
    expect(a.last()).toBe("call confirmed");
  });

  it("a session that UPDATE refreshes goes on, and is over when the refreshes stop", () => {
    const { world, a, peer, tag } = talking();
    const more = ["Supported: timer", "Session-Expires: 90;refresher=uac"];
    for (let i = 0; i < 5; i++) {
      expect(statusOf(answer(world, peer, "UPDATE", { cseq: 2 + i, toTag: tag, more }))).toBe(200);
      world.run(45_000);
      expect(a.last()).toBe("call confirmed");
    }
    world.run(16_000);
    expect(a.last()).toBe("call ended cause expired");
  });

  it("comes to the target that the last re-INVITE or UPDATE gave", () => {
    const { world, a, peer, tag } = talking();
    answer(world, peer, "UPDATE", { cseq: 2, toTag: tag, contact: "sip:moved@10.0.0.2:5060;x=1" });
    a.ua.hangUp(a.ua.calls[0]);
    world.run(20);
    expect(peer.got("BYE")[0].split(" ")[1]).toBe("sip:moved@10.0.0.2:5060;x=1");
  });

  it("without an offer gets ours, and a missing answer in the ACK ends the call", () => {
    const { world, a, peer, tag } = talking();
    const got = answer(world, peer, "INVITE", { cseq: 2, toTag: tag });
    expect(bodyOf(got)).toContain("m=audio 16384");
    ask(peer, "ACK", { cseq: 2, toTag: tag, body: sdpOf(PHONE, 32000) });
    world.run(500);
    expect(peer.packets.some((p) => p.port === 32000)).toBe(true);
    answer(world, peer, "INVITE", { cseq: 3, toTag: tag });
    ask(peer, "ACK", { cseq: 3, toTag: tag });
    world.run(20);
    expect(a.last()).toBe("call ended cause no-codec status 488");
  });

  it("a BYE sent again, by either side at once, is answered 200 each time", () => {
    const { world, a, peer, tag } = talking();
    a.ua.hangUp(a.ua.calls[0]);
    ask(peer, "BYE", { cseq: 2, toTag: tag });
    ask(peer, "BYE", { cseq: 3, toTag: tag });
    world.run(20);
    expect(
      peer
        .got("SIP/2.0 200")
        .map((m) => header(m, "CSeq"))
        .slice(-2),
    ).toEqual(["2 BYE", "3 BYE"]);
    expect(a.last()).toBe("call ended cause local");
  });

  it("by INFO, a code of eight digits in a row, is heard to the end", () => {
    const { world, a, peer, tag } = talking();
    for (let i = 0; i < 30; i++) {
      const body = `Signal=${i % 10}\r\nDuration=100\r\n`;
      expect(
        statusOf(answer(world, peer, "INFO", { cseq: 2 + i, toTag: tag, type: "application/dtmf-relay", body })),
      ).toBe(200);
      world.run(300);
    }
    expect(a.diary.filter((line) => line.startsWith("digit"))).toHaveLength(30);
    expect(statusOf(answer(world, peer, "BYE", { cseq: 40, toTag: tag }))).toBe(200);
  });
});

describe("too much at once", () => {
  it("gets 486 or 503, and all is well again afterwards", () => {
    const { world, a, peer } = house();
    for (let i = 0; i < 40; i++) ask(peer, "INVITE", { callId: `flood${i}`, body: sdpOf(PHONE) });
    world.run(20);
    const finals = peer.inbox.map(statusOf).filter((status) => status >= 200);
    expect(finals).toHaveLength(39);
    expect(finals.every((status) => status === 486 || status === 503)).toBe(true);
    expect(a.diary).toEqual(["call incoming"]);
    a.ua.hangUp(a.ua.calls[0]);
    world.run(70_000);
    expect(isQuiet(a)).toBe(true);
    peer.inbox.length = 0;
    ask(peer, "INVITE", { callId: "after", body: sdpOf(PHONE) });
    world.run(20);
    expect(peer.got("SIP/2.0 180")).toHaveLength(1);
  });

  it("in a call leaves room to hang up, for both sides", () => {
    for (const ours of [false, true]) {
      const { world, a, peer, tag } = talking();
      const stranger = new Peer(world, "10.0.0.66");
      for (let i = 0; i < 40; i++) {
        ask(stranger, "OPTIONS", { callId: `flood${i}` });
        world.run(2);
      }
      if (ours) a.ua.hangUp(a.ua.calls[0]);
      else ask(peer, "BYE", { cseq: 2, toTag: tag });
      world.run(20);
      expect(a.last()).toBe(`call ended cause ${ours ? "local" : "remote"}`);
      expect(
        ours ? peer.got("BYE").length : peer.got("SIP/2.0 200").filter((m) => header(m, "CSeq") === "2 BYE").length,
      ).toBe(1);
    }
  });

  it("with pools of one is still an answer", () => {
    const world = new World();
    const a = new Agent(world, DOOR, {}, { ...DOOR_LIMITS, dialogs: 1, calls: 2, servers: 2 });
    const peer = new Peer(world, PHONE);
    for (let i = 0; i < 4; i++) ask(peer, "INVITE", { callId: `n${i}`, body: sdpOf(PHONE) });
    world.run(20);
    expect(a.diary).toEqual(["call incoming"]);
    expect(peer.inbox.map(statusOf).filter((status) => status >= 400)).toEqual([486, 486, 486]);
  });
});
