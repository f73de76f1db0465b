/**
 * A door and a phone as whole stations in a virtual network and virtual time, with a host beside them for whoever
 * listens to the door: a syslog server, a webhook's receiver, a broker.
 */
import { expect } from "vitest";
import type { Device, TcpConnection, TcpOptions, TcpStack } from "../../hal/device.js";
import { TimedPort } from "../../hal/timedport.js";
import { NO_SPEAKER, SamplesInput } from "../../host-sim/io/audio.js";
import { VirtualContact, VirtualOutput } from "../../host-sim/io/digital.js";
import { SeededRandom } from "../../host-sim/io/random.js";
import { MemoryStore } from "../../host-sim/io/store.js";
import { VirtualClock } from "../../host-sim/world/clock.js";
import { VirtualNetwork } from "../../host-sim/world/network.js";
import { ipv4 } from "../../src/core/address.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS } from "../../src/driver/limits.js";
import { Station } from "../../src/driver/station.js";
import { Settings } from "../../src/settings/settings.js";

const DOOR = "10.0.0.1";
const PHONE = "10.0.0.2";
/** The host of the house's systems. */
export const HOUSE = "10.0.0.3";

export interface Told {
  name: string;
  value: string;
  fields: Readonly<Record<string, string | number>>;
}

export class Home {
  readonly clock = new VirtualClock();
  readonly air = new VirtualNetwork(this.clock, new SeededRandom(1));
  readonly house = this.air.host(ipv4(HOUSE));
  readonly settings = new Settings();
  readonly events: Told[] = [];
  readonly relays = [new VirtualOutput(), new VirtualOutput()];
  readonly contact = new VirtualContact(this.clock);
  readonly store = new MemoryStore();
  private readonly more: Partial<Device>;
  /** The door's limits, of a plain board at first. */
  limits: Limits = DOOR_LIMITS;
  door!: Station;
  phone!: Station;

  /** @param settings of the door @param more devices of the door, in place of the usual ones */
  constructor(settings: readonly string[], more: Partial<Device> = {}) {
    for (const one of [`net.address=${DOOR}`, `call.target=sip:phone@${PHONE}`, ...settings])
      expect(this.settings.assign(one)).toBe("");
    this.more = more;
  }

  async start(): Promise<this> {
    const phone = new Settings();
    for (const one of [`net.address=${PHONE}`, "call.autoAnswer=on", "call.allow=any"])
      expect(phone.assign(one)).toBe("");
    this.phone = new Station(this.device(PHONE, {}), phone, DOOR_LIMITS, { event: () => {} });
    this.door = new Station(this.device(DOOR, this.more), this.settings, this.limits, {
      event: (name, value, fields) => void this.events.push({ name, value, fields: fields as Told["fields"] }),
    });
    await this.phone.start();
    await this.door.start();
    return this;
  }

  private device(address: string, more: Partial<Device>): Device {
    const { clock } = this;
    const network = this.air.host(ipv4(address));
    const isDoor = address === DOOR;
    return {
      restart: null,
      wifi: null,
      wire: null,
      address: () => ipv4(address),
      clock,
      random: new SeededRandom(isDoor ? 2 : 3),
      resolver: network.resolver,
      udp: (options) => network.udp(options),
      tcp: (options) => network.tcp(options),
      microphone: new TimedPort(clock, new SamplesInput()),
      speaker: NO_SPEAKER,
      codec: null,
      input: (_name, options) => (isDoor ? this.contact : new VirtualContact(clock)).open(options),
      relays: isDoor ? this.relays : [],
      led: new VirtualOutput(),
      store: isDoor ? this.store : new MemoryStore(),
      ...more,
    };
  }

  run(ms: number): Promise<void> {
    return this.clock.runUntil(this.clock.now() + ms);
  }

  /** Lets the door tell an event. */
  tell(name: "phone", value: "registered" | "gone", fields: { name: string }): void {
    this.door.enter();
    this.door.log.event(name, value, fields);
    this.door.leave();
  }

  /** @returns each telling of a link as "value name", with the count of dropped messages */
  links(): string[] {
    return this.events
      .filter(({ name }) => name === "link")
      .map(({ value, fields }) => [value, fields.name, fields.dropped ?? fields.code ?? ""].join(" ").trim());
  }

  /** The packets that came late in the call that was last. */
  late(): number {
    return this.door.door.ua.lines[0].media.latePackets() + this.phone.door.ua.lines[0].media.latePackets();
  }
}

/** What a server of TCP at the house's host heard. */
export class Listener {
  /** The text of each connection, and whether the door has ended it. */
  readonly connections: { text: string; isOver: boolean; connection: TcpConnection }[] = [];
  stack!: TcpStack;

  /** @param onData is called for all that comes, with all of its connection so far */
  static async open(
    home: Home,
    port: number,
    onData: (connection: TcpConnection, text: string) => void = () => {},
  ): Promise<Listener> {
    const listener = new Listener();
    const { connections } = listener;
    const options: TcpOptions = {
      address: ipv4(HOUSE),
      port,
      onOpen: (connection) => void connections.push({ text: "", isOver: false, connection }),
      onData: (connection, bytes, start, end) => {
        const one = connections.find(({ connection: other }) => other === connection);
        if (one === undefined) return;
        one.text += Buffer.from(bytes.subarray(start, end)).toString("utf8");
        onData(connection, one.text);
      },
      onClose: (connection) => {
        const one = connections.find(({ connection: other }) => other === connection);
        if (one !== undefined) one.isOver = true;
      },
      onError: () => {},
    };
    listener.stack = await home.house.tcp(options);
    return listener;
  }
}
