/**
 * Tests what docs/home-assistant.md tells people to copy: its YAML can be read and names what there is, and its
 * settings are taken.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ACCESS_EVENTS, ENTITIES } from "../../src/links/entities.js";
import { Settings } from "../../src/settings/settings.js";

const document = readFileSync(new URL("../../docs/home-assistant.md", import.meta.url), "utf8");
const blocks = [...document.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text);

describe("docs/home-assistant.md", () => {
  it("has YAML that can be read: automations with what they need, and cards", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(5);
    for (const text of blocks) {
      const read = parse(text, { strict: true, uniqueKeys: true });
      if (read.alias !== undefined)
        expect(Object.keys(read)).toEqual(expect.arrayContaining(["triggers", "actions", "mode"]));
      else expect(typeof read.type).toBe("string");
    }
  });

  it("names entities that the door has", () => {
    const named = [...blocks.join("\n").matchAll(/\b(event|lock|binary_sensor)\.front_door_(\w+)/g)].map(
      ([, platform, name]) => `${platform} ${name.replace(/_?last_changed$/, "")}`,
    );
    const there = ENTITIES.map(({ platform, name }) => `${platform} ${name.toLowerCase().replace(/\W+/g, "_")}`);
    expect(named.length).toBeGreaterThan(4);
    for (const one of named) expect(there).toContain(one);
    expect(ACCESS_EVENTS).toContain("door codes are locked");
  });

  it("says in its table what each entity is called", () => {
    for (const { name, platform } of ENTITIES) {
      if (platform === "binary_sensor" && name.startsWith("Lock")) continue;
      const first = name.replace(/ [234]$/, " 1");
      expect(document).toContain("`" + first.replace(/^(Doorbell|Call plan|Lock) 1$/, "$1 1"));
    }
  });

  it("has settings that are taken", () => {
    const settings = new Settings();
    const lines = [...document.matchAll(/^set (\w+\.[\w.]+) (.*)$/gm)];
    expect(lines.length).toBeGreaterThanOrEqual(4);
    for (const [, key, value] of lines) expect(settings.set(key, value)).toBe("");
  });
});
