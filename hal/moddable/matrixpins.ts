/**
 * The pins of a keypad of rows and columns, by the SDK. Rows are open drains, so that two keys in a column connect no
 * output that is high to one that is low; columns have the chip's pull-ups. Not here: the scan (hal/matrixkeypad.ts).
 */
import Digital from "embedded:io/digital";
import type { Clock, ReaderOptions } from "../device.js";
import { MatrixKeypad, type MatrixPins, SCAN_MS } from "../matrixkeypad.js";

class KeypadPins implements MatrixPins {
  private readonly rows: Digital[] = [];
  private readonly columnPins: Digital[] = [];

  constructor(rows: readonly number[], columns: readonly number[]) {
    for (let i = 0; i < rows.length; i++)
      this.rows.push(new Digital({ pin: rows[i], mode: Digital.OutputOpenDrain, initialValue: 1 }));
    for (let i = 0; i < columns.length; i++)
      this.columnPins.push(new Digital({ pin: columns[i], mode: Digital.InputPullUp }));
  }

  drive(row: number): void {
    for (let i = 0; i < this.rows.length; i++) this.rows[i].write(row < 0 || row === i ? 0 : 1);
  }

  columns(): number {
    let low = 0;
    for (let i = 0; i < this.columnPins.length; i++) low |= (1 - this.columnPins[i].read()) << i;
    return low;
  }
}

/** Scans a keypad at these GPIO numbers from now on. */
export function listenToKeypad(
  rows: readonly number[],
  columns: readonly number[],
  clock: Clock,
  options: ReaderOptions,
): void {
  const keypad = new MatrixKeypad(new KeypadPins(rows, columns), rows.length, columns.length, options);
  const timer = clock.createTimer(() => {
    keypad.scan(clock.now());
    timer.at(clock.now() + SCAN_MS);
  });
  timer.at(clock.now() + SCAN_MS);
}
