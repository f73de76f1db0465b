/**
 * The links from the door to the house's systems that the settings name. Each event goes to the console first, and then
 * to each link. A door without links has none of these objects, and a board's manifest may leave out the code of a link
 * (hal/without). Not here: the messages of each link (syslog.ts, hook.ts, mqtt.ts), and the answers of the HTTP API
 * (api.ts).
 */
import type { Clock } from "../../hal/device.js";
import { type DoorEvents, type EventFields, type EventName, type EventValues, NO_FIELDS } from "../intercom/events.js";
import type { Settings } from "../settings/settings.js";
import { type Api, makeApi } from "./api.js";
import { EventQueue, FOR_HOOK, FOR_MQTT, FOR_SYSLOG, type QueuedFields } from "./eventqueue.js";
import { type Hook, makeHook } from "./hook.js";
import { type Mqtt, makeMqtt } from "./mqtt.js";
import { type LinkParts, Scratch } from "./parts.js";
import { DEBUG, severityOf, UNTOLD } from "./severity.js";
import { makeSyslog, type Syslog } from "./syslog.js";

export interface LinksParts extends Omit<LinkParts, "events" | "scratch" | "queue"> {
  /** Memory in which the links may write while no datagram is handled. */
  buffer: Uint8Array;
  /** Takes the events after the links. */
  next: DoorEvents;
  /** The board has memory for the HTTP API. */
  isRoomy: boolean;
}

/** Takes the lines of a report. */
interface Reported {
  put(name: string, line: string): unknown;
}

const NOT_BUILT = ": this board's program was built without it";

/** @returns the number of timers that the links in the settings need; 0 without links */
export function linkTimers(settings: Settings): number {
  return (
    (hasSyslog(settings) ? 1 : 0) +
    (hasHook(settings) ? 1 : 0) +
    (hasMqtt(settings) ? 1 : 0) +
    (hasApi(settings) ? 1 : 0)
  );
}

function hasSyslog(settings: Settings): boolean {
  return settings.get("syslog.server") !== "";
}

function hasHook(settings: Settings): boolean {
  return settings.get("hook.url") !== "";
}

function hasMqtt(settings: Settings): boolean {
  return settings.get("mqtt.enabled") && settings.get("mqtt.server") !== "";
}

function hasApi(settings: Settings): boolean {
  return settings.get("api.token") !== "";
}

export class Links implements DoorEvents {
  private readonly next: DoorEvents;
  private readonly settings: Settings;
  private readonly isRoomy: boolean;
  private readonly clock: Clock;
  private readonly queue = new EventQueue();
  readonly syslog: Syslog | null;
  readonly hook: Hook | null;
  readonly mqtt: Mqtt | null;
  readonly api: Api | null;

  constructor(given: LinksParts) {
    const { next, isRoomy, settings, buffer } = given;
    this.next = next;
    this.settings = settings;
    this.isRoomy = isRoomy;
    this.clock = given.device.clock;
    const { station, device, timers, orders, version } = given;
    const scratch = new Scratch(buffer);
    const parts: LinkParts = {
      station,
      device,
      settings,
      timers,
      orders,
      version,
      scratch,
      queue: this.queue,
      events: this,
    };
    this.syslog = hasSyslog(settings) ? makeSyslog(parts) : null;
    this.hook = hasHook(settings) ? makeHook(parts) : null;
    this.mqtt = hasMqtt(settings) ? makeMqtt(parts) : null;
    this.api = hasApi(settings) && isRoomy ? makeApi(parts) : null;
  }

  /** Opens the sockets. The door works without a socket that cannot be opened. @param ip our address */
  async start(ip: number): Promise<void> {
    const { settings, isRoomy } = this;
    await this.open(this.syslog, ip, hasSyslog(settings), "syslog.server");
    await this.open(this.hook, ip, hasHook(settings), "hook.url");
    await this.open(this.mqtt, ip, hasMqtt(settings), "mqtt.enabled");
    await this.open(this.api, ip, hasApi(settings) && isRoomy, "api.token");
    if (hasApi(settings) && !isRoomy) this.tell("api.token: this board has no memory for the HTTP API");
  }

  private async open(link: Syslog | Hook | Mqtt | Api | null, ip: number, has: boolean, key: string): Promise<void> {
    if (link === null) {
      if (has) this.tell(key + NOT_BUILT);
      return;
    }
    try {
      await link.start(ip);
    } catch (error) {
      this.tell(error instanceof Error ? error.message : "no socket");
    }
  }

  private tell(problem: string): void {
    this.event("error", problem, NO_FIELDS);
  }

  /** Reports each link in one line: its server, whether it is connected, what waits, and the last failure. */
  report(into: Reported): void {
    if (this.syslog !== null) into.put("syslog", this.syslog.statusLine());
    if (this.hook !== null) into.put("hook", this.hook.statusLine());
    if (this.mqtt !== null) into.put("mqtt", this.mqtt.statusLine());
    if (this.api !== null) into.put("api", this.api.statusLine());
  }

  close(): void {
    this.syslog?.close();
    this.hook?.close();
    this.mqtt?.close();
    this.api?.close();
  }

  event<N extends EventName>(name: N, value: EventValues[N], fields: EventFields[N]): void {
    this.next.event(name, value, fields);
    // An event's fields are texts and numbers, and those that do not apply are left out.
    const told = fields as QueuedFields;
    const { syslog, hook, mqtt, queue } = this;
    const severity = severityOf(name, value);
    if (severity === UNTOLD) return;
    let wanted = mqtt?.take(name, value, told) === true ? FOR_MQTT : 0;
    if (syslog !== null && severity <= syslog.level) wanted |= FOR_SYSLOG;
    if (hook !== null && severity < DEBUG) wanted |= FOR_HOOK;
    if (wanted === 0) return;
    const losers = queue.put(name, value, told, wanted, severity, this.clock.epochS());
    if ((wanted & FOR_SYSLOG) !== 0) syslog?.onQueued();
    if ((wanted & FOR_HOOK) !== 0) hook?.onQueued();
    if ((losers & FOR_SYSLOG) !== 0) syslog?.server.drop();
    if ((losers & FOR_HOOK) !== 0) hook?.server.drop();
  }
}
