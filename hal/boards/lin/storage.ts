/**
 * Settings in files, one a key, in the folder of `--store`. The shape is `embedded:storage/key-value`. Not here: other
 * formats than text.
 */
import { keep, load } from "hal/boards/lin/host";

class Storage {
  read(key: string): string | undefined {
    return load(key);
  }

  write(key: string, value: string): void {
    keep(key, value);
  }
}

export default {
  open(_options: { path: string; format: "string" }): Storage {
    return new Storage();
  },
};
