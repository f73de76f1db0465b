/**
 * Where a Redis is, as `--store` says it: redis://USER:PASSWORD@HOST:PORT/N, rediss:// with TLS. All of it is read
 * here, strictly: a part that is not understood is refused, not passed over.
 */

export interface RedisPlace {
  host: string;
  port: number;
  database: number;
  /** The user, "" for the default one. */
  user: string;
  /** The password, "" for none. */
  password: string;
  isTls: boolean;
}

const PORT = 6379;
/** The highest number of a database. */
const DATABASE_MOST = 2 ** 31 - 1;
const FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/N], N the number of a database";

/** @returns the place, or what it has to be, without repeating `text`: a password may be in it */
export function readRedisPlace(text: string): RedisPlace | string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return FORM;
  }
  if ((url.protocol !== "redis:" && url.protocol !== "rediss:") || url.hostname === "") return FORM;
  if (text.includes("?") || text.includes("#")) return FORM + ", and nothing behind it";
  const path = /^\/?(\d{1,10})?$/.exec(url.pathname);
  const database = Number(path?.[1] ?? 0);
  if (path === null || database > DATABASE_MOST) return FORM;
  if (url.port === "0") return FORM;
  if (url.username !== "" && url.password === "")
    return FORM + "; a user has a password, here or by --store-password-file";
  try {
    return {
      host: decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? PORT : Number(url.port),
      database,
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      isTls: url.protocol === "rediss:",
    };
  } catch {
    return FORM + "; a % in it is written %25";
  }
}
