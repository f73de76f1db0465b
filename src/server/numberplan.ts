/**
 * The number plan gives a URI for a number that is no user's. Of the rules that fit, the one with the longest prefix
 * counts; the rest of the number may become part of the URI.
 * Not here: who may call there (admission.ts).
 */
import { NONE, type Span } from "../core/bytes.js";

/** The longest URI that a rule may give, octets. */
export const NUMBER_URI_BYTES = 128;

export interface NumberRule {
  /** The number begins with these digits, or is these digits. */
  prefix: Uint8Array;
  /** At least one more digit follows; without it, the prefix is the whole number. */
  isPrefix: boolean;
  /** The URI has these digits between `before` and `after`. */
  isInserted: boolean;
  before: Uint8Array;
  after: Uint8Array;
}

export class NumberPlan {
  private readonly bytes: Uint8Array;
  private readonly rules: readonly NumberRule[];

  /** @param rules kept */
  constructor(rules: readonly NumberRule[]) {
    this.rules = rules;
    this.bytes = rules.length > 0 ? new Uint8Array(NUMBER_URI_BYTES) : NONE;
  }

  /**
   * Finds the URI of a number.
   * @param out set to it, good until the next call @returns false when no rule fits, or its URI is too long
   */
  findUri(number: Span, out: Span): boolean {
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
    out.set(this.bytes, 0, size);
    return true;
  }
}

function isFor(rule: NumberRule, number: Span): boolean {
  const size = number.size();
  const { prefix } = rule;
  if (rule.isPrefix ? size <= prefix.length : size !== prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (number.bytes[number.start + i] !== prefix[i]) return false;
  // Only digits go into a URI.
  for (let i = number.start; i < number.end; i++) if (!isDial(number.bytes[i])) return false;
  return true;
}

/** Whether an octet is a digit, "+" or "*". "#" is left out: it would have to be escaped in a URI. */
function isDial(octet: number): boolean {
  return (octet >= 0x30 && octet <= 0x39) || octet === 0x2b || octet === 0x2a;
}
