/** Builds a name server's answers for tests. */
import { ipv4 } from "../../src/core/address.js";

export interface Row {
  name: string;
  a?: string;
  cname?: string;
  /** Priority, weight, port, target. */
  srv?: [number, number, number, string];
  /** Order, preference, flags, services, regular expression, replacement. */
  naptr?: [number, number, string, string, string, string];
  /** The time to live, s; 60 by default. */
  ttlS?: number;
}

function labels(name: string): number[] {
  const out: number[] = [];
  for (const label of name.split(".")) if (label !== "") out.push(label.length, ...Buffer.from(label));
  return [...out, 0];
}

const uint16 = (value: number) => [value >> 8, value & 255];

function octetsOf(row: Row, asked: string): number[] {
  const owner = row.name.toLowerCase() === asked ? [0xc0, 12] : labels(row.name);
  let [type, data]: [number, number[]] = [1, []];
  if (row.a !== undefined) {
    const address = ipv4(row.a);
    data = [...uint16(address >>> 16), ...uint16(address & 0xffff)];
  } else if (row.cname !== undefined) [type, data] = [5, labels(row.cname)];
  else if (row.srv !== undefined) {
    const [priority, weight, port, target] = row.srv;
    [type, data] = [33, [...uint16(priority), ...uint16(weight), ...uint16(port), ...labels(target)]];
  } else if (row.naptr !== undefined) {
    const [order, preference, ...texts] = row.naptr;
    const strings = texts.slice(0, 3).flatMap((one) => [one.length, ...Buffer.from(one)]);
    [type, data] = [35, [...uint16(order), ...uint16(preference), ...strings, ...labels(texts[3])]];
  }
  const ttlS = row.ttlS ?? 60;
  return [
    ...owner,
    ...uint16(type),
    0,
    1,
    ...uint16(ttlS >>> 16),
    ...uint16(ttlS & 0xffff),
    ...uint16(data.length),
    ...data,
  ];
}

/** @returns the name and the type that `question` asks for */
export function askedFor(question: Uint8Array): { name: string; type: number } {
  let [at, name] = [12, ""];
  for (; question[at] !== 0; at += question[at] + 1)
    name += (name === "" ? "" : ".") + Buffer.from(question.subarray(at + 1, at + 1 + question[at]));
  return { name: name.toLowerCase(), type: question[at + 1] * 256 + question[at + 2] };
}

export function answerTo(question: Uint8Array, answers: Row[], added: Row[] = [], code = 0): Uint8Array {
  const { name } = askedFor(question);
  const rows = [...answers, ...added].flatMap((row) => octetsOf(row, name));
  const out = Uint8Array.from([...question, ...rows]);
  out[2] = 0x81;
  out[3] = 0x80 | code;
  out[7] = answers.length;
  out[11] = added.length;
  return out;
}
