/**
 * Shows the door at an MQTT broker in the form that Home Assistant discovers by itself: announcement, availability with
 * a last will, states (retained), events (not retained), and commands.
 *
 *     PREFIX/availability   online, offline                PREFIX/KEY       the state of an entity (entities.ts)
 *     PREFIX/KEY/set        a command                      homeassistant/…  announcement; "online" when it starts
 *
 *     away -> connecting -> subscribing -> announcing -> telling what changed -> away (a back-off that doubles)
 *
 * The broker decides who may order, by whom it lets write to these topics. A command counts only if its topic and
 * payload are exact and it is not retained. Five commands may come at once, then one in 2 s. A command that opens needs
 * `mqtt.open on`. Each wake sends one message. Not here: the octets on the wire (mqttclient.ts).
 */
import { text } from "../core/bytes.js";
import { printable } from "../core/printable.js";
import type { TimerUser } from "../core/timers.js";
import type { AnyFields, EventName } from "../intercom/events.js";
import { ACCESS_EVENTS, ENTITIES, entityOf, isThere, OPENED, PIECES, writePiece } from "./entities.js";
import { FOR_MQTT } from "./eventqueue.js";
import { writeFields, writeText } from "./json.js";
import { MqttClient, type MqttClientUser, type MqttLogin, PAYLOAD_AT } from "./mqttclient.js";
import { type LinkParts, MQTT_WAIT_MS, STEP_MS } from "./parts.js";
import { LinkServer, type ServerUser } from "./server.js";
import { States } from "./states.js";
import { LinkStream, type StreamUser } from "./stream.js";

const MQTT_PORT = 1883;
const MQTT_TLS_PORT = 8883;
/** Octets for a piece of the announcement, a state or an event, with the longest names and topics. */
const MESSAGE_BYTES = 640;
const MESSAGE_END = PAYLOAD_AT + MESSAGE_BYTES;
const BIRTH_TOPIC = "homeassistant/status";
const ONLINE = "online";
const OFFLINE = "offline";
const DOORBELL = "doorbell";
const AVAILABILITY = "/availability";
/**
 * While the connection takes no octets, sending is tried again after the first of these, and the connection is given up
 * after the second.
 */
const AGAIN_MS = 100;
const STALL_MS = 30_000;
/** Interval at which states that change by themselves are read. */
const MINUTE_MS = 60_000;
/** Interval at which all states are sent again, since another client may have written to their topics. */
const ALL_EVERY_MS = 600_000;
/** The shortest time between two announcements, however often a message says that Home Assistant starts. */
const ANNOUNCE_EVERY_MS = 10_000;
/** Number of commands that may come at once, and the time after which one more may come. */
const COMMANDS_MOST = 5;
const COMMAND_EVERY_MS = 2000;
const REFUSAL_TOLD_MS = 60_000;
const TEXT_MOST = 120;
const SET = "/set";
const PRESS = "PRESS";

/** @returns the link; null on a board that is built without it (hal/without) */
export function makeMqtt(parts: LinkParts): Mqtt | null {
  return new Mqtt(parts);
}

export class Mqtt implements TimerUser, ServerUser, MqttClientUser, StreamUser {
  readonly server: LinkServer;
  /** The number of commands refused since the start. */
  refused = 0;
  private readonly parts: LinkParts;
  private readonly timer: number;
  private readonly stream: LinkStream;
  private readonly client: MqttClient;
  private readonly prefix: string;
  /** The door's id: the prefix, with only letters, digits, - and _. */
  private readonly id: string;
  private readonly states: States;
  /** The next topic to subscribe, and the next piece of the announcement; past the end: all are sent. */
  private nextTopic = 0;
  private nextPiece = PIECES;
  private isOnlineTold = false;
  private onlineMs = 0;
  /** The time since which the connection takes no octets, ms; -1 while it takes them. */
  private stuckMs = -1;
  private minuteMs = 0;
  private allMs = 0;
  private announcedMs = -ANNOUNCE_EVERY_MS;
  private isAnnouncementDue = false;
  private commands = COMMANDS_MOST;
  private commandMs = 0;
  private refusalMs = -REFUSAL_TOLD_MS;
  private untold = 0;

  constructor(parts: LinkParts) {
    const { settings } = parts;
    const isSecure = settings.get("mqtt.tls");
    this.parts = parts;
    this.timer = parts.timers.make(this, 0);
    this.stream = new LinkStream(parts, "mqtt.server", isSecure, this);
    this.client = new MqttClient(this, this.stream, parts.scratch);
    this.prefix = settings.get("mqtt.prefix");
    this.id = idOf(this.prefix);
    const port = isSecure ? MQTT_TLS_PORT : MQTT_PORT;
    this.server = new LinkServer("mqtt", settings.get("mqtt.server"), port, parts, this);
    this.states = new States(parts);
  }

  async start(ip: number): Promise<void> {
    const { station, timers } = this.parts;
    await this.stream.start(ip);
    station.enter();
    timers.start(this.timer, 0);
    station.leave();
  }

  /** Says good-bye. */
  close(): void {
    if (this.client.isConnected) this.publish(this.prefix + AVAILABILITY, OFFLINE, true);
    this.client.close();
    this.stream.close();
  }

  onOpen(): void {
    this.client.onOpen(this.parts.timers.nowMs);
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.client.onData(bytes, start, end, this.parts.timers.nowMs);
  }

  onClose(problem: string): void {
    this.client.onClose(problem);
  }

  // ---- events at the door ----

  /**
   * Notes the states that an event changes. @returns whether the event itself is told, too. It is of use only when it
   * happens, so it is not while the broker is away.
   */
  take(name: EventName, value: string, fields: AnyFields): boolean {
    const { states } = this;
    let isTold = false;
    switch (name) {
      case "button":
        isTold = entityOf(DOORBELL + fields.button) >= 0;
        break;
      case "relay":
        states.turn("relay" + fields.relay, value === "on");
        isTold = value === "on";
        break;
      case "door":
        if (value === "left-open") states.turn("leftopen", true);
        else states.turn("door", value !== "closed");
        if (value === "forced") states.turn("forced", true);
        if (value !== "closed") break;
        states.turn("forced", false);
        states.turn("leftopen", false);
        break;
      case "tamper":
        states.turn("tamper", value === "opened");
        break;
      case "alarm":
        states.turn("alarm", value === "on");
        break;
      case "call":
        if (value === "refused") break;
        states.put("call", value === "ended" ? "idle" : value);
        states.turn("incall", value === "confirmed" || value === "held");
        if (fields.peer !== undefined) states.put("caller", printable("" + fields.peer, TEXT_MOST));
        break;
      case "register":
        this.noteRegister("registered", value);
        break;
      case "register2":
        this.noteRegister("registered2", value);
        break;
      case "audio":
        states.put("sound", printable(value, TEXT_MOST));
        break;
      case "error":
        states.put("error", printable(value, TEXT_MOST));
        isTold = ACCESS_EVENTS.indexOf(value) > 0;
        break;
      default:
        return false;
    }
    if (!this.client.isConnected) return false;
    const dueMs = this.parts.timers.remaining(this.timer);
    if (dueMs < 0 || dueMs > MQTT_WAIT_MS) this.wake(MQTT_WAIT_MS);
    return isTold;
  }

  private noteRegister(key: string, value: string): void {
    if (value === "registered") this.states.turn(key, true);
    else if (value === "failed" || value === "unregistered") this.states.turn(key, false);
  }

  // ---- the connection ----

  /** @returns one line for people */
  statusLine(): string {
    const { client, server, refused, parts } = this;
    const { queue, timers } = parts;
    const state = client.isConnected ? "connected" : "connecting";
    const nextMs = timers.remaining(this.timer);
    const line = server.report(state, nextMs, queue.waiting(FOR_MQTT), queue.dropped(FOR_MQTT));
    return refused + client.skipped > 0 ? line + "; commands refused " + refused + ", skipped " + client.skipped : line;
  }

  onFound(problem: string): void {
    if (problem !== "") this.onLost(problem);
    else this.wake(0);
  }

  onConnected(): void {
    this.nextTopic = 0;
    this.nextPiece = PIECES;
    this.isAnnouncementDue = true;
    this.isOnlineTold = false;
    this.onlineMs = this.parts.timers.nowMs - ANNOUNCE_EVERY_MS;
    this.announcedMs = this.parts.timers.nowMs - ANNOUNCE_EVERY_MS;
    this.stuckMs = -1;
    this.tellAllStates();
    this.server.work(0);
    this.wake(0);
  }

  onLost(reason: string): void {
    this.parts.queue.forget(FOR_MQTT);
    this.nextPiece = PIECES;
    this.parts.timers.start(this.timer, this.server.fail(reason, 0));
  }

  onTimer(): void {
    const { client, server, stream } = this;
    const { timers } = this.parts;
    const { nowMs } = timers;
    if (!stream.isReady) return;
    if (client.isIdle) {
      if (!server.find(nowMs)) return;
      const problem = stream.connect(server);
      if (problem !== "") {
        this.onLost(problem);
        return;
      }
      client.begin(this.makeLogin(), nowMs);
      this.wake(client.watch(nowMs));
      return;
    }
    const watchMs = client.watch(nowMs);
    if (client.isIdle || timers.running(this.timer)) return;
    if (!client.isConnected) this.wake(watchMs);
    else this.send(watchMs);
  }

  private makeLogin(): MqttLogin {
    const { settings } = this.parts;
    return {
      // The id is the same at each start, so that the broker ends the connection that a power cut has left behind.
      id: "portero-" + this.id,
      user: settings.get("mqtt.user"),
      password: settings.get("mqtt.password"),
      willTopic: this.prefix + AVAILABILITY,
      will: OFFLINE,
    };
  }

  /** Sends one message, or one piece of it. @param idleMs when to look again if there is nothing to send */
  private send(idleMs: number): void {
    const { timers, queue } = this.parts;
    const { nowMs } = timers;
    const event = queue.oldest(FOR_MQTT);
    if (nowMs - this.minuteMs >= MINUTE_MS) {
      this.minuteMs = nowMs;
      this.states.measure();
    }
    if (nowMs - this.allMs >= ALL_EVERY_MS) this.tellAllStates();
    const isAnnouncing = this.isAnnouncementDue && nowMs - this.announcedMs >= ANNOUNCE_EVERY_MS;
    let isTaken = true;
    if (this.nextPiece < PIECES) isTaken = this.sendPiece();
    else if (this.nextTopic <= ENTITIES.length + 1) isTaken = this.subscribe();
    else if (isAnnouncing) isTaken = this.announce();
    else if (!this.isOnlineTold && nowMs - this.onlineMs >= ANNOUNCE_EVERY_MS) {
      isTaken = this.publish(this.prefix + AVAILABILITY, ONLINE, true);
      this.isOnlineTold = isTaken;
      if (isTaken) this.onlineMs = nowMs;
    } else if (event >= 0) isTaken = this.sendEvent(event);
    else if (this.states.isDirty) isTaken = this.sendState();
    else {
      this.stuckMs = -1;
      const untilMs = this.isAnnouncementDue ? this.announcedMs + ANNOUNCE_EVERY_MS - nowMs : idleMs;
      this.wake(Math.min(idleMs, untilMs));
      return;
    }
    if (isTaken) this.stuckMs = -1;
    else if (this.stuckMs < 0) this.stuckMs = nowMs;
    else if (nowMs - this.stuckMs >= STALL_MS) {
      this.client.close();
      this.onLost("it takes nothing");
      return;
    }
    this.wake(isTaken ? STEP_MS : AGAIN_MS);
  }

  /**
   * Subscribes to the next topic: one for each entity that takes commands, Home Assistant's start, our availability.
   */
  private subscribe(): boolean {
    const at = this.nextTopic;
    let topic = at === ENTITIES.length ? BIRTH_TOPIC : this.prefix + AVAILABILITY;
    if (at < ENTITIES.length) {
      const one = ENTITIES[at];
      topic = one.isCommand && isThere(one, this.parts) ? this.prefix + "/" + one.key + SET : "";
    }
    if (topic !== "" && !this.client.subscribe(topic)) return false;
    this.nextTopic += 1;
    return true;
  }

  /** Begins the announcement. The announcement is written once without being sent, to find its length. */
  private announce(): boolean {
    const { parts, prefix, id } = this;
    const { writer: w, bytes } = parts.scratch;
    let size = 0;
    for (let i = 0; i < PIECES; i++) {
      w.begin(bytes, 0, MESSAGE_BYTES);
      writePiece(w, i, parts, prefix, id);
      size += w.at;
    }
    if (!this.client.open("homeassistant/device/" + id + "/config", size, true)) return false;
    this.isAnnouncementDue = false;
    this.announcedMs = this.parts.timers.nowMs;
    this.nextPiece = 0;
    return true;
  }

  private sendPiece(): boolean {
    const { parts, prefix, id } = this;
    const { writer: w, bytes } = parts.scratch;
    w.begin(bytes, 0, MESSAGE_BYTES);
    writePiece(w, this.nextPiece, parts, prefix, id);
    if (!this.client.put(bytes, 0, w.at)) return false;
    this.nextPiece += 1;
    return true;
  }

  /** @param at the event's place in the queue */
  private sendEvent(at: number): boolean {
    const { queue, settings, scratch } = this.parts;
    const { writer: w, bytes } = scratch;
    const name = queue.name(at);
    const value = queue.value(at);
    const fields = queue.fields(at);
    const isRing = name === "button";
    const key = isRing ? DOORBELL + fields.button : "access";
    const camera = settings.get("camera.url");
    w.begin(bytes, PAYLOAD_AT, MESSAGE_END);
    w.text('{"event_type":');
    writeText(w, isRing ? (value === "held" ? "hold" : "ring") : name === "relay" ? OPENED : value);
    if (isRing && camera !== "") w.text(',"camera":"' + camera + '"');
    if (!isRing) writeFields(w, fields, queue.isCut(at));
    w.octet(0x7d);
    if (w.ok && !this.client.publish(this.prefix + "/" + key, w.at, false)) return false;
    queue.take(FOR_MQTT);
    return true;
  }

  /** Sends the first state that differs from the broker's. */
  private sendState(): boolean {
    const { states } = this;
    const at = states.nextDue();
    if (at < 0) return true;
    const { state } = ENTITIES[at];
    if (!this.publish(this.prefix + "/" + state, states.textOf(state), true)) return false;
    states.noteSent(at);
    return true;
  }

  private tellAllStates(): void {
    this.states.forgetSent();
    this.allMs = this.parts.timers.nowMs;
  }

  /** @returns false if it cannot be sent now */
  private publish(topic: string, payload: string, isRetained: boolean): boolean {
    const { writer: w, bytes } = this.parts.scratch;
    w.begin(bytes, PAYLOAD_AT, MESSAGE_END);
    w.text(payload);
    return this.client.publish(topic, w.at, isRetained);
  }

  private wake(ms: number): void {
    this.parts.timers.start(this.timer, ms);
  }

  // ---- messages of the broker ----

  onMessage(bytes: Uint8Array, topicAt: number, payloadAt: number, end: number, isRetained: boolean): void {
    const { nowMs } = this.parts.timers;
    const topic = text(bytes, topicAt, payloadAt);
    const payload = text(bytes, payloadAt, end);
    if (topic === BIRTH_TOPIC) {
      // Home Assistant has started and needs everything again.
      if (payload === ONLINE && !isRetained && !this.isAnnouncementDue) {
        this.isAnnouncementDue = true;
        this.tellAllStates();
        this.wake(0);
      }
      return;
    }
    if (topic === this.prefix + AVAILABILITY) {
      // Another client wrote this, or the broker did for a connection before this one.
      if (payload === ONLINE || !this.isOnlineTold) return;
      this.isOnlineTold = false;
      this.wake(Math.max(0, this.onlineMs + ANNOUNCE_EVERY_MS - nowMs));
      return;
    }
    if (isRetained) {
      this.refuse(topic, "a command must not be retained");
      return;
    }
    const passed = Math.floor((nowMs - this.commandMs) / COMMAND_EVERY_MS);
    if (passed > 0) {
      this.commands = Math.min(COMMANDS_MOST, this.commands + passed);
      this.commandMs = nowMs;
    }
    if (this.commands === 0) {
      this.refuse(topic, "too many commands: one in " + COMMAND_EVERY_MS / 1000 + " s");
      return;
    }
    this.commands -= 1;
    const problem = this.carryOut(topic, payload);
    if (problem !== "") this.refuse(topic, problem);
  }

  /** @returns "" or why not */
  private carryOut(topic: string, payload: string): string {
    const begin = this.prefix.length + 1;
    const key = topic.slice(begin, -SET.length);
    const at = entityOf(key);
    const isOurs = topic === this.prefix + "/" + key + SET && at >= 0 && ENTITIES[at].isCommand;
    // The settings may have changed since the topic was subscribed.
    if (!isOurs || !isThere(ENTITIES[at], this.parts)) return "there is no such command";
    return this.order(key, payload);
  }

  private order(key: string, payload: string): string {
    const { orders } = this.parts;
    const number = Number(key.slice(-1));
    switch (key) {
      case "relay1":
      case "relay2":
        if (payload === "LOCK") orders.close(number);
        else
          return payload === "UNLOCK" || payload === "OPEN"
            ? orders.open(number, "MQTT")
            : "it takes LOCK, UNLOCK and OPEN";
        return "";
      case "dnd":
        if (payload !== "ON" && payload !== "OFF") return "it takes ON and OFF";
        return this.set("call.doNotDisturb", payload === "ON" ? "busy" : "off");
      case "volume":
        return this.set("audio.volume", payload);
      case "gain":
        return this.set("audio.gain", payload);
    }
    if (payload !== PRESS) return "it takes " + PRESS;
    if (key === "hangup") orders.hangUp("MQTT");
    else if (key === "restart") orders.restart();
    else return orders.callPlan(number);
    return "";
  }

  private set(key: string, value: string): string {
    const problem = this.parts.orders.set(key, value);
    this.states.measure();
    this.wake(0);
    return problem;
  }

  /** Counts a command that is not carried out, and reports at most one a minute. */
  private refuse(topic: string, why: string): void {
    const { nowMs } = this.parts.timers;
    this.refused += 1;
    this.untold += 1;
    if (nowMs - this.refusalMs < REFUSAL_TOLD_MS) return;
    this.refusalMs = nowMs;
    const count = this.untold;
    this.untold = 0;
    this.parts.events.event("error", "mqtt command refused", {
      name: printable(topic, TEXT_MOST),
      why: printable(why, TEXT_MOST),
      count,
    });
  }
}

/**
 * @returns the prefix in the characters that an id of Home Assistant may have: `_-` for a slash and `__` for `_`,
 * so that two prefixes never have one id
 */
function idOf(prefix: string): string {
  let out = "";
  for (let i = 0; i < prefix.length; i++) {
    const c = prefix.charAt(i);
    out += c === "/" ? "_-" : c === "_" ? "__" : c;
  }
  return out;
}
