/**
 * How much of everything there is. All of it is made at start and nothing grows later; when something is used up, the other
 * side gets a SIP answer (503, 486) or we say that there is no room. Each number stands with the reckoning behind it; what is a sum of
 * others is reckoned here, and a test makes the fullest station of each board and finds it exactly used.
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
  /** Octets of the longest message that is taken whole, by UDP and by TCP. */
  messageBytes: number;
  names: number;
  /** Entries of the log. */
  logEntries: number;
  /** Octets of it that are kept over a restart: the youngest entries. */
  logBytes: number;
  /** Octets for the SIP messages of the last call, and how many of each are kept. */
  traceBytes: number;
  traceMessageBytes: number;
  /** How often the sound of a call is told when nothing about it has changed, ms. */
  soundToldMs: number;
  /** Timers of all layers together, with every input there can be; a board with fewer makes fewer. */
  timers: number;
  t1Ms: number;
  t2Ms: number;
  t4Ms: number;
}

/** How many timers each of these makes. */
const TRANSACTION_TIMERS = 2;
const SESSION_TIMERS = 3;
const CALL_TIMERS = 1;
/** Timers of a stream of sound (media/stream.ts). */
export const LINE_TIMERS = 3;
const SUBSCRIPTION_TIMERS = 1;
const REGISTRATION_TIMERS = 1;
/** A call that goes over to another phone: how long the first has to hang up, and the subscription of the one that asked. */
const TRANSFER_TIMERS = 2;
/** The door: its audio report, the call's own times, codes and their lock, relays and the door's contact, the ring. */
const DOOR_TIMERS = 1 + 3 + 2 + 3 + 2;
/** The station's log. */
const STATION_TIMERS = 1;
/** Buttons, the button inside and the door's contact, one timer each. */
export const INPUTS_MOST = 6;

/** What sums are made of. */
type Counts = Pick<Limits, "calls" | "lines" | "subscriptions" | "clients" | "servers">;

/** @param isServer the proxy of the door's phones has one more for each server transaction */
export function timersOf(counts: Counts, isServer = false): number {
  const { calls, lines, subscriptions, clients, servers } = counts;
  return (
    TRANSACTION_TIMERS * (clients + servers) +
    (isServer ? servers : 0) +
    (SESSION_TIMERS + CALL_TIMERS) * calls +
    LINE_TIMERS * lines +
    SUBSCRIPTION_TIMERS * subscriptions +
    REGISTRATION_TIMERS +
    TRANSFER_TIMERS +
    DOOR_TIMERS +
    STATION_TIMERS +
    INPUTS_MOST
  );
}

/**
 * Our own requests that may be under way at once: an INVITE for each call, a NOTIFY for each phone that watches, and a REGISTER. The NOTIFY of
 * a transfer has the place of the call that is moved, whose INVITE is done. A CANCEL needs none of its own, and what only waits for repetitions, or is a farewell that nobody answers, makes room.
 */
function clientsOf(calls: number, lines: number, subscriptions: number): number {
  return calls + subscriptions + 1 + besides(lines);
}

/** For each call the draft of its INVITE, and the fork that answers; others that ring are kept as far as there is room. */
function dialogsOf(calls: number, lines: number): number {
  return 2 * calls + besides(lines);
}

/** A call on a further line goes on beside all that rings: what is changed in it, and its end. */
function besides(lines: number): number {
  return 2 * (lines - 1);
}

// What the kinds of boards have.
const DOOR_COUNTS = {
  // One call and one that is just over or rings beside it.
  calls: 2,
  lines: 1,
  // One lamp; each more takes 2 KB.
  subscriptions: 1,
  clients: clientsOf(2, 1, 1),
  // The INVITE of a call that comes, a stranger's request, and one that is kept for requests of dialogs that are known.
  servers: 3,
};
const ROOMY_COUNTS = {
  // Eight targets ring together beside the call that is just over.
  calls: 9,
  lines: 2,
  subscriptions: 8,
  clients: clientsOf(9, 2, 8),
  servers: 8,
};

/** A door on a plain board. */
export const DOOR_LIMITS: Limits = {
  ...DOOR_COUNTS,
  phones: 0,
  dialogs: dialogsOf(DOOR_COUNTS.calls, DOOR_COUNTS.lines),
  dialogBytes: 1024,
  // `sip:`, a user name of 200 octets, the longest address and port, `;transport=tcp`.
  contactBytes: 4 + 200 + 1 + 21 + 14,
  // An INVITE with credentials, two routes and a session description; a datagram of 1,500 octets holds no more.
  transactionBytes: 1536,
  // An INVITE that came through four proxies has about thirty.
  headerRows: 40,
  streams: 2,
  // More than a packet of 1,500 octets holds, which is what comes by UDP in one piece.
  messageBytes: 2048,
  // The server's and the proxy's.
  names: 2,
  logEntries: 24,
  // Twice, beside the settings, in 24 KB of flash of which a text takes a page of 4,000 at most.
  logBytes: 1900,
  // Twelve messages, of each the first line and some of the Via: a call has eight to twelve.
  traceBytes: 1152,
  traceMessageBytes: 80,
  // On a board each event that is told makes garbage: a collection in a call would be heard.
  soundToldMs: 60_000,
  timers: timersOf(DOOR_COUNTS),
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};

/** A door on a board with PSRAM: eight targets ring together, two calls are heard, eight phones have it for their server. */
export const ROOMY_LIMITS: Limits = {
  ...DOOR_LIMITS,
  ...ROOMY_COUNTS,
  phones: 8,
  dialogs: dialogsOf(ROOMY_COUNTS.calls, ROOMY_COUNTS.lines),
  headerRows: 64,
  // The longest message of RFC 4475 has 3,515 octets.
  messageBytes: 3584,
  // Ten messages of a call as they were.
  traceBytes: 16384,
  traceMessageBytes: 1536,
  timers: timersOf(ROOMY_COUNTS),
};

/** The same on a computer, which has room for a longer log. */
export const HOUSE_LIMITS: Limits = {
  ...ROOMY_LIMITS,
  logEntries: 200,
  logBytes: 40000,
  traceBytes: 65536,
  traceMessageBytes: 4096,
  soundToldMs: 5000,
};
