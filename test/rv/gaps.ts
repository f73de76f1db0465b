/**
 * The virtual board's loudspeaker: by the instructions of each wake, when did the machine come to move the sound, and did the speaker run
 * dry before that? A chip does one thing at a time: what is due while a wake lasts waits for its end. One clock an instruction.
 */

export interface Wake {
  /** When the world woke the machine. */
  atMs: number;
  instructions: number;
  bytecodes: number;
  /** It moved the sound of 20 ms. */
  isSound: boolean;
  /** In which part of the call, and which messages came and went. */
  what: string;
}

export interface Gap {
  atMs: number;
  lengthMs: number;
  /** The longest of the wakes that the sound waited for. */
  what: string;
}

/**
 * @param wakes in their order @param clocksPerMs of the chip @param leadMs what waits for the speaker when the machine comes in time
 * @returns the gaps, and how late the sound was at most
 */
export function gapsOf(wakes: readonly Wake[], clocksPerMs: number, leadMs: number): { gaps: Gap[]; latestMs: number } {
  const gaps: Gap[] = [];
  let latestMs = 0;
  let freeMs = 0;
  /** The longest wake since the machine was free. */
  let longest = 0;
  let what = "";
  /** Of the last sound: it came too late, and since when the speaker was silent. */
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
    // What waited with it and comes too late as well makes the same silence longer.
    if (lateMs > leadMs && isLate) gaps[gaps.length - 1].lengthMs = freeMs - dryMs;
    else if (lateMs > leadMs) {
      dryMs = wake.atMs + leadMs;
      gaps.push({ atMs: wake.atMs, lengthMs: lateMs - leadMs, what });
    }
    isLate = lateMs > leadMs;
  }
  return { gaps, latestMs };
}
