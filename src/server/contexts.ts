/**
 * Response contexts (RFC 3261 §16.7): what a proxy keeps of a request that it forwarded, from the first branch to the
 * final answer. There is one context for each server transaction and one branch for each client transaction, by their
 * positions in the layer's pools, all in arrays of fixed size. Messages that have to be kept (a request that may be
 * forwarded again, the best response so far) lie in buffers that are lent out.
 * Not here: what is done with all this (proxy.ts).
 */

import type { Span } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import { Pool } from "../core/pool.js";
import type { Message } from "../wire/message.js";

/** An answer of the location service is awaited. */
export const FLAG_ASKING = 1;
/** There are contacts of a lower q to be tried. */
export const FLAG_MORE = 2;
/** The caller cancelled the request, or one answer ended it for all branches: no further branch is started. */
export const FLAG_CLOSED = 4;
/** The final answer was given. */
export const FLAG_DONE = 8;

/** Ends a list of branches. */
export const NO_BRANCH = -1;
/** A branch is given up at no time: it has its final response, or was given up before. */
export const NO_DEADLINE = Infinity;
const Q_ABOVE_ALL = 1001;

/** A buffer for a message that outlives the call it came in. */
export class Kept {
  readonly bytes: Uint8Array;
  size = 0;

  constructor(bytes: number) {
    this.bytes = new Uint8Array(bytes);
  }

  /** @returns false when it does not fit */
  copyMessage(m: Message): boolean {
    if (m.end - m.start > this.bytes.length) return false;
    copyOctets(this.bytes, 0, m.bytes, m.start, m.end);
    this.size = m.end - m.start;
    return true;
  }
}

export class Contexts {
  // By position of the server transaction.
  readonly flags: Uint8Array;
  /** Number of branches without a final response. */
  readonly pending: Int16Array;
  /** The status of the best final response so far, 0 for none. */
  readonly best: Int16Array;
  /** The q of the contacts that were tried last, thousandths. */
  readonly q: Int16Array;
  /**
   * Counts the requests that had this position, so that a late answer of the store is not taken for one to the next
   * request.
   */
  readonly turn: Uint16Array;
  /** When the answer of the location service is given up, ms on the core's clock. */
  readonly askedUntilMs: Float64Array;
  /** The binding whose flow is gone, as `Hop.binding` has it, while the location service is asked for it; else 0. */
  readonly lost: Int32Array;
  /** How often it was asked for that. */
  readonly losses: Uint8Array;
  /** Row of the right credentials in the request, -1 when it has none. */
  readonly credentials: Int16Array;
  /** Buffers that are lent: for the request, the best response, and the challenges of all branches; null for none. */
  readonly request: (Kept | null)[] = [];
  readonly response: (Kept | null)[] = [];
  readonly challenges: (Kept | null)[] = [];
  private readonly firsts: Int32Array;
  // By position of the client transaction.
  /** The context's position, -1 for none. */
  readonly context: Int32Array;
  /** When the branch is given up, ms on the core's clock; NO_DEADLINE: it is not. */
  readonly deadlineMs: Float64Array;
  /** 1 when the branch has its final response. */
  readonly isSettled: Uint8Array;
  /** The hash of the URI it was sent to. */
  readonly uris: Int32Array;
  /** `Hop.binding` of the hop it was sent to. */
  readonly bindings: Int32Array;
  private readonly nexts: Int32Array;
  private readonly pool: Pool<Kept>;

  /** @param kept number of buffers @param keptBytes size of each */
  constructor(servers: number, clients: number, kept: number, keptBytes: number) {
    this.flags = new Uint8Array(servers);
    this.pending = new Int16Array(servers);
    this.best = new Int16Array(servers);
    this.q = new Int16Array(servers);
    this.turn = new Uint16Array(servers);
    this.askedUntilMs = new Float64Array(servers);
    this.lost = new Int32Array(servers);
    this.losses = new Uint8Array(servers);
    this.credentials = new Int16Array(servers);
    this.firsts = new Int32Array(servers).fill(NO_BRANCH);
    for (let i = 0; i < servers; i++) {
      this.request.push(null);
      this.response.push(null);
      this.challenges.push(null);
    }
    this.context = new Int32Array(clients).fill(-1);
    this.deadlineMs = new Float64Array(clients);
    this.isSettled = new Uint8Array(clients);
    this.uris = new Int32Array(clients);
    this.bindings = new Int32Array(clients);
    this.nexts = new Int32Array(clients).fill(NO_BRANCH);
    const buffers: Kept[] = [];
    for (let i = 0; i < kept; i++) buffers.push(new Kept(keptBytes));
    this.pool = new Pool(buffers);
  }

  /** Starts a context. @param credentials row of the right ones in the request, -1 for none */
  openContext(slot: number, credentials: number): void {
    this.credentials[slot] = credentials;
    this.flags[slot] = this.pending[slot] = this.best[slot] = this.lost[slot] = this.losses[slot] = 0;
    this.q[slot] = Q_ABOVE_ALL;
    this.turn[slot] += 1;
  }

  /** Forgets a context with its branches, and gives its buffers back. */
  closeContext(slot: number): void {
    this.turn[slot] += 1;
    for (let branch = this.firsts[slot]; branch >= 0; branch = this.nexts[branch]) this.context[branch] = -1;
    this.firsts[slot] = NO_BRANCH;
    this.releaseBuffer(this.request, slot);
    this.releaseBuffer(this.response, slot);
    this.releaseBuffer(this.challenges, slot);
  }

  /** @returns the first branch, NO_BRANCH when there is none */
  firstBranch(slot: number): number {
    return this.firsts[slot];
  }

  nextBranch(branch: number): number {
    return this.nexts[branch];
  }

  /** Adds a branch. @param uri hash of the URI it goes to @param binding as `Hop.binding` has it */
  addBranch(slot: number, branch: number, uri: number, binding: number, deadlineMs: number): void {
    this.context[branch] = slot;
    this.uris[branch] = uri;
    this.bindings[branch] = binding;
    this.deadlineMs[branch] = deadlineMs;
    this.isSettled[branch] = 0;
    this.nexts[branch] = this.firsts[slot];
    this.firsts[slot] = branch;
    this.pending[slot] += 1;
  }

  /** A branch has its final response. */
  settleBranch(slot: number, branch: number): void {
    this.isSettled[branch] = 1;
    this.deadlineMs[branch] = NO_DEADLINE;
    this.pending[slot] -= 1;
  }

  /** Forgets a branch whose client transaction is over. */
  removeBranch(branch: number): void {
    const slot = this.context[branch];
    if (slot < 0) return;
    this.context[branch] = -1;
    if (this.firsts[slot] === branch) {
      this.firsts[slot] = this.nexts[branch];
      return;
    }
    let at = this.firsts[slot];
    while (this.nexts[at] !== branch) at = this.nexts[at];
    this.nexts[at] = this.nexts[branch];
  }

  /** Whether a branch went to the URI of that hash already. No target is tried twice. RFC 3261 §16.5 */
  wasTried(slot: number, uri: number): boolean {
    for (let branch = this.firsts[slot]; branch >= 0; branch = this.nexts[branch])
      if (this.uris[branch] === uri) return true;
    return false;
  }

  /**
   * @returns when the next branch, or the location service, is to be given up, ms; NO_DEADLINE when none is waited for
   */
  earliestMs(slot: number): number {
    let earliest = (this.flags[slot] & FLAG_ASKING) !== 0 ? this.askedUntilMs[slot] : NO_DEADLINE;
    for (let branch = this.firsts[slot]; branch >= 0; branch = this.nexts[branch]) {
      const ms = this.deadlineMs[branch];
      if (ms < earliest) earliest = ms;
    }
    return earliest;
  }

  /**
   * Keeps a message in one of the three lists.
   * @returns false when there is no buffer, or it is too small; then nothing is kept there
   */
  keepMessage(list: (Kept | null)[], slot: number, m: Message): boolean {
    const buffer = this.lendBuffer(list, slot);
    if (buffer === null) return false;
    if (buffer.copyMessage(m)) return true;
    this.releaseBuffer(list, slot);
    return false;
  }

  /**
   * Replaces the Request-URI of the kept request, which `m` is a view of. Contacts of any q may be tried again.
   * @returns false when it does not fit
   */
  replaceUri(slot: number, m: Message, uri: Span): boolean {
    const kept = this.request[slot];
    if (kept === null) return false;
    const { bytes } = kept;
    const shift = uri.end - uri.start - (m.uriEnd - m.uriStart);
    if (kept.size + shift > bytes.length) return false;
    bytes.copyWithin(m.uriEnd + shift, m.uriEnd, kept.size);
    for (let i = uri.start, at = m.uriStart; i < uri.end; i++, at++) bytes[at] = uri.bytes[i];
    kept.size += shift;
    this.q[slot] = Q_ABOVE_ALL;
    return true;
  }

  /** @returns the buffer that the context has in that list, lent now if it has none; null when none is free */
  lendBuffer(list: (Kept | null)[], slot: number): Kept | null {
    if (list[slot] === null) {
      const buffer = this.pool.take();
      if (buffer !== null) buffer.size = 0;
      list[slot] = buffer;
    }
    return list[slot];
  }

  releaseBuffer(list: (Kept | null)[], slot: number): void {
    const buffer = list[slot];
    if (buffer !== null) this.pool.give(buffer);
    list[slot] = null;
  }

  /** @returns how many buffers are lent */
  usedBuffers(): number {
    return this.pool.used();
  }
}
