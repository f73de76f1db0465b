/** The faults of a message: numbers for counters and traces, and words for the reason phrase of the answer. */
import { octets } from "../core/bytes.js";
import { HEADER_OTHER } from "./names.js";

export const PROBLEM_NONE = 0;
export const PROBLEM_NOT_SIP = 1;
export const PROBLEM_LINE = 2;
export const PROBLEM_VERSION = 3;
export const PROBLEM_URI = 4;
export const PROBLEM_STATUS = 5;
export const PROBLEM_CONTROL = 6;
export const PROBLEM_MISSING = 7;
export const PROBLEM_REPEATED = 8;
export const PROBLEM_VALUE = 9;
export const PROBLEM_LENGTH = 10;
export const PROBLEM_BODY = 11;
export const PROBLEM_TABLE = 12;

/** Texts by problem. */
const PROBLEM_TEXT: readonly Uint8Array[] = [
  octets("OK"),
  octets("Not SIP"),
  octets("Bad Request Line"),
  octets("Version Not Supported"),
  octets("Bad Request-URI"),
  octets("Bad Status Line"),
  octets("Control Character"),
  octets("Missing Header Field"),
  octets("Repeated Header Field"),
  octets("Bad Header Value"),
  octets("Bad Content-Length"),
  octets("Message Cut Off"),
  octets("Too Many Header Fields"),
];

/** Reason of a 400 for a field that the parser does not read. */
export const BAD_CONTACT = octets("Bad Contact Header Field");
export const BAD_REFER_TO = octets("Bad Refer-To Header Field");
export const BAD_REPLACES = octets("Bad Replaces Header Field");
export const BAD_EXPIRES = octets("Bad Expires Header Field");
export const BAD_ROUTE = octets("Bad Route Header Field");

/** Names of the fields that the parser reads, by their ids. */
const FIELDS = ["", "Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length"];
const MISSING_TEXT = ofEach("Missing");
const REPEATED_TEXT = ofEach("Repeated");
const BAD_TEXT = ofEach("Bad");

/**
 * @param field id of a field that the parser reads, HEADER_OTHER for none
 * @returns words for the reason phrase, a constant
 */
export function problemText(problem: number, field: number): Uint8Array {
  if (field === HEADER_OTHER) return PROBLEM_TEXT[problem];
  if (problem === PROBLEM_MISSING) return MISSING_TEXT[field];
  if (problem === PROBLEM_REPEATED) return REPEATED_TEXT[field];
  if (problem === PROBLEM_VALUE) return BAD_TEXT[field];
  return PROBLEM_TEXT[problem];
}

function ofEach(word: string): readonly Uint8Array[] {
  const texts: Uint8Array[] = [];
  for (let id = 0; id < FIELDS.length; id++) texts.push(octets(word + " " + FIELDS[id] + " Header Field"));
  return texts;
}
