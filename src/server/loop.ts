/**
 * Detects loops: a request that was here before and has not changed since. One that changed is a spiral, which is
 * allowed. The branch of each forwarded request begins with a keyed hash over everything that decides its way, so
 * nothing has to be kept. RFC 3261 §16.3 step 4, §16.6 step 8, RFC 5393 §4.2
 */
import { hash } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { BRANCH_BYTES, COOKIE_BYTES } from "../transaction/branch.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { readHex32 } from "../transaction/slots.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_PROXY_REQUIRE, HEADER_ROUTE, HEADER_VIA } from "../wire/names.js";
import { Via } from "../wire/via.js";

export class LoopGuard {
  private readonly layer: TransactionLayer;
  private readonly seed: number;
  private readonly list = new ValueList();
  private readonly via = new Via();

  constructor(layer: TransactionLayer, random: RandomSource) {
    this.layer = layer;
    this.seed = random.uint32() | 0;
  }

  /** Whether a Via of ours begins with that hash. @param loopHash `hashOf` the request */
  wasHere(m: Message, loopHash: number): boolean {
    const { list, via } = this;
    list.beginField(m, HEADER_VIA);
    while (list.next()) {
      if (!via.parse(list.bytes, list.start, list.end) || !this.isOurs(via)) continue;
      if (via.branchEnd - via.branchStart !== BRANCH_BYTES) continue;
      if (readHex32(list.bytes, via.branchStart + COOKIE_BYTES) === loopHash) return true;
    }
    return false;
  }

  private isOurs(via: Via): boolean {
    const { layer } = this;
    return via.ip === layer.localIp && via.port === layer.transport.ownPort(via.transport);
  }

  /** The keyed hash over everything that decides the way of the request. */
  hashOf(m: Message): number {
    let h = mix(this.seed, m.bytes, m.uriStart, m.uriEnd);
    h = mix(h, m.bytes, m.fromTagStart, m.fromTagEnd);
    h = mix(h, m.bytes, m.toTagStart, m.toTagEnd);
    h = mix(h, m.bytes, m.callIdStart, m.callIdEnd);
    h = Math.imul(h ^ m.cseq, 0x01000193);
    h = mixFields(h, m, HEADER_ROUTE);
    h = mixFields(h, m, HEADER_PROXY_REQUIRE);
    return h ^ (h >>> 15);
  }
}

function mix(from: number, bytes: Uint8Array, start: number, end: number): number {
  return Math.imul(from ^ hash(bytes, start, end), 0x01000193);
}

function mixFields(from: number, m: Message, id: number): number {
  let h = from;
  for (let row = m.first(id); row >= 0; row = m.next(row)) h = mix(h, m.bytes, m.valueStart(row), m.valueEnd(row));
  return h;
}
