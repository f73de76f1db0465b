/**
 * Tells how much memory is free, over memory-esp32.c and memory-lin.c: that of the chip, outside the engine's own heap,
 * from which the network takes its buffers. Not here: the engine's heap.
 */
declare function native(name: string): { call(self: unknown): number };

/** @returns octets */
export function freeBytes(this: unknown): number {
  return native("xs_memory_free").call(this);
}
