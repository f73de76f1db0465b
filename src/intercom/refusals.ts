/**
 * Tells calls that were refused before they rang, with whom and why. In a flood only some are told, with the number of
 * the others: what a stranger sends must fill neither the console nor the log. Expected callers are counted separately,
 * so that a flood does not hide them.
 * Not here: who is refused, and with what (the user agent and callers.ts).
 */
import { ipv4Text } from "../core/address.js";
import { text } from "../core/bytes.js";
import { printable } from "../core/printable.js";
import type { Timers } from "../core/timers.js";
import type { Flow } from "../transaction/flow.js";
import { ValueList } from "../wire/list.js";
import type { Message } from "../wire/message.js";
import { HEADER_REQUIRE } from "../wire/names.js";
import { PROBLEM_NONE } from "../wire/problems.js";
import { Allowance } from "./allowance.js";
import { callerOf } from "./calltext.js";
import type { DoorEvents, EventFields } from "./events.js";

// So many are told in a row, then one in each of these times.
const AT_ONCE = 5;
const EVERY_MS = 60_000;

// For the time of one call only.
const list = new ValueList();

/** Knows what is wrong with the encryption of a call that was refused; "": nothing. */
export interface OfferExpert {
  encryptionProblem(m: Message, source: Flow): string;
}

export class RefusedCalls {
  private readonly timers: Timers;
  private readonly events: DoorEvents;
  private readonly strangers = new Allowance(AT_ONCE, EVERY_MS);
  private readonly expected = new Allowance(AT_ONCE, EVERY_MS);

  constructor(timers: Timers, events: DoorEvents) {
    this.timers = timers;
    this.events = events;
  }

  /**
   * Tells a refused call.
   * @param source where it came from @param isExpected that is the server or an address that the settings call
   */
  tell(m: Message, source: Flow, status: number, isExpected: boolean, expert: OfferExpert): void {
    const allowance = isExpected ? this.expected : this.strangers;
    if (!allowance.take(this.timers.nowMs)) return;
    const fields: EventFields["call"] = { direction: "in", peer: callerOf(m), address: ipv4Text(source.ip) };
    const problem = status === 488 ? expert.encryptionProblem(m, source) : "";
    fields.reason = problem === "" ? refusalOf(m, status) : problem;
    fields.code = status;
    const untold = allowance.takeUntold();
    if (untold > 0) fields.untold = untold;
    this.events.event("call", "refused", fields);
  }
}

/** Says in words why a call was refused. */
function refusalOf(m: Message, status: number): string {
  switch (status) {
    case 400:
      return m.problem === PROBLEM_NONE ? "malformed" : "malformed (" + text(m.problemText()) + ")";
    case 403:
      return "the caller is not known";
    case 404:
      return "nobody here has that name";
    case 406:
      return "no description is accepted";
    case 415:
      return "its body cannot be read";
    case 416:
      return "its address is no sip: one";
    case 420:
      return "needs what is not here (" + requiredBy(m) + ")";
    case 422:
      return "its session interval is too small";
    case 480:
      return "do not disturb";
    case 481:
      return "it belongs to no call";
    case 486:
      return "busy";
    case 488:
      return "no codec or address in common";
    case 500:
    case 503:
      return "no room";
    case 505:
      return "another version of SIP";
    case 513:
      return "too long";
    default:
      return "refused here";
  }
}

function requiredBy(m: Message): string {
  let out = "";
  list.beginField(m, HEADER_REQUIRE);
  while (list.next()) out += (out === "" ? "" : ", ") + text(list.bytes, list.start, list.end);
  return printable(out);
}
