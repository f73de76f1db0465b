/**
 * Chooses the sentence that explains a row of the ladder or a header, in any language, and names the keys that every
 * language must have.
 */
import type { en, enExplain } from "./en.js";
import { type ExplainKey, RFC } from "./rfc.js";

export type WordKey = keyof typeof en;
export type Words = Record<WordKey, string>;
export type Explanations = Record<keyof typeof enExplain & ExplainKey, string>;

function known(key: string, otherwise: ExplainKey): ExplainKey {
  return key in RFC ? (key as ExplainKey) : otherwise;
}

/** @param status 0 for a request @param timer that sent it again: its letter, 2xx, "" for none */
export function explainMessage(method: string, status: number, isAgain: boolean, timer = ""): ExplainKey {
  if (isAgain) return known("again." + timer, status === 0 ? "again" : "again.answer");
  if (status === 0) return known("method." + method, "method.other");
  return known("status." + status + "." + method, byStatus(status));
}

function byStatus(status: number): ExplainKey {
  return known("status." + status, known("status." + Math.floor(status / 100), "status.4"));
}

/** @param header its usual name; "start" and "body" are known, too */
export function explainHeader(header: string): ExplainKey {
  return known("header." + header, "header.other");
}

export function explainState(event: string, value: string): ExplainKey {
  // Both accounts have the same states.
  const name = event === "register2" ? "register" : event;
  return known("state." + name + "." + value, known("state." + name, "state.other"));
}
