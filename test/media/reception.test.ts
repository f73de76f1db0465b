import { beforeEach, describe, expect, it } from "vitest";
import {
  PACKET_DUPLICATE,
  PACKET_FIRST,
  PACKET_NEWEST,
  PACKET_OLDER,
  PACKET_REFUSED,
  Reception,
} from "../../src/media/reception.js";

const A = 0x11111111;
const B = 0x22222222;
let reception: Reception;

beforeEach(() => {
  reception = new Reception();
});

function run(ssrc: number, ...sequences: number[]): number[] {
  return sequences.map((sequence) => reception.packet(ssrc, sequence & 0xffff, (sequence * 160) | 0));
}

describe("Order of packets (RFC 3550 A.1)", () => {
  it("takes packets in order, over the end of the numbers", () => {
    expect(run(A, 65534, 65535, 0, 1)).toEqual([PACKET_FIRST, PACKET_NEWEST, PACKET_NEWEST, PACKET_NEWEST]);
    expect(reception.highest()).toBe(65536 + 1);
    expect(reception.lost()).toBe(0);
  });

  it("tells a late packet from one that came twice", () => {
    expect(run(A, 10, 12, 11, 11, 12, 10)).toEqual([
      PACKET_FIRST,
      PACKET_NEWEST,
      PACKET_OLDER,
      PACKET_DUPLICATE,
      PACKET_DUPLICATE,
      PACKET_DUPLICATE,
    ]);
    expect(reception.duplicates).toBe(3);
    expect(reception.packets).toBe(6);
    expect(reception.lost()).toBe(0);
  });

  it("believes a jump of the numbers only when a second packet follows it", () => {
    run(A, 100, 101);
    expect(run(A, 40000, 102, 50000, 50001, 50002)).toEqual([
      PACKET_REFUSED,
      PACKET_NEWEST,
      PACKET_REFUSED,
      PACKET_FIRST,
      PACKET_NEWEST,
    ]);
    expect(reception.refused).toBe(2);
  });

  it("takes another source only when two of its packets follow each other", () => {
    run(A, 1, 2);
    expect(run(B, 700)).toEqual([PACKET_REFUSED]);
    expect(run(A, 3)).toEqual([PACKET_NEWEST]);
    expect(run(B, 900, 901)).toEqual([PACKET_REFUSED, PACKET_FIRST]);
    expect(reception.ssrc).toBe(B);
  });
});

describe("Lost packets (RFC 3550 A.3)", () => {
  it("counts what is missing, and no longer what came late", () => {
    run(A, 1, 2, 5, 6);
    expect(reception.lost()).toBe(2);
    run(A, 3);
    expect(reception.lost()).toBe(1);
    expect(reception.cumulativeLost()).toBe(1);
  });

  it("reports duplicates as less than nothing lost, but does not let them hide a loss from us", () => {
    run(A, 1, 3, 3, 3);
    expect(reception.cumulativeLost()).toBe(-1);
    expect(reception.lost()).toBe(1);
  });

  it("gives the share lost since the last report", () => {
    run(A, 1, 2, 3, 4);
    expect(reception.takeFractionLost()).toBe(0);
    run(A, 6, 8);
    expect(reception.takeFractionLost()).toBe(128);
    expect(reception.takeFractionLost()).toBe(0);
  });

  it("keeps the losses of a source that was left", () => {
    run(A, 1, 4);
    run(B, 1, 2, 3, 5);
    expect(reception.lost()).toBe(3);
    reception.reset();
    expect(reception.lost()).toBe(0);
  });

  it("counts none where the sender counts from another number but time goes on", () => {
    for (const passed of [9, 144, 2998]) {
      reception.reset();
      for (let i = 0; i < 50; i++) reception.packet(A, 65400 + i, i * 160);
      for (let i = 50; i < 100; i++) reception.packet(A, (65400 + i + passed) & 0xffff, i * 160);
      expect([passed, reception.lost(), reception.cumulativeLost()]).toEqual([passed, 0, 0]);
    }
  });

  it("clamps the loss of a report to 24 bits", () => {
    run(A, 0);
    for (let i = 1; i <= 4000; i++) run(A, i * 2900);
    expect(reception.cumulativeLost()).toBe(0x7fffff);
  });
});

describe("Jitter (RFC 3550 A.8)", () => {
  it("is nothing for an even stream, and the mean deviation for an uneven one", () => {
    for (let i = 0; i < 100; i++) reception.timing(i * 160, 777 + i * 160);
    expect(reception.jitter()).toBe(0);
    for (let i = 100; i < 1000; i++) reception.timing(i * 160 + (i % 2) * 40, 777 + i * 160);
    expect(reception.jitter()).toBeGreaterThanOrEqual(38);
    expect(reception.jitter()).toBeLessThanOrEqual(40);
  });

  it("stays right after weeks, over every wrap of 32 bits", () => {
    let timeMs = 0;
    for (let week = 0; week < 9; week++) {
      for (let i = 0; i < 200; i++) {
        const late = i % 2 === 0 ? 0 : 5;
        reception.timing(((timeMs + late) * 8) | 0, (timeMs * 8 + 4000000000) | 0);
        timeMs += 20;
      }
      expect(reception.jitter()).toBeGreaterThan(35);
      expect(reception.jitter()).toBeLessThanOrEqual(40);
      timeMs += 7 * 24 * 3600 * 1000;
    }
  });

  it("takes a jump of the sender's clock for a jump", () => {
    reception.timing(0, 0);
    reception.timing(160, 0x7fffffff);
    reception.timing(320, -0x80000000 + 159);
    expect(reception.jitter()).toBe(0);
  });
});
