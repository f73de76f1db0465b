/**
 * The words of a command with options: a name first, of one word or several or in quotes, then `--option value` with
 * the value up to the next option. Not here: what the options mean (peoplecommands.ts), and how a time is written
 * (timewords.ts).
 */

const QUOTE = '"';
const OPTION = "--";

/** A command's words: what stands before the first option, and the options in their order. */
export class CommandWords {
  first = "";
  readonly names: string[] = [];
  readonly values: string[] = [];
  /** One line when it cannot be read. */
  problem = "";

  constructor(line: string) {
    let value = "";
    let isEmpty = true;
    let isValueOpen = false;
    for (let i = 0; i < line.length; ) {
      if (line.charAt(i) === " ") {
        i += 1;
        continue;
      }
      let word: string;
      const isQuoted = line.charAt(i) === QUOTE;
      if (isQuoted) {
        const end = line.indexOf(QUOTE, i + 1);
        if (end < 0 || (end + 1 < line.length && line.charAt(end + 1) !== " ")) {
          this.problem = "a quote has no end";
          return;
        }
        word = line.slice(i + 1, end);
        i = end + 1;
      } else {
        let end = line.indexOf(" ", i);
        if (end < 0) end = line.length;
        word = line.slice(i, end);
        i = end;
      }
      if (!isQuoted && word.slice(0, OPTION.length) === OPTION) {
        if (isValueOpen) this.values.push(value);
        else this.first = value;
        this.names.push(word.slice(OPTION.length));
        value = "";
        isEmpty = true;
        isValueOpen = true;
      } else {
        value += (isEmpty ? "" : " ") + word;
        isEmpty = false;
      }
    }
    if (isValueOpen) this.values.push(value);
    else this.first = value;
  }
}
