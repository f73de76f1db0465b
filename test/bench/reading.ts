/**
 * The two ways in which our parser reads a message for the benchmark: lazily, as a user agent needs it at first, and
 * with every URI, address and Via taken apart.
 */
import { NameAddress } from "../../src/wire/address.js";
import { ValueList } from "../../src/wire/list.js";
import { Message } from "../../src/wire/message.js";
import { HEADER_CONTACT, HEADER_RECORD_ROUTE, HEADER_ROUTE, HEADER_VIA } from "../../src/wire/names.js";
import { Uri } from "../../src/wire/uri.js";
import { Via } from "../../src/wire/via.js";

const LISTS = [HEADER_CONTACT, HEADER_ROUTE, HEADER_RECORD_ROUTE];

/**
 * The messages lie one behind the other, as a door's datagrams do in the one buffer they are received into, at any
 * offset.
 */
export class Reader {
  private readonly message = new Message(48);
  private readonly list = new ValueList();
  private readonly address = new NameAddress();
  private readonly uri = new Uri();
  private readonly via = new Via();
  private readonly buffer: Uint8Array;
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];

  constructor(messages: readonly Uint8Array[]) {
    this.buffer = new Uint8Array(messages.reduce((sum, bytes) => sum + bytes.length, 1));
    let at = 1;
    for (const bytes of messages) {
      this.buffer.set(bytes, at);
      this.starts.push(at);
      at += bytes.length;
      this.ends.push(at);
    }
  }

  /**
   * Reads lazily: all header fields indexed; branch, tags, CSeq, Call-ID and Content-Length known. @returns a number
   * made of them; NaN for a message that is refused
   */
  lazily(times: number): number {
    const { message, buffer, starts, ends } = this;
    let sum = 0;
    for (let i = 0; i < times; i++)
      for (let j = 0; j < starts.length; j++) {
        if (message.parse(buffer, starts[j], ends[j], false) !== 0) return Number.NaN;
        sum += message.branchEnd - message.branchStart + message.cseq + message.contentLength;
        sum += message.fromTagEnd + message.toTagEnd + message.callIdEnd;
      }
    return sum;
  }

  /**
   * Does the same, and takes apart every Via, the address and URI of From, To, Contact, Route and Record-Route, and the
   * Request-URI.
   */
  wholly(times: number): number {
    const { message, buffer, starts, ends } = this;
    let sum = 0;
    for (let i = 0; i < times; i++)
      for (let j = 0; j < starts.length; j++) {
        if (message.parse(buffer, starts[j], ends[j], false) !== 0) return Number.NaN;
        sum += message.cseq + message.contentLength + message.callIdEnd + this.takeApart();
      }
    return sum;
  }

  private takeApart(): number {
    const { message, list, uri, via } = this;
    let sum = 0;
    if (message.isRequest) {
      if (!uri.parse(message.bytes, message.uriStart, message.uriEnd)) return Number.NaN;
      sum += uri.hostEnd + uri.port;
    }
    list.beginField(message, HEADER_VIA);
    while (list.next()) {
      if (!via.parse(list.bytes, list.start, list.end)) return Number.NaN;
      sum += via.branchEnd + via.port;
    }
    sum += this.readAddress(message.fromStart, message.fromEnd) + this.readAddress(message.toStart, message.toEnd);
    for (let k = 0; k < LISTS.length; k++) {
      list.beginField(message, LISTS[k]);
      while (list.next()) sum += this.readAddress(list.start, list.end);
    }
    return sum;
  }

  private readAddress(start: number, end: number): number {
    const { message, address, uri } = this;
    if (!address.parseWithUri(message.bytes, start, end, uri)) return Number.NaN;
    return uri.hostEnd + uri.port + address.tagEnd;
  }
}
