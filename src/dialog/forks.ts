/**
 * The dialogs of one call: the draft its INVITE is written from, and a dialog for each fork that answers it (RFC 3261
 * §12.1, §13.2.2). They are lent from the pool that all calls share. Not here: which of them is the call's
 * (session.ts).
 */
import type { Pool } from "../core/pool.js";
import type { Message } from "../wire/message.js";
import type { Replaces } from "../wire/replaces.js";
import { DIALOG_CONFIRMED, DIALOG_LEAVING, type Dialog } from "./dialog.js";

/** How many forks of one call are kept. */
const FORKS = 4;

export class Forks {
  /** The draft that our INVITE is written from, null in a call that came. */
  draft: Dialog | null = null;
  private readonly pool: Pool<Dialog>;
  private readonly dialogs: (Dialog | null)[] = [null, null, null, null];

  constructor(pool: Pool<Dialog>) {
    this.pool = pool;
  }

  /** An empty dialog for a call that came, null when there is none; it is the only fork then. */
  takeOnlyFork(): Dialog | null {
    const dialog = this.pool.take();
    if (dialog !== null) this.dialogs[0] = dialog;
    return dialog;
  }

  /** The dialog whose other side sent the response `m`. */
  ofResponse(m: Message): Dialog | null {
    for (let i = 0; i < FORKS; i++) {
      const dialog = this.dialogs[i];
      if (dialog?.hasFork(m)) return dialog;
    }
    return null;
  }

  /**
   * The dialog that the 2xx `m` belongs to, whose transaction is no more: all its tags and its Call-ID have to be
   * right.
   */
  ofLateAnswer(m: Message): Dialog | null {
    const dialog = this.ofResponse(m);
    return dialog?.hasAnswer(m) ? dialog : null;
  }

  /** The dialog that the request `m` belongs to. */
  ofRequest(m: Message): Dialog | null {
    for (let i = 0; i < FORKS; i++) {
      const dialog = this.dialogs[i];
      if (dialog?.hasRequest(m)) return dialog;
    }
    return null;
  }

  /** The dialog that a Replaces field names, which reached us: its to-tag is ours. */
  ofReplaces(replaces: Replaces): Dialog | null {
    for (let i = 0; i < FORKS; i++) {
      const dialog = this.dialogs[i];
      if (dialog?.isNamed(replaces.callId, replaces.toTag, replaces.fromTag)) return dialog;
    }
    return null;
  }

  /**
   * The dialog of the fork that answers, made if this is its first word. Null when it cannot be kept. For one that
   * answers finally, one that only rings makes room: it would ring on for ever if its answer went without ACK and BYE.
   */
  fork(m: Message): Dialog | null {
    const dialog = this.ofResponse(m);
    if (dialog !== null || this.draft === null) return dialog;
    let made = this.make(this.draft, m);
    for (let i = 0; made === null && m.status >= 200 && i < FORKS; i++) {
      const other = this.dialogs[i];
      if (other === null || other.state >= DIALOG_CONFIRMED) continue;
      this.drop(other);
      made = this.make(this.draft, m);
    }
    return made;
  }

  /** Whether the dialog is still one of these. */
  has(dialog: Dialog): boolean {
    for (let i = 0; i < FORKS; i++) if (this.dialogs[i] === dialog) return true;
    return false;
  }

  /** @returns a dialog that is owed a BYE, null when none is */
  leaving(): Dialog | null {
    for (let i = 0; i < FORKS; i++) {
      const dialog = this.dialogs[i];
      if (dialog !== null && dialog.state === DIALOG_LEAVING) return dialog;
    }
    return null;
  }

  countLeaving(): number {
    let count = 0;
    for (let i = 0; i < FORKS; i++) if (this.dialogs[i]?.state === DIALOG_LEAVING) count += 1;
    return count;
  }

  drop(dialog: Dialog): void {
    for (let i = 0; i < FORKS; i++) if (this.dialogs[i] === dialog) this.dialogs[i] = null;
    this.give(dialog);
  }

  /** Drops all forks, before an INVITE is tried anew: what rang at the old place is gone. */
  dropAll(): void {
    for (let i = 0; i < FORKS; i++) {
      const dialog = this.dialogs[i];
      if (dialog !== null) this.drop(dialog);
    }
  }

  /** Gives all back, the draft too. */
  reset(): void {
    this.dropAll();
    if (this.draft !== null) this.give(this.draft);
    this.draft = null;
  }

  private make(draft: Dialog, m: Message): Dialog | null {
    for (let i = 0; i < FORKS; i++) {
      if (this.dialogs[i] !== null) continue;
      const dialog = this.pool.take();
      if (dialog === null) return null;
      if (!dialog.fromResponse(draft, m)) {
        this.give(dialog);
        return null;
      }
      this.dialogs[i] = dialog;
      return dialog;
    }
    return null;
  }

  private give(dialog: Dialog): void {
    dialog.clear();
    this.pool.give(dialog);
  }
}
