/**
 * The certificates of authorities that were pasted at the console, kept in a record of their own because a setting has
 * no room for them: base64 of DER, one a line. Not here: what they are good for (hal/tls/proof.ts), the file that
 * `tls.ca` names in the simulator.
 */
import type { Device, Store } from "../../hal/device.js";
import { base64Value } from "../core/base64.js";
import { type Certificate, readCertificate } from "../wire/certificate.js";
import { Record, TEXT_MOST } from "./record.js";

const STORE_KEY = "ca";
const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

export type AuthorityStores = Pick<Device, "people" | "store">;

/** @returns where they are kept: the store of the settings is small where there is another */
export function authorityStore(device: AuthorityStores): Store {
  return device.people ?? device.store;
}

export class Authorities {
  private readonly record: Record;

  constructor(store: Store) {
    this.record = new Record(store, STORE_KEY);
  }

  /** @returns base64 of each certificate, in one line */
  all(): string[] {
    const text = this.record.read() ?? "";
    return text === "" ? [] : text.split("\n");
  }

  /** @returns them as a file of certificates (PEM); "" for none */
  pem(): string {
    const all = this.all();
    let text = "";
    for (let i = 0; i < all.length; i++) text += BEGIN + "\n" + all[i] + "\n" + END + "\n";
    return text;
  }

  /** Keeps one more. @returns "" or why it cannot be kept */
  add(base64: string): string {
    const all = this.all();
    if (all.includes(base64)) return "";
    return this.keep(all.length === 0 ? base64 : all.join("\n") + "\n" + base64);
  }

  /** Forgets all. @returns "" or why that cannot be kept */
  clear(): string {
    return this.all().length === 0 ? "" : this.keep("");
  }

  private keep(text: string): string {
    if (text.length > TEXT_MOST)
      return (
        text.length + " characters are more than the " + TEXT_MOST + " that can be kept: ca clear forgets the others"
      );
    try {
      this.record.write(text, true);
      return "";
    } catch (error) {
      return error instanceof Error ? error.message : "the store failed";
    }
  }
}

/** @returns whether a text is certificates, and not the name of a file */
export function isPem(text: string): boolean {
  return text.slice(0, BEGIN.length) === BEGIN;
}

/** @returns null if it is no certificate */
export function certificateOf(base64: string): Certificate | null {
  const der = derOf(base64);
  return der === null ? null : readCertificate(der);
}

/** @returns null if it is no base64 of whole octets */
function derOf(base64: string): Uint8Array | null {
  let letters = base64.length;
  while (letters > 0 && base64.charAt(letters - 1) === "=") letters--;
  if (base64.length % 4 !== 0 || base64.length - letters > 2) return null;
  const der = new Uint8Array(Math.floor((letters * 3) / 4));
  let [bits, count, size] = [0, 0, 0];
  for (let i = 0; i < letters; i++) {
    const value = base64Value(base64.charCodeAt(i));
    if (value < 0) return null;
    bits = ((bits << 6) | value) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    der[size++] = (bits >> count) & 255;
  }
  return der;
}
