/**
 * The TCP connections of a board with TLS, in place of hal/moddable/opentcp.ts. It has that specifier on a board, so
 * its imports are relative to that folder too.
 */
import type { Clock, TcpOptions, TcpStack } from "../device.js";
import type { StreamClasses } from "../moddable/streams.js";
import { MBEDTLS } from "../native/tls.js";
import { SecureStreams } from "../tls/securestreams.js";

export const HAS_TLS = true;

/** @throws what the listener throws */
export function openStreams(classes: StreamClasses, options: TcpOptions, clock: Clock): TcpStack {
  return new SecureStreams({ classes, options, library: MBEDTLS, clock });
}
