/**
 * Pins of a board that is a program: outputs are told on stderr, except the light, whose rhythm would fill it; the one
 * button is pressed for a moment by SIGUSR1. The shape is `embedded:io/digital`. Not here: edges, other inputs.
 */

import { BOARD } from "hal/boards/board";
import { note, onButton } from "hal/boards/lin/host";
import Timer from "timer";

const PRESS_MS = 200;

export default class Digital {
  static readonly Input = 0;
  static readonly InputPullUp = 1;
  static readonly Output = 8;
  static readonly OutputOpenDrain = 9;
  static readonly Rising = 1;
  static readonly Falling = 2;
  private readonly pin: number;
  private value: 0 | 1;

  constructor(options: { pin: number; mode: number; initialValue?: 0 | 1; edge?: number; onReadable?: () => void }) {
    const { pin, mode, initialValue, onReadable } = options;
    this.pin = pin;
    const isOutput = mode === Digital.Output || mode === Digital.OutputOpenDrain;
    // A button that is not pressed is open: its pull-up makes it 1.
    this.value = isOutput ? (initialValue ?? 0) : 1;
    if (!isOutput && onReadable !== undefined) onButton(() => this.press(onReadable));
  }

  read(): 0 | 1 {
    return this.value;
  }

  write(value: 0 | 1): void {
    if (value !== this.value && this.pin === BOARD.relays[0]) note("relay " + (value === 1 ? "on" : "off"));
    this.value = value;
  }

  /** A closed pin is not driven any more. */
  close(): void {}

  private press(onReadable: () => void): void {
    if (this.value === 0) return;
    this.value = 0;
    onReadable();
    Timer.set(() => {
      this.value = 1;
      onReadable();
    }, PRESS_MS);
  }
}
