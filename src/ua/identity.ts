/**
 * An account of the user agent with all that belongs to it: who we are at its server, the credentials, the
 * registration, and what its calls share. The user agent itself is the first one; a second one is made only if it is
 * set up (secondaccount.ts).
 */
import type { Flow } from "../transaction/flow.js";
import type { Uri } from "../wire/uri.js";
import type { Account } from "./account.js";
import type { CallContext } from "./call.js";
import type { Registration } from "./registration.js";

export interface Identity {
  readonly account: Account;
  readonly registration: Registration;
  /** What the calls by this account share. */
  readonly context: CallContext;
  /**
   * Returns whether an address is that of the configured server, if already known, or of a registrar that it redirected
   * us to.
   */
  isServer(ip: number): boolean;
  /**
   * Does the same as `isServer`, but compares the port too, since other programs may run on the server's machine.
   * @param source with the port a request came from
   */
  isServerFlow(source: Flow): boolean;
  /** Returns whether the host of that URI is the server, by name or address, so that the URI is one of its users. */
  isServerHost(of: Uri): boolean;
}
