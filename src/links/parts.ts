/**
 * The parts that all links to the house's systems share: devices, settings, timers, the orders that they may give to
 * the door, and the memory in which they write. Not here: the links (links.ts).
 */
import type { Device, ResolverDone, Service } from "../../hal/device.js";
import type { Timers } from "../core/timers.js";
import type { DoorEvents } from "../intercom/events.js";
import type { Settings } from "../settings/settings.js";
import { Writer } from "../wire/writer.js";
import type { EventQueue } from "./eventqueue.js";

/** The longest message that a link writes: the head and the body of a webhook's request. */
export const SCRATCH_BYTES = 2048;

// A link sends an event so long after it happened, each link at another time, so that the messages and the sound of the
// call go first.
export const SYSLOG_WAIT_MS = 60;
export const HOOK_WAIT_MS = 90;
export const MQTT_WAIT_MS = 120;
/** The time between two messages of a link. The sound of a call is sent every 20 ms, so it goes between them. */
export const STEP_MS = 20;

/**
 * Memory in which each link writes its messages. A message is handed to the network before the link returns, so all
 * links have the same scratch; it is the memory of the datagram that the station reads, which nobody needs then.
 * Nothing is written here while a datagram is handled: a link takes an event into the queue alone.
 */
export class Scratch {
  readonly bytes: Uint8Array;
  readonly writer = new Writer();

  /** @param bytes at least SCRATCH_BYTES */
  constructor(bytes: Uint8Array) {
    if (bytes.length < SCRATCH_BYTES) throw new RangeError("the scratch has " + bytes.length + " octets");
    this.bytes = bytes;
  }
}

/** The orders that the house's systems may give to the door. A text that is returned is "" or why not. */
export interface LinkOrders {
  /** @param by what gives the order, for the log */
  open(relay: number, by: string): string;
  close(relay: number): void;
  /** Calls the targets of a button. */
  callPlan(button: number): string;
  call(target: string): string;
  hangUp(by: string): string;
  restart(): void;
  /** Sets a setting until the next start. */
  set(key: string, value: string): string;
  /** @returns one line of JSON */
  report(what: "status" | "log" | "people"): string;
}

/** What the links need of the station. */
export interface LinkStation {
  /** Takes the time before a device's input is handled. */
  enter(): void;
  /** Sets the next wake-up after it. */
  leave(): void;
  /** Looks up a server's name, also one of the local network. */
  findName(name: string, port: number, service: Service, done: ResolverDone): void;
}

/** The parts that each link is given. All links have the same object. */
export interface LinkParts {
  /** An object with methods, since each function made for the links would take 170 octets on XS. */
  station: LinkStation;
  device: Device;
  settings: Settings;
  timers: Timers;
  /** Receives the events of the links, such as that a server is lost, and of refused orders. */
  events: DoorEvents;
  scratch: Scratch;
  /** The events that wait for the links. */
  queue: EventQueue;
  orders: LinkOrders;
  version: string;
}
