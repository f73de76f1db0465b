/**
 * A message that went over the simulated network, as the ladder, the pcap file and the panel take it. Not here: who
 * sees it (wiring.ts).
 */

/** From where to where a message goes, by addresses written as dotted quads. */
export interface Way {
  from: string;
  fromPort: number;
  to: string;
  toPort: number;
}

/** A carried message: `bytes[start, end)` is lent for the call. */
export interface Carried extends Way {
  tMs: number;
  isTcp: boolean;
  /** It goes by TLS: these are the octets before that. */
  isTls?: boolean;
  isSip: boolean;
  bytes: Uint8Array;
  start: number;
  end: number;
}
