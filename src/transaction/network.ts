/**
 * What the transaction layer asks of the driver: sending octets, connections, names. There are types only.
 * Not here: what comes in (layer.ts), sockets (the driver).
 */
/**
 * What the driver does for the core, synchronously. Octets are lent for the call. The driver must not call back into
 * the core from inside.
 */
export interface Network {
  /** @returns false when sending failed at once */
  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * Sends over `connection`; if that is -1, over a connection to ip:port, which is opened if there is none.
   * @returns the connection's number, or -1
   */
  sendStream(connection: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): number;
  /**
   * Looks for a TLS connection to ip:port whose other side has to be `name[0, size)`, as certificates say it; without a
   * name, the address itself. Without this function there is no TLS.
   * @param opens it is opened if there is none @returns the connection's number, or -1
   */
  secureStream?(ip: number, port: number, name: Uint8Array, size: number, opens: boolean): number;
  /**
   * The port at which others reach us by TLS. Without one our Via and Contact name the port behind that of TCP, since
   * they have to name one.
   */
  readonly tlsPort?: number;
  /** @returns how the other side of a TLS connection has proved who it is, in a word for people; "" when it has not */
  proofOf?(connection: number): string;
  /** @returns the device's hardware address in hexadecimal digits, "" if it has none */
  hardwareAddress?(): string;
  /** Closes a connection; `streamClosed` need not follow. @param isDropped what was not sent yet is dropped */
  closeStream(connection: number, isDropped?: boolean): void;
  /**
   * Whether that connection is established, so that what is sent leaves. Without this function nobody knows, and
   * nothing waits for it.
   */
  isStreamOpen?(connection: number): boolean;
  /**
   * Looks up the name `bytes[start, end)`; with port -1 by NAPTR and SRV first, then A. RFC 3263 §4.2. The driver
   * answers later by `resolved` or `unresolved` of the layer, with `id`.
   */
  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number, transport: number): void;
}
