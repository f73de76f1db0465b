/**
 * The number plan: what a number that is no user's means. A small table, the longest prefix first; the rest of the number may become
 * part of the URI. Not here: who may call there (proxy.ts).
 */
import { NONE, type Span } from "../core/bytes.js";

/** The longest URI that comes of a number, octets. */
export const NUMBER_URI_BYTES = 128;

export interface NumberRule {
  /** What a number begins with, or is. */
  prefix: Uint8Array;
  /** More digits follow, at least one. Without: it is the whole number. */
  isPrefix: boolean;
  /** Those digits stand between `before` and `after`. */
  isInserted: boolean;
  before: Uint8Array;
  after: Uint8Array;
}

export class NumberPlan {
  /** The URI found last: `bytes[0, size)`. */
  readonly bytes: Uint8Array;
  size = 0;
  private readonly rules: readonly NumberRule[];

  /** @param rules kept */
  constructor(rules: readonly NumberRule[]) {
    this.rules = rules;
    this.bytes = rules.length > 0 ? new Uint8Array(NUMBER_URI_BYTES) : NONE;
  }

  /** Looks for a number. @returns whether there is a rule for it whose URI fits; then it is in `bytes` */
  find(number: Span): boolean {
    let best: NumberRule | null = null;
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i];
      if (isFor(rule, number) && (best === null || rule.prefix.length > best.prefix.length)) best = rule;
    }
    if (best === null) return false;
    const rest = number.start + best.prefix.length;
    const digits = best.isInserted ? number.end - rest : 0;
    const size = best.before.length + digits + best.after.length;
    if (size > this.bytes.length) return false;
    this.bytes.set(best.before, 0);
    let at = best.before.length;
    for (let i = 0; i < digits; i++) this.bytes[at++] = number.bytes[rest + i];
    this.bytes.set(best.after, at);
    this.size = size;
    return true;
  }
}

function isFor(rule: NumberRule, number: Span): boolean {
  const size = number.size();
  const { prefix } = rule;
  if (rule.isPrefix ? size <= prefix.length : size !== prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (number.bytes[number.start + i] !== prefix[i]) return false;
  // What goes into a URI is a number and nothing else.
  for (let i = number.start; i < number.end; i++) if (!isDial(number.bytes[i])) return false;
  return true;
}

/** Digits, "+" and "*"; "#" would have to be escaped in a URI. */
function isDial(octet: number): boolean {
  return (octet >= 0x30 && octet <= 0x39) || octet === 0x2b || octet === 0x2a;
}
