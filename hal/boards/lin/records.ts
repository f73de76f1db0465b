/**
 * The records of people and the journal of the log in files, beside the settings in the folder of `--store`: the shape
 * of hal/native/records.ts. On Linux only.
 */
import { keep, load } from "hal/boards/lin/host";
import type { Store } from "../../device.js";

export function openRecords(): Store {
  return filesOf("people-");
}

export function openJournal(): Store {
  return filesOf("journal-");
}

function filesOf(prefix: string): Store {
  return {
    read: (key) => load(prefix + key) ?? null,
    write: (key, value) => keep(prefix + key, value),
  };
}
