import { describe, expect, it } from "vitest";
import { text } from "../../src/core/bytes.js";
import { PARSE_OK } from "../../src/wire/message.js";
import { flowMessages, tortureMessages } from "./corpus.js";
import { message, parse, slice } from "./request.js";

describe("a message that is hard to read (RFC 4475)", () => {
  it.each(tortureMessages().map((entry) => [entry.file, entry] as const))("%s", (file, { bytes, expected, wire }) => {
    // The layers above answer 401, 405, 406 and 416: for the parser these messages are well formed.
    const status = wire ?? (expected.startsWith("400") ? 400 : PARSE_OK);
    expect(parse(bytes)).toBe(status);
    // A message without the fields that an answer repeats is answered by its Via alone (test/transaction).
    const isWhole = file !== "3.3.1-fields-missing";
    const isResponse = text(bytes.subarray(0, 8)) === "SIP/2.0 ";
    if (!isResponse) expect(message.canAnswer).toBe(isWhole);
  });

  it("gives what it says, whatever the form: CSeq, Max-Forwards, tags, and a branch without the cookie", () => {
    parse(tortureMessages().find(({ file }) => file === "3.1.1.1-folded")!.bytes);
    expect([message.cseq, message.maxForwards, message.hasMagicCookie]).toEqual([12, 70, false]);
    expect(slice(message.branchStart, message.branchEnd)).toBe("57skdj");
    expect(slice(message.toTagStart, message.toTagEnd)).toBe("2f77to");
    expect(slice(message.fromTagStart, message.fromTagEnd)).toBe("9bell");
    expect(message.contentLength).toBe(message.bodyEnd - message.bodyStart);
  });
});

describe("a message of a call flow (RFC 3665)", () => {
  it.each(flowMessages().map(({ file, bytes }) => [file, bytes] as const))("%s", (_, bytes) => {
    expect(parse(bytes)).toBe(PARSE_OK);
    expect(message.end).toBe(bytes.length);
  });
});
