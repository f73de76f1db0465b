import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PHONES_MOST } from "../../src/core/limits.js";
import { PHONE_NAMES, PHONE_PASSWORDS, SCHEMA, TYPE_SECRET } from "../../src/settings/schema.js";
import { Settings } from "../../src/settings/settings.js";
import { runs } from "../runs.js";
import { anyText } from "../texts.js";

describe("a setting", () => {
  it.each(["1", "60", "89", "86401", "-90"])("asks for no session interval of %s s. RFC 4028 §4", (value) => {
    const settings = new Settings();
    expect(settings.set("sip.sessionExpires", value)).toContain("0, or a whole number from 90 to 86400 s");
    expect(settings.get("sip.sessionExpires")).toBe(1800);
  });

  it.each(["0", "90", "86400"])("may ask for a session interval of %s s", (value) => {
    expect(new Settings().set("sip.sessionExpires", value)).toBe("");
  });

  it.each(["1025", "16385", "65519"])("has no odd first RTP port %s, which is that of RTCP. RFC 3550 §11", (value) => {
    expect(new Settings().set("rtp.port", value)).toContain("an even number from 1024 to 65520");
  });

  it("names as many phones as the largest board has room for", () => {
    expect([PHONE_NAMES.length, PHONE_PASSWORDS.length]).toEqual([PHONES_MOST, PHONES_MOST]);
  });

  it.each([
    ["sip.port", "5070", "5070"],
    // A line end at the edge is white space like any other.
    ["call.target", "sip:a@b\n", "sip:a@b"],
    ["sip.port", " 07 ", "7"],
    ["sip.password", " two words ", "two words"],
    ["sip.register", "OFF", "off"],
    ["sip.transport", "TCP", "tcp"],
    ["call.allow", "Any", "any"],
    ["audio.codecs", "pcma, PCMU", "PCMA,PCMU"],
    ["relay1.pulse", "0.5", "0.5"],
    ["relay1.code", "", ""],
    ["relay1.code", "0042", "0042"],
    ["net.address", "192.0.2.7", "192.0.2.7"],
    ["sip.name", "  Tür 2 ", "Tür 2"],
    ["sip.user", "u".repeat(128), "u".repeat(128)],
    ["sip.user", "門".repeat(22), "門".repeat(22)],
    ["sip.domain", "sip:Example.org:5070", "Example.org:5070"],
    ["sip.domain", "010.0.0.9", "10.0.0.9"],
    ["sip.proxy", "sip:h.example:5070;transport=TCP;ob", "sip:h.example:5070;transport=TCP;ob"],
    ["call.target", "Tür", "Tür"],
    ["sip.realm", "x".repeat(128), "x".repeat(128)],
  ])("%s takes %j", (key, value, kept) => {
    const settings = new Settings();
    expect(settings.set(key, value)).toBe("");
    expect(settings.text(key)).toBe(kept);
  });

  it.each([
    ["sip.user", "門".repeat(23), "'門", "as a URI writes it"],
    ["sip.port", "0", "'0'", "a whole number from 1 to 65535"],
    ["sip.port", "65536", "'65536'", "a whole number from 1 to 65535"],
    ["sip.port", "5060.5", "'5060.5'", "a whole number"],
    ["sip.port", "-1", "'-1'", "a whole number"],
    ["sip.port", "0x10", "'0x10'", "a whole number"],
    ["sip.expires", "4294967896", "'4294967896'", "a whole number from 10 to 86400 s"],
    ["sip.register", "yes", "'yes'", "on or off"],
    ["sip.transport", "sctp", "'sctp'", "udp or tcp or tls"],
    ["audio.codecs", "PCMU,G729", "'PCMU,G729'", "one or more of PCMU, PCMA"],
    ["audio.codecs", "PCMU,PCMU", "'PCMU,PCMU'", "one or more of"],
    ["audio.codecs", "", "''", "one or more of"],
    ["relay1.code", "12", "'12'", "empty, or 4 to 8 digits"],
    ["relay1.code", "123456789", "'123456789'", "empty, or 4 to 8 digits"],
    ["relay1.code", "12a4", "'12a4'", "empty, or 4 to 8 digits"],
    ["relay1.pulse", "0.4", "'0.4'", "a number from 0.5 to 60 s"],
    ["relay1.pulse", "1e1", "'1e1'", "a number"],
    ["relay1.pulse", ".", "'.'", "a number"],
    ["net.address", "10.0.0.256", "'10.0.0.256'", "an IPv4 address"],
    ["sip.user", "x".repeat(129), "xxx", "at most 128 characters"],
    ["sip.name", "a\r\nVia: evil", "'a??Via: evil'", "without control characters"],
    ["sip.domain", "a\0b", "'a?b'", ""],
    ["sip.domain", "1.2.3", "'1.2.3'", "no IPv4 address"],
    ["sip.domain", "a.example;transport=tcp", "'a.example;transport=tcp'", "give HOST or HOST:PORT"],
    ["sip.proxy", "[2001:db8::1]", "'[2001:db8::1]'", "is an IPv6 address"],
    ["sip.proxy", "door@h", "'door@h'", "has a user in it"],
    ["sip.proxy", "h;maddr=10.0.0.9", "'h;maddr=10.0.0.9'", "has no meaning for a proxy"],
    ["sip.proxy", "h;transport=sctp", "'h;transport=sctp'", "udp, tcp or tls"],
    ["server.domain", "h:5060", "'h:5060'", "has a port"],
    ["call.target", "sip:a@b;transport=sctp", "'sip:a@b;transport=sctp'", "udp, tcp or tls"],
    ["call.target", "sip:a@[::1]", "'sip:a@[::1]'", "is an IPv6 address"],
    ["call.target", "sip:a@b?Subject=x", "'sip:a@b?Subject=x'", "would become header fields"],
    ["call.target", `sip:${"a".repeat(130)}@b`, "'sip:aaa", "at most 128 characters"],
    ["call.referTo", "2xx,sip:a@[::1]", "'2xx,sip:a@[::1]'", "is an IPv6 address"],
    ["button1.day", "a@x,".repeat(101), "'a@x,", "it has 404 characters; allowed: empty, or at most 400 characters"],
    ["tls.pin", "ab", "'ab'", "64 hexadecimal digits"],
    ["tls.pin", "z".repeat(64), "", "64 hexadecimal digits"],
    ["button1.day", "sips:", "'sips:'", "names nobody"],
    ["sip.authUser", "é".repeat(65), "'é", "it has 130 octets; allowed: a text of at most 128 octets"],
    ["sip.realm", '"'.repeat(65), `'"`, "it has 130 octets"],
    ["wifi.ssid", "ü".repeat(17), "'ü", "it has 34 octets"],
  ])("%s refuses %.40j, naming it and what is allowed", (key, value, given, allowed) => {
    const settings = new Settings();
    const before = settings.text(key);
    const error = settings.set(key, value);
    expect(error.startsWith(`${key}: `)).toBe(true);
    expect(error).toContain(given);
    expect(error).toContain(allowed);
    expect(error).not.toMatch(/[\r\n\0]/);
    expect(settings.text(key)).toBe(before);
  });

  it("is read as what it is: a number, on or off as true or false, a text", () => {
    const settings = new Settings();
    settings.apply("sip.port=5070\nrelay1.pulse=0.5\nsip.register=off\nsip.name=5070");
    const port: number = settings.get("sip.port");
    const pulseS: number = settings.get("relay1.pulse");
    const registers: boolean = settings.get("sip.register");
    const name: string = settings.get("sip.name");
    const transport: "udp" | "tcp" | "tls" = settings.get("sip.transport");
    expect([port, pulseS, registers, name, transport]).toEqual([5070, 0.5, false, "5070", "udp"]);
    // @ts-expect-error a key that does not exist is a mistake that the compiler sees
    expect(settings.get("colour")).toBeUndefined();
  });

  it("that does not exist is named, with the one that was meant, or with those that may be meant", () => {
    const settings = new Settings();
    expect(settings.set("sip.pasword", "x")).toBe("sip.pasword: no such key; did you mean sip.password?");
    expect(settings.set("Net.wherever", "x")).toBe(
      "Net.wherever: no such key; there are: net.address net.name net.nat net.stun net.publicAddress",
    );
    expect(settings.set("schedule", "x")).toContain("there are: schedule1.name schedule1.hours schedule2.name");
    expect(settings.set("telephone.domain", "x")).toBe(
      "telephone.domain: no such key; there are: sip.domain account2.domain server.domain",
    );
    const groups = settings.set("colour", "red");
    for (const { key } of SCHEMA) expect(groups).toMatch(new RegExp(` ${key.split(/\d?\./)[0]}\\b`));
    for (const key of ["", "sip", ".", "x".repeat(1000), "phone", "sip.xxxxxxxx", "x.password"])
      expect(settings.set(key, "x").length).toBeLessThan(420);
    expect(() => settings.text("colour")).toThrow(RangeError);
  });

  it("whose first value is not allowed does not exist", () => {
    for (const { key, initial } of SCHEMA) {
      const settings = new Settings();
      expect(settings.set(key, initial), key).toBe("");
      expect(settings.text(key)).toBe(initial);
    }
  });

  it("whose value is secret is never shown, neither when it is right nor when it is wrong", () => {
    const settings = new Settings();
    const wrong = settings.set("sip.password", "hush\x07hush");
    expect(wrong).toContain("sip.password");
    expect(wrong).not.toContain("hush");
    expect(settings.set("sip.password", "hush")).toBe("");
    for (const setting of SCHEMA) {
      if (setting.type === TYPE_SECRET) expect(settings.show(setting)).not.toContain("hush");
    }
  });
});

describe("lines of settings", () => {
  it("are taken in either form, with comments and empty lines between", () => {
    const settings = new Settings();
    const lines =
      "# the door\r\nset sip.user front\r\n\r\nsip.domain=example.org\n  sip.port = 5070\nset sip.name Front door = 1\n";
    expect(settings.apply(lines)).toBe("");
    expect(["sip.user", "sip.domain", "sip.port", "sip.name"].map((key) => settings.text(key))).toEqual([
      "front",
      "example.org",
      "5070",
      "Front door = 1",
    ]);
  });

  it("are taken all or none: a mistake names its line", () => {
    const settings = new Settings();
    const error = settings.apply("set sip.user front\nset sip.port 70000\nset sip.name x");
    expect(error).toBe("line 2: sip.port: '70000' is not allowed: a whole number from 1 to 65535");
    expect(settings.save()).toBe("");
    expect(settings.apply("sip.user")).toBe("");
    expect(settings.apply("nonsense")).toContain("line 1: nonsense: no such key");
  });

  it("that were saved are read back the same, whatever the texts are", () => {
    const texts = SCHEMA.filter(
      ({ max, min, choices, initial }) => max >= 64 && min === 0 && choices.length === 0 && !/^\d+$/.test(initial),
    );
    expect(texts.length).toBeGreaterThan(6);
    fc.assert(
      fc.property(fc.array(anyText(40), { minLength: 12, maxLength: 12 }), (values) => {
        const settings = new Settings();
        for (const [i, { key }] of texts.entries())
          settings.set(key, i % 3 === 0 ? `=${values[i % 12]}` : values[i % 12]);
        for (const saved of [settings.save(), settings.saveAll()]) {
          const back = new Settings();
          expect(back.apply(saved)).toBe("");
          expect(back.saveAll()).toBe(settings.saveAll());
        }
      }),
      { seed: 20260611, numRuns: runs(300) },
    );
  });

  it("by KEY=VALUE say what is wrong with them", () => {
    const settings = new Settings();
    expect(settings.assign("sip.user=a=b")).toBe("");
    expect(settings.text("sip.user")).toBe("a=b");
    expect(settings.assign("sip.user")).toBe("'sip.user' is no setting: write KEY=VALUE");
    expect(settings.assign("=x")).toBe("'=x' is no setting: write KEY=VALUE");
    expect(settings.assign("\x1b[2J")).not.toContain("\x1b");
  });
});
