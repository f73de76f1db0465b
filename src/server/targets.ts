/**
 * Whom a request is for: one of our users, a number of the plan, or somebody elsewhere; and by which way a phone that registered is
 * reached. RFC 3261 §16.5
 * Not here: whether the caller may (proxy.ts), and what a request says of its way (routing.ts).
 */
import { Span } from "../core/bytes.js";
import type { TransactionLayer } from "../transaction/layer.js";
import type { NameAddress } from "../wire/address.js";
import { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/names.js";
import { SCHEME_OTHER, SCHEME_SIP, SCHEME_SIPS, SCHEME_TEL, Uri, unescape as writePlain } from "../wire/uri.js";
import type { Domains } from "./domains.js";
import { type Hop, isBehindNat } from "./hop.js";
import { AOR_MAX_BYTES, type Bindings } from "./location.js";
import type { NumberPlan } from "./numberplan.js";
import type { Routing } from "./routing.js";
import { STRANGERS_BY_RULE, type UserStore } from "./users.js";

// What `find` finds.
/** A scheme that is not spoken here. */
export const KIND_STRANGE = 0;
/** Ourselves: a domain of ours without a user. */
export const KIND_SELF = 1;
/** A user of ours; `aor` is his address. */
export const KIND_USER = 2;
/** Nobody, in a domain of ours. */
export const KIND_NOBODY = 3;
/** The way is in the request, or in the number plan: `uri`. */
export const KIND_ELSEWHERE = 4;

const AT = 0x40;

export class Targets {
  readonly aor = new Span();
  readonly uri = new Span();
  /** The number plan says where it goes. */
  isPlanned = false;
  /** STRANGERS_* of that user. */
  strangers = STRANGERS_BY_RULE;
  private readonly layer: TransactionLayer;
  private readonly ourDomains: Domains;
  private readonly plan: NumberPlan;
  /** The process whose connections are open here. */
  private readonly node: number;
  private users: UserStore;
  private readonly name = new Span();
  private readonly aorBytes = new Uint8Array(AOR_MAX_BYTES);
  private readonly userBytes = new Uint8Array(AOR_MAX_BYTES);
  private readonly other = new Uri();

  /** @param node as of the registrar */
  constructor(layer: TransactionLayer, ourDomains: Domains, users: UserStore, plan: NumberPlan, node: number) {
    this.layer = layer;
    this.ourDomains = ourDomains;
    this.users = users;
    this.plan = plan;
    this.node = node;
  }

  /** Other users from now on. */
  setUsers(users: UserStore): void {
    this.users = users;
  }

  /** @param routing has read the request @returns KIND_* */
  find(routing: Routing): number {
    const { uri } = routing;
    this.uri.set(uri.bytes, uri.start, uri.end);
    this.strangers = STRANGERS_BY_RULE;
    this.isPlanned = false;
    if (uri.scheme === SCHEME_OTHER || uri.scheme === SCHEME_SIPS) return KIND_STRANGE;
    if (routing.hasRoute) return KIND_ELSEWHERE;
    return this.findUri(uri, true);
  }

  private findUri(uri: Uri, isPlanned: boolean): number {
    const domain = uri.scheme === SCHEME_TEL ? this.ourDomains.domains[0] : this.ourDomains.of(uri);
    if (domain.length === 0) return KIND_ELSEWHERE;
    if (uri.userEnd === uri.userStart) return KIND_SELF;
    if (this.readUser(uri, this.name) < 0) return KIND_NOBODY;
    if (this.users.has(this.name, domain)) {
      this.strangers = this.users.strangers(this.name, domain);
      return this.setAor(domain) ? KIND_USER : KIND_NOBODY;
    }
    const { plan, other } = this;
    if (!isPlanned || !plan.find(this.name) || !other.parse(plan.bytes, 0, plan.size)) return KIND_NOBODY;
    this.uri.set(plan.bytes, 0, plan.size);
    this.isPlanned = true;
    return this.findUri(other, false);
  }

  /** The user of a URI without escapes, a number without its separators. @param out good until the next call @returns its length, -1 when there is none or it is too long */
  readUser(uri: Uri, out: Span): number {
    const { userBytes } = this;
    let size = writePlain(uri.bytes, uri.userStart, uri.userEnd, userBytes, 0);
    if (size > 0 && uri.scheme === SCHEME_TEL) {
      let at = 0;
      for (let i = 0; i < size; i++) if (!isSeparator(userBytes[i])) userBytes[at++] = userBytes[i];
      size = at;
    }
    if (size <= 0) return -1;
    out.set(userBytes, 0, size);
    return size;
  }

  private setAor(domain: Uint8Array): boolean {
    const { name, aorBytes } = this;
    const size = name.size();
    if (size + 1 + domain.length > aorBytes.length) return false;
    for (let i = 0; i < size; i++) aorBytes[i] = name.bytes[name.start + i];
    aorBytes[size] = AT;
    aorBytes.set(domain, size + 1);
    this.aor.set(aorBytes, 0, size + 1 + domain.length);
    return true;
  }

  /** The way to the phone that `list` stands at: its Path, else its connection, else where it was seen if that is not what it says, else as it says. */
  reach(list: Bindings, hop: Hop): void {
    const { other, layer } = this;
    hop.clear();
    hop.uri.set(list.contact.bytes, list.contact.start, list.contact.end);
    if (list.path.size() > 0) {
      hop.path.set(list.path.bytes, list.path.start, list.path.end);
      return;
    }
    const { flow } = hop;
    if (list.transport === TRANSPORT_TCP) {
      flow.set(TRANSPORT_TCP, list.ip, list.port, list.node === this.node ? list.connection : -1);
      if (layer.transport.isOpen(flow)) return;
      flow.set(TRANSPORT_NONE, -1, 0, -1);
    } else if (other.parse(hop.uri.bytes, hop.uri.start, hop.uri.end) && other.scheme === SCHEME_SIP) {
      const isNat = isBehindNat(other, list.ip);
      if (isNat) flow.set(TRANSPORT_UDP, list.ip, list.port, -1);
      hop.isFixed = isNat || other.transport() === TRANSPORT_NONE;
    }
  }

  /** Sets `out` to the URI of a contact in a 3xx, without what stands behind a "?": it would become header fields. @returns whether it is one to go to */
  readContact(address: NameAddress, out: Span): boolean {
    const { other } = this;
    if (!other.parse(address.bytes, address.uriStart, address.uriEnd) || other.scheme !== SCHEME_SIP) return false;
    out.set(address.bytes, other.start, other.headersStart < other.end ? other.headersStart - 1 : other.end);
    return true;
  }

  /** Whether the contact read just now is in a domain of ours: it is for us to say where that is. */
  isOurs(): boolean {
    return this.ourDomains.of(this.other).length > 0;
  }
}

function isSeparator(octet: number): boolean {
  return octet === 0x2d || octet === 0x2e || octet === 0x28 || octet === 0x29;
}
