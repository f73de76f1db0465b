/** The SDK's module `crypt` as far as hal/moddable/crypthash.ts uses it, by the C of crypt.c. */
const { host } = globalThis;

export class Digest {
  constructor(name) {
    this.number = host.xs_crypt_make(name === "SHA256" ? 1 : 0);
  }
  reset() {
    host.xs_crypt_reset(this.number);
  }
  write(buffer) {
    host.xs_crypt_write(this.number, buffer);
  }
  close() {
    return host.xs_crypt_close(this.number);
  }
}
