/** Measures how much steps of a test add to the heap. Importing this file makes V8's garbage collection callable. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

let made = 0;

/** @returns the number of steps of the last measurement */
export function stepsMade(): number {
  return made;
}

/**
 * The least that any of ten batches added to the heap, in octets for one step. A thing made at each step is in every
 * batch (the smallest object has 16 octets); what the engine itself makes now and then is not. Makes 12 batches of
 * steps, fewer where one of them added nothing: no other can have added less.
 */
export function perStep(step: (i: number) => void, steps = 10_000): number {
  let least = Infinity;
  made = 0;
  for (let batch = 0; batch < 12; batch++) {
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < steps; i++) step(i);
    made += steps;
    const more = process.memoryUsage().heapUsed - before;
    // The first batches belong to the compiler; a negative one had a collection in it.
    if (batch >= 2 && more >= 0) least = Math.min(least, more / steps);
    if (least < 1) break;
  }
  return least;
}
