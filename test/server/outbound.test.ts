/** Tests phones that keep their flow (RFC 5626): how they register, by which way they are reached, and when not. */
import { describe, expect, it } from "vitest";
import { field, fields } from "../transaction/harness.js";
import { contactsOf } from "./house.js";
import { ALICE, brief, ProxyHouse } from "./proxied.js";

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
