/**
 * A UDP socket that reads into a given buffer and makes no string and no object for a datagram. On XS it works over
 * datagram-esp32.c or datagram-lin.c; the simulator's is host-sim/io/udp.ts. Not here: IPv6.
 */
import { ipv4Text } from "../../src/core/address.js";
import type { UdpOptions, UdpSocket } from "../device.js";

declare function Native(destructor: string): new () => object;
declare function native(name: string): { call(self: unknown, ...values: unknown[]): never };

class Datagram extends Native("xs_datagram_destructor") implements UdpSocket {
  /** @throws Error if the port cannot be had or there is no network yet */
  constructor(options: UdpOptions) {
    super();
    native("xs_datagram_constructor").call(this, options);
  }

  get port(): number {
    return native("xs_datagram_get_port").call(this);
  }

  get address(): number {
    return native("xs_datagram_get_address").call(this);
  }

  get remotePort(): number {
    return native("xs_datagram_get_remotePort").call(this);
  }

  get cut(): number {
    return native("xs_datagram_get_cut").call(this);
  }

  read(into: Uint8Array): number {
    return native("xs_datagram_read").call(this, into);
  }

  write(bytes: Uint8Array, start: number, end: number, address: number, port: number): boolean {
    return native("xs_datagram_write").call(this, bytes, start, end, address, port);
  }

  close(): void {
    native("xs_datagram_close").call(this);
  }
}

/** Opens a socket. @throws Error of one line if the port or the address cannot be had */
export async function openUdp(options: UdpOptions): Promise<UdpSocket> {
  try {
    return new Datagram(options);
  } catch (error) {
    const { group = 0 } = options;
    const place = ipv4Text(options.address) + (group === 0 ? "" : " for the group " + ipv4Text(group));
    const where = "port " + options.port + " (udp) on " + place;
    const why = error instanceof Error ? error.message : "failed";
    throw new Error(where + " cannot be opened: " + why);
  }
}
