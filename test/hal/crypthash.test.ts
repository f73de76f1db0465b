import { createHash, type Hash as NodeHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { CryptHash } from "../../hal/moddable/crypthash.js";

/** Takes the place of the SDK's Digest, by Node's hashes; `written` has the lengths it was given. */
const written: number[] = [];
vi.mock("crypt", () => ({
  Digest: class {
    readonly name: string;
    hash: NodeHash;
    constructor(name: string) {
      this.name = name;
      this.hash = createHash(name);
    }
    write(bytes: ArrayBuffer): void {
      written.push(bytes.byteLength);
      this.hash.update(new Uint8Array(bytes));
    }
    close(): ArrayBuffer {
      const { buffer, byteOffset, length } = this.hash.digest();
      return buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer;
    }
    reset(): void {
      this.hash = createHash(this.name);
    }
  },
}));

const message = new Uint8Array(300).map((_, i) => (i * 7 + 3) & 255);

describe("a hash of the SDK", () => {
  it.each([
    ["MD5", 16],
    ["SHA256", 32],
  ] as const)("%s gives what the message has, however it is cut, time after time", (name, sizeBytes) => {
    const hash = new CryptHash(name, sizeBytes);
    const out = new Uint8Array(sizeBytes + 2);
    for (const length of [0, 1, 55, 63, 64, 65, 127, 128, 200, 300]) {
      for (const cut of [0, 1, 64, 100]) {
        hash.beginHash();
        hash.update(message, 0, Math.min(cut, length));
        hash.update(message, Math.min(cut, length), length);
        hash.finish(out, 1);
        const expected = createHash(name).update(message.subarray(0, length)).digest("hex");
        expect(Buffer.from(out.subarray(1, sizeBytes + 1)).toString("hex")).toBe(expected);
      }
    }
    expect([out[0], out[sizeBytes + 1]]).toEqual([0, 0]);
    expect(Math.max(...written)).toBe(64);
  });

  it("forgets a message that was not ended", () => {
    const hash = new CryptHash("MD5", 16);
    const out = new Uint8Array(16);
    hash.beginHash();
    hash.update(message, 0, 100);
    hash.beginHash();
    hash.finish(out, 0);
    expect(Buffer.from(out).toString("hex")).toBe("d41d8cd98f00b204e9800998ecf8427e");
  });
});
