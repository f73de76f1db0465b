/** The functions of host.c for the devices of the Linux board. On XS only. Not here: the devices. */
declare function Native(destructor: string): new () => object;
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** @returns the value of `--name value` on the command line; undefined when it is not there */
export function option(this: unknown, name: string): string | undefined {
  return native("xs_host_option").call(this, name);
}

/** @param call is told how many octets of the terminal can be read by `getc` now */
export function onInput(this: unknown, call: (octets: number) => void): void {
  native("xs_host_onInput").call(this, call);
}

export function getc(this: unknown): number {
  return native("xs_host_getc").call(this);
}

export function putc(this: unknown, octet: number): void {
  native("xs_host_putc").call(this, octet);
}

/** Writes a line of the hardware itself to stderr. */
export function note(this: unknown, text: string): void {
  native("xs_host_note").call(this, text);
}

/** @param call is called at each SIGUSR1 */
export function onButton(this: unknown, call: () => void): void {
  native("xs_host_onButton").call(this, call);
}

/** @returns 32 random bits of the operating system */
export function random(this: unknown): number {
  return native("xs_host_random").call(this);
}

/** @returns the text that was kept in the folder of `--store`; undefined if there is none */
export function load(this: unknown, key: string): string | undefined {
  return native("xs_host_load").call(this, key);
}

/** Keeps a text as a whole or not at all; without `--store` it keeps nothing. @throws Error of one line */
export function keep(this: unknown, key: string, text: string): void {
  native("xs_host_keep").call(this, key, text);
}

/** A file of samples, signed 16 bits in the machine's order. */
export class SoundFile extends Native("xs_sound_destructor") {
  /** @param mode "rb" or "wb" @throws Error of one line when it cannot be opened */
  constructor(path: string, mode: string) {
    super();
    native("xs_sound_constructor").call(this, path, mode);
  }

  /** Fills `octets` of `into`; it begins anew at the end of the file. */
  read(into: ArrayBufferLike, octets: number): void {
    native("xs_sound_read").call(this, into, octets);
  }

  write(from: ArrayBufferLike, octets: number): void {
    native("xs_sound_write").call(this, from, octets);
  }
}
