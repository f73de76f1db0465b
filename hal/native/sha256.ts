/** SHA-256 by the SDK: the exports of src/wire/sha256.ts, for a manifest that names this file in its place. */
import { CryptHash } from "hal/moddable/crypthash";

/** Octets of a SHA-256 result. */
export const SHA256_BYTES = 32;

export class Sha256 extends CryptHash {
  constructor() {
    super("SHA256", SHA256_BYTES);
  }
}
