/**
 * What the board's code asks of a TLS library: the client's end of TLS without sockets. Octets of the network are put
 * in and taken out, clear ones are written and read; the library does the handshake beside the program. On a board it
 * is mbedTLS (hal/native/tls.ts). Not here: whom to believe (proof.ts). Types and constants only.
 */

/** `begin` returns this if an authority cannot be read, and another number below 0 if there is no room. */
export const BAD_CA = -2;

/** States after the handshake, which is state 0. */
export const OPEN = 1;
export const FAILED = 2;

/** What is wrong with the certificates, in bits. */
export const UNTRUSTED = 1;
export const ENDED = 2;
export const EARLY = 4;
export const OTHER = 8;

export interface TlsLibrary {
  /**
   * Begins a handshake. @param name is told to the server (SNI); "" for none @param ca certificates (PEM); "" for none
   * @returns the number of the connection, or below 0 what is lacking
   */
  begin(name: string, ca: string): number;
  /** @returns 0 in the handshake, then OPEN or FAILED */
  state(client: number): number;
  /** @returns the library's own number of the error that ended the handshake or the connection */
  error(client: number): number;
  /** @returns what is wrong with the certificates; only after the handshake */
  flags(client: number): number;
  /** @returns the server's own certificate (DER), a copy; null if there is none */
  certificate(client: number): Uint8Array | null;
  /** Takes octets of the network. @returns false if there is no room for them */
  put(client: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** Gives octets for the network. @returns how many */
  take(client: number, into: Uint8Array): number;
  /** @returns how many clear octets came; -1: the other side closed, or the connection failed */
  read(client: number, into: Uint8Array): number;
  /** Protects octets. @returns how many were taken; 0: take what waits first; -1: the connection failed */
  write(client: number, bytes: Uint8Array, start: number, end: number): number;
  /** Tells the other side that the connection ends. */
  close(client: number): void;
  /** Forgets the connection, in a handshake too. */
  end(client: number): void;
}
