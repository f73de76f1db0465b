/**
 * The ES8388 as a register file that sound passes through, left and right as one. It wants the order formats,
 * references, state machines, converters: a part that is switched on before stays silent until it is switched on again,
 * and a change of the LRCK source needs the state machines started anew. The chip may forgive some of that; a driver
 * that satisfies this model does not count on it. Not here: level control, filters, bypass, master mode.
 */
import { SILENT_DB, VirtualCodec, type Wiring } from "./codec.js";

/** Values after reset; 0 for registers that are not named. */
const DEFAULTS: readonly (readonly [register: number, value: number])[] = [
  [0x00, 0x06],
  [0x01, 0x1c],
  [0x02, 0xc3],
  [0x03, 0xfc],
  [0x04, 0xc0],
  [0x08, 0x80],
  [0x0b, 0x02],
  [0x0d, 0x06],
  [0x0f, 0x20],
  [0x10, 0xc0],
  [0x11, 0xc0],
  [0x18, 0x06],
  [0x19, 0x22],
  [0x1a, 0xc0],
  [0x1b, 0xc0],
  [0x27, 0x38],
  [0x2a, 0x38],
  [0x2b, 0x38],
];
const SOFTWARE_RESET = 0x80;
const REFERENCE_ON = 0x04;
const SAME_RATE = 0x10;
/** Analog part, bias and reference buffer: 0 is on. */
const ANALOG_OFF = 0x0d;
/** Digital part, state machine and reference: 0 is on. */
const ADC_OFF = 0xa2;
const DAC_OFF = 0x51;
const ADC_SILENT = 0xf4;
const DACS_OFF = 0xc0;
const OUTPUTS = [
  [0x30, 0x2e, 0x2f],
  [0x0c, 0x30, 0x31],
] as const;
/** 256 clocks of MCLK a sample, single speed. */
const RATIO_256 = 0x02;
const OUT_0_DB = 30;

export class VirtualEs8388 extends VirtualCodec {
  private readonly microphone: number;
  private isAdcOn = false;
  private isDacOn = false;
  /** Whether the state machines have run since this LRCK source was chosen. */
  private isSynchronous = false;

  /** @param microphone the pair of inputs it is wired to, 1 or 2 */
  constructor(wiring: Wiring, nowMs: () => number, microphone = 1) {
    super(wiring, nowMs);
    this.microphone = microphone;
    this.reset();
  }

  protected written(register: number, value: number): void {
    if (register === 0x00 && (value & SOFTWARE_RESET) !== 0) this.reset();
    if (register === 0x02) this.isSynchronous = (value & 0x30) === 0 && this.registers[0x2b] === 0x80;
    if (register === 0x2b) this.isSynchronous = false;
    if (register === 0x03) this.isAdcOn = (value & ADC_SILENT) === 0;
    if (register === 0x04) this.isDacOn = (value & DACS_OFF) === 0;
    if (!this.stands(ADC_OFF)) this.isAdcOn = false;
    if (!this.stands(DAC_OFF)) this.isDacOn = false;
  }

  protected isPlaying(): boolean {
    return this.isDacOn && this.outputDb() > SILENT_DB;
  }

  protected volumeDb(): number {
    const r = this.registers;
    const steps = Math.min(Math.max(r[0x1a], r[0x1b]), 192);
    if (steps === 192 || (r[0x19] & 0x04) !== 0) return SILENT_DB;
    return Math.max(-steps / 2 + Math.max(this.outputDb(), SILENT_DB), SILENT_DB);
  }

  protected rampDb(): number {
    const control = this.registers[0x19];
    if ((control & 0x20) === 0) return 0;
    return 0.5 / [4, 32, 64, 128][control >> 6];
  }

  protected microphoneDb(): number {
    const r = this.registers;
    const format = r[0x0c];
    const isUnderstood = (format & 0x23) === 0 && this.hasBits(format >> 2) && r[0x0d] === RATIO_256;
    const isWired = r[0x0a] >> 4 === (this.microphone === 1 ? 0x0 : 0x5);
    const steps = Math.max(r[0x10], r[0x11]);
    const isOpen = this.isAdcOn && this.isSynchronous && isUnderstood && isWired;
    if (!isOpen || (r[0x0f] & 0x04) !== 0 || (r[0x0b] & 0x18) !== 0 || steps >= 192) return SILENT_DB;
    return Math.min(r[0x09] >> 4, r[0x09] & 15, 8) * 3 - steps / 2;
  }

  private reset(): void {
    this.registers.fill(0);
    for (const [register, value] of DEFAULTS) this.registers[register] = value;
    this.isAdcOn = false;
    this.isDacOn = false;
    this.isSynchronous = false;
  }

  /** @returns whether clocks and references are right for a converter */
  private stands(off: number): boolean {
    const r = this.registers;
    const isPowered = (r[1] & ANALOG_OFF) === 0 && (r[0] & REFERENCE_ON) !== 0 && (r[0] & 3) !== 0;
    return isPowered && (r[2] & off) === 0 && r[8] === 0 && this.wiring.mclk === 256 && (r[0] & SAME_RATE) !== 0;
  }

  /** @returns the level of the louder pair of outputs that is on, from the DAC through mixer and amplifier */
  private outputDb(): number {
    const r = this.registers;
    const format = r[0x17];
    const isUnderstood = (format & 0xc6) === 0 && this.hasBits(format >> 3) && r[0x18] === RATIO_256;
    const isMixed = (r[0x27] & r[0x2a] & 0x80) !== 0;
    let best = SILENT_DB;
    if (!isUnderstood || !isMixed || !this.isSynchronous) return best;
    for (const [on, left, right] of OUTPUTS) {
      if ((r[4] & on) === on) best = Math.max(best, Math.min(r[left], r[right]) - OUT_0_DB);
    }
    return best;
  }

  private hasBits(code: number): boolean {
    return [24, 20, 18, 16, 32][code & 7] === this.wiring.bits;
  }
}
