/**
 * Who may call, and who is answered without a hand: by default the server and whom the buttons call, by the address their
 * requests come from. Not here: what becomes of the call (door.ts).
 */
import { ipv4 } from "../core/address.js";
import { octets, parseUint, Span, text } from "../core/bytes.js";
import type { Flow } from "../transaction/flow.js";
import { readTarget } from "../ua/target.js";
import type { UserAgent } from "../ua/useragent.js";
import type { Message } from "../wire/message.js";
import {
  HEADER_ALERT_INFO,
  HEADER_ANSWER_MODE,
  HEADER_CALL_INFO,
  METHOD_INVITE,
  METHOD_MESSAGE,
} from "../wire/names.js";
import { Uri } from "../wire/uri.js";
import { readPlan } from "./plan.js";
import type { Settings } from "./settings.js";

const ANSWER_AFTER = octets("answer-after=");
const ALERT_AUTO = octets("alert-autoanswer");
const AUTO = octets("auto");
const REQUIRE = octets("require");
const LONGEST_AFTER_S = 60;

const uri = new Uri();
const value = new Span();

export class Callers {
  /** The last INVITE or MESSAGE that was judged came from the server or from one of the targets. */
  isKnown = false;
  private addresses: number[] = [];

  /** Takes the addresses of all whom the settings call; names stand for nobody. */
  configure(settings: Settings): void {
    this.addresses = [];
    this.add(settings.get("call.target"));
    this.add(settings.get("call.fallback"));
    for (let button = 1; button <= 4; button++) {
      this.addPlan(settings.get("button" + button + ".day"));
      this.addPlan(settings.get("button" + button + ".night"));
    }
  }

  /** @param isPhone it came from a phone of the house, by its password @returns 0 when it may ring or be heard, else the status that refuses it */
  judge(ua: UserAgent, m: Message, source: Flow, settings: Settings, isPhone = false): number {
    this.isKnown = isPhone || ua.isServer(source.ip) || this.addresses.indexOf(source.ip) >= 0;
    const isOpen = settings.get("call.allow") === "any";
    if (!this.isKnown && !isOpen) return 403;
    if (!uri.parse(m.bytes, m.uriStart, m.uriEnd)) return 400;
    const named =
      uri.userEnd > uri.userStart && text(uri.bytes, uri.userStart, uri.userEnd) !== settings.get("sip.user");
    if (named && !isOpen) return 404;
    if (m.method === METHOD_MESSAGE) return 0;
    const quiet = settings.get("call.doNotDisturb");
    return quiet === "busy" ? 486 : quiet === "away" ? 480 : 0;
  }

  /**
   * Whether a call that may ring is to be answered by itself: always, or because the caller asks for it by Call-Info, Alert-Info
   * or Answer-Mode (RFC 5373) and is known. @returns after how many seconds, -1: not
   */
  answerAfterS(m: Message | null, settings: Settings): number {
    if (settings.isOn("call.autoAnswer")) return 0;
    if (m === null || m.method !== METHOD_INVITE || !this.isKnown || !settings.isOn("call.answerOnRequest")) return -1;
    if (m.value(HEADER_ANSWER_MODE, value) && isAuto()) return 0;
    const afterS = this.afterS(m, HEADER_CALL_INFO);
    return afterS >= 0 ? afterS : this.afterS(m, HEADER_ALERT_INFO);
  }

  /** Whether the caller insists on an answer without a hand, and is not to have one: then it is to be refused. RFC 5373 */
  mustRefuse(m: Message, settings: Settings): boolean {
    if (!m.value(HEADER_ANSWER_MODE, value) || !isAuto() || indexOf(REQUIRE) < 0) return false;
    return this.answerAfterS(m, settings) < 0;
  }

  private afterS(m: Message, header: number): number {
    for (let row = m.first(header); row >= 0; row = m.next(row)) {
      value.set(m.bytes, m.valueStart(row), m.valueEnd(row));
      const at = indexOf(ANSWER_AFTER);
      if (at >= 0) {
        const start = at + ANSWER_AFTER.length;
        let end = start;
        while (end < value.end && value.bytes[end] >= 0x30 && value.bytes[end] <= 0x39) end += 1;
        const seconds = parseUint(value.bytes, start, end, LONGEST_AFTER_S);
        if (seconds >= 0) return seconds;
      } else if (indexOf(ALERT_AUTO) >= 0) return 0;
    }
    return -1;
  }

  private addPlan(plan: string): void {
    if (plan === "") return;
    const { targets } = readPlan(plan);
    for (let i = 0; i < targets.length; i++) this.add(targets[i]);
  }

  private add(target: string): void {
    const read = readTarget(target, "");
    if (read.error !== "") return;
    const bytes = octets(read.uri);
    if (!uri.parse(bytes, 0, bytes.length)) return;
    const ip = ipv4(text(bytes, uri.hostStart, uri.hostEnd));
    if (ip > 0 && this.addresses.indexOf(ip) < 0) this.addresses.push(ip);
  }
}

/** `value` begins with "Auto", before any parameter. */
function isAuto(): boolean {
  if (value.size() < AUTO.length) return false;
  for (let i = 0; i < AUTO.length; i++) if ((value.bytes[value.start + i] | 0x20) !== AUTO[i]) return false;
  const next = value.start + AUTO.length;
  return next === value.end || value.bytes[next] === 0x3b || value.bytes[next] <= 0x20;
}

/** @returns where `wanted`, in lower case, stands in `value`; -1: nowhere */
function indexOf(wanted: Uint8Array): number {
  for (let at = value.start; at + wanted.length <= value.end; at++) {
    let i = 0;
    while (i < wanted.length && lowerOf(value.bytes[at + i]) === wanted[i]) i += 1;
    if (i === wanted.length) return at;
  }
  return -1;
}

function lowerOf(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
}
