/**
 * The boards that the simulator can be: their limits and devices, by their names in hal/boards. Not here: pins, and
 * everything else that only the firmware knows.
 */
import type { InputName } from "../../hal/device.js";
import type { Limits } from "../../src/core/limits.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../../src/driver/limits.js";

export interface SimBoard {
  name: string;
  /** Whether it has memory for more calls, and to be a server. */
  isRoomy: boolean;
  codec: "" | "ES8311" | "ES8388";
  inputs: readonly InputName[];
  relays: number;
  /** Whether it has pins for a reader and a keypad at the door. */
  hasReader: boolean;
}

const EVERY_INPUT: readonly InputName[] = ["button1", "button2", "button3", "button4", "exit", "sensor", "tamper"];

/** The reference board is the first one. A board whose manifest has the pins has all inputs that it can name. */
export const BOARDS: readonly SimBoard[] = [
  {
    name: "m5atom_echo_s3r",
    isRoomy: true,
    codec: "ES8311",
    inputs: ["button1", "tamper"],
    relays: 1,
    hasReader: true,
  },
  { name: "esp32_audio_kit", isRoomy: false, codec: "ES8388", inputs: ["button1"], relays: 1, hasReader: false },
  { name: "esp32c3_qemu", isRoomy: false, codec: "", inputs: ["button1"], relays: 1, hasReader: false },
  { name: "generic_esp32", isRoomy: false, codec: "", inputs: EVERY_INPUT, relays: 2, hasReader: true },
  { name: "lin", isRoomy: true, codec: "", inputs: ["button1"], relays: 1, hasReader: false },
  { name: "wt32_eth01", isRoomy: false, codec: "", inputs: ["button1", "exit", "sensor"], relays: 1, hasReader: false },
  {
    name: "xiao_esp32s3",
    isRoomy: true,
    codec: "",
    inputs: ["button1", "exit", "sensor"],
    relays: 1,
    hasReader: false,
  },
];

/** Without a board on the command line: the reference board, with every button, contact and relay there can be. */
const REFERENCE: SimBoard = { ...BOARDS[0], inputs: EVERY_INPUT, relays: 2 };

export const BOARD_NAMES = BOARDS.map(({ name }) => name).join(", ");

/** @param name "" for none @returns null if there is no such board */
export function boardOf(name: string): SimBoard | null {
  return name === "" ? REFERENCE : (BOARDS.find((board) => board.name === name) ?? null);
}

export function limitsOf(board: SimBoard): Limits {
  return board.isRoomy ? ROOMY_LIMITS : DOOR_LIMITS;
}
