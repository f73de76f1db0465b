/**
 * One branch of a request: the Request-URI it gets, how its next hop is reached, and how many branches it may still
 * have.
 * Not here: who finds the way (targets.ts, proxy.ts), and who writes the request (forward.ts).
 */
import { isPrivate } from "../core/address.js";
import { NONE, Span } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import type { Transport } from "../transaction/transport.js";
import type { Message } from "../wire/message.js";
import { HEADER_MAX_BREADTH, TRANSPORT_NONE } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import type { Route } from "./route.js";

/** Max-Breadth of a request that has none. RFC 5393 §5.3.3.1 */
export const BREADTH_DEFAULT = 60;

export class Hop {
  /** The Request-URI of the forwarded request. */
  readonly uri = new Span();
  /** Path values of the phone (RFC 3327), which go before the Route values of the request; empty when it has none. */
  readonly path = new Span();
  /** How the next hop is reached, whatever its URI says; TRANSPORT_NONE: as the URI says. */
  readonly flow = new Flow();
  /** The next hop listens by UDP only, as far as this server knows. */
  isFixed = false;
  /** The next hop is a phone that a user of ours registered. */
  isUser = false;
  /** The owner of the server wrote the URI. */
  isOwners = false;
  /** The Path is the one value that another server on our store has written. */
  isPeers = false;
  /** Tells the binding of a kept flow that is reached by a Path, 0: it is none. */
  binding = 0;
  /** Branches that the forwarded request may still have: its Max-Breadth. RFC 5393 §5 */
  breadth = BREADTH_DEFAULT;

  // Filled by Forwarder.aimHop.
  /** URI of the next hop. */
  readonly next = new Uri();
  /** URI of the request line: `uri`, or that of a next hop that is a strict router. */
  readonly line = new Span();
  /** The next hop wants its own URI in the request line. RFC 3261 §16.6 step 6 */
  isStrict = false;
  /** Why the request cannot be sent there: the reason of the status that `Forwarder.aimHop` returned. */
  reason: Uint8Array = NONE;

  clear(): void {
    this.path.set(NONE, 0, 0);
    this.flow.set(TRANSPORT_NONE, -1, 0, -1);
    this.isFixed = this.isUser = this.isOwners = this.isPeers = false;
    this.binding = 0;
    this.reason = NONE;
  }

  /**
   * Takes the way of a request that is not for a user of ours: to its target, and in a dialog of ours over the flow
   * that the token names, if that is still open.
   */
  setElsewhere(route: Route, transport: Transport): void {
    this.uri.set(route.target.bytes, route.target.start, route.target.end);
    this.isOwners = route.isPlanned;
    if (route.isByFlow) {
      this.flow.copy(route.flowToken.flow);
      this.isFixed = true;
      return;
    }
    const { flow } = route.token;
    if (route.isFollowed && !route.hasRoute && transport.isOpen(flow)) this.flow.copy(flow);
  }
}

/** Whether a phone that sent from `ip` cannot be reached at the address in its contact. */
export function isBehindNat(contact: Uri, ip: number): boolean {
  return contact.ip >= 0 && contact.ip !== ip && isPrivate(contact.ip);
}

/** @returns how many branches a request may have in all proxies to come, at most the usual number. RFC 5393 §5.3.3.1 */
export function breadthOf(m: Message): number {
  const given = m.uint(HEADER_MAX_BREADTH, BREADTH_DEFAULT);
  return given >= 0 ? given : BREADTH_DEFAULT;
}
