import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import type { StatelessProxy } from "../../src/server/stateless.js";
import { runs } from "../runs.js";
import { responseTo } from "../transaction/harness.js";
import { apply, change } from "../wire/broken.js";
import { ALICE, ask, BOB, brief, field, fields, ProxyHouse, STRANGER, withoutState } from "./proxied.js";

/** Makes a house whose proxy is stateless, with bob registered twice. */
function house(): { h: ProxyHouse; proxy: StatelessProxy } {
  const h = new ProxyHouse();
  const proxy = withoutState(h);
  h.bind("bob", "<sip:bob@10.0.0.3:5060>");
  h.bind("bob", "<sip:bob@10.0.0.4:5060>;q=0.5");
  h.pass(60_000);
  return { h, proxy };
}

const branch = (text: string): string => fields(text, "Via")[0].replace(/.*branch=/, "");

describe("the proxy without state (RFC 3261 §16.11)", () => {
  test("sends each repetition on with the same branch, to the best contact alone, and makes no transaction", () => {
    const { h } = house();
    const request = ask({ branch: "z9hG4bKrep", callId: "rep" });
    const [first] = h.receive(request, STRANGER);
    const [second] = h.receive(request, STRANGER);
    expect(brief([first, second])).toEqual(["INVITE 10.0.0.3:5060", "INVITE 10.0.0.3:5060"]);
    expect(second.text).toBe(first.text);
    expect(field(first.text, "Max-Forwards")).toBe("69");
    expect(field(first.text, "Record-Route")).toMatch(/^<sip:[0-9a-f]{41}@10/);
    expect(h.layer.servers.used() + h.layer.clients.used()).toBe(0);
    h.pass(100_000);
    expect(h.network.take()).toEqual([]);
  });

  test("gives CANCEL and the ACK for a refusal the branch of their INVITE, another request another", () => {
    const { h } = house();
    const request = ask({ branch: "z9hG4bKone", callId: "one" });
    const [invite] = h.receive(request, STRANGER);
    const [cancel] = h.receive(request.replace(/INVITE/g, "CANCEL"), STRANGER);
    const [ack] = h.receive(request.replace(/INVITE/g, "ACK").replace(/(To: .*)\r/, "$1;tag=bb\r"), STRANGER);
    expect(brief([cancel, ack])).toEqual(["CANCEL 10.0.0.3:5060", "ACK 10.0.0.3:5060"]);
    expect(branch(cancel.text)).toBe(branch(invite.text));
    expect(branch(ack.text)).toBe(branch(invite.text));
    expect(branch(h.sends({})[0].text)).not.toBe(branch(invite.text));
  });

  test("passes no response on whose lower Via was not in the request, with or without the magic cookie", () => {
    for (const own of ["z9hG4bKq", "1"]) {
      const { h, proxy } = house();
      const [invite] = h.sends({ via: "Via: SIP/2.0/UDP 10.9.9.9;branch=" + own + "\r\n" });
      const ringing = responseTo(invite.text, 180, "bb");
      expect(brief(h.receive(ringing, BOB))).toEqual(["180 10.9.9.9:5060"]);
      const [ours, theirs] = fields(invite.text, "Via");
      const last = ours.replace(/.(?=[0-9a-f]{8};rport)/, (digit) => (digit === "0" ? "1" : "0"));
      for (const [from, to] of [
        [theirs, theirs.replace("UDP 10.9.9.9", "UDP 10.8.8.8")],
        [theirs, theirs.replace("branch=", "branch=z9hG4bKz")],
        [theirs, "SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKx;received=10.8.8.8"],
        [ours, last],
        [ours, ours.replace(/branch=[^;]*/, "branch=z9hG4bKshort")],
      ]) {
        expect(from).not.toBe(to);
        expect(h.receive(ringing.replace(from, to), STRANGER), to).toEqual([]);
      }
      expect(proxy.counters.dropped).toBe(5);
    }
  });

  test("sends nothing for what is broken, or one message, and keeps nothing", () => {
    const { h } = house();
    const [invite] = h.sends({});
    const [, mark] = /<(sip:[0-9a-f]{41}@[^>]*)>/.exec(field(invite.text, "Record-Route")) as RegExpExecArray;
    const all = [
      ...["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"].flatMap((method) => [
        ask({ method }),
        ask({ method, uri: "sip:eve@elsewhere.net" }),
        ask({ method, extra: "Route: <" + mark + ">, <sip:10.8.8.8;lr>\r\n", body: "v=0\r\n" }),
      ]),
      ...[100, 180, 200, 486].map((status) => responseTo(invite.text, status, "bb")),
    ].map(octets);
    fc.assert(
      fc.property(fc.nat(all.length - 1), fc.array(change, { maxLength: 4 }), (sample, changes) => {
        const bytes = apply(all[sample], changes);
        h.network.take();
        h.layer.receiveDatagram(ipv4("10.66.0.1"), 5060, bytes, 0, bytes.length);
        expect(h.network.take().length).toBeLessThanOrEqual(1);
        for (const { id } of h.network.asked.splice(0)) h.layer.resolved(id, ipv4("10.77.7.7"), 5060);
        expect(h.network.take()).toEqual([]);
      }),
      { seed: 3261, numRuns: runs(10_000) },
    );
    h.pass(400_000);
    expect(h.network.take()).toEqual([]);
    expect(h.layer.servers.used() + h.layer.clients.used()).toBe(0);
  });

  test("passes a response to where the Via below its own says, and no other", () => {
    const { h, proxy } = house();
    const via = "Via: SIP/2.0/UDP 192.168.1.9:5062;rport;branch=z9hG4bKnat\r\n";
    const [invite] = h.sends({ via }, "10.9.9.9:40404");
    const [ringing] = h.answers(invite, 180);
    expect(brief([ringing])).toEqual(["180 10.9.9.9:40404"]);
    expect(fields(ringing.text, "Via").length).toBe(1);
    const forged =
      "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.6.6.6:5060;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP 10.8.8.8;branch=z9hG4bKy\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
    expect(h.receive(forged, BOB)).toEqual([]);
    expect(h.receive(forged.replace("10.6.6.6", "10.0.0.1").replace(/Via: SIP.2.0.UDP 10.8.*\r\n/, ""), BOB)).toEqual(
      [],
    );
    expect(h.receive(forged.replace("10.6.6.6", "10.0.0.1").replace("10.8.8.8", "a.name"), BOB)).toEqual([]);
    expect(proxy.counters.dropped).toBe(3);
  });

  test("follows its mark in a dialog, and nothing else", () => {
    const { h } = house();
    const [invite] = h.sends({ callId: "talk" });
    const [ok] = h.answers(invite, 200, "bb");
    const route = {
      to: field(ok.text, "To"),
      callId: "talk",
      uri: "sip:bob@10.0.0.3:5060",
      extra: "Route: " + field(ok.text, "Record-Route") + "\r\n",
    };
    expect(brief(h.sends({ ...route, method: "ACK" }))).toEqual(["ACK 10.0.0.3:5060"]);
    expect(brief(h.sends({ ...route, method: "BYE", cseq: 2 }))).toEqual(["BYE 10.0.0.3:5060"]);
    expect(brief(h.sends({ ...route, method: "BYE", callId: "other", uri: "sip:v@10.8.8.8" }))).toEqual([
      "407 10.9.9.9:5060",
    ]);
  });

  test("asks a user of ours for the password, takes the same credentials again, and keeps the ACK for its challenge", () => {
    const { h } = house();
    const parts = { from: "<sip:alice@example.org>;tag=aa", branch: "z9hG4bKasked", callId: "asked" };
    const request = ask(parts);
    const [challenge] = h.receive(request, ALICE);
    expect(brief([challenge])).toEqual(["407 10.0.0.2:5060"]);
    const ack = request
      .replace(/INVITE/g, "ACK")
      .replace("To: <sip:bob@example.org>", "To: " + field(challenge.text, "To"));
    expect(h.receive(ack, ALICE)).toEqual([]);
    const credentials = h.answerTo(challenge.text, "alice", "secretA", "sip:bob@example.org", "INVITE");
    const again = ask({ ...parts, branch: "z9hG4bKagain", cseq: 2, extra: credentials });
    expect(brief(h.receive(again, ALICE))).toEqual(["INVITE 10.0.0.3:5060"]);
    expect(brief(h.receive(again, ALICE))).toEqual(["INVITE 10.0.0.3:5060"]);
  });

  test("answers by itself what leads nowhere, one for one", () => {
    const { h } = house();
    expect(brief(h.sends({ uri: "sip:carol@example.org" }))).toEqual(["404 10.9.9.9:5060"]);
    expect(brief(h.sends({ uri: "sip:alice@example.org" }))).toEqual(["480 10.9.9.9:5060"]);
    expect(brief(h.sends({ forwards: "Max-Forwards: 0\r\n" }))).toEqual(["483 10.9.9.9:5060"]);
    expect(brief(h.sends({ method: "OPTIONS", uri: "sip:example.org" }))).toEqual(["200 10.9.9.9:5060"]);
    expect(h.sends({ method: "ACK", uri: "sip:carol@example.org" })).toEqual([]);
    h.pass(100_000);
    expect(h.network.take()).toEqual([]);
  });

  test("leaves a REGISTER for us to the registrar", () => {
    const { h } = house();
    h.bind("alice", "<sip:alice@10.0.0.2>");
    expect(h.bound().length).toBe(1);
  });
});
