/**
 * What a request that came says of its way: Request-URI and Route fields, with our own values taken away and the work of strict routers
 * undone. RFC 3261 §16.4
 * Not here: where it goes (proxy.ts), and writing it (forward.ts).
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
import type { Domains } from "./domains.js";
import { MOVED, type RouteTokens } from "./routetoken.js";

export class Routing {
  /** The Request-URI as it was meant, read. */
  readonly uri = new Uri();
  /** Route values of ours at the front that are done with, and how many there are in all but a last one that was the Request-URI. */
  skip = 0;
  count = 0;
  /** Our own Record-Route was found, and the request belongs to the dialog that was begun through us with it, and goes to the other side; `marks` has what it tells. */
  isFollowed = false;
  /** It may for that alone: its method is one inside of dialogs, and the mark has not expired, or the request ends the dialog. */
  isMarked = false;
  /** A Route or the Request-URI cannot be read. */
  isBroken = false;
  /** The last of our own Route values has a mark of ours. */
  private isGenuine = false;
  private readonly ourDomains: Domains;
  private readonly routeTokens: RouteTokens;
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly other = new Uri();
  private readonly user = new Span();

  constructor(ourDomains: Domains, routeTokens: RouteTokens) {
    this.ourDomains = ourDomains;
    this.routeTokens = routeTokens;
  }

  /** Whether there is a way to follow beyond us. */
  get hasRoute(): boolean {
    return this.count > this.skip;
  }

  /** Reads the request, whose octets stay and are looked at again. @returns false when it cannot be read: `isBroken`, or a Request-URI that is no URI */
  read(m: Message): boolean {
    const { list, uri } = this;
    this.skip = this.count = 0;
    this.isFollowed = this.isMarked = this.isGenuine = this.isBroken = false;
    list.begin(m, HEADER_ROUTE);
    while (list.next()) this.count += 1;
    this.isBroken = list.broken;
    if (this.isBroken || !uri.parse(m.bytes, m.uriStart, m.uriEnd)) return false;
    // Header fields in a Request-URI would become ours. RFC 4475 §3.1.2.11
    if (uri.scheme !== SCHEME_OTHER && uri.headersStart < uri.end) return false;
    // A strict router put our Record-Route where the Request-URI was, and that behind the last Route. §16.4
    if (this.count > 0 && uri.isLoose() && this.isOurs(m, uri) && !this.takeLast(m)) return false;
    list.begin(m, HEADER_ROUTE);
    while (this.skip < this.count && list.next()) {
      if (!this.readElement()) return false;
      if (!this.isOurs(m, this.other)) break;
      this.skip += 1;
    }
    if (this.isGenuine) this.follow(m);
    return true;
  }

  /** Whether the mark lets the request go where it wants to go. */
  private follow(m: Message): void {
    const { routeTokens } = this;
    const next = this.hasRoute ? this.other : this.uri;
    if (routeTokens.hostOf(next) !== routeTokens.peerHost && !this.isMoved(m)) return;
    this.isFollowed = true;
    const isInTime = !routeTokens.isExpired || m.method === METHOD_BYE || m.method === METHOD_ACK;
    this.isMarked = isInTime && isInDialog(m.method);
  }

  /** Whether the other side changed its Contact to what the Request-URI says: we wrote that into it, and take it away again. */
  private isMoved(m: Message): boolean {
    const { uri, routeTokens, user } = this;
    if (this.hasRoute || !uri.param(MOVED, user) || user.end !== uri.paramsEnd) return false;
    if (!routeTokens.isMoved(m, user, routeTokens.hostOf(uri))) return false;
    return uri.parse(uri.bytes, uri.start, user.start - MOVED.length - 2);
  }

  /** Steps `list` to the first Route value that is left. @returns whether there is one */
  first(m: Message, list: ValueList): boolean {
    if (!this.hasRoute) return false;
    list.begin(m, HEADER_ROUTE);
    for (let i = 0; i <= this.skip; i++) if (!list.next()) return false;
    return true;
  }

  /** The last Route becomes the Request-URI. */
  private takeLast(m: Message): boolean {
    const { list, address } = this;
    list.begin(m, HEADER_ROUTE);
    for (let i = 0; i < this.count; i++) list.next();
    this.count -= 1;
    this.isBroken = !(
      address.parse(list.bytes, list.start, list.end) && this.uri.parse(address.bytes, address.uriStart, address.uriEnd)
    );
    return !this.isBroken;
  }

  private readElement(): boolean {
    const { list, address } = this;
    this.isBroken = !(
      address.parse(list.bytes, list.start, list.end) &&
      this.other.parse(address.bytes, address.uriStart, address.uriEnd)
    );
    return !this.isBroken;
  }

  /** Whether a Route is ours; with our mark, whose dialog this is. */
  private isOurs(m: Message, uri: Uri): boolean {
    if (this.ourDomains.of(uri).length === 0) return false;
    this.user.set(uri.bytes, uri.userStart, uri.userEnd);
    // The last one is that of the way to the other side: those before it led here.
    if (this.user.size() > 0) this.isGenuine = m.toTagEnd > m.toTagStart && this.routeTokens.read(m, this.user);
    return true;
  }
}

/** Whether a method belongs into dialogs. What may also stand alone (MESSAGE, OPTIONS) is no part of them: it needs credentials. */
function isInDialog(method: number): boolean {
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
