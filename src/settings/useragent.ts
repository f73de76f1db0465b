/**
 * Reads what the user agent has to know out of the settings. Not here: what one setting may be (schema.ts), what the
 * user agent does with it (ua).
 */
import type { Trust } from "../../hal/device.js";
import { ipv4 } from "../core/address.js";
import { ENCRYPTION_OFF, ENCRYPTION_OFFER, ENCRYPTION_REQUIRE } from "../dialog/negotiation.js";
import type { AccountSettings } from "../ua/account.js";
import { PROBE_AUTO } from "../ua/registration.js";
import type { UserAgentSettings } from "../ua/useragent.js";
import { TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { Authorities, type AuthorityStores, authorityStore } from "./authorities.js";
import type { Settings } from "./settings.js";

/** Each call makes a new object. */
export function agentSettings(s: Settings): UserAgentSettings {
  const codecs: number[] = [];
  const names = s.get("audio.codecs").split(",");
  for (let i = 0; i < names.length; i++) codecs.push(names[i] === "PCMA" ? 8 : 0);
  const picture = s.get("camera.url");
  return {
    user: s.get("sip.user"),
    authUser: s.get("sip.authUser"),
    password: s.get("sip.password"),
    realm: s.get("sip.realm"),
    displayName: s.get("sip.name"),
    domain: s.get("sip.domain"),
    proxy: s.get("sip.proxy"),
    register: s.get("sip.register") && s.get("sip.domain") !== "",
    expiresS: s.get("sip.expires"),
    probeS: probeOf(s.get("sip.probe")),
    transport: transportOf(s.get("sip.transport")),
    codecs,
    encryption: encryptionOf(s.get("media.encryption")),
    keysInClear: s.get("media.encryptionClear"),
    ringTimeMs: s.get("call.ringTime") * 1000,
    silenceTimeMs: s.get("rtp.timeout") * 1000,
    sessionExpiresS: s.get("sip.sessionExpires"),
    earlyAnswer: s.get("call.earlyAnswer"),
    minSeS: s.get("sip.minSE"),
    refers: s.get("call.refer") !== "off",
    rtpPort: s.get("rtp.port"),
    learnsAddress: s.get("net.nat") === "auto",
    stun: s.get("net.stun"),
    publicIp: ipv4(s.get("net.publicAddress")),
    callsBySecond: s.get("call.account") === "2",
    ...(picture === "" ? {} : { picture }),
    ...(s.get("sip.outbound") ? { outbound: true } : {}),
    ...(s.get("account2.domain") === "" ? {} : { second: secondAccount(s) }),
  };
}

/** The second account; how long a registration lasts and how it is probed is the same for both. */
function secondAccount(s: Settings): AccountSettings {
  return {
    user: s.get("account2.user"),
    authUser: s.get("account2.authUser"),
    password: s.get("account2.password"),
    realm: s.get("account2.realm"),
    displayName: s.get("account2.name"),
    domain: s.get("account2.domain"),
    proxy: s.get("account2.proxy"),
    register: true,
    expiresS: s.get("sip.expires"),
    probeS: probeOf(s.get("sip.probe")),
    transport: transportOf(s.get("account2.transport")),
    prefix: "account2.",
  };
}

function encryptionOf(value: string): number {
  return value === "require" ? ENCRYPTION_REQUIRE : value === "offer" ? ENCRYPTION_OFFER : ENCRYPTION_OFF;
}

function probeOf(value: string): number {
  return value === "auto" ? PROBE_AUTO : value === "off" ? 0 : Number(value);
}

function transportOf(name: "udp" | "tcp" | "tls"): number {
  if (name === "tls") return TRANSPORT_TLS;
  return name === "tcp" ? TRANSPORT_TCP : TRANSPORT_UDP;
}

/**
 * By what servers are believed that are reached by TLS. Each call makes a new object. @param device where the
 * certificates are that were pasted at the console
 */
export function trustOf(s: Settings, device: AuthorityStores): Trust {
  const pins = s.get("tls.pin");
  const file = s.get("tls.ca");
  const ca = file === "" ? new Authorities(authorityStore(device)).pem() : file;
  return { ca, pins: pins === "" ? [] : pins.split(",") };
}
