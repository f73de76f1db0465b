/**
 * The C that gathers the bits of a Wiegand line and its TypeScript twin make the same frames, of cards, noise, bounces
 * and pauses of every length. The C is built with the host's compiler and its sanitizers. Without a compiler that part
 * is skipped, in CI it fails.
 */
import { describe, expect, it } from "vitest";
import { WiegandLine } from "../../hal/native/wiegand.js";
import { cardFrame } from "../../host-sim/io/reader.js";
import { SeededRandom } from "../random.js";
import { isCheckable, runSanitized } from "./sanitized.js";

type Step = readonly [what: "0" | "1" | "t", us: number];

/** @returns what each look finds */
function run(steps: readonly Step[]): string[] {
  const line = new WiegandLine();
  const found: string[] = [];
  for (const [what, us] of steps)
    if (what === "t") found.push(line.take(us)?.join(" ") ?? "none");
    else line.bit(Number(what), us);
  return found;
}

function pulses(bits: string, startUs: number, everyUs = 2000): Step[] {
  return [...bits].map((bit, i) => [bit as "0" | "1", (startUs + i * everyUs) >>> 0]);
}

const CARD = cardFrame(12_345_678);

describe("the bits of a reader", () => {
  it("are a frame 25 ms after the last one, and not before", () => {
    const steps = pulses(CARD, 1000);
    const endUs = steps[25][1];
    const low = Number.parseInt(CARD, 2) | 0;
    expect(run([...steps, ["t", endUs + 24_999], ["t", endUs + 25_000], ["t", endUs + 99_000]])).toEqual([
      "none",
      `26 0 ${low}`,
      "none",
    ]);
  });

  it("of two cards are two frames though nobody looked in between, and a clock that wraps around changes nothing", () => {
    const second = cardFrame(77);
    for (const startUs of [0, 0xffffffff - 20_000, 0xffffffff - 60_000]) {
      const steps = [...pulses(CARD, startUs), ...pulses(second, startUs + 100_000)];
      const lookUs = (startUs + 400_000) >>> 0;
      expect(run([...steps, ["t", lookUs], ["t", lookUs], ["t", lookUs]])).toEqual([
        `26 0 ${Number.parseInt(CARD, 2) | 0}`,
        `26 0 ${Number.parseInt(second, 2) | 0}`,
        "none",
      ]);
    }
  });

  it("that bounce count once, and beyond eight frames or 255 bits nothing more is kept", () => {
    const bounced = pulses("1010", 0).flatMap(([bit, us]): Step[] => [
      [bit, us],
      [bit, us + 150],
    ]);
    expect(run([...bounced, ["t", 90_000]])).toEqual(["4 0 10"]);
    const many = Array.from({ length: 12 }, (_, i) => pulses("1", i * 30_000)).flat();
    const looks = Array.from({ length: 10 }, (): Step => ["t", 900_000]);
    expect(run([...many, ...looks])).toEqual([...Array(8).fill("1 0 1"), "none", "none"]);
    expect(run([...pulses("1".repeat(300), 0), ["t", 900_000]])).toEqual(["255 -1 -1"]);
  });

  it.skipIf(!isCheckable)("are gathered by the C as by its twin", () => {
    const random = new SeededRandom(5);
    const steps: Step[] = [];
    let us = 0xffff0000;
    for (let i = 0; i < 20_000; i++) {
      const gaps = [100, 199, 200, 1000, 2000, 2500, 24_999, 25_000, 60_000];
      us = (us + gaps[random.uint32() % (i % 500 < 40 ? gaps.length : 6)]) >>> 0;
      steps.push([i % 37 === 0 ? "t" : random.uint32() & 1 ? "1" : "0", us]);
    }
    steps.push(["t", us]);
    const inputs: string[] = [""];
    for (const [what, at] of steps) {
      inputs[inputs.length - 1] += `${what} ${at}\n`;
      if (what === "t") inputs.push("");
    }
    inputs.pop();
    const lines = runSanitized(
      "wiegand.c",
      inputs.map((input) => Buffer.from(input)),
    );
    expect(lines).toEqual(run(steps));
    expect(new Set(lines).size).toBeGreaterThan(20);
  });
});
