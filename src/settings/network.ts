/**
 * The address that a board has in its network, as the settings say: by DHCP, or fixed. The settings are checked
 * together, since a mistake here cuts the board off. Not here: what is bound (`net.address`), and how a radio is told
 * (hal/moddable/join.ts).
 */
import type { FixedAddress } from "../../hal/device.js";
import { ipv4, ipv4Text, isLoopback, maskBits } from "../core/address.js";
import type { Settings } from "./settings.js";

const IP = "wifi.ip";
const MASK = "wifi.mask";
const GATEWAY = "wifi.gateway";
const DNS = "wifi.dns";
export const NETWORK_KEYS: readonly string[] = [IP, MASK, GATEWAY, DNS];

/** Call it only after `checkNetwork` has found nothing wrong. @returns the fixed address, null for DHCP */
export function fixedAddress(settings: Settings): FixedAddress | null {
  const address = settings.get(IP);
  if (address === "") return null;
  const gateway = settings.get(GATEWAY);
  return { address, mask: settings.get(MASK), gateway: gateway === "" ? "0.0.0.0" : gateway };
}

/** @returns the name server to ask in place of those that the network tells, 0 for none */
export function nameServer(settings: Settings): number {
  const dns = settings.get(DNS);
  return dns === "" ? 0 : ipv4(dns);
}

/** Goes back to DHCP: a fixed address fits only the network that it was made for. */
export function forgetNetwork(settings: Settings): void {
  for (let i = 0; i < NETWORK_KEYS.length; i++) settings.set(NETWORK_KEYS[i], "");
}

/** @returns "" or one line: what does not fit together, and what would */
export function checkNetwork(settings: Settings): string {
  const [ip, mask] = [settings.get(IP), settings.get(MASK)];
  const [gateway, dns] = [settings.get(GATEWAY), settings.get(DNS)];
  if (ip === "") {
    const lone = mask !== "" ? MASK : gateway !== "" ? GATEWAY : "";
    return lone === "" ? "" : lone + ": without wifi.ip it means nothing: set wifi.ip ADDRESS, or unset " + lone;
  }
  if (mask === "") return "wifi.ip: it needs wifi.mask, as in set wifi.mask 255.255.255.0";
  const net = new Net(ipv4(ip), ipv4(mask));
  const own = net.unusable(net.ip);
  if (own !== "") return "wifi.ip: '" + ip + "' is " + own;
  if (gateway !== "") {
    const at = ipv4(gateway);
    if (at === net.ip) return "wifi.gateway: '" + gateway + "' is the door itself (wifi.ip)";
    const wrong = net.has(at) ? net.unusable(at) : "outside of the door's network: " + net.range();
    if (wrong !== "") return "wifi.gateway: '" + gateway + "' is " + wrong;
  }
  if (dns !== "" && ipv4(dns) === net.ip) return "wifi.dns: '" + dns + "' is the door itself (wifi.ip)";
  if (dns !== "" && gateway === "" && !net.has(ipv4(dns)))
    return "wifi.dns: '" + dns + "' is outside of the door's network, and there is no wifi.gateway: " + net.range();
  const bound = settings.get("net.address");
  const isAny = ipv4(bound) === 0 || isLoopback(ipv4(bound));
  if (!isAny && ipv4(bound) !== net.ip)
    return (
      "net.address: '" +
      bound +
      "' is not the door's address (wifi.ip " +
      ip +
      "): that, or 0.0.0.0 for whichever it has"
    );
  return "";
}

/** An address and its mask. */
class Net {
  readonly ip: number;
  private readonly bits: number;
  private readonly first: number;
  private readonly last: number;

  constructor(ip: number, mask: number) {
    this.ip = ip >>> 0;
    this.bits = maskBits(mask);
    this.first = (ip & mask) >>> 0;
    this.last = (this.first | ~mask) >>> 0;
  }

  has(ip: number): boolean {
    return ip >= this.first && ip <= this.last;
  }

  /** @returns "" when a device can have that address in the network, else why not */
  unusable(ip: number): string {
    const what = ip === this.first ? "the network's own" : ip === this.last ? "the broadcast" : "";
    return what === "" ? "" : what + " address: " + this.range();
  }

  range(): string {
    return ipv4Text(this.first + 1) + " to " + ipv4Text(this.last - 1) + " (/" + this.bits + ")";
  }
}
