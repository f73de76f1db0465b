/**
 * A small HTTP API of the door for programs of the house: reports by GET, orders by POST, one request a connection
 * (docs/api.yaml describes it). It is off while `api.token` is empty.
 *
 * A client has to send the token as `Authorization: Bearer`. Three rules keep browsers out: `Host` has to be the door's
 * own address or its name in the local network, so that no other name leads here (DNS rebinding), a request with
 * `Origin` is refused, and no answer has a CORS field. A client's address may send ten wrong tokens, then one each 800
 * s, and ten requests at once, then one a second. When all seats are taken, a request that is not whole yet ends for a
 * newcomer whose address sent the right token before, for one whose address has no seat while another has two and is
 * no better known, and for anyone after a second. So connections that one stranger opens do not keep the owner's
 * programs out.
 *
 *     reading (5 s) -> answering (10 s) -> closed
 *
 * Not here: TLS; bodies, which are ignored; the content of the answers (the station).
 */
import type { TcpConnection, TcpStack } from "../../hal/device.js";
import { ipv4Text } from "../core/address.js";
import { text, utf8 } from "../core/bytes.js";
import { Guesses } from "../core/guesses.js";
import type { TimerUser } from "../core/timers.js";
import { NO_FIELDS } from "../intercom/events.js";
import { isSameSecret } from "../wire/hmac.js";
import type { LinkParts } from "./parts.js";

const LOCAL = ".local";
/** The most requests that are under way at once. */
const SEATS = 2;
/** The longest request line with its fields; a longer one is refused. */
const HEAD_BYTES = 1024;
const READ_MS = 5000;
/** The time after which a request that is not whole makes room for another connection. */
const PATIENCE_MS = 1000;
const ANSWER_MS = 10_000;
const PIECE_BYTES = 1024;
const AGAIN_MS = 20;
/** The number of addresses that are counted. */
const SOURCES = 8;
const REQUESTS_MOST = 10;
const REQUEST_EVERY_MS = 1000;
/** The name under which the log has its orders. */
const BY = "API";
const BEARER = "bearer ";
const HTTP = " HTTP/1.";
const HEAD = "HEAD ";

class Seat {
  connection: TcpConnection | null = null;
  readonly head = new Uint8Array(HEAD_BYTES);
  read = 0;
  out: Uint8Array | null = null;
  sent = 0;
  untilMs = 0;
}

/** The number of requests that an address has left. */
class Bucket {
  ip = -1;
  left = REQUESTS_MOST;
  sinceMs = 0;
}

/** @returns the link; null on a board that is built without it (hal/without) */
export function makeApi(parts: LinkParts): Api | null {
  return new Api(parts);
}

export class Api implements TimerUser {
  /** The number of requests refused since the start. */
  refused = 0;
  private readonly parts: LinkParts;
  private readonly timer: number;
  private readonly token: Uint8Array;
  private readonly guesses = new Guesses(SOURCES);
  private readonly seats: Seat[] = [];
  private readonly buckets: Bucket[] = [];
  private tcp: TcpStack | null = null;
  private host = "";
  /** One bit for each bucket: its address sent the right token, and no wrong one after it. */
  private known = 0;

  constructor(parts: LinkParts) {
    this.parts = parts;
    this.timer = parts.timers.make(this, 0);
    this.token = utf8(parts.settings.get("api.token"));
    for (let i = 0; i < SEATS; i++) this.seats.push(new Seat());
    for (let i = 0; i < SOURCES; i++) this.buckets.push(new Bucket());
  }

  async start(ip: number): Promise<void> {
    const { station, device, settings, events } = this.parts;
    this.host = ipv4Text(ip);
    this.tcp = await device.tcp({
      address: ip,
      port: settings.get("api.port"),
      setting: "api.port",
      onError: (message) => events.event("error", message, NO_FIELDS),
      onOpen: (connection) => {
        station.enter();
        this.onOpen(connection);
        station.leave();
      },
      onData: (connection, bytes, start, end) => {
        station.enter();
        this.onData(connection, bytes, start, end);
        station.leave();
      },
      onClose: (connection) => {
        const seat = this.seatOf(connection);
        if (seat !== null) this.free(seat);
      },
    });
  }

  /** Clients can connect. */
  get isOpen(): boolean {
    return this.tcp !== null;
  }

  close(): void {
    this.tcp?.close();
    this.tcp = null;
  }

  /** @returns one line for people */
  statusLine(): string {
    const where = this.tcp === null ? "no socket" : "port " + this.tcp.port;
    return this.refused > 0 ? where + ", refused " + this.refused : where;
  }

  onTimer(): void {
    const { nowMs } = this.parts.timers;
    for (let i = 0; i < SEATS; i++) {
      const seat = this.seats[i];
      const { connection } = seat;
      if (connection === null) continue;
      if (nowMs >= seat.untilMs) {
        connection.drop();
        this.free(seat);
      } else if (seat.out !== null) this.send(seat);
    }
    this.wake();
  }

  private onOpen(connection: TcpConnection): void {
    const seat = this.seatOf(null) ?? this.seatFor(connection.address);
    if (seat === null) {
      connection.drop();
      return;
    }
    seat.connection = connection;
    seat.read = 0;
    seat.out = null;
    seat.untilMs = this.parts.timers.nowMs + READ_MS;
    this.wake();
  }

  /** Ends a request that is not whole yet to make room for an address. @returns its seat, or null */
  private seatFor(ip: number): Seat | null {
    const latestMs = this.parts.timers.nowMs + READ_MS - PATIENCE_MS;
    const hasSeat = this.seatsOf(ip) > 0;
    for (let i = 0; i < SEATS; i++) {
      const seat = this.seats[i];
      const { connection } = seat;
      if (connection === null || seat.out !== null) continue;
      const holder = connection.address;
      const isLess = this.isKnown(holder) && !this.isKnown(ip);
      const isFairer = !isLess && (this.seatsOf(holder) > 1 || (this.isKnown(ip) && !this.isKnown(holder)));
      if ((hasSeat || !isFairer) && seat.untilMs > latestMs) continue;
      connection.drop();
      this.free(seat);
      return seat;
    }
    return null;
  }

  private seatsOf(ip: number): number {
    let count = 0;
    for (let i = 0; i < SEATS; i++) if (this.seats[i].connection?.address === ip) count += 1;
    return count;
  }

  private onData(connection: TcpConnection, bytes: Uint8Array, start: number, end: number): void {
    const seat = this.seatOf(connection);
    // The octets after the head are a body, which has no meaning here.
    if (seat === null || seat.out !== null) return;
    const { head } = seat;
    for (let i = start; i < end; i++) {
      if (seat.read === HEAD_BYTES) {
        this.answer(seat, 431, "a request has " + HEAD_BYTES + " octets at most");
        return;
      }
      head[seat.read++] = bytes[i];
      const at = seat.read;
      const isEnd = at > 3 && head[at - 1] === 10 && head[at - 2] === 13 && head[at - 3] === 10 && head[at - 4] === 13;
      if (isEnd) {
        this.take(seat, text(head, 0, at - 4));
        return;
      }
    }
  }

  private take(seat: Seat, head: string): void {
    const { connection } = seat;
    if (connection === null) return;
    const { nowMs } = this.parts.timers;
    const lines = head.split("\r\n");
    const words = lines[0].split(" ");
    const isHttp = words.length === 3 && (" " + words[2]).slice(0, HTTP.length) === HTTP && words[1].charAt(0) === "/";
    const host = fieldOf(lines, "host");
    const token = fieldOf(lines, "authorization");
    const port = this.tcp === null ? 0 : this.tcp.port;
    if (!this.mayAsk(connection.address, nowMs)) this.answer(seat, 429, "too many requests: one a second");
    else if (!isHttp || host === null || token === null) this.answer(seat, 400, "this is no request of HTTP/1.1");
    else if (!this.isOurHost(host, port)) this.answer(seat, 403, "Host has to be " + this.host + ":" + port);
    else if (fieldOf(lines, "origin") !== "") this.answer(seat, 403, "not for pages in a browser");
    else if (!this.guesses.hasTry(connection.address, nowMs)) this.answer(seat, 429, "too many wrong tokens");
    else if (!this.isToken(token)) {
      this.guesses.onWrong(connection.address, nowMs);
      this.learn(connection.address, false);
      this.answer(seat, 401, "Authorization: Bearer TOKEN is missing or wrong (api.token)");
    } else {
      this.learn(connection.address, true);
      this.route(seat, words[0], words[1]);
    }
  }

  /** Notes whether the address sent the right token. Its bucket was found or made by `mayAsk`. */
  private learn(ip: number, isRight: boolean): void {
    const bit = this.bitOf(ip);
    this.known = isRight ? this.known | bit : this.known & ~bit;
  }

  private isKnown(ip: number): boolean {
    return (this.known & this.bitOf(ip)) !== 0;
  }

  private bitOf(ip: number): number {
    for (let i = 0; i < SOURCES; i++) if (this.buckets[i].ip === ip) return 1 << i;
    return 0;
  }

  /** The name may have a number behind it, if another device has the name too (responder.ts). */
  private isOurHost(host: string, port: number): boolean {
    const end = ":" + port;
    const cut = host.length - end.length;
    const bare = cut > 0 && host.slice(cut) === end ? host.slice(0, cut) : host;
    if (bare === this.host) return true;
    const name = this.parts.settings.get("net.name").toLowerCase();
    const given = bare.toLowerCase();
    const behind = given.length - LOCAL.length;
    if (name === "" || given.slice(0, name.length) !== name || given.slice(behind) !== LOCAL) return false;
    const behindName = given.slice(name.length, behind);
    const number = Number(behindName.slice(1));
    return behindName === "" || (number > 1 && behindName === "-" + number);
  }

  private route(seat: Seat, method: string, target: string): void {
    const { orders } = this.parts;
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    const query = question < 0 ? "" : target.slice(question + 1);
    const isReport = path === "/status" || path === "/log" || path === "/people";
    const isOrder = path === "/open" || path === "/call" || path === "/hangup";
    if (!isReport && !isOrder) this.answer(seat, 404, "there is /status /log /people /open /call /hangup");
    else if (method !== (isReport ? "GET" : "POST"))
      this.answer(seat, 405, path + " takes " + (isReport ? "GET" : "POST"), isReport ? "GET" : "POST");
    else if (path === "/status") this.report(seat, orders.report("status"));
    else if (path === "/log") this.report(seat, orders.report("log"));
    else if (path === "/people") this.report(seat, orders.report("people"));
    else this.order(seat, path, query);
  }

  private order(seat: Seat, path: string, query: string): void {
    const { orders } = this.parts;
    let problem = "";
    if (path === "/open") {
      const relay = query === "" ? "1" : query.slice(0, 6) === "relay=" ? query.slice(6) : "";
      if (relay !== "1" && relay !== "2") {
        this.answer(seat, 400, "relay is 1 or 2, as in /open?relay=2");
        return;
      }
      problem = orders.open(Number(relay), BY);
    } else if (path === "/call") {
      if (query !== "" && query.slice(0, 7) !== "target=") {
        this.answer(seat, 400, "target is whom to call, as in /call?target=sip:phone@10.0.0.2");
        return;
      }
      const target = decoded(query.slice(7));
      problem = target === "" ? orders.callPlan(1) : orders.call(target);
    } else problem = orders.hangUp(BY);
    if (problem === "") this.report(seat, '{"ok":true}\n');
    else this.answer(seat, 409, problem);
  }

  private report(seat: Seat, json: string): void {
    this.write(seat, "200 OK", "", json);
  }

  private answer(seat: Seat, status: number, problem: string, allow = ""): void {
    this.refused += 1;
    const more = status === 401 ? "WWW-Authenticate: Bearer\r\n" : allow === "" ? "" : "Allow: " + allow + "\r\n";
    let safe = "";
    // A problem may quote words of the request.
    for (let i = 0; i < problem.length; i++) {
      const c = problem.charAt(i);
      safe += c === '"' || c === "\\" || c < " " ? "'" : c;
    }
    this.write(seat, status + " " + (REASONS[status] ?? "No"), more, '{"ok":false,"error":"' + safe + '"}\n');
  }

  private write(seat: Seat, status: string, more: string, json: string): void {
    const body = utf8(json);
    const head = utf8(
      "HTTP/1.1 " +
        status +
        "\r\n" +
        more +
        "Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" +
        "Connection: close\r\nContent-Length: " +
        body.length +
        "\r\n\r\n",
    );
    // RFC 9110 §9.3.2: the answer to HEAD ends with its fields.
    const bodyLength = text(seat.head, 0, HEAD.length) === HEAD ? 0 : body.length;
    const out = new Uint8Array(head.length + bodyLength);
    out.set(head);
    if (bodyLength > 0) out.set(body, head.length);
    seat.out = out;
    seat.sent = 0;
    seat.untilMs = this.parts.timers.nowMs + ANSWER_MS;
    this.send(seat);
    this.wake();
  }

  private send(seat: Seat): void {
    const { connection, out } = seat;
    if (connection === null || out === null) return;
    while (seat.sent < out.length) {
      const end = Math.min(out.length, seat.sent + PIECE_BYTES);
      if (!connection.write(out, seat.sent, end)) return;
      seat.sent = end;
    }
    connection.close();
    this.free(seat);
  }

  private wake(): void {
    const { timers } = this.parts;
    let next = Infinity;
    for (let i = 0; i < SEATS; i++) {
      const seat = this.seats[i];
      if (seat.connection === null) continue;
      next = Math.min(next, seat.out === null ? seat.untilMs : timers.nowMs + AGAIN_MS);
    }
    if (next === Infinity) timers.stop(this.timer);
    else timers.startAt(this.timer, next);
  }

  private seatOf(connection: TcpConnection | null): Seat | null {
    for (let i = 0; i < SEATS; i++) {
      const one = this.seats[i].connection;
      if (connection === null ? one === null : one !== null && one.id === connection.id) return this.seats[i];
    }
    return null;
  }

  private free(seat: Seat): void {
    seat.connection = null;
    seat.out = null;
  }

  /** The comparison reads every octet of the token, so that its time tells nothing about a wrong one. */
  private isToken(field: string): boolean {
    if (field.slice(0, BEARER.length).toLowerCase() !== BEARER) return false;
    const given = utf8(field.slice(BEARER.length).trim());
    const { token } = this;
    return given.length === token.length && isSameSecret(given, 0, token, 0, token.length);
  }

  /**
   * Counts a request of an address. A new address takes the place of the one whose last request is the oldest,
   * among those that are not known if there are any.
   */
  private mayAsk(ip: number, nowMs: number): boolean {
    let at = 0;
    for (let i = 0; i < SOURCES; i++) {
      if (this.buckets[i].ip === ip) {
        at = i;
        break;
      }
      if (this.goesBefore(i, at)) at = i;
    }
    const bucket = this.buckets[at];
    if (bucket.ip !== ip) {
      this.known &= ~(1 << at);
      bucket.ip = ip;
      bucket.left = REQUESTS_MOST;
      bucket.sinceMs = nowMs;
    }
    const given = Math.floor((nowMs - bucket.sinceMs) / REQUEST_EVERY_MS);
    if (given > 0) {
      bucket.left = Math.min(REQUESTS_MOST, bucket.left + given);
      bucket.sinceMs = nowMs;
    }
    if (bucket.left === 0) return false;
    bucket.left -= 1;
    return true;
  }

  /** @returns whether the address of bucket `a` is forgotten before that of bucket `b` */
  private goesBefore(a: number, b: number): boolean {
    const isKnown = (this.known >> a) & 1;
    if (isKnown !== ((this.known >> b) & 1)) return isKnown === 0;
    return this.buckets[a].sinceMs < this.buckets[b].sinceMs;
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
};

/** @returns a text of a query with %XX as the character of that code in ASCII; others stay as they are */
function decoded(value: string): string {
  let out = "";
  for (let i = 0; i < value.length; i++) {
    const code = value.charAt(i) === "%" ? parseInt(value.slice(i + 1, i + 3), 16) : -1;
    const isPlain = code >= 0x20 && code < 0x7f && i + 2 < value.length;
    out += isPlain ? String.fromCharCode(code) : value.charAt(i);
    if (isPlain) i += 2;
  }
  return out;
}

/** @returns the value of a field, "" if it is not there, null if the field occurs twice or a line is not a field */
function fieldOf(lines: readonly string[], name: string): string | null {
  let value = "";
  let count = 0;
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(":");
    if (colon <= 0 || lines[i].charAt(colon - 1) === " ") return null;
    if (lines[i].slice(0, colon).toLowerCase() !== name) continue;
    value = lines[i].slice(colon + 1).trim();
    count += 1;
  }
  return count > 1 ? null : value;
}
