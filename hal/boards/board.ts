/** The board that is built for. The manifest of a board names the board's own file in place of this one. */
export { BOARD } from "./generic_esp32/board.js";
