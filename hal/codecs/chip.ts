/**
 * The common part of the codec drivers: registers that may not answer, and levels in steps. If the chip does not answer
 * the first write, that is done again: an ES8311 just under power may miss it. A chip that fails after that is left
 * alone until the next call, so that one missing chip costs two time-outs of the bus and not thirty. Not here: what any
 * register means.
 */
import type { Registers } from "../device.js";

const HEX = "0123456789abcdef";

export class Chip {
  /** Whether the chip failed to answer since `begin`. */
  failed = false;
  private isFirst = true;
  private readonly registers: Registers;
  private readonly problem: string;

  /** @param name of the chip @param address on the bus, 7 bits; both are for the error */
  constructor(registers: Registers, name: string, address: number) {
    this.registers = registers;
    this.problem = "no answer from the " + name + " at 0x" + HEX[(address >> 4) & 7] + HEX[address & 15];
  }

  begin(): void {
    this.failed = false;
    this.isFirst = true;
  }

  /** @returns "" if each access since `begin` was answered, otherwise one line for a person */
  end(): string {
    return this.failed ? this.problem : "";
  }

  write(register: number, value: number): void {
    if (this.failed) return;
    this.failed = !this.isWritten(register, value) && !(this.isFirst && this.isWritten(register, value));
    this.isFirst = false;
  }

  private isWritten(register: number, value: number): boolean {
    try {
      this.registers.writeUint8(register, value);
      return true;
    } catch {
      return false;
    }
  }

  /** @returns the value, 0 if the chip did not answer */
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
