/**
 * How many timers, client transactions and dialogs a user agent uses, by the calls, lines and subscriptions that it
 * has.
 * Not here: those numbers for each board (driver/limits.ts).
 */
import type { Limits } from "../core/limits.js";
import { NOTIFIER_TIMERS } from "../dialog/notifier.js";
import { SESSION_TIMERS } from "../dialog/sessionstate.js";
import { STREAM_TIMERS } from "../media/stream.js";
import { transactionTimers } from "../transaction/layer.js";
import { CALL_TIMERS } from "./call.js";
import { OWN_ADDRESS_TIMERS } from "./ownaddress.js";
import { REGISTRATION_TIMERS } from "./registration.js";
import { PROBE_TIMERS } from "./serverprobe.js";
import { TRANSFER_TIMERS } from "./transfer.js";

type Counts = Pick<Limits, "calls" | "lines" | "subscriptions">;

/** @returns the number of timers that a user agent makes with these limits */
export function userAgentTimers(limits: Counts & Pick<Limits, "clients" | "servers">): number {
  const { calls, lines, subscriptions } = limits;
  return (
    transactionTimers(limits) +
    (SESSION_TIMERS + CALL_TIMERS) * calls +
    STREAM_TIMERS * lines +
    NOTIFIER_TIMERS * subscriptions +
    TRANSFER_TIMERS +
    REGISTRATION_TIMERS +
    PROBE_TIMERS +
    OWN_ADDRESS_TIMERS
  );
}

/**
 * Client transactions that may run at once: an INVITE for each call, a NOTIFY for each phone that watches, and a
 * REGISTER. The NOTIFY of a transfer takes the place of the call that is moved, whose INVITE is done. A CANCEL needs no
 * place of its own: a transaction that only waits for repetitions, or a farewell that needs no answer, makes room.
 */
export function clientsOf({ calls, lines, subscriptions }: Counts): number {
  return calls + subscriptions + 1 + besides(lines);
}

/**
 * Each call needs the draft of its INVITE and the fork that answers; other forks that ring are kept as far as there is
 * room.
 */
export function dialogsOf({ calls, lines }: Pick<Limits, "calls" | "lines">): number {
  return 2 * calls + besides(lines);
}

/** A call on a further line goes on beside the ring: it needs room for changes in it, and for its end. */
function besides(lines: number): number {
  return 2 * (lines - 1);
}
