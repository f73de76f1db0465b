/**
 * Plays messages of other phones, servers and gateways, from public bug reports, against a door: reports/*.in; the
 * right answers are in *.expect.
 */
import { describe, expect, it } from "vitest";
import { bodyOf, header, headers } from "../ua/harness.js";
import { type Plan, Replay } from "./replay.js";

/** The times at which the door registered, in s, without those at which it only asked for its bindings. */
function registrations(replay: Replay): number[] {
  const bindings = replay.requests("REGISTER").filter(({ message }) => header(message, "Contact") !== "");
  return bindings.map(({ atMs }) => Math.round(atMs / 1000));
}

function lines(message: string): string[] {
  return bodyOf(message).split("\r\n");
}

function media(message: string): string[] {
  return lines(message).filter((line) => line.startsWith("m="));
}

function answer(replay: Replay): string {
  return replay.response("INVITE", 200);
}

/** The credentials in a request, as name and value. */
function credentials(message: string, name = "Authorization"): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, key, quoted, token] of header(message, name).matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/g))
    found[key] = quoted ?? token;
  return found;
}

interface Case {
  plan?: Plan;
  check(replay: Replay): void;
}

function confirmed(replay: Replay): void {
  expect(replay.told("call")).toContain("confirmed");
}

const INCOMING: Record<string, Case> = {
  "01-contact-semicolon-in-user": {
    plan: { acts: [[1000, (house) => house.press()]], runMs: 2000 },
    check(replay) {
      confirmed(replay);
      expect(replay.requests("BYE")[0].message.split("\r\n")[0]).toBe(
        "BYE sip:+358-555-1234567;postd=pp22@10.0.0.3;user=phone SIP/2.0",
      );
    },
  },
  "03-cisco-media-level-c": {
    check(replay) {
      expect(media(answer(replay))[0]).toMatch(/^m=audio \d+ RTP\/AVP [08] \d+$/);
    },
  },
  "04-sdp-blank-lines": {
    check: (replay) => expect(answer(replay)).toContain("a=rtpmap:101 telephone-event/8000"),
  },
  "05-removed-media-first": {
    check(replay) {
      const all = media(answer(replay)).map((line) => line.split(" ")[1]);
      expect([all.length, all[0], all[1], all[2] !== "0"]).toEqual([3, "0", "0", true]);
    },
  },
  "06-content-type-charset": { check: confirmed },
  "08-multipart-isup": { check: (replay) => expect(media(answer(replay))[0]).toMatch(/^m=audio \d+ RTP\/AVP/) },
  "09-te-16000-then-8000": {
    check: (replay) => expect(answer(replay)).toContain("a=rtpmap:101 telephone-event/8000"),
  },
  "11-latin1-names": {
    check(replay) {
      const sent = replay.world.sent.find(({ message }) => message.startsWith("SIP/2.0 200"))?.message ?? "";
      expect(header(sent, "From")).toBe(replay.field(0, "From"));
    },
  },
  "12-utf8-unquoted-name": { check: confirmed },
  "13-empty-name-epid": { check: confirmed },
  "14-hash-in-user": { check: confirmed },
  "15-huawei-vias": { check: (replay) => sameVias(replay) },
  "16-via-ipv6-scope": { check: (replay) => sameVias(replay) },
  "18-length-zero-with-sdp": {
    check: (replay) => expect(media(answer(replay))[0]).toMatch(/^m=audio \d+ RTP\/AVP 0 8 101$/),
  },
  "19-sdp-trailing-spaces": {
    check(replay) {
      expect(answer(replay)).toContain("a=recvonly");
      expect(answer(replay)).toContain("telephone-event/8000");
    },
  },
  "20-sdp-30-formats": {
    check: (replay) => expect(media(answer(replay))[0]).toMatch(/^m=audio \d+ RTP\/AVP 8 \d+$/),
  },
  "21-pcmu-dynamic": { check: (replay) => expect(media(answer(replay))[0]).toMatch(/RTP\/AVP 97/) },
  "22-sdp-trailing-nul": { check: (replay) => expect([200, 400]).toContain(replay.statuses("INVITE").at(-1)) },
  "23-asterisk-maxptime-video": { check: (replay) => expect(media(answer(replay))[1]).toMatch(/^m=video 0 /) },
  "24-scanner-contact": {
    check(replay) {
      expect(replay.statuses("INVITE")).toEqual([expect.toSatisfy((status: number) => status >= 400 && status < 500)]);
      expect(replay.told("call")).toEqual([]);
    },
  },
  "26-cseq-over-2-31": { check: (replay) => expect([200, 400]).toContain(replay.statuses("INVITE").at(-1)) },
  "27-notify-check-sync": {
    check(replay) {
      const statuses = replay.statuses("NOTIFY");
      expect(statuses).toHaveLength(2);
      for (const status of statuses) expect([481, 489]).toContain(status);
    },
  },
  "28-bye-before-ack": {
    plan: { runMs: 40_000 },
    check(replay) {
      expect(replay.statuses("BYE")).toEqual([200]);
      expect(replay.told("call").at(-1)).toBe("ended");
      const late = replay.world.sent.filter(({ atMs, message }) => atMs > 700 && message.startsWith("SIP/2.0 200"));
      expect(late.filter(({ message }) => header(message, "CSeq").endsWith("INVITE"))).toEqual([]);
    },
  },
  "29-info": { check: (replay) => infoDigit(replay, "#") },
  "31-info": { check: (replay) => infoDigit(replay, "7") },
  "32-info": { check: (replay) => infoDigit(replay, "#") },
  "33-info": { check: (replay) => infoDigit(replay, "3") },
  "g3-session-level-direction": { check: (replay) => expect(answer(replay)).toContain("a=sendonly") },
  "g5-broadworks-101-is-amr": {
    check(replay) {
      expect(media(answer(replay))[0]).toMatch(/RTP\/AVP 8 106$/);
      expect(answer(replay)).toContain("a=rtpmap:106 telephone-event/8000");
    },
  },
  "h1-options-branch-0": {
    check(replay) {
      expect(replay.world.sent.filter(({ message }) => message.startsWith("SIP/2.0 200"))).toHaveLength(3);
    },
  },
  "h11-end-other-timestamp": { check: (replay) => expect(replay.digits()).toBe("2580") },
  "h3-invite-expires": {
    plan: { settings: ["call.autoAnswer=off"], runMs: 7000 },
    check: (replay) => expect(replay.statuses("INVITE").at(-1)).toBe(487),
  },
  "h5-ruri-forms": {
    plan: { settings: ["call.autoAnswer=off"] },
    check(replay) {
      expect(replay.statuses("INVITE").length).toBeGreaterThanOrEqual(8);
    },
  },
  "h8-large-invite": { check: (replay) => expect([200, 513]).toContain(replay.statuses("INVITE").at(-1)) },
  "i1-escaped-own-user": {
    plan: { settings: ["call.allow=known", "call.target=sip:bob@10.0.0.3", "call.knownByAddress=on"] },
    check: (replay) => expect(replay.told("call")).toContain("ringing"),
  },
  "j1-message-escaped-user": {
    plan: {
      settings: ["call.allow=known", "call.target=sip:bob@10.0.0.3", "call.knownByAddress=on", "door.message=on"],
    },
    check(replay) {
      expect(replay.statuses("MESSAGE")[0]).toBe(200);
      expect(replay.told("relay")).toContain("on");
    },
  },
  "k3-compact-timer": {
    check(replay) {
      expect(header(answer(replay), "Session-Expires")).toBe("300;refresher=uac");
      expect(header(answer(replay), "Require")).toBe("timer");
    },
  },
  "k7-bye-reason-forms": {
    check(replay) {
      expect(replay.statuses("BYE")).toEqual([200]);
      expect(replay.told("call").at(-1)).toBe("ended");
    },
  },
  "k9-in-dialog-options": {
    check(replay) {
      expect(replay.statuses("OPTIONS")).toEqual([200]);
      for (const method of ["MESSAGE", "FOO", "REFER", "NOTIFY", "PUBLISH"])
        expect([method, replay.statuses(method).length]).toEqual([method, 1]);
      expect(replay.told("call").at(-1)).toBe("confirmed");
    },
  },
};

function sameVias(replay: Replay): void {
  const sent = answer(replay);
  const strip = (via: string) => via.replace(/;(rport|received)(=[^;]*)?/g, "").replace(/\s+/g, "");
  expect(headers(sent, "Via").flatMap(parts).map(strip)).toEqual(replay.fields(0, "Via").flatMap(parts).map(strip));
}

/** @returns the values of one field, separated by commas outside of quotes */
function parts(value: string): string[] {
  return value.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map((part) => part.trim());
}

function infoDigit(replay: Replay, digit: string): void {
  expect([replay.digits(), replay.statuses("INFO")]).toEqual([digit, [200]]);
}

const REGISTRATION: Record<string, Case> = {
  "40-own-contact-among-many": {
    check: (replay) => expect(registrations(replay)[1]).toBeLessThan(60),
  },
  "41-expires-header-only": { check: (replay) => expect(registrations(replay)[1]).toBeLessThan(120) },
  "42-contact-rewritten": { check: (replay) => expect(registrations(replay)[1]).toBeLessThan(60) },
  "44-no-contact-no-expires": {
    check(replay) {
      const [, second] = registrations(replay);
      expect(second).toBeLessThanOrEqual(600);
      expect(second).toBeGreaterThan(60);
    },
  },
  "45-compact-200-hash-contacts": {
    check(replay) {
      expect(replay.told("register")).toContain("registered");
      const [, second] = registrations(replay);
      expect(second).toBeLessThanOrEqual(600);
    },
  },
  "46-same-nonce-again": {
    check(replay) {
      const counts = replay
        .requests("REGISTER")
        .map(({ message }) => credentials(message).nc)
        .filter((nc) => nc !== undefined);
      expect(counts.length).toBeGreaterThan(3);
      counts.slice(1).forEach((nc, i) => {
        expect(Number.parseInt(nc, 16)).toBeGreaterThan(Number.parseInt(counts[i], 16));
      });
    },
  },
  "49-challenge": {
    check(replay) {
      expect(replay.told("register")).toContain("registered");
      expect(credentials(replay.requests("REGISTER")[1].message).qop).toBeUndefined();
    },
  },
  "51-challenge": {
    check(replay) {
      expect(replay.told("register")).toContain("registered");
      const sent = credentials(replay.requests("REGISTER")[1].message);
      expect([sent.nonce, sent.algorithm]).toEqual(["plain", "MD5"]);
    },
  },
  "53-challenge": { check: (replay) => expect(replay.told("register")).toContain("registered") },
  "54-nextnonce": {
    check(replay) {
      expect(replay.told("register").filter((value) => value === "failed")).toEqual([]);
      expect(credentials(replay.requests("REGISTER")[2].message).nonce).toBe("n1");
    },
  },
  "g7-register-302": {
    check(replay) {
      const went = replay.world.sent.some(({ to, message }) => to.startsWith("10.0.0.19") && /^REGISTER/.test(message));
      expect(went || replay.told("register").includes("failed")).toBe(true);
    },
  },
  "g8-realm-changes": {
    plan: { accepts: (request) => credentials(request).realm === "pbx.house" },
    check: (replay) => expect(replay.told("register").at(-1)).toBe("registered"),
  },
  "m2-long-user": {
    plan: { runMs: 60_000 },
    check: (replay) => expect(registrations(replay)[1]).toBeLessThan(60),
  },
};

const OUTGOING: Record<string, Case> = {
  "48-stale-twice-invite": {
    check(replay) {
      const invites = replay.requests("INVITE").map(({ message }) => message);
      expect(invites).toHaveLength(3);
      expect(credentials(invites[2], "Proxy-Authorization").nonce).toBe("n2");
      expect(new Set(invites.map((message) => header(message, "Call-ID"))).size).toBe(1);
      const numbers = invites.map((message) => Number.parseInt(header(message, "CSeq"), 10));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    },
  },
  "56-service-route": {
    plan: { acts: [[500, (house) => house.press()]], settings: ["call.target=200", "sip.proxy=10.0.0.9"] },
    check(replay) {
      const routes = headers(replay.requests("INVITE")[0].message, "Route").flatMap(parts);
      expect(routes.map((route) => /sip:[^>;]+/.exec(route)?.[0])).toEqual([
        "sip:10.0.0.9",
        "sip:orig@scscf.example.com:6060",
        "sip:10.0.0.77",
      ]);
      expect(headers(replay.requests("REGISTER")[0].message, "Route")).toHaveLength(1);
    },
  },
  "57-fritz-register-invite": {
    check(replay) {
      const [first, second] = replay.requests("INVITE").map(({ message }) => message);
      expect(header(second, "Call-ID")).toBe(header(first, "Call-ID"));
      expect(header(second, "From")).toBe(header(first, "From"));
      expect(header(second, "To")).not.toContain("tag=");
      expect(header(second, "Via")).not.toBe(header(first, "Via"));
      expect(credentials(second).uri).toBe(second.split(" ")[1]);
      expect(replay.told("register")).toContain("registered");
    },
  },
  "58-302-other-host": {
    check(replay) {
      const there = replay.requests("INVITE").filter(({ to }) => to.startsWith("10.0.0.54"));
      expect(there).toHaveLength(1);
      expect(there[0].message).not.toMatch(/^(Proxy-)?Authorization:/m);
    },
  },
  "60-answer-other-te-type": {
    check(replay) {
      expect(replay.digits()).toBe("2580");
      expect(replay.told("relay")).toContain("on");
    },
  },
  "61-te-not-negotiated": { check: (replay) => expect(replay.digits()).toBe("2580") },
  "63-digits-back-to-back": { check: (replay) => expect(replay.digits()).toBe("25801155") },
  "65-timer-after-early": {
    plan: { runMs: 130_000 },
    check(replay) {
      const refreshes = [...replay.requests("INVITE").slice(1), ...replay.requests("UPDATE")];
      expect(Math.abs(refreshes[0].atMs - 60_650)).toBeLessThan(10_000);
      expect(replay.told("call").at(-1)).toBe("confirmed");
    },
  },
  "66-refresh-unanswered": {
    plan: { runMs: 95_000 },
    check(replay) {
      expect(replay.told("call").at(-1)).toBe("ended");
      expect(replay.requests("BYE").length).toBeGreaterThan(0);
    },
  },
  "68-offerless-reinvite-after-hold": {
    check(replay) {
      expect(answer(replay)).toContain("a=sendrecv");
      expect(answer(replay)).toContain("RTP/AVP 0 8 101");
      expect(replay.told("call").at(-1)).toBe("confirmed");
    },
  },
  "69-o-version": {
    check(replay) {
      const answers = replay.world.sent.filter(
        ({ message }) => message.startsWith("SIP/2.0 200") && bodyOf(message) !== "",
      );
      const offers = replay.requests("INVITE");
      const all = [...offers, ...answers].sort((a, b) => a.atMs - b.atMs).map(({ message }) => lines(message));
      for (let i = 1; i < all.length; i++) {
        const [before, now] = [all[i - 1], all[i]];
        const same = before.slice(2).join() === now.slice(2).join();
        const by = Number(now[1].split(" ")[2]) - Number(before[1].split(" ")[2]);
        expect(by).toBe(same ? 0 : 1);
      }
    },
  },
  "71-broken-sdp-in-one-fork": { check: confirmed },
  "72-cancel-races-200-route": {
    plan: { acts: [[199, (house) => house.press()]], runMs: 2000 },
    check(replay) {
      for (const method of ["ACK", "BYE"]) {
        const [sent] = replay.requests(method);
        expect([method, sent.to]).toEqual([method, "10.0.0.3:5060"]);
        expect(header(sent.message, "Route")).toContain("10.0.0.3:5060;lr=on");
      }
    },
  },
  "74-200-without-sdp-after-183": {
    plan: { runMs: 3000 },
    check(replay) {
      const last = replay.told("call").at(-1);
      expect(["confirmed", "ended"]).toContain(last);
      if (last === "ended") expect(replay.requests("BYE")).toHaveLength(1);
    },
  },
  "75-unknown-1xx-and-2xx": {
    check(replay) {
      confirmed(replay);
      expect(replay.requests("ACK")).toHaveLength(1);
    },
  },
  "76-487-never": {
    plan: {
      acts: [
        [210, (house) => house.press()],
        [40_000, (house) => house.press()],
      ],
      runMs: 41_000,
    },
    check(replay) {
      expect(replay.told("call")[2]).toBe("ended");
      expect(replay.requests("INVITE")).toHaveLength(2);
    },
  },
  "77-muted-phone-dtx-rtcp": { check: (replay) => expect(replay.told("call").at(-1)).toBe("confirmed") },
  "g1-answer-te-first": {
    check(replay) {
      confirmed(replay);
      expect(replay.digits().length).toBeGreaterThan(0);
    },
  },
  "g10-200-no-contact": {
    plan: { runMs: 35_000 },
    check(replay) {
      expect(replay.requests("ACK").length).toBeGreaterThan(0);
      expect(["confirmed", "ended"]).toContain(replay.told("call").at(-1));
    },
  },
  "g9-two-realms": {
    check(replay) {
      const [, second] = replay.requests("INVITE").map(({ message }) => message);
      expect(credentials(second, "Proxy-Authorization").realm).toBe("sbc.example");
    },
  },
  "h13-prack-gap": {
    plan: { settings: [] },
    check(replay) {
      const racks = replay.requests("PRACK").map(({ message }) => header(message, "RAck").split(" ")[0]);
      expect(racks).toEqual([...new Set(racks)].sort((a, b) => Number(a) - Number(b)));
      expect(racks.slice(0, 2)).toEqual(["5", "6"]);
      expect(replay.told("call")).toContain("early");
    },
  },
  "j6-two-challenges-one-407": {
    check(replay) {
      const [, second] = replay.requests("INVITE").map(({ message }) => message);
      expect(headers(second, "Proxy-Authorization").some((value) => value.includes('realm="B"'))).toBe(true);
    },
  },
  "k1-422-loop": {
    plan: { runMs: 40_000 },
    check(replay) {
      const invites = replay.requests("INVITE").map(({ message }) => message);
      expect(invites.length).toBeLessThan(10);
      expect(Number.parseInt(header(invites[1], "Session-Expires"), 10)).toBeGreaterThanOrEqual(2000);
      expect(replay.told("call").at(-1)).toBe("ended");
    },
  },
  "k5-info-408-481": {
    check(replay) {
      expect(replay.requests("BYE").length).toBeGreaterThan(0);
      expect(replay.told("call").at(-1)).toBe("ended");
    },
  },
  "h6-record-route-tcp": {
    plan: { hasTcp: true, acts: [[500, (house) => house.press()]], runMs: 1000 },
    check(replay) {
      for (const method of ["ACK", "BYE"]) {
        const [sent] = replay.streamed.filter(({ message }) => message.startsWith(method));
        expect([method, sent?.to]).toEqual([method, "10.0.0.3:5070"]);
        expect(header(sent.message, "Via")).toMatch(/^SIP\/2.0\/TCP/);
      }
    },
  },
  "k8-long-route-set": {
    plan: { runMs: 35_000 },
    check(replay) {
      const [ack] = replay.requests("ACK");
      expect(ack).toBeDefined();
      const routes = headers(ack.message, "Route").flatMap(parts).length;
      expect(routes === 5 || replay.requests("BYE").length > 0).toBe(true);
    },
  },
  "l3-second-200-other-sdp": {
    plan: { runMs: 3000 },
    check(replay) {
      expect(replay.world.sent.filter(({ message }) => message.startsWith("ACK "))).toHaveLength(2);
      expect(replay.house.door.ua.activeCall()?.session.negotiation.result.remotePort).toBe(20000);
    },
  },
  "l5-final-after-early": {
    check(replay) {
      expect(replay.requests("ACK")).toHaveLength(1);
      expect(replay.house.tellings("call", "code").at(-1)).toBe("ended 603");
    },
  },
  "h9-subscribe-dialog-forms": {
    plan: { settings: ["call.allow=known", "call.target=sip:bob@10.0.0.3", "call.knownByAddress=on"] },
    check(replay) {
      const statuses = replay.statuses("SUBSCRIBE");
      for (const status of statuses) expect([200, 202, 489]).toContain(status);
      expect(replay.requests("NOTIFY").length).toBeGreaterThanOrEqual(statuses.filter((one) => one < 300).length);
    },
  },
};

describe.each([
  ["a call that comes", INCOMING],
  ["a registration", REGISTRATION],
  ["a call of the door", OUTGOING],
] as const)("%s", (_words, cases) => {
  for (const [name, { plan, check }] of Object.entries(cases)) {
    it(name, () => check(new Replay(name, plan)));
  }
});
