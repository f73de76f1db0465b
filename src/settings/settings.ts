/** The settings in force: read by key, changed through the schema's checks, kept as lines of text. */
import { hasSteering, printable, SHOWN_MOST } from "../core/printable.js";
import { allowed, check, problemOf } from "./check.js";
import {
  findSetting,
  isSecret,
  SCHEMA,
  type Setting,
  type SettingKey,
  type SettingValues,
  settingIndex,
  TYPE_DECIMAL,
  TYPE_NUMBER,
  TYPE_SECRET,
  TYPE_SWITCH,
} from "./schema.js";

type Value = string | number | boolean;

/** The first values, in the order of the schema. A module's constants lie in a board's flash. */
const INITIAL: readonly Value[] = SCHEMA.map((setting) => parsed(setting, setting.initial));

/**
 * Only values that were set take memory: a door has set ten of them or twenty, and each value in an array takes 16
 * octets of a board.
 */
export class Settings {
  /** By the index in the schema: the place in `own` of the value that was set, from 1; 0: the first value holds. */
  private readonly places = new Uint8Array(SCHEMA.length);
  private own: Value[] = [];

  /** @param other whose values it takes; without it the first ones hold */
  constructor(other: Settings | null = null) {
    if (other !== null) this.take(other);
  }

  /** @returns a number, a boolean for `on` and `off`, or a text, as the schema has it for that key */
  get<K extends SettingKey>(key: K): SettingValues[K] {
    // The schema's constructors give each key its type, and `parsed` makes values of that type alone.
    const at = settingIndex(key);
    const place = this.places[at];
    return (place === 0 ? INITIAL[at] : this.own[place - 1]) as SettingValues[K];
  }

  /**
   * The value as a person would write it.
   * @throws RangeError for a key that is not in the schema: a mistake of the program
   */
  text(key: string): string {
    const at = settingIndex(key);
    if (at < 0) throw new RangeError("no setting " + key);
    return textOf(this.valueAt(at));
  }

  /** @returns whether the setting at that index of SCHEMA has the same value in both */
  isSameAt(index: number, other: Settings): boolean {
    return this.valueAt(index) === other.valueAt(index);
  }

  /** @returns "" when it was taken, else one line: which key, what was given, what is allowed */
  set(key: string, value: string): string {
    const setting = findSetting(key);
    if (setting === null) return unknownKey(key);
    const kept = check(setting, value);
    if (kept === null) return refusal(setting, value);
    this.put(settingIndex(key), parsed(setting, kept));
    return "";
  }

  /** Sets one `KEY=VALUE`, as on a command line, or `KEY VALUE`. @returns as `set` */
  assign(assignment: string): string {
    const { key, value, hasValue } = readAssignment(assignment);
    if (!hasValue) return "'" + printable(assignment, SHOWN_MOST) + "' is no setting: write KEY=VALUE";
    return this.set(key, value);
  }

  /**
   * Sets lines of `set KEY VALUE` (or `KEY=VALUE`), all of them or none. `#` begins a comment.
   * @returns "" or one line that names the line's number and the mistake
   */
  apply(lines: string): string {
    const places = this.places.slice();
    const own = this.own.slice();
    const all = lines.split("\n");
    for (let i = 0; i < all.length; i++) {
      const line = all[i].trim();
      if (line === "" || line.charAt(0) === "#") continue;
      const { key, value } = readAssignment(line);
      const error = this.set(key, value);
      if (error !== "") {
        this.places.set(places);
        this.own = own;
        return "line " + (i + 1) + ": " + error;
      }
    }
    return "";
  }

  /** Takes all values of `other`. */
  take(other: Settings): void {
    this.places.set(other.places);
    this.own = other.own.slice();
  }

  /**
   * Reads lines as `save` writes them, perhaps by another version: what is not known or not allowed any more is left
   * out, the rest holds.
   * @returns the keys that were left out
   */
  restore(lines: string): string[] {
    const left: string[] = [];
    const { length } = lines;
    // The lines are read one by one, since a board may have no memory for all of them at once.
    for (let from = 0, end = 0; from < length; from = end + 1) {
      end = lines.indexOf("\n", from);
      if (end < 0) end = length;
      const line = lines.slice(from, end).trim();
      if (line === "") continue;
      const rest = line.slice(0, 4) === "set " ? line.slice(4) : line;
      const space = rest.indexOf(" ");
      const key = space < 0 ? rest : rest.slice(0, space);
      const setting = findSetting(key);
      const kept = setting === null ? null : check(setting, space < 0 ? "" : rest.slice(space + 1));
      if (setting === null || kept === null) left.push(key);
      else this.put(settingIndex(key), parsed(setting, kept));
    }
    return left;
  }

  /** Returns the settings that differ from their first values, as lines for `apply`. It includes secrets. */
  save(): string {
    let out = "";
    for (let i = 0; i < SCHEMA.length; i++) {
      const place = this.places[i];
      if (place === 0) continue;
      const value = textOf(this.own[place - 1]);
      if (value !== SCHEMA[i].initial) out += settingLine(SCHEMA[i].key, value);
    }
    return out;
  }

  /** Returns all settings as lines for `apply`. It includes secrets. */
  saveAll(): string {
    let out = "";
    for (let i = 0; i < SCHEMA.length; i++) out += settingLine(SCHEMA[i].key, textOf(this.valueAt(i)));
    return out;
  }

  private valueAt(index: number): Value {
    const place = this.places[index];
    return place === 0 ? INITIAL[index] : this.own[place - 1];
  }

  private put(index: number, value: Value): void {
    const place = this.places[index];
    if (place > 0) this.own[place - 1] = value;
    else if (value !== INITIAL[index]) {
      this.own.push(value);
      this.places[index] = this.own.length;
    }
  }

  /** Returns the value as a person may see it: a secret is hidden. */
  show(setting: Setting): string {
    return this.showAt(settingIndex(setting.key));
  }

  /** Returns the same by the index in SCHEMA, for those who go through all of it: no key is looked up. */
  showAt(index: number): string {
    const value = textOf(this.valueAt(index));
    return value !== "" && isSecret(SCHEMA[index]) ? "********" : value;
  }
}

/** @param text what `check` let through */
function parsed(setting: Setting, text: string): Value {
  if (setting.type === TYPE_SWITCH) return text === "on";
  return setting.type === TYPE_NUMBER || setting.type === TYPE_DECIMAL ? Number(text) : text;
}

function textOf(value: Value): string {
  if (typeof value === "string") return value;
  return typeof value === "boolean" ? (value ? "on" : "off") : "" + value;
}

/**
 * Changes that were set and are not in force yet, with the last value of each key. They are laid over the settings as
 * those are at that time.
 */
export class Changes {
  private readonly keys: string[] = [];
  private readonly values: string[] = [];

  get count(): number {
    return this.keys.length;
  }

  /** @returns "" when it was taken, else as `Settings.set` */
  set(key: string, value: string): string {
    const setting = findSetting(key);
    if (setting === null) return unknownKey(key);
    const kept = check(setting, value);
    if (kept === null) return refusal(setting, value);
    this.forget(key);
    this.keys.push(key);
    this.values.push(kept);
    return "";
  }

  forget(key: string): void {
    const at = this.keys.indexOf(key);
    if (at < 0) return;
    this.keys.splice(at, 1);
    this.values.splice(at, 1);
  }

  clear(): void {
    this.keys.length = this.values.length = 0;
  }

  layOver(settings: Settings): void {
    for (let i = 0; i < this.keys.length; i++) settings.set(this.keys[i], this.values[i]);
  }
}

export interface Assignment {
  key: string;
  value: string;
  /** Whether a value was given; it may be empty. */
  hasValue: boolean;
}

/** Reads `KEY=VALUE`, `KEY VALUE` or `KEY = VALUE`, also behind `set`. */
export function readAssignment(text: string): Assignment {
  let line = text.trim();
  const isSet = line.slice(0, 4) === "set ";
  if (isSet) line = line.slice(4).trim();
  const equals = line.indexOf("=");
  const space = line.indexOf(" ");
  const cut = space > 0 && (equals < 0 || space < equals) ? space : equals;
  if (cut <= 0) return { key: line, value: "", hasValue: false };
  let value = line.slice(cut + 1).trim();
  // In `KEY = VALUE` the `=` is a separator. In `set KEY =VALUE` it is part of the value, because that is how `save`
  // writes such a value.
  if (value.charAt(0) === "=" && cut === space && !isSet) value = value.slice(1).trim();
  return { key: line.slice(0, cut).trim(), value, hasValue: true };
}

/** @returns one line: which key, what was given, what is allowed */
function refusal(setting: Setting, value: string): string {
  const isHidden = setting.type === TYPE_SECRET || (isSecret(setting) && value.indexOf(",") >= 0);
  const given = isHidden ? "what was given" : "'" + printable(value, SHOWN_MOST) + "'";
  const why = problemOf(setting, value);
  return setting.key + ": " + given + " is not allowed: " + (why === "" ? "" : why + "; allowed: ") + allowed(setting);
}

/**
 * Writes a setting as it is kept and copied: `apply` and `restore` read the same back.
 * @throws Error for a value that no check let through
 */
export function settingLine(key: string, value: string): string {
  if (hasSteering(value) || value.trim() !== value) throw new Error(key + " was never checked");
  return "set " + key + " " + value + "\n";
}

/**
 * Names the key close to the wrong one; otherwise the keys of the same group, or those of the same name in other
 * groups, or the groups.
 */
function unknownKey(key: string): string {
  const given = key.toLowerCase();
  let nearest = "";
  let least = 4;
  for (let i = 0; i < SCHEMA.length; i++) {
    const far = distance(given, SCHEMA[i].key.toLowerCase());
    if (far < least) {
      least = far;
      nearest = SCHEMA[i].key;
    }
  }
  return (
    printable(key, SHOWN_MOST) +
    ": no such key; " +
    (nearest !== "" ? "did you mean " + nearest + "?" : keysLike(given))
  );
}

function keysLike(given: string): string {
  const dot = given.indexOf(".");
  const group = dot < 0 ? given : given.slice(0, dot);
  let siblings = "";
  let namesakes = "";
  let groups = "";
  for (let i = 0; i < SCHEMA.length; i++) {
    const key = SCHEMA[i].key;
    const end = key.indexOf(".");
    const its = key.slice(0, end);
    const bare = withoutNumber(its);
    if (its === group || bare === group) siblings += " " + key;
    if (key.slice(end + 1).toLowerCase() === given.slice(dot + 1)) namesakes += " " + key;
    if ((groups + " ").indexOf(" " + bare + " ") < 0) groups += " " + bare;
  }
  if (siblings !== "") return "there are:" + siblings;
  return namesakes !== "" ? "there are:" + namesakes : "keys begin with:" + groups;
}

function withoutNumber(group: string): string {
  const last = group.charAt(group.length - 1);
  return last >= "0" && last <= "9" ? group.slice(0, -1) : group;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  if (a.length > 40) return a.length;
  const row: number[] = [];
  for (let j = 0; j <= b.length; j++) row.push(j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const kept = row[j];
      row[j] = Math.min(kept + 1, row[j - 1] + 1, diagonal + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1));
      diagonal = kept;
    }
  }
  return row[b.length];
}
