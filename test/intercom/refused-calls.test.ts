/**
 * Tests that nothing is refused in silence: a call that is refused is an event, a line of `calls` and of the log, with
 * the reason; and a flood of them hides nothing.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { HOUSE_LIMITS } from "../../src/driver/limits.js";
import { houseServerLimits } from "../../src/intercom/houseserver.js";
import { Record as KeptText } from "../../src/settings/record.js";
import { Peer, sdpOf, World } from "../ua/harness.js";
import { DOOR, House } from "./house.js";

const PHONE = "10.0.0.3";
const STRANGER = "10.0.0.66";
const TYPE = "Content-Type: application/sdp";

let world: World;
let count = 0;

beforeEach(() => {
  world = new World();
  count = 0;
});

interface Parts {
  uri?: string;
  to?: string;
  more?: string[];
  body?: string;
  type?: string;
  from?: string;
}

/** @returns the statuses of the answers, without 100 */
function calls(peer: Peer, parts: Parts = {}): number[] {
  count += 1;
  peer.inbox.length = 0;
  const body = parts.body ?? sdpOf(peer.address);
  const lines = [
    `INVITE ${parts.uri ?? "sip:door@" + DOOR} SIP/2.0`,
    `Via: SIP/2.0/UDP ${peer.address};branch=z9hG4bKr${count}`,
    "Max-Forwards: 70",
    `From: ${parts.from ?? `<sip:bob@${peer.address}>`};tag=b${count}`,
    `To: <sip:door@${DOOR}>${parts.to ?? ""}`,
    `Call-ID: r${count}`,
    "CSeq: 1 INVITE",
    `Contact: <sip:bob@${peer.address}>`,
    ...(body === "" ? [] : [parts.type ?? TYPE]),
    ...(parts.more ?? []),
  ];
  peer.send(DOOR, lines, body);
  world.run(5);
  return peer.inbox.map((message) => Number(message.slice(8, 11))).filter((status) => status > 100);
}

function refusals(h: House): string[] {
  return h.tellings("call", "code", "reason").filter((line) => line.startsWith("refused"));
}

const ALL = "call.allow=any";
const NOTHING_COMMON = sdpOf(PHONE, 20000, "9", ["a=rtpmap:9 G722/8000"]);
const KEY = Buffer.alloc(30, 7).toString("base64");
const sealed = (...keys: string[]): string => sdpOf(PHONE, 20000, "0", keys).replace("RTP/AVP", "RTP/SAVP");
const GOOD_KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY;
const CLEAR_TOO = "media.encryptionClear=on";
const BY_DTLS = sealed("a=fingerprint:sha-256 AA:BB").replace("RTP/SAVP", "UDP/TLS/RTP/SAVPF");
/** What is wrong with the encryption of an offer, and what to set. */
const ENCRYPTION: [what: string, settings: string[], body: string, reason: string][] = [
  [
    "sound in clear where encryption is required",
    ["media.encryption=require", CLEAR_TOO],
    sdpOf(PHONE),
    "its sound is in clear: switch on SRTP with SDES there, or set media.encryption offer",
  ],
  [
    "sound that is encrypted where that is off",
    ["media.encryption=off"],
    sealed(GOOD_KEY),
    "its sound is encrypted, and media.encryption is off: set media.encryption offer",
  ],
  [
    "keys that anybody could read",
    [],
    sealed(GOOD_KEY),
    "anybody could read its keys on the way: let it use TLS, or set media.encryptionClear on",
  ],
  ...["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA", `a=crypto:1 ROT_13 inline:${KEY}`].map(
    (line): [string, string[], string, string] => [
      "keys as in " + line,
      [CLEAR_TOO],
      sealed(line),
      "its keys are broken or of an unknown suite: let it use AES_CM_128_HMAC_SHA1_80",
    ],
  ),
  ...[BY_DTLS, sealed()].map((body): [string, string[], string, string] => [
    "keys that are not in the call",
    [CLEAR_TOO],
    body,
    "its keys are not in the call (DTLS, ZRTP): switch on SRTP with SDES there",
  ]),
  [
    "a codec, while its keys are right",
    [CLEAR_TOO],
    sealed("a=rtpmap:9 G722/8000", GOOD_KEY).replace("SAVP 0", "SAVP 9"),
    "no codec or address in common",
  ],
  [
    "a codec, while it is in clear beside a medium that is encrypted",
    [],
    NOTHING_COMMON + "m=audio 20002 RTP/SAVP 0\r\n",
    "no codec or address in common",
  ],
];
const CASES: [what: string, settings: string[], parts: Parts, status: number, reason: string][] = [
  ["no codec in common", [ALL], { body: NOTHING_COMMON }, 488, "no codec or address in common"],
  ["a caller who is not known", [], {}, 403, "the caller is not known"],
  [
    "another name than the door's",
    ["call.target=sip:bob@" + PHONE],
    { uri: "sip:x@" + DOOR },
    404,
    "nobody here has that name",
  ],
  ["not to be disturbed, busy", [ALL, "call.doNotDisturb=busy"], {}, 486, "busy"],
  ["not to be disturbed, away", [ALL, "call.doNotDisturb=away"], {}, 480, "do not disturb"],
  ["an extension", [ALL], { more: ["Require: teapot, 100rel"] }, 420, "needs what is not here (teapot, 100rel)"],
  ["another body", [ALL], { type: "Content-Type: application/tea", body: "tea" }, 415, "its body cannot be read"],
  ["no description", [ALL], { more: ["Accept: application/tea"] }, 406, "no description is accepted"],
  ["another scheme", [ALL], { uri: "mailto:door@x" }, 416, "its address is no sip: one"],
  ["a URI that is none", [ALL], { uri: "sip:2001:db8::1" }, 400, "malformed"],
  ["a malformed field", [ALL], { from: "<sip:x" }, 400, "malformed (Bad From Header Field)"],
  ["a malformed description", [ALL], { body: "v=1\r\n" }, 400, "malformed"],
  ["a call that is none", [ALL], { to: ";tag=x" }, 481, "it belongs to no call"],
  [
    "a short interval",
    [ALL],
    { more: ["Supported: timer", "Session-Expires: 20"] },
    422,
    "its session interval is too small",
  ],
  [
    "too long a Contact",
    [ALL],
    { more: [`Record-Route: ${`<sip:${"r".repeat(180)};lr>,`.repeat(6)}<sip:x;lr>`] },
    513,
    "too long",
  ],
];

describe("a call that is refused", () => {
  it.each(ENCRYPTION)("for %s is told with what to set", (_what, settings, body, reason) => {
    const h = new House(world, ALL, ...settings);
    expect(calls(new Peer(world, PHONE), { body })).toEqual([488]);
    expect(refusals(h)).toEqual([`refused 488 ${reason}`]);
    for (const lines of [h.log.text("call"), h.log.text("")]) expect(lines).toContain(reason);
  });

  it.each(CASES)(
    "for %s is told with its reason, and stands in `calls` and the log",
    (_what, settings, parts, status, reason) => {
      const h = new House(world, ...settings);
      const peer = new Peer(world, PHONE);
      expect(calls(peer, parts)).toEqual([status]);
      expect(refusals(h)).toEqual([`refused ${status} ${reason}`]);
      for (const lines of [h.log.text("call"), h.log.text("")]) expect(lines).toContain("call refused ");
      expect(h.log.text("call")).toContain(reason.replace(":", ":"));
      expect(h.tellings("call", "address")[0]).toBe("refused " + PHONE);
      expect(h.door.ua.activeCall()).toBe(null);
    },
  );

  it("while another one goes on says so, and leaves that one's line as it is", () => {
    const h = new House(world, ALL, "call.autoAnswer=on");
    const first = new Peer(world, PHONE);
    const second = new Peer(world, STRANGER);
    expect(calls(first)).toContain(200);
    expect(calls(second)).toEqual([486]);
    expect(refusals(h)).toEqual(["refused 486 busy"]);
    h.door.hangUp("");
    world.run(70_000);
    const [refused, ended] = h.log.text("call").trim().split("\n");
    expect(refused).toContain(`refused <sip:bob@${STRANGER}>`);
    expect(ended).toMatch(/call in .*10\.0\.0\.3/);
  });

  it("because there is no room, or it does not fit, is told by the layer below", () => {
    const h = new House(world, ALL, "call.autoAnswer=on");
    const peer = new Peer(world, PHONE);
    const { servers } = h.door.ua.layer;
    const taken = [];
    for (let t = servers.take(); t !== null; t = servers.take()) taken.push(t);
    expect(calls(peer)).toEqual([503]);
    for (const t of taken) servers.give(t);
    expect(calls(peer, { more: ["X-Long: " + "x".repeat(100), `Via: SIP/2.0/UDP x;y=${"y".repeat(1500)}`] })).toEqual(
      [],
    );
    expect(refusals(h)).toEqual(["refused 503 no room", "refused 513 too long"]);
  });

  it("is no call that was challenged, came twice, or rang", () => {
    const h = new House(world, "call.password=opensesame", "call.autoAnswer=on");
    const peer = new Peer(world, PHONE);
    expect(calls(peer)).toEqual([401]);
    expect(refusals(h)).toEqual([]);
    world = new World();
    const open = new House(world, ALL);
    const other = new Peer(world, PHONE);
    expect(calls(other)).toEqual([180]);
    open.door.hangUp("");
    world.run(5);
    expect(open.tellings("call", "code").at(-1)).toBe("ended 486");
    expect(refusals(open)).toEqual([]);
  });

  it("by the door's own server for want of a right password is told, of a challenge nothing", () => {
    House.limits = houseServerLimits({ ...HOUSE_LIMITS });
    const h = new House(world, "server.enabled=on", "phone1.name=kitchen", "phone1.password=k1");
    House.limits = HOUSE_LIMITS;
    const peer = new Peer(world, PHONE);
    expect(calls(peer, { from: `<sip:kitchen@${DOOR}>` })).toEqual([407]);
    expect(refusals(h)).toEqual([]);
    expect(calls(peer)).toEqual([403]);
    expect(refusals(h)).toEqual(["refused 403 the caller is not known"]);
  });

  it("forges no line, whatever it calls itself", () => {
    const h = new House(world);
    const peer = new Peer(world, STRANGER);
    calls(peer, { from: '"x relay=on: open relay 1" <sip:open@x>' });
    const [line] = h.log.text("call").trim().split("\n");
    expect(line).toMatch(/call refused ".*": the caller is not known$/);
  });
});

describe("a flood of refused calls", () => {
  it("is told of by a few events and their number; who is expected to call is told of all the same", () => {
    const h = new House(world, "call.target=sip:bob@" + PHONE);
    const stranger = new Peer(world, STRANGER);
    const phone = new Peer(world, PHONE);
    for (let i = 0; i < 2000; i++) calls(stranger);
    // The calls are ten seconds of 200 a second.
    expect(refusals(h).length).toBeLessThanOrEqual(6);
    calls(phone, { body: NOTHING_COMMON });
    expect(refusals(h).at(-1)).toBe("refused 488 no codec or address in common");
    world.run(60_000);
    calls(stranger);
    const untold = h.tellings("call", "untold").at(-1)?.split(" ")[1];
    expect(Number(untold)).toBeGreaterThan(1900);
  });

  it("pushes nothing else out of the log, and is written to flash once an hour", () => {
    const h = new House(world, "call.target=sip:bob@" + PHONE);
    const stranger = new Peer(world, STRANGER);
    h.event("", "", {});
    h.log.event("relay", "on", { relay: 1, reason: "code" });
    h.log.event("register", "registered", { expires: 60 });
    world.run(61_000);
    let writes = 0;
    const write = h.store.write.bind(h.store);
    h.store.write = (key: string, value: string) => {
      if (key === "log.a" || key === "log.b") writes += 1;
      write(key, value);
    };
    for (let minute = 0; minute < 600; minute++) {
      for (let i = 0; i < 3; i++) calls(stranger, { from: `<sip:caller${minute}-${i}@x>` });
      world.run(60_000);
    }
    expect(writes).toBeGreaterThan(8);
    expect(writes).toBeLessThanOrEqual(11);
    expect(h.log.text("")).toContain("open relay 1: code");
    expect(h.log.text("")).toContain("register registered");
    // The refused calls have their share, and the youngest of them is there.
    expect(h.log.text("call")).toContain("caller599");
    h.log.event("relay", "on", { relay: 1, reason: "exit" });
    world.run(61_000);
    expect(writes).toBeLessThanOrEqual(12);
    expect(new KeptText(h.store, "log", HOUSE_LIMITS.logBytes).read()).toContain("open relay 1: exit");
  });
});
