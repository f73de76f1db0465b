/**
 * The links from the door to the house's systems that the settings name. Each event goes to the console first, and then
 * to each link. A door without links has none of these objects. Not here: the messages of each link (syslog.ts,
 * hook.ts, mqtt.ts), and the answers of the HTTP API (api.ts).
 */
import type { Device, Resolver } from "../../hal/device.js";
import type { Timers } from "../core/timers.js";
import { type DoorEvents, type EventFields, type EventName, type EventValues, NO_FIELDS } from "../intercom/events.js";
import type { Settings } from "../settings/settings.js";
import { trustOf } from "../settings/useragent.js";
import { Api, type ApiOrders } from "./api.js";
import { Hook } from "./hook.js";
import { type DoorOrders, Mqtt } from "./mqtt.js";
import { levelOf } from "./severity.js";
import { type LinkParts, Scratch } from "./stream.js";
import { Syslog } from "./syslog.js";

export interface LinksParts {
  device: Device;
  resolver: Resolver;
  settings: Settings;
  timers: Timers;
  /** Takes the events after the links. */
  next: DoorEvents;
  /** Carries out the orders of a broker. */
  orders: DoorOrders;
  /** Carries out the requests of the HTTP API. */
  api: ApiOrders;
  /** The board has memory for the HTTP API. */
  isRoomy: boolean;
  version: string;
  /** Takes the time; it runs before any input of a device is handled. */
  enter(): void;
  /** Sets the next wake-up; it runs after any input of a device was handled. */
  leave(): void;
}

/** Takes the lines of a report. */
export interface Reported {
  put(name: string, line: string): unknown;
}

/** @returns the number of timers that the links in the settings need; 0 without links */
export function linkTimers(settings: Settings): number {
  return (
    (settings.get("syslog.server") === "" ? 0 : 1) +
    (settings.get("hook.url") === "" ? 0 : 1) +
    (hasMqtt(settings) ? 1 : 0) +
    (settings.get("api.token") === "" ? 0 : 1)
  );
}

function hasMqtt(settings: Settings): boolean {
  return settings.get("mqtt.enabled") && settings.get("mqtt.server") !== "";
}

export class Links implements DoorEvents {
  private readonly next: DoorEvents;
  readonly syslog: Syslog | null;
  readonly hook: Hook | null;
  readonly mqtt: Mqtt | null;
  readonly api: Api | null;
  private readonly hasNoRoom: boolean;

  constructor(parts: LinksParts) {
    const { device, resolver, settings, timers, enter, leave } = parts;
    this.next = parts.next;
    const common: LinkParts & { device: Device } = {
      device,
      resolver,
      timers,
      enter,
      leave,
      events: this,
      scratch: new Scratch(),
      trust: () => trustOf(settings),
      epochS: () => device.clock.epochS(),
    };
    const place = settings.get("syslog.server");
    this.syslog =
      place === ""
        ? null
        : new Syslog({
            ...common,
            place,
            isTcp: settings.get("syslog.transport") === "tcp",
            level: levelOf(settings.get("syslog.level")),
          });
    const url = settings.get("hook.url");
    this.hook =
      url === ""
        ? null
        : new Hook({
            ...common,
            url,
            random: device.random,
            secret: settings.get("hook.secret"),
            door: settings.get("sip.user"),
            camera: () => settings.get("camera.url"),
          });
    const { relays, wifi, restart } = device;
    this.mqtt = hasMqtt(settings)
      ? new Mqtt({
          ...common,
          settings,
          orders: parts.orders,
          version: parts.version,
          equipment: {
            relays: relays.length,
            hasWifi: wifi !== null,
            canRestart: restart !== null,
            hasMemory: device.freeBytes !== undefined,
          },
        })
      : null;
    const token = settings.get("api.token");
    const port = settings.get("api.port");
    const onError = (message: string): void => this.event("error", message, NO_FIELDS);
    this.hasNoRoom = token !== "" && !parts.isRoomy;
    this.api = token === "" || !parts.isRoomy ? null : new Api({ ...common, token, port, orders: parts.api, onError });
  }

  /** Opens the sockets. The door works without a socket that cannot be opened. @param ip our address */
  async start(ip: number): Promise<void> {
    await this.open(this.syslog, ip);
    await this.open(this.hook, ip);
    await this.open(this.mqtt, ip);
    await this.open(this.api, ip);
    if (this.hasNoRoom) this.event("error", "api.token: this board has no memory for the HTTP API", NO_FIELDS);
  }

  private async open(link: Syslog | Hook | Mqtt | Api | null, ip: number): Promise<void> {
    try {
      await link?.start(ip);
    } catch (error) {
      this.event("error", error instanceof Error ? error.message : "no socket", NO_FIELDS);
    }
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
    const told = fields as Readonly<Record<string, string | number>>;
    this.syslog?.take(name, value, told);
    this.hook?.take(name, value, told);
    this.mqtt?.take(name, value, told);
  }
}
