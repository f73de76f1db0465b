/**
 * How much of everything there is. All of it is made at start; when something is used up, the other side gets a SIP
 * answer (503, 486) or the door says that there is no room. The texts of a dialog, a call's description and our Contact
 * grow to the longest that had to be kept, up to these limits, and a board's memory has room for all of them.
 * Not here: the numbers of each board (driver/limits.ts), and how many timers each part makes (its own file; they are
 * added up in ua/counts.ts, intercom/counts.ts and driver/limits.ts).
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
  t1Ms: number;
  t2Ms: number;
  t4Ms: number;
}

/** The settings name so many phones (settings/schema.ts). */
export const PHONES_MOST = 8;

/**
 * Octets for the texts of a dialog, and for a request or the head of a response, on every board. An INVITE with
 * credentials, two routes and a session description fits; a datagram of 1,500 octets holds no more.
 */
export const DIALOG_BYTES = 1024;
export const TRANSACTION_BYTES = 1536;
