/**
 * Tests which results `npm run bench -- --check` calls a loss, and that our parser reads all messages of the benchmark.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { problemsOf, record } from "./check.js";
import { ratioOf } from "./contest.js";
import type { Result } from "./harness.js";
import { MESSAGES } from "./messages.js";
import { Reader } from "./reading.js";

const beside = (name: string, peer: string, ratio: number): Result => ({
  name,
  value: 1,
  unit: "messages/s",
  peer,
  ratio,
});

describe("the check of a run of benchmarks", () => {
  it("tells a ratio that fell by more than 15 % of what was recorded, and no other", () => {
    const recorded = { "parse.core jssip": 200, "parse.core osip2": 10 };
    expect(problemsOf([beside("parse.core", "jssip", 171), beside("parse.core", "osip2", 12)], recorded)).toEqual([]);
    expect(problemsOf([beside("parse.core", "jssip", 169)], recorded)).toEqual([
      "parse.core is 169.00 times jssip, and was 200",
    ]);
  });

  it("tells what is less than it has to be, recorded or not", () => {
    expect(problemsOf([beside("parse.core", "sip", 15.9)], {})).toEqual(["parse.core is 15.90 times sip, not 16"]);
    expect(problemsOf([beside("parse.core", "sip", 16)], {})).toEqual([]);
    expect(problemsOf([beside("parse.whole", "sofia-sip", 1.39)], {})).toEqual([
      "parse.whole is 1.39 times sofia-sip, not 1.4",
    ]);
  });

  it("tells a spelling that costs more than half as much again as the usual one", () => {
    const cost = (value: number): Result => ({ name: "parse.core.cost.folded", value, unit: "times" });
    expect(problemsOf([cost(1.5)], {})).toEqual([]);
    expect(problemsOf([cost(1.51)], {})).toEqual(["parse.core.cost.folded is 1.51 times the usual spelling, not 1.5"]);
  });

  it("records the ratios to other parsers, and not the bound", () => {
    const folder = mkdtempSync(join(tmpdir(), "portero-record-"));
    try {
      const file = join(folder, "recorded.json");
      record([beside("parse.core", "sip", 17.49), beside("parse.core", "memchr", 0.16), beside("rtp", "x", 1)], file);
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ "parse.core sip": 17.5 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("takes ratios within a round: a slow round of both changes none", () => {
    expect(ratioOf([100, 10, 50], [50, 5, 10])).toEqual({ value: 2, low: 2, high: 5 });
  });
});

it("each message that parsers are measured with is read, and each address, URI and Via of it", () => {
  for (const { name, bytes } of MESSAGES) {
    const reader = new Reader([bytes]);
    expect([name, Number.isNaN(reader.lazily(1)), Number.isNaN(reader.wholly(1))]).toEqual([name, false, false]);
  }
});
