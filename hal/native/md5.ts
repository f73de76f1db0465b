/** MD5 by the SDK: the exports of src/wire/md5.ts, for a manifest that names this file in its place. */
import { CryptHash } from "hal/moddable/crypthash";

/** Octets of an MD5 result. */
export const MD5_BYTES = 16;

export class Md5 extends CryptHash {
  constructor() {
    super("MD5", MD5_BYTES);
  }
}
