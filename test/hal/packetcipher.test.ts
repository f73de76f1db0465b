/** SRTP's ciphers in C against their twin: the same packets, octet for octet, with the compiler's checks on. */
import { describe, expect, it } from "vitest";
import * as cipherInC from "../../hal/native/packetcipher.js";
import { keyBytesOf, SUITE_COUNT, saltBytesOf, tagBytesOf } from "../../src/core/suites.js";
import * as cipher from "../../src/media/packetcipher.js";
import { SeededRandom } from "../random.js";
import { isCheckable, runSanitized, words32 } from "./sanitized.js";

const LENGTHS = [0, 1, 4, 15, 16, 17, 43, 44, 45, 48, 52, 107, 108, 109, 160, 480, 1400];

describe("SRTP's ciphers by C", () => {
  it("have the exports of their twin", () => {
    expect(Object.keys(cipherInC).sort()).toEqual(Object.keys(cipher).sort());
    expect([cipherInC.LABEL_RTCP, cipherInC.ENCRYPTED, cipherInC.SEALED_MORE]).toEqual([
      cipher.LABEL_RTCP,
      cipher.ENCRYPTED,
      cipher.SEALED_MORE,
    ]);
  });

  it.skipIf(!isCheckable)("seal and open packets of every suite as TypeScript does", { timeout: 60_000 }, () => {
    const random = new SeededRandom(7);
    const octets = (count: number) => Uint8Array.from({ length: count }, () => random.uint32());
    const inputs: Uint8Array[] = [];
    const expected: string[] = [];
    for (let suite = 1; suite < SUITE_COUNT; suite++) {
      for (const label of [cipher.LABEL_RTP, cipher.LABEL_RTCP]) {
        const clearEnd = label === cipher.LABEL_RTP ? 12 : 8;
        for (const length of LENGTHS) {
          const isRtcp = label === cipher.LABEL_RTCP;
          const index = isRtcp ? random.uint32() >>> 1 : random.uint32() | 0;
          const master = octets(keyBytesOf(suite) + saltBytesOf(suite));
          const packet = octets(clearEnd + length);
          const sizes = [keyBytesOf(suite), saltBytesOf(suite), tagBytesOf(suite, isRtcp)];
          inputs.push(Buffer.concat([words32([...sizes, label, clearEnd, packet.length, index]), master, packet]));
          const twin = new cipher.PacketCipher();
          twin.derive(suite, master, 0, label);
          const sealed = Buffer.concat([packet, Buffer.alloc(cipher.SEALED_MORE)]);
          const end = twin.seal(sealed, clearEnd, packet.length, index);
          const hex = Buffer.from(packet).toString("hex");
          expected.push(`${sealed.subarray(0, end).toString("hex")} 0 1 ${hex} `);
        }
      }
    }
    expect(runSanitized("packetcipher.c", inputs)).toEqual(expected);
  });
});
