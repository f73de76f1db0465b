/**
 * One party of the simulated house, the door or the phone: the station of src/ on virtual devices. Not here: its
 * network (wiring.ts), and who presses which button when (cli.ts).
 */

import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { Es8311 } from "../hal/codecs/es8311.js";
import { Es8388 } from "../hal/codecs/es8388.js";
import type {
  AudioInput,
  AudioOutput,
  AudioPort,
  Clock,
  Codec,
  Device,
  InputName,
  Store,
  TcpOptions,
} from "../hal/device.js";
import { TimedPort } from "../hal/timedport.js";
import type { TerminalUser } from "../src/console/terminal.js";
import { ipv4Text } from "../src/core/address.js";
import type { Limits } from "../src/core/limits.js";
import type { RandomSource } from "../src/core/random.js";
import { HOUSE_LIMITS } from "../src/driver/limits.js";
import { Station } from "../src/driver/station.js";
import type { DoorEvents } from "../src/intercom/events.js";
import { NO_FIELDS } from "../src/intercom/events.js";
import { findSetting } from "../src/settings/schema.js";
import type { Settings } from "../src/settings/settings.js";
import { CodecInput, CodecOutput, type VirtualCodec } from "./io/chips/codec.js";
import { VirtualEs8388 } from "./io/chips/es8388.js";
import { VirtualContact, VirtualOutput } from "./io/digital.js";
import type { DoorListener } from "./io/doorlistener.js";
import { VirtualReader } from "./io/reader.js";
import { PartOfStore } from "./io/store.js";
import { problemOfCertificates } from "./io/tls.js";
import { VirtualWifi } from "./io/wifi.js";
import { type House, ownAddress, Wiring } from "./wiring.js";

/** The devices of one party. */
export interface Belongings {
  name: string;
  settings: Settings;
  random: RandomSource;
  /** A port of its own; if it has no clock, the house's clock moves the sound. */
  microphone: AudioInput | AudioPort;
  speaker: AudioOutput;
  /** The codec between I2S and microphone and speaker; null if they are wired to I2S themselves. */
  codec: VirtualCodec | null;
  store: Store;
  /** The sizes of its pools; undefined for those of a computer. */
  limits?: Limits;
  /** The inputs and the number of relays that it has; undefined for all. */
  inputs?: readonly InputName[];
  relays?: number;
  /** Its port for TLS; undefined for none. */
  listener?: DoorListener | undefined;
  /** Reads the settings anew before a restart by `reboot`; undefined if it cannot restart. */
  reread?: () => void;
}

/** Time from `reboot` to the restart, in which the answer is sent. */
const REBOOT_MS = 100;

function portOf(clock: Clock, codec: VirtualCodec | null, microphone: AudioInput | AudioPort): AudioPort {
  if ("start" in microphone) return microphone;
  return new TimedPort(clock, codec === null ? microphone : new CodecInput(codec, microphone));
}

export class Party implements DoorEvents, TerminalUser {
  readonly name: string;
  readonly settings: Settings;
  /** The station, which is another one after each restart. */
  station: Station;
  /** The contacts of all names. */
  readonly contacts: Record<InputName, VirtualContact>;
  readonly relays: readonly VirtualOutput[];
  readonly led = new VirtualOutput();
  readonly alarm = new VirtualOutput();
  readonly wifi: VirtualWifi;
  /** A reader with keys beside the door. */
  readonly reader = new VirtualReader();
  private readonly codec: Codec | null;
  private readonly house: House;
  private readonly belongings: Belongings;
  private isEnding = false;

  constructor(house: House, belongings: Belongings) {
    this.house = house;
    this.belongings = belongings;
    this.name = belongings.name;
    this.settings = belongings.settings;
    this.relays = Array.from({ length: belongings.relays ?? 2 }, () => new VirtualOutput());
    const contact = () => new VirtualContact(house.clock);
    this.contacts = {
      button1: contact(),
      button2: contact(),
      button3: contact(),
      button4: contact(),
      exit: contact(),
      sensor: contact(),
      tamper: contact(),
    };
    this.wifi = new VirtualWifi(house.clock);
    this.moveDoor(false);
    this.moveHousing(false);
    this.codec = belongings.codec === null ? null : this.startCodec(belongings.codec);
    this.station = this.newStation();
  }

  private newStation(): Station {
    const { belongings } = this;
    const station = new Station(this.device(belongings), belongings.settings, belongings.limits ?? HOUSE_LIMITS, this);
    station.door.ua.layer.watcher = this.house.watch?.(this.name) ?? null;
    return station;
  }

  /**
   * Restarts as a board does: calls are cut off, unsaved settings are forgotten, and sockets are opened by the settings
   * as they are now.
   */
  private reboot(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    const { clock } = this.house;
    clock.createTimer(() => void this.startAnew()).at(clock.now() + REBOOT_MS);
  }

  private async startAnew(): Promise<void> {
    this.station.close();
    for (const contact of Object.values(this.contacts)) contact.disconnect();
    this.reader.disconnect();
    this.belongings.reread?.();
    this.station = this.newStation();
    this.isEnding = false;
    try {
      await this.station.start();
    } catch (error) {
      this.event("error", (error as Error).message, NO_FIELDS);
    }
  }

  // ---- the console of the present station ----

  line(input: string): string {
    return this.station.line(input);
  }

  complete(input: string): readonly string[] {
    return this.station.complete(input);
  }

  isLocked(): boolean {
    return this.station.isLocked();
  }

  /** Another place at which lines are typed. Its login ends with the station. */
  seat(): TerminalUser {
    let { station } = this;
    let user = station.seat();
    const now = (): TerminalUser => {
      if (station !== this.station) {
        station = this.station;
        user = station.seat();
      }
      return user;
    };
    return {
      line: (input) => now().line(input),
      complete: (input) => now().complete(input),
      isLocked: () => now().isLocked?.() === true,
    };
  }

  /** Opens or shuts the door itself; its contact is closed while the door is shut, unless the settings invert it. */
  moveDoor(isOpen: boolean): void {
    this.contacts.sensor.set(isOpen === (this.settings.get("door.sensor") === "open") ? 1 : 0);
  }

  /** Opens or shuts the housing of the door station. */
  moveHousing(isOpen: boolean): void {
    this.contacts.tamper.set(isOpen === (this.settings.get("door.tamper") === "open") ? 1 : 0);
  }

  event(name: string, value: string, fields: Record<string, string | number>): void {
    this.house.tell({ t: this.house.clock.now(), who: this.name, event: name, value, ...fields });
  }

  /** A codec that does not answer is told, and costs the sound only. */
  private startCodec(chip: VirtualCodec): Codec {
    // The microphone plays a file, which comes through unchanged with the first value of the gain.
    chip.capsuleDb = -Number(findSetting("audio.gain")?.initial);
    const options = { registers: chip, delay: () => {} };
    const codec = chip instanceof VirtualEs8388 ? new Es8388(options) : new Es8311(options);
    const problem = codec.start();
    if (problem !== "") this.event("error", problem, NO_FIELDS);
    return codec;
  }

  /** @returns the port for TLS beside that of `options`; null for none @throws Error of one line */
  private listenerOf(options: TcpOptions, ip: number): DoorListener | null {
    const { listener } = this.belongings;
    if (listener === undefined || options.setting !== "sip.port") return null;
    const problem = listenerProblem(listener, ip, this.house.network !== null);
    if (problem === "") return listener;
    this.event("error", problem, NO_FIELDS);
    return null;
  }

  private device(belongings: Belongings): Device {
    const { house, settings } = this;
    const { codec } = belongings;
    const ip = ownAddress(settings.get("net.address"));
    const wiring = new Wiring(house, ip, belongings.name, belongings.random);
    return {
      restart: belongings.reread === undefined ? null : () => this.reboot(),
      wifi: this.wifi,
      reader: (options) => this.reader.open(options),
      address: () => ip,
      hardwareAddress: () => hardwareAddressOf(house, ip, settings.get("sip.port"), belongings.name),
      clock: house.clock,
      random: belongings.random,
      resolver: wiring.resolver,
      udp: (options) => wiring.udp(options, options.setting === "sip.port"),
      tcp: (options) => wiring.tcp(options, options.setting === "sip.port", this.listenerOf(options, ip)),
      // The virtual network has no TLS.
      hasTls: house.network === null,
      authorityProblem: problemOfCertificates,
      microphone: portOf(house.clock, codec, belongings.microphone),
      speaker: codec === null ? belongings.speaker : new CodecOutput(codec, belongings.speaker),
      codec: this.codec,
      input: (name, options) =>
        belongings.inputs === undefined || belongings.inputs.includes(name) ? this.contacts[name].open(options) : null,
      relays: this.relays,
      led: this.led,
      alarm: this.alarm,
      wire: null,
      store: belongings.store,
      journal: new PartOfStore(belongings.store, "journal-"),
    };
  }
}

/** @returns "" or why a door at that address cannot have that port for TLS */
export function listenerProblem(listener: DoorListener, ip: number, isVirtual: boolean): string {
  const place = "--listen tls:" + ipv4Text(listener.ip) + ":" + listener.port + ": ";
  if (isVirtual) return place + "the virtual network has no TLS: leave --virtual-time out";
  if (listener.ip === ip || listener.ip === 0) return "";
  return place + "must be on the door's own address, net.address, which is " + ipv4Text(ip);
}

/**
 * @returns a hardware address that stays the same from run to run, one of those that belong to no maker. On the
 * machine's own network another machine has another one.
 */
function hardwareAddressOf(house: House, ip: number, port: number, name: string): string {
  const machine = house.network === null ? hostname() : "";
  const digest = createHash("sha256").update([machine, ip, port, name].join(" ")).digest("hex");
  return "02" + digest.slice(0, 10);
}
