/** Authorities at the console: certificates that are pasted are kept whole, and no line of them is a command. */
import { readFileSync } from "node:fs";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "../../host-sim/io/store.js";
import { COMMANDS } from "../../src/console/commands.js";
import { Console } from "../../src/console/console.js";
import { Seat } from "../../src/console/passwordlock.js";
import { Authorities } from "../../src/settings/authorities.js";
import { Authority } from "../certificates.js";
import { House } from "../intercom/house.js";
import { SeededRandom } from "../random.js";
import { World } from "../ua/harness.js";

const authority = new Authority();
const other = new Authority();
afterAll(() => {
  authority.remove();
  other.remove();
});
const pem = readFileSync(authority.own.certificate, "utf8").trim().split("\n");
const pem2 = readFileSync(other.own.certificate, "utf8").trim().split("\n");
const UNENDED = "error: the certificate does not go on like that, and is thrown away: paste it again, whole\n";

describe("the certificate of an authority", () => {
  let house: House;
  let store: MemoryStore;
  let line: Console;
  let hasTls = true;
  /** What the console said to these lines, where it said anything. */
  const type = (lines: readonly string[], seat?: Seat): string[] =>
    lines.map((text) => line.line(text, seat)).filter((said) => said !== "");
  const kept = (): string => new Authorities(store).pem().replaceAll("\n", "");

  beforeEach(() => {
    house = new House(new World());
    hasTls = true;
    Object.defineProperty(house.door.ua.layer.transport, "hasTls", { get: () => hasTls });
    store = new MemoryStore();
    line = new Console(house.door, { store, restart: () => {}, reboot: null, log: house.log });
  });

  it("is kept as it is pasted, beside others, and once", () => {
    expect(line.line("ca")).toMatch(/^none: paste/);
    expect(type(pem)).toEqual(["ok\n"]);
    expect(kept()).toBe(pem.join(""));
    expect(type([...pem2, ...pem])).toEqual(["ok\n", "ok\n"]);
    expect(kept()).toBe(pem.join("") + pem2.join(""));
    expect(line.line("ca")).toMatch(/^until \d{4}-\d\d-\d\d\nuntil \d{4}-\d\d-\d\d\n$/);
  });

  it("is forgotten by ca clear and by a reset, and by nothing else", () => {
    type(pem);
    expect(line.line("ca all")).toMatch(/^error: ca, or ca clear/);
    line.line("factory-reset");
    expect(kept()).not.toBe("");
    expect(line.line("ca clear")).toBe("ok\n");
    expect(kept()).toBe("");
    type(pem);
    line.line("factory-reset yes");
    expect(kept()).toBe("");
  });

  it("is thrown away in one line if a line of it is lost, changed or too long, and the next command is heard", () => {
    for (const bad of [
      [...pem.slice(0, 3), "get sip.user", ...pem.slice(3)],
      [...pem.slice(0, 3), pem[3] + "AAAAAAAAAAAAAAAAAAAA", ...pem.slice(4)],
      [...pem.slice(0, 3), "-----BEGIN PRIVATE KEY-----"],
      [...pem.slice(0, 3), "short", "again", "open"],
    ]) {
      const said = type(bad);
      expect(said[0]).toBe(UNENDED);
      line.line("-----END CERTIFICATE-----");
      expect(line.line("version")).toMatch(/^Portero/);
      expect(kept()).toBe("");
    }
    const without = [...pem.slice(0, 3), ...pem.slice(4)];
    expect(type(without)).toEqual(["error: this is no certificate (X.509 in PEM)\n"]);
    expect(type([pem[0], pem.at(-1) ?? ""])).toEqual(["error: this is no certificate (X.509 in PEM)\n"]);
    expect(type([pem[0], ...Array(70).fill("A".repeat(64)), "AA==", "-----END CERTIFICATE-----"])).toEqual([UNENDED]);
  });

  it("is not taken at a locked console, at one that gets locked meanwhile, or without TLS", () => {
    house.set("console.password=sesame123");
    for (const said of type(pem).slice(0, 1)) expect(said).toMatch(/^error: the console is locked/);
    line.line("login sesame123");
    type(pem.slice(0, 4));
    line.line("logout");
    type(pem.slice(4));
    expect(kept()).toBe("");
    house.set("console.password=");
    hasTls = false;
    expect(line.line(pem[0])).toMatch(/^error: this device has no TLS/);
    expect(line.line("ca")).toMatch(/^error: this device has no TLS/);
  });

  it("belongs to the place where it is pasted", () => {
    const [one, two] = [new Seat(), new Seat()];
    const said: string[] = [];
    // They may differ in length by a line.
    for (let i = 0; i < Math.max(pem.length, pem2.length); i++)
      said.push(...type([pem[i] ?? "version"], one), ...type([pem2[i] ?? "version"], two));
    expect(said.filter((text) => text === "ok\n").length).toBe(2);
    expect(kept().length).toBeGreaterThan(pem.join("").length);
  });

  it("says when there is no room for another one", () => {
    const said: string[] = [];
    for (let i = 0; i < 12; i++) {
      const next = authority.issue({ isAuthority: true });
      said.push(...type(readFileSync(next.certificate, "utf8").trim().split("\n")));
      if (said.at(-1) !== "ok\n") break;
    }
    expect(said.at(-1)).toMatch(/more than the 3900 that can be kept: ca clear/);
    expect(new Authorities(store).all().length).toBe(said.length - 1);
  });

  it("in any pieces and with anything between never runs a command of its lines", () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < 300; round++) {
      const lines: string[] = [];
      for (let n = random.below(12); n >= 0; n--)
        lines.push(
          random.below(3) === 0
            ? (["open", "press", "", "=", "-----END CERTIFICATE-----"][random.below(5)] ?? "")
            : pem[random.below(pem.length)],
        );
      const seat = new Seat();
      let isCommand = true;
      for (const text of lines) {
        isCommand = seat.paste === "" && text !== pem[0];
        line.line(text, seat);
        if (!isCommand) expect(house.door.ua.activeCall()).toBeNull();
      }
      expect(seat.paste.length).toBeLessThan(4100);
      for (const one of new Authorities(store).all()) expect(pem.join("")).toContain(one);
    }
  });

  it("has a command that the help names", () => {
    expect(COMMANDS.some(({ name }) => name === "ca")).toBe(true);
    expect(line.line("help ca")).toContain("paste");
  });
});
