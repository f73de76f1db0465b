/**
 * Passwords and codes in a file, under a passphrase: AES-256-GCM (NIST SP 800-38D) by a key that scrypt (RFC 7914)
 * makes of it. The file without the passphrase shows their length together, and nothing else. Not here: the file
 * (file.ts).
 */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from "node:crypto";

/** N of scrypt: 128 MB and a third of a second for each guess. */
const COST = 2 ** 17;
const COST_LEAST = 2 ** 14;
const COST_MOST = 2 ** 20;
const BLOCKS = 8;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";
const KDF = "scrypt";
/** The purpose of these octets, so that they cannot be used for another. */
const PURPOSE = Buffer.from("Portero secrets 1");

export interface Sealed {
  kdf: typeof KDF;
  cost: number;
  /** Base64, like the following ones. */
  salt: string;
  cipher: typeof CIPHER;
  nonce: string;
  tag: string;
  data: string;
}

/** @param cost of scrypt, a power of two */
export function seal(text: string, passphrase: string, cost = COST): Sealed {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(passphrase, salt, cost), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(PURPOSE);
  const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return {
    kdf: KDF,
    cost,
    salt: salt.toString("base64"),
    cipher: CIPHER,
    nonce: nonce.toString("base64"),
    tag: cipher.getAuthTag().toString("base64"),
    data: data.toString("base64"),
  };
}

/** @throws Error of one line */
export function unseal(sealed: Sealed, passphrase: string): string {
  const [salt, nonce, tag, data] = [sealed.salt, sealed.nonce, sealed.tag, sealed.data].map((text) =>
    Buffer.from(text, "base64"),
  );
  const decipher = createDecipheriv(CIPHER, keyOf(passphrase, salt, sealed.cost), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(PURPOSE);
  decipher.setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(data), decipher.final()]).toString("utf8");
  } catch {
    throw new Error("wrong passphrase, or what is sealed was changed");
  }
}

/** @returns whether the value has the form that `seal` makes, as far as it can be seen without the passphrase */
export function isSealed(value: unknown): value is Sealed {
  if (typeof value !== "object" || value === null) return false;
  const { kdf, cost, salt, cipher, nonce, tag, data } = value as Record<string, unknown>;
  return (
    kdf === KDF &&
    cipher === CIPHER &&
    typeof cost === "number" &&
    cost >= COST_LEAST &&
    cost <= COST_MOST &&
    Number.isInteger(Math.log2(cost)) &&
    isBase64(salt, SALT_BYTES) &&
    isBase64(nonce, NONCE_BYTES) &&
    isBase64(tag, TAG_BYTES) &&
    isBase64(data, -1)
  );
}

/** @param size octets, -1 for any number */
function isBase64(value: unknown, size: number): boolean {
  if (typeof value !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(value) || value.length % 4 !== 0) return false;
  return size < 0 || Buffer.from(value, "base64").length === size;
}

function keyOf(passphrase: string, salt: Uint8Array, cost: number): Buffer {
  // The same passphrase gives the same key, however a keyboard composes its accents.
  const text = passphrase.normalize("NFC");
  return scryptSync(text, salt, KEY_BYTES, { N: cost, r: BLOCKS, p: 1, maxmem: 256 * BLOCKS * cost });
}
