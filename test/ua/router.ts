/** A router between a house and the world, in virtual time, that translates addresses (NAT) as the settings say. */
import { ipv4 } from "../../src/core/address.js";
import { World } from "./harness.js";

interface Mapping {
  insideIp: number;
  insidePort: number;
  /** Where it leads; "" for all destinations. */
  destination: string;
  outsidePort: number;
  usedMs: number;
}

export const PUBLIC = "203.0.113.9";
const PRIVATE_HIGH = 0xc0a8;

/** Addresses that begin with 192.168 are in the house; all others are outside. */
export class RoutedWorld extends World {
  publicIp = ipv4(PUBLIC);
  /** Each destination gets a port of its own. */
  isSymmetric = false;
  /** A mapping that is not used for so long is forgotten. */
  lifeMs = 30_000;
  /** Ports that are forwarded to the house: the port outside, and where it leads. */
  readonly forwarded = new Map<number, { ip: number; port: number }>();
  private mappings: Mapping[] = [];
  private lastPort = 40_000;

  override send(fromIp: number, fromPort: number, toIp: number, toPort: number, bytes: Uint8Array): void {
    const isFromInside = fromIp >>> 16 === PRIVATE_HIGH;
    const isToInside = toIp >>> 16 === PRIVATE_HIGH;
    if (isFromInside === isToInside && toIp !== this.publicIp) super.send(fromIp, fromPort, toIp, toPort, bytes);
    else if (isFromInside) {
      const port = this.mapped(fromIp, fromPort, `${toIp}:${toPort}`);
      if (toIp !== this.publicIp) super.send(this.publicIp, port, toIp, toPort, bytes);
    } else if (toIp === this.publicIp) {
      const to = this.forwarded.get(toPort) ?? this.inside(toPort, `${fromIp}:${fromPort}`);
      if (to !== undefined) super.send(fromIp, fromPort, to.ip, to.port, bytes);
    }
  }

  /** The router starts again, perhaps with another address. */
  restart(publicAddress: string): void {
    this.publicIp = ipv4(publicAddress);
    this.mappings = [];
    this.lastPort += 1000;
  }

  private mapped(insideIp: number, insidePort: number, to: string): number {
    const forwarded = [...this.forwarded].find(([, inside]) => inside.ip === insideIp && inside.port === insidePort);
    if (forwarded !== undefined) return forwarded[0];
    const destination = this.isSymmetric ? to : "";
    this.mappings = this.mappings.filter((one) => this.nowMs - one.usedMs < this.lifeMs);
    let found = this.mappings.find(
      (one) => one.insideIp === insideIp && one.insidePort === insidePort && one.destination === destination,
    );
    if (found === undefined) {
      this.lastPort += 1;
      found = { insideIp, insidePort, destination, outsidePort: this.lastPort, usedMs: 0 };
      this.mappings.push(found);
    }
    found.usedMs = this.nowMs;
    return found.outsidePort;
  }

  private inside(port: number, from: string): { ip: number; port: number } | undefined {
    const found = this.mappings.find(
      (one) =>
        one.outsidePort === port &&
        this.nowMs - one.usedMs < this.lifeMs &&
        (one.destination === "" || one.destination === from),
    );
    return found && { ip: found.insideIp, port: found.insidePort };
  }
}
