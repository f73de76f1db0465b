/**
 * A registrar with two users in virtual time, on a network that only remembers; and a phone that answers its
 * challenges.
 */
import { ipv4 } from "../../src/core/address.js";
import { NONE, octets, Span } from "../../src/core/bytes.js";
import { Timers } from "../../src/core/timers.js";
import { AUTHENTICATOR_DEFAULTS, Authenticator, type AuthenticatorOptions } from "../../src/server/authenticator.js";
import { FlowPath } from "../../src/server/flowpath.js";
import { type Bindings, DayClock, type LocationStore } from "../../src/server/location.js";
import { MemoryLocation } from "../../src/server/memory.js";
import { proxyTimers } from "../../src/server/proxy.js";
import { FLOW_TIMER_S, Registrar, type RegistrarOptions } from "../../src/server/registrar.js";
import { RouteTokens } from "../../src/server/routetoken.js";
import { Server } from "../../src/server/server.js";
import { UserTable } from "../../src/server/users.js";
import { TransactionLayer, transactionTimers } from "../../src/transaction/layer.js";
import { AUTH_DIGEST, AuthValue } from "../../src/wire/auth.js";
import { ALGORITHM_MD5, ALGORITHM_SHA256, ClientAuth, Digest, hexSize, quotedName } from "../../src/wire/digest.js";
import { Writer } from "../../src/wire/writer.js";
import { CountingRandom } from "../random.js";
import { FakeNetwork, field, fields, LIMITS, type Sent } from "../transaction/harness.js";

export const DOMAIN = octets("example.org");
const PASSWORDS: Record<string, string> = { alice: "secretA", bob: "secretB" };

/** The settings of a house: its address, its domains (the first one is its users'), and its particulars. */
export interface Place {
  ip: string;
  domains: readonly Uint8Array[];
  users: UserTable;
  /** The number of names of others that it knows at once. */
  names: number;
  /** The start of its random numbers: two houses with different ones have no keys in common. */
  seed: number;
  /** The number of transactions of either kind, 64 by default. */
  transactions?: number;
  /** The number of nonces whose counts are kept, by default the usual number. */
  nonces?: number;
  /** Other servers read its store. */
  isShared?: boolean;
}

export function secretOf(name: string, password: string, algorithm: number, realm = "example.org"): Uint8Array {
  const out = new Uint8Array(64);
  const user = new Span();
  const place = new Span();
  user.set(octets(name), 0, octets(name).length);
  place.set(octets(realm), 0, realm.length);
  new Digest().writeSecret(algorithm, user, place, octets(password), out);
  return out.slice(0, hexSize(algorithm));
}

export function users(): UserTable {
  const table = new UserTable(8, 64, [DOMAIN, octets("example.com")]);
  for (const [name, password] of Object.entries(PASSWORDS))
    table.addUser(
      octets(name),
      DOMAIN,
      secretOf(name, password, ALGORITHM_MD5),
      secretOf(name, password, ALGORITHM_SHA256),
    );
  return table;
}

export function home(): Place {
  return { ip: "10.0.0.1", domains: [DOMAIN, octets("example.com")], users: users(), names: LIMITS.names, seed: 0 };
}

export interface RegisterParts {
  user?: string;
  contact?: string;
  callId?: string;
  cseq?: number;
  extra?: string;
  uri?: string;
  to?: string;
  from?: string;
  via?: string;
  body?: string;
}

export class House {
  readonly timers: Timers;
  readonly network: FakeNetwork;
  readonly layer: TransactionLayer;
  readonly clock: DayClock;
  readonly memory: MemoryLocation;
  readonly auth: Authenticator;
  readonly registrar: Registrar;
  /** The keys of a house whose store others read. */
  readonly routeTokens: RouteTokens | null;
  readonly server = new Server();
  private branch = 0;
  private cseq = 0;
  private readonly clients = new Map<string, ClientAuth>();
  protected readonly random = new CountingRandom();
  protected readonly store: LocationStore;

  constructor(
    options: Partial<RegistrarOptions> = {},
    auth: Partial<AuthenticatorOptions> = {},
    makeStore: ((memory: MemoryLocation) => LocationStore) | null = null,
    place: Place = home(),
  ) {
    for (let i = 0; i < place.seed; i++) this.random.uint32();
    const limits = {
      ...LIMITS,
      clients: place.transactions ?? 64,
      servers: place.transactions ?? 64,
      names: place.names,
    };
    this.timers = new Timers(transactionTimers(limits) + proxyTimers(limits));
    this.network = new FakeNetwork(this.timers);
    this.layer = new TransactionLayer(
      { timers: this.timers, random: this.random, network: this.network, limits },
      this.server,
    );
    this.layer.setLocal(ipv4(place.ip), 5060, 5060);
    this.clock = new DayClock(this.timers);
    this.memory = new MemoryLocation(this.clock, { chunks: 256, recordBytes: 4096 });
    this.auth = new Authenticator(this.timers, this.random, place.users, {
      ...AUTHENTICATOR_DEFAULTS,
      nonces: place.nonces ?? AUTHENTICATOR_DEFAULTS.nonces,
      ...auth,
    });
    this.routeTokens = place.isShared === true ? new RouteTokens(this.random) : null;
    this.routeTokens?.useTimers(this.timers);
    this.store = makeStore === null ? this.memory : makeStore(this.memory);
    this.registrar = new Registrar(this.layer, this.clock, this.random, {
      auth: this.auth,
      store: this.store,
      minS: 60,
      defaultS: 3600,
      maxS: 7200,
      domains: place.domains,
      contacts: 4,
      recordBytes: 4000,
      jobs: 4,
      jobBytes: 4096,
      serviceRoute: NONE,
      flowTimerS: FLOW_TIMER_S,
      ...(this.routeTokens === null ? {} : { flowPath: new FlowPath(this.layer, this.routeTokens) }),
      ...options,
    });
    this.server.registrar = this.registrar;
    this.server.layer = this.layer;
  }

  pass(ms: number): void {
    const untilMs = this.timers.nowMs + ms;
    while (this.timers.next() <= untilMs) this.timers.poll(this.timers.next());
    this.timers.poll(untilMs);
  }

  receive(message: string, from = "10.0.0.2:5060"): Sent[] {
    const bytes = octets(message);
    const [ip, port] = from.split(":");
    this.network.take();
    this.layer.receiveDatagram(ipv4(ip), Number(port), bytes, 0, bytes.length);
    return this.network.take();
  }

  /** Makes the text of a REGISTER. */
  request(parts: RegisterParts = {}, credentials = ""): string {
    const user = parts.user ?? "alice";
    const cseq = parts.cseq ?? ++this.cseq;
    const aor = parts.to ?? "<sip:" + user + "@example.org>";
    return (
      "REGISTER " +
      (parts.uri ?? "sip:example.org") +
      " SIP/2.0\r\nVia: " +
      (parts.via ?? "SIP/2.0/UDP 10.0.0.2:5060") +
      ";branch=z9hG4bK" +
      ++this.branch +
      "\r\nMax-Forwards: 70\r\nFrom: " +
      (parts.from ?? aor) +
      ";tag=f" +
      "\r\nTo: " +
      aor +
      "\r\nCall-ID: " +
      (parts.callId ?? "call-1") +
      "\r\nCSeq: " +
      cseq +
      " REGISTER\r\n" +
      (parts.contact === undefined ? "" : parts.contact === "" ? "" : "Contact: " + parts.contact + "\r\n") +
      (parts.extra ?? "") +
      credentials +
      "Content-Length: " +
      (parts.body ?? "").length +
      "\r\n\r\n" +
      (parts.body ?? "")
    );
  }

  /**
   * Sends a REGISTER without credentials, and again with them when it is challenged.
   * @returns the last answer, "" when there is none
   */
  register(parts: RegisterParts = {}, from = "10.0.0.2:5060", password = PASSWORDS[parts.user ?? "alice"]): string {
    const first = this.receive(this.request(parts), from)[0]?.text ?? "";
    if (!first.startsWith("SIP/2.0 401")) return first;
    const credentials = this.answerTo(first, parts.user ?? "alice", password, parts.uri ?? "sip:example.org");
    return this.receive(this.request(parts, credentials), from)[0]?.text ?? "";
  }

  /** Does the same as `register` over a connection, which is opened. */
  registerByStream(connection: number, ip: string, port: number, parts: RegisterParts = {}): string {
    this.layer.streamOpened(connection, ipv4(ip), port);
    const send = (credentials: string): string => {
      const request = this.request({ via: "SIP/2.0/TCP 10.0.0.2:5060", ...parts }, credentials);
      this.network.take();
      this.layer.receiveStream(connection, octets(request), 0, request.length);
      return this.network.take()[0]?.text ?? "";
    };
    const user = parts.user ?? "alice";
    return send(this.answerTo(send(""), user, PASSWORDS[user]));
  }

  /** Sends a keep-alive over a connection. @returns what came back */
  ping(connection: number): string {
    this.network.take();
    this.layer.receiveStream(connection, octets("\r\n\r\n"), 0, 4);
    return this.network
      .take()
      .map(({ text }) => text)
      .join();
  }

  /** Makes a field with credentials for the challenge in `response`; the count goes up when the nonce is the same. */
  answerTo(response: string, user: string, password: string, uri = "sip:example.org", method = "REGISTER"): string {
    const name = response.startsWith("SIP/2.0 407") ? "Proxy-Authenticate" : "WWW-Authenticate";
    const challenge = octets(field(response, name));
    const value = new AuthValue();
    if (value.parse(challenge, 0, challenge.length) !== AUTH_DIGEST) throw new Error("no challenge: " + response);
    const key = user + ":" + password;
    const client = this.clients.get(key) ?? new ClientAuth(this.random, new Digest());
    if (!this.clients.has(key)) client.setUser(quotedName(octets(user)) ?? NONE, octets(password));
    this.clients.set(key, client);
    client.takeChallenge(value);
    return this.again(user, password, uri, method);
  }

  /** Makes credentials for the nonce that was answered last. */
  again(user: string, password: string, uri = "sip:example.org", method = "REGISTER"): string {
    const w = new Writer();
    const out = new Uint8Array(1024);
    const span = new Span();
    span.set(octets(uri), 0, uri.length);
    w.begin(out, 0, out.length);
    this.clients.get(user + ":" + password)!.writeCredentials(w, octets(method), span);
    return (
      (method === "REGISTER" ? "" : "Proxy-") +
      "Authorization: " +
      String.fromCharCode(...out.subarray(0, w.at)) +
      "\r\n"
    );
  }

  /** @returns the contacts of an address as they are in the store: URI, q and the address they came from */
  bound(aor = "alice@example.org"): { uri: string; q: number; from: string; path: string }[] {
    const out: { uri: string; q: number; from: string; path: string }[] = [];
    const span = new Span();
    span.set(octets(aor), 0, aor.length);
    this.memory.findBindings(
      span,
      {
        onBindings: (_token: number, _result: number, list: Bindings) => {
          for (let more = list.first(); more; more = list.next())
            out.push({
              uri: list.contact.toString(),
              q: list.q,
              from: list.transport + " " + list.ip + ":" + list.port,
              path: list.path.toString(),
            });
        },
        onUpdated: () => {},
      },
      0,
    );
    return out;
  }
}

export function contactsOf(response: string): string[] {
  return fields(response, "Contact");
}
