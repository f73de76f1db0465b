/**
 * Reduces a message of RFC 3665 and one of ours to lines that must be equal. Parts that may differ are left out here,
 * each with the reason; differences of one message only are listed beside the flows (servers.test.ts).
 */
import { HOSTS } from "./stage.js";

/**
 * Prepares a message as the flows are played: without TLS, which the servers do not speak, and with folded lines
 * joined.
 */
export function dressed(raw: string): string {
  const plain = raw
    .replace(/\r\n[ \t]+/g, " ")
    .replace(/sips:/g, "sip:")
    .replace(/SIP\/2\.0\/TLS/g, "SIP/2.0/UDP")
    .replace(/:5061/g, ":5060");
  if (/^Content-Length:/m.test(plain)) return plain;
  const [head, body] = split(plain);
  return head + "\r\nContent-Length: " + body.length + "\r\n\r\n" + body;
}

/** Writes a message as if it had come by UDP. */
export function byUdp(message: string): string {
  return message.replace(/SIP\/2\.0\/TCP/g, "SIP/2.0/UDP").replace(/;transport=tcp/g, "");
}

export function split(message: string): [head: string, body: string] {
  const at = message.indexOf("\r\n\r\n");
  return [message.slice(0, at), message.slice(at + 4)];
}

export function tagOf(value: string): string {
  return /;tag=([^;]*)/.exec(value)?.[1] ?? "";
}

/** Header lines that phones have sent so far: servers must pass them on unchanged, but choose their own. */
export interface Said {
  lines: Set<string>;
  tags: Set<string>;
  /** Whether some of them came by TCP. */
  isTcp: boolean;
}

/** @param said lines that phones sent */
export function picture(message: string, said: Said): string[] {
  // Between proxies ours speak UDP, because the URIs name no transport; the RFC's go on by TCP.
  const [head, body] = split(byUdp(message));
  const [line, ...rest] = head.split("\r\n");
  // The reason phrase of a server's own response is free. RFC 3261 §7.2
  const isOwn = line.startsWith("SIP/2.0") && !said.lines.has(line);
  const isHop = /^(ACK|CANCEL)/.test(line) && rest.filter((one) => one.startsWith("Via:")).length === 1;
  const out = rest.flatMap((one) => {
    const colon = one.indexOf(":");
    const name = one.slice(0, colon);
    const value = one.slice(colon + 1).trim();
    switch (name) {
      case "Via":
        return values(value).map((via) => "Via: " + viaOf(via));
      case "Record-Route":
        // Record-Route has no meaning in a response that begins no dialog; ours repeat it in each. RFC 3261 §20 table 2
        return /^SIP\/2\.0 (100|[3-6])/.test(line) ? [] : values(value).map((route) => name + ": " + routeOf(route));
      case "Route":
        return values(value).map((route) => name + ": " + routeOf(route));
      case "Max-Forwards":
        // A request for one hop (CANCEL, ACK to a failure) may copy its INVITE. RFC 3261 §9.1, §17.1.1.3
        return isHop ? name : name + ": " + value;
      case "To":
        // A tag that a server makes is free too; a tag of a phone stays.
        return "To: " + (said.tags.has(tagOf(value)) ? value : value.replace(/;tag=.*/, ""));
      case "WWW-Authenticate":
      case "Proxy-Authenticate":
        return name + ": " + challengeOf(value);
      case "Authorization":
      case "Proxy-Authorization":
        return name + ": " + /realm="[^"]*"/.exec(value)?.[0];
      case "Contact":
        // A redirect server tells the rank of contacts, even of a single one.
        return "Contact: " + value.replace(/;q=1$/, "");
      default:
        return name + ": " + value;
    }
  });
  // Fields of different names may stand in any order. RFC 3261 §7.3.1
  const sorted = out
    .map((text, i) => ({ text, i, name: text.slice(0, text.indexOf(":")) }))
    .sort((a, b) => (a.name === b.name ? a.i - b.i : a.name < b.name ? -1 : 1))
    .map(({ text }) => text)
    // Where the transport changes a server has two entries, one for each side. RFC 5658
    .filter((text, i, all) => !said.isTcp || !/^(Record-)?Route/.test(text) || text !== all[i - 1]);
  return [isOwn ? line.split(" ").slice(0, 2).join(" ") : line, ...sorted, "", ...body.split("\r\n")];
}

function values(list: string): string[] {
  return list.split(",").map((value) => value.trim());
}

/**
 * Our servers tell their address where the RFC's tell their name: it needs no look-up, and no other server of the
 * domain takes the request.
 */
function named(host: string): string {
  return Object.values(HOSTS).find(([, ip]) => ip === host)?.[0] ?? host;
}

function viaOf(via: string): string {
  const [protocol, sentBy, ...params] = via.split(/[ ;]+/);
  const [host, port] = sentBy.split(":");
  const name = named(host);
  const isServer = /^ss\d\./.test(name);
  const kept = params
    // Ours ask for rport (RFC 3581), which RFC 3665 did not know yet.
    .filter((param) => !/^rport/.test(param))
    // A branch belongs to the element that put it there.
    .map((param) => (isServer ? param.replace(/^branch=z9hG4bK.*/, "branch=…") : param));
  return [protocol, name + ":" + port, ...kept].join(" ");
}

/** Our entries have a route token in the user part, and a port. */
function routeOf(route: string): string {
  return route.replace(/<sip:(?:[0-9a-f]+@)?([^:;>]+)(?::5060)?/, (_, host: string) => "<sip:" + named(host));
}

/** The nonce is ours; "opaque" and "stale=FALSE" have no meaning here. RFC 7616 §3.3 */
function challengeOf(value: string): string {
  const part = (name: string) => new RegExp(name + '="?([^",]*)').exec(value)?.[1] ?? "";
  return value.split(" ")[0] + " realm=" + part("realm") + " qop=" + part("qop") + " algorithm=" + part("algorithm");
}
