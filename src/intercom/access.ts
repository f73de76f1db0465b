/**
 * Door codes. The door collects the digits of a call, or of its keypad, until they are a code; the code decides which
 * relay opens. A code either stands in the settings and belongs to no person, or is a person's own. Wrong codes count
 * for the call and for the lock of each code. One entry is one guess, however it ends: by #, by a pause, by as many
 * digits as the longest code has, or broken off by * or the call's end. No event contains a digit of a code. A relay
 * that needs card and code needs both at the door alone, since a caller has no reader. Not here: the time for which
 * codes are locked (codelock.ts), the time between card and code (halfway.ts), the relays (doorway.ts), and the owners
 * of codes (people/people.ts).
 */

import type { Store } from "../../hal/device.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { People } from "../people/people.js";
import { EVERYBODY, type Person, refusalOf } from "../people/person.js";
import { RELAY_CODES, RELAY_FACTORS, RELAYS_MOST } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import type { Call } from "../ua/call.js";
import { DIGIT_WAYS } from "./calltext.js";
import { CODE_LOCK_TIMERS, CodeLock, type CodeLockUser } from "./codelock.js";
import type { DoorEvents } from "./events.js";
import { NO_FIELDS } from "./events.js";
import { HALF_WAY_TIMERS, HalfWay, type HalfWayUser } from "./halfway.js";
import { ACCESS_REFUSED, CARD_UNKNOWN, CODE_WRONG, CODES_LOCKED } from "./log.js";

/** The pause after a digit that ends an entry. */
const CODE_PAUSE_MS = 5000;
/** Wrong codes that end a call. */
const CODE_TRIES = 3;
/** The longest time between two copies of one press that a phone sends in two ways. */
const SAME_PRESS_MS = 500;
const CODE_LEAST = 4;
const LONGEST_CODE = 8;
const CODE_UNSET = "digits open nothing, no door code is set: set relay1.code DIGITS, then save";
const NOT_KEPT = "the store failed: wrong door codes count until the next restart only";
const USE_NOT_KEPT = "the store failed";
// Reasons why a right code or card does not open where a relay needs both.
const CARD_FIRST = "the card has to come first";
const NO_CODE_CAME = "no code came after the card";
const HAS_NO_CODE = "there is no code to go with the card";
const NEEDS_CARD = "the relay needs a card too";
const BOTH = "both";
const KEYPAD = "keypad";
const CARD = "card";
const CODE = "code";
const MESSAGE = "message";
const BY_CALL = "call";
const CARD_AND_CODE = "card and code";
const STAR = 0x2a;
const HASH = 0x23;
const ZERO = 0x30;
/** The value of an entry that is no code, whatever digits follow. */
const NO_CODE = -1;

// The places at which digits are entered. Each is also the kind of the timer that ends the entry.
const ENTRY_CALL = 0;
const ENTRY_KEYPAD = 1;

/** The digits entered so far at one of these places. */
class Entry {
  readonly timer: number;
  /** The digits as a number with a 1 before them; below 0 when one of them is not 0 to 9. */
  entered = 1;
  count = 0;
  /** Wrong entries in a row. */
  wrong = 0;

  constructor(timer: number) {
    this.timer = timer;
  }
}

/** A person who was recognised by a code, a card or an address, and the relays that this opens. */
interface Recognised {
  person: Person;
  place: number;
  /** Bit 0 is relay 1. */
  relays: number;
  by: string;
  /** For the log. */
  what: string;
}

/** One opening by a code or a card: the relay, the person and the way. */
export interface Opening {
  relay: number;
  /** For the log: "code", "card", "card and code", "message" or "call", with the name of the person behind it. */
  reason: string;
  /** The call in which the code was given; null for a MESSAGE or at the door itself. */
  call: Call | null;
}

export interface AccessUser extends CodeLockUser {
  /** A right code or card was given. It is called once for each relay that it opens. */
  onCode(opening: Opening): void;
  /**
   * A code was wrong, or codes are locked. @param isLast the call has to end, since this was its last permitted wrong
   * code
   */
  onWrongCode(call: Call | null, isLast: boolean): void;
  /** A card was right, and the code has to follow. */
  onCodeWanted(): void;
  /** A number with fewer digits than a code was entered at the keypad. */
  onDial(digits: string): void;
  /** @returns the place of the person who calls, by the address of the caller; -1 when no person has that address */
  callerOf(call: Call): number;
  /** @returns s since 1970 in UTC, 0 while it is not known */
  epochS(): number;
}

export interface AccessParts {
  settings: Settings;
  timers: Timers;
  events: DoorEvents;
  /** Keeps wrong guesses over a restart; if null, a restart forgets them. */
  store: Store | null;
}

/** The pauses after the digits of a call and of the keypad, the time between card and code, and the locks of codes. */
export const ACCESS_TIMERS = 2 + HALF_WAY_TIMERS + CODE_LOCK_TIMERS;

export class Access implements TimerUser, HalfWayUser {
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly people: People;
  private readonly user: AccessUser;
  private readonly lock: CodeLock;
  private readonly phone: Entry;
  private readonly keypad: Entry;
  /** Each code as a number with a 1 before its digits. Its relay and its number at the lock have the same index. */
  private codes: number[] = [];
  private relays: number[] = [];
  private secrets: number[] = [];
  /** The codes of the settings, each once. */
  private digits: string[] = [];
  /** Relays that need card and code at the door: bit 0 is relay 1. */
  private both = 0;
  /** The time between a card and its code; null as long as no relay needs both. */
  private half: HalfWay | null = null;
  private shortest = 0;
  private longest = 0;
  private call: Call | null = null;
  /**
   * The lowest DIGIT_* heard in this call. One press may be sent in more ways than one, and a lower number is more
   * reliable.
   */
  private way = 0;
  private wasKept = true;
  private lastCode = 0;
  private lastMs = 0;

  constructor(parts: AccessParts, people: People, user: AccessUser) {
    const { settings, timers, events, store } = parts;
    this.settings = settings;
    this.timers = timers;
    this.events = events;
    this.people = people;
    this.user = user;
    this.lock = new CodeLock(store, timers, user);
    this.phone = new Entry(timers.make(this, ENTRY_CALL));
    this.keypad = new Entry(timers.make(this, ENTRY_KEYPAD));
  }

  /** Takes the codes of the settings. The same digits for two relays are one secret, since a guess tries both. */
  configure(): void {
    this.codes = [];
    this.relays = [];
    this.secrets = [];
    this.digits = [];
    this.both = 0;
    this.half?.end();
    const { digits } = this;
    for (let relay = 1; relay <= RELAYS_MOST; relay++) {
      if (this.settings.get(RELAY_FACTORS[relay - 1]) === BOTH) this.both |= bitOf(relay);
      const codes = this.settings.get(RELAY_CODES[relay - 1]).split(",");
      for (let i = 0; i < codes.length; i++) {
        if (codes[i] === "") continue;
        if (digits.indexOf(codes[i]) < 0) digits.push(codes[i]);
        this.codes.push(numberOf(codes[i]));
        this.relays.push(relay);
        this.secrets.push(digits.indexOf(codes[i]));
      }
    }
    // A plain board has no memory for what is not set up.
    if (this.both !== 0) this.half ??= new HalfWay(this.timers, this);
    this.onPeople();
    this.forgetDigits(this.phone);
    this.forgetDigits(this.keypad);
  }

  /** Takes changes of the people's codes. An entry that is under way goes on. */
  onPeople(): void {
    const { people, digits } = this;
    this.shortest = people.hasCodes ? people.shortest : LONGEST_CODE;
    this.longest = people.longest;
    for (let i = 0; i < digits.length; i++) {
      this.shortest = Math.min(this.shortest, digits[i].length);
      this.longest = Math.max(this.longest, digits[i].length);
    }
    this.lock.watch(digits, people.count > 0);
  }

  /** Forgets the digits so far when a call begins or ends, unless they already count as a guess. */
  reset(): void {
    this.abandon(this.phone, DIGIT_WAYS[this.way]);
    this.call = null;
    this.phone.wrong = 0;
    this.way = 0;
    this.lastCode = 0;
    if (this.user.isInCall?.() !== true) this.lock.onCallEnded();
  }

  /**
   * Takes a digit of a call. `*1` and `*2` open that relay in a call of a person who is known by address. @param code
   * ASCII @param way DIGIT_*
   */
  digit(call: Call, code: number, way: number): void {
    if (call.caller !== "" && this.takesOrder(call, code, way)) return;
    if (this.longest === 0) {
      // One event in a call says why the door stays shut.
      if (call !== this.call) this.events.event("error", CODE_UNSET, NO_FIELDS);
      this.call = call;
      return;
    }
    if (call !== this.call) {
      this.abandon(this.phone, DIGIT_WAYS[this.way]);
      this.call = call;
      this.way = 0;
    }
    if (this.isSecondHearing(code, way)) return;
    this.take(this.phone, code);
  }

  /** Returns whether the digit is the second one of `*1` or `*2`, in a call of a person who is known by address. */
  private takesOrder(call: Call, code: number, way: number): boolean {
    // The same press that arrives again in another way is no order.
    if (call === this.call && this.way !== 0 && way > this.way) return false;
    const isBehindStar =
      call === this.call && this.lastCode === STAR && this.timers.nowMs - this.lastMs <= CODE_PAUSE_MS;
    // If there is no code at all, no other digit has a meaning, so none is kept.
    const isNoted = this.longest === 0 && (code === STAR || call === this.call);
    const relay = code - ZERO;
    const isOrder = isBehindStar && relay >= 1 && relay <= RELAYS_MOST && this.phone.count === 0;
    const place = isOrder ? this.user.callerOf(call) : -1;
    if (!isNoted && place < 0) return false;
    this.call = call;
    this.way = way;
    this.lastCode = code;
    this.lastMs = this.timers.nowMs;
    if (place >= 0) this.openFor(place, relay, BY_CALL);
    return true;
  }

  /** Takes a MESSAGE of a person who is known by address, without a code. */
  order(place: number, relay: number): void {
    this.abandon(this.phone, DIGIT_WAYS[this.way]);
    this.call = null;
    this.openFor(place, relay, MESSAGE);
  }

  /** Opens for a person who is known by address. Hours, days and uses apply; the lock of codes does not. */
  private openFor(place: number, relay: number, by: string): void {
    const person = this.people.at(place);
    if (person === null) return;
    const relays = person.relays & bitOf(relay);
    this.admit(
      this.phone,
      { person, place, relays, by, what: by },
      relays === 0 ? "not for relay " + relay : "",
      false,
    );
  }

  /**
   * Takes a key of the keypad at the door: 0 to 9, * and #. `*` removes the last digit as long as no digits were
   * compared with the codes, and all digits after that. If # follows fewer digits than a code has, they are a number to
   * dial. @param code ASCII
   */
  key(code: number): void {
    const { keypad } = this;
    const isCompared = this.longest > 0 && keypad.count >= this.shortest;
    if (code === STAR && !isCompared) {
      if (keypad.count === 0) return;
      keypad.count -= 1;
      keypad.entered = Math.floor(keypad.entered / 10);
      this.timers.start(keypad.timer, CODE_PAUSE_MS);
    } else if (code === HASH && keypad.count < CODE_LEAST) this.dial();
    else this.take(keypad, code);
  }

  private dial(): void {
    const { entered, count } = this.keypad;
    this.forgetDigits(this.keypad);
    if (count > 0) this.user.onDial(entered < 0 ? "" : ("" + entered).slice(1));
  }

  /**
   * Takes a card. An unknown card is a guess at all cards; such guesses have a count and a lock of their own. @returns
   * whether it opened
   */
  card(number: string): boolean {
    const { lock, people, half } = this;
    half?.end();
    // Without people, unknown cards are not counted.
    const isLocked = lock.cards >= 0 && lock.remainingMs(lock.cards) > 0;
    const place = isLocked ? -1 : people.ofCard(number);
    if (place >= 0) return this.admitCard(place, number);
    if (!isLocked) {
      if (lock.cards >= 0) {
        lock.onWrong(lock.cards);
        lock.keep();
        this.tellStore();
      }
      this.events.event("error", CARD_UNKNOWN, { by: CARD });
    }
    if (lock.cards >= 0 && lock.remainingMs(lock.cards) > 0) this.tellLock();
    this.user.onWrongCode(null, false);
    return false;
  }

  private take(entry: Entry, code: number): void {
    const by = entry === this.keypad ? KEYPAD : DIGIT_WAYS[this.way];
    if (code === STAR) this.abandon(entry, by);
    else if (code === HASH) this.tryEntered(entry, by);
    else {
      entry.entered = withDigit(entry.entered, code);
      entry.count += 1;
      this.timers.start(entry.timer, CODE_PAUSE_MS);
      // Digits that may become a longer code wait for the pause or for #. A code that is locked counts as wrong digits.
      const isWhole = !this.isBeginning(entry) && this.isRight(entry);
      if (isWhole || entry.count >= Math.max(this.longest, CODE_LEAST)) this.tryEntered(entry, by);
      else if (this.longest > 0 && entry.count >= this.shortest) this.lock.expect();
    }
  }

  /** Takes a whole code, from a MESSAGE. @param relay the relay that it has to open */
  text(relay: number, code: string): void {
    this.abandon(this.phone, DIGIT_WAYS[this.way]);
    this.call = null;
    this.attempt(this.phone, numberOf(code), code.length, relay, MESSAGE);
  }

  onTimer(kind: number): void {
    if (kind === ENTRY_KEYPAD && this.keypad.count < CODE_LEAST) this.dial();
    else if (kind === ENTRY_KEYPAD) this.tryEntered(this.keypad, KEYPAD);
    else this.tryEntered(this.phone, DIGIT_WAYS[this.way]);
  }

  private tryEntered(entry: Entry, by: string): void {
    const { entered, count } = entry;
    this.forgetDigits(entry);
    // If there is no code at all, the entry came from the keypad.
    if (this.longest === 0) this.user.onWrongCode(null, false);
    else if (count > 0) this.attempt(entry, entered, count, 0, by);
  }

  /**
   * Forgets the digits so far. The digits were compared with the codes from the shortest code's length on, and the
   * person who entered them saw that nothing opened. So they count as a guess, whatever followed.
   */
  private abandon(entry: Entry, by: string): void {
    const { count } = entry;
    this.forgetDigits(entry);
    if (this.longest > 0 && count >= this.shortest) this.countWrong(entry, 0, by);
  }

  /**
   * Compares an entry with the codes.
   * @param relay the relay that the code has to be for, 0: any @param by the way in which the code came
   */
  private attempt(entry: Entry, code: number, count: number, relay: number, by: string): void {
    const call = entry === this.keypad ? null : this.call;
    const shut = entry === this.keypad ? this.both : 0;
    const found = this.find(code, relay, shut);
    if (found >= 0) {
      if (entry === this.keypad) this.half?.end();
      entry.wrong = 0;
      this.lock.onRight(this.secrets[found]);
      this.user.onCode({ relay: this.relays[found], reason: by === MESSAGE ? by : CODE, call });
      return;
    }
    if (shut !== 0 && this.find(code, relay) >= 0) {
      this.half?.end();
      this.lock.onRefused();
      this.refuse(entry, EVERYBODY, NEEDS_CARD, by);
      return;
    }
    const place = this.placeOf(code, count);
    if (place >= 0) {
      this.admitCode(entry, place, relay, by);
      return;
    }
    this.countWrong(entry, relay, by);
    this.user.onWrongCode(call, entry.wrong >= CODE_TRIES);
  }

  /** Takes a person's code. @param relay the relay that it has to open, 0: all of the person's */
  private admitCode(entry: Entry, place: number, relay: number, by: string): void {
    const person = this.people.at(place);
    if (person === null) return;
    const isAtDoor = entry === this.keypad;
    const isSecond = isAtDoor && this.half?.isOf(person) === true;
    if (isAtDoor) this.half?.end();
    const isMeant = relay === 0 || (person.relays & bitOf(relay)) !== 0;
    // A code after its card opens the relays that the card alone did not.
    const meant = isSecond ? this.both : isAtDoor ? ~this.both : ~0;
    const relays = person.relays & meant & (relay === 0 ? ~0 : bitOf(relay));
    const why = !isMeant ? "not for relay " + relay : relays === 0 ? CARD_FIRST : "";
    const what = isSecond ? CARD_AND_CODE : by === MESSAGE ? by : CODE;
    this.admit(entry, { person, place, relays, by, what }, why);
  }

  /** Takes a person's card. @returns whether it opened */
  private admitCard(place: number, card: string): boolean {
    const person = this.people.at(place);
    if (person === null) return false;
    const relays = person.relays & ~this.both;
    const isHalf = relays !== person.relays && person.codes.length > 0;
    if (relays !== 0 || !isHalf) {
      const recognised = { person, place, relays, by: CARD, what: CARD };
      if (!this.admit(this.keypad, recognised, relays === 0 ? HAS_NO_CODE : "")) return false;
    } else {
      const why = refusalOf(person, this.user.epochS(), this.settings);
      if (why !== "") {
        this.refuse(this.keypad, person.name, why, CARD);
        return false;
      }
      this.lock.onRight(this.lock.cards);
    }
    if (isHalf) {
      this.half?.begin(person, card);
      this.user.onCodeWanted();
    }
    return relays !== 0;
  }

  onNoCode(name: string): void {
    this.refuse(this.keypad, name, NO_CODE_CAME, CARD);
  }

  /**
   * Opens for a person who was recognised, if hours, days and uses allow it.
   * @param why another reason to refuse, "" for none @param isGiven a code or card was given, and ends a lock @returns
   * whether it opened
   */
  private admit(entry: Entry, { person, place, relays, by, what }: Recognised, why: string, isGiven = true): boolean {
    const call = entry === this.keypad ? null : this.call;
    let refusal = why === "" ? refusalOf(person, this.user.epochS(), this.settings) : why;
    // The use is counted before the door opens, so that a power cut cannot undo it.
    if (refusal === "" && !this.people.spend(place, person)) refusal = USE_NOT_KEPT;
    if (refusal !== "") {
      if (isGiven && what !== CARD) this.lock.onRefused();
      this.refuse(entry, person.name, refusal, by);
      return false;
    }
    if (isGiven) {
      entry.wrong = 0;
      if (what === CARD) this.lock.onRight(this.lock.cards);
      else this.lock.onRightOf(place);
    }
    const reason = what + ", " + person.name;
    for (let i = 1; i <= RELAYS_MOST; i++) if ((relays & bitOf(i)) !== 0) this.user.onCode({ relay: i, reason, call });
    return true;
  }

  /** Refuses a right code or card. From outside the answer looks like that to a wrong one; the log has the reason. */
  private refuse(entry: Entry, name: string, why: string, by: string): void {
    entry.wrong += 1;
    this.events.event("error", ACCESS_REFUSED, { person: name, why, by });
    this.user.onWrongCode(entry === this.keypad ? null : this.call, entry.wrong >= CODE_TRIES);
  }

  /** Counts a wrong entry as one guess at each code that it was compared with. */
  private countWrong(entry: Entry, relay: number, by: string): void {
    if (entry === this.keypad) this.half?.end();
    const guessed: number[] = [];
    let isHidden = false;
    for (let i = 0; i < this.codes.length; i++) {
      if (relay !== 0 && this.relays[i] !== relay) continue;
      const secret = this.secrets[i];
      if (guessed.indexOf(secret) >= 0) continue;
      if (this.lock.remainingMs(secret) > 0) isHidden = true;
      else guessed.push(secret);
    }
    for (let number = this.lock.firstOfPeople; number < this.lock.count; number++) {
      if (this.lock.remainingMs(number) > 0) isHidden = true;
      else guessed.push(number);
    }
    if (guessed.length > 0 || !isHidden) {
      for (let i = 0; i < guessed.length; i++) {
        this.lock.onWrong(guessed[i]);
        if (this.lock.remainingMs(guessed[i]) > 0) isHidden = true;
      }
      // The guess is stored before the door shows that it was wrong, so that a power cut in between cannot undo it.
      if (guessed.length > 0) this.lock.keep();
      this.tellStore();
      entry.wrong += 1;
      // The event leaves out the digits, since a wrong code is often the right one with a slip.
      this.events.event("error", CODE_WRONG, { tries: entry.wrong, by });
    }
    // A locked code is refused even if it is right, or a guesser could go on and see which one opens.
    if (isHidden) this.tellLock();
  }

  /** Reports once that the store failed, which means that a power cut would lift the lock. */
  private tellStore(): void {
    if (!this.lock.isKept && this.wasKept) this.events.event("error", NOT_KEPT, NO_FIELDS);
    this.wasKept = this.lock.isKept;
  }

  /** Reports which settings have a locked code, and when no code is locked any more. */
  private tellLock(): void {
    let mostMs = 0;
    let keys = "";
    for (let relay = 1; relay <= RELAYS_MOST; relay++) {
      let relayMs = 0;
      for (let i = 0; i < this.codes.length; i++)
        if (this.relays[i] === relay) relayMs = Math.max(relayMs, this.lock.remainingMs(this.secrets[i]));
      if (relayMs > 0) keys += (keys === "" ? "" : ",") + "relay" + relay + ".code";
      mostMs = Math.max(mostMs, relayMs);
    }
    let peopleMs = 0;
    for (let number = this.lock.firstOfPeople; number < this.lock.count; number++)
      peopleMs = Math.max(peopleMs, this.lock.remainingMs(number));
    if (peopleMs > 0) keys += (keys === "" ? "" : ",") + "people";
    const cardsMs = this.lock.cards < 0 ? 0 : this.lock.remainingMs(this.lock.cards);
    if (cardsMs > 0) keys += (keys === "" ? "" : ",") + "cards";
    mostMs = Math.max(mostMs, peopleMs, cardsMs);
    const seconds = Math.ceil(mostMs / 1000);
    this.events.event("error", CODES_LOCKED, { seconds, key: keys, allowed: "after that, or without a code" });
  }

  private isRight(entry: Entry): boolean {
    return this.find(entry.entered, 0) >= 0 || this.placeOf(entry.entered, entry.count) >= 0;
  }

  /**
   * @param relay the relay that the code has to be for, 0: any @param shut relays that it must not be for, as bits
   * @returns the index of a code that is not locked, -1 for none
   */
  private find(code: number, relay: number, shut = 0): number {
    for (let i = 0; i < this.codes.length; i++) {
      if ((shut & bitOf(this.relays[i])) !== 0) continue;
      const isMeant = this.codes[i] === code && (relay === 0 || this.relays[i] === relay);
      if (isMeant && this.lock.remainingMs(this.secrets[i]) === 0) return i;
    }
    return -1;
  }

  /** @returns the place of the person whose code that is, -1 when no person has that address or locked */
  private placeOf(code: number, count: number): number {
    if (code < 0 || !this.people.hasLength(count)) return -1;
    const place = this.people.ofCode(("" + code).slice(1));
    return place >= 0 && this.lock.remainingMs(this.lock.numberOf(place)) > 0 ? -1 : place;
  }

  /** Returns whether a longer code may begin with these digits. Any digits may begin a person's code. */
  private isBeginning(entry: Entry): boolean {
    const { entered, count } = entry;
    if (entered < 0) return false;
    if (this.people.hasLonger(count)) return true;
    for (let i = 0; i < this.codes.length; i++) {
      let code = this.codes[i];
      if (code === entered) continue;
      while (code > entered) code = Math.floor(code / 10);
      if (code === entered) return true;
    }
    return false;
  }

  /**
   * Returns whether a digit is the same press once more: some phones send a digit in several ways, and only the most
   * reliable one heard in a call counts.
   */
  private isSecondHearing(code: number, way: number): boolean {
    const { nowMs } = this.timers;
    if (this.way !== 0 && way > this.way) return true;
    const isSame = way < this.way && code === this.lastCode && nowMs - this.lastMs <= SAME_PRESS_MS;
    this.way = way;
    this.lastCode = code;
    this.lastMs = nowMs;
    return isSame;
  }

  private forgetDigits(entry: Entry): void {
    this.timers.stop(entry.timer);
    entry.entered = 1;
    entry.count = 0;
  }
}

/** @returns the number of the digits so far with one more; below 0 from the first character on that is not a digit */
function withDigit(entered: number, octet: number): number {
  const digit = octet - ZERO;
  return digit < 0 || digit > 9 ? NO_CODE : entered * 10 + digit;
}

/** @returns the bit that stands for a relay, from 1 */
function bitOf(relay: number): number {
  return 1 << (relay - 1);
}

/** @returns the digits as a number with a 1 before them; below 0 when a character is not a digit */
function numberOf(digits: string): number {
  let number = 1;
  for (let i = 0; i < digits.length; i++) number = withDigit(number, digits.charCodeAt(i));
  return number;
}

/** An order by MESSAGE: the action, the relay and the code ("" without one). */
export interface Order {
  word: string;
  relay: number;
  code: string;
}

/** @returns the order in `open [RELAY] [CODE]` or `close [RELAY]`; null for any other text */
export function readOrder(said: string): Order | null {
  const words = said.trim().toLowerCase().split(" ");
  const order: Order = { word: words[0], relay: 1, code: "" };
  if (order.word !== "open" && order.word !== "close") return null;
  for (let i = 1; i < words.length; i++) {
    const word = words[i];
    for (let j = 0; j < word.length; j++) if (word.charAt(j) < "0" || word.charAt(j) > "9") return null;
    if (word.length === 1 && i === 1) order.relay = Number(word);
    else if (word.length > 1 && i === words.length - 1 && order.word === "open") order.code = word;
    else return null;
  }
  return order;
}
