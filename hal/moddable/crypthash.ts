/**
 * A hash function of the SDK's `crypt`, in C, in the shape of src/wire/hash.ts. A manifest names hal/native/md5.ts and
 * sha256.ts, which use it, in place of those in src/wire. Octets are gathered into blocks because `crypt` takes whole
 * buffers only; the end of a message makes two small buffers, which are garbage after it. On XS only.
 */
import { Digest } from "crypt";
import { copyOctets } from "../../src/core/octets.js";
import type { Hash } from "../../src/wire/hash.js";

const BLOCK_BYTES = 64;

export class CryptHash implements Hash {
  readonly sizeBytes: number;
  private readonly native: Digest;
  private readonly block = new Uint8Array(BLOCK_BYTES);
  private filled = 0;

  constructor(name: "MD5" | "SHA256", sizeBytes: number) {
    this.native = new Digest(name);
    this.sizeBytes = sizeBytes;
  }

  beginHash(): void {
    this.native.reset();
    this.filled = 0;
  }

  update(bytes: Uint8Array, start: number, end: number): void {
    const block = this.block;
    let filled = this.filled;
    for (let i = start; i < end; ) {
      const taken = Math.min(end - i, BLOCK_BYTES - filled);
      copyOctets(block, filled, bytes, i, i + taken);
      filled += taken;
      i += taken;
      if (filled < BLOCK_BYTES) break;
      this.native.write(block.buffer);
      filled = 0;
    }
    this.filled = filled;
  }

  finish(out: Uint8Array, at: number): void {
    if (this.filled > 0) this.native.write(this.block.buffer.slice(0, this.filled));
    out.set(new Uint8Array(this.native.close()), at);
    // Most of the hashed octets are secrets.
    this.block.fill(0);
  }
}
