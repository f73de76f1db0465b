/**
 * Starts the test of loudspeaker and microphone, on a command of the console and once a day at the minute of
 * `audio.selftest`, and reports its result. No test runs in a call, and a call ends a test. Not here: the tones and
 * their measurement (media/selftest.ts).
 */
import type { AudioInput } from "../../hal/device.js";
import type { Timers, TimerUser } from "../core/timers.js";
import { type DoorEvents, NO_FIELDS } from "../intercom/events.js";
import { SelfTest } from "../media/selftest.js";
import { minuteOfDay, minuteOfWeek } from "../settings/daytime.js";
import type { Settings } from "../settings/settings.js";

const DAY_MINUTES = 1440;
const LOOK_MS = 20_000;
const OFF = "off";
const NO_FRAMES = "no microphone: it gives no sound at all; the line that names the codec at the start says why";

interface SelfCheckUser {
  /** @returns s since 1970 in UTC, 0 while it is not known */
  epochS(): number;
  /** Returns whether a call or a ring leaves no room for a test. */
  isBusy(): boolean;
}

export const SELF_CHECK_TIMERS = 1;

export class SelfCheck implements TimerUser {
  /** The test exists only while it runs, since there is no memory for it beside a call. */
  private test: SelfTest | null = null;
  private readonly user: SelfCheckUser;
  private readonly settings: Settings;
  private readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly timer: number;
  private startedMs = 0;
  /** The minute of the week in which the last daily test began. */
  private lastMinute = -1;

  constructor(user: SelfCheckUser, settings: Settings, timers: Timers, events: DoorEvents) {
    this.user = user;
    this.settings = settings;
    this.timers = timers;
    this.events = events;
    this.timer = timers.make(this, 0);
  }

  get isOn(): boolean {
    return this.test !== null;
  }

  /** Takes the settings, which may have changed. */
  set(): void {
    if (this.settings.get("audio.selftest") !== OFF) this.timers.start(this.timer, LOOK_MS);
    else if (this.test === null) this.timers.stop(this.timer);
  }

  /** @returns "", or the reason why it cannot be done now */
  start(): string {
    if (this.test !== null) return "the test runs already";
    if (this.user.isBusy()) return "not in a call: hangup first";
    this.test = new SelfTest();
    this.startedMs = this.timers.nowMs;
    this.timers.start(this.timer, LOOK_MS);
    return "";
  }

  /** Takes a frame of the microphone, and replaces it by one for the loudspeaker. */
  run(samples: Int16Array, input: AudioInput): void {
    const { test } = this;
    if (test === null) return;
    if (this.user.isBusy()) {
      samples.fill(0);
      this.end("ended: a call came");
      return;
    }
    input.reference?.(test.played, 0, test.played.length);
    if (!test.run(samples, input.reference !== undefined)) return;
    const delay = test.delayMs < 0 ? "" : " " + test.delayMs + " ms";
    this.end(test.problem === "" ? "ok " + test.levelDb + " dB" + delay : test.problem, test);
  }

  onTimer(): void {
    if (this.test !== null && this.timers.nowMs - this.startedMs >= LOOK_MS) this.end(NO_FRAMES);
    if (this.settings.get("audio.selftest") === OFF) return;
    this.timers.start(this.timer, LOOK_MS);
    const epochS = this.user.epochS();
    if (epochS === 0) return;
    const minute = minuteOfWeek(epochS, this.settings.get("time.zone"));
    if (minute % DAY_MINUTES !== minuteOfDay(this.settings.get("audio.selftest")) || minute === this.lastMinute) return;
    // In a call the test is tried again within the same minute; after that it waits for the next day.
    if (this.start() === "") this.lastMinute = minute;
  }

  private end(value: string, test: SelfTest | null = null): void {
    this.test = null;
    this.events.event("audio", "selftest " + value, test === null ? NO_FIELDS : test.figures());
  }
}
