import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { headerOf, methodOf, transportOf } from "../../src/wire/lookup.js";
import {
  HEADER_CALL_ID,
  HEADER_CONTACT,
  HEADER_COUNT,
  HEADER_NAMES,
  HEADER_OTHER,
  HEADER_SESSION_EXPIRES,
  METHOD_NAMES,
  METHOD_OTHER,
  TRANSPORT_OTHER,
  TRANSPORT_UDP,
} from "../../src/wire/names.js";

function lookUp(of: (bytes: Uint8Array, start: number, end: number) => number, name: string): number {
  const bytes = octets(`x${name}x`);
  return of(bytes, 1, bytes.length - 1);
}

describe("a header name", () => {
  it("is found in any case, for every name there is", () => {
    for (let id = 1; id < HEADER_COUNT; id++) {
      const name = text(HEADER_NAMES[id]);
      for (const spelling of [name, name.toLowerCase(), name.toUpperCase()])
        expect(lookUp(headerOf, spelling)).toBe(id);
      for (const spelling of [
        `${name}s`,
        name.slice(0, -1),
        name.slice(1),
        name.replace("-", "_"),
        name.replace("-", "\r"),
      ])
        if (spelling !== name && spelling.length > 1) expect(lookUp(headerOf, spelling)).not.toBe(id);
    }
  });

  it("may be compact", () => {
    expect(lookUp(headerOf, "i")).toBe(HEADER_CALL_ID);
    expect(lookUp(headerOf, "M")).toBe(HEADER_CONTACT);
    expect(lookUp(headerOf, "x")).toBe(HEADER_SESSION_EXPIRES);
  });

  it("that is not known is OTHER, and so are odd octets", () => {
    for (const name of ["", "q", "-", "I\u00e9", "X-Custom", "Call ID", "\x09"])
      expect(lookUp(headerOf, name)).toBe(HEADER_OTHER);
    for (let octet = 0; octet < 256; octet++) {
      const isLetter = /[a-z]/i.test(String.fromCharCode(octet));
      if (!isLetter) expect(headerOf(new Uint8Array([octet]), 0, 1)).toBe(HEADER_OTHER);
    }
  });
});

describe("a method", () => {
  it("is found by its exact spelling", () => {
    for (let method = 1; method < METHOD_OTHER; method++) {
      const name = text(METHOD_NAMES[method]);
      expect(lookUp(methodOf, name)).toBe(method);
      expect(lookUp(methodOf, name.toLowerCase())).toBe(METHOD_OTHER);
      expect(lookUp(methodOf, `${name}X`)).toBe(METHOD_OTHER);
    }
    expect(lookUp(methodOf, "")).toBe(METHOD_OTHER);
  });
});

describe("a transport", () => {
  it("is found without case", () => {
    expect(lookUp(transportOf, "udp")).toBe(TRANSPORT_UDP);
    expect(lookUp(transportOf, "TLS-SCTP")).toBe(TRANSPORT_OTHER);
  });
});
