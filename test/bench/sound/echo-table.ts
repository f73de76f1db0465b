/**
 * The tables of docs/sound.md, from the rows of the benchmark: `npm run bench -- sound echo --docs` writes them. Not
 * here: what is measured (echo.ts).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Result } from "../harness.js";

const PAGE = join(import.meta.dirname, "../../../docs/sound.md");
const PEERS = ["speexdsp", "webrtc"] as const;

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
  ["nearloss", "what the visitor's syllables lose while both speak", "dB"],
  ["lsd", "how far their spectra are from what was said", "dB"],
  ["lsd.band", "the same, between 125 and 3,800 Hz", "dB"],
  ["always", "what they lose where both speak from the first word on and no echo comes", "dB"],
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

/** @returns what stands between the marks of that set */
function textOf(prefix: string, results: readonly Result[]): string {
  const cell = (name: string, peer: string | undefined, unit = "dB", digits = 1): string => {
    const found = results.find((row) => row.name === prefix + "." + name && row.peer === peer);
    return found === undefined ? "" : (found.value.toFixed(digits) + " " + unit).trim();
  };
  const head = ["the echo alone is lowered by", "Portero", "its filter alone, frozen", "speexdsp", "WebRTC"];
  const lowered = LOWERED.map(([name, what]) => [
    what,
    cell(name, undefined),
    cell(name + ".filter", undefined),
    ...PEERS.map((peer) => cell(name, peer)),
  ]);
  const lost = LOST.map(([name, what, unit]) => [
    what,
    cell(name, undefined, unit),
    "",
    ...PEERS.map((peer) => cell(name, peer, unit)),
  ]);
  const changed = CHANGED.map(([name, what]) => [what, cell(name, undefined), cell(name + ".worst", undefined)]);
  return [
    table(head, [...lowered, ...lost]),
    table(["from 2 s after it on the echo alone is lowered by", "mean", "the worst call"], changed),
    table(
      ["", ""],
      [
        ["a moment of those calls, beside what the microphone heard, at most", cell("loudest", undefined)],
        ["echo that is left, with the noise, above the noise (20 dB below the echo)", cell("residue", undefined)],
        ["likeness of the visitor's syllables, of 1, the worst call", cell("envelope", undefined, "", 2)],
        ["loudest sample of a loop of 6 dB, of 32767", cell("loop", undefined, "", 0)],
        ["the same, beside a noise of level 60", cell("loop.noisy", undefined, "", 0)],
      ],
    ),
  ].join("\n\n");
}

/** Writes the tables of each set that was measured into the page, between its two marks. */
export function writeTables(results: readonly Result[], sets: readonly { prefix: string; name: string }[]): void {
  let page = readFileSync(PAGE, "utf8");
  for (const { prefix, name } of sets) {
    const [from, to] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const [start, end] = [page.indexOf(from), page.indexOf(to)];
    if (start < 0 || end < start) throw new Error(`docs/sound.md has no marks ${from} and ${to}`);
    page = page.slice(0, start + from.length) + "\n\n" + textOf(prefix, results) + "\n\n" + page.slice(end);
  }
  writeFileSync(PAGE, page);
}
