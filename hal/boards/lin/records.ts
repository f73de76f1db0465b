/**
 * The records of people in files, beside the settings in the folder of `--store`: the shape of hal/native/records.ts.
 * On Linux only.
 */
import { keep, load } from "hal/boards/lin/host";
import type { Store } from "../../device.js";

export function openRecords(): Store {
  return {
    read: (key) => load("people-" + key) ?? null,
    write: (key, value) => keep("people-" + key, value),
  };
}
