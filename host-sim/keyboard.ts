/**
 * The terminal as a house: single keys for the button, the phone and the visitor, a line for the door's console, and
 * the ladder to look back in. All output goes through here, so that it breaks neither a line that is being typed nor a
 * screen that is being read. Not here: the line (src/console/terminal.ts) and the ladder (world/ladder-view.ts).
 */
import { emitKeypressEvents } from "node:readline";
import { Terminal } from "../src/console/terminal.js";
import { octets } from "../src/core/bytes.js";
import type { SimHouse } from "./house.js";
import type { Party } from "./party.js";
import type { Ladder } from "./world/ladder.js";
import { folded, LadderView } from "./world/ladder-view.js";

const HELP = `
  b  press the button (calls; cancels while it rings; hangs up in a call)
  B  hold it for 2.5 s          F2, F3, F4  the other buttons
  x  press the button inside    o  open the door, or shut it
  a  the phone answers          h  the phone hangs up
  c  the phone calls the door   0-9 * #  the phone sends a digit
  :  a line for the door's console: help lists the commands, Tab completes,
     arrows edit and bring lines back, Ctrl-C or Esc leaves it
  l  the ladder: scroll back, open a message
  ?  this help                  q  quit

`;

/** A short push. */
const PRESS_MS = 100;
/** Longer than a button needs to count as held. */
const HOLD_MS = 2500;
const NO_PHONE = "there is no phone in the house (--alone)\n";
/** Output waits while the ladder is shown; beyond so many characters the oldest is lost. */
const WAITING_MOST = 200_000;
const COLUMNS = 80;
const ROWS = 24;
const CLEAR_BELOW = "\r\x1b[J";

interface Key {
  name?: string;
  ctrl?: boolean;
  sequence?: string;
}

export class Keyboard {
  /** Resolves when the person ends the program. */
  readonly done: Promise<void>;
  private readonly home: () => SimHouse;
  private readonly ladder: Ladder;
  private readonly write: (text: string) => void;
  private readonly terminal: Terminal;
  private readonly view: LadderView;
  private finish: () => void = () => {};
  /** Whether the door stands open. */
  private isAjar = false;
  /** Whether keys go to the console's line. */
  private isLine = false;
  private waiting = "";
  private readonly onKey = (text: string | undefined, key: Key): void => this.press(text ?? "", key);
  private readonly onResize = (): void => this.resize();

  /** @param home gives the present house @param write writes to the terminal */
  constructor(home: () => SimHouse, ladder: Ladder, write: (text: string) => void) {
    this.home = home;
    this.ladder = ladder;
    this.write = write;
    this.done = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.terminal = new Terminal(
      {
        line: (input) => folded(this.door.line(input), this.columns),
        complete: (input) => this.door.complete(input),
        isLocked: () => this.door.isLocked(),
      },
      write,
    );
    this.view = new LadderView(ladder, { write, size: () => [this.columns, process.stdout.rows || ROWS] });
    emitKeypressEvents(process.stdin);
    process.stdin.setRawMode(true);
    process.stdin.resume();
    process.stdin.on("keypress", this.onKey);
    process.stdout.on("resize", this.onResize);
    this.resize();
    this.print(HELP);
  }

  close(): void {
    process.stdin.off("keypress", this.onKey);
    process.stdout.off("resize", this.onResize);
    this.leaveView();
    this.leaveLine();
    // A terminal that was closed takes nothing any more.
    if (process.stdin.isTTY && !process.stdin.destroyed) process.stdin.setRawMode(false);
    process.stdin.pause();
  }

  /** @param text lines, each ended by \n */
  print(text: string): void {
    const lines = folded(text, this.columns);
    if (this.view.isOpen) {
      this.waiting = (this.waiting + lines).slice(-WAITING_MOST);
      this.view.draw();
    } else if (this.isLine) this.terminal.show(lines);
    else this.write(lines);
  }

  private get door(): Party {
    return this.home().door;
  }

  private get columns(): number {
    return process.stdout.columns || COLUMNS;
  }

  private resize(): void {
    this.terminal.columns = this.columns;
    this.ladder.resize(this.columns);
    this.view.draw();
    if (!this.isLine) return;
    // The terminal may have broken the line into two.
    this.write(CLEAR_BELOW);
    this.terminal.show("");
  }

  private press(text: string, key: Key): void {
    const name = key.name ?? "";
    const isEnd = key.ctrl === true && (name === "c" || name === "d");
    if (this.view.isOpen) {
      if (isEnd) this.leaveView();
      else this.view.key(name === "" ? text : name);
      if (!this.view.isOpen) this.leaveView();
    } else if (this.isLine) this.type(text, key);
    else if (isEnd || text === "q") this.finish();
    else if (text === "b") this.door.contacts.button1.press(PRESS_MS);
    else if (text === "B") this.door.contacts.button1.press(HOLD_MS);
    else if (name === "f2") this.door.contacts.button2.press(PRESS_MS);
    else if (name === "f3") this.door.contacts.button3.press(PRESS_MS);
    else if (name === "f4") this.door.contacts.button4.press(PRESS_MS);
    else if (text === "x") this.door.contacts.exit.press(PRESS_MS);
    else if (text === "o") {
      this.isAjar = !this.isAjar;
      this.door.moveDoor(this.isAjar);
    } else if (text === "a") this.tell("answer");
    else if (text === "h") this.tell("hangup");
    else if (text === "c") this.tell("call");
    else if (text === "?") this.print(HELP);
    else if (text === "l") this.view.open();
    else if (text === ":") {
      this.isLine = true;
      this.terminal.open();
    } else if (text.length === 1 && "0123456789*#".includes(text)) this.tell("dtmf " + text);
  }

  /** Edits one line as on the serial console: Enter carries it out, and single keys count again. */
  private type(text: string, key: Key): void {
    const name = key.name ?? "";
    const isEnter = name === "return" || name === "enter";
    const isLeaving =
      name === "escape" || (key.ctrl === true && (name === "c" || (name === "d" && this.terminal.isEmpty)));
    if (!isLeaving) {
      const bytes = octets(isEnter ? "\r" : (key.sequence ?? text));
      this.terminal.receive(bytes, 0, bytes.length);
    }
    if (isLeaving || isEnter) this.leaveLine();
  }

  private leaveLine(): void {
    if (!this.isLine) return;
    this.terminal.leave();
    this.isLine = false;
  }

  private leaveView(): void {
    this.view.close();
    const waiting = this.waiting;
    this.waiting = "";
    if (waiting !== "") this.write(waiting);
  }

  /** Gives the phone a line of its console. */
  private tell(line: string): void {
    const output = this.home().phones[0]?.party.line(line) ?? NO_PHONE;
    if (output !== "ok\n") this.print("phone: " + output);
  }
}
