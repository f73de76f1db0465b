/**
 * Where messages go: a transport, an address and a port, or one TCP connection. A target is a flow that may have a name
 * instead of an address.
 * Not here: sending (transport.ts) and looking names up (resolver.ts).
 */
import { octetArray } from "../core/arrays.js";
import { lower, NONE } from "../core/bytes.js";
import { TRANSPORT_NONE } from "../wire/names.js";

/**
 * The longest host name that can be looked up, octets. DNS allows 253, but names of SIP servers are shorter, and each
 * target has room for one.
 */
export const HOST_NAME_BYTES = 128;

export class Flow {
  /** TRANSPORT_UDP, TRANSPORT_TCP or TRANSPORT_TLS; sending by any other transport fails. */
  transport = TRANSPORT_NONE;
  /** IPv4 address, -1 when it is not known. */
  ip = -1;
  port = 0;
  /** The driver's number for a TCP or TLS connection, -1 when there is none yet. */
  connection = -1;

  set(transport: number, ip: number, port: number, connection: number): void {
    this.transport = transport;
    this.ip = ip;
    this.port = port;
    this.connection = connection;
  }

  copy(other: Flow): void {
    this.transport = other.transport;
    this.ip = other.ip;
    this.port = other.port;
    this.connection = other.connection;
  }
}

/** A flow whose address may still be unknown; `name[0, nameSize)` is the host to look up, in lower case. */
export class Target extends Flow {
  /** Empty until there is a name. */
  name: Uint8Array = NONE;
  /** Length of the name; 0: there is none, and `ip` is the address. */
  nameSize = 0;
  /** The port beside the name, -1 when SRV is to be asked. */
  namePort = -1;
  /** The target is known to be reached by this transport alone: no request changes over to TCP for its length. */
  isFixed = false;
  /** Which of the backups (backups.ts) it is; -1: it is none of them. */
  backup = -1;
  /** Which of the places of its name it has, over all backups. */
  place = 0;

  /** Takes a host to look up. @param size HOST_NAME_BYTES at most @param port as `namePort` */
  setName(bytes: Uint8Array, start: number, size: number, port: number): void {
    if (this.name === NONE) this.name = octetArray(HOST_NAME_BYTES);
    for (let i = 0; i < size; i++) this.name[i] = lower(bytes[start + i]);
    this.nameSize = size;
    this.namePort = port;
  }

  override set(transport: number, ip: number, port: number, connection: number): void {
    super.set(transport, ip, port, connection);
    this.nameSize = 0;
    this.isFixed = false;
    this.backup = -1;
    this.place = 0;
  }
}
