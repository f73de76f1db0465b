/**
 * The branches of our own requests: the magic cookie and 16 digits of a keyed hash over Request-URI, From, To, Call-ID,
 * CSeq and a counter (RFC 3261 §8.1.1.7). The key is random and made at start, so a branch that was seen tells no other
 * one, and no random number is drawn for a request.
 * Not here: the first half of a proxy's branches, by which it detects a loop (server/loop.ts); and the ACK for a
 * response other than 2xx and the CANCEL, which have the Via of their INVITE.
 */

import { octets } from "../core/bytes.js";
import { type KeyedHash, keyedHash } from "../core/keyedhash.js";
import { findLine, findOctet, putDigits } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";

/** Size of the magic cookie, and of a branch of ours: the cookie and 16 digits; octets. */
export const COOKIE_BYTES = 7;
export const BRANCH_BYTES = 23;

const LF = 10;
const SPACE = 0x20;
const COLON = 0x3a;
const EQUALS = 0x3d;
const LETTER_A = 0x61;
const UPPER_C = 0x43;
const UPPER_F = 0x46;
const UPPER_S = 0x53;
const UPPER_T = 0x54;
/** The lines that are looked at begin with these; "-" and "*" are CR and LF, the end of the head. */
const LETTERS = octets("ftc-*");
/** Number of fields that are hashed: From, To, Call-ID and CSeq. */
const FIELDS = 4;

export class Branches {
  /** The two halves of the branch that was made last. */
  high = 0;
  low = 0;
  private readonly hash: KeyedHash;
  /** Makes the branches of equal requests differ. */
  private counter = 0;

  constructor(random: RandomSource) {
    this.hash = keyedHash(random);
  }

  /**
   * Makes the branch of a whole request in `bytes[0, end)`, whose first Via is ours, and writes it there.
   * @param hasHigh the first half is `high` and stays
   */
  makeBranch(bytes: Uint8Array, end: number, hasHigh: boolean, high = 0): void {
    const { hash } = this;
    hash.begin();
    this.counter = (this.counter + 1) | 0;
    hash.word(this.counter);
    const lineEnd = findOctet(bytes, 0, end, LF);
    const uriStart = findOctet(bytes, 0, end, SPACE) + 1;
    hash.update(bytes, uriStart, findOctet(bytes, uriStart, end, SPACE));
    let found = 0;
    for (let at = lineEnd + 1; found < FIELDS; ) {
      at = findLine(bytes, at, end, LETTERS);
      const next = findOctet(bytes, at, end, LF) + 1;
      // The head ends here, with or without a blank line.
      if (next <= at + 2) break;
      if (isHashed(bytes, at)) {
        hash.update(bytes, at, next);
        found += 1;
      }
      at = next;
    }
    hash.finish();
    this.high = hasHigh ? high : hash.high;
    this.low = hash.low;
    // The branch is the first parameter of the Via that we write.
    const digits = findOctet(bytes, lineEnd, end, EQUALS) + 1 + COOKIE_BYTES;
    if (!hasHigh) putDigits(bytes, digits, 8, this.high);
    putDigits(bytes, digits + 8, 8, this.low);
  }
}

/** Whether the line at that offset is From, To, Call-ID or CSeq, as our writers spell them. */
function isHashed(bytes: Uint8Array, at: number): boolean {
  switch (bytes[at]) {
    case UPPER_F:
      return bytes[at + 4] === COLON;
    case UPPER_T:
      return bytes[at + 2] === COLON;
    case UPPER_C:
      return bytes[at + 1] === UPPER_S
        ? bytes[at + 4] === COLON
        : bytes[at + 1] === LETTER_A && bytes[at + 7] === COLON;
    default:
      return false;
  }
}
