/** Requests by TLS: over a connection to the name that they are for, and by no other way. RFC 3261 §26.2, RFC 5922 */
import { beforeEach, describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import { octets, text } from "../../src/core/bytes.js";
import { FAILURE_TRANSPORT } from "../../src/transaction/client.js";
import { serviceOf } from "../../src/transaction/resolver.js";
import { METHOD_INVITE, METHOD_OPTIONS, TRANSPORT_TLS } from "../../src/wire/names.js";
import { field, Harness, request, responseTo } from "./harness.js";

const SERVER = "10.0.0.9";

/** A harness whose network has TLS. */
class TlsHarness extends Harness {
  /** Those that were opened, by "name ip:port". */
  readonly secured = new Map<string, number>();
  private last = 500;
  isRefusing = false;

  constructor() {
    super();
    this.network.secureStream = (ip, port, name, size, opens) => {
      const key = text(name, 0, size) + " " + ipv4Text(ip) + ":" + port;
      const known = this.secured.get(key) ?? -1;
      if (known >= 0 || !opens || this.isRefusing) return known;
      this.secured.set(key, ++this.last);
      return this.last;
    };
  }

  /** Answers the name that was asked for last. */
  found(...places: string[]): void {
    const { id } = this.network.asked[this.network.asked.length - 1];
    const all = places.map((place) => ({
      address: ipv4(place.split(":")[0]),
      port: Number(place.split(":")[1]),
      rank: 0,
    }));
    this.layer.resolved(id, all[0].address, all[0].port, all.slice(1), 60);
  }
}

let h: TlsHarness;
beforeEach(() => {
  h = new TlsHarness();
});

describe("a request by TLS", () => {
  for (const target of ["sips:bob@house.test", "sip:bob@house.test;transport=tls"])
    it(`to ${target} looks TLS up, and opens a connection to that name`, () => {
      h.send(METHOD_OPTIONS, target);
      const [asked] = h.network.asked;
      expect([asked.name, asked.port, serviceOf(asked.transport)]).toEqual(["house.test", -1, "tls"]);
      h.found(SERVER + ":5071");
      expect([...h.secured.keys()]).toEqual(["house.test 10.0.0.9:5071"]);
      const [sent] = h.network.take();
      expect(sent.to).toBe("tcp 501 10.0.0.9:5071");
      expect(field(sent.text, "Via")).toMatch(/^SIP\/2\.0\/TLS 10\.0\.0\.1:5061;branch=/);
      h.receiveTcp(501, responseTo(sent.text, 200));
      expect(h.user.take()[0]).toBe("response 200");
    });

  it("to an address goes to port 5061", () => {
    h.send(METHOD_OPTIONS, "sips:bob@10.0.0.9");
    h.settle();
    expect([...h.secured.keys()]).toEqual([" 10.0.0.9:5061"]);
  });

  it("takes the connection of its name that is open, and another one for another name at the same place", () => {
    for (const name of ["house.test", "other.test", "house.test"]) {
      h.send(METHOD_OPTIONS, `sip:bob@${name}:5061;transport=tls`);
      if (h.network.asked.length > 0) h.found(SERVER + ":5061");
      h.network.asked.length = 0;
    }
    expect(h.network.take().map(({ to }) => to)).toEqual([
      "tcp 501 10.0.0.9:5061",
      "tcp 502 10.0.0.9:5061",
      "tcp 501 10.0.0.9:5061",
    ]);
  });

  it("that asks a place whether it is back is for the name that led to it", () => {
    h.send(METHOD_OPTIONS, "sips:bob@house.test");
    h.found(SERVER + ":5071");
    h.secured.clear();
    h.layer.streamClosed(501);
    expect(h.layer.transport.secureAt(ipv4(SERVER), 5071)).toBe(502);
    expect(h.layer.transport.secureAt(ipv4(SERVER), 5072)).toBe(503);
    expect([...h.secured.keys()]).toEqual(["house.test 10.0.0.9:5071", " 10.0.0.9:5072"]);
  });

  it("to a bare address takes the connection there is to that place, whatever its name", () => {
    h.send(METHOD_OPTIONS, "sip:bob@house.test:5061;transport=tls");
    h.found(SERVER + ":5061");
    h.send(METHOD_OPTIONS, "sip:bob@10.0.0.9:5061;transport=tls");
    h.settle();
    expect(h.network.take().map(({ to }) => to)).toEqual(["tcp 501 10.0.0.9:5061", "tcp 501 10.0.0.9:5061"]);
  });

  it("never takes a connection in clear to the same place, nor does one in clear take its own", () => {
    h.send(METHOD_OPTIONS, "sip:bob@10.0.0.9:5061;transport=tcp");
    h.send(METHOD_OPTIONS, "sip:bob@10.0.0.9:5061;transport=tls");
    h.send(METHOD_OPTIONS, "sip:bob@10.0.0.9:5061;transport=tcp");
    h.settle();
    expect(h.network.take().map(({ to }) => to.slice(0, 7))).toEqual(["tcp 101", "tcp 501", "tcp 101"]);
  });

  it("fails when no connection can be had, when it closes, and on a network without TLS", () => {
    h.isRefusing = true;
    h.send(METHOD_OPTIONS, "sips:bob@10.0.0.9");
    h.settle();
    h.isRefusing = false;
    h.send(METHOD_OPTIONS, "sips:bob@10.0.0.9");
    h.settle();
    h.layer.streamClosed(501);
    h.settle();
    h.network.secureStream = undefined;
    h.send(METHOD_OPTIONS, "sips:bob@10.0.0.9");
    h.settle();
    const failed = h.user.take().filter((event) => event.startsWith("failure"));
    expect(failed).toEqual(Array(3).fill("failure " + FAILURE_TRANSPORT));
    expect(h.network.take().length).toBe(1);
  });

  it("goes to the next place of its name when the first one fails, again by TLS", () => {
    h.send(METHOD_OPTIONS, "sips:bob@house.test");
    h.found("10.0.0.9:5061", "10.0.0.10:5061");
    h.layer.streamClosed(501);
    expect(h.network.take().map(({ to }) => to)).toEqual(["tcp 501 10.0.0.9:5061", "tcp 502 10.0.0.10:5061"]);
    expect([...h.secured.keys()].map((key) => key.split(" ")[0])).toEqual(["house.test", "house.test"]);
  });

  it("goes to no server of ours that is reached in clear, for its body may hold keys", () => {
    h.layer.transport.backups.configure([octets("sip:10.0.0.9;transport=tls;lr"), octets("sip:10.0.0.10;lr")], 1);
    const route = "Route: <sip:10.0.0.9;transport=tls;lr>\r\n";
    const t = h.prepare(METHOD_INVITE, "sip:bob@house.test", route);
    h.aim(t, "sip:10.0.0.9;transport=tls;lr");
    t.sendRequest();
    h.settle();
    h.layer.streamClosed(501);
    h.pass(100_000);
    expect(h.network.take().map(({ to }) => to)).toEqual(["tcp 501 10.0.0.9:5061"]);
    expect(h.user.take()).toContain("failure " + FAILURE_TRANSPORT);
  });

  it("that is long stays one by TLS", () => {
    h.send(METHOD_INVITE, "sips:bob@10.0.0.9", "X: " + "x".repeat(1500) + "\r\n");
    h.settle();
    h.pass(100_000);
    expect(new Set(h.network.take().map(({ to }) => to))).toEqual(new Set(["tcp 501 10.0.0.9:5061"]));
  });
});

describe("a request that comes by TLS", () => {
  const via = "SIP/2.0/TLS 10.0.0.2:5061;branch=z9hG4bKtls";

  it("is answered over its connection, and not at all when that is gone", () => {
    h.layer.streamOpened(7, ipv4("10.0.0.2"), 40000, true);
    h.user.answer = (t) => {
      expect(t.source.transport).toBe(TRANSPORT_TLS);
      t.reply(180);
    };
    h.receiveTcp(7, request({ via }));
    expect(h.network.take().map(({ to, line }) => to + " " + line)).toEqual([
      "tcp 7 10.0.0.2:40000 SIP/2.0 180 Ringing",
    ]);
    h.layer.streamClosed(7);
    h.user.requests[0].reply(200);
    h.pass(100_000);
    expect(h.network.take()).toEqual([]);
    expect([...h.secured.keys()]).toEqual([]);
  });

  it("is none that came over a connection in clear, whatever its Via says", () => {
    h.layer.streamOpened(7, ipv4("10.0.0.2"), 40000);
    h.receiveTcp(7, request({ via }));
    expect(h.user.requests[0].source.transport).not.toBe(TRANSPORT_TLS);
  });
});
