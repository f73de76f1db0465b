/**
 * Reads where a request says that it goes: Request-URI and Route, with our own values taken away and the work of strict
 * routers undone. RFC 3261 §16.4
 * Not here: where it really goes (targets.ts, proxy.ts), and writing it (forward.ts).
 */
import { Span } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ROUTE,
  METHOD_ACK,
  METHOD_BYE,
  METHOD_CANCEL,
  METHOD_INFO,
  METHOD_INVITE,
  METHOD_NOTIFY,
  METHOD_PRACK,
  METHOD_REFER,
  METHOD_SUBSCRIBE,
  METHOD_UPDATE,
} from "../wire/names.js";
import { SCHEME_OTHER, Uri } from "../wire/uri.js";
import { identityRow } from "./assertedidentity.js";
import type { Domains } from "./domains.js";
import { FLOW_FORGED, FLOW_NAMED, FLOW_NONE, type Route } from "./route.js";
import { ASSERTED, FLOW_TOKEN_DIGITS, MOVED, type RouteTokens } from "./routetoken.js";

export class Routing {
  private readonly domains: Domains;
  private readonly routeTokens: RouteTokens;
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly next = new Uri();
  private readonly user = new Span();
  private readonly value = new Span();
  private readonly identity = new Span();

  constructor(domains: Domains, routeTokens: RouteTokens) {
    this.domains = domains;
    this.routeTokens = routeTokens;
  }

  /**
   * Reads Request-URI and Route of a request, whose octets stay where they are while `route` is used.
   * @param route filled @returns false when they cannot be read
   */
  readRoute(m: Message, route: Route): boolean {
    route.count = route.ownCount = 0;
    route.isBroken = route.isFollowed = route.isInDialog = false;
    route.flowState = FLOW_NONE;
    route.isAsserted = false;
    route.isReadable = this.readFields(m, route);
    return route.isReadable;
  }

  private readFields(m: Message, route: Route): boolean {
    const { list, next } = this;
    const { uri } = route;
    list.beginField(m, HEADER_ROUTE);
    while (list.next()) route.count += 1;
    route.isBroken = list.broken;
    if (route.isBroken || !uri.parse(m.bytes, m.uriStart, m.uriEnd)) return false;
    // Header fields in a Request-URI would become fields of the request. RFC 4475 §3.1.2.11
    if (uri.scheme !== SCHEME_OTHER && uri.headersStart < uri.end) return false;
    let hasToken = false;
    // A strict router put our Record-Route where the Request-URI was, and the Request-URI behind the last Route. §16.4
    if (route.count > 0 && uri.isLoose() && this.isOurs(uri)) {
      hasToken = this.readToken(m, uri, route, hasToken);
      if (!this.takeLast(m, route)) return false;
    }
    list.beginField(m, HEADER_ROUTE);
    while (route.ownCount < route.count && list.next()) {
      route.isBroken = !this.readUri(list, next);
      if (route.isBroken) return false;
      if (!this.isOurs(next)) break;
      // The last token counts: those before it led to this server.
      hasToken = this.readToken(m, next, route, hasToken);
      route.ownCount += 1;
    }
    if (hasToken) this.follow(m, route, route.hasRoute ? next : uri);
    return true;
  }

  /**
   * Reads the token in a URI of ours.
   * @param hasToken what to return when the URI has no user part @returns whether it is genuine
   */
  private readToken(m: Message, uri: Uri, route: Route, hasToken: boolean): boolean {
    const { user } = this;
    user.set(uri.bytes, uri.userStart, uri.userEnd);
    if (user.size() === 0) return hasToken;
    route.flowState = FLOW_NONE;
    route.isAsserted = false;
    if (user.size() === FLOW_TOKEN_DIGITS) {
      route.flowState = this.routeTokens.readFlowToken(user, route.flowToken) ? FLOW_NAMED : FLOW_FORGED;
      route.isAsserted = route.flowState === FLOW_NAMED && this.isAsserted(m, uri);
      return false;
    }
    return m.toTagEnd > m.toTagStart && this.routeTokens.readToken(m, user, route.token);
  }

  /** Whether a server on our store vouches for P-Asserted-Identity, by a parameter in the URI with the flow token. */
  private isAsserted(m: Message, uri: Uri): boolean {
    const { identity, value } = this;
    const row = identityRow(m);
    if (row < 0 || !uri.param(ASSERTED, value)) return false;
    identity.set(m.bytes, m.valueStart(row), m.valueEnd(row));
    return this.routeTokens.isAssertion(m, value, this.user, identity);
  }

  /** Lets the request go on without credentials if its token allows the next hop, which is `next`. */
  private follow(m: Message, route: Route, next: Uri): void {
    const { token } = route;
    if (this.routeTokens.hostOf(next) !== token.peerHost && !this.takeMoved(m, route)) return;
    route.isFollowed = true;
    const isInTime = !token.isExpired || m.method === METHOD_BYE || m.method === METHOD_ACK;
    route.isInDialog = isInTime && isDialogMethod(m.method);
  }

  /**
   * Takes our parameter away from the Request-URI, if the other side changed its Contact and we wrote the parameter
   * into it.
   * @returns whether it was there and genuine
   */
  private takeMoved(m: Message, route: Route): boolean {
    const { routeTokens, user } = this;
    const { uri } = route;
    if (route.hasRoute || !uri.param(MOVED, user) || user.end !== uri.paramsEnd) return false;
    if (!routeTokens.readMoved(m, user, routeTokens.hostOf(uri), route.token.flow)) return false;
    return uri.parse(uri.bytes, uri.start, user.start - MOVED.length - 2);
  }

  /** Makes the last Route the Request-URI. @returns false when it cannot be read */
  private takeLast(m: Message, route: Route): boolean {
    const { list } = this;
    list.beginField(m, HEADER_ROUTE);
    for (let i = 0; i < route.count; i++) list.next();
    route.count -= 1;
    route.isBroken = !this.readUri(list, route.uri);
    return !route.isBroken;
  }

  /** Reads the URI of the value that `list` stands at. @returns false when it cannot be read */
  private readUri(list: ValueList, out: Uri): boolean {
    return this.address.parseWithUri(list.bytes, list.start, list.end, out);
  }

  private isOurs(uri: Uri): boolean {
    return this.domains.domainOf(uri).length > 0;
  }
}

/**
 * Whether a method belongs into dialogs. MESSAGE and OPTIONS also stand alone, so they are left out: they need
 * credentials.
 */
function isDialogMethod(method: number): boolean {
  switch (method) {
    case METHOD_INVITE:
    case METHOD_ACK:
    case METHOD_BYE:
    case METHOD_CANCEL:
    case METHOD_INFO:
    case METHOD_UPDATE:
    case METHOD_PRACK:
    case METHOD_SUBSCRIBE:
    case METHOD_NOTIFY:
    case METHOD_REFER:
      return true;
    default:
      return false;
  }
}
