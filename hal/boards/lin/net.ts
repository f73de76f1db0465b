/**
 * Facts about the network: the name servers of `--dns`. A program has no hardware address. The shape is `net`. Not
 * here: everything else of it.
 */
import { option } from "hal/boards/lin/host";

function get(property: "DNS"): string[] | undefined;
function get(property: "MAC"): string | undefined;
function get(property: "DNS" | "MAC"): string[] | string | undefined {
  const server = option("dns");
  return property === "DNS" && server !== undefined ? [server] : undefined;
}

export default { get };
