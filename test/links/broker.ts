/**
 * A broker of MQTT 3.1.1 in the virtual network, as far as a door needs one: retained messages, a last will, exact
 * topics. It reads and writes by npm's mqtt-packet, which is not ours.
 */
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";
import type { TcpConnection } from "../../hal/device.js";
import { ipv4 } from "../../src/core/address.js";
import { HOUSE, type Home } from "./home.js";

interface Session {
  connection: TcpConnection;
  read: ReturnType<typeof parser>;
  topics: Set<string>;
  will: { topic: string; payload: string } | null;
}

export class Broker {
  readonly retained = new Map<string, string>();
  /** All messages of the door, "topic payload", the retained ones with "!" in front. */
  readonly heard: string[] = [];
  /** The code of CONNACK. */
  code = 0;
  /** It takes connections and says nothing. */
  isSilent = false;
  readonly sessions: Session[] = [];
  /** How often a door connected. */
  greeted = 0;
  greeting: Packet | null = null;

  static async open(home: Home, port = 1883): Promise<Broker> {
    const broker = new Broker();
    await home.house.tcp({
      address: ipv4(HOUSE),
      port,
      onOpen: (connection) => broker.onOpen(connection),
      onData: (connection, bytes, start, end) => {
        if (!broker.isSilent) broker.session(connection)?.read.parse(Buffer.from(bytes.slice(start, end)));
      },
      onClose: (connection) => broker.onClose(connection),
      onError: () => {},
    });
    return broker;
  }

  private session(connection: TcpConnection): Session | undefined {
    return this.sessions.find((one) => one.connection === connection);
  }

  private onOpen(connection: TcpConnection): void {
    const session: Session = { connection, read: parser(), topics: new Set(), will: null };
    session.read.on("packet", (packet: Packet) => this.onPacket(session, packet));
    session.read.on("error", (error: Error) => {
      throw error;
    });
    this.sessions.push(session);
  }

  private onClose(connection: TcpConnection): void {
    const session = this.session(connection);
    if (session === undefined) return;
    this.sessions.splice(this.sessions.indexOf(session), 1);
    if (session.will !== null) this.publish(session.will.topic, session.will.payload, true);
  }

  /** Writes octets to all doors as they are. */
  write(bytes: Uint8Array): void {
    for (const { connection } of this.sessions) connection.write(bytes, 0, bytes.length);
  }

  private send(session: Session, packet: Packet): void {
    const bytes = generate(packet);
    session.connection.write(bytes, 0, bytes.length);
  }

  private onPacket(session: Session, packet: Packet): void {
    switch (packet.cmd) {
      case "connect":
        this.greeted += 1;
        this.greeting = packet;
        if (packet.will !== undefined)
          session.will = { topic: packet.will.topic, payload: packet.will.payload.toString() };
        this.send(session, { cmd: "connack", returnCode: this.code, sessionPresent: false });
        return;
      case "subscribe":
        this.send(session, { cmd: "suback", messageId: packet.messageId, granted: [0] });
        for (const { topic } of packet.subscriptions) {
          session.topics.add(topic);
          const kept = this.retained.get(topic);
          if (kept !== undefined) this.deliver(session, topic, kept, true);
        }
        return;
      case "publish":
        this.heard.push((packet.retain ? "!" : "") + packet.topic + " " + packet.payload);
        this.publish(packet.topic, packet.payload.toString(), packet.retain);
        return;
      case "pingreq":
        this.send(session, { cmd: "pingresp" });
        return;
      case "disconnect":
        session.will = null;
        return;
    }
  }

  /** Publishes as another client would. */
  publish(topic: string, payload: string, isRetained = false): void {
    if (isRetained) {
      if (payload === "") this.retained.delete(topic);
      else this.retained.set(topic, payload);
    }
    for (const session of this.sessions) if (session.topics.has(topic)) this.deliver(session, topic, payload, false);
  }

  private deliver(session: Session, topic: string, payload: string, isRetained: boolean): void {
    const packet: IPublishPacket = { cmd: "publish", topic, payload, qos: 0, retain: isRetained, dup: false };
    this.send(session, packet);
  }

  /** Ends all connections without a word, as a broker does that is killed. */
  die(): void {
    for (const { connection } of this.sessions.splice(0)) connection.drop();
  }
}
