/** The people of a house, as a board's flash has them. */
import { People } from "../../../src/people/people.js";
import { Person } from "../../../src/people/person.js";
import type { Settings } from "../../../src/settings/settings.js";
import { SeededRandom } from "../../random.js";

/** Stands for the flash, whose records are not in the heap of a board. */
export class Flash {
  private readonly texts = new Map<string, string>();

  read(key: string): string | null {
    return this.texts.get(key) ?? null;
  }

  write(key: string, value: string): void {
    this.texts.set(key, value);
  }
}

/** Fills a store with as many people as it keeps, each with a code, a card, and hours. */
export function populate(flash: Flash, settings: Settings, capacity: number): void {
  const people = new People(flash, settings, new SeededRandom(1), capacity);
  for (let i = 0; i < capacity; i++) {
    const person = new Person();
    person.name = "person " + i;
    person.cards = ["" + (12_345_000 + i)];
    person.when = "mon-fri 08:00-18:00";
    const problem = people.add(person, ["" + (258_000 + i)]);
    if (problem !== "") throw new Error(problem);
  }
}
