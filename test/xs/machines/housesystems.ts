/**
 * The house's systems of a door on XS, as sockets of the SDK: a syslog server, a webhook's receiver and a broker that
 * answer as such do. They hold next to nothing, so that what the heap shows is the door's.
 */
import type {
  Stream,
  StreamClasses,
  StreamListener,
  StreamOptions,
  StreamUser,
} from "../../../hal/moddable/streams.js";
import { octets } from "../../../src/core/bytes.js";

export const HOUSE_PLACE = "10.0.0.3";
/** The room that lwIP has for octets to send: four segments; of a deaf server's, one. */
const ROOM_BYTES = 5744;
const ROOM_DEAF_BYTES = 1436;
const BROKER_PORT = 1883;
const HOOK_PORT = 80;
const CONNECT = 0x10;
const PINGREQ = 0xc0;
const CONNACK = Uint8Array.of(0x20, 2, 0, 0);
const PINGRESP = Uint8Array.of(0xd0, 0);
const OK = octets("HTTP/1.1 200 OK\r\n\r\n");

/** It keeps of its options what a socket of the SDK keeps. */
class Peer implements Stream {
  readonly target: StreamUser;
  readonly onReadable: StreamOptions["onReadable"];
  readonly onWritable: StreamOptions["onWritable"];
  private readonly port: number | undefined;
  private readonly house: HouseSystems;
  /** What it says next. */
  said: Uint8Array | null = null;
  /** The network has room again for what the door sends. */
  hasRoom = true;
  /** It was told once how much room there is. */
  isTold = false;

  constructor(house: HouseSystems, options: StreamOptions) {
    this.house = house;
    this.target = options.target;
    this.onReadable = options.onReadable;
    this.onWritable = options.onWritable;
    this.port = options.port;
  }

  get remoteAddress(): string {
    return HOUSE_PLACE;
  }

  get remotePort(): number {
    return this.port ?? 0;
  }

  read(): ArrayBuffer | undefined {
    const { said } = this;
    this.said = null;
    return said?.slice().buffer as ArrayBuffer | undefined;
  }

  write(value: number | ArrayBuffer): void {
    const first = new Uint8Array(value as ArrayBuffer)[0];
    const { port } = this;
    this.hasRoom = true;
    if (port === HOOK_PORT) this.said = OK;
    else if (port === BROKER_PORT) this.said = first === CONNECT ? CONNACK : first === PINGREQ ? PINGRESP : null;
  }

  close(): void {
    this.house.forget(this);
  }
}

export class HouseSystems implements StreamClasses {
  private readonly isDeaf: boolean;
  private readonly peers: Peer[] = [];

  /** @param isDeaf the servers greet, and take no more than fits into the network's room */
  constructor(isDeaf: boolean) {
    this.isDeaf = isDeaf;
  }

  connect(options: StreamOptions): Stream {
    const peer = new Peer(this, options);
    this.peers.push(peer);
    return peer;
  }

  listen(): StreamListener {
    return { read: () => undefined };
  }

  get isBusy(): boolean {
    for (let i = 0; i < this.peers.length; i++) if (this.peers[i].hasRoom || this.peers[i].said !== null) return true;
    return false;
  }

  /** Tells the door what came, as the SDK does: not while the door writes. */
  poll(): void {
    for (let i = this.peers.length - 1; i >= 0; i--) {
      const peer = this.peers[i];
      const { hasRoom, said } = peer;
      peer.hasRoom = false;
      if (hasRoom && !(this.isDeaf && peer.isTold)) peer.onWritable(this.isDeaf ? ROOM_DEAF_BYTES : ROOM_BYTES);
      peer.isTold = true;
      if (said !== null) peer.onReadable();
    }
  }

  forget(peer: Peer): void {
    const at = this.peers.indexOf(peer);
    if (at >= 0) this.peers.splice(at, 1);
  }
}
