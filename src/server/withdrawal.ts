/**
 * Removes the bindings of users that were taken out or got another password: a phone that was lost or sold would be
 * called until its registration expires. Its next REGISTER is refused by the authenticator. Not here: calls that go on,
 * and users that changed while no server ran.
 */

import { Span } from "../core/bytes.js";
import type { RandomSource } from "../core/random.js";
import { Bindings, type LocationStore, type LocationUser, RECORD_LEAST_BYTES } from "./location.js";
import type { UserTable } from "./users.js";

/** Removes the bindings of all users of `before` that are not in `after`, or have another password there. */
export function withdraw(before: UserTable, after: UserTable, store: LocationStore, random: RandomSource): void {
  for (let i = 0; i < before.count; i++)
    if (!before.isKeptIn(after, i)) new Withdrawal(store, random, before.addressOf(i)).begin();
}

/** The removal of one user's bindings; the store may answer later. */
class Withdrawal implements LocationUser {
  private readonly store: LocationStore;
  private readonly random: RandomSource;
  private readonly aor = new Span();

  constructor(store: LocationStore, random: RandomSource, aor: Uint8Array) {
    this.store = store;
    this.random = random;
    this.aor.set(aor, 0, aor.length);
  }

  begin(): void {
    this.store.findBindings(this.aor, this, 0);
  }

  onBindings(_token: number, _result: number, list: Bindings): void {
    if (list.count === 0) return;
    const none = new Bindings();
    none.startRecord(new Uint8Array(RECORD_LEAST_BYTES), list.version, this.random.uint32());
    // A phone that registers in this moment has the new password: then the record has another version, and stays.
    this.store.replaceBindings(this.aor, none, this, 0);
  }

  onUpdated(_token: number, _result: number): void {}
}
