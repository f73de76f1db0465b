/**
 * The log of a door: its last events, with their time, kept over a restart. It has calls (the other side, the duration,
 * the reason of the end, the quality of the sound), openings, wrong codes, alarms, registration and restarts. It
 * listens to the door's events and passes them on. It writes seldom, since flash wears out, and not in a call, since
 * erasing flash stops the sound. So a power cut loses the last minute, or up to ten in a call. Digits and codes never
 * come here. Entries that do not fit go to the journal (journal.ts), if the board has one.
 *
 * Openings, wrong codes and passwords, and alarms each have a quarter of the room, which no other kind can take away.
 * Other kinds may use the rest of a quarter until its owner needs it. So no number of calls by a stranger pushes an
 * opening out. Refused calls have at most half of the last quarter when the log is full, and are written once an hour,
 * because anybody can cause many of them.
 */
import { utf8Length } from "../core/bytes.js";
import { CivilDate, DAY_S } from "../core/calendar.js";
import { escaped, printable } from "../core/printable.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { Record } from "../settings/record.js";
import { fieldText } from "./eventline.js";
import type { AnyFields, DoorEvents, EventFields, EventName, EventValues } from "./events.js";
import type { Journal, JournalEntry } from "./journal.js";

/** The time for which the log gathers entries before it writes. */
const WRITE_MS = 60_000;
/** The same time if there are only refused calls. */
const WRITE_REFUSED_MS = 3_600_000;
/** The longest time for which a call delays writing, from the first entry that is not written. */
const PUT_OFF_MS = 600_000;
/** The wait after a call, in which its sound ends. */
const AFTER_CALL_MS = 1000;
/** Characters of the longest entry; names that others chose may have any length. */
const ENTRY_MOST = 160;
/** Characters that are kept of the other side's name, so that there is room for the rest. */
const PEER_MOST = 80;
/** Characters that are kept of it in any case, since a reason may be of any length as well. */
const PEER_LEAST = 24;
/** Characters that stand around a name with blanks. */
const QUOTES = 2;
/** Entries of one answer that are read from the journal. */
const PAGE_ENTRIES = 40;
/** Separates the parts of an entry. */
const MARKS = ':;"\\';

// KIND_*: the kinds of entries that share the room.
/** Calls, registration, starts and errors of other kinds. */
const KIND_OTHER = 0;
const KIND_OPEN = 1;
const KIND_CODE = 2;
const KIND_ALARM = 3;
/** Calls that were refused. */
const KIND_REFUSED = 4;
const KINDS = 5;
const QUARTER = 4;
const REFUSED = "refused ";
/** Beginning of the event's value for a test of loudspeaker and microphone. */
const SELFTEST = "selftest ";
/** Beginning of the events' values for wrong codes and passwords. */
const WRONG = "wrong ";
export const CODE_WRONG = "wrong door code";
/** The value for a right code or card of a person who may not open now. */
export const ACCESS_REFUSED = "access refused";
export const CARD_UNKNOWN = "unknown card";
export const CODES_LOCKED = "door codes are locked";
export const PASSWORD_WRONG = "wrong console password";
/** The value of the event that a logged-in user read the passwords and codes. */
export const SECRETS_READ = "secrets read";

/** Stands for entries that wait for a journal where there is none. */
const NO_ENTRIES: string[] = [];

// Scratch for the time of one function call.
const date = new CivilDate();

export interface LogClock {
  /** @returns s since 1970 in UTC, 0 while it is not known */
  epochS(): number;
  /** A call is under way, so flash is not written. */
  isInCall(): boolean;
}

export interface LogOptions {
  /** Takes the events after the log. */
  next: DoorEvents;
  timers: Timers;
  clock: LogClock;
  record: Record;
  mostEntries: number;
  /** Octets that are kept over a restart. */
  mostBytes: number;
  /** Keeps the entries that do not fit here; null if the board has no journal. */
  journal?: Journal | null;
}

export const LOG_TIMERS = 1;

export class Log implements DoorEvents, TimerUser {
  private readonly next: DoorEvents;
  private readonly timers: Timers;
  private readonly clock: LogClock;
  private readonly record: Record;
  private readonly most: number;
  private readonly mostBytes: number;
  private readonly timer: number;
  private readonly startMs: number;
  /** The time of the first entry that is not written, ms. */
  private unwrittenMs = 0;
  private isPutOff = false;
  /**
   * Entries, the oldest first, each "TIME NAME TEXT". TIME is s since 1970 or, while that is not known, the negative of
   * s since the start.
   */
  private readonly entries: string[] = [];
  private readonly journal: Journal | null;
  /** Entries that the journal does not have yet. Entries that repeat are here once, as the first one. */
  private fresh = NO_ENTRIES;
  /** For each kind, the number of times that its last entry happened in a row. */
  private readonly repeats: number[] = [1, 1, 1, 1, 1];
  // These describe the call that is under way.
  private direction = "";
  private peer = "";
  private sound = "";
  private problem = "";
  private registration = "";
  /** The same of the second account; it exists only after that account was told of. */
  declare private secondRegistration?: string;

  constructor(options: LogOptions) {
    const { timers } = options;
    this.next = options.next;
    this.timers = timers;
    this.clock = options.clock;
    this.record = options.record;
    this.most = options.mostEntries;
    this.mostBytes = options.mostBytes;
    this.journal = options.journal ?? null;
    this.timer = timers.make(this, 0);
    this.startMs = timers.nowMs;
  }

  /** Reads the log that was kept. A store that cannot be read gives an empty log. */
  load(): void {
    const kept = this.record.read();
    const lines = kept === null ? [] : kept.split("\n");
    for (let i = 0; i < lines.length; i++) if (lines[i] !== "") this.push(lines[i]);
    this.journal?.open();
    // The journal is younger than the log that is kept.
    if (this.journal !== null) this.fresh = this.journal.last < 0 ? this.entries.slice() : [];
    this.add("start");
  }

  event<N extends EventName>(name: N, value: EventValues[N], fields: EventFields[N]): void {
    const entry = this.takeEvent(name, value, fields);
    if (entry !== "") this.add(entry);
    if (this.isPutOff && name === "call" && value === "ended") this.timers.start(this.timer, AFTER_CALL_MS);
    this.next.event(name, value, fields);
  }

  /**
   * @param name only entries of that name; "": all @param sinceS only those from that time on @returns lines for a
   * person, the oldest first
   */
  text(name: string, sinceS = 0): string {
    let out = "";
    for (let i = 0; i < this.entries.length; i++) out += lineOf(this.entries[i], name, sinceS);
    return out;
  }

  /**
   * Reads the next page of the journal, since a board has no memory for all of it.
   * @param sinceS only those from that time on @param after the number of the last entry before the page, -1 at first
   * @returns lines for a person, and the number of the page's last entry, -1 at the end; null where there is no journal
   */
  page(name: string, sinceS: number, after: number): { text: string; after: number } | null {
    const { journal } = this;
    if (journal === null || journal.last < 0) return null;
    let count = 0;
    const page = { text: "", after: -1 };
    let last = after;
    journal.read(after, (entry) => {
      if (count === PAGE_ENTRIES) {
        page.after = last;
        return false;
      }
      last = entry.number;
      const line = lineOf(entry.text, name, sinceS);
      page.text += line;
      if (line !== "") count += 1;
      return true;
    });
    // These entries are not written yet.
    if (page.after < 0) for (let i = 0; i < this.fresh.length; i++) page.text += lineOf(this.fresh[i], name, sinceS);
    return page;
  }

  onTimer(): void {
    const leftMs = this.unwrittenMs + PUT_OFF_MS - this.timers.nowMs;
    this.isPutOff = leftMs > 0 && this.clock.isInCall();
    if (this.isPutOff) this.timers.start(this.timer, leftMs);
    else this.write();
  }

  /** Writes all entries at once, because the machine is about to stop. */
  flush(): void {
    if (!this.timers.running(this.timer)) return;
    this.timers.stop(this.timer);
    this.isPutOff = false;
    this.write();
  }

  private write(): void {
    this.writeJournal();
    try {
      const isKept = this.youngest();
      let out = "";
      for (let i = 0; i < this.entries.length; i++) if (isKept[i]) out += (out === "" ? "" : "\n") + this.entries[i];
      // This also replaces the log of a newer firmware, because new entries matter more.
      this.record.write(out, true);
    } catch {
      // The door goes on without the store; the log is still in memory.
    }
  }

  private writeJournal(): void {
    const { journal, fresh } = this;
    if (journal === null || fresh.length === 0) return;
    const openings: JournalEntry[] = [];
    const others: JournalEntry[] = [];
    for (let i = 0, number = journal.last + 1; i < fresh.length; i++, number++) {
      const kind = kindOf(fresh[i]);
      const isOpening = kind === KIND_OPEN || kind === KIND_CODE || kind === KIND_ALARM;
      (isOpening ? openings : others).push({ number, text: fresh[i] });
    }
    this.fresh = [];
    this.addToJournal(journal, true, openings);
    this.addToJournal(journal, false, others);
  }

  /** Entries that could not be written are tried again with the next ones, as far as memory has room. */
  private addToJournal(journal: Journal, isOpening: boolean, entries: readonly JournalEntry[]): void {
    try {
      journal.add(isOpening, entries);
    } catch {
      for (let i = 0; i < entries.length; i++) this.fresh.push(entries[i].text);
    }
  }

  /**
   * @returns the entries that fit into the store: of each kind the youngest within its share, then the youngest of all
   */
  private youngest(): boolean[] {
    const { entries } = this;
    const isKept: boolean[] = [];
    const shares: number[] = [];
    for (let i = 0; i < entries.length; i++) isKept.push(false);
    for (let kind = 0; kind < KINDS; kind++) shares.push(shareOf(kind, this.mostBytes));
    let left = this.mostBytes;
    for (let i = entries.length - 1; i >= 0; i--) {
      const kind = kindOf(entries[i]);
      const size = utf8Length(entries[i]) + 1;
      if (size > shares[kind]) shares[kind] = 0;
      else {
        isKept[i] = true;
        shares[kind] -= size;
        left -= size;
      }
    }
    for (let i = entries.length - 1; i >= 0; i--) {
      if (isKept[i] || kindOf(entries[i]) === KIND_REFUSED) continue;
      left -= utf8Length(entries[i]) + 1;
      if (left < 0) break;
      isKept[i] = true;
    }
    return isKept;
  }

  /**
   * Keeps what later entries need of an event. @returns the entry that it makes, which begins with a name; "": none.
   * `event` itself adds it, since events come from deep in the stack, whose size is memory.
   */
  private takeEvent(name: EventName, value: string, fields: AnyFields): string {
    switch (name) {
      case "call":
        return this.takeCall(value, fields);
      case "audio":
        if (value.slice(0, SELFTEST.length) === SELFTEST) return name + " " + value;
        this.sound =
          value +
          ", lost " +
          textOf(fields.lost) +
          ", late " +
          textOf(fields.late) +
          ", jitter " +
          textOf(fields.jitter) +
          " ms";
        if (fields.problem !== undefined) this.problem = "; " + textOf(fields.problem);
        return "";
      case "sound":
        return value === "moved" ? "sound from " + textOf(fields.address) : "";
      case "config":
        return value === SECRETS_READ ? "config " + SECRETS_READ : "";
      case "people": {
        const name = textOf(fields.name);
        return "people " + (name === "" ? value : value + ": " + fieldText(name));
      }
      case "relay":
        return value === "on" ? "open relay " + textOf(fields.relay) + ": " + textOf(fields.reason) : "";
      case "transfer":
        return this.takeTransfer(value, fields);
      case "door":
        return value === "forced" || value === "left-open" ? "door " + value : "";
      case "tamper":
        return "tamper " + value;
      case "alarm":
        return "alarm " + (value === "on" ? "on: " + textOf(fields.reason) : value);
      case "register": {
        // A refresh of the registration makes no entry.
        const state = value === "failed" ? "failed: " + textOf(fields.reason) : value;
        if (value === "registering" || value === "binding" || state === this.registration) return "";
        this.registration = state;
        return "register " + state;
      }
      case "register2": {
        const state = value === "failed" ? "failed: " + textOf(fields.reason) : value;
        if (value === "registering" || state === this.secondRegistration) return "";
        this.secondRegistration = state;
        return "register second account " + state;
      }
      case "error": {
        const by = textOf(fields.by);
        const address = textOf(fields.address);
        const person = textOf(fields.person);
        const who = person === "" ? "" : ": " + fieldText(person) + ", " + textOf(fields.why);
        return "error " + value + who + (by === "" ? "" : ", by " + by) + (address === "" ? "" : ", from " + address);
      }
      default:
        return "";
    }
  }

  private takeCall(value: string, fields: AnyFields): string {
    const peer = textOf(fields.peer);
    if (value === "refused") {
      // The event is not about the call that is under way.
      const untold = textOf(fields.untold);
      const others = untold === "" ? "" : "; and " + untold + " others";
      return entryOf("call " + REFUSED, peer, ": " + reasonText(textOf(fields.reason)) + others);
    }
    if (peer !== "") this.peer = peer;
    this.direction = textOf(fields.direction);
    if (value === "calling" || (value === "ringing" && this.direction === "in")) this.sound = this.problem = "";
    if (value !== "ended") return "";
    const seconds = textOf(fields.duration);
    const answered = seconds !== "" && seconds !== "0" ? seconds + " s, " : "";
    const sound = this.sound === "" ? "" : "; sound " + this.sound + this.problem;
    const rest = ": " + answered + reasonText(textOf(fields.reason)) + sound;
    const entry = entryOf("call " + this.direction + " ", this.peer, rest);
    this.peer = this.sound = this.problem = "";
    return entry;
  }

  /** A call that goes on with another phone has an entry for each of them. */
  private takeTransfer(value: string, fields: AnyFields): string {
    const peer = peerText(textOf(fields.peer));
    const reason = reasonText(textOf(fields.reason));
    switch (value) {
      case "refused":
        return "transfer to " + peer + " refused: " + reason;
      case "failed":
        return "transfer to " + peer + " failed: " + reason;
      case "done":
      case "picked-up":
      case "waiting": {
        const seconds = textOf(fields.duration);
        const talked = seconds === "" || seconds === "0" ? "" : seconds + " s, ";
        const what = value === "picked-up" ? "picked up by " : value === "done" ? "moved to " : "left to ";
        // The phone that the call left has its entry already.
        const entry = seconds === "" ? "" : "call " + this.direction + " " + peerText(this.peer) + ": " + talked + what;
        this.direction = textOf(fields.direction);
        this.peer = textOf(fields.peer);
        return entry === "" ? "" : entry + peer;
      }
      default:
        return "";
    }
  }

  /** @param what the name of the entry, and its text */
  private add(what: string): void {
    const epochS = this.clock.epochS();
    const timeS = epochS > 0 ? epochS : -Math.round((this.timers.nowMs - this.startMs) / 1000);
    const rest = printable(what.slice(0, ENTRY_MOST));
    const entry = timeS + " " + rest;
    const kind = kindOf(entry);
    let last = this.entries.length - 1;
    while (last >= 0 && kindOf(this.entries[last]) !== kind) last -= 1;
    const before = last < 0 ? "" : this.entries[last].slice(this.entries[last].indexOf(" ") + 1);
    const isSame = before === rest || before === rest + times(this.repeats[kind]);
    // A repeated error is one entry with a count, so that it does not push out all others. Each opening is an entry of
    // its own.
    if (isSame && kind !== KIND_OPEN && kind !== KIND_ALARM) {
      this.repeats[kind] += 1;
      this.entries.splice(last, 1);
      this.push(entry + times(this.repeats[kind]));
    } else {
      this.repeats[kind] = 1;
      this.push(entry);
      // Anybody can cause many refused calls.
      if (this.journal !== null && kind !== KIND_REFUSED) this.fresh.push(entry);
      if (this.fresh.length > this.most) this.fresh.shift();
    }
    const waitMs = kind === KIND_REFUSED ? WRITE_REFUSED_MS : WRITE_MS;
    if (this.timers.running(this.timer) && (this.isPutOff || this.timers.remaining(this.timer) <= waitMs)) return;
    this.unwrittenMs = this.timers.nowMs;
    this.timers.start(this.timer, waitMs);
  }

  private push(entry: string): void {
    if (this.entries.length === this.most) this.makeRoom(kindOf(entry));
    this.entries.push(entry);
  }

  /** Forgets the oldest entry of a kind that has more than its share. @param next the kind that needs room */
  private makeRoom(next: number): void {
    const counts: number[] = [];
    for (let kind = 0; kind < KINDS; kind++) counts.push(kind === next ? 1 : 0);
    for (let i = 0; i < this.entries.length; i++) counts[kindOf(this.entries[i])] += 1;
    const { entries } = this;
    let oldest = 0;
    // Refused calls go first, as soon as they have more than their share.
    const isRefused = counts[KIND_REFUSED] > shareOf(KIND_REFUSED, this.most);
    while (oldest < entries.length - 1) {
      const kind = kindOf(entries[oldest]);
      if (isRefused ? kind === KIND_REFUSED : counts[kind] > shareOf(kind, this.most)) break;
      oldest += 1;
    }
    this.entries.splice(oldest, 1);
  }
}

/** @returns an entry as a line for a person; "" when it has another name, or is older */
function lineOf(entry: string, name: string, sinceS: number): string {
  const space = entry.indexOf(" ");
  const rest = entry.slice(space + 1);
  const timeS = Number(entry.slice(0, space));
  // An unknown time may have been any time, so such an entry stays.
  if (timeS > 0 && timeS < sinceS) return "";
  return name === "" || begins(rest, name + " ") ? timeText(timeS) + " " + rest + "\n" : "";
}

/** @returns the share of `whole` that is kept for that kind */
function shareOf(kind: number, whole: number): number {
  const quarter = Math.floor(whole / QUARTER);
  return kind === KIND_OTHER || kind === KIND_REFUSED ? Math.max(1, quarter >> 1) : quarter;
}

function times(count: number): string {
  return " (" + count + " times)";
}

/** @returns KIND_* of an entry */
function kindOf(entry: string): number {
  const rest = entry.slice(entry.indexOf(" ") + 1);
  if (begins(rest, "open ")) return KIND_OPEN;
  if (begins(rest, "door ") || begins(rest, "tamper ") || begins(rest, "alarm ")) return KIND_ALARM;
  if (begins(rest, "call " + REFUSED)) return KIND_REFUSED;
  if (!begins(rest, "error ")) return KIND_OTHER;
  const said = rest.slice(6);
  const isCode =
    begins(said, WRONG) || begins(said, CODES_LOCKED) || begins(said, ACCESS_REFUSED) || begins(said, CARD_UNKNOWN);
  return isCode ? KIND_CODE : KIND_OTHER;
}

function begins(text: string, start: string): boolean {
  return text.slice(0, start.length) === start;
}

/** Cuts the name of the other side, so that the rest of the line has room. */
function peerText(peer: string, most = PEER_MOST): string {
  return fieldText(peer.length > most ? peer.slice(0, most) : peer);
}

/** @returns an entry in which a long peer is cut rather than the text behind it, which says what to do */
function entryOf(before: string, peer: string, behind: string): string {
  const room = ENTRY_MOST - before.length - behind.length - QUOTES;
  return before + peerText(peer, Math.max(PEER_LEAST, Math.min(PEER_MOST, room))) + behind;
}

/** Puts another side's reason phrase in quotes if it contains separators of the line. */
function reasonText(reason: string): string {
  for (let i = 0; i < reason.length; i++) if (MARKS.indexOf(reason.charAt(i)) >= 0) return '"' + escaped(reason) + '"';
  return reason;
}

/** @returns a field as text, "" when there is none */
function textOf(field: string | number | undefined): string {
  return field === undefined ? "" : "" + field;
}

/** Writes a time as `2026-11-23 09:26:18Z`, or as `+12 s` since a start whose time was not known. */
function timeText(timeS: number): string {
  if (!(timeS > 0)) return "+" + -timeS + " s";
  const second = timeS % DAY_S;
  date.set(Math.floor(timeS / DAY_S));
  const day = date.year + "-" + two(date.month) + "-" + two(date.day);
  return (
    day + " " + two(Math.floor(second / 3600)) + ":" + two(Math.floor(second / 60) % 60) + ":" + two(second % 60) + "Z"
  );
}

function two(value: number): string {
  return value < 10 ? "0" + value : "" + value;
}
