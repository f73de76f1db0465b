/**
 * The table of pins and a picture of the wiring for each board, and a table of the boards' abilities, made from
 * hal/boards: `npm run docs` writes them into docs/flashing.md, docs/wiring-BOARD.svg and docs/boards.md, a test checks
 * that they are current. Not here: parts that are soldered on a board already.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { Board } from "../hal/boards/pins.js";
import { DOOR_LIMITS, ROOMY_LIMITS } from "../src/driver/limits.js";
import { PLAN_TARGETS_MOST } from "../src/settings/ringplan.js";

const ROOT = resolve(import.meta.dirname, "..");
/** Each table stands between these marks in its document. */
const PINS = ["docs/flashing.md", "<!-- pins: made by `npm run docs` -->\n", "<!-- end of pins -->\n"] as const;
const BOARDS = ["docs/boards.md", "<!-- boards: made by `npm run docs` -->\n", "<!-- end of boards -->\n"] as const;

/** The words of the pictures beside the pins. */
interface Product {
  name: string;
  chip: string;
  /** Whether the console needs an adapter; otherwise the board's USB socket is the console. */
  needsAdapter: boolean;
}

export const PRODUCTS: Record<string, Product> = {
  m5atom_echo_s3r: { name: "M5Stack Atom EchoS3R", chip: "ESP32-S3", needsAdapter: false },
  esp32_audio_kit: { name: "ESP32 Audio Kit", chip: "ESP32", needsAdapter: false },
  generic_esp32: { name: "any ESP32 board", chip: "ESP32", needsAdapter: false },
  wt32_eth01: { name: "WT32-ETH01", chip: "ESP32", needsAdapter: true },
  xiao_esp32s3: { name: "Seeed Studio XIAO ESP32S3", chip: "ESP32-S3", needsAdapter: false },
};

/** The board of the example with everything that an entrance may have, and the pins that it sets in the manifest. */
const ENTRANCE = "generic_esp32";
const ENTRANCE_PINS: Record<string, number> = {
  tamper: 4,
  alarm: 13,
  readerD0: 18,
  readerD1: 19,
  keypadRow1: 16,
  keypadRow2: 17,
  keypadRow3: 21,
  keypadRow4: 14,
  keypadColumn1: 27,
  keypadColumn2: 32,
  keypadColumn3: 5,
};
const ENTRANCE_LINES = [
  "docs/flashing.md",
  "<!-- entrance: made by `npm run docs` -->\n",
  "<!-- end of entrance -->\n",
] as const;

/** A part beside the board: its terminals, each with the pin it is wired to. */
interface Part {
  title: string;
  note: string;
  terminals: readonly (readonly [terminal: string, pin: string])[];
  /** The device that is connected behind it; "" for none. */
  behind: string;
}

/** @param changed pins other than those of the manifest @returns the board's pins, with those of its manifest */
async function load(board: string, changed: Record<string, number> = {}): Promise<Board> {
  const folder = join(ROOT, "hal", "boards", board);
  const { config = {} } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  for (const [name, pin] of Object.entries(changed)) {
    if (!(name in config.pins)) throw new Error(board + " has no pin " + name);
    config.pins[name] = pin;
  }
  const bundle = await build({
    entryPoints: [join(folder, "board.ts")],
    bundle: true,
    write: false,
    format: "esm",
    plugins: [
      {
        name: "config",
        setup(builder) {
          builder.onResolve({ filter: /^mc\/config$/ }, () => ({ path: "config", namespace: "config" }));
          builder.onLoad({ filter: /./, namespace: "config" }, () => ({
            contents: JSON.stringify(config),
            loader: "json",
          }));
        },
      },
    ],
  });
  const module = await import("data:text/javascript," + encodeURIComponent(bundle.outputFiles[0].text));
  return module.BOARD;
}

const pins = (...numbers: (number | undefined)[]) =>
  numbers.every((one) => one === undefined || one < 0) ? "none" : numbers.join(", ");
const switched = (active: string, ...numbers: number[]) =>
  pins(...numbers) === "none" ? "none" : pins(...numbers) + ", on while " + active;
const present = (numbers: readonly number[]) => numbers.filter((one) => one >= 0);

function tableOf(boards: readonly (readonly [string, Board])[]): string {
  const rows: [string, (board: Board, product: Product) => string][] = [
    ["Chip, codec", (b, p) => p.chip + ", " + (b.codec === "" ? "none" : b.codec)],
    ["Button, to ground", (b) => pins(...present(b.buttons))],
    ["Relay", (b) => switched(b.active.relays, ...b.relays)],
    ["LED", (b) => switched(b.active.led, b.led)],
    ["Amplifier", (b) => switched(b.active.amplifier, b.amplifier)],
    ["Contact of the housing, to ground", (b) => pins(b.tamper)],
    ["Alarm output", (b) => switched(b.active.alarm, b.alarm)],
    ["Reader D0, D1", (b) => pins(...(b.reader ?? []))],
    ["Keypad rows, columns", (b) => pins(...(b.keypad?.rows ?? []), ...(b.keypad?.columns ?? []))],
    ["I2C data, clock", (b) => pins(b.data, b.clock)],
    ["I2S MCLK", (b) => pins(b.i2s.mclk)],
    ["I2S BCLK, WS", (b) => pins(b.i2s.bclk, b.i2s.ws)],
    ["I2S out, in", (b) => pins(b.i2s.dout, b.i2s.din)],
    ["Console", (b) => (b.console === "usb" ? "USB socket" : "RX, TX: " + pins(b.receive, b.transmit))],
  ];
  const lines = [
    "|  | " + boards.map(([name]) => name).join(" | ") + " |",
    "| --- | " + boards.map(() => "---").join(" | ") + " |",
    ...rows.map(
      ([title, cell]) =>
        "| " + [title, ...boards.map(([name, board]) => cell(board, PRODUCTS[name]))].join(" | ") + " |",
    ),
  ];
  return lines.join("\n") + "\n";
}

/** @returns the options for ESP-IDF that the board is built with */
function optionsOf(name: string): string {
  const folder = join(ROOT, "hal", "boards", name);
  const { build } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  return readFileSync(join(folder, build.SDKCONFIGPATH, "sdkconfig.defaults"), "utf8");
}

/** The abilities of each board, by the same limits that the firmware has. */
function abilitiesOf(boards: readonly (readonly [string, Board])[]): string {
  const rows: [string, (board: Board, product: Product, name: string) => string][] = [
    ["Chip", (_b, p) => p.chip],
    ["PSRAM used", (_b, _p, name) => (/^CONFIG_SPIRAM=y$/m.test(optionsOf(name)) ? "yes" : "no")],
    ["Network", (b) => (b.isWired ? "cable" : "Wi-Fi")],
    ["Sound", (b) => (b.codec === "" ? "I2S amplifier and microphone, wired" : b.codec + ", on the board")],
    ["Console", (b, p) => (b.console === "usb" || !p.needsAdapter ? "USB socket" : "serial adapter")],
    ["Targets that ring together", (b) => String(Math.min(PLAN_TARGETS_MOST, limitsOf(b).calls))],
    ["A second phone joins the call", (b) => (limitsOf(b).lines > 1 ? "yes" : "no")],
    ["The door as server, phones", (b) => (limitsOf(b).phones > 0 ? String(limitsOf(b).phones) : "no")],
    ["Phones that watch the door", (b) => String(limitsOf(b).subscriptions)],
    [
      "Relays, inputs described",
      (b) => b.relays.length + ", " + present([...b.buttons, b.exit, b.sensor, b.tamper]).length,
    ],
  ];
  const lines = [
    "|  | " + boards.map(([name]) => name).join(" | ") + " |",
    "| --- | " + boards.map(() => "---").join(" | ") + " |",
    ...rows.map(
      ([title, cell]) =>
        "| " + [title, ...boards.map(([name, board]) => cell(board, PRODUCTS[name], name))].join(" | ") + " |",
    ),
  ];
  return lines.join("\n") + "\n";
}

const limitsOf = (board: Board) => (board.isRoomy ? ROOMY_LIMITS : DOOR_LIMITS);

const gpio = (pin: number) => "GPIO " + pin;

function partsOf(board: Board, product: Product): { left: Part[]; right: Part[] } {
  const buttons = present(board.buttons);
  const left: Part[] = buttons.map((pin, i) => ({
    title: buttons.length > 1 ? "button " + (i + 1) : "button",
    note: "closes while it is pressed",
    terminals: [
      ["1", gpio(pin)],
      ["2", "GND"],
    ],
    behind: "",
  }));
  for (const [title, pin] of [
    ["exit button", board.exit],
    ["contact of the door", board.sensor],
    ["contact of the housing", board.tamper],
  ] as const)
    // biome-ignore format: one part
    if (pin >= 0) left.push({ title, note: "", terminals: [["1", gpio(pin)], ["2", "GND"]], behind: "" });
  if (board.reader !== null)
    left.push({
      title: "card reader or keypad",
      note: "Wiegand; from 5 V by a level shifter",
      terminals: [
        ["D0", gpio(board.reader[0])],
        ["D1", gpio(board.reader[1])],
        ["GND", "GND"],
      ],
      behind: "",
    });
  if (board.keypad !== null)
    left.push({
      title: "keypad",
      note: "rows R and columns C",
      terminals: [
        ...board.keypad.rows.map((pin, i): [string, string] => ["R" + (i + 1), gpio(pin)]),
        ...board.keypad.columns.map((pin, i): [string, string] => ["C" + (i + 1), gpio(pin)]),
      ],
      behind: "",
    });
  left.push({
    title: "LED",
    note: "with a resistor of 330 ohm",
    terminals:
      board.active.led === "high"
        ? [
            ["+", gpio(board.led)],
            ["-", "GND"],
          ]
        : [
            ["+", "3.3 V"],
            ["-", gpio(board.led)],
          ],
    behind: "",
  });
  if (product.needsAdapter)
    left.push({
      title: "USB serial adapter",
      note: "of 3.3 V: the console",
      terminals: [
        ["TXD", gpio(board.receive)],
        ["RXD", gpio(board.transmit)],
        ["GND", "GND"],
      ],
      behind: "",
    });
  const right: Part[] = board.relays.map((pin, i) => ({
    title: board.relays.length > 1 ? "relay module " + (i + 1) : "relay module",
    note: "off while IN is " + (board.active.relays === "high" ? "low" : "high") + " or open",
    terminals: [
      ["IN", gpio(pin)],
      ["VCC", "5 V"],
      ["GND", "GND"],
    ],
    behind: "lock",
  }));
  if (board.alarm >= 0)
    right.push({
      title: "alarm output",
      note: "a module's input: on while " + board.active.alarm,
      terminals: [
        ["IN", gpio(board.alarm)],
        ["GND", "GND"],
      ],
      behind: "siren",
    });
  if (board.codec === "") {
    const { bclk, ws, dout = -1, din = -1 } = board.i2s;
    right.push(
      {
        title: "I2S microphone",
        note: "in the left slot",
        terminals: [
          ["SCK", gpio(bclk)],
          ["WS", gpio(ws)],
          ["SD", gpio(din)],
          ["L/R", "GND"],
          ["VDD", "3.3 V"],
          ["GND", "GND"],
        ],
        behind: "",
      },
      {
        title: "I2S amplifier",
        note: "",
        terminals: [
          ["BCLK", gpio(bclk)],
          ["LRC", gpio(ws)],
          ["DIN", gpio(dout)],
          ["VIN", "5 V"],
          ["GND", "GND"],
        ],
        behind: "speaker",
      },
    );
  }
  return { left, right };
}

// Sizes of the picture, in its own units.
const ROW = 24;
const GAP = 30;
const HEAD = 26;
const PART_WIDTH = 170;
const LEFT_X = 20;
const BOARD_X = 300;
const BOARD_WIDTH = 220;
const RIGHT_X = BOARD_X + BOARD_WIDTH + (BOARD_X - LEFT_X - PART_WIDTH);
const BEHIND_X = RIGHT_X + PART_WIDTH + 70;
const BEHIND_WIDTH = 110;
const WIDTH = BEHIND_X + BEHIND_WIDTH + 20;
const TOP = 60;

const text = (x: number, y: number, value: string, extra = "") =>
  '<text x="' + x + '" y="' + y + '"' + extra + ">" + value + "</text>\n";
const box = (x: number, y: number, width: number, height: number) =>
  '<rect x="' + x + '" y="' + y + '" width="' + width + '" height="' + height + '" rx="4" class="b"/>\n';
const line = (x1: number, y1: number, x2: number, y2: number, kind: string) =>
  '<path d="M' + x1 + " " + y1 + "L" + x2 + " " + y2 + '" class="' + kind + '"/>\n';
const kindOf = (pin: string) => (pin === "GND" ? "g" : pin.endsWith(" V") ? "v" : "w");

/**
 * Draws parts from top to bottom on one side of the board, each terminal with a straight wire. @returns the drawing and
 * its lower end
 */
function column(parts: readonly Part[], isLeft: boolean): [string, number] {
  let out = "";
  let y = TOP;
  for (const part of parts) {
    const x = isLeft ? LEFT_X : RIGHT_X;
    const height = part.terminals.length * ROW;
    out += text(x, y + 14, part.title, ' class="t"');
    y += HEAD;
    out += box(x, y, PART_WIDTH, height);
    if (part.note !== "") out += text(x, y + height + 16, part.note, ' class="n"');
    part.terminals.forEach(([terminal, pin], i) => {
      const at = y + i * ROW + ROW / 2;
      const [inner, outer] = isLeft ? [x + PART_WIDTH, BOARD_X] : [x, BOARD_X + BOARD_WIDTH];
      out += line(inner, at, outer, at, kindOf(pin));
      out += text(isLeft ? inner - 8 : inner + 8, at + 5, terminal, isLeft ? ' class="e"' : "");
      out += text(isLeft ? outer + 8 : outer - 8, at + 5, pin, isLeft ? "" : ' class="e"');
    });
    if (part.behind !== "") {
      const [first, second] = [y + ROW / 2, y + height - ROW / 2];
      out += box(BEHIND_X, y, BEHIND_WIDTH, height);
      out += text(BEHIND_X + BEHIND_WIDTH / 2, y + height / 2 + 5, part.behind, ' class="m"');
      for (const at of [first, second]) out += line(x + PART_WIDTH, at, BEHIND_X, at, "w");
      const isLock = part.behind === "lock";
      out += text(x + PART_WIDTH - 8, first + 5, isLock ? "COM" : "+", ' class="e"');
      out += text(x + PART_WIDTH - 8, second + 5, isLock ? "NO" : "-", ' class="e"');
      if (isLock) out += text(BEHIND_X, y + height + 16, "own supply, diode", ' class="n"');
    }
    y += height + GAP;
  }
  return [out, y];
}

export function pictureOf(name: string, board: Board): string {
  const product = PRODUCTS[name];
  const { left, right } = partsOf(board, product);
  const [leftSide, leftEnd] = column(left, true);
  const [rightSide, rightEnd] = column(right, false);
  const end = Math.max(leftEnd, rightEnd, TOP + 200);
  const title = "Wiring of " + product.name;
  const onBoard = [
    product.chip,
    ...(board.codec === "" ? [] : [board.codec + ", microphone and speaker on the board"]),
    ...(product.needsAdapter ? [] : ["the console is the board's USB socket"]),
  ];
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ' +
    WIDTH +
    " " +
    end +
    '" font-family="sans-serif" font-size="13">\n' +
    "<title>" +
    title +
    "</title>\n" +
    "<style>text{fill:#222}.t{font-weight:bold}.n{font-size:11px;fill:#555}.e{text-anchor:end}.m{text-anchor:middle}" +
    ".b{fill:#f6f6f6;stroke:#222;stroke-width:1.5}.w,.g,.v{fill:none;stroke:#06c;stroke-width:2}.g{stroke:#222}.v{stroke:#c00}</style>\n" +
    '<rect width="' +
    WIDTH +
    '" height="' +
    end +
    '" fill="#fff"/>\n' +
    text(LEFT_X, 28, title, ' class="t" font-size="16"') +
    box(BOARD_X, TOP, BOARD_WIDTH, end - TOP - 14) +
    text(LEFT_X, 46, onBoard.join("; "), ' class="n"') +
    leftSide +
    rightSide +
    "</svg>\n"
  );
}

/** @returns for each path within the project the content that is current */
export async function current(): Promise<Map<string, string>> {
  const boards: [string, Board][] = [];
  for (const name of Object.keys(PRODUCTS)) boards.push([name, await load(name)]);
  const out = new Map(boards.map(([name, board]) => ["docs/wiring-" + name + ".svg", pictureOf(name, board)]));
  out.set("docs/wiring-entrance.svg", pictureOf(ENTRANCE, await load(ENTRANCE, ENTRANCE_PINS)));
  const entrance = Object.entries(ENTRANCE_PINS).map(([name, pin]) => '    "' + name + '": ' + pin);
  const pinned = between(readDocument(PINS[0]), PINS, tableOf(boards));
  out.set(PINS[0], between(pinned, ENTRANCE_LINES, entrance.join(",\n") + "\n"));
  return out.set(BOARDS[0], between(readDocument(BOARDS[0]), BOARDS, abilitiesOf(boards)));
}

function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** @returns the document with a text between its marks */
function between(document: string, [path, begin, end]: readonly [string, string, string], table: string): string {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(path + " has lost its marks: " + begin.trim());
  return document.slice(0, from) + begin + "\n" + table + "\n" + document.slice(to);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename)
  for (const [path, content] of await current()) writeFileSync(join(ROOT, path), content);
