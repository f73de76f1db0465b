/**
 * What a request that came says of its way: Request-URI and Route fields, with our own values taken away and the work of strict routers
 * undone. RFC 3261 §16.4
 * Not here: where it goes (proxy.ts), and writing it (forward.ts).
 */
import { Span } from "../core/bytes.js";
import { NameAddress } from "../wire/address.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_ROUTE } from "../wire/names.js";
import { SCHEME_OTHER, Uri } from "../wire/uri.js";
import type { Marks } from "./mark.js";
import type { Ours } from "./ours.js";

export class Routing {
  /** The Request-URI as it was meant, read. */
  readonly uri = new Uri();
  /** Route values of ours at the front that are done with, and how many there are in all but a last one that was the Request-URI. */
  skip = 0;
  count = 0;
  /** Our own Record-Route was found: the request belongs to a dialog that was begun through us; `marks` has what it tells. */
  isMarked = false;
  /** A Route or the Request-URI cannot be read. */
  isBroken = false;
  private readonly ours: Ours;
  private readonly marks: Marks;
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly other = new Uri();
  private readonly user = new Span();

  constructor(ours: Ours, marks: Marks) {
    this.ours = ours;
    this.marks = marks;
  }

  /** Whether there is a way to follow beyond us. */
  get hasRoute(): boolean {
    return this.count > this.skip;
  }

  /** Reads the request, whose octets stay and are looked at again. @returns false when it cannot be read: `isBroken`, or a Request-URI that is no URI */
  read(m: Message): boolean {
    const { list, uri } = this;
    this.skip = this.count = 0;
    this.isMarked = this.isBroken = false;
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
    return true;
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
    if (this.ours.of(uri).length === 0) return false;
    this.user.set(uri.bytes, uri.userStart, uri.userEnd);
    if (this.user.size() > 0 && m.toTagEnd > m.toTagStart && this.marks.read(m, this.user)) this.isMarked = true;
    return true;
  }
}
