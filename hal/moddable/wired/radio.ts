/**
 * The wired twin of the SDK's Wi-Fi interface: a cable in place of a radio, over the SDK's Ethernet driver. The
 * manifest beside it puts it in the place of `embedded:network/interface/wifi`, so hal/moddable/machine.ts knows one
 * kind of network. Which MAC and PHY there are stands in the board's manifest (`defines.ethernet`). Not here: joining
 * again, and the words for what is wrong (join.ts).
 */
import Ethernet from "embedded:network/interface/ethernet";
import Timer from "timer";

/** Value of `connection` in ECMA-419 with a link and an address. */
const CONNECTED = 500;

export default class WiredRadio {
  private readonly ethernet: Ethernet;
  private readonly onChanged: (property: string) => void;

  constructor(options: { onChanged: (property: string) => void }) {
    this.onChanged = options.onChanged;
    // The driver starts with the object, and asks for an address whenever there is a link.
    this.ethernet = new Ethernet({ onChanged: options.onChanged });
  }

  get connection(): number {
    return this.ethernet.connection;
  }

  get address(): string | undefined {
    return this.ethernet.address;
  }

  /** A cable has neither a name nor a signal. */
  get SSID(): string | undefined {
    return undefined;
  }

  get RSSI(): number | undefined {
    return undefined;
  }

  configure(options: { static: false | { address: string; mask: string; gateway: string } }): void {
    this.ethernet.configure(options);
  }

  /**
   * Tells the state that is there already. The SDK driver's `connect` is not called: it would hide the link behind the
   * state "connecting" until there is an address, so a missing cable would look like a missing DHCP server.
   */
  connect(_options: { SSID: string; password?: string }): void {
    if (this.connection >= CONNECTED) Timer.set(() => this.onChanged("connection"));
  }

  /** Does nothing: the SDK driver's `disconnect` forgets the address, and is not told it again while the link stays. */
  disconnect(): void {}

  /** There is one network, at the other end of the cable. */
  scan(options: {
    onFound?: (network: { SSID: string; RSSI: number; channel: number }) => void;
    onComplete?: () => void;
  }): void {
    Timer.set(() => options.onComplete?.());
  }
}
