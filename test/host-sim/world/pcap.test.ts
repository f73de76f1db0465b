import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Pcap } from "../../../host-sim/world/pcap.js";
import { octets } from "../../../src/core/bytes.js";
import { carried } from "./carried.js";

const folder = mkdtempSync(join(tmpdir(), "portero-pcap-"));
afterAll(() => rmSync(folder, { recursive: true }));

const hasTshark = spawnSync("tshark", ["--version"]).status === 0;
if (!hasTshark)
  console.warn("tshark is missing: what Wireshark makes of the packets is not tested (Debian package tshark)");

const INVITE = octets("xxINVITE sip:7@192.0.2.2 SIP/2.0\r\nContent-Length: 0\r\n\r\nx");

interface Packet {
  us: number;
  ip: Buffer;
}

function written(name: string, epochMs: number, write: (pcap: Pcap) => void): Packet[] {
  const path = join(folder, name);
  const pcap = new Pcap(path, epochMs);
  write(pcap);
  pcap.close();
  const file = readFileSync(path);
  expect(file.subarray(0, 24).toString("hex")).toBe("d4c3b2a1020004000000000000000000ffff000065000000");
  const packets: Packet[] = [];
  for (let at = 24; at < file.length; ) {
    const length = file.readUInt32LE(at + 8);
    expect(file.readUInt32LE(at + 12)).toBe(length);
    packets.push({
      us: file.readUInt32LE(at) * 1000000 + file.readUInt32LE(at + 4),
      ip: file.subarray(at + 16, at + 16 + length),
    });
    at += 16 + length;
  }
  return packets;
}

/** The sum over octets that carry their own right checksum is 0xffff. RFC 1071 */
function sum(...pieces: Buffer[]): number {
  let total = 0;
  for (const bytes of pieces) {
    for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  }
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

function pseudoHeader(ip: Buffer): Buffer {
  const length = ip.length - 20;
  return Buffer.concat([ip.subarray(12, 20), Buffer.from([0, ip[9], length >> 8, length & 255])]);
}

describe("a pcap file", () => {
  it("has a datagram with its time, addresses, ports and octets, and right checksums", () => {
    const [packet] = written("udp.pcap", 1700000000000, (pcap) => {
      const invite = carried(1234.5678, "192.0.2.1:5060", "198.51.100.255:65535", INVITE);
      pcap.message({ ...invite, start: 2, end: INVITE.length - 1 });
    });
    expect(packet.us).toBe(1700000001234568);
    const { ip } = packet;
    expect(ip.readUInt16BE(2)).toBe(ip.length);
    expect([...ip.subarray(12, 20)]).toEqual([192, 0, 2, 1, 198, 51, 100, 255]);
    expect([ip.readUInt16BE(20), ip.readUInt16BE(22), ip.readUInt16BE(24)]).toEqual([5060, 65535, ip.length - 20]);
    expect(ip.subarray(28).equals(INVITE.subarray(2, -1))).toBe(true);
    expect(sum(ip.subarray(0, 20))).toBe(0xffff);
    expect(sum(pseudoHeader(ip), ip.subarray(20))).toBe(0xffff);
  });

  it("never has the UDP checksum 0, which would mean none", () => {
    const packets = written("zero.pcap", 0, (pcap) => {
      const bytes = new Uint8Array(2);
      for (let i = 0; i < 65536; i++) {
        bytes[0] = i >> 8;
        bytes[1] = i;
        pcap.message(carried(0, "192.0.2.1:1", "192.0.2.2:2", bytes));
      }
    });
    expect(packets.length).toBe(65536);
    expect(packets.filter((packet) => packet.ip.readUInt16BE(26) === 0)).toEqual([]);
  });

  it("has a stream as a handshake, segments that follow on, and an end", () => {
    const long = new Uint8Array(4000).fill(65);
    const packets = written("tcp.pcap", 0, (pcap) => {
      pcap.message(carried(1, "192.0.2.1:40000", "192.0.2.2:5060", long, true));
      const answer = carried(2, "192.0.2.2:5060", "192.0.2.1:40000", long.subarray(0, 10), true);
      pcap.message(answer);
      pcap.closeTcp(3, answer);
      pcap.closeTcp(3, answer);
    });
    const shown = packets.map(({ ip }) => [
      ip.readUInt16BE(20) === 40000 ? ">" : "<",
      ["", "F", "S"][ip[33] & 3] + (ip[33] & 8 ? "P" : "") + (ip[33] & 16 ? "A" : ""),
      ip.readUInt32BE(24),
      ip.readUInt32BE(28),
      ip.length - 40,
    ]);
    expect(shown).toEqual([
      [">", "S", 1000, 0, 0],
      ["<", "SA", 1000, 1001, 0],
      [">", "A", 1001, 1001, 0],
      [">", "A", 1001, 1001, 1460],
      [">", "A", 2461, 1001, 1460],
      [">", "PA", 3921, 1001, 1080],
      ["<", "PA", 1001, 5001, 10],
      ["<", "FA", 1011, 5001, 0],
      [">", "FA", 5001, 1012, 0],
      ["<", "A", 1012, 5002, 0],
    ]);
    for (const { ip } of packets) {
      expect(sum(ip.subarray(0, 20))).toBe(0xffff);
      expect(sum(pseudoHeader(ip), ip.subarray(20))).toBe(0xffff);
    }
  });

  it("says in one line why it cannot be written", () => {
    const path = join(folder, "none", "a.pcap");
    expect(() => new Pcap(path)).toThrow(new Error(`cannot write ${path}: no such file or directory`));
  });
});

describe.skipIf(!hasTshark)("Wireshark", () => {
  const SDP =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
  const call = (transport: string, padding: string) =>
    octets(
      `INVITE sip:phone@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/${transport} 192.0.2.1:5060;branch=z9hG4bK${transport}\r\n` +
        "Max-Forwards: 70\r\nFrom: <sip:door@192.0.2.1>;tag=1\r\nTo: <sip:phone@192.0.2.2>\r\n" +
        `Call-ID: ${transport}\r\nCSeq: 1 INVITE\r\nContact: <sip:door@192.0.2.1>\r\n${padding}` +
        `Content-Type: application/sdp\r\nContent-Length: ${SDP.length}\r\n\r\n${SDP}`,
    );

  it("sees SIP over UDP and over TCP in pieces, and RTP by its SDP, with nothing to find fault with", () => {
    const udp = call("UDP", "");
    const tcp = call("TCP", "X-Padding: " + "a".repeat(3000) + "\r\n");
    written("tshark.pcap", 1700000000000, (pcap) => {
      pcap.message(carried(0, "192.0.2.1:5060", "192.0.2.2:5060", udp));
      const invite = carried(10, "192.0.2.1:49153", "192.0.2.2:5060", tcp, true);
      pcap.message({ ...invite, end: 700 });
      pcap.message({ ...invite, tMs: 20, start: 700 });
      pcap.closeTcp(30, { from: "192.0.2.2", fromPort: 5060, to: "192.0.2.1", toPort: 49153 });
      const rtp = new Uint8Array(172).fill(0xff);
      rtp.set([0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7]);
      pcap.message(carried(40, "192.0.2.2:41000", "192.0.2.1:40000", rtp));
    });
    const checks = ["ip", "udp", "tcp"].flatMap((name) => ["-o", name + ".check_checksum:TRUE"]);
    const tshark = (filter: string, ...fields: string[]) =>
      spawnSync(
        "tshark",
        ["-r", join(folder, "tshark.pcap"), ...checks, "-Y", filter, "-T", "fields"].concat(
          fields.flatMap((field) => ["-e", field]),
        ),
        { encoding: "utf8" },
      ).stdout.trim();
    expect(tshark("sip", "sip.Method", "sip.r-uri", "sdp.media.port").split("\n")).toEqual([
      "INVITE\tsip:phone@192.0.2.2\t40000",
      "INVITE\tsip:phone@192.0.2.2\t40000",
    ]);
    expect(tshark("rtp", "rtp.p_type", "rtp.seq", "rtp.timestamp")).toBe("0\t1\t160");
    expect(tshark("frame", "frame.number").split("\n").length).toBe(11);
    const fault =
      "ip.checksum.status==0||udp.checksum.status==0||tcp.checksum.status==0||tcp.analysis.flags||_ws.malformed";
    expect(tshark(fault, "frame.number")).toBe("");
  });
});
