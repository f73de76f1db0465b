/**
 * Telephone-events (RFC 4733 §2), both ways: `EventReceiver` makes one digit of all the packets of an event,
 * `EventSender` makes the payloads of a queue of digits. Digits are the ASCII codes of 0-9, *, #, A-D; other events
 * (flash, tones) are not read. Not here: digits in INFO, digits heard in the sound itself, RTP headers and time
 * (stream.ts).
 */
import { octetArray, uint16Array } from "../core/arrays.js";
import { NONE } from "../core/bytes.js";
import { SAMPLES_PER_MS } from "./g711.js";
import { type RtpView, read16, write16 } from "./rtp.js";

/** Octets of one event. */
export const EVENT_SIZE = 4;
/** Events 0 to 15 as ASCII: 0123456789*#ABCD. */
const CODES = Uint8Array.of(48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 42, 35, 65, 66, 67, 68);
const NO_EVENT = -1;
/**
 * A packet that is at most so many sequence numbers behind another was overtaken by it. If it is further behind, the
 * sender has begun anew.
 */
const REORDERED = 100;
/** Ticks between two packets of an event: the usual step, and the longest one that is believed. */
const USUAL_STEP = 160;
const SLOW_STEP = 400;
const LONGEST_STEP = 800;
/** Two presses are further apart than this, in ticks: 40 ms. */
const SHORTEST_PAUSE = 320;
/** A segment of at least so many ticks may be followed by another. RFC 4733 §2.5.1.3 */
const LONG_SEGMENT = 0xe000;
/** Ticks that may be lost between two segments: a second. */
const LONGEST_LOSS = 8000;
/** Power of the events that are sent, in -dBm0. */
const VOLUME = 10;
/** The last packet is sent so often. RFC 4733 §2.5.1.4 */
const END_PACKETS = 3;
const NO_DURATIONS = new Uint16Array(0);
/** Longest event that is sent; a longer one would have to be sent in segments. */
const LONGEST_MS = 8000;
/** Sound that is sent between two digits. */
const GAP_MS = 100;

/** @returns the event 0 to 15 of an ASCII digit, small a to d too; -1 if it is no digit */
export function eventOf(code: number): number {
  return CODES.indexOf(code >= 0x61 && code <= 0x64 ? code - 0x20 : code);
}

/** Is told about digits. */
export interface DigitUser {
  /** @param code ASCII @param durationMs as far as it was heard */
  onDigit(code: number, durationMs: number): void;
}

/**
 * Makes one digit of one press, however the sender reads RFC 4733 §2.5.1. A press is told when its end comes, or when
 * the end is lost: with the next press, or by `finish`. Packets of one source and one timestamp are one press. Another
 * timestamp belongs to the same press too in these cases:
 *
 * - The event begins before the last one ended: the sender moves the timestamp with each packet, or with the end
 *   packets.
 * - The event begins where the last one stopped, or nearly, and no end came: a long press goes on in another segment
 *   (§2.5.1.3), and the packets between may be lost.
 *
 * The marker tells a new press, but not all senders set it, and some set it on every packet: it decides only where no
 * packet is missing.
 */
export class EventReceiver {
  private readonly user: DigitUser;
  /** A press goes on: its begin came, its end did not. */
  active = false;
  /** The end of the press came as a packet; the press was not only given up. */
  private hasEnded = false;
  private event = 0;
  private ssrc = 0;
  /** The timestamp of the segment that goes on. */
  private timestamp = 0;
  /** The timestamp of the packet before. */
  private latest = 0;
  /** The highest sequence number of an event. */
  private sequence = 0;
  /** The longest duration that a packet told, in ticks: of the segment that goes on, and of the segments before. */
  private duration = 0;
  private before = 0;
  /** Ticks from one packet of this source to the next, the most that was seen; 0 if not known. */
  private step = 0;
  /** In this press the duration grew under one timestamp, or the timestamp moved. */
  private isSteady = false;
  private isMoving = false;
  /** The press before this one. */
  private lastEvent = NO_EVENT;
  private lastTimestamp = 0;
  /** Whether `ssrc` and `timestamp` are set. */
  private known = false;

  constructor(user: DigitUser) {
    this.user = user;
  }

  reset(): void {
    this.active = false;
    this.known = false;
    this.lastEvent = NO_EVENT;
    this.step = 0;
  }

  /** @param view the packet of this payload; nothing of it is kept @returns false if it is no event that can be read */
  packet(bytes: Uint8Array, view: RtpView): boolean {
    const { start, timestamp, sequence, marker } = view;
    if (view.end - start < EVENT_SIZE) return false;
    const event = bytes[start];
    const isEnd = (bytes[start + 1] & 0x80) !== 0;
    const duration = read16(bytes, start + 2);
    // A press continues if the source changes in the middle of it.
    const isMoved = this.active && event === this.event && timestamp === this.timestamp;
    if (!this.known || (view.ssrc !== this.ssrc && !isMoved)) {
      this.finish();
      this.begin(event, view, duration);
    } else {
      const ahead = view.ssrc === this.ssrc ? ((sequence - this.sequence) << 16) >> 16 : 1;
      // A packet that was overtaken adds nothing: its press is known, or its begin was never seen.
      if (ahead < 0 && ahead > -REORDERED) return true;
      const later = (timestamp - this.timestamp) | 0;
      if (event !== this.event) {
        if (event === this.lastEvent && timestamp === this.lastTimestamp) return true;
        this.finish();
        this.begin(event, view, duration);
      } else if (later === 0) {
        // For a sender whose timestamp stands still, a shorter event after the end is another press.
        if (this.hasEnded && !isEnd && duration < this.duration) this.begin(event, view, duration);
        else this.grow(duration, ahead);
        // After the end only the end may come again.
      } else if (
        this.hasEnded ? isEnd && this.isEndAgain(timestamp, ahead, marker) : this.goesOn(timestamp, ahead, marker)
      ) {
        this.extend(later, ahead, timestamp, duration);
      } else {
        this.finish();
        this.begin(event, view, duration);
      }
    }
    this.ssrc = view.ssrc;
    this.sequence = sequence;
    this.latest = timestamp;
    if (isEnd) {
      this.finish();
      this.hasEnded = true;
    }
    return true;
  }

  /** The press is over without an end packet: nothing came for long, or another press began. */
  finish(): void {
    if (!this.active) return;
    this.active = false;
    if (this.event < CODES.length)
      this.user.onDigit(CODES[this.event], Math.floor((this.before + this.duration) / SAMPLES_PER_MS));
  }

  private begin(event: number, view: RtpView, duration: number): void {
    this.lastEvent = this.known ? this.event : NO_EVENT;
    this.lastTimestamp = this.timestamp;
    this.known = true;
    this.active = true;
    this.hasEnded = false;
    this.isSteady = false;
    this.isMoving = false;
    this.event = event;
    this.timestamp = view.timestamp;
    this.duration = duration;
    this.before = 0;
  }

  /** Takes another packet under the same timestamp. */
  private grow(duration: number, ahead: number): void {
    const by = duration - this.duration;
    if (by <= 0) return;
    this.learnStep(by, ahead);
    this.isSteady = true;
    this.duration = duration;
  }

  /** Takes a packet of the same press under another timestamp. */
  private extend(later: number, ahead: number, timestamp: number, duration: number): void {
    const moved = (timestamp - this.latest) | 0;
    this.learnStep(moved, ahead);
    this.isMoving = moved <= LONGEST_STEP;
    if (this.active && later >= this.duration) {
      this.before += later;
      this.timestamp = timestamp;
      this.duration = duration;
      this.isSteady = false;
    } else if (duration > this.duration) this.duration = duration;
  }

  /** @returns whether a packet of another timestamp belongs to the press whose end has not come */
  private goesOn(timestamp: number, ahead: number, marker: boolean): boolean {
    const later = (timestamp - this.timestamp) | 0;
    const gap = later - this.duration;
    if (later < 0) return !marker;
    if (ahead === 1) return gap < (marker ? SHORTEST_PAUSE : LONGEST_STEP);
    if (marker) return false;
    // Packets are missing: either more of the same press, or its end, a pause and the begin of the next.
    const missing = ahead > 0 ? ahead - 1 : 0;
    if (this.isMoving) return missing <= END_PACKETS + 1 && this.isNextMove(timestamp, ahead);
    if (gap <= 0) return true;
    if (later >= LONG_SEGMENT) return gap <= LONGEST_LOSS;
    if (missing > END_PACKETS + 1 || (missing >= END_PACKETS && this.isSteady)) return false;
    // The first packet of an event has the duration of one step.
    const first = this.isSteady || this.duration === 0 ? USUAL_STEP : Math.min(this.duration, LONGEST_STEP);
    return gap <= missing * (this.step > 0 ? this.step : first);
  }

  /**
   * @returns whether an end packet of another timestamp ends the press that has ended already: one of the three may be
   * lost in between
   */
  private isEndAgain(timestamp: number, ahead: number, marker: boolean): boolean {
    return ahead < END_PACKETS && (ahead === 1 || !marker) && this.isNextMove(timestamp, ahead);
  }

  /** @returns whether the timestamp has moved on by no more than the packets since the last one account for */
  private isNextMove(timestamp: number, ahead: number): boolean {
    const moved = (timestamp - this.latest) | 0;
    if (ahead <= 1) return moved <= Math.max(this.step, SLOW_STEP);
    return moved <= (this.step > 0 ? this.step : SLOW_STEP) * ahead;
  }

  private learnStep(ticks: number, ahead: number): void {
    if (ahead === 1 && ticks > this.step && ticks <= LONGEST_STEP) this.step = ticks;
  }
}

/**
 * A queue of digits to send. The sender asks once a packet time whether an event's packet goes out in place of sound.
 */
export class EventSender {
  /** True with the first packet of an event: it has the marker, and its timestamp is that of the whole event. */
  first = false;
  private readonly capacity: number;
  // Empty until digits are sent for the first time.
  private digits: Uint8Array = NONE;
  private durationsMs: Uint16Array = NO_DURATIONS;
  private head = 0;
  private queued = 0;
  /** In ticks: the length of the event so far, and the sound that is still due between two events. */
  private duration = 0;
  private gap = 0;
  private sending = false;
  private ends = 0;

  /** @param capacity digits that can wait */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Forgets the digits that wait and breaks off the one that is being sent. */
  reset(): void {
    this.head = 0;
    this.queued = 0;
    this.sending = false;
    this.gap = 0;
  }

  /** @returns the number of digits that wait or are being sent */
  pending(): number {
    return this.queued;
  }

  /**
   * Queues digits (ASCII), all of them or none.
   * @param durationMs of each digit, 40 to 8,000
   * @returns false if one is no digit, or if there is no room
   */
  queue(bytes: Uint8Array, start: number, end: number, durationMs: number): boolean {
    if (end <= start || end - start > this.capacity - this.queued) return false;
    for (let i = start; i < end; i++) if (eventOf(bytes[i]) < 0) return false;
    if (this.digits === NONE) {
      this.digits = octetArray(this.capacity);
      this.durationsMs = uint16Array(this.capacity);
    }
    const length = Math.max(40, Math.min(durationMs, LONGEST_MS));
    for (let i = start; i < end; i++) {
      const at = (this.head + this.queued++) % this.digits.length;
      this.digits[at] = eventOf(bytes[i]);
      this.durationsMs[at] = length;
    }
    return true;
  }

  /**
   * One packet time of `ticks` passes. Writes the event of that time, if there is one, to `out` at `at` (EVENT_SIZE
   * octets).
   * @returns the octets written, 0 if sound goes out instead
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
