/**
 * The console's commands about people: who they are, when their codes and cards open, and imports. A new code is shown
 * once, in the answer to the command that made it. While an import is under way at one place, nobody changes people at
 * another. Not here: how people are kept (people/people.ts), and what opens (intercom/access.ts).
 */

import { printable } from "../core/printable.js";
import type { Door } from "../intercom/door.js";
import { NO_FIELDS } from "../intercom/events.js";
import type { Log } from "../intercom/log.js";
import type { People } from "../people/people.js";
import { cardOf, EVERYBODY, numberOf, Person, refusalOf, USES_UNLIMITED } from "../people/person.js";
import { CommandWords } from "./commandwords.js";
import type { Seat } from "./passwordlock.js";
import { ERROR_ARGUMENT, ERROR_STATE, ERROR_STORE, ERROR_VALUE, type Reply } from "./reply.js";
import { NO_TIME, readTime, timeWords } from "./timewords.js";

const OPENS_NOTHING = " has no code, card or SIP address and opens nothing: people change NAME --code new";
const USAGE =
  "people [FROM], people show|remove NAME, people add|change NAME --code new --card NUMBER --relay 1,2 --when HOURS --from TIME --until TIME --uses N --off --on --note TEXT --sip USER@HOST --name NAME";
const TIMES = "2026-12-24, 2026-12-24 18:00, +24h (where the time of day is known), or none";
const NEW = "new";
const NONE = "none";
/** So many are listed at once: a board has no memory for a list of all. */
const LISTED = 20;
/** An import at whose place no line comes for so long is over. */
const IMPORT_IDLE_MS = 60_000;
/** So many guesses a day are possible (intercom/codelock.ts). */
const GUESSES_A_DAY = 115;
/** Of this many days of guessing one succeeds, or the answer warns. */
const DAYS_LEAST = 100;

export class PeopleCommands {
  private readonly door: Door;
  private readonly people: People;
  private readonly log: Log;
  /** Where an import is under way, and when the last line of it came, ms. */
  private importer: Seat | null = null;
  private importMs = 0;

  constructor(door: Door, log: Log) {
    this.door = door;
    this.people = door.people;
    this.log = log;
  }

  /** Carries out `people REST`. */
  run(reply: Reply, rest: string, seat: Seat): Reply {
    const space = rest.indexOf(" ");
    const verb = (space < 0 ? rest : rest.slice(0, space)).toLowerCase();
    const words = new CommandWords(space < 0 ? "" : rest.slice(space + 1));
    if (words.problem !== "") return reply.fail(ERROR_ARGUMENT, words.problem);
    const from = numberOf(rest);
    if (rest === "" || from >= 0) return this.list(reply, from > 0 ? from : 0);
    if (verb === "show" || verb === "list") return this.show(reply, words.first);
    if (verb === "next") return this.next(reply, words.first);
    const busy = this.busy(seat);
    if (busy !== "") return reply.fail(ERROR_STATE, busy);
    switch (verb) {
      case "add":
        return this.add(reply, words);
      case "change":
        return this.change(reply, words);
      case "remove":
        return this.remove(reply, words);
      case "clear":
        return this.clear(reply, words.first);
      case "begin":
        return this.begin(reply, words.first, seat);
      case "commit":
        return this.commit(reply, seat);
      case "abort":
        return this.abort(reply, seat);
      default:
        return reply.fail(ERROR_ARGUMENT, USAGE);
    }
  }

  /**
   * @returns "" or why that place may change nothing now; an import of its own, or one that is given up, does not count
   */
  private busy(seat: Seat): string {
    const { timers } = this.door;
    if (this.importer !== null && this.importer !== seat) {
      const leftMs = this.importMs + IMPORT_IDLE_MS - timers.nowMs;
      if (leftMs > 0)
        return (
          "people are being imported at another place: try again when that is done, in " +
          Math.ceil(leftMs / 1000) +
          " s at most"
        );
      this.end();
    }
    if (this.importer === seat) this.importMs = timers.nowMs;
    return "";
  }

  /** Ends an import that is not whole, when its place is closed too. */
  leave(seat: Seat): void {
    if (this.importer === seat) this.end();
  }

  private end(): void {
    this.people.abort();
    this.importer = null;
    this.door.access.onPeople();
  }

  private list(reply: Reply, from: number): Reply {
    const { people } = this;
    let out = "";
    let place = people.next(from);
    for (let i = 0; i < LISTED && place >= 0; i++) {
      const person = people.at(place);
      out +=
        person === null ? "a record that cannot be read\n" : printable(person.name) + ": " + this.words(person) + "\n";
      place = people.next(place + 1);
    }
    if (place >= 0) out += "and more: people " + place + "\n";
    const codes = this.door.settings.get("relay1.code") + this.door.settings.get("relay2.code");
    if (codes !== "" && from === 0) out = EVERYBODY + ": the codes of relay1.code and relay2.code\n" + out;
    return reply.tell(out + people.count + " of " + people.capacity + " people\n");
  }

  private show(reply: Reply, name: string): Reply {
    const place = this.people.find(name);
    return place < 0 ? this.nobody(reply, name) : this.put(reply, place);
  }

  /** For a program that reads all: the first person from a place on. */
  private next(reply: Reply, from: string): Reply {
    const start = numberOf(from === "" ? "0" : from);
    if (!(start >= 0)) return reply.fail(ERROR_ARGUMENT, "people next [PLACE]");
    const place = this.people.next(start);
    reply.put("place", place).put("count", this.people.count).put("most", this.people.capacity);
    return place < 0 ? reply : this.put(reply, place);
  }

  private put(reply: Reply, place: number): Reply {
    const person = this.people.at(place);
    if (person === null) return reply.put("name", "").put("state", "a record that cannot be read");
    const zone = this.door.settings.get("time.zone");
    return reply
      .put("name", printable(person.name))
      .put("state", this.stateOf(person))
      .put("codes", person.codes.length)
      .put("cards", person.cards.join(","))
      .put("relay", relaysText(person.relays))
      .put("when", person.when)
      .put("from", timeWords(person.fromS, zone))
      .put("until", timeWords(person.untilS, zone))
      .put("uses", person.uses === USES_UNLIMITED ? "" : "" + person.uses)
      .put("enabled", person.isEnabled ? "on" : "off")
      .put("note", printable(person.note))
      .put("sip", person.sip);
  }

  private add(reply: Reply, words: CommandWords): Reply {
    if (words.first === "") return reply.fail(ERROR_ARGUMENT, "who? people add NAME --code new");
    const person = new Person();
    person.name = words.first;
    const codes: string[] = [];
    const problem = this.read(words, person, codes);
    if (problem !== "") return reply.fail(ERROR_VALUE, problem);
    const refused = this.people.add(person, codes);
    if (refused !== "") return reply.fail(ERROR_VALUE, refused);
    return this.tellKept(reply, person, madeOf(words, codes), "added");
  }

  private change(reply: Reply, words: CommandWords): Reply {
    const place = this.people.find(words.first);
    const person = place < 0 ? null : this.people.at(place);
    if (person === null) return this.nobody(reply, words.first);
    if (words.names.length === 0) return reply.fail(ERROR_ARGUMENT, "change what? " + USAGE);
    const codes: string[] = [];
    const problem = this.read(words, person, codes);
    if (problem !== "") return reply.fail(ERROR_VALUE, problem);
    const isNew = words.names.indexOf("code") >= 0;
    if (isNew && codes.length === 0) person.codes = [];
    const refused = this.people.change(place, person, isNew ? codes : null);
    if (refused !== "") return reply.fail(ERROR_VALUE, refused);
    return this.tellKept(reply, person, madeOf(words, codes), "changed");
  }

  /** Reads the options into a person. @param codes takes the digits of new codes @returns "" or one line */
  private read(words: CommandWords, person: Person, codes: string[]): string {
    const { settings } = this.door;
    const zone = settings.get("time.zone");
    for (let i = 0; i < words.names.length; i++) {
      const value = words.values[i];
      const given = value === NONE ? "" : value;
      switch (words.names[i]) {
        case "name":
          person.name = value;
          break;
        case "code":
          if (!this.readCodes(given, codes)) return "no code is free: choose a longer code.length";
          break;
        case "card": {
          const cards = given === "" ? [] : given.split(",");
          person.cards = [];
          for (let j = 0; j < cards.length; j++) {
            const card = cardOf(cards[j]);
            if (card === "") return "--card: a number of at most 35 bits, or FACILITY:NUMBER; two with a comma between";
            person.cards.push(card);
          }
          break;
        }
        case "relay":
          person.relays = given === "1" ? 1 : given === "2" ? 2 : given === "1,2" ? 3 : 0;
          break;
        case "when":
          person.when = given;
          break;
        case "from":
        case "until": {
          const isEnd = words.names[i] === "until";
          const timeS = readTime(value, isEnd, this.door.epochS(), zone);
          if (timeS === NO_TIME) return "--" + words.names[i] + ": " + TIMES;
          if (isEnd) person.untilS = timeS;
          else person.fromS = timeS;
          break;
        }
        case "uses": {
          const uses = given === "" ? USES_UNLIMITED : numberOf(given);
          if (uses === 0 || Number.isNaN(uses)) return "--uses: a number from 1 to 9999, or none";
          person.uses = uses;
          break;
        }
        case "off":
        case "on":
          if (value !== "") return "--" + words.names[i] + " has no value";
          person.isEnabled = words.names[i] === "on";
          break;
        case "note":
          person.note = given;
          break;
        case "sip":
          person.sip = given;
          break;
        default:
          return "--" + printable(words.names[i], 20) + ": no such option; " + USAGE;
      }
    }
    return "";
  }

  /** @returns false when no code could be made */
  private readCodes(given: string, codes: string[]): boolean {
    const wanted = given === "" ? [] : given.split(",");
    codes.length = 0;
    for (let i = 0; i < wanted.length; i++) {
      const code = wanted[i] === NEW ? this.people.newCode() : wanted[i];
      if (code === "") return false;
      codes.push(code);
    }
    return true;
  }

  /**
   * Tells that a person was kept. @param made codes that the door made, which are shown this once @param done for the
   * log
   */
  private tellKept(reply: Reply, person: Person, made: readonly string[], done: string): Reply {
    const name = printable(person.name);
    this.door.access.onPeople();
    // Each of an import would fill the log.
    if (this.importer === null) this.log.event("people", done, { name });
    reply.put("name", name);
    if (made.length > 0) reply.put("code", made.join(","));
    const warning = this.opensNothing(person) ? name + OPENS_NOTHING : this.warning();
    if (warning !== "") reply.put("warning", warning);
    if (made.length === 0) return warning === "" ? reply.say("ok\n") : reply.say("ok, but " + warning + "\n");
    return reply.say(
      name + ": code " + made.join(" and ") + ", shown this once\n" + (warning === "" ? "" : "but " + warning + "\n"),
    );
  }

  /** An import may bring a person's codes later. */
  private opensNothing({ codes, cards, sip }: Person): boolean {
    return this.importer === null && codes.length === 0 && cards.length === 0 && sip === "";
  }

  /** @returns "" while guessing is hopeless, else how likely it is */
  private warning(): string {
    const { people } = this;
    const { shortest } = people;
    if (shortest === 0) return "";
    const days = 10 ** shortest / (GUESSES_A_DAY * people.count);
    if (days >= DAYS_LEAST) return "";
    return (
      "so many codes of so few digits can be guessed: one in about " +
      Math.max(1, Math.round(days)) +
      " days; a higher code.length and new codes help"
    );
  }

  private remove(reply: Reply, words: CommandWords): Reply {
    const place = this.people.find(words.first);
    if (place < 0) return this.nobody(reply, words.first);
    if (this.people.isImporting)
      return reply.fail(ERROR_STATE, "an import is under way: people commit, or people abort");
    const name = this.people.at(place)?.name ?? "";
    const problem = this.people.remove(place);
    this.door.access.onPeople();
    if (problem !== "") return reply.fail(ERROR_STORE, problem);
    this.log.event("people", "removed", { name: printable(name) });
    return reply;
  }

  private clear(reply: Reply, word: string): Reply {
    if (word !== "yes") return reply.fail(ERROR_ARGUMENT, "all people would be lost: people clear yes does it");
    this.importer = null;
    const problem = this.people.clear();
    this.door.access.onPeople();
    if (problem !== "") return reply.fail(ERROR_STORE, problem);
    this.log.event("people", "cleared", NO_FIELDS);
    return reply;
  }

  private begin(reply: Reply, counts: string, seat: Seat): Reply {
    const words = counts.split(" ");
    const count = numberOf(words[0]);
    const secrets = words.length > 1 ? numberOf(words[1]) : count;
    if (!(count > 0) || !(secrets >= 0)) return reply.fail(ERROR_ARGUMENT, "people begin COUNT [CODES-AND-CARDS]");
    const problem = this.people.begin(count, secrets);
    if (problem !== "") return reply.fail(ERROR_STATE, problem);
    this.importer = seat;
    this.importMs = this.door.timers.nowMs;
    return reply;
  }

  private commit(reply: Reply, seat: Seat): Reply {
    if (this.importer !== seat) return reply.fail(ERROR_STATE, "no import is under way here: people begin COUNT");
    this.importer = null;
    const problem = this.people.commit();
    this.door.access.onPeople();
    if (problem !== "") return reply.fail(ERROR_STORE, problem);
    this.log.event("people", "imported", { count: this.people.count });
    return reply.put("count", this.people.count);
  }

  private abort(reply: Reply, seat: Seat): Reply {
    if (this.importer === seat) this.end();
    return reply;
  }

  private nobody(reply: Reply, name: string): Reply {
    return name === ""
      ? reply.fail(ERROR_ARGUMENT, "who? " + USAGE)
      : reply.fail(ERROR_VALUE, "'" + printable(name, 40) + "' is nobody: people lists all");
  }

  private stateOf(person: Person): string {
    if (person.batch !== 0 && this.people.isImporting) return "being imported";
    for (let i = 0; i < person.codes.length; i++)
      if (!this.people.secrets.isOfKey(person.codes[i])) return "the code's key is lost: give a new code";
    const why = refusalOf(person, this.door.epochS(), this.door.settings);
    return why === "" ? "may open" : why;
  }

  private words(person: Person): string {
    const zone = this.door.settings.get("time.zone");
    let out = this.stateOf(person);
    if (person.codes.length > 0) out += ", " + (person.codes.length === 1 ? "a code" : person.codes.length + " codes");
    if (person.cards.length > 0) out += ", card " + person.cards.join(" and ");
    if (person.relays !== 1) out += ", relay " + relaysText(person.relays);
    if (person.when !== "") out += ", " + person.when;
    if (person.fromS !== 0) out += ", from " + timeWords(person.fromS, zone);
    if (person.untilS !== 0) out += ", until " + timeWords(person.untilS, zone);
    if (person.uses !== USES_UNLIMITED) out += ", " + person.uses + " uses left";
    if (person.sip !== "") out += ", " + person.sip;
    return person.note === "" ? out : out + " (" + printable(person.note) + ")";
  }
}

function relaysText(relays: number): string {
  return relays === 3 ? "1,2" : "" + relays;
}

/** @returns the codes, when the door made one of them; a code that was given is known to the one who gave it */
function madeOf(words: CommandWords, codes: readonly string[]): readonly string[] {
  const at = words.names.indexOf("code");
  return at >= 0 && words.values[at].split(",").indexOf(NEW) >= 0 ? codes : [];
}
