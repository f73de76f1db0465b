import { describe, expect, it } from "vitest";
import { eventJson, eventLine, type SimEvent, safe } from "../../../host-sim/world/events.js";

const ENDED: SimEvent = { t: 1234.56789, who: "door", event: "call", value: "ended", code: 486, reason: "Busy Here" };

describe("an event", () => {
  it("is one JSON object a line, with its time in ms", () => {
    expect(eventJson(ENDED)).toBe(
      '{"t":1234.568,"who":"door","event":"call","value":"ended","code":486,"reason":"Busy Here"}',
    );
  });

  it("is one line for people", () => {
    expect(eventLine(ENDED)).toBe('   1.235 door   call ended code=486 reason="Busy Here"');
    expect(eventLine({ t: 0, who: "phone", event: "audio", value: "", lost: 0 })).toBe("   0.000 phone  audio lost=0");
  });

  it("cannot command the terminal, however its reason is written", () => {
    const evil = { ...ENDED, reason: "\u001b[2J\r\n\u0090\u202e" };
    expect(eventLine(evil)).toContain("reason=\\x1b[2J\\x0d\\x0a\\x90\\u202e");
    const json = eventJson(evil);
    expect(json).toMatch(/^[\x20-\x7e]*$/);
    expect(JSON.parse(json).reason).toBe(evil.reason);
  });
});

it("text that does no harm stays as it is", () => {
  expect(safe("Türe öffnen 門")).toBe("Türe öffnen 門");
});
