/**
 * A client of MQTT 3.1.1 (OASIS, 2014) over one TCP connection, in fixed memory: QoS 0, a clean session, a last will.
 * The client keeps a received message only if its topic and payload are short; it counts all others and skips their
 * octets. It writes a message of its own in pieces, since the connection takes few octets at once.
 *
 *     idle -> opening -> greeting (CONNECT was sent) -> connected -> idle, when the connection ends or 45 s are silent
 *
 * The project does not use the client of the Moddable SDK, because that one makes an array of up to 64 KB for a topic,
 * at the broker's choice, and a board has less memory. Not here: QoS 1 and 2, TLS, the time of the next try (mqtt.ts).
 */
import type { TcpConnection, TcpStack } from "../../hal/device.js";
import { octets, utf8 } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { Writer } from "../wire/writer.js";

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
/** CONNECT has id, will, user and password; SUBSCRIBE one topic. */
const PACKET_BYTES = 512;
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

export interface MqttClientUser {
  onConnected(): void;
  /** A message came that was not too long. The topic is `bytes[topicAt, payloadAt)`, lent for the call. */
  onMessage(bytes: Uint8Array, topicAt: number, payloadAt: number, end: number, isRetained: boolean): void;
  /** The connection is over. @param reason one line */
  onLost(reason: string): void;
}

export class MqttClient {
  isConnected = false;
  /** Messages that were skipped because they were too long or not subscribed. */
  skipped = 0;
  private readonly user: MqttClientUser;
  private readonly writer = new Writer();
  private readonly packet = new Uint8Array(PACKET_BYTES);
  /** Topic and payload of the message being received. */
  private readonly kept = new Uint8Array(KEPT_BYTES);
  private keptBytes = 0;
  private connection: TcpConnection | null = null;
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

  constructor(user: MqttClientUser) {
    this.user = user;
  }

  get isIdle(): boolean {
    return this.connection === null;
  }

  /** @returns whether the attempt began; `onConnected` or `onLost` follows */
  connect(tcp: TcpStack, ip: number, port: number, login: MqttLogin, nowMs: number): boolean {
    this.connection = tcp.connect(ip, port);
    this.login = login;
    this.isConnected = this.isGreeted = this.isLengthKnown = false;
    this.first = -1;
    this.owedBytes = 0;
    this.heardMs = this.saidMs = nowMs;
    return this.connection !== null;
  }

  /** Sends DISCONNECT, so that the broker does not send the last will. */
  close(): void {
    if (this.isConnected && this.owedBytes === 0) {
      this.packet[0] = DISCONNECT << 4;
      this.packet[1] = 0;
      this.connection?.write(this.packet, 0, 2);
    }
    this.connection?.close();
    this.connection = null;
    this.isConnected = false;
  }

  owns(connection: TcpConnection): boolean {
    return this.connection !== null && this.connection.id === connection.id;
  }

  onOpen(nowMs: number): void {
    const { connection, login, writer: w, packet } = this;
    if (connection === null || login === null || this.isGreeted) return;
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
    if (!w.ok || !connection.write(packet, 0, w.at)) this.lose("the greeting cannot be sent");
  }

  onClose(): void {
    const isEarly = !this.isGreeted;
    this.lose(isEarly ? "the connection failed" : "the connection ended");
  }

  /** @returns when `watch` has to be called again, ms from now */
  watch(nowMs: number): number {
    if (this.connection === null) return PING_AFTER_MS;
    if (!this.isConnected) {
      if (nowMs - this.heardMs >= OPEN_MS) this.lose("no answer in " + OPEN_MS / 1000 + " s");
      return OPEN_MS;
    }
    if (nowMs - this.heardMs >= SILENCE_MS) this.lose("it says nothing for " + SILENCE_MS / 1000 + " s");
    else if (this.owedBytes === 0 && nowMs - Math.max(this.saidMs, this.heardMs) >= PING_AFTER_MS / 2) {
      this.packet[0] = PINGREQ << 4;
      this.packet[1] = 0;
      if (this.connection.write(this.packet, 0, 2)) this.saidMs = nowMs;
    }
    return PING_AFTER_MS / 2;
  }

  /** @returns false if it cannot be sent now */
  subscribe(topic: string): boolean {
    const { connection, writer: w, packet } = this;
    if (connection === null || !this.isConnected || this.owedBytes > 0) return false;
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
   * Begins a message with a payload of that many octets; `put` has to bring them all before anything else is sent.
   * @returns false if it cannot be sent now
   */
  begin(topic: string, size: number, isRetained: boolean): boolean {
    const { connection, writer: w, packet } = this;
    if (connection === null || !this.isConnected || this.owedBytes > 0) return false;
    const name = utf8(topic);
    let rest = 2 + name.length + size;
    w.begin(packet, 0, PACKET_BYTES);
    w.octet((PUBLISH << 4) | (isRetained ? RETAIN : 0));
    while (rest > 127) {
      w.octet((rest & 127) | 128);
      rest >>= 7;
    }
    w.octet(rest);
    this.writeTwo(name.length);
    w.raw(name, 0, name.length);
    if (!w.ok || !connection.write(packet, 0, w.at)) return false;
    this.owedBytes = size;
    return true;
  }

  /** Sends the next octets of the message that was begun. @returns false if they cannot be sent now */
  put(bytes: Uint8Array, start: number, end: number): boolean {
    const { connection } = this;
    if (connection === null || end - start > this.owedBytes) return false;
    if (end > start && !connection.write(bytes, start, end)) return false;
    this.owedBytes -= end - start;
    return true;
  }

  onData(bytes: Uint8Array, start: number, end: number, nowMs: number): void {
    this.heardMs = nowMs;
    let at = start;
    while (at < end && this.connection !== null) {
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
    if (this.connection === null) return;
    this.connection.drop();
    this.connection = null;
    this.isConnected = false;
    this.user.onLost(reason);
  }

  private writeTwo(value: number): void {
    this.writer.octet(value >> 8);
    this.writer.octet(value & 255);
  }

  private writeString(value: string): void {
    const bytes = utf8(value);
    this.writeTwo(bytes.length);
    this.writer.raw(bytes, 0, bytes.length);
  }
}
