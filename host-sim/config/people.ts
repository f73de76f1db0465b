/**
 * People of a door by the host tool: lists, single ones, and CSV files of all of them. A file is checked as a whole
 * before the door hears of it; the door takes all of it or nothing. Codes that a file does not have are made by the
 * door and written to a file of their own, for its owner alone. Not here: what a person may be (src/people/person.ts),
 * arguments (cli.ts).
 */
import cliProgress from "cli-progress";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { NO_TIME, readSince, readTime } from "../../src/console/timewords.js";
import { CARDS_MOST, CODES_MOST, cardOf, checkPerson, Person } from "../../src/people/person.js";
import { decode } from "../io/ask.js";
import { safe } from "../world/events.js";
import { nameOf, readBytes, writeFile } from "./file.js";
import type { Answer, Session } from "./session.js";

/** More than any door keeps. */
const ROWS_MOST = 10_000;
/** So many mistakes of a file are told. */
const TOLD_MOST = 10;
const NEW = "new";
const NONE = "none";

/** The columns of a file, in the order in which they are written; `code` is read only. */
const COLUMNS = ["name", "code", "card", "relay", "when", "from", "until", "uses", "enabled", "note", "sip"] as const;
type Column = (typeof COLUMNS)[number];
type Row = Partial<Record<Column, string>>;

export interface PeopleOutput {
  out(text: string): void;
  err(text: string): void;
}

/** One person of a file, and the line it began at. */
export interface Entry {
  line: number;
  row: Row;
}

/** @param path "-" for standard input @throws Error of one line, or of one for each mistake */
export function readPeople(path: string): Entry[] {
  const text = decode(nameOf(path), readBytes(path));
  return peopleOf(text, nameOf(path));
}

/** @throws as `readPeople` */
export function peopleOf(text: string, file: string): Entry[] {
  const problems: string[] = [];
  const entries: Entry[] = [];
  let header: string[] = [];
  try {
    const rows = parse(text, {
      bom: true,
      info: true,
      trim: true,
      skip_empty_lines: true,
      relax_column_count: false,
      max_record_size: 4096,
      to: ROWS_MOST + 2,
      columns: (names: string[]) => {
        header = names.map((name) => name.toLowerCase());
        return header;
      },
    }) as unknown as { record: Row; info: { lines: number } }[];
    for (const { record, info } of rows) entries.push({ line: info.lines, row: record });
  } catch (error) {
    throw new Error(`${file}: ${safe((error as Error).message)}`);
  }
  const unknown = header.filter((name) => !COLUMNS.includes(name as Column));
  if (!header.includes("name") || unknown.length > 0 || new Set(header).size < header.length)
    throw new Error(
      `${file}: the first line names the columns, each once: name and some of ${COLUMNS.slice(1).join(", ")}` +
        (unknown.length === 0 ? "" : `; '${safe(unknown[0].slice(0, 40))}' is none`),
    );
  if (entries.length > ROWS_MOST) throw new Error(`${file}: has more than ${ROWS_MOST} people`);
  if (entries.length === 0) throw new Error(`${file}: has no people`);
  const seen = new Map<string, number>();
  for (const { line, row } of entries) {
    for (const problem of problemsOf(row, line, seen)) problems.push(`${file}: line ${line}: ${problem}`);
  }
  if (problems.length === 0) return entries;
  const more = problems.length - TOLD_MOST;
  throw new Error(problems.slice(0, TOLD_MOST).join("\n") + (more > 0 ? `\nand ${more} more; nothing was done` : ""));
}

/** @param seen what other lines have, by which a second one is known */
function problemsOf(row: Row, line: number, seen: Map<string, number>): string[] {
  const person = new Person();
  person.name = row.name ?? "";
  person.note = row.note ?? "";
  person.sip = row.sip ?? "";
  person.when = row.when ?? "";
  const problems: string[] = [];
  const cards = listOf(row.card);
  for (const card of cards)
    if (cardOf(card) === "") problems.push("card: a number of at most 35 bits, or FACILITY:NUMBER");
  person.cards = cards.map(cardOf);
  const codes = listOf(row.code);
  // What is wrong about a code is told without the code.
  for (const code of codes)
    if (!/^(\d{4,8}|new|none)$/.test(code)) problems.push("code: 4 to 8 digits, new, none, or empty for new");
  if (codes.length > CODES_MOST) problems.push(`code: at most ${CODES_MOST}`);
  if (cards.length > CARDS_MOST) problems.push(`card: at most ${CARDS_MOST}`);
  if (!["", "1", "2", "1,2"].includes(row.relay ?? "")) problems.push("relay: 1, 2 or 1,2");
  if (!["", "on", "off"].includes(row.enabled ?? "")) problems.push("enabled: on or off");
  if (!/^([1-9]\d{0,3}|none|)$/.test(row.uses ?? "")) problems.push("uses: a number from 1 to 9999, or empty");
  for (const column of ["from", "until"] as const)
    if (!isTime(row[column] ?? "")) problems.push(`${column}: 2026-12-24, 2026-12-24 18:00, +24h, +30m, +7d or none`);
  const keys = [
    `name ${person.name.toLowerCase()}`,
    ...person.cards.map((card) => `card ${card}`),
    ...codes.filter((code) => /^\d/.test(code)).map((code) => `code ${code}`),
  ];
  for (const key of keys) {
    const before = seen.get(key);
    if (before !== undefined)
      problems.push(`${key.startsWith("code") ? "that code" : safe(key)} is in line ${before} too`);
    else seen.set(key, line);
  }
  if (problems.length === 0) {
    const problem = checkPerson(person);
    if (problem !== "") problems.push(problem.replace(/^--/, ""));
  }
  return problems;
}

/** @returns whether the door can read a time, whatever its zone is */
function isTime(given: string): boolean {
  return readTime(given, false, Date.now() / 1000, "") !== NO_TIME;
}

/** @returns whether a time is one for `--since` */
export function isSince(given: string): boolean {
  return readSince(given, Date.now() / 1000, "") > 0;
}

/**
 * Checks the options of a person before the door hears of them. @param options those that were given
 * @returns "" or one line that says what is wrong and what is allowed
 */
export function optionsProblem(name: string, options: Readonly<Partial<Record<Column, unknown>>>): string {
  const row: Row = { name };
  for (const column of COLUMNS) {
    const value = options[column];
    const isGiven = typeof value === "string" && column !== "code" && column !== "name";
    // `none` takes away what there is, but a relay.
    if (isGiven && (value !== NONE || column === "relay")) row[column] = value;
  }
  const [problem = ""] = problemsOf(row, 0, new Map());
  const isOption = COLUMNS.some((column) => column !== "name" && problem.startsWith(column + ": "));
  return (isOption ? "--" : "") + problem.replace(/, or empty$/, " or none");
}

function listOf(value = ""): string[] {
  return value === "" ? [] : value.split(",").map((one) => one.trim());
}

/** The line of the console that adds one. */
function lineOf(row: Row): string {
  let out = `people add "${row.name}"`;
  const code = row.code ?? "";
  if (code !== NONE) out += ` --code ${code === "" ? NEW : listOf(code).join(",")}`;
  if (row.card) out += ` --card ${listOf(row.card).join(",")}`;
  for (const column of ["relay", "when", "from", "until", "uses", "sip"] as const)
    if (row[column]) out += ` --${column} ${row[column]}`;
  if (row.note) out += ` --note "${row.note}"`;
  return row.enabled === "off" ? `${out} --off` : out;
}

/** @param codesPath where new codes are written @throws Error of one line; then nobody was added */
export async function importPeople(
  session: Session,
  entries: readonly Entry[],
  codesPath: string,
  output: PeopleOutput,
): Promise<void> {
  const codeCount = entries.reduce(
    (sum, { row }) => sum + (row.code === NONE ? 0 : Math.max(1, listOf(row.code).length)),
    0,
  );
  const cardCount = entries.reduce((sum, { row }) => sum + listOf(row.card).length, 0);
  await session.tell(`people begin ${entries.length} ${codeCount + cardCount}`);
  const bar = new cliProgress.SingleBar(
    { format: "{bar} {value} of {total} people", stream: process.stderr, clearOnComplete: true, noTTYOutput: false },
    cliProgress.Presets.shades_classic,
  );
  const codes: { name: string; code: string }[] = [];
  bar.start(entries.length, 0);
  try {
    for (const { line, row } of entries) {
      const answer = await session.ask(lineOf(row));
      if (!answer.ok) throw new Error(`line ${line}: ${safe(String(answer.error))}; nobody was added`);
      if (typeof answer.code === "string") codes.push({ name: row.name ?? "", code: answer.code });
      bar.increment();
    }
    // Before the codes count: nobody has one that is not written down.
    if (codes.length > 0) writeFile(codesPath, csvOf(codes, ["name", "code"]));
    await session.tell("people commit");
  } catch (error) {
    await session.ask("people abort").catch(() => {});
    throw error;
  } finally {
    bar.stop();
  }
  output.out(`${entries.length} added${codes.length === 0 ? "" : `; new codes are in ${codesPath}`}\n`);
}

/** @throws Error of one line */
async function allPeople(session: Session): Promise<Answer[]> {
  const all: Answer[] = [];
  for (let place = 0; place >= 0; ) {
    const answer = await session.tell(`people next ${place}`);
    const found = Number(answer.place);
    if (!(found >= place)) return all;
    all.push(answer);
    place = found + 1;
  }
  return all;
}

export async function listPeople(session: Session, output: PeopleOutput): Promise<void> {
  const all = await allPeople(session);
  for (const one of all) {
    const more = ["card", "relay", "when", "from", "until", "uses", "note", "sip"].map((name) => {
      const value = String(one[name === "card" ? "cards" : name] ?? "");
      return value === "" || (name === "relay" && value === "1") ? "" : `, ${name} ${value}`;
    });
    output.out(safe(`${one.name}: ${one.state}, ${one.codes} codes${more.join("")}`) + "\n");
  }
  output.out(`${all.length} people\n`);
}

/** @param path "-" prints it. Codes are in no file: nobody knows them any more. */
export async function exportPeople(session: Session, path: string, output: PeopleOutput): Promise<void> {
  const all = await allPeople(session);
  const rows = all.map((one) => ({ ...one, code: NONE, card: one.cards }));
  const content = csvOf(rows, COLUMNS);
  if (path === "-") output.out(content);
  else writeFile(path, content);
  output.err(
    `${all.length} people, without their codes: code ${NEW} in place of ${NONE} has an import make new ones\n`,
  );
}

function csvOf(rows: readonly object[], columns: readonly string[]): string {
  // A spreadsheet must not take a name for a formula.
  return stringify(rows as object[], { header: true, columns: [...columns], escape_formulas: true });
}

/** Before the first log. */
const EVER = "2000-01-01";
/** More than any door keeps. */
const PAGES_MOST = 1000;
const LOG_LINE = /^(\S+ \S+Z|\+\d+ s) (\S+) ?(.*)$/;

/** The door's log as CSV. @param since "" for all of it */
export async function exportLog(session: Session, path: string, since: string, output: PeopleOutput): Promise<void> {
  const command = `log --since ${since === "" ? EVER : since}`;
  let answer = await session.tell(command);
  const lines = String(answer.text).split("\n");
  // The door tells a long log page by page.
  for (let page = 0; page < PAGES_MOST && answer.after !== undefined; page++) {
    answer = await session.tell(`${command} --after ${String(answer.after)}`);
    lines.push(...String(answer.text).split("\n"));
  }
  const rows = lines.flatMap((line) => {
    const found = LOG_LINE.exec(line);
    return found === null ? [] : [{ time: found[1], what: found[2], text: found[3] }];
  });
  const content = csvOf(rows, ["time", "what", "text"]);
  if (path === "-") output.out(content);
  else writeFile(path, content);
}
