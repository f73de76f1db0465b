/** Makes carried messages for the tests of the ladder and the pcap file. */
import type { Carried } from "../../../host-sim/world/carried.js";

/** @param from, to address and port, as in "192.0.2.1:5060" */
export function carried(tMs: number, from: string, to: string, bytes: Uint8Array, isTcp = false): Carried {
  const [fromIp, fromPort] = from.split(":");
  const [toIp, toPort] = to.split(":");
  const way = { from: fromIp, fromPort: Number(fromPort), to: toIp, toPort: Number(toPort) };
  return { ...way, tMs, isTcp, isSip: true, bytes, start: 0, end: bytes.length };
}
