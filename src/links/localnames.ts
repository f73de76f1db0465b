/**
 * The door in the local network's names (multicast DNS, RFC 6762): one socket that hears the group, the responder for
 * the door's own name, and the look-up of names that end with `.local`. The object is made when a name is set, or when
 * such a name is first looked up. If no device answers to a name, the network's name server is asked for it.
 *
 * The socket is bound to the group, which routers do not pass on, so what it hears comes from this network. Answers
 * count only if they come from port 5353. On loopback only loopback addresses count, elsewhere none of them does. In a
 * network of private addresses senders with public ones do not count.
 * Not here: the messages (wire/mdns.ts).
 */
import type { Device, Resolver, ResolverDone, Service, UdpSocket } from "../../hal/device.js";
import { isHostAddress, isLoopback, isPrivate } from "../core/address.js";
import { MDNS_BYTES, MDNS_GROUP, MDNS_PORT, MdnsWalk, MdnsWriter } from "../wire/mdns.js";
import { NameSeeker, type Waiter } from "./nameseeker.js";
import { type LocalService, Responder } from "./responder.js";

const LOCAL = ".local";

/** @returns whether a name belongs to the local network: it ends with `.local` */
export function isLocalName(name: string): boolean {
  const end = name.charAt(name.length - 1) === "." ? name.length - 1 : name.length;
  return end > LOCAL.length && name.slice(end - LOCAL.length, end).toLowerCase() === LOCAL;
}

export interface LocalNamesParts {
  device: Pick<Device, "udp" | "clock" | "random" | "resolver">;
  /** Our address. */
  ip: number;
  /** The name is ours from now on. @param wanted the one that was set, without `.local` */
  onName(name: string, wanted: string): void;
  /** One line for people: what does not work. */
  onTrouble(line: string): void;
}

export class LocalNames implements Resolver {
  private readonly parts: LocalNamesParts;
  private readonly walk = new MdnsWalk();
  private readonly datagram = new Uint8Array(MDNS_BYTES);
  private readonly writer = new MdnsWriter();
  private readonly seeker: NameSeeker;
  private responder: Responder | null = null;
  private socket: UdpSocket | null = null;
  private opening: Promise<void> | null = null;
  private isClosed = false;

  constructor(parts: LocalNamesParts) {
    this.parts = parts;
    const { device } = parts;
    this.seeker = new NameSeeker({
      clock: device.clock,
      writer: this.writer,
      send: (bytes, end, to, port) => this.send(bytes, end, to, port),
      isCredible: (found) => this.isPossible(found),
      onSilence: (waiters, name) => this.askElsewhere(waiters, name),
    });
  }

  /** Answers for a name and services from now on. @param name one label */
  async announce(name: string, services: readonly LocalService[]): Promise<void> {
    await this.open();
    if (this.socket === null || this.isClosed) return;
    const { device, ip, onName, onTrouble } = this.parts;
    this.responder = new Responder({
      clock: device.clock,
      writer: this.writer,
      random: device.random,
      name: name.toLowerCase(),
      ip,
      services,
      send: (bytes, end, to, port) => this.send(bytes, end, to, port),
      onName: (found) => onName(found, name),
      onNoName: () => onTrouble("net.name: other devices object to " + name + LOCAL + " and to each number behind it"),
    });
  }

  resolve(name: string, port: number, service: Service, done: ResolverDone): void {
    this.open().then(() => {
      const isAsked = this.socket !== null && this.seeker.seek(name, port, service, done);
      if (!isAsked) this.parts.device.resolver.resolve(name, port, service, done);
    });
  }

  /** Asks anew whether our name is free, since the network was gone. */
  renew(): void {
    this.responder?.renew();
  }

  /** Takes back what was announced. */
  close(): void {
    this.isClosed = true;
    this.responder?.close();
    this.seeker.close();
    this.socket?.close();
    this.socket = null;
  }

  /** Opens the socket once; if that fails, one line says so, and names are looked up elsewhere. */
  private open(): Promise<void> {
    this.opening ??= this.openSocket();
    return this.opening;
  }

  private async openSocket(): Promise<void> {
    const { device, ip, onTrouble } = this.parts;
    try {
      const socket = await device.udp({
        address: ip,
        port: MDNS_PORT,
        group: MDNS_GROUP,
        onReadable: () => this.onReadable(),
        onError: () => {},
      });
      if (this.isClosed) socket.close();
      else this.socket = socket;
    } catch (error) {
      onTrouble("names of the local network (mDNS): " + (error instanceof Error ? error.message : "no socket"));
    }
  }

  /** Returns whether a device of this network can have the address. */
  private isPossible(address: number): boolean {
    const isOwn = isLoopback(address);
    return isOwn === isLoopback(this.parts.ip) && (isOwn || isHostAddress(address));
  }

  /** Does the same for a sender. In a network of private addresses no answer goes to a public one. */
  private isNeighbour(address: number): boolean {
    return this.isPossible(address) && (isPrivate(address) || !isPrivate(this.parts.ip));
  }

  private send(bytes: Uint8Array, end: number, ip: number, port: number): void {
    this.socket?.write(bytes, 0, end, ip, port);
  }

  private onReadable(): void {
    const { walk, datagram } = this;
    while (this.socket !== null) {
      const { socket } = this;
      // Of a message that is longer than the buffer, the records that are there count.
      const length = socket.read(datagram);
      if (length === 0) return;
      const { address, remotePort } = socket;
      if (!this.isNeighbour(address) || !walk.begin(datagram, length)) continue;
      if (walk.isResponse && remotePort !== MDNS_PORT) continue;
      this.responder?.onMessage(walk, address, remotePort);
      if (walk.isResponse) this.seeker.onMessage(walk);
    }
  }

  /** Some networks have names that end with `.local` at their name server. RFC 6762 §3 */
  private askElsewhere(waiters: readonly Waiter[], octets: Uint8Array): void {
    let name = "";
    for (let at = 0; octets[at] > 0; at += octets[at] + 1) {
      if (name !== "") name += ".";
      for (let i = 1; i <= octets[at]; i++) name += String.fromCharCode(octets[at + i]);
    }
    for (let i = 0; i < waiters.length; i++) {
      const { port, service, done } = waiters[i];
      this.parts.device.resolver.resolve(name, port, service, (error, ...found) => {
        if (error === "") done("", ...found);
        else done("no device of this network answers to " + name, -1, -1);
      });
    }
  }
}
