/**
 * Keeps a folder or a file to one process: a lock file beside it holds the process id and when that process began,
 * since ids are used again. The lock of a process that has ended is taken over.
 */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** Time between two tries while the holder runs, ms: a killed process may take a moment to end. */
const AGAIN_MS = 100;
const FOLDER_TRIES = 10;
const FILE_TRIES = 100;
const GONE = "gone";

/**
 * @returns a function that releases the folder
 * @throws Error of one line when another process has it, or it cannot be written
 */
export function lockFolder(folder: string): () => void {
  const path = folder + "/lock";
  return takeLock(path, FOLDER_TRIES, (pid) => {
    const how = "end it, or choose another folder (remove " + path + " if that is no server)";
    return "process " + pid + " uses this folder: " + how;
  });
}

/**
 * Waits a short time until no other process changes the file.
 * @returns a function that releases it @throws Error of one line
 */
export function lockFile(file: string): () => void {
  const path = file + ".lock";
  return takeLock(path, FILE_TRIES, (pid) => {
    return "process " + pid + " changes " + file + ": try again when it is done (remove " + path + " if it never is)";
  });
}

/**
 * Locks a file for as long as a program that keeps it in memory runs.
 * @returns a function that releases it @throws Error of one line
 */
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
  try {
    writeFileSync(own, text, { mode: 0o600 });
    for (let i = 0; i < tries; i++) {
      try {
        // The link makes the lock file whole or not at all, so no process sees one without its id.
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
    // EPERM: the process runs, but belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const found = beganAt(pid);
  return found !== GONE && (began === undefined || found === "" || found === began);
}

/**
 * @returns when a process began, in ticks since this boot, with the id of the boot; GONE when it has ended but its
 * parent has not noticed; "" when that cannot be known
 */
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

/** @returns an id that is the same until the machine starts anew; "" when that cannot be known */
export function bootId(): string {
  return read("/proc/sys/kernel/random/boot_id").trim();
}
