/**
 * Finds whom a request is for: one of our users, a number of the plan, or somebody elsewhere; and how a registered
 * phone is reached. RFC 3261 §16.5
 * Not here: whether the sender may call there (admission.ts), and reading Request-URI and Route (routing.ts).
 */
import { Span } from "../core/bytes.js";
import type { TransactionLayer } from "../transaction/layer.js";
import type { NameAddress } from "../wire/address.js";
import { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { SCHEME_OTHER, SCHEME_SIP, SCHEME_SIPS, SCHEME_TEL, Uri } from "../wire/uri.js";
import type { Domains } from "./domains.js";
import { type Hop, isBehindNat } from "./hop.js";
import { bindingOf } from "./keptflows.js";
import { AOR_MAX_BYTES, type Bindings, writeUser } from "./location.js";
import type { NumberPlan } from "./numberplan.js";
import { KIND_ELSEWHERE, KIND_NOBODY, KIND_SELF, KIND_STRANGE, KIND_USER, type Route } from "./route.js";
import type { FlowToken } from "./routetoken.js";
import { STRANGERS_BY_RULE, type UserStore } from "./users.js";

// What `readContact` returns.
/** The contact is no URI that a request can be sent to. */
export const CONTACT_UNUSABLE = 0;
/** The contact is in a domain of ours, so the location service says where it is. */
export const CONTACT_OURS = 1;
export const CONTACT_ELSEWHERE = 2;

const AT = 0x40;

export interface TargetsOptions {
  users: UserStore;
  plan: NumberPlan;
  /** That of the registrar, by which a connection in a binding is known to be ours. */
  node: number;
}

export class Targets {
  private readonly layer: TransactionLayer;
  private readonly domains: Domains;
  private readonly plan: NumberPlan;
  /** The process whose connections are open here. */
  readonly node: number;
  private users: UserStore;
  private readonly name = new Span();
  private readonly userBytes = new Uint8Array(AOR_MAX_BYTES);
  private readonly other = new Uri();

  constructor(layer: TransactionLayer, domains: Domains, options: TargetsOptions) {
    const { users, plan, node } = options;
    this.layer = layer;
    this.domains = domains;
    this.users = users;
    this.plan = plan;
    this.node = node;
  }

  /** Replaces the users. */
  setUsers(users: UserStore): void {
    this.users = users;
  }

  /** Finds whom a request is for. @param route read by `Routing.readRoute`; gets kind, target and address of record */
  findTarget(route: Route): void {
    const { uri } = route;
    route.target.set(uri.bytes, uri.start, uri.end);
    route.strangers = STRANGERS_BY_RULE;
    route.isPlanned = false;
    if (uri.scheme === SCHEME_OTHER) route.kind = KIND_STRANGE;
    else if (route.hasRoute) route.kind = KIND_ELSEWHERE;
    else route.kind = this.kindOf(uri, route);
  }

  private kindOf(uri: Uri, route: Route): number {
    const domain = uri.scheme === SCHEME_TEL ? this.domains.domains[0] : this.domains.domainOf(uri);
    if (domain.length === 0) return KIND_ELSEWHERE;
    if (uri.userEnd === uri.userStart) return KIND_SELF;
    if (this.readUser(uri, this.name) < 0) return KIND_NOBODY;
    if (this.users.has(this.name, domain)) {
      route.strangers = this.users.strangers(this.name, domain);
      return this.writeAor(domain, route) ? KIND_USER : KIND_NOBODY;
    }
    const { plan, other } = this;
    if (route.isPlanned || !plan.findUri(this.name, route.target)) return KIND_NOBODY;
    const { target } = route;
    route.isPlanned = true;
    return other.parse(target.bytes, target.start, target.end) ? this.kindOf(other, route) : KIND_NOBODY;
  }

  /**
   * Reads the user of a URI without escapes, and a number without its separators.
   * @param out good until the next call @returns its length, -1 when there is none or it is too long
   */
  readUser(uri: Uri, out: Span): number {
    const { userBytes } = this;
    const size = writeUser(uri, userBytes);
    if (size <= 0) return -1;
    out.set(userBytes, 0, size);
    return size;
  }

  private writeAor(domain: Uint8Array, route: Route): boolean {
    const { name } = this;
    const { aor, aorBytes } = route;
    const size = name.size();
    if (size + 1 + domain.length > aorBytes.length) return false;
    for (let i = 0; i < size; i++) aorBytes[i] = name.bytes[name.start + i];
    aorBytes[size] = AT;
    aorBytes.set(domain, size + 1);
    aor.set(aorBytes, 0, size + 1 + domain.length);
    return true;
  }

  /**
   * Fills `hop` with the way to the phone that `list` stands at: its Path, else its connection, else the address it was
   * seen at if its Contact says another one, else its Contact. A phone that keeps its flow is reached by that alone.
   * RFC 5626 §5.3
   * @returns false when that flow is gone
   */
  fillHop(list: Bindings, hop: Hop): boolean {
    const { other, layer } = this;
    hop.clear();
    hop.uri.set(list.contact.bytes, list.contact.start, list.contact.end);
    // Our own Path is for other servers.
    if (list.path.size() > 0 && !(list.isOwnPath && list.node === this.node)) {
      hop.path.set(list.path.bytes, list.path.start, list.path.end);
      hop.isPeers = list.isOwnPath;
      hop.binding = bindingOf(list);
      return true;
    }
    const { flow } = hop;
    if (list.flowId.size() > 0) {
      flow.set(list.transport, list.ip, list.port, list.node === this.node ? list.connection : -1);
      hop.isFixed = true;
      return list.transport === TRANSPORT_UDP || layer.transport.stream(flow.connection) !== null;
    }
    if (list.transport === TRANSPORT_TCP || list.transport === TRANSPORT_TLS) {
      flow.set(list.transport, list.ip, list.port, list.node === this.node ? list.connection : -1);
      if (layer.transport.isOpen(flow)) return true;
      flow.set(TRANSPORT_NONE, -1, 0, -1);
    } else if (other.parse(hop.uri.bytes, hop.uri.start, hop.uri.end) && other.scheme === SCHEME_SIP) {
      const isNat = isBehindNat(other, list.ip);
      if (isNat) flow.set(TRANSPORT_UDP, list.ip, list.port, -1);
      hop.isFixed = isNat || other.transport() === TRANSPORT_NONE;
    }
    return true;
  }

  /** Whether the flow that a token of ours names is there. */
  isThere(token: FlowToken): boolean {
    if (token.isExpired) return false;
    if (token.flow.transport === TRANSPORT_UDP) return true;
    return token.node === this.node && this.layer.transport.stream(token.flow.connection) !== null;
  }

  /**
   * Reads the URI of a contact in a 3xx, without the part behind a "?", which would become header fields.
   * @param out set unless the contact is unusable @returns CONTACT_*
   */
  readContact(address: NameAddress, out: Span): number {
    const { other } = this;
    if (!other.parse(address.bytes, address.uriStart, address.uriEnd)) return CONTACT_UNUSABLE;
    if (other.scheme !== SCHEME_SIP && other.scheme !== SCHEME_SIPS) return CONTACT_UNUSABLE;
    out.set(address.bytes, other.start, other.headersStart < other.end ? other.headersStart - 1 : other.end);
    return this.domains.domainOf(other).length > 0 ? CONTACT_OURS : CONTACT_ELSEWHERE;
  }
}
