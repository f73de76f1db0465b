/** The board of this build. A board's manifest names the board's own file in place of this one. */
export { BOARD } from "./generic_esp32/board.js";
