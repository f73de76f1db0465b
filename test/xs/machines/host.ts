/** What native/world.c gives to each machine, and what each machine defines for it. Types, and the little that both machines share. */

export interface Host {
  /** Which machine this is, from 0; its address is 10.0.0.1 and up. */
  readonly machine: number;
  /** @returns ms of the world's clock */
  now(): number;
  print(line: string): void;
  /** Says that this wake has moved the sound of 20 ms. */
  sound(): void;
  /** Ends the world. */
  quit(code: number): void;
  /** @returns false when the network is full */
  send(fromPort: number, toMachine: number, toPort: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** The datagram that `receive(port)` announced, once. @returns its length, 0 when there is none */
  read(into: Uint8Array): number;
  /** Where the datagram that was read last came from. */
  sourceMachine(): number;
  sourcePort(): number;
  /** Calls `command(line)` of another machine. @returns what it returned */
  command(machine: number, line: string): number;
  // Of the machine that asks, or of the one that is named:
  collect(machine?: number): void;
  /** How often it was collected. */
  collections(machine?: number): number;
  /** From now on it is collected as on a board that has so much: when it is used up. */
  confine(machine: number, slots: number, chunks: number): void;
  /** Slots that were taken; after a collection: that live. */
  slots(machine?: number): number;
  /** Octets of chunks, likewise. */
  chunks(machine?: number): number;
  /** The same after the modules were loaded and a collection, before `start`. */
  baseSlots(machine?: number): number;
  baseChunks(machine?: number): number;
  /** The most slots the stack had since `start`. */
  stackPeak(machine?: number): number;
  slotBytes(): number;
  /** Instructions that the processor has retired; 0 where it does not count them. */
  instructions(): number;
  /** Bytecodes the machine has run: the low 30 bits. */
  meter(machine?: number): number;
}

export interface Inhabitant {
  start(): void;
  /** Does what is due. @returns the next deadline in ms, Infinity for none */
  poll(): number;
  /** A datagram waits for a local port. */
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
