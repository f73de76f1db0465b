import { describe, expect, it } from "vitest";
import { octets } from "../../src/core/bytes.js";
import { masterBytesOf, Protection, SUITE_AES_128_SHA1_80, SUITE_NONE } from "../../src/core/suites.js";
import { agreement, Endpoint, THEM } from "./harness.js";

const PORT = 40000;
const MS = 20;

/** @param ours @param theirs the numbers that the keys count up from */
function keys(ours: number, theirs: number, suite = SUITE_AES_128_SHA1_80): Protection {
  const made = new Protection();
  made.suite = suite;
  for (let i = 0; i < masterBytesOf(suite); i++) {
    made.ourKey[i] = ours + i;
    made.theirKey[i] = theirs + i;
  }
  return made;
}

/** Two streams that hear one another, through `between`. */
function pair(between: (bytes: Uint8Array) => Uint8Array[] = (bytes) => [bytes]): { door: Endpoint; phone: Endpoint } {
  const door = new Endpoint(1);
  const phone = new Endpoint(2);
  for (const [from, to] of [
    [door, phone],
    [phone, door],
  ])
    from.onSent = ({ bytes }) => {
      for (const packet of between(bytes)) to.stream.onRtp(THEM, PORT, packet.slice(), packet.length);
    };
  door.begin({ protection: keys(1, 100) });
  phone.begin({ protection: keys(100, 1) });
  return { door, phone };
}

function run(ends: Endpoint[], durationMs: number): void {
  for (let ms = 0; ms < durationMs; ms += MS) for (const end of ends) end.run(MS);
}

describe("an encrypted stream", () => {
  it("sends packets and reports that nobody reads without the key, and is heard by who has it", () => {
    const { door, phone } = pair();
    run([door, phone], 1000);
    phone.stream.sendDigits(octets("25"), 0, 2);
    run([door, phone], 1000);
    expect(phone.stream.receivedPackets()).toBeGreaterThan(95);
    expect(door.digits).toBe("25");
    expect(door.stream.verdict()).toBe("both");
    // Silence of PCMU repeats one octet; once sealed it does not.
    for (const { bytes } of door.sent) expect(new Set(bytes.slice(12, 172)).size).toBeGreaterThan(50);
    run([door, phone], 10_000);
    expect(door.reports.length).toBeGreaterThan(0);
    const before = phone.stream.forgedPackets();
    for (const { bytes } of door.reports) phone.stream.onRtcp(THEM, PORT + 1, bytes.slice(), bytes.length);
    expect([phone.stream.forgedPackets(), phone.stream.malformedPackets()]).toEqual([before, 0]);
  });

  it("plays nothing and takes no digit that was changed, comes in clear or comes again, and counts it", () => {
    const { door, phone } = pair((bytes) => {
      const forged = bytes.slice();
      forged[20] ^= 1;
      return [forged, bytes, bytes];
    });
    run([door, phone], 500);
    phone.stream.sendDigits(octets("7"), 0, 1);
    run([door, phone], 500);
    expect(door.digits).toBe("7");
    const { stream } = door;
    expect([stream.forgedPackets(), stream.duplicatePackets()]).toEqual([phone.sent.length, phone.sent.length]);
    expect(stream.receivedPackets()).toBe(phone.sent.length);
    // The digit is in clear, as anybody on the network can write it.
    const digits = door.digits;
    for (let i = 0; i < 6; i++)
      door.receive(9000 + i, 500_000, Uint8Array.from([2, i < 3 ? 10 : 138, 0, 160 * (i + 1)]), { type: 101 });
    expect(door.digits).toBe(digits);
    expect(stream.malformedPackets()).toBe(6);
  });

  it("goes on over a hold, and in clear when that is agreed", () => {
    const { door, phone } = pair();
    run([door, phone], 500);
    door.stream.configure({ ...agreed(keys(1, 100)), sends: false }, 0);
    run([door, phone], 500);
    door.stream.configure(agreed(keys(1, 100)), 0);
    run([door, phone], 500);
    expect([phone.stream.forgedPackets(), phone.stream.duplicatePackets()]).toEqual([0, 0]);
    const heard = phone.stream.receivedPackets();
    door.stream.configure(agreed(keys(1, 100, SUITE_NONE)), 0);
    phone.stream.configure(agreed(keys(100, 1, SUITE_NONE)), 0);
    run([door, phone], 500);
    expect(phone.stream.receivedPackets()).toBeGreaterThan(heard + 20);
    expect(door.stream.suite()).toBe(SUITE_NONE);
  });

  it("forgets its keys with the call", () => {
    const { door } = pair();
    door.stream.stop();
    door.stream.start();
    expect([door.stream.suite(), door.stream.forgedPackets()]).toEqual([SUITE_NONE, 0]);
  });
});

function agreed(protection: Protection) {
  return agreement({ protection });
}
