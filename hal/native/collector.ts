/**
 * Starts the engine's garbage collection at a time of our choice, over collector.c. Not here: when that is
 * (driver/station.ts).
 */
declare function native(name: string): { call(self: unknown): never };

export function collect(this: unknown): void {
  native("xs_collector_collect").call(this);
}
