/** Why an INVITE session ended: what session.ts tells with the end, and the call adds to (ua/call.ts). */

/** We hung up, or gave up calling. */
export const CAUSE_LOCAL = 1;
/** They hung up. */
export const CAUSE_REMOTE = 2;
/** They gave up calling before we answered (CANCEL). */
export const CAUSE_CANCELLED = 3;
/** They answered with the status that is told. */
export const CAUSE_REFUSED = 4;
/** We answered with the status that is told. */
export const CAUSE_DECLINED = 5;
/** No final response came. */
export const CAUSE_TIMEOUT = 6;
/** The network would not carry it. */
export const CAUSE_NETWORK = 7;
/** The name of the next hop has no address. */
export const CAUSE_UNKNOWN_NAME = 8;
/** No offer and answer came together. */
export const CAUSE_NO_CODEC = 9;
/** Our 2xx was never acknowledged. */
export const CAUSE_NO_ACK = 10;
/** The other side did not refresh the session in time. RFC 4028 §10 */
export const CAUSE_EXPIRED = 11;
/** One of our pools is empty, or a message does not fit its buffer. */
export const CAUSE_NO_ROOM = 12;
/** Our INVITE, with what the server wants to be told, does not fit its buffer. */
export const CAUSE_TOO_LONG = 13;
