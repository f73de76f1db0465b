/**
 * A small loudspeaker with its amplifier: it has no bass, and its distortion is a share of the sound's power. Not here:
 * the way to the microphone (room.ts).
 */
import { SecondOrder } from "./filters.js";

/**
 * How a loudspeaker distorts: harder than it can move (both ends alike), more in one direction than in the other, an
 * amplifier that clips, a cone that is stiff from the first, a spring that grows stiff by the third power, or a cone
 * that strikes on one side.
 */
export type Distortion = "limited" | "lopsided" | "clipped" | "stiff" | "cubic" | "striking";

/** Below this there is little. */
const LOWEST_HZ = 320;

/** The curve of the driver for an input of `drive` times its size. */
function bend(kind: Distortion, x: number): number {
  if (kind === "limited") return Math.tanh(x);
  if (kind === "clipped") return Math.max(-1, Math.min(1, x));
  if (kind === "stiff") return x / (1 + Math.abs(x));
  if (kind === "cubic") return Math.abs(x) < 1 ? x - (x * x * x) / 3 : (2 / 3) * Math.sign(x);
  if (kind === "striking") return Math.max(-0.4, Math.min(1.6, x));
  return x < 0 ? Math.tanh(0.6 * x) / 0.6 : Math.tanh(1.4 * x) / 1.4;
}

/** @returns the ratio of the amplitude that the curve adds to that of the undistorted sound */
function distortionOf(kind: Distortion, sound: Float64Array, drive: number): number {
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const x of sound) {
    const y = bend(kind, drive * x);
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const linear = (xy * xy) / Math.max(xx, 1e-9);
  return Math.sqrt(Math.max(0, yy - linear) / Math.max(linear, 1e-9));
}

/** A loudspeaker that distorts the usual sound by the given share, and other sounds by their level. */
export class Loudspeaker {
  private readonly kind: Distortion;
  private readonly drive: number;
  private readonly bass = new SecondOrder("high", LOWEST_HZ);

  /** @param share of the amplitude, 0 to 0.3, that is distortion @param usual sound of the usual level */
  constructor(kind: Distortion, share: number, usual: Float64Array) {
    this.kind = kind;
    let low = 1e-9;
    let high = 1e-3;
    if (share > 0)
      for (let i = 0; i < 40; i++) {
        const middle = Math.sqrt(low * high);
        if (distortionOf(kind, usual, middle) < share) low = middle;
        else high = middle;
      }
    this.drive = share > 0 ? low : 0;
  }

  /** Takes one sample of the signal. @returns one of the sound */
  next(sample: number): number {
    const { drive } = this;
    return this.bass.next(drive === 0 ? sample : bend(this.kind, drive * sample) / drive);
  }
}
