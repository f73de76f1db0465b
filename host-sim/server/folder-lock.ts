/**
 * One process for a folder, or for a file: a lock file beside it with the process id, and when that process began, since ids come again.
 * One whose process is gone is taken over.
 */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** Between tries while the holder runs: one that was killed just now may take a moment to be gone, ms. */
const AGAIN_MS = 100;
const FOLDER_TRIES = 10;
const FILE_TRIES = 100;
const GONE = "gone";

/** @returns what lets the folder go @throws Error of one line when another process has it, or the folder cannot be written */
export function lockFolder(folder: string): () => void {
  const path = folder + "/lock";
  return takeLock(path, FOLDER_TRIES, (pid) => {
    const how = "end it, or choose another folder (remove " + path + " if that is no server)";
    return "process " + pid + " uses this folder: " + how;
  });
}

/** Waits, but not for long, until nobody else changes a file. @returns what lets it go @throws Error of one line */
export function lockFile(file: string): () => void {
  const path = file + ".lock";
  return takeLock(path, FILE_TRIES, (pid) => {
    return "process " + pid + " changes " + file + ": try again when it is done (remove " + path + " if it never is)";
  });
}

/** As long as a program runs that keeps a file in memory. @returns what lets it go @throws Error of one line */
export function holdFile(file: string): () => void {
  const path = file + ".lock";
  return takeLock(path, FOLDER_TRIES, (pid) => {
    return (
      "process " +
      pid +
      " uses " +
      file +
      ": end it, or choose another file (remove " +
      path +
      " if that is none of ours)"
    );
  });
}

function takeLock(path: string, tries: number, busy: (pid: string) => string): () => void {
  const own = path + "." + process.pid;
  const text = process.pid + " " + beganAt(process.pid) + "\n";
  writeFileSync(own, text, { mode: 0o600 });
  try {
    for (let i = 0; i < tries; i++) {
      try {
        // Made as a whole, or not at all: nobody sees one without its id.
        linkSync(own, path);
        return () => release(path, text);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = read(path);
      const [pid, began] = holder.trim().split(" ");
      if (isRunning(Number(pid), began) && i + 1 < tries && Number(pid) !== process.pid)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
      else if (isRunning(Number(pid), began)) throw new Error(busy(pid));
      else release(path, holder);
    }
    throw new Error(path + " cannot be had: others start at the same time");
  } finally {
    rmSync(own, { force: true });
  }
}

function release(path: string, text: string): void {
  if (read(path) === text) rmSync(path, { force: true });
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function isRunning(pid: number, began: string | undefined): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process runs all the same.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const found = beganAt(pid);
  return found !== GONE && (began === undefined || found === "" || found === began);
}

/** When a process began, in ticks since this boot, with the boot's own id; GONE when only its parent has not noticed its end; "" when that cannot be known. */
function beganAt(pid: number): string {
  try {
    const fields = readFileSync("/proc/" + pid + "/stat", "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? GONE : fields[19] + "-" + bootId();
  } catch {
    return "";
  }
}

/** The same until the machine starts anew; "" when that cannot be known. */
export function bootId(): string {
  return read("/proc/sys/kernel/random/boot_id").trim();
}
