/**
 * The functions that native/world.c gives to each machine, and those that each machine defines for it. Types, and the
 * little code that both machines share.
 */

export interface Host {
  /** The number of this machine, from 0; its address is 10.0.0.1 and up. */
  readonly machine: number;
  /** @returns ms of the world's clock */
  now(): number;
  print(line: string): void;
  /** Tells that this wake has moved the sound of 20 ms. */
  sound(): void;
  /** Prints what lives in the first machine, by class, in a world that was started for that (census.c). */
  census(): void;
  /** Ends the world. */
  quit(code: number): void;
  /** @returns false if the network is full */
  send(fromPort: number, toMachine: number, toPort: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** Reads the datagram that `receive(port)` announced, once. @returns its length, 0 if there is none */
  read(into: Uint8Array): number;
  /** @returns the sender of the datagram that was read last */
  sourceMachine(): number;
  sourcePort(): number;
  /** Calls `command(line)` of another machine. @returns the result */
  command(machine: number, line: string): number;
  // Collects the garbage of the machine that asks, or of the one that is named.
  collect(machine?: number): void;
  /** @returns how often it was collected */
  collections(machine?: number): number;
  /** From now on it is collected when it has used up so much, as on a board with that memory. */
  confine(machine: number, slots: number, chunks: number): void;
  /** @returns the slots that are taken; after a collection, those that live */
  slots(machine?: number): number;
  /** @returns the octets of chunks that are taken, likewise */
  chunks(machine?: number): number;
  /** @returns the same after the modules were loaded and a collection, before `start` */
  baseSlots(machine?: number): number;
  baseChunks(machine?: number): number;
  /** @returns the most slots the stack had since `start` */
  stackPeak(machine?: number): number;
  slotBytes(): number;
  /** @returns instructions that the processor has retired; 0 if it does not count them */
  instructions(): number;
  /** @returns bytecodes the machine has run: the low 30 bits */
  meter(machine?: number): number;
}

export interface Inhabitant {
  start(): void;
  /** Does the work that is due. @returns the next deadline in ms, Infinity for none */
  poll(): number;
  /** A datagram waits at a local port. */
  receive(port: number): void;
  command(line: string): number;
}

export const FIRST_ADDRESS = 0x0a000001;

export function hostOf(): Host {
  return (globalThis as unknown as { host: Host }).host;
}

/** Makes the inhabitant known to the world. */
export function inhabit(inhabitant: Partial<Inhabitant>): void {
  Object.assign(globalThis, { poll: () => Infinity, receive() {}, command: () => 0 }, inhabitant);
}
