/** What the transaction layer asks of the driver: octets out, connections, names. Types only. Not here: what comes in (layer.ts), sockets (the driver). */

/** What the driver does for the core. Synchronous; octets are lent for the call only. It must not call back into the core from inside. */
export interface Network {
  /** @returns false when it failed at once */
  sendDatagram(ip: number, port: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** Over `connection`, or when that is -1 over one to ip:port, opened if there is none. @returns the connection's number, or -1 */
  sendStream(connection: number, ip: number, port: number, bytes: Uint8Array, start: number, end: number): number;
  /** Closes it; no `streamClosed` need follow. @param isDropped what was to be sent over it and was not is not sent any more */
  closeStream(connection: number, isDropped?: boolean): void;
  /** Whether that connection has come to be, so that what is sent leaves. Where this is not there nobody knows, and nothing waits for it. */
  isStreamOpen?(connection: number): boolean;
  /** Looks up `bytes[start, end)`; port -1: SRV first, then A. RFC 3263 §4.2. Answered later by `resolved` or `unresolved` of the layer with `id`. */
  resolve(id: number, bytes: Uint8Array, start: number, end: number, port: number, transport: number): void;
}
