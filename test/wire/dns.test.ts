/** Tests questions to a name server and its answers, octet by octet. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv4, ipv4Text } from "../../src/core/address.js";
import {
  chooseService,
  DNS_A,
  DNS_BYTES,
  DNS_NAPTR,
  DNS_NOT_OURS,
  DNS_SRV,
  type DnsAnswer,
  readAnswer,
  writeQuestion,
} from "../../src/wire/dns.js";
import { answerTo } from "./dns-answer.js";

const empty = (): DnsAnswer => ({
  services: [],
  replacement: "",
  ttlS: -1,
  addresses: [],
  otherNames: [],
  otherAddresses: [],
});

function question(name: string, type = DNS_A, id = 0x1234): Uint8Array {
  const out = new Uint8Array(DNS_BYTES);
  return out.subarray(0, writeQuestion(out, id, name, type));
}

/** Reads an answer to the question for A of "sip.example". @returns the code and what was found */
function read(answer: Uint8Array, name = "sip.example", type = DNS_A) {
  const into = empty();
  return { code: readAnswer(answer, answer.length, 0x1234, name, type, into), ...into };
}

describe("A question", () => {
  it("is the octets of RFC 1035 §4.1", () => {
    expect(Buffer.from(question("a.bc")).toString("hex")).toBe("12340100000100000000000001610262630000010001");
    expect(Buffer.from(question("a.bc.", DNS_SRV)).toString("hex")).toBe(
      "12340100000100000000000001610262630000210001",
    );
  });

  it.each(["", ".", "a..b", "a b", "ä.example", "x".repeat(64) + ".example", "a.".repeat(127) + "ab"])(
    "is refused for %j",
    (name) => {
      expect(writeQuestion(new Uint8Array(DNS_BYTES), 1, name, DNS_A)).toBe(-1);
    },
  );
});

describe("An answer", () => {
  it("gives the addresses of the name, whatever the case it was asked for in", () => {
    const answer = answerTo(question("SIP.example"), [{ name: "sip.EXAMPLE", a: "192.0.2.1" }]);
    expect(read(answer)).toMatchObject({ code: 0, addresses: [ipv4("192.0.2.1")] });
  });

  it("follows aliases, and takes no address of another name for the one asked for", () => {
    const answer = answerTo(question("sip.example"), [
      { name: "sip.example", cname: "host.example" },
      { name: "evil.example", a: "192.0.2.66" },
      { name: "host.example", a: "192.0.2.2" },
    ]);
    expect(read(answer).addresses).toEqual([ipv4("192.0.2.2")]);
  });

  it("gives services and the addresses the server adds", () => {
    const asked = question("_sip._udp.example", DNS_SRV);
    const answer = answerTo(
      asked,
      [
        { name: "_sip._udp.example", srv: [10, 60, 5070, "one.example"] },
        { name: "_sip._udp.example", srv: [20, 0, 5080, "two.example"] },
      ],
      [{ name: "two.example", a: "192.0.2.3" }],
    );
    expect(read(answer, "_sip._udp.example", DNS_SRV)).toEqual({
      code: 0,
      replacement: "",
      ttlS: 60,
      services: [
        { priority: 10, weight: 60, port: 5070, target: "one.example" },
        { priority: 20, weight: 0, port: 5080, target: "two.example" },
      ],
      addresses: [],
      otherNames: ["two.example"],
      otherAddresses: [ipv4("192.0.2.3")],
    });
  });

  it("is good for as long as the least of the records that count", () => {
    const answer = answerTo(question("sip.example"), [
      { name: "sip.example", cname: "host.example", ttlS: 300 },
      { name: "other.example", a: "192.0.2.66", ttlS: 1 },
      { name: "host.example", a: "192.0.2.2", ttlS: 90 },
    ]);
    expect(read(answer).ttlS).toBe(90);
    expect(read(answerTo(question("sip.example"), [])).ttlS).toBe(-1);
  });

  it("by NAPTR names the SRV records of the service that was asked for, the first by order and preference", () => {
    const asked = question("house.example", DNS_NAPTR);
    const answer = answerTo(asked, [
      { name: "house.example", naptr: [10, 10, "s", "SIPS+D2T", "", "_sips._tcp.a.example"] },
      { name: "house.example", naptr: [30, 10, "s", "SIP+D2U", "", "_sip._udp.last.example"] },
      { name: "house.example", naptr: [20, 30, "S", "sip+d2u", "", "_sip._udp.second.example"] },
      { name: "house.example", naptr: [20, 20, "s", "SIP+D2U", "", "_sip._udp.first.example"] },
      { name: "house.example", naptr: [1, 1, "s", "SIP+D2U", "!.*!x!", "_sip._udp.expression.example"] },
      { name: "house.example", naptr: [1, 1, "a", "SIP+D2U", "", "address.example"] },
      { name: "evil.example", naptr: [0, 0, "s", "SIP+D2U", "", "_sip._udp.evil.example"] },
      { name: "house.example", naptr: [20, 40, "s", "SIP+D2T", "", "_sip._tcp.house.example"] },
    ]);
    const replacement = (service: string) => {
      const into = empty();
      readAnswer(answer, answer.length, 0x1234, "house.example", DNS_NAPTR, into, service);
      return into.replacement;
    };
    expect(replacement("sip+d2u")).toBe("_sip._udp.first.example");
    expect(replacement("sip+d2t")).toBe("_sip._tcp.house.example");
    expect(replacement("sip+d2s")).toBe("");
  });

  it("of 60 records keeps eight, those of the lowest priority", () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({
      name: "_sip._udp.a",
      srv: [60 - i, 0, 5060, "h" + i] as [number, number, number, string],
    }));
    const { services } = read(answerTo(question("_sip._udp.a", DNS_SRV), rows), "_sip._udp.a", DNS_SRV);
    expect(services.map(({ priority }) => priority).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("whose aliases lead in a circle ends, without an address", () => {
    const answer = answerTo(question("sip.example"), [
      { name: "sip.example", cname: "b.example" },
      { name: "b.example", cname: "sip.example" },
      { name: "sip.example", cname: "sip.example" },
    ]);
    expect(read(answer)).toMatchObject({ code: 0, addresses: [] });
  });

  it("to another question, of another id, or that is a question itself is not ours", () => {
    const answer = answerTo(question("sip.example"), [{ name: "sip.example", a: "192.0.2.1" }]);
    expect(read(answer, "other.example").code).toBe(DNS_NOT_OURS);
    expect(read(answer, "sip.example", DNS_SRV).code).toBe(DNS_NOT_OURS);
    expect(readAnswer(answer, answer.length, 0x1235, "sip.example", DNS_A, empty())).toBe(DNS_NOT_OURS);
    expect(read(question("sip.example")).code).toBe(DNS_NOT_OURS);
  });

  it("has the server's code", () => {
    expect(read(answerTo(question("sip.example"), [], [], 3)).code).toBe(3);
  });

  it("with a name that points to itself ends", () => {
    const answer = answerTo(question("sip.example"), [{ name: "sip.example", a: "192.0.2.1" }]);
    const pointer = answer.length - 16;
    expect([answer[pointer], answer[pointer + 1]]).toEqual([0xc0, 12]);
    answer[pointer + 1] = pointer;
    expect(read(answer)).toMatchObject({ code: 0, addresses: [] });
  });

  it.each([
    [8, ["192.0.2.1"]],
    [9, []],
    [150, []],
  ])("with a name that is a chain of %i pointers is read as far as real names go", (pointers, found) => {
    const answer = [...answerTo(question("sip.example"), [{ name: "sip.example", a: "192.0.2.1" }])];
    const record = answer.splice(-16);
    answer.push(0, 0, 99, 0, 1, 0, 0, 0, 0, (2 * pointers) >> 8, (2 * pointers) & 255);
    let at = 12;
    for (let i = 0; i < pointers; i++) {
      answer.push(0xc0 | (at >> 8), at & 255);
      at = answer.length - 2;
    }
    // The last pointer of the chain is that of the record.
    answer.push(...answer.slice(at, at + 2), ...record.slice(2));
    answer[7] += 1;
    const { addresses } = read(Uint8Array.from(answer));
    expect(addresses.map(ipv4Text)).toEqual(found);
  });

  it("of any octets, or cut anywhere, is read without harm", () => {
    const whole = answerTo(question("sip.example"), [
      { name: "sip.example", cname: "host.example" },
      { name: "host.example", a: "192.0.2.2" },
    ]);
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
        (end, changes) => {
          const bytes = whole.slice();
          for (const [at, value] of changes) bytes[at] = value;
          const { code, addresses } = read(bytes.slice(0, end));
          expect(code).toBeGreaterThanOrEqual(-1);
          expect(addresses.length).toBeLessThanOrEqual(2);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe("The service to try first", () => {
  const of = (...all: [number, number][]) =>
    all.map(([priority, weight]) => ({ priority, weight, port: 5060, target: "x" }));

  it("is one of the lowest priority, by weight", () => {
    const services = of([20, 100], [10, 1], [10, 3]);
    expect([0, 0.24, 0.26, 0.99].map((lot) => chooseService(services, lot))).toEqual([1, 1, 2, 2]);
  });

  it("may have the weight 0, and need not be there", () => {
    expect(chooseService(of([5, 0], [5, 0]), 0.5)).toBe(0);
    expect(chooseService([], 0.5)).toBe(-1);
  });

  it("has the weight 0 only when no other is left", () => {
    expect([0, 0.5, 0.99].map((lot) => chooseService(of([5, 0], [5, 7]), lot))).toEqual([1, 1, 1]);
  });
});
