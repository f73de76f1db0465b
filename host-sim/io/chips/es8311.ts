/**
 * The ES8311 as a register file that sound passes through. It wants the order clocks, references, converters: a
 * converter that is switched on before the clocks run and the references stand gives no sound until it is switched on
 * again. The chip may forgive some of that; a driver that satisfies this model does not count on it. Not here:
 * equalizers, level control, master mode.
 */
import { SILENT_DB, VirtualCodec, type Wiring } from "./codec.js";

/** Values after reset; 0 for registers that are not named. */
const DEFAULTS: readonly (readonly [register: number, value: number])[] = [
  [0x03, 0x10],
  [0x04, 0x10],
  [0x06, 0x03],
  [0x08, 0xff],
  [0x0c, 0x20],
  [0x0d, 0xfc],
  [0x0e, 0x6a],
  [0x10, 0x13],
  [0x11, 0x7c],
  [0x12, 0x02],
  [0x13, 0x40],
  [0x14, 0x10],
  [0x16, 0x04],
  [0x1b, 0x0c],
  [0x1c, 0x4c],
  [0x37, 0x08],
  [0xfd, 0x83],
  [0xfe, 0x11],
];
const RESET_BITS = 0x1f;
const STATE_MACHINE_ON = 0x80;
const MASTER = 0x40;
/** MCLK and BCLK on, then the clocks of the ADC and of the DAC, digital and analog. */
const BUS_CLOCKS = 0x30;
const ADC_CLOCKS = 0x0a;
const DAC_CLOCKS = 0x05;
const FROM_BCLK = 0x80;
/** Clocks a sample that the converters need. */
const CONVERTER_CLOCKS = 256;
const SCALE_0_DB = 4;

export class VirtualEs8311 extends VirtualCodec {
  private isAdcOn = false;
  private isDacOn = false;

  constructor(wiring: Wiring, nowMs: () => number) {
    super(wiring, nowMs);
    this.reset();
    this.registers[0] = RESET_BITS;
  }

  protected written(register: number, value: number): void {
    if (register === 0x00 && (value & RESET_BITS) !== 0) {
      this.reset();
      this.registers[0] = value;
    }
    if (register === 0x0e) this.isAdcOn = (value & 0x60) === 0;
    if (register === 0x12) this.isDacOn = (value & 0x02) === 0;
    if (!this.stands(ADC_CLOCKS, this.registers[5] >> 4)) this.isAdcOn = false;
    if (!this.stands(DAC_CLOCKS, this.registers[5] & 15)) this.isDacOn = false;
  }

  protected isPlaying(): boolean {
    const isMuted = (this.registers[0x31] & 0x60) !== 0;
    return this.isDacOn && !isMuted && this.understands(this.registers[0x09]);
  }

  protected volumeDb(): number {
    const steps = this.registers[0x32];
    return steps === 0 ? SILENT_DB : -95.5 + steps / 2;
  }

  protected rampDb(): number {
    const rate = this.registers[0x37] >> 4;
    return rate === 0 ? 0 : 0.25 / 2 ** (rate + 1);
  }

  protected microphoneDb(): number {
    const r = this.registers;
    // The left slot is heard: ADC on both, on the left, or with the DAC's signal on the right.
    const source = (r[0x44] >> 4) & 7;
    const isHeard = this.isAdcOn && this.understands(r[0x0a]) && (r[0x14] & 0x10) !== 0 && (r[0x14] & 0x40) === 0;
    if (!isHeard || r[0x17] === 0 || (source !== 0 && source !== 1 && source !== 5)) return SILENT_DB;
    const gain = Math.min(r[0x14] & 15, 10) * 3;
    return gain + ((r[0x16] & 7) - SCALE_0_DB) * 6 - 95.5 + r[0x17] / 2;
  }

  private reset(): void {
    this.registers.fill(0);
    for (const [register, value] of DEFAULTS) this.registers[register] = value;
    this.isAdcOn = false;
    this.isDacOn = false;
  }

  /** @returns whether clocks and references are right for a converter */
  private stands(clocks: number, divider: number): boolean {
    const r = this.registers;
    const isRunning = (r[0] & RESET_BITS) === 0 && (r[0] & STATE_MACHINE_ON) !== 0 && (r[0] & MASTER) === 0;
    const isClocked = (r[1] & (BUS_CLOCKS | clocks)) === (BUS_CLOCKS | clocks);
    const isPowered = (r[0x0d] & 0xfc) === 0 && (r[0x0d] & 3) !== 0;
    const source = (r[1] & FROM_BCLK) === 0 ? this.wiring.mclk : 2 * this.wiring.bits;
    const ratio = (source * (1 << ((r[2] >> 3) & 3))) / ((r[2] >> 5) + 1) / (divider + 1);
    return isRunning && isClocked && isPowered && ratio === CONVERTER_CLOCKS;
  }

  /** @returns whether a data port has the format of the wire, and is not muted */
  private understands(port: number): boolean {
    const bits = [24, 20, 18, 16, 32][(port >> 2) & 7];
    return (port & 0x63) === 0 && bits === this.wiring.bits;
  }
}
