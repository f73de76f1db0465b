/**
 * The English sentence that explains an arrow of the ladder in the terminal, and the place where it is defined
 * (`--explain`).
 */
import type { Rung } from "../world/ladder.js";
import { enExplain } from "./words/en.js";
import { explainMessage } from "./words/index.js";
import { RFC } from "./words/rfc.js";

export function sentenceOf({ head, isAgain }: Rung): string {
  // The text is `INVITE sip:a@b (SDP)`, or `200 OK INVITE (SDP)`.
  const words = head.text.replace(/ \(SDP\)$/, "").split(" ");
  const method = head.status === 0 ? words[0] : words[words.length - 1];
  const key = explainMessage(method, head.status, isAgain);
  return enExplain[key] + " (" + RFC[key] + ")";
}
