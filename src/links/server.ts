/**
 * A server that a link sends to: its name and port, its address while that is valid, and whether it answers. The wait
 * grows after each failure. An event says once that the server is lost, once that its messages are being dropped, and
 * once that it is back. Not here: the messages (syslog.ts, hook.ts).
 */
import { ipv4 } from "../core/address.js";
import { printable } from "../core/printable.js";
import type { EventFields } from "../intercom/events.js";
import { readDomain } from "../ua/uritext.js";
import type { LinkParts } from "./parts.js";

const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 300_000;
/** The time after which an address is looked up again if its records name none. */
const USUAL_TTL_S = 300;
/** A failure of TLS names what the other side showed and what to set. */
const REASON_MOST = 300;

export interface ServerUser {
  /** The address is known now, or `problem` says why not. It runs between `enter` and `leave`. */
  onFound(problem: string): void;
}

export class LinkServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The name that the server has to prove by TLS; "" for its address. */
  readonly secureName: string;
  /** -1 while the address is not known. */
  ip: number;
  /** An event has said that the server is lost. */
  isLost = false;
  private readonly parts: LinkParts;
  private readonly user: ServerUser;
  private isAsking = false;
  private goodUntilMs = 0;
  private waitMs = FIRST_WAIT_MS;
  private isDropTold = false;
  /** The last failure; "" if there was none. */
  private lastError = "";
  /** The count of dropped messages when the server was lost. */
  private droppedBefore = 0;

  /**
   * @param name the link's name in events: "syslog"
   * @param place `HOST` or `HOST:PORT`, as `check` of the settings lets it through
   */
  constructor(name: string, place: string, usualPort: number, parts: LinkParts, user: ServerUser) {
    const { host, port } = readDomain(place);
    this.parts = parts;
    this.user = user;
    this.name = name;
    this.host = host;
    this.port = port > 0 ? port : usualPort;
    this.ip = ipv4(host);
    this.secureName = this.ip >= 0 ? "" : host.toLowerCase();
  }

  /** @returns whether the address is known; if not, it is looked up and `onFound` follows */
  find(nowMs: number): boolean {
    if (this.secureName === "" || (this.ip >= 0 && nowMs < this.goodUntilMs)) return true;
    if (this.isAsking) return false;
    this.isAsking = true;
    this.parts.station.findName(this.host, this.port, "udp", (error, address, _port, _others, ttlS) => {
      this.isAsking = false;
      if (error === "") {
        this.ip = address;
        this.goodUntilMs = nowMs + 1000 * (ttlS ?? USUAL_TTL_S);
      } else this.ip = -1;
      const { station } = this.parts;
      station.enter();
      this.user.onFound(error);
      station.leave();
    });
    return false;
  }

  /**
   * Notes that the server did not take a message. @param dropped the link's count of dropped messages @returns how long
   * to wait before the next try, ms
   */
  fail(reason: string, dropped: number): number {
    const waitMs = this.waitMs;
    this.waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    this.lastError = printable(reason, REASON_MOST);
    // The server may have moved to another address, so its name is looked up again.
    this.goodUntilMs = 0;
    if (this.isLost) return waitMs;
    this.isLost = true;
    this.droppedBefore = dropped;
    this.tell("lost", { name: this.name, at: this.place, reason: this.lastError });
    return waitMs;
  }

  /** Notes that messages are being dropped, and reports it once until the server is back. */
  drop(): void {
    if (this.isDropTold) return;
    this.isDropTold = true;
    this.tell("full", { name: this.name, at: this.place });
  }

  /** Notes that the server took a message. */
  work(dropped: number): void {
    this.waitMs = FIRST_WAIT_MS;
    const wasLost = this.isLost || this.isDropTold;
    this.isLost = this.isDropTold = false;
    if (!wasLost) return;
    const fields: EventFields["link"] = { name: this.name, at: this.place };
    if (dropped > this.droppedBefore) fields.dropped = dropped - this.droppedBefore;
    this.droppedBefore = dropped;
    this.tell("back", fields);
  }

  /**
   * Says in one line for people whether the server takes the messages. @param state how it is while it does
   * @param nextMs until the next try, while the server is lost
   */
  report(state: string, nextMs: number, waiting: number, dropped: number): string {
    const { lastError } = this;
    let line =
      this.place + ", " + (this.isLost ? "lost, next try in " + Math.max(0, Math.ceil(nextMs / 1000)) + " s" : state);
    if (waiting > 0) line += ", " + waiting + " wait";
    if (dropped > 0) line += ", " + dropped + " dropped";
    if (lastError !== "") line += this.isLost ? ": " + lastError : ", last error: " + lastError;
    return line;
  }

  private get place(): string {
    return this.host + ":" + this.port;
  }

  private tell(value: "lost" | "full" | "back", fields: EventFields["link"]): void {
    this.parts.events.event("link", value, fields);
  }
}
