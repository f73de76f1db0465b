/**
 * A client of MQTT 3.1.1 (OASIS, 2014) over one TCP connection, in fixed memory: QoS 0, a clean session, a last will.
 * The client keeps a received message only if its topic and payload are short; it counts all others and skips their
 * octets. It writes a message of its own in pieces, since the connection takes few octets at once.
 *
 *     idle -> opening -> greeting (CONNECT was sent) -> connected -> idle, when the connection ends or 45 s are silent
 *
 * The project does not use the client of the Moddable SDK, because that one makes an array of up to 64 KB for a topic,
 * at the broker's choice, and a board has less memory. Not here: QoS 1 and 2, TLS (the device's), the time of the next
 * try (mqtt.ts).
 */
import { octets, utf8 } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import type { Scratch } from "./parts.js";

// Types of packets, in the high four bits of their first octet. §2.2.1
const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const PINGREQ = 12;
const DISCONNECT = 14;
const RETAIN = 1;

/** The most octets of a message that is kept: topic, payload and the topic's length together. */
const KEPT_BYTES = 192;
/** The longest CONNECT or SUBSCRIBE: the former has id, will, user and password, the latter one topic. */
const PACKET_BYTES = 512;
/** The first octet of a packet with a length of four octets and the topic's own, and the longest topic. */
const HEAD_BYTES = 7 + 128;
/** The place of a message's payload in the scratch, so that its head fits in front of it. */
export const PAYLOAD_AT = HEAD_BYTES;
/** The broker sends the last will after it has received nothing for one and a half times as long. §3.1.2.10 */
const KEEP_ALIVE_S = 30;
const PING_AFTER_MS = 20_000;
const SILENCE_MS = 45_000;
const OPEN_MS = 10_000;

const NO_MQTT = "what it sends is no MQTT";
const PROTOCOL = octets("\u0000\u0004MQTT\u0004");
// Flags of CONNECT. §3.1.2.3
const CLEAN = 0x02;
const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USER = 0x80;

/** Texts by the code of CONNACK. §3.2.2.3 */
const REFUSALS: readonly string[] = [
  "",
  "it does not speak MQTT 3.1.1",
  "it refuses the client's id",
  "it is not available",
  "wrong user or password",
  "this user may not connect",
];

export interface MqttLogin {
  id: string;
  /** "" for none. */
  user: string;
  password: string;
  /** The broker publishes this, retained, when the connection ends without DISCONNECT. */
  willTopic: string;
  will: string;
}

/** What the client needs of its connection. */
export interface MqttConnection {
  write(bytes: Uint8Array, start: number, end: number): boolean;
  end(): void;
  drop(): void;
}

export interface MqttClientUser {
  onConnected(): void;
  /** A message came that was not too long. The topic is `bytes[topicAt, payloadAt)`, lent for the call. */
  onMessage(bytes: Uint8Array, topicAt: number, payloadAt: number, end: number, isRetained: boolean): void;
  /** The connection is over. @param reason one line */
  onLost(reason: string): void;
}

export class MqttClient {
  isConnected = false;
  /** There is no connection, nor an attempt. */
  isIdle = true;
  /** Messages that were skipped because they were too long or not subscribed. */
  skipped = 0;
  private readonly user: MqttClientUser;
  private readonly connection: MqttConnection;
  private readonly scratch: Scratch;
  /** Topic and payload of the message being received. */
  private readonly kept = new Uint8Array(KEPT_BYTES);
  private keptBytes = 0;
  private login: MqttLogin | null = null;
  private isGreeted = false;
  // The packet being received: its first octet, the number of octets still to come, and the progress in reading that
  // number.
  private first = -1;
  private shift = 0;
  private leftBytes = 0;
  private isLengthKnown = false;
  private heardMs = 0;
  private saidMs = 0;
  private packetId = 0;
  /** Octets that the begun message still lacks. */
  private owedBytes = 0;

  constructor(user: MqttClientUser, connection: MqttConnection, scratch: Scratch) {
    this.user = user;
    this.connection = connection;
    this.scratch = scratch;
  }

  /** The connection was begun; `onConnected` or `onLost` follows. */
  begin(login: MqttLogin, nowMs: number): void {
    this.login = login;
    this.isConnected = this.isIdle = this.isGreeted = this.isLengthKnown = false;
    this.first = -1;
    this.owedBytes = 0;
    this.heardMs = this.saidMs = nowMs;
  }

  /** Sends DISCONNECT, so that the broker does not send the last will. */
  close(): void {
    if (this.isConnected && this.owedBytes === 0) this.writeShort(DISCONNECT);
    this.connection.end();
    this.isIdle = true;
    this.isConnected = false;
  }

  onOpen(nowMs: number): void {
    const { connection, login } = this;
    const { writer: w, bytes: packet } = this.scratch;
    if (this.isIdle || login === null || this.isGreeted) return;
    this.isGreeted = true;
    this.heardMs = this.saidMs = nowMs;
    // The length is written once it is known. Each of our lengths fits into two octets.
    w.begin(packet, 3, PACKET_BYTES);
    w.put(PROTOCOL);
    const secret = login.user === "" ? 0 : USER | (login.password === "" ? 0 : PASSWORD);
    w.octet(CLEAN | WILL | WILL_RETAIN | secret);
    this.writeTwo(KEEP_ALIVE_S);
    this.writeString(login.id);
    this.writeString(login.willTopic);
    this.writeString(login.will);
    if ((secret & USER) !== 0) this.writeString(login.user);
    if ((secret & PASSWORD) !== 0) this.writeString(login.password);
    const size = w.at - 3;
    packet[0] = CONNECT << 4;
    packet[1] = (size & 127) | 128;
    packet[2] = size >> 7;
    this.login = null;
    if (!w.ok || !connection.write(packet, 0, w.at)) this.lose("the greeting cannot be sent");
  }

  /** @param problem the reason as the device tells it, "" if it tells none */
  onClose(problem: string): void {
    const usual = this.isGreeted ? "the connection ended" : "the connection failed";
    this.lose(problem === "" ? usual : problem);
  }

  /** @returns when `watch` has to be called again, ms from now */
  watch(nowMs: number): number {
    if (this.isIdle) return PING_AFTER_MS;
    if (!this.isConnected) {
      if (nowMs - this.heardMs >= OPEN_MS) this.lose("no answer in " + OPEN_MS / 1000 + " s");
      return OPEN_MS;
    }
    if (nowMs - this.heardMs >= SILENCE_MS) this.lose("it says nothing for " + SILENCE_MS / 1000 + " s");
    else if (this.owedBytes === 0 && nowMs - Math.max(this.saidMs, this.heardMs) >= PING_AFTER_MS / 2) {
      if (this.writeShort(PINGREQ)) this.saidMs = nowMs;
    }
    return PING_AFTER_MS / 2;
  }

  /** @returns false if it cannot be sent now */
  subscribe(topic: string): boolean {
    const { connection } = this;
    const { writer: w, bytes: packet } = this.scratch;
    if (!this.isConnected || this.owedBytes > 0) return false;
    this.packetId = (this.packetId % 0xffff) + 1;
    w.begin(packet, 3, PACKET_BYTES);
    this.writeTwo(this.packetId);
    this.writeString(topic);
    w.octet(0);
    const size = w.at - 3;
    packet[0] = (SUBSCRIBE << 4) | 2;
    packet[1] = (size & 127) | 128;
    packet[2] = size >> 7;
    return w.ok && connection.write(packet, 0, w.at);
  }

  /**
   * Sends a message whose payload is in the scratch, from `PAYLOAD_AT` to `end`. @returns false if it cannot be sent
   * now; then nothing of it was
   */
  publish(topic: string, end: number, isRetained: boolean): boolean {
    if (!this.isConnected || this.owedBytes > 0) return false;
    const start = this.writeHead(topic, end - PAYLOAD_AT, isRetained);
    return start >= 0 && this.connection.write(this.scratch.bytes, start, end);
  }

  /**
   * Begins a message with a payload of that many octets; `put` has to bring them all before anything else is sent.
   * @returns false if it cannot be sent now
   */
  open(topic: string, size: number, isRetained: boolean): boolean {
    if (!this.isConnected || this.owedBytes > 0) return false;
    const start = this.writeHead(topic, size, isRetained);
    if (start < 0 || !this.connection.write(this.scratch.bytes, start, PAYLOAD_AT)) return false;
    this.owedBytes = size;
    return true;
  }

  /** Writes the head of a message so that it ends at `PAYLOAD_AT`. @returns its start, -1 if it does not fit */
  private writeHead(topic: string, size: number, isRetained: boolean): number {
    const { writer: w, bytes } = this.scratch;
    const name = utf8(topic);
    const rest = 2 + name.length + size;
    const lengthBytes = rest < 1 << 7 ? 1 : rest < 1 << 14 ? 2 : rest < 1 << 21 ? 3 : 4;
    const start = PAYLOAD_AT - name.length - 2 - lengthBytes - 1;
    if (start < 0) return -1;
    w.begin(bytes, start, PAYLOAD_AT);
    w.octet((PUBLISH << 4) | (isRetained ? RETAIN : 0));
    let left = rest;
    for (; left > 127; left >>= 7) w.octet((left & 127) | 128);
    w.octet(left);
    this.writeTwo(name.length);
    w.raw(name, 0, name.length);
    return start;
  }

  /** Sends the next octets of the message that was begun. @returns false if they cannot be sent now */
  put(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.isIdle || end - start > this.owedBytes) return false;
    if (end > start && !this.connection.write(bytes, start, end)) return false;
    this.owedBytes -= end - start;
    return true;
  }

  onData(bytes: Uint8Array, start: number, end: number, nowMs: number): void {
    this.heardMs = nowMs;
    let at = start;
    while (at < end && !this.isIdle) {
      if (this.first < 0) {
        this.first = bytes[at++];
        if (!this.isConnected && this.first !== CONNACK << 4) this.lose(NO_MQTT);
        this.leftBytes = this.shift = this.keptBytes = 0;
        this.isLengthKnown = false;
      } else if (!this.isLengthKnown) at = this.readLength(bytes, at);
      else {
        const count = Math.min(end - at, this.leftBytes);
        // Octets that do not fit are dropped, and the message is skipped at its end.
        const room = Math.max(0, Math.min(count, KEPT_BYTES - this.keptBytes));
        copyOctets(this.kept, this.keptBytes, bytes, at, at + room);
        this.keptBytes += count;
        if (this.keptBytes > KEPT_BYTES) this.keptBytes = KEPT_BYTES + 1;
        this.leftBytes -= count;
        at += count;
      }
      if (this.first >= 0 && this.isLengthKnown && this.leftBytes === 0) this.takePacket();
    }
  }

  /** Reads an octet of the packet's length, of which there are four at most. §2.2.3 @returns the next offset */
  private readLength(bytes: Uint8Array, at: number): number {
    const octet = bytes[at];
    this.leftBytes += (octet & 127) << this.shift;
    this.shift += 7;
    if ((octet & 128) === 0) this.isLengthKnown = true;
    else if (this.shift > 21) this.lose(NO_MQTT);
    return at + 1;
  }

  private takePacket(): void {
    const { first, kept, keptBytes } = this;
    this.first = -1;
    const type = first >> 4;
    if (type === CONNACK) {
      if (keptBytes !== 2 || this.isConnected) this.lose(NO_MQTT);
      else if (kept[1] !== 0)
        this.lose(kept[1] < REFUSALS.length ? REFUSALS[kept[1]] : "it refuses by code " + kept[1]);
      else {
        this.isConnected = true;
        this.user.onConnected();
      }
      return;
    }
    // We subscribed with QoS 0 only. A message of another QoS has an id in front of its payload and needs an answer.
    if (type !== PUBLISH) return;
    const payloadAt = 2 + ((kept[0] << 8) | kept[1]);
    if ((first & 6) !== 0 || keptBytes < 2 || keptBytes > KEPT_BYTES || payloadAt > keptBytes) this.skipped += 1;
    else this.user.onMessage(kept, 2, payloadAt, keptBytes, (first & RETAIN) !== 0);
  }

  private lose(reason: string): void {
    if (this.isIdle) return;
    this.connection.drop();
    this.isIdle = true;
    this.isConnected = false;
    this.user.onLost(reason);
  }

  /** Sends a packet without a body. @returns false if it cannot be sent now */
  private writeShort(type: number): boolean {
    const { bytes } = this.scratch;
    bytes[0] = type << 4;
    bytes[1] = 0;
    return this.connection.write(bytes, 0, 2);
  }

  private writeTwo(value: number): void {
    const { writer: w } = this.scratch;
    w.octet(value >> 8);
    w.octet(value & 255);
  }

  private writeString(value: string): void {
    const bytes = utf8(value);
    this.writeTwo(bytes.length);
    this.scratch.writer.raw(bytes, 0, bytes.length);
  }
}
