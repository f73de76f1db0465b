/** Writes the ladder as files: text, SVG, Mermaid and pcap. Not here: its content (journal.ts). */
import { seconds } from "../world/events.js";
import { Pcap } from "../world/pcap.js";
import type { Journal } from "./journal.js";
import type { Item } from "./protocol.js";

export const FORMATS = ["txt", "svg", "mmd", "pcap"] as const;
export type Format = (typeof FORMATS)[number];

export const TYPE_OF_FORMAT: Record<Format, string> = {
  txt: "text/plain; charset=utf-8",
  svg: "image/svg+xml",
  mmd: "text/plain; charset=utf-8",
  pcap: "application/vnd.tcpdump.pcap",
};
/** A picture or a text of more rows than this is of no use; the last rows are in it. */
const ROWS_MAX = 2000;

/** @param epochMs the time that 0 ms stands for, in ms since 1970 */
export function exported(journal: Journal, format: Format, epochMs: number): Buffer {
  if (format === "pcap") return pcapOf(journal, epochMs);
  const items = journal.items.slice(-ROWS_MAX);
  const text = format === "txt" ? textOf(items) : format === "svg" ? svgOf(items) : mermaidOf(items);
  return Buffer.from(text, "utf8");
}

/** @returns the parties in the order of the columns: the door, the server, the phones, then others as they came */
export function columnsOf(items: readonly Item[]): string[] {
  const seen = new Set<string>();
  for (const item of items) {
    if (item.kind === "state") continue;
    seen.add(item.from);
    seen.add(item.to);
  }
  const rank = (name: string): number =>
    name === "door" ? 0 : name === "server" ? 1 : /^phone\d?$/.test(name) ? 2 : 3;
  return [...seen].sort((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? a.localeCompare(b) : 0));
}

function pcapOf(journal: Journal, epochMs: number): Buffer {
  const pieces: Uint8Array[] = [];
  const pcap = new Pcap((bytes) => pieces.push(bytes), epochMs);
  for (const packet of journal.carriedPackets) pcap.message(packet);
  pcap.close();
  return Buffer.concat(pieces);
}

/** @returns the text that stands at an arrow, at a state or at a band */
export function labelOf(item: Item): string {
  if (item.kind === "message")
    return item.text + (item.isTls ? " (TLS)" : item.isTcp ? " (TCP)" : "") + (item.isAgain ? " (again)" : "");
  if (item.kind === "state") return item.event + " " + item.value + (item.note === "" ? "" : " (" + item.note + ")");
  const { there, back } = item;
  const length = ((item.until - item.t) / 1000).toFixed(1) + " s";
  return "RTP " + length + ", packets " + there.packets + "/" + back.packets + ", lost " + there.lost + "/" + back.lost;
}

function textOf(items: readonly Item[]): string {
  let out = "";
  for (const item of items) {
    const way = item.kind === "state" ? item.who : item.from + (item.kind === "band" ? " <=> " : " -> ") + item.to;
    out += seconds(item.t) + "  " + way.padEnd(18) + "  " + labelOf(item) + "\n";
  }
  return out;
}

/** The syntax is that of https://mermaid.js.org/syntax/sequenceDiagram.html. */
function mermaidOf(items: readonly Item[]): string {
  const columns = columnsOf(items);
  const alias = (name: string): string => "p" + columns.indexOf(name);
  // A semicolon or a # would end the line or begin an entity.
  const text = (label: string): string =>
    label
      .replace(/#/g, "#35;")
      .replace(/;/g, "#59;")
      .replace(/[\r\n]/g, " ");
  let out = "sequenceDiagram\n";
  for (const name of columns) out += "  participant " + alias(name) + " as " + text(name) + "\n";
  for (const item of items) {
    if (item.kind === "state") {
      if (columns.includes(item.who)) out += "  Note over " + alias(item.who) + ": " + text(labelOf(item)) + "\n";
    } else if (item.kind === "band") {
      const over = item.from === item.to ? alias(item.from) : alias(item.from) + "," + alias(item.to);
      out += "  Note over " + over + ": " + text(labelOf(item)) + "\n";
    } else {
      const arrow = item.isAgain ? "-->>" : "->>";
      out +=
        "  " +
        alias(item.from) +
        arrow +
        alias(item.to) +
        ": " +
        text(seconds(item.t).trim() + " " + labelOf(item)) +
        "\n";
    }
  }
  return out;
}

const COLUMN_PX = 260;
const LEFT_PX = 90;
const ROW_PX = 26;
const HEAD_PX = 48;

function svgOf(items: readonly Item[]): string {
  const columns = columnsOf(items);
  const width = LEFT_PX + Math.max(1, columns.length) * COLUMN_PX;
  const height = HEAD_PX + (items.length + 1) * ROW_PX;
  const x = (name: string): number => LEFT_PX + COLUMN_PX / 2 + columns.indexOf(name) * COLUMN_PX;
  const lines: string[] = [];
  for (const name of columns) {
    lines.push(`<text class="name" x="${x(name)}" y="24" text-anchor="middle">${xml(name)}</text>`);
    lines.push(`<line class="life" x1="${x(name)}" y1="34" x2="${x(name)}" y2="${height - 8}"/>`);
  }
  items.forEach((item, index) => {
    const y = HEAD_PX + (index + 1) * ROW_PX;
    lines.push(
      `<text class="time" x="${LEFT_PX - 18}" y="${y + 4}" text-anchor="end">${seconds(item.t).trim()}</text>`,
    );
    if (item.kind === "state") {
      const at = columns.includes(item.who) ? x(item.who) : LEFT_PX;
      lines.push(`<circle class="state" cx="${at}" cy="${y}" r="4"/>`);
      lines.push(`<text class="state" x="${at + 10}" y="${y + 4}">${xml(labelOf(item))}</text>`);
      return;
    }
    const [a, b] = [x(item.from), x(item.to)];
    const middle = (a + b) / 2;
    if (item.kind === "band") {
      const left = Math.min(a, b);
      lines.push(`<rect class="band" x="${left}" y="${y - 9}" width="${Math.abs(a - b)}" height="18" rx="9"/>`);
      lines.push(`<text class="band" x="${middle}" y="${y + 4}" text-anchor="middle">${xml(labelOf(item))}</text>`);
      return;
    }
    const tone = item.isAgain ? "again" : item.status === 0 ? "request" : item.status < 400 ? "good" : "bad";
    const head = b >= a ? b - 7 : b + 7;
    lines.push(`<line class="${tone}" x1="${a}" y1="${y}" x2="${b}" y2="${y}"/>`);
    lines.push(`<path class="${tone}" d="M${b} ${y}L${head} ${y - 4}V${y + 4}Z"/>`);
    lines.push(
      `<text class="${tone}" x="${middle}" y="${y - 5}" text-anchor="middle">${xml(cut(labelOf(item)))}</text>`,
    );
  });
  const style =
    "text{font:12px ui-monospace,monospace;fill:#1c2430}.name{font-weight:700;font-size:14px}.time{fill:#6b7684}" +
    ".life{stroke:#c9d1da}.request{stroke:#1f5fbf;fill:#1f5fbf}.good{stroke:#1c7c4a;fill:#1c7c4a}.bad{stroke:#b3261e;fill:#b3261e}" +
    ".again{stroke:#98a2ad;fill:#98a2ad}text.request,text.good,text.bad,text.again{stroke:none}circle.state{fill:#8250df}" +
    "text.state{fill:#6639ba}rect.band{fill:#d9f0e3}text.band{fill:#14613a}";
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n<style>${style}</style>\n` +
    `<rect width="100%" height="100%" fill="#fff"/>\n${lines.join("\n")}\n</svg>\n`
  );
}

function cut(label: string): string {
  return label.length > 34 ? label.slice(0, 22) + "…" + label.slice(-11) : label;
}

function xml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
