/**
 * The session interval (RFC 4028): how long a session may last unless one side says that it goes on, and who says so.
 * It reads and writes the header fields and reckons the times. Not here: the refreshing request itself (session.ts).
 */

import { octets, Span } from "../core/bytes.js";
import type { Timers } from "../core/timers.js";
import { CRLF } from "../wire/lines.js";
import type { Message } from "../wire/message.js";
import { HEADER_MIN_SE, HEADER_SESSION_EXPIRES, HEADER_SUPPORTED } from "../wire/names.js";
import { param } from "../wire/params.js";
import type { Writer } from "../wire/writer.js";

/** The shortest interval that may be taken at all, in seconds. RFC 4028 §4 */
export const MIN_SE_LEAST_S = 90;
/** So many 422 are followed in one call: one for each of a few proxies on the way, never for ever. */
const RAISES_MOST = 3;
const SECONDS_MOST = 2147483647;

const TOKEN_TIMER = octets("timer");
const REFRESHER = octets("refresher");
const UAC = octets("uac");
const REQUIRE_TIMER = octets("Require: timer\r\n");
const SESSION_EXPIRES = octets("Session-Expires: ");
const REFRESHER_UAC = octets(";refresher=uac\r\n");
const REFRESHER_UAS = octets(";refresher=uas\r\n");
const MIN_SE = octets("Min-SE: ");

// For the time of one call only.
const span = new Span();

export class Interval {
  /** We are to refresh the session. */
  isRefresher = false;
  /** When the session is over unless it is refreshed. RFC 4028 §10 */
  expiresAtMs = 0;
  /** Agreed, in seconds; 0 when there is none. */
  private seconds = 0;
  /** The shortest interval we take, in seconds. */
  private leastS = MIN_SE_LEAST_S;
  /** The shortest one that we ask for: others on the way may want a longer one. */
  private minSeS = MIN_SE_LEAST_S;
  /** How often a 422 was followed. */
  private raises = 0;
  private peerHasTimer = false;
  // As they were before the last `readRequest`.
  private savedSeconds = 0;
  private savedRefresher = false;
  private savedPeerHasTimer = false;

  /** Begins a session. @param leastS the shortest interval we take, in seconds */
  reset(leastS: number): void {
    this.isRefresher = false;
    this.seconds = 0;
    this.leastS = this.minSeS = Math.max(leastS, MIN_SE_LEAST_S);
    this.raises = 0;
    this.peerHasTimer = false;
  }

  /**
   * Reads what their INVITE or UPDATE asks. RFC 4028 §9
   * @returns false when it is too brief: to be answered 422 with `writeMinSe`
   */
  readRequest(m: Message): boolean {
    this.savedSeconds = this.seconds;
    this.savedRefresher = this.isRefresher;
    this.savedPeerHasTimer = this.peerHasTimer;
    const asked = m.uint(HEADER_SESSION_EXPIRES, SECONDS_MOST);
    this.peerHasTimer = m.contains(HEADER_SUPPORTED, TOKEN_TIMER);
    if (asked < 0) {
      this.seconds = 0;
      return true;
    }
    if (asked < this.leastS && this.peerHasTimer) return false;
    // A caller that does not know of intervals cannot be told a longer one than a proxy asks for in its place.
    this.seconds = Math.max(asked, MIN_SE_LEAST_S);
    this.isRefresher = !this.peerHasTimer || (hasRefresher(m) && !span.isToken(UAC));
    return true;
  }

  /** The request that was read last was refused after all: it changes nothing. */
  rollback(): void {
    this.seconds = this.savedSeconds;
    this.isRefresher = this.savedRefresher;
    this.peerHasTimer = this.savedPeerHasTimer;
  }

  /** Reads what the 2xx to our INVITE or UPDATE says. RFC 4028 §7.2 */
  readResponse(m: Message): void {
    const agreed = m.uint(HEADER_SESSION_EXPIRES, SECONDS_MOST);
    this.seconds = agreed < 0 ? 0 : Math.max(agreed, MIN_SE_LEAST_S);
    if (agreed >= 0) this.isRefresher = !hasRefresher(m) || span.isToken(UAC);
  }

  /** After a 422. @returns whether the request may be tried again with the interval they want. RFC 4028 §7.3 */
  raise(m: Message): boolean {
    const seconds = m.uint(HEADER_MIN_SE, SECONDS_MOST);
    if (seconds <= this.minSeS || this.raises >= RAISES_MOST) return false;
    this.raises += 1;
    this.minSeS = seconds;
    if (this.seconds > 0) this.seconds = Math.max(this.seconds, seconds);
    return true;
  }

  /** Starts the timer anew: for our refresh at half the time, or for the end of a session that they do not refresh. */
  start(timers: Timers, timer: number): void {
    this.expiresAtMs = timers.nowMs + (this.seconds - Math.min(32, Math.floor(this.seconds / 3))) * 1000;
    if (this.seconds === 0) timers.stop(timer);
    else if (this.isRefresher) timers.start(timer, this.seconds * 500);
    else timers.startAt(timer, this.expiresAtMs);
  }

  /** Writes the lines of an INVITE of ours. @param wantedS to ask for while nothing is agreed, 0: not at all */
  writeInvite(w: Writer, wantedS: number): void {
    if (this.seconds === 0 && wantedS === 0) return;
    w.put(SESSION_EXPIRES);
    w.uint(Math.max(this.seconds > 0 ? this.seconds : wantedS, this.minSeS));
    w.put(this.seconds === 0 ? CRLF : this.isRefresher ? REFRESHER_UAC : REFRESHER_UAS);
    // The least there is goes without saying. RFC 4028 §5
    if (this.minSeS === MIN_SE_LEAST_S) return;
    w.put(MIN_SE);
    w.uint(this.minSeS);
    w.put(CRLF);
  }

  /** Writes the line of an UPDATE of ours, which refreshes what is agreed. */
  writeUpdate(w: Writer): void {
    w.put(SESSION_EXPIRES);
    w.uint(this.seconds);
    w.put(this.isRefresher ? REFRESHER_UAC : REFRESHER_UAS);
  }

  /** Writes the lines of our 2xx to their INVITE or UPDATE. */
  writeResponse(w: Writer): void {
    if (this.seconds === 0) return;
    if (this.peerHasTimer) w.put(REQUIRE_TIMER);
    w.put(SESSION_EXPIRES);
    w.uint(this.seconds);
    w.put(this.isRefresher ? REFRESHER_UAS : REFRESHER_UAC);
  }

  /** Writes the line of our 422. */
  writeMinSe(w: Writer): void {
    w.put(MIN_SE);
    w.uint(this.leastS);
    w.put(CRLF);
  }
}

/** @returns whether Session-Expires names a refresher, which is in `span` then */
function hasRefresher(m: Message): boolean {
  return m.value(HEADER_SESSION_EXPIRES, span) && param(span.bytes, span.start, span.end, REFRESHER, span);
}
