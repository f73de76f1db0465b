/**
 * The domains that this server answers for, and its own address. RFC 3261 §16.4, §16.5
 * Not here: users (users.ts), and tokens in URIs of our own (routetoken.ts).
 */

import { parseIPv4 } from "../core/address.js";
import { NONE, Span } from "../core/bytes.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { SIP_PORT } from "../transaction/transport.js";
import { TRANSPORT_TLS } from "../wire/names.js";
import { SCHEME_SIP, SCHEME_SIPS, type Uri } from "../wire/uri.js";
import { MADDR } from "../wire/via.js";
import { domainOf } from "./users.js";

export class Domains {
  /** Host names in lower case, each a realm; our own address belongs to the first. */
  readonly domains: readonly Uint8Array[];
  private readonly layer: TransactionLayer;
  private readonly value = new Span();

  /** @param domains at least one; kept */
  constructor(layer: TransactionLayer, domains: readonly Uint8Array[]) {
    this.layer = layer;
    this.domains = domains;
  }

  /**
   * @returns the domain of ours that the URI belongs to, NONE when it is none. A maddr that leads elsewhere makes it
   * none of ours.
   */
  domainOf(uri: Uri): Uint8Array {
    if (uri.scheme !== SCHEME_SIP && uri.scheme !== SCHEME_SIPS) return NONE;
    const { value } = this;
    if (uri.param(MADDR, value) && !this.isAddress(parseIPv4(value.bytes, value.start, value.end), uri.port))
      return NONE;
    if (uri.ip >= 0 && this.isAddress(uri.ip, uri.port)) return this.domains[0];
    return uri.port < 0 || this.isPort(uri.port) ? this.claimedDomain(uri) : NONE;
  }

  /** @returns as `domainOf`, by the host alone, whatever the port: the domain that a sender claims to belong to */
  claimedDomain(uri: Uri): Uint8Array {
    if (uri.ip >= 0 && uri.ip === this.layer.localIp) return this.domains[0];
    return domainOf(this.domains, uri.bytes, uri.hostStart, uri.hostEnd);
  }

  /** Whether this server has that address. @param port -1: the default one */
  isAddress(ip: number, port: number): boolean {
    return ip === this.layer.localIp && this.isPort(port < 0 ? SIP_PORT : port);
  }

  private isPort(port: number): boolean {
    const { udpPort, tcpPort, transport } = this.layer;
    return port === udpPort || port === tcpPort || port === transport.ownPort(TRANSPORT_TLS);
  }
}
