/**
 * Decides where the phone in a call may move it (`call.refer`, `call.referTo`): to the targets of the settings and to
 * the phones of the door's own server, or anywhere. A target that is allowed is called as the settings write it, so
 * that nothing of the asker's own comes with it.
 * Not here: who may ask (callers.ts), and the transfer itself (ua/transfer.ts).
 */

import { Span, text, utf8 } from "../core/bytes.js";
import { readPlan } from "../settings/ringplan.js";
import { PLANS } from "../settings/schema.js";
import type { Settings } from "../settings/settings.js";
import { SIP_PORT, SIPS_PORT } from "../transaction/transport.js";
import type { Call } from "../ua/call.js";
import type { Identity } from "../ua/identity.js";
import type { Destination } from "../ua/incall.js";
import { fitsPattern, isNumberPattern, OVER_UDP, readAccount, readTarget } from "../ua/target.js";
import type { UserAgent } from "../ua/useragent.js";
import { sameHost, sameUser } from "../wire/compare.js";
import { TRANSPORT_NONE, TRANSPORT_TLS, TRANSPORT_UDP } from "../wire/names.js";
import { SCHEME_OTHER, SCHEME_SIP, SCHEME_SIPS, SCHEME_TEL, Uri } from "../wire/uri.js";
import { MADDR } from "../wire/via.js";
import type { HouseServer } from "./houseserver.js";

const SIPS = "sips:";
/** Settings that name one target. */
const TARGETS = ["call.target", "call.fallback"] as const;

// For the time of one call only.
const configured = new Uri();
const asked = new Uri();
const scratch = new Span();

export class TransferTargets {
  private readonly ua: UserAgent;
  private readonly settings: Settings;
  private readonly houseServer: HouseServer | null;
  /** The account of the call that is judged, at whose server numbers are called. */
  private identity: Identity;

  constructor(ua: UserAgent, settings: Settings, houseServer: HouseServer | null) {
    this.ua = ua;
    this.settings = settings;
    this.houseServer = houseServer;
    this.identity = ua;
  }

  /**
   * Judges the target of a REFER. @param call in which it came @param out holds the target as it was asked for, then
   * the one to call
   * @returns 0, or the status that refuses it: 403 not allowed, 416 no such address can be called, 480 a phone of the
   * house that is not there
   */
  judge(call: Call, out: Destination): number {
    const { settings, houseServer } = this;
    this.identity = this.ua.identityOf(call);
    if (!this.read(out.target)) return 416;
    if (asked.scheme === SCHEME_TEL) {
      const read = readTarget(out.target, this.identity.account.domain);
      if (read.error !== "" || !this.read(read.uri)) return 416;
      out.target = read.uri;
    }
    if (houseServer?.isDomain(asked)) {
      const contact = houseServer.contactOf(asked);
      // A phone that is registered by sip is not reached by TLS.
      if (contact === "" || (contact !== null && asked.scheme === SCHEME_SIPS && !isSips(contact))) return 480;
      if (contact !== null) {
        out.target = contact;
        out.isDirect = true;
        return 0;
      }
    }
    if (this.isOurs()) return 403;
    if (settings.get("call.refer") === "any") {
      if (readTarget(out.target, "").error !== "") return 416;
      if (this.isByUdp(call)) out.target += OVER_UDP;
      return 0;
    }
    for (let i = 0; i < TARGETS.length; i++)
      if (this.takes(settings.get(TARGETS[i]), out)) {
        out.isDirect = TARGETS[i] === "call.fallback";
        return 0;
      }
    for (let i = 0; i < PLANS.length; i++) {
      const plan = settings.get(PLANS[i]);
      if (plan !== "" && this.takesAny(readPlan(plan).targets, out)) return 0;
    }
    return this.takesAny(settings.get("call.referTo").split(","), out) ? 0 : 403;
  }

  /**
   * Returns whether `asked` means UDP though the account's transport is another one: it names none, is not reached by
   * the account's server, and comes from a phone that we speak with otherwise (Dialog.unnamedTransport).
   */
  private isByUdp(call: Call): boolean {
    const { account, context } = this.identity;
    if (asked.scheme !== SCHEME_SIP || asked.transport() !== TRANSPORT_NONE || account.routes.length > 0) return false;
    const way = call.session.dialog?.unnamedTransport(context.transport);
    return way === TRANSPORT_UDP && context.transport !== way && !this.isServer(asked);
  }

  private read(target: string): boolean {
    const bytes = utf8(target);
    return asked.parse(bytes, 0, bytes.length) && asked.scheme !== SCHEME_OTHER;
  }

  /** Returns whether the target is the door's own address, by which it would call itself. */
  private isOurs(): boolean {
    if (this.ua.layer.isOwn(asked.ip, portOf(asked))) return true;
    return this.isServer(asked) && this.identity.account.isUserOf(asked);
  }

  private takesAny(entries: readonly string[], out: Destination): boolean {
    for (let i = 0; i < entries.length; i++) if (this.takes(entries[i].trim(), out)) return true;
    return false;
  }

  /** Returns whether that entry of the settings is the target that the REFER names; `out` is then set to it. */
  private takes(written: string, out: Destination): boolean {
    const { target: entry, account } = readAccount(written);
    // A target of the other account is reached by that one only.
    if (account !== 0 && account !== (this.identity === this.ua.second ? 2 : 1)) return false;
    const { domain } = this.identity.account;
    if (entry === "" || asked.param(MADDR, scratch)) return false;
    if (isNumberPattern(entry)) {
      const user = asked.userText();
      if (!this.isServer(asked) || !fitsPattern(entry, user)) return false;
      const read = readTarget(user, domain);
      if (read.error === "") out.target = asSecure(read.uri);
      return read.error === "";
    }
    const read = readTarget(entry, domain);
    const bytes = utf8(read.uri);
    if (read.error !== "" || !configured.parse(bytes, 0, bytes.length) || !this.isSame()) return false;
    out.target = asSecure(read.uri);
    return true;
  }

  /**
   * Returns whether `configured` and `asked` name the same user at the same place. An address without a user stands for
   * all at it.
   */
  private isSame(): boolean {
    const areServers = this.isServer(configured) && this.isServer(asked);
    if (!areServers) {
      if (portOf(configured) !== portOf(asked)) return false;
      const { hostStart, hostEnd } = configured;
      if (!sameHost(configured.bytes, hostStart, hostEnd, asked.bytes, asked.hostStart, asked.hostEnd)) return false;
    }
    const { userStart, userEnd } = configured;
    if (userEnd === userStart) return !areServers;
    return sameUser(configured.bytes, userStart, userEnd, asked.bytes, asked.userStart, asked.userEnd);
  }

  private isServer(uri: Uri): boolean {
    return this.identity.account.domain !== "" && this.identity.isServerHost(uri);
  }
}

function portOf(uri: Uri): number {
  if (uri.port >= 0) return uri.port;
  return uri.scheme === SCHEME_SIPS || uri.transport() === TRANSPORT_TLS ? SIPS_PORT : SIP_PORT;
}

function isSips(target: string): boolean {
  return target.slice(0, SIPS.length).toLowerCase() === SIPS;
}

/**
 * @returns a target of the settings, with sips if it was asked for so: it may not become sip, by which others can read
 * the call. RFC 3261 §26.2.2
 */
function asSecure(target: string): string {
  if (asked.scheme !== SCHEME_SIPS || isSips(target)) return target;
  const bytes = utf8(target);
  configured.parse(bytes, 0, bytes.length);
  return SIPS + text(bytes, SIPS.length - 1, configured.paramsStart);
}
