/**
 * Shows the ladder: a column a party, an arrow a message, states and sound between them. Only the rows in sight are
 * drawn, so that a hundred thousand cost no more than twenty. Not here: one message as a whole (message.tsx).
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Item, MessageItem } from "../protocol.js";
import { explainMessage, explainState } from "../words/index.js";
import { useKept, useLink } from "./hooks.js";
import { link } from "./link.js";
import { MessageView } from "./message.js";
import { Sentence, type Translate, useWords, wordOr } from "./words.js";

const ROW_PX = 30;
const EXPLAINED_PX = 62;
const BEYOND = 6;
/** The last calls, of which each can be shown alone. */
const CALLS_SHOWN = 50;
const PARTIES = /^(door|server|phone\d?)$/;
/** The roles that a sender may have for a message; each has a hue of its own. */
const ROLES = ["agent", "registrar", "proxy"] as const;
const HUES = [212, 152, 28, 286, 338, 188, 48, 256];

export function Ladder() {
  const t = useWords();
  useLink("items", "house");
  const [filter, setFilter] = useState("all");
  const [colour, setColour] = useKept("colour", "kind");
  const [explains, setExplains] = useKept("explain", "off");
  const [chosen, choose] = useState(0);
  const count = link.items.length;
  const last = link.items[count - 1];
  const growth = last?.kind === "band" ? last.until : 0;
  const items = useMemo(() => filtered(link.items, filter), [count, growth, filter, last]);
  // The list of all rows grows in place: of a hundred thousand only the new ones are read.
  const parties = useMemo(() => new Parties(), []);
  const columns = parties.columnsOf(items);
  const begun = useMemo(() => new Calls(), []);
  const calls = begun.callsOf(link.items);
  const item = chosen > 0 ? items.find(({ id }) => id === chosen) : undefined;
  const move = (by: number): void => {
    const at = items.findIndex(({ id }) => id === chosen);
    const next = items[Math.max(0, Math.min(items.length - 1, (at < 0 ? items.length : at) + by))];
    if (next !== undefined) choose(next.id);
  };
  return (
    <section class="card ladder">
      <div class="card-head">
        <h2>{t("ladder.title")}</h2>
        <label class="pick">
          <span>{t("ladder.filter")}</span>
          <select value={filter} onChange={(event) => setFilter(event.currentTarget.value)}>
            <option value="all">{t("ladder.all")}</option>
            <option value="calls">{t("ladder.calls")}</option>
            <option value="REGISTER">{t("ladder.registrations")}</option>
            {calls.map(({ call, ms, n }) => (
              <option key={call} value={"call " + call}>
                {t("ladder.call", { n, t: (ms / 1000).toFixed(1) })}
              </option>
            ))}
          </select>
        </label>
        <label class="pick">
          <span>{t("ladder.colour")}</span>
          <select value={colour} onChange={(event) => setColour(event.currentTarget.value)}>
            <option value="kind">{t("ladder.colour.kind")}</option>
            <option value="transaction">{t("ladder.colour.transaction")}</option>
            <option value="dialog">{t("ladder.colour.dialog")}</option>
            <option value="role">{t("ladder.colour.role")}</option>
          </select>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={explains === "on"}
            onChange={(event) => setExplains(event.currentTarget.checked ? "on" : "off")}
          />
          <span>{t("ladder.explain")}</span>
        </label>
        <details class="menu">
          <summary>{t("ladder.export")}</summary>
          <div>
            {(["pcap", "txt", "svg", "mmd"] as const).map((format) => (
              <a key={format} href={"/export/ladder." + format} download={"ladder." + format}>
                {{ pcap: "pcap", txt: "Text", svg: "SVG", mmd: "Mermaid" }[format]}
              </a>
            ))}
          </div>
        </details>
      </div>
      <Rows
        items={items}
        columns={columns}
        colour={colour}
        explains={explains === "on"}
        chosen={chosen}
        onChoose={choose}
        onMove={move}
      />
      {item !== undefined && <MessageView key={item.id} item={item} onClose={() => choose(0)} onMove={move} />}
    </section>
  );
}

interface RowsProps {
  items: readonly Item[];
  columns: readonly string[];
  colour: string;
  explains: boolean;
  chosen: number;
  onChoose(id: number): void;
  onMove(by: number): void;
}

function Rows({ items, columns, colour, explains, chosen, onChoose, onMove }: RowsProps) {
  const t = useWords();
  const list = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [isAtEnd, setAtEnd] = useState(true);
  const rowPx = explains ? EXPLAINED_PX : ROW_PX;
  useEffect(() => {
    const element = list.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = list.current;
    if (element !== null && isAtEnd) element.scrollTop = element.scrollHeight;
  }, [items.length, isAtEnd, height, rowPx]);
  // A row that was chosen by keys is scrolled into sight.
  useEffect(() => {
    const element = list.current;
    const at = items.findIndex(({ id }) => id === chosen);
    if (element === null || at < 0) return;
    setAtEnd(false);
    if (at * rowPx < element.scrollTop) element.scrollTop = at * rowPx;
    else if ((at + 1) * rowPx > element.scrollTop + element.clientHeight)
      element.scrollTop = (at + 1) * rowPx - element.clientHeight;
  }, [chosen, rowPx, height]);
  const onScroll = (): void => {
    const element = list.current;
    if (element === null) return;
    setTop(element.scrollTop);
    setAtEnd(element.scrollTop + element.clientHeight >= element.scrollHeight - rowPx);
  };
  const onKey = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / rowPx) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      onMove(by);
    } else if (event.key === "Escape") onChoose(0);
  };
  const first = Math.max(0, Math.floor(top / rowPx) - BEYOND);
  const end = Math.min(items.length, Math.ceil((top + height) / rowPx) + BEYOND);
  const shown = items.slice(first, end);
  return (
    <>
      <div class="columns" aria-hidden="true">
        <span />
        <div class="lanes">
          {columns.map((name, index) => (
            <span key={name} style={{ left: place(index, columns.length) + "%" }}>
              <b>{name}</b>
              <small>{roleOf(t, name)}</small>
            </span>
          ))}
        </div>
      </div>
      <div
        ref={list}
        class="rows"
        role="listbox"
        tabIndex={0}
        aria-label={t("ladder.list")}
        aria-activedescendant={chosen > 0 ? "row-" + chosen : undefined}
        onScroll={onScroll}
        onKeyDown={onKey}
      >
        <div class="all" style={{ height: items.length * rowPx + "px" }} role="presentation">
          {shown.map((item, index) => (
            <div
              key={item.id}
              id={"row-" + item.id}
              class={"rung " + item.kind + (item.id === chosen ? " chosen" : "")}
              role="option"
              aria-selected={item.id === chosen}
              aria-setsize={items.length}
              aria-posinset={first + index + 1}
              style={{ transform: `translateY(${(first + index) * rowPx}px)`, height: rowPx + "px" }}
              onClick={() => onChoose(item.id === chosen ? 0 : item.id)}
            >
              <span class="at">{(item.t / 1000).toFixed(3)}</span>
              <span class="unseen">{spoken(t, item)}</span>
              <Lanes item={item} columns={columns} colour={colour} />
              {explains && (
                <span class="why">
                  <Sentence of={keyOf(item)} />
                </span>
              )}
            </div>
          ))}
        </div>
        {items.length === 0 && <p class="quiet">{t("ladder.empty")}</p>}
      </div>
      <div class="rows-foot">
        <span>{t("ladder.rows", { n: items.length })}</span>
        {colour === "role" &&
          ROLES.map((role, index) => (
            <span key={role} class="role-key" style={{ "--hue": String(HUES[index]) }}>
              {role === "proxy"
                ? t(link.house?.mode.server === "redirect" ? "role.redirect" : "role.proxy")
                : t(`role.${role}`)}
            </span>
          ))}
        {!isAtEnd && (
          <button
            type="button"
            class="small"
            onClick={() => {
              onChoose(0);
              setAtEnd(true);
            }}
          >
            ↓ {t("ladder.newest")}
          </button>
        )}
      </div>
    </>
  );
}

function Lanes({ item, columns, colour }: { item: Item; columns: readonly string[]; colour: string }) {
  const t = useWords();
  const count = columns.length;
  const lines = columns.map((name, index) => <i key={name} class="life" style={{ left: place(index, count) + "%" }} />);
  if (item.kind === "state") {
    const at = place(Math.max(0, columns.indexOf(item.who)), count);
    // Text in the right half is written to the left of its line.
    const isRight = at > 55;
    const style = isRight ? { right: 100 - at + "%" } : { left: at + "%" };
    const tone =
      item.event === "error" || item.event === "timer" || item.value === "failed"
        ? " bad"
        : item.who === "network"
          ? " network"
          : "";
    return (
      <div class="lanes">
        {lines}
        <span class={"mark" + tone + (isRight ? " right" : "")} style={style}>
          <em>{item.event + " " + item.value}</em>
          {item.note !== "" && <small>{item.note}</small>}
        </span>
      </div>
    );
  }
  const [from, to] = [place(columns.indexOf(item.from), count), place(columns.indexOf(item.to), count)];
  const box = { left: Math.min(from, to) + "%", width: Math.max(Math.abs(to - from), 0.1) + "%" };
  if (item.kind === "band") {
    const { there, back } = item;
    const jitterMs = Math.max(there.jitterMs, back.jitterMs);
    const lost = there.lost + back.lost;
    return (
      <div class="lanes">
        {lines}
        <span class={"sound-band" + (lost > 0 ? " lossy" : "")} style={box}>
          <span>{t("ladder.band", { s: ((item.until - item.t) / 1000).toFixed(1) })}</span>
          <span>{t("ladder.packets", { n: there.packets + back.packets })}</span>
          <span>{t("ladder.lost", { n: lost })}</span>
          <span>{t("ladder.jitter", { n: jitterMs.toFixed(1) })}</span>
          <span>{t("ladder.level", { n: Math.round(Math.max(there.level, back.level)) })}</span>
        </span>
      </div>
    );
  }
  let tone = item.status === 0 ? " request" : item.status < 400 ? " good" : " bad";
  let hue: string | undefined;
  if (item.isAgain) tone = " again";
  else if (colour !== "kind") {
    tone = " hued";
    const own = hash(item.call + (colour === "transaction" ? item.cseq : "")) % HUES.length;
    hue = String(HUES[colour === "role" ? ROLES.indexOf(roleIn(item)) : own]);
  }
  return (
    <div class="lanes">
      {lines}
      <span class={"arrow" + tone + (to < from ? " back" : "")} style={{ ...box, "--hue": hue }}>
        <span class="label">
          {item.isAgain && (
            <small>({t("ladder.again") + (item.timer === "" ? "" : ", " + timerName(t, item.timer))}) </small>
          )}
          {item.text}
          {item.isTcp && <small>{item.isTls ? " TLS" : " TCP"}</small>}
        </span>
      </span>
    </div>
  );
}

function timerName(t: Translate, timer: string): string {
  return timer === "2xx" ? t("ladder.untilack") : t("ladder.timer", { timer });
}

/** @returns the sender's role for a message: an agent at an end, the registrar, or the proxy that passes calls on */
function roleIn(item: MessageItem): (typeof ROLES)[number] {
  if (item.from !== "server") return "agent";
  return item.method === "REGISTER" ? "registrar" : "proxy";
}

/** @returns the place of a column, percent: the outer columns stand away from the edges */
function place(index: number, count: number): number {
  return count < 2 ? 50 : 8 + (index * 84) / (count - 1);
}

function hash(text: string): number {
  let sum = 7;
  for (let i = 0; i < text.length; i++) sum = (Math.imul(sum, 31) + text.charCodeAt(i)) | 0;
  return sum >>> 0;
}

function roleOf(t: Translate, name: string): string {
  if (name === "server") return wordOr(t, "role.server." + (link.house?.mode.server ?? "proxy"), "");
  return name === "door" ? t("role.door") : /^(soft)?phone/.test(name) ? t("role.phone") : "";
}

export function keyOf(item: Item) {
  if (item.kind === "message") return explainMessage(item.method, item.status, item.isAgain, item.timer);
  return item.kind === "band" ? "band" : explainState(item.event, item.value);
}

/** @returns the words for what the place of an arrow shows to the eye */
function spoken(t: Translate, item: Item): string {
  return item.kind === "state" ? item.who + ":" : t("ladder.from", { from: item.from, to: item.to });
}

/** Reads each row of a growing list once, and all of them anew when it is another list, or its rows were rewritten. */
abstract class Reader {
  private list: readonly Item[] = [];
  private at = 0;
  private rewritten = -1;

  protected readNew(items: readonly Item[]): void {
    if (items !== this.list || items.length < this.at || link.rewritten !== this.rewritten) {
      this.list = items;
      this.at = 0;
      this.rewritten = link.rewritten;
      this.clear();
    }
    while (this.at < items.length) this.read(items[this.at++]);
  }

  protected abstract clear(): void;
  protected abstract read(item: Item): void;
}

/** Collects the columns: the door, the server, the phones, then others as they came. */
class Parties extends Reader {
  private readonly seen = new Set<string>();
  private columns: string[] = [];

  columnsOf(items: readonly Item[]): readonly string[] {
    this.readNew(items);
    if (this.columns.length !== this.seen.size)
      this.columns = [...this.seen].sort((a, b) => rank(a) - rank(b) || (rank(a) === 2 ? a.localeCompare(b) : 0));
    return this.columns;
  }

  protected clear(): void {
    this.seen.clear();
    this.columns = [];
  }

  protected read(item: Item): void {
    if (item.kind === "state") return;
    this.seen.add(item.from);
    this.seen.add(item.to);
  }
}

function rank(name: string): number {
  return name === "door" ? 0 : name === "server" ? 1 : PARTIES.test(name) ? 2 : 3;
}

/** Collects the calls, by the INVITE that began them. */
class Calls extends Reader {
  private readonly calls = new Map<string, number>();

  /** @returns the last calls: Call-ID, begin, and number */
  callsOf(items: readonly Item[]): { call: string; ms: number; n: number }[] {
    this.readNew(items);
    return [...this.calls].map(([call, ms], index) => ({ call, ms, n: index + 1 })).slice(-CALLS_SHOWN);
  }

  protected clear(): void {
    this.calls.clear();
  }

  protected read(item: Item): void {
    if (item.kind !== "message" || item.method !== "INVITE" || this.calls.has(item.call)) return;
    this.calls.set(item.call, item.t);
  }
}

function filtered(items: readonly Item[], filter: string): readonly Item[] {
  if (filter === "all") return items;
  if (filter === "calls") return items.filter((item) => !isRegistration(item));
  if (filter === "REGISTER") return items.filter(isRegistration);
  const call = filter.slice("call ".length);
  let [from, until] = [Infinity, -Infinity];
  for (const item of items) {
    if (item.kind !== "message" || item.call !== call) continue;
    from = Math.min(from, item.t);
    until = Math.max(until, item.t);
  }
  // The states that the parties reported meanwhile belong to the call.
  return items.filter((item) =>
    item.kind === "message" ? item.call === call : !isRegistration(item) && item.t >= from && item.t <= until + 100,
  );
}

function isRegistration(item: Item): boolean {
  if (item.kind === "message") return item.method === "REGISTER";
  return item.kind === "state" && (item.event === "register" || item.event === "register2");
}
