/**
 * A scenario that leads a world: a generator of the conditions it waits for. A wait that fails ends the world with a
 * line that names it.
 */
import { type Host, hostOf, inhabit } from "./host.js";
import { Phone } from "./phone.js";

export interface Wait {
  what: string;
  ms: number;
  /** Without it the time alone counts. */
  until?: () => boolean;
}

const LOOK_MS = 10;

export class Scenario {
  readonly host: Host = hostOf();
  readonly phone: Phone = new Phone(this.host);
  private readonly steps: Iterator<Wait>;
  private wait: Wait = { what: "start", ms: 0 };
  private endMs = 0;
  private lookMs = 0;

  constructor(steps: (scenario: Scenario) => Iterator<Wait>) {
    this.steps = steps(this);
  }

  /** @returns the door's answer to a question */
  door(line: string): number {
    return this.host.command(0, line);
  }

  poll(): number {
    const phoneMs = this.phone.poll();
    if (this.host.now() >= this.lookMs) this.look();
    return Math.min(phoneMs, this.phone.timers.next(), this.lookMs);
  }

  private look(): void {
    const nowMs = this.host.now();
    const { what, until } = this.wait;
    const done = until === undefined ? nowMs >= this.endMs : until();
    if (!done && nowMs >= this.endMs) throw new Error("not in time: " + what);
    if (done) {
      const next = this.steps.next();
      if (next.done) {
        this.host.quit(0);
        return;
      }
      this.wait = next.value;
      this.endMs = nowMs + this.wait.ms;
    }
    this.lookMs = Math.min(nowMs + LOOK_MS, Math.max(this.endMs, nowMs + 1));
  }
}

/** Makes a scenario the leader of the world. */
export function lead(steps: (scenario: Scenario) => Iterator<Wait>): void {
  let scenario: Scenario;
  inhabit({
    start() {
      scenario = new Scenario(steps);
    },
    poll: () => scenario.poll(),
    receive(port) {
      scenario.phone.receive(port);
    },
  });
}

export function check(is: boolean, what: string): void {
  if (!is) throw new Error(what);
}
