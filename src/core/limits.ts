/**
 * How much of everything there is. All of it is made at start and nothing grows later; when something is used up, the other
 * side gets a SIP answer (503, 486) or we say that there is no room. Each number stands with the reckoning behind it.
 */

export interface Limits {
  /** Calls at once, those included that only wait for late answers. */
  calls: number;
  /** Dialogs and drafts of all calls. */
  dialogs: number;
  /** Octets for the texts of a dialog: Call-ID, From, To, target, route set. */
  dialogBytes: number;
  /** Octets of our Contact URI. */
  contactBytes: number;
  clients: number;
  servers: number;
  transactionBytes: number;
  headerRows: number;
  streams: number;
  streamBytes: number;
  names: number;
  /** Timers of all layers together. */
  timers: number;
  t1Ms: number;
  t2Ms: number;
  t4Ms: number;
}

/** A door: one call and one that is just over, each over UDP or TCP. */
export const DOOR_LIMITS: Limits = {
  calls: 2,
  // For each call a draft, the fork that answers and one more that rings.
  dialogs: 6,
  dialogBytes: 1024,
  contactBytes: 96,
  // INVITE (kept 32 s after it ended), CANCEL or BYE for two calls, and REGISTER: 5; one to spare for PRACK or UPDATE.
  clients: 6,
  // INVITE (kept 32 s), BYE, INFO or OPTIONS for two calls, and two strangers.
  servers: 6,
  // An INVITE with credentials, two routes and a session description; a datagram of 1,500 octets holds no more.
  transactionBytes: 1536,
  headerRows: 64,
  streams: 2,
  streamBytes: 4096,
  names: 4,
  // Two for each transaction (24), three for each session (6), one for each call (2), four for its sound (8), one of the
  // registration, three of the door, two of the station: 46.
  timers: 48,
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};
