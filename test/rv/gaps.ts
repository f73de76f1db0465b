/**
 * The virtual board's loudspeaker: from the instructions of each wake it reckons when the machine moved the sound, and
 * whether the speaker ran dry before that. A chip does one thing at a time: work that is due during a wake waits for
 * its end. An instruction takes one clock.
 */

export interface Wake {
  /** The time at which the world woke the machine. */
  atMs: number;
  instructions: number;
  bytecodes: number;
  /** Whether it moved the sound of 20 ms. */
  isSound: boolean;
  /** The part of the call, and the messages that came and went. */
  what: string;
}

export interface Gap {
  atMs: number;
  lengthMs: number;
  /** The longest of the wakes that the sound waited for. */
  what: string;
}

/**
 * @param wakes in their order @param clocksPerMs of the chip @param leadMs the sound that waits for the speaker if the
 * machine is in time
 * @returns the gaps, and how late the sound was at most
 */
export function gapsOf(wakes: readonly Wake[], clocksPerMs: number, leadMs: number): { gaps: Gap[]; latestMs: number } {
  const gaps: Gap[] = [];
  let latestMs = 0;
  let freeMs = 0;
  /** The longest wake since the machine was free. */
  let longest = 0;
  let what = "";
  /** Whether the last sound came too late, and the time since which the speaker was silent. */
  let isLate = false;
  let dryMs = 0;
  for (const wake of wakes) {
    if (wake.atMs >= freeMs) longest = 0;
    if (wake.instructions > longest) {
      longest = wake.instructions;
      what = wake.what;
    }
    freeMs = Math.max(freeMs, wake.atMs) + wake.instructions / clocksPerMs;
    if (!wake.isSound) continue;
    const lateMs = freeMs - wake.atMs;
    latestMs = Math.max(latestMs, lateMs);
    // Sound that waited with it and is too late as well makes the same silence longer.
    if (lateMs > leadMs && isLate) gaps[gaps.length - 1].lengthMs = freeMs - dryMs;
    else if (lateMs > leadMs) {
      dryMs = wake.atMs + leadMs;
      gaps.push({ atMs: wake.atMs, lengthMs: lateMs - leadMs, what });
    }
    isLate = lateMs > leadMs;
  }
  return { gaps, latestMs };
}
