/**
 * The page's end of the WebSocket: it keeps the state and the events of the house for all parts of the page, and sends
 * orders and takes their answers. When the simulator goes away it says so, and tries again. Not here: sound (audio.ts),
 * what is shown.
 */
import type { HouseState, Item, Meter, Order, RawLine, Stats, ToPage } from "../protocol.js";

const RETRY_MS = 1000;
/** The number of rows that the page keeps. */
const ITEMS_MAX = 120_000;
const PRINTED_MAX = 20_000;
const STATS_KEPT = 180;

export interface Answer {
  ok: boolean;
  text: string;
  raw?: RawLine[];
}

export class Link {
  house: HouseState | null = null;
  items: Item[] = [];
  /** Counts how often rows in the middle of the list changed: a party got a name, or old rows went. */
  rewritten = 0;
  stats: Stats[] = [];
  meters: { door: Meter; phone: Meter } = {
    door: { microphone: -99, speaker: -99 },
    phone: { microphone: -99, speaker: -99 },
  };
  /** The page's number at the simulator. */
  page = 0;
  isOpen = false;
  /** The link was open before. */
  wasOpen = false;
  /** A problem that belongs to no order. */
  problem = "";
  onSound: (octet: number, samples: Int16Array) => void = () => {};
  /** The text that the console printed before anybody looked at it. */
  printed = "";
  onConsole: (text: string) => void = (text) => {
    this.printed = (this.printed + text).slice(-PRINTED_MAX);
  };
  private socket: WebSocket | null = null;
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private readonly indexOf = new Map<number, number>();
  private lastId = 0;
  private nowMs = 0;
  private nowAtMs = 0;

  start(): void {
    const socket = new WebSocket("ws://" + location.host + "/events");
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.take(JSON.parse(data) as ToPage);
      else {
        const view = new DataView(data as ArrayBuffer);
        this.onSound(view.getUint8(0), new Int16Array(data as ArrayBuffer, 2));
      }
    };
    socket.onclose = () => {
      this.isOpen = false;
      for (const answer of this.waiting.values()) answer({ ok: false, text: "" });
      this.waiting.clear();
      this.tell("link");
      setTimeout(() => this.start(), RETRY_MS);
    };
  }

  /** The house's time, ms. */
  now(): number {
    const time = this.house?.time;
    if (time === undefined || !this.isOpen || time.isPaused) return this.nowMs;
    return this.nowMs + (performance.now() - this.nowAtMs) * (time.isVirtual ? time.speed : 1);
  }

  order(order: Order): Promise<Answer> {
    const { socket } = this;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return Promise.resolve({ ok: false, text: "" });
    const id = ++this.lastId;
    socket.send(JSON.stringify({ id, ...order }));
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  /** Sends keys, which get no answer. */
  keys(text: string, columns: number): void {
    if (this.socket?.readyState === WebSocket.OPEN)
      this.socket.send(JSON.stringify({ id: 0, do: "keys", text, columns }));
  }

  sound(octet: number, samples: Int16Array): void {
    const { socket } = this;
    if (socket === null || socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > 65536) return;
    const frame = new Uint8Array(2 + samples.byteLength);
    frame[0] = octet;
    frame.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), 2);
    socket.send(frame);
  }

  /** @param what house, items, meters, stats, link or problem @returns the function that ends the listening */
  listen(what: string, listener: () => void): () => void {
    const set = this.listeners.get(what) ?? new Set();
    this.listeners.set(what, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  private take(message: ToPage): void {
    switch (message.type) {
      case "hello":
        this.isOpen = this.wasOpen = true;
        this.page = message.page;
        this.house = message.house;
        this.setNow(message.now);
        this.items = [];
        this.indexOf.clear();
        this.add(message.items);
        this.problem = "";
        this.tell("link");
        this.tell("house");
        this.tell("items");
        return;
      case "house":
        this.house = message.house;
        this.setNow(message.now);
        this.tell("house");
        return;
      case "items":
        this.setNow(message.now);
        this.add(message.items);
        this.tell("items");
        return;
      case "meters":
        this.meters = message;
        this.tell("meters");
        return;
      case "stats":
        // A new house begins with its own time.
        if (this.stats.length > 0 && this.stats[this.stats.length - 1].t > message.stats.t) this.stats = [];
        this.stats = [...this.stats.slice(1 - STATS_KEPT), message.stats];
        this.tell("stats");
        return;
      case "console":
        this.onConsole(message.text);
        return;
      case "answer":
        this.waiting.get(message.id)?.(message);
        this.waiting.delete(message.id);
        return;
      case "problem":
        this.problem = message.text;
        this.tell("problem");
        return;
    }
  }

  private add(items: readonly Item[]): void {
    for (const item of items) {
      const at = this.indexOf.get(item.id);
      if (at === undefined) this.indexOf.set(item.id, this.items.push(item) - 1);
      else {
        this.items[at] = item;
        if (item.kind === "message") this.rewritten += 1;
      }
    }
    if (this.items.length <= ITEMS_MAX) return;
    this.items.splice(0, ITEMS_MAX >> 3);
    this.rewritten += 1;
    this.indexOf.clear();
    for (const [at, item] of this.items.entries()) this.indexOf.set(item.id, at);
  }

  private setNow(ms: number): void {
    this.nowMs = ms;
    this.nowAtMs = performance.now();
  }

  private tell(what: string): void {
    for (const listener of this.listeners.get(what) ?? []) listener();
  }
}

export const link = new Link();
