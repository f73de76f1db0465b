/** Tests phones that keep their flow (RFC 5626): how they register, by which way they are reached, and when not. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { TOKEN_LIFE_S } from "../../src/server/routetoken.js";
import { field, fields } from "../transaction/harness.js";
import { contactsOf, home } from "./house.js";
import { ALICE, type Ask, brief, PEER, ProxyHouse, peers } from "./proxied.js";

const URN = "<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>";
const KEPT = ';reg-id=1;+sip.instance="' + URN + '"';
const SUPPORTED = "Supported: path, outbound\r\n";
const HOME = "<sip:bob@192.168.0.7:5060>";
const NAT = "10.7.7.7:41000";
const status = (response: string): number => Number(response.slice(8, 11));
const bob = (contact: string, extra = SUPPORTED): object => ({ user: "bob", contact, extra });
const bound = (h: ProxyHouse): string[] => h.bound("bob@example.org").map(({ uri }) => uri);
const call = (h: ProxyHouse): string[] => brief(h.sends({}));

describe("a REGISTER with reg-id and instance, RFC 5626 §6", () => {
  it("is granted with Require, and by TCP with Flow-Timer", () => {
    const answer = new ProxyHouse().register(bob(HOME + KEPT), NAT);
    expect([status(answer), field(answer, "Require"), fields(answer, "Flow-Timer")]).toEqual([200, "outbound", []]);
    expect(contactsOf(answer)).toEqual([HOME + ";expires=3600" + KEPT]);
  });

  it.each([
    ["no Supported", HOME + KEPT, ""],
    ["no instance", HOME + ";reg-id=1", SUPPORTED],
    ["no reg-id", HOME + ';+sip.instance="' + URN + '"', SUPPORTED],
    ["reg-id 0", HOME + KEPT.replace("=1", "=0"), SUPPORTED],
    ["a reg-id beyond 31 bits", HOME + KEPT.replace("=1", "=2147483648"), SUPPORTED],
    ["a reg-id that is no number", HOME + KEPT.replace("=1", "=x"), SUPPORTED],
    ["an instance without brackets", HOME + ';reg-id=1;+sip.instance="urn:uuid:1"', SUPPORTED],
    ["an empty instance", HOME + ';reg-id=1;+sip.instance="<>"', SUPPORTED],
    ["an instance with a quote in it", HOME + ';reg-id=1;+sip.instance="<a\\"b>"', SUPPORTED],
    ["an instance that is too long", HOME + ';reg-id=1;+sip.instance="<' + "a".repeat(100) + '>"', SUPPORTED],
  ])("is an ordinary one with %s", (_why, contact, extra) => {
    const h = new ProxyHouse();
    const answer = h.register(bob(contact, extra), NAT);
    expect([status(answer), fields(answer, "Require")]).toEqual([200, []]);
    expect(contactsOf(answer)).toEqual([HOME + ";expires=3600"]);
  });

  it("may require outbound", () => {
    const extra = SUPPORTED + "Require: outbound\r\n";
    expect(status(new ProxyHouse().register(bob(HOME + KEPT, extra), NAT))).toBe(200);
  });

  it("is told 420 by a registrar that binds nothing to flows, and else an ordinary one", () => {
    const h = new ProxyHouse({}, [], null, undefined, { flowTimerS: 0 });
    expect(status(h.register(bob(HOME + KEPT, SUPPORTED + "Require: outbound\r\n"), NAT))).toBe(420);
    expect(fields(h.register(bob(HOME + KEPT), NAT), "Require")).toEqual([]);
  });

  it("replaces the binding of the same instance and reg-id, whatever the contact", () => {
    const h = new ProxyHouse();
    h.register(bob(HOME + KEPT), NAT);
    h.register({ ...bob("<sip:bob@192.168.0.99:5060>" + KEPT), callId: "after-a-restart" }, NAT);
    expect(bound(h)).toEqual(["sip:bob@192.168.0.99:5060"]);
    h.register(bob("<sip:bob@192.168.0.99:5060>" + KEPT.replace("=1", "=2")), NAT);
    h.register(bob("<sip:bob@192.168.0.99:5060>" + KEPT.replace("ff>", "00>")), NAT);
    expect(bound(h)).toHaveLength(3);
    h.register({ ...bob("<sip:other@10.0.0.9>;expires=0" + KEPT), callId: "third" }, NAT);
    expect(bound(h)).toHaveLength(2);
  });

  it("takes the place of an ordinary binding with its contact, and gives it back", () => {
    const h = new ProxyHouse();
    h.register(bob(HOME, ""), NAT);
    h.register(bob(HOME + KEPT), NAT);
    expect(bound(h)).toHaveLength(1);
    h.register(bob(HOME, ""), NAT);
    expect(bound(h)).toHaveLength(1);
    expect(call(h)).not.toContain("INVITE " + ALICE);
  });

  it("refuses two flows in one request, and a first hop that keeps none", () => {
    const h = new ProxyHouse();
    const two = HOME + KEPT + ", <sip:bob@192.168.0.8>" + KEPT.replace("=1", "=2");
    expect(status(h.register(bob(two), NAT))).toBe(400);
    const via = "SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bKedge\r\nVia: SIP/2.0/UDP 192.168.0.7:5060";
    const path = (uri: string): string => SUPPORTED + "Path: <sip:far@10.0.0.8;lr>, <" + uri + ">\r\n";
    expect(status(h.register({ ...bob(HOME + KEPT), via }, NAT))).toBe(439);
    expect(status(h.register({ ...bob(HOME + KEPT, path("sip:edge@10.0.0.7;lr")), via }, NAT))).toBe(439);
    expect(bound(h)).toEqual([]);
    expect(status(h.register({ ...bob(HOME + KEPT, path("sip:edge@10.0.0.7;lr;ob")), via }, NAT))).toBe(200);
    expect(call(h)).toEqual(["INVITE 10.0.0.8:5060"]);
  });
});

describe("a call to a phone that keeps its flow, RFC 5626 §5.3", () => {
  it("goes to where the REGISTER came from, whatever the contact says", () => {
    const h = new ProxyHouse();
    h.register(bob("<sip:bob@10.0.0.3:5060>" + KEPT), NAT);
    const [invite] = h.sends({});
    expect([invite.line, brief([invite])[0]]).toEqual(["INVITE sip:bob@10.0.0.3:5060 SIP/2.0", "INVITE " + NAT]);
  });

  it("goes to one flow of an instance, the youngest", () => {
    const h = new ProxyHouse();
    h.register(bob("<sip:bob@10.0.0.3>" + KEPT), "10.0.0.3:5060");
    h.register({ ...bob("<sip:bob@10.0.0.3>" + KEPT.replace("=1", "=2")), callId: "second" }, "10.0.0.4:5060");
    expect(call(h)).toEqual(["INVITE 10.0.0.4:5060"]);
  });

  it("goes over its connection, and nowhere when that is closed: the binding is gone then", () => {
    const h = new ProxyHouse();
    const sent = h.registerByStream(7, "10.7.7.7", 41_000, bob("<sip:bob@10.0.0.3:5060;transport=tcp>" + KEPT));
    expect([status(sent), field(sent, "Flow-Timer")]).toEqual([200, "120"]);
    expect(h.sends({}).map(({ to }) => to)).toEqual(["tcp 7 10.7.7.7:41000"]);
    h.layer.streamClosed(7);
    expect(bound(h)).toHaveLength(1);
    expect(call(h)).toEqual(["480 10.9.9.9:5060"]);
    expect([bound(h), h.proxy.counters.flowsLost]).toEqual([[], 1]);
    expect(h.isIdle()).toBe(true);
  });

  it("takes an older flow of the phone when the youngest is gone", () => {
    const h = new ProxyHouse();
    h.register(bob("<sip:bob@10.0.0.3>" + KEPT.replace("=1", "=2")), NAT);
    h.registerByStream(7, "10.7.7.7", 41_000, bob("<sip:bob@10.0.0.3;transport=tcp>" + KEPT));
    h.layer.streamClosed(7);
    expect(call(h)).toEqual(["INVITE " + NAT]);
    expect(bound(h)).toEqual(["sip:bob@10.0.0.3"]);
  });

  it("is not sent over a connection of somebody else at the same address", () => {
    const h = new ProxyHouse();
    h.registerByStream(7, "10.7.7.7", 41_000, bob("<sip:bob@10.0.0.3;transport=tcp>" + KEPT));
    h.layer.streamClosed(7);
    h.layer.streamOpened(
      8,
      "10.7.7.7".split(".").reduce((ip, part) => ip * 256 + Number(part), 0),
      41_000,
    );
    expect(call(h)).toEqual(["480 10.9.9.9:5060"]);
  });

  it("closes a connection that promised keep-alives and is silent", () => {
    const h = new ProxyHouse();
    h.registerByStream(7, "10.7.7.7", 41_000, bob("<sip:bob@10.0.0.3;transport=tcp>" + KEPT));
    h.pass(179_000);
    h.layer.transport.closeUnused(180_000);
    expect(h.layer.transport.stream(7)).not.toBe(null);
    h.ping(7);
    h.pass(179_000);
    h.layer.transport.closeUnused(180_000);
    expect(h.layer.transport.stream(7)).not.toBe(null);
    h.pass(2000);
    h.layer.transport.closeUnused(180_000);
    expect(h.layer.transport.stream(7)).toBe(null);
  });
});

describe("a phone that registers elsewhere through this proxy, RFC 5626 §5", () => {
  const EDGE = "10.8.8.8";
  const register = (extra: string, via = "Via: SIP/2.0/UDP 192.168.0.7:5060;branch=z9hG4bKr1\r\n"): Ask => ({
    method: "REGISTER",
    uri: "sip:10.5.5.5",
    via,
    from: "<sip:zoe@elsewhere.net>;tag=zz",
    to: "<sip:zoe@elsewhere.net>",
    extra: "Contact: <sip:zoe@192.168.0.7:5060>" + KEPT + "\r\n" + extra,
  });
  const house = (): ProxyHouse => new ProxyHouse({ trusted: [ipv4("10.7.7.7")] });
  const pathOf = (h: ProxyHouse): string => field(h.sends(register(SUPPORTED), NAT)[0].text, "Path");
  const along = (path: string): Ask => ({ uri: "sip:zoe@192.168.0.7:5060", extra: "Route: " + path + "\r\n" });

  it("gets a Path with its flow in it, if its registrar may be given one", () => {
    expect(pathOf(house())).toMatch(/^<sip:[0-9a-f]{56}@10\.0\.0\.1:5060;lr;ob>$/);
    const without = (ask: Ask): string[] => fields(house().sends(ask, NAT)[0].text, "Path");
    expect(without(register(""))).toEqual([]);
    const two = "Via: SIP/2.0/UDP 10.7.7.7;branch=z9hG4bKr2, SIP/2.0/UDP 192.168.0.7;branch=z9hG4bKr1\r\n";
    expect(without(register(SUPPORTED, two))).toEqual([]);
    expect(without(register(SUPPORTED + "Path: <sip:far@10.0.0.8;lr>\r\n"))).toHaveLength(2);
  });

  it("is reached along that Path by everybody who knows it, over its flow", () => {
    const h = house();
    const path = pathOf(h);
    const sent = h.sends(along(path), EDGE + ":5060");
    expect([sent[0].line, brief(sent)]).toEqual(["INVITE sip:zoe@192.168.0.7:5060 SIP/2.0", ["INVITE " + NAT]]);
    expect(fields(sent[0].text, "Route")).toEqual([]);
    expect(brief(h.answers(sent[0], 200, "bb", "Contact: <sip:zoe@192.168.0.7:5060>\r\n"))).toEqual([
      "200 " + EDGE + ":5060",
    ]);
  });

  it("is not reached by a token that was changed anywhere", () => {
    const h = house();
    const path = pathOf(h);
    for (let i = 5; i < 61; i++) {
      const digit = path[i] === "0" ? "1" : "0";
      const forged = path.slice(0, i) + digit + path.slice(i + 1);
      expect(brief(h.sends(along(forged), EDGE + ":5060")), "digit " + i).toEqual(["403 " + EDGE + ":5060"]);
    }
    expect(brief(h.sends(along(path.replace(/sip:[0-9a-f]+/, "sip:" + "0".repeat(56))), EDGE + ":5060"))).toEqual([
      "403 " + EDGE + ":5060",
    ]);
  });

  it("cannot be the way to anybody else", () => {
    const h = house();
    const path = pathOf(h);
    const beyond = along(path + ", <sip:10.6.6.6;lr>");
    expect(brief(h.sends(beyond, EDGE + ":5060"))).toEqual(["407 " + EDGE + ":5060"]);
    // Whoever the Request-URI names, only the phone of the flow gets the request.
    expect(brief(h.sends({ ...along(path), uri: "sip:victim@10.6.6.6" }, EDGE + ":5060"))).toEqual(["INVITE " + NAT]);
    const other = new ProxyHouse({}, [], null, { ...home(), seed: 9 });
    expect(brief(other.sends(along(path), EDGE + ":5060"))).toEqual(["403 " + EDGE + ":5060"]);
  });

  it("is told 430 when the token has ended", () => {
    const h = house();
    const path = pathOf(h);
    h.pass((TOKEN_LIFE_S + 3700) * 1000);
    expect(brief(h.sends(along(path), EDGE + ":5060"))).toEqual(["430 " + EDGE + ":5060"]);
  });
});

describe("servers that share a store, RFC 5626 §5.3", () => {
  const shared = (): ProxyHouse => new ProxyHouse({}, [], null, { ...home(), isShared: true });
  const path = (h: ProxyHouse): string => h.bound("bob@example.org")[0].path;
  const OTHER = "10.0.0.77:5060";

  it("reach a phone of one another by the flow that its server has, until that is gone", () => {
    const h = shared();
    h.registerByStream(7, "10.7.7.7", 41_000, bob("<sip:bob@10.0.0.3:5060;transport=tcp>" + KEPT));
    expect(path(h)).toMatch(/^<sip:[0-9a-f]{56}@10\.0\.0\.1:5060;lr;ob>$/);
    const along = { uri: "sip:bob@10.0.0.3:5060;transport=tcp", extra: "Route: " + path(h) + "\r\n" };
    expect(h.sends(along, OTHER).map(({ to }) => to)).toEqual(["tcp 7 10.7.7.7:41000"]);
    // The server itself needs no Path.
    expect(h.sends({}).map(({ to }) => to)).toEqual(["tcp 7 10.7.7.7:41000"]);
    h.layer.streamClosed(7);
    expect(brief(h.sends(along, OTHER))).toEqual(["430 " + OTHER]);
  });

  it("do not tell a phone the Path that they made", () => {
    expect(fields(shared().register(bob(HOME + KEPT), NAT), "Path")).toEqual([]);
  });

  it("tell a caller 480 when another server has lost the flow", () => {
    const h = new ProxyHouse();
    const extra = SUPPORTED + "Path: <sip:token@10.0.0.7;lr;ob>\r\n";
    h.register(bob(HOME + KEPT, extra), NAT);
    const [invite] = h.sends({});
    expect(brief([invite])).toEqual(["INVITE 10.0.0.7:5060"]);
    expect(brief(h.answers(invite, 430))).toEqual(["480 10.9.9.9:5060"]);
    expect([bound(h), h.proxy.counters.flowsLost]).toEqual([[], 1]);
  });

  it("tell a caller what another phone answered, in whichever order, when another server has lost a flow", () => {
    for (const isLostFirst of [true, false]) {
      const h = new ProxyHouse();
      h.register(bob(HOME + KEPT, SUPPORTED + "Path: <sip:token@10.0.0.7;lr;ob>\r\n"), NAT);
      h.register({ ...bob("<sip:bob@10.0.0.4>" + KEPT.replace("ff>", "00>")), callId: "other" }, "10.0.0.4:5060");
      const sent = h.sends({});
      const lost = sent.find(({ to }) => to.includes("10.0.0.7"))!;
      const busy = sent.find((one) => one !== lost)!;
      const answers = () => [...(isLostFirst ? [] : h.answers(busy, 486)), ...h.answers(lost, 430)];
      const told = [...answers(), ...(isLostFirst ? h.answers(busy, 486) : [])];
      expect(brief(told).filter((line) => !line.startsWith("ACK"))).toEqual(["486 10.9.9.9:5060"]);
    }
  });

  it("forget a flow that another server has lost, and call an older one of the phone", () => {
    const [first, second] = peers();
    const stream = (number: number, regId: string): string =>
      first.registerByStream(number, "10.7.7.7", 41_000 + number, {
        ...bob("<sip:bob@10.0.0.3:5060;transport=tcp>" + KEPT.replace("=1", "=" + regId)),
        callId: "flow" + regId,
      });
    stream(7, "1");
    stream(8, "2");
    const other = KEPT.replace("ff>", "00>");
    first.register({ ...bob("<sip:bob@10.0.0.4>" + other), callId: "other" }, "10.0.0.4:5060");
    expect(bound(first)).toHaveLength(3);
    const sent = second.sends({});
    expect(brief(sent)).toEqual(["INVITE 10.0.0.1:5060", "INVITE 10.0.0.1:5060"]);
    const youngest = sent.find(({ line }) => line.includes("10.0.0.3"))!;
    first.layer.streamClosed(8);
    expect(brief(first.receive(youngest.text, PEER + ":5060"))).toEqual(["430 " + PEER + ":5060"]);
    const again = second.answers(youngest, 430);
    expect(brief(again)).toEqual(["INVITE 10.0.0.1:5060"]);
    expect(again[0].text).not.toContain(/\r\nRoute: <sip:([0-9a-f]+)/.exec(youngest.text)![1]);
    expect(bound(first)).toHaveLength(2);
    expect(second.proxy.counters.flowsLost).toBe(1);
    // The other phone still rings; it answers after both flows of the first one are lost.
    expect(brief(second.answers(again[0], 430))).toEqual([]);
    expect(bound(first)).toEqual(["sip:bob@10.0.0.4"]);
    const ringing = sent.find((one) => one !== youngest)!;
    expect(brief(second.answers(ringing, 200, "bb", "Contact: <sip:bob@10.0.0.4>\r\n"))).toEqual(["200 10.9.9.9:5060"]);
    expect(second.isIdle()).toBe(true);
  });

  it("keep the binding of a phone that registered anew meanwhile", () => {
    const [first, second] = peers();
    const contact = bob("<sip:bob@10.0.0.3:5060;transport=tcp>" + KEPT);
    first.registerByStream(7, "10.7.7.7", 41_000, contact);
    const [invite] = second.sends({});
    first.layer.streamClosed(7);
    first.registerByStream(8, "10.7.7.7", 41_001, { ...contact, callId: "anew" });
    expect(brief(second.answers(invite, 430))).toEqual(["480 10.9.9.9:5060"]);
    expect(bound(first)).toHaveLength(1);
    expect(brief(second.sends({}))).toEqual(["INVITE 10.0.0.1:5060"]);
    expect(second.isIdle()).toBe(true);
  });
});
