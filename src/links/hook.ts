/**
 * Sends events by HTTP POST (a webhook), as JSON, one after another in their order. The URL's server is not trusted:
 * only the status of its answer is read, and then the connection is closed, even if more would follow.
 *
 *     {"id":"5f3a9c01-7","time":1764454455,"door":"door","event":"relay","value":"on","relay":1,"reason":"code"}
 *
 * `X-Portero-Time` is the time at which the request was written (s since 1970, 0 while it is not known), and
 * `X-Portero-Signature` is `sha256=` with HMAC-SHA-256, in hexadecimal, over that number, a dot, and the body.
 *
 *     idle -> asking (10 s) -> idle    2xx: the next event. 408, 429, 5xx: again, five times. Any other status: the
 *                                      event is dropped. No answer: again after a back-off, for as long as it is kept.
 *
 * Not here: TLS (the device's); which events there are (severity.ts).
 */
import { octets, parseUint, utf8 } from "../core/bytes.js";
import type { TimerUser } from "../core/timers.js";
import { readUrl, URL_SCHEMES, type UrlText } from "../settings/url.js";
import { HmacSha256 } from "../wire/hmac.js";
import { SHA256_BYTES, Sha256 } from "../wire/sha256.js";
import { FOR_HOOK } from "./eventqueue.js";
import { writeFields, writeText } from "./json.js";
import { HOOK_WAIT_MS, type LinkParts, STEP_MS } from "./parts.js";
import { LinkServer, type ServerUser } from "./server.js";
import { LinkStream, type StreamUser } from "./stream.js";

/** Octets for the head of a request, behind which its body is written, and for the body. */
const HEAD_BYTES = 896;
const BODY_BYTES = 1024;
/** The place of the signature's octets in the scratch: behind the body, until they are written into the head. */
const CODE_AT = HEAD_BYTES + BODY_BYTES;
const KEY_MOST = 64;
/** The time from opening the connection to the status. */
const ANSWER_MS = 10_000;
/** Number of times that an event is sent which the server answers with 408, 429 or 5xx. */
const TRIES_MOST = 5;
/** `HTTP/1.1 200` */
const STATUS_BYTES = 12;
const STATUS_AT = 9;

const POST = octets("POST ");
const HOST = octets(" HTTP/1.1\r\nHost: ");
const FIXED = octets(
  "\r\nUser-Agent: Portero\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ",
);
const TIME = octets("\r\nX-Portero-Time: ");
const SIGNATURE = octets("\r\nX-Portero-Signature: sha256=");
const END = octets("\r\n\r\n");
const PROTOCOL = octets("HTTP/1.");
const ID = octets('{"id":"');
const AT = octets('","time":');
const DOOR = octets(',"door":');
const EVENT = octets(',"event":');
const VALUE = octets(',"value":');
const CAMERA = octets(',"camera":');

/** @returns the link; null on a board that is built without it (hal/without) */
export function makeHook(parts: LinkParts): Hook | null {
  return new Hook(parts);
}

export class Hook implements TimerUser, ServerUser, StreamUser {
  readonly server: LinkServer;
  private readonly parts: LinkParts;
  private readonly url: UrlText;
  private readonly timer: number;
  private readonly stream: LinkStream;
  private readonly hmac: HmacSha256 | null;
  /** The beginning of the answer. */
  private readonly answer = new Uint8Array(STATUS_BYTES);
  private answered = 0;
  /** The current connection, or else the last one, was established. */
  private wasReached = false;
  /** Distinguishes the events of one start from those of another. */
  private readonly boot: number;
  /** The number of the event that was posted last, 0 for none, and the number of 5xx answers to it. */
  private posted = 0;
  private tries = 0;
  /** The refusing status that was reported last; 0 if none was. */
  private refusedBy = 0;

  constructor(parts: LinkParts) {
    const { device, settings } = parts;
    const secret = settings.get("hook.secret");
    this.parts = parts;
    this.timer = parts.timers.make(this, 0);
    this.url = readUrl(settings.get("hook.url"), URL_SCHEMES);
    this.stream = new LinkStream(parts, "hook.url", this.url.isSecure, this);
    this.boot = device.random.uint32();
    this.hmac = secret === "" ? null : new HmacSha256();
    this.hmac?.setKey(keyOf(secret));
    const { host, port } = this.url;
    this.server = new LinkServer("hook", host + ":" + port, port, parts, this);
  }

  async start(ip: number): Promise<void> {
    const { station, timers } = this.parts;
    await this.stream.start(ip);
    if (this.parts.queue.oldest(FOR_HOOK) < 0) return;
    station.enter();
    timers.start(this.timer, 0);
    station.leave();
  }

  close(): void {
    this.stream.close();
  }

  onOpen(): void {
    this.wasReached = true;
    this.post();
  }

  onClose(problem: string): void {
    const usual = this.wasReached ? "it closed without an answer" : "the connection failed";
    this.fail(problem === "" ? usual : problem);
  }

  /** An event was put into the queue for this link. */
  onQueued(): void {
    const { timers } = this.parts;
    if (!timers.running(this.timer)) timers.start(this.timer, HOOK_WAIT_MS);
  }

  /** @returns one line for people */
  statusLine(): string {
    const { server, stream, parts } = this;
    const { queue } = parts;
    const state = stream.isBusy ? "posting" : this.refusedBy > 0 ? "refused by " + this.refusedBy : "idle";
    const nextMs = parts.timers.remaining(this.timer);
    return server.report(state, nextMs, queue.waiting(FOR_HOOK), queue.dropped(FOR_HOOK));
  }

  onFound(problem: string): void {
    if (problem !== "") this.fail(problem);
    else this.parts.timers.start(this.timer, 0);
  }

  onTimer(): void {
    const { server, parts, stream } = this;
    if (stream.isBusy) this.fail("no answer in " + ANSWER_MS / 1000 + " s");
    else if (parts.queue.oldest(FOR_HOOK) >= 0 && stream.isReady && server.find(parts.timers.nowMs)) this.connect();
  }

  private connect(): void {
    const { server, stream } = this;
    this.wasReached = false;
    const problem = stream.connect(server);
    if (problem !== "") this.fail(problem);
    else this.parts.timers.start(this.timer, ANSWER_MS);
  }

  /** Sends the oldest event. The queue may have dropped another one, or all, since the connection was begun. */
  private post(): void {
    const { queue, scratch, timers } = this.parts;
    const at = queue.oldest(FOR_HOOK);
    if (at < 0) {
      this.stream.drop();
      timers.stop(this.timer);
      return;
    }
    const number = queue.number(at, FOR_HOOK);
    if (number !== this.posted) this.tries = 0;
    this.posted = number;
    this.answered = 0;
    const end = this.writeRequest(at);
    if (end === 0 || !this.stream.write(scratch.bytes, 0, end)) this.fail("it cannot be sent");
  }

  /** Writes the request for an event. @param at its place in the queue @returns its end, 0 if it does not fit */
  private writeRequest(at: number): number {
    const { hmac, url } = this;
    const { scratch, device } = this.parts;
    const { writer: w, bytes } = scratch;
    const time = "" + device.clock.epochS();
    const bodyEnd = this.writeBody(at);
    if (bodyEnd === 0) return 0;
    if (hmac !== null) {
      const start = HEAD_BYTES - time.length - 1;
      w.begin(bytes, start, HEAD_BYTES);
      w.text(time);
      w.octet(0x2e);
      hmac.sign(bytes, start, bodyEnd, bytes, CODE_AT);
    }
    w.begin(bytes, 0, HEAD_BYTES);
    w.put(POST);
    w.text(url.path);
    w.put(HOST);
    w.text(url.place);
    w.put(FIXED);
    w.uint(bodyEnd - HEAD_BYTES);
    w.put(TIME);
    w.text(time);
    if (hmac !== null) {
      w.put(SIGNATURE);
      for (let i = 0; i < SHA256_BYTES; i++) w.hex(bytes[CODE_AT + i], 2);
    }
    w.put(END);
    if (!w.ok) return 0;
    bytes.copyWithin(w.at, HEAD_BYTES, bodyEnd);
    return w.at + bodyEnd - HEAD_BYTES;
  }

  /** Writes the body at HEAD_BYTES. @param at the event's place in the queue @returns its end, 0 if it does not fit */
  private writeBody(at: number): number {
    const { settings, scratch, queue } = this.parts;
    const { writer: w, bytes } = scratch;
    const name = queue.name(at);
    w.begin(bytes, HEAD_BYTES, HEAD_BYTES + BODY_BYTES);
    w.put(ID);
    w.hex(this.boot, 8);
    w.octet(0x2d);
    w.uint(queue.number(at, FOR_HOOK));
    w.put(AT);
    w.uint(queue.timeS(at));
    w.put(DOOR);
    writeText(w, settings.get("sip.user"));
    w.put(EVENT);
    writeText(w, name);
    w.put(VALUE);
    writeText(w, queue.value(at));
    const camera = name === "button" || name === "call" ? settings.get("camera.url") : "";
    if (camera !== "") {
      w.put(CAMERA);
      // The setting was checked when it was saved, and has up to 200 characters of ASCII.
      w.octet(0x22);
      w.text(camera);
      w.octet(0x22);
    }
    writeFields(w, queue.fields(at), queue.isCut(at));
    w.octet(0x7d);
    return w.ok ? w.at : 0;
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const { answer } = this;
    // A server that speaks before it is asked does not answer.
    if (!this.wasReached) return;
    for (let i = start; i < end && this.answered < STATUS_BYTES; i++) answer[this.answered++] = bytes[i];
    if (this.answered < STATUS_BYTES) return;
    let isHttp = true;
    for (let i = 0; i < PROTOCOL.length; i++) if (answer[i] !== PROTOCOL[i]) isHttp = false;
    const status = parseUint(answer, STATUS_AT, STATUS_BYTES, 999);
    if (!isHttp || answer[STATUS_AT - 1] !== 0x20 || status < 100) this.fail("it does not answer by HTTP");
    else if (status >= 200) this.onStatus(status);
    // A 1xx would be followed by the final status, but only a request that asks for a 1xx gets one.
    else this.fail("it answers " + status);
  }

  private onStatus(status: number): void {
    const { server } = this;
    const { queue, timers } = this.parts;
    const isGood = status < 300;
    const mayTryAgain = status === 408 || status === 429 || status >= 500;
    // The queue may have dropped the event in the meantime, to have room for younger ones.
    const at = queue.oldest(FOR_HOOK);
    const isKept = at >= 0 && queue.number(at, FOR_HOOK) === this.posted;
    if (mayTryAgain && isKept && ++this.tries < TRIES_MOST) {
      this.fail("it answers " + status);
      return;
    }
    this.stream.drop();
    if (isKept) queue.take(FOR_HOOK);
    if (!isGood && status !== this.refusedBy)
      this.parts.events.event("link", "refused", {
        name: server.name,
        at: this.url.place,
        code: status,
      });
    this.refusedBy = isGood ? 0 : status;
    if (isGood) server.work(queue.dropped(FOR_HOOK));
    if (queue.oldest(FOR_HOOK) >= 0) timers.start(this.timer, STEP_MS);
    else timers.stop(this.timer);
  }

  private fail(reason: string): void {
    const { timers, queue } = this.parts;
    this.stream.drop();
    timers.start(this.timer, this.server.fail(reason, queue.dropped(FOR_HOOK)));
  }
}

/** @returns the key of that secret; a secret longer than a block is hashed. RFC 2104 §2 */
function keyOf(secret: string): Uint8Array {
  const key = utf8(secret);
  if (key.length <= KEY_MOST) return key;
  const hash = new Sha256();
  const short = new Uint8Array(SHA256_BYTES);
  hash.beginHash();
  hash.update(key, 0, key.length);
  hash.finish(short, 0);
  return short;
}
