/**
 * What the codec drivers share: registers that may not answer, and levels in steps. A chip that fails once is left alone until
 * the next call, so that one missing chip costs one time-out of the bus and not thirty. Not here: what any register means.
 */
import type { Registers } from "../device.js";

const HEX = "0123456789abcdef";

export class Chip {
  /** Whether the chip failed to answer since `begin`. */
  failed = false;
  private readonly registers: Registers;
  private readonly problem: string;

  /** @param name of the chip @param address on the bus, 7 bits: both for the error */
  constructor(registers: Registers, name: string, address: number) {
    this.registers = registers;
    this.problem = "no answer from the " + name + " at 0x" + HEX[(address >> 4) & 7] + HEX[address & 15];
  }

  begin(): void {
    this.failed = false;
  }

  /** @returns what to tell a person: "" when each access since `begin` was answered */
  end(): string {
    return this.failed ? this.problem : "";
  }

  write(register: number, value: number): void {
    if (this.failed) return;
    try {
      this.registers.writeUint8(register, value);
    } catch {
      this.failed = true;
    }
  }

  /** @returns 0 when the chip did not answer */
  read(register: number): number {
    if (this.failed) return 0;
    try {
      return this.registers.readUint8(register);
    } catch {
      this.failed = true;
      return 0;
    }
  }

  /** Changes the bits of `mask` to those of `value`; the others stay. */
  update(register: number, mask: number, value: number): void {
    this.write(register, (this.read(register) & ~mask) | (value & mask));
  }
}

/** @returns the number of steps of `step` dB above `lowest` that comes nearest to `db`, from 0 to `most` */
export function steps(db: number, lowest: number, step: number, most: number): number {
  const count = Math.round((db - lowest) / step);
  return count < 0 ? 0 : count > most ? most : count;
}
