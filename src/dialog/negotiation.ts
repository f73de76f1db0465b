/**
 * Offer and answer (RFC 3264) for one audio stream of PCMU or PCMA with telephone-event. Every other medium, and a
 * second audio stream, is refused with port 0. It keeps our description as it was last offered or answered, what was
 * agreed, and whose offer waits for its answer:
 *
 *     NONE   --openOffer: our INVITE leaves, or we answer an INVITE without an offer-->  OURS
 *     NONE   --receiveOffer: their INVITE, UPDATE or PRACK has one-->                    THEIRS
 *     OURS   --closeExchange: their answer came, or their refusal-->                     NONE
 *     THEIRS --closeExchange: our answer left-->                                         NONE
 *     any    --rollback: the request with the offer was refused-->                       NONE, as before the offer
 *
 * Not here: which messages carry offers and answers (session.ts), and the sound.
 */
import { LOOPBACK, PORT_MOST } from "../core/address.js";
import { equal, NONE, Span } from "../core/bytes.js";
import { copyOctets } from "../core/octets.js";
import type { RandomSource } from "../core/random.js";
import { Protection, SUITE_NONE } from "../core/suites.js";
import type { Outside } from "../transaction/outside.js";
import { BODY_NONE, BODY_SDP, findSdp } from "../wire/body.js";
import type { Message } from "../wire/message.js";
import { TRANSPORT_TLS } from "../wire/names.js";
import {
  DIRECTION_INACTIVE,
  DIRECTION_RECVONLY,
  DIRECTION_SENDONLY,
  DIRECTION_SENDRECV,
  ENCODING_PCMA,
  ENCODING_PCMU,
  ENCODING_TELEPHONE_EVENT,
  IP_SIX,
  MEDIA_AUDIO,
  PROTO_OTHER,
  PROTO_RTP_AVP,
  PROTO_RTP_SAVP,
  SDP_LIMIT,
  SDP_OK,
  Sdp,
  type SdpMedia,
} from "../wire/sdp.js";
import {
  AudioDescription,
  PCMA,
  PCMU,
  SDP_AUDIO_BYTES,
  SDP_CRYPTO_BYTES,
  SDP_REFUSED_BYTES,
  SDP_SESSION_BYTES,
  writeAudio,
  writeRefused,
  writeSession,
} from "../wire/sdpwriter.js";
import type { Writer } from "../wire/writer.js";
import { KeyExchange } from "./keyexchange.js";

export const NEGOTIATION_OK = 0;
/** The description cannot be read: 400. */
export const NEGOTIATION_MALFORMED = 1;
/** Nothing in it that we can do: 488. */
export const NEGOTIATION_NO_CODEC = 2;
/** Our description does not fit its buffer: 500. */
export const NEGOTIATION_NO_ROOM = 3;
/**
 * A codec is common, but sound would have to go to a host name, to IPv6 or to a group, none of which is spoken here:
 * 488.
 */
export const NEGOTIATION_ADDRESS = 4;

// Whether the sound is encrypted.
export const ENCRYPTION_OFF = 0;
/** Where the other side can do it. */
export const ENCRYPTION_OFFER = 1;
/** There is no call without it. */
export const ENCRYPTION_REQUIRE = 2;

// Whose offer has no answer yet.
export const EXCHANGE_NONE = 0;
export const EXCHANGE_OURS = 1;
export const EXCHANGE_THEIRS = 2;

// TURN_*: when our next offer in the call leaves.
/** There is none, or it has left. */
export const TURN_NONE = 0;
/** As soon as the session is confirmed. */
export const TURN_CONFIRMED = 1;
/** After a while: another exchange is open, or the offer crossed one of theirs. */
export const TURN_LATER = 2;
/** A change that crossed one of theirs (491) is offered again so often. */
const GLARES_MOST = 5;

// What a message brought as the answer to our offer.
/** It has no description. */
export const ANSWER_NONE = 0;
export const ANSWER_TAKEN = 1;
/** Its description cannot be read, or has nothing that we can do. */
export const ANSWER_USELESS = 2;

// Why an offer is refused, the later the nearer it came: indexes of WARNING_CODES, which are those of RFC 3261 §20.43.
/** There is no audio. */
const WARNING_MEDIUM = 0;
/** It goes by another protocol than RTP/AVP or AVPF, or its encryption is none that we may agree to. */
const WARNING_TRANSPORT = 1;
/** It has no codec of ours. */
const WARNING_FORMAT = 2;
/** It is at an IPv6 address, at a host name or at our own ports, or at a group. */
const WARNING_NETWORK = 3;
const WARNING_ADDRESS = 4;
const WARNING_MULTICAST = 5;
/** More media than are kept. */
const WARNING_OTHER = 6;
export const WARNING_CODES: readonly number[] = [304, 302, 305, 300, 301, 330, 399];

const NO_CODEC = -1;
const NO_MEDIUM = -1;
/** The payload type we offer for telephone-event; answers take the other side's. */
const EVENT_TYPE = 101;
const DEFAULT_PTIME_MS = 20;
/** What is kept of a description grows in steps of so many octets. */
const STEP_BYTES = 64;
/** Versions count from here, so that all have the same number of digits. */
const FIRST_VERSION = 1000000000;
/** Media that are refused with all that fits of their formats; of more each has less room. */
const REFUSED_USUAL = 7;
const REFUSED_BYTES = REFUSED_USUAL * SDP_REFUSED_BYTES;
/** Octets of one description: our audio, and what refuses the other media. */
export const DESCRIPTION_BYTES = SDP_SESSION_BYTES + SDP_AUDIO_BYTES + REFUSED_BYTES;
/** Above are multicast, reserved and broadcast addresses: no place to send one call's sound to. RFC 1112 §4 */
const UNICAST_END = 0xe0000000;

// For the time of one call only.
const body = new Span();

/** The signalling goes in clear. */
export const CONNECTION_NONE = -1;
/** It goes by TLS, over a connection that is not open yet. */
export const CONNECTION_UNKNOWN = -2;

/** What all calls share: our address and codecs, and the memory that is used only while one of them negotiates. */
export class NegotiationSettings {
  ip = 0;
  /** Payload types in the order of preference. */
  codecs: readonly number[] = [];
  /** ENCRYPTION_* */
  encryption = ENCRYPTION_OFF;
  /** Keys may be told over signalling that anybody on the way can read. */
  keysInClear = false;
  /** Theirs, while it is read. */
  readonly sdp = new Sdp();
  /** Ours, while it is written; what does not differ from the one before is not kept. */
  readonly draft: Uint8Array;
  readonly writer: Writer;
  readonly audio = new AudioDescription();
  private firstPort = 0;
  private endPort = 0;

  /**
   * @param draft of DESCRIPTION_BYTES at least @param writer both are for the time of one call only, so others may use
   * them too
   */
  constructor(draft: Uint8Array, writer: Writer) {
    this.draft = draft;
    this.writer = writer;
  }

  configure(ip: number, codecs: readonly number[], encryption = ENCRYPTION_OFF, keysInClear = false): void {
    this.ip = ip;
    this.codecs = codecs;
    this.encryption = encryption;
    this.keysInClear = keysInClear;
  }

  /** @param lines each has two ports, one for RTP and one for RTCP */
  setPorts(firstPort: number, lines: number): void {
    this.firstPort = firstPort;
    this.endPort = firstPort + 2 * lines;
  }

  /**
   * Returns whether sound that is sent there comes back to us. It would be heard, and taken for a sign that the other
   * side is still there.
   */
  isOurPlace(ip: number, port: number): boolean {
    return port >= this.firstPort && port < this.endPort && (ip === this.ip || ip >>> 24 === LOOPBACK);
  }

  /** Whether there may be calls. @param isPrivate their signalling is encrypted */
  allowsCalls(isPrivate: boolean): boolean {
    return this.encryption !== ENCRYPTION_REQUIRE || isPrivate || this.keysInClear;
  }

  /** Whether calls may have encrypted sound. @param isPrivate their signalling is encrypted */
  mayEncrypt(isPrivate: boolean): boolean {
    return this.encryption !== ENCRYPTION_OFF && this.mayTell(isPrivate);
  }

  /** Whether keys may be told by signalling. @param isPrivate it is encrypted */
  mayTell(isPrivate: boolean): boolean {
    return isPrivate || this.keysInClear;
  }

  has(payloadType: number): boolean {
    for (let i = 0; i < this.codecs.length; i++) if (this.codecs[i] === payloadType) return true;
    return false;
  }
}

/** The result of offer and answer, by which the sound is sent and received. */
export class Agreed {
  remoteIp = 0;
  remotePort = 0;
  rtcpIp = 0;
  rtcpPort = 0;
  /** Payload type to send with, and what it stands for: 0 PCMU, 8 PCMA. */
  payloadType = 0;
  codec = 0;
  /** Payload types under which they may come, beside their static ones; -1: they may not. */
  pcmuType = -1;
  pcmaType = -1;
  /** Payload types of telephone-event, -1 when it was not agreed. */
  eventSendType = -1;
  eventReceiveType = -1;
  /** What the other side wants in one packet, 10 to 60 ms. */
  ptimeMs = DEFAULT_PTIME_MS;
  /** We may send. */
  sends = false;
  /** We are to receive. */
  receives = false;
  /** We would send, but the other side does not want to hear us. */
  heldByRemote = false;
  /** How the sound is encrypted; null where encryption is off. */
  protection: Protection | null = null;

  /** There is no sound, and no key for it. */
  forget(): void {
    this.sends = this.receives = this.heldByRemote = false;
    this.protection?.clear();
  }

  copy(other: Agreed): void {
    this.remoteIp = other.remoteIp;
    this.remotePort = other.remotePort;
    this.rtcpIp = other.rtcpIp;
    this.rtcpPort = other.rtcpPort;
    this.payloadType = other.payloadType;
    this.codec = other.codec;
    this.pcmuType = other.pcmuType;
    this.pcmaType = other.pcmaType;
    this.eventSendType = other.eventSendType;
    this.eventReceiveType = other.eventReceiveType;
    this.ptimeMs = other.ptimeMs;
    this.sends = other.sends;
    this.receives = other.receives;
    this.heldByRemote = other.heldByRemote;
    if (other.protection !== null) this.protection?.copy(other.protection);
  }
}

export class Negotiation {
  /** Our RTP port. */
  port = 0;
  /** The connection by TLS that the signalling goes by, or CONNECTION_*. */
  connection = CONNECTION_NONE;
  /** Has the address that the other side is told; null: it is told our own. */
  outside: Outside | null = null;
  /** EXCHANGE_*: whose offer has no answer yet. */
  exchange = EXCHANGE_NONE;
  /** Our offer stands in a response: the ACK (or PRACK) must bring the answer to it. RFC 3261 §13.2.1, §14.2 */
  isAnswerDue = false;
  /** TURN_* of our next offer in the call. */
  turn = TURN_NONE;
  /** Our offer under way, or one that waits, is a change that the user asked for, and hears of if it fails. */
  isChange = false;
  /** The number of times that it was refused because it crossed one of theirs. */
  glares = 0;
  /** Our description as it was written last. */
  readonly local = new Span();
  readonly result = new Agreed();
  private readonly settings: NegotiationSettings;
  private readonly sdp: Sdp;
  private readonly writer: Writer;
  private readonly random: RandomSource;
  /** Null until encryption is wanted. */
  private keys: KeyExchange | null = null;
  /** What was agreed before something was tried; made when that happens in a call first, and not before. */
  private saved: Agreed | null = null;
  /** Something was agreed then. */
  private hasSaved = false;
  /**
   * Two descriptions by turns, so that a refused offer leaves the one that is in force. Each is as long as the longest
   * that it had to hold, DESCRIPTION_BYTES at most: most calls have one alone, with a third of that.
   */
  private first: Uint8Array = NONE;
  private second: Uint8Array = NONE;
  /** The description that is in force while another one is tried: savedLocal[0, savedEnd), one of the two. */
  private savedLocal: Uint8Array = NONE;
  private savedEnd = 0;
  private sessionId = 0;
  private version = FIRST_VERSION;
  private savedVersion = FIRST_VERSION;
  /** The last version given out; one that was refused is not used again for something else. */
  private lastVersion = FIRST_VERSION;
  /** DIRECTION_* that we want. */
  private wanted = DIRECTION_SENDRECV;
  /** The direction that we wanted when the description in force was written. */
  private inForce = DIRECTION_SENDRECV;
  private savedInForce = DIRECTION_SENDRECV;
  /** An offer of ours was written, and no answer was read since: what is in force is kept already. */
  private isOffering = false;
  /** The description that is read is an answer to our offer, not an offer. */
  private readsAnswer = false;
  /** The place of our audio among the media of our offer, and our payload type for telephone-event in it. */
  private audioIndex = 0;
  private eventType = EVENT_TYPE;
  private agreed = false;

  constructor(settings: NegotiationSettings, random: RandomSource) {
    this.settings = settings;
    this.sdp = settings.sdp;
    this.writer = settings.writer;
    this.random = random;
  }

  /** Whether the signalling is encrypted, so that keys may stand in it. */
  get isPrivate(): boolean {
    return this.connection !== CONNECTION_NONE;
  }

  /**
   * Notes the way of the description that is written or read next.
   * @param transport TRANSPORT_* @param connection that it goes by, or CONNECTION_UNKNOWN
   */
  takeWay(transport: number, connection: number): void {
    this.connection = transport === TRANSPORT_TLS ? connection : CONNECTION_NONE;
  }

  /** Forgets all, for another call. */
  reset(): void {
    this.local.clear();
    this.savedEnd = 0;
    this.sessionId = this.random.uint32() & 0x7fffffff;
    this.version = FIRST_VERSION;
    this.lastVersion = FIRST_VERSION;
    this.wanted = this.inForce = this.savedInForce = DIRECTION_SENDRECV;
    this.isOffering = false;
    this.agreed = this.hasSaved = false;
    this.exchange = EXCHANGE_NONE;
    this.isAnswerDue = this.isChange = false;
    this.turn = TURN_NONE;
    this.glares = 0;
    this.outside = null;
    this.result.forget();
    if (this.keys === null && this.settings.mayEncrypt(this.isPrivate)) this.prepareEncryption();
    this.keys?.reset();
  }

  /** Makes what encryption takes: 400 octets, which stay. */
  private prepareEncryption(): void {
    this.keys = new KeyExchange(this.random);
    this.result.protection = new Protection();
  }

  /**
   * Reads the offer of their INVITE, UPDATE or PRACK, and prepares our answer. Without an offer it prepares ours, for
   * the response.
   * @returns 0, or the status that refuses the request: then all stays as it was
   */
  receiveOffer(m: Message): number {
    switch (findSdp(m, body)) {
      case BODY_NONE:
        if (this.writeOffer() !== NEGOTIATION_OK) return 500;
        this.openOffer();
        this.isAnswerDue = true;
        return 0;
      case BODY_SDP: {
        const code = this.answerOffer(body.bytes, body.start, body.end);
        if (code !== NEGOTIATION_OK)
          return code === NEGOTIATION_MALFORMED ? 400 : code === NEGOTIATION_NO_ROOM ? 500 : 488;
        this.exchange = EXCHANGE_THEIRS;
        this.isAnswerDue = false;
        return 0;
      }
      default:
        return 415;
    }
  }

  /**
   * Reads the answer that `m` brings to our offer. The exchange stays open: an answer that may be lost comes again.
   * @returns ANSWER_*
   */
  receiveAnswer(m: Message): number {
    if (findSdp(m, body) !== BODY_SDP) return ANSWER_NONE;
    return this.readAnswer(body.bytes, body.start, body.end) === NEGOTIATION_OK ? ANSWER_TAKEN : ANSWER_USELESS;
  }

  /** Reads the answer to our offer in the last message that may bring it. @returns ANSWER_* */
  receiveLastAnswer(m: Message): number {
    this.closeExchange();
    return this.receiveAnswer(m);
  }

  /** Our offer leaves, for the first time or once more. */
  openOffer(): void {
    this.exchange = EXCHANGE_OURS;
  }

  /** The offer has its answer, or was refused. */
  closeExchange(): void {
    this.exchange = EXCHANGE_NONE;
    this.isAnswerDue = false;
  }

  /** Whether an offer was answered. */
  isAgreed(): boolean {
    return this.agreed;
  }

  /** Says that we do not want to hear the other side from the next offer or answer on, or want it again. */
  hold(on: boolean): void {
    this.want(on ? DIRECTION_SENDONLY : DIRECTION_SENDRECV);
  }

  /** Whether we want to hold the other side. */
  get isHolding(): boolean {
    return this.wanted === DIRECTION_SENDONLY;
  }

  /** Our offer did not come to be, nor the direction that we wanted: we go back to what both sides know. */
  giveUpOffer(): void {
    this.isChange = false;
    this.rollback();
    this.wanted = this.inForce;
  }

  /** Our offer crossed one of theirs. @returns whether it may be made once more */
  mayCrossAgain(): boolean {
    return this.glares++ < GLARES_MOST;
  }

  /** Sets the direction that we want from the next offer or answer on. @param direction DIRECTION_*, but not NONE */
  want(direction: number): void {
    this.wanted = direction;
  }

  /**
   * Writes an offer: all our codecs, and the media of earlier exchanges in their places. RFC 3264 §5, §8 It may be
   * written anew before it is answered. @returns NEGOTIATION_OK, with the offer in `local`, or NEGOTIATION_NO_ROOM
   */
  writeOffer(): number {
    const { sdp, local } = this;
    // The keys in force would be told to all who hear the way that the call takes by now.
    const { protection } = this.result;
    if (protection !== null && protection.suite !== SUITE_NONE && !this.settings.mayTell(this.isPrivate))
      return NEGOTIATION_NO_ROOM;
    this.save();
    const hasBefore = local.size() > 0 && sdp.parse(local.bytes, local.start, local.end) === SDP_OK;
    // The meaning of a payload type may not change in a session. RFC 3264 §8.3.2
    this.eventType = this.agreed && this.result.eventReceiveType >= 0 ? this.result.eventReceiveType : EVENT_TYPE;
    this.audioIndex = hasBefore ? this.placeOfAudio() : 0;
    const w = this.openDescription();
    for (let i = 0; hasBefore && i < sdp.count; i++) {
      const media = sdp.mediaAt(i);
      if (i === this.audioIndex) this.writeOffered(w, media.proto);
      else writeRefused(w, local.bytes, media, this.refusedBytes(sdp.count));
    }
    if (!hasBefore || this.audioIndex === sdp.count)
      this.writeOffered(w, this.settings.encryption === ENCRYPTION_REQUIRE ? PROTO_RTP_SAVP : PROTO_RTP_AVP);
    const done = this.closeDescription();
    if (done === NEGOTIATION_OK) this.isOffering = true;
    return done;
  }

  /** Reads their offer and writes our answer. @returns NEGOTIATION_*; when not OK all stays as it was */
  answerOffer(bytes: Uint8Array, start: number, end: number): number {
    const sdp = this.sdp;
    this.readsAnswer = false;
    this.save();
    const code = sdp.parse(bytes, start, end);
    if (code !== SDP_OK) return code === SDP_LIMIT ? NEGOTIATION_NO_CODEC : NEGOTIATION_MALFORMED;
    let chosen = NO_MEDIUM;
    let fit = NEGOTIATION_NO_CODEC;
    let isSealed = false;
    for (let i = 0; i < sdp.count && !isSealed; i++) {
      const media = sdp.mediaAt(i);
      const code = this.fitOf(media);
      if (fit !== NEGOTIATION_OK && code !== NEGOTIATION_NO_CODEC) fit = code;
      if (code !== NEGOTIATION_OK) continue;
      // The encrypted one of two descriptions of the same sound is taken.
      isSealed = this.hasLine(media);
      if (isSealed || chosen === NO_MEDIUM) chosen = i;
      if (!this.mayEncrypt()) break;
    }
    if (chosen === NO_MEDIUM && !(this.agreed && this.isSwitchedOff())) return fit;
    if (chosen === NO_MEDIUM) this.switchOff();
    else this.takeOffered(sdp.mediaAt(chosen));
    const w = this.openDescription();
    for (let i = 0; i < sdp.count; i++) {
      if (i === chosen) writeAudio(w, this.settings.audio);
      else writeRefused(w, bytes, sdp.mediaAt(i), this.refusedBytes(sdp.count));
    }
    const done = this.closeDescription();
    if (done === NEGOTIATION_OK) {
      this.agreed = true;
      this.isOffering = false;
      this.savedInForce = this.inForce;
      this.inForce = this.wanted;
    } else this.rollback();
    return done;
  }

  /**
   * Reads their answer to our offer. Each fork may answer; the last answer counts.
   * @returns NEGOTIATION_*; when not OK all stays as it was
   */
  readAnswer(bytes: Uint8Array, start: number, end: number): number {
    this.readsAnswer = true;
    const code = this.sdp.parse(bytes, start, end);
    if (code !== SDP_OK) return code === SDP_LIMIT ? NEGOTIATION_NO_CODEC : NEGOTIATION_MALFORMED;
    // Media are matched by their place. RFC 3264 §6
    if (this.audioIndex >= this.sdp.count) return NEGOTIATION_NO_CODEC;
    const media = this.sdp.mediaAt(this.audioIndex);
    const fit = this.fitOf(media);
    if (fit !== NEGOTIATION_OK) return fit;
    const { protection } = this.result;
    if (this.keys !== null && protection !== null) {
      if (this.hasLine(media)) this.keys.takeAnswer(protection);
      else this.keys.takeNone(protection);
    }
    this.adopt(media);
    this.result.eventReceiveType = this.eventType;
    // They may send what we offered, whatever they prefer. RFC 3264 §5.1
    const { result, settings } = this;
    if (result.pcmuType < 0 && settings.has(PCMU)) result.pcmuType = PCMU;
    if (result.pcmaType < 0 && settings.has(PCMA)) result.pcmaType = PCMA;
    // Their direction, seen from our side, cut down to what we offered.
    this.setDirection(this.answerDirection(media));
    this.agreed = true;
    this.isOffering = false;
    this.savedInForce = this.inForce = this.wanted;
    return NEGOTIATION_OK;
  }

  /** Our offer (or the answer we prepared) did not come to be: what was agreed before stays. RFC 3264 §8 */
  rollback(): void {
    this.closeExchange();
    this.local.set(this.savedLocal, 0, this.savedEnd);
    this.version = this.savedVersion;
    this.inForce = this.savedInForce;
    if (this.hasSaved && this.saved !== null) this.result.copy(this.saved);
    else this.result.forget();
    this.isOffering = false;
  }

  /** Keeps what is in force before something is tried. An offer that was not answered never was in force. */
  private save(): void {
    if (this.isOffering) return;
    this.savedLocal = this.local.bytes;
    this.savedEnd = this.local.end;
    this.savedVersion = this.version;
    this.savedInForce = this.inForce;
    this.hasSaved = this.agreed;
    if (!this.agreed) return;
    this.saved ??= new Agreed();
    if (this.result.protection !== null) this.saved.protection ??= new Protection();
    this.saved.copy(this.result);
  }

  /** Whether a medium can carry our call. @returns NEGOTIATION_OK, NEGOTIATION_NO_CODEC or NEGOTIATION_ADDRESS */
  private fitOf(media: SdpMedia): number {
    if (media.port === 0 || !isUsable(media) || !this.isProtectionFit(media)) return NEGOTIATION_NO_CODEC;
    for (let f = 0; f < media.formatCount; f++) {
      if (this.codecOf(media, f) === NO_CODEC) continue;
      const ip = this.sdp.ipOf(media);
      return isUnicast(ip) && !this.settings.isOurPlace(ip, media.port) ? NEGOTIATION_OK : NEGOTIATION_ADDRESS;
    }
    return NEGOTIATION_NO_CODEC;
  }

  /** Whether this call may be made by the way that it takes. */
  allowsCall(): boolean {
    return this.settings.allowsCalls(this.isPrivate);
  }

  /** Whether keys may be told and taken in this call. */
  private mayEncrypt(): boolean {
    return this.keys !== null && this.settings.mayEncrypt(this.isPrivate);
  }

  /** Whether a medium has a crypto line that we take; `keys` has it then. */
  private hasLine(media: SdpMedia): boolean {
    if (media.cryptoCount === 0 || this.keys === null || !this.mayEncrypt()) return false;
    return this.keys.findLine(this.sdp.bytes, media, this.readsAnswer);
  }

  /** Whether a medium is encrypted in a way that we may agree to, or may go in clear. */
  private isProtectionFit(media: SdpMedia): boolean {
    if (this.hasLine(media)) return true;
    if (media.isSecure() || this.settings.encryption === ENCRYPTION_REQUIRE) return false;
    // An answer with a line that we did not offer would not be understood; in an offer all lines may be left.
    return !this.readsAnswer || media.cryptoCount === 0 || !this.mayEncrypt();
  }

  /**
   * Says why the offer that was read last was refused (NEGOTIATION_NO_CODEC, NEGOTIATION_ADDRESS), for the medium that
   * came nearest. It is to be asked before another description is read. @returns WARNING_*
   */
  warning(): number {
    let found = WARNING_MEDIUM;
    for (let i = 0; i < this.sdp.count; i++) {
      const warning = this.warningOf(this.sdp.mediaAt(i));
      if (warning > found) found = warning;
    }
    return found;
  }

  private warningOf(media: SdpMedia): number {
    if (media.type !== MEDIA_AUDIO || media.port === 0) return WARNING_MEDIUM;
    if (media.proto === PROTO_OTHER || !this.isProtectionFit(media)) return WARNING_TRANSPORT;
    const fit = this.fitOf(media);
    if (fit === NEGOTIATION_OK) return WARNING_OTHER;
    if (fit === NEGOTIATION_NO_CODEC) return WARNING_FORMAT;
    const ip = this.sdp.ipOf(media);
    return ip === IP_SIX ? WARNING_NETWORK : ip < UNICAST_END ? WARNING_ADDRESS : WARNING_MULTICAST;
  }

  /** @returns PCMU or PCMA when that format is one of them and we speak it, under whatever number; else -1 */
  private codecOf(media: SdpMedia, index: number): number {
    const encoding = media.encodings[index];
    const codec = encoding === ENCODING_PCMU ? PCMU : encoding === ENCODING_PCMA ? PCMA : NO_CODEC;
    return codec !== NO_CODEC && this.settings.has(codec) ? codec : NO_CODEC;
  }

  private adopt(media: SdpMedia): void {
    const result = this.result;
    result.remoteIp = this.sdp.ipOf(media);
    result.remotePort = media.port;
    result.rtcpIp = isUnicast(media.rtcpIp) ? media.rtcpIp : result.remoteIp;
    result.rtcpPort = media.rtcpPort > 0 ? media.rtcpPort : media.port < PORT_MOST ? media.port + 1 : 0;
    if (this.settings.isOurPlace(result.rtcpIp, result.rtcpPort)) result.rtcpPort = 0;
    result.eventSendType = -1;
    result.payloadType = -1;
    result.pcmuType = -1;
    result.pcmaType = -1;
    for (let f = 0; f < media.formatCount; f++) {
      const codec = this.codecOf(media, f);
      if (codec !== NO_CODEC && result.payloadType < 0) {
        result.payloadType = media.formats[f];
        result.codec = codec;
      }
      if (codec === PCMU && result.pcmuType < 0) result.pcmuType = media.formats[f];
      if (codec === PCMA && result.pcmaType < 0) result.pcmaType = media.formats[f];
      if (result.eventSendType < 0 && media.encodings[f] === ENCODING_TELEPHONE_EVENT)
        result.eventSendType = media.formats[f];
    }
    let ptimeMs = media.ptimeMs > 0 ? media.ptimeMs : DEFAULT_PTIME_MS;
    if (media.maxptimeMs > 0 && media.maxptimeMs < ptimeMs) ptimeMs = media.maxptimeMs;
    ptimeMs -= ptimeMs % 10;
    result.ptimeMs = ptimeMs < 10 || ptimeMs > 60 ? DEFAULT_PTIME_MS : ptimeMs;
  }

  /** The direction of our answer. RFC 3264 §6.1; an address of 0.0.0.0 is how holding was said before. §8.4 */
  private answerDirection(media: SdpMedia): number {
    const theirs = this.sdp.directionOf(media);
    const sends = hearing(theirs) && this.sdp.ipOf(media) !== 0 && speaking(this.wanted);
    const receives = speaking(theirs) && hearing(this.wanted);
    if (sends) return receives ? DIRECTION_SENDRECV : DIRECTION_SENDONLY;
    return receives ? DIRECTION_RECVONLY : DIRECTION_INACTIVE;
  }

  private setDirection(ours: number): void {
    this.result.sends = speaking(ours);
    this.result.receives = hearing(ours);
    this.result.heldByRemote = speaking(this.wanted) && !speaking(ours);
  }

  /** The address at which our sound is received, as the other side is told. */
  private get soundIp(): number {
    return this.outside === null ? this.settings.ip : this.outside.soundIp(this.port);
  }

  private openDescription(): Writer {
    const { writer, settings } = this;
    writer.begin(settings.draft, 0, DESCRIPTION_BYTES);
    writeSession(writer, this.sessionId, this.version, this.soundIp);
    return writer;
  }

  /** Ends the description; its version rises only when something changed. RFC 3264 §8 */
  private closeDescription(): number {
    const { writer, local } = this;
    if (!writer.ok) return NEGOTIATION_NO_ROOM;
    const draft = writer.bytes;
    const end = writer.at;
    if (equal(draft, 0, end, local.bytes, local.start, local.end)) return NEGOTIATION_OK;
    this.version = this.lastVersion += 1;
    writer.begin(draft, 0, DESCRIPTION_BYTES);
    writeSession(writer, this.sessionId, this.version, this.soundIp);
    const isFirstInForce = this.savedEnd > 0 && this.savedLocal === this.first;
    const kept = withRoom(isFirstInForce ? this.second : this.first, end);
    if (isFirstInForce) this.second = kept;
    else this.first = kept;
    copyOctets(kept, 0, draft, 0, end);
    local.set(kept, 0, end);
    return NEGOTIATION_OK;
  }

  /**
   * @returns the place of our audio in a new offer: where it is, else where it was before it was switched off, else
   * behind all
   */
  private placeOfAudio(): number {
    const { sdp } = this;
    let place = sdp.count;
    for (let i = sdp.count - 1; i >= 0; i--) if (isUsable(sdp.mediaAt(i))) place = i;
    for (let i = 0; i < sdp.count; i++) if (isUsable(sdp.mediaAt(i)) && sdp.mediaAt(i).port !== 0) return i;
    return place;
  }

  private writeOffered(w: Writer, proto: number): void {
    const { audio, codecs } = this.settings;
    audio.count = 0;
    for (let i = 0; i < codecs.length; i++) audio.addCodec(codecs[i], codecs[i]);
    audio.port = this.outside === null ? this.port : this.outside.soundPort(this.port);
    audio.proto = proto;
    audio.eventType = this.eventType;
    audio.ptimeMs = DEFAULT_PTIME_MS;
    audio.direction = this.wanted;
    audio.cryptoCount = 0;
    const { protection } = this.result;
    if (protection !== null && (this.mayEncrypt() || protection.suite !== SUITE_NONE))
      this.keys?.describeOffer(audio, protection);
    writeAudio(w, audio);
  }

  /**
   * Takes a medium of their offer, and makes our answer to it: the first codec of theirs that we speak, and that alone,
   * for some ask again until one is left. RFC 3264 §6.1
   */
  private takeOffered(media: SdpMedia): void {
    const { result } = this;
    const { audio } = this.settings;
    this.adopt(media);
    result.eventReceiveType = result.eventSendType;
    audio.count = 0;
    audio.addCodec(result.payloadType, result.codec);
    audio.port = this.outside === null ? this.port : this.outside.soundPort(this.port);
    audio.proto = media.proto;
    audio.eventType = result.eventReceiveType;
    audio.ptimeMs = result.ptimeMs;
    audio.cryptoCount = 0;
    if (this.keys !== null && result.protection !== null) {
      if (this.hasLine(media)) this.keys.takeOffered(result.protection, audio);
      else this.keys.takeNone(result.protection);
    }
    audio.direction = this.answerDirection(media);
    this.setDirection(audio.direction);
  }

  /** Whether their offer has audio, all of it with port 0. RFC 3264 §8.2 */
  private isSwitchedOff(): boolean {
    let isAny = false;
    for (let i = 0; i < this.sdp.count; i++) {
      const media = this.sdp.mediaAt(i);
      if (media.type !== MEDIA_AUDIO) continue;
      if (media.port !== 0) return false;
      isAny = true;
    }
    return isAny;
  }

  /** @returns octets that each refused medium may take in a description of `count` media */
  private refusedBytes(count: number): number {
    const cryptoBytes = this.keys === null ? 0 : SDP_CRYPTO_BYTES;
    if (cryptoBytes === 0 && count - 1 <= REFUSED_USUAL) return SDP_REFUSED_BYTES;
    return Math.min(SDP_REFUSED_BYTES, Math.floor((REFUSED_BYTES - cryptoBytes) / count));
  }

  private switchOff(): void {
    this.result.remotePort = 0;
    this.result.rtcpPort = 0;
    this.setDirection(DIRECTION_INACTIVE);
  }
}

/** Whether that direction has its owner send, seen from the owner. */
function speaking(direction: number): boolean {
  return direction === DIRECTION_SENDRECV || direction === DIRECTION_SENDONLY;
}

function hearing(direction: number): boolean {
  return direction === DIRECTION_SENDRECV || direction === DIRECTION_RECVONLY;
}

/** Whether there is an address and it is one host's; 0.0.0.0, the old way to hold, passes. */
function isUnicast(ip: number): boolean {
  return ip >= 0 && ip < UNICAST_END;
}

function isUsable(media: SdpMedia): boolean {
  return media.type === MEDIA_AUDIO && media.proto !== PROTO_OTHER;
}

/** @returns `kept`, or a longer array in its place that has room for a description of `size` octets */
function withRoom(kept: Uint8Array, size: number): Uint8Array {
  return kept.length >= size
    ? kept
    : new Uint8Array(Math.min(DESCRIPTION_BYTES, (size + STEP_BYTES - 1) & -STEP_BYTES));
}
