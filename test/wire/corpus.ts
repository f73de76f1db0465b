/** Messages that others wrote, beside the repository: RFC 4475's and RFC 3665's. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const CORPUS = new URL("../../../shared/corpus/", import.meta.url);
export const isCorpusMissing = !existsSync(CORPUS);
if (isCorpusMissing) console.warn("../shared/corpus is missing: the messages of RFC 4475 and RFC 3665 are not tested");

export interface TortureMessage {
  file: string;
  expected: string;
  bytes: Uint8Array;
}

export function tortureMessages(): TortureMessage[] {
  if (isCorpusMissing) return [];
  const [, ...lines] = readFileSync(new URL("rfc4475/INDEX.tsv", CORPUS), "utf8").trim().split("\n");
  return lines.map((line) => {
    const [file, , , expected] = line.split("\t");
    return { file, expected, bytes: new Uint8Array(readFileSync(new URL(`rfc4475/${file}`, CORPUS))) };
  });
}

export function flowMessages(): { file: string; bytes: Uint8Array }[] {
  if (isCorpusMissing) return [];
  return readdirSync(new URL("flows/", CORPUS)).map((file) => ({
    file,
    bytes: new Uint8Array(readFileSync(new URL(`flows/${file}`, CORPUS))),
  }));
}
