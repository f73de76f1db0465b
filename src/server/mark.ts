/**
 * The mark in a Record-Route of ours: the user part of its URI. It tells, when the URI comes back in a Route, that the dialog was begun
 * through this server (so that nobody else's request is let through), who of the two is asking, and how a side is reached that its
 * Contact does not tell: behind a NAT, or on a connection it opened. Nothing of a dialog is kept. RFC 3261 §16.6 step 4, RFC 5626 §5.3
 */
import { octets, type Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { Flow } from "../transaction/flow.js";
import { readHex32 } from "../transaction/slots.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_NONE, TRANSPORT_TCP, TRANSPORT_UDP } from "../wire/names.js";
import { SHA256_BYTES, Sha256 } from "../wire/sha256.js";
import { Writer } from "../wire/writer.js";

// 64 bits of a keyed hash, as digits; then, if need be, the flows of both sides: a digit of the transport, address, port.
const MAC_DIGITS = 16;
const FLOW_DIGITS = 16;
const LONG_DIGITS = MAC_DIGITS + 2 * FLOW_DIGITS;
const KEY_BYTES = 32;
const BLANK = octets(" ");

export class Marks {
  /** The mark written last. */
  readonly bytes = new Uint8Array(LONG_DIGITS);
  size = 0;
  /** After `read`: whoever began the dialog asks. */
  isCaller = false;
  /** After `read`: how the side that is asked is reached; TRANSPORT_NONE: by what its Contact says. */
  readonly flow = new Flow();
  private readonly key = new Uint8Array(KEY_BYTES);
  private readonly hash = new Sha256();
  private readonly mac = new Uint8Array(SHA256_BYTES);
  private readonly writer = new Writer();
  private readonly word = new Int32Array(1);

  constructor(random: RandomSource) {
    for (let i = 0; i < KEY_BYTES; i++) this.key[i] = random.uint32() & 255;
  }

  /** Servers that stand for one another have the same key. @param key KEY_BYTES of it are taken */
  setKey(key: Uint8Array): void {
    this.key.set(key.subarray(0, KEY_BYTES));
  }

  /** Writes the mark for the dialog that the request begins. @param caller @param callee flows to be told, of TRANSPORT_NONE when there is nothing to tell */
  write(m: Message, caller: Flow, callee: Flow): void {
    const isLong = caller.transport !== TRANSPORT_NONE || callee.transport !== TRANSPORT_NONE;
    this.size = isLong ? LONG_DIGITS : MAC_DIGITS;
    const w = this.writer;
    w.begin(this.bytes, MAC_DIGITS, LONG_DIGITS);
    if (isLong) {
      writeFlow(w, caller);
      writeFlow(w, callee);
    }
    this.reckon(this.bytes, MAC_DIGITS, this.size, m, m.fromTagStart, m.fromTagEnd);
    w.begin(this.bytes, 0, MAC_DIGITS);
    this.putMac(w);
  }

  /** Whether `user` is a mark of ours for the dialog that `m` belongs to; then `isCaller` and `flow` are set. */
  read(m: Message, user: Span): boolean {
    const size = user.end - user.start;
    if (size !== MAC_DIGITS && size !== LONG_DIGITS) return false;
    this.isCaller = this.isMac(m, user, m.fromTagStart, m.fromTagEnd);
    if (!this.isCaller && !this.isMac(m, user, m.toTagStart, m.toTagEnd)) return false;
    this.flow.set(TRANSPORT_NONE, -1, 0, -1);
    if (size === LONG_DIGITS) this.readFlow(user.bytes, user.start + MAC_DIGITS + (this.isCaller ? FLOW_DIGITS : 0));
    return true;
  }

  private isMac(m: Message, user: Span, tagStart: number, tagEnd: number): boolean {
    this.reckon(user.bytes, user.start + MAC_DIGITS, user.end, m, tagStart, tagEnd);
    for (let i = 0; i < MAC_DIGITS; i += 8) {
      if (!readHex32(user.bytes, user.start + i, this.word)) return false;
      const at = i / 2;
      const { mac } = this;
      if (this.word[0] !== ((mac[at] << 24) | (mac[at + 1] << 16) | (mac[at + 2] << 8) | mac[at + 3])) return false;
    }
    return true;
  }

  /** The hash over the key, what the mark says, Call-ID, and the tag of whoever began. */
  private reckon(bytes: Uint8Array, start: number, end: number, m: Message, tagStart: number, tagEnd: number): void {
    const { hash } = this;
    hash.begin();
    hash.update(this.key, 0, KEY_BYTES);
    hash.update(bytes, start, end);
    hash.update(BLANK, 0, 1);
    hash.update(m.bytes, m.callIdStart, m.callIdEnd);
    hash.update(BLANK, 0, 1);
    hash.update(m.bytes, tagStart, tagEnd);
    hash.finish(this.mac, 0);
  }

  private putMac(w: Writer): void {
    for (let i = 0; i < MAC_DIGITS / 2; i++) w.hex(this.mac[i], 2);
  }

  private readFlow(bytes: Uint8Array, at: number): void {
    const { word, flow } = this;
    if (!readHex32(bytes, at, word)) return;
    const transport = word[0] >>> 16;
    const port = word[0] & 0xffff;
    if (!readHex32(bytes, at + 8, word)) return;
    if (transport === TRANSPORT_UDP || transport === TRANSPORT_TCP) flow.set(transport, word[0] >>> 0, port, -1);
  }
}

function writeFlow(w: Writer, flow: Flow): void {
  w.hex(flow.transport, 4);
  w.hex(flow.port, 4);
  w.hex(flow.ip < 0 ? 0 : flow.ip, 8);
}
