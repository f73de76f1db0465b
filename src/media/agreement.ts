/**
 * What a media stream is given and whom it tells: where octets go, who hears of digits, what was negotiated, how much room there is.
 * Types and limits only; the stream itself is in stream.ts.
 */
import { JITTER_LIMITS, type JitterLimits } from "./jitter.js";

/** Where octets `bytes[start, end)` to send go. They are lent for the time of the call; whoever keeps them copies them. */
export interface MediaSink {
  rtp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
  rtcp(ip: number, port: number, bytes: Uint8Array, start: number, end: number): void;
}

/** Who hears of what happens in the sound. */
export interface MediaUser {
  /** The other end pressed a key. @param code ASCII 0-9 * # A-D */
  onDigit(code: number, durationMs: number): void;
  /** A digit was heard in the sound itself. */
  onInbandDigit(code: number, durationMs: number): void;
  /** Nothing at all came from the other end for the agreed time. Told once. */
  onMediaTimeout(): void;
  /** The other end was heard before and has sent no sound for 5 s; or, after that was told, sends again. */
  onMediaQuiet(isQuiet: boolean): void;
  /** Sound comes from another address than before, and is sent to there now. */
  onMediaMoved(ip: number, port: number): void;
}

/** In place of the time that silence may last: the other end need not send yet. */
export const SOUND_NOT_OWED = -1;

// When digits are listened for in the sound.
export const INBAND_OFF = 0;
/** Where telephone-events were not agreed. */
export const INBAND_AUTO = 1;
export const INBAND_ON = 2;

/** What was negotiated. It is read in `configure` and not kept. */
export interface MediaAgreement {
  /** IPv4 as 32 bits unsigned; 0: nowhere to send to. */
  readonly remoteIp: number;
  readonly remotePort: number;
  readonly rtcpIp: number;
  readonly rtcpPort: number;
  /** What to send: its payload type, and which of PCMU and PCMA it stands for. */
  readonly payloadType: number;
  readonly codec: number;
  /** Payload types under which they may come, beside their static ones; -1: they may not. */
  readonly pcmuType: number;
  readonly pcmaType: number;
  /** Payload types of telephone-event; -1: none. */
  readonly eventSendType: number;
  readonly eventReceiveType: number;
  /** Length of the packets to send, 10 to 60. */
  readonly ptimeMs: number;
  readonly sends: boolean;
  readonly receives: boolean;
}

export interface StreamLimits {
  readonly jitter: JitterLimits;
  /** Digits that can wait to be sent. */
  readonly digits: number;
}

/** For the device: 2,784 octets of jitter buffer, one packet of 60 ms and one of RTCP: about 3.5 KB. */
export const STREAM_LIMITS: StreamLimits = {
  jitter: JITTER_LIMITS,
  digits: 32,
};
