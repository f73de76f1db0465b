/**
 * The settings' schema written for people and for editors: the table in docs/configuration.md and the JSON Schema of a
 * settings file, docs/door.schema.json. `npm run docs` writes both, a test checks that they are current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { allowed } from "../src/settings/check.js";
import {
  isSecret,
  needsRestart,
  SCHEMA,
  type Setting,
  TYPE_ADDRESS,
  TYPE_CHOICE,
  TYPE_DECIMAL,
  TYPE_DEVICE_ADDRESS,
  TYPE_DIGITS,
  TYPE_GROUP,
  TYPE_HOST,
  TYPE_HOURS,
  TYPE_LABEL,
  TYPE_LIST,
  TYPE_MASK,
  TYPE_NAME,
  TYPE_NUMBER,
  TYPE_PIN,
  TYPE_SWITCH,
  TYPE_TIME,
  TYPE_URL,
  TYPE_ZONE,
} from "../src/settings/schema.js";

import { FILE_VERSION } from "./config/file.js";

export const TABLE_PATH = "docs/configuration.md";
export const SCHEMA_PATH = "docs/door.schema.json";
/** The same as in core/printable.ts: control characters and characters that turn the direction of writing. */
const NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$";
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

/**
 * @returns the JSON Schema of a file of settings (config/file.ts); every value may be written as a text, as on the
 * console
 */
export function jsonSchema(): string {
  const secrets = SCHEMA.filter(isSecret).map(({ key }) => key);
  const base64 = { type: "string", pattern: "^[A-Za-z0-9+/]*={0,2}$" };
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Settings of a Portero door",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string", description: "where this schema is, for editors" },
      version: { const: FILE_VERSION, description: "of this format" },
      ...Object.fromEntries(SCHEMA.map((setting) => [setting.key, propertyOf(setting)])),
      leftOut: {
        type: "array",
        items: { enum: secrets },
        description: "written by backup: passwords and codes that were set, and are not in the file",
      },
      secrets: {
        type: "object",
        additionalProperties: false,
        required: ["kdf", "cost", "salt", "cipher", "nonce", "tag", "data"],
        properties: {
          kdf: { const: "scrypt" },
          cost: { type: "integer" },
          cipher: { const: "aes-256-gcm" },
          salt: base64,
          nonce: base64,
          tag: base64,
          data: base64,
        },
        description: "written by backup --with-secrets: passwords and codes, sealed by a passphrase",
      },
    },
  };
  return JSON.stringify(schema, null, 2) + "\n";
}

function propertyOf(setting: Setting): Record<string, unknown> {
  const { type, min, max, choices } = setting;
  const common = {
    ...(isSecret(setting) ? { writeOnly: true } : {}),
    description: `${setting.help} (${allowed(setting)})`,
    default: initialOf(setting),
  };
  const eitherOf = (number: Record<string, unknown>, pattern: string, maxLength?: number) => ({
    anyOf: [number, { type: "string", ...(maxLength === undefined ? {} : { maxLength }), pattern }],
    ...common,
  });
  switch (type) {
    case TYPE_NUMBER: {
      const { step = 1, leastBeside0 = min } = setting;
      const number = {
        type: "integer",
        minimum: leastBeside0,
        maximum: max,
        ...(step > 1 ? { multipleOf: step } : {}),
      };
      return eitherOf(leastBeside0 > min ? { anyOf: [{ const: 0 }, number] } : number, "^ *-?[0-9]+ *$");
    }
    case TYPE_DECIMAL:
      return eitherOf({ type: "number", minimum: min, maximum: max }, "^ *([0-9]+(\\.[0-9]*)?|\\.[0-9]+) *$");
    case TYPE_SWITCH:
    case TYPE_CHOICE:
      return { enum: [...choices, ...switched(choices), ...numbered(choices)], ...common };
    case TYPE_LIST: {
      const one = `(${choices.join("|")})`;
      return { type: "string", pattern: `^${one}(,${one})*$`, ...common };
    }
    case TYPE_DIGITS: {
      const one = `[0-9]{${min},${max}}`;
      return eitherOf({ type: "integer", minimum: 10 ** (min - 1), maximum: 10 ** max - 1 }, `^(${one}(,${one})*)?$`);
    }
    case TYPE_ADDRESS:
      return { type: "string", pattern: "^[0-9]{1,3}(\\.[0-9]{1,3}){3}$", ...common };
    case TYPE_DEVICE_ADDRESS:
    case TYPE_MASK:
      return { type: "string", pattern: "^([0-9]{1,3}(\\.[0-9]{1,3}){3})?$", ...common };
    case TYPE_LABEL:
      return { type: "string", maxLength: max, pattern: "^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)?$", ...common };
    case TYPE_GROUP:
      return { type: "string", pattern: "^(2[23][0-9](\\.[0-9]{1,3}){3}:[0-9]{1,5})?$", ...common };
    case TYPE_HOST:
    case TYPE_ZONE:
    case TYPE_HOURS:
    case TYPE_URL:
      return { type: "string", maxLength: max, pattern: NO_CONTROLS, ...common };
    case TYPE_PIN:
      return { type: "string", pattern: "^([0-9A-Fa-f:]{64,95}(, *[0-9A-Fa-f:]{64,95}){0,2})?$", ...common };
    case TYPE_TIME:
      return { type: "string", pattern: "^(off|([01][0-9]|2[0-3]):[0-5][0-9])$", ...common };
    default: {
      if (min > 0)
        return {
          anyOf: [{ const: "" }, { type: "string", minLength: min, maxLength: max, pattern: NO_CONTROLS }],
          ...common,
        };
      const pattern = type === TYPE_NAME ? "^[A-Za-z0-9_.+-]*$" : NO_CONTROLS;
      // A user, or a number to call.
      return eitherOf({ type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER }, pattern, max);
    }
  }
}

/** `true` and `false` stand for `on` and `off` in choices that have these. */
function switched(choices: readonly string[]): boolean[] {
  return choices.includes("on") ? [true, false] : [];
}

function numbered(choices: readonly string[]): number[] {
  return choices.filter((one) => /^[0-9]+$/.test(one)).map(Number);
}

function initialOf({ type, initial }: Setting): string | number {
  return type === TYPE_NUMBER || type === TYPE_DECIMAL ? Number(initial) : initial;
}

if (process.argv[1]?.endsWith("configuration.ts")) {
  writeFileSync(TABLE_PATH, withTable(readFileSync(TABLE_PATH, "utf8")));
  writeFileSync(SCHEMA_PATH, jsonSchema());
}
