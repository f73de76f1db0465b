/**
 * One way on for a request: the Request-URI it gets, how the next hop is reached, and how many branches it may still have.
 * Not here: who finds the way (targets.ts, proxy.ts), and who writes the request (forward.ts).
 */
import { isPrivate } from "../core/address.js";
import { NONE, Span } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import type { Message } from "../wire/message.js";
import { HEADER_MAX_BREADTH, TRANSPORT_NONE } from "../wire/names.js";
import type { Uri } from "../wire/uri.js";

/** Max-Breadth of a request that has none. RFC 5393 §5.3.3.1 */
export const BREADTH_DEFAULT = 60;

/** One way on for a request. */
export class Hop {
  /** What the Request-URI becomes. */
  readonly uri = new Span();
  /** Route values of the phone's (RFC 3327), before those the request has; or empty. */
  readonly path = new Span();
  /** How the next hop is reached whatever its URI says; TRANSPORT_NONE: as the URI says. */
  readonly flow = new Flow();
  /** Nothing is known of it but that it listens there by UDP. */
  isFixed = false;
  /** It is a phone that a user of ours registered. */
  isUser = false;
  /** The owner of the server wrote where it is. */
  isOwners = false;
  /** What is left for its Max-Breadth. RFC 5393 §5 */
  breadth = BREADTH_DEFAULT;

  clear(): void {
    this.path.set(NONE, 0, 0);
    this.flow.set(TRANSPORT_NONE, -1, 0, -1);
    this.isFixed = this.isUser = this.isOwners = false;
  }
}

/** Whether whoever sent from `ip` is not reached at the address in its contact. */
export function isBehindNat(contact: Uri, ip: number): boolean {
  return contact.ip >= 0 && contact.ip !== ip && isPrivate(contact.ip);
}

/** How many branches a request may yet have, in all proxies to come: what it says, but not more than is usual. RFC 5393 §5.3.3.1 */
export function breadthOf(m: Message): number {
  const given = m.uint(HEADER_MAX_BREADTH, BREADTH_DEFAULT);
  return given >= 0 ? given : BREADTH_DEFAULT;
}
