/**
 * The end of whoever started the program. npm passes SIGTERM and SIGINT on to what it runs, but neither SIGHUP nor its own death: a
 * program that knew nothing of that would go on, and keep its port, with nobody to end it. So would one whose terminal was closed.
 */
import { closeSync, openSync, readFileSync } from "node:fs";

const LOOK_MS = 500;
/** What runs scripts: npm and its kin; and the shell that stands between it and the script, which does not end with it. */
const RUNNER = /npm|node|yarn|bun/;
const SHELL = /(^|\/)-?(\w*sh|busybox)$/;

/** Calls back once when npm started this program and is gone. @returns what stops looking */
export function watchParent(onEnd: () => void, environment: NodeJS.ProcessEnv = process.env): () => void {
  if (environment.npm_lifecycle_event === undefined) return () => {};
  const chain = ancestors();
  const timer = setInterval(() => {
    if (chain.every((pid, i) => pid === (i === 0 ? process.ppid : parentOf(chain[i - 1])))) return;
    clearInterval(timer);
    onEnd();
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Who has to stay: the parent, and behind a shell its parent. One that is gone before we got here is there as -1, which nobody is. */
function ancestors(): number[] {
  const parent = process.ppid;
  const name = nameOf(parent);
  // Where that cannot be known, the parent is what is watched.
  if (name === "") return [parent];
  if (!SHELL.test(name)) return [RUNNER.test(name) ? parent : -1];
  const above = parentOf(parent);
  return [parent, RUNNER.test(nameOf(above)) ? above : -1];
}

/** By what it was started as, "" when that is not known. npm has its whole command there. */
function nameOf(pid: number): string {
  try {
    return readFileSync("/proc/" + pid + "/cmdline", "latin1").split("\0")[0];
  } catch {
    return "";
  }
}

/** 0 when it is gone, or that is not known. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync("/proc/" + pid + "/stat", "latin1");
    // Its name, in parentheses, may have anything in it.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** Whether the program has a terminal of its own, from which it can be ended. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r+"));
    return true;
  } catch {
    return false;
  }
}
