/** A house with a proxy in virtual time, and the phones around it: strings in, strings out. */
import { ipv4 } from "../../src/core/address.js";
import { ADMISSION_DEFAULTS, Admission, type AdmissionOptions } from "../../src/server/admission.js";
import { AUTHENTICATOR_DEFAULTS, Authenticator } from "../../src/server/authenticator.js";
import { Domains } from "../../src/server/domains.js";
import type { Guard } from "../../src/server/guard.js";
import type { LocationStore } from "../../src/server/location.js";
import type { MemoryLocation } from "../../src/server/memory.js";
import { NumberPlan, type NumberRule } from "../../src/server/numberplan.js";
import { PROXY_DEFAULTS, type ProxyOptions, StatefulProxy } from "../../src/server/proxy.js";
import type { RegistrarOptions } from "../../src/server/registrar.js";
import { RouteTokens } from "../../src/server/routetoken.js";
import { StatelessProxy } from "../../src/server/stateless.js";
import { Targets } from "../../src/server/targets.js";
import { CountingRandom } from "../random.js";
import { field, fields, responseTo, type Sent } from "../transaction/harness.js";
import { DOMAIN, House, home, type Place, users } from "./house.js";

export const PROXY = "10.0.0.1";
export const PEER = "10.0.0.11";
/** Addresses of the phones. */
export const ALICE = "10.0.0.2:5060";
export const BOB = "10.0.0.3:5060";
export const STRANGER = "10.9.9.9:5060";

export interface Ask {
  method?: string;
  uri?: string;
  from?: string;
  to?: string;
  callId?: string;
  cseq?: number;
  branch?: string;
  via?: string;
  forwards?: string;
  extra?: string;
  body?: string;
}

let count = 0;

/** Makes a request of a phone, by default a stranger's INVITE for bob. */
export function ask(parts: Ask = {}): string {
  const method = parts.method ?? "INVITE";
  count += 1;
  return (
    method +
    " " +
    (parts.uri ?? "sip:bob@example.org") +
    " SIP/2.0\r\n" +
    (parts.via ?? "Via: SIP/2.0/UDP 10.9.9.9:5060;branch=" + (parts.branch ?? "z9hG4bKq" + count) + "\r\n") +
    (parts.forwards ?? "Max-Forwards: 70\r\n") +
    "From: " +
    (parts.from ?? "<sip:zoe@elsewhere.net>;tag=zz") +
    "\r\nTo: " +
    (parts.to ?? "<sip:bob@example.org>") +
    "\r\nCall-ID: " +
    (parts.callId ?? "c" + count) +
    "\r\nCSeq: " +
    (parts.cseq ?? 1) +
    " " +
    method +
    "\r\n" +
    (parts.extra ?? (method === "INVITE" ? "Contact: <sip:zoe@10.9.9.9>\r\n" : "")) +
    "Content-Length: " +
    (parts.body ?? "").length +
    "\r\n\r\n" +
    (parts.body ?? "")
  );
}

export type HouseOptions = Partial<ProxyOptions & AdmissionOptions>;

export class ProxyHouse extends House {
  readonly proxy: StatefulProxy;

  constructor(
    options: HouseOptions = {},
    rules: readonly NumberRule[] = [],
    makeStore: ((memory: MemoryLocation) => LocationStore) | null = null,
    place: Place = home(),
    registrar: Partial<RegistrarOptions> = {},
  ) {
    super(registrar, {}, makeStore, place);
    const ourDomains = new Domains(this.layer, place.domains);
    const targets = new Targets(this.layer, ourDomains, {
      users: place.users,
      plan: new NumberPlan(rules),
      node: this.registrar.node,
    });
    const tokens = this.routeTokens ?? new RouteTokens(this.random);
    const admission = new Admission(this.layer, this.random, {
      auth: this.auth,
      domains: ourDomains,
      targets,
      routeTokens: tokens,
      ...ADMISSION_DEFAULTS,
      ...options,
    });
    this.proxy = new StatefulProxy(this.layer, this.random, admission, {
      store: this.store,
      ...PROXY_DEFAULTS,
      ...options,
    });
    this.server.next = this.proxy;
  }

  /** Registers a contact of one of our users, from the address that the contact names. */
  bind(
    user: string,
    contact: string,
    from = (/@([\d.]+)/.exec(contact)?.[1] ?? "10.0.0.3") + ":5060",
    extra = "",
  ): void {
    const response = this.register({ user, contact, callId: "r" + ++count, extra }, from);
    if (!response.startsWith("SIP/2.0 200")) throw new Error("not registered: " + response);
  }

  /**
   * Sends a request; with a password, sends it again with credentials for the challenge.
   * @returns all that left for it, except 100
   */
  sends(parts: Ask, from = STRANGER, user = "", password = ""): Sent[] {
    const sent = this.receive(ask(parts), from);
    if (user === "") return without100(sent);
    const challenge = sent[0];
    if (!challenge.line.startsWith("SIP/2.0 407")) throw new Error("no challenge: " + challenge.line);
    const method = parts.method ?? "INVITE";
    const uri = parts.uri ?? "sip:bob@example.org";
    const credentials = this.answerTo(challenge.text, user, password, uri, method);
    return without100(
      this.receive(ask({ ...parts, cseq: (parts.cseq ?? 1) + 1, extra: (parts.extra ?? "") + credentials }), from),
    );
  }

  /**
   * Sends a phone's answer to a request that was forwarded to it.
   * @returns what left for it, except ACKs to the phone
   */
  answers(request: Sent, status: number, tag = "bb", extra = "", reason = "Reason"): Sent[] {
    const from = request.to.split(" ").at(-1)!;
    const recorded = fields(request.text, "Record-Route").map((route) => "Record-Route: " + route + "\r\n");
    const response = responseTo(request.text, status, tag, recorded.join("") + extra, reason);
    return this.receive(response, from).filter((sent) => !sent.line.startsWith("ACK"));
  }

  /** Checks that nothing is held any more once all timers are over. */
  isIdle(): boolean {
    this.pass(200_000);
    return this.layer.servers.used() + this.layer.clients.used() + this.proxy.contexts.usedBuffers() === 0;
  }

  localIp(): number {
    return ipv4(PROXY);
  }
}

/** Makes two houses with one store and one key; the second one is at PEER. */
export function peers(): [ProxyHouse, ProxyHouse] {
  const place = { ...home(), isShared: true };
  const first = new ProxyHouse({}, [], null, place);
  const second = new ProxyHouse({}, [], () => first.memory, { ...place, ip: PEER, seed: 5 });
  for (const one of [first, second]) one.routeTokens?.setKey(new Uint8Array(32).fill(7));
  return [first, second];
}

/** Makes the house's proxy stateless from here on. @param guard that of the registrar, if both are to count together */
export function withoutState(h: ProxyHouse, guard: Guard | null = null, isClosed = false): StatelessProxy {
  const random = new CountingRandom();
  const ourDomains = new Domains(h.layer, [DOMAIN]);
  const targets = new Targets(h.layer, ourDomains, {
    users: users(),
    plan: new NumberPlan([]),
    node: h.registrar.node,
  });
  const auth = new Authenticator(h.timers, random, users(), {
    ...AUTHENTICATOR_DEFAULTS,
    isOnce: false,
    guard,
  });
  const routeTokens = new RouteTokens(random);
  const options = { ...ADMISSION_DEFAULTS, isClosed };
  const admission = new Admission(h.layer, random, { ...options, auth, domains: ourDomains, targets, routeTokens });
  const proxy = new StatelessProxy(h.layer, random, admission, {
    store: h.memory,
    registrar: h.registrar,
    isRecording: true,
  });
  h.layer.bypass = proxy;
  return proxy;
}

function without100(sent: Sent[]): Sent[] {
  return sent.filter(({ line }) => !line.startsWith("SIP/2.0 100"));
}

/** @returns "INVITE 10.0.0.3:5060" or "180 10.9.9.9:5060" for each message */
export function brief(sent: readonly Sent[]): string[] {
  return sent.map(({ line, to }) => {
    const [first, second] = line.split(" ");
    return (first === "SIP/2.0" ? second : first) + " " + to.split(" ").at(-1);
  });
}

export { field, fields };
