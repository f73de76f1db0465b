/**
 * Tests that no line of code is longer than 120 columns, comments included. Biome formats code, but breaks neither
 * comments nor C. The texts of a line are not counted: nobody breaks a string, a template or a regular expression.
 * Not here: Markdown, and files that hold messages or data.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Node, parseSync } from "oxc-parser";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const COLUMNS = 120;
const CODE = /\.(tsx?|js|c|h|cpp|py|css|html|cfg|service)$|^\.ci\/run$|\/Dockerfile$/;
const TEXTS = ["Literal", "TemplateLiteral"];

/** @returns how much of `[from, to)` is text */
function textWithin(node: unknown, from: number, to: number): number {
  if (Array.isArray(node)) return node.reduce((sum, one) => sum + textWithin(one, from, to), 0);
  if (typeof node !== "object" || node === null) return 0;
  const { type, start, end } = node as Node;
  if (typeof start === "number" && (start >= to || end <= from)) return 0;
  if (TEXTS.includes(type)) return Math.min(end, to) - Math.max(start, from);
  return textWithin(Object.values(node), from, to);
}

/** @returns "path:line: columns" of each line that is too long without its texts */
function tooLong(path: string, source: string): string[] {
  const found: string[] = [];
  let tree: Node | null = null;
  let offset = 0;
  for (const [i, line] of source.split("\n").entries()) {
    // A character may take two units of UTF-16, but none takes less than one.
    const columns = line.length > COLUMNS ? [...line].length : line.length;
    if (columns > COLUMNS && /\.tsx?$/.test(path)) tree ??= parseSync(path, source).program as Node;
    const bare =
      columns > COLUMNS && tree !== null ? columns - textWithin(tree, offset, offset + line.length) : columns;
    if (bare > COLUMNS) found.push(`${path}:${i + 1}: ${columns}`);
    offset += line.length + 1;
  }
  return found;
}

describe("a line", () => {
  const long = "x".repeat(COLUMNS);

  it("has at most 120 columns in any file of code", () => {
    const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" });
    const files = listed.split("\n").filter((path) => CODE.test(path));
    expect(files.length).toBeGreaterThan(500);
    expect(files.flatMap((path) => tooLong(path, readFileSync(join(ROOT, path), "utf8")))).toEqual([]);
  });

  it.each([
    ["a comment", "a.ts", `// ${long}`],
    ["a comment with quotes", "a.ts", `/* "${long}" */`],
    ["a name", "a.ts", `const ${long} = 1;`],
    ["a comment behind a text", "a.ts", `f("text"); // ${long}`],
    ["C", "a.c", `f("${long}");`],
  ])("is too long with %s", (_what, path, line) => {
    expect(tooLong(path, `const a = 1;\n${line}\n`)).toEqual([`${path}:2: ${[...line].length}`]);
  });

  it.each([
    ["a string", `f("${long}");`],
    ["a template", `f(\`\${a} ${long}\`);`],
    ["a regular expression", `f(/${long}/);`],
  ])("may be longer with %s in a call", (_what, line) => {
    expect(tooLong("a.ts", `const a = 1;\n${line}\n`)).toEqual([]);
  });

  it("counts a character of four octets as one column", () => {
    expect(tooLong("a.ts", "// " + "🔔".repeat(COLUMNS - 3))).toEqual([]);
  });
});
