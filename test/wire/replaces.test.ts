/**
 * Tests Replaces (RFC 3891 §6.1) and what a REFER asks for (RFC 3515 §2.1): they are read as they were meant, and
 * nothing of the asker's own gets into our INVITE.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, text } from "../../src/core/bytes.js";
import { Message } from "../../src/wire/message.js";
import { ReferTo } from "../../src/wire/referto.js";
import { Replaces } from "../../src/wire/replaces.js";
import { Writer } from "../../src/wire/writer.js";
import { isLeftOut, runs } from "../runs.js";
import { anyText } from "../texts.js";

const replaces = new Replaces();

/** @returns the three parts and the flag, or "" if the value is not a Replaces */
function read(value: string): string {
  const bytes = octets(value);
  if (!replaces.parse(bytes, 0, bytes.length)) return "";
  return `${replaces.callId} ${replaces.toTag} ${replaces.fromTag}${replaces.isEarlyOnly ? " early" : ""}`;
}

describe("Replaces", () => {
  it.each([
    ["425928@bobster.example.org;to-tag=7743;from-tag=6472", "425928@bobster.example.org 7743 6472"],
    ["a;from-tag=f;to-tag=t", "a t f"],
    ["a ; to-tag = t ; from-tag=f ;early-only", "a t f early"],
    ["a;TO-TAG=t;From-Tag=f;EARLY-ONLY", "a t f early"],
    ["a;to-tag=t;from-tag=f;other=x;flag", "a t f"],
    ["a:b/c[d]?;to-tag=0;from-tag=0", "a:b/c[d]? 0 0"],
    ["a;to-tag=t", ""],
    ["a;from-tag=f", ""],
    ["a;to-tag=;from-tag=f", ""],
    ["a;to-tag=t;to-tag=u;from-tag=f", ""],
    [";to-tag=t;from-tag=f", ""],
    ["a b;to-tag=t;from-tag=f", ""],
    ["a,b;to-tag=t;from-tag=f", ""],
    ["a;to-tag=t;from-tag=f, b;to-tag=t;from-tag=f", ""],
    ["a\r\nEvil: 1;to-tag=t;from-tag=f", ""],
    ["a;to-tag=t\r\nEvil: 1;from-tag=f", ""],
    ["a\u007f;to-tag=t;from-tag=f", ""],
    ["", ""],
  ])("%j is %j", (value, parts) => {
    expect(read(value)).toBe(parts);
  });

  it("is one line when it is written, and reads back the same, whatever it was made of", () => {
    fc.assert(
      fc.property(anyText(60), fc.string(), fc.string(), (callId, to, from) => {
        const parts = read(`${callId};to-tag=${to};from-tag=${from}`);
        if (parts === "") return;
        const out = new Uint8Array(2000);
        const w = new Writer();
        w.begin(out, 0, out.length);
        replaces.writeReplaces(w);
        const line = text(out, 0, w.at);
        expect(w.ok).toBe(true);
        expect(line).toMatch(/^Replaces: [^\r\n]*\r\n$/);
        expect(read(line.slice("Replaces: ".length, -2))).toBe(parts);
      }),
      { seed: 3 },
    );
  });
});

const wish = new ReferTo();

/** @returns the status, and the request that is asked for */
function ask(...fields: string[]): { status: number; target: string; lines: string } {
  const message = octets(
    [
      "REFER sip:door@10.0.0.1 SIP/2.0",
      "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx",
      "From: <sip:a@b>;tag=f",
      "To: <sip:c@d>;tag=t",
      "Call-ID: x",
      "CSeq: 2 REFER",
      ...fields,
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n"),
  );
  const m = new Message(64);
  m.parse(message, 0, message.length, false);
  const status = wish.readRefer(m, new Uint8Array(1536), false);
  return { status, target: status === 0 ? wish.target : "", lines: status === 0 ? wish.fields.toString() : "" };
}

describe("what a REFER asks for", () => {
  it.each([
    ["Refer-To: <sip:two@10.0.0.3>", "sip:two@10.0.0.3", ""],
    ["r: sip:two@10.0.0.3", "sip:two@10.0.0.3", ""],
    ['Refer-To: "Two, the second" <sip:two@10.0.0.3;user=phone>', "sip:two@10.0.0.3;user=phone", ""],
    ["Refer-To: <sip:two@h;gr=urn:uuid:1-2;method=INVITE>", "sip:two@h;gr=urn:uuid:1-2", ""],
    ["Refer-To: <tel:+49-30>", "tel:+49-30", ""],
    [
      "Refer-To: <sip:two@h?Replaces=a%40b%3Bto-tag%3Dt%3Bfrom-tag%3Df%3Bearly-only&Require=replaces>",
      "sip:two@h",
      "Replaces: a@b;to-tag=t;from-tag=f;early-only\r\nRequire: replaces\r\n",
    ],
    // Nothing else that stands in the URI comes into our request (RFC 3261 §19.1.5).
    ["Refer-To: <sip:two@h?Route=%3Csip:evil%3E&Call-ID=x&From=y&body=z&Require=foo>", "sip:two@h", ""],
  ])("%s", (field, target, lines) => {
    expect(ask(field)).toEqual({ status: 0, target, lines });
  });

  it("says who asked, without what cannot be kept", () => {
    const to = "Refer-To: <sip:two@h>";
    expect(ask(to, 'Referred-By: "One" <sip:one@h>;cid=x@y').lines).toBe("Referred-By: <sip:one@h>\r\n");
    expect(ask(to, "b: sip:one@h").lines).toBe("Referred-By: <sip:one@h>\r\n");
    expect(ask(to, `b: <sip:${"o".repeat(400)}@h>`)).toEqual({ status: 0, target: "sip:two@h", lines: "" });
    expect(ask(to, "b: nobody at all").lines).toBe("");
  });

  it("takes a wish of any length or refuses it, and never puts a line of its own in", () => {
    for (let length = 0; length < 700; length++) {
      const long = "c".repeat(length);
      const fields = [
        `Refer-To: <sip:${long}@h>`,
        `Refer-To: <sip:two@h;p=${long}>`,
        `Refer-To: <sip:two@h?Replaces=${long}%3Bto-tag%3Dt%3Bfrom-tag%3Df>`,
        `Refer-To: <sip:two@h?Replaces=c%3Bto-tag%3D${long}%3Bfrom-tag%3Df&Require=replaces>`,
      ];
      for (const [i, field] of fields.entries()) {
        if (isLeftOut(length, i, 5)) continue;
        const { status, lines } = ask(field, `Referred-By: <sip:${"r".repeat(length % 97)}@h>`);
        expect([0, 400, 513]).toContain(status);
        expect(lines).toMatch(/^(?:(?:Replaces|Require|Referred-By): [^\r\n]+\r\n)*$/);
      }
    }
  });

  it("is refused or harmless, whatever octets it has", () => {
    fc.assert(
      fc.property(anyText(80), anyText(), (target, more) => {
        const escaped = [...octets(more)].map((octet) => `%${octet.toString(16).padStart(2, "0")}`).join("");
        for (const field of [`Refer-To: <sip:${target}>`, `Refer-To: <sip:a@b?Replaces=${escaped}>`, `r: ${target}`]) {
          const { status, lines, target: called } = ask(field);
          expect([0, 400, 416, 501, 513]).toContain(status);
          expect(lines).toMatch(/^(?:(?:Replaces|Require|Referred-By): [^\r\n]+\r\n)*$/);
          expect(called).not.toMatch(/[\r\n?]/);
        }
      }),
      { seed: 5, numRuns: runs(2500) },
    );
  });
});
