/**
 * Where requests may be sent on the word of others: to contacts that phones register or answer with, to Paths,
 * Request-URIs and Routes. They never go to broadcast, multicast and reserved addresses, nor to port 0. They go to this
 * machine itself and to ports of other services (below 1024) only when that is allowed, or when the server itself
 * listens on loopback, for then all its phones are there.
 * Not here: flows, over which a phone has shown that it is there, and what names mean (the driver asks
 * `allowsAddress`).
 */

import { LOOPBACK, parseIPv4 } from "../core/address.js";
import { equalNoCase, octets, Span } from "../core/bytes.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { hostEndOf } from "../wire/compare.js";
import type { Uri } from "../wire/uri.js";
import { MADDR } from "../wire/via.js";

const LOCALHOST = octets("localhost");
const DOT = 0x2e;
const SERVICES_END = 1024;
const NO_PORT = -1;

export class Places {
  /** Requests may also go to this machine, to low ports, and to addresses that end with 255. */
  isAny = false;
  /** Broadcast addresses of the networks that this machine is in. Kept. */
  broadcasts: readonly number[] = [];
  private readonly layer: TransactionLayer;
  /** Addresses of the house, which may be any. */
  private readonly trusted: readonly number[];
  private readonly host = new Span();

  /** @param trusted kept */
  constructor(layer: TransactionLayer, trusted: readonly number[] = []) {
    this.layer = layer;
    this.trusted = trusted;
  }

  /**
   * Whether a request may go where a sip URI says.
   * @param isOwners the owner of the server wrote the URI, so it may be a service of this machine
   */
  allowsUri(uri: Uri, isOwners = false): boolean {
    const { host } = this;
    if (!uri.param(MADDR, host) || host.size() === 0) host.set(uri.bytes, uri.hostStart, uri.hostEnd);
    const end = hostEndOf(host.bytes, host.start, host.end);
    const ip = parseIPv4(host.bytes, host.start, end);
    if (ip >= 0) return this.allowsAddress(ip, uri.port, isOwners);
    if (uri.port === 0) return false;
    if (this.isAny || isOwners) return true;
    if (uri.port > 0 && uri.port < SERVICES_END) return false;
    return this.isLocal() || !isLocalhost(host.bytes, host.start, end);
  }

  /** As `allowsUri`. @param port -1: the usual one */
  allowsAddress(ip: number, port: number, isOwners = false): boolean {
    const first = ip >>> 24;
    if (port === 0 || first === 0 || first >= 224 || this.broadcasts.indexOf(ip) >= 0) return false;
    if (this.isAny || isOwners || this.trusted.indexOf(ip) >= 0) return true;
    if (port !== NO_PORT && port < SERVICES_END) return false;
    if (first === LOOPBACK) return this.isLocal();
    return (ip & 255) !== 255;
  }

  /** Whether this server is on loopback. */
  private isLocal(): boolean {
    return this.layer.localIp >>> 24 === LOOPBACK;
  }
}

/** Whether a name is "localhost" or ends with it. RFC 6761 §6.3 */
function isLocalhost(bytes: Uint8Array, start: number, end: number): boolean {
  const from = end - LOCALHOST.length;
  if (from < start || !equalNoCase(bytes, from, end, LOCALHOST, 0, LOCALHOST.length)) return false;
  return from === start || bytes[from - 1] === DOT;
}
