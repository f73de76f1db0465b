/** Tests which server counts as the configured one: it is believed, and gets credentials. */
import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { NO_USER } from "../../src/transaction/client.js";
import type { Target } from "../../src/transaction/flow.js";
import { TransactionLayer } from "../../src/transaction/layer.js";
import { ServerHost, Servers } from "../../src/ua/servers.js";
import { TRANSPORT_UDP } from "../../src/wire/names.js";
import { Uri } from "../../src/wire/uri.js";

const DOMAIN_IP = ipv4("192.0.2.10");
const PROXY_IP = ipv4("192.0.2.11");
const ROUTE_IP = ipv4("192.0.2.12");
const FOUND_IP = ipv4("198.51.100.1");

function uriOf(text: string): Uri {
  const bytes = octets(text);
  const uri = new Uri();
  expect(uri.parse(bytes, 0, bytes.length)).toBe(true);
  return uri;
}

/** @returns the target of a request to that URI: a name before it is looked up, or an address */
function targetOf(text: string): Target {
  const network = { sendDatagram: () => true, sendStream: () => -1, closeStream: () => {}, resolve: () => {} };
  const above = { onRequest: () => {}, onAck: () => {}, onCancel: () => {}, onAckTimeout: () => {} };
  const layer = new TransactionLayer(
    { timers: new Timers(64), random: { uint32: () => 7 }, network, limits: DOOR_LIMITS },
    above,
  );
  const t = layer.client(NO_USER);
  if (t === null) throw new Error("no transaction");
  layer.transport.aim(t.target, uriOf(text), TRANSPORT_UDP);
  return t.target;
}

function hostOf(setting: string): ServerHost {
  const host = new ServerHost();
  host.configure(setting, TRANSPORT_UDP);
  return host;
}

function servers(domain = "example.com", proxy = "", route = ""): Servers {
  const all = new Servers();
  all.configure(domain, proxy);
  all.setRoute(route);
  return all;
}

describe("where a setting says that a server is", () => {
  it.each([
    ["example.com", -1, "example.com", 5060],
    ["EXAMPLE.Com:5070", -1, "example.com", 5070],
    ["sip:example.com", -1, "example.com", 5060],
    ["SIP:Example.com:5061;lr", -1, "example.com", 5061],
    ["sip:user@example.com", -1, "example.com", 5060],
    ["sipserver.example", -1, "sipserver.example", 5060],
    ["192.0.2.10", DOMAIN_IP, "", 5060],
    ["192.0.2.10:5070", DOMAIN_IP, "", 5070],
    ["sip:192.0.2.10;lr", DOMAIN_IP, "", 5060],
    ["0.0.0.0", 0, "", 5060],
    ["example.com:0", -1, "example.com", 0],
    ["", -1, "", 5060],
    ["not a host", -1, "", 5060],
    ["example.com:99999", -1, "", 5060],
  ])("%j is at %d, %j, port %d", (setting, ip, name, port) => {
    const host = hostOf(setting);
    expect([host.ip, String.fromCharCode(...host.name), host.port]).toEqual([ip, name, port]);
    // The values from before are forgotten.
    const again = hostOf("192.0.2.99:7000");
    again.configure(setting, TRANSPORT_UDP);
    expect([again.ip, String.fromCharCode(...again.name)]).toEqual([ip, name]);
    const named = hostOf("before.example");
    named.configure(setting, TRANSPORT_UDP);
    expect([named.ip, String.fromCharCode(...named.name)]).toEqual([ip, name]);
  });

  it.each([
    ["example.com", "sip:x@example.com", true, false],
    ["example.com", "sip:x@EXAMPLE.com.:5099", true, false],
    ["example.com", "sip:x@sub.example.com", false, true],
    ["example.com", "sip:x@a.b.Example.com.", false, true],
    ["example.com", "sip:x@subexample.com", false, false],
    ["example.com", "sip:x@example.com.evil.org", false, false],
    ["example.com", "sip:x@example.org", false, false],
    ["example.com", "sip:x@com", false, false],
    ["example.com", "sip:x@192.0.2.10", false, false],
    ["192.0.2.10", "sip:x@192.0.2.10:7000", true, false],
    ["192.0.2.10", "sip:x@192.0.2.11", false, false],
    ["192.0.2.10", "sip:x@example.com", false, false],
    ["", "sip:x@example.com", false, false],
    ["", "sip:x@a.b", false, false],
    ["", "sip:x@a.b.", false, false],
    ["0.0.0.0", "sip:x@0.0.0.0", true, false],
    ["0.0.0.0", "sip:x@0.0.0.1", false, false],
    ["example.com", "sip:a.example@com", false, false],
  ])("%j: %s is its host: %s, below it: %s", (setting, uri, isHost, isBelow) => {
    const parsed = uriOf(uri);
    expect([hostOf(setting).isHostOf(parsed), hostOf(setting).hasInDomain(parsed)]).toEqual([isHost, isBelow]);
  });

  it.each([
    ["example.com", "sip:example.com", true],
    ["example.com", "sip:example.com:5060", true],
    ["example.com", "sip:EXAMPLE.com.", true],
    ["example.com", "sip:example.com:5061", false],
    ["example.com", "sip:example.com:0", false],
    ["", "sip:192.0.2.10", false],
    ["example.com:5061", "sip:example.com:5061", true],
    ["example.com:5061", "sip:example.com", false],
    ["example.com", "sip:example.org", false],
    ["example.com", "sip:192.0.2.10", false],
    ["192.0.2.10", "sip:192.0.2.10", false],
    ["", "sip:example.com", false],
  ])("%j: a request to %s looks up its name: %s", (setting, uri, expected) => {
    expect(hostOf(setting).isTarget(targetOf(uri))).toBe(expected);
  });
});

describe("an address is the server's", () => {
  it("by the settings and by what the registrar asked for; at a port only by the settings", () => {
    const all = servers("192.0.2.10:5070", "192.0.2.11", "192.0.2.12:5062");
    for (const [ip, isServer, port, isFlow] of [
      [DOMAIN_IP, true, 5070, true],
      [DOMAIN_IP, true, 5060, false],
      [PROXY_IP, true, 5060, true],
      [PROXY_IP, true, 5070, false],
      [ROUTE_IP, true, 5062, false],
      [FOUND_IP, false, 5060, false],
      [-1, false, 5060, false],
    ] as const)
      expect([all.isServer(ip), all.isServerFlow(ip, port)], `${ip}:${port}`).toEqual([isServer, isFlow]);
    all.setRoute("");
    expect(all.isServer(ROUTE_IP)).toBe(false);
    all.setRoute("192.0.2.12");
    all.configure("example.com", "");
    for (const ip of [DOMAIN_IP, PROXY_IP, ROUTE_IP, -1]) expect(all.isServer(ip)).toBe(false);
    expect(all.isServerFlow(-1, 5060)).toBe(false);
    expect(servers("", "").isServer(-1)).toBe(false);
    expect([servers("0.0.0.0").isServer(0), servers("0.0.0.0").isServerFlow(0, 5060)]).toEqual([true, true]);
    // Without settings, or with empty ones, no server counts.
    for (const none of [new Servers(), servers("", ""), all])
      for (const ip of [-1, 0, 1]) expect([none.isServer(ip), none.isServerFlow(ip, 5060)]).toEqual([false, false]);
  });

  it("by where it was found, at the port it was found at, until other settings", () => {
    const all = servers();
    all.note(FOUND_IP, 5070);
    all.note(-1, 5060);
    expect([all.isServer(FOUND_IP), all.isServerFlow(FOUND_IP, 5070), all.isServerFlow(FOUND_IP, 5060)]).toEqual([
      true,
      true,
      false,
    ]);
    expect([all.isServer(-1), all.isServerFlow(-1, 5060)]).toEqual([false, false]);
    all.note(FOUND_IP + 1);
    expect(all.isServerFlow(FOUND_IP + 1, 5060)).toBe(true);
    all.configure("example.com", "");
    for (const ip of [FOUND_IP, FOUND_IP + 1]) expect(all.isServer(ip)).toBe(false);
  });

  it("for the last four that were found, each at each of its ports; those of the settings take no place", () => {
    const all = servers("192.0.2.10", "192.0.2.11:5070");
    for (let i = 0; i < 4; i++) all.note(FOUND_IP + i);
    for (let i = 0; i < 3; i++) {
      all.note(DOMAIN_IP);
      all.note(PROXY_IP, 5070);
      all.note(FOUND_IP + 2);
      all.note(-1);
    }
    const known = (): boolean[] => [0, 1, 2, 3, 4, 5, 6].map((i) => all.isServer(FOUND_IP + i));
    expect(known()).toEqual([true, true, true, true, false, false, false]);
    all.note(FOUND_IP + 4);
    expect(known()).toEqual([false, true, true, true, true, false, false]);
    all.note(FOUND_IP + 5);
    all.note(FOUND_IP + 6);
    expect(known()).toEqual([false, false, false, true, true, true, true]);
    const ports = servers();
    for (const port of [5061, 5062, 5063]) ports.note(FOUND_IP, port);
    for (const port of [5061, 5062, 5063]) expect(ports.isServerFlow(FOUND_IP, port)).toBe(true);
  });

  it("at a place that got free before one that is in use, whose turn stays the same", () => {
    const all = servers();
    const known = (): number[] => [0, 1, 2, 3, 4, 5, 6].filter((i) => all.isServer(FOUND_IP + i));
    const hear = (...heard: number[]): void => {
      for (let i = 0; i < 5; i++) {
        all.age();
        for (const one of heard) all.note(FOUND_IP + one);
      }
    };
    for (let i = 0; i < 4; i++) all.note(FOUND_IP + i);
    hear(0, 1, 3);
    expect(known()).toEqual([0, 1, 3]);
    all.note(FOUND_IP + 4);
    expect(known()).toEqual([0, 1, 3, 4]);
    all.note(FOUND_IP + 5);
    expect(known()).toEqual([1, 3, 4, 5]);
    hear(1, 3, 4);
    all.note(FOUND_IP + 6);
    expect(known()).toEqual([1, 3, 4, 6]);
  });

  it("no more when several registrations were taken elsewhere meanwhile; whoever is heard again stays", () => {
    const all = servers();
    all.note(FOUND_IP);
    all.note(FOUND_IP + 1);
    for (let i = 0; i < 4; i++) {
      all.age();
      all.note(FOUND_IP + 1);
    }
    expect([all.isServer(FOUND_IP), all.isServer(FOUND_IP + 1)]).toEqual([true, true]);
    all.age();
    expect([all.isServer(FOUND_IP), all.isServer(FOUND_IP + 1)]).toEqual([false, true]);
    // Its place is free, and the next server there begins anew.
    for (let i = 2; i < 5; i++) all.note(FOUND_IP + i);
    expect([1, 2, 3, 4].map((i) => all.isServer(FOUND_IP + i))).toEqual([true, true, true, true]);
    for (let i = 0; i < 4; i++) all.age();
    expect([1, 2, 3, 4].map((i) => all.isServer(FOUND_IP + i))).toEqual([false, true, true, true]);
    all.configure("example.com", "");
    all.note(FOUND_IP);
    all.age();
    expect(all.isServer(FOUND_IP)).toBe(true);
  });
});

describe("a host is the server's", () => {
  it("by the names and addresses of the settings, where it was found, or below its domain; never by the route alone", () => {
    const all = servers("example.com", "proxy.example.net", "edge.example.org");
    all.note(FOUND_IP, 5070);
    for (const [uri, isHost, isOf] of [
      ["sip:x@example.com", true, true],
      ["sip:x@proxy.example.net", true, true],
      ["sip:x@198.51.100.1", true, true],
      ["sip:x@sip.example.com", false, true],
      ["sip:x@below.proxy.example.net", false, false],
      ["sip:x@edge.example.org", false, false],
      ["sip:x@198.51.100.2", false, false],
      ["sip:x@example.org", false, false],
    ] as const)
      expect([all.isServerHost(uriOf(uri)), all.isOfServer(uriOf(uri))], uri).toEqual([isHost, isOf]);
    const addressed = servers("192.0.2.10", "192.0.2.11", "192.0.2.12");
    for (const uri of ["sip:x@192.0.2.10", "sip:x@192.0.2.11", "sip:x@192.0.2.12:7"])
      expect(addressed.isServerHost(uriOf(uri)), uri).toBe(true);
    expect(addressed.isServerHost(uriOf("sip:x@192.0.2.13"))).toBe(false);
  });

  it("that a request looks up is told by its name: the proxy's before the route's before the domain's", () => {
    const all = servers("example.com", "proxy.example.com", "edge.example.com:5070");
    const found = ["sip:example.com", "sip:proxy.example.com", "sip:edge.example.com:5070"].map((uri) =>
      all.hostOf(targetOf(uri)),
    );
    expect(new Set(found).size).toBe(3);
    expect(found).not.toContain(null);
    for (const uri of ["sip:edge.example.com", "sip:other.example.com", "sip:192.0.2.10"])
      expect(all.hostOf(targetOf(uri)), uri).toBeNull();
    for (const [uri, byProxy, byDomain] of [
      ["sip:example.com", false, true],
      ["sip:proxy.example.com", true, false],
      ["sip:edge.example.com:5070", true, true],
      ["sip:other.example.com", false, false],
    ] as const)
      expect([all.isNextHop(targetOf(uri), true), all.isNextHop(targetOf(uri), false)], uri).toEqual([
        byProxy,
        byDomain,
      ]);
  });
});
