/**
 * Writes the sent and received octets as a pcap file for Wireshark: raw IPv4 (LINKTYPE_RAW) with right checksums. TCP
 * is written as segments with an invented handshake and end, because the real segments are not known here. Not here:
 * IPv6, fragments (a datagram is one packet).
 */
import { closeSync, openSync } from "node:fs";
import { ipv4 } from "../../src/core/address.js";
import { fileError, writeAll } from "../io/store.js";
import type { Carried, Way } from "./carried.js";

const LINKTYPE_RAW = 101;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const TCP_BYTES = 20;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const FIN = 1;
const SYN = 2;
const PUSH = 8;
const ACK = 16;
/** The payload of one segment on Ethernet. */
const SEGMENT_BYTES = 1460;
const FIRST_SEQUENCE = 1000;
/** A packet's length is 16 bits. */
const DATAGRAM_MAX = 65535 - IP_BYTES - UDP_BYTES;

/** The next sequence number of each side of a connection. */
interface Sequences {
  [side: string]: number;
}

/** What stands in a segment beside its ports; `bytes[start, end)` is copied. RFC 9293 §3.1 */
interface Segment {
  sequence: number;
  acknowledged: number;
  flags: number;
  bytes?: Uint8Array;
  start?: number;
  end?: number;
}

export class Pcap {
  /** -1 if the packets go to `sink`. */
  private readonly file: number;
  private readonly path: string;
  private readonly sink: ((bytes: Uint8Array) => void) | null;
  private epochMs: number;
  /** Time of the last packet, in ms since 1970. */
  private lastMs = 0;
  private readonly connections = new Map<string, Sequences>();
  private readonly packet = Buffer.alloc(16 + 65535);
  private identification = 0;
  private open = true;

  /**
   * @param to the name of a file, or a function that takes the octets and may keep them
   * @param epochMs the time of 0 ms, in ms since 1970
   * @throws Error of one line if the file cannot be written
   */
  constructor(to: string | ((bytes: Uint8Array) => void), epochMs = 0) {
    this.path = typeof to === "string" ? to : "";
    this.sink = typeof to === "string" ? null : to;
    this.epochMs = epochMs;
    try {
      this.file = typeof to === "string" ? openSync(to, "w") : -1;
    } catch (error) {
      throw fileError("write", this.path, error);
    }
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65535, 16);
    header.writeUInt32LE(LINKTYPE_RAW, 20);
    this.put(header, header.length);
  }

  /** Writes what was carried; the octets are copied. @throws Error of one line if the disk is full */
  message(carried: Carried): void {
    if (carried.isTcp) this.stream(carried);
    else this.datagram(carried);
  }

  private datagram({ tMs, from, fromPort, to, toPort, bytes, start, end }: Carried): void {
    const length = Math.min(end - start, DATAGRAM_MAX);
    const packet = this.packet;
    const at = 16 + IP_BYTES;
    packet.writeUInt16BE(fromPort, at);
    packet.writeUInt16BE(toPort, at + 2);
    packet.writeUInt16BE(UDP_BYTES + length, at + 4);
    packet.writeUInt16BE(0, at + 6);
    packet.set(bytes.subarray(start, start + length), at + UDP_BYTES);
    const sum = this.ip(from, to, PROTOCOL_UDP, UDP_BYTES + length);
    // 0 would tell that there is no checksum. RFC 768
    packet.writeUInt16BE(sum === 0 ? 0xffff : sum, at + 6);
    this.record(tMs, UDP_BYTES + length);
  }

  /** Writes a piece of a stream; the first piece of a connection is preceded by a handshake. */
  private stream(carried: Carried): void {
    const { tMs, bytes, start, end } = carried;
    const [from, to] = sides(carried);
    const connection = this.connection(tMs, carried);
    for (let at = start; at < end; at += SEGMENT_BYTES) {
      const stop = Math.min(end, at + SEGMENT_BYTES);
      const flags = stop === end ? PUSH | ACK : ACK;
      const [sequence, acknowledged] = [connection[from], connection[to]];
      this.segment(tMs, carried, { sequence, acknowledged, flags, bytes, start: at, end: stop });
      connection[from] = (connection[from] + stop - at) >>> 0;
    }
  }

  /** The first side closed the connection; one that carried nothing is not in the file. It throws as `message` does. */
  closeTcp(tMs: number, way: Way): void {
    const [from, to] = sides(way);
    const connection = this.connections.get(pair(from, to));
    if (connection === undefined) return;
    this.connections.delete(pair(from, to));
    const a = connection[from];
    const b = connection[to];
    this.segment(tMs, way, { sequence: a, acknowledged: b, flags: FIN | ACK });
    this.segment(tMs, back(way), { sequence: b, acknowledged: a + 1, flags: FIN | ACK });
    this.segment(tMs, way, { sequence: a + 1, acknowledged: b + 1, flags: ACK });
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    if (this.sink === null) closeSync(this.file);
  }

  private connection(tMs: number, way: Way): Sequences {
    const [from, to] = sides(way);
    let connection = this.connections.get(pair(from, to));
    if (connection !== undefined) return connection;
    const first = FIRST_SEQUENCE;
    connection = { [from]: first + 1, [to]: first + 1 };
    this.connections.set(pair(from, to), connection);
    this.segment(tMs, way, { sequence: first, acknowledged: 0, flags: SYN });
    this.segment(tMs, back(way), { sequence: first, acknowledged: first + 1, flags: SYN | ACK });
    this.segment(tMs, way, { sequence: first + 1, acknowledged: first + 1, flags: ACK });
    return connection;
  }

  private segment(tMs: number, way: Way, segment: Segment): void {
    const { sequence, acknowledged, flags, bytes = this.packet, start = 0, end = 0 } = segment;
    const packet = this.packet;
    const at = 16 + IP_BYTES;
    packet.writeUInt16BE(way.fromPort, at);
    packet.writeUInt16BE(way.toPort, at + 2);
    packet.writeUInt32BE(sequence >>> 0, at + 4);
    packet.writeUInt32BE(acknowledged >>> 0, at + 8);
    packet[at + 12] = (TCP_BYTES / 4) << 4;
    packet[at + 13] = flags;
    packet.writeUInt16BE(65535, at + 14);
    packet.writeUInt32BE(0, at + 16);
    packet.set(bytes.subarray(start, end), at + TCP_BYTES);
    packet.writeUInt16BE(this.ip(way.from, way.to, PROTOCOL_TCP, TCP_BYTES + end - start), at + 16);
    this.record(tMs, TCP_BYTES + end - start);
  }

  /**
   * Writes the IPv4 header before `length` octets of payload. @returns the payload's checksum with the pseudo header.
   * RFC 791, 768, 9293
   */
  private ip(fromIp: string, toIp: string, protocol: number, length: number): number {
    const packet = this.packet;
    packet[16] = 0x45;
    packet[17] = 0;
    packet.writeUInt16BE(IP_BYTES + length, 18);
    packet.writeUInt16BE(this.identification++ & 0xffff, 20);
    packet.writeUInt16BE(0, 22);
    packet[24] = 64;
    packet[25] = protocol;
    packet.writeUInt16BE(0, 26);
    packet.writeUInt32BE(Math.max(0, ipv4(fromIp)), 28);
    packet.writeUInt32BE(Math.max(0, ipv4(toIp)), 32);
    packet.writeUInt16BE(checksum(packet, 16, 36, 0), 26);
    let pseudo = protocol + length;
    for (let i = 28; i < 36; i += 2) pseudo += packet.readUInt16BE(i);
    return checksum(packet, 36, 36 + length, pseudo);
  }

  /** Another clock has begun at 0: packets go on behind those that were written. @param epochMs as above */
  restart(epochMs: number): void {
    this.epochMs = Math.max(epochMs, this.lastMs);
    this.connections.clear();
  }

  private record(tMs: number, length: number): void {
    const packet = this.packet;
    this.lastMs = Math.max(this.lastMs, this.epochMs + tMs);
    const us = Math.round((this.epochMs + tMs) * 1000);
    packet.writeUInt32LE(Math.floor(us / 1000000) >>> 0, 0);
    packet.writeUInt32LE(us % 1000000, 4);
    packet.writeUInt32LE(IP_BYTES + length, 8);
    packet.writeUInt32LE(IP_BYTES + length, 12);
    this.put(packet, 16 + IP_BYTES + length);
  }

  private put(bytes: Uint8Array, length: number): void {
    if (!this.open) return;
    if (this.sink !== null) {
      this.sink(Uint8Array.prototype.slice.call(bytes, 0, length));
      return;
    }
    try {
      writeAll(this.file, bytes, length);
    } catch (error) {
      this.open = false;
      throw fileError("write", this.path, error);
    }
  }
}

/** @returns the two ends of a way, as text */
function sides(way: Way): [string, string] {
  return [way.from + ":" + way.fromPort, way.to + ":" + way.toPort];
}

/** @returns the opposite way */
function back(way: Way): Way {
  return { from: way.to, fromPort: way.toPort, to: way.from, toPort: way.fromPort };
}

function pair(a: string, b: string): string {
  return a < b ? a + " " + b : b + " " + a;
}

/** The Internet checksum. RFC 1071 */
function checksum(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let sum = seed;
  for (let i = start; i < end; i += 2) sum += bytes[i] * 256 + (i + 1 < end ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}
