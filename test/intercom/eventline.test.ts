/**
 * Tests that an event is one line whatever strangers call themselves and say: it cannot steer a terminal, and its
 * fields read back as they were told.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { consoleLine, eventJson, eventLine as simLine } from "../../host-sim/world/events.js";
import { Reply } from "../../src/console/reply.js";
import { eventLine } from "../../src/intercom/eventline.js";
import { runs } from "../runs.js";
import { anyText } from "../texts.js";

/** These are characters that a terminal, a log or a reader of lines acts on, and code points that are no characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/u;

/** Reads a line as the documents describe it. */
function read(line: string): { name: string; value: string; extra: string[] } {
  const tokens: string[] = [];
  for (let i = 0; i < line.length; ) {
    let end = i;
    let isQuoted = false;
    while (end < line.length && (isQuoted || line[end] !== " ")) {
      if (line[end] === "\\") end += 1;
      else if (line[end] === '"') isQuoted = !isQuoted;
      end += 1;
    }
    tokens.push(line.slice(i, end));
    i = end + 1;
  }
  const isField = (token: string) => /^[A-Za-z]\w*=/.test(token);
  const [name, ...rest] = tokens;
  const at = rest.findIndex(isField);
  const words = at < 0 ? rest : rest.slice(0, at);
  const fields = at < 0 ? [] : rest.slice(at);
  return {
    name,
    value: words.length === 1 ? plain(words[0]) : words.join(" "),
    extra: fields.flatMap((field) => [field.slice(0, field.indexOf("=")), plain(field.slice(field.indexOf("=") + 1))]),
  };
}

function plain(token: string): string {
  const inner = token.startsWith('"') ? token.slice(1, -1) : token;
  return inner.replace(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/g, (_, x, u, c) =>
    c !== undefined ? c : String.fromCharCode(Number.parseInt(x ?? u, 16)),
  );
}

const nasty = fc.constantFrom(
  " ",
  "  ",
  "=",
  '"',
  "\\",
  "\n",
  "\r",
  "\t",
  "\0",
  "\x1b[2J",
  "\x1b]0;x\x07",
  "\x7f",
  "\x80",
  "\x9b",
  "\xa0",
  "\u061c",
  "\u200e",
  "\u200f",
  "\u2028",
  "\u2029",
  "\u202a",
  "\u202e",
  "\u2066",
  "\u2069",
  "\ud800",
  "\udc00",
  "\ud83d\ude00",
  "\ufeff",
  "\u3000",
  "relay=on",
  " relay=on",
  '" relay=on "',
  "\\x41",
  "\\u0041",
  "ok",
  "é",
  "門",
); // prettier-ignore
const text = fc.oneof(
  fc.array(fc.oneof(nasty, anyText(4)), { maxLength: 8 }).map((parts) => parts.join("")),
  fc.string({ unit: "grapheme", maxLength: 20 }),
);
const fields = fc.array(fc.tuple(fc.constantFrom("peer", "reason", "code", "by2"), fc.oneof(text, fc.integer())), {
  maxLength: 4,
});

describe("an event line", () => {
  it("is one line without anything that steers, and reads back the same fields", () => {
    fc.assert(
      fc.property(fc.constantFrom("call", "text", "error"), text, fields, (name, value, pairs) => {
        const extra = Object.entries(Object.fromEntries(pairs));
        const line = eventLine(name, value, Object.fromEntries(pairs));
        expect(line).not.toMatch(STEERING);
        expect(read(line)).toEqual({ name, value, extra: extra.flat().map(String) });
        // A reader that only splits at blanks sees no other field either.
        const known = ["peer", "reason", "code", "by2"];
        for (const word of line.split(" ").slice(1)) {
          const key = /^([A-Za-z]\w*)=/.exec(word)?.[1];
          if (key !== undefined) expect(known).toContain(key);
        }
        expect(line.split(" ").filter((word) => /^(?:peer|reason|code|by2)=/.test(word))).toHaveLength(extra.length);
      }),
      { seed: 10, numRuns: runs(10_000) },
    );
  });

  it("stays as it is where nothing has to be done", () => {
    expect(eventLine("call", "confirmed", { direction: "out", codec: "PCMU" })).toBe(
      "call confirmed direction=out codec=PCMU",
    );
    expect(eventLine("error", "wrong door code", { tries: 1 })).toBe("error wrong door code tries=1");
    expect(eventLine("wifi", "", {})).toBe("wifi");
  });

  it.each([
    ["call", "ringing", ["peer", '"x" relay=on <sip:a@b>'], 'call ringing peer="\\"x\\" relay\\x3don <sip:a@b>"'],
    ["text", "hi relay=on", ["peer", "sip:a@b;x=y"], 'text "hi relay\\x3don" peer=sip:a@b;x=y'],
    [
      "call",
      "ringing",
      ["peer", "relay=on <sip:a@b;transport=tcp?x=y&z=1>"],
      'call ringing peer="relay\\x3don <sip:a@b;transport=tcp?x=y&z=1>"',
    ],
    ["text", "a\nopen", [], 'text "a\\x0aopen"'],
    ["call", "ended", ["reason", "486 \u202eysuB"], 'call ended reason="486 \\u202eysuB"'],
  ])("%s %j %j cannot be taken for more", (name, value, [key, field], line) => {
    expect(eventLine(name, value, key === undefined ? {} : { [key]: field })).toBe(line);
  });
});

describe("the simulator", () => {
  it("tells the same, as a line, on the console and as JSON", () => {
    fc.assert(
      fc.property(text, fields, (value, extra) => {
        const event = { t: 1, who: "door", event: "call", value, ...Object.fromEntries(extra) };
        const texts = Object.fromEntries(extra.map(([key, one]) => [key, String(one)]));
        const onConsole = consoleLine(event);
        expect(onConsole.slice(0, -1)).not.toMatch(STEERING);
        expect(onConsole).toBe(eventLine("call", value, texts) + "\n");
        expect(simLine(event).endsWith(onConsole.slice(0, -1))).toBe(true);
        const json = eventJson(event);
        expect(json).not.toMatch(STEERING);
        expect(JSON.parse(json)).toEqual(event);
      }),
      { seed: 11, numRuns: 1000 },
    );
  });
});

describe("an answer in JSON", () => {
  it("is one line that steers nothing, and reads back the same", () => {
    fc.assert(
      fc.property(text, text, text, (value, body, problem) => {
        const well = new Reply().put("sip.name", value).tell(body).toJson();
        expect(well.slice(0, -1)).not.toMatch(STEERING);
        expect(JSON.parse(well)).toEqual({ ok: true, "sip.name": value, text: body });
        const ill = new Reply().fail("bad-value", problem).toJson();
        expect(ill.slice(0, -1)).not.toMatch(STEERING);
        expect(JSON.parse(ill)).toEqual({ ok: false, code: "bad-value", error: problem });
      }),
      { seed: 12, numRuns: 1000 },
    );
  });
});
