/**
 * Facts about the network: the name servers of `--dns`, and an address. The shape is `net`. Not here: everything else
 * of it.
 */
import { option } from "hal/boards/lin/host";

export default {
  get(property: "DNS"): string[] | undefined {
    const server = option("dns");
    return property === "DNS" && server !== undefined ? [server] : undefined;
  },
};
