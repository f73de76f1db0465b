/** Tests that the simulator's boards are those of hal/boards, with the same values. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BOARDS, boardOf, limitsOf } from "../../../host-sim/world/boards.js";
import { parseOptions, type SimOptions, USAGE } from "../../../host-sim/world/options.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../../src/driver/limits.js";

const FOLDER = new URL("../../../hal/boards/", import.meta.url);
const NAMES = readdirSync(FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && readdirSync(new URL(`${entry.name}/`, FOLDER)).includes("board.ts"))
  .map(({ name }) => name);

/** @returns the value of a key in a board's file */
function said(name: string, key: string): string {
  const text = readFileSync(new URL(`${name}/board.ts`, FOLDER), "utf8");
  return new RegExp(`^ {2}${key}: (.*),$`, "m").exec(text)?.[1] ?? "";
}

describe("the simulator's boards", () => {
  it("are those that firmware is built for, the reference board first", () => {
    expect(BOARDS.map(({ name }) => name).sort()).toEqual([...NAMES].sort());
    expect(BOARDS[0].name).toBe("m5atom_echo_s3r");
  });

  it.each(NAMES)("have what the file of %s says", (name) => {
    const board = boardOf(name)!;
    expect(said(name, "isRoomy")).toBe(String(board.isRoomy));
    expect(said(name, "codec")).toBe(`"${board.codec}"`);
    expect(limitsOf(board)).toBe(board.isRoomy ? ROOMY_LIMITS : DOOR_LIMITS);
    // A board whose pins are in the manifest may have all of them wired.
    if (said(name, "buttons").includes("pins.")) {
      expect(board.inputs).toHaveLength(7);
      expect(board.relays).toBe(2);
      return;
    }
    const pins = (key: string): number =>
      said(name, key)
        .split(",")
        .filter((pin) => /\d/.test(pin) && !/-1/.test(pin)).length;
    expect(board.inputs.filter((input) => input.startsWith("button"))).toHaveLength(pins("buttons"));
    expect(board.inputs.includes("exit")).toBe(pins("exit") > 0);
    expect(board.inputs.includes("sensor")).toBe(pins("sensor") > 0);
    expect(board.inputs.includes("tamper")).toBe(pins("tamper") > 0);
    expect(board.relays).toBe(pins("relays"));
  });

  it("are chosen by --board; another name is refused with those there are", () => {
    expect((parseOptions(["--board", "generic_esp32"]) as SimOptions).board).toBe("generic_esp32");
    const names = BOARDS.map(({ name }) => name).join(", ");
    expect(parseOptions(["--board", "esp8266"])).toBe(`--board "esp8266": must be one of ${names}`);
    expect(parseOptions(["--board", ""])).toBe(`--board "": must be one of ${names}`);
    expect(parseOptions(["--board", "esp32_audio_kit", "--do", "wait 1; press2; quit"])).toBe(
      "--do: press2: esp32_audio_kit has no such input; it has button1",
    );
    expect(typeof parseOptions(["--board", "generic_esp32", "--do", "press4; exit; door open; quit"])).toBe("object");
    for (const name of NAMES) expect(USAGE).toContain(name);
  });

  it("without a word it is the reference board's limits, with every input and both relays", () => {
    const board = boardOf("")!;
    expect(limitsOf(board)).toBe(ROOMY_LIMITS);
    expect(board.inputs).toHaveLength(7);
    expect(board.relays).toBe(2);
  });
});
