/**
 * Keeps the people of a door, each in a record in flash that is read when needed. Memory holds an index of hashes
 * alone. The store writes one record at once, so that after a power cut a record is either old or new. An import is
 * written beside the old records and takes effect by one last write; if the power is cut before that, the next start
 * removes its records. A full store is reported before anything is written. Not here: the fields of a person
 * (person.ts), the comparison of codes (secrets.ts), guesses (intercom/access.ts), commands (console).
 */
import type { Store } from "../../hal/device.js";
import { int32Array, uint16Array } from "../core/arrays.js";
import { hash, utf8 } from "../core/bytes.js";
import { printable } from "../core/printable.js";
import type { RandomSource } from "../core/random.js";
import { RELAY_CODES } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import { checkPerson, EVERYBODY, numberOf, type Person, personText, readPerson, USES_UNLIMITED } from "./person.js";
import { Secrets } from "./secrets.js";

const RECORD_KEY = "p";
/** The key in the store of the number of the last complete import. */
const BATCH_KEY = "batch";
/** Codes and cards that the index has room for, for each place. */
const SECRETS_EACH = 2;
const CODE_LEAST = 4;
const CODE_MOST = 8;
/** Digits of a code that the door makes, if any number of digits is allowed. */
const CODE_USUAL = 6;
/** Tries after which the search for a new code gives up. */
const TRIES = 100;
/** An owner holds the place in its low bits and the number of the code's digits above them, 0 for a card. */
const PLACE_MASK = 0x0fff;
const LENGTH_SHIFT = 12;
const FREE = 0;
const NOBODY = -1;
// These replace an index that is not made yet.
const NOTHING = new Int32Array(0);
const NO_OWNERS = new Uint16Array(0);
const NOT_KEPT = "the store failed, and nothing was changed: ";
const KEY_LOST = "the key of the door codes is lost: codes of people open nothing until they are given anew";

export class People {
  readonly capacity: number;
  readonly secrets: Secrets;
  /** Number of records that could not be read at the start: they open nothing. */
  damaged = 0;
  private readonly store: Store;
  private readonly settings: Settings;
  /** A hash of the name by place; FREE where the place is empty. */
  private names: Int32Array = NOTHING;
  /** The first 32 bits of the hash of each code and card, and its owner. */
  private keys: Int32Array = NOTHING;
  private owners: Uint16Array = NO_OWNERS;
  private secretCount = 0;
  /** A hash of the user part of the SIP address by place, FREE where there is none; empty while no person has one. */
  private addresses: Int32Array = NOTHING;
  /** Bit n is set if a person has a code of n digits. */
  private lengths = 0;
  private people = 0;
  private committed = 0;
  /** The number of the import that is under way; 0: none. */
  private batch = 0;
  /** Number of people that the import may still bring. */
  private expected = 0;

  /** @param capacity the most people that are kept; 0: this board keeps none */
  constructor(store: Store, settings: Settings, random: RandomSource, capacity: number) {
    this.store = store;
    this.settings = settings;
    this.capacity = capacity;
    this.secrets = new Secrets(store, random);
  }

  /** Makes the index. A door without people has none. */
  private open(): void {
    if (this.names.length > 0 || this.capacity === 0) return;
    this.names = int32Array(this.capacity);
    this.keys = int32Array(this.secretsMost);
    this.owners = uint16Array(this.secretsMost);
  }

  private get secretsMost(): number {
    return SECRETS_EACH * this.capacity;
  }

  get count(): number {
    return this.people;
  }

  get isImporting(): boolean {
    return this.batch !== 0;
  }

  /** Returns whether a code can open by these records. */
  get hasCodes(): boolean {
    return this.lengths !== 0;
  }

  /** Reads the records. @returns "" or one line that says which records cannot be used */
  load(): string {
    if (this.names.length > 0) this.names.fill(FREE);
    if (this.addresses.length > 0) this.addresses.fill(FREE);
    this.secretCount = this.people = this.lengths = this.damaged = this.batch = 0;
    this.secrets.load();
    const kept = numberOf(this.store.read(BATCH_KEY) ?? "0");
    this.committed = kept > 0 ? kept : 0;
    let isLost = false;
    for (let place = 0; place < this.capacity; place++) {
      const text = this.store.read(RECORD_KEY + place);
      if (text === null || text === "") continue;
      this.open();
      const person = readPerson(text);
      if (person === null) {
        this.damaged += 1;
        continue;
      }
      // The power was cut before the import was whole.
      if (person.batch > this.committed) this.erase(place);
      else {
        this.enter(place, person);
        for (let i = 0; i < person.codes.length; i++) if (!this.secrets.isOfKey(person.codes[i])) isLost = true;
      }
    }
    const damage = this.damaged === 0 ? "" : this.damaged + " records of people cannot be read: they open nothing";
    return isLost ? KEY_LOST + (damage === "" ? "" : "; " + damage) : damage;
  }

  /** @returns the first place from `from` on that is taken, NOBODY (-1) when there is none */
  next(from: number): number {
    for (let place = from; place < this.names.length; place++) if (this.names[place] !== FREE) return place;
    return NOBODY;
  }

  /** @returns null when the place is empty, or its record cannot be read */
  at(place: number): Person | null {
    const text = place >= 0 && place < this.capacity ? this.store.read(RECORD_KEY + place) : null;
    return text === null || text === "" ? null : readPerson(text);
  }

  /** Finds a person by name; case does not matter. @returns the place, or -1 */
  find(name: string): number {
    const wanted = name.toLowerCase();
    const sought = nameHash(wanted);
    for (let place = 0; place < this.names.length; place++)
      if (this.names[place] === sought && this.at(place)?.name.toLowerCase() === wanted) return place;
    return NOBODY;
  }

  /** Returns whether a person has a code of that many digits, or of more. */
  hasLength(digits: number): boolean {
    return (this.lengths & (1 << digits)) !== 0;
  }

  hasLonger(digits: number): boolean {
    return this.lengths >> (digits + 1) !== 0;
  }

  /** @returns the number of digits of the shortest code, 0 if there are no codes; and that of the longest */
  get shortest(): number {
    for (let digits = CODE_LEAST; digits <= CODE_MOST; digits++) if (this.hasLength(digits)) return digits;
    return 0;
  }

  get longest(): number {
    for (let digits = CODE_MOST; digits >= CODE_LEAST; digits--) if (this.hasLength(digits)) return digits;
    return 0;
  }

  /**
   * Finds the owner of a code. The whole index is searched and one record is read whether the code is right or wrong,
   * so that the time tells nothing. @returns the place; -1 if it has no owner, or its owner came with an import that is
   * not complete
   */
  ofCode(digits: string): number {
    if (this.lengths === 0) return NOBODY;
    const sought = this.secrets.hash(digits);
    const place = this.placeOf(sought, digits.length);
    const person = this.at(place < 0 ? this.next(0) : place);
    let isRight = false;
    if (person !== null)
      for (let i = 0; i < person.codes.length; i++) if (this.secrets.isHashed(person.codes[i])) isRight = true;
    return isRight && place >= 0 && person !== null && this.isInForce(person) ? place : NOBODY;
  }

  /** Finds the owner of a card. @returns as `ofCode` */
  ofCard(card: string): number {
    const place = this.holderOf(card);
    const person = place < 0 ? null : this.at(place);
    return person !== null && this.isInForce(person) ? place : NOBODY;
  }

  /** @returns the place of the person with that card, also of an incomplete import; -1: none */
  private holderOf(card: string): number {
    const sought = cardHash(card);
    for (let i = 0; i < this.secretCount; i++) {
      if (this.keys[i] !== sought || this.owners[i] >> LENGTH_SHIFT !== 0) continue;
      const place = this.owners[i] & PLACE_MASK;
      const person = this.at(place);
      if (person !== null && person.cards.indexOf(card) >= 0) return place;
    }
    return NOBODY;
  }

  /**
   * Finds a person whose SIP address has that user part. Case counts, as in SIP; the caller says whether the host fits.
   * @param from the first place to search @returns the place, or -1
   */
  ofSipUser(user: string, from: number): number {
    const sought = nameHash(user);
    for (let place = from; place < this.addresses.length; place++) {
      if (this.addresses[place] !== sought) continue;
      const person = this.at(place);
      if (person !== null && userOf(person.sip) === user && this.isInForce(person)) return place;
    }
    return NOBODY;
  }

  /** @returns the place of the person with that SIP address, also of an incomplete import; -1: none */
  private addresseeOf(sip: string): number {
    const sought = nameHash(userOf(sip));
    for (let place = 0; sip !== "" && place < this.addresses.length; place++)
      if (this.addresses[place] === sought && this.at(place)?.sip.toLowerCase() === sip.toLowerCase()) return place;
    return NOBODY;
  }

  /** Keeps a new person. @param codes digits of the codes @returns "" or one line why not; then nothing was changed */
  add(person: Person, codes: readonly string[]): string {
    const problem = this.roomFor(1, codes.length + person.cards.length);
    if (problem !== "") return problem;
    this.open();
    if (this.batch !== 0 && this.expected === 0)
      return "the import was begun for fewer people: nothing was kept of this one";
    person.batch = this.batch;
    const error = this.keep(this.freePlace(), null, person, codes);
    if (error === "" && this.batch !== 0) this.expected -= 1;
    return error;
  }

  /** Replaces the record of a person. @param codes null: the codes stay @returns as `add` */
  change(place: number, person: Person, codes: readonly string[] | null): string {
    const before = this.at(place);
    if (before === null) return "there is nobody";
    const more = person.cards.length - before.cards.length + (codes === null ? 0 : codes.length - before.codes.length);
    if (this.secretCount + more > this.secretsMost) return this.secretsFull();
    return this.keep(place, before, person, codes ?? []);
  }

  /** @returns "" or one line why not */
  remove(place: number): string {
    try {
      this.erase(place);
    } catch (thrown) {
      return NOT_KEPT + messageOf(thrown);
    }
    this.leave(place);
    return "";
  }

  /** Removes everybody, and the key. @returns as `remove` */
  clear(): string {
    try {
      if (this.secrets.hasKey) this.secrets.forgetKey();
    } catch (thrown) {
      return NOT_KEPT + messageOf(thrown);
    }
    this.batch = 0;
    for (let place = this.next(0); place >= 0; place = this.next(place + 1)) {
      const problem = this.remove(place);
      if (problem !== "") return problem;
    }
    return "";
  }

  /**
   * Takes one of the openings that are left. This happens before the door opens, so that a power cut in between may
   * lose an opening but never adds one. @returns whether the person may open
   */
  spend(place: number, person: Person): boolean {
    if (person.uses === USES_UNLIMITED) return true;
    if (person.uses <= 0) return false;
    person.uses -= 1;
    try {
      this.store.write(RECORD_KEY + place, personText(person));
      return true;
    } catch {
      person.uses += 1;
      return false;
    }
  }

  // ---- imports ----

  /** Begins an import. @param count of people @param secrets of codes and cards @returns "" or why there is no room */
  begin(count: number, secrets: number): string {
    this.abort();
    const problem = this.roomFor(count, secrets);
    if (problem !== "") return problem;
    this.batch = this.committed + 1;
    this.expected = count;
    return "";
  }

  /** Puts the import in force. @returns "" or one line why not; then nothing of it is kept */
  commit(): string {
    if (this.batch === 0) return "there is no import under way";
    const left = this.expected;
    let problem = left === 0 ? "" : left + " people are missing";
    try {
      if (problem === "") this.store.write(BATCH_KEY, "" + this.batch);
    } catch (thrown) {
      problem = messageOf(thrown);
    }
    if (problem !== "") {
      this.abort();
      return "nothing was kept: " + problem;
    }
    this.committed = this.batch;
    this.batch = 0;
    return "";
  }

  /** Removes the records of an import that is under way. */
  abort(): void {
    const { batch } = this;
    if (batch === 0) return;
    for (let place = this.next(0); place >= 0; place = this.next(place + 1)) {
      if (this.at(place)?.batch !== batch) continue;
      try {
        this.erase(place);
      } catch {
        // The record belongs to an import that was never completed, so the next start removes it.
      }
      this.leave(place);
    }
    this.batch = this.expected = 0;
  }

  // ---- codes ----

  /** Number of digits of a new code; 0: 4 to 8. */
  private get newLength(): number {
    const length = this.settings.get("code.length");
    return length === "any" ? 0 : Number(length);
  }

  /** @returns a code that has no owner, "" when none was found */
  newCode(): string {
    const length = this.newLength === 0 ? CODE_USUAL : this.newLength;
    for (let i = 0; i < TRIES; i++) {
      const code = this.secrets.newCode(length);
      if (this.ownerOf(code) === "") return code;
    }
    return "";
  }

  /** @returns the name of the code's owner, "" when it has none */
  ownerOf(digits: string): string {
    for (let i = 0; i < RELAY_CODES.length; i++)
      if (this.settings.get(RELAY_CODES[i]).split(",").indexOf(digits) >= 0) return EVERYBODY;
    if (!this.secrets.hasKey) return "";
    const place = this.placeOf(this.secrets.hash(digits), digits.length);
    return place < 0 ? "" : (this.at(place)?.name ?? "");
  }

  /** @param codes digits of new codes @returns "" or one line that names those that cannot be taken */
  private checkSecrets(place: number, person: Person, codes: readonly string[]): string {
    const length = this.newLength;
    for (let i = 0; i < codes.length; i++) {
      const isLong =
        length === 0 ? codes[i].length >= CODE_LEAST && codes[i].length <= CODE_MOST : codes[i].length === length;
      const most = length === 0 ? CODE_LEAST + " to " + CODE_MOST : "" + length;
      if (!isLong || !(numberOf(codes[i]) >= 0)) return "a code has " + most + " digits (code.length)";
      const owner = this.ownerOf(codes[i]);
      const isOwn = owner !== "" && place >= 0 && this.at(place)?.name === owner;
      // The answer hides the owner's name, since a person who may set codes could find out others' codes by trying.
      if ((owner !== "" && !isOwn) || codes.indexOf(codes[i]) !== i) return "that code is taken: choose another one";
    }
    for (let i = 0; i < person.cards.length; i++) {
      const other = this.holderOf(person.cards[i]);
      const isTaken = other >= 0 && other !== place;
      if (isTaken || person.cards.indexOf(person.cards[i]) !== i)
        return "card " + person.cards[i] + " is taken" + (isTaken ? ", by " + this.at(other)?.name : "");
    }
    const other = this.addresseeOf(person.sip);
    if (other >= 0 && other !== place) return person.sip + " is taken, by " + this.at(other)?.name;
    return "";
  }

  private keep(place: number, before: Person | null, person: Person, codes: readonly string[]): string {
    const other = this.find(person.name);
    if (other >= 0 && other !== place) return "'" + printable(person.name) + "' is there already";
    let problem = this.checkSecrets(before === null ? NOBODY : place, person, codes);
    if (problem !== "") return problem;
    try {
      if (codes.length > 0) this.secrets.makeKey();
      if (codes.length > 0) person.codes = [];
      for (let i = 0; i < codes.length; i++) {
        this.secrets.hash(codes[i]);
        person.codes.push(this.secrets.text());
      }
      problem = checkPerson(person);
      if (problem !== "") return problem;
      this.store.write(RECORD_KEY + place, personText(person));
    } catch (thrown) {
      return NOT_KEPT + messageOf(thrown);
    }
    if (before !== null) this.leave(place);
    this.enter(place, person);
    return "";
  }

  // ---- the index ----

  private roomFor(count: number, secrets: number): string {
    if (this.capacity === 0) return "this board keeps no people";
    if (this.people + count > this.capacity)
      return this.people + " of " + this.capacity + " people are kept: there is no room for " + count + " more";
    return this.secretCount + secrets > this.secretsMost ? this.secretsFull() : "";
  }

  private secretsFull(): string {
    return this.secretCount + " of " + this.secretsMost + " codes and cards are kept: there is no room for more";
  }

  private freePlace(): number {
    for (let place = 0; place < this.capacity; place++) if (this.names[place] === FREE) return place;
    return NOBODY;
  }

  private isInForce(person: Person): boolean {
    return person.batch <= this.committed;
  }

  /** @param length digits @returns the place whose record may have the code, -1 for none */
  private placeOf(key: number, length: number): number {
    let found = NOBODY;
    for (let i = 0; i < this.secretCount; i++) {
      const isIt = this.keys[i] === key && this.owners[i] >> LENGTH_SHIFT === length;
      if (isIt) found = this.owners[i] & PLACE_MASK;
    }
    return found;
  }

  private enter(place: number, person: Person): void {
    this.names[place] = nameHash(person.name.toLowerCase());
    if (person.sip !== "") {
      if (this.addresses.length === 0) this.addresses = int32Array(this.capacity);
      this.addresses[place] = nameHash(userOf(person.sip));
    }
    this.people += 1;
    for (let i = 0; i < person.codes.length; i++) {
      if (!this.secrets.isOfKey(person.codes[i])) continue;
      const length = this.secrets.lengthOf(person.codes[i]);
      this.push(this.secrets.indexOf(person.codes[i]), place | (length << LENGTH_SHIFT));
      this.lengths |= 1 << length;
    }
    for (let i = 0; i < person.cards.length; i++) this.push(cardHash(person.cards[i]), place);
  }

  private push(key: number, owner: number): void {
    if (this.secretCount === this.keys.length) return;
    this.keys[this.secretCount] = key;
    this.owners[this.secretCount] = owner;
    this.secretCount += 1;
  }

  private leave(place: number): void {
    if (this.names[place] === FREE) return;
    this.names[place] = FREE;
    if (this.addresses.length > 0) this.addresses[place] = FREE;
    this.people -= 1;
    let count = 0;
    this.lengths = 0;
    for (let i = 0; i < this.secretCount; i++) {
      const owner = this.owners[i];
      if ((owner & PLACE_MASK) === place) continue;
      this.keys[count] = this.keys[i];
      this.owners[count] = owner;
      count += 1;
      if (owner >> LENGTH_SHIFT > 0) this.lengths |= 1 << (owner >> LENGTH_SHIFT);
    }
    this.secretCount = count;
  }

  private erase(place: number): void {
    const key = RECORD_KEY + place;
    if (this.store.remove !== undefined) this.store.remove(key);
    else this.store.write(key, "");
  }
}

/** @returns a hash that is never FREE */
function nameHash(name: string): number {
  const bytes = utf8(name);
  return hash(bytes, 0, bytes.length) | 1;
}

/** @returns the part of an address before the @ */
function userOf(address: string): string {
  return address.slice(0, Math.max(0, address.indexOf("@")));
}

function cardHash(card: string): number {
  const bytes = utf8(card);
  return hash(bytes, 0, bytes.length);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? printable(thrown.message) : "no reason was given";
}
