/** What the network told about itself: the name servers of `--dns`, an address. The shape is `net`. Not here: everything else of it. */
import { option } from "hal/boards/lin/host";

export default {
  resolve(host: string, callback: (host: string, address?: string) => void): void {
    callback(host);
  },
  get(property: string): string[] | undefined {
    const server = option("dns");
    return property === "DNS" && server !== undefined ? [server] : undefined;
  },
};
