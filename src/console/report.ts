/**
 * The console's reports of the door's state, as values by name: `status`, `stats`, `limits` and `phones`. Not here: the
 * log of what happened.
 */
import { ipv4Text } from "../core/address.js";
import type { Pool } from "../core/pool.js";
import { printable } from "../core/printable.js";
import { SUITE_NONE } from "../core/suites.js";
import { encryptionOf, signallingOf } from "../intercom/calltext.js";
import type { Door } from "../intercom/door.js";
import { REACH_TCP, REACH_UNKNOWN } from "../transaction/reach.js";
import type { Call } from "../ua/call.js";
import { REGISTRATION_DONE, REGISTRATION_FAILED, REGISTRATION_TRYING, type Registration } from "../ua/registration.js";
import { ERROR_STATE, type Reply } from "./reply.js";

/** Words by REACH_*, for servers that do not take TCP. */
const REACH_WORDS: readonly string[] = ["", "", "refused or reset", "no connection in 500 ms", "no response"];

export function reportStatus(reply: Reply, door: Door): Reply {
  const { ua } = door;
  const call = door.ua.activeCall();
  let calling = door.isRinging ? "out, ringing" : "none";
  if (call !== null)
    calling = (call.session.isCaller ? "out" : "in") + (call.answeredMs >= 0 ? ", confirmed" : ", ringing");
  if (call?.isTalking()) calling += privacyOf(door, call);
  if (door.ua.transfer.isOn) calling += ", being moved";
  reply.put("registration", registrationText(ua.registration, door.unregistered));
  if (ua.second?.isOn) reply.put("registration2", registrationText(ua.second.registration, ua.second.failure));
  reply
    .put("call", calling)
    .put("relay1", door.doorway.isOn(1) ? "on" : "off")
    .put("relay2", door.doorway.isOn(2) ? "on" : "off");
  if (door.localName !== undefined) reply.put("name", door.localName);
  reportOutside(reply, door);
  reportSecondOutside(reply, door);
  reportOutages(reply, door);
  return reportReach(reply, door);
}

/** @param failure why there is none */
function registrationText(registration: Registration, failure: string): string {
  const { state, place } = registration;
  if (state === REGISTRATION_DONE)
    return (
      "registered, granted " +
      registration.grantedS +
      " s" +
      (place === "" ? "" : ", at " + printable(place)) +
      (registration.keepsFlow ? ", flow kept" : "")
    );
  if (state === REGISTRATION_TRYING) return "registering";
  if (state !== REGISTRATION_FAILED) return "unregistered";
  return "failed, next try in " + Math.round(registration.nextMs() / 1000) + " s: " + failure;
}

/** Says what others on the network can find out of a call. */
function privacyOf(door: Door, call: Call): string {
  const signalling = signallingOf(door.ua.layer, call);
  const isSound = call.media.suite() !== SUITE_NONE;
  if (signalling === "none") return isSound ? ", sound encrypted" : "";
  return ", signalling by " + signalling + (isSound ? " and sound encrypted: private" : ", sound in clear");
}

/** Says at which address others see the door, if it is not its own. */
function reportOutside(reply: Reply, door: Door): void {
  const { outside, udpPort, tcpPort } = door.ua.layer;
  if (!outside?.isFor(-1)) return;
  const isTcp = door.settings.get("sip.transport") !== "udp";
  const port = outside.signallingPort(isTcp ? tcpPort : udpPort, isTcp);
  const sound = door.settings.get("rtp.port");
  const place = ipv4Text(outside.signallingIp) + ":" + port;
  reply.put("outside", place + ", sound " + ipv4Text(outside.soundIp(sound)) + ":" + outside.soundPort(sound));
}

/** Says at which address the second account's server sees the door. */
function reportSecondOutside(reply: Reply, door: Door): void {
  const { secondOutside, udpPort, tcpPort } = door.ua.layer;
  if (!secondOutside?.isSeenElsewhere) return;
  const isTcp = door.settings.get("account2.transport") !== "udp";
  const port = secondOutside.signallingPort(isTcp ? tcpPort : udpPort, isTcp);
  reply.put("outside2", ipv4Text(secondOutside.signallingIp) + ":" + port);
}

/** Says which servers of the account do not answer, and when they are asked again. */
function reportOutages(reply: Reply, door: Door): void {
  const { outages } = door.ua.layer.transport;
  for (let i = 0; i < outages.size; i++) {
    if (outages.ipAt(i) < 0) continue;
    const leftS = Math.max(0, Math.ceil((outages.dueAt(i) - door.timers.nowMs) / 1000));
    reply.put("server " + ipv4Text(outages.ipAt(i)) + ":" + outages.portAt(i), "down, asked again in " + leftS + " s");
  }
}

/** Says what was found out about TCP at servers to which a message went that is too long for UDP. */
function reportReach(reply: Reply, door: Door): Reply {
  const { reach } = door.ua.layer.transport;
  const { nowMs } = door.timers;
  for (let place = 0; place < reach.size; place++) {
    const state = reach.stateAt(place, nowMs);
    if (reach.ipAt(place) < 0 || state === REACH_UNKNOWN) continue;
    const name = "tcp " + ipv4Text(reach.ipAt(place)) + ":" + reach.portAt(place);
    const leftS = Math.ceil(reach.leftMs(place, nowMs) / 1000);
    reply.put(
      name,
      state === REACH_TCP ? "taken" : REACH_WORDS[state] + ", long requests go by UDP for " + leftS + " s",
    );
  }
  return reply;
}

export function reportStats(reply: Reply, door: Door): Reply {
  const counters = door.ua.layer.counters;
  reply
    .put("received", counters.received)
    .put("sent", counters.sent)
    .put("retransmitted", counters.retransmitted)
    .put("repeated", counters.repeated)
    .put("malformed", counters.malformed)
    .put("dropped", counters.dropped)
    .put("stray", counters.stray)
    .put("failed", counters.failed)
    .put("refused", counters.refused)
    .put("keepAlives", counters.keepAlives);
  if (door.houseServer !== null) {
    const { proxy, redirect, registrar } = door.houseServer;
    reply.put("registered", registrar.counters.changed);
    if (proxy !== null)
      reply
        .put("forwarded", proxy.counters.forwarded)
        .put("followed", proxy.counters.followed)
        .put("refusedCalls", proxy.counters.refused);
    if (redirect !== null)
      reply.put("redirected", redirect.counters.redirected).put("refusedCalls", redirect.counters.refused);
  }
  const media = door.ua.lines[0].media;
  if (!media.hasRun()) return reply;
  return reply
    .put("sound", media.verdict())
    .put("rtpSent", media.sentPackets())
    .put("rtpReceived", media.receivedPackets())
    .put("rtpLost", media.lostPackets())
    .put("rtpLate", media.latePackets())
    .put("rtpForeign", media.foreignPackets())
    .put("encryption", encryptionOf(media))
    .put("rtpForged", media.forgedPackets())
    .put("jitterMs", media.jitterMs())
    .put("roundTripMs", media.roundTripMs());
}

export function reportPhones(reply: Reply, door: Door): Reply {
  if (door.houseServer === null)
    return reply.fail(ERROR_STATE, "the door is no server: set server.enabled on, save, and start again");
  const phones = door.houseServer.phones();
  for (let i = 0; i < phones.length; i++) {
    const { name, contact, leftS } = phones[i];
    reply.put(name, contact === "" ? "not registered" : printable(contact) + ", " + leftS + " s left");
  }
  return phones.length === 0 ? reply.say("no phone has a name: set phone1.name, phone1.password\n") : reply;
}

export function reportPools(reply: Reply, door: Door): Reply {
  const layer = door.ua.layer;
  reply.put("clients", ofPool(layer.clients)).put("servers", ofPool(layer.servers));
  return reply.put("dialogs", ofPool(door.ua.dialogs));
}

function ofPool(pool: Pool<object>): string {
  return pool.used() + " of " + pool.items.length + ", most " + pool.highWater;
}
