/**
 * The calls and lines of a user agent, and which of them is meant: a free one, the one that goes on, the one that a
 * message belongs to. All are made at start. Not here: what happens in a call (call.ts), and which requests found one
 * (strangers.ts).
 */
import type { Limits } from "../core/limits.js";
import type { NegotiationSettings } from "../dialog/negotiation.js";
import type { Message } from "../wire/message.js";
import type { Replaces } from "../wire/replaces.js";
import { CALL_FREE, Call, type CallContext, type CallUser, Line, type SoundNetwork } from "./call.js";

/** Somebody who may still need a call that is over. */
export interface CallKeeper {
  /** Whether the dialog of that call is still needed. */
  isTelling(call: Call): boolean;
  /** Forgets that call: its object serves another one from now on. */
  forget(call: Call): void;
}

export class CallPool {
  readonly lines: readonly Line[];
  readonly calls: readonly Call[];
  /** RTP port of line 0; each further line has the next even one. */
  private rtpPort = 0;

  constructor(
    context: CallContext,
    negotiation: NegotiationSettings,
    parts: { limits: Pick<Limits, "lines" | "calls">; sound: SoundNetwork },
    user: CallUser,
  ) {
    const { limits, sound } = parts;
    const lines: Line[] = [];
    for (let i = 0; i < limits.lines; i++) lines.push(new Line(i, context, sound, user));
    const calls: Call[] = [];
    for (let i = 0; i < limits.calls; i++) calls.push(new Call(context, negotiation, lines[0], user));
    this.lines = lines;
    this.calls = calls;
  }

  setPort(rtpPort: number): void {
    this.rtpPort = rtpPort;
    for (let i = 0; i < this.calls.length; i++) this.assignPort(this.calls[i]);
  }

  /** @returns a line that no call uses, null when there is none */
  takeLine(): Line | null {
    for (let i = 0; i < this.lines.length; i++) {
      const line = this.lines[i];
      if (this.isUsed(line)) continue;
      line.call = null;
      line.media.forget();
      return line;
    }
    return null;
  }

  /**
   * @returns an unused call, put on that line: one that is settled, else one that only waits for late answers; null
   * when there is none
   */
  takeCall(line: Line, keeper: CallKeeper): Call | null {
    let found: Call | null = null;
    for (let i = 0; i < this.calls.length; i++) {
      const call = this.calls[i];
      if (call.isActive()) continue;
      if (call.state === CALL_FREE || (call.session.isSettled() && !keeper.isTelling(call))) {
        found = call;
        break;
      }
      if (found === null) found = call;
    }
    if (found === null) return null;
    keeper.forget(found);
    found.session.release();
    if (found.line.call === found) found.line.call = null;
    found.line = line;
    this.assignPort(found);
    return found;
  }

  /**
   * @returns the call that goes on: one that is answered, else one whose sound runs, else the first that rings; null
   * when there is none
   */
  activeCall(): Call | null {
    let found: Call | null = null;
    for (let i = 0; i < this.calls.length; i++) {
      const call = this.calls[i];
      if (!call.isActive() || call.isMoved) continue;
      if (call.isTalking()) return call;
      if (found === null || (call.hasSound && !found.hasSound)) found = call;
    }
    return found;
  }

  /** @returns the call whose dialog the request `m` with a To tag belongs to, or null */
  ofRequest(m: Message): Call | null {
    for (let i = 0; i < this.calls.length; i++) if (this.calls[i].session.owns(m)) return this.calls[i];
    return null;
  }

  /** @returns the call that a Replaces field names, or null */
  ofReplaces(replaces: Replaces): Call | null {
    for (let i = 0; i < this.calls.length; i++)
      if (this.calls[i].session.ofReplaces(replaces) !== null) return this.calls[i];
    return null;
  }

  /** Whether `m` is the INVITE that founded a call, come once more later than its transaction stayed. */
  isFounder(m: Message): boolean {
    for (let i = 0; i < this.calls.length; i++) if (this.calls[i].session.isFounder(m)) return true;
    return false;
  }

  /** The sound of that call has stopped: another call of ours on its line that has agreed on sound is heard now. */
  passSound(ended: Call): void {
    for (let i = 0; i < this.calls.length; i++) {
      const call = this.calls[i];
      const { session } = call;
      if (call === ended || call.line !== ended.line || !call.isActive() || call.isMoved) continue;
      if (!session.isCaller || !session.negotiation.isAgreed()) continue;
      call.startSound(true);
      call.configureSound();
      return;
    }
  }

  /** Sees to the memory that encryption takes on each line. */
  prepareEncryption(): void {
    for (let i = 0; i < this.lines.length; i++) this.lines[i].media.prepareEncryption();
  }

  private isUsed(line: Line): boolean {
    for (let i = 0; i < this.calls.length; i++)
      if (this.calls[i].isActive() && this.calls[i].line === line) return true;
    return false;
  }

  private assignPort(call: Call): void {
    call.session.negotiation.port = this.rtpPort + 2 * call.line.index;
  }
}
