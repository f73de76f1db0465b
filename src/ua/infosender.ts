/**
 * Sends digits in INFO requests (application/dtmf-relay), one after another: the next goes when the one before was
 * answered, so that they arrive in their order. One call at a time has digits here. Not here: the INFO itself
 * (dialog/requests.ts), digits as telephone-events or tones (media/sender.ts), digits that come (info.ts).
 */
import { octetArray } from "../core/arrays.js";
import { NONE } from "../core/bytes.js";
import type { Call } from "./call.js";

/** Digits that wait at the most: two codes of the longest kind. */
const DIGITS_MOST = 16;

export class InfoSender {
  /** ASCII codes, the first is under way. Empty until digits are sent for the first time. */
  private digits: Uint8Array = NONE;
  private count = 0;
  private call: Call | null = null;

  /** @param digits of 0-9 * # A-D @returns "" or why none of them is sent */
  send(call: Call, digits: string): string {
    if (!call.isTalking()) return "the call is not answered";
    if (this.call !== null && this.call !== call) return "another call sends digits: wait until they are sent";
    if (digits.length > DIGITS_MOST - this.count) return "at most " + DIGITS_MOST + " digits wait to be sent";
    if (this.digits === NONE) this.digits = octetArray(DIGITS_MOST);
    const before = this.count;
    for (let i = 0; i < digits.length; i++) this.digits[this.count++] = digits.charCodeAt(i);
    this.call = call;
    if (before > 0 || call.session.sendDigit(this.digits[0])) return "";
    this.clear();
    return "not now: another request of the call is under way, or there is no room for one more";
  }

  /**
   * The INFO with the first digit was answered.
   * @param status 0: it could not be sent @returns how many digits were not taken: after one that was refused the
   * others are not sent
   */
  onAnswered(call: Call, status: number): number {
    if (call !== this.call) return 0;
    const isTaken = status >= 200 && status < 300;
    if (isTaken) {
      this.count -= 1;
      this.digits.copyWithin(0, 1, this.count + 1);
    }
    const left = this.count;
    if (left > 0 && isTaken && call.session.sendDigit(this.digits[0])) return 0;
    this.clear();
    return left;
  }

  /** That call is over: digits that wait are dropped. */
  drop(call: Call): void {
    if (call === this.call) this.clear();
  }

  private clear(): void {
    this.count = 0;
    this.call = null;
  }
}
