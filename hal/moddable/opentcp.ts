/** The TCP connections of a board without TLS. A board that has it names hal/tls/opentcp.ts in place of this file. */
import type { Clock, TcpOptions, TcpStack } from "../device.js";
import { type StreamClasses, Streams } from "./streams.js";

export const HAS_TLS = false;

/** @throws what the listener throws */
export function openStreams(classes: StreamClasses, options: TcpOptions, _clock: Clock): TcpStack {
  return new Streams(classes, options);
}
