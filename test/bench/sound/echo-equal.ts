/**
 * Compares echo cancellers where the visitor loses the same by each of them: one that mutes the visitor lowers the echo
 * more for that. The strength of each is swept, and what it does is reckoned between the points of its sweep. Not here:
 * how a point is measured (echo-measures.ts).
 */

/** What one strength of a canceller does. */
export interface Point {
  /** What the visitor's syllables lose, dB. */
  lossDb: number;
  /** By how much the echo is lowered, dB. */
  loweredDb: number;
}

/**
 * @param points of one canceller, in any order
 * @returns by how much the echo is lowered where the visitor loses `lossDb`: between two points what lies between them;
 * beyond the greatest loss what the best point does, for more is not shown; null where each point loses more
 */
export function loweredAt(points: readonly Point[], lossDb: number): number | null {
  let best: number | null = null;
  for (const a of points) {
    if (a.lossDb <= lossDb) best = Math.max(best ?? a.loweredDb, a.loweredDb);
    for (const b of points)
      if (a.lossDb < lossDb && b.lossDb > lossDb && b.loweredDb > a.loweredDb && !isBetween(points, a, b)) {
        const share = (lossDb - a.lossDb) / (b.lossDb - a.lossDb);
        best = Math.max(best ?? Number.NEGATIVE_INFINITY, a.loweredDb + share * (b.loweredDb - a.loweredDb));
      }
  }
  return best;
}

function isBetween(points: readonly Point[], a: Point, b: Point): boolean {
  return points.some(({ lossDb }) => lossDb > a.lossDb && lossDb < b.lossDb);
}
