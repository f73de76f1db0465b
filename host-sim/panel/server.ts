/**
 * The panel's server: it serves the page by HTTP, and sends everything that happens by one WebSocket a page, on
 * 127.0.0.1 only. A browser opens any page that somebody sends its owner, so Host must be ours (no foreign name leads
 * here), and so must Origin. Input is read strictly and in limits; refused input is counted. Not here: the house
 * (world.ts), the orders of a page (protocol.ts).
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { jsonSchema } from "../configuration.js";
import { consoleLine, type SimEvent } from "../world/events.js";
import { FORMATS, TYPE_OF_FORMAT } from "./exports.js";
import { type PageFile, pageFiles } from "./files.js";
import { type ButtonName, type Item, type Order, octetOf, readOrder, type ToPage } from "./protocol.js";
import type { ConsoleSeat, PanelWorld } from "./world.js";

const ADDRESS = "127.0.0.1";
/**
 * The names of this machine, in a Host or Origin: no name server is asked for them. 0.0.0.0, which people copy from
 * `net.address`, leads a browser to this machine too.
 */
const LOOPBACK = /^(localhost\.?|0\.0\.0\.0|127(?:\.\d{1,3}){3})(?::(\d{1,5}))?$/i;
const FIRST_PORT = 8080;
/** The number of ports that are tried when the first is in use. */
const PORTS = 20;
/** The number of pages at once. */
export const PAGES = 64;
/** The number of connections at once, of pages and of what they load. */
const CONNECTIONS = 256;
/** The longest message of a page: a line, a few keys, 100 ms of sound. */
const MESSAGE_BYTES = 8192;
/** A page that asks for more than this in a second is sent away: a person with a microphone sends some 60. */
const MESSAGES_A_SECOND = 400;
/**
 * Limits of what a page has not read yet: beyond the first it gets no sound and no meters, beyond the second it is sent
 * away.
 */
const SLOW_BYTES = 262_144;
const STUCK_BYTES = 16_777_216;
/** Items and states are sent at most once in this time. */
const TELL_MS = 40;
const METER_MS = 100;
const STATS_MS = 1000;
/** The number of items that a page is given when it comes. */
const FIRST_ITEMS = 5000;
const VERSION = 1;
const SAMPLES_MOST = 2000;

const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
    "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

/** One page that is open. */
class Page {
  readonly socket: WebSocket;
  readonly seat: ConsoleSeat;
  readonly pressed = new Set<ButtonName>();
  readonly id: number;
  /** The octet of the party whose loudspeaker it plays; 0: none. */
  octet = 0;
  private second = 0;
  private messages = 0;

  constructor(id: number, socket: WebSocket, seat: (send: (text: string) => void) => ConsoleSeat) {
    this.id = id;
    this.socket = socket;
    this.seat = seat((text) => this.send({ type: "console", text }));
  }

  send(message: ToPage): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    if (this.socket.bufferedAmount > STUCK_BYTES) this.socket.terminate();
    else this.socket.send(text);
  }

  /** Sends data that is worth nothing later; a slow page goes without it. */
  sendFresh(message: string | Uint8Array): void {
    if (this.socket.readyState === WebSocket.OPEN && this.socket.bufferedAmount < SLOW_BYTES) this.socket.send(message);
  }

  /** @returns whether the page asked for too much in this second */
  isTooMuch(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
    }
    this.messages += 1;
    return this.messages > MESSAGES_A_SECOND;
  }
}

export class PanelServer {
  port = 0;
  private readonly world: PanelWorld;
  private readonly http: Server;
  private readonly sockets: WebSocketServer;
  private readonly pages = new Set<Page>();
  private files: Promise<Map<string, PageFile>> | null = null;
  private lastPage = 0;
  private newItems: Item[] = [];
  private grown = new Map<number, Item>();
  private isStateNew = false;
  private lastState = "";
  private tellTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly timers: ReturnType<typeof setInterval>[] = [];

  constructor(world: PanelWorld) {
    this.world = world;
    this.http = createServer((request, response) => void this.serve(request, response));
    this.http.maxConnections = CONNECTIONS;
    this.http.on("clientError", (_error, socket) => socket.destroy());
    this.sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES, perMessageDeflate: false });
    this.http.on("upgrade", (request, socket, head) => this.upgrade(request, socket, head));
    world.listener = {
      onItem: (item) => this.onItem(item),
      onState: () => {
        this.isStateNew = true;
        this.tellSoon();
      },
      onSound: (octet, samples) => this.onSound(octet, samples),
      onTold: (event) => this.onTold(event),
    };
  }

  /**
   * @param port -1: the usual one, or the next that is free; another: that one, or the next that is free; 0: any
   * @returns the line to print: the page's address @throws Error of one line when no port can be had
   */
  async start(port: number): Promise<string> {
    const first = port < 0 ? FIRST_PORT : port;
    for (let at = first; ; at++) {
      const problem = await this.listen(at);
      if (problem === null) break;
      if (problem.code !== "EADDRINUSE" || at - first + 1 >= PORTS || at >= 65535)
        throw new Error("the panel has no port: " + problem.message + ": choose another with --port N");
    }
    this.port = (this.http.address() as AddressInfo).port;
    this.timers.push(
      setInterval(() => this.tellMeters(), METER_MS),
      setInterval(() => this.tellStats(), STATS_MS),
    );
    const moved = this.port !== first && first !== 0 ? " (port " + first + " is in use)" : "";
    return "the panel is at http://" + ADDRESS + ":" + this.port + "/" + moved;
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
    if (this.tellTimer !== null) clearTimeout(this.tellTimer);
    for (const { socket } of this.pages) socket.close(1001, "the simulator ends");
    this.http.close();
    this.http.closeAllConnections();
  }

  private listen(port: number): Promise<NodeJS.ErrnoException | null> {
    return new Promise((resolve) => {
      const onError = (error: NodeJS.ErrnoException): void => resolve(error);
      this.http.once("error", onError);
      this.http.listen({ host: ADDRESS, port, exclusive: true }, () => {
        this.http.off("error", onError);
        this.http.on("error", () => {});
        resolve(null);
      });
    });
  }

  // ---- HTTP ----

  /**
   * Checks that a request is meant for this server, by the name it was asked under, and comes from a page of its own.
   */
  private isOurs(request: IncomingMessage): boolean {
    const { origin } = request.headers;
    const hosts = request.headersDistinct.host ?? [];
    if (hosts.length !== 1 || !this.isName(hosts[0])) return false;
    return origin === undefined || (origin.startsWith("http://") && this.isName(origin.slice("http://".length)));
  }

  /** @param host with its port @returns whether it leads here from this machine only, whatever a name server says */
  private isName(host: string): boolean {
    const [whole, , port = "80"] = LOOPBACK.exec(host) ?? [];
    return whole !== undefined && Number(port) === this.port;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.isOurs(request)) return this.refuse(response, 403, "this host or origin is not served");
    if (request.method !== "GET" && request.method !== "HEAD") return this.refuse(response, 405, "GET only");
    const path = (request.url ?? "/").split("?")[0];
    const wanted = FORMATS.find((format) => path === "/export/ladder." + format);
    if (wanted !== undefined) {
      const name = 'attachment; filename="ladder.' + wanted + '"';
      return this.answer(request, response, TYPE_OF_FORMAT[wanted], this.world.exported(wanted), {
        "Content-Disposition": name,
        "Cache-Control": "no-store",
      });
    }
    if (path === "/door.schema.json")
      return this.answer(request, response, "application/json", Buffer.from(jsonSchema()), {});
    let files: Map<string, PageFile>;
    try {
      this.files ??= pageFiles();
      files = await this.files;
    } catch (error) {
      this.files = null;
      return this.refuse(response, 500, (error as Error).message);
    }
    const file = files.get(path);
    if (file === undefined) return this.refuse(response, 404, "there is no such page");
    const headers = { ETag: file.tag, "Cache-Control": "no-cache" };
    if (request.headers["if-none-match"] === file.tag) {
      response.writeHead(304, { ...HEADERS, ...headers }).end();
      return;
    }
    const takesZip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    const encoding: Record<string, string> = takesZip ? { "Content-Encoding": "gzip", Vary: "Accept-Encoding" } : {};
    this.answer(request, response, file.type, takesZip ? file.zipped : file.plain, { ...headers, ...encoding });
  }

  private answer(
    request: IncomingMessage,
    response: ServerResponse,
    type: string,
    body: Buffer,
    headers: Record<string, string>,
  ): void {
    response.writeHead(200, { ...HEADERS, "Content-Type": type, "Content-Length": body.length, ...headers });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  private refuse(response: ServerResponse, status: number, text: string): void {
    if (status !== 404) this.world.counts.refused += 1;
    response.writeHead(status, { ...HEADERS, "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
    response.end(text + "\n");
  }

  // ---- pages ----

  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    // A program that would rather speak HTTP/2 is answered by what is spoken here (RFC 9110 §7.8).
    if (request.headers.upgrade?.toLowerCase() !== "websocket") {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Socket);
      response.once("finish", () => (socket as Socket).destroySoon());
      void this.serve(request, response);
      return;
    }
    // A browser always says which page opens a socket; a client that says nothing is a program of this machine.
    const isOurs = this.isOurs(request);
    const isPath = request.url === "/events";
    if (!isOurs || !isPath || this.pages.size >= PAGES) {
      this.world.counts.refused += 1;
      const status = !isOurs ? "403 Forbidden" : isPath ? "503 Service Unavailable" : "404 Not Found";
      socket.write("HTTP/1.1 " + status + "\r\nConnection: close\r\n\r\n");
      // A client that never ends its half would keep the connection.
      (socket as Socket).destroySoon();
      return;
    }
    this.sockets.handleUpgrade(request, socket, head, (opened) => this.open(opened));
  }

  private open(socket: WebSocket): void {
    const page = new Page(++this.lastPage, socket, (send) => this.world.seat(send));
    this.pages.add(page);
    this.world.counts.pages = this.pages.size;
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      this.pages.delete(page);
      this.world.counts.pages = this.pages.size;
      // A page that is gone presses no button any more.
      for (const button of page.pressed) void this.world.order({ do: "release", button });
      this.world.seatLaptop(page.id, "nobody");
    });
    socket.on("message", (data, isBinary) => {
      const bytes = Buffer.isBuffer(data) ? data : Buffer.concat(data as Buffer[]);
      if (page.isTooMuch(Date.now())) {
        this.world.counts.refused += 1;
        socket.close(1008, "too much");
      } else if (isBinary) this.hear(page, bytes);
      else void this.take(page, bytes.toString("utf8"));
    });
    const items = this.world.journal.items.slice(-FIRST_ITEMS);
    page.send({
      type: "hello",
      version: VERSION,
      page: page.id,
      items,
      house: this.world.state(),
      now: this.world.now,
    });
  }

  /** Takes sound of the page's microphone: an octet that names the party, and one that is not used, then samples. */
  private hear(page: Page, bytes: Buffer): void {
    const count = (bytes.length - 2) >> 1;
    if (bytes.length < 4 || bytes.length % 2 !== 0 || count > SAMPLES_MOST || page.octet === 0) {
      this.world.counts.refused += 1;
      return;
    }
    const samples = new Int16Array(count);
    for (let i = 0; i < count; i++) samples[i] = bytes.readInt16LE(2 + 2 * i);
    this.world.sound.hear(page.id, bytes[0], samples);
  }

  private async take(page: Page, text: string): Promise<void> {
    const read = readOrder(text);
    if (typeof read === "string") {
      this.world.counts.refused += 1;
      page.send({ type: "problem", text: read });
      return;
    }
    const { id, order } = read;
    const answer = (problem: string, said = ""): void =>
      page.send({ type: "answer", id, ok: problem === "", text: problem || said });
    try {
      if (order.do === "raw") {
        const raw = this.world.raw(order.item);
        if (raw === null) answer("that message is kept no more");
        else page.send({ type: "answer", id, ok: true, text: "", raw });
      } else if (order.do === "keys") page.seat.keys(order.text, order.columns);
      else if (order.do === "line") answer("", page.seat.line(order.line));
      else if (order.do === "laptop") {
        page.octet = octetOf(order.who);
        this.world.seatLaptop(page.id, order.who);
        answer("");
      } else {
        follow(page, order);
        answer(await this.world.order(order));
      }
    } catch (error) {
      answer((error as Error).message);
    }
  }

  // ---- what is told ----

  private onItem(item: Item): void {
    if (this.pages.size === 0) return;
    if (item.kind === "band") this.grown.set(item.id, item);
    else this.newItems.push(item);
    this.tellSoon();
  }

  private tellSoon(): void {
    if (this.tellTimer === null && this.pages.size > 0) this.tellTimer = setTimeout(() => this.tellNow(), TELL_MS);
  }

  private tellNow(): void {
    this.tellTimer = null;
    const { now } = this.world;
    if (this.newItems.length > 0 || this.grown.size > 0) {
      const items = [...this.newItems, ...this.grown.values()].sort((a, b) => a.id - b.id);
      this.newItems = [];
      this.grown.clear();
      this.tell({ type: "items", items, now });
    }
    if (!this.isStateNew) return;
    this.isStateNew = false;
    const house = this.world.state();
    const text = JSON.stringify(house);
    if (text === this.lastState) return;
    this.lastState = text;
    this.tell({ type: "house", house, now });
  }

  /** Writes the message once, and sends it to all pages. */
  private tell(message: ToPage): void {
    const text = JSON.stringify(message);
    for (const page of this.pages) page.sendText(text);
  }

  private tellMeters(): void {
    if (this.pages.size === 0) return;
    const text = JSON.stringify({ type: "meters", ...this.world.meters() } satisfies ToPage);
    for (const page of this.pages) page.sendFresh(text);
  }

  private tellStats(): void {
    if (this.pages.size === 0) return;
    const text = JSON.stringify({ type: "stats", stats: this.world.stats() } satisfies ToPage);
    for (const page of this.pages) page.sendFresh(text);
  }

  private onSound(octet: number, samples: Int16Array): void {
    let frame: Buffer | null = null;
    for (const page of this.pages) {
      if (page.octet !== octet) continue;
      if (frame === null) {
        frame = Buffer.alloc(2 + 2 * samples.length);
        frame[0] = octet;
        for (let i = 0; i < samples.length; i++) frame.writeInt16LE(samples[i], 2 + 2 * i);
      }
      page.sendFresh(frame);
    }
  }

  /** Prints events between the answers, as a board does. */
  private onTold(event: SimEvent): void {
    if (event.who !== "door") return;
    for (const page of this.pages) page.seat.print(consoleLine(event));
  }
}

/** Remembers which buttons a page presses. */
function follow(page: Page, order: Order): void {
  if (order.do === "press") page.pressed.add(order.button);
  if (order.do === "release") page.pressed.delete(order.button);
}
