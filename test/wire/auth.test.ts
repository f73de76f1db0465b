import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octets, Span, text } from "../../src/core/bytes.js";
import {
  AUTH_DIGEST,
  AUTH_END,
  AUTH_LONG,
  AUTH_MALFORMED,
  AUTH_OTHER,
  AUTH_REPEATED,
  AuthValue,
  copyQuoted,
  isGiven,
  NONCE_MAX_BYTES,
  OPAQUE_MAX_BYTES,
  REALM_MAX_BYTES,
  unquote,
} from "../../src/wire/auth.js";
import { anyText } from "../texts.js";

const view = new AuthValue();

function parse(value: string): number {
  // The reader leaves out what stands around the value.
  const bytes = octets(`"x${value}", realm="`);
  return view.parse(bytes, 2, bytes.length - 10);
}

/** @returns the result and the realm for each value of a field */
function walk(value: string): [number, string][] {
  const bytes = octets(value);
  const found: [number, string][] = [];
  view.beginValues(bytes, 0, bytes.length);
  for (let result = view.next(); result !== AUTH_END; result = view.next()) found.push([result, String(view.realm)]);
  return found;
}

describe("a challenge", () => {
  it("is taken apart, quotes off and escapes kept", () => {
    const value =
      'Digest realm="a \\"b\\" c", nonce=n0/+=, qop="auth,auth-int", algorithm=SHA-256, stale=true, opaque="", domain="sip:x,y"';
    expect(parse(value)).toBe(AUTH_DIGEST);
    expect(String(view.realm)).toBe('a \\"b\\" c');
    expect(String(view.nonce)).toBe("n0/+=");
    expect(String(view.qop)).toBe("auth,auth-int");
    expect(String(view.algorithm)).toBe("SHA-256");
    expect(view.isStale()).toBe(true);
    expect([isGiven(view.opaque), view.opaque.size()]).toEqual([true, 0]);
    expect(isGiven(view.username)).toBe(false);
  });

  it("is read in odd case, with folding and empty elements", () => {
    expect(parse('dIGEST\r\n  ReAlM\t=\r\n "r" , ,\r\n NONCE = "n",STALE=TRUE, ,')).toBe(AUTH_DIGEST);
    expect([String(view.realm), String(view.nonce), view.isStale()]).toEqual(["r", "n", true]);
  });

  it("leaves nothing of the value before", () => {
    parse('Digest realm="r", nonce="n", opaque="o", stale=true');
    expect(parse('Digest realm="s", nonce="m"')).toBe(AUTH_DIGEST);
    expect([String(view.realm), isGiven(view.opaque), view.isStale()]).toEqual(["s", false, false]);
  });

  it.each([
    ["", AUTH_MALFORMED],
    [" , ,", AUTH_MALFORMED],
    ["Digest", AUTH_MALFORMED],
    ["Digest ", AUTH_MALFORMED],
    ['Digest"r"', AUTH_MALFORMED],
    ['Digest, realm="r"', AUTH_MALFORMED],
    ['"Digest" realm="r"', AUTH_MALFORMED],
    ['Digest realm="r', AUTH_MALFORMED],
    ['Digest realm="r\\"', AUTH_MALFORMED],
    ["Digest realm=", AUTH_MALFORMED],
    ["Digest realm=,nonce=n", AUTH_MALFORMED],
    ['Digest ="r"', AUTH_MALFORMED],
    ['Digest realm="r" nonce="n"', AUTH_MALFORMED],
    ['Digest realm="r"x, nonce="n"', AUTH_MALFORMED],
    ["Digest nonce=a\\", AUTH_MALFORMED],
    ["Digest dG9rZW4=", AUTH_MALFORMED],
    ['Digest realm="a\u0001b"', AUTH_MALFORMED],
    ['Digest realm="r"\r\nnonce="n"', AUTH_MALFORMED],
    ['Digest realm="r", nonce="n", Digest realm="s", nonce="m"', AUTH_MALFORMED],
    ['Digest realm="r", REALM="r"', AUTH_REPEATED],
    ['Digest nonce="", nonce="n"', AUTH_REPEATED],
    ["NoOneKnowsThisScheme opaque-data=here", AUTH_OTHER],
    ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", AUTH_OTHER],
    ['DigestX realm="r"', AUTH_OTHER],
  ])("%j gives %i", (value, expected) => {
    expect(parse(value)).toBe(expected);
  });

  it.each([
    ["realm", REALM_MAX_BYTES],
    ["nonce", NONCE_MAX_BYTES],
    ["opaque", OPAQUE_MAX_BYTES],
  ])("has a %s of at most %i octets", (name, most) => {
    expect(parse(`Digest ${name}="${"x".repeat(most)}"`)).toBe(AUTH_DIGEST);
    expect(parse(`Digest ${name}="${"x".repeat(most + 1)}"`)).toBe(AUTH_LONG);
    expect(parse(`Digest ${name}=${"x".repeat(5000)}`)).toBe(AUTH_LONG);
  });

  it("may have any number of parameters that nobody knows, of any length, and twice", () => {
    expect(parse(`Digest ${`x="${"y".repeat(600)}",`.repeat(40)} realm="r"`)).toBe(AUTH_DIGEST);
  });
});

describe("a field with several values", () => {
  it("is walked, whatever the schemes between", () => {
    const value =
      'NoOneKnowsThisScheme opaque-data=here, x="a, Digest realm=\\"no\\"", Digest realm="one", nonce="n,m", Negotiate, ' +
      'Bearer dG9rZW4==, Digest realm="two",nonce="n" ,Digest realm="three", nonce="n"';
    expect(walk(value)).toEqual([
      [AUTH_OTHER, ""],
      [AUTH_DIGEST, "one"],
      [AUTH_OTHER, ""],
      [AUTH_OTHER, ""],
      [AUTH_DIGEST, "two"],
      [AUTH_DIGEST, "three"],
    ]);
  });

  it("has a bad value stepped over", () => {
    const long = "x".repeat(NONCE_MAX_BYTES + 1);
    const value = `Digest realm="a" nonce="n", Digest realm="b", realm="b", Digest nonce="${long}", realm="c", Digest realm="d"`;
    expect(walk(value).map(([result]) => result)).toEqual([AUTH_MALFORMED, AUTH_REPEATED, AUTH_LONG, AUTH_DIGEST]);
    expect(walk(value)[3][1]).toBe("d");
  });
});

describe("credentials", () => {
  it("are taken apart", () => {
    const value =
      'Digest username="b\\"ob", realm="r", nonce="n", uri="sip:a@h;x=1,2", response="00ff", algorithm=MD5, cnonce="c", qop=auth, nc=0000001f';
    expect(parse(value)).toBe(AUTH_DIGEST);
    expect(String(view.username)).toBe('b\\"ob');
    expect(String(view.uri)).toBe("sip:a@h;x=1,2");
    expect(String(view.response)).toBe("00ff");
    expect([String(view.cnonce), String(view.qop), view.count()]).toEqual(["c", "auth", 31]);
  });

  it.each([
    ["nc=ffffffff", 0xffffffff],
    ["nc=0000001", -1],
    ["nc=0000000g", -1],
    ["qop=auth", -1],
  ])("with %s count to %i", (nc, expected) => {
    expect(parse(`Digest realm="r", ${nc}`)).toBe(AUTH_DIGEST);
    expect(view.count()).toBe(expected);
  });
});

describe("a quoted value", () => {
  const copy = (value: string, room: number, take: typeof unquote): string | null => {
    const bytes = octets(value);
    const span = new Span();
    span.set(bytes, 0, bytes.length);
    const out = new Uint8Array(room);
    const size = take(span, out);
    return size < 0 ? null : text(out, 0, size);
  };

  const quotedCopy = (value: Span, out: Uint8Array): number => copyQuoted(value, out, 0, out.length);

  it.each([
    ["plain", "plain", "plain"],
    ['a \\"b\\"', 'a \\"b\\"', 'a "b"'],
    ["\\\\\\\\x", "\\\\\\\\x", "\\\\x"],
    ["a\r\n  b\n\tc", "a b c", "a b c"],
    ["\u00e9\t", "\u00e9\t", "\u00e9\t"],
    ["", "", ""],
  ])("%j is kept as %j and means %j", (value, kept, meaning) => {
    expect(copy(value, 20, quotedCopy)).toBe(kept);
    expect(copy(value, 20, unquote)).toBe(meaning);
  });

  it.each(["a\0", "a\r\nb", "a\rb", "\\\0", "\\\r\n"])("%j is refused: it could not be sent back", (value) => {
    expect(copy(value, 20, quotedCopy)).toBe(null);
    expect(copy(value, 20, unquote)).toBe(null);
  });

  it("is refused when it does not fit", () => {
    expect(copy("abcd", 4, quotedCopy)).toBe("abcd");
    expect(copy("abcde", 4, quotedCopy)).toBe(null);
    expect(copy('abc\\"', 4, quotedCopy)).toBe(null);
    expect(copy('abc\\"', 4, unquote)).toBe('abc"');
  });
});

describe("whatever octets come", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "Digest ",
      "realm=",
      "nonce=",
      '"',
      "\\",
      ",",
      "=",
      " ",
      "\r\n ",
      "\r\n",
      "auth",
      "stale=true",
      "\0",
    ),
    anyText(5),
  );

  it("nothing throws, the walk ends, and no parameter lies outside", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const bytes = octets(pieces.join(""));
        const end = Math.max(0, bytes.length - 3);
        view.beginValues(bytes, 0, end);
        let values = 0;
        for (let result = view.next(); result !== AUTH_END; result = view.next()) {
          values += 1;
          expect(values).toBeLessThanOrEqual(bytes.length);
          if (result !== AUTH_DIGEST) continue;
          for (const span of [view.realm, view.nonce, view.opaque, view.stale]) {
            expect(span.start).toBeLessThanOrEqual(span.end);
            expect(span.end).toBeLessThanOrEqual(end);
          }
        }
      }),
      { seed: 7, numRuns: 2000 },
    );
  });
});
