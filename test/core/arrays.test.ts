/** Tests that small arrays cut out of shared buffers have octets of their own, at places that their kind allows. */
import { describe, expect, it } from "vitest";
import { float64Array, int16Array, int32Array, octetArray, uint16Array } from "../../src/core/arrays.js";

describe("arrays cut out of shared buffers", () => {
  it("are empty, and what is written to one is in no other", () => {
    const arrays = [];
    for (let i = 0; i < 200; i++) {
      const length = 1 + ((i * 7) % 40);
      arrays.push(
        octetArray(length),
        int16Array(length),
        uint16Array(length),
        int32Array(length),
        float64Array(length),
      );
    }
    for (const array of arrays) expect(array.every((value) => value === 0)).toBe(true);
    for (let i = 0; i < arrays.length; i++) arrays[i].fill(1 + (i % 100));
    for (let i = 0; i < arrays.length; i++)
      expect([arrays[i][0], arrays[i][arrays[i].length - 1]]).toEqual([1 + (i % 100), 1 + (i % 100)]);
  });

  it("begin where each kind of number may lie, whatever was cut before", () => {
    for (let length = 1; length < 20; length++) {
      octetArray(length);
      expect(octetArray(4).byteOffset % 8).toBe(0);
    }
  });

  it("share a buffer when they are small, and have their own when they are large", () => {
    const buffers = new Set<unknown>();
    for (let i = 0; i < 32; i++) buffers.add(octetArray(64).buffer);
    expect(buffers.size).toBeLessThanOrEqual(5);
    expect(octetArray(257).buffer.byteLength).toBe(257);
    expect(octetArray(257).byteOffset).toBe(0);
  });
});
