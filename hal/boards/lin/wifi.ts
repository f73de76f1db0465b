/**
 * The network of a machine that is in one: it is connected at once, with the address of `--address`. The shape is
 * `embedded:network/interface/wifi`. Not here: its loss.
 */

import { option } from "hal/boards/lin/host";
import Timer from "timer";

const CONNECTED = 500;

export default class WiFi {
  connection = 0;
  readonly RSSI: number | undefined;
  address: string = option("address") ?? "127.0.0.1";
  private readonly changed: (property: string) => void;

  constructor(options: { onChanged: (property: string) => void }) {
    this.changed = options.onChanged;
  }

  /** Takes an address that this machine has. */
  configure(options: { static: false | { address: string; mask: string; gateway: string } }): void {
    this.address = options.static === false ? (option("address") ?? "127.0.0.1") : options.static.address;
  }

  connect(): void {
    Timer.set(() => {
      this.connection = CONNECTED;
      this.changed("connection");
    });
  }

  /** There is one network, on a wire. */
  scan(options: {
    onFound?: (one: { SSID: string; RSSI: number; channel: number }) => void;
    onComplete?: () => void;
  }): void {
    Timer.set(() => options.onComplete?.());
  }

  disconnect(): void {
    this.connection = 0;
  }
}
