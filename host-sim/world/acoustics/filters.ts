/** Filters of second order with a flat pass band (Butterworth), for sound of 8 kHz. */
const SAMPLES_PER_SECOND = 8000;

export class SecondOrder {
  private readonly forward: readonly [number, number, number];
  private readonly back: readonly [number, number];
  private s1 = 0;
  private s2 = 0;

  constructor(kind: "low" | "high", hz: number) {
    const w = (2 * Math.PI * hz) / SAMPLES_PER_SECOND;
    const alpha = Math.sin(w) / Math.SQRT2;
    const cosine = Math.cos(w);
    const scale = 1 / (1 + alpha);
    const side = (kind === "low" ? (1 - cosine) / 2 : (1 + cosine) / 2) * scale;
    this.forward = [side, kind === "low" ? 2 * side : -2 * side, side];
    this.back = [-2 * cosine * scale, (1 - alpha) * scale];
  }

  next(x: number): number {
    const y = this.forward[0] * x + this.s1;
    this.s1 = this.forward[1] * x - this.back[0] * y + this.s2;
    this.s2 = this.forward[2] * x - this.back[1] * y;
    return y;
  }
}
