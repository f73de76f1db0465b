/**
 * The head of a message in C: the exports of src/wire/headreader.ts, for a manifest that names this file in its place.
 * It works on XS only. Not here: the rules (headreader.h), and the words about a malformed value (src/wire/values.ts).
 */
import {
  HEADER_CALL_ID,
  HEADER_CONTENT_LENGTH,
  HEADER_CSEQ,
  HEADER_FROM,
  HEADER_OTHER,
  HEADER_TO,
  HEADER_VIA,
} from "../../src/wire/names.js";
import { Values } from "../../src/wire/values.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

// The fields of `headreader_t` in headreader.h, in words of 32 bits.
const AT = 0;
const ROWS = 1;
const PRESENT = 2;
const PROBLEM = 3;
const PROBLEM_FIELD = 4;
const IS_ODD = 5;
const READ = 6;
const LEFT_START = 7;
const LEFT_END = 8;
const IS_REQUEST = 9;
const METHOD = 10;
const METHOD_END = 11;
const URI_START = 12;
const URI_END = 13;
const STATUS = 14;
const REASON_START = 15;
const REASON_END = 16;
const VIA = 17;
const FROM = 24;
const TO = 28;
const CALL_ID = 32;
const CSEQ = 34;
const MAX_FORWARDS = 38;
const CONTENT_LENGTH = 39;
const REPEATED = 40;
const WORDS = 41;

/** The results of the C function beside the id of a field whose value is left to be read here. */
const DONE = 0;
const START_LINE_LEFT = -1;

export class HeadReader extends Values {
  isOdd = false;
  protected problemField = HEADER_OTHER;
  private readonly found = new Int32Array(WORDS);
  // C takes the buffer, because a view of words is no buffer for it.
  private readonly foundOctets: ArrayBufferLike = this.found.buffer;
  private readonly tableOctets: ArrayBufferLike = this.table.buffer;

  protected readHead(at: number, end: number): number {
    const { bytes, found, foundOctets, tableOctets } = this;
    let left = begin(bytes, at, end, tableOctets, foundOctets);
    if (left === START_LINE_LEFT) {
      this.openView();
      const next = this.readStartLine(at, end);
      if (next < 0) return -1;
      found[PROBLEM] = this.problem;
      left = goOn(bytes, next, end, tableOctets, foundOctets);
    } else this.takeStartLine(at, found);
    while (left !== DONE) {
      this.problem = found[PROBLEM];
      this.readValue(left, found[LEFT_START], found[LEFT_END]);
      if (this.problem !== found[PROBLEM]) {
        found[PROBLEM] = this.problem;
        found[PROBLEM_FIELD] = left;
      }
      left = goOn(bytes, found[AT], end, tableOctets, foundOctets);
    }
    this.rows = found[ROWS];
    this.present = found[PRESENT];
    this.repeated = found[REPEATED];
    this.problem = found[PROBLEM];
    this.problemField = found[PROBLEM_FIELD];
    this.isOdd = found[IS_ODD] !== 0;
    this.takeValues(found[READ], found);
    return found[AT];
  }

  private takeStartLine(at: number, found: Int32Array): void {
    if (found[IS_REQUEST] !== 0) {
      this.isRequest = true;
      this.method = found[METHOD];
      this.methodStart = at;
      this.methodEnd = found[METHOD_END];
      this.uriStart = found[URI_START];
      this.uriEnd = found[URI_END];
    } else {
      this.status = found[STATUS];
      this.reasonStart = found[REASON_START];
      this.reasonEnd = found[REASON_END];
    }
  }

  /** @param read the values that the C has read, a bit for each id */
  private takeValues(read: number, found: Int32Array): void {
    if ((read & (1 << HEADER_VIA)) !== 0) {
      this.viaStart = found[VIA];
      this.viaEnd = found[VIA + 1];
      this.branchStart = found[VIA + 2];
      this.branchEnd = found[VIA + 3];
      this.sentByStart = found[VIA + 4];
      this.sentByEnd = found[VIA + 5];
      this.hasMagicCookie = found[VIA + 6] !== 0;
    }
    if ((read & (1 << HEADER_FROM)) !== 0) {
      this.fromStart = found[FROM];
      this.fromEnd = found[FROM + 1];
      this.fromTagStart = found[FROM + 2];
      this.fromTagEnd = found[FROM + 3];
    }
    if ((read & (1 << HEADER_TO)) !== 0) {
      this.toStart = found[TO];
      this.toEnd = found[TO + 1];
      this.toTagStart = found[TO + 2];
      this.toTagEnd = found[TO + 3];
    }
    if ((read & (1 << HEADER_CALL_ID)) !== 0) {
      this.callIdStart = found[CALL_ID];
      this.callIdEnd = found[CALL_ID + 1];
    }
    if ((read & (1 << HEADER_CSEQ)) !== 0) {
      this.cseq = found[CSEQ];
      this.cseqMethod = found[CSEQ + 1];
      this.cseqMethodStart = found[CSEQ + 2];
      this.cseqMethodEnd = found[CSEQ + 3];
    }
    if ((read & (1 << HEADER_CONTENT_LENGTH)) !== 0) this.contentLength = found[CONTENT_LENGTH];
    this.maxForwards = found[MAX_FORWARDS];
  }
}

function begin(
  this: unknown,
  bytes: Uint8Array,
  at: number,
  end: number,
  table: ArrayBufferLike,
  found: ArrayBufferLike,
): number {
  return native("xs_headreader_begin").call(this, bytes, at, end, table, found);
}

function goOn(
  this: unknown,
  bytes: Uint8Array,
  at: number,
  end: number,
  table: ArrayBufferLike,
  found: ArrayBufferLike,
): number {
  return native("xs_headreader_go_on").call(this, bytes, at, end, table, found);
}
