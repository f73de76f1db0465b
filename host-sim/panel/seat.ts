/**
 * A place at the console of a door. The door may become another one, when the house is made anew: then no user is
 * logged in there.
 */
import type { TerminalUser } from "../../src/console/terminal.js";
import type { Party } from "../party.js";

export function seatOf(doorNow: () => Party): TerminalUser {
  let door = doorNow();
  let user = door.seat();
  const now = (): TerminalUser => {
    if (door !== doorNow()) {
      door = doorNow();
      user = door.seat();
    }
    return user;
  };
  return {
    line: (input) => now().line(input),
    complete: (input) => now().complete(input),
    isLocked: () => now().isLocked?.() === true,
  };
}
