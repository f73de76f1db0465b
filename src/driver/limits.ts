/**
 * The limits of each kind of board. Each number stands with its reckoning; sums of other numbers are computed from the
 * counts that their users export, and a test makes the fullest station of each board and finds every pool exactly used
 * (test/intercom/fullest.test.ts).
 * Not here: what each limit means (core/limits.ts).
 */
import { DIALOG_BYTES, type Limits, PHONES_MOST, TRANSACTION_BYTES } from "../core/limits.js";
import { doorTimers } from "../intercom/counts.js";
import { LOG_TIMERS } from "../intercom/log.js";
import { clientsOf, dialogsOf } from "../ua/counts.js";
import { CONTACT_TIMERS, INPUTS } from "./contact.js";
import { SELF_CHECK_TIMERS } from "./selfcheck.js";

/**
 * @param isServer whether the house's server runs
 * @returns the timers of all layers together, with every input there can be; a board with fewer inputs makes fewer
 */
export function stationTimers(limits: Limits, isServer = false): number {
  return doorTimers(limits, isServer) + LOG_TIMERS + SELF_CHECK_TIMERS + CONTACT_TIMERS * INPUTS.length;
}

// The counts of the two kinds of boards.
const DOOR_COUNTS = {
  // One call, and one that is just over or rings beside it.
  calls: 2,
  lines: 1,
  // One lamp; each further one takes 2 KB.
  subscriptions: 1,
  clients: clientsOf({ calls: 2, lines: 1, subscriptions: 1 }),
  // The INVITE of an incoming call, a stranger's request, and one that is kept free for requests of known dialogs.
  servers: 3,
};
const ROOMY_COUNTS = {
  // Eight targets ring together beside the call that is just over.
  calls: 9,
  lines: 2,
  subscriptions: 8,
  clients: clientsOf({ calls: 9, lines: 2, subscriptions: 8 }),
  servers: 8,
};

/** A door on a plain board. */
export const DOOR_LIMITS: Limits = {
  ...DOOR_COUNTS,
  phones: 0,
  dialogs: dialogsOf(DOOR_COUNTS),
  dialogBytes: DIALOG_BYTES,
  // `sip:`, a user name of 200 octets, the longest address and port, `;transport=tcp`.
  contactBytes: 4 + 200 + 1 + 21 + 14,
  transactionBytes: TRANSACTION_BYTES,
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
  dialogs: dialogsOf(ROOMY_COUNTS),
  headerRows: 64,
  // The longest message of RFC 4475 has 3,515 octets.
  messageBytes: 3584,
  // Ten whole messages of a call.
  traceBytes: 16384,
  traceMessageBytes: 1536,
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
