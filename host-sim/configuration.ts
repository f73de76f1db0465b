/**
 * What the schema says of the settings, for people and for editors: the table in docs/configuration.md and the JSON Schema of a
 * settings file, docs/door.schema.json. `npm run docs` writes both, a test checks that they are current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import {
  allowed,
  isSecret,
  needsRestart,
  SCHEMA,
  type Setting,
  TYPE_CHOICE,
  TYPE_DECIMAL,
  TYPE_NUMBER,
  TYPE_SWITCH,
} from "../src/intercom/schema.js";

export const TABLE_PATH = "docs/configuration.md";
export const SCHEMA_PATH = "docs/door.schema.json";
const BEGIN = "<!-- made by `npm run docs` -->\n";

/** @returns the document with the table put behind its mark */
export function withTable(document: string): string {
  const at = document.indexOf(BEGIN);
  if (at < 0) throw new Error(TABLE_PATH + " has lost its mark: " + BEGIN.trim());
  const rows = SCHEMA.map((s) => {
    const notes = (isSecret(s) ? ", never shown" : "") + (needsRestart(s) ? "; from the next start on" : "");
    return `| \`${s.key}\` | ${s.initial === "" ? "" : `\`${s.initial}\``} | ${allowed(s)}${notes} | ${s.help} |`;
  });
  return (
    document.slice(0, at) +
    BEGIN +
    ["| key | at first | may be | what it does |", "| --- | --- | --- | --- |", ...rows, ""].join("\n")
  );
}

/** @returns the JSON Schema of an object of settings by key; every value may be written as a text, as on the console */
export function jsonSchema(): string {
  const properties = Object.fromEntries(SCHEMA.map((setting) => [setting.key, propertyOf(setting)]));
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of a Portero door",
    type: "object",
    additionalProperties: false,
    properties,
  };
  return JSON.stringify(schema, null, 2) + "\n";
}

function propertyOf(setting: Setting): Record<string, unknown> {
  const common = { description: `${setting.help} (${allowed(setting)})`, default: initialOf(setting) };
  if (setting.type === TYPE_NUMBER) return { type: "integer", minimum: setting.min, maximum: setting.max, ...common };
  if (setting.type === TYPE_DECIMAL) return { type: "number", minimum: setting.min, maximum: setting.max, ...common };
  if (setting.type === TYPE_SWITCH || setting.type === TYPE_CHOICE) return { enum: setting.choices, ...common };
  return { type: "string", ...(isSecret(setting) ? { writeOnly: true } : {}), ...common };
}

function initialOf({ type, initial }: Setting): string | number {
  return type === TYPE_NUMBER || type === TYPE_DECIMAL ? Number(initial) : initial;
}

if (process.argv[1]?.endsWith("configuration.ts")) {
  writeFileSync(TABLE_PATH, withTable(readFileSync(TABLE_PATH, "utf8")));
  writeFileSync(SCHEMA_PATH, jsonSchema());
}
