/**
 * Writes the server's events as lines with a level: for people, as JSON, or for systemd's journal, which reads the
 * level from the beginning of a line. Lines that strangers can cause without end are only counted when there are too
 * many.
 * Not here: how lines get to their reader (output.ts), and events of calls (call-log.ts).
 */
import { eventJson, eventLine } from "../world/events.js";

/** Levels, the most severe first. */
export const LEVELS = ["error", "warning", "info", "debug"] as const;
export type Level = (typeof LEVELS)[number];
/** Severity by level, as in syslog. RFC 5424 §6.2.1 */
const SEVERITY: Record<Level, number> = { error: 3, warning: 4, info: 6, debug: 7 };
/** Lines of one kind that strangers cause: the most at once, and the most a second. */
const BURST = 50;
const RATE = 5;

export type Fields = Record<string, string | number>;

export interface LogOptions {
  level: Level;
  isJson: boolean;
  /** The lines go to systemd's journal. */
  isJournal: boolean;
  print(line: string): void;
  nowMs(): number;
}

/** Whether standard output goes to systemd's journal, which says so by the number of its socket. */
export function isJournal(environment: NodeJS.ProcessEnv): boolean {
  return /^\d+:\d+$/.test(environment.JOURNAL_STREAM ?? "");
}

interface Bucket {
  tokens: number;
  atMs: number;
  passedOver: number;
}

export class Log {
  private readonly options: LogOptions;
  private readonly buckets = new Map<string, Bucket>();

  constructor(options: LogOptions) {
    this.options = options;
  }

  tell(level: Level, event: string, value: string, fields: Fields = {}): void {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(this.options.level)) return;
    this.options.print(this.line(level, event, value, fields));
  }

  /**
   * Tells an event that strangers can cause without limit: beyond a few a second such events are counted, and the next
   * line says how many there were.
   */
  tellSome(level: Level, event: string, value: string, fields: Fields = {}): void {
    const nowMs = this.options.nowMs();
    const kind = event + " " + value;
    const bucket = this.buckets.get(kind) ?? { tokens: BURST, atMs: nowMs, passedOver: 0 };
    this.buckets.set(kind, bucket);
    bucket.tokens = Math.min(BURST, bucket.tokens + ((nowMs - bucket.atMs) * RATE) / 1000);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) {
      bucket.passedOver += 1;
      return;
    }
    bucket.tokens -= 1;
    this.tell(level, event, value, bucket.passedOver > 0 ? { ...fields, unlisted: bucket.passedOver } : fields);
    bucket.passedOver = 0;
  }

  /** @returns the line that `tell` prints. JSON has no level if it is the usual one, which most lines have. */
  line(level: Level, event: string, value: string, fields: Fields = {}): string {
    const { isJson, isJournal, nowMs } = this.options;
    const all = { t: nowMs(), who: "server", event, value, ...fields };
    if (isJson) return eventJson({ ...all, level });
    if (isJournal) return "<" + SEVERITY[level] + ">" + eventLine(all);
    return eventLine(level === "info" ? all : { ...all, level });
  }
}
