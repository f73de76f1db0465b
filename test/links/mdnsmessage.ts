/**
 * Messages of multicast DNS as objects, written apart from src/wire: what tests send, and what they read. RFC 1035 §4
 */

const TYPES: Record<string, number> = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, NSEC: 47, ANY: 255 };
const NAMES = new Map(Object.entries(TYPES).map(([name, type]) => [type, name]));

export interface Question {
  name: string;
  type: string;
  /** The top bit of the class. */
  isUnique: boolean;
}

export interface Entry extends Question {
  ttlS: number;
  /** As text; of a type that is not known here, in hexadecimal. */
  data: string;
}

export interface Message {
  id: number;
  isResponse: boolean;
  isTruncated: boolean;
  questions: Question[];
  answers: Entry[];
  authority: Entry[];
  additional: Entry[];
}

function nameBytes(name: string): number[] {
  return [...name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]), 0];
}

const pair = (value: number): number[] => [(value >> 8) & 255, value & 255];

function dataBytes({ type, data }: Entry): number[] {
  if (type === "A") return data.split(".").map(Number);
  if (type === "PTR") return nameBytes(data);
  if (type === "SRV") {
    const [priority, weight, port, target] = data.split(" ");
    return [...pair(Number(priority)), ...pair(Number(weight)), ...pair(Number(port)), ...nameBytes(target)];
  }
  return [...Buffer.from(data, "hex")];
}

export function message(what: Partial<Message>): Uint8Array {
  const { id = 0, isResponse = false, isTruncated = false, questions = [] } = what;
  const entries = [what.answers ?? [], what.authority ?? [], what.additional ?? []];
  const out = [...pair(id), (isResponse ? 0x84 : 0) | (isTruncated ? 2 : 0), 0, ...pair(questions.length)];
  for (const { length } of entries) out.push(...pair(length));
  const head = ({ name, type, isUnique }: Question) => [
    ...nameBytes(name),
    ...pair(TYPES[type]),
    ...pair(1 | (isUnique ? 0x8000 : 0)),
  ];
  for (const one of questions) out.push(...head(one));
  for (const one of entries.flat()) {
    const data = dataBytes(one);
    out.push(...head(one), 0, 0, ...pair(one.ttlS), ...pair(data.length), ...data);
  }
  return Uint8Array.from(out);
}

export function read(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 12;
  const nameAt = (from: number): { name: string; behind: number } => {
    const labels: string[] = [];
    let i = from;
    for (; bytes[i] !== 0; i += bytes[i] + 1)
      labels.push(Buffer.from(bytes.subarray(i + 1, i + 1 + bytes[i])).toString());
    return { name: labels.join("."), behind: i + 1 };
  };
  const question = (): Question => {
    const { name, behind } = nameAt(at);
    const type = NAMES.get(view.getUint16(behind)) ?? "?";
    at = behind + 4;
    return { name, type, isUnique: view.getUint16(behind + 2) >= 0x8000 };
  };
  const entry = (): Entry => {
    const head = question();
    const ttlS = view.getUint32(at);
    const size = view.getUint16(at + 4);
    const data = bytes.subarray(at + 6, at + 6 + size);
    const from = at + 6;
    at = from + size;
    const hex = (part: Uint8Array) => Buffer.from(part).toString("hex");
    let said = hex(data);
    if (head.type === "A") said = data.join(".");
    else if (head.type === "PTR") said = nameAt(from).name;
    else if (head.type === "NSEC") said = `${nameAt(from).name} ${hex(bytes.subarray(nameAt(from).behind, at))}`;
    else if (head.type === "SRV")
      said = [0, 2, 4].map((i) => view.getUint16(from + i)).join(" ") + " " + nameAt(from + 6).name;
    return { ...head, ttlS, data: said };
  };
  const many = <T>(count: number, one: () => T): T[] => Array.from({ length: count }, one);
  return {
    id: view.getUint16(0),
    isResponse: (bytes[2] & 0x80) !== 0,
    isTruncated: (bytes[2] & 2) !== 0,
    questions: many(view.getUint16(4), question),
    answers: many(view.getUint16(6), entry),
    authority: many(view.getUint16(8), entry),
    additional: many(view.getUint16(10), entry),
  };
}
