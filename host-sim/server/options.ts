/** Reads the options of the server's command line into a plain object, or into one line that says what is wrong. */
import { parseArgs } from "node:util";
import { ipv4 } from "../../src/core/address.js";
import { octets } from "../../src/core/bytes.js";
import { NUMBER_URI_BYTES, type NumberRule } from "../../src/server/numberplan.js";
import { FLOW_TIMER_S } from "../../src/server/registrar.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256 } from "../../src/wire/digest.js";
import { Uri } from "../../src/wire/uri.js";
import { joinValues, optionProblem } from "../io/arguments.js";
import { type Listen, readListen, readTls } from "../io/listen.js";
import type { TlsFiles } from "../io/tlslistener.js";
import { safe } from "../world/events.js";
import { LEVELS, type Level } from "./log.js";
import { type RedisPlace, readRedisPlace } from "./redis-place.js";

/** The roles a server can have. */
export const MODES: readonly string[] = ["registrar", "redirect", "proxy"];

export interface ServerOptions {
  command: "run" | "user-add" | "user-passwd" | "user-remove" | "user-list" | "status" | "reload";
  listen: Listen[];
  /** The certificates of the port for TLS, and the authorities of whom clients need one. */
  tls: TlsFiles;
  /** The file that gets the secrets of connections by TLS, "" for none. */
  keylog: string;
  domains: string[];
  /** The users' file, "" for none. */
  users: string;
  /** One of MODES. */
  mode: string;
  /** memory, file:DIR or redis://… */
  store: string;
  /** Where Redis is, if that is the store; else null. */
  redis: RedisPlace | null;
  /** A file whose first line is the password of the store, "" for none. */
  storePasswordFile: string;
  json: boolean;
  /** The least severe lines that are printed. */
  log: Level;
  /** Port of status and metrics on 127.0.0.1, -1 for none. */
  http: number;
  /** Names, besides its own address, that requests to that port may use, in lower case. */
  httpHosts: string[];
  /** ALGORITHM_* in the order of the challenges. */
  digest: number[];
  transactions: number;
  contacts: number;
  /** Contacts may be on this machine and at ports of other services. */
  anyContacts: boolean;
  bindings: number;
  minExpiresS: number;
  /** How often phones that keep their flow by TCP are to be heard, s; 0: no phone is bound to its flow. */
  flowTimerS: number;
  maxExpiresS: number;
  serviceRoute: string;
  /** Address in Via and Record-Route, "" for the one that is listened on. */
  advertise: string;
  /** For the proxy: whether it stays on the way of dialogs, follows 3xx, and keeps no transactions. */
  recordRoute: boolean;
  recurse: boolean;
  /** Whether callers without a password here may call users. */
  strangers: boolean;
  /** For `user add`: "on" or "off", "" for no rule of the user's own. */
  userStrangers: string;
  stateless: boolean;
  /** Addresses that need no credentials. */
  trusted: number[];
  /** How long contacts ring before those of a lower q do, s. */
  ringS: number;
  numbers: NumberRule[];
  /** For benchmarks: time that each datagram takes in addition, microseconds. */
  brakeUs: number;
  /** For `user …`: the name, and whether the password comes on stdin. */
  name: string;
  passwordStdin: boolean;
  help: boolean;
}

export const USAGE = `Usage: npm run server -- [options]
       npm run server -- user add|passwd NAME --domain DOMAIN --users FILE [--password-stdin] [--strangers on|off]
       npm run server -- user remove NAME --domain DOMAIN --users FILE
       npm run server -- user list --users FILE [--domain DOMAIN] [--json]
       npm run server -- status|reload --http PORT

  --listen udp:IP:PORT   where to listen, once for udp, once for tcp, once for tls (udp:127.0.0.1:5060)
  --tls-cert FILE  --tls-key FILE     the certificate for tls (PEM, those between it and its authority behind it) and its key; may be
                         repeated, in pairs: clients get the one with the name they ask for, else the first
  --tls-ca FILE          only clients with a certificate of these authorities are let in by tls, and other servers are believed by them
  --advertise IP         our address as others see it, when listening on 0.0.0.0
  --domain NAME          a domain of ours, which is also the realm; may be repeated
  --users FILE           a line for each user, as 'user add' writes it: NAME:DOMAIN:MD5:SHA-256[:strangers=on|off]
  --mode MODE            registrar alone, or with it a redirect server or a proxy: registrar, redirect, proxy (proxy)
  --store STORE          memory, file:DIR or redis://[USER:PASSWORD@]HOST[:PORT][/N], rediss:// with TLS (memory)
  --store-password-file FILE    its first line is the password of Redis: no list of processes shows it
  --digest LIST          challenges in their order: md5, sha-256, or both with a comma (md5)
  --contacts N|any|N,any contacts a user may have (10); with any they may be on this machine and below port 1024 too, as they may when
                         the server listens on 127.0.0.1
  --bindings N           bindings there is room for in memory (100000)
  --min-expires S  --max-expires S    60 and 7200
  --flow-timer S         how often phones that keep their TCP or TLS connection (RFC 5626) are to be heard, 0: they are told nothing
                         of it (120)
  --service-route URI    told to whoever registers (RFC 3608)
  --transactions N       transactions at once, of either kind (4000)
  --trust IP             proxy: no credentials are asked of this address (a gateway, another proxy); may be repeated
  --number RULE          proxy: a number and the URI it means, 100=sip:alice@example.org; or what numbers begin with, a dot, and {} for
                         the rest, 0.=sip:{}@192.0.2.9; may be repeated
  --ring-time S          proxy: how long contacts ring before those of a lower q (20)
  --record-route on|off  proxy: stays on the way of the calls (on)
  --strangers on|off     whether who has no password here may call who has one: INVITE, and nothing else (off); a user may have
                         another rule: 'user add NAME --strangers on|off'
  --recurse on|off       proxy: goes where a 3xx says instead of passing it on (off)
  --stateless            proxy: keeps no transactions; no forking, store memory or file only
  --http PORT            /status, /metrics (Prometheus) and /reload on 127.0.0.1
  --http-host NAME       a name besides 127.0.0.1 and localhost by which it is asked, through a proxy of yours; may be repeated
  --brake US             for benchmarks: so many microseconds are spent on each datagram beside its work (0)
  --keylog FILE          for debugging: the secrets of connections by tls, as Wireshark reads them (SSLKEYLOGFILE)
  --log LEVEL            the least grave lines that are printed: error, warning, info, debug (info)
  --json                 one JSON object a line on stdout for each event
  --help                 this text

SIGHUP reads the users and the certificates anew; calls go on. SIGTERM ends the server, and so does the end of npm or of the terminal it was started from.
`;

/** More often, keep-alives would be a load. */
const FLOW_TIMER_LEAST_S = 10;

const STATEFUL: readonly string[] = ["proxy"];
const PROXY: readonly string[] = ["proxy"];
/** Options that mean nothing in the other modes. */
const NEEDED_MODES = {
  "ring-time": STATEFUL,
  recurse: STATEFUL,
  "record-route": PROXY,
  number: PROXY,
  "flow-timer": PROXY,
  strangers: ["proxy", "redirect"] as readonly string[],
};

const COMMANDS = "user add NAME, user passwd NAME, user remove NAME, user list, status or reload";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const many = { type: "string", multiple: true } as const;
const OPTIONS = {
  listen: many,
  "tls-cert": many,
  "tls-key": many,
  "tls-ca": text,
  keylog: text,
  domain: many,
  users: text,
  mode: text,
  store: text,
  "store-password-file": text,
  log: text,
  digest: text,
  contacts: text,
  bindings: text,
  "min-expires": text,
  "flow-timer": text,
  "max-expires": text,
  "service-route": text,
  transactions: text,
  brake: text,
  http: text,
  "http-host": many,
  advertise: text,
  trust: many,
  number: many,
  "ring-time": text,
  "record-route": text,
  recurse: text,
  strangers: text,
  stateless: flag,
  json: flag,
  "password-stdin": flag,
  help: { type: "boolean", short: "h" },
} as const;

/** @param args without the program's name @returns the options, or one line that says what is wrong */
export function parseOptions(args: readonly string[]): ServerOptions | string {
  let values: ReturnType<typeof read>["values"];
  let words: string[];
  try {
    ({ values, positionals: words } = read(args));
  } catch (error) {
    return optionProblem(error as NodeJS.ErrnoException);
  }
  const command = commandOf(words);
  if (command === null) return '"' + safe(words.join(" ")) + '": must be nothing, ' + COMMANDS;
  if (values["password-stdin"] === true && command !== "user-add" && command !== "user-passwd")
    return "--password-stdin belongs to user add and user passwd";
  for (const name of ["tls-ca", "keylog", "store-password-file"] as const)
    if (values[name] === "") return bad(name, "", "the name of a file");
  for (const name of ["tls-cert", "tls-key"] as const)
    if (values[name]?.includes("")) return bad(name, "", "the name of a file");
  const listen: Listen[] = [];
  for (const value of values.listen ?? ["udp:127.0.0.1:5060"]) {
    const place = readListen(value);
    if (place === null) return bad("listen", value, "udp:IP:PORT, tcp:IP:PORT or tls:IP:PORT");
    if (listen.some((other) => other.transport === place.transport))
      return bad("listen", value, "given once for udp, once for tcp and once for tls");
    if (listen.length > 0 && listen[0].ip !== place.ip) return bad("listen", value, "on the same address as the other");
    listen.push(place);
  }
  const tls = readTls(
    values["tls-cert"] ?? [],
    values["tls-key"] ?? [],
    values["tls-ca"] ?? "",
    listen.some(({ transport }) => transport === "tls"),
  );
  if (typeof tls === "string") return tls;
  const numbers = {
    // "any" stands alone, or behind the number.
    contacts: numberOf(values.contacts?.replace(/^any$/, "10").replace(/,any$/, ""), 10, 1, 100),
    bindings: numberOf(values.bindings, 100_000, 1, 1_000_000),
    minExpiresS: numberOf(values["min-expires"], 60, 1, 86400),
    flowTimerS: numberOf(values["flow-timer"], FLOW_TIMER_S, 0, 3600),
    maxExpiresS: numberOf(values["max-expires"], 7200, 1, 4_000_000),
    transactions: numberOf(values.transactions, 4000, 8, 13000),
    ringS: numberOf(values["ring-time"], 20, 1, 180),
    brakeUs: numberOf(values.brake, 0, 0, 100_000),
    http: numberOf(values.http, -1, 0, 65535),
  };
  if (Number.isNaN(numbers.contacts)) return bad("contacts", values.contacts, "1 to 100, any, or both with a comma");
  if (Number.isNaN(numbers.bindings)) return bad("bindings", values.bindings, "1 to 1000000");
  if (Number.isNaN(numbers.minExpiresS)) return bad("min-expires", values["min-expires"], "1 to 86400");
  if (Number.isNaN(numbers.flowTimerS) || (numbers.flowTimerS > 0 && numbers.flowTimerS < FLOW_TIMER_LEAST_S))
    return bad("flow-timer", values["flow-timer"], "0, or " + FLOW_TIMER_LEAST_S + " to 3600");
  if (Number.isNaN(numbers.maxExpiresS)) return bad("max-expires", values["max-expires"], "1 to 4000000");
  if (Number.isNaN(numbers.transactions)) return bad("transactions", values.transactions, "8 to 13000");
  if (Number.isNaN(numbers.ringS)) return bad("ring-time", values["ring-time"], "1 to 180");
  if (Number.isNaN(numbers.brakeUs)) return bad("brake", values.brake, "0 to 100000");
  if (Number.isNaN(numbers.http)) return bad("http", values.http, "0 to 65535");
  if (numbers.maxExpiresS < numbers.minExpiresS)
    return bad("max-expires", String(numbers.maxExpiresS), "at least that of --min-expires");
  const mode = values.mode ?? "proxy";
  if (!MODES.includes(mode)) return bad("mode", mode, MODES.join(", "));
  const store = values.store ?? "memory";
  const redis = /^rediss?:/i.test(store) ? readRedisPlace(store) : null;
  // The text is not repeated: a password may be in it.
  if (typeof redis === "string") return "--store: must be " + redis;
  if (store !== "memory" && !/^file:./.test(store) && redis === null)
    return bad("store", store, "memory, file:DIR or redis://HOST:PORT/N");
  const storePasswordFile = values["store-password-file"] ?? "";
  if (storePasswordFile !== "" && redis === null) return "--store-password-file needs --store redis://…";
  if (storePasswordFile !== "" && redis?.password !== "")
    return "--store-password-file: there is a password in --store already";
  const log = LEVELS.find((level) => level === (values.log ?? "info"));
  if (log === undefined) return bad("log", values.log, LEVELS.join(", "));
  const stateless = values.stateless === true;
  if (stateless && (mode !== "proxy" || redis !== null))
    return "--stateless needs --mode proxy and --store memory or file:DIR";
  for (const name of ["record-route", "recurse", "strangers"] as const)
    if (!["on", "off", undefined].includes(values[name])) return bad(name, values[name], "on or off");
  if (command === "run")
    for (const [name, needed] of Object.entries(NEEDED_MODES)) {
      const isThere = needed === STATEFUL ? mode === "proxy" && !stateless : needed.includes(mode);
      if (values[name as keyof typeof NEEDED_MODES] === undefined || isThere) continue;
      const how = needed === STATEFUL ? "--mode proxy without --stateless" : "--mode " + needed.join(" or ");
      return "--" + name + " needs " + how;
    }
  const trusted: number[] = [];
  for (const address of values.trust ?? []) {
    if (ipv4(address) < 0) return bad("trust", address, "an IPv4 address");
    trusted.push(ipv4(address));
  }
  const rules: NumberRule[] = [];
  for (const rule of values.number ?? []) {
    const read = readRule(rule);
    if (read === null) return bad("number", rule, "DIGITS=URI, or DIGITS.=URI with {} for the rest");
    rules.push(read);
  }
  const digest: number[] = [];
  for (const name of (values.digest ?? "md5").split(",")) {
    const algorithm = name === "md5" ? ALGORITHM_MD5 : name === "sha-256" ? ALGORITHM_SHA256 : 0;
    if (algorithm === 0 || digest.includes(algorithm)) return bad("digest", values.digest, "md5, sha-256, or both");
    digest.push(algorithm);
  }
  const httpHosts = (values["http-host"] ?? []).map((name) => name.toLowerCase().replace(/\.$/, ""));
  for (const name of httpHosts)
    if (!/^[a-z0-9._-]{1,253}$/.test(name))
      return bad("http-host", name, "a host name or an IPv4 address, without a port");
  const domains = (values.domain ?? []).map((domain) => domain.toLowerCase());
  for (const domain of domains)
    if (!/^[a-z0-9._-]{1,100}$/.test(domain)) return bad("domain", domain, "a host name or an IPv4 address");
  // 0.0.0.0 in Via and Record-Route leads nowhere.
  if (values.advertise !== undefined && ipv4(values.advertise) <= 0)
    return bad("advertise", values.advertise, "an IPv4 address that others can send to");
  if (values["service-route"] !== undefined && !isRoute(values["service-route"]))
    return bad("service-route", values["service-route"], "a SIP URI, or such URIs in < and > with commas between");
  if (httpHosts.length > 0 && numbers.http < 0 && command === "run") return "--http-host needs --http PORT";
  const isLocal = command !== "status" && command !== "reload";
  if (values.help !== true) {
    if (isLocal && command !== "user-list" && domains.length === 0)
      return "--domain is needed: the domain of the users";
    if (command.startsWith("user-") && domains.length > 1) return "--domain must be given once: the domain of the user";
    if (isLocal && (values.users ?? "") === "")
      return "--users is needed: the file with the users; 'user add NAME' makes it";
    if (!isLocal && numbers.http < 0) return "--http is needed: the port of the server that runs";
  }
  return {
    ...numbers,
    command,
    listen,
    tls,
    keylog: values.keylog ?? "",
    httpHosts,
    anyContacts: /(^|,)any$/.test(values.contacts ?? ""),
    domains,
    users: values.users ?? "",
    mode,
    store,
    redis,
    storePasswordFile,
    log,
    json: values.json === true,
    digest,
    serviceRoute: values["service-route"] ?? "",
    advertise: values.advertise ?? "",
    recordRoute: values["record-route"] !== "off",
    recurse: values.recurse === "on",
    strangers: values.strangers === "on",
    userStrangers: values.strangers === undefined ? "" : values.strangers,
    stateless,
    trusted,
    numbers: rules,
    name: words[2] ?? "",
    passwordStdin: values["password-stdin"] === true,
    help: values.help === true,
  };
}

function read(args: readonly string[]) {
  return parseArgs({ args: joinValues(args, OPTIONS), options: OPTIONS, strict: true, allowPositionals: true });
}

function commandOf(words: readonly string[]): ServerOptions["command"] | null {
  if (words.length === 0) return "run";
  const [first, second] = words;
  if (first === "user" && words.length === 2) return second === "list" ? "user-list" : null;
  if (first === "user" && words.length === 3)
    return second === "add" || second === "passwd" || second === "remove" ? `user-${second}` : null;
  return words.length === 1 && (first === "status" || first === "reload") ? first : null;
}

/** @returns whether it is `sip:HOST…`, or `<sip:HOST…>` and perhaps more of them, each behind a comma */
function isRoute(value: string): boolean {
  const uris = value.includes("<") ? value.split(",").map((one) => /^ *<([^<>]*)> *$/.exec(one)?.[1] ?? "") : [value];
  return uris.every((one) => {
    const bytes = octets(one);
    return /^sips?:[^\s\p{Cc}<>",]+$/iu.test(one) && new Uri().parse(bytes, 0, bytes.length);
  });
}

/** @returns the rule, null when it is malformed or its URI is no sip URI */
function readRule(value: string): NumberRule | null {
  const match = /^([0-9+*]{0,32})(\.?)=(sip:[^\s{}<>"]*)(\{\})?([^\s{}<>"]*)$/.exec(value);
  if (match === null) return null;
  const [, prefix, dot, before, rest, after] = match;
  const isPrefix = dot === ".";
  if ((prefix === "" && !isPrefix) || (rest !== undefined && !isPrefix)) return null;
  const sample = octets(before + (isPrefix && rest !== undefined ? "1" : "") + after);
  if (sample.length > NUMBER_URI_BYTES - 32 || !new Uri().parse(sample, 0, sample.length)) return null;
  return {
    prefix: octets(prefix),
    isPrefix,
    isInserted: rest !== undefined,
    before: octets(before),
    after: octets(after),
  };
}

/** @returns the number, NaN when it is none from `min` to `max` */
function numberOf(value: string | undefined, otherwise: number, min: number, max: number): number {
  if (value === undefined) return otherwise;
  return /^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max ? Number(value) : Number.NaN;
}

function bad(name: string, given: string | undefined, allowed: string): string {
  return "--" + name + ' "' + safe(given ?? "") + '": must be ' + allowed;
}
