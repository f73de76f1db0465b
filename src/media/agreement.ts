/**
 * Types and limits of a media stream: its sink, its user, the negotiated values, its sizes. The stream itself is in
 * stream.ts.
 */
import type { Protection } from "../core/suites.js";
import { JITTER_LIMITS, type JitterLimits } from "./jitter.js";

/**
 * Takes the octets `bytes[start, end)` that are to be sent. They are lent for the time of the call; a sink that keeps
 * them copies them.
 */
export interface MediaSink {
  rtp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
  rtcp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
}

/** Is told what happens in the sound. */
export interface MediaUser {
  /** The other end pressed a key. @param code ASCII 0-9 * # A-D */
  onDigit(code: number, durationMs: number): void;
  /** A digit was heard in the sound itself. */
  onInbandDigit(code: number, durationMs: number): void;
  /** Nothing at all came from the other end for the agreed time. This is told once. */
  onMediaTimeout(): void;
  /**
   * `true`: the other end was heard before and has sent no sound for 5 s. `false`: after that was told, it sends again.
   */
  onMediaQuiet(isQuiet: boolean): void;
  /** Sound comes from another address than before, and goes to that address now. */
  onMediaMoved(ip: number, port: number): void;
}

/** Stands in place of the time that silence may last: the other end need not send yet. */
export const SOUND_NOT_OWED = -1;

// Values that tell whether digits are listened for in the sound.
export const INBAND_OFF = 0;
/** They are listened for if telephone-events were not agreed. */
export const INBAND_AUTO = 1;
export const INBAND_ON = 2;

/** What was negotiated. It is read in `configure` and not kept. */
export interface MediaAgreement {
  /** IPv4 as 32 bits unsigned; 0 if there is no address to send to. */
  readonly remoteIp: number;
  readonly remotePort: number;
  readonly rtcpIp: number;
  readonly rtcpPort: number;
  /** The payload type that is sent, and which of PCMU and PCMA it stands for. */
  readonly payloadType: number;
  readonly codec: number;
  /** Payload types under which PCMU and PCMA may come, beside their static ones; -1 if they may not. */
  readonly pcmuType: number;
  readonly pcmaType: number;
  /** Payload types of telephone-event; -1 for none. */
  readonly eventSendType: number;
  readonly eventReceiveType: number;
  /** Length of the packets that are sent, 10 to 60. */
  readonly ptimeMs: number;
  readonly sends: boolean;
  readonly receives: boolean;
  /** How packets are sealed; null: there is no encryption at this end, and they go in clear. */
  readonly protection: Protection | null;
}

export interface StreamLimits {
  readonly jitter: JitterLimits;
  /** Digits that can wait to be sent. */
  readonly digits: number;
}

/** The sizes for a board: 2,784 octets of jitter buffer, one packet of 60 ms and one of RTCP make about 3.5 KB. */
export const STREAM_LIMITS: StreamLimits = {
  jitter: JITTER_LIMITS,
  digits: 32,
};
