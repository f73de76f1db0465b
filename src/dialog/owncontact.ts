/**
 * Our Contact header field: where requests in a dialog reach us (RFC 3261 §8.1.1.8). It has the user of the account,
 * our address, and the port of the transport that the message goes by: those that the other side can reach
 * (transaction/outside.ts). Not here: the Contact of the other side (dialog.ts).
 */

import { octets } from "../core/bytes.js";
import type { Flow, Target } from "../transaction/flow.js";
import type { TransactionLayer } from "../transaction/layer.js";
import { CONTACT_OPEN, overTransport, URI_CLOSE } from "../wire/lines.js";
import { TRANSPORT_UDP } from "../wire/names.js";
import type { Writer } from "../wire/writer.js";

const SIP_COLON = octets("sip:");
const SIPS_COLON = octets("sips:");

/** Who we are, where a message of ours says so. */
export interface Self {
  readonly layer: TransactionLayer;
  /** The user part of our URI, escaped; empty for none. */
  contactUser: Uint8Array;
}

/**
 * Writes the line of a message that goes along `flow`.
 * @param isSips the other side is named by a sips URI, so we are too. RFC 3261 §8.1.1.8, §12.1.1
 */
export function writeContact(w: Writer, self: Self, flow: Flow, isSips = false): void {
  w.put(CONTACT_OPEN);
  writeContactUri(w, self.layer, self.contactUser, flow.transport, flow.ip, isSips);
  w.put(URI_CLOSE);
}

/** Writes the line of a request. @param isSips as in `writeContact` */
export function writeContactTo(w: Writer, self: Self, target: Target, isSips = false): void {
  const { layer } = self;
  const peerIp = layer.outside === null ? -1 : layer.knownIp(target);
  w.put(CONTACT_OPEN);
  writeContactUri(w, layer, self.contactUser, target.transport, peerIp, isSips);
  w.put(URI_CLOSE);
}

/**
 * Writes the addr-spec alone. One who is reached by TCP or TLS is told so, or would come by UDP. RFC 3261 §19.1.1
 * @param transport TRANSPORT_* that the message goes by @param peerIp the address that it goes to, -1: not known yet
 */
export function writeContactUri(
  w: Writer,
  layer: TransactionLayer,
  user: Uint8Array,
  transport: number,
  peerIp: number,
  isSips = false,
): void {
  w.put(isSips ? SIPS_COLON : SIP_COLON);
  if (user.length > 0) {
    w.put(user);
    w.octet(0x40);
  }
  const own = layer.transport.ownPort(transport);
  const outside = layer.outside?.isFor(peerIp) ? layer.outside : null;
  w.ip(outside === null ? layer.localIp : outside.signallingIp);
  w.octet(0x3a);
  w.uint(outside === null ? own : outside.signallingPort(own, transport !== TRANSPORT_UDP));
  if (!isSips) w.put(overTransport(transport));
}
