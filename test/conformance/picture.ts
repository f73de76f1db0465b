/**
 * What a message of RFC 3665 and one of ours have to have in common, as lines that can be compared. What may differ is
 * left out here, each time with the reason; what differs in one message only is in the list beside the flows
 * (servers.test.ts).
 */
import { HOSTS } from "./stage.js";

/** As the flows are played: without TLS, which the servers do not speak; folded lines as one. */
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

/** By UDP whatever came by TCP. */
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

/** What phones have said so far: what servers pass on has to stay so, what they say of their own is theirs. */
export interface Said {
  lines: Set<string>;
  tags: Set<string>;
  /** Some of them by TCP. */
  isTcp: boolean;
}

/** @param said what was said by phones */
export function picture(message: string, said: Said): string[] {
  // Between proxies ours speak UDP, for the URIs say nothing else: the RFC's go on by TCP.
  const [head, body] = split(byUdp(message));
  const [line, ...rest] = head.split("\r\n");
  // The reason phrase of a response that a server makes is its own. RFC 3261 §7.2
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
        // In a response that begins no dialog it says nothing; ours repeat it in each. RFC 3261 §20 table 2
        return /^SIP\/2\.0 (100|[3-6])/.test(line) ? [] : values(value).map((route) => name + ": " + routeOf(route));
      case "Route":
        return values(value).map((route) => name + ": " + routeOf(route));
      case "Max-Forwards":
        // What goes one hop only may say what its INVITE said. RFC 3261 §9.1, §17.1.1.3
        return isHop ? name : name + ": " + value;
      case "To":
        // So is the tag that it makes; but one that a phone gave stays.
        return "To: " + (said.tags.has(tagOf(value)) ? value : value.replace(/;tag=.*/, ""));
      case "WWW-Authenticate":
      case "Proxy-Authenticate":
        return name + ": " + challengeOf(value);
      case "Authorization":
      case "Proxy-Authorization":
        return name + ": " + /realm="[^"]*"/.exec(value)?.[0];
      case "Contact":
        // A redirect server tells how the contacts rank, even of one.
        return "Contact: " + value.replace(/;q=1$/, "");
      default:
        return name + ": " + value;
    }
  });
  // Fields may stand in any order, but those of one name. RFC 3261 §7.3.1
  const sorted = out
    .map((text, i) => ({ text, i, name: text.slice(0, text.indexOf(":")) }))
    .sort((a, b) => (a.name === b.name ? a.i - b.i : a.name < b.name ? -1 : 1))
    .map(({ text }) => text)
    // Where the transport changes there are two of a server, one for each side. RFC 5658
    .filter((text, i, all) => !said.isTcp || !/^(Record-)?Route/.test(text) || text !== all[i - 1]);
  return [isOwn ? line.split(" ").slice(0, 2).join(" ") : line, ...sorted, "", ...body.split("\r\n")];
}

function values(list: string): string[] {
  return list.split(",").map((value) => value.trim());
}

/**
 * Our servers tell their address where the RFC's tell their name: it needs no look-up, and no other server of the
 * domain takes it.
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
    // Ours ask for rport, the RFC's did not know it yet. RFC 3581
    .filter((param) => !/^rport/.test(param))
    // A branch is whoever's put it there.
    .map((param) => (isServer ? param.replace(/^branch=z9hG4bK.*/, "branch=…") : param));
  return [protocol, name + ":" + port, ...kept].join(" ");
}

/** With our mark in the user part, and port. */
function routeOf(route: string): string {
  return route.replace(/<sip:(?:[0-9a-f]+@)?([^:;>]+)(?::5060)?/, (_, host: string) => "<sip:" + named(host));
}

/** The nonce is ours; "opaque" and "stale=FALSE" say nothing. RFC 7616 §3.3 */
function challengeOf(value: string): string {
  const part = (name: string) => new RegExp(name + '="?([^",]*)').exec(value)?.[1] ?? "";
  return value.split(" ")[0] + " realm=" + part("realm") + " qop=" + part("qop") + " algorithm=" + part("algorithm");
}
