/**
 * The noise of a place: rain and ventilation (white through a low-pass), and traffic that swells and fades. A seed
 * repeats it. Not here: voices.
 */
import { fraction, type RandomSource } from "../../../src/core/random.js";
import { SecondOrder } from "./filters.js";

const SAMPLES_PER_SECOND = 8000;
/** The share of traffic at a place: it has the low frequencies. */
const RUMBLE_HZ = 500;
const RUMBLE_GAIN = 4;
const HISS_HZ = 3000;
/** A car passes about this often. */
const SWELL_SECONDS = 6;

export class PlaceNoise {
  private readonly random: RandomSource;
  private readonly traffic: number;
  private readonly rumble = new SecondOrder("low", RUMBLE_HZ);
  private readonly hiss = new SecondOrder("low", HISS_HZ);
  private readonly start: number;
  private at = 0;

  /** @param traffic 0 for steady noise only, to 1 */
  constructor(random: RandomSource, traffic: number) {
    this.random = random;
    this.traffic = traffic;
    this.start = fraction(random) * SWELL_SECONDS;
  }

  /** @returns a sample; the power of many is about 1 */
  next(): number {
    const seconds = this.start + this.at++ / SAMPLES_PER_SECOND;
    const swell = 0.6 + 0.4 * Math.sin((2 * Math.PI * seconds) / SWELL_SECONDS);
    const hiss = this.hiss.next(white(this.random));
    const rumble = RUMBLE_GAIN * this.rumble.next(white(this.random)) * swell;
    return Math.sqrt(1 - this.traffic) * 1.1 * hiss + Math.sqrt(this.traffic) * rumble;
  }
}

/** Noise of power 1, nearly normal: the sum of four even distributions. */
function white(random: RandomSource): number {
  return (fraction(random) + fraction(random) + fraction(random) + fraction(random) - 2) * Math.sqrt(3);
}
