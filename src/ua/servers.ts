/**
 * The places where the configured server is: by the names and addresses of the settings, by what the registrar asked
 * for, and by the addresses at which it was found. Another host gets no credentials, and is not believed as a server.
 * Not here: what the server is believed (intercom/callers.ts), and where requests go (account.ts).
 */
import { float64Array, octetArray, uint16Array } from "../core/arrays.js";
import { lower, NONE, utf8 } from "../core/bytes.js";
import type { Target } from "../transaction/flow.js";
import { SIP_PORT, SIPS_PORT } from "../transaction/transport.js";
import { hostEndOf, sameHost } from "../wire/compare.js";
import { TRANSPORT_NONE, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { Uri } from "../wire/uri.js";

/** Addresses of the server kept at once: a name may have several. The one noted first makes room. */
const ADDRESSES = 4;
/** Registrations that are taken elsewhere until an address is no longer the server's. */
const AGE_MOST = 4;
const DOT = 0x2e;

/** The host that a setting names. */
export class ServerHost {
  /** In lower case; empty when none is configured or it is an address. */
  name: Uint8Array = NONE;
  /** -1 when it is a name. */
  ip = -1;
  port = SIP_PORT;

  /**
   * @param setting a host, host:port or SIP URI; "" or what is none of these: no host
   * @param transport TRANSPORT_* if it names none
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

  /** Whether that URI's host is it, whatever the port. */
  isHostOf(uri: Uri): boolean {
    if (this.ip >= 0) return uri.ip === this.ip;
    return sameHost(uri.bytes, uri.hostStart, uri.hostEnd, this.name, 0, this.name.length);
  }

  /** Whether that URI's host is a name below this one. */
  hasInDomain(uri: Uri): boolean {
    const { name } = this;
    const { bytes, hostStart } = uri;
    const end = hostEndOf(bytes, hostStart, uri.hostEnd);
    const start = end - name.length;
    // A host does not begin with a dot, and an empty name is no host.
    return bytes[start - 1] === DOT && sameHost(bytes, start, end, name, 0, name.length);
  }

  /** Whether a request that looked up the host of `target` went there. */
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
  /** One at least; it is empty when there is no proxy. */
  private readonly proxies: ServerHost[] = [new ServerHost()];
  /** The host that the registrar asked requests to go by, Service-Route. */
  private readonly routeHost = new ServerHost();
  private readonly ips = float64Array(ADDRESSES).fill(-1);
  private readonly ports = uint16Array(ADDRESSES);
  /** Registrations taken since anything came from there; and which address makes room for the next. */
  private readonly ages = octetArray(ADDRESSES);
  private oldest = 0;

  /**
   * Forgets what was found under other settings.
   * @param domain @param proxy as the settings have them, several proxies with commas
   * @param transport TRANSPORT_* of those that name none
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
   * @returns the one of the names that a target has, null when it is none of them or an address; one for all proxies,
   * for a request may go by any of them
   */
  hostOf(target: Target): ServerHost | null {
    if (this.isProxy(target)) return this.proxies[0];
    if (this.routeHost.isTarget(target)) return this.routeHost;
    return this.domainHost.isTarget(target) ? this.domainHost : null;
  }

  /** Whether a request to that name goes where those outside of dialogs go. @param hasProxy they go by the proxy */
  isNextHop(target: Target, hasProxy: boolean): boolean {
    const isHop = hasProxy ? this.isProxy(target) : this.domainHost.isTarget(target);
    return isHop || this.routeHost.isTarget(target);
  }

  /** Whether a target is one of several proxies. */
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
   * The registrar asked for requests to go by that host, which is as good as the server then.
   * @param host with its port, "" none @param transport as in `configure`
   */
  setRoute(host: string, transport = TRANSPORT_UDP): void {
    this.routeHost.configure(host, transport);
  }

  /** Whether a host belongs to the configured server: it is its host, or in its domain. */
  isOfServer(uri: Uri): boolean {
    return this.isServerHost(uri) || this.domainHost.hasInDomain(uri);
  }

  /** Remembers an address at which the configured server was found. @param ip -1 is passed over */
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

  /** The server took a registration: addresses from which nothing came for several of them are no longer its own. */
  age(): void {
    for (let i = 0; i < ADDRESSES; i++) if (++this.ages[i] > AGE_MOST) this.ips[i] = -1;
  }

  /** Whether that is an address of the configured server, by the settings or as it was found. */
  isServer(ip: number): boolean {
    if (ip < 0) return false;
    if (ip === this.domainHost.ip || this.isProxyAt(ip) || ip === this.routeHost.ip) return true;
    for (let i = 0; i < ADDRESSES; i++) if (this.ips[i] === ip) return true;
    return false;
  }

  /** As `isServer`, at the port it is reached at. */
  isServerFlow(ip: number, port: number): boolean {
    if (ip < 0) return false;
    if (ip === this.domainHost.ip && port === this.domainHost.port) return true;
    if (this.isProxyAt(ip, port)) return true;
    for (let i = 0; i < ADDRESSES; i++) if (this.ips[i] === ip && this.ports[i] === port) return true;
    return false;
  }

  /** Whether the host of that URI is the configured server: by its name, or an address it was found at. */
  isServerHost(uri: Uri): boolean {
    const { proxies } = this;
    for (let i = 0; i < proxies.length; i++) if (proxies[i].isHostOf(uri)) return true;
    return this.domainHost.isHostOf(uri) || this.isServer(uri.ip);
  }
}
