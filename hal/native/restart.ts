/**
 * Restarts the chip, over restart-esp32.c; on Linux the program, over restart-lin.c. Not here: what must be done
 * before.
 */
declare function native(name: string): { call(self: unknown): never };

/** Does not return. It needs no memory, because a lack of memory may be the reason for the restart. */
export function restart(this: unknown): never {
  return native("xs_restart").call(this);
}
