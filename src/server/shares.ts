/**
 * How many of the transactions each kind of request may hold. Strangers get a part of them, and so do requests along a
 * Record-Route of ours, for a stranger's call may be the reason for those. The rest is for senders that gave a
 * password, and for REGISTER. Only transactions that are still needed count: one that has its final response makes room
 * when room is needed (layer.ts).
 * Not here: how many requests a second there may be (overload.ts), and who is a stranger (admission.ts).
 */
import { hash } from "../core/bytes.js";
import { CLIENT_FREE, type ClientTransaction } from "../transaction/client.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { SERVER_FREE, type ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";

/** The sender gave a password, or the request came from an address of the house. */
export const SHARE_KNOWN = 0;
/** The request came along our Record-Route. */
export const SHARE_DIALOG = 1;
export const SHARE_STRANGER = 2;

/**
 * By share, the part of each pool that may be held. Some server transactions are always left for requests that end
 * something, and for REGISTER.
 */
const PARTS_SERVERS: readonly number[] = [15 / 16, 1 / 4, 1 / 2];
const PARTS_CLIENTS: readonly number[] = [1, 1 / 4, 1 / 2];

/** Number of hashes by which dialogs are told apart; a power of two. */
const DIALOGS = 256;
/** Requests that may be under way in one dialog, so that one call does not take the room of all. */
const IN_ONE_DIALOG = 32;
const NO_PLACE = -1;

export class Shares {
  /** Requests that were refused because their share was taken, by SHARE_*. */
  readonly refused: number[] = [0, 0, 0];
  private readonly layer: TransactionLayer;
  // By position in the pool: the share, and for clients the branch, which tells when another request has the position.
  private readonly ofServer: Uint8Array;
  /** Where the dialog of a request is counted, NO_PLACE for a request without one. */
  private readonly places: Int16Array;
  private readonly ofClient: Uint8Array;
  private readonly branches: Int32Array;
  private readonly mostServers: number[] = [];
  private readonly mostClients: number[] = [];
  /**
   * By share, an upper limit of the transactions under way. They are counted anew when it meets the limit, at most once
   * a millisecond.
   */
  private readonly servers: number[] = [0, 0, 0];
  private readonly clients: number[] = [0, 0, 0];
  private countedMs = -1;
  /** Number of requests under way by the hash of their Call-ID. */
  private readonly dialogs = new Uint8Array(DIALOGS);

  constructor(layer: TransactionLayer) {
    this.layer = layer;
    this.ofServer = new Uint8Array(layer.limits.servers);
    for (let i = 0; i < PARTS_SERVERS.length; i++) {
      this.mostServers.push(Math.ceil(layer.limits.servers * PARTS_SERVERS[i]));
      this.mostClients.push(Math.ceil(layer.limits.clients * PARTS_CLIENTS[i]));
    }
    this.places = new Int16Array(layer.limits.servers).fill(NO_PLACE);
    this.ofClient = new Uint8Array(layer.limits.clients);
    this.branches = new Int32Array(layer.limits.clients);
  }

  /**
   * Takes one more request of that share; `t` counts for it until it can be spared.
   * @returns false when the share is taken
   */
  takeServer(t: ServerTransaction, m: Message, share: number): boolean {
    const place = share === SHARE_DIALOG ? hash(m.bytes, m.callIdStart, m.callIdEnd) & (DIALOGS - 1) : NO_PLACE;
    if (this.isTaken(share, place)) this.recount();
    if (this.isTaken(share, place)) {
      this.refused[share] += 1;
      return false;
    }
    this.servers[share] += 1;
    if (place !== NO_PLACE) this.dialogs[place] += 1;
    this.places[t.slot] = place;
    this.ofServer[t.slot] = share + 1;
    return true;
  }

  private isTaken(share: number, place: number): boolean {
    if (place !== NO_PLACE && this.dialogs[place] >= IN_ONE_DIALOG) return true;
    return this.servers[share] >= this.mostServers[share];
  }

  /** Whether a request of the same share as `t` may be forwarded once more. */
  hasClient(t: ServerTransaction): boolean {
    const share = this.shareOf(t);
    const most = this.mostClients[share];
    if (this.clients[share] >= most) this.recount();
    return this.clients[share] < most;
  }

  /** Counts `c`, which forwards the request of `t`, until its final response. */
  takeClient(t: ServerTransaction, c: ClientTransaction): void {
    const share = this.shareOf(t);
    this.clients[share] += 1;
    this.ofClient[c.slot] = share + 1;
    this.branches[c.slot] = c.branchLow;
  }

  /** Stops counting a server transaction that is over, or goes on without the proxy. */
  releaseServer(t: ServerTransaction): void {
    const share = this.ofServer[t.slot];
    if (share === 0) return;
    this.servers[share - 1] -= 1;
    if (this.places[t.slot] !== NO_PLACE) this.dialogs[this.places[t.slot]] -= 1;
    this.ofServer[t.slot] = 0;
  }

  shareOf(t: ServerTransaction): number {
    const share = this.ofServer[t.slot];
    return share === 0 ? SHARE_KNOWN : share - 1;
  }

  /** @returns how many requests of that share are under way */
  countHeld(share: number): number {
    this.countedMs = -1;
    this.recount();
    return this.servers[share];
  }

  /** @returns how many server transactions a share may have */
  mostOf(share: number): number {
    return this.mostServers[share];
  }

  private recount(): void {
    const { layer, servers, clients } = this;
    if (this.countedMs === layer.timers.nowMs) return;
    this.countedMs = layer.timers.nowMs;
    servers[0] = servers[1] = servers[2] = clients[0] = clients[1] = clients[2] = 0;
    this.dialogs.fill(0);
    for (let i = 0; i < this.ofServer.length; i++) {
      const share = this.ofServer[i];
      if (share === 0) continue;
      const t = layer.servers.items[i];
      if (t.state !== SERVER_FREE && t.spareMs(false) < 0) {
        servers[share - 1] += 1;
        if (this.places[i] !== NO_PLACE) this.dialogs[this.places[i]] += 1;
      } else this.ofServer[i] = 0;
    }
    for (let i = 0; i < this.ofClient.length; i++) {
      const share = this.ofClient[i];
      if (share === 0) continue;
      const c = layer.clients.items[i];
      const isSame = c.state !== CLIENT_FREE && c.branchLow === this.branches[i];
      if (isSame && c.spareMs(false) < 0) clients[share - 1] += 1;
      else this.ofClient[i] = 0;
    }
  }
}
