/**
 * Says in words what is wrong with the encryption of a call's offer that was refused (488), and what to set. This is
 * read once more from the message, because it is wanted for few of the calls that are refused.
 * Not here: whether an offer fits (dialog/negotiation.ts).
 */
import { Span, text } from "../core/bytes.js";
import { ENCRYPTION_OFF, ENCRYPTION_REQUIRE, type NegotiationSettings } from "../dialog/negotiation.js";
import { BODY_SDP, findSdp } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import { CryptoLine } from "../wire/sdes.js";
import { MEDIA_AUDIO, PROTO_OTHER, SDP_OK, type SdpMedia } from "../wire/sdp.js";

const IN_CLEAR = "its sound is in clear: switch on SRTP with SDES there, or set media.encryption offer";
const NO_KEY = "its keys are not in the call (DTLS, ZRTP): switch on SRTP with SDES there";
const SWITCHED_OFF = "its sound is encrypted, and media.encryption is off: set media.encryption offer";
const READABLE = "anybody could read its keys on the way: let it use TLS, or set media.encryptionClear on";
const NO_SUITE = "its keys are broken or of an unknown suite: let it use AES_CM_128_HMAC_SHA1_80";
const FINGERPRINT = "\na=fingerprint:";

/** @param isPrivate the offer came by TLS @returns "" if its encryption is not what was wrong */
export function encryptionProblem(m: Message, settings: NegotiationSettings, isPrivate: boolean): string {
  const { sdp } = settings;
  const body = new Span();
  if (findSdp(m, body) !== BODY_SDP || sdp.parse(body.bytes, body.start, body.end) !== SDP_OK) return "";
  const isKeyedElsewhere = text(body.bytes, body.start, body.end).indexOf(FINGERPRINT) >= 0;
  let found = "";
  for (let i = 0; i < sdp.count; i++) {
    const media = sdp.mediaAt(i);
    if (media.type !== MEDIA_AUDIO || media.port === 0) continue;
    const problem =
      media.proto === PROTO_OTHER ? (isKeyedElsewhere ? NO_KEY : "") : problemOf(media, sdp.bytes, settings, isPrivate);
    // This medium would have been taken but for something else.
    if (problem === "") return "";
    if (found === "") found = problem;
  }
  return found;
}

function problemOf(media: SdpMedia, bytes: Uint8Array, settings: NegotiationSettings, isPrivate: boolean): string {
  const { encryption } = settings;
  const isSealed = media.isSecure();
  if (!isSealed && encryption !== ENCRYPTION_REQUIRE) return "";
  if (media.cryptoCount === 0) return isSealed ? NO_KEY : IN_CLEAR;
  if (encryption === ENCRYPTION_OFF) return SWITCHED_OFF;
  if (!settings.mayTell(isPrivate)) return READABLE;
  const line = new CryptoLine();
  for (let i = 0; i < media.cryptoCount; i++)
    if (line.read(bytes, media.cryptos[2 * i], media.cryptos[2 * i + 1])) return "";
  return NO_SUITE;
}
