/**
 * How much of the transactions requests of a kind may hold: strangers get a part of them, and so has what comes along a
 * Record-Route of ours, which a stranger's call may be too. What is left is for those who gave a password, and
 * REGISTER. Only what cannot be spared counts: a transaction that has its final response makes room when there is need
 * of it (layer.ts).
 * Not here: how many requests a second there may be (overload.ts), and who is a stranger (admission.ts).
 */
import { hash } from "../core/bytes.js";
import { CLIENT_FREE, type ClientTransaction } from "../transaction/client.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { SERVER_FREE, type ServerTransaction } from "../transaction/server.js";
import type { Message } from "../wire/message.js";

/** A password was given, or it came from an address of the house. */
export const SHARE_KNOWN = 0;
/** It came along our Record-Route. */
export const SHARE_DIALOG = 1;
export const SHARE_STRANGER = 2;

/**
 * By share, how much of each pool may be held. Of the server transactions some are always left for those who end
 * something, and REGISTER.
 */
const PARTS_SERVERS: readonly number[] = [15 / 16, 1 / 4, 1 / 2];
const PARTS_CLIENTS: readonly number[] = [1, 1 / 4, 1 / 2];

/** Dialogs are told apart by so many hashes; a power of two. */
const DIALOGS = 256;
/** Requests that may be under way in one: whoever was let into one call does not take the room of all. */
const IN_ONE_DIALOG = 32;
const NO_PLACE = -1;

export class Shares {
  /** Requests that found their share taken, by SHARE_*. */
  readonly refused: number[] = [0, 0, 0];
  private readonly layer: TransactionLayer;
  // By position in the pool: the share, and of clients their branch, by which it is known whether the position has
  // passed on to another.
  private readonly ofServer: Uint8Array;
  /** Where the dialog of a request is counted, NO_PLACE for one that has none. */
  private readonly places: Int16Array;
  private readonly ofClient: Uint8Array;
  private readonly branches: Int32Array;
  private readonly mostServers: number[] = [];
  private readonly mostClients: number[] = [];
  /**
   * By share: at least as many as are under way. They are counted anew when a limit is met, but not more than once a
   * millisecond.
   */
  private readonly servers: number[] = [0, 0, 0];
  private readonly clients: number[] = [0, 0, 0];
  private countedMs = -1;
  /** Requests under way by the hash of their Call-ID. */
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

  /** Whether one more request of that share may be taken; if so, `t` counts for it until it can be spared. */
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

  /** Whether a request of the same share as `t` may be sent on once more. */
  hasClient(t: ServerTransaction): boolean {
    const share = this.shareOf(t);
    const most = this.mostClients[share];
    if (this.clients[share] >= most) this.recount();
    return this.clients[share] < most;
  }

  /** It is sent on by `c`, which counts until its final response. */
  takeClient(t: ServerTransaction, c: ClientTransaction): void {
    const share = this.shareOf(t);
    this.clients[share] += 1;
    this.ofClient[c.slot] = share + 1;
    this.branches[c.slot] = c.branchLow;
  }

  /** The server transaction is over, or goes on without the proxy. */
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

  /** How many requests of that share are under way. */
  countHeld(share: number): number {
    this.countedMs = -1;
    this.recount();
    return this.servers[share];
  }

  /** How many server transactions a share may have. */
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
