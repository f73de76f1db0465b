/**
 * Finds the addresses at which others see our ports, by STUN, and keeps the router's port to our server open (RFC 8489,
 * RFC 5626 §4.4). A round asks for the SIP port and then for each RTP port, one after another, each from its own
 * socket. The next round begins 20 to 25 s later, before a router forgets the ports.
 *
 *     IDLE ── the next round ──▶ ASKING (SIP, line 0, line 1, …) ── the last answer ──▶ IDLE
 *                                   │ no answer to any of TRIES requests, a refusal, an answer of no use
 *                                   └──▶ IDLE; what was found before holds on, and one line says so
 *
 * An answer counts only if it comes from the asked server to the asking socket and has the request's transaction ID of
 * 96 random bits. The object is made when it is first needed: when `net.stun` is set, or when our server sees us at
 * another address than our own.
 * Not here: the use of the addresses (transaction/outside.ts), the form of the messages (wire/stun.ts), and the ports
 * of RTCP: no call depends on the reports of the other side, and most servers send them to where ours come from.
 */
import { ipv4Text } from "../core/address.js";
import { NONE, octets } from "../core/bytes.js";
import { fraction, type RandomSource } from "../core/random.js";
import type { Timers } from "../core/timers.js";
import { type Flow, Target } from "../transaction/flow.js";
import { type BindingUser, SIP_SOCKET, type TransactionLayer } from "../transaction/layer.js";
import type { Network } from "../transaction/network.js";
import { isCredible, Outside } from "../transaction/outside.js";
import { FIND_KNOWN, FIND_WAIT } from "../transaction/resolver.js";
import { TRANSPORT_UDP } from "../wire/names.js";
import { STUN_ADDRESS, STUN_HEADER_BYTES, STUN_NONE, STUN_OTHER, STUN_REFUSED, StunBinding } from "../wire/stun.js";
import { Uri } from "../wire/uri.js";
import type { SoundNetwork } from "./call.js";

/** The port of STUN if the setting names none. RFC 8489 §8.1 */
const STUN_PORT = 3478;
/** Most routers keep a UDP port for at least 30 s. RFC 5626 §4.4.2, RFC 6263 §4.6 */
export const ROUND_MS = 25_000;
const ROUND_SPREAD = 0.2;
/** Requests of one question, the wait after the first, and the longest wait. RFC 8489 §6.2.1 */
const TRIES = 6;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** The octets that keep a port open. RFC 5626 §4.4.1 */
export const KEEP_ALIVE = octets("\r\n\r\n");

const IDLE = -2;
/** The largest count. The first difference leads to a new registration, and the second one is reported. */
const DIFFERENCES_TOLD = 3;

export interface AddressFinderUser {
  /** The address at which others see us has changed. */
  onOutsideChanged(): void;
  /** The address that our server saw may be outdated, so the server has to be asked. */
  onDoubt(): void;
  /** Reports in one line that the server gives no answer, or no useful one. */
  onTrouble(line: string): void;
}

export interface AddressFinderParts {
  layer: TransactionLayer;
  network: Network;
  sound: SoundNetwork;
  /** The number of lines; each has an RTP port. */
  lines: number;
  /** A timer of the user, which calls `onTimer` when it runs out. */
  timer: number;
}

export class AddressFinder implements BindingUser {
  /** Our RTP port of line 0; each further line has the next even one. */
  rtpPort = 0;
  /** The flow by which we are registered and which has to stay open; null: there is none. */
  bound: Flow | null = null;
  private readonly layer: TransactionLayer;
  private readonly timers: Timers;
  private readonly random: RandomSource;
  private readonly network: Network;
  private readonly sound: SoundNetwork;
  private readonly lines: number;
  private readonly user: AddressFinderUser;
  private readonly timer: number;
  private readonly binding = new StunBinding();
  /** The STUN server; null: none is set. */
  private server: Target | null = null;
  private host: Uint8Array = NONE;
  private hasRoom = false;
  /** The socket whose question is under way; IDLE: none. */
  private socket = IDLE;
  private tries = 0;
  /** The server sent a datagram that is not STUN. */
  private isOdd = false;
  private isTold = false;
  /** Rounds in which our server saw another SIP port than the STUN server; DIFFERENCES_TOLD: it was reported before. */
  private differences = 0;

  constructor(parts: AddressFinderParts, user: AddressFinderUser) {
    this.layer = parts.layer;
    this.timers = parts.layer.timers;
    this.random = parts.layer.random;
    this.network = parts.network;
    this.sound = parts.sound;
    this.lines = parts.lines;
    this.user = user;
    this.timer = parts.timer;
  }

  /** Takes the setting, and asks at once. @param stun a host, with a port if need be; "": there is no server */
  configure(stun: string): void {
    this.socket = IDLE;
    this.isTold = false;
    const uri = new Uri();
    this.host = octets("sip:" + stun);
    this.server = stun !== "" && uri.parse(this.host, 0, this.host.length) ? new Target() : null;
    this.layer.bindings = this.server === null ? null : this;
    if (this.server !== null) {
      this.layer.transport.aim(this.server, uri, TRANSPORT_UDP);
      this.server.port = this.server.namePort = uri.port < 0 ? STUN_PORT : uri.port;
      // The limits have room for the names of calls alone.
      if (this.server.nameSize > 0 && !this.hasRoom) {
        this.layer.transport.resolver.addRoom();
        this.hasRoom = true;
      }
    }
    this.start();
  }

  /** Begins a round now, because our address changed or our server sees another one. */
  start(): void {
    this.socket = IDLE;
    this.timers.start(this.timer, 0);
  }

  onTimer(): void {
    if (this.socket !== IDLE) this.onSilence();
    else this.startRound();
  }

  onBinding(socket: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean {
    const { server, binding } = this;
    if (server === null || ip !== server.ip || port !== server.port || this.socket !== socket) return false;
    const found = binding.read(bytes, start, end);
    if (found === STUN_NONE) {
      this.isOdd = true;
      return false;
    }
    if (found === STUN_OTHER) return true;
    if (found === STUN_ADDRESS && isCredible(binding.ip, this.layer.localIp)) this.onAddress(binding.ip, binding.port);
    else if (found === STUN_REFUSED) this.giveUp("refuses (" + binding.status + ")");
    else this.giveUp("answers without an address");
    return true;
  }

  private startRound(): void {
    // Without a STUN server and without a flow there is nothing to do.
    if (this.server === null && !this.layer.outside?.isSeenElsewhere) return;
    this.endRound();
    if (this.server !== null) this.askFor(SIP_SOCKET);
  }

  /** Sends a few octets to our server, so that the router keeps our port for it. */
  private keepOpen(): void {
    const { bound, network, layer } = this;
    if (bound === null || bound.transport !== TRANSPORT_UDP || !layer.outside?.isSeenElsewhere) return;
    network.sendDatagram(bound.ip, bound.port, KEEP_ALIVE, 0, KEEP_ALIVE.length);
  }

  private askFor(socket: number): void {
    this.socket = socket;
    this.tries = 0;
    this.isOdd = false;
    this.binding.begin(this.random);
    this.ask();
  }

  private ask(): void {
    const { server, socket, sound, network } = this;
    if (server === null) return;
    const waitMs = Math.min(FIRST_WAIT_MS << this.tries, LONGEST_WAIT_MS);
    this.tries += 1;
    this.timers.start(this.timer, waitMs);
    if (!this.isFound(server)) return;
    const { request } = this.binding;
    if (socket === SIP_SOCKET) network.sendDatagram(server.ip, server.port, request, 0, STUN_HEADER_BYTES);
    else sound.rtp(socket, server.ip, server.port, request, 0, STUN_HEADER_BYTES);
  }

  /** Looks the server up. The resolver reports its own failures. */
  private isFound(server: Target): boolean {
    if (server.nameSize === 0) return server.ip >= 0;
    const found = this.layer.transport.resolver.findAddress(server, 0, null, true);
    return found === FIND_KNOWN || (found === FIND_WAIT && server.ip >= 0);
  }

  private onSilence(): void {
    if (this.tries < TRIES) {
      this.ask();
      return;
    }
    const { server } = this;
    if (server !== null && server.nameSize > 0) this.layer.transport.resolver.forget(server);
    if (server === null || server.ip < 0) this.endRound();
    else this.giveUp(this.isOdd ? "is no STUN server: what it says is something else" : "does not answer");
  }

  private onAddress(ip: number, port: number): void {
    const { layer, socket } = this;
    layer.outside ??= new Outside();
    const { outside } = layer;
    const own = socket === SIP_SOCKET ? layer.udpPort : this.rtpPort + 2 * socket;
    const isHere = ip === layer.localIp && port === own;
    const seenIp = isHere ? -1 : ip;
    if (socket === SIP_SOCKET) this.onSipAddress(outside, seenIp, port);
    else if (outside.noteMappedSound(own, seenIp, port)) {
      layer.secondOutside?.noteMappedSound(own, seenIp, port);
      this.user.onOutsideChanged();
    }
    if (this.socket !== socket) return;
    if (socket + 1 < this.lines) this.askFor(socket + 1);
    else {
      this.isTold = false;
      this.endRound();
    }
  }

  private onSipAddress(outside: Outside, ip: number, port: number): void {
    const isFirst = !outside.isMapped;
    const isNew = outside.noteMapped(ip, port);
    const isOther = outside.isSymmetric;
    if (!isOther) this.differences = 0;
    else if (this.differences < DIFFERENCES_TOLD) this.differences += 1;
    const isSuspect = isOther && this.differences === 1;
    // The address that our server saw is outdated; the next registration brings the new one.
    if (isNew && !isFirst) outside.forgetSeen();
    if (isOther && this.differences === DIFFERENCES_TOLD - 1) this.user.onTrouble(SYMMETRIC);
    if (isNew) this.user.onOutsideChanged();
    if (isSuspect) this.user.onDoubt();
  }

  private giveUp(why: string): void {
    const { server } = this;
    const { outside } = this.layer;
    this.endRound();
    if (server === null || this.isTold) return;
    this.isTold = true;
    const last = outside?.isFor(-1) ? "; " + ipv4Text(outside.signallingIp) + " is announced on" : "";
    this.user.onTrouble("net.stun: " + ipv4Text(server.ip) + ":" + server.port + " " + why + last);
  }

  private endRound(): void {
    this.socket = IDLE;
    this.keepOpen();
    const spread = 1 - ROUND_SPREAD * fraction(this.random);
    this.timers.start(this.timer, Math.round(ROUND_MS * spread));
  }
}

const SYMMETRIC =
  "the router gives each destination a port of its own: sound comes in only if the server sends it back to where ours comes from; else forward ports and set net.publicAddress";
