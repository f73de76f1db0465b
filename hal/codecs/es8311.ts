/**
 * The ES8311, a mono codec: one differential or digital microphone, one speaker output. Slave of I2S with MCLK at 256
 * times the sample rate, 16 bits in slots of 16. At 8 and at 16 kHz its registers are the same, since its clocks are
 * ratios of MCLK. Not here: its equalizers, its level control, running from BCLK without MCLK, and the power amplifier
 * behind it (a pin of the board).
 */
import type { Codec, Registers } from "../device.js";
import { Chip, steps } from "./chip.js";

export const ES8311_ADDRESS = 0x18;

const RESET = 0x00;
const CLOCKS_ON = 0x01;
const PRE_DIVIDER = 0x02;
const ADC_OVERSAMPLING = 0x03;
const DAC_OVERSAMPLING = 0x04;
const DIVIDERS = 0x05;
const BCLK_DIVIDER = 0x06;
const LRCK_HIGH = 0x07;
const LRCK_LOW = 0x08;
const DATA_IN = 0x09;
const DATA_OUT = 0x0a;
const POWER_UP_A = 0x0b;
const POWER_UP_B = 0x0c;
const ANALOG = 0x0d;
const ADC_POWER = 0x0e;
const BIAS_A = 0x10;
const BIAS_B = 0x11;
const DAC_POWER = 0x12;
const OUTPUT = 0x13;
const MICROPHONE = 0x14;
const ADC_RAMP = 0x15;
const ADC_SCALE = 0x16;
const ADC_VOLUME = 0x17;
const HIGH_PASS_A = 0x1b;
const HIGH_PASS_B = 0x1c;
const DAC_MUTE = 0x31;
const DAC_VOLUME = 0x32;
const DAC_RAMP = 0x37;
const DATA_SOURCE = 0x44;

/** Volume registers: 0 is -95.5 dB, then 0.5 dB a step. */
const LOWEST_DB = -95.5;
const STEP_DB = 0.5;
/** 0 dB of the ADC's volume. */
const ADC_0_DB = 0xbf;
const GAIN_STEP_DB = 3;
const GAIN_STEPS = 10;
const ANALOG_MICROPHONE = 0x10;
const DIGITAL_MICROPHONE = 0x40;
const MUTED = 0x60;
/** The time that the chip needs is not documented; other drivers wait 5 to 20 ms. */
const RESET_MS = 20;
/** By then VMID has charged, so the output does not start from 0 V. */
const CHARGE_MS = 100;
/** 0.25 dB each 4 samples, from the loudest (+32 dB) to nothing: 2,040 samples, at 8 kHz. */
const RAMP_MS = 255;

export interface Es8311Options {
  registers: Registers;
  /** The address on the bus, for errors; 0x18, or 0x19 with CE high. */
  address?: number;
  /** A PDM microphone at the microphone's pins instead of an analog one. */
  isDigital?: boolean;
  /** Returns after that time, or earlier if there is nothing to wait for. */
  delay(ms: number): void;
}

export class Es8311 implements Codec {
  private readonly chip: Chip;
  private readonly delay: (ms: number) => void;
  private readonly microphone: number;
  private volumeSteps = steps(0, LOWEST_DB, STEP_DB, 255);
  private gainSteps = GAIN_STEPS;
  private isMuted = false;
  private isOn = false;

  constructor(options: Es8311Options) {
    this.chip = new Chip(options.registers, "ES8311", options.address ?? ES8311_ADDRESS);
    this.delay = options.delay;
    this.microphone = options.isDigital === true ? DIGITAL_MICROPHONE : ANALOG_MICROPHONE;
  }

  start(): string {
    const { chip } = this;
    chip.begin();
    this.isOn = false;
    // Reset restores every register, so it comes first; the state machine runs from the second write on, as slave.
    chip.write(RESET, 0x1f);
    if (!chip.failed) this.delay(RESET_MS);
    chip.write(RESET, 0x80);
    this.startClocks();
    // I2S, 16 bits.
    chip.write(DATA_IN, 0x0c);
    chip.write(DATA_OUT, 0x0c);
    // The left slot has the microphone, the right one the sound that goes to the loudspeaker: the echo canceller's
    // reference.
    chip.write(DATA_SOURCE, 0x58);
    // The output is silent until everything runs.
    chip.write(DAC_MUTE, MUTED);
    chip.write(DAC_VOLUME, 0);
    chip.write(DAC_RAMP, 0x18);
    chip.write(POWER_UP_A, 0x00);
    chip.write(POWER_UP_B, 0x00);
    chip.write(BIAS_A, 0x1f);
    chip.write(BIAS_B, 0x7f);
    chip.write(ANALOG, 0x01);
    if (!chip.failed) this.delay(CHARGE_MS);
    chip.write(ADC_POWER, 0x02);
    chip.write(MICROPHONE, this.microphone | this.gainSteps);
    chip.write(ADC_RAMP, 0x40);
    // The scale after reset, 24 dB, belongs to this oversampling.
    chip.write(ADC_SCALE, 0x24);
    chip.write(ADC_VOLUME, ADC_0_DB);
    // The high-pass takes the offset of the microphone away.
    chip.write(HIGH_PASS_A, 0x0a);
    chip.write(HIGH_PASS_B, 0x6a);
    chip.write(OUTPUT, 0x10);
    chip.write(DAC_POWER, 0x00);
    chip.write(DAC_MUTE, 0x00);
    if (!this.isMuted) chip.write(DAC_VOLUME, this.volumeSteps);
    this.isOn = !chip.failed;
    return chip.end();
  }

  stop(): string {
    const { chip } = this;
    chip.begin();
    this.isOn = false;
    chip.write(DAC_VOLUME, 0);
    if (!chip.failed) this.delay(RAMP_MS);
    chip.write(DAC_MUTE, MUTED);
    chip.write(ADC_VOLUME, 0);
    chip.write(ADC_POWER, 0xff);
    chip.write(DAC_POWER, 0x02);
    chip.write(MICROPHONE, 0x00);
    chip.write(ANALOG, 0xfc);
    chip.write(CLOCKS_ON, 0x00);
    chip.write(RESET, 0x00);
    return chip.end();
  }

  /** Sets -95.5 to 32 dB in steps of 0.5 dB; the lowest is silence. */
  volume(db: number): string {
    this.volumeSteps = steps(db, LOWEST_DB, STEP_DB, 255);
    return this.isOn && !this.isMuted ? this.set(DAC_VOLUME, this.volumeSteps) : "";
  }

  /** Sets 0 to 30 dB in steps of 3 dB. */
  gain(db: number): string {
    this.gainSteps = steps(db, 0, GAIN_STEP_DB, GAIN_STEPS);
    return this.isOn ? this.set(MICROPHONE, this.microphone | this.gainSteps) : "";
  }

  /** Does nothing: the chip has one pair of inputs. */
  input(): string {
    return "";
  }

  /** Mutes by the volume, which has a ramp; the chip's own mute has none. */
  mute(on: boolean): string {
    this.isMuted = on;
    return this.isOn ? this.set(DAC_VOLUME, on ? 0 : this.volumeSteps) : "";
  }

  private startClocks(): void {
    const { chip } = this;
    // The clock comes from the MCLK pin, undivided: 256 of its cycles a sample, for the ADC and for the DAC.
    chip.write(CLOCKS_ON, 0x3f);
    chip.write(PRE_DIVIDER, 0x00);
    chip.write(DIVIDERS, 0x00);
    chip.write(ADC_OVERSAMPLING, 0x10);
    chip.write(DAC_OVERSAMPLING, 0x20);
    // Only a master uses these: 256 clocks a frame, 4 a bit.
    chip.write(BCLK_DIVIDER, 0x03);
    chip.write(LRCK_HIGH, 0x00);
    chip.write(LRCK_LOW, 0xff);
  }

  private set(register: number, value: number): string {
    this.chip.begin();
    this.chip.write(register, value);
    return this.chip.end();
  }
}
