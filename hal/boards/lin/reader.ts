/** Stands for the reader at the door, which Linux has not: the shape of hal/native/wiegand.ts. */

export function listenToReader(): void {
  throw new Error("there are no pins here");
}
