import { describe, expect, it } from "vitest";
import { ipv4 } from "../../src/core/address.js";
import { octets, Span, text } from "../../src/core/bytes.js";
import { TRANSPORT_OTHER, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UDP } from "../../src/wire/names.js";
import { Via } from "../../src/wire/via.js";

const via = new Via();
const out = new Span();

function parse(value: string): boolean {
  const bytes = octets(`;x${value};y`);
  return via.parse(bytes, 2, bytes.length - 2);
}

function slice(start: number, end: number): string {
  return text(via.bytes, start, end);
}

describe("a Via element", () => {
  it.each([
    ["SIP/2.0/UDP 192.0.2.1", TRANSPORT_UDP, "192.0.2.1", -1, ""],
    ["SIP/2.0/TCP h.example.com:5060;branch=z9hG4bKa", TRANSPORT_TCP, "h.example.com", 5060, "z9hG4bKa"],
    ["sip/2.0/tls h ; branch = b1 ; rport", TRANSPORT_TLS, "h", -1, "b1"],
    ["SIP/2.0/SCTP [2001:db8::9]:6;BRANCH=b2", TRANSPORT_OTHER, "2001:db8::9", 6, "b2"],
    [
      "SIP  /    2.0\r\n / UDP\r\n    192.168.255.111 : 5 \r\n ; branch=\r\n z9hG4bK30239",
      TRANSPORT_UDP,
      "192.168.255.111",
      5,
      "z9hG4bK30239",
    ],
  ])("%j is taken apart", (value, transport, host, port, branch) => {
    expect(parse(value)).toBe(true);
    expect(via.transport).toBe(transport);
    expect(slice(via.hostStart, via.hostEnd)).toBe(host);
    expect(via.port).toBe(port);
    expect(slice(via.branchStart, via.branchEnd)).toBe(branch);
    expect(via.branch(out)).toBe(branch !== "");
  });

  it("ends at a comma", () => {
    expect(parse("SIP/2.0/UDP a;branch=1 , SIP/2.0/UDP b")).toBe(true);
    expect(slice(via.start, via.end)).toBe("SIP/2.0/UDP a;branch=1");
  });

  it("gives sent-by as it stands", () => {
    parse("SIP/2.0/UDP a.b:5062 ;x");
    expect(slice(via.sentByStart, via.sentByEnd)).toBe("a.b:5062");
    parse("SIP/2.0/UDP [::1]:5062");
    expect(slice(via.sentByStart, via.sentByEnd)).toBe("[::1]:5062");
  });

  it("knows an IPv4 host as a number", () => {
    parse("SIP/2.0/UDP 203.0.113.5:1");
    expect(via.ip).toBe(ipv4("203.0.113.5"));
    parse("SIP/2.0/UDP h");
    expect(via.ip).toBe(-1);
  });

  it("gives received, rport, maddr and ttl", () => {
    parse("SIP/2.0/UDP h;rport=5071;received=192.0.2.9;maddr=224.0.1.75;ttl=16;branch=b");
    expect([via.rportFlag, via.rport(), via.ttl()]).toEqual([true, 5071, 16]);
    expect([via.received(out), out.toString()]).toEqual([true, "192.0.2.9"]);
    expect([via.maddr(out), out.toString()]).toEqual([true, "224.0.1.75"]);
  });

  it.each([
    [";rport", true, -1],
    [";rport=", null, null],
    [";rport=0", true, -1],
    [";rport=65536", true, -1],
    [";rport=4294967301", true, -1],
    [";rportx=1", false, -1],
    ["", false, -1],
  ])("with %j", (params, flag, port) => {
    expect(parse(`SIP/2.0/UDP h${params}`)).toBe(flag !== null);
    if (flag !== null) expect([via.rportFlag, via.rport()]).toEqual([flag, port]);
  });

  it("has no ttl above 255", () => {
    parse("SIP/2.0/UDP h;ttl=256");
    expect(via.ttl()).toBe(-1);
  });

  it.each([
    "",
    "SIP/2.0",
    "SIP/2.0/",
    "SIP/2.0/UDP",
    "SIP/2.0/UDP ",
    "SIP/3.0/UDP h",
    "SIP/2.0/ h",
    "HTTP/2.0/UDP h",
    "SIP/2.0/UDP :5060",
    "SIP/2.0/UDP h:",
    "SIP/2.0/UDP h:65536",
    "SIP/2.0/UDP h:5x",
    "SIP/2.0/UDP h i",
    "SIP/2.0/UDP [::1",
    "SIP/2.0/UDP []",
    "SIP/2.0/UDP h;",
    "SIP/2.0/UDP h;;branch=b",
    "SIP/2.0/UDP 192.0.2.15;;,;,,",
    "SIP/2.0/UDP h;branch=",
    'SIP/2.0/UDP h;x="y',
    "SIP/2.0/UDP h;branch=a;branch=b",
    "SIP/2.0/UDP h\x01",
  ])("%j is malformed", (value) => {
    expect(parse(value)).toBe(false);
  });
});
