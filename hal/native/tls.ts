/**
 * mbedTLS as the library of hal/tls/library.ts. It works on XS only, over tls.c, in boards whose manifest includes
 * hal/tls. Not here: the connections (hal/tls/securestreams.ts).
 */
import type { TlsLibrary } from "../tls/library.js";

declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

/** Octets of the largest certificate that is looked at. */
const CERTIFICATE_BYTES = 8192;

export const MBEDTLS: TlsLibrary = {
  begin: beginClient,
  state: stateOf,
  error: errorOf,
  flags: flagsOf,
  certificate(client) {
    const copy = new Uint8Array(CERTIFICATE_BYTES);
    const length = copyCertificate(client, copy);
    return length === 0 ? null : copy.subarray(0, length);
  },
  put: putOctets,
  take: takeOctets,
  read: readOctets,
  write: writeOctets,
  close: closeClient,
  end: endClient,
};

function beginClient(this: unknown, name: string, ca: string): number {
  return native("xs_tls_begin").call(this, name, ca);
}

function stateOf(this: unknown, client: number): number {
  return native("xs_tls_state").call(this, client);
}

function errorOf(this: unknown, client: number): number {
  return native("xs_tls_error").call(this, client);
}

function flagsOf(this: unknown, client: number): number {
  return native("xs_tls_flags").call(this, client);
}

/** @returns 0 if there is none, or none that fits */
function copyCertificate(this: unknown, client: number, into: Uint8Array): number {
  return native("xs_tls_certificate").call(this, client, into);
}

function putOctets(this: unknown, client: number, bytes: Uint8Array, start: number, end: number): boolean {
  return native("xs_tls_put").call(this, client, bytes, start, end);
}

function takeOctets(this: unknown, client: number, into: Uint8Array): number {
  return native("xs_tls_take").call(this, client, into);
}

function readOctets(this: unknown, client: number, into: Uint8Array): number {
  return native("xs_tls_read").call(this, client, into);
}

function writeOctets(this: unknown, client: number, bytes: Uint8Array, start: number, end: number): number {
  return native("xs_tls_write").call(this, client, bytes, start, end);
}

function closeClient(this: unknown, client: number): void {
  native("xs_tls_close").call(this, client);
}

function endClient(this: unknown, client: number): void {
  native("xs_tls_end").call(this, client);
}
