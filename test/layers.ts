/**
 * Holds a source file of `src/` to the rules that let it run on the device: which folders it may import from, which
 * globals it may name, and what its syntax may be. It reads the syntax tree, so comments and strings do not deceive it.
 * It knows no types; rules that need them are left to the compiler and the linter.
 */
import { posix } from "node:path";
import { type Node, parseSync } from "oxc-parser";

/** Folders of `src/`, and the folders each may import from, besides itself. Imports point this way only. */
export const ALLOWED: Record<string, readonly string[]> = {
  core: [],
  wire: ["core"],
  media: ["core"],
  transaction: ["core", "wire"],
  dialog: ["core", "wire", "transaction"],
  ua: ["core", "wire", "transaction", "dialog", "media"],
  server: ["core", "wire", "transaction"],
  settings: ["core", "wire", "dialog", "media", "ua"],
  people: ["core", "wire", "settings"],
  intercom: ["core", "wire", "transaction", "dialog", "ua", "server", "media", "settings", "people"],
  console: ["core", "transaction", "ua", "settings", "people", "intercom"],
  links: ["core", "wire", "ua", "settings", "intercom"],
  driver: ["core", "transaction", "media", "ua", "settings", "intercom", "console", "links"],
};

/** The other folders of the project: what each may import from. A folder of `src/` is named with it. */
export const AROUND: Record<string, readonly string[]> = {
  hal: ["src/core", "src/wire", "src/settings"],
  "host-sim": ["src", "hal"],
  scripts: ["src", "hal", "host-sim"],
  test: ["src", "hal", "host-sim", "scripts"],
};

/** The one file of `src/` that may import from every folder of it, and from the platform. */
const ENTRY = "src/main.ts";
/** The types of the device contract, for the folders that know devices, and for the entry. */
const CONTRACT = "hal";
const KNOWS_DEVICES = ["settings", "intercom", "console", "driver", "people", "links"];

/** Globals that the code may name: those of ECMAScript except a clock, randomness, regular expressions and I/O. */
const GLOBALS = new Set(
  (
    "undefined NaN Infinity Math Number String Boolean Array Object Symbol BigInt Map Set Error RangeError TypeError isNaN " +
    "ArrayBuffer DataView Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array " +
    "Uint8ClampedArray BigInt64Array BigUint64Array parseInt parseFloat"
  ).split(" "),
);
/** Names that may not be used for anything, not even for a type or a variable. */
const DENIED = new Set(
  (
    "Date performance setTimeout setInterval setImmediate clearTimeout clearInterval queueMicrotask console process Buffer " +
    "crypto fetch WebSocket XMLHttpRequest TextDecoder TextEncoder URL RegExp globalThis global window require eval Function"
  ).split(" "),
);
/** Calls whose result lies in flash, read-only, if a module makes it while it is loaded. */
const FLASH =
  /^(Uint8|Int8|Uint8Clamped|Uint16|Int16|Uint32|Int32|Float32|Float64|BigInt64|BigUint64)Array$|^Map$|^Set$/;
const WRITING = new Set(["set", "fill", "copyWithin", "sort", "reverse", "add", "delete", "clear"]);
/**
 * Absolute paths of one machine. The alternatives stand apart from the slash so that this line does not match itself.
 */
const OWN_PATH = /(?<![\w.:/-])(?:\/(?:home|root|work|Users|tmp|mnt|opt)\/|[A-Z]:\\+Users\\)\w/;
const PURPOSE_LEAST = 40;

/** The place of a node: the name of the property of its parent that holds it, and its parents from the inside. */
interface Place {
  node: Node;
  key: string;
  parent: Place | null;
}

/**
 * @param path relative to the project, with "/": "src/wire/uri.ts"
 * @returns a line for each problem: "src/wire/uri.ts:12: ..."
 */
export function check(path: string, source: string): string[] {
  const problems: string[] = [];
  const { program, errors, comments } = parseSync(path, source, { lang: "ts", sourceType: "module" });
  const report = (at: number, what: string) => {
    problems.push(path + ":" + source.slice(0, at).split("\n").length + ": " + what);
  };
  for (const error of errors) report(error.labels[0]?.start ?? 0, error.message);

  const first = comments[0];
  if (first === undefined || first.start !== 0) report(0, "does not begin with a comment that says what the file is");
  else if (first.value.length < PURPOSE_LEAST) report(0, "the comment at the top does not say what the file is");
  problems.push(...ownPaths(path, source));

  const places: Place[] = [];
  visit({ node: program as Node, key: "", parent: null }, places);
  const bindings = places.filter(isBinding);
  const declared = new Set(bindings.map((place) => nameOf(place.node)));
  const tables = new Set(bindings.filter(isFlashTable).map((place) => nameOf(place.node)));

  for (const place of places) {
    const { node } = place;
    for (const specifier of importOf(node)) {
      const problem = direction(path, specifier, isTypeOnly(node));
      if (problem !== "") report(node.start, problem);
    }
    switch (node.type) {
      case "Identifier":
        if (isKey(place)) break;
        if (DENIED.has(node.name)) report(node.start, node.name + " is not for src/");
        else if (!isBinding(place) && !isType(place) && !declared.has(node.name) && !GLOBALS.has(node.name))
          report(node.start, node.name + " is a global that the device does not promise");
        break;
      case "MemberExpression":
        if (isNamed(node.object, "Math") && (node.computed || isNamed(node.property, "random")))
          report(node.start, "Math.random is not for src/: take a RandomSource");
        break;
      case "Literal":
        if ("regex" in node) report(node.start, "a regular expression");
        break;
      case "MetaProperty":
        if (node.meta.name === "import") report(node.start, "import.meta");
        break;
      case "TSEnumDeclaration":
        report(node.start, "an enum: write constants");
        break;
      case "TSModuleDeclaration":
        report(node.start, "a namespace");
        break;
      case "TSParameterProperty":
        report(node.start, "a parameter property");
        break;
      case "Decorator":
        report(node.start, "a decorator");
        break;
    }
    const written = writtenTable(node);
    if (written !== "" && tables.has(written) && isWithin(place) && !isShadowed(place, written))
      report(node.start, written + " is made at module level: in flash on the device, so it cannot be written");
  }
  return problems;
}

/** @returns a line for each absolute path of one machine in a text, comments and strings included */
export function ownPaths(path: string, text: string): string[] {
  const problems: string[] = [];
  for (const [index, line] of text.split("\n").entries())
    if (OWN_PATH.test(line)) problems.push(path + ":" + (index + 1) + ": a path of one machine: " + line.trim());
  return problems;
}

/** @returns the problem of an import, or "" */
function direction(path: string, specifier: string, typeOnly: boolean): string {
  if (!specifier.startsWith(".")) {
    if (path === ENTRY && specifier.startsWith("embedded:")) return "";
    return "imports " + specifier + ": nothing from outside the project is for src/";
  }
  if (!specifier.endsWith(".js")) return "imports " + specifier + " without .js";
  const to = posix.join(posix.dirname(path), specifier).split("/");
  const from = path.split("/");
  if (to[0] === CONTRACT) {
    if (path === ENTRY || (typeOnly && KNOWS_DEVICES.includes(from[1]))) return "";
    return "imports from hal/: only types, and only into " + KNOWS_DEVICES.join(", ");
  }
  if (to[0] !== "src") return "imports " + specifier + ", which is outside src/";
  if (path === ENTRY) return "";
  if (from.length < 3 || ALLOWED[from[1]] === undefined) return "stands in no layer: src/" + from[1];
  if (to.length < 3) return "imports the entry";
  if (from[1] === to[1] || ALLOWED[from[1]].includes(to[1])) return "";
  return from[1] + "/ may not import from " + to[1] + "/";
}

function visit(place: Place, out: Place[]): void {
  out.push(place);
  for (const [key, value] of Object.entries(place.node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child !== null && typeof child === "object" && typeof child.type === "string")
        visit({ node: child as Node, key, parent: place }, out);
    }
  }
}

/** @returns the specifiers that a node imports; a dynamic import of an expression is one that no rule allows */
function importOf(node: Node): string[] {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return [node.source.value];
    case "ExportNamedDeclaration":
      return node.source === null ? [] : [node.source.value];
    case "ImportExpression":
    case "TSImportType":
      return [node.source.type === "Literal" ? String(node.source.value) : "an expression"];
    case "TSImportEqualsDeclaration":
      return ["by assignment"];
    default:
      return [];
  }
}

function isTypeOnly(node: Node): boolean {
  if (node.type === "TSImportType") return true;
  if (node.type === "ExportAllDeclaration" || node.type === "ExportNamedDeclaration") return node.exportKind === "type";
  if (node.type !== "ImportDeclaration") return false;
  const names = node.specifiers;
  return (
    node.importKind === "type" ||
    (names.length > 0 && names.every((name) => name.type === "ImportSpecifier" && name.importKind === "type"))
  );
}

function nameOf(node: Node): string {
  return node.type === "Identifier" ? node.name : "";
}

function isNamed(node: Node, name: string): boolean {
  return node.type === "Identifier" ? node.name === name : node.type === "Literal" && node.value === name;
}

/**
 * @returns whether an identifier is a name after a dot or before a colon: of a property, a member, a label, or an
 * import's foreign name
 */
function isKey({ node, key, parent }: Place): boolean {
  const holder = parent?.node;
  if (holder === undefined || node.type !== "Identifier") return false;
  if (key === "property" && holder.type === "MemberExpression") return !holder.computed;
  if (key === "property" && holder.type === "MetaProperty") return true;
  if (key === "meta" || key === "label" || key === "imported" || key === "exported") return true;
  if (key === "local" && holder.type === "ExportSpecifier")
    return parent?.parent?.node.type !== "ExportNamedDeclaration";
  if (key === "right" && holder.type === "TSQualifiedName") return true;
  if (key === "id" && holder.type === "TSEnumMember") return true;
  // A shorthand property is seen twice, as key and as value; the value is the name that counts.
  return key === "key" && "computed" in holder && !holder.computed;
}

/** @returns whether an identifier is declared here */
function isBinding(place: Place): boolean {
  const { node, key, parent } = place;
  const holder = parent?.node;
  if (node.type !== "Identifier" || holder === undefined || parent === null) return false;
  if (key === "id" || key === "local" || key === "params" || key === "param") return true;
  if (key === "parameter" || (key === "name" && holder.type === "TSTypeParameter")) return true;
  if (key === "parameters" || key === "parameterName" || (key === "key" && holder.type === "TSMappedType")) return true;
  // Patterns: `const { a, b: c = d, ...rest } = x`, and the same in parameters.
  if (holder.type === "AssignmentPattern" && key === "left") return isPattern(parent);
  if (holder.type === "Property" && key === "value") return parent.parent !== null && isPattern(parent.parent);
  return (holder.type === "RestElement" || holder.type === "ArrayPattern") && isPattern(parent);
}

function isPattern({ key, parent }: Place): boolean {
  if (key === "id" || key === "params" || key === "param") return true;
  const holder = parent?.node.type;
  const within = ["Property", "ObjectPattern", "ArrayPattern", "RestElement", "AssignmentPattern"];
  return parent !== null && holder !== undefined && within.includes(holder) && isPattern(parent);
}

/** @returns whether an identifier is used as a type */
function isType({ key, parent }: Place): boolean {
  const holder = parent?.node.type ?? "";
  return holder.startsWith("TS") && !(key === "expression" && holder !== "TSInterfaceHeritage");
}

/** @returns whether a binding is an import, or a constant of the module that holds a typed array, a Map or a Set */
function isFlashTable({ node, key, parent }: Place): boolean {
  const holder = parent?.node;
  if (node.type !== "Identifier" || holder === undefined) return false;
  if (key === "local") return true;
  if (holder.type !== "VariableDeclarator" || isWithin(parent)) return false;
  return holder.init?.type === "NewExpression" && FLASH.test(nameOf(holder.init.callee));
}

/** @returns the name of the object that an assignment by index or a writing method changes, or "" */
function writtenTable(node: Node): string {
  if (node.type === "AssignmentExpression") return indexed(node.left);
  if (node.type === "UpdateExpression") return indexed(node.argument);
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return "";
  const { object, property } = node.callee;
  return WRITING.has(nameOf(property)) ? nameOf(object) : "";
}

function indexed(node: Node): string {
  return node.type === "MemberExpression" && node.computed ? nameOf(node.object) : "";
}

/** @returns whether a place lies in a function or a class, which run after the module was loaded */
function isWithin(place: Place | null | undefined): boolean {
  for (let at = place?.parent; at != null; at = at.parent) if (isScope(at.node)) return true;
  return false;
}

function isScope(node: Node): boolean {
  return node.type.endsWith("FunctionExpression") || node.type.startsWith("Function") || node.type.startsWith("Class");
}

/** @returns whether a function around a place has a parameter or variable of that name */
function isShadowed(place: Place, name: string): boolean {
  for (let at = place.parent; at != null; at = at.parent) {
    if (!isScope(at.node)) continue;
    const within: Place[] = [];
    visit({ node: at.node, key: "", parent: null }, within);
    if (within.some((one) => isBinding(one) && nameOf(one.node) === name)) return true;
  }
  return false;
}

/** @returns the files of the project that a file imports, types included: "src/wire/uri.ts" */
export function importsOf(path: string, source: string): string[] {
  const places: Place[] = [];
  visit(
    { node: parseSync(path, source, { lang: "ts", sourceType: "module" }).program as Node, key: "", parent: null },
    places,
  );
  return places
    .flatMap(({ node }) => importOf(node))
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts"));
}

/** @returns a line for each wrong import of a file outside of `src/` */
export function checkAround(path: string, imports: readonly string[]): string[] {
  const [room] = path.split("/");
  const isAllowed = (to: string) => [room, ...AROUND[room]].some((from) => to.startsWith(from + "/"));
  return imports.filter((to) => !isAllowed(to)).map((to) => path + ": " + room + "/ may not import " + to);
}

/** @returns the files of each circle of imports, in the order of the circle's search */
export function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  // Tarjan's strongly connected components.
  const found: string[][] = [];
  const number = new Map<string, number>();
  const stack: string[] = [];
  const enter = (file: string): number => {
    let least = number.size;
    number.set(file, least);
    stack.push(file);
    const own = least;
    for (const to of graph.get(file) ?? []) {
      if (!graph.has(to)) continue;
      if (!number.has(to)) least = Math.min(least, enter(to));
      else if (stack.includes(to)) least = Math.min(least, number.get(to) as number);
    }
    if (least === own) {
      const circle = stack.splice(stack.indexOf(file));
      if (circle.length > 1) found.push(circle);
    }
    return least;
  };
  for (const file of graph.keys()) if (!number.has(file)) enter(file);
  return found;
}
