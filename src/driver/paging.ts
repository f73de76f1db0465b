/**
 * Announcements to all stations of a house (paging): sound that any device of the network sends to a multicast group is
 * played at the door, by RTP with PCMU or PCMA. A call has precedence, and ends it.
 *
 *     IDLE ── 3 packets ──▶ ON ── 1 s without packets, or a call, a ring, a test of the sound ──▶ IDLE
 *
 * One source is heard at a time: the one that was first, until it is silent. The object exists only if `page.address`
 * is set. Nothing is sent, and the microphone is not used.
 * Not here: encryption (RTP of groups has none here), several groups, the volume (station.ts).
 */
import type { Device, UdpSocket } from "../../hal/device.js";
import { ipv4, ipv4Text } from "../core/address.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { type DoorEvents, NO_FIELDS } from "../intercom/events.js";
import { PCMA, PCMU, SAMPLES_PER_MS } from "../media/g711.js";
import { FRAME, JitterBuffer, LONGEST_PACKET } from "../media/jitter.js";
import { PACKET_DUPLICATE, PACKET_FIRST, PACKET_OLDER, PACKET_REFUSED, Reception } from "../media/reception.js";
import { RTP_HEADER, RTP_OK, RtpView } from "../media/rtp.js";

const SILENCE_MS = 1000;
/** A few stray packets are no announcement. */
const BEGIN_PACKETS = 3;
/** The longest packet, with the longest list of sources and some extension. */
const DATAGRAM_BYTES = RTP_HEADER + 60 + 64 + LONGEST_PACKET;
/** The least time between two lines about packets that cannot be played; the log keeps them. */
const TELL_EVERY_MS = 600_000;
const SILENCE = "silence";
const PRECEDENCE = "a call or a test goes before";

export interface PagingUser {
  enter(): void;
  leave(): void;
  /** Returns whether a call, a ring or a test has the loudspeaker. */
  isTaken(): boolean;
  /** An announcement begins, or has ended. */
  onPage(isOn: boolean): void;
}

export class Paging implements TimerUser {
  /** An announcement is heard. */
  isOn = false;
  private readonly user: PagingUser;
  private readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly timer: number;
  private readonly view = new RtpView();
  private readonly reception = new Reception();
  private readonly jitter = new JitterBuffer();
  private readonly datagram = new Uint8Array(DATAGRAM_BYTES);
  private socket: UdpSocket | null = null;
  /** The source that is heard; -1: none. */
  private ip = -1;
  private port = 0;
  private packets = 0;
  private beganMs = 0;
  private playedMs = 0;
  /** When one line said that what comes is no sound that is played here. */
  private toldMs = -Infinity;

  constructor(user: PagingUser, timers: Timers, events: DoorEvents) {
    this.user = user;
    this.timers = timers;
    this.events = events;
    this.timer = timers.make(this, 0);
  }

  /** Joins the group. @param ip our address @param place `page.address` @throws Error of one line */
  async start(device: Pick<Device, "udp">, ip: number, place: string): Promise<void> {
    const colon = place.indexOf(":");
    this.socket = await device.udp({
      address: ip,
      port: Number(place.slice(colon + 1)),
      group: ipv4(place.slice(0, colon)),
      setting: "page.address",
      onReadable: () => this.onReadable(),
      onError: () => {},
    });
  }

  close(): void {
    this.socket?.close();
    this.socket = null;
  }

  /** Writes the next frame of the announcement. */
  play(samples: Int16Array): void {
    this.playedMs = this.timers.nowMs;
    this.jitter.read(samples, 0, FRAME);
  }

  /** So many samples were not played, because the codec's port was read too late. */
  skip(count: number): void {
    if (this.isOn) this.jitter.skip(count);
  }

  /** Ends the announcement if something else has the loudspeaker now. @returns whether it is heard */
  goesOn(): boolean {
    if (this.isOn && this.user.isTaken()) this.end(PRECEDENCE);
    return this.isOn;
  }

  onTimer(): void {
    if (this.isOn) this.end(SILENCE);
    else this.forget();
  }

  private onReadable(): void {
    const { user, datagram } = this;
    user.enter();
    while (this.socket !== null) {
      const { socket } = this;
      const cut = socket.cut;
      const length = socket.read(datagram);
      if (length === 0) break;
      // What is longer than the buffer is no packet that is played.
      if (socket.cut === cut) this.packet(socket.address, socket.remotePort, length);
    }
    user.leave();
  }

  private packet(ip: number, port: number, length: number): void {
    const { view, reception, jitter, timers } = this;
    if (this.user.isTaken()) {
      if (this.isOn) this.end(PRECEDENCE);
      return;
    }
    if (this.ip >= 0 && (ip !== this.ip || port !== this.port)) return;
    if (view.read(this.datagram, length) !== RTP_OK) {
      this.tellOdd(ip, "it is no RTP");
      return;
    }
    const { payloadType, start, end } = view;
    if (payloadType !== PCMU && payloadType !== PCMA) {
      this.tellOdd(ip, "payload type " + payloadType + " is not PCMU (0) or PCMA (8)");
      return;
    }
    if (this.ip < 0) this.follow(ip, port);
    const order = reception.packet(view.ssrc, view.sequence, view.timestamp);
    if (order === PACKET_REFUSED) return;
    // A packet that is repeated for ever is silence, and keeps no other source away.
    if (order === PACKET_DUPLICATE) return;
    timers.start(this.timer, SILENCE_MS);
    if (order === PACKET_FIRST) jitter.restart();
    reception.timing((timers.nowMs * SAMPLES_PER_MS) | 0, view.timestamp);
    jitter.idle = this.isOn ? (timers.nowMs - this.playedMs) * SAMPLES_PER_MS : FRAME;
    const newest = order !== PACKET_OLDER;
    jitter.put(this.datagram, start, end, view.timestamp, payloadType, newest, reception.jitter());
    this.packets += 1;
    if (!this.isOn && this.packets >= BEGIN_PACKETS) this.begin();
  }

  private follow(ip: number, port: number): void {
    this.ip = ip;
    this.port = port;
    this.packets = 0;
    this.reception.reset();
    this.jitter.reset();
  }

  private begin(): void {
    this.isOn = true;
    this.beganMs = this.playedMs = this.timers.nowMs;
    this.events.event("page", "started", { address: ipv4Text(this.ip) + ":" + this.port });
    this.user.onPage(true);
  }

  private end(reason: string): void {
    const address = ipv4Text(this.ip) + ":" + this.port;
    const duration = Math.round((this.timers.nowMs - this.beganMs) / 1000);
    const { packets } = this;
    const lost = this.reception.lost();
    this.isOn = false;
    this.forget();
    this.events.event("page", "ended", { address, reason, duration, packets, lost });
    this.user.onPage(false);
  }

  private forget(): void {
    this.ip = -1;
    this.timers.stop(this.timer);
  }

  private tellOdd(ip: number, why: string): void {
    if (this.timers.nowMs - this.toldMs < TELL_EVERY_MS) return;
    this.toldMs = this.timers.nowMs;
    this.events.event("error", "page.address: what " + ipv4Text(ip) + " sends is not played: " + why, NO_FIELDS);
  }
}
