/**
 * The driver joins the core to the devices that it gets. It hands in datagrams and streams, keeps the clock and the
 * wake-up time, and runs microphone and loudspeaker during a call. The board and the simulator use the same code;
 * hal/device.ts describes a device. Not here: the behaviour of a door (door.ts).
 */

import type {
  AudioOutput,
  AudioPort,
  Device,
  DeviceTimer,
  InputName,
  Output,
  ResolverDone,
  Service,
  TcpConnection,
  TcpStack,
  UdpSocket,
} from "../../hal/device.js";
import { Console, VERSION } from "../console/console.js";
import { Seat } from "../console/passwordlock.js";
import type { TerminalUser } from "../console/terminal.js";
import { ipv4, ipv4Text } from "../core/address.js";
import { text } from "../core/bytes.js";
import type { Limits } from "../core/limits.js";
import { Timers } from "../core/timers.js";
import { Door } from "../intercom/door.js";
import type { DoorEvents, DoorOutputs } from "../intercom/events.js";
import { NO_FIELDS } from "../intercom/events.js";
import { houseServerLimits } from "../intercom/houseserver.js";
import { Journal } from "../intercom/journal.js";
import { Log } from "../intercom/log.js";
import { Links, linkTimers } from "../links/links.js";
import { isLocalName, LocalNames } from "../links/localnames.js";
import type { LinkStation } from "../links/parts.js";
import type { LocalService } from "../links/responder.js";
import { Limiter } from "../media/limiter.js";
import {
  TONE_ANSWERED,
  TONE_BUSY,
  TONE_CONFIRMED,
  TONE_FAILED,
  TONE_REFUSED,
  TONE_REGIONS,
  TONE_RINGING,
  TONE_WARNING,
  Tone,
} from "../media/tone.js";
import { authorityStore } from "../settings/authorities.js";
import { Record } from "../settings/record.js";
import type { Settings } from "../settings/settings.js";
import { trustOf } from "../settings/useragent.js";
import { wiringOf } from "../settings/wiring.js";
import type { Network } from "../transaction/network.js";
import { serviceOf } from "../transaction/resolver.js";
import type { SoundNetwork } from "../ua/call.js";
import { SECOND_ACCOUNT_TIMERS, secondAccountLimits } from "../ua/secondaccount.js";
import { escapeUser } from "../ua/uritext.js";
import { Conference } from "./conference.js";
import { Contact, type ContactUser, INPUTS } from "./contact.js";
import { type EchoControl, makeEchoControl } from "./echocontrol.js";
import { EntryPanel, type EntryPanelUser } from "./entrypanel.js";
import { stationTimers } from "./limits.js";
import { HouseOrders, type OrdersUser } from "./orders.js";
import { Paging, type PagingUser } from "./paging.js";
import { SelfCheck } from "./selfcheck.js";

const LOG_KEY = "log";
const NO_FILES = "this device has no files: unset tls.ca, save, and paste the certificate at the console";
const NO_BROKER = "mqtt.enabled: mqtt.server is not set: set mqtt.server HOST, save, reboot";

/** Samples in 20 ms at 8 kHz, the amount that is moved at a time. */
const FRAME_SAMPLES = 160;
/** The most names whose last report is kept. */
const UNFOUND_MOST = 8;
/** The least time between two collections of unused memory at rest. */
const TIDY_EVERY_MS = 10_000;

/** The tones by SIGNAL_*; -1: silence. */
const TONE_OF_SIGNAL = Int8Array.of(
  -1,
  TONE_ANSWERED,
  TONE_WARNING,
  TONE_CONFIRMED,
  TONE_REFUSED,
  TONE_RINGING,
  TONE_BUSY,
  TONE_FAILED,
  -1,
  TONE_ANSWERED,
  TONE_WARNING,
);

/** One line's pair of sockets. */
class SoundPort {
  readonly rtp: UdpSocket;
  readonly rtcp: UdpSocket;

  constructor(rtp: UdpSocket, rtcp: UdpSocket) {
    this.rtp = rtp;
    this.rtcp = rtcp;
  }
}

/** CS3 and EF. RFC 4594 §2.3 */
const DSCP_SIGNALLING = 24;
const DSCP_SOUND = 46;

export class Station
  implements Network, SoundNetwork, DoorOutputs, ContactUser, EntryPanelUser, PagingUser, OrdersUser, LinkStation
{
  readonly door: Door;
  readonly console: Console;
  private readonly device: Device;
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly wake: DeviceTimer;
  private readonly events: DoorEvents;
  readonly log: Log;
  /** The links to the house's systems; null if the settings name none. */
  readonly links: Links | null;
  readonly relays: number;
  private readonly relayPins: readonly Output[];
  private readonly ledPin: Output;
  private readonly microphone: AudioPort;
  private readonly speaker: AudioOutput;
  /** Null on a board that does not hear its own loudspeaker. */
  private readonly echo: EchoControl | null;
  private readonly limiter = new Limiter();
  private readonly selfCheck: SelfCheck;
  /** The datagram that is read, SIP or sound. */
  private readonly datagram: Uint8Array;
  private readonly samples = new Int16Array(FRAME_SAMPLES);
  private readonly sounds: SoundPort[] = [];
  private readonly tone = new Tone();
  private readonly contacts: Contact[] = [];
  /** Null on a board with one line, where no second phone can join. */
  private readonly conference: Conference | null;
  private tidiedMs = 0;
  /** The microphone's port has called. */
  private isSounding = false;
  /** Settings were saved. The next wake starts the door again with them, since saving took a wake of its own. */
  private isReconfigureDue = false;
  private readonly onFrames = (frames: number, lost: number): void => this.moveSound(frames, lost);
  /** Names that the last look-up did not find, with the report for each; null: all were found so far. */
  private unfound: Map<string, string> | null = null;
  private sip: UdpSocket | null = null;
  private tcp: TcpStack | null = null;
  private ip = 0;
  /** The local network's names; undefined until one is set or looked up. */
  declare names?: LocalNames;
  /** Undefined if `page.address` is empty. */
  declare paging?: Paging;
  /** Undefined on a device without TLS. */
  declare secureStream?: Network["secureStream"];
  /** Undefined on a device that does not listen for TLS. */
  declare tlsPort?: number;

  hardwareAddress(): string {
    return this.device.hardwareAddress?.() ?? "";
  }

  constructor(device: Device, settings: Settings, doorLimits: Limits, events: DoorEvents) {
    const isServer = settings.get("server.enabled") && doorLimits.phones > 0;
    const ofServer = isServer ? houseServerLimits(doorLimits) : doorLimits;
    const hasSecond = settings.get("account2.domain") !== "";
    const limits = hasSecond ? secondAccountLimits(ofServer) : ofServer;
    this.device = device;
    this.settings = settings;
    if (device.hasTls === true)
      this.secureStream = (ip, port, name, size, opens) => this.findSecure(ip, port, text(name, 0, size), opens);
    const ofLinks = linkTimers(settings);
    const isPaged = settings.get("page.address") !== "";
    const more = (hasSecond ? SECOND_ACCOUNT_TIMERS : 0) + (isPaged ? 1 : 0);
    this.timers = new Timers(stationTimers(limits, isServer) + ofLinks + more);
    this.datagram = new Uint8Array(limits.messageBytes);
    this.timers.nowMs = device.clock.now();
    this.links =
      ofLinks === 0
        ? null
        : new Links({
            station: this,
            device,
            settings,
            timers: this.timers,
            next: events,
            orders: new HouseOrders(this),
            isRoomy: doorLimits.phones > 0,
            buffer: this.datagram,
            version: VERSION,
          });
    this.log = new Log({
      next: this.links ?? events,
      timers: this.timers,
      clock: this,
      record: new Record(device.store, LOG_KEY, limits.logBytes),
      mostEntries: limits.logEntries,
      mostBytes: limits.logBytes,
      journal: device.journal === undefined ? null : new Journal(device.journal, limits.journalBlocks),
    });
    this.log.load();
    this.events = this.log;
    this.relayPins = device.relays;
    this.relays = device.relays.length;
    this.ledPin = device.led;
    this.microphone = device.microphone;
    this.speaker = device.speaker;
    this.echo = makeEchoControl(device.microphone, FRAME_SAMPLES);
    this.selfCheck = new SelfCheck(this, settings, this.timers, this.events);
    if (isPaged) this.paging = new Paging(this, this.timers, this.events);
    // The relays start switched off, so the door is locked.
    this.lock();
    this.wake = device.clock.createTimer(() => this.poll());
    this.door = new Door({
      settings,
      limits,
      timers: this.timers,
      random: device.random,
      network: this,
      sound: this,
      outputs: this,
      events: this.log,
      store: device.store,
      peopleStore: device.people ?? device.store,
    });
    this.conference = limits.lines > 1 ? new Conference(this.door.ua.lines, FRAME_SAMPLES) : null;
    for (let i = 0; i < INPUTS.length; i++) {
      const contact = new Contact(device, INPUTS[i], this.timers, this);
      if (contact.exists) this.contacts.push(contact);
    }
    if (device.reader !== undefined) new EntryPanel(device, this.timers, this);
    this.console = new Console(this.door, {
      store: device.store,
      authorityStore: authorityStore(device),
      restart: () => {
        this.wire();
        this.isReconfigureDue = true;
      },
      reboot: device.restart,
      log: this.log,
      wifi: device.wifi,
      selfTest: this.selfCheck,
      links: this.links,
    });
  }

  /** Opens the sockets and begins. @throws Error with one line for a person when a port is not available */
  async start(): Promise<void> {
    this.setLevels();
    this.ip = this.address();
    const port = this.settings.get("sip.port");
    // All sockets share them: a function of its own takes some 170 octets on XS.
    const onError = (message: string): void => this.report(message);
    const onReadable = (socket: UdpSocket): void => {
      if (socket === this.sip) this.readSip(socket);
      else this.readSound(socket);
    };
    this.sip = await this.device.udp({
      address: this.ip,
      port,
      dscp: DSCP_SIGNALLING,
      setting: "sip.port",
      onReadable,
      onError,
    });
    this.tcp = await this.device.tcp({
      address: this.ip,
      port,
      setting: "sip.port",
      onOpen: (connection, incoming) => this.onOpen(connection, incoming),
      onData: (connection, bytes, start, end) => this.onData(connection, bytes, start, end),
      onClose: (connection) => this.onClose(connection),
      onError,
    });
    if (this.tcp.tlsPort !== undefined) this.tlsPort = this.tcp.tlsPort;
    const rtpPort = this.settings.get("rtp.port");
    for (let i = 0; i < this.door.ua.lines.length; i++) {
      const rtp = await this.device.udp({
        address: this.ip,
        port: rtpPort + 2 * i,
        dscp: DSCP_SOUND,
        setting: "rtp.port",
        onReadable,
        onError,
      });
      const rtcp = await this.device.udp({
        address: this.ip,
        port: rtpPort + 2 * i + 1,
        dscp: DSCP_SOUND,
        setting: "rtp.port",
        onReadable,
        onError,
      });
      this.sounds.push(new SoundPort(rtp, rtcp));
    }
    await this.links?.start(this.ip);
    await this.announce();
    await this.startPaging();
    this.checkAuthorities();
    if (this.settings.get("mqtt.enabled") && this.settings.get("mqtt.server") === "") this.report(NO_BROKER);
    const user = escapeUser(this.settings.get("sip.user")) + "@" + ipv4Text(this.ip) + ":";
    const address = "sip:" + user + port;
    const { tlsPort } = this;
    this.events.event(
      "config",
      "ready",
      tlsPort === undefined ? { address } : { address, secure: "sips:" + user + tlsPort },
    );
    this.enter();
    this.door.start(this.ip);
    for (let i = 0; i < this.contacts.length; i++) this.contacts[i].tell();
    this.leave();
  }

  /** Tells at once, and not at the first connection, that `tls.ca` cannot be used. */
  private checkAuthorities(): void {
    const { device } = this;
    const file = this.settings.get("tls.ca");
    if (file === "" || device.hasTls !== true) return;
    const problem = device.authorityProblem === undefined ? NO_FILES : device.authorityProblem(file);
    if (problem !== "") this.report("tls.ca: " + problem);
  }

  /** Closes all devices and switches the relays off. */
  close(): void {
    this.wake.stop();
    this.microphone.stop();
    this.lock();
    this.log.flush();
    if (this.sip !== null) this.sip.close();
    if (this.tcp !== null) this.tcp.close();
    for (let i = 0; i < this.sounds.length; i++) {
      this.sounds[i].rtp.close();
      this.sounds[i].rtcp.close();
    }
    this.sounds.length = 0;
    this.links?.close();
    this.names?.close();
    this.paging?.close();
  }

  onContact(name: InputName, closed: number): void {
    if (name === "sensor") this.door.doorway.onSensor(closed);
    else if (name === "tamper") this.door.onTamper(closed);
    else if (closed === 1) {
      if (name === "exit") this.door.exit();
      else this.door.press(INPUTS.indexOf(name) + 1);
    }
  }

  onHold(name: InputName): void {
    if (name !== "exit") this.door.hold(INPUTS.indexOf(name) + 1);
  }

  onKey(code: number): void {
    this.door.key(code);
  }

  onCard(number: string): void {
    this.door.access.card(number);
  }

  onStuck(code: number, isStuck: boolean): void {
    const key = "key " + String.fromCharCode(code) + " of the keypad ";
    this.events.event("error", key + (isStuck ? "stays down: it counts no more" : "is up again"), NO_FIELDS);
  }

  onNoise(bits: number, count: number): void {
    this.events.event("error", "the reader sent what is neither a card nor a key", { bits, count });
  }

  /** Registers again, since the network is back with the same address. */
  renew(): void {
    this.enter();
    this.door.ua.registration.renew();
    this.door.ua.second?.registration.renew();
    this.names?.renew();
    this.leave();
  }

  /** Ends all calls, before the program ends. */
  hangUp(): void {
    this.enter();
    this.door.hangUp("");
    this.leave();
  }

  /** Returns the words that the last word of a console line may become. */
  complete(input: string, seat?: Seat): readonly string[] {
    this.enter();
    return this.console.complete(input, seat);
  }

  /**
   * Carries out a line of the console.
   * @param seat the place where the line was typed; the serial line by default @returns the text to print
   */
  line(input: string, seat?: Seat): string {
    this.enter();
    const output = this.console.line(input, seat);
    this.leave();
    return output;
  }

  /** Returns whether the console wants a password at that place first. */
  isLocked(seat?: Seat): boolean {
    this.enter();
    return this.console.isLocked(seat);
  }

  /** Makes another place at which lines are typed. A login there holds for that place only. */
  seat(): TerminalUser {
    const seat = new Seat();
    return {
      line: (input) => this.line(input, seat),
      complete: (input) => this.complete(input, seat),
      isLocked: () => this.isLocked(seat),
    };
  }

  // ---- requests of the core ----

  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    return this.sip !== null && this.sip.write(bytes, start, end, ip, port);
  }

  sendStream(connection: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.tcp === null) return -1;
    let found = connection >= 0 ? this.tcp.find(connection) : this.tcp.findTo(ip, port);
    if (found === null && connection < 0) found = this.tcp.connect(ip, port);
    return found !== null && found.write(bytes, start, end) ? found.id : -1;
  }

  proofOf(connection: number): string {
    return this.tcp?.find(connection)?.proof ?? "";
  }

  private findSecure(ip: number, port: number, name: string, opens: boolean): number {
    const { tcp } = this;
    const known = tcp?.findSecure?.(ip, port, name) ?? null;
    if (known !== null || !opens) return known === null ? -1 : known.id;
    return tcp?.connectSecure?.(ip, port, name, trustOf(this.settings, this.device))?.id ?? -1;
  }

  closeStream(connection: number, isDropped = false): void {
    const found = this.tcp === null ? null : this.tcp.find(connection);
    if (found === null) return;
    if (isDropped) found.drop();
    else found.close();
  }

  isStreamOpen(connection: number): boolean {
    const found = this.tcp === null ? null : this.tcp.find(connection);
    return found !== null && found.isOpen;
  }

  /** Looks a name up: one of the local network by multicast DNS, others at the name server. */
  findName(name: string, port: number, service: Service, done: ResolverDone): void {
    const { resolver } = this.device;
    (isLocalName(name) ? this.localNames() : resolver).resolve(name, port, service, done);
  }

  private localNames(): LocalNames {
    this.names ??= new LocalNames({
      device: this.device,
      ip: this.ip,
      onName: (name, wanted) => this.tellName(name, wanted),
      onTrouble: (line) => {
        this.enter();
        this.report(line);
        this.leave();
      },
    });
    return this.names;
  }

  /** The door works without the group if it cannot be joined. */
  private async startPaging(): Promise<void> {
    try {
      await this.paging?.start(this.device, this.ip, this.settings.get("page.address"));
    } catch (error) {
      this.report("page.address: " + (error instanceof Error ? error.message : "no socket"));
    }
  }

  isTaken(): boolean {
    return this.isInCall() || this.door.isRinging || this.selfCheck.isOn;
  }

  onPage(isOn: boolean): void {
    this.device.codec?.volume(this.settings.get(isOn ? "page.volume" : "audio.volume"));
  }

  /** Says under which name the door is found, if one is set. */
  private async announce(): Promise<void> {
    const name = this.settings.get("net.name");
    if (name === "" || this.sip === null) return;
    const services: LocalService[] = [{ type: "_sip._udp", port: this.sip.port, text: "" }];
    if (this.links?.api?.isOpen)
      services.push({ type: "_portero._tcp", port: this.settings.get("api.port"), text: "" });
    await this.localNames().announce(name, services);
  }

  private tellName(name: string, wanted: string): void {
    this.enter();
    const isOther = name !== wanted.toLowerCase();
    this.door.localName = name + ".local";
    const means = isOther ? wanted + ".local is another device's name" : "the door's name in its network";
    this.events.event("config", "name", { address: this.door.localName, means });
    this.leave();
  }

  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number, transport: number): void {
    const name = text(bytes, start, end);
    this.findName(name, port, serviceOf(transport), (error, ip, foundPort, others, ttlS) => {
      this.enter();
      const { layer } = this.door.ua;
      if (error === "") {
        this.unfound?.delete(name);
        layer.resolved(id, ip, foundPort, others, ttlS);
      } else {
        const last = layer.transport.resolver.lastOf(id);
        this.reportUnfound(name, last < 0 ? error : error + "; its last address " + ipv4Text(last) + " is used on");
        layer.unresolved(id);
      }
      this.leave();
    });
  }

  rtp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    if (call < this.sounds.length) this.sounds[call].rtp.write(bytes, start, end, ip, port);
  }

  rtcp(call: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): void {
    if (call < this.sounds.length) this.sounds[call].rtcp.write(bytes, start, end, ip, port);
  }

  relay(relay: number, on: boolean): void {
    this.relayPins[relay - 1].write(on ? 1 : 0);
  }

  signal(kind: number): void {
    const tone = TONE_OF_SIGNAL[kind];
    if (tone < 0) this.tone.stop();
    else
      this.tone.start(tone, TONE_REGIONS.indexOf(this.settings.get("tone.region")), this.settings.get("tone.volume"));
  }

  isInCall(): boolean {
    return this.door.ua.activeCall() !== null;
  }

  /** Starts the machine again, if it can. */
  restart(): void {
    this.log.flush();
    this.device.restart?.();
  }

  /** Returns whether a call or a ring leaves no room for a test of the sound. */
  isBusy(): boolean {
    return this.isInCall() || this.door.isRinging || this.tone.isOn();
  }

  epochS(): number {
    return this.device.clock.epochS();
  }

  soundProblem(): string {
    return this.echo?.problem() ?? "";
  }

  private lock(): void {
    for (let i = 0; i < this.relays; i++) this.relayPins[i].write(0);
    this.device.alarm?.write(0);
  }

  get alarm(): Output | undefined {
    return this.device.alarm;
  }

  led(pattern: number): void {
    this.ledPin.write(pattern);
  }

  /**
   * Takes frames of the microphone's port. `lost` samples in front of them are missing, because this was called late.
   */
  private moveSound(frames: number, lost: number): void {
    this.enter();
    // The sound received meanwhile is played first.
    if (frames > 1 || lost > 0) for (let i = 0; i < this.sounds.length; i++) this.readRtp(i);
    if (lost > 0) this.skipSound(lost);
    this.paging?.goesOn();
    for (let left = frames; left > 0 && this.isSounding; left--) this.moveFrame();
    this.leave();
  }

  /** Moves 20 ms of a call: sends the microphone's sound and plays the received sound. A tone replaces both. */
  private moveFrame(): void {
    const { samples, tone } = this;
    const call = this.door.ua.activeCall();
    const hasSound = call !== null && call.hasSound;
    if (this.selfCheck.isOn) {
      this.microphone.read(samples, 0, FRAME_SAMPLES);
      this.selfCheck.run(samples, this.microphone);
      this.speaker.write(samples, 0, FRAME_SAMPLES);
      return;
    }
    // Early media of the other side already holds its ringing tone.
    if (hasSound && tone.isEndless()) tone.stop();
    const isTone = tone.isOn();
    const { paging } = this;
    const isPage = paging?.isOn === true;
    if (!hasSound && !isTone && !isPage) {
      this.isSounding = false;
      this.microphone.stop();
      return;
    }
    this.microphone.read(samples, 0, FRAME_SAMPLES);
    this.echo?.run(samples);
    if (isPage) {
      paging.play(samples);
      // A tone of the door is heard in its place.
      if (!isTone) this.play(samples);
    }
    if (isTone) {
      tone.write(samples, 0, FRAME_SAMPLES);
      this.play(samples);
    }
    if (!hasSound) return;
    if (this.conference?.isOn()) this.conference.move(samples);
    else {
      call.media.microphone(samples, 0, FRAME_SAMPLES);
      call.media.speaker(samples, 0, FRAME_SAMPLES);
    }
    if (!isTone) this.play(samples);
  }

  private play(samples: Int16Array): void {
    this.limiter.run(samples, 0, FRAME_SAMPLES);
    this.echo?.wrote(samples, this.limiter.peak);
    this.speaker.write(samples, 0, FRAME_SAMPLES);
  }

  private skipSound(samples: number): void {
    const { lines } = this.door.ua;
    for (let i = 0; i < lines.length; i++) lines[i].media.skip(samples);
    this.paging?.skip(samples);
  }

  // ---- input from the devices ----

  private readSound(socket: UdpSocket): void {
    for (let i = 0; i < this.sounds.length; i++) {
      if (socket === this.sounds[i].rtp) this.readRtp(i);
      else if (socket === this.sounds[i].rtcp) this.readRtcp(i);
    }
  }

  private readSip(socket: UdpSocket): void {
    this.enter();
    let cut = socket.cut;
    for (let length = socket.read(this.datagram); length > 0; length = socket.read(this.datagram)) {
      const isCut = socket.cut !== cut;
      cut = socket.cut;
      this.door.ua.layer.receiveDatagram(socket.address, socket.remotePort, this.datagram, 0, length, isCut);
    }
    this.leave();
  }

  private readRtp(index: number): void {
    if (index >= this.sounds.length) return;
    const socket = this.sounds[index].rtp;
    const media = this.door.ua.lines[index].media;
    const { layer } = this.door.ua;
    this.enter();
    for (let length = socket.read(this.datagram); length > 0; length = socket.read(this.datagram)) {
      if (layer.bindings?.onBinding(index, socket.address, socket.remotePort, this.datagram, 0, length)) continue;
      media.onRtp(socket.address, socket.remotePort, this.datagram, length);
    }
    this.leave();
  }

  private readRtcp(index: number): void {
    if (index >= this.sounds.length) return;
    const socket = this.sounds[index].rtcp;
    const media = this.door.ua.lines[index].media;
    this.enter();
    for (let length = socket.read(this.datagram); length > 0; length = socket.read(this.datagram)) {
      media.onRtcp(socket.address, socket.remotePort, this.datagram, length);
    }
    this.leave();
  }

  private onOpen(connection: TcpConnection, incoming: boolean): void {
    this.enter();
    const { id, address, port, proof } = connection;
    if (incoming && !this.door.ua.layer.streamOpened(id, address, port, proof !== undefined)) connection.close();
    this.leave();
  }

  private onData(connection: TcpConnection, bytes: Uint8Array, start: number, end: number): void {
    this.enter();
    this.door.ua.layer.receiveStream(connection.id, bytes, start, end);
    this.leave();
  }

  private onClose(connection: TcpConnection): void {
    this.enter();
    this.door.ua.layer.streamClosed(connection.id);
    this.leave();
  }

  private poll(): void {
    this.enter();
    if (this.isReconfigureDue) this.reconfigure();
    else this.timers.poll(this.timers.nowMs);
    this.leave();
  }

  /** Takes the time; it runs before anything is handed to the core. */
  enter(): void {
    const nowMs = this.device.clock.now();
    if (nowMs > this.timers.nowMs) this.timers.nowMs = nowMs;
  }

  /** Sets the next wake-up; it runs after anything was handed to the core. */
  leave(): void {
    const call = this.door.ua.activeCall();
    if (call === null) this.rest();
    if (
      !this.isSounding &&
      ((call !== null && call.hasSound) || this.tone.isOn() || this.selfCheck.isOn || this.paging?.isOn)
    ) {
      this.isSounding = true;
      this.echo?.begin();
      this.microphone.start(this.onFrames);
    }
    const next = this.isReconfigureDue ? this.timers.nowMs : this.timers.next();
    if (next === Infinity) this.wake.stop();
    else this.wake.at(next);
  }

  /** Frees unused memory while there is no call, since the pause would be audible in a call. */
  private rest(): void {
    const { nowMs } = this.timers;
    this.door.trace.rest();
    if (this.device.collect === undefined || this.tone.isOn() || nowMs - this.tidiedMs < TIDY_EVERY_MS) return;
    this.tidiedMs = nowMs;
    this.device.collect();
  }

  /**
   * Takes the settings of pins and sound. The meaning of a pin's level changes at the moment when its setting is saved.
   */
  private wire(): void {
    if (this.device.wire !== null) this.device.wire(wiringOf(this.settings));
    this.setLevels();
  }

  private reconfigure(): void {
    this.isReconfigureDue = false;
    this.checkAuthorities();
    // The rest needs a network and is done by `start`.
    if (this.sip !== null) this.door.start(this.ip);
    else this.door.prepare();
  }

  /**
   * Sets volume and gain. A codec that does not answer yet keeps them; the failure is reported where the codec is
   * started.
   */
  setLevels(): void {
    this.echo?.set(this.settings.get("audio.echo"), this.settings.get("audio.noise"));
    this.selfCheck.set();
    const { codec } = this.device;
    if (codec === null) return;
    codec.volume(this.settings.get("audio.volume"));
    codec.gain(this.settings.get("audio.gain"));
    codec.input(this.settings.get("audio.input") === "line2" ? 2 : 1);
  }

  /**
   * Returns the address that we bind and announce. 0.0.0.0 in the settings stands for the address that the device has.
   */
  private address(): number {
    const ip = ipv4(this.settings.get("net.address"));
    return ip > 0 ? ip : this.device.address();
  }

  /** Reports that a name was not found: once, until it is found or the report changes. */
  private reportUnfound(name: string, line: string): void {
    this.unfound ??= new Map();
    if (this.unfound.get(name) === line) return;
    if (this.unfound.size >= UNFOUND_MOST) this.unfound.clear();
    this.unfound.set(name, line);
    this.report(line);
  }

  private report(message: string): void {
    this.events.event("error", message, NO_FIELDS);
  }
}
