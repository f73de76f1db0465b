/**
 * A Wi-Fi as a board has it, for the console: it is always joined, and its scan always finds the same networks. Not
 * here: its traffic.
 */
import type { Clock, Wifi } from "../../hal/device.js";

const SCAN_MS = 1500;
const NETWORKS: readonly (readonly [ssid: string, rssiDbm: number, channel: number, isSecured: boolean])[] = [
  ["simulated", -48, 6, true],
  ["neighbour", -77, 11, true],
  ["cafe", -84, 1, false],
];

export class VirtualWifi implements Wifi {
  readonly ssid = NETWORKS[0][0];
  readonly isJoined = true;
  readonly rssiDbm = NETWORKS[0][1];
  readonly channel = NETWORKS[0][2];
  private readonly clock: Clock;
  private isLooking = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  scan(found: (ssid: string, rssiDbm: number, channel: number, isSecured: boolean) => void, done: () => void): boolean {
    if (this.isLooking) return false;
    this.isLooking = true;
    const timer = this.clock.createTimer(() => {
      this.isLooking = false;
      for (const network of NETWORKS) found(...network);
      done();
    });
    timer.at(this.clock.now() + SCAN_MS);
    return true;
  }
}
