import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../host-sim/world/clock.js";
import type { SimEvent } from "../../../host-sim/world/events.js";
import { parseScript, runScript, type ScriptResult, type Stage } from "../../../host-sim/world/script.js";

/** A stage that notes each step; its events are given by hand. */
class Boards implements Stage {
  readonly clock = new VirtualClock();
  readonly log: string[] = [];
  private tell: (event: SimEvent) => void = () => {};

  press(ms: number, name: string): void {
    this.log.push((name === "button1" ? "press " : name + " ") + ms);
  }

  door(isOpen: boolean): void {
    this.log.push("door " + isOpen);
  }

  tamper(isOpen: boolean): void {
    this.log.push("tamper " + isOpen);
  }

  release(): void {
    this.log.push("release");
  }

  console(line: string): string {
    this.log.push("console " + line);
    return line === "fly" ? "'fly' is no command" : "";
  }

  phone(line: string): string {
    this.log.push("phone " + line);
    return line === "fly" ? "'fly' is no command" : "";
  }

  key(name: string): void {
    this.log.push("key " + name);
  }
  card(number: number): void {
    this.log.push("card " + number);
  }
  tones(): string {
    return "";
  }
  dtmf(digits: string): string {
    this.log.push("dtmf " + digits);
    return digits === "9" ? "the phone is in no call" : "";
  }

  fault(name: string, value: string): string {
    this.log.push("fault " + name + " " + value);
    return "";
  }

  onEvent(listener: (event: SimEvent) => void): void {
    this.tell = listener;
  }

  event(at: number, who: string, event: string, value: string): this {
    this.clock.after(at, () => this.tell({ t: this.clock.now(), who, event, value }));
    return this;
  }

  async run(script: string): Promise<ScriptResult & { at: number }> {
    const steps = parseScript(script);
    if (typeof steps === "string") throw new Error(steps);
    let at = -1;
    const result = runScript(steps, this).then((done) => {
      at = this.clock.now();
      return done;
    });
    await this.clock.runWhile(() => at < 0);
    return { ...(await result), at };
  }
}

describe("a script", () => {
  it("does its steps in order, and ends at quit", async () => {
    const boards = new Boards();
    const result = await boards.run(
      "press; press 3000; release; wait 1.5; console get sip.user; dtmf 1*#d; quit; press",
    );
    expect(boards.log).toEqual(["press 100", "press 3000", "release", "console get sip.user", "dtmf 1*#D"]);
    expect(result).toEqual({ ok: true, line: "", quit: true, at: 1500 });
  });

  it("has a step for each button, the one inside, the door and the housing", async () => {
    const boards = new Boards();
    await boards.run("press2; press4 50; exit; door open; door shut; tamper open; tamper shut");
    expect(boards.log).toEqual([
      "button2 100",
      "button4 50",
      "exit 100",
      "door true",
      "door false",
      "tamper true",
      "tamper false",
    ]);
  });

  it("may have a line with a semicolon in it", async () => {
    const boards = new Boards();
    await boards.run("console call sip:7@h\\;user=phone; ;fault loss 10");
    expect(boards.log).toEqual(["console call sip:7@h;user=phone", "fault loss 10"]);
  });

  it.each([
    [
      "jump",
      'step "jump": steps are press, press2 to press4, release, exit, door, tamper, wait, expect, console, phone, dtmf, tones, key, card, fault and quit',
    ],
    ["press; wait", 'step "wait": wait SECONDS, at most a year'],
    ["wait -1", 'step "wait -1": wait SECONDS, at most a year'],
    ["exit soon", 'step "exit soon": exit [MS], at most an hour'],
    ["door ajar", 'step "door ajar": door open, or door shut'],
    ["tamper", 'step "tamper": tamper open, or tamper shut'],
    ["press soon", 'step "press soon": press [MS], at most an hour'],
    ["expect", 'step "expect": expect [WHO:]EVENT[=VALUE] [SECONDS]'],
    ["expect call=ended 5 6", 'step "expect call=ended 5 6": expect [WHO:]EVENT[=VALUE] [SECONDS]'],
    ["expect =ended", 'step "expect =ended": expect [WHO:]EVENT[=VALUE] [SECONDS]'],
    [
      "expect bogus",
      'step "expect bogus": events are button, register, register2, call, branch, join, transfer, dtmf, text, relay, door, tamper, alarm, led, audio, page, sound, phone, people, wifi, link, config, error',
    ],
    [
      "expect call=confrmed",
      'step "expect call=confrmed": call is calling, ringing, early, confirmed, held, ended, refused',
    ],
    ["expect toString", expect.stringContaining("events are button")],
    ["expect phone5:call", 'step "expect phone5:call": events are told by door, phone, and phone2 to phone4'],
    ["dtmf 12x", 'step "dtmf 12x": dtmf DIGITS, of 0 to 9, *, #, A to D'],
    ["fault loss", 'step "fault loss": fault NAME VALUE'],
    [
      "fault fire 1",
      'step "fault fire 1": there is no fault fire: loss, duplicate, reorder, corrupt, delay, jitter, bandwidth, partition, tcp, server, clear',
    ],
    ["fault loss x", 'step "fault loss x": fault loss "x": must be a percentage from 0 to 100'],
    ["fault tcp shut", 'step "fault tcp shut": fault tcp "shut": must be open, refuse, drop, reset'],
    ["fault server x", 'step "fault server x": fault server: must be up or down'],
    ["console", 'step "console": console LINE'],
    ["quit now", 'step "quit now": quit takes nothing'],
    [" ; ", "no step in the script"],
  ])("that cannot be read says how the step is written: %s", (script, line) => {
    expect(parseScript(script)).toEqual(line);
  });

  it("waits for an event no longer than it is to", async () => {
    const boards = new Boards().event(100, "door", "call", "ringing").event(4000, "door", "call", "confirmed");
    expect(await boards.run("expect call=confirmed 5")).toEqual({ ok: true, line: "", quit: false, at: 4000 });
    const late = new Boards().event(100, "door", "call", "ringing").event(6000, "door", "call", "confirmed");
    expect(await late.run("press; expect call=confirmed 5; release")).toEqual({
      ok: false,
      line: 'step "expect call=confirmed 5": not within 5 s; the last one was call=ringing',
      quit: false,
      at: 5000,
    });
    expect(late.log).toEqual(["press 100"]);
    expect((await new Boards().run("expect register")).line).toBe('step "expect register": not within 10 s');
  });

  it("misses no event that comes between two steps", async () => {
    const boards = new Boards()
      .event(10, "door", "call", "calling")
      .event(10, "door", "call", "ringing")
      .event(20, "door", "call", "confirmed");
    const result = await boards.run("wait 1; expect call=calling; expect call=ringing 0; expect call=confirmed 0");
    expect(result).toMatchObject({ ok: true, at: 1000 });
  });

  it("takes an event once", async () => {
    const boards = new Boards().event(10, "door", "call", "ended");
    expect((await boards.run("expect call=ended; expect call=ended 2")).ok).toBe(false);
  });

  it("looks at the door's events, or at those of the party that is named, each in its own order", async () => {
    const boards = new Boards().event(10, "phone", "call", "ringing").event(20, "door", "call", "ringing");
    expect(await boards.run("expect call=ringing; expect phone:call=ringing 0")).toMatchObject({ ok: true, at: 20 });
  });

  it("takes any value when none is named", async () => {
    const boards = new Boards().event(10, "door", "register", "failed");
    expect((await boards.run("expect register")).ok).toBe(true);
  });

  it("fails at a line that the console refuses", async () => {
    const boards = new Boards();
    const result = await boards.run("console get sip.user; console fly; press");
    expect(result).toMatchObject({ ok: false, line: "step \"console fly\": 'fly' is no command" });
    expect(boards.log).toEqual(["console get sip.user", "console fly"]);
  });

  it("fails by a step that the stage refuses", async () => {
    expect((await new Boards().run("dtmf 9; press")).line).toBe('step "dtmf 9": the phone is in no call');
  });
});
