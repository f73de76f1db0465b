/**
 * The console's commands about settings. They are changed by `set` and taken over by `save`: until then a change is
 * known at the seat alone where it was typed, so that two who work at once do not save each other's halves.
 * Not here: what a setting may be (settings/check.ts), how they are kept (settings/savedsettings.ts).
 */

import type { Store } from "../../hal/device.js";
import { printable } from "../core/printable.js";
import type { Door } from "../intercom/door.js";
import { NO_FIELDS } from "../intercom/events.js";
import { type Log, SECRETS_READ } from "../intercom/log.js";
import { allowed } from "../settings/check.js";
import { checkTogether } from "../settings/consistency.js";
import { SavedSettings } from "../settings/savedsettings.js";
import { findSetting, isSecret, needsRestart, RELAY_CODES, SCHEMA } from "../settings/schema.js";
import { readAssignment, Settings } from "../settings/settings.js";
import { copyWiring } from "../settings/wiring.js";
import { NO_TLS } from "../ua/useragent.js";
import type { PasswordLock, Seat } from "./passwordlock.js";
import { ERROR_ARGUMENT, ERROR_KEY, ERROR_STATE, ERROR_STORE, ERROR_VALUE, type Reply } from "./reply.js";

const WORD_SET = "set ";

export interface SettingsOptions {
  store: Store;
  log: Log;
  /** Called after `save`, to begin anew with the new settings. */
  restart: () => void;
}

export class SettingsCommands {
  private readonly door: Door;
  private readonly kept: SavedSettings;
  private readonly guard: PasswordLock;
  private readonly log: Log;
  private readonly restart: () => void;

  /** @param restart called after `save`, to begin anew with the new settings */
  constructor(door: Door, guard: PasswordLock, options: SettingsOptions) {
    const { store, log, restart } = options;
    this.door = door;
    this.kept = new SavedSettings(store);
    this.guard = guard;
    this.log = log;
    this.restart = restart;
  }

  /** Reads the settings that were kept. @returns "" or what of them cannot be used */
  load(seat: Seat): string {
    seat.changes.clear();
    const problem = this.kept.read(this.door.settings);
    if (problem !== "") return problem;
    try {
      this.kept.moveUp(this.door.settings);
    } catch {
      // The next save does it.
    }
    return "";
  }

  /**
   * Takes settings over and keeps them at once, as `Console.keep` says.
   * @returns "" or why they cannot be kept; then none is
   */
  keep(keys: readonly string[], values: readonly string[], seat: Seat): string {
    const wanted = new Settings(this.door.settings);
    for (let i = 0; i < keys.length; i++) {
      const problem = wanted.set(keys[i], values[i]);
      if (problem !== "") return problem;
    }
    try {
      this.kept.write(wanted);
    } catch (thrown) {
      return thrown instanceof Error ? printable(thrown.message) : "the store failed";
    }
    for (let i = 0; i < keys.length; i++) {
      this.door.settings.set(keys[i], values[i]);
      // A change of that key that was set and not saved is older, so it is dropped.
      seat.changes.forget(keys[i]);
    }
    return "";
  }

  /** Returns the first settings, but for how relays and light are connected: a reset must not open the door. */
  private initial(): Settings {
    const fresh = new Settings();
    copyWiring(this.door.settings, fresh);
    return fresh;
  }

  /** Returns the settings in force with the changes of that place. */
  private changed(seat: Seat): Settings {
    const copy = new Settings(this.door.settings);
    seat.changes.layOver(copy);
    return copy;
  }

  get(reply: Reply, key: string): Reply {
    const settings = this.door.settings;
    if (key !== "") {
      const setting = findSetting(key);
      return setting === null
        ? reply.fail(ERROR_KEY, settings.set(key, ""))
        : reply.put(setting.key, settings.show(setting));
    }
    for (let i = 0; i < SCHEMA.length; i++) reply.put(SCHEMA[i].key, settings.showAt(i));
    return reply;
  }

  /** @param assignment `KEY VALUE` or `KEY=VALUE` */
  set(reply: Reply, assignment: string, seat: Seat): Reply {
    const { key, value } = readAssignment(assignment === "" ? "" : WORD_SET + assignment);
    return this.change(reply, key, value, seat);
  }

  unset(reply: Reply, key: string, seat: Seat): Reply {
    const setting = findSetting(key);
    return this.change(reply, key, setting === null ? "" : setting.initial, seat);
  }

  revert(reply: Reply, seat: Seat): Reply {
    seat.changes.clear();
    return reply;
  }

  /** @param what "", `replace`, or how many changes the one who saves believes to be there */
  save(reply: Reply, what: string, seat: Seat): Reply {
    if (what !== "" && what !== "replace" && !isCount(what))
      return reply.fail(ERROR_ARGUMENT, "save, or save replace, or save COUNT of what was set");
    // The count tells a program that the door was started anew meanwhile and forgot what was set.
    if (isCount(what) && Number(what) !== seat.changes.count)
      return reply.fail(
        ERROR_STATE,
        "not saved: " + what + " changes were expected here, " + seat.changes.count + " found",
      );
    return this.putInForce(reply, this.changed(seat), seat, what === "replace");
  }

  factoryReset(reply: Reply, word: string, seat: Seat): Reply {
    if (word !== "yes") return reply.fail(ERROR_ARGUMENT, "all settings would be lost: factory-reset yes does it");
    const { people } = this.door;
    const problem = people.count > 0 ? people.clear() : "";
    if (problem !== "") return reply.fail(ERROR_STORE, problem);
    return this.putInForce(reply, this.initial(), seat, true);
  }

  private change(reply: Reply, key: string, value: string, seat: Seat): Reply {
    if (key === "") return reply.fail(ERROR_ARGUMENT, "which setting? set KEY VALUE, unset KEY");
    const lack = this.door.ua.layer.transport.hasTls ? "" : lackOfTls(key, value.trim().toLowerCase());
    if (lack !== "") return reply.fail(ERROR_VALUE, key + ": " + lack);
    const problem = seat.changes.set(key, value);
    if (problem === "") return reply;
    const setting = findSetting(key);
    if (setting === null) return reply.fail(ERROR_KEY, problem);
    // The value is not shown again: a refused code is often the right one with a slip.
    const said = isSecret(setting) ? key + ": what was given is not allowed: " + allowed(setting) : problem;
    return reply.fail(ERROR_VALUE, said);
  }

  diff(reply: Reply, seat: Seat): Reply {
    const inForce = this.door.settings;
    const changed = this.changed(seat);
    let out = "";
    for (let i = 0; i < SCHEMA.length; i++) {
      const key = SCHEMA[i].key;
      if (changed.isSameAt(i, inForce)) continue;
      reply.put(key, changed.show(SCHEMA[i]));
      out += key + " " + inForce.show(SCHEMA[i]) + " -> " + changed.show(SCHEMA[i]) + "\n";
    }
    return reply.say(out === "" ? "nothing is waiting for save\n" : out);
  }

  /**
   * Gives the secrets to a program that seals them: only where the console has a password, and never on a screen.
   * The log says that they were read.
   */
  tellSecrets(reply: Reply, isJson: boolean): Reply {
    const { settings } = this.door;
    if (settings.get("console.password") === "")
      return reply.fail(ERROR_STATE, "secrets are given behind a password only: set console.password TEXT, save");
    if (!isJson) return reply.fail(ERROR_ARGUMENT, "not on a screen: npm run config -- backup FILE --with-secrets");
    for (let i = 0; i < SCHEMA.length; i++) {
      const value = settings.text(SCHEMA[i].key);
      if (isSecret(SCHEMA[i]) && value !== "") reply.put(SCHEMA[i].key, value);
    }
    this.log.event("config", SECRETS_READ, NO_FIELDS);
    return reply;
  }

  /** @returns "" or one line: a new code of a relay is a person's already */
  private takenCode(wanted: Settings): string {
    const { settings, people } = this.door;
    for (let i = 0; i < RELAY_CODES.length; i++) {
      const codes = wanted.get(RELAY_CODES[i]).split(",");
      const before = settings.get(RELAY_CODES[i]).split(",");
      for (let j = 0; j < codes.length; j++)
        if (before.indexOf(codes[j]) < 0 && people.ofCode(codes[j]) >= 0)
          return RELAY_CODES[i] + ": a person has that code";
    }
    return "";
  }

  /**
   * Keeps settings and puts them in force; those that cannot be kept are not put in force either.
   * @param replaces also what a newer firmware kept
   */
  private putInForce(reply: Reply, wanted: Settings, seat: Seat, replaces: boolean): Reply {
    const misfit = this.takenCode(wanted) || checkTogether(wanted);
    if (misfit !== "") return reply.fail(ERROR_VALUE, "not saved: " + misfit);
    try {
      this.kept.write(wanted, replaces);
    } catch (thrown) {
      const reason = thrown instanceof Error ? printable(thrown.message) : "the store failed";
      return reply.fail(ERROR_STORE, "not saved: " + reason);
    }
    let later = "";
    for (let i = 0; i < SCHEMA.length; i++) {
      if (wanted.isSameAt(i, this.door.settings)) continue;
      if (needsRestart(SCHEMA[i])) later += (later === "" ? "" : ", ") + SCHEMA[i].key;
    }
    this.door.settings.take(wanted);
    this.guard.admit(seat, this.door.settings.get("console.password"));
    seat.changes.clear();
    this.restart();
    return later === "" ? reply : reply.put("restart", later).say("ok, from the next start on: " + later + "\n");
  }
}

function isCount(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charAt(i) < "0" || value.charAt(i) > "9") return false;
  return value !== "" && value.length <= 3;
}

/** @returns "" or why a device without TLS cannot take that value */
function lackOfTls(key: string, value: string): string {
  if ((key === "sip.transport" || key === "account2.transport") && value === "tls") return NO_TLS;
  if (key === "mqtt.tls" && value === "on") return "this device has no TLS yet: leave it off";
  if (key === "hook.url" && value.slice(0, 6) === "https:") return "this device has no TLS yet: use http://";
  return "";
}
