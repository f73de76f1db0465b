/**
 * The hosts and addresses of the configured server: those of the settings, the host that the registrar named for
 * requests, and the addresses at which the server was found. Another host gets no credentials, and is not trusted as a
 * server. Not here: the trust in the server's statements (intercom/callers.ts), and the route of requests (account.ts).
 */
import { float64Array, octetArray, uint16Array } from "../core/arrays.js";
import { lower, NONE, utf8 } from "../core/bytes.js";
import type { Target } from "../transaction/flow.js";
import { SIP_PORT, SIPS_PORT } from "../transaction/transport.js";
import { hostEndOf, sameHost } from "../wire/compare.js";
import { TRANSPORT_NONE, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { Uri } from "../wire/uri.js";

/** Number of addresses of the server that are kept, since a name may have several. The oldest one makes room. */
const ADDRESSES = 4;
/** Registrations accepted elsewhere, after which an address is no longer the server's. */
const AGE_MOST = 4;
const DOT = 0x2e;

/** A host that a setting names. */
export class ServerHost {
  /** The name in lower case; empty when none is configured or the host is an address. */
  name: Uint8Array = NONE;
  /** The address; -1 when the host is a name. */
  ip = -1;
  port = SIP_PORT;

  /**
   * @param setting a host, host:port or SIP URI; "" or any other text: no host
   * @param transport TRANSPORT_* if the setting names none
   */
  configure(setting: string, transport: number): void {
    const uri = new Uri();
    const hasScheme = setting.slice(0, 4).toLowerCase() === "sip:";
    const bytes = utf8(hasScheme ? setting : "sip:" + setting);
    this.name = NONE;
    this.ip = -1;
    if (!uri.parse(bytes, 0, bytes.length)) return;
    this.ip = uri.ip;
    const named = uri.transport();
    this.port = uri.port < 0 ? usualPort(named === TRANSPORT_NONE ? transport : named) : uri.port;
    if (this.ip >= 0) return;
    this.name = bytes.slice(uri.hostStart, uri.hostEnd);
    for (let i = 0; i < this.name.length; i++) this.name[i] = lower(this.name[i]);
  }

  /** Returns whether that URI has this host, whatever the port. */
  isHostOf(uri: Uri): boolean {
    if (this.ip >= 0) return uri.ip === this.ip;
    return sameHost(uri.bytes, uri.hostStart, uri.hostEnd, this.name, 0, this.name.length);
  }

  /** Returns whether that URI's host is a name below this one. */
  hasInDomain(uri: Uri): boolean {
    const { name } = this;
    const { bytes, hostStart } = uri;
    const end = hostEndOf(bytes, hostStart, uri.hostEnd);
    const start = end - name.length;
    // A host does not begin with a dot, and an empty name is no host.
    return bytes[start - 1] === DOT && sameHost(bytes, start, end, name, 0, name.length);
  }

  /** Returns whether a request that looked up the host of `target` went to this host. */
  isTarget(target: Target): boolean {
    const port = target.namePort < 0 ? usualPort(target.transport) : target.namePort;
    const name = this.name;
    return port === this.port && sameHost(target.name, 0, target.nameSize, name, 0, name.length);
  }
}

function usualPort(transport: number): number {
  return transport === TRANSPORT_TLS ? SIPS_PORT : SIP_PORT;
}

export class Servers {
  private readonly domainHost = new ServerHost();
  /** It has at least one entry, which is empty when there is no proxy. */
  private readonly proxies: ServerHost[] = [new ServerHost()];
  /** The host of the registrar's Service-Route. */
  private readonly routeHost = new ServerHost();
  private readonly ips = float64Array(ADDRESSES).fill(-1);
  private readonly ports = uint16Array(ADDRESSES);
  /**
   * The registrations accepted since a message came from each address; and the index of the address to replace next.
   */
  private readonly ages = octetArray(ADDRESSES);
  private oldest = 0;

  /**
   * Forgets the addresses found with other settings.
   * @param domain @param proxy as in the settings, several proxies with commas
   * @param transport TRANSPORT_* for hosts that name none
   */
  configure(domain: string, proxy: string, transport = TRANSPORT_UDP): void {
    this.domainHost.configure(domain, transport);
    const proxies = proxy.split(",");
    this.proxies.length = Math.min(this.proxies.length, proxies.length);
    for (let i = 0; i < proxies.length; i++) {
      if (i === this.proxies.length) this.proxies.push(new ServerHost());
      this.proxies[i].configure(proxies[i].trim(), transport);
    }
    this.routeHost.configure("", transport);
    this.ips.fill(-1);
    this.oldest = 0;
  }

  /**
   * @returns the configured name that a target has, null when it has none or an address. All proxies share one, since a
   * request may go by any of them
   */
  hostOf(target: Target): ServerHost | null {
    if (this.isProxy(target)) return this.proxies[0];
    if (this.routeHost.isTarget(target)) return this.routeHost;
    return this.domainHost.isTarget(target) ? this.domainHost : null;
  }

  /**
   * Returns whether a request to that name goes where requests outside of dialogs go. @param hasProxy those go by the
   * proxy
   */
  isNextHop(target: Target, hasProxy: boolean): boolean {
    const isHop = hasProxy ? this.isProxy(target) : this.domainHost.isTarget(target);
    return isHop || this.routeHost.isTarget(target);
  }

  /** Returns whether a target is one of several proxies. */
  isOneOfProxies(target: Target): boolean {
    return this.proxies.length > 1 && this.isProxy(target);
  }

  private isProxy(target: Target): boolean {
    const { proxies } = this;
    for (let i = 0; i < proxies.length; i++) {
      const { ip, port } = proxies[i];
      if (proxies[i].isTarget(target)) return true;
      if (proxies.length > 1 && target.nameSize === 0 && ip >= 0 && ip === target.ip && port === target.port)
        return true;
    }
    return false;
  }

  private isProxyAt(ip: number, port = -1): boolean {
    const { proxies } = this;
    for (let i = 0; i < proxies.length; i++)
      if (proxies[i].ip === ip && (port < 0 || proxies[i].port === port)) return true;
    return false;
  }

  /**
   * Takes the host of the registrar's Service-Route, which then counts as the server.
   * @param host with its port, "" for none @param transport as in `configure`
   */
  setRoute(host: string, transport = TRANSPORT_UDP): void {
    this.routeHost.configure(host, transport);
  }

  /** Returns whether a host belongs to the configured server: it is the server's host, or is in the server's domain. */
  isOfServer(uri: Uri): boolean {
    return this.isServerHost(uri) || this.domainHost.hasInDomain(uri);
  }

  /** Notes an address at which the configured server was found. @param ip -1 is ignored */
  note(ip: number, port = SIP_PORT): void {
    if (ip < 0) return;
    for (let i = 0; i < ADDRESSES; i++)
      if (this.ips[i] === ip && this.ports[i] === port) {
        this.ages[i] = 0;
        return;
      }
    if (this.isServerFlow(ip, port)) return;
    const free = this.ips.indexOf(-1);
    const at = free >= 0 ? free : this.oldest;
    if (free < 0) this.oldest = (this.oldest + 1) % ADDRESSES;
    this.ips[at] = ip;
    this.ports[at] = port;
    this.ages[at] = 0;
  }

  /**
   * Notes that the server accepted a registration. An address from which nothing came for several registrations is no
   * longer the server's.
   */
  age(): void {
    for (let i = 0; i < ADDRESSES; i++) if (++this.ages[i] > AGE_MOST) this.ips[i] = -1;
  }

  /** Returns whether that is an address of the configured server, from the settings or as it was found. */
  isServer(ip: number): boolean {
    if (ip < 0) return false;
    if (ip === this.domainHost.ip || this.isProxyAt(ip) || ip === this.routeHost.ip) return true;
    for (let i = 0; i < ADDRESSES; i++) if (this.ips[i] === ip) return true;
    return false;
  }

  /** Does the same as `isServer`, but compares the server's port too. */
  isServerFlow(ip: number, port: number): boolean {
    if (ip < 0) return false;
    if (ip === this.domainHost.ip && port === this.domainHost.port) return true;
    if (this.isProxyAt(ip, port)) return true;
    for (let i = 0; i < ADDRESSES; i++) if (this.ips[i] === ip && this.ports[i] === port) return true;
    return false;
  }

  /** Returns whether that is where the registrar asked for requests to go. */
  isRouteFlow(ip: number, port: number): boolean {
    return ip >= 0 && ip === this.routeHost.ip && port === this.routeHost.port;
  }

  /** Returns whether the host of that URI is the configured server, by its name or an address at which it was found. */
  isServerHost(uri: Uri): boolean {
    const { proxies } = this;
    for (let i = 0; i < proxies.length; i++) if (proxies[i].isHostOf(uri)) return true;
    return this.domainHost.isHostOf(uri) || this.isServer(uri.ip);
  }
}
