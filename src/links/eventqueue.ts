/**
 * The events that wait for the house's systems, in fixed memory. An event is kept once for all links, as its texts and
 * numbers, until each link that wants it has taken it; a link writes it in its own form when it sends it. So a server
 * that is away keeps no event from the other ones.
 *
 * When there is no room, the oldest of the least urgent events is dropped, since the youngest say how things are now.
 * An event drops no more urgent ones: what others can cause at will, as texts, pushes out neither openings nor alarms.
 * The queue counts by link the events that were dropped before the link had taken them. Not here: which link wants
 * which event (links.ts), the forms (syslog.ts, hook.ts, mqtt.ts).
 *
 *     size (2)  flags (1)  time (4)  number for each link (4 each)  name  value  { name of a field  its value }
 *
 * A text has its length in front, two octets, the high one first; the highest bit says that it is a number's.
 */
import { int32Array } from "../core/arrays.js";
import { bigEndianAt, pieceEnd, text, utf8Length } from "../core/bytes.js";
import { isPlain, putUtf8 } from "../core/octets.js";
import { DEBUG } from "./severity.js";

// The links, as bits of an event's flags.
export const FOR_SYSLOG = 1;
export const FOR_HOOK = 2;
export const FOR_MQTT = 4;
const LINKS: readonly number[] = [FOR_SYSLOG, FOR_HOOK, FOR_MQTT];
const FOR_ALL = FOR_SYSLOG | FOR_HOOK | FOR_MQTT;
/** Fields of the event were left out. */
const IS_CUT = 16;
/** The severity (severity.ts) lies in the highest bits. */
const SEVERITY_SHIFT = 5;

const QUEUE_BYTES = 2048;
const FLAGS_AT = 2;
const TIME_AT = 3;
const NUMBERS_AT = 7;
const NAME_AT = NUMBERS_AT + 4 * LINKS.length;
const LENGTH_BYTES = 2;
const IS_NUMBER = 0x8000;
/** The part of the queue that only events of level debug use, so that they pass while another link's server is away. */
const DEBUG_BYTES = 256;
/** The longest event; fields that do not fit are left out. */
const EVENT_BYTES = 1024;
/** Octets of the longest text, and the characters that are kept of a longer one that is not ASCII. */
const TEXT_BYTES = 600;
const OTHER_MOST = 150;
const DOTS = "...";
const ELLIPSIS = "\u2026";
/** The numbers of a link's events begin anew after it. RFC 5424 §7.3.1 */
const NUMBER_MOST = 2147483647;
const NOWHERE = -1;

export type QueuedFields = Readonly<Record<string, string | number>>;

export class EventQueue {
  private readonly bytes = new Uint8Array(QUEUE_BYTES);
  private used = 0;
  /** By link: the number of its youngest event, and how many were dropped before it took them. */
  private readonly numbers = int32Array(LINKS.length);
  private readonly drops = int32Array(LINKS.length);

  /**
   * Puts an event behind the others. @param wanted the links that want it, FOR_* @param timeS since 1970, 0 while that
   * is not known @returns the links that lost an event by it
   */
  put(name: string, value: string, fields: QueuedFields, wanted: number, severity: number, timeS: number): number {
    const isDebug = severity === DEBUG;
    const names = Object.keys(fields);
    let size = NAME_AT + sizeOf(name) + sizeOf(value);
    let kept = 0;
    for (; kept < names.length; kept++) {
      const more = sizeOf(names[kept]) + sizeOf(fields[names[kept]]);
      if (size + more > EVENT_BYTES) break;
      size += more;
    }
    for (let i = 0; i < LINKS.length; i++)
      if ((wanted & LINKS[i]) !== 0) this.numbers[i] = this.numbers[i] === NUMBER_MOST ? 1 : this.numbers[i] + 1;
    let losers = 0;
    while (this.used + size > (isDebug ? QUEUE_BYTES : QUEUE_BYTES - DEBUG_BYTES)) {
      const least = this.leastUrgent();
      if (least === NOWHERE || this.severity(least) < severity) return losers | this.countDrop(wanted);
      losers |= this.drop(least);
    }
    const { bytes, used: start } = this;
    bytes[start] = size >> 8;
    bytes[start + 1] = size & 255;
    bytes[start + FLAGS_AT] = wanted | (kept < names.length ? IS_CUT : 0) | (severity << SEVERITY_SHIFT);
    putNumber(bytes, start + TIME_AT, timeS);
    for (let i = 0; i < LINKS.length; i++) putNumber(bytes, start + NUMBERS_AT + 4 * i, this.numbers[i]);
    let at = putText(bytes, start + NAME_AT, name);
    at = putText(bytes, at, value);
    for (let i = 0; i < kept; i++) {
      at = putText(bytes, at, names[i]);
      at = putText(bytes, at, fields[names[i]]);
    }
    this.used = at;
    return losers;
  }

  /** @returns the place of the oldest event that the link has not taken, until the next change; -1 if there is none */
  oldest(link: number): number {
    return this.find(link);
  }

  /** The link has taken its oldest event, or gives it up. */
  take(link: number): void {
    const at = this.find(link);
    if (at !== NOWHERE) this.clear(at, link);
  }

  /** The link takes none of the events that wait for it. */
  forget(link: number): void {
    for (let at = this.find(link); at !== NOWHERE; at = this.find(link)) this.clear(at, link);
  }

  /** @returns how many events wait for the link */
  waiting(link: number): number {
    let count = 0;
    for (let at = 0; at < this.used; at += this.sizeAt(at)) if ((this.bytes[at + FLAGS_AT] & link) !== 0) count += 1;
    return count;
  }

  /** @returns how many events were dropped since the start before the link took them */
  dropped(link: number): number {
    return this.drops[LINKS.indexOf(link)];
  }

  // ---- an event, by its place ----

  /** @returns the event's number among those of the link, from 1 */
  number(at: number, link: number): number {
    return bigEndianAt(this.bytes, at + NUMBERS_AT + 4 * LINKS.indexOf(link));
  }

  /** @returns s since 1970 at which it happened, 0 if that was not known */
  timeS(at: number): number {
    return bigEndianAt(this.bytes, at + TIME_AT) >>> 0;
  }

  severity(at: number): number {
    return this.bytes[at + FLAGS_AT] >> SEVERITY_SHIFT;
  }

  name(at: number): string {
    return this.textAt(at + NAME_AT);
  }

  value(at: number): string {
    return this.textAt(this.behind(at + NAME_AT));
  }

  fields(at: number): QueuedFields {
    const { bytes } = this;
    const end = at + this.sizeAt(at);
    const fields: Record<string, string | number> = {};
    let next = this.behind(this.behind(at + NAME_AT));
    while (next < end) {
      const name = this.textAt(next);
      next = this.behind(next);
      const value = this.textAt(next);
      fields[name] = (bytes[next] & (IS_NUMBER >> 8)) === 0 ? value : Number(value);
      next = this.behind(next);
    }
    return fields;
  }

  /** @returns whether there was no room for all its fields */
  isCut(at: number): boolean {
    return (this.bytes[at + FLAGS_AT] & IS_CUT) !== 0;
  }

  private textAt(at: number): string {
    return text(this.bytes, at + LENGTH_BYTES, this.behind(at));
  }

  /** @returns the place behind a text */
  private behind(at: number): number {
    return at + LENGTH_BYTES + (((this.bytes[at] << 8) | this.bytes[at + 1]) & ~IS_NUMBER);
  }

  // ---- room ----

  private sizeAt(at: number): number {
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** @returns the place of the oldest event that has one of those flags, -1 if there is none */
  private find(flags: number): number {
    for (let at = 0; at < this.used; at += this.sizeAt(at)) if ((this.bytes[at + FLAGS_AT] & flags) !== 0) return at;
    return NOWHERE;
  }

  /** @returns the place of the oldest of the least urgent events, -1 if there is none */
  private leastUrgent(): number {
    let found = NOWHERE;
    for (let at = 0; at < this.used; at += this.sizeAt(at))
      if (found === NOWHERE || this.severity(at) > this.severity(found)) found = at;
    return found;
  }

  /** @returns the links that had not taken it */
  private drop(at: number): number {
    const losers = this.bytes[at + FLAGS_AT] & FOR_ALL;
    this.remove(at);
    return this.countDrop(losers);
  }

  /** @returns the links that lost an event */
  private countDrop(losers: number): number {
    for (let i = 0; i < LINKS.length; i++) if ((losers & LINKS[i]) !== 0) this.drops[i] += 1;
    return losers;
  }

  private clear(at: number, link: number): void {
    const { bytes } = this;
    bytes[at + FLAGS_AT] &= ~link;
    if ((bytes[at + FLAGS_AT] & FOR_ALL) === 0) this.remove(at);
  }

  private remove(at: number): void {
    const size = this.sizeAt(at);
    this.bytes.copyWithin(at, at + size, this.used);
    this.used -= size;
  }
}

/** @returns the text that is kept of a text or a number */
function keptText(value: string | number): string {
  if (typeof value === "number") return "" + value;
  const { length } = value;
  if (length <= OTHER_MOST || utf8Length(value) <= TEXT_BYTES) return value;
  if (isPlain(value)) return value.slice(0, TEXT_BYTES - DOTS.length) + DOTS;
  return value.slice(0, pieceEnd(value, 0, OTHER_MOST, length)) + ELLIPSIS;
}

function sizeOf(value: string | number): number {
  return LENGTH_BYTES + utf8Length(keptText(value));
}

/** Writes a text with its length in front. @returns the offset behind it */
function putText(bytes: Uint8Array, at: number, value: string | number): number {
  const end = putUtf8(bytes, at + LENGTH_BYTES, keptText(value));
  const length = (end - at - LENGTH_BYTES) | (typeof value === "number" ? IS_NUMBER : 0);
  bytes[at] = length >> 8;
  bytes[at + 1] = length & 255;
  return end;
}

function putNumber(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
