/** What is read of certificates: names, dates and keys, as Node reads them too, and nothing bad of bad octets. */
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { domainsOf, identityProblem, judge, pinOf } from "../../hal/tls/proof.js";
import { NAME_ADDRESS, Names, readCertificate } from "../../src/wire/certificate.js";
import { Authority, type Issued } from "../certificates.js";
import { SeededRandom } from "../random.js";

const authority = new Authority();
afterAll(() => authority.remove());

const derOf = (issued: Issued): Uint8Array => new X509Certificate(readFileSync(issued.certificate)).raw;
const NAMES = "DNS:a.test,DNS:B.Test,IP:127.0.0.1,email:x@y.test,URI:https://a.test,DNS:*.c.test";
const good = derOf(authority.issue({ names: NAMES }));

function read(der: Uint8Array) {
  const certificate = readCertificate(der);
  if (certificate === null) throw new Error("malformed");
  return certificate;
}

describe("a certificate", () => {
  it("is read as Node reads it", () => {
    for (const wish of [
      { names: NAMES },
      { names: "" },
      { names: "DNS:a.test", from: "19990101000000Z", until: "20491231235959Z" },
      { names: "DNS:a.test", from: "20500101000000Z", until: "99991231235959Z" },
    ]) {
      const der = derOf(authority.issue(wish));
      const theirs = new X509Certificate(der);
      const ours = read(der);
      expect(ours.fromS * 1000).toBe(Date.parse(theirs.validFrom));
      expect(ours.untilS * 1000).toBe(Date.parse(theirs.validTo));
      const key = theirs.publicKey.export({ type: "spki", format: "der" });
      expect(pinOf(ours)).toBe(createHash("sha256").update(key).digest("hex"));
    }
  });

  it("is for the SIP domains of its URIs, else for its DNS names, in lower case", () => {
    expect(domainsOf(read(good))).toEqual(["a.test", "b.test"]);
    const domains = (names: string): string[] => domainsOf(read(derOf(authority.issue({ names }))));
    expect(domains("URI:SIP:A.test,DNS:b.test")).toEqual(["a.test"]);
    expect(domains("URI:https://a.test,URI:sips:c.test,URI:sip:u@c.test,DNS:b.test")).toEqual(["b.test"]);
    expect(domains("DNS:evil test,DNS:b.test")).toEqual(["b.test"]);
    expect(domains("")).toEqual([]);
  });

  it("is compared without case and without a dot at the end, and with its addresses only for an address", () => {
    const certificate = read(good);
    for (const name of ["A.test.", "b.TEST", "127.0.0.1"]) expect(identityProblem(certificate, name), name).toBe("");
    for (const name of ["c.test", "x.c.test", "*.c.test", "test", "127.0.0.2", "a.test.evil", ""])
      expect(identityProblem(certificate, name), name).toMatch(
        /^its certificate is for a\.test, b\.test, 127\.0\.0\.1/,
      );
  });

  it("of a web server or a broker may have * as a whole first label, that of a SIP server may not", () => {
    const names = "DNS:*.c.test,DNS:*.test,DNS:*,DNS:*.,DNS:f*.d.test,DNS:*.*.e.test,URI:sip:uri.test";
    const certificate = read(derOf(authority.issue({ names })));
    for (const name of ["x.c.test", "X.C.Test.", "*.c.test"])
      expect(identityProblem(certificate, name, "hook.url"), name).toBe("");
    for (const name of [
      "c.test",
      "a.b.c.test",
      ".c.test",
      "x.test",
      "test",
      "foo.d.test",
      "a.b.e.test",
      "uri.test",
      "",
    ])
      expect(identityProblem(certificate, name, "hook.url"), name).toContain("is for *.c.test, *.test");
    expect(identityProblem(certificate, "x.c.test")).toContain("is for uri.test,");
  });

  it("with a zero octet in its name is not for what stands before it", () => {
    const der = derOf(authority.issue({ names: "DNS:a.testX.evil.test" }));
    der[Buffer.from(der).indexOf("a.testX") + 6] = 0;
    expect(identityProblem(read(der), "a.test")).toContain("names no host");
  });

  it("with two lists of names is refused", () => {
    // The identifier of another extension becomes that of the list of names.
    const der = Buffer.from(good);
    const at = der.indexOf(Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x13]));
    der[at + 4] = 0x11;
    expect(readCertificate(der)).toBeNull();
  });

  it("cannot be cut, and nothing may follow it", () => {
    for (let length = 0; length < good.length; length++) expect(readCertificate(good.subarray(0, length))).toBeNull();
    expect(readCertificate(Uint8Array.from([...good, 0]))).toBeNull();
  });

  it("with any octets changed is read without a throw, and its names are hosts", () => {
    const random = new SeededRandom(21);
    let readable = 0;
    for (let round = 0; round < 4000; round++) {
      const der = Uint8Array.from(good);
      for (let n = 1 + random.below(4); n > 0; n--) {
        const at = random.below(der.length);
        const way = random.below(4);
        if (way === 0) der[at] = random.below(256);
        else if (way === 1) der[at] ^= 1 << random.below(8);
        else if (way === 2) der.copyWithin(at, random.below(der.length), random.below(der.length));
        else der[at] = [0x80, 0x81, 0x84, 0xff, 0x1f, 0x00][random.below(6)];
      }
      const certificate = readCertificate(der);
      if (certificate === null) continue;
      readable++;
      const names = new Names(certificate);
      let count = 0;
      while (names.next()) {
        expect(names.stop).toBeLessThanOrEqual(der.length);
        if (names.kind !== NAME_ADDRESS) expect(names.text()).toMatch(/^(\*\.)?[a-z0-9._-]{1,253}$/);
        expect(++count).toBeLessThan(der.length);
      }
      expect(pinOf(certificate)).toMatch(/^[0-9a-f]{64}$/);
      expect(identityProblem(certificate, "a.test")).not.toMatch(/[^ -~…]/);
    }
    // Many changes are in the key and in the signature, where they are not seen here.
    expect(readable).toBeGreaterThan(400);
  });
});

describe("the verdict on a server", () => {
  const nowS = Math.floor(Date.now() / 1000);
  const usual = {
    der: good,
    finding: "signed",
    other: "",
    name: "a.test",
    authorities: "one in tls.ca",
    nowS,
  } as const;
  const trust = { ca: "kept", pins: [] };

  it("is good if its certificate is signed, in its time and for the name, or if its key is pinned", () => {
    expect(judge({ ...usual, trust })).toEqual({ problem: "", proof: "CA" });
    const pinned = { ca: "", pins: [pinOf(read(good))] };
    const bad = { finding: "untrusted", other: "BAD_KEY", name: "other.test", nowS: 0 } as const;
    expect(judge({ ...usual, ...bad, trust: pinned })).toEqual({ problem: "", proof: "pin" });
  });

  it("says which date is wrong when the clock is wrong by years", () => {
    expect(judge({ ...usual, trust, nowS: 86400 }).problem).toMatch(
      /^its certificate begins later \(.* UTC\), and here it is 2 Jan 1970 00:00 UTC: set the clock$/,
    );
    expect(judge({ ...usual, trust, nowS: nowS + 40 * 365 * 86400 }).problem).toMatch(/^its certificate ended \(/);
    expect(judge({ ...usual, trust, finding: "ended" }).problem).toMatch(
      /^a certificate behind its own ended, and here/,
    );
  });

  it("says what else is wrong", () => {
    expect(judge({ ...usual, trust, der: null }).problem).toBe("the server sent no certificate");
    expect(judge({ ...usual, trust, der: good.subarray(1) }).problem).toBe("its certificate cannot be read");
    expect(judge({ ...usual, trust, other: "BAD_KEY" }).problem).toBe("its certificate cannot be used (BAD_KEY)");
    expect(judge({ ...usual, trust, finding: "untrusted" }).problem).toContain(
      "not signed by one in tls.ca: give its authority",
    );
  });
});
