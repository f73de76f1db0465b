/**
 * Checks that the files, headings and npm scripts which the README and the pages of docs/ name exist, and that files
 * which their commands leave behind are ignored by git.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const { scripts, engines } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  engines: { node: string };
};
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => "docs/" + name),
];
/** Folders of the project. A word in code that begins with one of them is a path in it. */
const FOLDERS = /^(src|hal|host-sim|test|scripts|docs|\.ci)\//;

/** GitHub's name for a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/`|\[|\]\([^)]*\)/g, "")
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
}

function anchors(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.*)$/gm)].map((match) => anchor(match[1]));
}

describe.each(PAGES)("%s", (page) => {
  const text = read(page);

  it("links to files and headings that are there", () => {
    const missing = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1])
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [path, heading] = link.split("#");
        const file = path === "" ? page : join(dirname(page), path);
        return !existsSync(join(ROOT, file)) || (heading !== undefined && !anchors(file).includes(heading));
      });
    expect(missing).toEqual([]);
  });

  it("names files of the project that are there", () => {
    const missing = [...text.matchAll(/`([^`\s]+)`/g)]
      .map((match) => match[1].replace(/:\d+$/, ""))
      // Paths with a placeholder or a star in them are left out.
      .filter((path) => FOLDERS.test(path) && /^[a-z0-9_./-]+$/i.test(path))
      .filter((path) => !existsSync(join(ROOT, path)));
    expect(missing).toEqual([]);
  });

  it("calls scripts that npm knows", () => {
    const called = [...text.matchAll(/npm run ([a-z][\w:-]*)/g)].map((match) => match[1]);
    expect(called.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

describe("the README", () => {
  it("names the Node that package.json asks for", () => {
    expect(engines.node).toBe("^20.19 || >=22.12");
    expect(read("README.md")).toContain("Node 20.19, 22.12 or newer");
  });

  it("leaves nothing behind that git would take for a part of the project", () => {
    const ignored = read(".gitignore").split("\n");
    const written = ["README.md", "docs/server.md"].flatMap((page) =>
      [...read(page).matchAll(/--(?:speaker|pcap|users|store) (?:file:)?([\w.]+)/g)].map((match) => match[1]),
    );
    expect(written).toContain("heard.wav");
    for (const name of written.filter((one) => /^[a-z]/.test(one) && !["memory", "redis"].includes(one)))
      expect(
        ignored.some((line) => line === "/" + name || line === "/" + name + "/"),
        name,
      ).toBe(true);
  });
});

describe("the README in Chinese", () => {
  const english = read("README.md");
  const chinese = read("README.zh.md");
  const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1]);

  it("has the same headings, commands, lists and tables, in the same order", () => {
    for (const pattern of [/^(#+) /gm, /```sh\n([^`]*)```/g, /^([-|]) /gm])
      expect(all(chinese, pattern)).toEqual(all(english, pattern));
  });

  it("leads to the same pages, and names the same RFCs, scripts and settings", () => {
    const sorted = (text: string, pattern: RegExp): string[] => [...new Set(all(text, pattern))].sort();
    for (const pattern of [/\]\(([^)\s]+)\)/g, /RFC (\d+)/g, /npm run ([\w:-]+)/g, /`([a-z][\w.]*\.[a-z]+)[=`]/g])
      expect(sorted(chinese, pattern).filter((one) => one !== "README.md")).toEqual(
        sorted(english, pattern).filter((one) => one !== "README.zh.md"),
      );
  });
});

describe("vitest's configuration", () => {
  it("has each test in one of its projects", () => {
    const folders = readdirSync(join(ROOT, "test"), { withFileTypes: true }).filter((one) => one.isDirectory());
    const apart = ["interop", "emulated", "panel", "fixtures"];
    const config = read("vitest.config.ts");
    const named = [...config.matchAll(/test\/\{?([\w,-]+)\}?\/\*\*/g)].flatMap((match) => match[1].split(","));
    const withTests = folders
      .map(({ name }) => name)
      .filter((name) => !apart.includes(name))
      .filter((name) =>
        readdirSync(join(ROOT, "test", name), { recursive: true, encoding: "utf8" }).some((file) =>
          file.endsWith(".test.ts"),
        ),
      );
    expect(withTests.filter((name) => !named.includes(name))).toEqual([]);
  });

  /** What a list of patterns in the configuration names, one by one. */
  function named(list: string): string[] {
    const [, text = ""] = new RegExp(`const ${list} = \\[([\\s\\S]*?)\\n\\];`).exec(read("vitest.config.ts")) ?? [];
    return [...text.matchAll(/"(test\/[^"]+)"/g)].flatMap(([, one]) => {
      const [, before = one, names = "", after = ""] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(one) ?? [];
      return names === "" ? [one] : names.split(",").map((name) => before + name + after);
    });
  }

  it.each(["LONG", "PROGRAMS", "MOCKING"])("names only what is there among its %s", (list) => {
    const patterns = named(list);
    expect(patterns.length).toBeGreaterThan(8);
    for (const pattern of patterns) expect(existsSync(join(ROOT, pattern.replace(/\*\*.*$/, ""))), pattern).toBe(true);
  });

  it("gives a process of its own to each file that puts another module in the place of one", () => {
    const files = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".test.ts") && file !== "docs.test.ts")
      .map((file) => `test/${file}`)
      .filter((file) => /\bvi\.(mock|doMock)\(/.test(read(file)));
    expect(files.sort()).toEqual(named("MOCKING").sort());
  });
});
