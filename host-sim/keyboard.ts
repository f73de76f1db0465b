/** The terminal as a house: single keys for the button, the phone and the visitor, and a line for the console. */
import { emitKeypressEvents } from "node:readline";
import type { Station } from "../src/intercom/station.js";
import type { Party } from "./party.js";

const HELP = `
  b  press the button (calls; cancels while it rings; hangs up in a call); F2, F3, F4 the other buttons
  B  hold the button for 2.5 s  x  press the button inside    o  open the door, or shut it
  a  the phone answers          h  the phone hangs up
  c  the phone calls the door   0-9 * #  the phone sends a digit
  :  a line for the door's console (help lists the commands), Enter carries it out
  ?  this help                  q  quit

`;

/** A short push. */
const PRESS_MS = 100;
/** Longer than a button needs to count as held. */
const HOLD_MS = 2500;
const NO_PHONE = "there is no phone in the house (--alone)\n";

export class Keyboard {
  /** Resolves when the person has had enough. */
  readonly done: Promise<void>;
  private readonly door: Party;
  private readonly phone: Station | null;
  private readonly print: (text: string) => void;
  private finish: () => void = () => {};
  /** The door stands open. */
  private isAjar = false;
  /** The line being typed, null while single keys count. */
  private typed: string | null = null;
  private readonly onKey = (
    text: string | undefined,
    key: { name?: string; ctrl?: boolean; sequence?: string },
  ): void => {
    this.press(text ?? "", key);
  };

  constructor(door: Party, phone: Station | null, print: (text: string) => void) {
    this.door = door;
    this.phone = phone;
    this.print = print;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
    emitKeypressEvents(process.stdin);
    process.stdin.setRawMode(true);
    process.stdin.resume();
    process.stdin.on("keypress", this.onKey);
    print(HELP);
  }

  close(): void {
    process.stdin.off("keypress", this.onKey);
    // A terminal that was closed takes nothing any more.
    if (process.stdin.isTTY && !process.stdin.destroyed) process.stdin.setRawMode(false);
    process.stdin.pause();
  }

  private press(text: string, key: { name?: string; ctrl?: boolean }): void {
    if (key.ctrl === true && (key.name === "c" || key.name === "d")) this.finish();
    else if (this.typed !== null) this.type(this.typed, text, key.name ?? "");
    else if (text === "b") this.door.contacts.button1.press(PRESS_MS);
    else if (text === "B") this.door.contacts.button1.press(HOLD_MS);
    else if (key.name === "f2") this.door.contacts.button2.press(PRESS_MS);
    else if (key.name === "f3") this.door.contacts.button3.press(PRESS_MS);
    else if (key.name === "f4") this.door.contacts.button4.press(PRESS_MS);
    else if (text === "x") this.door.contacts.exit.press(PRESS_MS);
    else if (text === "o") {
      this.isAjar = !this.isAjar;
      this.door.moveDoor(this.isAjar);
    } else if (text === "a") this.tell("answer");
    else if (text === "h") this.tell("hangup");
    else if (text === "c") this.tell("call");
    else if (text === "q") this.finish();
    else if (text === "?") this.print(HELP);
    else if (text === ":") {
      this.typed = "";
      this.print("> ");
    } else if (text.length === 1 && "0123456789*#".includes(text)) this.tell("dtmf " + text);
  }

  private type(line: string, text: string, name: string): void {
    if (name === "return" || name === "enter") {
      this.typed = null;
      this.print("\n" + this.door.station.line(line));
    } else if (name === "escape") {
      this.typed = null;
      this.print("\n");
    } else if (name === "backspace") {
      if (line.length > 0) this.print("\b \b");
      this.typed = line.slice(0, -1);
    } else if (text.length === 1 && text >= " ") {
      this.typed = line + text;
      this.print(text);
    }
  }

  /** Has the phone do what its console would. */
  private tell(line: string): void {
    const output = this.phone === null ? NO_PHONE : this.phone.line(line);
    if (output !== "ok\n") this.print("phone: " + output);
  }
}
