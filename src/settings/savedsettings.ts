/**
 * Keeps the settings over a restart. The record is read line by line: what this firmware does not know or does not
 * allow is left out and told, all else holds. The wiring has a small record of its own, for when the other one cannot
 * be read.
 * Not here: how a record survives a power cut (record.ts), what a setting may be (schema.ts).
 */
import type { Store } from "../../hal/device.js";
import { utf8Length } from "../core/bytes.js";
import { printable } from "../core/printable.js";
import { checkNetwork, forgetNetwork } from "./network.js";
import { Record, TEXT_MOST } from "./record.js";
import type { Settings } from "./settings.js";
import { forgetWiring, isOfRelay, wiringLines } from "./wiring.js";

const SETTINGS_KEY = "settings";
const WIRING_KEY = "wiring";
const UNREADABLE = "what was kept cannot be read: all but the wiring are as at first";
const WIRING_UNKNOWN = ", and how the relays are connected is not known";
/** So many keys are named when they do not fit. */
const NAMED_MOST = 6;
const KEY_SHOWN = 40;

export class SavedSettings {
  private readonly record: Record;
  private readonly wiring: Record;
  /** The wiring as it was kept last. */
  private wiringText: string | null = null;

  constructor(store: Store) {
    this.record = new Record(store, SETTINGS_KEY);
    this.wiring = new Record(store, WIRING_KEY);
  }

  /**
   * Reads what was kept into `settings`, as far as it can be used.
   * @returns "" or one line: what of it cannot be used
   */
  read(settings: Settings): string {
    this.wiringText = this.wiring.read();
    const kept = this.record.read();
    const problem = this.restoreAll(settings, kept);
    if (this.newerForm === 0) return problem;
    const isUnknown = this.wiring.newerForm > 0 || (kept === null && this.wiringText === null);
    if (isUnknown) forgetWiring(settings);
    const older = kept === null ? "; all are as at first" : "; older ones are in force";
    return newerText(this.newerForm) + older + (isUnknown ? WIRING_UNKNOWN : "");
  }

  private restoreAll(settings: Settings, kept: string | null): string {
    if (kept === null && this.wiringText === null) {
      if (!this.record.isDamaged && !this.wiring.isDamaged) return "";
      forgetWiring(settings);
      return "what was kept cannot be read: all are as at first" + WIRING_UNKNOWN;
    }
    const problem = kept === null ? "" : this.restore(settings, kept);
    // The wiring is written before the settings, so it is as new as they are or newer, unless its own write was cut.
    const isOlder = this.wiring.isDamaged && kept !== null && !this.record.isDamaged;
    const ofWiring = this.wiringText === null || isOlder ? "" : this.restore(settings, this.wiringText);
    // Network settings that do not fit together would cut the board off.
    const ofNetwork = checkNetwork(settings);
    if (ofNetwork !== "") forgetNetwork(settings);
    const first = kept === null ? UNREADABLE : problem;
    const second = ofWiring === problem ? "" : ofWiring;
    return joined(joined(first, second), ofNetwork === "" ? "" : ofNetwork + "; the address is by DHCP");
  }

  /**
   * @param replaces also what a newer firmware kept
   * @throws Error of one line when they are too long or a newer firmware's are there, and what the store throws: then
   * the settings before are still there
   */
  write(settings: Settings, replaces = false): void {
    const wiring = wiringLines(settings);
    const lines = settings.save();
    // Both are checked before anything is written, since the two belong together.
    if (!replaces && this.newerForm > 0) throw new Error(newerText(this.newerForm));
    this.record.check(lines);
    if (wiring !== this.wiringText) {
      this.wiring.write(wiring, replaces);
      this.wiringText = wiring;
    }
    this.record.write(lines, replaces);
  }

  /** Writes what was read of an older form anew, if all of it could be used. */
  moveUp(settings: Settings): void {
    if (this.record.isOld && this.newerForm === 0) this.write(settings);
  }

  /** The form in which a newer firmware kept settings after all that can be read here; 0: there are none. */
  private get newerForm(): number {
    return this.record.newerForm > 0 ? this.record.newerForm : this.wiring.newerForm;
  }

  private restore(settings: Settings, lines: string): string {
    const left = settings.restore(lines);
    let named = "";
    for (let i = 0; i < left.length; i++) {
      if (isOfRelay(left[i])) forgetWiring(settings);
      if (i < NAMED_MOST) named += (i > 0 ? ", " : "") + printable(left[i], KEY_SHOWN);
    }
    if (left.length === 0) return "";
    const more = left.length > NAMED_MOST ? " and " + (left.length - NAMED_MOST) + " more" : "";
    return "left out, since this firmware does not know or allow it: " + named + more;
  }
}

/** @returns "", or one line when the settings are longer than a board keeps */
export function sizeProblem(settings: Settings): string {
  const size = utf8Length(settings.save());
  return size <= TEXT_MOST ? "" : "the settings take " + size + " octets, and a board keeps " + TEXT_MOST;
}

function joined(one: string, other: string): string {
  return one === "" || other === "" ? one + other : one + "; " + other;
}

function newerText(form: number): string {
  return (
    "a newer firmware kept settings (form " +
    form +
    ") that this one cannot read and leaves alone: save replace replaces them"
  );
}
