/**
 * Telephone-events (RFC 4733 §2), both ways: `EventReceiver` makes one digit of all the packets of an event, `EventSender` makes the
 * payloads of a queue of digits. Digits are the ASCII codes of 0-9, *, #, A-D; the other events (flash, tones) are nobody's here.
 * Not here: digits in INFO, digits heard in the sound itself, RTP headers and time (stream.ts).
 */
import { SAMPLES_PER_MS } from "./g711.js";
import { read16, write16 } from "./rtp.js";

/** Octets of one event. */
export const EVENT_SIZE = 4;
/** Events 0 to 15 as ASCII: 0123456789*#ABCD. */
const CODES = Uint8Array.of(48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 42, 35, 65, 66, 67, 68);
/** An event that begins no later than this (in ticks) before the last one is an old packet, not a new event. */
const OLD = 10 * 8000;
/** Power of what is sent, in -dBm0. */
const VOLUME = 10;
/** The last packet goes out so often. RFC 4733 §2.5.1.4 */
const END_PACKETS = 3;
/** Longest event that is sent; a longer one would have to be sent in segments. */
const LONGEST_MS = 8000;
/** Sound between two digits. */
const GAP_MS = 100;

/** @returns the event 0 to 15 of an ASCII digit, small a to d too; -1 when it is none */
export function eventOf(code: number): number {
  return CODES.indexOf(code >= 0x61 && code <= 0x64 ? code - 0x20 : code);
}

/** Who hears of a digit. */
export interface DigitUser {
  /** @param code ASCII @param durationMs as far as it was heard */
  onDigit(code: number, durationMs: number): void;
}

/**
 * One digit for one event. An event is known by its source and its timestamp, so the marker is not needed, and a packet of it that comes
 * late or again adds nothing. It is told when its end comes, or when the end is lost: with the next event, or by `finish`.
 */
export class EventReceiver {
  private readonly user: DigitUser;
  /** An event goes on: its begin has come, its end has not. */
  active = false;
  private event = 0;
  private ssrc = 0;
  private timestamp = 0;
  /** The longest duration that was told, in ticks; of its present segment, and of those before. */
  private duration = 0;
  private before = 0;
  /** Whether `ssrc` and `timestamp` mean something. */
  private known = false;

  constructor(user: DigitUser) {
    this.user = user;
  }

  reset(): void {
    this.active = false;
    this.known = false;
  }

  /** @param timestamp @param ssrc 32 bits, as signed integers @returns false when it is no event that can be read */
  packet(bytes: Uint8Array, start: number, end: number, ssrc: number, timestamp: number): boolean {
    if (end - start < EVENT_SIZE) return false;
    const event = bytes[start];
    const ended = (bytes[start + 1] & 0x80) !== 0;
    const duration = read16(bytes, start + 2);
    if (!this.known || ssrc !== this.ssrc) {
      this.finish();
      this.begin(event, ssrc, timestamp);
    } else if (timestamp !== this.timestamp) {
      const later = (timestamp - this.timestamp) | 0;
      if (later < 0 && later > -OLD) return true;
      // A long event goes on under another timestamp: where its last segment stopped. RFC 4733 §2.5.1.3
      if (this.active && event === this.event && this.duration > 0 && later === this.duration) {
        this.before += this.duration;
        this.timestamp = timestamp;
        this.duration = 0;
      } else {
        this.finish();
        this.begin(event, ssrc, timestamp);
      }
    } else if (!this.active || event !== this.event) return true;
    if (duration > this.duration) this.duration = duration;
    if (ended) this.finish();
    return true;
  }

  /** The event's end is lost: other sound has come, or nothing for long. */
  finish(): void {
    if (!this.active) return;
    this.active = false;
    if (this.event < CODES.length)
      this.user.onDigit(CODES[this.event], Math.floor((this.before + this.duration) / SAMPLES_PER_MS));
  }

  private begin(event: number, ssrc: number, timestamp: number): void {
    this.known = true;
    this.active = true;
    this.event = event;
    this.ssrc = ssrc;
    this.timestamp = timestamp;
    this.duration = 0;
    this.before = 0;
  }
}

/** A queue of digits to send. Asked once a packet time whether an event's packet goes out in place of sound. */
export class EventSender {
  /** True with the first packet of an event: it has the marker, and its timestamp is that of the whole event. */
  first = false;
  private readonly digits: Uint8Array;
  private readonly durationsMs: Uint16Array;
  private head = 0;
  private queued = 0;
  /** In ticks: of the event so far, and the sound still due between two events. */
  private duration = 0;
  private gap = 0;
  private sending = false;
  private ends = 0;

  /** @param capacity digits that can wait */
  constructor(capacity: number) {
    this.digits = new Uint8Array(capacity);
    this.durationsMs = new Uint16Array(capacity);
  }

  /** Forgets what waits and breaks off what is being sent. */
  reset(): void {
    this.head = 0;
    this.queued = 0;
    this.sending = false;
    this.gap = 0;
  }

  /** @returns digits that wait or are being sent */
  pending(): number {
    return this.queued;
  }

  /**
   * Queues digits (ASCII); all of them or none.
   * @param durationMs of each, 40 to 8,000
   * @returns false when one is no digit, or when there is no room
   */
  queue(bytes: Uint8Array, start: number, end: number, durationMs: number): boolean {
    if (end <= start || end - start > this.digits.length - this.queued) return false;
    for (let i = start; i < end; i++) if (eventOf(bytes[i]) < 0) return false;
    const length = Math.max(40, Math.min(durationMs, LONGEST_MS));
    for (let i = start; i < end; i++) {
      const at = (this.head + this.queued++) % this.digits.length;
      this.digits[at] = eventOf(bytes[i]);
      this.durationsMs[at] = length;
    }
    return true;
  }

  /**
   * One packet time of `ticks` goes by. Writes the event of that time, if there is one, to `out` at `at` (EVENT_SIZE octets).
   * @returns the octets written, 0 when sound goes out instead
   */
  step(ticks: number, out: Uint8Array, at: number): number {
    this.first = false;
    if (this.gap > 0) {
      this.gap -= ticks;
      return 0;
    }
    if (this.queued === 0) return 0;
    const length = this.durationsMs[this.head] * SAMPLES_PER_MS;
    if (!this.sending) {
      this.sending = true;
      this.first = true;
      this.duration = 0;
      this.ends = 0;
    }
    // The last packet is sent again with the same duration.
    if (this.ends === 0) this.duration = Math.min(this.duration + ticks, length);
    const end = this.duration >= length;
    out[at] = this.digits[this.head];
    out[at + 1] = (end ? 0x80 : 0) | VOLUME;
    write16(out, at + 2, this.duration);
    if (end) {
      this.ends += 1;
      if (this.ends === END_PACKETS) {
        this.sending = false;
        this.head = (this.head + 1) % this.digits.length;
        this.queued -= 1;
        this.gap = GAP_MS * SAMPLES_PER_MS;
      }
    }
    return EVENT_SIZE;
  }
}
