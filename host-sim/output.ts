/**
 * What the program says: events as lines or as JSON, the answers of the console, and the ladder. A keyboard at the
 * terminal takes the lines as long as it is there, so that they do not tear what is typed.
 */
import { styleText } from "node:util";
import { sentenceOf } from "./panel/explain.js";
import { eventJson, eventLine, type SimEvent } from "./world/events.js";
import { Ladder } from "./world/ladder.js";
import type { SimOptions } from "./world/options.js";

export class Output {
  readonly ladder: Ladder;
  readonly listeners: ((event: SimEvent) => void)[] = [];
  private readonly isJson: boolean;
  private show = toStdout;

  /** @param isInteractive a person sits at the terminal, who sees the ladder beside the events */
  constructor(options: SimOptions, isInteractive: boolean) {
    this.isJson = options.json;
    const ladderTo = isInteractive ? process.stdout : process.stderr;
    // Colours are used as Node decides: on a terminal, and without NO_COLOR in the environment.
    const hasColours = ladderTo.isTTY === true && styleText("cyan", "x", { stream: ladderTo }) !== "x";
    this.ladder = new Ladder(
      (line) => (isInteractive ? this.show(line + "\n") : void ladderTo.write(line + "\n")),
      ladderTo.columns ?? 100,
      hasColours,
    );
    if (options.explain) this.ladder.explain = sentenceOf;
    if (!isInteractive) ladderTo.on("resize", () => this.ladder.resize(ladderTo.columns));
  }

  readonly tell = (event: SimEvent): void => {
    this.show((this.isJson ? eventJson(event) : eventLine(event)) + "\n");
    for (const listener of this.listeners) listener(event);
  };

  /** Shows what the door's console answered. @param ms the time in the house */
  tellAnswer(output: string, ms: number): void {
    if (output === "") return;
    if (this.isJson) this.tell({ t: ms, who: "door", event: "console", value: output.trimEnd() });
    else this.show(output);
  }

  /** Lines go to `show` from here on; without it to the standard output again. */
  redirect(show: (text: string) => void = toStdout): void {
    this.show = show;
  }
}

function toStdout(text: string): void {
  process.stdout.write(text);
}
