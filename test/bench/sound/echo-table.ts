/**
 * The tables of docs/sound.md, from the rows of the benchmark: `npm run bench -- sound echo --docs` writes them. Not
 * here: what is measured (echo.ts).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../harness.js";

const PAGE = join(import.meta.dirname, "../../../docs/sound.md");
const PEERS = ["speexdsp", "webrtc"] as const;
const NAMES = { speexdsp: "speexdsp", webrtc: "WebRTC" };

/** Each line of the first table: the row's name and what it says. */
const LOWERED = [
  ["clean", "clean"],
  ["distorted3", "3 % distortion"],
  ["distorted", "10 % distortion"],
  ["noisy30", "30 dB above the noise"],
  ["noisy", "20 dB above the noise"],
  ["noisy0", "as loud as the noise"],
  ["mean", "all of these"],
] as const;
const LOST = [
  ["nearloss", "what the visitor's syllables lose while both speak"],
  ["lsd.voice", "how far the voice is from what was said, where it is louder than the noise"],
  ["lsd", "the same of all frequencies, with the noise"],
  ["lsd.noise", "the same of a voice that is not touched, with another piece of the noise"],
  ["lsd.band", "the first of these two, between 125 and 3,800 Hz"],
  ["lsd.alone.voice", "how far the voice is from it while the house is silent"],
  ["lsd.alone", "the same of all frequencies, with the noise"],
  ["lsd.alone.band", "the same, between 125 and 3,800 Hz"],
  ["less.nearloss", "what they lose while both speak, with `audio.noise lower`"],
  ["less.lsd.voice", "how far the voice is from what was said then, where it is louder than the noise"],
  ["always", "what they lose where both speak from the first word on and no echo comes"],
] as const;
const CHANGED = [
  ["moved", "the way becomes another one"],
  ["slam", "a door is slammed"],
  ["louder", "the house speaks 20 dB louder"],
  ["quieter", "the house speaks 20 dB more quietly"],
] as const;

/** @returns the lines of a table, its first row and the one below it included; what was not measured is left out */
function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => "| " + cells.join(" | ") + " |";
  const measured = lines.filter(([, ...cells]) => cells.some((cell) => cell !== ""));
  return [row(head), row(head.map(() => "---")), ...measured.map(row)].join("\n");
}

type Cell = (name: string, peer?: string, unit?: string, digits?: number) => string;

/** What the tables say of an echo and of two voices. */
function calmText(cell: Cell): string {
  const head = ["the echo alone is lowered by", "Portero", "its filter alone, frozen", "speexdsp", "WebRTC"];
  const lowered = LOWERED.map(([name, what]) => [
    what,
    cell(name),
    cell(name + ".filter"),
    ...PEERS.map((peer) => cell(name, peer)),
  ]);
  const lost = LOST.map(([name, what]) => [what, cell(name), "", ...PEERS.map((peer) => cell(name, peer))]);
  const alike = ["likeness of their syllables, of 1, the worst call", cell("envelope", undefined, "", 2), "", "", ""];
  return table(head, [...lowered, ...lost, alike]);
}

function changedText(cell: Cell): string {
  return [
    table(
      ["from 2 s after it on the echo alone is lowered by", "mean", "the worst call"],
      CHANGED.map(([name, what]) => [what, cell(name), cell(name + ".worst")]),
    ),
    table(
      ["", ""],
      [
        ["a moment of those calls, beside what the microphone heard, at most", cell("loudest")],
        ["the noise of the place while the house speaks, beside what it is (30 dB below the echo)", cell("noise")],
        ["the same, the quietest and the loudest call", `${cell("noise.least")}, ${cell("noise.most")}`],
        ["the same with `audio.noise lower`, mean", cell("noise.less")],
        ["echo that is left, with the noise, above the noise (20 dB below the echo)", cell("residue")],
      ],
    ),
  ].join("\n\n");
}

function loopText(cell: Cell): string {
  return table(
    ["the loudest sample, of 32767", ""],
    [
      ["of a loop of 6 dB", cell("loop", undefined, "", 0)],
      ["the same, beside a noise of level 60", cell("loop.noisy", undefined, "", 0)],
      ["of a loop of 12 dB", cell("loop12", undefined, "", 0)],
      ["the same, beside a noise of level 60", cell("loop12.noisy", undefined, "", 0)],
    ],
  );
}

/** @returns the table of what is compared where the visitor loses the same */
function equalText(whole: Cell): string {
  const cell = (name: string, peer?: string): string => whole(`equal.${name}`, peer);
  const head = ["the visitor loses as much as by", "loss", "Portero lowers the echo by", "speexdsp", "WebRTC"];
  const measured = PEERS.filter((peer) => cell(`${peer}.loss`) !== "");
  const [one] = measured;
  const own = one === undefined ? [] : [cell(`${one}.own.loss`), cell(`${one}.own`)];
  const theirs = PEERS.map((peer) => (measured.includes(peer) ? cell(`${peer}.own`, peer) || "loses more" : ""));
  const lines = table(head, [
    ...measured.map((name) => [
      NAMES[name],
      cell(`${name}.loss`),
      cell(name),
      ...PEERS.map((peer) => (peer === name ? cell(name, peer) : "")),
    ]),
    ["Portero", ...own, ...theirs],
  ]);
  return "Beside a loudspeaker that distorts by a tenth, where the visitor loses the same:\n\n" + lines;
}

/** Writes `text` into the page between two marks. @returns the page */
function put(page: string, mark: string, text: string): string {
  const [from, to] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`];
  const [start, end] = [page.indexOf(from), page.indexOf(to)];
  if (start < 0 || end < start) throw new Error(`docs/sound.md has no marks ${from} and ${to}`);
  return page.slice(0, start + from.length) + "\n\n" + text + "\n\n" + page.slice(end);
}

/** A row, and what it is in words of the page. */
interface Named {
  name: string;
  what: string;
}

/** Writes what was measured of calls of further kinds into the page. */
export function writeFurther(results: readonly Result[], kinds: readonly Named[], sounds: readonly Named[]): void {
  const cell = (name: string, unit = "dB", digits = 1): string => {
    const found = results.find((result) => result.name === `sound.echo.further.${name}`);
    return found === undefined ? "" : `${found.value.toFixed(digits)} ${unit}`.trim();
  };
  const head = [
    "",
    "the echo alone is lowered by",
    "the worst call",
    "a moment, at most",
    "the visitor loses",
    "likeness",
  ];
  const lines = kinds.map(({ name, what }) => [
    what,
    cell(name),
    ...["worst", "louder", "nearloss"].map((row) => cell(`${name}.${row}`)),
    cell(`${name}.envelope`, "", 2),
  ]);
  const after = sounds.map(({ name, what }) => [what, cell(`after.${name}`, "s")]);
  const quieter = table(["after 12 s of", "a visitor is 3 dB quieter for"], after);
  const page = put(readFileSync(PAGE, "utf8"), "further", table(head, lines));
  writeFileSync(PAGE, put(page, "after loud sounds", quieter));
}

/** Writes what was measured of each set into the page, between two marks. */
export function writeTables(results: readonly Result[], sets: readonly { prefix: string; name: string }[]): void {
  let page = readFileSync(PAGE, "utf8");
  for (const { prefix, name } of sets) {
    const cell: Cell = (row, peer, unit = "dB", digits = 1) => {
      const found = results.find((result) => result.name === `${prefix}.${row}` && result.peer === peer);
      return found === undefined ? "" : `${found.value.toFixed(digits)} ${unit}`.trim();
    };
    // What was not measured stays as it is.
    if (cell("mean") !== "" && cell("nearloss") !== "") page = put(page, name, calmText(cell));
    if (cell("moved") !== "") page = put(page, `${name}, after a change`, changedText(cell));
    if (cell("loop") !== "") page = put(page, `${name}, in a loop`, loopText(cell));
    if (PEERS.some((peer) => cell(`equal.${peer}`) !== "")) page = put(page, `${name}, at equal loss`, equalText(cell));
  }
  writeFileSync(PAGE, page);
}
