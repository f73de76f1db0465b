/**
 * Tests that the registrar makes nothing for a request that stays or has to be collected. It has a file of its own
 * because collections are measured.
 */
import { expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { perStep, stepsMade } from "../heap.js";
import { House } from "./house.js";

it("makes nothing on the heap to challenge a REGISTER", () => {
  const house = new House();
  house.network.remember = false;
  const bytes = octets(house.request({ contact: "<sip:alice@10.0.0.2>;q=0.5, <sip:alice@10.0.0.3>" }));
  const digit = bytes.indexOf(10, bytes.indexOf(10) + 1) - 2;
  const step = (i: number): void => {
    // Each request has another branch. Now and then enough time passes for the transactions to end, but not more,
    // because V8 boxes times above 2^31 ms.
    bytes[digit] = 0x30 + (i % 10);
    house.layer.receiveDatagram(0x0a000002, 5060, bytes, 0, bytes.length);
    if (i % 10 === 9) house.timers.poll(house.timers.nowMs + 33_000);
  };
  expect(perStep(step)).toBeLessThan(16);
  expect(house.auth.counters.challenged).toBeGreaterThan(0.8 * stepsMade());
});
