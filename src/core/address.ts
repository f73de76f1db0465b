/**
 * IPv4 addresses as 32-bit numbers, so that they cost nothing to keep and to compare. Not here: IPv6 (read in messages,
 * not spoken by the transports yet), and names (the driver's resolver turns them into addresses).
 */

/** One of several places of a name. */
export interface Place {
  address: number;
  port: number;
  /** Places of a lower rank are preferred; those of the same one stand for one another. 0 is the first. */
  rank: number;
}

/** @returns the address 0 to 4,294,967,295, or -1 when `bytes[start, end)` is not a dotted quad */
export function parseIPv4(bytes: Uint8Array, start: number, end: number): number {
  let ip = 0;
  let parts = 0;
  let i = start;
  while (parts < 4) {
    let value = 0;
    let digits = 0;
    while (i < end && bytes[i] >= 0x30 && bytes[i] <= 0x39 && digits < 4) {
      value = value * 10 + bytes[i++] - 0x30;
      digits += 1;
    }
    if (digits === 0 || digits > 3 || value > 255) return -1;
    ip = ip * 256 + value;
    parts += 1;
    if (parts < 4 && (i >= end || bytes[i++] !== 0x2e)) return -1;
  }
  return i === end ? ip : -1;
}

/** Reads an address out of a string, for settings and drivers; it allocates nothing. @returns the address, or -1 */
export function ipv4(value: string): number {
  let ip = 0;
  let part = -1;
  let dots = 0;
  const { length } = value;
  for (let i = 0; i <= length; i++) {
    const code = i < length ? value.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      if (part < 0) return -1;
      ip = ip * 256 + part;
      part = -1;
      dots += 1;
    } else if (code >= 0x30 && code <= 0x39) {
      part = (part < 0 ? 0 : part * 10) + code - 0x30;
      if (part > 255) return -1;
    } else return -1;
  }
  return dots === 4 ? ip : -1;
}

/** Writes an address for people and drivers; it allocates. */
export function ipv4Text(ip: number): string {
  return (ip >>> 24) + "." + ((ip >>> 16) & 255) + "." + ((ip >>> 8) & 255) + "." + (ip & 255);
}

/** The highest port. */
export const PORT_MOST = 65535;
/** The first octet of addresses of the own machine. RFC 1122 §3.2.1.3 */
export const LOOPBACK = 127;
const FIRST_MULTICAST = 224;
/**
 * The shortest and longest mask that is taken, in bits: the internet has no shorter one, and a longer one has no room
 * for two hosts.
 */
const MASK_LEAST = 8;
const MASK_MOST = 30;

/**
 * @returns whether one device can have this address: it is not 0, not loopback, not multicast and not above multicast
 */
export function isHostAddress(ip: number): boolean {
  const first = ip >>> 24;
  return first > 0 && first !== LOOPBACK && first < FIRST_MULTICAST;
}

/** @returns how many bits of the address name the network; -1 if this is no mask, or none that a board can use */
export function maskBits(mask: number): number {
  let bits = 0;
  while (bits < 32 && (mask >>> (31 - bits)) & 1) bits += 1;
  const isWhole = bits === 32 || (mask << bits) >>> 0 === 0;
  return isWhole && bits >= MASK_LEAST && bits <= MASK_MOST ? bits : -1;
}

/**
 * @returns whether the address is that of a multicast group; those of 224.0.0.x are left out, since they belong to the
 * network itself. RFC 5771 §4
 */
export function isGroup(ip: number): boolean {
  return ip >>> 28 === 14 && ip >>> 8 !== 0xe00000;
}

export function isLoopback(ip: number): boolean {
  return ip >>> 24 === LOOPBACK;
}

/**
 * @returns whether the address means something only in its own network (RFC 1918, RFC 6598, RFC 3927); seen from
 * elsewhere it is behind a NAT
 */
export function isPrivate(ip: number): boolean {
  const high = ip >>> 16;
  return ip >>> 24 === 10 || high >>> 4 === 0xac1 || high === 0xc0a8 || high >>> 6 === 0x191 || high === 0xa9fe;
}
