/**
 * The state between a card and the code that follows it, where a relay needs both (`relay1.factors both`). The card
 * comes first, since a code in front of it would show a guesser whether it is right. Another card, any code and 20 s
 * end the state. Not here: the opening itself (access.ts).
 */
import type { Timers, TimerUser } from "../core/timers.js";
import type { Person } from "../people/person.js";

/** The time within which the code has to be complete. */
const CODE_MS = 20_000;

export interface HalfWayUser {
  /** The time ended without a code after that person's card. */
  onNoCode(name: string): void;
}

export const HALF_WAY_TIMERS = 1;

export class HalfWay implements TimerUser {
  private readonly timers: Timers;
  private readonly user: HalfWayUser;
  private readonly timer: number;
  private card = "";
  private name = "";

  constructor(timers: Timers, user: HalfWayUser) {
    this.timers = timers;
    this.user = user;
    this.timer = timers.make(this, 0);
  }

  /** A card was shown, and the code of its owner is to follow. */
  begin(person: Person, card: string): void {
    this.card = card;
    this.name = person.name;
    this.timers.start(this.timer, CODE_MS);
  }

  end(): void {
    this.card = this.name = "";
    this.timers.stop(this.timer);
  }

  /** Returns whether the card was that person's and still is, since records may change while a code is entered. */
  isOf(person: Person): boolean {
    return this.card !== "" && person.cards.indexOf(this.card) >= 0;
  }

  onTimer(): void {
    const { name } = this;
    this.end();
    this.user.onNoCode(name);
  }
}
