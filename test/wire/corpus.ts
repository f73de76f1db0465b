/**
 * Reads the project's own messages that are hard to read, and flows of messages, from test/fixtures: of each kind that
 * RFC 4475 and RFC 3665 have, with the section. Messages that others wrote may lie beside the repository; they are read
 * as well when they are there.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const OWN = new URL("../fixtures/", import.meta.url);
const CORPUS = new URL("../../../shared/corpus/", import.meta.url);
const isCorpusThere = existsSync(CORPUS);

export interface TortureMessage {
  /** The section of RFC 4475 and a name; for messages of others, the name that the RFC gives it. */
  file: string;
  /** The right result by the RFC: begins with 400, parse-ok, or another status. */
  expected: string;
  /** The answer of our door, where `expected` leaves a choice or is meant for another role: a status, or "dropped". */
  door?: string;
  /** The parser's result, where it does not follow from `expected`. */
  wire?: number;
  /** The proxy's answer, where the message is not forwarded. */
  proxy?: number;
  bytes: Uint8Array;
}

/** @param text with lines that end with LF, \xNN for an octet and \\ for a backslash @returns octets, with CR LF */
export function octetsOf(text: string): Uint8Array {
  const whole = text.replace(/\n/g, "\r\n");
  const octets = Buffer.from(whole).toString("latin1");
  const plain = octets.replace(/\\(?:x([0-9a-f]{2})|\\)/g, (_, hex: string | undefined) =>
    hex === undefined ? "\\" : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return new Uint8Array(Buffer.from(plain, "latin1"));
}

function ownTorture(): TortureMessage[] {
  const folder = new URL("torture/", OWN);
  const names = readdirSync(folder).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.map((name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const at = text.indexOf("====\n");
    const fields = new Map(
      text
        .slice(0, at)
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    const { expected = "", door, wire, proxy } = Object.fromEntries(fields);
    return {
      file: name.replace(".txt", ""),
      expected,
      ...(door === undefined ? {} : { door }),
      ...(wire === undefined ? {} : { wire: Number(wire) }),
      ...(proxy === undefined ? {} : { proxy: Number(proxy) }),
      bytes: octetsOf(text.slice(at + 5)),
    };
  });
}

function othersTorture(): TortureMessage[] {
  if (!isCorpusThere) return [];
  const [, ...lines] = readFileSync(new URL("rfc4475/INDEX.tsv", CORPUS), "utf8").trim().split("\n");
  return lines.map((line) => {
    const [file, , , expected] = line.split("\t");
    return { file, expected, bytes: new Uint8Array(readFileSync(new URL(`rfc4475/${file}`, CORPUS))) };
  });
}

export function tortureMessages(): TortureMessage[] {
  return [...ownTorture(), ...othersTorture()];
}

/** The origin of the messages of a flow. */
export type Source = "own" | "rfc3665";

/** The flows that are there; those of the RFC lie only beside the repository. */
export const SOURCES: readonly Source[] = isCorpusThere ? ["own", "rfc3665"] : ["own"];

export interface FlowMessage {
  /** The name is made of source, section, name, and the number of the message: own_3.02_two-proxies_F01. */
  file: string;
  bytes: Uint8Array;
}

function ownFlows(): FlowMessage[] {
  const folder = new URL("flows/", OWN);
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const [, ...parts] = readFileSync(new URL(name, folder), "utf8").split(/^==== .*\n/m);
      return parts.map((part, i) => ({
        file: "own_" + name.replace(".txt", "") + "_F" + String(i + 1).padStart(2, "0"),
        bytes: octetsOf(part),
      }));
    });
}

export function flowMessages(): FlowMessage[] {
  if (!isCorpusThere) return ownFlows();
  const folder = new URL("flows/", CORPUS);
  const others = readdirSync(folder).map((file) => ({
    file,
    bytes: new Uint8Array(readFileSync(new URL(file, folder))),
  }));
  return [...ownFlows(), ...others];
}
