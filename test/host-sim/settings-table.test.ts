import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { withTable } from "../../host-sim/settings-table.js";

it("docs/settings.md has the schema's settings, as `npm run docs` writes them", () => {
  const document = readFileSync("docs/settings.md", "utf8");
  expect(withTable(document)).toBe(document);
});
