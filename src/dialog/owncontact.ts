/**
 * Our Contact header field: where requests in a dialog reach us (RFC 3261 §8.1.1.8). It has the user of the account,
 * our address, and the port of the transport that the message goes by: those that the other side can reach
 * (transaction/outside.ts). Not here: the Contact of the other side (dialog.ts).
 */

import { octets } from "../core/bytes.js";
import type { Flow, Target } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { OB, overTransport, URI_CLOSE } from "../wire/lines.js";
import { TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";

const SIP_COLON = octets("sip:");
// How the line begins; the latter if the other side is named by a sips URI. RFC 3261 §8.1.1.8, §12.1.1
export const CONTACT_SIP = octets("Contact: <sip:");
export const CONTACT_SIPS = octets("Contact: <sips:");

/** Who we are, where a message of ours says so. */
export interface Self {
  readonly layer: TransactionLayer;
  /** The user part of our URI, escaped; empty for none. */
  contactUser: Uint8Array;
  /** It is the second account, whose server keeps no flow of ours. */
  isSecond?: boolean;
}

/** Writes the line of a message that goes along `flow`. @param opening CONTACT_SIP or CONTACT_SIPS */
export function writeContact(w: Writer, self: Self, flow: Flow, opening: Uint8Array = CONTACT_SIP): void {
  w.put(opening);
  writeOwnPlace(w, self.layer, self.contactUser, flow.transport, flow.ip);
  writeEnd(w, self);
}

/** Writes the line of a request. @param opening as in `writeContact` */
export function writeContactTo(w: Writer, self: Self, target: Target, opening: Uint8Array = CONTACT_SIP): void {
  const { layer } = self;
  w.put(opening);
  writeOwnPlace(w, layer, self.contactUser, target.transport, layer.hasOutside ? layer.knownIp(target) : -1);
  writeEnd(w, self);
}

/** While our server reaches us by our flow, the requests of a dialog are to come by it as well. RFC 5626 §4.3 */
function writeEnd(w: Writer, { layer, isSecond }: Self): void {
  if (layer.flows?.isGranted && isSecond !== true) w.put(OB);
  w.put(URI_CLOSE);
}

/**
 * Writes our URI behind its scheme. One who is reached by TCP or TLS is told so, or would come by UDP. RFC 3261 §19.1.1
 * @param transport TRANSPORT_* that the message goes by @param peerIp the address that it goes to, -1: not known yet
 */
function writeOwnPlace(w: Writer, layer: TransactionLayer, user: Uint8Array, transport: number, peerIp: number): void {
  if (user.length > 0) {
    w.put(user);
    w.octet(0x40);
  }
  const own = layer.transport.ownPort(transport);
  const outside = layer.outsideFor(peerIp);
  w.ip(outside === null ? layer.localIp : outside.signallingIp);
  w.octet(0x3a);
  w.uint(outside === null ? own : outside.signallingPort(own, transport !== TRANSPORT_UDP));
  w.put(overTransport(transport));
}

/** Writes the addr-spec alone. @param transport @param peerIp as in `writeOwnPlace` */
export function writeContactUri(
  w: Writer,
  layer: TransactionLayer,
  user: Uint8Array,
  transport: number,
  peerIp: number,
): void {
  w.put(SIP_COLON);
  writeOwnPlace(w, layer, user, transport, peerIp);
}
