/**
 * Records the events of the house as the ladder of the page shows them: messages, states of the parties, and sound as a
 * band between two of them. The latest are kept, in fixed bounds; so are the packets, for a pcap. Not here: how the
 * ladder is drawn (page/ladder.tsx, exports.ts).
 */
import { decode, PCMA, PCMU } from "../../src/media/g711.js";
import { RTP_OK, RtpView } from "../../src/media/rtp.js";
import { TIMER_2XX } from "../../src/transaction/watcher.js";
import type { Carried } from "../world/carried.js";
import { type SimEvent, safe } from "../world/events.js";
import type { Rung } from "../world/ladder.js";
import type { BandItem, Item, MessageItem, Way } from "./protocol.js";
import { decibels, SILENCE_DB } from "./sound.js";

/** The number of items that are kept, and of octets of their messages. */
export const KEPT_ITEMS = 20_000;
const KEPT_BYTES = 8_000_000;
/** The octets of packets that are kept for a pcap; a minute of a call is 1.2 MB. */
const PACKET_BYTES = 32_000_000;
const RECORD_BYTES = 64;
/** A band ends when nothing came for this long. */
const BAND_ENDS_MS = 2000;
/** A younger band is not ended by a message: a call begins with several messages, and sound between them. */
const BAND_LEAST_MS = 1000;
/** These methods do not change the sound that goes on, or it ends with them. */
const QUIET_METHODS = new Set(["REGISTER", "OPTIONS", "BYE"]);
/** The number of sources whose sequence numbers are followed at once. */
const SOURCES = 64;
const SAMPLES_MAX = 960;
/** The level of a band falls by this much with each packet, so that it shows the last seconds. */
const LEVEL_FALL_DB = 0.1;

/** Events that are a row of the ladder: states, and actions of people. */
const SHOWN = new Set([
  "register",
  "register2",
  "call",
  "relay",
  "dtmf",
  "door",
  "transfer",
  "join",
  "sound",
  "error",
  "text",
  "network",
]);

const NO_REPEAT = { who: "", timer: "" };

interface Source {
  band: BandItem;
  next: number;
  transitMs: number;
  rate: number;
}

export class Journal {
  readonly items: Item[] = [];
  /** Called with each new item, and with a band that grew. */
  onItem: (item: Item) => void = () => {};
  private lastId = 0;
  private readonly bytes = new Map<number, Uint8Array>();
  private keptBytes = 0;
  private packets: Carried[] = [];
  private packetBytes = 0;
  private readonly sources = new Map<string, Source>();
  private readonly view = new RtpView();
  private readonly samples = new Int16Array(SAMPLES_MAX);
  private repeat = NO_REPEAT;
  /** The addresses at which phones of other makes hear, by their own words. */
  private readonly media = new Map<string, string>();
  private isOurs: (name: string) => boolean = () => false;
  private ownerOf: (ip: string, port: number) => string = () => "";

  /** Begins another house: the items stay, but the packets do not, because they had other addresses and times. */
  begin(ownerOf: (ip: string, port: number) => string, isOurs: (name: string) => boolean): void {
    this.ownerOf = ownerOf;
    this.isOurs = isOurs;
    this.media.clear();
    this.sources.clear();
    this.packets = [];
    this.packetBytes = 0;
  }

  message(rung: Rung): void {
    const item: MessageItem = {
      kind: "message",
      id: ++this.lastId,
      t: rung.tMs,
      from: safe(rung.from),
      to: safe(rung.to),
      isTcp: rung.isTcp,
      isTls: rung.isTls,
      isAgain: rung.isAgain,
      timer: this.timerOf(rung),
      text: rung.head.text,
      status: rung.head.status,
      ...namesIn(rung.bytes),
    };
    this.bytes.set(item.id, rung.bytes);
    this.noteMedia(item.from, rung.bytes);
    this.keptBytes += rung.bytes.length;
    // A band that goes on after a message of a call is another row.
    if (!QUIET_METHODS.has(item.method))
      for (const [key, { band }] of this.sources) if (rung.tMs - band.t > BAND_LEAST_MS) this.sources.delete(key);
    this.add(item);
  }

  /** Notes that a timer of that party sends a message again, as the next one. */
  repeated(who: string, timer: number): void {
    this.repeat = { who, timer: letter(timer) };
  }

  /** Notes that a transaction of that party ends because nothing came. */
  givenUp(t: number, who: string, timer: number, method: string): void {
    this.add({ kind: "state", id: ++this.lastId, t, who, event: "timer", value: letter(timer), note: method });
  }

  private timerOf({ from, isAgain }: Rung): string {
    const { who, timer } = this.repeat;
    if (who !== from) return "";
    this.repeat = NO_REPEAT;
    return isAgain ? timer : "";
  }

  event({ t, who, event, value, ...extra }: SimEvent): void {
    if (!SHOWN.has(event)) return;
    const note = ["reason", "code", "expires", "direction", "by", "relay", "address", "refresh"]
      .filter((name) => extra[name] !== undefined && extra[name] !== "")
      .map((name) => safe(String(extra[name])))
      .join(", ");
    this.add({ kind: "state", id: ++this.lastId, t, who: safe(who), event, value: safe(value), note });
  }

  /** Gives a name to a party that was known by its address until now. */
  rename(at: string, name: string): void {
    for (const item of this.items) {
      if (item.kind === "state" || (item.from !== at && item.to !== at)) continue;
      if (item.from === at) item.from = name;
      if (item.to === at) item.to = name;
      this.onItem(item);
    }
    for (const [address, owner] of this.media) if (owner === at) this.media.set(address, name);
  }

  /** Takes a packet on the wire: it is kept for a pcap, and counted when it is sound. */
  carried(packet: Carried): void {
    const bytes = packet.bytes.slice(packet.start, packet.end);
    this.packets.push({ ...packet, bytes, start: 0, end: bytes.length });
    this.packetBytes += bytes.length + RECORD_BYTES;
    // Many are removed in one go, because shifting thousands of times is slow.
    if (this.packetBytes > PACKET_BYTES) {
      const dropped = this.packets.splice(0, this.packets.length >> 2);
      for (const old of dropped) this.packetBytes -= old.bytes.length + RECORD_BYTES;
    }
    if (!packet.isSip && this.view.read(bytes, bytes.length) === RTP_OK) this.sound(packet, bytes);
  }

  get carriedPackets(): readonly Carried[] {
    return this.packets;
  }

  /** @returns the message's octets, null when they are kept no more */
  bytesOf(id: number): Uint8Array | null {
    return this.bytes.get(id) ?? null;
  }

  /** Notes the address at which a phone of another make says that it hears: the sound from there is its own. */
  private noteMedia(from: string, bytes: Uint8Array): void {
    if (this.isOurs(from)) return;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    const ip = /^c=IN IP4 ([\d.]{7,15})\s*$/m.exec(text)?.[1];
    const port = /^m=audio (\d{1,5}) /m.exec(text)?.[1];
    if (ip === undefined || port === undefined) return;
    if (this.media.size >= SOURCES) this.media.clear();
    this.media.set(ip + ":" + port, from);
  }

  /** @returns the party that sends sound from there, or hears it */
  private nameOf(ip: string, port: number): string {
    const at = ip + ":" + port;
    return this.ownerOf(ip, port) || (this.media.get(at) ?? at);
  }

  private sound({ tMs, from, fromPort, to, toPort }: Carried, bytes: Uint8Array): void {
    const { view } = this;
    const key = from + ":" + fromPort + " " + view.ssrc;
    let source = this.sources.get(key);
    if (source === undefined || tMs - source.band.until > BAND_ENDS_MS) {
      if (this.sources.size >= SOURCES) this.sources.clear();
      const a = this.nameOf(from, fromPort);
      const b = this.nameOf(to, toPort);
      source = { band: this.band(tMs, a, b), next: -1, transitMs: 0, rate: 8 };
      this.sources.set(key, source);
    }
    const { band } = source;
    const way = band.from === this.nameOf(from, fromPort) ? band.there : band.back;
    if (source.next >= 0) {
      const gap = (view.sequence - source.next) & 0xffff;
      if (gap < 0x8000) way.lost += gap;
      // A late packet was counted as lost before.
      else if (way.lost > 0) way.lost -= 1;
      const transit = tMs - view.timestamp / source.rate;
      // RFC 3550 §6.4.1
      way.jitterMs += (Math.abs(transit - source.transitMs) - way.jitterMs) / 16;
    }
    source.transitMs = tMs - view.timestamp / source.rate;
    if (source.next < 0 || ((view.sequence - source.next) & 0xffff) < 0x8000)
      source.next = (view.sequence + 1) & 0xffff;
    way.packets += 1;
    const count = Math.min(SAMPLES_MAX, view.end - view.start);
    if ((view.payloadType === PCMU || view.payloadType === PCMA) && count > 0) {
      decode(view.payloadType, bytes, view.start, count, this.samples, 0);
      way.level = Math.max(way.level - LEVEL_FALL_DB, decibels(this.samples, 0, count));
    }
    band.until = tMs;
    this.onItem(band);
  }

  /** @returns the band between these two that grows, or a new one */
  private band(tMs: number, a: string, b: string): BandItem {
    for (const { band } of this.sources.values())
      if (
        ((band.from === a && band.to === b) || (band.from === b && band.to === a)) &&
        tMs - band.until <= BAND_ENDS_MS
      )
        return band;
    const way = (): Way => ({ packets: 0, lost: 0, jitterMs: 0, level: SILENCE_DB });
    const band: BandItem = {
      kind: "band",
      id: ++this.lastId,
      t: tMs,
      until: tMs,
      from: a,
      to: b,
      there: way(),
      back: way(),
    };
    this.add(band);
    return band;
  }

  private add(item: Item): void {
    this.items.push(item);
    if (this.items.length > KEPT_ITEMS) this.drop(this.items.splice(0, KEPT_ITEMS >> 4));
    for (const [id, bytes] of this.bytes) {
      if (this.keptBytes <= KEPT_BYTES) break;
      this.bytes.delete(id);
      this.keptBytes -= bytes.length;
    }
    this.onItem(item);
  }

  private drop(items: readonly Item[]): void {
    for (const { id } of items) {
      this.keptBytes -= this.bytes.get(id)?.length ?? 0;
      this.bytes.delete(id);
    }
  }
}

/** @param timer TIMER_* */
function letter(timer: number): string {
  return timer === TIMER_2XX ? "2xx" : String.fromCharCode(timer);
}

/** Reads the Call-ID and the method leniently: a message that a parser refuses is shown, too. */
function namesIn(bytes: Uint8Array): { call: string; method: string; cseq: string } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  const call = /^(?:call-id|i)[ \t]*:[ \t]*(\S+)/im.exec(text)?.[1] ?? "";
  const [, number = "", named = ""] = /^cseq[ \t]*:[ \t]*(\d+)[ \t]+(\S+)/im.exec(text) ?? [];
  const method = safe((named || (/^\s*([A-Z]+) /.exec(text)?.[1] ?? "")).slice(0, 32));
  // An ACK and a CANCEL belong to the INVITE of their number.
  const of = method === "ACK" || method === "CANCEL" ? "INVITE" : method;
  return { call: safe(call.slice(0, 128)), method, cseq: number.slice(0, 10) + " " + of };
}
