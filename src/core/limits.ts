/**
 * How much of everything there is. All of it is made at start and nothing grows later; when something is used up, the
 * other side gets a SIP answer (503, 486) or the door says that there is no room. Each number stands with its
 * reckoning. Sums of other numbers are computed here, and a test makes the fullest station of each board and finds
 * every pool exactly used.
 */

export interface Limits {
  /** Calls at once, those included that only wait for late answers. So many targets can ring together. */
  calls: number;
  /** Ports for sound, each with its stream. So many calls are heard at once. */
  lines: number;
  /** Phones the door can be the server of; 0 if there is no memory for that. */
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
  /** TCP connections, and how many of them others may open: one is always left for the door's own, to its server. */
  streams: number;
  incoming: number;
  /** Octets of the longest message that is received whole, by UDP and by TCP. */
  messageBytes: number;
  names: number;
  /** People with codes and cards of their own. */
  people: number;
  /** Entries of the log. */
  logEntries: number;
  /** Octets of the log that are kept over a restart: the youngest entries. */
  logBytes: number;
  /** Blocks of each of the journal's two rings (intercom/journal.ts). */
  journalBlocks: number;
  /** Octets for the SIP messages of the last call. */
  traceBytes: number;
  traceMessageBytes: number;
  /** The event about the sound of a call is repeated after this time if nothing has changed, ms. */
  soundToldMs: number;
  /** Timers of all layers together, with every input there can be; a board with fewer inputs makes fewer. */
  timers: number;
  t1Ms: number;
  t2Ms: number;
  t4Ms: number;
}

/** The settings name so many phones (settings/schema.ts). */
export const PHONES_MOST = 8;

// How many timers each of these makes. They stand here and not with those who make them, because core imports nothing
// and a sum that is read beside its parts is checked by eye; test/intercom/fullest.test.ts makes the fullest station of
// each board and finds every timer used.
export const TRANSACTION_TIMERS = 2;
const SESSION_TIMERS = 3;
const CALL_TIMERS = 1;
/** Timers of a stream of sound (media/stream.ts). */
export const LINE_TIMERS = 3;
const SUBSCRIPTION_TIMERS = 1;
/**
 * The registration's own timer, that of the questions to servers that are down, and that of the questions how others
 * see us.
 */
const REGISTRATION_TIMERS = 3;
/**
 * A call that goes over to another phone has a timer for the hang-up of the first call, and one for the subscription of
 * the REFER's sender.
 */
const TRANSFER_TIMERS = 2;
/** The report of a call's sound (intercom/door.ts). */
const SOUND_REPORT_TIMERS = 1;
/** The wait before an automatic answer, the talk time, and the end after the door was opened (intercom/talktime.ts). */
const TALK_TIMERS = 3;
/**
 * The pause after the digits of a code, in a call and at the keypad, the time between card and code, and the locks of
 * codes (intercom/access.ts).
 */
const CODE_TIMERS = 4;
/** Two relays, and the door's contact (intercom/doorway.ts). */
const DOORWAY_TIMERS = 3;
/** The time of the alarm output (intercom/alarm.ts), and the next look at the relays' hours (intercom/openhours.ts). */
const ALARM_TIMERS = 1;
const HOURS_TIMERS = 1;
/** The next group, and the silence of the targets' server (intercom/ring.ts). */
const RING_TIMERS = 2;
const DOOR_TIMERS =
  SOUND_REPORT_TIMERS + TALK_TIMERS + CODE_TIMERS + DOORWAY_TIMERS + ALARM_TIMERS + HOURS_TIMERS + RING_TIMERS;
/** The station's log, and the minute of its test of loudspeaker and microphone. */
const STATION_TIMERS = 2;
/** Buttons, the button inside and the contacts of door and housing have one timer each. */
export const INPUTS_MOST = 7;

/** The counts that the sums below are computed from. */
type Counts = Pick<Limits, "calls" | "lines" | "subscriptions" | "clients" | "servers">;

/** @param isServer whether the house's server runs: its proxy has one more timer for each server transaction */
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
 * Client transactions that may run at once: an INVITE for each call, a NOTIFY for each phone that watches, and a
 * REGISTER. The NOTIFY of a transfer takes the place of the call that is moved, whose INVITE is done. A CANCEL needs no
 * place of its own: a transaction that only waits for repetitions, or a farewell that needs no answer, makes room.
 */
function clientsOf(calls: number, lines: number, subscriptions: number): number {
  return calls + subscriptions + 1 + besides(lines);
}

/**
 * Each call needs the draft of its INVITE and the fork that answers; other forks that ring are kept as far as there is
 * room.
 */
function dialogsOf(calls: number, lines: number): number {
  return 2 * calls + besides(lines);
}

/** A call on a further line goes on beside the ring: it needs room for changes in it, and for its end. */
function besides(lines: number): number {
  return 2 * (lines - 1);
}

// The counts of the two kinds of boards.
const DOOR_COUNTS = {
  // One call, and one that is just over or rings beside it.
  calls: 2,
  lines: 1,
  // One lamp; each further one takes 2 KB.
  subscriptions: 1,
  clients: clientsOf(2, 1, 1),
  // The INVITE of an incoming call, a stranger's request, and one that is kept free for requests of known dialogs.
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
  // An INVITE with credentials, two routes and a session description fits; a datagram of 1,500 octets holds no more.
  transactionBytes: 1536,
  // An INVITE that came through four proxies has about thirty.
  headerRows: 40,
  streams: 2,
  incoming: 1,
  // This is more than a packet of 1,500 octets holds, so more than UDP brings in one piece.
  messageBytes: 2048,
  // Three proxies and one that is called directly.
  names: 4,
  // In memory 20 octets each, in flash 320 at most.
  people: 50,
  logEntries: 24,
  // The log is kept twice beside the settings, in 24 KB of flash; one text takes a page of 4,000 octets at most.
  logBytes: 1900,
  // About 500 entries: one that opens has 40 octets, one of a call 80, and a block 600.
  journalBlocks: 24,
  // Twelve messages, each with its first line and some of the Via: a call has eight to twelve.
  traceBytes: 1152,
  traceMessageBytes: 80,
  // On a board each event makes garbage, and a collection during a call would be heard.
  soundToldMs: 60_000,
  timers: timersOf(DOOR_COUNTS),
  t1Ms: 500,
  t2Ms: 4000,
  t4Ms: 5000,
};

/**
 * A door on a board with PSRAM: eight targets ring together, two calls are heard, eight phones have it for their
 * server.
 */
export const ROOMY_LIMITS: Limits = {
  ...DOOR_LIMITS,
  ...ROOMY_COUNTS,
  phones: PHONES_MOST,
  people: 500,
  journalBlocks: 96,
  dialogs: dialogsOf(ROOMY_COUNTS.calls, ROOMY_COUNTS.lines),
  headerRows: 64,
  // The longest message of RFC 4475 has 3,515 octets.
  messageBytes: 3584,
  // Ten whole messages of a call.
  traceBytes: 16384,
  traceMessageBytes: 1536,
  timers: timersOf(ROOMY_COUNTS),
};

/** The same for a computer, which has room for a longer log. */
export const HOUSE_LIMITS: Limits = {
  ...ROOMY_LIMITS,
  logEntries: 200,
  logBytes: 40000,
  traceBytes: 65536,
  traceMessageBytes: 4096,
  soundToldMs: 5000,
};
