import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { jsonSchema, SCHEMA_PATH, TABLE_PATH, withTable } from "../../host-sim/configuration.js";

it("the table and the JSON Schema of the settings are as `npm run docs` writes them", () => {
  const document = readFileSync(TABLE_PATH, "utf8");
  expect(withTable(document)).toBe(document);
  expect(readFileSync(SCHEMA_PATH, "utf8")).toBe(jsonSchema());
});
