/**
 * The password of the console: open or locked, and how long a wrong one makes the next wait. Not here: what the locked console
 * still answers (console.ts).
 */

/** After a wrong password the next try counts only so much later, and twice that after each that follows. */
const WAIT_MS = 1000;
const WAIT_MOST_MS = 300_000;

export class Guard {
  private isOpen = false;
  private waitMs = 0;
  private untilMs = 0;

  /** @param password the one that is set; empty: none, never locked */
  isLocked(password: string): boolean {
    return password !== "" && !this.isOpen;
  }

  /** Whoever sets a password is in. */
  admit(): void {
    this.isOpen = true;
  }

  close(): void {
    this.isOpen = false;
  }

  /** @returns 0 when it is open now, else seconds until the next try counts; until then the right one is refused as well */
  open(password: string, given: string, nowMs: number): number {
    const isEarly = nowMs < this.untilMs;
    if (password === "" || (!isEarly && given === password)) {
      this.isOpen = true;
      this.waitMs = 0;
      return 0;
    }
    if (!isEarly) {
      this.waitMs = this.waitMs === 0 ? WAIT_MS : Math.min(2 * this.waitMs, WAIT_MOST_MS);
      this.untilMs = nowMs + this.waitMs;
    }
    return Math.ceil((this.untilMs - nowMs) / 1000);
  }
}
