/**
 * How much of everything there is. All of it is made at start and nothing grows later; when something is used up, the other
 * side gets a SIP answer (503, 486) or we say that there is no room. Each number stands with the reckoning behind it.
 */

export interface Limits {
  /** Calls at once, those included that only wait for late answers: so many ring together. */
  calls: number;
  /** Ports for sound, each with its stream: so many calls are heard at once. */
  lines: number;
  /** Phones the door can be the server of; 0: there is no memory for that. */
  phones: number;
  /** Dialogs and drafts of all calls. */
  dialogs: number;
  /** Phones that watch the door's state. */
  subscriptions: number;
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
  /** Entries of the log. */
  logEntries: number;
  /** Octets of it that are kept over a restart: the youngest entries. */
  logBytes: number;
  /** Octets for the SIP messages of the last call, and how many of each are kept. */
  traceBytes: number;
  traceMessageBytes: number;
  /** Timers of all layers together. */
  timers: number;
  t1Ms: number;
  t2Ms: number;
  t4Ms: number;
}

/** A door: one call and one that is just over or rings beside it, each over UDP or TCP. */
export const DOOR_LIMITS: Limits = {
  calls: 2,
  lines: 1,
  phones: 0,
  // A draft, the fork that answers and one more that rings; and the call that is just over, whose late 2xx still finds its draft.
  dialogs: 4,
  // One lamp; each more takes 2 KB.
  subscriptions: 1,
  dialogBytes: 1024,
  contactBytes: 96,
  // INVITE, CANCEL or BYE, REGISTER, and one to spare for PRACK or UPDATE. What only waits for repetitions makes room.
  clients: 4,
  // INVITE, BYE, INFO or OPTIONS, and two strangers. What only waits for repetitions makes room.
  servers: 4,
  // An INVITE with credentials, two routes and a session description; a datagram of 1,500 octets holds no more.
  transactionBytes: 1536,
  headerRows: 64,
  streams: 2,
  // The longest message of RFC 4475 has 3,515 octets.
  streamBytes: 3584,
  // The server's and the proxy's.
  names: 2,
  logEntries: 24,
  // Twice, beside the settings, in 24 KB of flash of which a text takes a page of 4,000 at most.
  logBytes: 1900,
  // Fourteen messages, of each the first lines: a call has eight to twelve.
  traceBytes: 2048,
  traceMessageBytes: 128,
  // Two for each transaction (16), three for each session (6), one for each call (2), four for the line's sound (4), one
  // of the registration, four of the door, two of its ring, five of its relays, contact, codes and their lock, seven of
  // the station, one of the log, one of the subscription: 49.
  timers: 49,
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};

/** A door on a board with PSRAM: eight targets ring together, two calls are heard, eight phones have it for their server. */
export const ROOMY_LIMITS: Limits = {
  ...DOOR_LIMITS,
  calls: 9,
  lines: 2,
  phones: 8,
  dialogs: 20,
  subscriptions: 8,
  clients: 20,
  servers: 8,
  // Ten messages of a call as they were.
  traceBytes: 16384,
  traceMessageBytes: 1536,
  // 56 of transactions, 36 of calls, 8 of lines, 19 others, 8 of subscriptions: 127.
  timers: 128,
};

/** The same on a computer, which has room for a longer log. */
export const HOUSE_LIMITS: Limits = {
  ...ROOMY_LIMITS,
  logEntries: 200,
  logBytes: 40000,
  traceBytes: 65536,
  traceMessageBytes: 4096,
};
