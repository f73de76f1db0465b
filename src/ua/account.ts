/** Who the user agent is and by which server it speaks, turned from settings into the octets that requests are written from. */

import { ipv4Text } from "../core/address.js";
import { NONE, octets } from "../core/bytes.js";

/** As the settings say; strings may be empty. */
export interface AccountSettings {
  user: string;
  /** Name for digest, "" for the same as `user`. */
  authUser: string;
  password: string;
  /** The realm credentials are for, "" for the first one the configured server names. */
  realm: string;
  displayName: string;
  /** Domain or address of the registrar, "" to do without a server. May have a port. */
  domain: string;
  /** Outbound proxy: a host, host:port or SIP URI; "" for none. */
  proxy: string;
  register: boolean;
  /** Expiry to ask for, in seconds. */
  expiresS: number;
  /** TRANSPORT_* for URIs that name none. */
  transport: number;
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
  /** Routes for requests outside of dialogs: the outbound proxy, or empty. */
  routes: Uint8Array = NONE;
  user: Uint8Array = NONE;

  constructor(settings: AccountSettings) {
    this.settings = settings;
  }

  /** Reads the settings anew. @param ip our address @param port our SIP port; for the address of record without a domain */
  configure(settings: AccountSettings, ip: number, port: number): void {
    this.settings = settings;
    const host = settings.domain !== "" ? settings.domain : ipv4Text(ip) + (port === 5060 ? "" : ":" + port);
    const aor = "sip:" + (settings.user !== "" ? escapeUser(settings.user) + "@" : "") + host;
    const name = settings.displayName !== "" ? '"' + escapeQuoted(settings.displayName) + '" ' : "";
    this.aor = octets(aor);
    this.from = octets(name + "<" + aor + ">");
    this.to = octets("<" + aor + ">");
    this.registrar = settings.domain !== "" ? octets("sip:" + settings.domain) : NONE;
    this.routes = settings.proxy !== "" ? octets("<" + proxyUri(settings.proxy) + ">") : NONE;
    this.user = octets(escapeUser(settings.user));
  }
}

/** An outbound proxy as a loose route. */
function proxyUri(proxy: string): string {
  const uri = proxy.slice(0, 4).toLowerCase() === "sip:" ? proxy : "sip:" + proxy;
  const lower = uri.toLowerCase();
  return lower.indexOf(";lr") >= 0 ? uri : uri + ";lr";
}

/** The user part of a URI: what may not stand there is escaped. RFC 3261 §25.1 */
function escapeUser(user: string): string {
  const bytes = octets(user);
  let out = "";
  for (let i = 0; i < bytes.length; i++) {
    const c = bytes[i];
    const isPlain = (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x5a) || (c >= 0x61 && c <= 0x7a);
    if (isPlain || "-_.!~*'()&=+$,;?/".indexOf(String.fromCharCode(c)) >= 0) out += String.fromCharCode(c);
    else out += "%" + (c < 16 ? "0" : "") + c.toString(16).toUpperCase();
  }
  return out;
}

function escapeQuoted(value: string): string {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    const c = value.charAt(i);
    if (c === '"' || c === "\\") out += "\\";
    if (value.charCodeAt(i) >= 0x20) out += c;
  }
  return out;
}
