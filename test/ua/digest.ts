/** Credentials of a phone, reckoned by Node's own hashes. */
import { createHash } from "node:crypto";

/** @returns the value of `name="value"` or `name=value` in a challenge, "" when it is not there */
export function part(challenge: string, name: string): string {
  const found = new RegExp(`(?:^|[ ,])${name}=(?:"([^"]*)"|([^ ,]*))`).exec(challenge);
  return found?.[1] ?? found?.[2] ?? "";
}

export interface Answer {
  method: string;
  uri: string;
  user: string;
  password: string;
  /** Counts from 1. */
  count?: number;
}

/** @returns the value of Authorization that answers the challenge by MD5 */
export function authorization(challenge: string, { method, uri, user, password, count = 1 }: Answer): string {
  const md5 = (value: string) => createHash("md5").update(value).digest("hex");
  const [realm, nonce, qop] = ["realm", "nonce", "qop"].map((name) => part(challenge, name));
  const nc = count.toString(16).padStart(8, "0");
  const secret = md5(`${user}:${realm}:${password}`);
  const middle = qop === "" ? nonce : `${nonce}:${nc}:abc:auth`;
  const response = md5(`${secret}:${middle}:${md5(`${method}:${uri}`)}`);
  const rest = qop === "" ? "" : `, qop=auth, nc=${nc}, cnonce="abc"`;
  return `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"${rest}`;
}
