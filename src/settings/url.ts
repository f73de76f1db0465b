/**
 * A URL of the settings: a scheme, a host, a port if need be, and a path. It stands in header fields as it is.
 * Not here: user names and passwords in a URL, which would be shown with it; IPv6 addresses.
 */
import { printable, SHOWN_MOST } from "../core/printable.js";
import { readDomain } from "../ua/uritext.js";

const MARK = "://";
/** Characters that would end the URL where it stands between brackets or quotes. */
const FORBIDDEN = '"<>\\^`{|}#';
/** A web server's schemes, the usual one first. */
export const URL_SCHEMES: readonly string[] = ["http", "https"];
const PORT_HTTP = 80;
const PORT_HTTPS = 443;

export interface UrlText {
  host: string;
  port: number;
  /** It is by TLS. */
  isSecure: boolean;
  /** As the Host header has it: without the port that is usual. */
  place: string;
  /** It begins with "/". */
  path: string;
  /** "" or what is wrong. */
  error: string;
}

/** @param schemes that it may have */
export function readUrl(value: string, schemes: readonly string[]): UrlText {
  const out: UrlText = { host: "", port: 0, isSecure: false, place: "", path: "/", error: "" };
  const mark = value.indexOf(MARK);
  const scheme = mark < 0 ? "" : value.slice(0, mark).toLowerCase();
  if (schemes.indexOf(scheme) < 0) {
    out.error = shown(value) + " begins with none of " + schemes.join(":// ") + MARK;
    return out;
  }
  const slash = value.indexOf("/", mark + MARK.length);
  const authority = value.slice(mark + MARK.length, slash < 0 ? value.length : slash);
  if (slash >= 0) out.path = value.slice(slash);
  const read = readDomain(authority);
  out.error = read.error;
  out.isSecure = scheme === "https";
  const usual = out.isSecure ? PORT_HTTPS : PORT_HTTP;
  out.host = read.host;
  out.port = read.port > 0 ? read.port : usual;
  out.place = out.port === usual ? out.host : out.host + ":" + out.port;
  for (let i = 0; i < out.path.length && out.error === ""; i++) {
    const code = out.path.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f || FORBIDDEN.indexOf(out.path.charAt(i)) >= 0)
      out.error = shown(out.path) + " is no path: blanks, # and characters beyond ASCII are written as %20";
  }
  return out;
}

function shown(value: string): string {
  return "'" + printable(value, SHOWN_MOST) + "'";
}
