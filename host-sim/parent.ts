/**
 * Watches the end of the process that started the program. npm passes SIGTERM and SIGINT on to its script, but neither
 * SIGHUP nor its own death: the program would go on, and keep its port, with nobody to end it. The same is true if its
 * terminal was closed.
 */
import { closeSync, openSync, readFileSync } from "node:fs";

const LOOK_MS = 500;
/**
 * Programs that run scripts: npm and the like. A shell stands between them and the script, which does not end with
 * them.
 */
const RUNNER = /npm|node|yarn|bun/;
const SHELL = /(^|\/)-?(\w*sh|busybox)$/;

/** Calls back once if npm started this program and is gone. @returns a function that stops watching */
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

/**
 * The processes that must stay: the parent, and behind a shell its parent. One that was gone already is -1, which no
 * process has.
 */
function ancestors(): number[] {
  const parent = process.ppid;
  const name = nameOf(parent);
  // If the name is not known, the parent is watched.
  if (name === "") return [parent];
  if (!SHELL.test(name)) return [RUNNER.test(name) ? parent : -1];
  const above = parentOf(parent);
  return [parent, RUNNER.test(nameOf(above)) ? above : -1];
}

/** @returns the name that the process was started by, "" if not known; npm has its whole command there */
function nameOf(pid: number): string {
  try {
    return readFileSync("/proc/" + pid + "/cmdline", "latin1").split("\0")[0];
  } catch {
    return "";
  }
}

/** @returns 0 if the process is gone, or not known */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync("/proc/" + pid + "/stat", "latin1");
    // The name, in parentheses, may contain anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** @returns whether the program has a terminal of its own, from which it can be ended */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r+"));
    return true;
  } catch {
    return false;
  }
}
