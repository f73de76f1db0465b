/**
 * A request on its way through a server: where it came from, who sent it, and where it goes. A proxy owns such an
 * object and passes it to the helpers that fill it: routing.ts reads Request-URI and Route, targets.ts finds whom it is
 * for, admission.ts who sent it. What lies in spans is good as long as the message is.
 * Not here: the next hop of one branch (hop.ts).
 */
import { Span } from "../core/bytes.js";
import { Flow } from "../transaction/flow.js";
import type { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_ROUTE } from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import { Sender } from "./authenticator.js";
import { AOR_MAX_BYTES } from "./location.js";
import { FlowToken, RouteToken } from "./routetoken.js";
import { STRANGERS_BY_RULE } from "./users.js";

// Kinds of targets.
/** The URI has a scheme that this server does not speak. */
export const KIND_STRANGE = 0;
/** This server itself: the URI has a domain of ours and no user. */
export const KIND_SELF = 1;
/** A user of ours, whose address of record is in `aor`. */
export const KIND_USER = 2;
/** The URI has a domain of ours and a user that does not exist. */
export const KIND_NOBODY = 3;
/** The request goes on to `target`, along its own Route or by the number plan. */
export const KIND_ELSEWHERE = 4;

// What a Route says of the flow of a phone that registered through us.
export const FLOW_NONE = 0;
/** The token is genuine: the request goes to that phone. */
export const FLOW_NAMED = 1;
/** It is none of ours, or was changed. */
export const FLOW_FORGED = 2;

export class Route {
  /** Address and connection that the request came from. */
  readonly source = new Flow();
  readonly sender = new Sender();

  // Filled by Routing.readRoute.
  /** Request-URI and Route could be read. */
  isReadable = false;
  /** A Route value, or the Request-URI that a strict router moved there, cannot be read. */
  isBroken = false;
  /** The Request-URI as it was meant. */
  readonly uri = new Uri();
  /** Number of Route values, without a last one that was the Request-URI. */
  count = 0;
  /** Number of those values at the front that are ours and done with. */
  ownCount = 0;
  /**
   * The request came along our Record-Route, within the dialog that began with it, and goes to the other side of that
   * dialog.
   */
  isFollowed = false;
  /**
   * It may go on for that alone: its method belongs into dialogs, and the token has not expired or the request ends the
   * dialog.
   */
  isInDialog = false;
  /** What our Record-Route says, if `isFollowed`. */
  readonly token = new RouteToken();

  /** FLOW_*: what the last Route of ours says. */
  flowState = FLOW_NONE;
  /** The flow, if it is FLOW_NAMED. */
  readonly flowToken = new FlowToken();
  /** The server that sent the request along that flow is on our store, and has authenticated whom the request names. */
  isAsserted = false;

  // Filled by Targets.findTarget.
  /** KIND_* of the target. */
  kind = KIND_STRANGE;
  /** The URI the request goes on to. */
  readonly target = new Span();
  /** Address of record of a user of ours, over octets of this object. */
  readonly aor = new Span();
  readonly aorBytes = new Uint8Array(AOR_MAX_BYTES);
  /** The number plan gave the target, so the owner of the server wrote it. */
  isPlanned = false;
  /** STRANGERS_* of the user it is for. */
  strangers = STRANGERS_BY_RULE;

  // Filled by Admission.checkRequest.
  /** The server answers this request itself. */
  isForServer = false;
  /** Hash over everything that decides the way of the request; the branch of what is sent on begins with it. */
  loopHash = 0;

  /** Route values are left that lead beyond this server. */
  get hasRoute(): boolean {
    return this.count > this.ownCount;
  }

  /** The request goes over the flow of a phone, to that phone. */
  get isByFlow(): boolean {
    return this.flowState === FLOW_NAMED && !this.hasRoute;
  }

  /** Steps `list` to the first Route value that leads beyond this server. @returns whether there is one */
  toFirstRoute(m: Message, list: ValueList): boolean {
    if (!this.hasRoute) return false;
    list.beginField(m, HEADER_ROUTE);
    for (let i = 0; i <= this.ownCount; i++) if (!list.next()) return false;
    return true;
  }
}
