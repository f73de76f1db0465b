/**
 * Who the user agent is and by which server it speaks, turned from settings into the octets that requests are written
 * from.
 */

import { ipv4Text } from "../core/address.js";
import { equal, NONE, text, utf8, utf8Length } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { sameNumber, sameUser } from "../wire/compare.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_SERVICE_ROUTE } from "../wire/names.js";
import { SCHEME_SIP, Uri } from "../wire/uri.js";
import { Writer } from "../wire/writer.js";
import { escapeUser, placeOf, proxiesProblem, proxyUri, readDomain, readProxies } from "./uritext.js";

/** Octets of a Service-Route that is followed; a longer one is passed over. */
const SERVICE_ROUTE_BYTES = 400;

// For the time of one call only.
const list = new ValueList();
const address = new NameAddress();
const uri = new Uri();
const writer = new Writer();

/** The account as the settings have it; strings may be empty. */
export interface AccountSettings {
  user: string;
  /** Name for digest, "" for the same as `user`. */
  authUser: string;
  password: string;
  /** The one realm credentials are for, "" for whatever the configured server names. */
  realm: string;
  displayName: string;
  /** Domain or address of the registrar, "" to do without a server. May have a port. */
  domain: string;
  /** Outbound proxies, with commas between: each a host, host:port or SIP URI; "" for none. */
  proxy: string;
  register: boolean;
  /** Expiry to ask for, in seconds. */
  expiresS: number;
  /**
   * The registrar is asked every so many s whether it still has us; 0 or nothing: never; PROBE_AUTO (registration.ts):
   * if it is near.
   */
  probeS?: number;
  /** The flow of the registration is kept, where the registrar takes part (RFC 5626); undefined: it is not. */
  outbound?: boolean;
  /** TRANSPORT_* for URIs that name none. */
  transport: number;
  /** How the keys of its settings begin, for messages; undefined: "sip.". */
  prefix?: string;
}

/** Whether a registration by the one is a registration by the other. */
export function isSameAccount(a: AccountSettings, b: AccountSettings): boolean {
  return (
    a.user === b.user &&
    a.authUser === b.authUser &&
    a.password === b.password &&
    a.realm === b.realm &&
    a.displayName === b.displayName &&
    a.domain === b.domain &&
    a.proxy === b.proxy &&
    a.register === b.register &&
    a.expiresS === b.expiresS &&
    a.probeS === b.probeS &&
    a.outbound === b.outbound &&
    a.transport === b.transport
  );
}

/** Returns the key of a setting of the account, for a message: "sip.user". */
export function keyOf(settings: AccountSettings, name: string): string {
  return (settings.prefix ?? "sip.") + name;
}

export class Account {
  settings: AccountSettings;
  /** Our address of record as an addr-spec. */
  aor: Uint8Array = NONE;
  /** From value without a tag. */
  from: Uint8Array = NONE;
  /** To value of a REGISTER. */
  to: Uint8Array = NONE;
  /** Request-URI of a REGISTER, empty when there is no domain. */
  registrar: Uint8Array = NONE;
  /** Route of a REGISTER: the first outbound proxy, or empty. */
  proxyRoute: Uint8Array = NONE;
  /** URIs of the hosts to which requests outside of dialogs go: all outbound proxies, else the registrar. */
  hops: Uint8Array[] = [];
  /** Route of other requests outside of dialogs: the outbound proxy, then what the registrar asked for. RFC 3608 §5 */
  routes: Uint8Array = NONE;
  /** The registrar's part of it, "" when there is none; and the host of its first element. */
  private serviceRoute: Uint8Array = NONE;
  serviceHost = "";
  user: Uint8Array = NONE;
  /** The domain as addresses have it, with its port; "" when there is none. */
  domain = "";

  constructor(settings: AccountSettings) {
    this.settings = settings;
  }

  /**
   * Reads the settings anew.
   * @param ip our address @param port our SIP port; for the address of record without a domain
   */
  configure(settings: AccountSettings, ip: number, port: number): void {
    this.settings = settings;
    const read = readDomain(settings.domain);
    const domain = read.error === "" ? placeOf(read) : "";
    const proxies = readProxies(settings.proxy);
    const hasProxy = proxies.length > 0 && proxiesProblem(proxies) === "";
    const host = domain !== "" ? domain : ipv4Text(ip) + (port === 5060 ? "" : ":" + port);
    const aor = SIP + (settings.user !== "" ? escapeUser(settings.user) + "@" : "") + host;
    const name = settings.displayName !== "" ? '"' + escapeQuoted(settings.displayName) + '" ' : "";
    // The other texts are parts of From.
    this.from = utf8(name + "<" + aor + ">");
    this.to = this.from.subarray(utf8Length(name));
    this.aor = this.to.subarray(1, this.to.length - 1);
    this.domain = domain;
    this.registrar = domain !== "" ? utf8("sip:" + domain) : NONE;
    this.proxyRoute = hasProxy ? utf8("<" + proxyUri(proxies[0]) + ">") : NONE;
    this.hops = domain !== "" ? [this.registrar] : [];
    if (hasProxy) this.hops = proxies.map((proxy) => utf8(proxyUri(proxy)));
    this.join();
    this.user = this.aor.subarray(SIP.length, SIP.length + utf8Length(escapeUser(settings.user)));
  }

  /** Whether a URI has our user: the one comparison for all who ask, however it is spelled. RFC 3261 §19.1.4 */
  isUserOf(of: Uri): boolean {
    const { user } = this;
    const isSame = of.isNumber() ? sameNumber : sameUser;
    return isSame(of.bytes, of.userStart, of.userEnd, user, 0, user.length);
  }

  /**
   * Takes the Service-Route of a 200 to a REGISTER; what was there before is forgotten. RFC 3608 §5
   * @param m null: there is no registration any more @returns whether something changed
   */
  setServiceRoute(m: Message | null): boolean {
    // Most registrars send none, and nothing is made for them.
    if ((m === null || !m.has(HEADER_SERVICE_ROUTE)) && this.serviceRoute.length === 0) return false;
    const out = new Uint8Array(SERVICE_ROUTE_BYTES);
    writer.begin(out, 0, out.length);
    let host = "";
    if (m !== null) list.beginField(m, HEADER_SERVICE_ROUTE);
    while (m !== null && list.next()) {
      // A part of it would lead astray: all of it or nothing.
      if (!address.parseWithUri(list.bytes, list.start, list.end, uri) || uri.scheme !== SCHEME_SIP || !uri.isLoose())
        writer.ok = false;
      if (!writer.ok) break;
      if (writer.at > 0) writer.octet(COMMA);
      else host = text(uri.bytes, uri.hostStart, uri.hostEnd) + (uri.port < 0 ? "" : ":" + uri.port);
      writer.copy(list.bytes, list.start, list.end);
    }
    const size = writer.ok && !(m !== null && list.broken) ? writer.at : 0;
    writer.begin(NONE, 0, 0);
    if (equal(out, 0, size, this.serviceRoute, 0, this.serviceRoute.length)) return false;
    this.serviceRoute = out.slice(0, size);
    this.serviceHost = size > 0 ? host : "";
    this.join();
    return true;
  }

  private join(): void {
    const { proxyRoute, serviceRoute } = this;
    if (serviceRoute.length === 0) this.routes = proxyRoute;
    else if (proxyRoute.length === 0) this.routes = serviceRoute;
    else {
      this.routes = new Uint8Array(proxyRoute.length + 1 + serviceRoute.length);
      this.routes.set(proxyRoute);
      this.routes[proxyRoute.length] = COMMA;
      this.routes.set(serviceRoute, proxyRoute.length + 1);
    }
  }
}

const COMMA = 0x2c;
const SIP = "sip:";

/** Octets of our user name as a URI writes it; our Contact with it has to fit `Limits.contactBytes`. */
export const USER_MOST_BYTES = 200;

function escapeQuoted(value: string): string {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (c === '"' || c === "\\") out += "\\";
    if (value.charCodeAt(i) >= 0x20) out += c;
  }
  return out;
}
