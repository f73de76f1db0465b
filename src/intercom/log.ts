/**
 * The log of a door: the last things that happened, with their time, kept over a restart. Calls with whom, how long, why they ended
 * and how they sounded; openings, wrong codes, alarms, registration, restarts. It listens to the door's events and passes them on.
 * Kept in few writes, for flash wears out: a power cut loses the last minute. Digits and codes never come here.
 */
import { utf8Length } from "../core/bytes.js";
import { CivilDate, DAY_S } from "../core/calendar.js";
import type { Timers, TimerUser } from "../core/timers.js";
import type { DoorEvents } from "./outputs.js";
import type { Record } from "./record.js";

/** So long it gathers before it writes. */
const WRITE_MS = 60_000;
/** The longest entry, in characters: what others call themselves has no end. */
const ENTRY_MOST = 160;

// For the time of one call only.
const date = new CivilDate();

export interface LogClock {
  /** @returns s since 1970 in UTC, 0 while it is not known */
  epochS(): number;
}

export class Log implements DoorEvents, TimerUser {
  private readonly next: DoorEvents;
  private readonly timers: Timers;
  private readonly clock: LogClock;
  private readonly record: Record;
  private readonly most: number;
  private readonly mostBytes: number;
  private readonly timer: number;
  private readonly startMs: number;
  /** The oldest first; each "TIME NAME TEXT": s since 1970, or while that is not known s since the start with a minus. */
  private readonly entries: string[] = [];
  private repeats = 1;
  // Of the call that runs.
  private direction = "";
  private peer = "";
  private sound = "";
  private registration = "";

  /** @param next who is told after the log @param most entries @param mostBytes octets that are kept over a restart */
  constructor(next: DoorEvents, timers: Timers, clock: LogClock, record: Record, most: number, mostBytes: number) {
    this.next = next;
    this.timers = timers;
    this.clock = clock;
    this.record = record;
    this.most = most;
    this.mostBytes = mostBytes;
    this.timer = timers.make(this, 0);
    this.startMs = timers.nowMs;
  }

  /** Reads what was kept; a store that cannot be read is an empty log. */
  load(): void {
    const kept = this.record.read();
    const lines = kept === null ? [] : kept.split("\n");
    for (let i = 0; i < lines.length; i++) if (lines[i] !== "") this.push(lines[i]);
    this.add("start", "");
  }

  event(name: string, value: string, extra: readonly (string | number)[]): void {
    this.take(name, value, extra);
    this.next.event(name, value, extra);
  }

  /** @param name only entries of that name, "" all @returns lines for a person, the oldest first */
  text(name: string): string {
    let out = "";
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      const space = entry.indexOf(" ");
      const rest = entry.slice(space + 1);
      if (name !== "" && rest.slice(0, name.length + 1) !== name + " ") continue;
      out += timeText(Number(entry.slice(0, space))) + " " + rest + "\n";
    }
    return out;
  }

  onTimer(): void {
    this.write();
  }

  /** Writes what is not written yet: the machine is about to stop. */
  flush(): void {
    if (!this.timers.running(this.timer)) return;
    this.timers.stop(this.timer);
    this.write();
  }

  private write(): void {
    try {
      let first = this.entries.length;
      let bytes = 0;
      while (first > 0) {
        bytes += utf8Length(this.entries[first - 1]) + 1;
        if (bytes > this.mostBytes) break;
        first -= 1;
      }
      this.record.write(this.entries.slice(first).join("\n"));
    } catch {
      // The door goes on without; the log is still in memory.
    }
  }

  private take(name: string, value: string, extra: readonly (string | number)[]): void {
    switch (name) {
      case "call":
        this.takeCall(value, extra);
        return;
      case "audio":
        this.sound =
          value +
          ", lost " +
          of(extra, "lost") +
          ", late " +
          of(extra, "late") +
          ", jitter " +
          of(extra, "jitter") +
          " ms";
        return;
      case "sound":
        if (value === "moved") this.add("sound", "from " + of(extra, "address"));
        return;
      case "relay":
        if (value === "on") this.add("open", "relay " + of(extra, "relay") + ": " + of(extra, "reason"));
        return;
      case "door":
        if (value === "forced" || value === "left-open") this.add("door", value);
        return;
      case "register": {
        // Each refresh is no news.
        const state = value === "failed" ? "failed: " + of(extra, "reason") : value;
        if (value === "registering" || value === "binding" || state === this.registration) return;
        this.registration = state;
        this.add("register", state);
        return;
      }
      case "error": {
        const by = of(extra, "by");
        this.add("error", by === "" ? value : value + ", by " + by);
        return;
      }
    }
  }

  private takeCall(value: string, extra: readonly (string | number)[]): void {
    const peer = of(extra, "peer");
    if (peer !== "") this.peer = peer;
    this.direction = of(extra, "direction");
    if (value === "calling" || (value === "ringing" && this.direction === "in")) this.sound = "";
    if (value !== "ended") return;
    const seconds = of(extra, "duration");
    const answered = seconds !== "" && seconds !== "0" ? seconds + " s, " : "";
    const sound = this.sound === "" ? "" : "; sound " + this.sound;
    this.add("call", this.direction + " " + this.peer + ": " + answered + of(extra, "reason") + sound);
    this.peer = this.sound = "";
  }

  private add(name: string, text: string): void {
    const epochS = this.clock.epochS();
    const timeS = epochS > 0 ? epochS : -Math.round((this.timers.nowMs - this.startMs) / 1000);
    const rest = (text === "" ? name : name + " " + text).slice(0, ENTRY_MOST);
    const last = this.entries.length - 1;
    const before = last < 0 ? "" : this.entries[last].slice(this.entries[last].indexOf(" ") + 1);
    // What fails again and again must not push out all else.
    if (before === rest || before === rest + " (" + this.repeats + " times)") {
      this.repeats += 1;
      this.entries[last] = timeS + " " + rest + " (" + this.repeats + " times)";
    } else {
      this.repeats = 1;
      this.push(timeS + " " + rest);
    }
    if (!this.timers.running(this.timer)) this.timers.start(this.timer, WRITE_MS);
  }

  private push(entry: string): void {
    if (this.entries.length === this.most) this.entries.shift();
    this.entries.push(entry);
  }
}

/** The field of that name in `extra`, "" when there is none. */
function of(extra: readonly (string | number)[], name: string): string {
  for (let i = 0; i + 1 < extra.length; i += 2) if (extra[i] === name) return "" + extra[i + 1];
  return "";
}

/** `2026-11-23 09:26:18Z`, or `+12 s` since a start whose time nobody knew. */
function timeText(timeS: number): string {
  if (!(timeS > 0)) return "+" + -timeS + " s";
  const second = timeS % DAY_S;
  date.set(Math.floor(timeS / DAY_S));
  const day = date.year + "-" + two(date.month) + "-" + two(date.day);
  return (
    day + " " + two(Math.floor(second / 3600)) + ":" + two(Math.floor(second / 60) % 60) + ":" + two(second % 60) + "Z"
  );
}

function two(value: number): string {
  return value < 10 ? "0" + value : "" + value;
}
