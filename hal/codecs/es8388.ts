/**
 * The ES8388, a stereo codec: two pairs of inputs, two pairs of outputs. Slave of I2S with MCLK at 256 times the sample
 * rate, 16 bits. The left and the right of each pair are set alike; I2S chooses the slot that is heard. Not here: its
 * level control, its filters, the bypass from input to output, and the power amplifier behind it (a pin of the board).
 */
import type { Codec, Registers } from "../device.js";
import { Chip, steps } from "./chip.js";

export const ES8388_ADDRESS = 0x10;

const CONTROL_1 = 0x00;
const CONTROL_2 = 0x01;
const CHIP_POWER = 0x02;
const ADC_POWER = 0x03;
const DAC_POWER = 0x04;
const MASTER_MODE = 0x08;
const ADC_GAIN = 0x09;
const ADC_INPUT = 0x0a;
const ADC_MIX = 0x0b;
const ADC_FORMAT = 0x0c;
const ADC_RATIO = 0x0d;
const ADC_MUTE = 0x0f;
const ADC_VOLUME_LEFT = 0x10;
const ADC_VOLUME_RIGHT = 0x11;
const DAC_FORMAT = 0x17;
const DAC_RATIO = 0x18;
const DAC_MUTE = 0x19;
const DAC_VOLUME_LEFT = 0x1a;
const DAC_VOLUME_RIGHT = 0x1b;
const MIX_INPUT = 0x26;
const MIX_LEFT = 0x27;
const MIX_RIGHT = 0x2a;
const LRCK_SOURCE = 0x2b;
const OUTPUT_RESISTANCE = 0x2d;
const OUT_1_LEFT = 0x2e;
const OUT_1_RIGHT = 0x2f;
const OUT_2_LEFT = 0x30;
const OUT_2_RIGHT = 0x31;
/** Registers of the internal clock multipliers, not documented. At 8 kHz the multipliers add noise. */
const MULTIPLIER_A = 0x35;
const MULTIPLIER_B = 0x37;
const MULTIPLIER_C = 0x39;

/** Volume registers: 0 is 0 dB, then 0.5 dB a step downwards. */
const STEP_DB = 0.5;
const SILENT_STEPS = 192;
const GAIN_STEP_DB = 3;
const GAIN_STEPS = 8;
/** Soft ramp of 0.5 dB each 4 samples. */
const RAMP = 0x20;
const RAMP_MUTED = 0x24;
/** 0 dB of the output amplifiers. */
const OUT_0_DB = 0x1e;
/** By then VMID has charged through 5 kΩ. */
const CHARGE_MS = 100;
/** 96 dB take so long by the ramp at 8 kHz. */
const RAMP_MS = 96;

export interface Es8388Options {
  registers: Registers;
  /** The address on the bus, for errors; 0x10, or 0x11 with CE high. */
  address?: number;
  /** The pair of inputs that the microphone is connected to, 1 or 2. */
  input?: number;
  /** Returns after that time, or earlier if there is nothing to wait for. */
  delay(ms: number): void;
}

/** @returns the value of `ADC_INPUT`, left and right alike */
function selectionOf(line: number): number {
  return line === 2 ? 0x50 : 0x00;
}

export class Es8388 implements Codec {
  private readonly chip: Chip;
  private readonly delay: (ms: number) => void;
  private selection: number;
  private volumeSteps = 0;
  private gainSteps = GAIN_STEPS;
  private isMuted = false;
  private isOn = false;

  constructor(options: Es8388Options) {
    this.chip = new Chip(options.registers, "ES8388", options.address ?? ES8388_ADDRESS);
    this.delay = options.delay;
    this.selection = selectionOf(options.input ?? 1);
  }

  start(): string {
    const { chip } = this;
    chip.begin();
    this.isOn = false;
    // The output is silent until everything runs; then all registers get their values of power-up.
    chip.write(DAC_MUTE, RAMP_MUTED);
    chip.write(CONTROL_1, 0x80);
    chip.write(CONTROL_1, 0x06);
    chip.write(DAC_MUTE, RAMP_MUTED);
    // Converters and state machines rest while clocks and formats are set. The chip comes out of reset as master.
    chip.write(CHIP_POWER, 0xf3);
    chip.write(MASTER_MODE, 0x00);
    this.startFormats();
    // The analog part: references on, VMID through 5 kΩ until it is charged, then through 50 kΩ. ADC and DAC at one
    // rate.
    chip.write(CONTROL_2, 0x50);
    chip.write(CONTROL_1, 0x17);
    if (!chip.failed) this.delay(CHARGE_MS);
    chip.write(CONTROL_1, 0x15);
    chip.write(CHIP_POWER, 0x00);
    chip.write(ADC_GAIN, this.gainSteps * 0x11);
    chip.write(ADC_INPUT, this.selection);
    chip.write(ADC_MIX, 0x02);
    chip.write(ADC_VOLUME_LEFT, 0);
    chip.write(ADC_VOLUME_RIGHT, 0);
    chip.write(ADC_POWER, 0x00);
    chip.write(ADC_MUTE, RAMP);
    chip.write(MIX_INPUT, 0x00);
    chip.write(MIX_LEFT, 0x90);
    chip.write(MIX_RIGHT, 0x90);
    chip.write(OUTPUT_RESISTANCE, 0x00);
    chip.write(OUT_1_LEFT, OUT_0_DB);
    chip.write(OUT_1_RIGHT, OUT_0_DB);
    chip.write(OUT_2_LEFT, OUT_0_DB);
    chip.write(OUT_2_RIGHT, OUT_0_DB);
    this.writeVolume();
    chip.write(DAC_POWER, 0x3c);
    if (!this.isMuted) chip.write(DAC_MUTE, RAMP);
    this.isOn = !chip.failed;
    return chip.end();
  }

  stop(): string {
    const { chip } = this;
    chip.begin();
    this.isOn = false;
    chip.write(DAC_MUTE, RAMP_MUTED);
    if (!chip.failed) this.delay(RAMP_MS);
    chip.write(DAC_POWER, 0xc0);
    chip.write(ADC_POWER, 0xff);
    chip.write(CHIP_POWER, 0xf3);
    chip.write(CONTROL_1, 0x00);
    chip.write(CONTROL_2, 0x58);
    return chip.end();
  }

  /** Sets -96 to 0 dB in steps of 0.5 dB; the lowest is silence. */
  volume(db: number): string {
    this.volumeSteps = steps(-db, 0, STEP_DB, SILENT_STEPS);
    if (!this.isOn) return "";
    this.chip.begin();
    this.writeVolume();
    return this.chip.end();
  }

  /** Sets 0 to 24 dB in steps of 3 dB. */
  gain(db: number): string {
    this.gainSteps = steps(db, 0, GAIN_STEP_DB, GAIN_STEPS);
    if (!this.isOn) return "";
    this.chip.begin();
    this.chip.write(ADC_GAIN, this.gainSteps * 0x11);
    return this.chip.end();
  }

  /** Chooses the pair LINPUT1 and RINPUT1, or LINPUT2 and RINPUT2. */
  input(line: number): string {
    const before = this.selection;
    this.selection = selectionOf(line);
    if (!this.isOn || this.selection === before) return "";
    this.chip.begin();
    this.chip.write(ADC_INPUT, this.selection);
    return this.chip.end();
  }

  /** Mutes by the chip's own mute, which has the ramp too. */
  mute(on: boolean): string {
    this.isMuted = on;
    if (!this.isOn) return "";
    this.chip.begin();
    this.chip.write(DAC_MUTE, on ? RAMP_MUTED : RAMP);
    return this.chip.end();
  }

  private startFormats(): void {
    const { chip } = this;
    chip.write(MULTIPLIER_A, 0xa0);
    chip.write(MULTIPLIER_B, 0xd0);
    chip.write(MULTIPLIER_C, 0xd0);
    // I2S, 16 bits, 256 clocks of MCLK a sample; one LRCK for both directions.
    chip.write(ADC_FORMAT, 0x0c);
    chip.write(ADC_RATIO, 0x02);
    chip.write(DAC_FORMAT, 0x18);
    chip.write(DAC_RATIO, 0x02);
    chip.write(LRCK_SOURCE, 0x80);
  }

  private writeVolume(): void {
    this.chip.write(DAC_VOLUME_LEFT, this.volumeSteps);
    this.chip.write(DAC_VOLUME_RIGHT, this.volumeSteps);
  }
}
