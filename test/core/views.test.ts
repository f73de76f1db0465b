import { expect, it } from "vitest";
import { WordViews } from "../../src/core/views.js";

it("words are those of the array's own octets, made once for each of the last four arrays", () => {
  const views = new WordViews();
  const buffer = new Uint8Array([9, 9, 9, 9, 1, 0, 0, 0, 2, 0, 0, 0, 3]).buffer;
  const bytes = new Uint8Array(buffer, 4);
  const words = views.of(bytes);
  expect([...(words ?? [])]).toEqual([1, 2]);
  const others = [1, 2, 3].map(() => new Int16Array(4));
  for (const other of others) expect(views.of(other)?.length).toBe(2);
  expect(views.of(bytes)).toBe(words);
  expect(others.map((other) => views.of(other)?.buffer)).toEqual(others.map((other) => other.buffer));
  views.of(new Int16Array(2));
  expect(views.of(bytes)).not.toBe(words);
  expect([...(views.of(bytes) ?? [])]).toEqual([1, 2]);
});

it("there are none for an array that begins inside of a word", () => {
  const views = new WordViews();
  const array = new Uint8Array(16).subarray(2);
  expect(views.of(array)).toBe(null);
  expect(views.of(array)).toBe(null);
});
