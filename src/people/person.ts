/**
 * A person in the door's records: a name, hashes of codes, cards, relays, and the times at which they open. This file
 * has the record's text in flash and the check of each field. Not here: the store of people (people.ts), the hash of a
 * code (secrets.ts), the commands (the console).
 */
import { utf8, utf8Length } from "../core/bytes.js";
import { hasSteering } from "../core/printable.js";
import { isSchedule } from "../settings/daytime.js";
import { crc32 } from "../settings/record.js";
import { HOURS_UNKNOWN, HOURS_WITHIN, judgeHours } from "../settings/schedules.js";
import type { Settings } from "../settings/settings.js";

const FORM = "1";
/**
 * Octets of the longest record: ten entries of 32 octets in flash, the first of which is the head, and a zero at the
 * end. A page of 126 entries thus holds twelve people, and five pages hold 50, with room to write one of them again.
 */
export const PERSON_BYTES = 287;
export const NAME_MOST = 32;
export const NOTE_MOST = 48;
export const WHEN_MOST = 80;
export const SIP_MOST = 64;
/** The most codes of one person, and the most cards. */
export const CODES_MOST = 2;
export const CARDS_MOST = 2;
/** The largest number of a card: 35 bits of a frame of 37. */
export const CARD_MOST = 34_359_738_367;
export const USES_MOST = 9999;
/** Stands for any number of uses. */
export const USES_UNLIMITED = -1;
/** The last second that is accepted as a time: the end of 2099. */
export const LAST_S = 4_102_444_799;
/** The name under which codes of the settings open. */
export const EVERYBODY = "everybody";

export class Person {
  name = "";
  /** Each code is written as secrets.ts does it. */
  codes: string[] = [];
  /** The numbers of the cards, as decimal digits without leading zeros. */
  cards: string[] = [];
  /** Bit 0 is relay 1, bit 1 is relay 2. */
  relays = 1;
  /** A schedule of the week; "": the person may open at any time. */
  when = "";
  /** The times from which and until which the person may open, s since 1970 in UTC; 0: no such limit. */
  fromS = 0;
  untilS = 0;
  /** Number of openings that are left, or USES_UNLIMITED. */
  uses = USES_UNLIMITED;
  isEnabled = true;
  note = "";
  /** The address that identifies the person, `user@host`; "" for none. */
  sip = "";
  /** The number of the import that brought the person; 0: none. */
  batch = 0;
}

/** @returns the record, with a checksum in its first line */
export function personText(person: Person): string {
  let out = "name " + person.name + "\n";
  for (let i = 0; i < person.codes.length; i++) out += "code " + person.codes[i] + "\n";
  for (let i = 0; i < person.cards.length; i++) out += "card " + person.cards[i] + "\n";
  if (person.relays !== 1) out += "relays " + person.relays + "\n";
  if (person.when !== "") out += "when " + person.when + "\n";
  if (person.fromS !== 0) out += "from " + person.fromS + "\n";
  if (person.untilS !== 0) out += "until " + person.untilS + "\n";
  if (person.uses !== USES_UNLIMITED) out += "uses " + person.uses + "\n";
  if (!person.isEnabled) out += "off\n";
  if (person.note !== "") out += "note " + person.note + "\n";
  if (person.sip !== "") out += "sip " + person.sip + "\n";
  if (person.batch !== 0) out += "batch " + person.batch + "\n";
  return FORM + " " + crc32(utf8(out)).toString(36) + "\n" + out;
}

/** @returns null when the text is damaged, or of an unknown form: then it opens nothing */
export function readPerson(text: string): Person | null {
  const head = text.indexOf("\n");
  const body = text.slice(head + 1);
  if (head < 0 || text.slice(0, head) !== FORM + " " + crc32(utf8(body)).toString(36)) return null;
  const person = new Person();
  const lines = body.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const space = lines[i].indexOf(" ");
    const word = space < 0 ? lines[i] : lines[i].slice(0, space);
    const value = space < 0 ? "" : lines[i].slice(space + 1);
    if (!take(person, word, value)) return null;
  }
  return checkPerson(person) === "" ? person : null;
}

/** @returns false for an unknown word, whose limit is not known either */
function take(person: Person, word: string, value: string): boolean {
  switch (word) {
    case "":
      return true;
    case "name":
      person.name = value;
      return true;
    case "code":
      person.codes.push(value);
      return true;
    case "card":
      person.cards.push(value);
      return true;
    case "relays":
      person.relays = Number(value);
      return true;
    case "when":
      person.when = value;
      return true;
    case "from":
      person.fromS = Number(value);
      return true;
    case "until":
      person.untilS = Number(value);
      return true;
    case "uses":
      person.uses = Number(value);
      return true;
    case "off":
      person.isEnabled = false;
      return true;
    case "note":
      person.note = value;
      return true;
    case "sip":
      person.sip = value;
      return true;
    case "batch":
      person.batch = Number(value);
      return true;
    default:
      return false;
  }
}

/** @returns "" when the person can be kept, else one line that says what is wrong and what is allowed */
export function checkPerson(person: Person): string {
  const { name, relays, when, fromS, untilS, uses, note, sip } = person;
  if (!isName(name))
    return "a name has 1 to " + NAME_MOST + ' characters, none of them " or \\, and does not begin with -';
  if (name.toLowerCase() === EVERYBODY) return EVERYBODY + " has the codes of relay1.code and relay2.code";
  if (!(relays >= 1 && relays <= 3) || !isWhole(relays)) return "--relay: 1, 2 or 1,2";
  if (when !== "" && (when.length > WHEN_MOST || !isSchedule(when)))
    return (
      "--when: spans HH:MM-HH:MM behind days, or @SCHEDULE, as in mon-fri 07:00-12:00, sat 09:00-13:00; at most " +
      WHEN_MOST
    );
  if (!isTime(fromS) || !isTime(untilS)) return "a time lies before the year 2100";
  if (untilS !== 0 && untilS <= fromS) return "--until: has to be later than --from";
  if (!isWhole(uses) || uses < USES_UNLIMITED || uses > USES_MOST) return "--uses: a number from 1 to " + USES_MOST;
  if (note.length > NOTE_MOST || !isText(note)) return "--note: at most " + NOTE_MOST + " characters";
  if (sip !== "" && !isAddress(sip)) return "--sip: USER@HOST, at most " + SIP_MOST + " characters";
  if (person.codes.length > CODES_MOST) return "--code: at most " + CODES_MOST;
  if (person.cards.length > CARDS_MOST) return "--card: at most " + CARDS_MOST;
  for (let i = 0; i < person.cards.length; i++)
    if (cardOf(person.cards[i]) !== person.cards[i]) return "--card: a number of at most 35 bits, or FACILITY:NUMBER";
  const size = utf8Length(personText(person));
  if (size > PERSON_BYTES)
    return "the record takes " + size + " octets, and " + PERSON_BYTES + " can be kept: shorten the note or the hours";
  return "";
}

function isName(name: string): boolean {
  return name !== "" && name.length <= NAME_MOST && name.charAt(0) !== "-" && name.charAt(0) !== "#" && isText(name);
}

/** Returns whether a text can stand between quotes on the console's line, and in a line of the record. */
function isText(value: string): boolean {
  return !hasSteering(value) && value.trim() === value && value.indexOf('"') < 0 && value.indexOf("\\") < 0;
}

function isAddress(value: string): boolean {
  const at = value.indexOf("@");
  if (at < 1 || at === value.length - 1 || value.length > SIP_MOST || value.indexOf("@", at + 1) >= 0) return false;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    const isLetter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
    if (!isLetter && !(code >= 0x30 && code <= 0x39) && "@.-_+".indexOf(value.charAt(i)) < 0) return false;
  }
  return true;
}

function isTime(timeS: number): boolean {
  return isWhole(timeS) && timeS >= 0 && timeS <= LAST_S;
}

function isWhole(value: number): boolean {
  return Math.floor(value) === value;
}

/**
 * @returns the number of a card, written `12345678` or `FACILITY:NUMBER`, as it is kept; "" if it is not a card number
 */
export function cardOf(given: string): string {
  const colon = given.indexOf(":");
  if (colon < 0) return given.length > 20 ? "" : decimal(numberOf(given), CARD_MOST);
  const facility = numberOf(given.slice(0, colon));
  const number = numberOf(given.slice(colon + 1));
  return facility <= 255 && number <= 65535 ? decimal(facility * 65536 + number, CARD_MOST) : "";
}

function decimal(value: number, most: number): string {
  return value >= 0 && value <= most ? "" + value : "";
}

/** @returns a number of digits alone, NaN for anything else */
export function numberOf(digits: string): number {
  if (digits === "" || digits.length > 15) return Number.NaN;
  for (let i = 0; i < digits.length; i++) {
    const code = digits.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return Number.NaN;
  }
  return Number(digits);
}

// These are the reasons why a person does not open now. They stand in the log.
export const REFUSED_DISABLED = "disabled";
export const REFUSED_EARLY = "not valid yet";
export const REFUSED_LATE = "not valid any more";
export const REFUSED_HOURS = "outside the hours";
/** The hours name a schedule that is not set. */
export const REFUSED_SCHEDULE = "the schedule is not set";
export const REFUSED_USED = "used up";
/** The time is not known, so a limit in time cannot be checked and the door stays shut. */
export const REFUSED_TIME = "the time of day is not known";

/** @param epochS s since 1970 in UTC, 0 while it is not known @returns "" when the person may open, else REFUSED_* */
export function refusalOf(person: Person, epochS: number, settings: Settings): string {
  if (!person.isEnabled) return REFUSED_DISABLED;
  if (person.uses === 0) return REFUSED_USED;
  const { fromS, untilS, when } = person;
  if (fromS === 0 && untilS === 0 && when === "") return "";
  if (!(epochS > 0)) return REFUSED_TIME;
  if (epochS < fromS) return REFUSED_EARLY;
  if (untilS !== 0 && epochS >= untilS) return REFUSED_LATE;
  if (when === "") return "";
  const judged = judgeHours(settings, when, epochS);
  return judged === HOURS_WITHIN ? "" : judged === HOURS_UNKNOWN ? REFUSED_SCHEDULE : REFUSED_HOURS;
}
