import { describe, expect, it } from "vitest";
import { PARSE_OK } from "../../src/wire/message.js";
import { flowMessages, isCorpusMissing, tortureMessages } from "./corpus.js";
import { message, parse, slice } from "./request.js";

describe.skipIf(isCorpusMissing)("the torture messages of RFC 4475", () => {
  it.each(tortureMessages().map((entry) => [entry.file, entry] as const))("%s", (_, { bytes, expected }) => {
    // 401, 405, 406 and 416 are for the layers above: here these messages are well formed.
    const status = expected.startsWith("400") ? 400 : PARSE_OK;
    expect(parse(bytes)).toBe(status);
    expect(message.canAnswer).toBe(true);
  });

  it("wsinv gives CSeq 9, Max-Forwards 68 and a branch without the cookie", () => {
    parse(tortureMessages().find(({ file }) => file === "wsinv.dat")!.bytes);
    expect([message.cseq, message.maxForwards, message.hasMagicCookie]).toEqual([9, 68, false]);
    expect(slice(message.branchStart, message.branchEnd)).toBe("390skdjuw");
    expect(slice(message.toTagStart, message.toTagEnd)).toBe("1918181833n");
    expect(slice(message.fromTagStart, message.fromTagEnd)).toBe("98asjd8");
    expect(message.contentLength).toBe(150);
  });
});

describe.skipIf(isCorpusMissing)("the call flows of RFC 3665", () => {
  it.each(flowMessages().map(({ file, bytes }) => [file, bytes] as const))("%s", (_, bytes) => {
    expect(parse(bytes)).toBe(PARSE_OK);
    expect(message.end).toBe(bytes.length);
  });
});
